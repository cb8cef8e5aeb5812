import numpy as np
from group_lasso import GroupLasso

PACKAGES = ["group-lasso", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, penalty, arguments, tol):
    # Its steps take half of the gradient, so that the penalty counts twice; it multiplies by the root of the size
    # itself. Once the objective moves by rounding alone its search doubles the bound again and again: each fit starts
    # anew from 5/4 of the exact bound, which passes the search.
    lipschitz = 1.25 * np.linalg.norm(X, 2) ** 2 / len(y)
    options = {"l1_reg": 0.0, "tol": tol, "n_iter": 10**6, "fit_intercept": False, "supress_warning": True}
    model = GroupLasso(arguments["labels"], warm_start=True, random_state=0, **options)
    coef = []
    for lam in lambdas:
        model.group_reg = lam / 2
        model.fit(X, y, lipschitz=lipschitz)
        coef.append(model.coef_[:, 0])
    return np.array(coef)


def coefficients(coef):
    return coef
