"""Fits whose results must stay: the table that `tests/golden/make_fits.py` and `test_golden_fits.py` share.

A fit says which function is called on which data with which keywords, and what a result keeps of it. Errors are in
units of the largest coefficient, response or loss. Tolerances of the solvers are as tight as their rounding allows, so
that another order of the operations changes no coefficient by more than 1e-11; a fit that cannot be so exact has an
`rtol` of its own, at least 30 times what such a change does to it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_diabetes

import jaxreg as jr
from jaxreg import losses, penalties

P, WIDE = 12, 300
GROUPS = np.array([0, 1, 1, 0, 2, 2, 2, 3, 3, 4, 5, 5])
FACTORS = np.array([1.0, 0.0, 0.5, 2.0, np.inf, 1.0, 1.0, 0.0, 1.5, 1.0, np.inf, 0.7])
LOWER = np.array([-np.inf, -0.2, 0.0, -0.1, -np.inf, -np.inf, 0.0, -np.inf, -0.5, -np.inf, -0.3, -np.inf])
UPPER = np.array([0.5, np.inf, np.inf, 0.1, 0.0, 0.3, 0.0, np.inf, 0.5, np.inf, 0.3, 0.05])
UNPENALISED = np.where(np.arange(P) < 2, 0.0, 1.0)


# Data


def design(n, p, seed):
    """(X of correlated columns (n, p), y of four of them (n,), the generator of what else is drawn)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1)) + np.linspace(-1.0, 2.0, p)
    return X, X[:, [0, 2, 5, 9]] @ np.array([1.0, -0.8, 0.6, 0.4]) + 0.7 * rng.standard_normal(n), rng


def tall():
    return design(90, P, 1)[:2]


def wide():
    return design(60, WIDE, 2)[:2]


def single():
    X, y = wide()
    return X.astype(np.float32), y.astype(np.float32)


def large():
    return design(1650, 1600, 3)[:2]


def scaled():
    X, y = tall()
    return X * np.geomspace(1e-3, 1e3, P), y


def uneven():
    X, y = tall()
    return X * np.geomspace(0.2, 5.0, P), y


def single_tall():
    X, y = tall()
    return X.astype(np.float32), y.astype(np.float32)


def constant():
    X, y = tall()
    X[:, 4] = 2.5
    return X, y


def duplicated():
    X, y = tall()
    X[:, 7] = X[:, 2]
    return X, y


def incomplete():
    X, y, rng = design(90, P, 1)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y


def responses():
    X, y, rng = design(90, P, 4)
    return X, np.column_stack([y, 2 * X[:, 1] - y, X[:, 3]]) + rng.standard_normal((len(y), 3))


def wide_responses():
    X, y, rng = design(60, WIDE, 5)
    return X, np.column_stack([y, 2 * X[:, 1] - y, X[:, 3]]) + rng.standard_normal((len(y), 3))


def steps():
    X, _, rng = design(90, P, 6)
    return X, X @ np.repeat([1.0, -0.5, 0.2], 4) + 0.5 * rng.standard_normal(len(X))


def labels():
    X, y, rng = design(90, P, 7)
    return X, np.where(y + rng.standard_normal(len(y)) > np.median(y), 1.0, -1.0)


def diabetes():
    return load_diabetes(return_X_y=True)


DATA = {
    make.__name__: cache(make)
    for make in (
        tall, wide, single, single_tall, large, scaled, uneven, constant, duplicated, incomplete, responses,
        wide_responses, steps, labels, diabetes,
    )
}  # fmt: skip
FOLDS, WIDE_FOLDS = np.arange(90) % 5, np.arange(60) % 4
WEIGHT = np.where(np.arange(90) % 9 == 4, 0.0, np.linspace(0.5, 2.0, 90))
OFFSET = np.sin(np.arange(90.0))
BY_ROW, BY_COLUMN = ("sample_weight", "offset", "cv"), ("penalty_factors", "lower", "upper")  # keywords


# What is called, and what is kept of its result


