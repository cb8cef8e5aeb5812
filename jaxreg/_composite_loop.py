"""The loop over lambda of block descent and the proximal solver: any loss and penalty, on a working set of columns."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax

from jaxreg._column_set import ColumnSet
from jaxreg._composite_certificate import certificate
from jaxreg._expected import Secant
from jaxreg._grid import LEAST_RATIO
from jaxreg._loops import Point, filled
from jaxreg._tiles import Layout
from jaxreg.solvers.block import Goal, descend
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import curvature_of

BLOCK = 10  # lambdas that are solved in one compiled loop and certified in one pass
GROWTH = 2  # a block is at most so much longer than what was accepted of the last one
SPAN = 0.75  # a block does not reach below this share of its first lambda
TIGHT = 0.1  # residual that is asked of the solver, in units of tol * lambda
AT_ZERO = 1e-6  # that is the least lambda for it, in units of the largest gradient
TIGHTER, MOST = 0.01, 3  # of that where a certificate fails although no column is missing, and how often
EPOCHS, SHARE = 300, 0.9  # most of block descent at a lambda; the gap that it is to reach, in units of tol
VIOLATION, FLOOR = 1e-5, 1e-12  # a column outside is missing if it is pulled so much more, unless the gap is as small
FEWEST = 64  # columns that may come in at once; more if there are more than twice as many
LIKELY, WORTH = 1.05, 0.8  # of lambda: columns that are pulled so strongly come in ahead of time, or are kept


@partial(jax.jit, static_argnames=("free", "steps"))
def _solve(smooth, penalty, factors, lambdas, tols, limits, start, *, free, steps):
    """(b (B, m [, K]), images, products with the data, curvatures) at each lambda in turn, from the one before."""
    curvature = curvature_of(smooth, smooth.image(start), start)

    def step(carry, at):
        b, curvature = carry
        lam, tol, limit = at
        found = minimum_by(steps, Composite(smooth, penalty, lam * factors, free), b, tol, limit, curvature)
        return (found.b, found.curvature), (found.b, found.q, found.n_iter, found.curvature)

    return lax.scan(step, (start, curvature), (lambdas, tols, limits))[1]


_descend = jax.jit(descend, static_argnames="certified")


def largest_lambda(objective, gram):
    """Smallest lambda at which all penalised coefficients are 0, or 1 where that is 0.

    With a ridge part alone, where no lambda is, a thousand times the largest pull, as in `_grid.lambda_max`.
    """
    gradient, factors, step = objective.null_gradient, objective.factors, 1.0
    if not objective.screens:  # the prox may jump, at a place that depends on the step
        everything = np.ones(len(factors), bool)
        columns = ColumnSet(objective, gram if objective.squared else None)
        columns.select(everything, everything, everything)
        smooth, *_ = columns.problem()
        zero = np.zeros((len(factors) + objective.free, *gradient.shape[1:]))
        # a hair longer than the solver's, whose rounding errors must not decide
        step = (1 + 1e-12) / float(_curvature(smooth, smooth.image(zero), zero))
    critical = float(_critical(objective.penalty, gradient, factors, step))
    if np.isinf(critical):
        critical = float(np.max(np.abs(gradient)[factors > 0] / factors[factors > 0], initial=0.0)) / LEAST_RATIO
    return critical if critical > 0 else 1.0


_curvature = jax.jit(curvature_of)


@jax.jit
def _critical(penalty, gradient, factors, step):
    return penalty.critical_lambda(gradient, factors, step)


def residuals_asked(objective, lambdas, tol):
    """tol in units of lambdas (...), which count no less than a share of the largest gradient, and no more than it."""
    largest = objective.gradient_scale
    unit = np.maximum(lambdas, (AT_ZERO if objective.certificate == "gap" else 1.0) * largest)
    return tol * (np.minimum(unit, largest) if largest > 0 else unit)


@dataclass(frozen=True)
class Solved:
    """Points of a block on the columns of a ColumnSet."""

    x: np.ndarray  # (B, m [, K])
    b0: np.ndarray  # (B, 0 or 1)
    images: Any  # on the device; None with the squared loss, which does not need them
    n_iter: np.ndarray  # (B,)
    step: float  # of the prox
    rounded: Any = None  # the images of x and b0, where these were rounded and `images` are of what they were before


def as_returned(columns, solved, precision):
    """The Solved as the user gets them: rounded to `precision`. It is these that are certified."""
    x, b0 = columns.as_returned(solved.x, solved.b0, precision)
    if x is solved.x:
        return solved
    return replace(solved, x=x, b0=b0, rounded=None if solved.images is None else columns.images(x, b0))


def _limits(count, most):
    """Limits (BLOCK,) of iterations for `count` lambdas, filled up so that nothing is compiled for their number."""
    return np.where(np.arange(BLOCK) < count, most, 0)


def _by_gradient(problem, columns, lambdas, tols, b, b0, options):
    """The Solved of lambdas (B,) by proximal gradient."""
    start = columns.joined(b, b0)
    limits = _limits(len(lambdas), options.max_iter)
    grid, tols = filled(lambdas, BLOCK), filled(tols, BLOCK)
    solved = _solve(*problem, grid, tols, limits, start, free=len(b0), steps=options.step_precision)
    found, products, curvatures = (np.asarray(solved[i]) for i in (0, 2, 3))
    images = None if columns.objective.squared else solved[1]
    b, b0 = columns.parted(found)
    return Solved(b, b0, images, products, 1 / float(curvatures.max()))


def _by_blocks(tiled, problem, columns, lambdas, tols, last, before, options):
    """The Solved of lambdas (B,) by block coordinate descent, from the last two solutions (b, lambda)."""
    objective, (_, penalty, factors) = columns.objective, problem
    certified = objective.certificate == "gap" and not len(objective.directions) and objective.null_loss > 0
    limits = _limits(len(lambdas), min(options.max_iter, EPOCHS))
    goals = Goal(np.full(BLOCK, SHARE * options.tol), filled(tols, BLOCK), limits)
    last, before = ((columns.gathered(b, 0.0), float(lam)) for b, lam in (last, before))
    energy = float(np.sum(objective.y**2))
    found, epochs = _descend(
        tiled, penalty, factors, filled(lambdas, BLOCK), goals, last, before, energy, objective.null_loss,
        certified=certified,
    )  # fmt: skip
    curvature = max(float(np.max(tiled.curvature)), 1.01 * float(np.max(penalty.concavity(lambdas[0]))))
    no_intercept = np.zeros((BLOCK, *objective.b0.shape))
    return Solved(np.asarray(found), no_intercept, None, np.asarray(epochs), 1 / curvature if curvature > 0 else 1.0)


def composite(objective, gram, lambdas, options, start, descends=False):
    """Blocks of points of an Objective; gram (p, p) of the design where it is known. A generator, as in `_loops`.

    Some lambdas are solved on some columns, each from the solution at the one before, and judged with all columns at
    once; the first that fails is solved again with the columns that its gradient calls for, or more tightly.

    descends: by block coordinate descent, and by proximal gradient where that is not enough
    """
    gram = gram if objective.squared else None
    certify = certificate(objective, gram)
    penalty, factors, screens = objective.penalty, objective.factors, objective.screens
    always = objective.directions.any(axis=0) if screens else np.ones(len(factors), bool)
    layout = Layout(penalty.block_labels(len(factors))) if descends else None
    columns, b, b0 = ColumnSet(objective, gram, layout), start, objective.b0
    before = last = (start, lambdas[0])  # accepted; b is what was found last, from where the proximal solver goes on
    secant = Secant(objective.null_gradient, lambdas[0])
    nothing = np.zeros(len(factors))
    missing, tightened, rounds, spent, reach, k = nothing, 0, 0, 0, BLOCK, 0
    while k < len(lambdas):
        block = lambdas[k : k + (min(reach, BLOCK) if rounds < 2 else 1)]
        block = block[block >= SPAN * block[0]]
        active = always | (b != 0).reshape(len(b), -1).any(axis=1)
        needed = wanted = active
        if screens:
            expected = penalty.pull(secant.at(block[-1]), factors)
            likely = np.where((expected > LIKELY * block[-1]) & ~columns.member, expected, 0.0)
            needed = wanted | _strongest(np.maximum(likely, missing), max(FEWEST, np.count_nonzero(wanted) // 2))
            wanted = needed | (expected > WORTH * block[-1]) & columns.member
        if columns.select(wanted, needed, active):
            problem = columns.problem()
            tiled = layout and jax.device_put(layout.tiled(problem[0], columns.index, penalty.rotates))
        tols = residuals_asked(objective, block, options.tol) * TIGHT * TIGHTER**tightened
        if descends and not tightened:
            solved = _by_blocks(tiled, problem, columns, block, tols, last, before, options)
        else:
            solved = _by_gradient(problem, columns, block, tols, b, b0, options)
        solved = as_returned(columns, solved, options.precision)
        gaps, rss, h = yield from certify(columns, solved, filled(block, BLOCK))
        gaps, h = gaps[: len(block)], h[: len(block)]
        outside = np.zeros((len(block), len(factors)))
        if screens:
            pulls = np.stack([penalty.pull(each, factors) for each in h])
            slack = np.where(gaps <= options.tol, VIOLATION, 0.0)  # none where the gap asks for more
            outside = np.where((pulls > ((1 + slack) * block)[:, None]) & ~columns.member, pulls, 0.0)
        fine = (gaps <= FLOOR) | (gaps <= options.tol) & ~outside.any(axis=1)
        accepted = len(block) if fine.all() else int(np.argmin(fine))
        n_iter = solved.n_iter.copy()
        n_iter[0] += spent
        missing = outside[accepted] if accepted < len(block) else nothing
        if not accepted:
            rounds, spent = rounds + 1, int(n_iter[0])
            if not missing.any():
                accepted = int(tightened == MOST or spent >= options.max_iter)  # as good as it gets
                tightened += 1
        found = [columns.spread(solved.x[i]) for i in range(max(accepted, 1))]
        b, b0 = found[-1], solved.b0[max(accepted, 1) - 1]
        if accepted:
            yield [point(columns, solved, i, gaps[i], rss[i], n_iter[i]) for i in range(accepted)]
            secant.extend(h[:accepted], block[:accepted])
            before, last = [last, *zip(found, block, strict=False)][-2:]
            tightened, rounds, spent, reach, k = 0, 0, 0, GROWTH * accepted, k + accepted


def _strongest(score, most):
    """The columns with the largest positive scores (p,), about `most`: those of equal score, a group, stay together."""
    if np.count_nonzero(score) <= most:
        return score > 0
    return score >= np.partition(score, -most)[-most]


def point(columns, solved, i, gap, rss, n_iter):
    x = solved.x[i].reshape(columns.capacity, -1) * columns.scale[:, None]
    at, response = np.nonzero(x)
    return Point(
        indices=columns.index[at] * x.shape[1] + response,
        values=x[at, response],
        gap=float(gap),
        rss=float(rss.sum()),
        n_iter=int(n_iter),
        intercept=float(solved.b0[i].sum()),
        of_responses=rss,
    )


def split(points, K):
    """Points of each of K responses, of points of all."""
    return [
        [
            replace(point, indices=point.indices[at] // K, values=point.values[at], rss=float(point.of_responses[r]))
            for point in points
            for at in [point.indices % K == r]
        ]
        for r in range(K)
    ]
