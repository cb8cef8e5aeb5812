"""No solver takes rounding error for progress: points far out along dependent columns, and what is not finite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.solvers import proximal
from jaxreg.solvers.smooth import Averaged, Quadratic, curvature_of

X, Y = ar_problem(20, 100, seed=2)
A = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def problem():
    """Of rank 19, with more columns."""
    return proximal.Composite(Quadratic(A.T @ A / 20, A.T @ (Y - Y.mean()) / 20), penalties.MultiTaskLasso(), 1e-3)


@pytest.fixture
def null():
    """Directions (40, 100) along which the loss does not change."""
    directions = np.random.default_rng(0).standard_normal((40, 100))
    return directions - directions @ np.linalg.pinv(A) @ A


def test_along_dependent_columns_only_the_penalty_changes(problem, null):
    b = np.linalg.pinv(A) @ (Y - Y.mean())
    smooth = problem.smooth
    rises, differences = [], []
    for d in 1e16 * null:
        image, before = smooth.image(b + d), smooth.image(b)
        rises.append(float(problem.rise(b + d, image, b, before)) / (1e-3 * np.abs(d).sum()))
        differences.append(float(problem.value(b + d, image) - problem.value(b, before)))
    assert min(rises) > 0.9  # and what rounding makes of a bend
    assert min(differences) < 0  # what values would say


def test_a_newton_step_far_out_does_not_count(problem, null, monkeypatch):
    smooth, start = problem.smooth, jnp.zeros(100)
    image = smooth.image(start)
    L, one, value = curvature_of(smooth, image, start), jnp.ones(()), problem.value(start, image)
    state = proximal._ProximalState(start, image, start, image, one, L, one, jnp.asarray(4), value, jnp.asarray(0))
    monkeypatch.setattr(proximal, "linearised", lambda *_: (jnp.ones(100), lambda e: e, None, lambda e: e))

    @jax.jit
    def after(d):
        monkeypatch.setattr(proximal, "conjugate_gradients", lambda *_: (d, 1))
        b = proximal._newton(problem, state, 0.0).b
        return b, problem.value(b, smooth.image(b))

    for d in 1e16 * null[:8]:
        b, reached = after(d)
        assert float(reached) <= float(value)
        assert np.abs(b).max() < 1e3


def test_conjugate_gradients_end_where_the_curvature_is_rounding():
    G = A.T @ A / 20
    rhs = G @ np.random.default_rng(1).standard_normal(100)
    x, _ = proximal.conjugate_gradients(lambda e: G @ e, jnp.asarray(rhs), 500, 0.0)
    assert np.linalg.norm(x) < 2 * np.linalg.norm(np.linalg.pinv(G) @ rhs)


def test_a_path_whose_newton_steps_led_out():
    """At this scale of y one of them went to 2e16, where the objective is rounding of either sign."""
    path = jr.fit_path(
        X, Y * 4.681854876560064, penalty=penalties.MultiTaskLasso(), solver="proximal", n_lambdas=10, tol=1e-13
    )
    assert path.gap.max() <= 1e-13
    assert np.abs(path.coef).max() < 10


def test_a_step_to_where_the_loss_is_not_finite_is_shortened():
    loss = losses.Custom(lambda y, eta: jnp.exp(eta) - y * eta)  # of Poisson: no bound of the curvature
    smooth = Averaged(np.ones((1, 4)) * 30.0, np.full(4, 0.25), np.array([1e3, 2e3, 1e3, 4e3]), np.zeros(4), loss)
    problem = proximal.Composite(smooth, penalties.Lasso(), 0.0)
    start = jnp.zeros(1)
    found = jax.jit(proximal.minimise)(problem, start, 1e-6, 2000, jnp.asarray(1.0))
    np.testing.assert_allclose(found.b, np.log(2e3) / 30, rtol=1e-9)


def test_a_point_worse_than_the_start_is_not_returned(problem, monkeypatch):
    def astray(problem, state, floor):
        b = state.b + 5.0
        return state._replace(b=b, q=problem.smooth.image(b), residual=1e3, n_iter=state.n_iter + 1)

    monkeypatch.setattr(proximal, "_newton", astray)
    start = jnp.full(100, 0.1)
    found = proximal.minimise(problem, start, 1e-6, 8, jnp.asarray(50.0))
    np.testing.assert_array_equal(found.b, start)


def test_a_loss_that_is_no_number_at_0_has_a_grid_and_a_status():
    loss = losses.Custom(lambda y, eta: jnp.sqrt(y - eta))
    with pytest.warns(jr.ConvergenceWarning, match="lambda 0..3 met numbers that are not finite"):
        path = jr.fit_path(X[:, :6], Y, loss=loss, n_lambdas=4)
    assert path.lambdas[0] == 1.0
    assert (path.status == jr.Status.nonfinite).all()
    assert not path.coef.any()
