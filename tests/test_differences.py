"""Fused lasso and trend filter: their prox, its derivatives, their dual norm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import few
from scipy.optimize import lsq_linear

from jaxreg.penalties import FusedLasso, TrendFilter

PENALTIES = {1: FusedLasso(), 2: TrendFilter()}
prox = jax.jit(lambda penalty, z, lam, step=1.0: penalty.prox(z, lam, step))
forward = jax.jit(lambda penalty, z, t, dz, dt: jax.jvp(lambda z, t: penalty.prox(z, t, 1.0), (z, t), (dz, dt)))
critical_lambda = jax.jit(lambda penalty, gradient, factors: penalty.critical_lambda(gradient, factors))
backward = jax.jit(lambda penalty, z, t, w: jax.vjp(lambda z, t: penalty.prox(z, t, 1.0), z, t)[1](w))


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=PENALTIES)
def order(request):
    return request.param


def matrix(p, order):
    return np.diff(np.eye(p), order, axis=0)


def trend(z, order):
    """Least squares fit of a polynomial without differences."""
    basis = np.vander(np.linspace(-1, 1, len(z)), order)
    return basis @ np.linalg.lstsq(basis, z, rcond=None)[0]


def dual(residual, order):
    """u with D'u = residual."""
    u = residual
    for _ in range(order):
        u = -np.cumsum(u)
    return u[: len(residual) - order]


def smallest_flat(z, order):
    """Smallest t with no differences."""
    return np.abs(dual(z - trend(z, order), order)).max(initial=0.0)


