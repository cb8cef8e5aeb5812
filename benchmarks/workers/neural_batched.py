"""All networks in one call: strengths, folds and seeds side by side."""

import numpy as np
import optax

import jaxreg as jr

PACKAGES = ["jaxreg", "jax", "jaxlib", "optax", "numpy"]
MODEL = jr.neural.MLP((64, 64, 64), "classification")
OPTIONS = {"regularizer": jr.neural.L2(), "optimizer": optax.adam(1e-3), "batch_size": 32}


def pairs(folds):
    return [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]


def fit(X, y, strengths, _, folds, epochs, seeds):
    options = OPTIONS | {"epochs": epochs, "seeds": seeds, "refit": False}
    return jr.neural.fit_path(MODEL, X, y, strengths=strengths[0], cv=pairs(folds), **options)


def coefficients(path):
    """Losses (2, S, K, R) at the end: training, held out."""
    return np.stack([path.train_loss[..., -1], path.valid_loss[..., -1]])
