"""The rows of cross-validation: problems of `rows`, with folds.

Columns of X and y are centred and scaled to variance 1 beforehand; every program fits an intercept and leaves the
columns as they are, on the same folds and lambdas.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmarks import rows
from benchmarks.certificate import Judge

FOLDS = 10
MIXES = {"lasso": (1.0,), "mixes": (0.1, 0.5, 0.7, 0.9, 1.0), "grid": tuple(k / 10 for k in range(1, 11))}
NAME = re.compile(r"(?:cv-ar(?P<rho>[\d.]+)|loo-ridge)-(?P<n>\d+)x(?P<p>\d+)(?:-(?P<kind>lasso|mixes|grid))?")
RHO = 0.5  # of the ridge row
SHAPES = ((10000, 200), (1000, 1000), (200, 10000), (1000, 10000))
NAMES = {
    "cpu": [f"cv-ar0.5-{n}x{p}-{kind}" for n, p in SHAPES for kind in ("lasso", "mixes")] + ["loo-ridge-2000x1000"],
    "gpu": ["cv-ar0.5-10000x1000-grid"],  # 10,000 fits, and 1,000 of all rows
}
CHECKED = 5  # rows whose leave-one-out error is computed by a fit without them


@dataclass(frozen=True)
class CVProblem:
    """Data X (n, p) in Fortran order, y (n,), descending lambdas (A, L), mixing parameters (A,) and fold ids (n,)."""

    X: np.ndarray
    y: np.ndarray
    lambdas: np.ndarray
    l1_ratios: np.ndarray
    folds: np.ndarray
    refits: ClassVar[bool] = True  # as of rows.Problem

    @property
    def l1_ratio(self):
        return self.l1_ratios.tolist()

    @property
    def points(self):
        return self.lambdas.size * (1 + len(np.unique(self.folds)))

    def job(self):
        return {"n_lambdas": self.lambdas.shape[1], "l1_ratios": self.l1_ratio}

    def about(self):
        return {"l1_ratio": self.l1_ratio}

    def judge(self):
        return FoldJudge(self)

    def training_sets(self):
        """Rows of all the data and of the folds, in this order."""
        yield np.arange(len(self.y))
        for k in np.unique(self.folds):
            yield np.flatnonzero(self.folds != k)


class FoldJudge:
    """Worst gap over mixing parameters, folds and lambdas of coefficients (A, K + 1, L, p), those of all rows first."""

    def __init__(self, problem):
        self.problem = problem

    def __call__(self, coef):
        """(gap, gap); None if points are missing or are not numbers."""
        problem = self.problem
        sets = list(problem.training_sets())
        shape = len(problem.l1_ratios), len(sets), problem.lambdas.shape[1], problem.X.shape[1]
        if coef.size != np.prod(shape) or not np.isfinite(coef).all():
            return None
        coef, worst = coef.reshape(shape), 0.0
        for k, train in enumerate(sets):
            X, y = problem.X[train], problem.y[train]
            X, y = np.asfortranarray(X - X.mean(axis=0)), y - y.mean()
            for a, l1_ratio in enumerate(problem.l1_ratios):
                alone = rows.Problem(X, y, problem.lambdas[a], l1_ratio)
                worst = max(worst, Judge(alone)(coef[a, k].ravel())[0])
        return worst, worst


@dataclass(frozen=True)
class LeftOutProblem(CVProblem):
    """Ridge that leaves one out: results are the squared errors (n, L)."""

    def judge(self):
        return LeftOutJudge(self)


class LeftOutJudge:
    """Largest relative deviation of the errors of some rows from fits without them, which stands for the gap."""

    def __init__(self, problem):
        self.problem = problem
        n, L = len(problem.y), problem.lambdas.shape[1]
        self.rows = np.linspace(0, n - 1, CHECKED).astype(int)
        self.expected = np.empty((CHECKED, L))
        for k, i in enumerate(self.rows):
            X, y = np.delete(problem.X, i, axis=0), np.delete(problem.y, i)
            centre, level = X.mean(axis=0), y.mean()
            values, vectors = np.linalg.eigh((X - centre).T @ (X - centre))
            inner = vectors.T @ ((X - centre).T @ (y - level))
            outer = (problem.X[i] - centre) @ vectors
            found = level + (outer * inner / (values + (n - 1) * problem.lambdas[0][:, None])).sum(axis=1)
            self.expected[k] = (problem.y[i] - found) ** 2

    def __call__(self, errors):
        if errors.size != len(self.problem.y) * self.problem.lambdas.shape[1] or not np.isfinite(errors).all():
            return None
        found = errors.reshape(len(self.problem.y), -1)[self.rows]
        deviation = float((abs(found - self.expected) / self.expected.mean()).max())
        return deviation, deviation


@dataclass(frozen=True)
class CVRow:
    """A named problem."""

    name: str
    n: int
    p: int
    kind: str
    rho: float

    @property
    def without(self):
        """Peers that do not do this."""
        mixes = ("adelie",)
        return {"lasso": (), "mixes": mixes, "grid": mixes, "ridge": ("adelie", "celer", "glmnet")}[self.kind]

    def load(self):
        base = rows.make_problem(*rows.ar_data(self.n, self.p, self.rho), 1.0)
        folds = np.random.default_rng(1).permutation(np.arange(self.n) % FOLDS)
        if self.kind == "ridge":
            lambdas = np.geomspace(1e2, 1e-4, rows.N_LAMBDAS)[None]
            return LeftOutProblem(base.X, base.y, lambdas, np.zeros(1), np.arange(self.n))
        l1_ratios = np.array(MIXES[self.kind])
        return CVProblem(base.X, base.y, base.lambdas / l1_ratios[:, None], l1_ratios, folds)


def select(patterns, device="cpu"):
    """Rows whose names match shell-style patterns; a full name of any size makes its row."""
    return [_make(name) for name in rows.matching(patterns, NAMES[device], NAME)]


def _make(name):
    found = NAME.fullmatch(name)
    kind = "ridge" if name.startswith("loo") else found["kind"]
    return CVRow(name, int(found["n"]), int(found["p"]), kind, float(found["rho"] or RHO))
