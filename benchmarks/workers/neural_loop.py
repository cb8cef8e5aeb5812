"""The same networks one after the other, by the same code: compiled once, since model and optimizer are the same."""

import numpy as np
from neural_batched import MODEL, OPTIONS, PACKAGES, pairs

import jaxreg as jr

__all__ = ["PACKAGES"]


def fit(X, y, strengths, _, folds, epochs, runs):
    """`runs` are (strength, fold, seed) by position."""
    of_folds, options = pairs(folds), OPTIONS | {"epochs": epochs, "refit": False}
    return [
        jr.neural.fit_path(MODEL, X, y, strengths=[strengths[0, s]], cv=[of_folds[k]], seeds=[r], **options)
        for s, k, r in runs
    ]


def coefficients(paths):
    """Losses (2, runs) at the end: training, held out."""
    return np.array(
        [[path.train_loss[0, 0, 0, -1] for path in paths], [path.valid_loss[0, 0, 0, -1] for path in paths]]
    )
