"""Lanes: the products of a reweighted design are those of a design made with these weights."""

import jax
import numpy as np
import pytest
from reference import ar_problem

from jaxreg.design._dense import DenseDesign
from jaxreg.design._lanes import lane_gram, make_lanes, moments, relative
from jaxreg.design._standardise import standardise_on_device, standardise_on_host

N, P = 40, 9


def data():
    X = ar_problem(N, P, seed=4)[0] * np.linspace(0.1, 5, P) + np.linspace(-2, 2, P)
    X[:, 3] = 2.5  # constant everywhere
    X[:, 4] = np.where(np.arange(N) < 4, X[:, 4], 1.5)  # constant on the rows from 4 on
    X[:, 5] = np.where(np.arange(N) < 4, 1e7 * X[:, 5], X[:, 5])  # nearly all of its variance on the others
    return X


def weights(name):
    rng = np.random.default_rng(5)
    weight = {
        "fold": (np.arange(N) >= 4) * 1.0,
        "bootstrap": np.bincount(rng.integers(0, N, N), minlength=N) * 1.0,
        "any": rng.uniform(0, 2, N),
    }[name]
    return weight / weight.sum()


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.sampled
@pytest.mark.parametrize("on_host", [True, False])
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("full", ["even", "uneven"])
@pytest.mark.parametrize("name", ["fold", "bootstrap", "any"])
def test_products_are_those_of_a_design_with_these_weights(name, full, centre, on_host):
    X, weight = data(), weights(name)
    everywhere = np.full(N, 1 / N) if full == "even" else np.linspace(1, 3, N) / np.linspace(1, 3, N).sum()
    base = DenseDesign(X, everywhere, centre, np.float64, on_host)
    alone = DenseDesign(X, weight, centre, np.float64, on_host)
    (lane,) = make_lanes(base, weight[None], centre)

    np.testing.assert_array_equal(lane.columns.constant, alone.columns.constant)
    for field in ("mean", "norm", "sd"):
        np.testing.assert_allclose(getattr(lane.columns, field), getattr(alone.columns, field), rtol=1e-9, atol=1e-12)
    rng = np.random.default_rng(6)
    R, coef, J = rng.standard_normal((3, N)), rng.standard_normal((2, P)), np.array([4, 0, P, 5])
    same = {"rtol": 0, "atol": 1e-11}  # also of column 5, which would lose 7 of 16 digits beside the other rows
    np.testing.assert_allclose(lane.correlate(R), alone.correlate(R), **same)
    np.testing.assert_allclose(lane.gather(J), alone.gather(J), **same)
    np.testing.assert_allclose(lane.predict(coef), alone.predict(coef), **same)
    np.testing.assert_allclose(lane.gram(), alone.gram(), **same)
    np.testing.assert_allclose(lane.kernel(np.arange(P) * 1.0), alone.kernel(np.arange(P) * 1.0), **same)
    sums = moments(base, np.zeros((1, N)), relative(base, weight)).gram
    np.testing.assert_allclose(lane_gram(lane, sums), alone.gram(), **same)
    for gram in (sums, base.gram()) if on_host else ():
        np.testing.assert_array_equal(gram, gram.T)


def test_moments_add_up_and_give_squared_errors():
    X, rng = data(), np.random.default_rng(7)
    weight = rng.uniform(0.5, 2, N)
    weight /= weight.sum()
    base = DenseDesign(X, weight, True, np.float64, True)
    Y, held = rng.standard_normal((2, N)), np.arange(N) % 3 == 0
    rest = moments(base, Y, np.ones(N)) - moments(base, Y, held * 1.0)
    alone = moments(base, Y, (~held) * 1.0)
    for name in ("gram", "first", "cross", "weight", "y", "yy"):
        np.testing.assert_allclose(getattr(rest, name), getattr(alone, name), rtol=0, atol=1e-14)
    coef, intercept = rng.standard_normal((2, P)), np.array([0.3, -1.0])
    scaled = (X - base.columns.mean) / base.columns.norm
    found = moments(base, Y, held * 1.0)
    for k, y in enumerate(Y):
        expected = [weight[held] @ (y - b0 - scaled @ b)[held] ** 2 for b0, b in zip(intercept, coef, strict=True)]
        np.testing.assert_allclose(found.squared_error(k, intercept, coef), expected, rtol=1e-12)


@pytest.mark.device
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("centre", [True, False])
def test_an_accelerator_standardises_as_the_host_does(centre, dtype, monkeypatch):
    monkeypatch.setattr("jaxreg.design._standardise.ON_DEVICE", 4 * N)  # parts of four columns, and one
    X, weight = data(), weights("any")
    weight[:4] = 0
    A, columns = standardise_on_host(X.T, weight, centre, dtype)
    for given in (X, np.asfortranarray(X), X[::-1][::-1], jax.device_put(X)):
        found, of_device, *_ = standardise_on_device(given, weight, centre, dtype)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, A, rtol=0, atol=1e-13 if dtype == np.float64 else 1e-6)
        for name in ("mean", "norm", "sd"):
            np.testing.assert_allclose(getattr(of_device, name), getattr(columns, name), rtol=1e-13, atol=1e-13)
        np.testing.assert_array_equal(of_device.constant, columns.constant)
