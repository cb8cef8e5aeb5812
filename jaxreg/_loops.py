"""The loops over lambda: each solves and certifies a grid in blocks and yields the points.

They are generators that yield either a list of points or a request for `Correlations`, which is answered by `send`.
`whole` works on the Gram matrix of all columns, `screened` on a working set, `eigen` is ridge without limits.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import jax
import numpy as np

from jaxreg._certificate import GramCertificate, PassCertificate
from jaxreg._expected import Secant
from jaxreg._working_set import CHUNK, WorkingSet, capacity_for
from jaxreg.solvers.pivot import Reduced, empty_tableau, solve_block

WHOLE_BLOCK = 128  # lambdas in one compiled solve on the whole Gram matrix
FINE, STEP = 256, 32  # up to FINE columns it is padded to a multiple of STEP, not to a capacity: 0.7 of the time at 200
BLOCK = 10  # lambdas solved and checked at once elsewhere
CHEAP = 512  # capacity up to which lambdas that are solved in vain cost little; beyond it a block is
GROWTH = 3  # at most so much longer than what was accepted of the last one
SPAN = 0.5  # a block does not reach below this share of its first lambda
SHARE = 5e-4  # of tol: a larger gap is worked on even where no column is missing
FLOOR = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-6}  # a smaller one is as good as it gets
VIOLATION = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 4e-6}  # rounding error, in units of the threshold
LIKELY = 1.05  # of the threshold: what is expected to exceed it comes in ahead of time
WORTH = 0.5  # of the threshold: a weaker column does not fill a chunk
MOST = 8  # chunks that are added at once
ROUNDS = 25  # of adding columns at one lambda
REFINEMENTS = 2  # of the correlations, where a gap fails although no column is missing


@dataclass(frozen=True)
class Point:
    """One solved point, on the scale of the problem."""

    indices: np.ndarray
    values: np.ndarray
    gap: float
    rss: float  # squared residual; twice the loss where that is another
    n_iter: int
    effective_df: float | None = None
    intercept: float = 0.0  # beside what the means of the data give
    of_responses: np.ndarray | None = None  # the parts (K,) of rss, where K responses are solved together
    full: bool = False  # whether columns are missing for which memory has no room


def _points(x, columns, gaps, rss, n_iter, effective_df=None):
    """Points of solutions x (B, m) of `columns` (m,)."""
    row, nonzero = np.nonzero(x)
    indices, values, ends = columns[nonzero], x[row, nonzero], np.searchsorted(row, np.arange(len(x) + 1))
    parts = [slice(first, end) for first, end in pairwise(ends)]
    df = [None] * len(x) if effective_df is None else effective_df.tolist()
    rss = np.maximum(rss, 0.0)  # of an exact fit it may be a difference of rounding errors
    each = zip(parts, gaps.tolist(), rss.tolist(), n_iter.tolist(), df, strict=True)
    return [Point(indices[part], values[part], *rest) for part, *rest in each]


def _as_returned(x, columns, problem, precision):
    """Solutions x (B, m) of `columns` as the user gets them: rounded to `precision` on the user's scale."""
    if precision == np.float64:
        return x
    scale = np.append(problem.design.columns.norm, 1.0)[columns] / problem.unit
    with np.errstate(over="ignore"):  # no gap is finite then, and no result
        return (np.asarray(x) / scale).astype(precision).astype(np.float64) * scale


def filled(block, length):
    """`block` continued to a static length, so that nothing is compiled again for a short one."""
    return np.concatenate([block, np.full(length - len(block), block[-1])])


def _padded(problem, m):
    """`problem` with absent columns behind its own, m in all; the design does not have them."""

    def padded(values, absent):
        return np.concatenate([values, np.full(m - len(values), absent)])

    return replace(
        problem,
        corr=padded(problem.corr, 0.0),
        l1_factor=padded(problem.l1_factor, np.inf),
        l2_factor=padded(problem.l2_factor, 0.0),
        lower=padded(problem.lower, -np.inf),
        upper=padded(problem.upper, np.inf),
    )


