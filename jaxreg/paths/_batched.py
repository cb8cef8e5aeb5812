"""All columns and lambdas side by side: for accelerators.

Problems of the squared loss are those of `_solutions`, on Gram matrices. Of other losses the proximal solver takes all
lambdas, each from where it starts; one product with the data advances them all, and those that are done stand still.
Penalties that are not convex do not belong here: their solutions depend on where they start, and are followed from one
lambda to the next.
"""

from functools import partial

import jax
import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.engines._base import Solved, as_returned
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE, TIGHT, TIGHTER, code_of, residuals_asked
from jaxreg.paths import _solutions
from jaxreg.paths._loop import filled
from jaxreg.paths._points import Block
from jaxreg.paths._queue import number_for
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import curvature_of


@partial(jax.jit, static_argnames=("free", "steps"))
def _solve(smooth, penalty, factors, lambdas, tols, limits, starts, *, free, steps):
    """(minima, their codes) at lambdas (L,), from starts (L, m)."""
    curvature = curvature_of(smooth, smooth.image(starts[0]), starts[0])

    def one(lam, tol, limit, start):
        problem = Composite(smooth, penalty, lam * factors, free, many=True)
        minimum = minimum_by(steps, problem, start, tol, limit, curvature)
        return minimum, code_of(minimum.residual, tol, minimum.n_iter, limit)

    return jax.vmap(one)(lambdas, tols, limits, starts)


def alone(objective, certify, lambdas, options, start):
    """The points of an Objective at lambdas (L,), as a path in one block.

    A generator: a certificate by a pass asks for `Correlations`, as the path loop does.
    """
    if objective.squared:
        solutions = _solutions.solve([objective], [certify], [objective.penalty], lambdas[None, None], options, [start])
        yield solutions.blocks()[0]
    else:
        yield from _by_rows(objective, certify, lambdas, options, start)


def _by_rows(objective, certify, lambdas, options, start):
    """The same of another loss. Lambdas are filled up to NUMBERS of them, with copies of the last that take no step."""
    L, p = len(lambdas), objective.design.p
    length = objective.design.placement.padded(p) if objective.penalty.screens else p  # few are compiled
    columns = ColumnSet.everything(objective, None, length).with_rows()
    grid = filled(lambdas, number_for(L))
    tols, left, spent = residuals_asked(objective, grid, options.tol), np.ones(L, bool), np.zeros(L, int)
    x = columns.joined(start, objective.b0)
    x = np.broadcast_to(x, (len(grid), *x.shape))
    problem, points = (columns.smooth(), columns.penalty(), columns.gathered(objective.factors, 1.0)), None
    for tightened in range(PACE.sharpenings + 1):
        limits = np.zeros(len(grid), int)
        limits[:L] = np.where(left, options.max_iter - spent, 0)
        minima, codes = _solve(
            *problem, grid, TIGHT * tols * TIGHTER**tightened, limits, x,
            free=objective.free, steps=None if tightened else options.step_precision,
        )  # fmt: skip
        x, q, n_iter, curvatures, codes = map(np.asarray, (minima.b, minima.q, minima.n_iter, minima.curvature, codes))
        spent = spent + np.where(left, n_iter[:L], 0)
        b, b0 = columns.parted(x)
        solved = Solved(b, b0, n_iter, codes, L, 1 / float(curvatures.max()), q)
        solved = as_returned(solved, columns, options.precision)
        certified = yield from certify(columns, solved, grid)
        code, gaps = np.where(spent >= options.max_iter, Status.max_iter, solved.code[:L]), certified.gaps[:L]
        fresh = Block(
            columns.index, solved.x[:L], solved.b0[:L], gaps, certified.losses[:L], spent,
            promoted(code, gaps, options.tol),
        )  # fmt: skip
        points = fresh if points is None else points.updated(fresh, left)
        left = left & (gaps > options.tol) & (spent < options.max_iter)
        if not left.any():
            break
    yield points
