"""Ridge on columns of very different scale, dependent columns and followed rows, against rational arithmetic."""

import warnings

import numpy as np
import pytest
import rational
from reference import ar_problem

import jaxreg as jr
from jaxreg import _setup
from jaxreg.results import _selection

js = pytest.importorskip("jaxreg.sklearn")
RIDGE = jr.penalties.Ridge()
LAMBDAS = [100.0, 10.0, 1.0, 0.1, 0.01, 0.001]
ALPHAS = np.array([1e14, 1e6, 1.0, 1e-8])


def scaled(n, p):
    """Columns of scale 1 to 1e9, out of order, and two responses."""
    rng = np.random.default_rng(n * p)
    X = rng.standard_normal((n, p)) * 10.0 ** np.linspace(0, 9, p)[rng.permutation(p)]
    return X, rng.standard_normal((n, 2))


def mixed():
    """Of the issue: a lognormal column in the tens of millions beside two standard normal ones."""
    rng = np.random.default_rng(0)
    small = rng.standard_normal((60, 2))
    y = 2 * small[:, 0] - small[:, 1] + 0.1 * rng.standard_normal(60)
    return np.column_stack([rng.lognormal(18, 1, 60), small]), y


def test_small_columns_beside_a_large_one():
    X, y = mixed()
    model = js.Ridge(1.0).fit(X, y)
    intercept, coef = rational.coefficients(X, y[:, None], 1.0)
    np.testing.assert_allclose(model.coef_, coef[:, 0], rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, intercept[0], rtol=1e-12)
    alphas = [1e-2, 1.0, 1e2]
    chosen = js.RidgeCV(alphas, store_cv_results=True).fit(X, y)
    errors = np.hstack([rational.left_out_errors(X, y[:, None], alpha) for alpha in alphas])
    np.testing.assert_allclose(chosen.cv_results_, errors**2, rtol=1e-9)
    assert chosen.alpha_ == alphas[np.argmin((errors**2).mean(axis=0))]


@pytest.mark.parametrize(("n", "p"), [(14, 5), (12, 12), (9, 20)])
def test_paths_responses_and_leaving_one_out_on_columns_of_scale_1_to_1e9(n, p):
    X, Y = scaled(n, p)
    path = jr.fit_path(X, Y, penalty=RIDGE, lambdas=ALPHAS / n, standardize=False)
    left_out = js.RidgeCV(ALPHAS, store_cv_results=True).fit(X, Y)
    cv = jr.fit_cv(X, Y[:, 0], l1_ratios=0.0, lambdas=ALPHAS / (n - 1), cv="loo", standardize=False, keep="all")
    for k, alpha in enumerate(ALPHAS):
        intercept, coef = rational.coefficients(X, Y, alpha)
        np.testing.assert_allclose(path.coef[k], coef, rtol=1e-9)
        np.testing.assert_allclose(path.intercept[k], intercept, rtol=0, atol=1e-12)
        errors = rational.left_out_errors(X, Y, alpha)
        np.testing.assert_allclose(left_out.cv_results_[..., k], errors**2, rtol=0, atol=1e-9 * (errors**2).max())
        np.testing.assert_allclose(Y[:, 0] - cv.oof_predictions[0, :, k], errors[:, 0], rtol=0, atol=1e-9)
    assert path.gap.max() < 1e-12


@pytest.mark.parametrize(("n", "p"), [(14, 5), (9, 20)])
def test_folds_on_columns_of_scale_1_to_1e9(n, p):
    X, Y = scaled(n, p)
    folds = np.arange(n) % 2
    lambdas = 2 * ALPHAS / n if n % 2 == 0 else ALPHAS
    cv = jr.fit_cv(X, Y, l1_ratios=0.0, lambdas=lambdas, cv=folds, standardize=False, keep="all")
    for k, lam in enumerate(lambdas):
        for fold in (0, 1):
            train, test = folds != fold, folds == fold
            errors = rational.held_out_errors(X, Y, lam * train.sum(), train, test)
            found = Y[test] - cv.oof_predictions[0][test, k]
            np.testing.assert_allclose(found, errors, rtol=0, atol=1e-9 * max(abs(errors).max(), 1.0))


