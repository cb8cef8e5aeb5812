import numpy as np

import jaxreg as jr

PACKAGES = ["jaxreg", "jax", "jaxlib", "numpy", "scipy"]
LOSSES = {
    "squared": jr.losses.Squared(),
    "logistic": jr.losses.Binomial(),
    "multinomial": jr.losses.Multinomial(),
    "grouped": jr.losses.Multinomial(),
    "poisson": jr.losses.Poisson(),
    "cox": jr.losses.Cox(ties="breslow"),
}


def fit(X, y, lambdas, family, folds, tol):
    penalty = jr.penalties.MultiTaskLasso() if family == "grouped" else jr.penalties.Lasso()
    options = {"loss": LOSSES[family], "penalty": penalty, "lambdas": lambdas, "standardize": False, "tol": tol}
    if folds is None:
        return jr.fit_path(X, response(y, family), **options), None
    cv = jr.fit_cv(X, response(y, family), cv=folds, averaging="equal", **options)
    return cv, (X, y, family, folds, options)


def coefficients(result):
    path, cv = result
    if cv is None:
        return with_intercept(path)
    X, y, family, folds, options = cv
    weights = [np.ones(len(y)), *((folds != k) * 1.0 for k in np.unique(folds))]  # one shape, to compile once
    return np.array([with_intercept(jr.fit_path(X, response(y, family), sample_weight=w, **options)) for w in weights])


def response(y, family):
    return {"time": y[:, 0], "event": y[:, 1] > 0} if family == "cox" else y


def with_intercept(path):
    return np.concatenate([path.intercept[:, None], path.coef], axis=1)
