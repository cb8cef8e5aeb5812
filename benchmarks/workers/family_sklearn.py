import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

PACKAGES = ["scikit-learn", "numpy", "scipy"]
# of the solvers for this penalty the other one, liblinear, penalises the intercept
OPTIONS = {"l1_ratio": 1.0, "solver": "saga", "max_iter": 10**7, "random_state": 0}


def fit(X, y, lambdas, family, folds, tol):
    if folds is None:
        return path(X, y, lambdas, tol), None
    pairs = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    options = OPTIONS | {"l1_ratios": [OPTIONS["l1_ratio"]], "scoring": "neg_log_loss", "cv": pairs, "tol": tol}
    options |= {"use_legacy_attributes": False}
    del options["l1_ratio"]
    # its loss is the sum over the training rows, of which all folds have the same number
    found = LogisticRegressionCV(Cs=1 / (len(pairs[0][0]) * lambdas), **options).fit(X, y)
    return found, (X, y, lambdas, folds, tol)


def path(X, y, lambdas, tol):
    model, coef = LogisticRegression(tol=tol, warm_start=True, **OPTIONS), []
    X = np.ascontiguousarray(X)
    for lam in lambdas:
        model.C = 1 / (len(y) * lam)
        model.fit(X, y)
        coef.append(np.column_stack([model.intercept_, model.coef_]))
    return np.array(coef)


def coefficients(result):
    coef, cv = result
    if cv is None:
        return coef.swapaxes(1, 2)
    X, y, lambdas, folds, tol = cv
    parts = [np.arange(len(y)), *(np.flatnonzero(folds != k) for k in np.unique(folds))]
    return np.array([path(X[rows], y[rows], lambdas, tol) for rows in parts])
