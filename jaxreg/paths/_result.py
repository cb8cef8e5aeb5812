"""PathResults of solved points."""

import time
from itertools import pairwise

import numpy as np

from jaxreg._labels import plain_labels
from jaxreg._pytree import described
from jaxreg._status import Status, promoted
from jaxreg.losses._record import parameters_of
from jaxreg.objective._objective import mixed
from jaxreg.paths import _endings
from jaxreg.results._hazards import fitted_times
from jaxreg.results._path import PathResult


def path_result(setup, l1_ratio, solver, points, grid, asked, ended, seconds, began):
    """(PathResult of the asked-for points up to the End, None: of all; what to warn of beside the cut).

    points: those at the lambdas `grid`, of which `asked` are the positions of those that were asked for
    """
    objective, options, taken = setup.objective, setup.options, asked if ended is None else asked[: ended.length]
    if not taken.size:
        raise ValueError(f"max_features={options.max_features} is exceeded at the first lambda; start at a larger one.")
    points = points.at(taken)
    coef, intercept = _rounded(points.coef, points.intercept, options.precision)
    gap = points.gaps
    by_means = objective.squared and objective.certificate == "gap"
    if by_means and objective.gap_unit > 0:  # the points have the intercept before it is rounded
        rounding = ((points.intercept - intercept) / objective.unit).reshape(len(gap), -1)
        gap = gap + (rounding**2).sum(axis=1) / 2 / objective.gap_unit
    status = np.where(points.status == Status.converged, promoted(points.status, gap, options.tol), points.status)
    clauses = _endings.shortfalls(status, gap, options)
    if len(taken) < len(asked):
        status[-1] = ended.status
    exact = objective.null_losses == 0
    if exact.any():
        clauses.append(_endings.null_fits(exact))
    level = objective.constant_features[setup.record["feature_mean"][objective.constant_features] != 0]
    if level.size and not setup.model.fit_intercept:
        clauses.append(_endings.without_spread(level, setup.data.feature_names))
    responses = objective.responses
    df = np.diff(coef.indptr) if responses is None else _rows_in(coef, responses)
    is_lasso = l1_ratio == 1 and setup.limited_penalty.quadratic and setup.loss.quadratic
    of_lasso = df.astype(float) if is_lasso and solver in ("batched", "pivot") else None
    path = PathResult(
        lambdas=grid[taken],
        coef_sparse=coef,
        intercept=intercept,
        gap=gap,
        df=df,
        effective_df=of_lasso if points.effective_df is None else points.effective_df,
        dev_ratio=1 - points.loss / objective.total if objective.total > 0 else np.zeros(len(taken)),
        n_iter=points.n_iter,
        status=status,
        tol=options.tol,
        l1_ratio=l1_ratio,
        solver=solver,
        timings={"prepare": setup.seconds, "solve": seconds, "total": time.perf_counter() - began},
        feature_names=setup.data.feature_names,
        fill_values=setup.data.fill_values,
        constant_features=objective.constant_features,
        offset_used=setup.data.offset is not None,
        n_responses=responses,
        loss=described(setup.loss),
        loss_parameters=parameters_of(setup.loss),
        classes=None if setup.data.labels is None else plain_labels(setup.data.labels),
        link=setup.loss.link,
        penalty=described(mixed(setup.penalty, l1_ratio)),
        certificate=objective.certificate,
        fitted_times=fitted_times(setup.data, setup.loss, objective.design, coef, intercept),
        **setup.record,
    )
    return path, clauses


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
