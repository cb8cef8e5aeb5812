"""Where the rows are: on the device, or on the host, from where minibatches stream."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.neural import _training
from jaxreg.neural._mapped import release

JUDGED = 512  # rows of which the losses are worked out at a time: their activations stay in a cache
TAKEN = 512  # rows that are read from a file at a time: each may bring pages of its own
CHUNK = 16 * 2**20  # bytes of rows that are on their way to the device


class Resident:
    """All rows on the device."""

    def __init__(self, X, target, dtype):
        self.block = min(len(X), JUDGED)
        extra = -len(X) % self.block
        pad = lambda a: jnp.asarray(np.pad(np.asarray(a, dtype), [(0, extra)] + [(0, 0)] * (a.ndim - 1)))  # noqa: E731
        self.data = pad(X), pad(target)
        self.dtype = dtype

    @property
    def example(self):
        return self.data[0][:1]

    def groups(self, groups, keys):
        """The groups of data with these rows."""
        extra = len(self.data[0]) - groups.train.shape[1]
        train, held_out = (np.pad(w, [(0, 0), (0, extra)]).astype(self.dtype) for w in (groups.train, groups.held_out))
        return groups._replace(train=train, held_out=held_out, key=keys)

    def train(self, plan, groups, strengths, limit, lane, first, last):
        """Lanes after the epochs from `first` to before `last`."""
        return _training.train(plan, self.data, groups, strengths, limit, lane, first, last, self.block)


_steps = jax.jit(partial(_training.steps, fetch=lambda batch: batch))
_order = jax.jit(_training.order)
_measure_sums = jax.jit(_training.measure_sums)
_end_of_epoch = jax.jit(_training.end_of_epoch)


class Streamed:
    """Rows on the host, in memory or in a memory-mapped file; a thread reads ahead of the device."""

    def __init__(self, X, target, dtype):
        self.X, self.target, self.dtype = X, np.asarray(target, dtype), dtype
        self.n = len(X)

    @property
    def example(self):
        return jnp.asarray(self._read(np.zeros(1, int)))

    def groups(self, groups, keys):
        """The groups of data with these rows."""
        train, held_out = (w.astype(self.dtype) for w in (groups.train, groups.held_out))
        return groups._replace(train=train, held_out=held_out, key=keys)

    def _read(self, rows):
        """X[rows] for rows of any shape; each row is read once, in the order of the file."""
        distinct, place = np.unique(rows, return_inverse=True)
        found = np.empty((len(distinct), *self.X.shape[1:]), self.dtype)
        for low in range(0, len(distinct), TAKEN):
            part = slice(low, low + TAKEN)
            found[part] = self.X[distinct[part]]
            release(self.X)
        return found[place].reshape(*rows.shape, *self.X.shape[1:])

    def _minibatches(self, rows, weights) -> Iterator:
        """Parts (t, (x, target), weight) of an epoch's minibatches."""
        of_one = rows[0].size * self.X[0].size * np.dtype(self.dtype).itemsize
        size = int(np.clip(CHUNK // of_one, 1, len(rows)))
        for low in range(0, len(rows), size):
            part = slice(low, low + size)
            yield np.arange(len(rows))[part], (self._read(rows[part]), self.target[rows[part]]), weights[part]

    def _blocks(self, groups) -> Iterator:
        """Parts (x, target, train, held_out) of all rows, the last one filled up."""
        for low in range(0, self.n, JUDGED):
            at = np.arange(low, low + min(self.n, JUDGED))
            rows = np.minimum(at, self.n - 1)
            weights = (np.where(at < self.n, np.asarray(w)[:, rows], 0) for w in (groups.train, groups.held_out))
            yield self._read(rows), self.target[rows], *weights

    def _ahead(self, parts):
        """The parts on the device, each made in a thread while the one before is worked on."""

        def made():
            with jax.enable_x64(self.dtype == np.float64):  # holds for one thread
                return jax.device_put(next(parts, None))

        coming = _readers().submit(made)
        try:
            while (part := coming.result()) is not None:
                coming = _readers().submit(made)
                yield part
        finally:
            wait([coming])  # no thread works on behind the caller's back

    def train(self, plan, groups, strengths, limit, lane, first, last):
        """Lanes after the epochs from `first` to before `last`."""
        # each part is waited for: else they would queue on the device where reading is faster than training
        done = jax.block_until_ready
        for epoch in range(first, last):
            if not np.asarray(lane.active).any():
                break
            rows, weights = map(np.asarray, _order(plan, groups, epoch))
            new, measures = lane, 0.0
            with closing(self._ahead(self._minibatches(rows, weights))) as parts:
                for part in parts:
                    new = done(_steps(plan, new, groups, strengths, epoch, part))
            with closing(self._ahead(self._blocks(groups))) as parts:
                for part in parts:
                    measures = done(measures + _measure_sums(plan, new, strengths, *part))
            lane = _end_of_epoch(plan, lane, new, limit, measures / _training.totals(groups))
        return lane


@cache
def _readers():
    """Kept: each new thread would keep some memory of what it read."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="jaxreg-reader")
