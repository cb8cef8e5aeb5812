"""What the path loop asks of a device: few programs and fetches, and never the data."""

from math import prod

import jax
import numpy as np
import pytest
from dispatches import counted
from instances import few
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement
from jaxreg.paths import _loop

N, P = 60, 600
WIDE, Y = ar_problem(N, P, 0.5)
SEVERAL = np.stack([Y, WIDE[:, 0] - Y], axis=1)
LATER = (
    4  # programs and fetches of a block of lambdas, behind the first, before which nothing is known of what is ahead
)


def on_host(monkeypatch, fit, *args, **kwargs):
    with monkeypatch.context() as patch:
        patch.setattr(_placement, "current", lambda: HOST)
        return fit(*args, **kwargs)


def at_each_block(monkeypatch, act):
    """Call `act` wherever the loop judges what it has solved."""
    judge = _loop._Loop.judge

    def judged(loop, look, block):
        act()
        return judge(loop, look, block)

    monkeypatch.setattr(_loop._Loop, "judge", judged)


@pytest.mark.parametrize(("dtype", "l1_ratio"), few([("float64", 1.0), ("float32", 0.7)], ("float64", 1.0)))
def test_a_block_of_lambdas_takes_few_programs_and_fetches(dtype, l1_ratio, monkeypatch, tmp_path):
    given = {"penalty": jr.penalties.ElasticNet(l1_ratio), "n_lambdas": 30}
    with jax.enable_x64(True):
        there = jax.device_put(WIDE.astype(dtype))
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    jr.fit_path(there, Y, **given)  # compiles
    with counted(monkeypatch, tmp_path) as (counts, mark):
        at_each_block(monkeypatch, mark)
        path = jr.fit_path(there, Y, **given)
    before, *blocks, after = counts
    assert len(blocks) >= 5
    assert all("solve_block" in block.programs for block in [before, *blocks])
    assert sum("_admitted" in block.programs for block in blocks) >= 3  # columns come in
    assert max(map(len, blocks)) <= LATER
    assert not len(after)
    numbers = [prod(shape) for part in counts for fetch in part.fetches for shape in fetch]
    assert max(numbers) < N * P / 2
    exact = on_host(monkeypatch, jr.fit_path, WIDE.astype(dtype), Y, **given)
    np.testing.assert_array_equal(path.status, exact.status)
    np.testing.assert_allclose(path.coef, exact.coef, atol=10 * path.tol * np.abs(exact.coef).max())


@pytest.mark.parametrize("y", [Y, SEVERAL], ids=["one response", "several"])
@pytest.mark.parametrize(("fit", "most"), [(jr.fit_path, 4), (jr.fit_cv, 10)])
def test_ridge_takes_few_programs_and_fetches(fit, most, y, monkeypatch, tmp_path):
    given = {"X": WIDE[:, :8], "y": y, "penalty": "ridge", "n_lambdas": 7}
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    fit(**given)  # compiles
    with counted(monkeypatch, tmp_path) as (counts, _):
        fitted = fit(**given)
    assert len(counts[0]) <= most
    assert counts[0].programs.count("solve") == 1
    assert fitted.gap.max() <= 1e-9


@pytest.mark.device
def test_nothing_comes_to_the_host_unasked(monkeypatch):
    """As the guard sees it, which has nothing to say on a CPU."""
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    run = _loop.path

    def guarded(*args):
        with jax.transfer_guard_device_to_host("disallow"):
            yield from run(*args)

    monkeypatch.setattr("jaxreg.paths._run.path", guarded)
    path = jr.fit_path(WIDE, Y, n_lambdas=30)
    assert (path.status == jr.Status.converged).all()


@pytest.mark.device
@pytest.mark.parametrize("name", few(["limits", "factors", "deep", "residual", "gram"], "limits"))
def test_the_points_are_those_of_a_host(name, monkeypatch):
    factors = np.ones(P)
    factors[:3], factors[5] = 0.0, np.inf
    given = {
        "limits": {"lower": -0.05, "upper": 0.1, "penalty_factors": factors},
        "factors": {"penalty_factors": factors, "sample_weight": np.linspace(0.5, 1, N)},
        "deep": {"penalty": jr.penalties.ElasticNet(0.005), "lambda_min_ratio": 1e-4},  # capacities grow
        "residual": {"penalty": jr.penalties.MCP(), "lambda_min_ratio": 0.2},
        "gram": {"penalty": jr.penalties.MCP(), "lambda_min_ratio": 0.2},  # which certifies, of few columns
    }[name]
    X = WIDE[:, :40] if name == "gram" else WIDE
    exact = on_host(monkeypatch, jr.fit_path, X, Y, n_lambdas=12, **given)
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    path = jr.fit_path(X, Y, n_lambdas=12, **given)
    np.testing.assert_array_equal(path.status, exact.status)
    np.testing.assert_allclose(path.coef, exact.coef, atol=1e-8 * np.abs(exact.coef).max())


