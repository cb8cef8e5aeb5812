import numpy as np
from sortedl1 import Slope

PACKAGES = ["sortedl1", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, penalty, arguments, tol):
    model = Slope(arguments["weights"], fit_intercept=False, tol=tol, max_iter=10**7)
    # no early end
    path = model.path(X, y, lambdas, tol_dev_change=0.0, tol_dev_ratio=1.0, max_clusters=X.shape[1] + 1)
    return path.coefs


def coefficients(coef):
    return np.squeeze(coef, axis=1).T if coef.ndim == 3 else coef.T
