"""Held-out accuracy of the networks of `neural_batched`, from the first seed: refitted to the rows of each fold."""

import numpy as np
from neural_batched import MODEL, OPTIONS, PACKAGES, pairs

import jaxreg as jr

__all__ = ["PACKAGES"]


def fit(X, y, strengths, _, folds, epochs):
    few = [np.split(np.arange(2 * OPTIONS["batch_size"]), 2)]  # the fits of all rows count; these take a step an epoch
    found = []
    for train, test in pairs(folds):
        path = jr.neural.fit_path(MODEL, X[train], y[train], strengths=strengths[0], cv=few, epochs=epochs, **OPTIONS)
        found.append([(path.predict(X[test], strength) == y[test]).mean() for strength in path.strengths])
    return np.array(found).T


def coefficients(accuracy):
    """(S, K)."""
    return accuracy
