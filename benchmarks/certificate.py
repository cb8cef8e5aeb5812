"""The one judge: relative duality gaps of a whole path in NumPy float64, from X, y and the coefficients alone."""

import numpy as np

BLOCK = 4096  # columns converted to float64 at a time


def path_bounds(problem, coef):
    """Objectives (L,), dual values (L,) and the loss of b = 0, at coefficients (L, p) without intercept.

    With r = y - Xb, h = X'r/n, l1 = lambda a and l2 = lambda (1 - a), two dual values are valid and the larger counts:

        D1 = s r'y/n - s^2/2 (r'r/n + l2 b'b),   s = min(1, l1 / max|h - l2 b|)
        D2 = r'y/n - r'r/(2n) - sum_j (|h_j| - l1)_+^2 / (2 l2)                                    (a < 1)
    """
    X, lambdas, a = problem.X, problem.lambdas, problem.l1_ratio
    n, p = X.shape
    y, coef = problem.y.astype(np.float64), np.asarray(coef, np.float64)
    blocks = [slice(start, start + BLOCK) for start in range(0, p, BLOCK)]
    r = np.tile(y, (len(lambdas), 1))
    for block in blocks:
        r -= coef[:, block] @ X[:, block].T.astype(np.float64, copy=False)
    h = np.concatenate([r @ X[:, block].astype(np.float64, copy=False) for block in blocks], axis=1) / n

    l1, l2 = lambdas * a, lambdas * (1 - a)
    rr, ry = _dots(r, r) / n, r @ y / n
    ridge = l2 * _dots(coef, coef)
    primal = rr / 2 + l1 * abs(coef).sum(axis=1) + ridge / 2
    s = np.minimum(1, l1 / np.maximum(abs(h - l2[:, None] * coef).max(axis=1), np.finfo(float).tiny))
    dual = s * ry - s**2 / 2 * (rr + ridge)
    if a < 1:
        excess = np.maximum(abs(h) - l1[:, None], 0)
        dual = np.maximum(dual, ry - rr / 2 - _dots(excess, excess) / (2 * l2))
    return primal, dual, y @ y / (2 * n)


def whole_path(problem, coef):
    """Coefficients in the problem's `coef_shape` of flat ones; None if points are missing or are not numbers."""
    shape = problem.coef_shape
    return coef.reshape(shape) if coef.size == np.prod(shape) and np.isfinite(coef).all() else None


def _dots(a, b):
    return np.einsum("ij,ij->i", a, b)


class Judge:
    """Worst gap and worst excess of paths of one problem, both relative to the null loss.

    The gap is what a solution proves by itself: its objective less the dual value of its own residual. Near the optimum
    it is of first order in the error, the objective of second order. The excess is therefore judged too: the objective
    less the best dual value that any path seen so far has given, which bounds its distance to the optimum.
    """

    def __init__(self, problem, bounds=path_bounds):
        """bounds: gives, as path_bounds does, the objectives, the dual values and the null loss."""
        self.problem, self.bounds = problem, bounds
        self.best_dual = np.full(len(problem.lambdas), -np.inf)

    def __call__(self, coef):
        """(gap, excess) of coefficients (L * p * K,); None if points are missing or are not numbers."""
        coef = whole_path(self.problem, coef)
        if coef is None:
            return None
        primal, dual, null_loss = self.bounds(self.problem, coef)
        self.best_dual = np.maximum(self.best_dual, dual)
        return float((primal - dual).max() / null_loss), float((primal - self.best_dual).max() / null_loss)