def path(X, y, keywords, unique):
    before = keywords.get("warm_start")
    if before is not None:
        keywords = keywords | {"warm_start": jr.fit_path(X, y, **before)}
    fit = jr.fit_path(X, y, **keywords)
    own = {name: getattr(fit, name) for name in ("lambdas", "intercept", "gap", "status")}
    return _of_path(fit, X, unique) | own


def _of_path(fit, X, unique):
    kept = {
        "solver": np.array(fit.solver),
        "certificate": np.array(fit.certificate),
        "constant": np.isin(np.arange(X.shape[1]), fit.constant_features),
        "dev_ratio": fit.dev_ratio,
    }
    if fit.effective_df is not None:
        kept["effective_df"] = fit.effective_df
    return kept | ({"coef": fit.coef, "df": fit.df} if unique else {"predictions": X @ fit.coef.T})


def folds(X, y, keywords, unique):
    cv = jr.fit_cv(X, y, **keywords)
    first = _of_path(cv.paths[0], X, unique)
    kept = {name: getattr(cv, name) for name in ("lambdas", "mean_loss", "std_error", "fold_loss", "gap", "status")}
    return kept | {
        "solver": first["solver"],
        "certificate": first["certificate"],
        "coefs": np.stack([each.coef for each in cv.paths]),
        "intercepts": np.stack([each.intercept for each in cv.paths]),
        "coef_min": cv.coef,
        "choices": np.array([cv.lambda_min, cv.lambda_1se, cv.l1_ratio_]),
        "oof_predictions": cv.oof_predictions,
    }


def solution(X, y, keywords, unique):
    with jax.enable_x64(True):
        found = jr.solve(jnp.asarray(X), jnp.asarray(y), **keywords)
        return {"coef_min": found.coef, "intercept": found.intercept, "gap": found.gap, "status": found.status}


def side_by_side(X, y, keywords, unique):
    """All of the lambdas under vmap."""
    lambdas, keywords = keywords["lam"], {name: value for name, value in keywords.items() if name != "lam"}
    with jax.enable_x64(True):
        found = jax.vmap(lambda lam: jr.solve(jnp.asarray(X), jnp.asarray(y), lam, **keywords))(jnp.asarray(lambdas))
        return {"coef": found.coef, "intercept": found.intercept, "gap": found.gap, "status": found.status}


def gradient(X, y, keywords, unique):
    """Derivatives of |coef|^2 / 2 + intercept with respect to y and lambda."""
    lam, keywords = keywords["lam"], {name: value for name, value in keywords.items() if name != "lam"}

    def summary(y, lam):
        found = jr.solve(jnp.asarray(X), y, lam, **keywords)
        return jnp.sum(found.coef**2) / 2 + found.intercept

    with jax.enable_x64(True):
        of_y, of_lambda = jax.grad(summary, argnums=(0, 1))(jnp.asarray(y), lam)
        return {"of_y": of_y, "of_lambda": of_lambda}


# axes of the results along rows and columns of X
ROW_AXIS = {"oof_predictions": 0, "predictions": 0, "of_y": 0}
COLUMN_AXIS = {"coef": 1, "coefs": 2, "coef_min": 0, "constant": 0}


