"""GridSearchCV of MLPClassifier on all cores."""

import os

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

PACKAGES = ["scikit-learn", "numpy", "scipy", "joblib"]
SCORING = ["neg_log_loss", "accuracy"]

os.environ["PYTHONWARNINGS"] = "ignore"  # of its processes: that max_iter is reached, as it should be


def fit(X, y, strengths, _, folds, epochs, seeds, every):
    # its alpha is divided by the rows of a minibatch; tol and n_iter_no_change let no fit end early
    model = MLPClassifier(
        (64, 64, 64), batch_size=32, learning_rate_init=1e-3, max_iter=epochs, n_iter_no_change=epochs + 1
    )
    grid = {"alpha": 32 * strengths[0, ::every], "random_state": range(seeds)}
    pairs = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    search = GridSearchCV(model, grid, cv=pairs, scoring=SCORING, refit=False, n_jobs=-1)
    return search.fit(np.ascontiguousarray(X), y.astype(int)).cv_results_


def coefficients(results):
    """(2, strengths, folds, seeds): held-out loss and accuracy."""
    seeds = len(set(results["param_random_state"]))
    folds = sum(key.startswith("split") for key in results) // len(SCORING)
    scores = np.array([[results[f"split{k}_test_{name}"] for k in range(folds)] for name in SCORING])
    scores[0] *= -1
    return scores.reshape(2, folds, -1, seeds).swapaxes(1, 2)
