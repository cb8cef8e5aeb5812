import numpy as np
from celer import ElasticNetCV, LassoCV, celer_path

PACKAGES = ["celer", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratios, folds, tol, n_jobs):
    pairs = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    eps = lambdas[0, -1] / lambdas[0, 0]
    options = {"eps": eps, "n_alphas": lambdas.shape[1], "cv": pairs, "tol": tol, "n_jobs": n_jobs}
    options |= {"max_iter": 1000, "max_epochs": 10**6}
    model = LassoCV(**options) if l1_ratios == [1.0] else ElasticNetCV(l1_ratio=l1_ratios, **options)
    return model.fit(X, y), (X, y, lambdas, l1_ratios, folds, tol)


def coefficients(result):
    _, (X, y, lambdas, l1_ratios, folds, tol) = result
    parts = [np.arange(len(y)), *(np.flatnonzero(folds != k) for k in np.unique(folds))]
    options = {"max_iter": 1000, "max_epochs": 10**6, "prune": True, "tol": tol}

    def path(a, rows):
        centred = np.asfortranarray(X[rows] - X[rows].mean(axis=0))
        centred_y = y[rows] - y[rows].mean()
        return celer_path(centred, centred_y, "lasso", l1_ratio=l1_ratios[a], alphas=lambdas[a], **options)[1].T

    return np.array([[path(a, rows) for rows in parts] for a in range(len(l1_ratios))])
