"""Cross-validation against R's cv.glmnet: tests/golden/make_cv_glmnet.R made the files that are read here."""

import numpy as np
import pytest
from test_glmnet import matrix, read, vector

import jaxreg as jr

CASES = {case["name"]: case for case in read("cv_cases")}


@pytest.mark.parametrize("name", CASES)
def test_curve_and_choices_are_those_of_cv_glmnet(name):
    case = CASES[name]
    rows, columns = read(case["data"]), read(f"{case['data']}_columns")
    curve = [row for row in read("cv_curves") if row["case"] == name]
    X = matrix(rows, "x")
    factors = vector(columns, case["factors"]) if case["factors"] else np.ones(X.shape[1])
    cv = jr.fit_cv(
        X, vector(rows, "y"),
        cv=np.arange(1, len(X) + 1) * 7 % 5,
        lambdas=vector(curve, "lambda"),
        metric=case["measure"],
        sample_weight=vector(rows, "weight") if case["weights"] == "TRUE" else None,
        offset=vector(rows, "offset") if case["offset"] == "TRUE" else None,
        penalty_factors=factors * len(factors) / factors.sum(),
        fit_intercept=case["intercept"] == "TRUE",
        standardize=case["standardize"] == "TRUE",
    )  # fmt: skip
    np.testing.assert_allclose(cv.mean_loss[0], vector(curve, "cvm"), rtol=1e-9)
    np.testing.assert_allclose(cv.std_error[0], vector(curve, "cvsd"), rtol=1e-8)
    assert cv.lambda_min == float(case["lambda_min"])
    assert cv.lambda_1se == float(case["lambda_1se"])
