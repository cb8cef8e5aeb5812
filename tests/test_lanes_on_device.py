"""Lanes whose Gram matrices are made on the device, all at once, are those that the host makes one by one."""

import jax
import numpy as np
import pytest
from dispatches import counted
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg._request import Request
from jaxreg._setup import prepare
from jaxreg.cv._folds import make_folds
from jaxreg.cv._lanes import LaneProblems
from jaxreg.design import _placement, _stacks, _standardise

N, P, F = 44, 7, 4
X, Y = ar_problem(N, P, seed=8)
X = X * np.linspace(0.5, 3, P) + np.linspace(-1, 2, P)
ROWS = np.arange(N)
IDS = ROWS % F
SEVERAL = np.stack([Y, X[:, 0] - Y], axis=1)
RNG = np.random.default_rng(9)
RESAMPLED = [(RNG.choice(ROWS[IDS != k], 30), ROWS[IDS == k]) for k in range(F)]
FEW = [(ROWS[IDS == k], ROWS[IDS == (k + 1) % F]) for k in range(F)]  # to train on
HEAVY = np.where(ROWS == 5, 1e9, 1.0)  # whose fold leaves hardly any weight


def quiet():
    """A column that hardly varies on the training rows of the first fold, and one that is constant there."""
    calm = X.copy()
    calm[:, 2] = np.where(IDS == 0, 1e5, 1.0) * X[:, 2]
    calm[:, 4] = np.where(IDS == 0, X[:, 4], 1.5)
    return calm


def free(*columns):
    return np.where(np.isin(np.arange(P), columns), 0.0, 1.0)


NEARLY = X[:, [0, 1, 1, 3, 4, 5, 6]] + 1e-5 * np.where(np.arange(P) == 2, X[:, [2]], 0.0)  # columns 1 and 2 alike
EXPLAINED = X[:, 1] + X[:, 4] + 1e-5 * Y
CASES = {
    "partition": {},
    "drawn": {"cv": F},
    "several responses": {"y": SEVERAL},
    "repeated rows": {"cv": RESAMPLED},
    "few training rows": {"cv": FEW},
    "weights": {"sample_weight": np.where(ROWS % 5 == 0, 0.0, 1.0 + ROWS)},
    "no intercept": {"fit_intercept": False},
    "a delicate fold": {"sample_weight": HEAVY},
    "quiet columns": {"X": quiet()},
}
FREE = {
    "columns": {"y": SEVERAL, "penalty_factors": free(1, 4), "sample_weight": 1.0 + ROWS},
    "as they are": {"penalty_factors": free(1, 4), "standardize": False, "fit_intercept": False},
    "a delicate fold": {"penalty_factors": free(1, 4), "sample_weight": HEAVY},
    "some quiet": {"X": quiet(), "penalty_factors": free(1, 4)},
    "nearly alike": {"X": NEARLY, "penalty_factors": free(1, 2)},
    "that explain nearly all": {"y": EXPLAINED, "penalty_factors": free(1, 4)},
    "sums": {"penalty": jr.penalties.TrendFilter()},
    "sums of columns as they are": {"penalty": jr.penalties.TrendFilter(), "standardize": False},
    "sums without a mean": {"penalty": jr.penalties.TrendFilter(), "fit_intercept": False},
}


def lanes(placement, monkeypatch, X=X, y=Y, cv=IDS, **keywords):
    """(LaneProblems of the folds, the Setup) as they are made at a placement."""
    monkeypatch.setattr(_placement, "current", lambda: placement)
    request = Request(**{"penalty": jr.penalties.Ridge()} | keywords)
    setup = prepare(X, y, request, [0.0 if request.penalty.mixes else np.nan])
    folds = make_folds(cv, X, setup.data.y, setup.data.weight)
    return [make() for make in LaneProblems(setup, folds, request).of(np.arange(F))], setup


