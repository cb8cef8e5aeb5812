"""Networks as estimators: what they predict, what they standardise, and what they refuse."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxreg import neural
from jaxreg.sklearn import NetworkClassifierCV, NetworkRegressorCV, _networks

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((60, 3)) * [1.0, 100.0, 0.01] + [0.0, 500.0, 3.0]
Y = X[:, 0] + X[:, 1] / 100 + 0.2 * DRAW.standard_normal(60)
LABELS = np.where(Y > 5, "yes", "no")
SETTING = {"hidden": 4, "strengths": [0.0, 0.1], "cv": 2, "epochs": 30, "batch_size": 15, "learning_rate": 0.05}


@pytest.fixture(scope="module")
def classifier():
    return NetworkClassifierCV(**SETTING).fit(X, LABELS)


@pytest.fixture(scope="module")
def regressor():
    return NetworkRegressorCV(**SETTING).fit(X, Y)


def test_classes_are_labels_with_probabilities(classifier):
    assert classifier.classes_.tolist() == ["no", "yes"]
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[probabilities.argmax(axis=1)])
    assert classifier.score(X, LABELS) > 0.9
    assert classifier.score(X, LABELS) == classifier.path_.score((X - X.mean(axis=0)) / X.std(axis=0), LABELS)
    assert classifier.strength_ == classifier.path_.strength_min
    assert classifier.path_.metrics["accuracy"].mean.shape == (2,)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), probabilities)


def test_columns_are_standardised_as_in_a_pipeline(classifier):
    pipeline = make_pipeline(StandardScaler(), NetworkClassifierCV(**SETTING, standardize=False)).fit(X, LABELS)
    np.testing.assert_allclose(pipeline.predict_proba(X), classifier.predict_proba(X), rtol=1e-5)


def test_numbers_of_any_scale(regressor):
    assert regressor.score(X, Y) > 0.9
    assert regressor.path_.mean_loss.min() < 1  # of the variance of y
    other = NetworkRegressorCV(**SETTING).fit(X, 1000 * Y - 7)
    np.testing.assert_allclose(other.predict(X), 1000 * regressor.predict(X) - 7, rtol=1e-3)
    assert other.predict(X).dtype == np.float64


@pytest.mark.slow
def test_several_responses_and_one_column(regressor):
    both = NetworkRegressorCV(**SETTING).fit(X, np.column_stack([Y, -Y]))
    assert both.predict(X).shape == (60, 2)
    np.testing.assert_array_equal(NetworkRegressorCV(**SETTING).fit(X, Y[:, None]).predict(X), regressor.predict(X))


@pytest.mark.slow
def test_names_of_columns_and_random_states():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = NetworkRegressorCV(**SETTING, seeds=2, random_state=3)
    first, second = (clone(model).fit(frame, Y) for _ in range(2))
    assert first.feature_names_in_.tolist() == ["a", "b", "c"]
    assert first.path_.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(first.path_.seeds, second.path_.seeds)
    np.testing.assert_array_equal(first.predict(frame), second.predict(frame))
    assert len(set(first.path_.seeds.tolist())) == 2
    assert clone(model).set_params(random_state=4).fit(frame, Y).path_.seeds.tolist() != first.path_.seeds.tolist()


def test_groups_reach_the_splitter():
    with sklearn.config_context(enable_metadata_routing=True):
        model = NetworkRegressorCV(**SETTING | {"cv": GroupKFold(2)})
        assert model.fit(X, Y, groups=np.repeat([0, 1], 30)).path_.valid_loss.shape[1] == 2
    with pytest.raises(ValueError, match="fit is given groups"):
        NetworkRegressorCV(**SETTING).fit(X, Y, groups=np.repeat([0, 1], 30))


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        ("weight_decay", neural.WeightDecay()),
        ("L2", neural.L2()),
        ("group_l1", neural.GroupL1()),
        ("drop_connect", neural.DropConnect()),
        (("dropout", neural.MaxNorm()), (neural.Dropout(), neural.MaxNorm())),
        (None, None),
    ],
)
def test_regularizers_go_by_name(regularizer, expected):
    from jaxreg.sklearn._networks import _regularizer

    assert _regularizer(regularizer) == expected


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"regularizer": "lasso"}, ValueError, "regularizer is 'lasso'; give one of jaxreg.neural, or a name: l1, l2"),
        ({"regularizer": neural.L2}, TypeError, "regularizer is the class L2"),
        ({"model": neural.MLP(4)}, ValueError, "hidden is given beside model"),
        ({"model": neural.MLP, "hidden": (64,)}, TypeError, "model is the class MLP; give an instance"),
        ({"model": neural.Linear("regression"), "hidden": (64,)}, ValueError, "but NetworkClassifierCV needs classif"),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0; give a number above 0"),
        ({"rule": "best"}, ValueError, "rule is 'best'; give one of 'min', '1se'"),
        ({"standardize": "yes"}, ValueError, "standardize is 'yes'; give True or False"),
        ({"seeds": [1, 2], "random_state": 0}, ValueError, r"seeds is \[1, 2\]; give a whole number"),
        ({"hidden": 0}, ValueError, "hidden is 0; give a whole number"),
        ({"epochs": 0}, ValueError, "epochs is 0; give a whole number"),
    ],
)
def test_bad_parameters_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        NetworkClassifierCV(**SETTING | changes).fit(X, LABELS)


def test_labels_are_no_numbers():
    with pytest.raises(ValueError, match="y has text, names of classes; a regressor needs numbers"):
        NetworkRegressorCV(**SETTING).fit(X, LABELS)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        NetworkClassifierCV(**SETTING).fit(X, Y)
    with pytest.raises(NotFittedError):
        NetworkRegressorCV().predict(X)


@pytest.mark.slow
def test_a_model_of_ones_own():
    model = NetworkClassifierCV(model=neural.Linear(), **{**SETTING, "hidden": (64,)}).fit(X, LABELS)
    assert model.path_.model == neural.Linear("classification", outputs=2)


def test_columns_that_vary_by_rounding_are_not_scaled_up():
    assert _networks._scales(np.full((60, 1), 0.1), True)[1] == 1  # whose standard deviation is 1e-17
    mean, scale = _networks._scales(np.array([[1e300], [3e300]]), True)
    np.testing.assert_allclose([*mean, *scale], [2e300, 1e300])


def test_a_missing_label_is_named():
    labels = np.array(["a", None] * 10, dtype=object)
    with pytest.raises(ValueError, match="y has no label"):
        NetworkClassifierCV(4).fit(np.arange(20.0)[:, None], labels)
