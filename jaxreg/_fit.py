"""One problem from the user's arrays to the points of its path: what `fit_path` does, and `fit_cv` for each lane."""

import time
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from jaxreg import _abreast, _composite_loop, _ends, _grid, _loops, _missing, _names, _progress, _record, _validation
from jaxreg._alignment import column_labels
from jaxreg._certificate import Correlations
from jaxreg._column_set import WIDE
from jaxreg._design import DenseDesign
from jaxreg._labels import warn_of_classes
from jaxreg._objective import Objective, make_objective
from jaxreg._problem import Model, Problem, make_problem
from jaxreg._pytree import described
from jaxreg._results import PathResult, Status, make_csr
from jaxreg.losses import Loss, Squared
from jaxreg.penalties import ElasticNet, Penalty, SparseGroupLasso
from jaxreg.penalties._base import Blockwise, Norm, per_row
from jaxreg.solvers.ridge import decomposed
from jaxreg.solvers.smooth import LOWER

UNEVEN = 4  # times p: the number of blocks times the size of the largest, up to which they are alike
GRAM_LIMIT = 1536  # with n >= p up to this, the whole Gram matrix is the working set
SMALL = 256  # so it is for any n up to this
SOLVERS = "auto", "pivot", "ridge", "block", "proximal"
MIXING = ElasticNet, SparseGroupLasso  # penalties with a mixing parameter


@dataclass(frozen=True)
class Request:
    """The keywords that `fit_path` and `fit_cv` have in common; those that need the data are checked by `prepare`."""

    loss: Loss
    penalty: Penalty
    lambdas: np.ndarray | None
    n_lambdas: int
    lambda_min_ratio: float | None
    sample_weight: Any
    offset: Any
    penalty_factors: Any
    lower: Any
    upper: Any
    fit_intercept: bool
    standardize: bool
    solver: str
    tol: float | None
    max_iter: int
    step_precision: str | None
    early_stop: bool
    max_features: int | None
    warm_start: PathResult | None
    dtype: Any
    impute: str | None
    progress: bool


@dataclass(frozen=True)
class Options:
    """What the loops over lambda and the result need to know of the request."""

    l1_ratio: float  # NaN for a penalty that has none
    tol: float
    precision: np.dtype  # of the result
    max_iter: int
    step_precision: str | None = None  # None: that of the problem
    max_features: int | None = None
    early_stop: bool = False
    progress: bool = False


@dataclass(frozen=True)
class Setup:
    """Checked data and the problem that they pose, for any mixing parameter and lambda."""

    loss: Loss
    penalty: Penalty
    data: _validation.Data
    responses: np.ndarray | None  # (n, K), where y has several; `data` and `problem` have the first
    model: Model
    problem: Problem | Objective
    gram: np.ndarray | None  # (p, p), where all columns are the working set
    options: Options
    ratio: float  # of the ends of an automatic grid
    record: dict[str, Any]  # what the result keeps of the data
    seconds: float


def mixing(penalty):
    """The mixing parameter of a penalty, NaN where it has none."""
    return penalty.l1_ratio if isinstance(penalty, MIXING) else np.nan


def mixed(penalty, l1_ratio):
    """The penalty with another mixing parameter."""
    return penalty if np.isnan(l1_ratio) else replace(penalty, l1_ratio=l1_ratio)


def check_request(X, given) -> Request:
    """The keywords `given` of a fit to X, of which `fit_cv` has more, with names turned into what they stand for."""
    given = _names.by_name({each.name: given[each.name] for each in fields(Request)}, column_labels(X))
    checked = {
        "lambdas": _validation.check_lambdas(given["lambdas"]),
        "n_lambdas": _validation.check_count(given["n_lambdas"], "n_lambdas"),
        "max_iter": _validation.check_count(given["max_iter"], "max_iter"),
        "solver": _validation.check_choice(given["solver"], "solver", SOLVERS),
        "impute": _missing.check_impute(given["impute"]),
    }
    if given["lambda_min_ratio"] is not None:
        ratio = _validation.check_positive(given["lambda_min_ratio"], "lambda_min_ratio", below=1)
        checked["lambda_min_ratio"] = ratio
    if given["tol"] is not None:
        checked["tol"] = _validation.check_positive(given["tol"], "tol")
    if given["step_precision"] is not None:
        _validation.check_choice(given["step_precision"], "step_precision", tuple(LOWER))
        if given["solver"] != "proximal":
            raise ValueError(
                f"step_precision is {given['step_precision']!r}, but solver is {given['solver']!r}; only 'proximal' "
                f"takes steps of another precision."
            )
    if given["max_features"] is not None:
        checked["max_features"] = _validation.check_count(given["max_features"], "max_features")
    for name in ("fit_intercept", "standardize", "early_stop", "progress"):
        checked[name] = _validation.check_flag(given[name], name)
    if checked["progress"]:
        _progress.require_tqdm()
    return Request(**(given | checked))


