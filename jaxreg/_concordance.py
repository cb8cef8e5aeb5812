"""Harrell's index of concordance, of censored times and linear predictors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg.losses import _risk_sets

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def concordance(
    y: Float[np.ndarray, "n c"], eta: Float[np.ndarray, "n ..."], weight: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " ..."]:
    """Share of the pairs, of a death and a row at risk that survives it, whose risks are in that order; ties are half.

    A pair is of one stratum, and counts with the product of its weights. y is encoded, as `Cox.encode` does. NaN where
    there is no pair. Each column of eta takes O(n log n).
    """
    counting = weight > 0
    y = _risk_sets.with_places(np.asarray(y, np.float64)[counting, :4])
    order = y[:, _risk_sets.ORDER].astype(int)
    stratum, own = y[order, _risk_sets.STRATUM], weight[counting][order]
    first, after = (y[:, column].astype(int) for column in (_risk_sets.FIRST, _risk_sets.AFTER))
    place = np.arange(len(y))
    died = place < after
    # a death goes with all rows in later positions, less those that enter later, whose entries are among the positions
    row, position = place, 2 * np.where(died, first, place)
    asking, counted = np.where(died, own, 0.0), own
    if y.shape[1] == _risk_sets.WITH_ENTRIES:
        before = y[:, _risk_sets.BEFORE].astype(int)
        late = np.flatnonzero(before)
        row, position = np.append(row, late), np.append(position, 2 * before[late] - 1)
        asking, counted = np.append(asking, np.zeros(len(late))), np.append(counted, -own[late])

    in_turn = np.argsort(position)
    sums = np.append(0.0, np.cumsum(counted[in_turn]))
    end = 2 * np.searchsorted(stratum, stratum[died], side="right")
    until, since = (
        np.searchsorted(position[in_turn], *of) for of in ((end, "left"), (position[: len(y)][died], "right"))
    )
    pairs = asking[: len(y)][died] @ (sums[until] - sums[since])

    def concordant(column):
        """Half the weight of pairs whose risks are in order, and half of that where ties are, too."""
        risk = column[row]
        orders = [np.lexsort((ties, risk, stratum[row])) for ties in (position, -position)]
        return sum(_in_order(position[by_risk], asking[by_risk], counted[by_risk]) for by_risk in orders) / 2

    columns = np.asarray(eta, np.float64)[counting][order]
    totals = np.array([concordant(column) for column in columns.reshape(len(columns), -1).T])
    with np.errstate(invalid="ignore"):
        return (totals / pairs).reshape(columns.shape[1:])


def _in_order(
    position: Int[np.ndarray, " m"], asking: Float[np.ndarray, " m"], counted: Float[np.ndarray, " m"]
) -> float:
    """Sum of asking_i counted_j over the j before i with a later position.

    Two positions differ first in one bit, which is 0 in that of i. Bit by bit from the highest, rows that share all
    bits above are side by side, in the order that they came in.
    """
    total = 0.0
    for bit in reversed(range(int(position.max(initial=0)).bit_length())):
        late = (position >> bit) % 2 == 1
        above = position >> (bit + 1)
        so_far = np.cumsum(np.where(late, counted, 0.0))
        first = np.maximum.accumulate(np.where(np.diff(above, prepend=-1) != 0, np.arange(len(position)), 0))
        # rows that ask are not late, so that what is counted at the first of its kind came before it
        total += np.where(late, 0.0, asking) @ (so_far - so_far[first] + np.where(late, counted, 0.0)[first])
        parted = np.concatenate([np.flatnonzero(~late), np.flatnonzero(late)])
        position, asking, counted = position[parted], asking[parted], counted[parted]
    return total
