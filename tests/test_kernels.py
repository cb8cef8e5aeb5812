"""The parts of the solver: tableau algebra, ridge formulas, grids."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

from jaxreg import compat, penalties
from jaxreg.objective import _grid
from jaxreg.paths._first_lambda import largest_lambda
from jaxreg.solvers import _tableau


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def positive_definite(m, seed=0):
    A = np.random.default_rng(seed).standard_normal((m, 2 * m))
    return A @ A.T / (2 * m)


def transform(H, active):
    """Principal pivot transform by its definition."""
    A, In = np.flatnonzero(active), np.flatnonzero(~active)
    M = np.zeros_like(H)
    inverse = np.linalg.inv(H[np.ix_(A, A)])
    M[np.ix_(A, A)] = inverse
    M[np.ix_(A, In)] = -inverse @ H[np.ix_(A, In)]
    M[np.ix_(In, A)] = H[np.ix_(In, A)] @ inverse
    M[np.ix_(In, In)] = H[np.ix_(In, In)] - H[np.ix_(In, A)] @ inverse @ H[np.ix_(A, In)]
    return M


def dense(T, active):
    """M of T = J M - J."""
    J = np.diag(np.where(active, -1.0, 1.0))
    return np.eye(len(J)) + J @ np.asarray(T.base - (T.signs * T.factor.T) @ T.factor)


def test_exchange_is_the_principal_pivot_transform():
    m = 30
    H, active = positive_definite(m), np.zeros(m, bool)
    T, floor = _tableau.delayed(jnp.asarray(H - np.eye(len(H)))), jnp.full(m, 1e-12)
    rng = np.random.default_rng(1)
    most = _tableau.at_once(m)
    for count in (5, most, 1, 6, most):
        D = rng.choice(m, most, replace=False)
        T = _tableau.with_room(T)
        before = _tableau.applied(T).base
        T, done = _tableau.exchange(T, jnp.asarray(active), jnp.asarray(D), count, floor)
        assert set(np.flatnonzero(done.accepted)) == set(D[:count])
        assert done.number == count
        active[D[:count]] ^= True
        np.testing.assert_allclose(dense(T, active), transform(H, active), atol=1e-10)
        u, change = rng.standard_normal(m), np.zeros(m)
        change[D[:count]] = rng.standard_normal(count)
        Tu = _tableau.times(T, u)
        np.testing.assert_allclose(done.times(before @ (u - change), u, change), Tu, atol=1e-10)
        np.testing.assert_allclose(_tableau.transform(active, u, Tu), dense(T, active) @ u, atol=1e-10)
    np.testing.assert_allclose(dense(_tableau.applied(T), active), dense(T, active), atol=1e-10)
    base = np.asarray(_tableau.applied(T).base)
    np.testing.assert_array_equal(base, base.T)


def test_exchange_refuses_copies_and_takes_the_rest():
    base = np.random.default_rng(0).standard_normal((10, 50))
    columns = np.vstack([base, base[:4]])
    H = columns @ columns.T / 50 + 1e-9 * np.eye(14)
    D = np.r_[np.arange(14), 0, 0]
    T = _tableau.delayed(jnp.asarray(H - np.eye(len(H))))
    T, done = _tableau.exchange(T, jnp.zeros(14, bool), jnp.asarray(D), 14, jnp.full(14, 1e-12))
    assert np.asarray(done.accepted).tolist() == [True] * 10 + [False] * 4
    assert done.number == 10
    accepted = np.asarray(done.accepted)
    np.testing.assert_allclose(dense(T, accepted), transform(H, accepted), atol=1e-7)


def test_append_is_the_transform_of_the_larger_matrix():
    m, old, new = 24, 12, 6
    H = positive_definite(m)
    floor, D = jnp.full(m, 1e-12), np.r_[0, 3, 5, 11, np.arange(12, 24)]
    start = np.zeros((m, m))
    start[:old, :old] = H[:old, :old] - np.eye(old)
    T = _tableau.delayed(jnp.asarray(start))
    T, done = _tableau.exchange(T, jnp.zeros(m, bool), jnp.asarray(D), 4, floor)
    active = np.asarray(done.accepted)
    rows = np.zeros((8, m))  # two of them padding
    rows[:new, : old + new] = (H - np.eye(m))[old : old + new, : old + new]
    T = _tableau.append(T, jnp.asarray(active), jnp.asarray(rows), old)
    used = old + new
    M = dense(T, active)
    np.testing.assert_allclose(M[:used, :used], transform(H[:used, :used], active[:used]), atol=1e-10)
    np.testing.assert_array_equal(M[used:], np.eye(m)[used:])

    index = np.r_[np.flatnonzero(active), 15, 13, 0]
    smaller = dense(_tableau.restricted(T, jnp.asarray(index), jnp.arange(7) < 6), active[index] & (np.arange(7) < 6))
    np.testing.assert_allclose(smaller[:6, :6], M[np.ix_(index[:6], index[:6])])
    np.testing.assert_array_equal(smaller[6], np.eye(7)[6])


def lambda_max(gradient, factors, l1_ratio, lower=-np.inf, upper=np.inf):
    gradient, factors = np.asarray(gradient, float), np.asarray(factors, float)
    limits = [np.broadcast_to(limit, gradient.shape) for limit in (lower, upper)]
    penalty = penalties.ElasticNet(l1_ratio)
    penalty = penalty if np.isinf(limits).all() else penalty.within(*limits)
    return largest_lambda(SimpleNamespace(null_gradient=gradient, factors=factors, penalty=penalty))


def test_lambda_max_skips_unpenalised_and_excluded_columns():
    assert lambda_max([9, -4, 3, 8], [0, 2, 1, np.inf], 1.0) == 3
    assert lambda_max([9, -4, 3, 8], [0, 1, 1, np.inf], 0.5) == 8
    assert lambda_max([1], [1], 0.0) == pytest.approx(1000)
    assert lambda_max([0, 0], [1, 1], 1.0) == 1


def test_lambda_max_counts_a_column_only_where_its_limits_let_it_go():
    assert lambda_max([2, -4], [1, 1], 1.0, lower=0.0) == 2
    assert lambda_max([5, -4], [1, 1], 1.0, upper=[0.0, np.inf]) == 4
    assert lambda_max([-5, -4], [1, 1], 1.0, lower=0.0) == 1


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8), st.floats(0.01, 10))
def test_hidden_points_never_step_far(lambdas, start):
    lambdas = np.sort(lambdas)[::-1]
    grid, keep = _grid.with_hidden_points(lambdas, start)
    np.testing.assert_array_equal(grid[keep], lambdas)
    assert (np.diff(grid) <= 0).all()
    previous = np.concatenate([[start], np.minimum(grid[:-1], start)])
    inside = (grid > 0) & (grid >= _grid.FLOOR * start)
    assert (grid[inside] >= _grid.STEP * previous[inside] * (1 - 1e-12)).all()


def test_glmnet_penalty():
    lam, ratio = compat.glmnet_penalty(np.array([0.2, 0.1]), 0.5, 4.0)
    np.testing.assert_allclose(lam * ratio, [0.1, 0.05])
    np.testing.assert_allclose(lam * (1 - ratio), [0.025, 0.0125])
    assert compat.glmnet_penalty(0.3, 1.0, 2.5) == (0.3, 1.0)
    for bad in (0.0, np.nan, -1.0):
        with pytest.raises(ValueError, match="sd_y is"):
            compat.glmnet_penalty(0.1, 0.5, bad)
    with pytest.raises(ValueError, match="l1_ratio is 2"):
        compat.glmnet_penalty(0.1, 2, 1.0)
