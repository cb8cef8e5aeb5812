from celer import celer_path

PACKAGES = ["celer", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, tol):
    options = {"max_iter": 1000, "max_epochs": 10**6, "prune": True, "tol": tol}
    return celer_path(X, y, "lasso", l1_ratio=l1_ratio, alphas=lambdas, **options)[1]


def coefficients(coef):
    return coef.T
