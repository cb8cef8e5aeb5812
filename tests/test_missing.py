"""NaN of X that `impute` fills: in each fold from its training rows, as an imputer in front of each fit does."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer

import jaxreg as jr

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)) + np.arange(6)
Y = X[:, :3] @ [2.0, -1.0, 0.5] + 0.3 * RNG.standard_normal(60)
X[RNG.random(X.shape) < 0.15] = np.nan
X[:, 5] = np.where(np.isnan(X[:, 5]), np.nan, X[:, 5].round())  # few values, one of which is the most frequent
FOLDS = np.arange(60) % 3
GROUPS = jr.penalties.GroupLasso([0, 0, 1, 1, 2, 2])


def options(**more):
    return {"n_lambdas": 12, "lambda_min_ratio": 1e-2} | more


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
def test_a_path_is_that_of_the_filled_columns(strategy):
    imputer = SimpleImputer(strategy=strategy).fit(X)
    path, plain = jr.fit_path(X, Y, impute=strategy, **options()), jr.fit_path(imputer.transform(X), Y, **options())
    np.testing.assert_array_equal(path.coef, plain.coef)
    np.testing.assert_array_equal(path.fill_values, imputer.statistics_)
    np.testing.assert_array_equal(path.predict(X), plain.predict(imputer.transform(X)))
    assert path.settings == {name: repr(value) for name, value in options(impute=strategy).items()}


@pytest.mark.parametrize(
    ("penalty", "y", "tol"),
    [
        ("lasso", Y, 1e-8),
        ("ridge", np.column_stack([Y, Y**2]), 1e-8),
        pytest.param(GROUPS, Y, 1e-5, marks=pytest.mark.slow),
    ],
    ids=["lasso", "ridge", "groups"],
)
@pytest.mark.parametrize("metric", ["mse", "mae"])
def test_folds_are_filled_from_their_training_rows(penalty, y, tol, metric):
    cv = jr.fit_cv(X, y, penalty=penalty, cv=FOLDS, impute="mean", metric=metric, keep="all", **options())
    for k in range(3):
        train, test = FOLDS != k, FOLDS == k
        imputer = SimpleImputer().fit(X[train])
        path = jr.fit_path(imputer.transform(X[train]), y[train], penalty=penalty, lambdas=cv.lambdas[0])
        predictions = path.predict(imputer.transform(X[test]))
        error = y[test].reshape(test.sum(), 1, *y.shape[1:]) - predictions
        loss = error**2 if metric == "mse" else abs(error)
        expected = loss.reshape(*predictions.shape[:2], -1).mean(axis=(0, 2))
        np.testing.assert_allclose(cv.fold_loss[0, k], expected, rtol=tol)
        np.testing.assert_allclose(cv.oof_predictions[0, test], predictions, rtol=tol, atol=tol)
    np.testing.assert_allclose(cv.predict(X), cv.predict(SimpleImputer().fit_transform(X)))


def test_weights_of_zero_train_nothing():
    weight = np.where(np.arange(60) < 40, 1.0, 0.0)
    path = jr.fit_path(X, Y, impute="mean", sample_weight=weight, **options())
    np.testing.assert_allclose(path.fill_values, np.nanmean(X[:40], axis=0))
    np.testing.assert_allclose(path.coef, jr.fit_path(X[:40], Y[:40], impute="mean", **options()).coef, atol=1e-8)


def test_each_row_left_out_is_filled_by_the_others():
    cv = jr.fit_cv(X[:8], Y[:8], penalty="ridge", cv="loo", impute="mean", lambdas=[0.5, 0.1])
    others = SimpleImputer(keep_empty_features=True).fit(X[1:8])
    path = jr.fit_path(others.transform(X[1:8]), Y[1:8], penalty="ridge", lambdas=[0.5, 0.1])
    expected = (Y[0] - path.predict(others.transform(X[:1]))[0]) ** 2
    np.testing.assert_allclose(cv.fold_loss[0, 0], expected, rtol=1e-8)


def test_a_column_that_a_fold_has_no_value_of_counts_for_nothing_there():
    rare = X.copy()
    rare[:, 4] = np.where(FOLDS == 1, X[:, 4], np.nan)
    cv = jr.fit_cv(rare, Y, cv=FOLDS, impute="mean", keep="all", **options())
    train, test = FOLDS != 1, FOLDS == 1
    imputer = SimpleImputer().fit(X[train])
    without = np.delete(imputer.transform(X), 4, axis=1)
    path = jr.fit_path(without[train], Y[train], lambdas=cv.lambdas[0])
    np.testing.assert_allclose(cv.oof_predictions[0, test], path.predict(without[test]), atol=1e-8)


def test_new_rows_with_missing_values_need_a_fit_that_fills_them():
    plain = jr.fit_path(np.nan_to_num(X), Y, **options())
    with pytest.raises(ValueError, match="X has NaN or infinite values in column 0"):
        plain.predict(X)
    path = jr.fit_path(X, Y, impute="mean", **options())
    with pytest.raises(ValueError, match="infinite values in column 1"):
        path.predict(np.where(np.arange(6) == 1, np.inf, X))


@pytest.mark.parametrize(
    ("X", "given", "message"),
    [
        (X, {}, r"in column 0, .*; impute or drop them \(impute='mean' fills NaN\)"),
        (X, {"impute": "zero"}, "impute is 'zero'; give one of None, 'mean', 'median', 'most_frequent'"),
        (np.where(np.arange(6) == 2, np.nan, X), {"impute": "mean"}, "X has no value at all in column 2; drop it"),
        (np.where(np.arange(6) == 2, np.inf, X), {"impute": "mean"}, "X has infinite values in column 2; impute fills"),
    ],
)
@pytest.mark.parametrize("fit", [jr.fit_path, jr.fit_cv])
def test_errors(fit, X, given, message):
    with pytest.raises(ValueError, match=message):
        fit(X, Y, **given)
