"""Fits without penalty against R's glm, glm.nb and survival, which tests/golden/make_coxph.R made."""

from functools import cache

import numpy as np
import pytest
from golden_families import LOSSES, by_case, cases, matrix, observed, read, response, true, vector

import jaxreg as jr
from jaxreg import losses

AGREEMENT = 1e-6  # of the largest coefficient; glm's other links than the canonical ones are off by 4e-9
GLM = {case["case"]: case for case in read("glm_fits")}
COX = {case["case"]: case for case in read("coxph_fits")}
ESTIMATED = [name for name, case in GLM.items() if case["theta"] != "NA"]
UNSTRATIFIED = [name for name, case in COX.items() if not true(case, "strata")]
QUICK = ["efron_start_strata_weights"]
ROWS = read("rows")
X = matrix(ROWS, "x")
pytestmark = pytest.mark.filterwarnings("ignore:.*stalled above tol")  # the gap is what rounding allows


def weights_and_offset(case):
    return {
        "sample_weight": vector(ROWS, "weight") if true(case, "weights") else None,
        "offset": vector(ROWS, "offset") if true(case, "offset") else None,
    }


def glm_problem(case):
    """(loss, y) of a row of glm_fits.csv, whose name begins with the link or the family."""
    kind, *rest = case["case"].split("_")
    if kind in ("logit", "probit", "cloglog"):
        return losses.Binomial(kind), response(ROWS, "counts" if "counts" in rest else "binomial")
    if kind == "tweedie":
        return losses.Tweedie(float(rest[0])), response(ROWS, "tweedie")
    if kind == "negativebinomial" and "1.5" not in rest:
        return losses.NegativeBinomial(float(case["theta"])), response(ROWS, kind)
    return LOSSES[kind], response(ROWS, "tweedie" if "amounts" in rest else kind)


def unpenalised(y, loss, **options):
    """The fit at lambda = 0."""
    return jr.fit_path(X, y, loss=loss, lambdas=[0.0], tol=1e-12, **options)


def assert_agrees(path, case):
    expected = matrix([case], "b")
    np.testing.assert_allclose(path.coef, expected, rtol=0, atol=AGREEMENT * np.abs(expected).max())
    assert path.gap.max() <= 1e-7


@pytest.mark.parametrize("name", cases(GLM, ["logit_counts"]))
def test_generalised_linear_model(name):
    case = GLM[name]
    loss, y = glm_problem(case)
    path = unpenalised(y, loss, **weights_and_offset(case))
    assert_agrees(path, case)
    np.testing.assert_allclose(path.intercept, float(case["intercept"]), rtol=AGREEMENT)
    # glm's null model with an offset is fitted to 1e-8 of the deviance only
    explained = 1 - float(case["deviance"]) / float(case["nulldev"])
    np.testing.assert_allclose(path.dev_ratio, explained, rtol=0, atol=AGREEMENT)


@pytest.mark.parametrize("name", cases(ESTIMATED, ESTIMATED[:1]))
def test_theta_is_that_of_glm_nb(name):
    case = GLM[name]
    path = unpenalised(response(ROWS, "negativebinomial"), losses.NegativeBinomial(), **weights_and_offset(case))
    assert_agrees(path, case)
    np.testing.assert_allclose(path.intercept, float(case["intercept"]), rtol=AGREEMENT)
    np.testing.assert_allclose(path.loss_parameters["theta"], float(case["theta"]), rtol=AGREEMENT)


@cache
def cox_path(name):
    case = COX[name]
    y = observed(ROWS, true(case, "start"))
    strata = {"strata": vector(ROWS, "stratum")} if true(case, "strata") else {}
    return y, unpenalised(y, losses.Cox(case["ties"]), **weights_and_offset(case), **strata)


@pytest.mark.parametrize("name", cases(COX, QUICK))
def test_coefficients_are_those_of_coxph(name):
    assert_agrees(cox_path(name)[1], COX[name])


@pytest.mark.parametrize("name", cases(COX, QUICK))
def test_curves_are_those_of_survfit(name):
    case, curves = COX[name], by_case("coxph_curves")[name]
    new = np.unique(vector(curves, "row")).astype(int) - 1
    times = np.unique(vector(curves, "time"))
    own = {"offset": vector(ROWS, "offset")[new]} if true(case, "offset") else {}
    own |= {"strata": vector(ROWS, "stratum")[new]} if true(case, "strata") else {}
    survival = cox_path(name)[1].survival(X[new], times, lam=0.0, **own)
    np.testing.assert_allclose(survival, vector(curves, "survival").reshape(len(new), -1), rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", cases(UNSTRATIFIED, []))
def test_concordance_is_that_of_survival(name):
    case = COX[name]
    y, path = cox_path(name)
    measures = path.assess(X, y, **weights_and_offset(case))
    np.testing.assert_allclose(measures["c_index"], float(case["concordance"]), rtol=1e-9)
