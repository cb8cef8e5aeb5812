"""The rows of penalties beyond the elastic net: named problems, all posed alike.

Columns of X and y are centred and scaled to variance 1 beforehand; every program solves, without intercept and
standardisation and on the same lambdas,

    minimise  |y - Xb|^2 / (2n) + lambda * penalty(b)
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.stats import norm

from benchmarks import rows
from benchmarks.penalty_certificate import judge_of, lambda_max

NAME = re.compile(r"(?P<kind>group|multitask|slope|mcp|scad|fused)-(?P<n>\d+)x(?P<p>\d+)(?:x(?P<K>\d+))?")
NAMES = [
    "group-1000x2000",
    "group-500x10000",
    "multitask-500x2000x10",
    "multitask-1000x500x20",
    "slope-200x500",
    "slope-500x2000",
    "mcp-1000x500",
    "mcp-500x5000",
    "scad-1000x500",
    "scad-500x5000",
    "fused-200x500",
]
PROGRAMS = {  # beside jaxreg
    "group": ("adelie", "skglm", "celer", "group-lasso"),
    "multitask": ("scikit-learn", "celer", "skglm", "adelie", "glmnet"),
    "slope": ("skglm", "sortedl1"),
    "mcp": ("skglm", "pycasso", "ncvreg"),
    "scad": ("skglm", "pycasso", "ncvreg"),
    "fused": ("celer", "skglm", "adelie", "clarabel"),
}
RHO = 0.5
GROUP = 10  # columns
ACTIVE = {"group": 10, "multitask": 20, "fused": 10}  # groups, rows, pieces of the truth
FALSE_DISCOVERIES = 0.1  # of SLOPE's weights
GAMMAS = {"mcp": 3.0, "scad": 3.7}


@dataclass(frozen=True)
class PenaltyProblem:
    """Data X (n, p) in Fortran order, y (n,) or (n, K), descending lambdas (L,), and the penalty.

    penalty: a kind of penalty_certificate.NORMS or NONCONVEX
    arguments: what the class of this kind is made of
    """

    X: np.ndarray
    y: np.ndarray
    lambdas: np.ndarray
    penalty: str
    arguments: dict
    refits: ClassVar[bool] = False  # as of rows.Problem

    @property
    def points(self):
        """How many solutions it has, counted by response."""
        return len(self.lambdas) * (self.y.size // len(self.y))

    @property
    def coef_shape(self):
        return len(self.lambdas), self.X.shape[1], *self.y.shape[1:]

    def job(self):
        shape = {"n_lambdas": len(self.lambdas), "y_shape": self.y.shape}
        return shape | {"penalty": self.penalty, "arguments": self.arguments}

    def about(self):
        return {"penalty": self.penalty, "responses": self.y.size // len(self.y)}

    def judge(self):
        return judge_of(self)


@dataclass(frozen=True)
class PenaltyRow:
    """A named problem."""

    name: str
    kind: str
    n: int
    p: int
    responses: int | None  # of a multitask row
    rho: float = RHO

    @property
    def without(self):
        """Peers that do not do this."""
        return {name for names in PROGRAMS.values() for name in names} - set(PROGRAMS[self.kind])

    def load(self):
        X, y = rows.standardised(*_data(self))
        arguments = _arguments(self.kind, self.p)
        largest = lambda_max(X, y, self.kind, arguments)
        ratio = 1e-2 if self.n < self.p else 1e-3
        lambdas = np.geomspace(largest, ratio * largest, rows.N_LAMBDAS)
        return PenaltyProblem(X, y, lambdas, self.kind, arguments)


def select(patterns):
    """Rows whose names match shell-style patterns; a full name of any size makes its row."""
    return [_make(name) for name in rows.matching(patterns, NAMES, NAME)]


def _make(name):
    found = NAME.fullmatch(name)
    if (found["kind"] == "multitask") != (found["K"] is not None):
        raise SystemExit(f"{name!r}: the size of a multitask row is n x p x K, that of the others n x p.")
    return PenaltyRow(name, found["kind"], int(found["n"]), int(found["p"]), found["K"] and int(found["K"]))


def _arguments(kind, p):
    if kind == "group":
        return {"labels": (np.arange(p) // GROUP).tolist()}
    if kind == "slope":  # Benjamini and Hochberg's, as in Bogdan et al. (2015), eq. (1.8)
        weights = norm.ppf(1 - FALSE_DISCOVERIES * np.arange(1, p + 1) / (2 * p))
        return {"weights": (weights / weights[0]).tolist()}
    return {"gamma": GAMMAS[kind]} if kind in GAMMAS else {}


def _data(row):
    """AR columns (p, n) and a noisy response, (n,) or (n, K), of a truth that has the structure of the penalty."""
    if row.kind not in ACTIVE:
        return rows.ar_data(row.n, row.p, row.rho)
    rng = np.random.default_rng(0)
    columns = rows.ar_columns(rng, row.n, row.p, row.rho)
    return columns, rows.noisy(rng, columns.T @ _TRUTHS[row.kind](rng, row))


def _group_truth(rng, row):
    groups = -(-row.p // GROUP)
    active = rng.choice(groups, min(ACTIVE["group"], groups // 2), replace=False)
    return np.where(np.isin(np.arange(row.p) // GROUP, active), rng.standard_normal(row.p), 0)


def _multitask_truth(rng, row):
    truth = np.zeros((row.p, row.responses))
    where = rng.choice(row.p, min(ACTIVE["multitask"], row.p), replace=False)
    truth[where] = rng.standard_normal((where.size, row.responses))
    return truth


def _fused_truth(rng, row):
    pieces = ACTIVE["fused"]
    return rng.standard_normal(pieces)[np.arange(row.p) * pieces // row.p]


_TRUTHS = {"group": _group_truth, "multitask": _multitask_truth, "fused": _fused_truth}
