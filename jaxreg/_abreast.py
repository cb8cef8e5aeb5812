"""The proximal solver on all columns, for all lambdas, mixing parameters and folds side by side: for accelerators.

Every lane starts by itself and takes its own steps; one product with the data, or with the Gram matrix, advances them
all, and those that are done stand still. Penalties that are not convex do not belong here: their solutions depend on
where they start, and are followed from one lambda to the next.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._column_set import ColumnSet
from jaxreg._composite_certificate import certificate
from jaxreg._composite_loop import MOST, TIGHT, TIGHTER, Solved, as_returned, point, residuals_asked
from jaxreg._loops import filled
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import curvature_of

NUMBERS = 1, 2, 3, 4, 6, 8, 11, 16, 21, 30, 50, 75, 100, 150, 200  # of folds and all rows, mixes, lambdas, as compiled


@partial(jax.jit, static_argnames=("axes", "free", "steps"))
def _solve(problems, penalty, lambdas, tols, limits, starts, *, axes, free, steps):
    """Minima by fold, mixing parameter and lambda.

    problems: (smooth part, penalty factors) with a leading axis of F folds; penalty: some leaves, those named in
    `axes`, with one of A mixing parameters; lambdas, tols, limits (F, A, L); starts (F, A, L, m [, K])
    """

    def of_fold(problem, lambdas, tols, limits, starts):
        smooth, factors = problem
        start = starts[0, 0]
        curvature = curvature_of(smooth, smooth.image(start), start)

        def one(penalty, lam, tol, limit, start):
            problem = Composite(smooth, penalty, lam * factors, free, many=True)
            return minimum_by(steps, problem, start, tol, limit, curvature)

        of_mix = jax.vmap(one, in_axes=(None, 0, 0, 0, 0))
        return jax.vmap(of_mix, in_axes=(_axes(penalty, axes), 0, 0, 0, 0))(penalty, lambdas, tols, limits, starts)

    return jax.vmap(of_fold)(problems, lambdas, tols, limits, starts)


def _axes(penalty, axes):
    leaves, structure = jax.tree.flatten(penalty)
    return jax.tree.unflatten(structure, [0 if i in axes else None for i in range(len(leaves))])


def _mixed(penalties):
    """(one penalty, whose leaves that differ have a leading axis of A; which these are)."""
    leaves, structures = zip(*map(jax.tree.flatten, penalties), strict=True)
    together = [[np.asarray(leaf) for leaf in each] for each in zip(*leaves, strict=True)]
    axes = tuple(i for i, each in enumerate(together) if any((leaf != each[0]).any() for leaf in each[1:]))
    stacked = [np.stack(each) if i in axes else each[0] for i, each in enumerate(together)]
    return jax.tree.unflatten(structures[0], stacked), axes


def together(objectives, grams, penalties, lambdas, options, starts):
    """Points [fold][mixing parameter] of Objectives that differ in weights and response, at lambdas (F, A, L).

    A generator that returns them; where a Gram matrix is not known it asks for `Correlations`, as in `_loops`. Folds,
    mixing parameters and lambdas are filled up to NUMBERS of them, with copies of the last one that take no step.
    """
    F, A, L = lambdas.shape
    sets, certify = [], []
    everything = np.ones(objectives[0].design.p, bool)
    for objective, gram in zip(objectives, grams, strict=True):
        columns = ColumnSet(objective, gram)
        columns.select(everything, everything, everything)
        sets.append(columns)
        shared = certificate(objective, gram)
        certify.append([shared.of_penalty(penalty) for penalty in penalties])
    numbers = tuple(map(_number_for, (F, A, L)))
    smooth, _, factors = zip(*(columns.problem() for columns in sets), strict=True)
    parts = _lengthened(list(zip(smooth, factors, strict=True)), numbers[0])
    problems = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
    within = [each.restrict(sets[0].index) if objectives[0].screens else each for each in penalties]
    penalty, axes = _mixed(_lengthened(within, numbers[1]))
    begin = [own.joined(b, own.objective.b0) for own, b in zip(sets, starts, strict=True)]
    x = np.stack(_lengthened(begin, numbers[0]))[:, None, None]
    x = np.broadcast_to(x, (*numbers, *x.shape[3:]))
    of_folds = [np.stack(_lengthened([filled(grid, numbers[2]) for grid in own], numbers[1])) for own in lambdas]
    asked = [residuals_asked(*each, options.tol) for each in zip(objectives, of_folds, strict=True)]
    grids, tols = (np.stack(_lengthened(values, numbers[0])) for values in (of_folds, asked))
    tols = TIGHT * tols
    left, spent = np.ones((F, A, L), bool), np.zeros((F, A, L), int)
    points = [[[None] * L for _ in penalties] for _ in objectives]
    for tightened in range(MOST + 1):
        limits = np.zeros(numbers, int)
        limits[:F, :A, :L] = np.where(left, options.max_iter - spent, 0)
        found = _solve(
            problems, penalty, grids, tols * TIGHTER**tightened, limits, x,
            axes=axes, free=objectives[0].free, steps=None if tightened else options.step_precision,
        )  # fmt: skip
        x, n_iter, curvatures = map(np.asarray, (found.b, found.n_iter, found.curvature))
        q = None if objectives[0].squared else np.asarray(found.q)
        spent = spent + np.where(left, n_iter[:F, :A, :L], 0)
        for f, a in np.argwhere(left.any(axis=2)):
            images, step = None if q is None else q[f, a], 1 / float(curvatures[f].max())
            b, b0 = sets[f].parted(x[f, a])
            solved = Solved(b, b0, images, n_iter[f, a], step)
            solved = as_returned(sets[f], solved, options.precision)
            gaps, rss, _ = yield from certify[f][a](sets[f], solved, grids[f, a])
            gaps = gaps[:L]
            for i in np.flatnonzero(left[f, a]):
                points[f][a][i] = point(sets[f], solved, i, gaps[i], rss[i], spent[f, a, i])
            left[f, a] &= (gaps > options.tol) & (spent[f, a] < options.max_iter)
        if not left.any():
            break
    return points


def _number_for(size):
    """The least of a few numbers of lanes that holds so many."""
    return next((number for number in NUMBERS if number >= size), -(-size // 100) * 100)


def _lengthened(values, number):
    """A list with copies of the last of the `values` behind them."""
    return [*values, *values[-1:] * (number - len(values))]


def alone(objective, gram, lambdas, options, start):
    """The points of one Objective, as a loop over lambda in one block."""
    points = yield from together([objective], [gram], [objective.penalty], lambdas[None, None], options, [start])
    yield points[0][0]


def of_grams(objectives, grams, penalties, lambdas, options):
    """Points [fold][mixing parameter] from Gram matrices."""
    shape = objectives[0].design.p, *objectives[0].y.shape[1:]
    run = together(objectives, grams, penalties, lambdas, options, [np.zeros(shape)] * len(objectives))
    try:
        next(run)
    except StopIteration as end:
        return end.value
    raise AssertionError("a certificate by Gram matrices asks for nothing")
