"""Which columns of a path a figure names: those that a choice rests on, or those that enter first and stay."""

import numpy as np


def feature_scale(path) -> np.ndarray:
    """Standard deviations (p,) of the columns, 1 where the result does not know them: an old file, say."""
    return path.feature_sd if len(path.feature_sd) else np.ones(path.n_features)


def prominent(path, response=0, lam=None) -> np.ndarray:
    """Positions of the columns that matter to one response, the most important first.

    With `lam` those are not 0 there, by the absolute coefficient times the standard deviation of the column. Without
    it, they are not 0 from some lambda on down to the last, in the order in which they enter; those that enter
    together, as all do in ridge, are ordered by their size at the last lambda.
    """
    count = path.n_responses or 1
    sd = feature_scale(path)
    if lam is not None:
        coef = path.coef_at(lam)[1].reshape(-1, count)[:, response]
        size = np.abs(coef) * sd
        return np.argsort(-size, kind="stable")[: np.count_nonzero(coef)]
    coef = path.coef_sparse[:, response::count]
    features = np.unique(coef.indices[coef.data != 0])
    curves = coef[:, features].toarray()
    stays = np.flip(np.minimum.accumulate(np.flip(curves != 0, axis=0), axis=0), axis=0).sum(axis=0)  # lambdas
    order = np.lexsort((-np.abs(curves[-1]) * sd[features], -stays)) if len(features) else np.zeros(0, int)
    return features[order[stays[order] > 0]]
