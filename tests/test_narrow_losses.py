"""Losses that are parabolas for hardly any residual: nearly linear programs, by multipliers and quadratic models."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from placements import ACCELERATED
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg._pytree import rebuilt
from jaxreg.design import _placement
from jaxreg.solvers.narrow import _model
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Averaged


@pytest.mark.slow
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("loss", ["Huber", "Quantile"])
def test_defaults_with_a_response_in_the_ten_thousands(loss, standardize):
    X, y = pytest.importorskip("sklearn.datasets").load_diabetes(return_X_y=True)
    X = 20 * X + 3  # far from 0, which an intercept has to make up for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jr.ConvergenceWarning)
        path = jr.fit_path(X, 300 * y, loss=getattr(losses, loss)(), n_lambdas=20, standardize=standardize)
    # all where this was written; what a certificate can tell of such a loss in float64 ends near the tolerance
    assert np.count_nonzero(path.status == jr.Status.converged) >= 19
    assert path.tol == 1e-6
    assert path.gap.max() < 1e-5
    fits = path.predict(X)
    # at the median of the response, and with less and less of a loss that is nearly the absolute error
    errors = np.abs(300 * y[:, None] - fits).mean(axis=0)
    assert errors[0] == pytest.approx(np.abs(300 * (y - np.median(y))).mean(), rel=1e-4)
    assert (np.diff(errors) < 1e-5 * errors[0]).all()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(100, 50), (60, 200)], ids=["tall", "wide"])
def test_a_path_to_where_each_row_is_met(shape):
    """Down to lambda_max / 1000 with nearly the absolute error: as many rows are met as columns are in."""
    X, y = ar_problem(*shape, seed=1)
    y = 1e3 * y
    path = jr.fit_path(X, y, loss=losses.Huber(), n_lambdas=12, lambda_min_ratio=1e-3)
    assert (path.status == jr.Status.converged).all()
    met = np.abs(y[:, None] - path.predict(X)) < 1.5 * losses.Huber().delta
    np.testing.assert_array_less(np.abs(met.sum(axis=0) - path.df - 1), 4)
    exact = np.abs(y[:, None] - path.predict(X)).sum(axis=0)
    assert (np.diff(exact) < 0).all()


@pytest.mark.slow
def test_many_at_once_without_a_matrix_each(monkeypatch):
    X, y = ar_problem(60, 8, active=4, seed=2)
    one = jr.fit_path(X, 100 * y, loss=losses.Huber(), solver="proximal", n_lambdas=4)
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED)
    many = jr.fit_path(X, 100 * y, loss=losses.Huber(), solver="proximal", n_lambdas=4)
    assert (one.status == jr.Status.converged).all()
    assert (many.status == jr.Status.converged).all()
    np.testing.assert_allclose(many.coef, one.coef, atol=1e-4 * abs(one.coef).max())


def test_a_model_above_the_objective_and_one_of_newtons():
    """theta = 1 lies above the loss everywhere; theta = 0 has its second derivative."""
    with jax.enable_x64(True):
        rows = jnp.asarray(np.random.default_rng(0).standard_normal((4, 30)))
        y = jnp.asarray(np.random.default_rng(1).standard_normal(30))
        smooth = Averaged(rows, jnp.full(30, 1 / 30), y, jnp.zeros(30), losses.Quantile(0.3, 0.5))
        problem, b = Composite(smooth, penalties.Lasso(), 0.1), jnp.asarray([0.3, -0.2, 0.0, 1.0])
        q = smooth.image(b)
        above, newton = (_model(problem, b, q, theta).smooth for theta in (1.0, 0.0))
        by_rows = _model(rebuilt(problem, many=True), b, q, 0.0).smooth
        np.testing.assert_allclose(by_rows.image(b), newton.image(b), atol=1e-12)
        np.testing.assert_allclose(by_rows.corr, newton.corr, atol=1e-12)
        hessian = jax.hessian(lambda b: smooth.value(b, smooth.image(b)))(b)
        np.testing.assert_allclose(newton.gram, hessian, atol=1e-12)
        for seed in range(20):
            at = b + jnp.asarray(np.random.default_rng(seed).standard_normal(4)) * 2.0 ** (seed - 10)
            rise = smooth.value(at, smooth.image(at)) - smooth.value(b, q)
            bound = above.value(at, above.image(at)) - above.value(b, above.image(b))
            assert float(rise) <= float(bound) + 1e-12


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


@pytest.mark.slow
def test_a_penalty_that_bends_more_than_the_loss():
    """Columns so small that MCP is steeper than the loss: its prox needs a shorter step."""
    X, y = ar_problem(60, 8, active=4, seed=2)
    path = jr.fit_path(0.1 * X, y, loss=losses.Huber(1.0), penalty=penalties.MCP(3.0), standardize=False, n_lambdas=4)
    assert (path.status == jr.Status.converged).all()
    assert path.coef[-1].all()


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(losses.Huber(1e-3), marks=pytest.mark.slow, id="Huber"),
        pytest.param(losses.Quantile(0.01, 0.01), id="Quantile"),
    ],
)
def test_a_response_that_the_null_model_meets(loss):
    X, _ = ar_problem(442, 10, active=4, seed=2)  # as many rows as the diabetes data, for which all is compiled
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        path = jr.fit_path(X, np.full(442, 3.7), loss=loss, n_lambdas=4)
    assert (path.status == jr.Status.converged).all()
    assert path.lambdas[0] == 1
    assert not path.coef.any()
    np.testing.assert_allclose(path.intercept, 3.7, rtol=1e-12)


def test_no_intercept():
    X, y = ar_problem(60, 8, active=4, seed=2)
    path = jr.fit_path(X, 100 * y, loss=losses.Huber(), fit_intercept=False, n_lambdas=4)
    assert (path.status == jr.Status.converged).all()


@pytest.mark.slow
def test_float32_beside_float64():
    X, y = ar_problem(60, 8, active=4, seed=2)
    with jax.enable_x64(True):
        found = jr.solve(X.astype(np.float32), y.astype(np.float32), 0.1, loss=losses.Huber())
    assert found.coef.dtype == jnp.float32
    assert int(found.status) == jr.Status.converged


def test_a_huge_column_that_stays_out_does_not_matter():
    X, y = ar_problem(442, 8, active=4, seed=2)
    options = {"loss": losses.Huber(), "standardize": False, "lambdas": [0.3, 0.1, 0.03]}
    path = jr.fit_path(X, y, **options)
    huge = np.column_stack([X, 1e6 * X[:, ::-1].sum(axis=1)])
    factors = np.append(np.ones(8), 1e7)
    other = jr.fit_path(huge, y, penalty_factors=factors, **options)
    assert (other.status == jr.Status.converged).all()
    np.testing.assert_allclose(other.coef[:, :8], path.coef, atol=1e-5)
