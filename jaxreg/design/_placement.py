"""Where arrays are and how work is dispatched: the one place that asks for the backend, for cores and for memory."""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from jaxreg._capacities import padded_length
from jaxreg._progress import Interrupted

GROUPS = "groups"  # the axis of a mesh over which groups of problems are shared out
LITTLE = 2**26  # bytes that are there without asking
TILE = 128  # columns in whole tiles: what an accelerator multiplies at once
GROUP = Path("/sys/fs/cgroup")  # limits of a container, where there are any


@dataclass(frozen=True)
class Placement:
    """Where a design's arrays are.

    Attributes
    ----------
    on_host : bool
        Whether JAX computes where NumPy does: then products may be those of NumPy, and copies are none.
    accelerated : bool
        Whether methods for accelerators are preferred.
    threads : int
        Threads of the host that dispatch work.
    devices : tuple
        Those of this process over which lanes are shared out.
    """

    on_host: bool
    accelerated: bool
    threads: int
    devices: tuple

    @property
    def mesh(self):
        """The devices as one axis, GROUPS; None for one device."""
        return None if len(self.devices) == 1 else Mesh(np.array(self.devices), (GROUPS,))

    def padded(self, p):
        """Columns to which arrays of all p are padded."""
        return -(-p // TILE) * TILE if self.accelerated else padded_length(p)

    def has_room(self, size):
        """Whether so many bytes more are free."""
        return size <= LITTLE or size <= self.available()

    def available(self):
        """Free bytes of the device, or of the host where that computes; infinite where nobody knows."""
        used = jax.devices()[0].memory_stats()  # None on a CPU
        if used is not None:
            return used.get("bytes_limit", np.inf) - used.get("bytes_in_use", 0)
        return min(_of_host(), _of_group())

    def put(self, tree):
        """The arrays of a tree where JAX computes: once, in place of with each program that they are given to."""
        return tree if self.on_host else jax.device_put(tree)

    def in_threads(self, work, items, watch=lambda result: None, x64=True, stop=lambda: None):
        """[work(item) for item in items], in the threads of the host; `watch` is called with each result.

        After an error `stop` is called, which may tell the work that it need not go on.

        A small compiled loop runs on one core: two threads take 0.6 (1000 x 1000) to 0.8 (10000 x 200) of the time of
        one, over all of `fit_cv`. Under `vmap`, where every lane waits for the slowest at every step, ten lanes took
        four times as long as one after the other (10000 x 200, CPU).
        """

        def scoped(item):
            with jax.enable_x64(x64):  # holds for one thread
                return work(item)

        running, results = [_pool(self.threads).submit(scoped, item) for item in items], []
        try:
            for future in running:
                results.append(future.result())
                watch(results[-1])
        except BaseException as error:
            stop()
            for future in running:
                future.cancel()
            wait(running)  # what has begun goes to its end: no thread works on behind the caller's back
            if isinstance(error, KeyboardInterrupt):
                finished = [None if future.cancelled() or future.exception() else future.result() for future in running]
                raise Interrupted(finished) from None
            raise
        return results


def current():
    """The Placement of data that are fitted now."""
    on_host = jax.default_backend() == "cpu"
    devices = tuple(jax.local_devices())[: 1 if on_host else None]
    return Placement(on_host=on_host, accelerated=not on_host, threads=os.cpu_count() or 1, devices=devices)


@cache
def _pool(threads):
    """Kept from call to call: the first compiled call in a new thread takes milliseconds."""
    return ThreadPoolExecutor(threads, thread_name_prefix="jaxreg")


def _of_host():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return np.inf


def _of_group():
    try:
        limit, used = ((GROUP / name).read_text() for name in ("memory.max", "memory.current"))
        return int(limit) - int(used)
    except (OSError, ValueError):  # there is none
        return np.inf
