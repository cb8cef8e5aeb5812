"""Agreement with scikit-learn where the solution is unique."""

import warnings

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr

linear_model = pytest.importorskip("sklearn.linear_model")


def assert_close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-6 * abs(b).max())


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize(("n", "p"), [(200, 30), (60, 300)])
def test_paths(n, p, l1_ratio):
    X, y = ar_problem(n, p, 0.5)
    X, y = X - X.mean(axis=0), y - y.mean()
    path = jr.fit_path(
        X, y, penalty=jr.penalties.ElasticNet(l1_ratio), standardize=False, fit_intercept=False, lambda_min_ratio=0.05
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, expected, _ = linear_model.enet_path(
            X, y, l1_ratio=l1_ratio, alphas=path.lambdas, tol=1e-14, max_iter=100_000
        )
    assert_close(path.coef, expected.T)


def test_positive_lasso_path():
    X, y = ar_problem(200, 30, 0.5)
    X, y = X - X.mean(axis=0), y - y.mean()
    path = jr.fit_path(X, y, standardize=False, lower=0.0, lambda_min_ratio=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, expected, _ = linear_model.lasso_path(X, y, alphas=path.lambdas, positive=True, tol=1e-14, max_iter=100_000)
    assert_close(path.coef, expected.T)


@pytest.mark.parametrize(("n", "p"), [(200, 30), (60, 300)])
def test_ridge(n, p):
    X, y = ar_problem(n, p, 0.5)
    weight = np.random.default_rng(0).uniform(0.1, 2, n)
    penalty = jr.penalties.ElasticNet(0.0)
    path = jr.fit_path(X, y, penalty=penalty, lambdas=[10.0, 0.1], sample_weight=weight, standardize=False)
    for k, lam in enumerate(path.lambdas):
        model = linear_model.Ridge(alpha=lam * weight.sum(), tol=1e-12).fit(X, y, sample_weight=weight)
        assert_close(path.coef[k], model.coef_)
        assert path.intercept[k] == pytest.approx(model.intercept_, rel=1e-6)


def test_estimators_with_weights_and_intercept():
    X, y = ar_problem(100, 12, 0.5)
    weight = np.random.default_rng(0).uniform(0.1, 2, 100)
    path = jr.fit_path(X + 3, y, lambdas=[0.1], sample_weight=weight, standardize=False)
    model = linear_model.Lasso(alpha=0.1, tol=1e-14, max_iter=100_000).fit(X + 3, y, sample_weight=weight)
    assert_close(path.coef[0], model.coef_)
    assert path.intercept[0] == pytest.approx(model.intercept_, rel=1e-6)
    np.testing.assert_allclose(path.predict(X, 0.1), model.predict(X), atol=1e-6)
