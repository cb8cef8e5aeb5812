"""Losses that are parabolas for hardly any residual: nearly linear programs, solved by the method of multipliers."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxreg as jr
from jaxreg import losses


@pytest.mark.parametrize("loss", ["Huber", "Quantile"])
def test_defaults_with_a_response_in_the_ten_thousands(loss):
    X, y = pytest.importorskip("sklearn.datasets").load_diabetes(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jr.ConvergenceWarning)
        path = jr.fit_path(X, 300 * y, loss=getattr(losses, loss)(), n_lambdas=20)
    # all 20 where this was written, and one without multipliers; which steps of Newton count hangs on the last bit
    assert np.count_nonzero(path.status == jr.Status.converged) >= 18
    assert path.tol == 1e-6
    fits = path.predict(X)[:, path.status == jr.Status.converged]
    # at the median of the response, and with less and less of a loss that is nearly the absolute error
    errors = np.abs(300 * y[:, None] - fits).mean(axis=0)
    assert errors[0] == pytest.approx(np.abs(300 * (y - np.median(y))).mean(), rel=1e-4)
    assert (np.diff(errors) < 1e-6 * errors[0]).all()


@pytest.mark.parametrize("loss", [losses.Huber(0.7), losses.Quantile(0.3, 0.2)], ids=["Huber", "Quantile"])
def test_a_widened_loss_is_the_envelope(loss):
    with jax.enable_x64(True):
        eta, z = jnp.linspace(-4, 4, 17), jnp.linspace(-9, 9, 180001)
        wide, factor, mu = loss.widened(0.5)
        assert wide.width == pytest.approx(loss.width + 0.5)
        for at in eta:
            least = jnp.min(loss.value(0.1, z) + (z - at) ** 2 / (2 * mu))
            assert float(factor * wide.value(0.1, at)) == pytest.approx(float(least), abs=1e-8)
        same, one, zero = loss.widened(0.0)
        assert (same, one, zero) == (loss, 1.0, 0.0)
