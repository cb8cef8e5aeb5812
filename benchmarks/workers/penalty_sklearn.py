import numpy as np
from sklearn.linear_model import enet_path

PACKAGES = ["scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, penalty, arguments, tol):
    # with several responses this is the path of MultiTaskLasso
    return enet_path(X, np.asfortranarray(y), l1_ratio=1.0, alphas=lambdas, check_input=False, max_iter=10**8, tol=tol)[
        1
    ]


def coefficients(coef):
    return coef.transpose(2, 1, 0)
