"""The one loop over lambda: solve some lambdas on some columns, certify them with all, accept, or work on.

It is a generator that yields either a Block of points or a request for Correlations, which is answered by `send`. An
engine knows columns and lambdas; what comes in, what is good enough and what is done about the rest is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.engines._sizes import CHUNK
from jaxreg.objective._null_model import attains
from jaxreg.paths._outlook import MOST_CHUNKS, Demands, OnDevice, OnHost
from jaxreg.paths._points import Block

if TYPE_CHECKING:
    from jaxtyping import Float

STAYS = 0.8  # of lambda: weaker columns may go where others come in
IDLE = 2 * CHUNK  # columns that are not in use may stay, however few are in use
TRIES = 2  # of a block of lambdas; then its first one alone is worked on
ROUNDS = 25  # of adding columns at one lambda


def filled(block, length):
    """`block` continued to a static length, so that nothing is compiled again for a short one."""
    return np.concatenate([block, np.full(length - len(block), block[-1])])


@dataclass
class _Attempt:
    """The first lambda whose certificate failed, as far as it came."""

    b: Float[np.ndarray, "p ..."]
    b0: np.ndarray  # (0 or 1 [, K])
    missing: bool  # whether columns are missing
    best: Block  # the point with the smallest gap of all attempts


class _Loop:
    """What is carried from block to block."""

    def __init__(self, objective, columns, engine, lambdas, options):
        self.objective, self.columns, self.engine, self.options = objective, columns, engine, options
        self.lambdas = lambdas
        self.screens = objective.penalty.screens and not columns.whole
        pace, precision = engine.pace, np.dtype(objective.design.dtype)
        demands = Demands(
            floor=pace.floor[precision],
            good=pace.share * options.tol,
            slack=pace.slack[precision],
            unsure=pace.unsure[precision],
            final=not pace.sharpenings,
        )
        outlook = OnDevice if OnDevice.suits(objective, columns) else OnHost
        self.outlook = outlook(objective, columns, lambdas[0], demands, options)
        self.k = self.rounds = self.sharpened = self.spent = 0
        self.length = engine.pace.block
        self.attempt: _Attempt | None = None

    # ---- columns ----

    def begin(self, b):
        """Let the columns in that are active at the start, or not penalised."""
        needed = self.objective.unpenalised | (b != 0).reshape(len(b), -1).any(axis=1)
        if self.screens:
            self._admit(np.flatnonzero(needed), np.zeros(self.columns.capacity), self.engine.in_use(), np.inf)
        self.engine.begin()

    def _admit(self, J, strengths, in_use, least):
        """Let the columns J in. True if any came."""
        for change in self.columns.admit(J, strengths, in_use, least):
            self.engine.follow(change)
        return bool(self.columns.member[J].any())

    def _grow(self, lam):
        """Let columns in that are expected to come in down to lam, or else those that are missing. True if any came."""
        if not self.screens:
            return False
        ahead, in_use = self.outlook.ahead(lam), self.engine.in_use()
        used = int(np.count_nonzero(in_use))
        wanted = ahead.missing or min(ahead.likely, max(2 * CHUNK, used // 2))
        most = CHUNK * min(max(1, -(-wanted // CHUNK)), max(MOST_CHUNKS, used // 2 // CHUNK))
        J = ahead.strongest(most, self.engine.pace.worth * lam)
        return bool(J.size) and self._admit(J, ahead.present, in_use, self._least(ahead.present[~in_use], used, lam))

    def _least(self, strengths, used, lam):
        """The strength from which on columns stay that are not in use: some of those `strengths`."""
        staying = strengths[strengths > STAYS * lam]
        most = max(IDLE, self.engine.pace.idle * used)
        return STAYS * lam if len(staying) <= most else np.partition(staying, -int(most))[-int(most)]

    # ---- what to solve ----

    def next_block(self):
        """The next lambdas: a few of them, not far apart."""
        return self._block(self.k, self.rounds, self.length)

    def _block(self, k, rounds, length):
        block = self.lambdas[k : k + (length if rounds <= TRIES else 1)]
        return block[block >= self.engine.pace.reach * block[:1]]

    def end_after(self, accepted):
        """The last lambda of the block that comes when so many points of this one are accepted; 0 where none does."""
        rounds = 0 if accepted else self.rounds + 1
        block = self._block(self.k + accepted, rounds, self._next_length(accepted))
        return block[-1] if len(block) else 0.0

    def prepare(self, block):
        """Let columns in, or sharpen a point that failed. False if nothing is left to be done for it."""
        if self.attempt is None:
            self._grow(block[-1])
            return True
        missing = self.attempt.missing
        if self.rounds <= ROUNDS and missing and self._grow(block[-1]):
            return True
        exhausted = self.sharpened == self.engine.pace.sharpenings or self.spent >= self.options.max_iter
        if exhausted or (self.columns.full and missing):
            return False
        self.engine.sharpen(self.attempt.b, self.outlook.gradient())
        self.sharpened += 1
        return True

    # ---- what came of it ----

    def judge(self, look, block):
        """The Block of the accepted points, which may be none; the first that failed becomes the attempt."""
        accepted, points = look.accepted, self._points(look, block)
        first = max(accepted - 2, 0)
        settled = [(*self._point(points, i), block[i]) for i in range(first, max(accepted, 1))]
        self.engine.settle(settled, accepted > 0)
        if accepted:
            self._go_on(accepted)
        if accepted < len(points):
            best = points[accepted]
            if self.attempt is not None and not best.gaps[0] <= self.attempt.best.gaps[0]:  # NaN is worse
                best = replace(self.attempt.best, n_iter=best.n_iter, status=best.status)
            b, b0 = self._point(points, accepted)
            self.attempt = _Attempt(b, b0, look.missing, best)
        if not accepted:
            self.rounds, self.spent = self.rounds + 1, int(points.n_iter[0])
        self.length = self._next_length(accepted)
        return points[:accepted]

    def _points(self, look, block):
        """The Block of what was solved at the lambdas `block`."""
        solved, gaps = look.solved, look.gaps
        B, n_iter = len(gaps), solved.n_iter[: len(gaps)].copy()
        n_iter[0] += self.spent
        code = np.where(n_iter >= self.options.max_iter, Status.max_iter, solved.code[:B])
        points = Block(self.columns.index, solved.x[:B], solved.b0[:B], gaps, look.losses, n_iter, code)
        return self._promoted(points, block[:B])

    def _promoted(self, points, lambdas):
        """The Block with the statuses of certified points at some lambdas."""
        status = promoted(points.status, points.gaps, self.options.tol)
        for i in np.flatnonzero(status == Status.converged):
            if self.objective.separated or (lambdas[i] == 0 and not self._attained(points, i)):
                status[i] = Status.separable
        return replace(points, status=status)

    def _attained(self, points, i):
        """Whether the loss has a minimum without a penalty, near the i-th of the points; limits are no directions."""
        objective, columns = self.objective, self.columns
        if objective.squared:
            return True
        smooth, (lower, upper) = columns.smooth(), objective.limits
        unlimited = columns.gathered(np.isinf(lower) & np.isinf(upper), False)
        moves = np.append(unlimited, np.ones(len(smooth.rows) - len(unlimited), bool))
        return attains(smooth, columns.joined(*self._point(points, i)), moves)

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
        if self.columns.full and attempt.missing:
            code = np.full(1, Status.capacity)
        self.outlook.pass_by(self.lambdas[self.k])
        self.engine.settle([(attempt.b, attempt.b0, self.lambdas[self.k])], True)
        self._go_on(1)
        return self._promoted(replace(attempt.best, status=code), self.lambdas[self.k - 1 : self.k])

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
        solved = engine.advance(lengthened, len(block))
        look = yield from loop.outlook.look(certify, solved, block, lengthened, loop.end_after)
        points = loop.judge(look, block)
        if len(points):
            yield points
