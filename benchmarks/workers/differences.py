"""The fused lasso as a lasso: of the differences of its coefficients, without the level, which costs nothing."""

import numpy as np


def lasso_of(X, y):
    """Design (n, p - 1) and response (n,) of the lasso, orthogonal to the sum of the columns of X."""
    level = X.sum(axis=1)
    steps = np.asfortranarray(X[:, :0:-1].cumsum(axis=1)[:, ::-1])  # sums of the columns from 1 on, from 2 on, ...
    return steps - np.outer(level, level @ steps / (level @ level)), y - level * (level @ y / (level @ level))


def coefficients_of(differences, X, y):
    """Coefficients (L, p) of differences (L, p - 1)."""
    level = X.sum(axis=1)
    steps = np.concatenate([np.zeros((len(differences), 1)), differences.cumsum(axis=1)], axis=1)
    return steps + ((y - steps @ X.T) @ level / (level @ level))[:, None]
