"""From the user's arrays to the objective, for any mixing parameter and lambda: data checked, centred and scaled."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxreg import _arrays, _missing, _provenance
from jaxreg._labels import warn_of_classes
from jaxreg.certificates._certificate import Certificate, certificate
from jaxreg.design import _placement
from jaxreg.design._base import Asked
from jaxreg.design._gram import array_of
from jaxreg.design._kinds import kind_of
from jaxreg.engines import _table
from jaxreg.losses import Loss
from jaxreg.objective import _grid
from jaxreg.objective._null_model import free_directions
from jaxreg.objective._objective import Objective, make_objective, mixed
from jaxreg.objective._units import Model, centred_response
from jaxreg.paths._first_lambda import largest_lambda
from jaxreg.paths._run import run
from jaxreg.penalties import Penalty
from jaxreg.penalties._base import per_row
from jaxreg.results._path import PathResult
from jaxreg.solvers.ridge import decomposed

GRAM_LIMIT = 1536  # with n >= p up to this, the whole Gram matrix is the working set
SMALL = 256  # so it is for any n up to this
GRAMS = 4  # matrices of that size that memory is to have room for, of one lane


@dataclass(frozen=True)
class Options:
    """What the loops over lambda and the result need to know of the request."""

    tol: float
    precision: np.dtype  # of the result
    max_iter: int
    step_precision: str | None = None  # None: that of the problem
    max_features: int | None = None
    early_stop: bool = False
    progress: bool = False


@dataclass(frozen=True)
class Setup:
    """Checked data and the objective that they pose, for any mixing parameter and lambda."""

    loss: Loss
    penalty: Penalty  # as the user gives it
    limited_penalty: Penalty  # with limits, on the user's scale
    l1_ratios: tuple[float, ...]  # mixing parameters (A,), NaN for a penalty that has none
    data: _arrays.CheckedData  # y (n,) or (n, K)
    model: Model
    objective: Objective
    gram: Any  # (p, p) in NumPy, or on the device, possibly an OfStack, where all columns are the working set; or None
    certify: Certificate
    solvers: tuple[str, ...]  # the engine for each mixing parameter
    options: Options
    ratio: float  # of the ends of an automatic grid
    record: dict[str, Any]  # what the result keeps of the data
    seconds: float = 0.0

    def decomposition(self, objective):
        """The RidgeDecomposition of the Objective with one of the mixing parameters."""
        return decomposed(objective, self.gram)


def prepare(X, y, request, l1_ratios) -> Setup:
    """Check the data, and centre and scale them; a loss without its number is posed with its first one."""
    began = time.perf_counter()
    imputes = request.impute is not None
    data = _arrays.check_data(
        X,
        y,
        request.sample_weight,
        request.offset,
        request.dtype,
        imputes,
        request.loss,
        kind_of(X).checked,
        request.strata,
    )
    if not request.loss.of_classes and request.loss.link in ("identity", None):
        warn_of_classes(y)
    if imputes:
        incomplete = data.X if np.isnan(data.X).any() else None
        data = replace(imputed(replace(data, incomplete=data.X), request.impute), incomplete=incomplete)
    loss = request.loss.provisional() or request.loss
    return replace(posed(data, replace(request, loss=loss), l1_ratios), seconds=time.perf_counter() - began)


def imputed(data, strategy):
    """The Data whose X is filled from the rows that have a weight."""
    values = _missing.fill_values(data.incomplete, data.weight, strategy)
    return replace(data, X=_missing.filled(data.incomplete, values), fill_values=values)


def posed(data, request, l1_ratios) -> Setup:
    """Centre and scale checked data."""
    placement = _placement.current()
    n, p = data.X.shape
    responses = request.loss.responses(data.y)
    _check_warm_start(request.warm_start, p, responses)
    factors = _arrays.check_penalty_factors(request.penalty_factors, p)
    penalty, factors = _limited(request, factors, p)
    has_room = p <= _table.LARGEST and placement.has_room(8 * (n * p + GRAMS * placement.padded(p) ** 2))
    problem = _table.Problem(request.loss, penalty, responses, n, p, placement.accelerated, has_room)
    solvers = tuple(
        _table.chosen(request.solver, replace(problem, penalty=mixed(penalty, l1_ratio))) for l1_ratio in l1_ratios
    )
    if request.solver == "auto" and "batched" in solvers:
        solvers = ("batched",) * len(solvers)  # ridge beside other mixing parameters goes with them
    if responses is not None and request.loss.quadratic:
        _refuse_cuts(request, penalty, responses)
    in_units = request.standardize and not penalty.norm
    model = Model(factors, request.fit_intercept, request.standardize, in_units)
    precision = np.dtype(data.X.dtype)
    whole = ((n >= p and p <= GRAM_LIMIT) or p <= SMALL or "batched" in solvers) and request.loss.quadratic
    on_host = whole and placement.on_host
    asked = corr = products = None
    if whole and not placement.on_host:
        penalty.checked_factors(np.ones(p), responses)  # refuses one that does not fit, which has no directions
        asked = Asked(np.atleast_2d(centred_response(data, model)[0].T), free_directions(penalty, model))
    design = kind_of(data.X).of(
        data.X, data.weight, model.fit_intercept, np.float64 if whole else precision, on_host, asked
    )
    if design.first is not None:
        correlations, products, _ = design.first
        corr = correlations.T.reshape(p, *data.y.shape[1:]).astype(np.float64)
    options = Options(
        tol=request.tol if request.tol is not None else (1e-6 if precision == np.float64 else 1e-4),
        precision=precision,
        max_iter=request.max_iter,
        step_precision=request.step_precision,
        max_features=request.max_features,
        early_stop=request.early_stop,
        progress=request.progress,
    )
    objective = make_objective(design, data, model, request.loss, penalty, corr, products)
    gram = design.gram() if whole else None
    return Setup(
        loss=request.loss,
        penalty=request.penalty,
        limited_penalty=penalty,
        l1_ratios=tuple(l1_ratios),
        data=data,
        model=model,
        objective=objective,
        gram=gram,
        certify=certificate(objective, gram),
        solvers=solvers,
        options=options,
        ratio=request.lambda_min_ratio or (1e-2 if n < p else 1e-4),
        record=_provenance.of_data(data, design, request.sample_weight is not None, model.fit_intercept, request.loss),
    )


def _limited(request, factors, p):
    """(the penalty with its limits, the penalty factors (p,), inf where both limits are 0)."""
    lower, upper = _arrays.check_limits(request.lower, request.upper, p)
    if np.isinf(lower).all() and np.isinf(upper).all():
        return request.penalty, factors
    if not request.penalty.quadratic:
        raise ValueError(
            f"lower or upper is given, but limits need ElasticNet; the penalty is {type(request.penalty).__name__}."
        )
    return request.penalty.within(lower, upper), np.where((lower == 0) & (upper == 0), np.inf, factors)


def _refuse_cuts(request, penalty, responses):
    if request.max_features or (penalty.quadratic and request.early_stop):
        name = "max_features" if request.max_features else "early_stop"
        raise ValueError(f"{name} is given, but cuts the path of one response; y has {responses}.")


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


def lambdas_for(setup, request, l1_ratio):
    """The grid (L,) of a mixing parameter, in the user's units: the one that is given, or an automatic one."""
    if request.lambdas is not None:
        return request.lambdas
    objective = setup.objective.with_mixing(l1_ratio)
    if objective.penalty.quadratic and l1_ratio < _grid.LEAST_RATIO and not request.standardize:
        largest, smallest = _ends_of_ridge(objective, array_of(setup.gram))
        return _grid.geometric(largest, request.n_lambdas, request.lambda_min_ratio or smallest / largest)
    largest = largest_lambda(objective, setup.certify)
    return _grid.geometric(largest * objective.lambda_unit, request.n_lambdas, setup.ratio)


def _ends_of_ridge(objective, gram):
    """(largest lambda, smallest) of a ridge grid on columns as they are, where lambda has the units of X'X."""
    penalised = objective.l2_factor > 0
    weight = np.divide(1.0, objective.l2_factor, out=np.zeros(len(penalised)), where=penalised)
    ends = _grid.ends_of_spectrum(objective.design, gram, weight, objective.basis)
    return tuple(objective.null_curvature * end for end in ends)


def run_of(setup, problem, a, lambdas, options, warm_start):
    """The Run of a problem, the Setup itself or a lane of it, with the mixing parameter `a` at lambdas of the user.

    It starts from the solution of the path `warm_start`, or from 0 where that is None.
    """
    objective = problem.objective.with_mixing(setup.l1_ratios[a])
    certify, solver, cold = problem.certify.of_penalty(objective.penalty), setup.solvers[a], warm_start is None
    if cold:
        start = np.zeros((objective.design.p, *objective.outputs))
    else:
        start = objective.from_user(warm_start.coef_at(lambdas[0])[1])
        if objective.penalty.limited:
            start = np.clip(start, *(per_row(limit, start) for limit in objective.limits))
    return run(objective, certify, problem.decomposition, lambdas, options, solver, start, hidden=cold)
