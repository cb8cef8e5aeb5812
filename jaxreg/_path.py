"""Whole paths: lambda grid, then solve and certify, block by block."""

import sys
import time
import warnings
from dataclasses import dataclass

import jax
import numpy as np

from jaxreg import _grid, _validation
from jaxreg._certificate import gaps_from_gram, gaps_from_residuals, gram_basis, residuals
from jaxreg._design import DenseDesign
from jaxreg._problem import make_problem
from jaxreg._results import ConvergenceWarning, PathResult, Status, make_csr
from jaxreg._working_set import CHUNK, FILL, WorkingSet, capacity_for
from jaxreg.losses import Squared
from jaxreg.penalties import ElasticNet
from jaxreg.solvers.pivot import Reduced, empty_tableau, solve_block
from jaxreg.solvers.ridge import ridge_from_gram, ridge_from_kernel

GRAM_LIMIT = 1536  # with n >= p up to this, the whole Gram matrix is the working set
SMALL = 256  # so it is for any n up to this
WHOLE_BLOCK = 128  # lambdas in one compiled solve on the whole Gram matrix
BLOCK = 10  # lambdas solved and checked at once on a working set
SHARE = 1e-3  # of tol: the gap at which the path loop stops adding columns
FLOOR = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-6}  # gaps that more columns would not improve
REFINEMENTS = 2  # of the correlations, where a gap fails although no column is missing
EARLY_STOP_DEVIANCE, EARLY_STOP_CHANGE = 0.999, 1e-5  # glmnet's devmax and fdev


@dataclass(frozen=True)
class Points:
    """Solved points of a path, on the scale of the problem."""

    coef: list  # (indices, values) of each point
    gap: list
    rss: list  # squared residual
    n_iter: list
    effective_df: list | None = None

    def add(self, coef, gap, rss, n_iter):
        for mine, new in ((self.coef, coef), (self.gap, gap), (self.rss, rss), (self.n_iter, n_iter)):
            mine.append(new)


@dataclass(frozen=True)
class Options:
    l1_ratio: float
    tol: float
    max_iter: int
    max_features: int | None
    early_stop: bool
    progress: bool


def _sparse(x, columns):
    nonzero = np.flatnonzero(x)
    return columns[nonzero], x[nonzero]


def _penalty_data(problem):
    return problem.l1_factor, problem.l2_factor, problem.lower, problem.upper


class _Watch:
    """Says how far a path is, and whether it has gone far enough (glmnet's rules)."""

    def __init__(self, options, total, n_lambdas, kept):
        self.options, self.total, self.n_lambdas, self.kept = options, total, n_lambdas, set(kept.tolist())

    def enough(self, points):
        """Number of points to keep, or None to go on."""
        if self.options.progress:
            done = len(points.gap)
            end = "\n" if done == self.n_lambdas else ""
            print(f"\rlambda {done} of {self.n_lambdas}, worst gap {max(points.gap):.1e}", end=end, file=sys.stderr, flush=True)
        limit, previous = self.options.max_features, 0.0
        if limit is None and not self.options.early_stop:
            return None
        for k, (columns, _) in enumerate(points.coef):
            if limit is not None and len(columns) > limit:
                return k
            if not self.options.early_stop or k not in self.kept or self.total == 0:
                continue
            ratio = 1.0 - points.rss[k] / 2 / self.total
            if ratio > EARLY_STOP_DEVIANCE or (k > 4 and ratio - previous < EARLY_STOP_CHANGE * ratio):
                return k + 1
            previous = ratio
        return None


def _whole_gram(problem, gram, lambdas, options, start, points, watch):
    """Path on the Gram matrix of all columns; certificates come from it as well."""
    p = problem.design.p
    m = capacity_for(p)
    columns = np.arange(p)

    def padded(values, absent):
        return np.concatenate([values, np.full(m - p, absent)])

    square = np.zeros((m, m))
    square[:p, :p] = gram
    reduced = Reduced(
        jax.device_put(square),
        padded(problem.corr, 0.0),
        padded(problem.l1_factor, np.inf),
        padded(problem.l2_factor, 0.0),
        padded(problem.lower, -np.inf),
        padded(problem.upper, np.inf),
    )
    tableau = empty_tableau(m)
    tableau.x[:p] = start
    for first in range(0, len(lambdas), WHOLE_BLOCK):
        block = lambdas[first : first + WHOLE_BLOCK]
        filled = np.concatenate([block, np.full(WHOLE_BLOCK - len(block), block[-1])])
        tableau, x, updates, _ = solve_block(tableau, reduced, filled, len(block), options.l1_ratio, options.max_iter)
        gaps, rss = _certify_gram(problem, reduced, x, filled, options.l1_ratio)
        x, updates = np.asarray(x), np.asarray(updates)
        for k in range(len(block)):
            points.add(_sparse(x[k, :p], columns), gaps[k], rss[k], updates[k])
        if watch.enough(points) is not None:
            return


