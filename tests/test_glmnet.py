"""Against R's glmnet: tests/golden/make_glmnet.R made the files that are read here.

glmnet stops on the change of a sweep of coordinate descent, not on a gap: its distance to the solution falls with
the square root of `thresh`. It differs from these paths by up to 3e-5 of the largest coefficient at thresh = 1e-14
(n < p, ridge), by 4e-10 at 1e-24 and by 4e-12 at the script's 1e-28.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

import jaxreg as jr
from jaxreg.compat import glmnet_penalty
from jaxreg.penalties import ElasticNet

GOLDEN = Path(__file__).parent / "golden" / "glmnet"
AGREEMENT = 1e-10  # of the largest coefficient


def read(name):
    with open(GOLDEN / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


CASES = {case["name"]: case for case in read("cases")}
AUTOMATIC = [name for name, case in CASES.items() if case["grid"] == "auto"]
WIDE = [name for name, case in CASES.items() if case["data"] == "wide"]


def vector(rows, name):
    return np.array([float(row[name]) for row in rows])


def matrix(rows, prefix):
    """Columns prefix1, prefix2, ..."""
    return np.array([[float(row[name]) for name in row if name.strip("0123456789") == prefix] for row in rows])


def golden(name, table="fits"):
    return [row for row in read(f"{CASES[name]['data']}_{table}") if row["case"] == name]


class Setting:
    """A case in the terms of `fit_path`."""

    def __init__(self, name):
        case = CASES[name]
        rows, columns = read(case["data"]), read(f"{case['data']}_columns")
        flags = {key: case[key] == "TRUE" for key in ("weights", "offset", "intercept", "standardize")}
        self.X, self.y = matrix(rows, "x"), vector(rows, "y")
        self.weight = vector(rows, "weight") if flags["weights"] else None
        self.offset = vector(rows, "offset") if flags["offset"] else None
        self.fit_intercept, self.standardize = flags["intercept"], flags["standardize"]
        self.factors = self._factors(case, columns)
        self.lower, self.upper = (self._limit(columns, case[side]) for side in ("lower", "upper"))
        # lambda here over lambda there, the same for a whole grid; standardised, both mean the same
        self.unit, self.l1_ratio = 1.0, float(case["alpha"])
        if not self.standardize:
            self.unit, self.l1_ratio = glmnet_penalty(1.0, self.l1_ratio, self._sd_of_response())

    @staticmethod
    def _limit(columns, text):
        return vector(columns, text) if text in columns[0] else float(text)

    @staticmethod
    def _factors(case, columns):
        """glmnet rescales the factors to sum to p, in which an excluded column counts as 1, whatever its factor."""
        factors = vector(columns, case["factors"]) if case["factors"] else np.ones(len(columns))
        excluded = np.isinf(factors)
        excluded[[int(j) - 1 for j in case["exclude"].split()]] = True
        factors = np.where(excluded, 1.0, factors)
        return np.where(excluded, np.inf, factors * len(factors) / factors.sum())

    def _sd_of_response(self):
        response = self.y if self.offset is None else self.y - self.offset
        centre = np.average(response, weights=self.weight) if self.fit_intercept else 0.0
        return np.sqrt(np.average((response - centre) ** 2, weights=self.weight))

    def fit(self, lambdas, excluded_copies=0, **options):
        """Path at glmnet's `lambdas`; with copies of all columns appended that may not enter."""
        X = np.tile(self.X, excluded_copies + 1)
        p, more = self.X.shape[1], excluded_copies * self.X.shape[1]
        return jr.fit_path(
            X,
            self.y,
            penalty=ElasticNet(self.l1_ratio),
            lambdas=None if lambdas is None else self.unit * lambdas,
            sample_weight=self.weight,
            offset=self.offset,
            penalty_factors=np.concatenate([self.factors, np.full(more, np.inf)]),
            lower=np.concatenate([np.broadcast_to(self.lower, p), np.full(more, -np.inf)]) if more else self.lower,
            upper=np.concatenate([np.broadcast_to(self.upper, p), np.full(more, np.inf)]) if more else self.upper,
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            **options,
        )


def assert_agrees(coef, intercept, rows):
    expected = matrix(rows, "b")
    atol = AGREEMENT * np.abs(expected).max()
    np.testing.assert_allclose(coef, expected, rtol=0, atol=atol)
    np.testing.assert_allclose(intercept, vector(rows, "intercept"), rtol=0, atol=atol)


@pytest.mark.filterwarnings("ignore:X does not vary in column 2")  # as glmnet, which leaves it out as well
@pytest.mark.parametrize("name", CASES)
def test_path(name):
    rows = golden(name)
    path = Setting(name).fit(vector(rows, "lambda"))
    assert_agrees(path.coef, path.intercept, rows)
    # from the second lambda on: at lambda_max itself rounding decides
    np.testing.assert_array_equal(path.coef[1:] != 0, matrix(rows, "b")[1:] != 0)
    np.testing.assert_allclose(path.dev_ratio, vector(rows, "dev_ratio"), rtol=0, atol=AGREEMENT)
    assert path.gap.max() <= 1e-9


@pytest.mark.parametrize("name", WIDE)
def test_path_by_screening(name):
    """Excluded columns leave the solution, but make p too large for one Gram matrix."""
    rows = golden(name)
    path = Setting(name).fit(vector(rows, "lambda"), excluded_copies=7, tol=1e-9)
    p = matrix(rows, "b").shape[1]
    assert_agrees(path.coef[:, :p], path.intercept, rows)
    assert not path.coef[:, p:].any()
    assert path.gap.max() <= 1e-9


@pytest.mark.parametrize("name", AUTOMATIC)
def test_automatic_grid(name):
    rows, setting = golden(name), Setting(name)
    path = setting.fit(None, n_lambdas=len(rows))
    np.testing.assert_allclose(path.lambdas / setting.unit, vector(rows, "lambda"), rtol=1e-10)
    assert_agrees(path.coef, path.intercept, rows)


@pytest.mark.parametrize("name", ["lasso", "enet_all"])
def test_between_lambdas(name):
    setting, rows = Setting(name), golden(name, "between")
    path = setting.fit(vector(golden(name), "lambda"))
    intercept, coef = zip(*(path.coef_at(setting.unit * lam) for lam in vector(rows, "lambda")), strict=True)
    assert_agrees(np.array(coef), np.array(intercept), rows)


def test_ridge_by_hand():
    X = np.array([[0.0, 5.0], [1.0, 7.0], [2.0, 11.0], [3.0, 13.0]])
    y = np.array([17.0, 19.0, 23.0, 29.0])
    lam, l1_ratio = glmnet_penalty(0.1, 0, y.std())
    path = jr.fit_path(X, y, penalty=ElasticNet(l1_ratio), lambdas=[lam], standardize=False)
    np.testing.assert_allclose(path.coef[0], [2.2362361, 0.6159732], rtol=0, atol=5e-8)
    np.testing.assert_allclose(path.intercept, 13.1018870, rtol=0, atol=5e-8)

    Xc, yc = X - X.mean(axis=0), y - y.mean()
    solution = np.linalg.solve(Xc.T @ Xc / 4 + 0.1 / y.std() * np.eye(2), Xc.T @ yc / 4)
    np.testing.assert_allclose(path.coef[0], solution, rtol=1e-12)