@pytest.mark.device
@pytest.mark.slow
def test_folds_with_more_columns_than_rows(monkeypatch):
    rare = WIDE.copy()
    rare[:, 100:160] = 3.0 * np.eye(N)  # constant on the rows of some fold
    given = {"cv": 4, "l1_ratios": [0.5, 1.0], "n_lambdas": 12}
    exact = on_host(monkeypatch, jr.fit_cv, rare, Y + 2 * rare[:, 105], **given)
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    cv = jr.fit_cv(rare, Y + 2 * rare[:, 105], **given)
    assert cv.gap.max() <= 1e-9
    np.testing.assert_allclose(cv.fold_loss, exact.fold_loss, rtol=1e-8)


TALL, Y_TALL = ar_problem(90, 20, 0.5)
FOLDS = {"l1_ratios": [0.3, 1.0], "cv": 5, "n_lambdas": 12}


@pytest.mark.parametrize(("source", "free"), [("host", 0), ("device", 2)])
def test_a_batched_cross_validation_takes_few_programs_and_fetches(source, free, monkeypatch, tmp_path):
    given = FOLDS | {"penalty_factors": np.where(np.arange(20) < free, 0.0, 1.0)}
    with jax.enable_x64(True):
        there = TALL if source == "host" else jax.device_put(TALL)
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    jr.fit_cv(there, Y_TALL, **given)  # compiles
    with counted(monkeypatch, tmp_path) as (counts, _):
        cv = jr.fit_cv(there, Y_TALL, **given)
    (whole,) = counts
    assert cv.path.solver == "batched"
    assert len(whole) <= 10
    numbers = [prod(shape) for fetch in whole.fetches for shape in fetch]
    assert max(numbers) <= 30 * DEVICE.padded(20)  # the coefficients of all rows at 24 points, filled up to 30


@pytest.mark.slow
def test_other_losses_are_solved_by_one_program(monkeypatch, tmp_path):
    """Null models take four looks, a fetch each, and a product for every lane; deviances a program and a fetch."""
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    y = (Y_TALL > np.median(Y_TALL)).astype(int)
    given = {"loss": "binomial", "n_lambdas": 12, "lambda_min_ratio": 1e-2}
    jr.fit_path(TALL, y, **given)
    jr.fit_cv(TALL, y, cv=5, **given)
    with counted(monkeypatch, tmp_path) as (counts, mark):
        path = jr.fit_path(TALL, y, **given)
        mark()
        jr.fit_cv(TALL, y, cv=5, **given)
    assert path.solver == "batched"
    of_path, of_folds = counts
    assert of_path.programs.count("solve") == of_folds.programs.count("solve") == 1
    assert len(of_path) <= 16
    assert len(of_folds) <= 10 + 15 * 6


def test_what_is_not_finite_on_a_device_is_named(monkeypatch):
    bad = TALL.copy()
    bad[3, 7], bad[5, 11] = np.nan, np.inf
    bad[:, 13], weight = 1.0, np.ones(len(bad))
    bad[8, 13], weight[8] = np.nan, 0.0  # in a row without a weight, of a column that is constant without it
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    for columns, message in (([7, 11, 13], "column 7, column 11, column 13"), ([13], "column 13")):
        mended = np.where(np.isin(np.arange(20), columns), bad, 0.5 * np.nan_to_num(bad, posinf=0.0))
        with jax.enable_x64(True):
            there = jax.device_put(mended)
        with pytest.raises(ValueError, match=f"X has NaN or infinite values in {message}; impute"):
            jr.fit_path(there, Y_TALL, sample_weight=weight)


@pytest.mark.device
def test_a_batched_cross_validation_fetches_by_name_alone(monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    with jax.transfer_guard("disallow"):
        cv = jr.fit_cv(TALL, Y_TALL, **FOLDS)
    assert (cv.status == jr.Status.converged).all()
