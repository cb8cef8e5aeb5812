"""Which columns of a path a figure names: those that a choice rests on, or those that enter first and stay."""

import numpy as np

SCALES = ("sd", "raw")


def feature_scale(path, scale="sd") -> np.ndarray:
    """What the coefficients (p,) are multiplied by: 1 for "raw", the standard deviations of the columns for "sd".

    Where the result does not know the standard deviations, those of an old file say, it is 1 too.
    """
    return path.feature_sd if scale == "sd" and len(path.feature_sd) else np.ones(path.n_features)


def prominent(path, response=0, lam=None, scale="sd") -> np.ndarray:
    """Positions of the columns that matter to one response, the most important first.

    With `lam` those are not 0 there, by the absolute coefficient on that scale. Without it, they are not 0 from some
    lambda on down to the last, in the order in which they enter; those that enter together, as all do in ridge, are
    ordered by their size at the last lambda.
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
    """Absolute values on the scale; what is not finite has no size."""
    size = np.abs(coef * factors)
    return np.where(np.isfinite(size), size, 0.0)
