import os

import numpy as np
from glum import GeneralizedLinearRegressor, GeneralizedLinearRegressorCV
from threadpoolctl import threadpool_limits

PACKAGES = ["glum", "scikit-learn", "numpy", "scipy"]
DISTRIBUTIONS = {"logistic": "binomial", "poisson": "poisson"}


def fit(X, y, lambdas, family, folds, tol, n_threads):
    threadpool_limits(os.cpu_count() if n_threads == "all" else n_threads)
    options = {"family": DISTRIBUTIONS[family], "l1_ratio": 1.0, "gradient_tol": tol}
    options |= {"max_iter": 10**6, "max_inner_iter": 10**9}
    if folds is None:
        return path(X, y, lambdas, options), None
    pairs = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    found = GeneralizedLinearRegressorCV(alphas=lambdas, cv=pairs, **options).fit(X, y)
    return found, (X, y, lambdas, folds, options)


def path(X, y, lambdas, options):
    model = GeneralizedLinearRegressor(alpha=lambdas.tolist(), alpha_search=True, **options).fit(X, y)
    return np.column_stack([model.intercept_path_, model.coef_path_])


def coefficients(result):
    coef, cv = result
    if cv is None:
        return coef
    X, y, lambdas, folds, options = cv
    parts = [np.arange(len(y)), *(np.flatnonzero(folds != k) for k in np.unique(folds))]
    return np.array([path(np.asfortranarray(X[rows]), y[rows], lambdas, options) for rows in parts])