def by_position(given, request):
    """The keywords of a call with those that went by name as the request has them."""
    return given | {name: getattr(request, name) for name in _names.NAMED if given[name] is not None}


def prepare(X, y, request) -> Setup:
    """Check the data, and centre and scale them."""
    began = time.perf_counter()
    imputes = request.impute is not None
    data = _validation.check_data(X, y, request.sample_weight, request.offset, request.dtype, imputes)
    if not request.loss.of_classes:
        warn_of_classes(y)
    if imputes:
        incomplete = data.X if np.isnan(data.X).any() else None
        data = replace(imputed(replace(data, incomplete=data.X), request.impute), incomplete=incomplete)
    return replace(posed(data, request), seconds=time.perf_counter() - began)


def imputed(data, strategy):
    """The Data whose X is filled from the rows that have a weight."""
    values = _missing.fill_values(data.incomplete, data.weight, strategy)
    return replace(data, X=_missing.filled(data.incomplete, values), fill_values=values)


def posed(data, request) -> Setup:
    """Centre and scale checked data."""
    given, general = data, is_general(request)
    responses, data = (data.y, replace(data, y=data.y[:, 0])) if data.y.ndim == 2 else (None, data)
    if jax.default_backend() == "cpu":  # the same memory, whose rows need no compilation
        data, given = (replace(each, X=np.asarray(each.X)) for each in (data, given))
    n, p = data.X.shape
    _check_warm_start(request.warm_start, p, None if responses is None else responses.shape[1])
    factors = _validation.check_penalty_factors(request.penalty_factors, p)
    lower, upper = _validation.check_limits(request.lower, request.upper, p)
    in_units = request.standardize and not isinstance(request.penalty, Norm)
    model = Model(factors, lower, upper, request.fit_intercept, request.standardize, in_units)
    precision = np.dtype(data.X.dtype)
    whole = ((n >= p and p <= GRAM_LIMIT) or p <= SMALL) and isinstance(request.loss, Squared)
    on_host = whole and jax.default_backend() == "cpu"
    design = DenseDesign(data.X, data.weight, model.fit_intercept, np.float64 if whole else precision, on_host)
    options = Options(
        l1_ratio=1.0,
        tol=request.tol if request.tol is not None else (1e-6 if precision == np.float64 else 1e-4),
        precision=precision,
        max_iter=request.max_iter,
        step_precision=request.step_precision,
        max_features=request.max_features,
        early_stop=request.early_stop,
        progress=request.progress,
    )
    return Setup(
        loss=request.loss,
        penalty=request.penalty,
        data=data,
        responses=responses,
        model=model,
        problem=_posed(design, given, model, request) if general else make_problem(design, data, model),
        gram=np.asarray(design.gram()) if whole else None,
        options=options,
        ratio=request.lambda_min_ratio or (1e-2 if n < p else 1e-4),
        record=_record.of_data(
            given, design, request.sample_weight is not None, model.fit_intercept, request.loss.of_classes
        ),
        seconds=0.0,
    )


def is_general(request):
    """Whether block descent or the proximal solver is asked for, or nothing else can do it."""
    plain = isinstance(request.loss, Squared) and isinstance(request.penalty, ElasticNet)
    if plain:
        return request.solver in ("block", "proximal")
    if request.solver not in ("auto", "proximal", *["block"] * _descends(request)):
        name = type(request.penalty).__name__
        what = "a penalty that is a sum over blocks" if request.solver == "block" else "ElasticNet"
        raise ValueError(
            f"solver is {request.solver!r}, which solves the squared loss with {what}, not "
            f"{type(request.loss).__name__} with {name}; give 'auto' or 'proximal'."
        )
    return True


def _descends(request):
    """Whether block coordinate descent can do it."""
    return isinstance(request.loss, Squared) and isinstance(request.penalty, Blockwise)


def _even(labels):
    """Whether blocks are of similar sizes: each takes the time and the place of the largest."""
    sizes = np.unique(labels, return_counts=True)[1]
    return len(sizes) * sizes.max() <= UNEVEN * len(labels)


