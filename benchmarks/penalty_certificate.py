"""The judge of the other penalties, in NumPy float64, from X, y and the coefficients alone.

A convex penalty is a norm, or one but for directions that it leaves free, and is judged by relative duality gaps. MCP
and SCAD are not convex: their paths are judged by how far they are from stationary, and by their objectives.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from benchmarks.certificate import Judge, whole_path


@dataclass(frozen=True)
class Groups:
    """Sum over groups g of sqrt(size of g) |b_g|, with the number of each column's group in `labels` (p,)."""

    labels: list
    free: ClassVar[bool] = False

    def __call__(self, coef):
        return (self._norms(coef) * self._weights()).sum(axis=1)

    def dual(self, h):
        return (self._norms(h) / self._weights()).max(axis=1)

    def _norms(self, values):
        labels = np.array(self.labels)
        return np.sqrt([np.bincount(labels, squares) for squares in values**2])

    def _weights(self):
        return np.sqrt(np.bincount(self.labels))


@dataclass(frozen=True)
class Rows:
    """Sum over columns j of |b_j|, the norm over the responses."""

    free: ClassVar[bool] = False

    def __call__(self, coef):
        return np.linalg.norm(coef, axis=2).sum(axis=1)

    def dual(self, h):
        return np.linalg.norm(h, axis=2).max(axis=1)


@dataclass(frozen=True)
class Sorted:
    """Sum over k of weights[k] times the k-th largest |b_j|; weights (p,) descend."""

    weights: list
    free: ClassVar[bool] = False

    def __call__(self, coef):
        return _descending(coef) @ self.weights

    def dual(self, h):
        return (_descending(h).cumsum(axis=1) / np.cumsum(self.weights)).max(axis=1)


@dataclass(frozen=True)
class Variation:
    """Sum over j of |b_(j+1) - b_j|; b = 1 is free, so that only h of sum 0 has a dual norm: see `admissible`."""

    free: ClassVar[bool] = True

    def __call__(self, coef):
        return abs(np.diff(coef, axis=1)).sum(axis=1)

    def dual(self, h):
        return abs(h.cumsum(axis=1)[:, :-1]).max(axis=1)


@dataclass(frozen=True)
class MCP:
    """Sum of lambda |b| - b^2 / (2 gamma) up to |b| = gamma lambda, constant from there (Zhang, 2010)."""

    gamma: float

    def __call__(self, coef, lambdas):
        capped = np.minimum(abs(coef), self.gamma * lambdas[:, None])
        return (lambdas[:, None] * capped - capped**2 / (2 * self.gamma)).sum(axis=1)

    def slope(self, size, lam):
        return np.maximum(lam - size / self.gamma, 0)


@dataclass(frozen=True)
class SCAD:
    """Sum with slope lambda up to |b| = lambda, from there falling to 0 at gamma lambda (Fan and Li, 2001)."""

    gamma: float

    def __call__(self, coef, lambdas):
        lam, size = lambdas[:, None], abs(coef)
        beyond = np.clip(size, lam, self.gamma * lam) - lam  # over the part where the slope falls
        return (lam * np.minimum(size, lam) + beyond * lam - beyond**2 / (2 * (self.gamma - 1))).sum(axis=1)

    def slope(self, size, lam):
        return np.clip((self.gamma * lam - size) / (self.gamma - 1), 0, lam)


NORMS = {"group": Groups, "multitask": Rows, "slope": Sorted, "fused": Variation}
NONCONVEX = {"mcp": MCP, "scad": SCAD}


def judge_of(problem):
    """The judge of a problem of penalty_rows."""
    if problem.penalty in NONCONVEX:
        return StationarityJudge(problem, NONCONVEX[problem.penalty](**problem.arguments))
    return Judge(problem, partial(penalty_bounds, NORMS[problem.penalty](**problem.arguments)))


def lambda_max(X, y, penalty, arguments):
    """The smallest lambda at which b = 0, or of its free directions alone, is a solution, or is stationary."""
    if penalty in NONCONVEX:
        return abs(X.T @ y).max() / len(y)
    norm = NORMS[penalty](**arguments)
    return norm.dual(_gradients(X, admissible(norm, X, y[None])))[0]


def penalty_bounds(norm, problem, coef):
    """Objectives (L,), dual values (L,) and the loss of b = 0, at coefficients (L, p) or (L, p, K) without intercept.

    With r = y - Xb, made orthogonal to X u where the penalty leaves a direction u free, h = X'r/n, and the dual norm:

        D = s r'y/n - s^2/2 r'r/n,   s = min(1, lambda / dual(h))
    """
    X, y, lambdas, n = problem.X, problem.y, problem.lambdas, len(problem.y)
    r = _residuals(problem, coef)
    primal = _dots(r, r) / (2 * n) + lambdas * norm(coef)
    r = admissible(norm, X, r)
    s = np.minimum(1, lambdas / np.maximum(norm.dual(_gradients(X, r)), np.finfo(float).tiny))
    dual = s * _dots(r, y) / n - s**2 / 2 * _dots(r, r) / n
    return primal, dual, (y**2).sum() / (2 * n)


def admissible(norm, X, r):
    """Residuals (L, n, ...) of which the dual norm is finite: orthogonal to X 1, where b = 1 is free."""
    if not norm.free:
        return r
    free = X.sum(axis=1)
    return r - np.multiply.outer(r @ free / (free @ free), free)


class StationarityJudge:
    """Worst distance of minus the gradient to the subdifferential over a path, relative to lambda_max; objectives."""

    def __init__(self, problem, penalty):
        self.problem, self.penalty = problem, penalty

    def __call__(self, coef):
        """(violation, violation, objectives) of coefficients (L * p,); None if points are missing or not numbers."""
        coef = whole_path(self.problem, coef)
        if coef is None:
            return None
        r, lambdas = _residuals(self.problem, coef), self.problem.lambdas
        h, lam = _gradients(self.problem.X, r), lambdas[:, None]
        away = abs(h - np.sign(coef) * self.penalty.slope(abs(coef), lam))
        violation = float(np.where(coef == 0, np.maximum(abs(h) - lam, 0), away).max() / lambdas.max())
        objectives = _dots(r, r) / (2 * r.shape[1]) + self.penalty(coef, lambdas)
        return violation, violation, objectives.tolist()


def compared_objectives(results):
    """Of every program, its most accurate path's objectives and how far the worst is above the best program's there.

    The objectives are taken out of the sweeps of `results`, a dict from program to what was measured of it.
    """
    found = {}
    for name, result in results.items():
        points = [(point["gap"], point.pop("objectives")) for point in result["sweep"] if "objectives" in point]
        if points:
            found[name] = min(points)[1]
    best = np.min(list(found.values()), axis=0) if found else None
    return {
        name: {"above_best": float((np.array(values) / best - 1).max()), "values": values}
        for name, values in found.items()
    }


def _residuals(problem, coef):
    """y - X b for coefficients (L, p) or (L, p, K)."""
    return problem.y - np.moveaxis(np.tensordot(coef, problem.X, axes=(1, 1)), -1, 1)


def _gradients(X, r):
    """X'r/n for residuals (L, n) or (L, n, K)."""
    return np.moveaxis(np.tensordot(r, X, axes=(1, 0)), -1, 1) / len(X)


def _descending(values):
    return np.sort(abs(values), axis=1)[:, ::-1]


def _dots(a, b):
    return (a * b).reshape(len(a), -1).sum(axis=1)
