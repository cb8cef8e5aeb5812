import numpy as np
from celer import celer_path
from celer.homotopy import mtl_path
from differences import coefficients_of, lasso_of

PACKAGES = ["celer", "scikit-learn", "numpy", "scipy"]


def group(X, y, options, labels):
    sizes = np.bincount(labels)
    return celer_path(X, y, "grouplasso", groups=sizes.tolist(), weights=np.sqrt(sizes), **options)[1].T


def multitask(X, y, options):
    return mtl_path(X, y, **options)[1].transpose(2, 1, 0)


def fused(X, y, options):
    return coefficients_of(celer_path(*lasso_of(X, y), "lasso", **options)[1].T, X, y)


PATHS = {"group": group, "multitask": multitask, "fused": fused}


def fit(X, y, lambdas, penalty, arguments, tol):
    options = {"alphas": lambdas, "max_iter": 1000, "max_epochs": 10**6, "prune": True, "tol": tol}
    return PATHS[penalty](X, y, options, **arguments)


def coefficients(coef):
    return coef