def _posed(design, data, model, request):
    """The Objective of block descent and the proximal solver."""
    if not (np.isinf(model.lower).all() and np.isinf(model.upper).all()):
        raise ValueError("lower or upper is given, but limits need the squared loss, ElasticNet and solver 'pivot'.")
    if data.y.ndim == 2 and request.max_features:
        raise ValueError(f"max_features is given, but cuts the path of one response; y has {data.y.shape[1]}.")
    if data.y.ndim == 2 and not isinstance(request.loss, Squared):
        raise ValueError(f"y has {data.y.shape[1]} columns; several responses need the squared loss.")
    return make_objective(design, data, model, request.loss, request.penalty)


def lambdas_for(setups, request, l1_ratio):
    """The grid (L,) of a mixing parameter for all responses, a Setup for each: the one that is given, or its own."""
    if request.lambdas is not None:
        return request.lambdas
    if isinstance(request.penalty, ElasticNet) and l1_ratio < _grid.LEAST_RATIO and not request.standardize:
        largest, smallest = _ends_of_ridge(setups[0].problem, setups[0].gram)
        return _grid.geometric(largest, request.n_lambdas, request.lambda_min_ratio or smallest / largest)
    if isinstance(setups[0].problem, Objective):
        largest = _composite_loop.largest_lambda(with_mixing(setups[0].problem, l1_ratio), setups[0].gram)
    else:
        largest = max(_grid.lambda_max(setup.problem, l1_ratio) for setup in setups)
    return _grid.geometric(largest * setups[0].problem.lambda_unit, request.n_lambdas, setups[0].ratio)


def _ends_of_ridge(problem, gram):
    """(largest lambda, smallest) of a ridge grid on columns as they are, where lambda has the units of X'X."""
    if not isinstance(problem, Objective):
        penalised = problem.l2_factor > 0
        weight = np.divide(1.0, problem.l2_factor, out=np.zeros(len(penalised)), where=penalised)
        return _grid.ends_of_spectrum(problem.design, gram, weight, problem.basis)
    weight = np.divide(problem.scale**2, problem.factors, out=np.zeros(len(problem.scale)), where=problem.factors > 0)
    ends = _grid.ends_of_spectrum(problem.design, gram, weight, problem.basis)
    return tuple(problem.null_curvature * end for end in ends)


def with_mixing(objective, l1_ratio):
    return replace(objective, penalty=mixed(objective.penalty, l1_ratio))


def choose_solver(request, l1_ratio, model):
    solver = request.solver
    if is_general(request):
        # one block after the other is nothing for an accelerator; without convexity Newton's method needs fewer steps
        descends = _descends(request) and request.penalty.convex and not accelerated()
        descends = descends and _even(request.penalty.block_labels(len(model.penalty_factors)))
        return ("block" if descends else "proximal") if solver == "auto" else solver
    eigen = l1_ratio == 0 and np.isinf(model.lower).all() and np.isinf(model.upper).all()
    if solver == "ridge" and not eigen:
        raise ValueError("solver='ridge' needs l1_ratio=0 and no limits; give solver='auto'.")
    return "ridge" if solver == "auto" and eigen else "pivot" if solver == "auto" else solver


def blocks(problems, gram, lambdas, options, solver, warm_start):
    """[(loop over lambda, its grid, the positions of `lambdas` in it)] of problems that differ in their response.

    One for each, or one for all of them together. The grids are in the user's units, as `lambdas` are.
    """
    if solver == "ridge":
        ridge, kept = decomposed(problems[0], gram), np.arange(len(lambdas))
        return [
            (_loops.eigen(ridge, problem, gram, lambdas / problem.lambda_unit, options), lambdas, kept)
            for problem in problems
        ]
    if solver in ("block", "proximal"):  # all responses together
        objective = with_mixing(problems[0], options.l1_ratio)
        return [_composite(objective, gram, lambdas, options, warm_start, solver == "block")]
    return [_pivoting(problem, gram, lambdas, options, warm_start) for problem in problems]


def _pivoting(problem, gram, lambdas, options, warm_start):
    start = _starting_point(warm_start, problem, lambdas[0])
    grid, kept = lambdas / problem.lambda_unit, np.arange(len(lambdas))
    if warm_start is None:
        grid, kept = _grid.with_hidden_points(grid, _grid.lambda_max(problem, options.l1_ratio))
    asked = _asked(lambdas, grid * problem.lambda_unit, kept)
    if gram is not None:
        return _loops.whole(problem, gram, grid, options, start), asked, kept
    return _loops.screened(problem, grid, options, start), asked, kept


