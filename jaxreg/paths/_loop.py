"""The one loop over lambda: solve some lambdas on some columns, certify them with all, accept, or work on.

It is a generator that yields either a Block of points or a request for Correlations, which is answered by `send`. An
engine knows columns and lambdas; what comes in, what is good enough and what is done about the rest is decided here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.engines._base import as_returned
from jaxreg.engines._sizes import CHUNK
from jaxreg.paths._points import Block

if TYPE_CHECKING:
    from jaxtyping import Float

LIKELY = 1.05  # of lambda: columns that are expected to be pulled so strongly come in ahead of time
MOST_CHUNKS = 8  # of columns that come in at once, or half of those in use where that is more
STAYS = 0.8  # of lambda: weaker columns may go where others come in
TRIES = 2  # of a block of lambdas; then its first one alone is worked on
ROUNDS = 25  # of adding columns at one lambda
FOLLOWED = 0.6  # how far along its secant a gradient is expected to go on
BASELINE = 7  # points that the secant goes back


def filled(block, length):
    """`block` continued to a static length, so that nothing is compiled again for a short one."""
    return np.concatenate([block, np.full(length - len(block), block[-1])])


class _Secant:
    """Gradients h at the last lambdas; further on they are expected on the secant, not followed all the way."""

    def __init__(self, h, lam):
        self._history = deque([(h, lam)], BASELINE)

    def extend(self, h, lambdas):
        self._history.extend(zip(h, lambdas, strict=True))

    def at(self, lam):
        """The gradient that is expected at lam."""
        (h_before, lam_before), (h, lam_last) = self._history[0], self._history[-1]
        if lam_before > lam_last:
            h = h + FOLLOWED * (lam - lam_last) / (lam_before - lam_last) * (h_before - h)
        return h


@dataclass
class _Attempt:
    """The first lambda whose certificate failed, as far as it came."""

    b: Float[np.ndarray, "p ..."]
    b0: np.ndarray  # (0 or 1 [, K])
    gradient: Float[np.ndarray, "p ..."]
    missing: Float[np.ndarray, " p"]  # how strongly columns are pulled that are not there
    best: Block  # the point with the smallest gap of all attempts


class _Loop:
    """What is carried from block to block."""

    def __init__(self, objective, columns, engine, lambdas, options):
        self.objective, self.columns, self.engine, self.options = objective, columns, engine, options
        self.lambdas, self.penalty, self.factors = lambdas, objective.penalty, objective.factors
        self.screens = self.penalty.screens and not columns.whole
        precision = np.dtype(objective.design.dtype)
        self.floor, self.slack = engine.pace.floor[precision], engine.pace.slack[precision]
        self.unsure, self.good = engine.pace.unsure[precision], engine.pace.share * options.tol
        self.secant = _Secant(objective.null_gradient, lambdas[0])
        self.k = self.rounds = self.sharpened = self.spent = 0
        self.length = engine.pace.block
        self.attempt: _Attempt | None = None

    # ---- columns ----

    def begin(self, b):
        """Let the columns in that are active at the start, or not penalised."""
        needed = self.objective.unpenalised | (b != 0).reshape(len(b), -1).any(axis=1)
        if self.screens:
            strength = self._strength(self.objective.null_gradient)
            self._admit(np.flatnonzero(needed), strength, self.engine.in_use(), np.inf)
        self.engine.begin()

    def _strength(self, gradient):
        """The lambda (p,) below which each column would leave 0, given the gradient."""
        return np.fmax(self.penalty.pull(gradient, self.factors), 0.0)  # 0 / 0 is no pull

    def _admit(self, J, rank, in_use, least):
        """Let the columns J in. True if any came."""
        for change in self.columns.admit(J, rank, in_use, least):
            self.engine.follow(change)
        return bool(self.columns.member[J].any())

    def _grow(self, lam, missing=None):
        """Let columns in that are expected to come in down to lam, and those that are `missing`. True if any came."""
        if not self.screens:
            return False
        ahead, in_use = self._strength(self.secant.at(lam)), self.engine.in_use()
        used = int(np.count_nonzero(in_use))
        rank = np.where(self.columns.member, 0.0, ahead)
        if missing is None:
            wanted = min(int(np.count_nonzero(rank > LIKELY * lam)), max(2 * CHUNK, used // 2))
        else:
            wanted, rank = int(np.count_nonzero(missing)), np.where(missing > 0, rank.max() + missing, rank)
        most = CHUNK * min(max(1, -(-wanted // CHUNK)), max(MOST_CHUNKS, used // 2 // CHUNK))
        least = self.engine.pace.worth * lam
        if np.count_nonzero(rank > least) > most:  # those of equal rank, a group, stay together
            least = max(least, np.nextafter(np.partition(rank, -most)[-most], 0.0))
        J = np.flatnonzero(rank > least)
        return bool(J.size) and self._admit(J[np.argsort(-rank[J], kind="stable")], ahead, in_use, STAYS * lam)

    # ---- what to solve ----

    def next_block(self):
        """The next lambdas: a few of them, not far apart."""
        block = self.lambdas[self.k : self.k + (self.length if self.rounds <= TRIES else 1)]
        return block[block >= self.engine.pace.reach * block[0]]

    def prepare(self, block):
        """Let columns in, or sharpen a point that failed. False if nothing is left to be done for it."""
        if self.attempt is None:
            self._grow(block[-1])
            return True
        missing = bool(self.attempt.missing.any())
        if self.rounds <= ROUNDS and missing and self._grow(block[-1], self.attempt.missing):
            return True
        exhausted = self.sharpened == self.engine.pace.sharpenings or self.spent >= self.options.max_iter
        if exhausted or (self.columns.full and missing):
            return False
        self.engine.sharpen(self.attempt.b, self.attempt.gradient)
        self.sharpened += 1
        return True

    # ---- what came of it ----

    def judge(self, solved, certified, block):
        """The Block of the accepted points, which may be none; the first that failed becomes the attempt."""
        gaps, gradients = certified.gaps[: len(block)], certified.gradients[: len(block)]
        fine = gaps <= self.floor
        if not fine.all():
            strengths, missing = self._missing(gaps, gradients, block)
            outside = missing.any(axis=1)
            fine |= (gaps <= self.good) & ~outside
            if not self.engine.pace.sharpenings:
                fine |= ~outside  # nothing can be done for them
        accepted = len(block) if fine.all() else int(np.argmin(fine))
        points = self._points(solved, gaps, certified.losses)
        first = max(accepted - 2, 0)
        settled = [(*self._point(points, i), block[i]) for i in range(first, max(accepted, 1))]
        self.engine.settle(settled, accepted > 0)
        if accepted:
            self.secant.extend(gradients[:accepted], block[:accepted])
            self._go_on(accepted)
        if accepted < len(block):
            best = points[accepted]
            if self.attempt is not None and not best.gaps[0] <= self.attempt.best.gaps[0]:  # NaN is worse
                best = replace(self.attempt.best, n_iter=best.n_iter, status=best.status)
            soon = slice(accepted, accepted + 3)
            pulled = np.where(missing[soon], strengths[soon], 0.0).max(axis=0)
            b, b0 = self._point(points, accepted)
            self.attempt = _Attempt(b, b0, gradients[accepted], pulled, best)
        if not accepted:
            self.rounds, self.spent = self.rounds + 1, int(points.n_iter[0])
        self.length = self._next_length(accepted)
        return points[:accepted]

    def _missing(self, gaps, gradients, block):
        """(the lambda below which each column that is not there would leave 0, whether it does at its own), (B, p)."""
        if not self.screens:
            return np.zeros((len(block), 1)), np.zeros((len(block), 1), bool)
        strengths = np.fmax(self.penalty.pulls(gradients, self.factors), 0.0)
        strengths[:, self.columns.member] = 0.0
        slack = np.where(gaps <= self.good, self.slack, self.unsure)
        return strengths, strengths > ((1 + slack) * block)[:, None]

    def _points(self, solved, gaps, losses):
        """The Block of what was solved, at as many lambdas as there are gaps."""
        B, n_iter = len(gaps), solved.n_iter[: len(gaps)].copy()
        n_iter[0] += self.spent
        code = np.where(n_iter >= self.options.max_iter, Status.max_iter, solved.code[:B])
        status = promoted(code, gaps, self.options.tol)
        return Block(self.columns.index, np.asarray(solved.x)[:B], solved.b0[:B], gaps, losses[:B], n_iter, status)

    def _point(self, points, i):
        """(b (p [, K]), b0) of the i-th of the points."""
        return self.columns.spread(points.x[i]), points.b0[i]

    def _next_length(self, accepted):
        """How many lambdas the next block may have."""
        pace = self.engine.pace
        if self.columns.capacity <= pace.cheap or not pace.sharpenings:
            return pace.block
        return min(pace.block, pace.times * accepted + pace.more) or self.length

    def give_up(self):
        """The Block of the point that failed, as good as it gets."""
        attempt = self.attempt
        assert attempt is not None
        code = attempt.best.status
        if self.columns.full and attempt.missing.any():
            code = np.full(1, Status.capacity)
        self.secant.extend([attempt.gradient], self.lambdas[self.k : self.k + 1])
        self.engine.settle([(attempt.b, attempt.b0, self.lambdas[self.k])], True)
        self._go_on(1)
        return replace(attempt.best, status=promoted(code, attempt.best.gaps, self.options.tol))

    def _go_on(self, accepted):
        self.k, self.attempt = self.k + accepted, None
        self.rounds = self.sharpened = self.spent = 0


def path(objective, columns, engine, certify, lambdas, options, start):
    """Blocks of points at descending lambdas (L,) in the unit of the objective, from coefficients `start` (p [, K]).

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
