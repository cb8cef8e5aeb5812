import clarabel
import numpy as np
from scipy import sparse

PACKAGES = ["clarabel", "numpy", "scipy"]


def fit(X, y, lambdas, penalty, arguments, tol):
    """The fused lasso as a quadratic program in b, r = y - Xb and the sizes of the differences."""
    n, p = X.shape
    steps, sizes = sparse.diags([-1.0, 1.0], [0, 1], (p - 1, p)), sparse.eye(p - 1)
    quadratic = sparse.diags(np.concatenate([np.zeros(p), np.full(n, 1 / n), np.zeros(p - 1)]), format="csc")
    constraints = [[X, sparse.eye(n), None], [steps, None, -sizes], [-steps, None, -sizes]]
    cones = [clarabel.ZeroConeT(n), clarabel.NonnegativeConeT(2 * (p - 1))]
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.presolve_enable = False, False  # without presolve the objective can be changed
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    bounds, coef, solver = np.concatenate([y, np.zeros(2 * (p - 1))]), [], None
    for lam in lambdas:
        objective = np.concatenate([np.zeros(p + n), np.full(p - 1, lam)])
        if solver is None:
            matrix = sparse.block_array(constraints, format="csc")
            solver = clarabel.DefaultSolver(quadratic, objective, matrix, bounds, cones, settings)
        else:
            solver.update(q=objective)
        coef.append(solver.solve().x[:p])
    return np.array(coef)


def coefficients(coef):
    return coef
