import numpy as np
from sklearn.linear_model import ElasticNetCV, LassoCV, RidgeCV, enet_path

PACKAGES = ["scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratios, folds, tol, n_jobs):
    job = X, y, lambdas, l1_ratios, folds, tol
    if l1_ratios == [0.0]:
        return RidgeCV(alphas=(len(y) - 1) * lambdas[0], store_cv_results=True).fit(X, y), job
    pairs = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    # each mixing parameter has a grid of its own, which is that of the job
    eps = lambdas[0, -1] / lambdas[0, 0]
    options = {"eps": eps, "alphas": lambdas.shape[1], "cv": pairs, "tol": tol, "n_jobs": n_jobs, "max_iter": 10**8}
    options["precompute"] = X.shape[0] >= X.shape[1]
    if l1_ratios == [1.0]:
        return LassoCV(**options).fit(X, y), job
    return ElasticNetCV(l1_ratio=l1_ratios, **options).fit(X, y), job


def coefficients(result):
    model, (X, y, lambdas, l1_ratios, folds, tol) = result
    if l1_ratios == [0.0]:
        return model.cv_results_
    parts = [np.arange(len(y)), *(np.flatnonzero(folds != k) for k in np.unique(folds))]

    def path(a, rows):
        centred = np.asfortranarray(X[rows] - X[rows].mean(axis=0))
        options = {"precompute": X.shape[0] >= X.shape[1], "max_iter": 10**8, "tol": tol}
        return enet_path(centred, y[rows] - y[rows].mean(), l1_ratio=l1_ratios[a], alphas=lambdas[a], **options)[1].T

    return np.array([[path(a, rows) for rows in parts] for a in range(len(l1_ratios))])