def whole(problem, gram, lambdas, options, start):
    """Blocks of points on the Gram matrix (p, p) of all columns; certificates come from it as well."""
    p = problem.design.p
    m = -(-p // STEP) * STEP if p <= FINE else capacity_for(p)
    square = np.zeros((m, m))
    square[:p, :p] = gram
    square = jax.device_put(square)
    problem = _padded(problem, m)
    reduced = Reduced(square, problem.corr, problem.l1_factor, problem.l2_factor, problem.lower, problem.upper)
    certify = GramCertificate(problem, square, options.l1_ratio, options.precision)
    columns = np.minimum(np.arange(m), p)
    tableau = empty_tableau(m)
    tableau.x[:p] = start
    for first in range(0, len(lambdas), WHOLE_BLOCK):
        block = lambdas[first : first + WHOLE_BLOCK]
        lengthened = filled(block, WHOLE_BLOCK)
        tableau, x, updates, _ = solve_block(
            tableau, reduced, lengthened, len(block), options.l1_ratio, options.max_iter, options.max_iter + 1
        )
        x = _as_returned(x, columns, problem, options.precision)
        gaps, rss = certify(x, lengthened)
        count = len(block)
        yield _points(np.asarray(x)[:count], columns, gaps[:count], rss[:count], np.asarray(updates)[:count])


def screened(problem, lambdas, options, start):
    """Blocks of points on a working set: solve some lambdas, check all columns at once, add what is missing."""
    a, dtype = options.l1_ratio, problem.design.dtype
    certify = PassCertificate(problem, a, options.precision)
    penalised = (problem.l1_factor > 0) & np.isfinite(problem.l1_factor)
    with np.errstate(divide="ignore"):
        factor = np.where(penalised, 1 / problem.l1_factor, 0.0)
    one_sided = np.flatnonzero((problem.upper <= 0) | (problem.lower >= 0))
    side = np.sign(problem.upper[one_sided] + problem.lower[one_sided])

    def strength(h):
        """The value of a * lambda below which each column would violate its condition at 0, like h (..., p)."""
        pull = np.abs(h)
        pull[..., one_sided] = np.maximum(h[..., one_sided] * side, 0.0)
        pull *= factor
        return pull

    def add(missing, lam):
        """Add the columns with a positive value in `missing`, and those that are expected to come in down to lam.

        True if any came in. Columns are added in whole chunks: the rest of one costs nothing.
        """
        ahead = strength(secant.at(lam))
        rank = np.where(working.member, 0.0, ahead)
        likely = min(np.count_nonzero(rank > a * lam * LIKELY), max(2 * CHUNK, working.active_count() // 2))
        if missing is not None:
            rank, likely = np.where(missing > 0, rank.max() + missing, rank), np.count_nonzero(missing)
        most = CHUNK * min(max(1, -(-likely // CHUNK)), MOST)
        J = np.argpartition(-rank, min(most, len(rank) - 1))[:most]
        J = J[np.argsort(-rank[J], kind="stable")]
        return working.add(J[rank[J] > WORTH * a * lam], ahead)

    needed = np.flatnonzero((problem.l1_factor == 0) | (start != 0))
    working = WorkingSet(problem, a, len(needed))
    working.add(needed, strength(problem.null_corr))
    working.start_from(start)
    secant = Secant(problem.null_corr, lambdas[0])
    failure, refinements, rounds, k, length = None, 0, 0, 0, BLOCK
    while k < len(lambdas):
        block = lambdas[k : k + (length if rounds < 3 else 1)]
        block = block[block >= SPAN * block[0]]
        rounds += 1
        if failure is None:
            add(None, block[-1])
        else:
            missing, corr, h, point = failure
            grown = rounds <= ROUNDS and missing.any() and add(missing, block[-1])
            if not grown:
                full = bool(working.full and missing.any())
                if full or refinements == REFINEMENTS:  # as good as it gets: the status will say what the gap is
                    yield [replace(point, full=full)]
                    secant.extend([h], block[:1])
                    k, failure, refinements, rounds = k + 1, None, 0, 0
                    continue
                working.corr = corr
                refinements += 1
        lengthened = filled(block, BLOCK)
        x, updates, count = working.solve(lengthened, len(block), options.max_iter)
        block = block[:count]
        x, updates = _as_returned(np.asarray(x), working.columns, problem, options.precision), np.asarray(updates)
        gaps, rss, h = yield from certify(working.fit(x), x, working.columns, lengthened)
        gaps, h = gaps[: len(block)], h[: len(block)]

        pull = strength(h)
        pull[:, working.member] = 0.0
        outside = pull > a * block[:, None] * (1 + VIOLATION[dtype])
        fine = (gaps <= FLOOR[dtype]) | ((gaps <= SHARE * options.tol) & ~outside.any(axis=1))
        accepted = len(block) if fine.all() else int(np.argmin(fine))
        solved = _points(x[:count], working.columns, gaps, rss[:count], updates[:count])
        before, failure = failure, None
        if accepted:
            yield solved[:accepted]
            refinements, rounds = 0, 0
            secant.extend(h[:accepted], block[:accepted])
        if accepted < len(block):
            soon = slice(accepted, accepted + 3)
            missing = np.where(outside[soon], pull[soon], 0.0).max(axis=0)
            point = solved[accepted]
            if before is not None and not accepted and before[-1].gap < point.gap:
                point = before[-1]  # of all attempts at a lambda the best one counts
            failure = missing, working.relinearised(x[accepted], h[accepted]), h[accepted], point
        k += accepted
        length = BLOCK if working.capacity <= CHEAP else min(BLOCK, accepted + GROWTH)


def eigen(ridge, problem, gram, lambdas, options):
    """Blocks of points of a ridge path without limits, from its decomposition.

    A solution that was refined is certified by the rows of the data, too, and its gap is at least the square of what
    its last step was: a gap sees neither a column whose penalty dwarfs its loss nor the directions of collinearity.
    """
    columns, first = np.arange(problem.design.p), 0
    on_gram = None if gram is None else GramCertificate(problem, gram, 0.0, options.precision)
    by_pass = PassCertificate(problem, 0.0, options.precision)
    for b, df, error in ridge.blocks(problem, lambdas, BLOCK):
        b = _as_returned(b, columns, problem, options.precision)
        block = lambdas[first : first + len(b)]
        gaps, rss, by_rows = np.empty(len(b)), np.empty(len(b)), np.arange(len(b))
        if on_gram is not None:
            gaps[:], rss[:] = on_gram(b, block)
            by_rows = np.flatnonzero(np.isfinite(error))
        for start in range(0, len(by_rows), BLOCK):
            at = by_rows[start : start + BLOCK]
            whole = filled(at, BLOCK)
            found = yield from by_pass(problem.design.predict(b[whole]), b[whole], columns, block[whole])
            gaps[at], rss[at] = found[0][: len(at)], found[1][: len(at)]
        gaps = np.fmax(gaps, error**2)
        yield _points(b, columns, gaps, rss, np.ones(len(b), int), df)
        first += len(b)
