"""Loops over lambda, one alone, or many side by side, where one pass over the data serves all of them."""

import numpy as np

from jaxreg._progress import Interrupted
from jaxreg.certificates._certificate import Correlations


def run(loops, lanes, watch):
    """All blocks of points of each loop, a list per lane; requests are answered by one product with the base design.

    `watch` is called with the lists as they grow.
    """
    blocks: list[list] = [[] for _ in loops]
    asked: list = [None] * len(loops)  # (rows, answer of the base) of each lane

    def advance(k):
        """The rows for which the loop asks next, None at its end."""
        answer = None if asked[k] is None else lanes[k].from_base(*asked[k])
        while True:
            try:
                result = loops[k].send(answer)
            except StopIteration:
                return None
            if isinstance(result, Correlations):
                return np.asarray(result.R)
            blocks[k].append(result)
            answer = None

    live, most, placement = list(range(len(loops))), 0, lanes[0].placement
    try:
        while live:
            rows = placement.in_threads(advance, live)
            watch(blocks)
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
        raise Interrupted(blocks) from None
    return blocks


def answered(loop, design):
    """The blocks of points of one loop, its requests answered one by one."""
    answer = None
    while True:
        try:
            block = loop.send(answer)
        except StopIteration:
            return
        answer = design.correlate(block.R) if isinstance(block, Correlations) else None
        if answer is None:
            yield block


def _padded(rows, most):
    """`rows` with zeros up to `most`, or a half, quarter, ... of it: few shapes, few compilations."""
    size = most
    while size // 2 >= len(rows):
        size //= 2
    return np.concatenate([rows, np.zeros((size - len(rows), rows.shape[1]))])
