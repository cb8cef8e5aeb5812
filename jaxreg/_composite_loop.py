"""The loop over lambda of the proximal solver: any loss and penalty, on a working set of columns."""

from dataclasses import dataclass, replace
from functools import partial

import jax
import numpy as np
from jax import lax

from jaxreg._column_set import ColumnSet
from jaxreg._composite_certificate import ByGram, ByPass
from jaxreg._expected import Secant
from jaxreg._loops import Point, filled
from jaxreg.solvers.proximal import Composite, curvature_of, minimise

BLOCK = 10  # lambdas that are solved in one compiled loop and certified in one pass
SPAN = 0.75  # a block does not reach below this share of its first lambda
TIGHT = 0.1  # residual that is asked of the solver, in units of tol * lambda
AT_ZERO = 1e-6  # that is the least lambda for it, in units of the largest gradient
TIGHTER, MOST = 0.01, 3  # of that where a certificate fails although no column is missing, and how often
LEAST_RATIO = 1e-3  # of l1 and l2 together, with which a grid begins: glmnet's
VIOLATION, FLOOR = 1e-5, 1e-12  # a column outside is missing if it is pulled so much more, unless the gap is as small
FEWEST = 64  # columns that may come in at once; more if there are more than twice as many
LIKELY, WORTH = 1.05, 0.8  # of lambda: columns that are pulled so strongly come in ahead of time, or are kept


@partial(jax.jit, static_argnames="free")
def _solve(smooth, penalty, factors, lambdas, tols, limits, start, *, free):
    """(b (B, m [, K]), images, products with the data, curvatures) at each lambda in turn, from the one before."""
    curvature = curvature_of(smooth, smooth.image(start), start)

    def step(carry, at):
        b, curvature = carry
        lam, tol, limit = at
        found = minimise(Composite(smooth, penalty, lam * factors, free), b, tol, limit, curvature)
        return (found.b, found.curvature), (found.b, found.q, found.n_iter, found.curvature)

    return lax.scan(step, (start, curvature), (lambdas, tols, limits))[1]


def largest_lambda(objective, gram):
    """Smallest lambda at which all penalised coefficients are 0, or 1 where that is 0.

    With a ridge part alone, where no lambda is, a thousand times the largest pull, as in `_grid.lambda_max`.
    """
    gradient, factors, step = objective.null_gradient, objective.factors, 1.0
    if not objective.screens:  # the prox may jump, at a place that depends on the step
        everything = np.ones(len(factors), bool)
        columns = ColumnSet(objective, gram if objective.squared else None)
        columns.select(everything, everything)
        smooth, *_ = columns.problem()
        zero = np.zeros((len(factors) + objective.free, *gradient.shape[1:]))
        # a hair longer than the solver's, whose rounding errors must not decide
        step = (1 + 1e-12) / float(_curvature(smooth, smooth.image(zero), zero))
    critical = float(_critical(objective.penalty, gradient, factors, step))
    if np.isinf(critical):
        critical = float(np.max(np.abs(gradient)[factors > 0] / factors[factors > 0], initial=0.0)) / LEAST_RATIO
    return critical if critical > 0 else 1.0


_curvature = jax.jit(curvature_of)
_critical = jax.jit(lambda penalty, gradient, factors, step: penalty.critical_lambda(gradient, factors, step))


@dataclass(frozen=True)
class _Solved:
    """Points of a block on the columns of a ColumnSet."""

    x: np.ndarray  # (B, m [, K])
    b0: np.ndarray  # (B, 0 or 1)
    images: np.ndarray
    n_iter: np.ndarray  # (B,)
    step: float  # of the prox


def _solved(problem, columns, lambdas, tols, b, b0, options):
    """The _Solved of lambdas (B,), whose number is filled up so that nothing is compiled for a short block."""
    count, m = len(lambdas), columns.capacity
    limits = np.where(np.arange(BLOCK) < count, options.max_iter, 0)
    start = np.concatenate([columns.gathered(b, 0.0), b0])
    found, images, products, curvatures = map(
        np.asarray, _solve(*problem, filled(lambdas, BLOCK), filled(tols, BLOCK), limits, start, free=len(b0))
    )
    return _Solved(found[:, :m], found[:, m:], images, products, 1 / float(curvatures.max()))


def composite(objective, gram, lambdas, options, start):
    """Blocks of points of an Objective; gram (p, p) of the design where it is known. A generator, as in `_loops`.

    Some lambdas are solved on some columns, each from the solution at the one before, and judged with all columns at
    once; the first that fails is solved again with the columns that its gradient calls for, or more tightly.
    """
    gram = gram if objective.squared else None
    certify = ByPass(objective) if gram is None else ByGram(objective, gram)
    penalty, factors, screens = objective.penalty, objective.factors, objective.screens
    always = objective.directions.any(axis=0) if screens else np.ones(len(factors), bool)
    columns, b, b0 = ColumnSet(objective, gram), start, objective.b0
    secant = Secant(objective.null_gradient, lambdas[0])
    nothing = np.zeros(len(factors))
    missing, tightened, rounds, spent, k = nothing, 0, 0, 0, 0
    while k < len(lambdas):
        block = lambdas[k : k + (BLOCK if rounds < 2 else 1)]
        block = block[block >= SPAN * block[0]]
        needed = wanted = always | (b != 0).reshape(len(b), -1).any(axis=1)
        if screens:
            expected = penalty.pull(secant.at(block[-1]), factors)
            likely = np.where((expected > LIKELY * block[-1]) & ~columns.member, expected, 0.0)
            needed = wanted | _strongest(np.maximum(likely, missing), max(FEWEST, np.count_nonzero(wanted) // 2))
            wanted = needed | (expected > WORTH * block[-1]) & columns.member
        if columns.select(wanted, needed):
            problem = columns.problem()
        tols = options.tol * TIGHT * TIGHTER**tightened * np.maximum(block, AT_ZERO * objective.gradient_scale)
        solved = _solved(problem, columns, block, tols, b, b0, options)
        gaps, rss, h = yield from certify(columns, solved, filled(block, BLOCK))
        gaps, h = gaps[: len(block)], h[: len(block)]
        outside = np.zeros((len(block), len(factors)))
        if screens:
            pulls = np.stack([penalty.pull(each, factors) for each in h])
            outside = np.where((pulls > (1 + VIOLATION) * block[:, None]) & ~columns.member, pulls, 0.0)
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
        last = max(accepted, 1) - 1
        b, b0 = columns.spread(solved.x[last]), solved.b0[last]
        if accepted:
            yield [_point(columns, solved, i, gaps[i], rss[i], n_iter[i]) for i in range(accepted)]
            secant.extend(h[:accepted], block[:accepted])
            tightened, rounds, spent, k = 0, 0, 0, k + accepted


def _strongest(score, most):
    """The columns with the largest positive scores (p,), about `most`: those of equal score, a group, stay together."""
    if np.count_nonzero(score) <= most:
        return score > 0
    return score >= np.partition(score, -most)[-most]


def _point(columns, solved, i, gap, rss, n_iter):
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
