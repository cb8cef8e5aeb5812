"""One hold-out split: fitted and judged as any fold, without a standard error."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from figures import new_axes
from reference import ar_problem
from sklearn import linear_model as peers
from sklearn.model_selection import PredefinedSplit, ShuffleSplit

import jaxreg as jr
import jaxreg.sklearn as js
from jaxreg import neural

N = 60
X, Y = ar_problem(N, 4)
TRAIN, TEST = np.arange(40), np.arange(40, N)
SPLIT = PredefinedSplit(np.repeat([-1, 0], [40, 20]))
TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
NO_ERROR = "rule is '1se', but cv has one fold, which has no standard error; give 'min' or more folds"


@pytest.fixture(scope="module")
def cv():
    return jr.fit_cv(X, Y, cv=[(TRAIN, TEST)], n_lambdas=12)


def test_the_loss_is_that_of_a_fit_to_the_training_rows(cv):
    path = jr.fit_path(X[TRAIN], Y[TRAIN], lambdas=cv.lambdas[0])
    loss = ((Y[TEST, None] - path.predict(X[TEST])) ** 2).mean(axis=0)
    np.testing.assert_allclose(cv.mean_loss[0], loss, rtol=1e-9)
    np.testing.assert_array_equal(cv.fold_loss[0, 0], cv.mean_loss[0])
    assert cv.lambda_min == cv.lambdas[0, np.argmin(loss)]
    assert np.isnan(cv.oof_predictions[TRAIN]).all()
    assert np.isfinite(cv.oof_predictions[TEST]).all()
    np.testing.assert_array_equal(jr.fit_cv(X, Y, cv=SPLIT, n_lambdas=12).mean_loss, cv.mean_loss)


def test_there_is_no_standard_error(cv, tmp_path):
    assert np.isnan(cv.std_error).all()
    for ask in (lambda: cv.lambda_1se, lambda: cv.select("1se"), lambda: cv.predict(X, "1se")):
        with pytest.raises(ValueError, match=NO_ERROR):
            ask()
    assert cv.select("bic").lam in cv.lambdas
    for text in (cv.summary(), cv._repr_html_()):
        assert "1 fold x 12 lambdas" in text
        assert "One fold has no standard error." in text
    assert "1se" not in cv.summary()
    assert "nan" not in cv.summary()
    for ax in (cv.plot(ax=new_axes()), cv.plot_folds(ax=new_axes())):
        labels = [line.get_label() for line in ax.lines]
        assert sum("lambda_" in str(label) for label in labels) == 1
    assert '"1se":null' in cv.report().html.replace(" ", "")
    assert np.isnan(pickle.loads(pickle.dumps(cv)).std_error).all()


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV"])
def test_estimators_choose_as_scikit_learn(name):
    given = {"cv": SPLIT, "alphas": 12}
    ours, theirs = getattr(js, name)(**given).fit(X, Y), getattr(peers, name)(**given, **TIGHT).fit(X, Y)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-6)
    with pytest.raises(ValueError, match=NO_ERROR):
        getattr(js, name)(**given, rule="1se").fit(X, Y)


def test_several_responses_too():
    given = {"cv": ShuffleSplit(1, random_state=0), "alphas": 5}
    several = np.c_[Y, X[:, 0] - Y]
    ours, theirs = (
        js.MultiTaskLassoCV(**given).fit(X, several),
        peers.MultiTaskLassoCV(**given, **TIGHT).fit(X, several),
    )
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-8)


def test_networks_too():
    split = {"cv": [(TRAIN, TEST)], "regularizer": neural.L2(), "strengths": [0.0, 0.1], "epochs": 2, "refit": False}
    path = neural.fit_path(neural.Linear(), X, Y, **split)
    assert np.isnan(path.std_error).all()
    with pytest.raises(ValueError, match="rule is '1se', but one fold and one seed have no standard error"):
        path.strength_1se  # noqa: B018
    assert "One fold and one seed have no standard error." in path.summary()
    assert [line.get_label() for line in path.plot(ax=new_axes()).lines][-1] == f"strength_min {path.strength_min:.3g}"