def _composite(objective, gram, lambdas, options, warm_start, descends):
    grid, kept = lambdas / objective.lambda_unit, np.arange(len(lambdas))
    start = np.zeros((objective.design.p, *objective.y.shape[1:]))
    if warm_start is not None:
        start = _start_of_objective(warm_start, objective, lambdas[0])
    if not descends and abreast(objective):
        return _abreast.alone(objective, gram if objective.squared else None, grid, options, start), lambdas, kept
    if warm_start is None:
        grid, kept = _grid.with_hidden_points(grid, _composite_loop.largest_lambda(objective, gram))
    loop = _composite_loop.composite(objective, gram, grid, options, start, descends)
    return loop, _asked(lambdas, grid * objective.lambda_unit, kept), kept


def _asked(lambdas, grid, kept):
    """`grid`, whose entries at `kept` are `lambdas` to the last bit."""
    grid[kept] = lambdas
    return grid


def accelerated():
    return jax.default_backend() != "cpu"


def abreast(objective):
    """Whether the proximal solver takes all lambdas at once: on an accelerator, unless few of the columns will do."""
    few = objective.screens and objective.design.p > WIDE * objective.design.n
    return accelerated() and objective.penalty.convex and not few


def _start_of_objective(warm_start, objective, first):
    coef = warm_start.coef_at(first)[1]
    norm, scale = objective.design.columns.norm, objective.scale
    return coef * per_row(np.divide(norm, scale, out=np.zeros(len(coef)), where=scale > 0), coef) / objective.unit


def _check_warm_start(warm_start, p, responses):
    if warm_start is None:
        return
    if not isinstance(warm_start, PathResult):
        raise TypeError(f"warm_start is a {type(warm_start).__name__}; give a PathResult, or None.")
    if warm_start.n_features != p:
        raise ValueError(f"warm_start has {warm_start.n_features} features, X has {p}; give a path on the same ones.")
    if warm_start.n_responses != responses:
        there, here = ("one" if count is None else count for count in (warm_start.n_responses, responses))
        what = "response" if there == "one" else "responses"
        raise ValueError(f"warm_start has {there} {what}, y has {here}; give a path of as many, or None.")


def _starting_point(warm_start, problem, first):
    """Coefficients (p,) on the problem's scale."""
    if warm_start is None:
        return np.zeros(problem.design.p)
    b = warm_start.coef_at(first)[1] * (problem.design.columns.norm / problem.unit)
    return np.where(np.isinf(problem.l1_factor), 0.0, np.clip(b, problem.lower, problem.upper))


def answered(loop, design):
    """The blocks of points of one loop, its requests answered one by one."""
    answer = None
    while True:
        try:
            got = loop.send(answer)
        except StopIteration:
            return
        answer = design.correlate(got.R) if isinstance(got, Correlations) else None
        if answer is None:
            yield got