@dataclass(frozen=True)
class Fit:
    function: Callable
    data: str
    keywords: dict[str, Any]
    rtol: float = 1e-10
    unique: bool = True  # else predictions are compared instead of coefficients
    moves: tuple[str, ...] = ("rows", "columns")  # what of X may stand in another order

    def run(self, rows=None, columns=None):
        """What is kept of the fit; with the rows and columns of X in the order given, and the results in the first."""
        X, y = DATA[self.data]()
        rows = np.arange(len(X)) if rows is None else rows
        columns = np.arange(X.shape[1]) if columns is None else columns
        keywords = dict(self.keywords)
        for order, names in ((rows, BY_ROW), (columns, BY_COLUMN)):
            keywords |= {name: keywords[name][order] for name in names if np.ndim(keywords.get(name, 0))}
        with warnings.catch_warnings(action="ignore", category=jr.ConvergenceWarning):
            found = self.function(X[rows][:, columns], y[rows], keywords, self.unique)
        found = {name: np.asarray(value) for name, value in found.items()}
        for order, axes in ((rows, ROW_AXIS), (columns, COLUMN_AXIS)):
            found |= {
                name: np.take(found[name], np.argsort(order), axis) for name, axis in axes.items() if name in found
            }
        return found

    def error(self, name, expected, value):
        """How far a result is from what is expected, in units of its size; inf where these are not numbers."""
        if value.shape != expected.shape:
            return np.inf
        if name == "gap":  # counts by its side of the tolerance only
            expected, value = expected <= self.keywords["tol"], value <= self.keywords["tol"]
        if expected.dtype.kind != "f":
            return 0.0 if (value == expected).all() else np.inf
        if (np.isnan(value) != np.isnan(expected)).any():
            return np.inf
        size = np.nanmax(np.abs(expected))
        if name in ("lambdas", "choices"):
            size = np.where(expected == 0, 1.0, np.abs(expected))
        elif name in ("intercept", "intercepts", "predictions", "oof_predictions"):
            size = np.abs(DATA[self.data]()[1]).max()
        elif name == "dev_ratio":
            size = 1.0
        return float(np.nanmax(np.abs(value - expected) / size))

    def allowed(self, name):
        """The error that a result may have."""
        least = {"lambdas": 1e-12, "choices": 1e-12, "dev_ratio": 1e-9}.get(name, 1e-10)
        return max(least, self.rtol) if self.rtol > 1e-10 else least


def log_cosh(y, eta):
    return jnp.logaddexp(y - eta, eta - y) - jnp.log(2.0)


EXACT = {"tol": 1e-11, "n_lambdas": 15, "lambda_min_ratio": 1e-3}
FEW = EXACT | {"lambda_min_ratio": 0.05}  # n < p
SHORT = {"tol": 1e-12, "n_lambdas": 10, "lambda_min_ratio": 0.02}
BLOCK = SHORT | {"tol": 1e-13}
NET, RIDGE = penalties.ElasticNet(0.5), penalties.Ridge()

