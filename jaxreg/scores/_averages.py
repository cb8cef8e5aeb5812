"""Weights of rows, and averages of scores over folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def row_weight(data: Any) -> Float[np.ndarray, " n"]:
    """The weights of the Data, scaled to be 1 on average."""
    return data.weight / data.weight.mean()


def average(
    fold_loss: Float[np.ndarray, "... K L"], fold_weight: Float[np.ndarray, " K"], repeats: int
) -> tuple[Float[np.ndarray, "... L"], Float[np.ndarray, "... L"]]:
    """(mean, standard error) of losses over K folds, those of all repeats, with their weights.

        m = sum_k W_k e_k,    se^2 = sum_k W_k (e_k - m)^2 / (K - 1),    sum_k W_k = 1

    as in glmnet. Repeats draw other folds of the same data: se^2 is the mean of theirs, each about its own m. The
    standard error of one fold alone is NaN.
    """
    *leading, K, L = fold_loss.shape
    losses = fold_loss.reshape(*leading, repeats, K // repeats, L)
    weight = fold_weight.reshape(repeats, -1, 1)
    weight = weight / weight.sum(axis=1, keepdims=True)
    mean = (weight * losses).sum(axis=-2, keepdims=True)
    if K == repeats:
        return mean.mean(axis=(-3, -2)), np.full((*leading, L), np.nan)
    scale = np.abs(losses - mean).max() or 1.0  # the square of a loss may overflow
    variance = (weight * ((losses - mean) / scale) ** 2).sum(axis=-2) / (K // repeats - 1)
    return mean.mean(axis=(-3, -2)), scale * np.sqrt(variance.mean(axis=-2))
