"""What the gradients of all columns say of a block of points, and of the columns that are not worked on.

Which points are good enough, which columns are missing of the first that is not, and which are expected to come in:
by NumPy on a host, or by one program on the device, from which numbers come that are few in comparison with p.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.engines._base import Solved, as_returned
from jaxreg.engines._sizes import CHUNK

if TYPE_CHECKING:
    from jaxtyping import Float, Int

LIKELY = 1.05  # of lambda: columns that are expected to be pulled so strongly come in ahead of time
MOST_CHUNKS = 8  # of columns that come in at once, or half of those in use where that is more
FOLLOWED = 0.6  # how far along its secant a gradient is expected to go on
BASELINE = 7  # points that the secant goes back
SOON = 3  # lambdas, that of the failed point included, for which missing columns come in


class Demands(NamedTuple):
    """When a point is good enough."""

    floor: Any  # a smaller gap is as good as it gets
    good: Any  # a larger gap is worked on
    slack: Any  # of lambda: a column outside that is pulled so much more is missing,
    unsure: Any  # the same where the gap is too large
    final: Any  # whether a larger gap has to do where no column is missing


@dataclass(frozen=True)
class Look:
    """What came of a block."""

    solved: Solved  # in NumPy, as the user gets them
    gaps: Float[np.ndarray, " B"]  # of those that were solved
    losses: Float[np.ndarray, "B K"]
    accepted: int  # points, the first ones, that are good enough
    missing: bool  # whether columns are missing of the next


class Ahead(NamedTuple):
    """Columns that are not there, by how strongly they are expected to be pulled at a lambda."""

    columns: Int[Any, " k"]
    ranks: Float[Any, " k"]  # that strength; those that are missing come before all others
    likely: Any  # columns that are expected to come in
    missing: Any  # columns that are missing of a point
    present: Float[Any, " m"]  # strengths at the positions of the column set

    def strongest(self, most, least):
        """The columns of ranks above `least`, the largest first: `most` of them, and those of equal rank, a group."""
        if np.count_nonzero(self.ranks > least) > most:
            least = max(least, np.nextafter(np.partition(self.ranks, -most)[-most], 0.0))
        chosen = np.flatnonzero(self.ranks > least)
        return self.columns[chosen[np.argsort(-self.ranks[chosen], kind="stable")]]


class Outlook(ABC):
    """The gradients of accepted points, and what they say of the lambdas to come.

    Gradients are expected on their secant further on, not followed all the way.
    """

    def __init__(self, objective, columns, lam, demands, options):
        """lam: of the null model, whose gradient is the first."""
        self.objective, self.columns, self.demands, self.precision = objective, columns, demands, options.precision
        self.penalty, self.factors = objective.penalty, objective.factors

    @abstractmethod
    def look(self, certify, solved, block, lambdas, ends):
        """A generator that certifies what was solved at the lambdas `block`, and returns a Look.

        lambdas: the block and its filling; ends: a function of the number of accepted points, which gives the lambda
        where the block after them ends
        """

    @abstractmethod
    def gradient(self):
        """That of the first point that was not accepted (p [, K]), in NumPy."""

    @abstractmethod
    def pass_by(self, lam):
        """Take that point as it is, at its lambda."""

    @abstractmethod
    def ahead(self, lam) -> Ahead:
        """What is expected at lam, or is missing of the point that was not accepted."""


@final
class OnHost(Outlook):
    """By NumPy, as much as is asked for."""

    def __init__(self, objective, columns, lam, demands, options):
        super().__init__(objective, columns, lam, demands, options)
        self.screens = self.penalty.screens and not columns.whole
        self._history = deque([(objective.null_gradient, lam)], BASELINE)
        self._failed = self._pulled = None

    def look(self, certify, solved, block, lambdas, ends):
        solved = as_returned(solved, self.columns, self.precision)
        certified = yield from certify(self.columns, solved, lambdas)
        x, n_iter, code, count = (np.asarray(getattr(solved, name)) for name in ("x", "n_iter", "code", "count"))
        solved = replace(solved, x=x, n_iter=n_iter, code=code, count=int(count))
        count = solved.count
        block, gaps, gradients = block[:count], certified.gaps[:count], certified.gradients[:count]
        demands, self._pulled = self.demands, None
        fine = gaps <= demands.floor
        if not fine.all():
            strengths, beyond = self._missing(gaps, gradients, block)
            outside = beyond.any(axis=1)
            fine |= (gaps <= demands.good) & ~outside
            if demands.final:
                fine |= ~outside  # nothing can be done for them
        accepted = count if fine.all() else int(np.argmin(fine))
        self._history.extend(zip(gradients[:accepted], block[:accepted], strict=True))
        if accepted < count:
            soon = slice(accepted, accepted + SOON)
            self._pulled = np.where(beyond[soon], strengths[soon], 0.0).max(axis=0)
            self._failed = gradients[accepted]
        missing = self._pulled is not None and bool(self._pulled.any())
        return Look(solved, gaps, certified.losses[:count], accepted, missing)

    def _missing(self, gaps, gradients, block):
        """(the lambda below which each column that is not there would leave 0, whether it does at its own), (B, p)."""
        if not self.screens:
            return np.zeros((len(block), 1)), np.zeros((len(block), 1), bool)
        strengths = np.fmax(self.penalty.pulls(gradients, self.factors), 0.0)
        strengths[:, self.columns.member] = 0.0
        slack = np.where(gaps <= self.demands.good, self.demands.slack, self.demands.unsure)
        return strengths, strengths > ((1 + slack) * block)[:, None]

    def gradient(self):
        return self._failed

    def pass_by(self, lam):
        self._history.append((self._failed, lam))
        self._pulled = None

    def ahead(self, lam):
        (h_before, lam_before), (h, lam_last) = self._history[0], self._history[-1]
        if lam_before > lam_last:
            h = h + FOLLOWED * (lam - lam_last) / (lam_before - lam_last) * (h_before - h)
        strengths = np.fmax(self.penalty.pull(h, self.factors), 0.0)  # 0 / 0 is no pull
        ranks = np.where(self.columns.member, 0.0, strengths)
        likely, missing = int(np.count_nonzero(ranks > LIKELY * lam)), 0
        if self._pulled is not None:
            missing = int(np.count_nonzero(self._pulled))
            ranks = np.where(self._pulled > 0, ranks.max() + self._pulled, ranks)
        return Ahead(np.arange(len(ranks)), ranks, likely, missing, self.columns.gathered(strengths, 0.0))


@final
class OnDevice(Outlook):
    """By one program, the pass over the data included, whose results come to the host together.

    For penalties that are a sum over columns: a pull is a multiple of the gradient, one for each of its signs.
    """

    def __init__(self, objective, columns, lam, demands, options):
        super().__init__(objective, columns, lam, demands, options)
        h, one = objective.null_gradient, np.ones(objective.design.p)
        pulls = self.penalty.pull(one, self.factors), self.penalty.pull(-one, self.factors)
        history = np.repeat(h[None], BASELINE, axis=0), np.full(BASELINE, lam)
        put = objective.design.placement.put
        self._history, self._pulls, self._demands = put((history, pulls, demands))
        self._failed, self._pulled = None, put(np.zeros(objective.design.p))
        self._end, self._ahead = np.nan, None  # the lambda of what is ahead, and that

    @staticmethod
    def suits(objective, columns):
        """Whether a pass certifies, which can be a part of a program, and the penalty allows it."""
        penalty, by_pass = objective.penalty, objective.squared and columns.gram_of_all is None
        screens = penalty.screens and penalty.separable and not columns.whole
        return by_pass and screens and objective.responses is None and objective.design.operator is not None

    @property
    def _most(self):
        return min(self.objective.design.p, max(MOST_CHUNKS * CHUNK, self.columns.capacity // 2))

    def look(self, certify, solved, block, lambdas, ends):
        columns, B = self.columns, len(lambdas)
        passing = certify.within(columns, solved, lambdas, self.precision)
        last = np.array([ends(min(accepted, len(block))) for accepted in range(B + 1)])
        self._history, self._failed, self._pulled, results = _look(
            passing, self._history, (solved.x, solved.step, solved.count), columns.rows, columns.index,
            self._pulls, self._demands, lambdas, last, most=self._most,
        )  # fmt: skip
        with_solved = solved.n_iter, solved.code, solved.count, solved.used
        (accepted, x, gaps, losses, ahead), (n_iter, code, count, used) = jax.device_get((results, with_solved))
        self._ahead, self._end = ahead, last[accepted]
        solved = replace(solved, x=x, n_iter=n_iter, code=code, count=int(count), used=used)
        yield from ()
        return Look(solved, gaps[:count], losses[:count], int(accepted), bool(ahead.missing))

    def gradient(self):
        return jax.device_get(self._failed)

    def pass_by(self, lam):
        self._history, self._pulled = _passed_by(self._history, self._failed, lam)
        self._end = np.nan

    def ahead(self, lam):
        if lam != self._end:
            ahead = _ahead(self._history, lam, self._pulled, self._pulls, self.columns.index, most=self._most)
            self._ahead, self._end = jax.device_get(ahead), lam
        return self._ahead


def _strengths(h, pulls):
    """The lambdas (..., p) below which columns would leave 0."""
    up, down = pulls
    return jnp.fmax(jnp.where(h > 0, h * up, -h * down), 0.0)  # 0 * inf is no pull


@partial(jax.jit, static_argnames=("most",))
def _ahead(history, lam, pulled, pulls, index, *, most):
    """The `most` strongest columns."""
    (h, lambdas), p = history, len(pulled)
    falls = lambdas[0] > lambdas[-1]
    share = jnp.where(falls, FOLLOWED * (lam - lambdas[-1]) / jnp.where(falls, lambdas[0] - lambdas[-1], 1.0), 0.0)
    strengths = _strengths(h[-1] + share * (h[0] - h[-1]), pulls)
    ranks = jnp.where(_members(index, p), 0.0, strengths)
    likely, missing = jnp.count_nonzero(ranks > LIKELY * lam), jnp.count_nonzero(pulled)
    ranks, columns = lax.top_k(jnp.where(pulled > 0, ranks.max() + pulled, ranks), most)
    present = jnp.where(index < p, jnp.take(strengths, index, mode="clip"), 0.0)
    return Ahead(columns, ranks, likely, missing, present)


def _members(index, p):
    return jnp.zeros(p, bool).at[index].set(True, mode="drop")


@partial(jax.jit, donate_argnames="history")
def _passed_by(history, h, lam):
    """(history with one point more, no pulls of missing columns)."""
    gradients, lambdas = history
    return (jnp.append(gradients[1:], h[None], axis=0), jnp.append(lambdas[1:], lam)), jnp.zeros_like(h)


@partial(jax.jit, static_argnames=("most",), donate_argnames="history")
def _look(passing, history, solved, rows, index, pulls, demands, lambdas, ends, *, most):
    """(history, gradient and pulls of the first point that is not accepted, what comes to the host).

    That is the number of accepted points, x, gaps, losses, and what is ahead.
    """
    x, step, count = solved
    x, gaps, losses, h = passing(x, rows, index, lambdas, step)
    strengths = jnp.where(_members(index, h.shape[1]), 0.0, _strengths(h, pulls))
    slack = jnp.where(gaps <= demands.good, demands.slack, demands.unsure)
    missing = strengths > ((1 + slack) * lambdas)[:, None]
    number, outside = jnp.arange(len(lambdas)), jnp.any(missing, axis=1)
    fine = (gaps <= demands.floor) | (((gaps <= demands.good) | demands.final) & ~outside) | (number >= count)
    accepted = jnp.where(jnp.all(fine), count, jnp.argmin(fine))
    soon = (accepted <= number) & (number < jnp.minimum(accepted + SOON, count))
    pulled = jnp.max(jnp.where(soon[:, None] & missing, strengths, 0.0), axis=0)
    failed = h[jnp.minimum(accepted, len(h) - 1)]
    history = tuple(
        lax.dynamic_slice_in_dim(jnp.concatenate([before, values]), accepted, BASELINE)
        for before, values in zip(history, (h, lambdas), strict=True)
    )
    ahead = _ahead(history, ends[accepted], pulled, pulls, index, most=most)
    return history, failed, pulled, (accepted, x, gaps, losses, ahead)
