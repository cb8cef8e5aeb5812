import jax
import numpy as np

import jaxreg as jr

PACKAGES = ["jaxreg", "jax", "jaxlib", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratios, folds, tol):
    # on an accelerator the lanes of the proximal solver go side by side; ridge leaves one out by itself
    auto = jax.default_backend() == "cpu" or l1_ratios == [0.0]
    options = {"standardize": False, "tol": tol, "solver": "auto" if auto else "proximal"}
    if l1_ratios == [0.0]:
        cv = jr.fit_cv(X, y, l1_ratios=l1_ratios, cv="loo", lambdas=lambdas[0], **options)
    else:
        ratio = lambdas[0, -1] / lambdas[0, 0]
        cv = jr.fit_cv(X, y, l1_ratios=l1_ratios, cv=folds, lambda_min_ratio=ratio, averaging="equal", **options)
    return cv, (X, y, lambdas, l1_ratios, folds, options)


def coefficients(result):
    cv, (X, y, lambdas, l1_ratios, folds, options) = result
    if l1_ratios == [0.0]:
        return cv.fold_loss[0]
    parts = [np.arange(len(y)), *(np.flatnonzero(folds != k) for k in np.unique(folds))]

    def path(a, rows):
        penalty = jr.penalties.ElasticNet(l1_ratio=l1_ratios[a])
        return jr.fit_path(X[rows], y[rows], penalty=penalty, lambdas=lambdas[a], **options).coef

    return np.array([[path(a, rows) for rows in parts] for a in range(len(l1_ratios))])
