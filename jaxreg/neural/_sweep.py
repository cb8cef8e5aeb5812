"""All lanes of a sweep: strengths x folds x seeds, in tiles that train side by side."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._progress import Interrupted
from jaxreg.design import _placement
from jaxreg.neural import _training
from jaxreg.neural._training import Groups, Plan

# lanes of a tile on a CPU: more do not fit the cache with their optimizer, fewer pay for each small operation
CPU_LANES = 16
STRETCHES = 20  # into which the epochs are cut: after each of them a bar moves on, and Ctrl-C is heard


class Tile(NamedTuple):
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
    """Training of G groups at S strengths (S, J), each lane for its limit (G, S) of epochs, `epochs` at most."""

    plan: Plan
    source: Any  # Resident or Streamed
    groups: Groups  # NumPy, but for the keys
    strengths: np.ndarray
    limit: np.ndarray
    epochs: int
    most: int | None  # lanes that train side by side

    def __post_init__(self):
        on_cpu = _placement.current().on_host
        G, S = self.limit.shape
        most = self.most or (CPU_LANES if on_cpu else G * S)
        self.tiles = tiles(G, S, most)
        self.threaded = on_cpu and len(self.tiles) > 1
        self.interrupted = threading.Event()

    def _arguments(self, tile):
        dtype = self.source.dtype
        groups = Groups(*(jnp.asarray(each[tile.groups]) for each in self.groups))
        return (
            groups,
            jnp.asarray(self.strengths[tile.strengths], dtype),
            jnp.asarray(self.limit[np.ix_(tile.groups, tile.strengths)]),
        )

    def _start(self, arguments):
        return _start(self.plan, *arguments, self.source.example, self.epochs)

    def shapes(self):
        """Lanes of one tile, as shapes."""
        return jax.eval_shape(lambda: self._start(self._arguments(self.tiles[0])))

    def train(self, lanes, first, last, of, show):
        """Train the lanes of each tile, a list, in the epochs from `first` to before `last`; None: from their start.

        Returns the epochs that are done, all of them where no lane goes on. Then the list has of(lane), in NumPy: where
        all epochs are one block, the lanes of a tile are let go before the next tile starts. `show` is called with the
        epochs that are done.
        """
        done = np.full(len(self.tiles), first)
        length = math.ceil(self.epochs / STRETCHES)

        def one(k):
            arguments = self._arguments(self.tiles[k])
            if lanes[k] is None:
                lanes[k] = self._start(arguments)
            for low in range(first, last, length):
                if self.interrupted.is_set():
                    raise KeyboardInterrupt
                high = min(low + length, last)
                lanes[k] = jax.block_until_ready(self.source.train(self.plan, *arguments, lanes[k], low, high))
                done[k] = high
                show(done.mean())
            if last == self.epochs:
                lanes[k] = _on_host(of(lanes[k]))

        self._each(one, range(len(self.tiles)))
        if last < self.epochs and not any(np.asarray(lane.active).any() for lane in lanes):
            lanes[:] = [_on_host(of(lane)) for lane in lanes]
            return self.epochs
        return last

    def gathered(self, found):
        """The pytree of all lanes, leaves (G, S, ...), from those of each tile."""

        def leaf(*parts):
            whole = np.empty((*self.limit.shape, *parts[0].shape[2:]), parts[0].dtype)
            for tile, part in zip(self.tiles, parts, strict=True):
                whole[np.ix_(tile.groups, tile.strengths)] = part
            return whole

        return jax.tree.map(leaf, *found)

    def _each(self, work, items):
        if not self.threaded:
            for item in items:
                work(item)
            return
        try:
            _placement.current().in_threads(work, items, x64=self.source.dtype == np.float64, stop=self.interrupted.set)
        except Interrupted:
            raise KeyboardInterrupt from None


def run(sweep, of: Callable, kept, show):
    """The pytree of(lane) of all lanes after all epochs, leaves (G, S, ...).

    `kept`, Unkept or a stage of a Checkpoint, has the lanes of the last time, and gets them after every so many epochs.
    """
    done, lanes = kept.last(sweep, of)
    show(done)
    while done < sweep.epochs:
        done = sweep.train(lanes, done, min(done + kept.every, sweep.epochs), of, show)
        kept.save(done, lanes)
        show(done)
    return sweep.gathered(lanes)


def _on_host(tree):
    return jax.tree.map(np.asarray, tree)


_start = jax.jit(_training.start, static_argnames="epochs")
