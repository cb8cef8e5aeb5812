"""The one loop over lambda: solve some lambdas on some columns, certify them with all, accept, or work on.

It is a generator that yields either a Block of points or a request for Correlations, which is answered by `send`.
"""

from dataclasses import dataclass, replace

import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.engines._sizes import CHUNK
from jaxreg.engines._solved import as_returned
from jaxreg.paths._points import Block
from jaxreg.paths._secant import Secant

LIKELY = 1.05  # of lambda: columns that are expected to be pulled so strongly come in ahead of time
MOST = 8  # chunks of columns that come in at once, or half of those in use where that is more
STAYS = 0.8  # of lambda: weaker columns may go where others come in
LARGEST = 1e300  # a strength where there is no l1 part, which every gradient exceeds
TRIES = 2  # of a block of lambdas; then its first one alone is worked on
ROUNDS = 25  # of adding columns at one lambda


def filled(block, length):
    """`block` continued to a static length, so that nothing is compiled again for a short one."""
    return np.concatenate([block, np.full(length - len(block), block[-1])])


@dataclass
class _Attempt:
    """The first lambda that failed its certificate, as far as it came."""

    b: np.ndarray  # (p [, K])
    b0: np.ndarray  # (0 or 1 [, K])
    gradient: np.ndarray  # (p [, K])
    missing: np.ndarray  # (p,) how strongly columns are pulled that are not there
    best: Block  # the point with the smallest gap of all attempts


