"""Many loops over lambda side by side: threads on the host, one pass over the data for all."""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

import jax
import numpy as np

from jaxreg._progress import Interrupted
from jaxreg.certificates._certificate import Correlations


@cache
def _threads():
    """Kept from call to call: the first compiled call in a new thread takes milliseconds."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="jaxreg")


def each(work, items, watch=lambda result: None, x64=True, stop=lambda: None):
    """[work(item) for item in items], in a thread per core; `watch` is called with each result.

    After an error `stop` is called, which may tell the work that it need not go on.

    A small compiled loop runs on one core: two threads take 0.6 (1000 x 1000) to 0.8 (10000 x 200) of the time of one,
    over all of `fit_cv`. Under `vmap`, where every lane waits for the slowest at every step, ten lanes took four times
    as long as one after the other (10000 x 200, CPU).
    """

    def scoped(item):
        with jax.enable_x64(x64):  # holds for one thread
            return work(item)

    running, found = [_threads().submit(scoped, item) for item in items], []
    try:
        for future in running:
            found.append(future.result())
            watch(found[-1])
    except BaseException as error:
        stop()
        for future in running:
            future.cancel()
        wait(running)  # what has begun goes to its end: no thread works on behind the caller's back
        if isinstance(error, KeyboardInterrupt):
            finished = [None if each.cancelled() or each.exception() else each.result() for each in running]
            raise Interrupted(finished) from None
        raise
    return found


def run(loops, lanes, watch):
    """All points of each loop, a list per lane; their requests are answered in one product with the base design.

    `watch` is called with the lists as they grow.
    """
    points: list[list] = [[] for _ in loops]
    asked: list = [None] * len(loops)  # (rows, answer of the base) of each lane

    def advance(k):
        """The rows for which the loop asks next, None at its end."""
        answer = None if asked[k] is None else lanes[k].from_base(*asked[k])
        while True:
            try:
                got = loops[k].send(answer)
            except StopIteration:
                return None
            if isinstance(got, Correlations):
                return np.asarray(got.R)
            points[k].extend(got)
            answer = None

    live, most = list(range(len(loops))), 0
    try:
        while live:
            rows = each(advance, live)
            watch(points)
            live = [k for k, R in zip(live, rows, strict=True) if R is not None]
            rows = [R for R in rows if R is not None]
            if not live:
                break
            stacked = np.concatenate([lanes[k].to_base(R) for k, R in zip(live, rows, strict=True)])
            most = max(most, len(stacked))
            answer = np.asarray(lanes[0].base.correlate(_padded(stacked, most)))
            ends = np.cumsum([len(R) for R in rows])
            for k, R, first in zip(live, rows, [0, *ends], strict=False):
                asked[k] = answer[first : first + len(R)], R
    except KeyboardInterrupt:
        raise Interrupted(points) from None
    return points


def _padded(rows, most):
    """`rows` with zeros up to `most`, or a half, quarter, ... of it: few shapes, few compilations."""
    size = most
    while size // 2 >= len(rows):
        size //= 2
    return np.concatenate([rows, np.zeros((size - len(rows), rows.shape[1]))])
