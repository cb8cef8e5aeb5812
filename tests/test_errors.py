"""Bad input at every door: `fit_path`, `fit_cv`, the estimators, the command line.

Each message names what is wrong, says what was found and what to do, and is like no other.
"""

import re

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")
pytest.importorskip("typer")
pytest.importorskip("matplotlib")

from command_line import call, table
from reference import ar_problem
from scipy.sparse import csr_array

import jaxreg as jr
import jaxreg.sklearn as js

X, Y = ar_problem(24, 4)
FRAME = pd.DataFrame(X, columns=["age", "sex", "bmi", "bp"])
GROUPS = np.arange(24) % 3


def with_value(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


# keywords of fit_path (X and y among them) and what its message says
PATH = [
    ({"X": with_value(X, (3, 2), np.nan)}, r"X has NaN or infinite values in column 2; impute or drop them"),
    ({"X": FRAME.assign(city="Rome")}, r"X has values that are not numbers in column 'city'; encode or drop them"),
    ({"X": csr_array(X)}, r"X is a SciPy sparse csr_array, not supported yet; give X.toarray\(\)"),
    ({"X": X[:, 0]}, r"X has 1 dimension\(s\).*give X.reshape\(-1, 1\)"),
    ({"X": X[:0], "y": Y[:0]}, r"X is empty \(shape \(0, 4\)\); give at least 2 samples"),
    ({"y": Y[:-1]}, r"y has length 23, but needs one entry per row of X, 24"),
    ({"y": with_value(Y, 0, np.inf)}, r"y has NaN or infinite values; impute or drop them"),
    ({"sample_weight": -np.ones(24)}, r"sample_weight has negative values, the least -1; give weights >= 0"),
    ({"sample_weight": np.eye(24)[0]}, r"sample_weight has 1 positive value\(s\); at least 2 samples need one"),
    ({"offset": np.ones(3)}, r"offset has length 3, but needs one entry per row of X, 24"),
    ({"penalty_factors": [1, 1, -1, 1]}, r"penalty_factors has NaN or negative values; give values >= 0"),
    ({"lower": 1.0}, r"lower has NaN or values on the wrong side of 0; give lower <= 0"),
    ({"lambdas": [1.0, -0.5]}, r"lambdas has negative values, the least -0.5; give values >= 0"),
    ({"n_lambdas": 2.5}, r"n_lambdas is 2.5; give a whole number >= 1"),
    ({"lambda_min_ratio": 1.5}, r"lambda_min_ratio is 1.5; give a number above 0 and below 1"),
    ({"tol": 0.0}, r"tol is 0.0; give a number above 0"),
    ({"solver": "lars"}, r"solver is 'lars'; give one of 'auto', 'batched', 'pivot'"),
    ({"penalty": "l1"}, r"penalty is 'l1'; give one of jaxreg.penalties"),
    ({"penalty": jr.penalties.MCP}, r"penalty is the class MCP; give an instance, MCP\(...\)"),
    ({"loss": jr.losses.SquaredHinge()}, r"y has .* different values, .* but SquaredHinge takes labels of two"),
    (
        {"penalty": jr.penalties.GroupLasso([0, 1])},
        r"penalty is GroupLasso of 2 columns, but X has 4; give each a group",
    ),
    ({"warm_start": X}, r"warm_start is a ndarray; give a PathResult, or None"),
    ({"dtype": "int8"}, r"dtype is 'int8'; give float32 or float64"),
    ({"fit_intercept": "yes"}, r"fit_intercept is 'yes'; give True or False"),
]

CV = [
    ({"cv": 1}, r"cv is 1; give a whole number >= 2"),
    ({"cv": 30}, r"cv is 30, but there are 24 rows; give cv <= 24"),
    ({"cv": "kfold"}, r"cv is 'kfold'; give a number of folds, a splitter"),
    ({"cv": np.zeros(24, int)}, r"cv has the fold id 0 only, so that no row is left to train on"),
    ({"cv": np.zeros(3, int)}, r"cv has shape \(3,\), but fold ids need one entry per row of X, \(24,\)"),
    ({"cv": [([0, 1, 2], [2, 3]), ([3], [4])]}, r"cv has row 2 in the training and the test part of fold 0"),
    ({"cv": [([0, 1, 2], [50]), ([3], [4])]}, r"cv has a test row of fold 0 outside 0..23"),
    ({"groups": GROUPS[:5]}, r"groups has shape \(5,\), but needs one entry per row of X, \(24,\)"),
    ({"groups": GROUPS, "cv": 5}, r"cv is 5, but there are 3 groups; give cv <= 3"),
    ({"repeats": 0}, r"repeats is 0; give a whole number >= 1"),
    ({"seed": -1}, r"seed is -1; give a whole number >= 0"),
    ({"metric": "rmse"}, r"metric is 'rmse'; give one of 'mse', 'mae', 'r2', 'deviance'"),
    ({"metric": lambda y, prediction, weight: np.nan}, r"metric gives NaN or infinity; give a function"),
    ({"keep": "some"}, r"keep is 'some'; give one of None, 'all'"),
    ({"averaging": "median"}, r"averaging is 'median'; give one of 'weighted', 'equal'"),
    ({"l1_ratios": [0.5, 2.0]}, r"l1_ratio is 2.0"),
    ({"l1_ratios": []}, r"l1_ratios is empty; give one or more numbers from 0 \(ridge\) to 1 \(lasso\)"),
    ({"l1_ratios": 0.5, "penalty": jr.penalties.MCP()}, r"l1_ratios is \[0.5\], but MCP.* has no mixing parameter"),
    ({"X": FRAME.assign(bmi=np.nan)}, r"X has NaN or infinite values in column 'bmi'; impute or drop them"),
]

ESTIMATORS = [
    (js.Lasso(alpha=-1.0), {}, r"alpha is -1.0; give a number >= 0"),
    (js.Lasso(tol=0), {}, r"tol is 0; give a number above 0"),
    (js.Lasso(positive="yes"), {}, r"positive is 'yes'; give True or False"),
    (js.ElasticNet(l1_ratio=1.5), {}, r"l1_ratio is 1.5"),
    (js.Lasso(), {"X": with_value(X, (0, 0), np.nan)}, r"Input X contains NaN"),
    (js.Lasso(), {"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\), but needs one entry per row of X"),
    (js.Lasso(), {"sample_weight": np.zeros(24)}, r"sample_weight is 0 everywhere"),
    (js.Ridge(alpha=[1.0, 2.0]), {}, r"alpha has 2 values, y has 1 column\(s\); give one, or one for each"),
    (js.Ridge(solver="newton"), {}, r"solver is 'newton'; give one of 'auto', 'svd'"),
    (js.LassoCV(alphas=0), {}, r"alphas is 0; give a whole number >= 1"),
    (js.LassoCV(alphas=[[1.0]]), {}, r"alphas is \[\[1.0\]\]; give the number of alphas, or a sequence of them"),
    (js.LassoCV(eps=2.0), {}, r"eps is 2.0; give a number above 0 and below 1"),
    (js.LassoCV(cv=3, alphas=3, rule="best"), {}, r"rule is 'best'; give one of 'min', '1se'"),
    (js.LassoCV(), {"y": np.c_[Y, Y]}, r"y should be a 1d array, got an array of shape \(24, 2\)"),
    (js.LassoCV(), {"groups": GROUPS}, r"fit is given groups, which is for a splitter or a scorer; switch on"),
    (js.MultiTaskLassoCV(), {}, r"y has one dimension. For mono-task outputs, use LassoCV"),
    (js.RidgeCV(alphas=[0.0, 1.0]), {}, r"alphas is 0.0; give a number above 0"),
    (js.RidgeCV(alphas=[]), {}, r"alphas is empty; give one or more numbers above 0"),
    (js.RidgeCV(cv=3, store_cv_results=True), {}, r"store_cv_results is True, but cv is 3; it needs leave-one-out"),
    (js.GroupLassoCV(groups=[0, 1]), {}, r"penalty is GroupLasso of 2 columns, but X has 4; give each a group"),
    (js.PathRegressorCV(penalty="l1"), {}, r"penalty is 'l1'; give one of jaxreg.penalties"),
]

LINES = [
    (["path", "absent.csv", "--target", "y"], r"absent.csv is not there"),
    (["path", "data.xlsx", "--target", "y"], r"data.xlsx has the unknown extension '.xlsx'; give one of .csv, .tsv"),
    (["path", "good.csv", "--target", "bmu"], r"target is 'bmu', which is not a column. Did you mean 'bmi'\?"),
    (["path", "good.csv", "--target", "y", "--weights", "y"], r"target and weights are both 'y'; give two columns"),
    (["path", "good.csv", "--target", "y", "--l1-ratio", "2"], r"l1.ratio is 2.0"),
    (["path", "good.csv", "--target", "y", "--n-lambdas", "0"], r"n.lambdas is 0; give a whole number >= 1"),
    (["path", "good.csv", "--target", "y", "--weights", "age"], r"sample_weight has negative values"),
    (["path", "names.csv", "--target", "y"], r"'name' has another text in each of its 60 rows.*--drop name"),
    (["path", "dates.csv", "--target", "y"], r"'day' holds dates, such as .*--dates parts"),
    (["path", "cells.csv", "--target", "y"], r"'price' holds numbers, but 'n/k' is none"),
    (["path", "holes.csv", "--target", "y"], r"there are missing values in 'bmi' \(3\).*--missing impute"),
    (["path", "holes.csv", "--target", "bmi"], r"there are missing values in 'bmi' \(3\).*--missing drop"),
    (["cv", "good.csv", "--target", "y", "--folds", "100"], r"--folds is 100, but there are 60 rows; give --folds 60"),
    (["cv", "good.csv", "--target", "y", "--metric", "rmse"], r"metric is 'rmse'; give one of"),
    (["cv", "good.csv", "--target", "y", "--rule", "best"], r"rule is 'best'; give one of 'min', '1se'"),
    (["cv", "good.csv", "--target", "y", "--groups", "zz"], r"groups is 'zz', which is not a column"),
    (["bench", "--rows", "100"], r"--rows and --columns go together; give both"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    frame = table()
    frame.to_csv(folder / "good.csv", index=False)
    frame.assign(name=[f"n{k}" for k in range(60)]).to_csv(folder / "names.csv", index=False)
    frame.assign(day="2024-01-01").to_csv(folder / "dates.csv", index=False)
    frame.assign(price=["1.5", "2.5", "n/k"] * 20).to_csv(folder / "cells.csv", index=False)
    frame.assign(bmi=frame["bmi"].where(frame.index > 2)).to_csv(folder / "holes.csv", index=False)
    (folder / "data.xlsx").write_bytes(b"")
    return folder


def raised(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


def fitted(fit, given):
    return lambda: fit(given.get("X", X), given.get("y", Y), **{k: v for k, v in given.items() if k not in ("X", "y")})


def failed(arguments, folder, monkeypatch):
    monkeypatch.chdir(folder)
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("jaxreg: ")
    return result.stderr


def assert_says(messages, patterns):
    for message, pattern in zip(messages, patterns, strict=True):
        assert re.search(pattern, message), f"{message!r} does not say {pattern!r}"
        assert len(message) < 700
    assert len(set(messages)) == len(messages)


def test_there_are_enough():
    assert len(PATH) + len(CV) + len(ESTIMATORS) + len(LINES) >= 50


def test_fit_path():
    assert_says([raised(fitted(jr.fit_path, given)) for given, _ in PATH], [pattern for _, pattern in PATH])


def test_fit_cv():
    assert_says([raised(fitted(jr.fit_cv, {"n_lambdas": 3} | given)) for given, _ in CV], [each for _, each in CV])
    everywhere = [raised(fitted(jr.fit_cv, given)) for given, _ in PATH]
    assert everywhere == [raised(fitted(jr.fit_path, given)) for given, _ in PATH]


def test_estimators():
    messages = [raised(fitted(estimator.fit, given)) for estimator, given, _ in ESTIMATORS]
    assert_says(messages, [pattern for *_, pattern in ESTIMATORS])


def test_command_line(files, monkeypatch):
    assert_says([failed(line, files, monkeypatch) for line, _ in LINES], [pattern for _, pattern in LINES])
