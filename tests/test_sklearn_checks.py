"""scikit-learn's own checks of estimators."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

import jaxreg.sklearn as js

NOTED = pytest.mark.filterwarnings("ignore:X is sparse and is made dense")

# as scikit-learn's own list of expected failures has it for its class of that name
EXPECTED = {"Ridge": {"check_non_transformer_estimators_n_iter": "n_iter_ is None in closed form"}}


def _times(y):
    """Survival times of numbers: all are those of events."""
    if y is None:
        return None
    y = np.ravel(np.asarray(y).real.astype(float))
    return {"time": y - np.min(y, initial=0.0) + 1, "event": np.ones(len(y), bool)}


class CoxOfNumbers(js.CoxRegression):
    """Takes the y of the checks, which are no survival times."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, _times(y), sample_weight)

    def score(self, X, y, sample_weight=None):
        return super().score(X, _times(y), sample_weight)


class CoxCVOfNumbers(js.CoxRegressionCV):
    def fit(self, X, y, sample_weight=None, **params):
        return super().fit(X, _times(y), sample_weight, **params)

    def score(self, X, y, sample_weight=None):
        return super().score(X, _times(y), sample_weight)


def estimators():
    """One of each class."""
    for name in js.__all__:
        if name.startswith("Network"):
            yield getattr(js, name)(**SMALL)
        elif not name.startswith("Cox"):
            yield getattr(js, name)()
    # Breslow's likelihood is that in which a weight of 2 is two rows
    yield CoxOfNumbers(alpha=0.1, ties="breslow")
    yield CoxCVOfNumbers(alphas=5, ties="breslow")


SMALL = {"hidden": 8, "strengths": [0.0, 0.1], "cv": 2, "epochs": 20, "learning_rate": 0.05}  # networks


@parametrize_with_checks(
    list(estimators()),
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
