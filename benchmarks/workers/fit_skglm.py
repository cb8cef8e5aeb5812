from skglm.datafits import Quadratic
from skglm.penalties import L1, L1_plus_L2
from skglm.solvers import AndersonCD

PACKAGES = ["skglm", "numba", "scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, tol):
    penalty = L1(1.0) if l1_ratio == 1 else L1_plus_L2(1.0, l1_ratio)
    solver = AndersonCD(max_iter=1000, max_epochs=10**6, tol=tol, fit_intercept=False)
    return solver.path(X, y, Quadratic(), penalty, alphas=lambdas)[1]


def coefficients(coef):
    return coef.T
