"""All columns, lambdas, mixing parameters and folds side by side: for accelerators.

Elastic nets of the squared loss go through the queue of `_nets`. The proximal solver takes problems of other losses and
penalties, each from where it starts; one product with the data, or with the Gram matrices, advances them all, and those
that are done stand still. Penalties that are not convex do not belong here: their solutions depend on where they start,
and are followed from one lambda to the next.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.engines._base import Solved, as_returned
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE, TIGHT, TIGHTER, code_of, residuals_asked
from jaxreg.paths import _nets
from jaxreg.paths._loop import filled
from jaxreg.paths._points import Block
from jaxreg.paths._queue import number_for
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import curvature_of


@partial(jax.jit, static_argnames=("axes", "free", "steps"))
def _solve(problems, penalty, lambdas, tols, limits, starts, *, axes, free, steps):
    """(minima, their codes) by fold, mixing parameter and lambda.

    problems: (smooth part, penalty factors) with a leading axis of F folds; penalty: some leaves, those named in
    `axes`, with one of A mixing parameters; lambdas, tols, limits (F, A, L); starts (F, A, L, m [, K])
    """

    def of_fold(problem, lambdas, tols, limits, starts):
        smooth, factors = problem
        start = starts[0, 0]
        curvature = curvature_of(smooth, smooth.image(start), start)

        def one(penalty, lam, tol, limit, start):
            problem = Composite(smooth, penalty, lam * factors, free, many=True)
            minimum = minimum_by(steps, problem, start, tol, limit, curvature)
            return minimum, code_of(minimum.residual, tol, minimum.n_iter, limit)

        of_mix = jax.vmap(one, in_axes=(None, 0, 0, 0, 0))
        return jax.vmap(of_mix, in_axes=(_axes(penalty, axes), 0, 0, 0, 0))(penalty, lambdas, tols, limits, starts)

    return jax.vmap(of_fold)(problems, lambdas, tols, limits, starts)


def _axes(penalty, axes):
    leaves, structure = jax.tree.flatten(penalty)
    return jax.tree.unflatten(structure, [0 if i in axes else None for i in range(len(leaves))])


def _mixed(penalties):
    """(one penalty, whose leaves that differ have a leading axis of A; which these are)."""
    leaves, structures = zip(*map(jax.tree.flatten, penalties), strict=True)
    numbers = [[np.asarray(leaf) for leaf in of_mixes] for of_mixes in zip(*leaves, strict=True)]
    axes = tuple(i for i, of_mixes in enumerate(numbers) if any((leaf != of_mixes[0]).any() for leaf in of_mixes[1:]))
    stacked = [np.stack(of_mixes) if i in axes else of_mixes[0] for i, of_mixes in enumerate(numbers)]
    return jax.tree.unflatten(structures[0], stacked), axes


def together(objectives, certificates, penalties, lambdas, options, starts):
    """Blocks [fold][mixing parameter] of Objectives that differ in weights and response, at lambdas (F, A, L).

    A generator that returns them; a certificate by a pass asks for `Correlations`, as the path loop does. Folds, mixing
    parameters and lambdas are filled up to NUMBERS of them, with copies of the last one that take no step.
    """
    F, A, L = lambdas.shape
    grams = [shared.gram for shared in certificates]
    p = objectives[0].design.p
    length = (
        objectives[0].design.placement.padded(p) if objectives[0].penalty.screens else p
    )  # few numbers of columns are compiled
    sets = [
        ColumnSet.everything(objective, gram, length).with_rows()
        for objective, gram in zip(objectives, grams, strict=True)
    ]
    certify = [[shared.of_penalty(penalty) for penalty in penalties] for shared in certificates]
    numbers = tuple(map(number_for, (F, A, L)))
    factors = [columns.gathered(columns.objective.factors, 1.0) for columns in sets]
    parts = _lengthened(list(zip((columns.smooth() for columns in sets), factors, strict=True)), numbers[0])
    problems = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
    within = [penalty.restrict(sets[0].index) if penalty.screens else penalty for penalty in penalties]
    penalty, axes = _mixed(_lengthened(within, numbers[1]))
    begin = [columns.joined(b, columns.objective.b0) for columns, b in zip(sets, starts, strict=True)]
    x = np.stack(_lengthened(begin, numbers[0]))[:, None, None]
    x = np.broadcast_to(x, (*numbers, *x.shape[3:]))
    of_folds = [np.stack(_lengthened([filled(grid, numbers[2]) for grid in grids], numbers[1])) for grids in lambdas]
    asked = [residuals_asked(*pair, options.tol) for pair in zip(objectives, of_folds, strict=True)]
    grids, tols = (np.stack(_lengthened(values, numbers[0])) for values in (of_folds, asked))
    left, spent = np.ones((F, A, L), bool), np.zeros((F, A, L), int)
    points: list = [[None] * A for _ in range(F)]
    for tightened in range(PACE.sharpenings + 1):
        limits = np.zeros(numbers, int)
        limits[:F, :A, :L] = np.where(left, options.max_iter - spent, 0)
        minima, codes = _solve(
            problems, penalty, grids, TIGHT * tols * TIGHTER**tightened, limits, x,
            axes=axes, free=objectives[0].free, steps=None if tightened else options.step_precision,
        )  # fmt: skip
        x, n_iter, curvatures, codes = map(np.asarray, (minima.b, minima.n_iter, minima.curvature, codes))
        q = None if objectives[0].squared else np.asarray(minima.q)
        spent = spent + np.where(left, n_iter[:F, :A, :L], 0)
        for f, a in np.argwhere(left.any(axis=2)):
            images, step = None if q is None else q[f, a], 1 / float(curvatures[f].max())
            b, b0 = sets[f].parted(x[f, a])
            solved = Solved(b, b0, n_iter[f, a], codes[f, a], L, step, images)
            solved = as_returned(solved, sets[f], options.precision)
            certified = yield from certify[f][a](sets[f], solved, grids[f, a])
            code = np.where(spent[f, a] >= options.max_iter, Status.max_iter, solved.code[:L])
            gaps = certified.gaps[:L]
            fresh = Block(
                sets[f].index, solved.x[:L], solved.b0[:L], gaps, certified.losses[:L], spent[f, a],
                promoted(code, gaps, options.tol),
            )  # fmt: skip
            points[f][a] = fresh if points[f][a] is None else points[f][a].updated(fresh, left[f, a])
            left[f, a] &= (gaps > options.tol) & (spent[f, a] < options.max_iter)
        if not left.any():
            break
    return points


def _lengthened(values, number):
    """A list with copies of the last of the `values` behind them."""
    return [*values, *values[-1:] * (number - len(values))]


def alone(objective, certify, lambdas, options, start):
    """The points of one Objective, as a path in one block."""
    penalties = [objective.penalty]
    if _nets.takes(objective):
        yield _nets.solve([objective], [certify], penalties, lambdas[None, None], options, [start]).blocks(0)[0]
        return
    points = yield from together([objective], [certify], penalties, lambdas[None, None], options, [start])
    yield points[0][0]


def of_grams(objectives, certificates, penalties, lambdas, options):
    """Blocks [fold][mixing parameter] from Gram matrices."""
    shape = objectives[0].design.p, *objectives[0].y.shape[1:]
    run = together(objectives, certificates, penalties, lambdas, options, [np.zeros(shape)] * len(objectives))
    try:
        next(run)
    except StopIteration as end:
        return end.value
    raise AssertionError("a certificate by Gram matrices asks for nothing")
