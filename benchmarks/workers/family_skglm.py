import numpy as np
from skglm.datafits import Cox, Logistic, Poisson
from skglm.penalties import L1
from skglm.solvers import ProxNewton

PACKAGES = ["skglm", "numba", "scikit-learn", "numpy", "scipy"]
DATAFITS = {"logistic": Logistic, "poisson": Poisson, "cox": Cox}


def fit(X, y, lambdas, family, folds, tol):
    # ProxNewton alone does all three families, and the logistic one much faster than AndersonCD; it has no path: every
    # lambda starts from the one before
    datafit, free = DATAFITS[family](), int(family != "cox")
    y = 2 * y - 1 if family == "logistic" else y
    solver = ProxNewton(tol=tol, max_iter=1000, fit_intercept=bool(free))
    n, p = X.shape
    w, fitted, coef = np.zeros(p + free), np.zeros(n), []
    for lam in lambdas:
        w = solver.solve(X, y, datafit, L1(lam), w.copy(), fitted)[0]
        fitted = X @ w[:p] + w[p:].sum()
        coef.append(np.concatenate([w[p:] if free else [0.0], w[:p]]))
    return np.array(coef)


def coefficients(coef):
    return coef
