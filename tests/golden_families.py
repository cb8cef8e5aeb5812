"""R's families in the terms of jaxreg: the files of tests/golden/families/, which the R scripts beside it made."""

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import jaxreg as jr
from jaxreg import losses, penalties

GOLDEN = Path(__file__).parent / "golden" / "families"
LOSSES = {
    "binomial": losses.Binomial(),
    "counts": losses.Binomial(),
    "probit": losses.Binomial("probit"),
    "cloglog": losses.Binomial("cloglog"),
    "multinomial": losses.Multinomial(),
    "grouped": losses.Multinomial(),
    "poisson": losses.Poisson(),
    "cox": losses.Cox("breslow"),
    "mgaussian": losses.Squared(),
    "gamma": losses.Gamma(),
    "negativebinomial": losses.NegativeBinomial(1.5),
    "tweedie": losses.Tweedie(1.5),
}
SEVERAL = "multinomial", "grouped", "mgaussian"
NUMBERS = {
    "poisson": "count", "gamma": "positive", "negativebinomial": "dispersed", "tweedie": "amount",
}  # fmt: skip


@cache
def read(name):
    with open(GOLDEN / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


@cache
def by_case(name):
    """The rows of a table, by their case."""
    rows = defaultdict(list)
    for row in read(name):
        rows[row["case"]].append(row)
    return rows


def vector(rows, name):
    return np.array([float(row[name]) for row in rows])


def matrix(rows, prefix):
    """Columns prefix1, prefix2, ..."""
    names = [name for name in rows[0] if name.startswith(prefix) and name.removeprefix(prefix).isdigit()]
    return np.array([[float(row[name]) for name in names] for row in rows])


def texts(rows, name):
    return np.array([row[name] for row in rows])


def cases(names, quick):
    """Parameters of a test: those that are not `quick` are slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def true(case, key):
    return case[key] == "TRUE"


def loss_of(family):
    return LOSSES[family.split("_")[0]]


def observed(rows, start):
    """The censored times, as Cox takes them."""
    y = {"time": vector(rows, "time"), "event": vector(rows, "event") == 1}
    return y | {"start": vector(rows, "start")} if start else y


def response(rows, family):
    if family in NUMBERS:
        return vector(rows, NUMBERS[family])
    match family:
        case "binomial" | "probit" | "cloglog":
            return texts(rows, "label")
        case "counts":
            return np.stack([vector(rows, "success"), vector(rows, "failure")], axis=1)
        case "multinomial" | "grouped":
            return texts(rows, "class")
        case "mgaussian":
            return matrix(rows, "y")
    return observed(rows, "start" in family)


def penalty_of(case):
    """glmnet's groups are the outputs of a column; its ridge part then needs none."""
    if case["family"] in ("grouped", "mgaussian") and case["alpha"] == "1":
        return penalties.MultiTaskLasso()
    return penalties.ElasticNet(float(case["alpha"]))


def factors_of(case, columns, p):
    """glmnet rescales the factors to sum to p, in which an excluded column counts as 1."""
    factors = vector(columns, case["factors"]) if case["factors"] else np.ones(p)
    shares = np.where(np.isinf(factors), 1.0, factors)
    return np.where(np.isinf(factors), np.inf, shares * p / shares.sum())


def offset_of(rows, family):
    return matrix(rows, "offset") if family in SEVERAL else vector(rows, "offset")


def limit(columns, text):
    return vector(columns, text) if text in columns[0] else float(text)


def keywords(case):
    """What a row of cases.csv or cv_cases.csv asks for, in the terms of `fit_path` and `fit_cv`."""
    rows, columns, family = read(case.get("data", "rows")), read("columns"), case["family"]
    return {
        "loss": loss_of(family),
        "penalty_factors": factors_of(case, columns, matrix(rows, "x").shape[1]),
        "sample_weight": vector(rows, "weight") if true(case, "weights") else None,
        "offset": offset_of(rows, family) if true(case, "offset") else None,
        "fit_intercept": true(case, "intercept"),
        "standardize": true(case, "standardize"),
        **({"strata": vector(rows, "stratum")} if "strata" in family else {}),
        **({side: limit(columns, case[side]) for side in ("lower", "upper")} if "lower" in case else {}),
    }


def fit(case, lambdas, **options):
    rows = read(case["data"])
    X, y = matrix(rows, "x"), response(rows, case["family"])
    return jr.fit_path(X, y, penalty=penalty_of(case), lambdas=lambdas, **keywords(case), **options)