def signals(p, seed=0):
    rng, grid = np.random.default_rng(seed), np.linspace(0, 1, p)
    return {
        "noise": rng.standard_normal(p),
        "walk": rng.standard_normal(p).cumsum(),
        "smooth": np.sin(9 * grid),
        "steps": np.sign(np.sin(11 * grid)) + 0.01 * rng.standard_normal(p),
        "ties": rng.integers(0, 3, p).astype(float),
        "spike": np.eye(p)[p // 3],
        "growing": np.exp(15 * grid),
        "constant": np.full(p, 0.1),
        "ramp": 0.3 * np.arange(p) - 7.0,
    }


def assert_optimal(x, z, t, order, tol=1e-10):
    x, z = np.asarray(x, float), np.asarray(z, float)
    scale = np.abs(z).max()
    u, jumps = dual(z - x, order), np.diff(x, order)
    assert np.abs(u).max() <= t + tol * (t + scale)
    moving = np.abs(jumps) > 1e-12 * scale
    np.testing.assert_allclose(u[moving], t * np.sign(jumps[moving]), atol=tol * (t + scale))
    np.testing.assert_allclose((z - x).sum(), 0, atol=tol * scale * len(z))
    if order == 2:
        np.testing.assert_allclose((z - x) @ np.linspace(-1, 1, len(z)), 0, atol=tol * scale * len(z))


@pytest.mark.parametrize("p", few([3, 4, 40, 300], 3, 40))
@pytest.mark.parametrize("name", signals(3))
def test_prox_satisfies_the_optimality_conditions(order, p, name):
    z = signals(p)[name]
    for share in (1e-6, 1e-3, 0.1, 0.6, 1.1):
        t = share * max(smallest_flat(z, order), 1e-3)
        assert_optimal(prox(PENALTIES[order], z, t), z, t, order)


@pytest.mark.parametrize("p", few([1, 2, 3, 5, 8, 15, 25, 40], 1, 3, 40))
def test_prox_agrees_with_the_dual_as_a_box_constrained_least_squares_problem(order, p):
    for name, z in signals(p, seed=p).items():
        t = 0.2 * smallest_flat(z, order) + 0.01
        D = matrix(p, order)
        u = lsq_linear(D.T, z, (-t, t), method="bvls", tol=1e-15).x if len(D) else np.zeros(0)
        scale = np.abs(z).max()
        np.testing.assert_allclose(prox(PENALTIES[order], z, t), z - D.T @ u, atol=1e-8 * scale, err_msg=name)


@given(seed=st.integers(0, 10**6), order=st.sampled_from([1, 2]), t=st.floats(0, 4), digits=st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_prox_is_firmly_non_expansive_and_optimal(seed, order, t, digits):
    z = np.round(np.random.default_rng(seed).standard_normal((2, 12)), digits)  # few digits: many ties
    with jax.enable_x64(True):
        a, b = (np.asarray(prox(PENALTIES[order], each, t)) for each in z)
    assert np.sum((a - b) ** 2) <= (a - b) @ (z[0] - z[1]) + 1e-12
    for x, each in zip((a, b), z, strict=True):
        assert_optimal(x, each, t, order)


@pytest.mark.slow
def test_solutions_of_large_problems_are_exact(order):
    for name in ("walk", "smooth", "steps", "growing"):
        z = signals(2000)[name]
        t = 1e-3 * smallest_flat(z, order)
        x = np.asarray(prox(PENALTIES[order], z, t))
        assert_optimal(x, z, t, order, tol=1e-9)
        assert (np.abs(np.diff(x, order)) > 1e-12 * np.abs(z).max()).any()


@pytest.mark.parametrize("p", few([1, 2, 3, 40], 1, 3, 40))
def test_limits_of_the_prox(order, p):
    penalty, z = PENALTIES[order], signals(p)["walk"]
    np.testing.assert_array_equal(prox(penalty, z, 0.0), z)
    for large in (1e6, 1e300, np.inf):
        np.testing.assert_allclose(prox(penalty, z, large), trend(z, order), atol=1e-12)
    straight = np.full(p, 0.1) if order == 1 else 0.1 - 0.7 * np.arange(p)
    np.testing.assert_allclose(prox(penalty, straight, 0.5), straight, atol=1e-14)


def test_neighbours_without_a_difference_are_equal_to_the_last_bit():
    for name, z in signals(40).items():
        for t in 0.03 * smallest_flat(z, 1), 1e-9, 100.0:
            x = np.asarray(prox(FusedLasso(), z, t))
            jumps = np.diff(x)
            assert np.all((jumps == 0) | (np.abs(jumps) > 1e-13 * np.abs(z).max())), name


def test_value_is_lambda_times_the_differences(order):
    penalty, b = PENALTIES[order], signals(20)["noise"]
    expected = 0.7 * np.abs(matrix(20, order) @ b).sum()
    np.testing.assert_allclose(jnp.sum(penalty.value(b, 0.7)), expected)
    np.testing.assert_allclose(jnp.sum(penalty.value(b, np.full(20, 0.7))), expected)
    assert jnp.sum(penalty.value(b[:order], 0.7)) == 0
    step = 0.5
    x = np.asarray(prox(penalty, b, np.full(20, 0.7), step))
    np.testing.assert_array_equal(x, prox(penalty, b, 0.7, step))
    rng = np.random.default_rng(0)

    def objective(u):
        return np.sum((u - b) ** 2) / (2 * step) + 0.7 * np.abs(matrix(20, order) @ u).sum()

    assert all(objective(x) < objective(x + 1e-3 * rng.standard_normal(20)) for _ in range(50))


@pytest.mark.parametrize("name", ["noise", "walk", "steps"])
@pytest.mark.parametrize("p", few([1, 2, 3, 40], 3, 40))
@pytest.mark.parametrize("share", [0.0, 0.05, 0.4, 1.5])
def test_derivatives_are_central_differences(order, name, p, share):
    penalty, z = PENALTIES[order], signals(p, seed=3)[name]
    t, h = share * smallest_flat(z, order), 1e-6
    dz, dt = np.random.default_rng(1).standard_normal(p), 0.3 if share else 0.0
    _, tangent = forward(penalty, z, t, dz, dt)
    ahead, behind = (np.asarray(prox(penalty, z + d * dz, t + d * dt)) for d in (h, -h))
    np.testing.assert_allclose(tangent, (ahead - behind) / (2 * h), atol=1e-6 * max(1, np.abs(z).max()))


@pytest.mark.parametrize("order", few([1, 2], 2))
def test_the_derivative_projects_on_the_vectors_with_the_same_knots(order):
    p, z = 30, signals(30)["walk"]
    t = 0.05 * smallest_flat(z, order)
    x = np.asarray(prox(PENALTIES[order], z, t))
    D = matrix(p, order)
    flat = np.abs(D @ x) < 1e-10
    assert 0 < flat.sum() < len(D)
    projection = np.eye(p) - np.linalg.pinv(D[flat]) @ D[flat]
    strength = np.where(flat, 0.0, np.sign(D @ x))
    J, dt = jax.jit(jax.jacfwd(prox, (1, 2)))(PENALTIES[order], z, t)
    np.testing.assert_allclose(J, projection, atol=1e-11)
    np.testing.assert_allclose(dt, -projection @ D.T @ strength, atol=1e-11)
    np.testing.assert_allclose(jax.jit(jax.jacrev(prox, 1))(PENALTIES[order], z, t), projection, atol=1e-11)


@pytest.mark.parametrize("order", few([1, 2], 1))
def test_reverse_mode_is_the_transpose_and_all_maps_batch(order):
    penalty, rng = PENALTIES[order], np.random.default_rng(0)
    z, t = rng.standard_normal((5, 24)).cumsum(axis=1), np.linspace(0.01, 3, 5)
    v, w = rng.standard_normal((2, 5, 24))
    x, tangent = jax.vmap(forward, (None, 0, 0, 0, None))(penalty, z, t, v, 1.0)
    dz, dt = jax.vmap(backward, (None, 0, 0, 0))(penalty, z, t, w)
    np.testing.assert_allclose(np.sum(w * tangent, axis=1), np.sum(dz * v, axis=1) + dt, atol=1e-11)
    for i in range(5):
        one, its = forward(penalty, z[i], t[i], v[i], 1.0)
        np.testing.assert_allclose(x[i], one, atol=1e-13)
        np.testing.assert_allclose(tangent[i], its, atol=1e-12)


@pytest.mark.slow
def test_the_linear_map_at_a_point_is_symmetric_and_transposable(order):
    z, v = np.random.default_rng(0).standard_normal((2, 24)).cumsum(axis=1)
    value, linear = jax.linearize(lambda z: prox(PENALTIES[order], z, 0.5), z)
    np.testing.assert_allclose(value, prox(PENALTIES[order], z, 0.5), atol=1e-13)
    J = jax.vmap(linear)(np.eye(24))
    np.testing.assert_allclose(J, J.T, atol=1e-12)
    np.testing.assert_allclose(jax.linear_transpose(linear, z)(v)[0], linear(v), atol=1e-12)


@pytest.mark.slow
def test_second_derivatives_vanish(order):
    # a piecewise linear map
    z = signals(15)["walk"]
    H = jax.jit(jax.hessian(lambda z: prox(PENALTIES[order], z, 0.4) @ np.arange(15.0)))(z)
    np.testing.assert_allclose(H, 0, atol=1e-12)


@pytest.mark.parametrize("order", few([1, 2], 1))
@pytest.mark.parametrize("name", signals(3))
def test_float32_is_as_good_as_its_digits(order, name):
    z = signals(60)[name].astype(np.float32)
    for share in (1e-3, 0.1, 0.6):
        t = np.float32(share * max(smallest_flat(z.astype(float), order), 1e-3))
        x = prox(PENALTIES[order], z, t)
        assert x.dtype == np.float32
        exact = prox(PENALTIES[order], z.astype(float), float(t))
        np.testing.assert_allclose(x, exact, atol=1e-5 * np.abs(z).max())
        projected = forward(PENALTIES[order], z, t, z, np.float32(0))[1]
        assert projected.dtype == np.float32
        again = forward(PENALTIES[order], z, t, projected, np.float32(0))[1]
        np.testing.assert_allclose(again, projected, atol=1e-5 * np.abs(z).max())


@pytest.mark.parametrize("p", few([3, 40, 200], 40))
@pytest.mark.parametrize("name", ["noise", "walk", "smooth", "steps"])
def test_critical_lambda_is_exact_on_both_sides(order, p, name):
    penalty, step = PENALTIES[order], 0.3
    z = signals(p, seed=5)[name]
    gradient = z - trend(z, order)
    critical = float(critical_lambda(penalty, gradient, np.ones(p)))
    np.testing.assert_allclose(critical, smallest_flat(gradient, order), rtol=1e-10)
    scale = np.abs(gradient).max()
    above, below = (np.asarray(prox(penalty, -step * gradient, critical * by, step)) for by in (1 + 1e-9, 1 - 1e-6))
    np.testing.assert_allclose(above, 0, atol=1e-14 * scale)
    assert np.abs(np.diff(below, order)).max() > 1e-12 * scale
    np.testing.assert_allclose(critical_lambda(penalty, -2 * gradient, np.full(p, 4.0)), critical / 2)


def test_dual_norm_is_the_support_function(order):
    # at the best b, a single jump, it is attained
    penalty, p = PENALTIES[order], 12
    gradient = signals(p)["noise"]
    gradient = gradient - trend(gradient, order)
    norm = float(penalty.dual_norm(gradient, 0.8))
    rng = np.random.default_rng(0)
    jumps = [np.maximum(np.arange(p) - j - (order - 1), 0.0) ** (order - 1) * (np.arange(p) > j) for j in range(p - 1)]
    ratios = [abs(gradient @ b) / float(jnp.sum(penalty.value(b, 0.8))) for b in jumps[: p - order]]
    np.testing.assert_allclose(max(ratios), norm)
    for b in rng.standard_normal((50, p)).cumsum(axis=1):
        assert abs(gradient @ b) <= norm * float(jnp.sum(penalty.value(b, 0.8))) + 1e-12
    assert penalty.dual_norm(gradient, 0.0) == 0
    assert penalty.dual_norm(gradient[:order], 1.0) == 0


@pytest.mark.parametrize("p", [1, 2, 9])
def test_unpenalised_directions_span_the_vectors_without_differences(order, p):
    directions = PENALTIES[order].unpenalised(np.ones(p))
    assert directions.shape == (min(order, p), p)
    assert np.linalg.matrix_rank(directions) == len(directions)
    np.testing.assert_allclose(np.diff(directions, order, axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(directions @ directions.T, np.diag(np.sum(directions**2, axis=1)), atol=1e-14)


def test_refuses_factors_and_several_responses(order):
    penalty = PENALTIES[order]
    np.testing.assert_array_equal(penalty.checked_factors(np.ones(4), None), np.ones(4))
    with pytest.raises(ValueError, match="penalty_factors is given"):
        penalty.checked_factors(np.array([1.0, 2.0]), None)
    with pytest.raises(ValueError, match="y has 3 columns"):
        penalty.checked_factors(np.ones(4), 3)


def test_nan_comes_out_as_nan(order):
    assert np.isnan(prox(PENALTIES[order], np.array([1.0, np.nan, 2.0]), 0.1)).any()
