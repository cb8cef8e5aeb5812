"""Paths of the families against R's glmnet: tests/golden/make_families.R made the files that are read here.

glmnet's own loops (binomial, multinomial, Poisson, Cox without strata and late entries, mgaussian) are within 2e-9 of
the solution, its family objects and its other Cox models, which stop on the change of the objective, within 1e-7. Its
grids are exact, but for two kinds. That of Cox takes the power of a number in single precision, which makes 9e-9.
Those of family objects with an offset or unpenalised columns begin at a fit of R's `glm`, which makes 4e-6.
"""

import numpy as np
import pytest
from golden_families import by_case, cases, fit, matrix, read, response, true, vector

AGREEMENT = 1e-6  # of the largest coefficient
CASES = {case["name"]: case for case in read("cases")}
RIDGE_OF_RESPONSES = "mgaussian_ridge"  # whose grid starts by another norm in glmnet
pytestmark = pytest.mark.filterwarnings("ignore:.*stalled above tol")  # the gap is what rounding allows
OBJECTS = "gamma", "probit", "cloglog", "negativebinomial", "tweedie"
QUICK = "binomial_all", "multinomial_weights", "poisson_all", "cox_start_strata_all"


def exact_grid(name):
    by_glm = CASES[name]["family"] in OBJECTS and (true(CASES[name], "offset") or CASES[name]["factors"] != "")
    return name != RIDGE_OF_RESPONSES and not by_glm


def golden(name):
    """(lambdas (L,), dev_ratio (L,), coef (L, p[, K]), intercept (L[, K])); intercepts of classes sum to 0."""
    rows = by_case(f"{CASES[name]['data']}_fits")[name]
    K = max(int(row["output"]) for row in rows)
    coef, intercept = matrix(rows, "b").reshape(K, -1, len(rows[0]) - 5), vector(rows, "intercept").reshape(K, -1)
    coef, intercept = np.moveaxis(coef, 0, -1), intercept.T
    lambdas, explained = vector(rows, "lambda")[: len(coef)], vector(rows, "dev_ratio")[: len(coef)]
    return (lambdas, explained, coef[..., 0], intercept[:, 0]) if K == 1 else (lambdas, explained, coef, intercept)


def unit(case):
    """lambda here over lambda there: glmnet's ridge part is literal for several responses, ours in units of theirs."""
    if case["name"] != RIDGE_OF_RESPONSES:
        return 1.0
    rows = read(case["data"])
    y, weight = response(rows, "mgaussian"), vector(rows, "weight")
    centred = y - np.average(y, axis=0, weights=weight)
    return np.sqrt(np.average((centred**2).mean(axis=1), weights=weight))


@pytest.mark.parametrize("name", cases(CASES, QUICK))
def test_path(name):
    case = CASES[name]
    lambdas, explained, coef, intercept = golden(name)
    path = fit(case, lambdas * unit(case), tol=1e-13)
    atol = AGREEMENT * np.abs(coef).max()
    np.testing.assert_allclose(path.coef, coef, rtol=0, atol=atol)
    np.testing.assert_allclose(path.intercept, intercept, rtol=0, atol=AGREEMENT * np.abs(intercept).max())
    assert path.gap.max() <= 1e-7
    if true(case, "intercept"):  # without one glmnet's null model is that of no intercept
        np.testing.assert_allclose(path.dev_ratio, explained, rtol=0, atol=AGREEMENT)


@pytest.mark.parametrize("name", cases([name for name in CASES if exact_grid(name)], QUICK[:1]))
def test_automatic_grid(name):
    case, grid = CASES[name], vector(by_case("grids")[name], "lambda")
    lambdas = fit(case, None, tol=1e-2).lambdas
    np.testing.assert_allclose(lambdas[0], grid[0], rtol=1e-10)
    np.testing.assert_allclose(lambdas, grid, rtol=1e-8 if case["family"] == "cox" else 1e-10)