def _certify_gram(problem, reduced, x, lambdas, l1_ratio):
    """(gaps, squared residuals) (B,) of x (B, m); at lambda = 0 every column counts as unpenalised."""
    p = problem.design.p
    unlimited = np.isinf(reduced.lower) & np.isinf(reduced.upper) & np.isfinite(reduced.l1_factor)
    penalty = reduced.l1_factor, reduced.l2_factor, reduced.lower, reduced.upper
    gram = np.asarray(reduced.gram)
    zz = 2 * problem.total

    def certify(members):
        basis = gram_basis(gram, members)
        found = gaps_from_gram(
            reduced.gram, reduced.corr, x, zz, basis, lambdas, l1_ratio, members, penalty, problem.null_loss
        )
        return np.asarray(found[0]), np.asarray(found[1])

    gaps, rss = certify(unlimited & (reduced.l1_factor == 0))
    if (lambdas == 0).any():
        gaps = np.where(lambdas == 0, certify(unlimited & (np.arange(len(reduced.corr)) < p))[0], gaps)
    return gaps, rss


class _Certifier:
    """Gaps by passes over the data."""

    def __init__(self, problem, l1_ratio):
        self.problem, self.l1_ratio = problem, l1_ratio
        self.penalty = _penalty_data(problem)
        self.scale = float(np.abs(problem.corr).max())
        self.unpenalised = problem.unlimited & (problem.l1_factor == 0)
        self._everything = None

    def _basis(self, at_zero):
        if not at_zero:
            return self.problem.basis, self.unpenalised
        if self._everything is None:
            members = self.problem.unlimited & np.isfinite(self.problem.l1_factor)
            kernel = np.asarray(self.problem.design.kernel(members * 1.0), dtype=np.float64)
            values, vectors = np.linalg.eigh(kernel)
            eps = np.finfo(self.problem.design.dtype).eps
            real = values > eps * len(values) * values.max(initial=0.0)
            self._everything = np.ascontiguousarray(vectors[:, real].T), members
        return self._everything

    def __call__(self, fit, x, columns, lambdas):
        """(gaps (B,), squared residuals (B,), correlations h (B, p)) of coefficients x (B, m) of `columns` (m,)."""
        results = [self._pass(fit, x, columns, lambdas, at_zero) for at_zero in sorted(set(lambdas == 0))]
        if len(results) == 1:
            return results[0]
        zero = lambdas == 0
        return tuple(np.where(zero.reshape(-1, *[1] * (b.ndim - 1)), b, a) for a, b in zip(*results, strict=True))

    def _pass(self, fit, x, columns, lambdas, at_zero):
        basis, orthogonal = self._basis(at_zero)
        r, theta = residuals(fit, self.problem.z, basis)
        h = self.problem.design.correlate(theta)
        gaps = gaps_from_residuals(
            r, theta, h, x, columns, self.problem.z, lambdas, self.l1_ratio,
            orthogonal, self.penalty, self.scale, self.problem.null_loss,
        )  # fmt: skip
        r = np.asarray(r)
        return np.asarray(gaps), np.einsum("ij,ij->i", r, r), np.asarray(h)