def assert_near(on_device, on_host, atol=1e-12):
    scale = np.abs(np.asarray(on_host)).max(initial=1e-300)
    np.testing.assert_allclose(np.asarray(on_device) / scale, np.asarray(on_host) / scale, rtol=0, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_lanes_are_those_of_the_host(name, monkeypatch):
    with jax.enable_x64(True):
        on_host, _ = lanes(HOST, monkeypatch, **CASES[name])
        monkeypatch.setattr(_stacks, "TAKEN", P * 64 * 3)  # so that the parts come in two batches
        on_device, setup = lanes(DEVICE, monkeypatch, **CASES[name])
        assert setup.certify.gram is setup.gram.stack  # one array, made with absent columns
        for f, (lane, same) in enumerate(zip(on_device, on_host, strict=True)):
            assert lane.gram.at == f
            assert lane.gram.stack is on_device[0].gram.stack
            assert_near(lane.gram, same.gram)
            assert lane.certify.gram.shape == (128, 128)  # whole tiles
            assert_near(lane.certify.gram[:P, :P], same.gram)
            ours, theirs = lane.objective, same.objective
            for attribute in ("corr", "scale", "null_losses", "null_gradient"):
                assert_near(getattr(ours, attribute), getattr(theirs, attribute))
            for attribute in ("mean", "norm", "sd"):
                assert_near(getattr(ours.design.columns, attribute), getattr(theirs.design.columns, attribute))
            assert_near(ours.design.inverse, theirs.design.inverse)
            assert (lane.held_out is None) == (same.held_out is None)
            if same.held_out is not None:
                for attribute in ("gram", "first", "squares", "cross", "weight", "y", "yy"):
                    assert_near(getattr(lane.held_out, attribute), getattr(same.held_out, attribute))
    if name == "a delicate fold":
        assert [lane.held_out is None for lane in on_device] == [k == 5 % F for k in range(F)]
    if name == "quiet columns":
        assert on_device[0].objective.design.exact.tolist() == [2, 4]


@pytest.mark.parametrize("name", FREE)
def test_null_models_are_those_of_the_host(name, monkeypatch):
    """Where products with the Gram matrix would lose digits, and where the host has not got them all, by the rows."""
    monkeypatch.setattr(_standardise, "ON_DEVICE", 4 * N)  # so that the columns come in two parts
    by_rows = {"some quiet": [0], "nearly alike": range(F), "sums without a mean": range(F)}.get(name, [])
    with jax.enable_x64(True):
        on_device, on_host = (lanes(placement, monkeypatch, **FREE[name])[0] for placement in (DEVICE, HOST))
        for f, (lane, same) in enumerate(zip(on_device, on_host, strict=True)):
            ours, theirs = lane.objective, same.objective
            np.testing.assert_allclose(ours.null_losses, theirs.null_losses, rtol=1e-10)
            assert_near(ours.null_gradient, theirs.null_gradient, 1e-10)
            assert (ours.orthonormal is None) == (f in by_rows)
            if f not in by_rows:
                for of in ("T", "along"):
                    rows, others = (getattr(certify.terms, of)[:, :P] for certify in (lane.certify, same.certify))
                    assert_near(rows.T @ rows, others.T @ others)  # as bases of the same span have


@pytest.mark.device
@pytest.mark.parametrize("solver", ["pivot", "batched"])
def test_folds_fit_as_on_the_host(solver, monkeypatch):
    keywords = {"X": quiet(), "y": Y, "cv": IDS, "l1_ratios": [0.5, 1.0], "n_lambdas": 9, "tol": 1e-9, "solver": solver}
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    on_host = jr.fit_cv(**keywords | {"solver": "pivot"})
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    on_device = jr.fit_cv(**keywords)
    assert on_device.gap.max() <= 1e-9
    exact = solver == "pivot"
    np.testing.assert_allclose(on_device.lambdas, on_host.lambdas, rtol=1e-12)
    np.testing.assert_allclose(on_device.fold_loss, on_host.fold_loss, rtol=1e-9 if exact else 1e-4)
    np.testing.assert_allclose(on_device.coef, on_host.coef, atol=1e-9 if exact else 1e-4)


@pytest.mark.parametrize("given", [{}, FREE["columns"]], ids=["none free", "two free"])
def test_no_gram_matrix_of_a_fold_comes_to_the_host(given, monkeypatch, tmp_path):
    """Before somebody asks for it: not for lanes, and not for their certificates."""
    with jax.enable_x64(True):
        lanes(DEVICE, monkeypatch, **given)  # what is compiled has constants
        with counted(monkeypatch, tmp_path) as (counts, _):
            problems, _ = lanes(DEVICE, monkeypatch, **given)
            assert all(len(lane.certify.terms.T) == 2 * bool(given) for lane in problems)
    copied = [shape for fetch in counts[0].fetches for shape in fetch if len(shape) > 1]
    assert copied  # correlations of y
    assert all(shape[-2] < P for shape in copied), copied
