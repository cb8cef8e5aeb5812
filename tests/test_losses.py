"""Losses by their definitions: derivative, curvature bound, conjugate, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import LOSSES

from jaxreg import losses


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_every_loss_is_tested():
    assert set(LOSSES) == set(losses.__all__)


def response(name, y):
    return float(np.where(y < 0, -1.0, 1.0)) if name == "SquaredHinge" else y


@pytest.mark.parametrize("name", LOSSES)
@given(y=st.floats(-5, 5), eta=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_gradient_is_the_derivative(name, y, eta):
    loss, y = LOSSES[name], response(name, y)
    with jax.enable_x64(True):
        derivative = jax.grad(lambda e: loss.value(y, e))(eta)
        np.testing.assert_allclose(loss.gradient(y, eta), derivative, atol=1e-12)
        assert float(loss.value(y, eta)) >= 0


@pytest.mark.parametrize("name", LOSSES)
def test_curvature_bound_is_that_of_the_hessian(name):
    loss, eta = LOSSES[name], jnp.linspace(-4, 4, 2001)
    y = jnp.full_like(eta, response(name, 0.3))
    hessian = jnp.diagonal(jax.hessian(lambda e: jnp.sum(loss.value(y[::50], e)))(eta[::50]))
    dense = jax.vmap(jax.grad(jax.grad(loss.value, 1), 1))(y, eta)
    bound = float(loss.curvature_bound())
    assert float(hessian.max()) <= bound + 1e-12
    assert float(dense.max()) == pytest.approx(bound, rel=1e-2)
    assert float(dense.min()) >= -1e-12  # convex


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "Custom"])
@given(y=st.floats(-3, 3), eta=st.floats(-4, 4), other=st.floats(-4, 4), share=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_conjugate_by_fenchel_and_young(name, y, eta, other, share):
    loss, y = LOSSES[name], response(name, y)
    with jax.enable_x64(True):
        u = loss.gradient(y, eta)
        attained = loss.value(y, eta) + loss.conjugate(y, u)
        assert float(attained) == pytest.approx(float(u * eta), abs=1e-9)
        less = loss.conjugate(y, share * u)  # the domain holds all of [0, u]
        assert np.isfinite(less)
        assert float(loss.value(y, other) + less) >= float(share * u * other) - 1e-9


def test_limits():
    y, eta = np.random.default_rng(0).standard_normal((2, 50)) * 3
    np.testing.assert_allclose(losses.Huber(np.inf).value(y, eta), losses.Squared().value(y, eta))
    np.testing.assert_allclose(losses.Huber(np.inf).gradient(y, eta), eta - y)
    exact = np.maximum(0.3 * (y - eta), -0.7 * (y - eta))
    smooth = losses.Quantile(0.3, 1e-3).value(y, eta)
    assert (smooth <= exact + 1e-12).all()
    assert (exact - smooth <= 1e-3 * 0.7**2 / 2 + 1e-12).all()


def test_custom_is_its_function():
    eta = jnp.linspace(-2, 2, 7)
    loss = losses.Custom(lambda y, e: (y - e) ** 4)
    np.testing.assert_allclose(loss.gradient(0.5, eta), -4 * (0.5 - eta) ** 3)
    assert loss.curvature_bound() is None
    assert loss.conjugate(0.5, eta) is None


BAD = [
    (lambda: losses.Huber(0.0), ValueError, r"delta is 0.0; give a number above 0"),
    (lambda: losses.Quantile(1.0), ValueError, r"tau is 1; give a number between 0 and 1|tau is 1.0"),
    (lambda: losses.Quantile(0.5, 0.0), ValueError, r"smoothing is 0.0"),
    (lambda: losses.Custom(3), TypeError, r"value is 3; give a function of \(y, eta\)"),
    (lambda: losses.Custom(abs, -1.0), ValueError, r"curvature_bound is -1.0"),
    (lambda: losses.SquaredHinge().encode([0.0, 1.0], np.ones(2, bool)), ValueError, r"y has the value 0, but"),
    (lambda: losses.SquaredHinge().encode([1.0, 1.0], np.ones(2, bool)), ValueError, r"y has one class only"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_hyperparameters(make, error, message):
    with pytest.raises(error, match=message):
        make()
