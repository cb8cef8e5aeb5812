import numpy as np
from sksurv.linear_model import CoxnetSurvivalAnalysis
from sksurv.util import Surv

PACKAGES = ["scikit-survival", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, family, folds, tol):
    response, parts, done = Surv.from_arrays(y[:, 1] > 0, y[:, 0]), [], 0
    # It ends a path where the explained deviance grows slowly, and no option keeps it from that. What is left is
    # another path, which starts from zero.
    while done < len(lambdas):
        model = CoxnetSurvivalAnalysis(alphas=lambdas[done:], l1_ratio=1.0, tol=tol, max_iter=10**9)
        parts.append(model.fit(X, response).coef_)
        done += parts[-1].shape[1]
    coef = np.concatenate(parts, axis=1)
    return np.concatenate([np.zeros((1, coef.shape[1])), coef]).T


def coefficients(coef):
    return coef
