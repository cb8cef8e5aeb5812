"""The loops over lambda: each solves and certifies a grid in blocks and yields the points.

`whole` works on the Gram matrix of all columns, `screened` on a working set, `eigen` is ridge without limits.
"""

from dataclasses import dataclass

import jax
import numpy as np

from jaxreg._certificate import GramCertificate, PassCertificate
from jaxreg._working_set import CHUNK, WorkingSet, capacity_for
from jaxreg.solvers.pivot import Reduced, empty_tableau, solve_block
from jaxreg.solvers.ridge import ridge_from_gram, ridge_from_kernel

WHOLE_BLOCK = 128  # lambdas in one compiled solve on the whole Gram matrix
BLOCK = 10  # lambdas solved and checked at once elsewhere
SHORTEST = 5  # of these blocks, after one that failed early
SPAN = 0.5  # nor does a block reach below this share of its first lambda
SHARE = 5e-4  # of tol: a larger gap is worked on even where no column is missing
FLOOR = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-6}  # a smaller one is as good as it gets
VIOLATION = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 4e-6}  # rounding error, in units of the threshold
ROUNDS = 25  # of adding columns at one lambda
REFINEMENTS = 2  # of the correlations, where a gap fails although no column is missing


@dataclass(frozen=True)
class Point:
    """One solved point, on the scale of the problem."""

    indices: np.ndarray
    values: np.ndarray
    gap: float
    rss: float  # squared residual
    n_iter: int
    effective_df: float | None = None


def _point(x, columns, gap, rss, n_iter, effective_df=None):
    nonzero = np.flatnonzero(x)
    return Point(columns[nonzero], x[nonzero], float(gap), float(rss), int(n_iter), effective_df)


def _as_returned(x, columns, problem, precision):
    """Solutions x (B, m) of `columns` as the user gets them: rounded to `precision` on the user's scale."""
    x = np.asarray(x)
    if precision == np.float64:
        return x
    norm = np.append(problem.design.columns.norm, 1.0)[columns]
    return (x / norm).astype(precision).astype(np.float64) * norm


def _filled(block, length):
    """`block` continued to a static length, so that nothing is compiled again for a short one."""
    return np.concatenate([block, np.full(length - len(block), block[-1])])


def whole(problem, gram, lambdas, options, start):
    """Blocks of points on the Gram matrix (p, p) of all columns; certificates come from it as well."""
    p = problem.design.p
    m = capacity_for(p)

    def padded(values, absent):
        return np.concatenate([values, np.full(m - p, absent)])

    square = np.zeros((m, m))
    square[:p, :p] = gram
    reduced = Reduced(
        jax.device_put(square),
        padded(problem.corr, 0.0),
        padded(problem.l1_factor, np.inf),
        padded(problem.l2_factor, 0.0),
        padded(problem.lower, -np.inf),
        padded(problem.upper, np.inf),
    )
    certify = GramCertificate(problem, gram, options.l1_ratio, options.precision)
    columns = np.arange(p)
    tableau = empty_tableau(m)
    tableau.x[:p] = start
    for first in range(0, len(lambdas), WHOLE_BLOCK):
        block = lambdas[first : first + WHOLE_BLOCK]
        filled = _filled(block, WHOLE_BLOCK)
        tableau, x, updates = solve_block(tableau, reduced, filled, len(block), options.l1_ratio, options.max_iter)
        b = _as_returned(np.asarray(x)[:, :p], columns, problem, options.precision)
        gaps, rss = certify(b, filled)
        updates = np.asarray(updates)
        yield [_point(b[i], columns, gaps[i], rss[i], updates[i]) for i in range(len(block))]


