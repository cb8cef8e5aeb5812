"""Cross-validation of the families against R's cv.glmnet, of tests/golden/make_cv_families.R.

Of classes glmnet's squared and absolute errors are sums over the classes: twice ours for two.
"""

import numpy as np
import pytest
from golden_families import by_case, cases, keywords, matrix, penalty_of, read, response, true, vector

import jaxreg as jr

CASES = {case["name"]: case for case in read("cv_cases")}
METRICS = {"class": "misclassification", "C": "c_index"}
QUICK = "binomial_auc_weights", "cox_deviance_weights"
FOLDS = np.arange(1, 101) * 7 % 5


def scale(case):
    """The measure of cv.glmnet over the loss of `fit_cv`."""
    if case["measure"] in ("auc", "C"):
        return -1.0
    return 2.0 if case["family"] in ("binomial", "counts") and case["measure"] in ("mse", "mae") else 1.0


def balanced(weight):
    """Weights that are 1 on average in every fold, as the script has them for Cox."""
    means = np.array([weight[FOLDS == k].mean() for k in range(5)])
    return weight / means[FOLDS]


@pytest.mark.parametrize("name", cases(CASES, QUICK))
def test_curve_and_choices_are_those_of_cv_glmnet(name):
    case = CASES[name]
    rows, curve, chosen = read("rows"), by_case("cv_curves")[name], keywords(case)
    if case["family"] == "cox" and true(case, "weights"):
        chosen["sample_weight"] = balanced(chosen["sample_weight"])
    cv = jr.fit_cv(
        matrix(rows, "x"), response(rows, case["family"]),
        cv=FOLDS,
        penalty=penalty_of(case),
        lambdas=vector(curve, "lambda"),
        metric=METRICS.get(case["measure"], case["measure"]),
        tol=1e-12,
        **chosen,
    )  # fmt: skip
    np.testing.assert_allclose(scale(case) * cv.mean_loss[0], vector(curve, "cvm"), rtol=1e-6)
    np.testing.assert_allclose(abs(scale(case)) * cv.std_error[0], vector(curve, "cvsd"), rtol=1e-6, atol=1e-9)
    assert cv.lambda_min == float(case["lambda_min"])
    assert cv.lambda_1se == float(case["lambda_1se"])
