"""All lanes of a sweep: strengths x folds x seeds, in tiles that train side by side."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg import _lockstep
from jaxreg.neural import _training
from jaxreg.neural._training import Groups, Plan

# lanes of a tile on a CPU: more do not fit the cache with their optimizer, fewer pay for each small operation
CPU_LANES = 16


@dataclass(frozen=True)
class Tile:
    """Positions of the groups and strengths that train side by side; the last ones may repeat, to keep shapes."""

    groups: np.ndarray
    strengths: np.ndarray


def tiles(G, S, most):
    """Tiles of up to `most` lanes, all of one shape, strengths first: they share minibatches."""
    width = _even(S, most)
    height = _even(G, max(1, most // width))
    return [Tile(g, s) for g in _parts(G, height) for s in _parts(S, width)]


def _even(count, most):
    """The size of the fewest parts of `count` with up to `most` each."""
    return math.ceil(count / math.ceil(count / most))


def _parts(count, size):
    return [np.minimum(np.arange(low, low + size), count - 1) for low in range(0, count, size)]


@dataclass
class Sweep:
    """Training of G groups at S strengths (S, J), each lane for its limit (G, S) of epochs."""

    plan: Plan
    source: Any  # Resident or Streamed
    groups: Groups  # NumPy, but for the keys
    strengths: np.ndarray
    limit: np.ndarray
    most: int | None  # lanes that train side by side

    def __post_init__(self):
        on_cpu = jax.default_backend() == "cpu"
        G, S = self.limit.shape
        most = self.most or (CPU_LANES if on_cpu else G * S)
        self.tiles = tiles(G, S, most)
        self.threaded = on_cpu and len(self.tiles) > 1

    def _arguments(self, tile):
        dtype = self.source.dtype
        groups = Groups(*(jnp.asarray(each)[tile.groups] for each in self.groups))
        return (
            groups,
            jnp.asarray(self.strengths[tile.strengths], dtype),
            jnp.asarray(self.limit[np.ix_(tile.groups, tile.strengths)]),
        )

    def start(self):
        """Lanes of each tile before the first epoch."""
        return self._each(lambda tile: _start(self.plan, *self._arguments(tile), self.source.example), self.tiles)

    def train(self, lanes, first, epochs):
        """(lanes of each tile, losses (G, S, epochs, 2)) after more epochs."""

        def one(job):
            tile, lane = job
            lane, losses = self.source.train(self.plan, *self._arguments(tile), lane, first, epochs)
            return lane, np.asarray(losses)

        found = self._each(one, list(zip(self.tiles, lanes, strict=True)))
        losses = np.empty((*self.limit.shape, epochs, 2))
        for tile, (_, part) in zip(self.tiles, found, strict=True):
            losses[np.ix_(tile.groups, tile.strengths)] = np.moveaxis(part, 0, 2)
        return [lane for lane, _ in found], losses

    def gathered(self, lanes, of: Callable):
        """The pytree of(lane) of all lanes in NumPy: leaves (G, S, ...)."""
        parts = [jax.tree.map(np.asarray, of(lane)) for lane in lanes]

        def leaf(*found):
            whole = np.empty((*self.limit.shape, *found[0].shape[2:]), found[0].dtype)
            for tile, part in zip(self.tiles, found, strict=True):
                whole[np.ix_(tile.groups, tile.strengths)] = part
            return whole

        return jax.tree.map(leaf, *parts)

    def _each(self, work, items):
        if not self.threaded:
            return [work(item) for item in items]
        return _lockstep.each(work, items, x64=self.source.dtype == np.float64)


_start = jax.jit(_training.start)