def screened(problem, lambdas, options, start):
    """Blocks of points on a working set: solve some lambdas, check all columns at once, add what is missing."""
    a, dtype = options.l1_ratio, problem.design.dtype
    floor = FLOOR[dtype]
    certify = PassCertificate(problem, a, options.precision)
    penalised = (problem.l1_factor > 0) & np.isfinite(problem.l1_factor)
    divisor = np.where(penalised, problem.l1_factor, 1.0)

    def strength(h):
        """The value of a * lambda (p,) below which each column would violate its condition at 0."""
        pull = np.maximum(np.where(problem.upper > 0, h, 0.0), np.where(problem.lower < 0, -h, 0.0))
        return np.where(penalised, pull / divisor, 0.0)

    def strongest(values, most):
        """Columns outside the working set with a positive value, the largest first."""
        J = np.flatnonzero(np.where(working.member, 0.0, values))
        return J[np.argsort(-values[J], kind="stable")[:most]]

    def missing_at(h, lam):
        """The strengths (p,) of the columns that violate their condition outside the working set, 0 elsewhere."""
        pull = np.where(working.member, 0.0, strength(h))
        return np.where(pull > a * lam * (1 + VIOLATION[dtype]), pull, 0.0)

    current = strength(problem.null_corr)
    needed = np.flatnonzero((problem.l1_factor == 0) | (start != 0))
    working = WorkingSet(problem, a, len(needed))
    working.add(needed, current)
    working.start_from(start)
    previous, failure, refinements, rounds, k, length = lambdas[0], None, 0, 0, 0, BLOCK
    while k < len(lambdas):
        block = lambdas[k : k + length]
        block = block[block >= SPAN * block[0]]
        rounds += 1
        if failure is None:  # the sequential strong rule (Tibshirani et al. 2012), for the far end of the block
            threshold = a * max(2 * block[-1] - previous, 0.6 * block[-1])
            working.add(strongest(np.where(current >= threshold, current, 0.0), max(CHUNK, working.size)), current)
        else:
            missing, x, h, point = failure
            grown = working.add(strongest(missing, 4 * CHUNK), current)
            if not grown or rounds > ROUNDS:
                if refinements == REFINEMENTS:  # as good as it gets: the status will say what the gap is
                    yield [point]
                    previous, k, failure, refinements, rounds = block[0], k + 1, None, 0, 0
                    continue
                working.relinearise(x, h)
                refinements += 1
        filled = _filled(block, BLOCK)
        x, updates = working.solve(filled, len(block), options.max_iter)
        x, updates = _as_returned(x, working.columns, problem, options.precision), np.asarray(updates)
        gaps, rss, h = certify(working.fit(x), x, working.columns, filled)
        solved = [_point(x[i], working.columns, gaps[i], rss[i], updates[i]) for i in range(len(block))]

        accepted = 0
        while accepted < len(block) and (
            gaps[accepted] <= floor
            or (gaps[accepted] <= SHARE * options.tol and not missing_at(h[accepted], block[accepted]).any())
        ):
            accepted += 1
        if accepted:
            yield solved[:accepted]
            refinements, rounds, previous = 0, 0, block[accepted - 1]
        failure = None
        if accepted < len(block):
            ahead = range(accepted, min(accepted + 3, len(block)))
            missing = np.max([missing_at(h[i], block[i]) for i in ahead], axis=0)
            failure = missing, x[accepted], h[accepted], solved[accepted]
        current = strength(h[min(accepted, len(block) - 1)])
        # solving far beyond a missing column costs pivots that have to be undone
        length = min(2 * length, BLOCK) if failure is None else max(accepted + 1, SHORTEST) if rounds < 3 else 1
        k += accepted


def eigen(problem, gram, lambdas, options):
    """Blocks of points of a ridge path without limits, from the Gram matrix or, where that is None, the (n, n) side."""
    columns = np.arange(problem.design.p)

    def points(b, df, gaps, rss):
        return [_point(b[i], columns, gaps[i], rss[i], 1, float(df[i])) for i in range(len(b))]

    if gram is not None:
        b, df = ridge_from_gram(gram, problem, lambdas)
        b = _as_returned(b, columns, problem, options.precision)
        yield points(b, df, *GramCertificate(problem, gram, 0.0, options.precision)(b, lambdas))
        return
    certify, first = PassCertificate(problem, 0.0, options.precision), 0
    for b, df in ridge_from_kernel(problem, lambdas, BLOCK):
        b = _as_returned(b, columns, problem, options.precision)
        block = lambdas[first : first + len(b)]
        gaps, rss, _ = certify(problem.design.predict(b), b, columns, block)
        yield points(b, df, gaps, rss)
        first += len(b)
