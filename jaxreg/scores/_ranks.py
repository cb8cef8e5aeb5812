"""Measures of ranks: how well numbers tell the rows of a class from the others, whatever their scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

AT_ONCE = 2**20  # entries that are sorted at once


class _Ranked(NamedTuple):
    """Numbers (L, m), each L sorted in itself."""

    order: Int[np.ndarray, "L m"]
    first: Int[np.ndarray, "L m"]  # place of the first of the equal numbers at each place
    last: Int[np.ndarray, "L m"]  # and of the last


def _ranked(values):
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    place = np.arange(values.shape[1])
    differs = ordered[:, 1:] != ordered[:, :-1]
    edge = np.ones((len(values), 1), bool)
    first = np.maximum.accumulate(np.where(np.hstack([edge, differs]), place, 0), axis=1)
    backwards = np.where(np.hstack([differs, edge]), place, place[-1])[:, ::-1]
    return _Ranked(order, first, np.minimum.accumulate(backwards, axis=1)[:, ::-1])


def _sums(values):
    """Sums (L, m + 1) of the first 0, 1, ... m of the entries (L, m)."""
    return np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))


def _by_blocks(of_block, share, values, weight):
    """`of_block` of the shares and weights (m,) that count, and of the lambdas of values (m, L), some at once."""
    counts = weight > 0
    share, weight, rows = share[counts], weight[counts], np.ascontiguousarray(values[counts].T)
    step = max(1, AT_ONCE // len(share))
    blocks = [of_block(share * weight, (1 - share) * weight, rows[i : i + step]) for i in range(0, len(rows), step)]
    return np.concatenate(blocks)


def auc(
    share: Float[np.ndarray, " m"], values: Float[np.ndarray, "m L"], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " L"]:
    """Areas under the ROC curves of values: the chance that a row of the class has the larger one, ties half.

    A row belongs to the class with a `share` of its weight (0 or 1 for a label), to the others with the rest, as in
    glmnet. NaN where one of both is missing.
    """

    def of_block(inside, outside, rows):
        order, first, last = _ranked(rows)
        below = _sums(outside[order])
        pairs = np.take_along_axis(below, first, 1) + np.take_along_axis(below, last + 1, 1)
        with np.errstate(invalid="ignore"):
            return (inside[order] * pairs).sum(axis=1) / (2 * inside.sum() * outside.sum())

    return _by_blocks(of_block, share, values, weight)


def average_precision(
    share: Float[np.ndarray, " m"], values: Float[np.ndarray, "m L"], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " L"]:
    """Mean, over the rows of the class, of the precision where the rows from their value up are called members of it.

    Shares are as for `auc`. NaN where no row is of the class.
    """

    def of_block(inside, outside, rows):
        order, first, _ = _ranked(rows)
        from_here = [_sums(part[order][:, ::-1])[:, :0:-1] for part in (inside, outside)]
        hits, misses = (np.take_along_axis(sums, first, 1) for sums in from_here)
        precision = hits / np.where(hits > 0, hits + misses, 1.0)
        with np.errstate(invalid="ignore"):
            return (inside[order] * precision).sum(axis=1) / inside.sum()

    return _by_blocks(of_block, share, values, weight)
