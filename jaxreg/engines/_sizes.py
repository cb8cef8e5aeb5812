"""How many columns a column set has room for: steps of the one ladder of capacities."""

from abc import ABC, abstractmethod
from itertools import chain, count, takewhile
from typing import final

from jaxreg._capacities import capacities, capacity_for

CHUNK = 64  # columns that are appended at once
COARSE = 4096  # capacities in tiles from here on are those of the ladder
FEW = 1152  # columns of which the working set holds most: on real data, what was let go often comes back
MOST_OF_ALL = 0.6
FILL = 0.9  # a capacity is left when a larger share is needed
ACTIVE = 0.7  # with a ridge part also when a larger share is active, since n does not bound that
SMALLEST, SMALLEST_RIDGE = 256, 384  # capacity to begin with, without and with a ridge part
# capacities in tiles, below those of the ladder: fewer, since epochs pass over active columns only
IN_TILES = (256, 1024)


class Sizes(ABC):
    """The capacities that a column set goes through."""

    first: int  # capacity to begin with

    @abstractmethod
    def suited(self, capacity, in_use, need):
        """Capacities, the best first, for the columns `in_use` (number) and `need` more, to go on from `capacity`."""


@final
class Saturating(Sizes):
    """For work that grows with the square of the capacity: few steps up to that of a lasso with n active columns.

    From that one on it moves only where the active columns fill the present one: what is left out now comes in when it
    violates. Each capacity below costs a compilation.
    """

    def __init__(self, n, p, need, ridge):
        self._ridge = ridge
        self.saturated, self.steps = capacity_steps(n, p, need, SMALLEST_RIDGE if ridge else SMALLEST)
        self.first = self.steps[0]

    def _holds(self, capacity, in_use, need):
        """Whether `capacity` holds `need` columns more than those in use, which are not too large a part of it."""
        share = ACTIVE if self._ridge else 1.0
        return in_use + need <= room(capacity) and in_use + min(need, capacity // 16) <= share * capacity

    def suited(self, capacity, in_use, need):
        if capacity >= self.saturated and self._holds(capacity, in_use, min(need, capacity // 16)):
            return [capacity]
        wanted = next((step for step in self.steps if self._holds(step, in_use, need)), self.steps[-1])
        return [step for step in reversed(self.steps) if step <= wanted] + [capacity]


@final
class Tight(Sizes):
    """For work that grows with the capacity: the least that holds the columns."""

    def __init__(self, in_tiles=False):
        self._in_tiles = in_tiles
        self.first = IN_TILES[0] if in_tiles else capacity_for(0)

    def suited(self, capacity, in_use, need):
        if not self._in_tiles:
            return [capacity_for(in_use + need)]
        coarse = chain(IN_TILES, (step for step in capacities() if step >= COARSE))
        return [next(step for step in coarse if step >= in_use + need)]


@final
class Stepped(Sizes):
    """For work of which little grows with the capacity: few of them, each twice the one before."""

    first = SMALLEST

    def suited(self, capacity, in_use, need):
        steps = (SMALLEST * 2**k for k in count())
        return [next(step for step in steps if step >= in_use + need)]


def room(capacity):
    """Columns up to which a capacity of a tableau is filled: a whole chunk more has to fit."""
    return min(int(FILL * capacity), capacity - CHUNK)


def capacity_steps(n, p, need, smallest):
    """(saturated, all): the capacity that suffices for a lasso on n rows, and those that a path may go through.

    Few below the first: each costs a compilation. The last one has room for all p columns.
    """
    most = MOST_OF_ALL * p if p <= FEW else 0
    saturated = next(c for c in capacities() if room(c) >= max(min(1.05 * n + CHUNK, p), need, most))
    below = {max(smallest, capacity_for(saturated / 4))}
    if saturated >= 1024:
        below.add(capacity_for(saturated / 2))
    reachable = sorted(c for c in below if 1.5 * c < saturated and need <= room(c))
    last = next(c for c in capacities() if room(c) >= max(p, need) and c >= saturated)
    between = takewhile(lambda c: c <= last, capacities())
    return saturated, reachable + [c for c in between if c >= saturated]