def coefficients(problem, points):
    """((L, p) CSR coefficients, (L,) intercepts) in float64 on the user's scale; (L, p K) and (L, K) of K responses."""
    columns, y_mean = problem.design.columns, problem.y_mean
    K = np.size(y_mean)
    coef = make_csr([(point.indices, point.values) for point in points], problem.design.p * K)
    coef.data = coef.data / (columns.norm / problem.unit)[coef.indices // K]
    mean = columns.mean if np.ndim(y_mean) == 0 else np.kron(columns.mean[:, None], np.eye(K))
    level = y_mean - coef @ mean
    return coef, level + problem.unit * per_row(np.array([point.intercept for point in points]), level)


def path(setup, request, l1_ratio, began):
    """(PathResult, what to warn of) of the data with one mixing parameter."""
    options = replace(setup.options, l1_ratio=l1_ratio)
    solver = choose_solver(request, l1_ratio, setup.model)
    lambdas = lambdas_for([setup], request, l1_ratio)
    started = time.perf_counter()
    ((loop, grid, kept),) = blocks([setup.problem], setup.gram, lambdas, options, solver, request.warm_start)
    found = answered(loop, setup.problem.design)
    points, interrupted = _collect(found, grid, kept, setup.problem.total, options)
    seconds = time.perf_counter() - started
    ended = _ends.end(points, kept, setup.problem.total, options)
    if interrupted:
        ended = _ends.End(int(np.count_nonzero(kept < len(points))), Status.interrupted)
    result, said = path_result(setup, options, solver, points, grid, kept, ended, seconds, began)
    return result, said + _ends.cut(ended, kept)


def _collect(found, grid, kept, total, options):
    """(points of the blocks up to the end of the path or to an early end, whether Ctrl-C ended them)."""
    points, interrupted = [], False
    with _progress.bar(len(grid), "path", options.progress) as show:
        try:
            for block in found:
                points.extend(block)
                show(len(points), grid[len(points) - 1], points)
                if _ends.end(points, kept, total, options) is not None:
                    break
        except KeyboardInterrupt:
            if not np.any(kept < len(points)):
                raise
            interrupted = True
    return points, interrupted


def path_result(setup, options, solver, points, grid, kept, ended, seconds, began):
    """(PathResult of the asked-for points up to the End, None: of all; what to warn of beside the cut)."""
    problem, taken = setup.problem, kept if ended is None else kept[: ended.length]
    if not taken.size:
        raise ValueError(f"max_features={options.max_features} is exceeded at the first lambda; start at a larger one.")
    points = [points[k] for k in taken]
    coef, exact = coefficients(problem, points)
    coef, intercept = _rounded(coef, exact, options.precision)
    general = isinstance(problem, Objective)
    gap = np.array([point.gap for point in points])
    by_means = isinstance(setup.loss, Squared) and not (general and problem.certificate == "residual")
    if by_means and problem.null_loss > 0:  # the points have the intercept before it is rounded
        rounding = ((exact - intercept) / problem.unit).reshape(len(gap), -1)
        gap = gap + (rounding**2).sum(axis=1) / 2 / problem.null_loss
    n_iter = np.array([point.n_iter for point in points])
    full = np.array([point.full for point in points])
    status = _ends.statuses(gap, n_iter, full, options)
    said = _ends.shortfalls(status, gap, options)
    if len(taken) < len(kept):
        status[-1] = ended.status
    if problem.null_loss == 0:
        said.append(_ends.NULL_FITS)
    level = problem.constant_features[setup.record["feature_mean"][problem.constant_features] != 0]
    if level.size and not setup.model.fit_intercept:
        said.append(_ends.without_spread(level, setup.data.feature_names))
    df = np.diff(coef.indptr) if np.ndim(problem.y_mean) == 0 else _rows_in(coef, np.size(problem.y_mean))
    effective = np.array([point.effective_df for point in points]) if solver == "ridge" else None
    rss = np.array([point.rss for point in points])
    path = PathResult(
        lambdas=grid[taken],
        coef_sparse=coef,
        intercept=intercept,
        gap=gap,
        df=df,
        effective_df=df.astype(float) if options.l1_ratio == 1 and solver == "pivot" else effective,
        dev_ratio=1 - rss / 2 / problem.total if problem.total > 0 else np.zeros(len(taken)),
        n_iter=n_iter,
        status=status,
        tol=options.tol,
        l1_ratio=options.l1_ratio,
        solver=solver,
        timings={"prepare": setup.seconds, "solve": seconds, "total": time.perf_counter() - began},
        feature_names=setup.data.feature_names,
        fill_values=setup.data.fill_values,
        constant_features=problem.constant_features,
        offset_used=setup.data.offset is not None,
        n_responses=None if np.ndim(problem.y_mean) == 0 else np.size(problem.y_mean),
        loss=described(setup.loss),
        penalty=described(mixed(setup.penalty, options.l1_ratio)),
        certificate=problem.certificate if general else "gap",
        **setup.record,
    )
    return path, said


def _rounded(coef, intercept, precision):
    """Both in the precision of the result."""
    slopes, limits = np.abs(coef.data).max(initial=0.0), np.finfo(precision)
    largest = max(slopes, np.abs(intercept).max())
    if not largest <= limits.max or 0 < slopes < limits.tiny:
        bad, remedy = ("large", "divide") if not largest <= limits.max else ("small", "multiply")
        raise ValueError(
            f"y and X differ so much in size that coefficients are too {bad} for {precision}; {remedy} y by a constant"
            f"{', or give dtype=np.float64' if precision == np.float32 else ''}."
        )
    return coef.astype(precision), intercept.astype(precision)


def _rows_in(coef, K):
    """How many features each row of a CSR array (L, p K) has nonzero coefficients for."""
    return np.array([len(np.unique(coef.indices[a:b] // K)) for a, b in pairwise(coef.indptr)])