def test_copies_of_columns_share_as_the_penalty_says():
    X, Y = scaled(14, 5)
    X = np.column_stack([X, 4 * X[:, np.argmax(X.std(axis=0))]])
    model = js.Ridge(1.0).fit(X, Y[:, 0])
    _, coef = rational.coefficients(X, Y[:, :1], 1.0)
    np.testing.assert_allclose(model.coef_, coef[:, 0], rtol=1e-9)


def test_a_category_that_occurs_once_is_left_out():
    rng = np.random.default_rng(1)
    category = rng.integers(0, 3, 20)
    category[7] = 3
    X = np.column_stack([np.eye(4)[category], rng.standard_normal(20)])
    y = rng.standard_normal(20)
    alphas = np.logspace(-10, 10, 21)
    model = js.RidgeCV(alphas, store_cv_results=True).fit(X, y)
    for k in (0, 3, 10, 20):
        errors = rational.left_out_errors(X, y[:, None], alphas[k])[:, 0]
        np.testing.assert_allclose(model.cv_results_[:, k], errors**2, rtol=1e-9)


@pytest.mark.parametrize(("n", "p"), [(14, 5), (9, 20)])
def test_rows_that_large_columns_follow_are_left_out(n, p):
    X, Y = scaled(n, p)
    X[:, 0] = 3e6 * (np.arange(n) == 4)
    X[:, 1] = 2 * X[:, 0] + 7e4 * (np.arange(n) == 2)
    model = js.RidgeCV(ALPHAS, store_cv_results=True).fit(X, Y)
    for k, alpha in enumerate(ALPHAS):
        errors = rational.left_out_errors(X, Y, alpha)
        np.testing.assert_allclose(model.cv_results_[..., k], errors**2, rtol=0, atol=1e-9 * (errors**2).max())


def test_the_limit_of_lambda_0_leaves_one_out_too():
    X, y = np.eye(4)[np.arange(12) % 3][:, :3], np.arange(12.0) ** 2
    X = np.column_stack([X, np.arange(12) == 5])
    cv = jr.fit_cv(X, y, l1_ratios=0.0, lambdas=[1e-9, 0.0], cv="loo", keep="all")
    np.testing.assert_allclose(cv.oof_predictions[0, :, 1], cv.oof_predictions[0, :, 0], rtol=1e-7)


@pytest.mark.parametrize("p", [4, 30])
def test_a_row_that_an_unpenalised_column_follows_has_no_prediction(p):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, p)), rng.standard_normal(12)
    X[:, 0] = np.arange(12) == 5
    with pytest.raises(ValueError, match="no prediction for row 5: a column without a penalty"):
        jr.fit_cv(X, y, l1_ratios=0.0, lambdas=[1.0], cv="loo", penalty_factors=np.arange(p) > 0)


LONGLEY = """
    83.0 234289 2356 1590 107608 1947 60323     88.5 259426 2325 1456 108632 1948 61122
    88.2 258054 3682 1616 109773 1949 60171     89.5 284599 3351 1650 110929 1950 61187
    96.2 328975 2099 3099 112075 1951 63221     98.1 346999 1932 3594 113270 1952 63639
    99.0 365385 1870 3547 115094 1953 64989    100.0 363112 3578 3350 116219 1954 63761
    101.2 397469 2904 3048 117388 1955 66019    104.6 419180 2822 2857 118734 1956 67857
    108.4 442769 2936 2798 120445 1957 68169    110.8 444546 4681 2637 121950 1958 66513
    112.6 482704 3813 2552 123366 1959 68655    114.2 502601 3931 2514 125368 1960 69564
    115.7 518173 4806 2572 127852 1961 69331    116.9 554894 4007 2827 130081 1962 70551"""
