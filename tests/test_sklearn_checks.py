"""scikit-learn's own checks of estimators."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

import jaxreg.sklearn as js

NOTED = pytest.mark.filterwarnings("ignore:X is sparse and is made dense")

# as scikit-learn's own list of expected failures has it for its class of that name
EXPECTED = {"Ridge": {"check_non_transformer_estimators_n_iter": "n_iter_ is None in closed form"}}

SMALL = {"hidden": 8, "strengths": [0.0, 0.1], "cv": 2, "epochs": 20, "learning_rate": 0.05}  # networks


@parametrize_with_checks(
    [getattr(js, name)(**SMALL if name.startswith("Network") else {}) for name in js.__all__],
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
@pytest.mark.slow
@NOTED
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@parametrize_with_checks([js.ElasticNet(), js.RidgeCV()])
@NOTED
def test_checks_of_two_estimators(estimator, check):
    check(estimator)
