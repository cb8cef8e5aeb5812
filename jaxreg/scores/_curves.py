"""What one prediction of a class is worth: ROC curves, confusion and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Roc(NamedTuple):
    """Points of a ROC curve, from (0, 0) at the threshold infinity to (1, 1) at the least value."""

    fpr: Float[np.ndarray, " T"]
    tpr: Float[np.ndarray, " T"]
    thresholds: Float[np.ndarray, " T"]

    @property
    def auc(self) -> float:
        """The area under the curve."""
        return float(np.trapezoid(self.tpr, self.fpr))


class Bins(NamedTuple):
    """Rows in bins of what is predicted: means of both, and the weight in each bin. Empty bins are left out."""

    predicted: Float[np.ndarray, " B"]
    observed: Float[np.ndarray, " B"]
    weight: Float[np.ndarray, " B"]


def roc(share: Float[np.ndarray, " m"], values: Float[np.ndarray, " m"], weight: Float[np.ndarray, " m"]) -> Roc:
    """Shares of the others and of the class whose values reach a threshold, for every value; `share` as for `auc`."""
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits, misses = (np.cumsum(part[order])[last] for part in (share * weight, (1 - share) * weight))
    fpr, tpr = (np.concatenate([[0.0], sums / sums[-1]]) for sums in (misses, hits))
    return Roc(fpr, tpr, np.concatenate([[np.inf], ordered[last]]))


def confusion(
    members: Float[np.ndarray, "m C"], predicted: Int[np.ndarray, " m"], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "C C"]:
    """Weight of the rows of each class (rows) that are predicted to be of each (columns)."""
    counts = np.zeros((members.shape[1], members.shape[1]))
    np.add.at(counts.T, predicted, weight[:, None] * members)
    return counts


def calibration(
    observed: Float[np.ndarray, " m"],
    predicted: Float[np.ndarray, " m"],
    weight: Float[np.ndarray, " m"],
    bins: int,
    strategy: str,
) -> Bins:
    """Bins of about one weight ("quantile"), or between 0 and 1 of one width ("uniform"), by what is predicted.

    A prediction at the edge of two bins is in the lower one, so that equal ones stay together.
    """
    inner = np.arange(1, bins) / bins
    edges = inner if strategy == "uniform" else _quantiles(predicted, weight, inner)
    place = np.searchsorted(edges, predicted)
    total = np.bincount(place, weight, bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weight * values, bins) / total for values in (predicted, observed)]
    filled = total > 0
    return Bins(*(values[filled] for values in (*means, total)))


def _quantiles(values, weight, levels):
    """The least values up to which there are these shares of the weight."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    # sums of equal weights miss a share by rounding
    return values[order][np.searchsorted(reached, levels * reached[-1] * (1 - 4 * np.finfo(float).eps * len(values)))]
