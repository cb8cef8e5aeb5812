"""Losses with a number that is estimated: in alternation with the fit at the smallest lambda."""

import time
from dataclasses import replace

import jax
import numpy as np

from jaxreg._setup import lambdas_for, posed, run_of
from jaxreg.cv._fits import predictions_of
from jaxreg.paths._lockstep import answered
from jaxreg.paths._points import points_of
from jaxreg.paths._result import path_result

FITS = 50  # at most; mu and theta hardly depend on each other, so that some five will do
# relative change of the number that ends it, by the precision of the coefficients, whose rounding it follows
SETTLED = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-5}


def settled(setup, request, l1_ratios):
    """The Setup whose loss has its number: itself where the request's loss has none to be estimated.

    The null model gives the first estimate, the fit at the smallest lambda all others: of the grid of the first mixing
    parameter, which the loss may move where it is automatic.
    """
    if request.loss.provisional() is None:
        return setup
    began, seconds, data = time.perf_counter(), setup.seconds, setup.data
    rows = np.flatnonzero(data.weight)
    y, weight = data.y[rows], data.weight[rows]
    eta, path = np.asarray(setup.objective.null_eta)[rows], request.warm_start
    for _ in range(FITS):
        before, loss = setup.loss, request.loss.estimated(y, eta, weight)
        if _change(before, loss) <= SETTLED[setup.options.precision]:
            return replace(setup, seconds=seconds + time.perf_counter() - began)
        setup = posed(data, replace(request, loss=loss), l1_ratios)
        path = _fit(setup, request, path)
        eta = predictions_of(setup.objective.design, data.offset, rows, path.coef_sparse, path.intercept)[:, 0]
    raise ValueError(
        f"{type(loss).__name__} does not settle in {FITS} fits, at last from {before!r} to {loss!r}; give the number, "
        "or larger lambdas."
    )


def _change(before, after):
    """The largest relative difference of their numbers."""
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    return max(abs(b / a - 1) for a, b in pairs)


def _fit(setup, request, warm_start):
    """The PathResult at the smallest lambda alone."""
    l1_ratio, objective = setup.l1_ratios[0], setup.objective
    lambdas = lambdas_for(setup, request, l1_ratio)[-1:]
    run = run_of(setup, setup, 0, lambdas, setup.options, warm_start)
    points = points_of(objective, list(answered(run.loop, objective.design)))
    return path_result(setup, l1_ratio, setup.solvers[0], points, run.grid, run.asked, None, 0.0, time.perf_counter())[
        0
    ]
