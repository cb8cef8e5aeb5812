"""Whole paths: from the user's arrays to a PathResult."""

import sys
import time
import warnings
from dataclasses import dataclass

import jax
import numpy as np

from jaxreg import _grid, _loops, _validation
from jaxreg._design import DenseDesign
from jaxreg._problem import make_problem
from jaxreg._results import ConvergenceWarning, PathResult, Status, make_csr
from jaxreg.losses import Squared
from jaxreg.penalties import ElasticNet

GRAM_LIMIT = 1536  # with n >= p up to this, the whole Gram matrix is the working set
SMALL = 256  # so it is for any n up to this
EARLY_STOP_DEVIANCE, EARLY_STOP_CHANGE, EARLY_STOP_FROM = 0.999, 1e-5, 4  # glmnet's devmax, fdev, mnlam - 1


@dataclass(frozen=True)
class Options:
    """What the loops over lambda and the result need to know of the request."""

    l1_ratio: float
    tol: float
    precision: np.dtype  # of the result
    max_iter: int
    max_features: int | None
    early_stop: bool
    progress: bool


def _end(points, kept, total, options):
    """How many of the asked-for points (positions `kept` among the solved) to keep by glmnet's rules, or None: all."""
    previous = 0.0
    for count, k in enumerate(kept[kept < len(points)]):
        if options.max_features is not None and len(points[k].indices) > options.max_features:
            return count
        ratio = 1.0 - points[k].rss / 2 / total if total > 0 else 0.0
        slow = count >= EARLY_STOP_FROM and ratio - previous < EARLY_STOP_CHANGE * ratio
        if options.early_stop and (ratio > EARLY_STOP_DEVIANCE or slow):
            return count + 1
        previous = ratio
    return None


def _collect(blocks, grid, kept, total, options):
    """Points of the blocks up to the end of the path or to an early end."""
    points = []
    for block in blocks:
        points.extend(block)
        if options.progress:
            worst = max(point.gap for point in points)
            end = "\n" if len(points) == len(grid) else ""
            print(f"\rlambda {len(points)} of {len(grid)}, worst gap {worst:.1e}", end=end, file=sys.stderr, flush=True)
        if _end(points, kept, total, options) is not None:
            break
    return points


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
        raise ValueError(f"warm_start has {warm_start.n_features} features, X has {p}; give a path on the same ones.")
    b = warm_start.coef_at(first)[1] * problem.design.columns.norm
    return np.where(np.isinf(problem.l1_factor), 0.0, np.clip(b, problem.lower, problem.upper))


def _ranges(positions):
    """Text like 3, 63..99."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def _warn(problem, status, gap, options, cut):
    said = []
    limit = "the precision or the collinearity of the columns allows no smaller gap; raise tol or use float64"
    for code, cause in (
        (Status.max_iter, f"stopped at max_iter={options.max_iter}: raise max_iter"),
        (Status.stalled, f"stalled above tol: {limit}"),
    ):
        at = np.flatnonzero(status == code)
        if at.size:
            said.append(f"lambda {_ranges(at)} {cause} (worst gap {gap[at].max():.1e}, tol {options.tol:.1e})")
    if cut:
        said.append(cut)
    if problem.null_loss == 0:
        said.append("y is constant, or the unpenalised columns fit it exactly: the penalised coefficients are 0")
    if said:
        warnings.warn("; ".join(said) + ".", ConvergenceWarning, stacklevel=4)


def _result(problem, data, options, solver, points, grid, kept, times):
    end = _end(points, kept, problem.total, options)
    taken = kept if end is None else kept[:end]
    if not taken.size:
        raise ValueError(f"max_features={options.max_features} is exceeded at the first lambda; start at a larger one.")
    points = [points[k] for k in taken]
    coef = make_csr([(point.indices, point.values) for point in points], problem.design.p)
    coef.data = coef.data / problem.design.columns.norm[coef.indices]
    intercept = problem.y_mean - coef @ problem.design.columns.mean
    gap = np.array([point.gap for point in points])
    n_iter = np.array([point.n_iter for point in points])
    unmet = np.where(n_iter >= options.max_iter, Status.max_iter, Status.stalled)
    status = np.where(gap <= options.tol, Status.converged, unmet)
    cut = None
    if len(taken) < len(kept):
        status[-1] = Status.early_stop
        cut = f"the path was cut after {len(taken)} of {len(kept)} lambdas, by early_stop or max_features"
    _warn(problem, status, gap, options, cut)
    df = np.diff(coef.indptr)
    effective = np.array([point.effective_df for point in points]) if solver == "ridge" else None
    rss = np.array([point.rss for point in points])
    began, prepared, solved = times
    timings = {"prepare": prepared - began, "solve": solved - prepared, "total": time.perf_counter() - began}
    return PathResult(
        lambdas=grid[taken],
        coef_sparse=coef.astype(options.precision),
        intercept=intercept.astype(options.precision),
        gap=gap,
        df=df,
        effective_df=df.astype(float) if options.l1_ratio == 1 else effective,
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
        on_host = whole and jax.default_backend() == "cpu"
        design = DenseDesign(data.X, data.weight, fit_intercept, np.float64 if whole else precision, on_host)
        problem = make_problem(design, data, penalty_factors, lower, upper, fit_intercept, standardize)
        prepared = time.perf_counter()

        options = Options(
            penalty.l1_ratio,
            tol if tol is not None else (1e-6 if precision == np.float64 else 1e-4),
            precision,
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
        gram = np.asarray(design.gram()) if whole else None
        if solver == "ridge":
            blocks = _loops.eigen(problem, gram, grid, options)
        elif whole:
            blocks = _loops.whole(problem, gram, grid, options, start)
        else:
            blocks = _loops.screened(problem, grid, options, start)
        points = _collect(blocks, grid, kept, problem.total, options)
        solved = time.perf_counter()
    return _result(problem, data, options, solver, points, grid, kept, (began, prepared, solved))
