"""Ridge in closed form where the data are on a device: as on the host, without X or a Gram matrix there."""

import jax
import numpy as np
import pytest
from dispatches import counted
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg import _setup
from jaxreg.design import _placement
from jaxreg.solvers._ridge_columns import ColumnSide

js = pytest.importorskip("jaxreg.sklearn")
N, P = 48, 9
X, Y = ar_problem(N, P, seed=11)
WIDE = ar_problem(20, 30, seed=12)[0]
SEVERAL = np.stack([Y, X[:, 0] - Y, 3 * X[:, 1]], axis=1)
WEIGHT = np.where(np.arange(N) % 6 == 0, 0.0, 1.0 + np.arange(N))
CONSTANT = np.where(np.arange(P) == 3, 2.0, X)
COPIED = np.where(np.arange(P) == 5, 2 * X[:, [2]], X)
CASES = {
    "plain": {},
    "several responses": {"y": SEVERAL},
    "weights": {"sample_weight": WEIGHT},
    "as they are": {"standardize": False, "fit_intercept": False},
    "penalty factors": {"penalty_factors": np.linspace(1, 9, P)},
    "an excluded column": {"penalty_factors": np.where(np.arange(P) == 2, np.inf, 1.0)},
    "a constant column": {"X": CONSTANT},
    "copied columns": {"X": COPIED},
    "unlike factors": {"penalty_factors": np.where(np.arange(P) == 2, 1e6, 1.0)},
    "unpenalised": {"penalty_factors": (np.arange(P) > 1) * 1.0},
    "wide": {"X": WIDE, "y": Y[:20]},
    "wide, several responses": {"X": WIDE, "y": SEVERAL[:20]},
    "wide, unpenalised": {"X": WIDE, "y": Y[:20], "penalty_factors": (np.arange(30) > 1) * 1.0},
}
SLOW = {
    "weights",
    "penalty factors",
    "unpenalised",
    "a constant column",
    "wide, several responses",
    "wide, unpenalised",
}
RIDGE = {"X": X, "y": Y, "penalty": jr.penalties.Ridge(), "n_lambdas": 10}


def at(placement, monkeypatch, fit, **keywords):
    monkeypatch.setattr(_placement, "current", lambda: placement)
    return fit(**RIDGE | keywords)


def assert_near(ours, theirs):
    scale = np.abs(theirs).max() or 1.0
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CASES])
def test_paths_and_folds_are_those_of_the_host(name, monkeypatch):
    if "wide" in name:  # a pass over the data for all lanes, not the Gram matrix of all columns
        monkeypatch.setattr(_setup, "SMALL", 1)
    path, same = (at(placement, monkeypatch, jr.fit_path, **CASES[name]) for placement in (DEVICE, HOST))
    assert path.solver == "ridge"
    assert path.gap.max() <= 1e-6
    for attribute in ("lambdas", "coef", "intercept", "effective_df"):
        assert_near(getattr(path, attribute), getattr(same, attribute))
    cv, same = (at(placement, monkeypatch, jr.fit_cv, cv=4, **CASES[name]) for placement in (DEVICE, HOST))
    assert cv.gap.max() <= 1e-6
    for attribute in ("lambdas", "fold_loss", "coef"):
        assert_near(getattr(cv, attribute), getattr(same, attribute))


@pytest.mark.parametrize("noise", [0.0, 1e-4], ids=["copied", "nearly"])
@pytest.mark.parametrize("y", [Y, SEVERAL], ids=["one response", "several"])
def test_a_delicate_fold_goes_alone(y, noise, monkeypatch):
    """Of columns that are dependent, or nearly so, without the rows that it holds out."""
    folds = np.arange(N) % 4
    like = 2 * X[:, 2] + noise * np.sin(np.arange(N))
    alone = {"X": np.where((np.arange(P) == 5) & (folds != 1)[:, None], like[:, None], X), "y": y}
    alone |= {"cv": folds, "lambda_min_ratio": 1e-9, "keep": "all"}
    looked_at, of_spectrum = [], ColumnSide.of_spectrum
    monkeypatch.setattr(ColumnSide, "of_spectrum", lambda *args: looked_at.append(args) or of_spectrum(*args))
    cv, same = (at(placement, monkeypatch, jr.fit_cv, **alone) for placement in (DEVICE, HOST))
    assert len(looked_at) == 1
    for attribute in ("lambdas", "fold_loss", "coef", "oof_predictions"):
        assert_near(getattr(cv, attribute), getattr(same, attribute))


@pytest.mark.slow
def test_more_columns_than_a_gram_matrix_is_kept_of(monkeypatch):
    monkeypatch.setattr(_setup, "GRAM_LIMIT", 1)
    monkeypatch.setattr(_setup, "SMALL", 1)
    cv, same = (at(placement, monkeypatch, jr.fit_cv, X=CONSTANT, cv=4) for placement in (DEVICE, HOST))
    assert cv.gap.max() <= 1e-6
    assert_near(cv.fold_loss, same.fold_loss)


@pytest.mark.parametrize("X", [X, WIDE], ids=["tall", "wide"])
def test_rows_are_left_out_as_on_the_host(X, monkeypatch):
    weight = 1.0 + np.arange(len(X)) % 3
    asked = {"X": X, "y": Y[: len(X)], "sample_weight": weight, "cv": "loo"}
    cv, same = (at(placement, monkeypatch, jr.fit_cv, **asked) for placement in (DEVICE, HOST))
    assert_near(cv.fold_loss, same.fold_loss)
    models = []
    for placement in (DEVICE, HOST):
        monkeypatch.setattr(_placement, "current", lambda placement=placement: placement)
        models.append(js.RidgeCV(store_cv_results=True).fit(X, Y[: len(X)], weight))
    assert_near(models[0].cv_results_, models[1].cv_results_)


@pytest.mark.parametrize(
    ("fit", "keywords"),
    [
        (jr.fit_path, {}),
        (jr.fit_path, {"y": SEVERAL, "standardize": False}),
        (jr.fit_path, {"X": CONSTANT}),
        (jr.fit_path, {"X": WIDE, "y": Y[:20]}),
        (jr.fit_cv, {"cv": 4}),
        (jr.fit_cv, {"cv": "loo"}),
    ],
)
def test_neither_x_nor_a_gram_matrix_comes_to_the_host(fit, keywords, monkeypatch, tmp_path):
    n, p = np.shape(keywords.get("X", X))
    at(DEVICE, monkeypatch, fit, **keywords)  # what is compiled has constants
    with counted(monkeypatch, tmp_path) as (counts, _):
        at(DEVICE, monkeypatch, fit, **keywords)
    copied = {shape[-2:] for fetch in counts[0].fetches for shape in fetch}
    assert copied
    assert not {(p, p), (n, n), (p, n), (n, p)} & copied


def test_all_folds_share_one_decomposition(monkeypatch):
    shapes, eigh = [], jax.numpy.linalg.eigh
    monkeypatch.setattr(jax.numpy.linalg, "eigh", lambda matrix: shapes.append(matrix.shape) or eigh(matrix))
    monkeypatch.setattr(np.linalg, "eigh", None)
    jax.clear_caches()
    at(DEVICE, monkeypatch, jr.fit_cv, cv=4)
    assert shapes == [(5, P, P)]