PATHS = {
    "lasso": Fit(path, "diabetes", EXACT),
    "elastic net": Fit(path, "tall", EXACT | {"penalty": NET}),
    "ridge": Fit(path, "diabetes", EXACT | {"penalty": RIDGE}),
    "lasso, n < p": Fit(path, "wide", FEW),
    "elastic net, n < p": Fit(path, "wide", FEW | {"penalty": NET}),
    "ridge, n < p": Fit(path, "wide", FEW | {"penalty": RIDGE}),
    "lasso, large p": Fit(path, "large", SHORT | {"lambda_min_ratio": 0.1}),
    "weights and offset": Fit(path, "tall", EXACT | {"sample_weight": WEIGHT, "offset": OFFSET}),
    "weights, n < p": Fit(path, "wide", FEW | {"sample_weight": WEIGHT[:60], "offset": OFFSET[:60]}),
    "penalty factors": Fit(path, "tall", EXACT | {"penalty": NET, "penalty_factors": FACTORS}),
    "ridge, penalty factors": Fit(path, "tall", EXACT | {"penalty": RIDGE, "penalty_factors": FACTORS}),
    "limits": Fit(
        path,
        "tall",
        EXACT | {"tol": 1e-10, "penalty": NET, "penalty_factors": UNPENALISED, "lower": LOWER, "upper": UPPER},
    ),
    "ridge, limits": Fit(path, "tall", EXACT | {"penalty": RIDGE, "lower": -0.3, "upper": UPPER}),
    "limits, n < p": Fit(path, "wide", FEW | {"lower": 0.0, "upper": 0.4}),
    "no intercept": Fit(path, "tall", EXACT | {"penalty": NET, "fit_intercept": False}),
    "raw scales": Fit(path, "scaled", EXACT | {"standardize": False}),
    "ridge, raw scales": Fit(path, "uneven", EXACT | {"penalty": RIDGE, "standardize": False}),
    "constant column": Fit(path, "constant", EXACT),
    "duplicated column": Fit(path, "duplicated", EXACT, unique=False),
    "lambda 0": Fit(path, "tall", {"tol": 1e-11, "lambdas": [0.0, 0.01, 0.1, 0.5, 2.0]}),
    "short grid": Fit(path, "diabetes", {"tol": 1e-11, "lambdas": [20.0, 2.0, 0.05]}),
    "float32": Fit(path, "single_tall", SHORT | {"tol": 1e-4}, rtol=1e-5),
    "float32, n < p": Fit(path, "single", SHORT | {"tol": 1e-4, "lambda_min_ratio": 0.1}, rtol=1e-5),
    "float32, stalled": Fit(path, "single", SHORT | {"tol": 1e-10, "lambda_min_ratio": 0.1}, rtol=1e-5),
    "early stop": Fit(path, "tall", {"tol": 1e-11, "n_lambdas": 40, "early_stop": True}),
    "max features": Fit(path, "wide", FEW | {"max_features": 8}),
    "warm start": Fit(path, "tall", {"tol": 1e-11, "lambdas": [0.2, 0.1, 0.05], "warm_start": {"lambdas": [0.4, 0.2]}}),
    "impute": Fit(path, "incomplete", EXACT | {"impute": "median", "sample_weight": WEIGHT}),
    # block descent is done where the gap is rounding, 1e-16, and its square root, an error of 1e-8, is left
    "block": Fit(
        path, "tall", BLOCK | {"tol": 1e-14, "penalty": NET, "solver": "block", "sample_weight": WEIGHT}, rtol=2e-6
    ),
    "proximal": Fit(path, "tall", SHORT | {"penalty": NET, "solver": "proximal", "penalty_factors": FACTORS}),
    "proximal, lambda 0": Fit(
        path, "tall", {"tol": 1e-12, "lambdas": [0.0, 0.01, 0.1], "penalty": NET, "solver": "proximal"}
    ),
    "group lasso": Fit(path, "tall", BLOCK | {"penalty": penalties.GroupLasso(GROUPS)}, moves=("rows",)),
    "group lasso, n < p": Fit(
        path, "wide", BLOCK | {"penalty": penalties.GroupLasso(np.arange(WIDE) // 5)}, moves=("rows",)
    ),
    "sparse group lasso": Fit(
        path, "tall", BLOCK | {"penalty": penalties.SparseGroupLasso(GROUPS, 0.4), "offset": OFFSET}, moves=("rows",)
    ),
    "multi-task lasso": Fit(
        path, "responses", BLOCK | {"penalty": penalties.MultiTaskLasso(), "lambda_min_ratio": 0.01}
    ),
    "ridge, responses": Fit(path, "responses", EXACT | {"penalty": RIDGE, "sample_weight": WEIGHT}),
    "MCP": Fit(path, "tall", SHORT | {"penalty": penalties.MCP(3.0)}),
    "SCAD": Fit(path, "tall", SHORT | {"penalty": penalties.SCAD(3.7), "standardize": False}),
    "LogSum, warm start": Fit(
        path,
        "tall",
        {
            "tol": 1e-12,
            "penalty": penalties.LogSum(0.7),
            "lambdas": [0.1, 0.05, 0.02],
            "warm_start": {"lambdas": [0.4, 0.1]},
        },
    ),
    "SLOPE": Fit(path, "tall", SHORT | {"penalty": penalties.SLOPE(np.linspace(1.0, 0.4, P))}),
    "L0": Fit(path, "tall", SHORT | {"penalty": penalties.L0(5)}),
    "fused lasso": Fit(path, "steps", SHORT | {"penalty": penalties.FusedLasso()}, moves=("rows",)),
    "trend filter": Fit(path, "steps", SHORT | {"penalty": penalties.TrendFilter()}, moves=("rows",)),
    "Huber": Fit(path, "tall", SHORT | {"loss": losses.Huber(0.8), "sample_weight": WEIGHT}),
    "Huber, penalty factors": Fit(
        path, "tall", SHORT | {"loss": losses.Huber(0.8), "penalty": NET, "penalty_factors": FACTORS}
    ),
    "Huber, float32": Fit(
        path,
        "single_tall",
        SHORT | {"tol": 1e-4, "lambda_min_ratio": 0.1, "loss": losses.Huber(0.8), "penalty": NET},
        rtol=1e-5,
    ),
    "Huber, MCP, n < p": Fit(path, "wide", SHORT | {"loss": losses.Huber(0.8), "penalty": penalties.MCP(3.0)}),
    "Quantile": Fit(path, "tall", SHORT | {"loss": losses.Quantile(0.3, 0.5), "penalty": NET, "fit_intercept": False}),
    "SquaredHinge": Fit(
        path,
        "labels",
        SHORT | {"loss": losses.SquaredHinge(), "penalty": penalties.GroupLasso(GROUPS)},
        moves=("rows",),
    ),
    "custom loss": Fit(
        path, "tall", SHORT | {"loss": losses.Custom(log_cosh, 1.0), "penalty": NET, "max_features": 10}
    ),
}

CV = EXACT | {"cv": FOLDS}
CVS = {
    "cv: lasso": Fit(folds, "tall", CV),
    "cv: mixes, weights": Fit(
        folds, "tall", CV | {"l1_ratios": [0.2, 0.6, 1.0], "sample_weight": WEIGHT, "offset": OFFSET}
    ),
    "cv: n < p": Fit(folds, "wide", FEW | {"cv": WIDE_FOLDS, "l1_ratios": [0.5, 1.0]}),
    "cv: limits": Fit(
        folds, "tall", CV | {"tol": 1e-10, "lower": LOWER, "upper": UPPER, "penalty_factors": UNPENALISED}
    ),
    "cv: repeats": Fit(folds, "diabetes", EXACT | {"cv": 5, "repeats": 2, "seed": 3}, moves=("columns",)),
    "cv: ridge that leaves one out": Fit(folds, "tall", EXACT | {"penalty": RIDGE, "cv": "loo"}, moves=("columns",)),
    "cv: ridge, responses": Fit(folds, "responses", CV | {"penalty": RIDGE}),
    "cv: ridge, responses, n < p": Fit(
        folds, "wide_responses", FEW | {"n_lambdas": 6, "penalty": RIDGE, "cv": WIDE_FOLDS}
    ),
    "cv: impute": Fit(folds, "incomplete", CV | {"impute": "mean", "l1_ratios": 0.5}),
    # as "block", of some folds
    "cv: group lasso": Fit(
        folds, "tall", BLOCK | {"penalty": penalties.GroupLasso(GROUPS), "cv": FOLDS}, rtol=3e-7, moves=("rows",)
    ),
    "cv: SquaredHinge": Fit(folds, "labels", SHORT | {"loss": losses.SquaredHinge(), "cv": FOLDS}),
    "cv: Huber": Fit(folds, "tall", SHORT | {"loss": losses.Huber(0.8), "cv": FOLDS, "sample_weight": WEIGHT}),
}

SOLVES = {
    "solve: weights": Fit(
        solution, "tall", {"lam": 0.1, "penalty": NET, "tol": 1e-12, "sample_weight": WEIGHT, "offset": OFFSET}
    ),
    "solve: vmap": Fit(
        side_by_side,
        "tall",
        {"lam": np.array([0.4, 0.1, 0.02]), "penalty": penalties.GroupLasso(GROUPS), "tol": 1e-12},
        moves=("rows",),
    ),
    "solve: gradient": Fit(gradient, "tall", {"lam": 0.1, "loss": losses.Huber(0.8), "tol": 1e-12}),
}

FITS = PATHS | CVS | SOLVES