class _Loop:
    """What is carried from block to block."""

    def __init__(self, objective, columns, engine, lambdas, options):
        self.objective, self.columns, self.engine, self.options = objective, columns, engine, options
        self.lambdas, self.penalty, self.factors = lambdas, objective.penalty, objective.factors
        self.screens = self.penalty.screens and not columns.whole
        self.precision = np.dtype(objective.design.dtype)
        self.secant = Secant(objective.null_gradient, lambdas[0])
        self.k = self.rounds = self.sharpened = self.spent = 0
        self.length = engine.pace.block
        self.attempt: _Attempt | None = None

    def begin(self, b):
        """Let the columns in that are active at the start, or not penalised."""
        needed = self.objective.unpenalised | (self.factors == 0) & self.objective.present
        needed |= (b != 0).reshape(len(b), -1).any(axis=1)
        if self.screens:
            self._admit(np.flatnonzero(needed), self._strength(self.objective.null_gradient), np.inf)
        self.engine.begin()

    def _strength(self, gradient):
        """The lambda (p,) below which each column would leave 0, given the gradient."""
        return np.nan_to_num(self.penalty.pull(gradient, self.factors), nan=0.0, posinf=LARGEST)

    def _admit(self, J, rank, least):
        """Let the columns J in. True if any came."""
        for change in self.columns.admit(J, rank, self.engine.in_use(), least):
            self.engine.follow(change)
        return bool(self.columns.member[J].any())

    def _grow(self, lam):
        """Let columns in that are missing, and those that are expected to come in down to lam. True if any came."""
        if not self.screens:
            return False
        missing = None if self.attempt is None else self.attempt.missing
        ahead = self._strength(self.secant.at(lam))
        rank = np.where(self.columns.member, 0.0, ahead)
        in_use = int(np.count_nonzero(self.engine.in_use()))
        if missing is None:
            wanted = min(np.count_nonzero(rank > LIKELY * lam), max(2 * CHUNK, in_use // 2))
        else:
            rank = np.where(missing > 0, rank.max() + missing, rank)
            wanted = np.count_nonzero(missing)
        most = CHUNK * min(max(1, -(-wanted // CHUNK)), max(MOST, in_use // 2 // CHUNK))
        least = self.engine.pace.worth * lam
        if np.count_nonzero(rank > least) > most:  # those of equal rank, a group, stay together
            least = max(least, np.nextafter(np.partition(rank, -most)[-most], 0.0))
        J = np.flatnonzero(rank > least)
        J = J[np.argsort(-rank[J], kind="stable")]
        return bool(J.size) and self._admit(J, ahead, STAYS * lam)

    def next_block(self):
        """The next lambdas: a few of them, not far apart."""
        block = self.lambdas[self.k : self.k + (self.length if self.rounds <= TRIES else 1)]
        return block[block >= self.engine.pace.reach * block[0]]

    def prepare(self, block):
        """Let columns in, or sharpen a point that failed. False if nothing is left to be done for it."""
        attempt = self.attempt
        if attempt is None:
            self._grow(block[-1])
            return True
        missing = attempt.missing.any()
        if self.rounds <= ROUNDS and missing and self._grow(block[-1]):
            return True
        exhausted = self.sharpened == self.engine.pace.sharpenings or self.spent >= self.options.max_iter
        if exhausted or (self.columns.full and missing):
            return False
        self.engine.sharpen(attempt.b, attempt.gradient)
        self.sharpened += 1
        return True

    def give_up(self):
        """The Block of the point that failed, as good as it gets."""
        attempt, code, lam = self.attempt, self.attempt.best.status, self.lambdas[self.k]
        if self.columns.full and attempt.missing.any():
            code = np.full(1, Status.capacity)
        self.secant.extend([attempt.gradient], [lam])
        self.engine.settle([(attempt.b, attempt.b0, lam)], True)
        self._next(1)
        return replace(attempt.best, status=promoted(code, attempt.best.gaps, self.options.tol))

    def _next(self, accepted):
        self.k, self.attempt = self.k + accepted, None
        self.rounds = self.sharpened = self.spent = 0

    def judge(self, solved, certified, block):
        """The Block of the accepted points, which may be none; the first that failed becomes the attempt."""
        pace, gaps, h = self.engine.pace, certified.gaps[: len(block)], certified.gradients[: len(block)]
        outside, pulls = np.zeros(len(block), bool), None
        if self.screens:
            slack = np.where(
                gaps <= pace.share * self.options.tol, pace.slack[self.precision], pace.unsure[self.precision]
            )
            pulls = np.stack([self._strength(gradient) for gradient in h])
            pulls = np.where((pulls > ((1 + slack) * block)[:, None]) & ~self.columns.member, pulls, 0.0)
            outside = pulls.any(axis=1)
        fine = (gaps <= pace.floor[self.precision]) | (gaps <= pace.share * self.options.tol) & ~outside
        if not pace.sharpenings:
            fine |= ~outside
        accepted = len(block) if fine.all() else int(np.argmin(fine))
        n_iter = solved.n_iter[: len(block)].copy()
        n_iter[0] += self.spent
        code = np.where(n_iter >= self.options.max_iter, Status.max_iter, solved.code[: len(block)])
        points = Block(
            self.columns.index, np.asarray(solved.x)[: len(block)], solved.b0[: len(block)], gaps,
            certified.losses[: len(block)], n_iter, promoted(code, gaps, self.options.tol),
        )  # fmt: skip
        before, last = self.attempt, max(accepted, 1)
        settled = [self._point(points, i) for i in range(max(last - 2, 0), last)]
        self.engine.settle(
            [(*point, lam) for point, lam in zip(settled, block[max(last - 2, 0) :], strict=False)], accepted > 0
        )
        if accepted:
            self.secant.extend(h[:accepted], block[:accepted])
            self._next(accepted)
            before = None
            self.length = self._longer(accepted)
        if accepted < len(block):
            soon = slice(accepted, accepted + 3)
            missing = pulls[soon].max(axis=0) if self.screens else np.zeros(len(self.factors))
            best = points[accepted]
            if before is not None and before.best.gaps[0] < best.gaps[0]:
                best = replace(before.best, n_iter=best.n_iter)
            self.attempt = _Attempt(*self._point(points, accepted), h[accepted], missing, best)
            if not accepted:
                self.rounds, self.spent = self.rounds + 1, int(n_iter[0])
                self.length = self._longer(0)
        return points[:accepted]

    def _point(self, points, i):
        """(b (p [, K]), b0) of the i-th of the points."""
        return self.columns.spread(points.x[i]), points.b0[i]

    def _longer(self, accepted):
        pace = self.engine.pace
        if self.columns.capacity <= pace.cheap or (self.columns.whole and not pace.sharpenings):
            return pace.block
        return min(pace.block, pace.times * accepted + pace.more) or self.length


def path(objective, columns, engine, certify, lambdas, options, start):
    """Blocks of points at descending lambdas (L,), in the unit of the objective, from the coefficients `start` (p [, K]).

    Columns come in ahead of time by the secant of the gradients, and where a certificate misses them. The first point
    whose certificate fails is solved again: with the columns that its gradient calls for, or more exactly.
    """
    loop = _Loop(objective, columns, engine, lambdas, options)
    loop.begin(start)
    while loop.k < len(lambdas):
        block = loop.next_block()
        if not loop.prepare(block):
            yield loop.give_up()
            continue
        lengthened = filled(block, engine.pace.block)
        solved = as_returned(engine.advance(lengthened, len(block)), columns, options.precision)
        certified = yield from certify(columns, solved, lengthened)
        points = loop.judge(solved, certified, block[: solved.count])
        if len(points):
            yield points
