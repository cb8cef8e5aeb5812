"""Columns that are constant, or would be without rounding: in all rows, in a fold, and as an intercept of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _standardise

N, FOLDS = 60, np.arange(60) % 3
X, Y = ar_problem(N, 4)
RNG = np.random.default_rng(0)
ONE = 1 + np.finfo(float).eps * RNG.integers(-8, 9, N)  # 1 up to rounding, as shares that are added up
LEVELS = {"of 1": ONE, "of a million": 1e6 * ONE, "of a millionth": -1e-6 * ONE}
LAMBDAS = np.array([0.5, 0.1, 0.001])


def with_column(column, X=X):
    return np.column_stack([X[:, :3], column])


@pytest.mark.parametrize("column", LEVELS.values(), ids=LEVELS)
def test_rounding_of_a_level_is_constant(column):
    data = with_column(column)
    wanted = jr.fit_cv(with_column(np.ones(N)), Y, cv=FOLDS, lambdas=LAMBDAS)
    found = jr.fit_cv(data, Y, cv=FOLDS, lambdas=LAMBDAS)
    assert list(found.path.constant_features) == [3]
    assert not found.path.coef[:, 3].any()
    np.testing.assert_allclose(found.mean_loss, wanted.mean_loss, rtol=1e-12)
    with jax.enable_x64(True):
        assert jr.solve(data, Y, 0.001).coef[3] == 0


def test_rounding_of_a_level_is_constant_in_a_fold():
    varies, rounded = np.where(FOLDS == 1, RNG.standard_normal(N), 1.0), np.where(FOLDS == 1, 0.0, ONE)
    constant = jr.fit_cv(with_column(varies), Y, cv=FOLDS, lambdas=LAMBDAS)
    found = jr.fit_cv(with_column(np.where(FOLDS == 1, varies, rounded)), Y, cv=FOLDS, lambdas=LAMBDAS)
    np.testing.assert_allclose(found.fold_loss, constant.fold_loss, rtol=1e-9)
    assert found.gap.max() < 1e-9


def test_a_small_spread_that_is_more_than_rounding_counts():
    column = RNG.standard_normal(N)
    spread = with_column(1 + 1e-10 * column)
    wanted = jr.fit_path(with_column(column), Y, lambdas=LAMBDAS).coef
    found = jr.fit_path(spread, Y, lambdas=LAMBDAS).coef
    np.testing.assert_allclose(found * [1, 1, 1, 1e-10], wanted, rtol=1e-4)


def test_rounding_is_that_of_the_type_of_x():
    """Of float32 a level is known to seven digits."""
    column = 1 + 1e-7 * RNG.standard_normal(N)
    single, double = (with_column(column).astype(dtype) for dtype in (np.float32, np.float64))
    with jax.enable_x64(True):
        weight = np.full(N, 1 / N)
        for data, constant in ((single, True), (double, False)):
            _, columns = _standardise.standardise_on_host(data.T, weight, True, np.float64)
            _, on_device, *_ = _standardise.standardise_on_device(jnp.asarray(data), weight, True, np.float64)
            assert columns.constant[3] == on_device.constant[3] == constant


ONES, FREE = with_column(np.full(N, 2.0)), [1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("given", [{}, {"penalty": "ridge"}, {"solver": "proximal", "tol": 1e-12}], ids=str)
def test_an_unpenalised_constant_column_is_an_intercept(given):
    own = {"penalty_factors": FREE, "fit_intercept": False} | given
    # without an intercept the response counts in its root mean square, which the ridge part feels
    unit = np.sqrt(np.mean(Y**2)) / Y.std() if "penalty" in given else 1.0
    found = jr.fit_path(ONES, Y, lambdas=LAMBDAS * unit, **own)
    wanted = jr.fit_path(X[:, :3], Y, lambdas=LAMBDAS, **given)
    np.testing.assert_allclose(found.coef[:, :3], wanted.coef, rtol=1e-7)
    np.testing.assert_allclose(2 * found.coef[:, 3], wanted.intercept, rtol=1e-7)
    assert not len(found.constant_features)


def test_an_unpenalised_constant_column_is_an_intercept_in_folds_and_solve():
    own = {"penalty_factors": np.array(FREE), "fit_intercept": False}
    found = jr.fit_cv(ONES, Y, cv=FOLDS, lambdas=LAMBDAS, **own)
    wanted = jr.fit_cv(X[:, :3], Y, cv=FOLDS, lambdas=LAMBDAS)
    np.testing.assert_allclose(found.mean_loss, wanted.mean_loss, rtol=1e-9)
    with jax.enable_x64(True):
        coef = jr.solve(ONES, Y, 0.1, tol=1e-12, **own).coef
    np.testing.assert_allclose(coef, found.path.coef_at(0.1)[1], rtol=1e-7)


def test_a_constant_column_that_is_left_out_is_said():
    with pytest.warns(
        jr.ConvergenceWarning, match=r"X does not vary in column 3, which standardize=True leaves out: as an"
    ):
        path = jr.fit_path(ONES, Y, lambdas=LAMBDAS, fit_intercept=False)
    assert list(path.constant_features) == [3]
    assert jr.fit_path(ONES, Y, lambdas=LAMBDAS, fit_intercept=False, standardize=False).coef[-1, 3] != 0
