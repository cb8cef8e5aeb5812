import numpy as np
from differences import coefficients_of, lasso_of
from numba import float64
from skglm.datafits import Quadratic, QuadraticGroup, QuadraticMultiTask
from skglm.penalties import L1, L2_1, SCAD, SLOPE, MCPenalty, WeightedGroupL2
from skglm.solvers import FISTA, AndersonCD, GroupBCD, MultiTaskBCD
from skglm.utils.data import grp_converter

PACKAGES = ["skglm", "numba", "scikit-learn", "numpy", "scipy"]
LIMITS = {"max_iter": 1000, "max_epochs": 10**6}


# Solvers that have no path of their own compute the constants of the loss anew at every lambda, which would take longer
# than all the rest: here they are told.
class WithBound(Quadratic):
    def __init__(self, bound):
        self.bound = bound

    def get_spec(self):
        return (*super().get_spec(), ("bound", float64))

    def params_to_dict(self):
        return {"bound": self.bound}

    def get_global_lipschitz(self, X, y):
        return self.bound


class GroupsWithBounds(QuadraticGroup):
    def __init__(self, grp_ptr, grp_indices, bounds):
        self.grp_ptr, self.grp_indices, self.bounds = grp_ptr, grp_indices, bounds

    def get_spec(self):
        return (*super().get_spec(), ("bounds", float64[:]))

    def params_to_dict(self):
        return super().params_to_dict() | {"bounds": self.bounds}

    def get_lipschitz(self, X, y):
        return self.bounds


def group(X, y, lambdas, tol, labels):
    sizes = np.bincount(labels)
    indices, starts = grp_converter(sizes.tolist(), X.shape[1])
    bounds = [np.linalg.norm(part, 2) ** 2 / len(y) for part in np.split(X, starts[1:-1], axis=1)]
    solver, datafit = GroupBCD(tol=tol, **LIMITS), GroupsWithBounds(starts, indices, np.array(bounds))
    return _warm(solver, X, y, datafit, lambdas, lambda lam: WeightedGroupL2(lam, np.sqrt(sizes), starts, indices))


def multitask(X, y, lambdas, tol):
    solver = MultiTaskBCD(tol=tol, fit_intercept=False, **LIMITS)
    return solver.path(X, y, QuadraticMultiTask(), L2_1(1.0), lambdas)[1].transpose(2, 1, 0)


def slope(X, y, lambdas, tol, weights):
    solver = FISTA(tol=tol, max_iter=10**6, opt_strategy="fixpoint")
    datafit = WithBound(np.linalg.norm(X, 2) ** 2 / len(y))
    return _warm(solver, X, y, datafit, lambdas, lambda lam: SLOPE(np.array(weights), lam))


def mcp(X, y, lambdas, tol, gamma):
    return _coordinate(X, y, lambdas, tol, MCPenalty(1.0, gamma))


def scad(X, y, lambdas, tol, gamma):
    return _coordinate(X, y, lambdas, tol, SCAD(1.0, gamma))


def fused(X, y, lambdas, tol):
    return coefficients_of(_coordinate(*lasso_of(X, y), lambdas, tol, L1(1.0)), X, y)


def _coordinate(X, y, lambdas, tol, penalty):
    solver = AndersonCD(tol=tol, fit_intercept=False, **LIMITS)
    return solver.path(X, y, Quadratic(), penalty, alphas=lambdas)[1].T


def _warm(solver, X, y, datafit, lambdas, penalty_at):
    """A path of a solver that has none: every lambda starts from the one before."""
    w, fitted, coef = np.zeros(X.shape[1]), np.zeros(len(y)), []
    for lam in lambdas:
        w = solver.solve(X, y, datafit, penalty_at(lam), w.copy(), fitted)[0]
        fitted = X @ w
        coef.append(w)
    return np.array(coef)


PATHS = {"group": group, "multitask": multitask, "slope": slope, "mcp": mcp, "scad": scad, "fused": fused}


def fit(X, y, lambdas, penalty, arguments, tol):
    return PATHS[penalty](X, y, lambdas, tol, **arguments)


def coefficients(coef):
    return coef
