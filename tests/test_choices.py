"""What a CVResult gives beside numbers: choices by name, files, scores of new rows, cross-validated R squared."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, r2_score

import jaxreg as jr

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.standard_normal((60, 5)) * [1, 1, 10, 0.1, 1], columns=["age", "bmi", "s5", "bp", "sex"])
Y = X["bmi"] - 0.2 * X["s5"] + 5 * X["bp"] + 0.5 * RNG.standard_normal(60)
TWO = np.column_stack([Y, np.abs(Y)])
CLASSES = np.where(Y > 0, 1, -1)
RULES = "min", "1se", "aic", "bic", "ebic", "gcv"


def fit(y=Y, **more):
    return jr.fit_cv(X, y, cv=4, **({"n_lambdas": 15, "lambda_min_ratio": 1e-2} | more))


@pytest.fixture(scope="module")
def cv():
    return fit(l1_ratios=[0.5, 1.0])


@pytest.fixture(scope="module")
def responses():
    return fit(TWO, penalty="ridge")


def test_a_choice_has_names(cv):
    choice = cv.select("1se")
    series = choice.to_series()
    assert series.index.tolist() == ["(intercept)", *X.columns]
    np.testing.assert_array_equal(series, [choice.intercept, *choice.coef])
    frame = choice.to_frame()
    size = np.abs(choice.coef) * X.std(ddof=0)
    assert frame.index.tolist() == size[choice.coef != 0].sort_values(ascending=False).index.tolist()
    np.testing.assert_allclose(frame["per_sd"].abs(), size[frame.index])
    assert repr(choice).startswith("<Selection by 1se: ")
    shown = choice._repr_html_()
    for text in (repr(choice), shown):
        assert text.index("s5") < text.index("bmi") < text.index("bp")  # by size in units of y
    assert "x0" in repr(jr.fit_cv(X.to_numpy(), Y, cv=4, n_lambdas=15, lambda_min_ratio=1e-2).select())


def test_a_choice_of_several_responses(responses):
    choice = responses.select()
    np.testing.assert_array_equal(choice.to_series()["s5"], choice.coef[2])
    assert choice.to_frame().index[0] == ("s5", 0)
    assert len(choice.to_frame()) == choice.coef.size


def test_a_choice_survives_pickling(cv):
    choice = cv.select("bic")
    again = pickle.loads(pickle.dumps(choice))
    assert repr(again) == repr(choice)


@pytest.mark.parametrize("rule", RULES)
def test_predictions_by_rule(cv, rule):
    choice = cv.select(rule)
    expected = X.to_numpy() @ choice.coef + choice.intercept
    np.testing.assert_allclose(cv.predict(X, rule), expected, rtol=1e-12)
    assert cv.score(X, Y, rule) == pytest.approx(r2_score(Y, expected), abs=1e-12)


def test_scores_are_those_of_scikit_learn(cv, responses):
    weight = RNG.uniform(size=60)
    expected = [r2_score(Y, prediction, sample_weight=weight) for prediction in cv.path.predict(X).T]
    np.testing.assert_allclose(cv.path.score(X, Y, sample_weight=weight), expected, atol=1e-12)
    assert responses.score(X, TWO) == pytest.approx(r2_score(TWO, responses.predict(X)), abs=1e-12)
    assert responses.path.score(X, TWO).shape == (15,)


@pytest.mark.parametrize("metric", ["mse", "mae"])
def test_r2_is_that_of_the_held_out_predictions(metric):
    weight = RNG.uniform(size=60)
    for result, y in ((fit(metric=metric, sample_weight=weight), Y), (fit(TWO, penalty="ridge", metric=metric), TWO)):
        given = weight if y is Y else None
        expected = r2_score(y, result.oof_predictions, sample_weight=given)
        assert result.r2[result.best] == pytest.approx(expected, abs=1e-10)
        assert f"{expected:.3f}" in result.summary()
    assert result.to_frame()["r2"].tolist() == result.r2.ravel().tolist()


def test_r2_of_one_split_is_about_the_mean_of_the_rows_held_out():
    train, test = np.arange(40), np.arange(40, 60)
    result = jr.fit_cv(X, Y, cv=[(train, test)], n_lambdas=15, lambda_min_ratio=1e-2)
    assert result.r2[result.best] == pytest.approx(r2_score(Y[test], result.oof_predictions[test]), abs=1e-10)


@pytest.mark.filterwarnings("ignore:y is constant:jaxreg.ConvergenceWarning")
@pytest.mark.parametrize("level", [0.1, 7.1])
def test_what_does_not_vary_has_no_r2(level):
    constant = np.full(60, level)
    assert np.isnan(fit(constant).r2).all()
    with pytest.raises(ValueError, match="y does not vary"):
        jr.fit_cv(X, np.where(np.arange(60) < 15, level, Y), cv=np.arange(60) // 15, metric="r2", n_lambdas=15)
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        both = fit(np.column_stack([Y, constant]), penalty="ridge").r2
    np.testing.assert_allclose(both, fit(Y, penalty="ridge").r2, atol=1e-8)


def test_classes_are_scored_by_their_share_and_have_no_r2():
    result = fit(CLASSES, loss="squaredhinge")
    assert result.r2 is None
    expected = accuracy_score(CLASSES, np.sign(result.predict(X)))
    assert result.score(X, CLASSES) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match=r"y has the label 0, but the classes of the fit are -1, 1"):
        result.score(X, np.where(CLASSES > 0, 1, 0))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:10], "y has length 10, but needs one entry per row of X, 60"),
        (TWO, "y has 2 responses, but the fit had one response"),
        (np.full(60, 0.1), "y does not vary"),  # whose mean is another number by rounding
        (np.where(np.arange(60) == 3, np.nan, Y), "y has NaN"),
    ],
)
def test_errors_of_scores(cv, y, message):
    with pytest.raises(ValueError, match=message):
        cv.score(X, y)


@pytest.mark.parametrize("name", ["cv", "responses"])
def test_a_file_has_all_of_it(name, request, tmp_path):
    result = request.getfixturevalue(name)
    result.save(tmp_path / "cv.npz")
    again = jr.CVResult.load(tmp_path / "cv.npz")
    assert again.summary() == result.summary()
    for rule in RULES:
        assert repr(again.select(rule)) == repr(result.select(rule))
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    for field in ("fold_loss", "gap", "status", "oof_predictions", "r2", "y", "effective_df"):
        np.testing.assert_array_equal(getattr(again, field), getattr(result, field))
    assert again.settings == result.settings
    again.save(tmp_path / "again.npz")  # what was read can be written
    assert repr(jr.CVResult.load(tmp_path / "again.npz")) == repr(result)


def test_files_say_what_they_are(cv, tmp_path):
    cv.save(tmp_path / "cv.npz")
    cv.path.save(tmp_path / "path.npz")
    with pytest.raises(ValueError, match=r"CVResult\.save wrote; read it with CVResult\.load"):
        jr.PathResult.load(tmp_path / "cv.npz")
    with pytest.raises(ValueError, match=r"PathResult\.save wrote; read it with PathResult\.load"):
        jr.CVResult.load(tmp_path / "path.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match=r"is not a file that CVResult\.save wrote"):
        jr.CVResult.load(tmp_path / "other.npz")
    with pytest.raises(OSError, match="no folder"):
        cv.save(tmp_path / "none" / "cv.npz")
