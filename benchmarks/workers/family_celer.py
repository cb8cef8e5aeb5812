import numpy as np
from celer import celer_path

PACKAGES = ["celer", "scikit-learn", "numpy", "scipy"]
FREE = 1e-6  # weight of the column of ones: it fits no intercept, and takes no weight of 0


def fit(X, y, lambdas, family, folds, tol):
    n, p = X.shape
    design = np.ones((n, 1 + p), order="F")
    design[:, 1:] = X
    weights = np.concatenate([[FREE], np.ones(p)])
    # of its solvers for the logistic loss coordinate descent alone knows weights; its loss is the sum over rows
    options = {"max_iter": 1000, "max_epochs": 10**6, "prune": True, "tol": tol, "use_PN": False}
    return celer_path(design, 2 * y - 1, "logreg", alphas=n * lambdas, weights=weights, **options)[1]


def coefficients(coef):
    return coef.T