def _screened(problem, lambdas, options, start, points, watch):
    """Path on a working set: solve a block of lambdas, check all columns with one product, add what is missing."""
    p, a = problem.design.p, options.l1_ratio
    target = max(SHARE * options.tol, FLOOR[problem.design.dtype])
    certify = _Certifier(problem, a)
    penalised = (problem.l1_factor > 0) & np.isfinite(problem.l1_factor)
    divisor = np.where(penalised, problem.l1_factor, 1.0)

    def strength(h):
        """Largest a * lambda (p,) at which each column would violate its condition at 0."""
        pull = np.maximum(np.where(problem.upper > 0, h, 0.0), np.where(problem.lower < 0, -h, 0.0))
        return np.where(penalised, pull / divisor, 0.0)

    def strongest(values, most):
        """Candidates with a positive value, the largest first."""
        J = np.flatnonzero(np.where(working.member, 0.0, values))
        return J[np.argsort(-values[J], kind="stable")[:most]]

    current = strength(problem.null_corr)
    needed = np.flatnonzero((problem.l1_factor == 0) | (start != 0))
    working = WorkingSet(problem, a, capacity_for(len(needed) / FILL))
    working.add(needed, current)
    working.start_from(start)
    previous, violating, refinements, k = lambdas[0], None, 0, 0
    while k < len(lambdas):
        block = lambdas[k : k + BLOCK]
        if violating is None:  # the sequential strong rule, for the far end of the block
            threshold = a * max(2 * block[-1] - previous, 0.6 * block[-1])
            wanted = strongest(np.where(current >= threshold, current, 0.0), max(CHUNK, working.size // 2))
        else:
            wanted = strongest(violating, 4 * CHUNK)
        grown = working.add(wanted, current)
        if violating is not None and not grown:
            if refinements == REFINEMENTS:  # as good as it gets here: the status will say what the gap is
                points.add(*first_failure)
                k, violating, refinements = k + 1, None, 0
                continue
            working.relinearise(*failed_at)
            refinements += 1
        filled = np.concatenate([block, np.full(BLOCK - len(block), block[-1])])
        x, updates, _ = working.solve(filled, len(block), options.max_iter)
        gaps, rss, h = certify(working.fit(x), x, working.columns, filled)
        x, updates = np.asarray(x), np.asarray(updates)

        fine = gaps[: len(block)] <= target
        accepted = len(block) if fine.all() else int(np.argmin(fine))
        for i in range(accepted):
            points.add(_sparse(x[i], working.columns), gaps[i], rss[i], updates[i])
        if accepted:
            refinements, previous = 0, block[accepted - 1]
            if watch.enough(points) is not None:
                return
        violating = None
        if accepted < len(block):
            ahead = np.array([strength(row) for row in h[accepted : min(accepted + 3, len(block))]])
            limits = a * block[accepted : accepted + 3, None] * (1 + 1e-9)
            violating = np.where(ahead > limits, ahead, 0.0).max(axis=0)
            first_failure = _sparse(x[accepted], working.columns), gaps[accepted], rss[accepted], updates[accepted]
            failed_at = x[accepted], h[accepted]
        current = strength(h[min(accepted, len(block) - 1)])
        k += accepted


def _eigen(problem, gram, lambdas, options, points, watch):
    """Ridge path without limits."""
    everything = np.arange(problem.design.p)
    if gram is not None:
        b, df = ridge_from_gram(gram, problem, lambdas)
        members = (problem.l1_factor == 0) & problem.unlimited

        def certify(members):
            found = gaps_from_gram(
                gram, problem.corr, b, 2 * problem.total, gram_basis(gram, members), lambdas, 0.0,
                members, _penalty_data(problem), problem.null_loss,
            )  # fmt: skip
            return np.asarray(found[0]), np.asarray(found[1])

        gaps, rss = certify(members)
        if (lambdas == 0).any():
            gaps = np.where(lambdas == 0, certify(np.isfinite(problem.l1_factor))[0], gaps)
        blocks = [(b, df, gaps, rss)]
    else:
        certify_by_pass = _Certifier(problem, 0.0)
        blocks = (
            (b, df, *certify_by_pass(problem.design.predict(b), b, everything, lambdas[k : k + len(b)])[:2])
            for k, (b, df) in zip(
                range(0, len(lambdas), BLOCK), ridge_from_kernel(problem, lambdas, BLOCK), strict=True
            )
        )
    for block in blocks:
        for b, df, gap, rss in zip(*block, strict=True):
            points.add(_sparse(b, everything), gap, rss, 1)
            points.effective_df.append(df)
        if watch.enough(points) is not None:
            return


def _choose_solver(solver, l1_ratio, lower, upper):
    eigen = l1_ratio == 0 and np.isinf(lower).all() and np.isinf(upper).all()
    if solver == "ridge" and not eigen:
        raise ValueError("solver='ridge' needs l1_ratio=0 and no limits; give solver='auto'.")
    return "ridge" if solver == "auto" and eigen else "pivot" if solver == "auto" else solver


def _starting_point(warm_start, problem, first):
    """Coefficients (p,) on the problem's scale."""
    p = problem.design.p
    if warm_start is None:
        return np.zeros(p)
    if not isinstance(warm_start, PathResult):
        raise TypeError(f"warm_start is a {type(warm_start).__name__}; give a PathResult, or None.")
    if warm_start.n_features != p:
        raise ValueError(f"warm_start has {warm_start.n_features} features, but X has {p}; give a path on the same columns.")
    b = warm_start.coef_at(first)[1] * problem.design.columns.norm
    return np.where(np.isinf(problem.l1_factor), 0.0, np.clip(b, problem.lower, problem.upper))


def _ranges(positions):
    """Text like 3, 63..99."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def _warn(problem, status, gap, options, cut):
    said = []
    for code, cause in (
        (Status.max_iter, f"stopped at max_iter={options.max_iter}: raise max_iter"),
        (Status.stalled, "stalled above tol: the precision or the collinearity of the columns allows no smaller gap; raise tol or use float64"),
    ):  # fmt: skip
        at = np.flatnonzero(status == code)
        if at.size:
            said.append(f"lambda {_ranges(at)} {cause} (worst gap {gap[at].max():.1e}, tol {options.tol:.1e})")
    if cut:
        said.append(cut)
    if problem.null_loss == 0:
        said.append("the intercept and the unpenalised columns fit y exactly (a constant y?): penalised coefficients are 0")
    if said:
        warnings.warn("; ".join(said) + ".", ConvergenceWarning, stacklevel=3)


def _result(problem, data, options, solver, points, grid, kept, watch, times):
    enough = watch.enough(points)
    count = len(grid) if enough is None else enough
    taken = kept[kept < count]
    if not taken.size:
        raise ValueError(f"max_features={options.max_features} is exceeded at the first lambda; start at a larger one.")
    rows = [points.coef[k] for k in taken]
    precision = np.dtype(data.X.dtype)
    coef = make_csr(rows, problem.design.p)
    coef.data = coef.data / problem.design.columns.norm[coef.indices]
    intercept = problem.y_mean - coef @ problem.design.columns.mean
    gap = np.array([points.gap[k] for k in taken], float)
    n_iter = np.array([points.n_iter[k] for k in taken], int)
    status = np.where(gap <= options.tol, Status.converged, np.where(n_iter >= options.max_iter, Status.max_iter, Status.stalled))
    cut = None
    if len(taken) < len(kept):
        status[-1] = Status.early_stop
        cause = "max_features" if options.max_features is not None and not options.early_stop else "early_stop"
        cut = f"the path was cut after {len(taken)} of {len(kept)} lambdas by {cause}"
    _warn(problem, status, gap, options, cut)
    df = np.diff(coef.indptr)
    effective = df if options.l1_ratio == 1 else None
    if points.effective_df is not None:
        effective = np.array([points.effective_df[k] for k in taken], float)
    rss = np.array([points.rss[k] for k in taken], float)
    began, prepared, solved = times
    timings = {"prepare": prepared - began, "solve": solved - prepared, "total": time.perf_counter() - began}
    return PathResult(
        lambdas=grid[taken],
        coef_sparse=coef.astype(precision),
        intercept=intercept.astype(precision),
        gap=gap,
        df=df,
        effective_df=effective,
        dev_ratio=1 - rss / 2 / problem.total if problem.total > 0 else np.zeros(len(taken)),
        n_iter=n_iter,
        status=status,
        tol=options.tol,
        l1_ratio=options.l1_ratio,
        solver=solver,
        timings=timings,
        feature_names=data.feature_names,
        constant_features=problem.constant_features,
        offset_used=data.offset is not None,
    )


def fit_path(
    X,
    y,
    *,
    loss=Squared(),  # noqa: B008 (frozen)
    penalty=ElasticNet(),  # noqa: B008 (frozen)
    lambdas=None,
    n_lambdas=100,
    lambda_min_ratio=None,
    sample_weight=None,
    offset=None,
    penalty_factors=None,
    lower=None,
    upper=None,
    fit_intercept=True,
    standardize=True,
    solver="auto",
    tol=None,
    max_iter=2000,
    early_stop=False,
    max_features=None,
    warm_start=None,
    dtype=None,
    progress=False,
) -> PathResult:
    """Lasso, elastic-net or ridge path, each point with a duality gap.

    Minimises, at each lambda, over the intercept b0 and the coefficients b,

        sum_i w_i (y_i - offset_i - b0 - x_i'b)^2 / (2 sum_i w_i)
            + lambda * sum_j v_j [ a |b_j| + (1 - a) b_j^2 / 2 ],        lower_j <= b_j <= upper_j

    with a = penalty.l1_ratio. With `standardize` the penalty acts on the columns divided by their weighted
    1/n standard deviation; coefficients come back on the user's scale.

    Parameters
    ----------
    X : (n, p) array, list of rows, or pandas / polars frame (its column names are kept)
    y : (n,)
    loss, penalty : `jaxreg.losses.Squared()` and `jaxreg.penalties.ElasticNet(l1_ratio)`
    lambdas : (L,) explicit grid, any order, 0 allowed; the result has it descending
    n_lambdas, lambda_min_ratio : the automatic grid, geometric from lambda_max down to lambda_min_ratio * lambda_max;
        the ratio is 1e-2 if n < p, else 1e-4. lambda_max = max_j |x_j'r| / (v_j max(a, 1e-3)), so that ridge
        (a = 0) starts at a thousand times the largest correlation.
    sample_weight : (n,) >= 0; only ratios matter
    offset : (n,) known part of the linear predictor
    penalty_factors : (p,) the v_j, used as given: 0 is unpenalised, inf excluded
    lower, upper : limits of the coefficients on the user's scale, scalar or (p,); lower <= 0 <= upper
    solver : "pivot" (exact active-set path), "ridge" (one eigendecomposition, l1_ratio 0 without limits), or
        "auto": "ridge" where it applies, else "pivot"
    tol : bound on `gap`; None is 1e-6, or 1e-4 for float32
    max_iter : tableau updates per lambda
    early_stop : stop where the explained deviance exceeds 0.999 or grows by less than 1e-5 of itself per point
    max_features : stop before the first point with more nonzero coefficients
    warm_start : a PathResult on the same columns; its solution at the first lambda is the starting point
    dtype : float32 or float64; None follows X
    progress : write a line of progress to stderr

    Returns
    -------
    PathResult. Points whose gap exceeds `tol` have a status other than converged, and one ConvergenceWarning says
    which and why.

    The gap at b is (P(b) - D) / P0 with P the objective, D a dual value, so that the objective is within gap * P0 of
    its minimum, and P0 the loss of the model of the intercept and the unpenalised columns.

    Raises
    ------
    ValueError, TypeError for bad input, naming the argument, what was found and what to do.

    Source: objective and grid of Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1).
    """
    began = time.perf_counter()
    _validation.check_model(loss, penalty)
    lambdas = _validation.check_lambdas(lambdas)
    n_lambdas = _validation.check_count(n_lambdas, "n_lambdas")
    if lambda_min_ratio is not None:
        lambda_min_ratio = _validation.check_positive(lambda_min_ratio, "lambda_min_ratio", below=1)
    if tol is not None:
        tol = _validation.check_positive(tol, "tol")
    max_iter = _validation.check_count(max_iter, "max_iter")
    if max_features is not None:
        max_features = _validation.check_count(max_features, "max_features")
    _validation.check_choice(solver, "solver", ("auto", "pivot", "ridge"))
    flags = {"fit_intercept": fit_intercept, "standardize": standardize, "early_stop": early_stop, "progress": progress}
    fit_intercept, standardize, early_stop, progress = (_validation.check_flag(v, k) for k, v in flags.items())

    # Results leave this scope as NumPy: a float64 JAX array outside it decays at the next operation.
    with jax.enable_x64(True):
        data = _validation.check_data(X, y, sample_weight, offset, dtype)
        n, p = data.X.shape
        penalty_factors = _validation.check_penalty_factors(penalty_factors, p)
        lower, upper = _validation.check_limits(lower, upper, p)
        solver = _choose_solver(solver, penalty.l1_ratio, lower, upper)
        whole = (n >= p and p <= GRAM_LIMIT) or p <= SMALL
        precision = np.dtype(data.X.dtype)
        design = DenseDesign(data.X, data.weight, fit_intercept, np.float64 if whole else precision)
        problem = make_problem(design, data, penalty_factors, lower, upper, fit_intercept, standardize)
        prepared = time.perf_counter()

        options = Options(
            penalty.l1_ratio,
            tol if tol is not None else (1e-6 if precision == np.float64 else 1e-4),
            max_iter,
            max_features,
            early_stop,
            progress,
        )
        largest = _grid.lambda_max(problem, penalty.l1_ratio)
        if lambdas is None:
            ratio = lambda_min_ratio or (1e-2 if n < p else 1e-4)
            lambdas = _grid.geometric(largest, n_lambdas, ratio)
        start = _starting_point(warm_start, problem, lambdas[0])
        if solver == "ridge" or warm_start is not None:
            grid, kept = lambdas, np.arange(len(lambdas))
        else:
            grid, kept = _grid.with_hidden_points(lambdas, largest)
        points = Points([], [], [], [], [] if solver == "ridge" else None)
        watch = _Watch(options, problem.total, len(grid), kept)
        gram = np.asarray(design.gram()) if whole else None
        if solver == "ridge":
            _eigen(problem, gram, grid, options, points, watch)
        elif whole:
            _whole_gram(problem, gram, grid, options, start, points, watch)
        else:
            _screened(problem, grid, options, start, points, watch)
        solved = time.perf_counter()
    return _result(problem, data, options, solver, points, grid, kept, watch, (began, prepared, solved))