CERTIFIED = [  # by the NIST, https://www.itl.nist.gov/div898/strd/lls/data/Longley.shtml
    15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359, -0.0511041056535807, 1829.15146461355
]  # fmt: skip


def test_longley():
    data = np.array(LONGLEY.split(), dtype=float).reshape(16, 7)
    model = js.Ridge(0.0).fit(data[:, :6], data[:, 6])
    np.testing.assert_allclose(model.coef_, CERTIFIED, rtol=1e-12)
    assert model.intercept_ == pytest.approx(-3482258.63459582, rel=1e-12)


@pytest.mark.parametrize("alpha", [1e-4, 1.0])
@pytest.mark.parametrize(("first", "last"), [(0, 3), (10, 12), (100, 105)])
def test_a_polynomial_is_right_or_not_converged(first, last, alpha):
    x = np.linspace(first, last, 25)
    X, y = x[:, None] ** np.arange(1, 6), np.sin(x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = js.Ridge(alpha).fit(X, y)
    _, coef = rational.coefficients(X, y[:, None], alpha)
    error = abs(model.coef_ / coef[:, 0] - 1).max()
    assert error < 1e-9 or (error < 1e-4 and len(caught) == 1), (error, model.path_[0].gap)


def test_what_float64_cannot_resolve_is_not_certified():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((25, 5)), rng.standard_normal(25)
    X[:, 4] = X[:, 3] * (1 + 1e-12 * rng.standard_normal(25))
    with pytest.warns(jr.ConvergenceWarning, match="even in float64; raise tol, or drop or combine columns"):
        path = jr.fit_path(X, y, penalty=RIDGE, lambdas=[0.0])
    assert path.status[0] == jr.Status.stalled


@pytest.mark.parametrize("factors", [[1e-21, 1, 1, 1, 1], [1e-21, 1e-10, 1, 1e10, 0]])
def test_tiny_penalty_factors_are_as_good_as_none(factors):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((14, 5))
    y = X.sum(axis=1) + rng.standard_normal(14)
    path = jr.fit_path(X, y, penalty=RIDGE, penalty_factors=factors, lambdas=LAMBDAS)
    free = np.where(np.array(factors) > 1e-20, factors, 0.0)
    free = jr.fit_path(X, y, penalty=RIDGE, penalty_factors=free, lambdas=LAMBDAS)
    assert path.gap.max() < 1e-12
    np.testing.assert_allclose(path.coef, free.coef, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("n", "p"), [(14, 5), (9, 20)])
def test_a_ridge_part_is_not_taken_for_none_where_y_is_large(n, p):
    X, y = ar_problem(n, p)
    path = jr.fit_path(X, y * 1e15, penalty=RIDGE, lambdas=LAMBDAS)
    assert path.gap.max() < 1e-12


def test_effective_df_of_copies_beside_a_small_column():
    gram = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert _selection._trace(gram, np.array([1e-18, 1e-18, 1e6])) == pytest.approx(1 + 1 / (1 + 1e6), rel=1e-12)
    assert _selection._trace(gram, np.array([1e-18, 1e-18, 1.0])) == pytest.approx(1.5, rel=1e-12)


@pytest.mark.parametrize(("n", "p"), [(14, 5), (9, 20)])
def test_the_smaller_side_is_decomposed(n, p, monkeypatch):
    sizes = []
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda A: sizes.append(len(A)) or eigh(A))
    monkeypatch.setattr(_setup, "GRAM_LIMIT", 1)
    monkeypatch.setattr(_setup, "SMALL", 1)
    X, Y = scaled(n, p)
    path = jr.fit_path(X, Y, penalty=RIDGE, n_lambdas=6)
    assert sizes == [min(n, p)]
    assert path.gap.max() < 1e-12
