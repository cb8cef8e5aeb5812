"""The columns of a path that a figure names: the largest at the choice, or the first to enter and stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg.plotting._scale import feature_scale

if TYPE_CHECKING:
    from jaxtyping import Int


def prominent(path, response=0, lam=None, scale="sd") -> Int[np.ndarray, " m"]:
    """Positions of the columns that matter to one response, the most important first.

    With `lam`, these columns are not 0 at `lam`, and their order is that of their absolute coefficients on the scale.
    Without it, they are not 0 from some lambda down to the last, and their order is that in which they enter. Columns
    that enter together, as in ridge, are ordered by their size at the last lambda.
    """
    count = path.n_responses or 1
    factors = feature_scale(path, scale)
    if lam is not None:
        coef = path.coef_at(lam)[1].reshape(-1, count)[:, response]
        size = _size(coef, factors)
        return np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
    coef = path.coef_sparse[:, response::count]
    features = np.unique(coef.indices[coef.data != 0])
    curves = coef[:, features].toarray()
    stays = np.flip(np.minimum.accumulate(np.flip(curves != 0, axis=0), axis=0), axis=0).sum(axis=0)  # lambdas
    order = np.lexsort((-_size(curves[-1], factors[features]), -stays))
    return features[order[stays[order] > 0]]


def _size(coef, factors):
    """Absolute values on the scale; 0 for values that are not finite."""
    size = np.abs(coef * factors)
    return np.where(np.isfinite(size), size, 0.0)
