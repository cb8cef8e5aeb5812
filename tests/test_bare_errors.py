"""What is no data at all, and options of the wrong kind: errors that name the argument, without an address."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

import jaxreg as jr
from jaxreg.sklearn import Lasso, Ridge, RidgeCV

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X[:, 0] + np.arange(20) % 3
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


class Opaque:
    pass


@pytest.mark.parametrize(
    "value", [None, {1.0, 2.0}, {"a": 1.0}, (v for v in Y)], ids=["None", "set", "dict", "generator"]
)
@pytest.mark.parametrize("name", ["X", "y"])
def test_what_is_no_array_is_named(name, value):
    data = {"X": X, "y": Y} | {name: value}
    with pytest.raises(TypeError, match=rf"^{name} is .*give an array"):
        jr.fit_path(data["X"], data["y"])
    with pytest.raises(TypeError, match=rf"^{name} is .*give an array"):
        jr.solve(data["X"], data["y"], 1.0)
    with pytest.raises(TypeError, match=rf"^{name} is .*give an array"):
        jr.neural.fit_path(jr.neural.MLP((4,), "regression"), data["X"], data["y"])


def test_a_set_of_factors_is_named():
    with pytest.raises(TypeError, match="penalty_factors is of type set; give an array"):
        jr.fit_path(X, Y, penalty_factors={1.0, 2.0, 3.0})


def test_a_dict_with_several_entries_for_a_column_is_named():
    with pytest.raises(ValueError, match=r"penalty_factors has \[1, 2\] for 'a'; give one entry"):
        jr.fit_path(FRAME, Y, penalty_factors={"a": [1, 2]})


@pytest.mark.parametrize(
    "cv",
    [KFold, KFold(3).split, lambda: 3, Opaque(), Opaque],
    ids=["class", "method", "function", "object", "other class"],
)
def test_a_cv_that_is_none_is_shown_without_an_address(cv):
    with pytest.raises(ValueError, match=r"^cv is .*give a number of folds") as error:
        jr.fit_cv(X, Y, cv=cv)
    assert "0x" not in str(error.value)


@pytest.mark.parametrize("option", ["loss", "penalty", "max_iter", "tol", "fit_intercept", "standardize", "solver"])
def test_an_object_is_shown_without_an_address(option):
    with pytest.raises((TypeError, ValueError), match=f"^{option} is") as error:
        jr.fit_path(X, Y, **{option: Opaque()})
    assert "0x" not in str(error.value)


def test_negative_weights_of_ridge_are_named():
    for model in (Ridge(), RidgeCV(), Lasso()):
        with pytest.raises(ValueError, match="sample_weight has negative values"):
            model.fit(X, Y, sample_weight=-np.ones(20))


def test_the_intercept_of_ridge_cv_is_a_flag():
    with pytest.raises(ValueError, match="fit_intercept is 'yes'; give True or False"):
        RidgeCV(fit_intercept="yes").fit(X, Y)


@pytest.mark.parametrize("strengths", [[0.1, 0.5], np.array([0.1, 0.5])], ids=["list", "array"])
@pytest.mark.parametrize("regularizer", ["L2", "Dropout", "GaussianNoise"])
def test_strengths_are_no_arguments_of_a_regularizer(regularizer, strengths):
    with pytest.raises(TypeError, match=r"its strengths are those of fit_path: .*strengths=\[0.1, 0.5\]"):
        getattr(jr.neural, regularizer)(strengths)


def test_attributes_of_other_packages_hint_at_those_of_a_neural_path():
    path = object.__new__(jr.neural.NeuralPath)
    for name, ours in {
        "coef_": "params",
        "lambdas": "strengths",
        "history": "train_loss",
        "predcit": "predict",
    }.items():
        with pytest.raises(AttributeError, match=f"NeuralPath has no attribute '{name}'; .*{ours}"):
            getattr(path, name)


def test_attributes_of_other_packages_hint_at_those_of_one_solution():
    for solution in (jr.solve(X, Y, 1.0), jr.fit_cv(X, Y, cv=3, n_lambdas=4).select("min")):
        for name, ours in {"coef_": "coef", "intercept_": "intercept"}.items():
            with pytest.raises(AttributeError, match=f"has no attribute '{name}'; .* are {ours}"):
                getattr(solution, name)
        assert pickle.loads(pickle.dumps(solution))[0] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lam": "1"}, "lam has dtype"),
        ({"lam": -1.0}, "lam has negative values, the least -1"),
        ({"lam": None}, "lam is None; give a number"),
        ({"penalty_factors": ["1", "1", "1"]}, "penalty_factors has dtype"),
        ({"penalty_factors": [-1.0, 1.0, 1.0]}, "penalty_factors has negative values"),
        ({"sample_weight": -np.ones(20)}, "sample_weight has negative values"),
        ({"y": np.where(Y > 0, "u", "v")}, "y has text"),
        ({"X": FRAME.assign(b="u")}, "X has values that are not numbers in column 'b'"),
        ({"fit_intercept": "no"}, "fit_intercept is 'no'"),
        ({"tol": "1"}, "tol is '1'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_solve_names_what_is_no_number(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        jr.solve(**{"X": X, "y": Y, "lam": 1.0} | options)


def test_solve_takes_what_fit_path_takes():
    """Nullable frames, booleans, lists; lambdas by the names of the columns."""
    expected = jr.solve(X, (Y > 0) * 1.0, np.array([0.01, 0.02, 0.03])).coef
    assert np.abs(expected).min() > 0
    lam = pd.Series([0.03, 0.02, 0.01], index=["c", "b", "a"])
    found = jr.solve(FRAME.astype("Float64"), Y > 0, lam, sample_weight=[1.0] * 20, offset=[0.0] * 20)
    np.testing.assert_array_equal(found.coef, expected)
    np.testing.assert_array_equal(jr.solve(FRAME, Y > 0, lam.to_dict()).coef, expected)
