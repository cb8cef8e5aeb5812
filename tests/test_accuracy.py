"""Certificates of whole paths on synthetic designs, held against an independent evaluation."""

import numpy as np
import pytest
from instances import few
from reference import ar_problem, gap, worst_gap

import jaxreg as jr

LARGE = few([(10000, 200), (1000, 1000), (200, 10000), (1000, 10000)], (200, 10000))


@pytest.mark.sampled
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("n", "p"), LARGE)
def test_float64(n, p, rho, l1_ratio):
    X, y = ar_problem(n, p, rho)
    path = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(l1_ratio))
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-9
    coef = path.coef
    for k in (30, 60, 99):
        assert gap(X, y, path.intercept[k], coef[k], path.lambdas[k], l1_ratio) <= 1e-9
    assert path.df[0] <= 1
    assert path.df[-1] > 20


@pytest.mark.sampled
@pytest.mark.parametrize("rho", [0.0, 0.9, 0.99])
@pytest.mark.parametrize(("n", "p"), LARGE)
def test_float32(n, p, rho):
    X, y = ar_problem(n, p, rho)
    X, y = X.astype(np.float32), y.astype(np.float32)
    path = jr.fit_path(X, y)
    assert path.coef.dtype == path.intercept.dtype == np.float32
    limit = 1e-5 if rho <= 0.9 else 1e-4
    assert path.gap.max() <= limit
    coef = path.coef
    for k in (30, 60, 99):
        true = gap(X, y, path.intercept[k], coef[k], path.lambdas[k], 1.0)
        assert true <= limit
        assert abs(true - path.gap[k]) <= 2e-6  # the certificate is the truth up to the precision of its products


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n", "p"), [(300, 40), (40, 300)])
def test_ridge(n, p, dtype):
    X, y = ar_problem(n, p, 0.9)
    path = jr.fit_path(X.astype(dtype), y, penalty=jr.penalties.ElasticNet(0.0))
    assert path.solver == "ridge"
    assert worst_gap(X.astype(dtype), y, path) <= (1e-12 if dtype == np.float64 else 1e-6)
    assert path.gap.max() <= (1e-12 if dtype == np.float64 else 5e-6)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.01])
def test_float32_that_asks_for_too_much_is_stalled(l1_ratio):
    X, y = ar_problem(80, 400, 0.99)
    with pytest.warns(jr.ConvergenceWarning, match="stalled above tol"):
        path = jr.fit_path(X.astype(np.float32), y, penalty=jr.penalties.ElasticNet(l1_ratio), tol=1e-13)
    stalled = path.status == jr.Status.stalled
    assert stalled.any()
    assert (path.gap[stalled] > 1e-13).all()
    assert (path.gap[~stalled] <= 1e-13).all()
    assert path.gap.max() <= 1e-4


def test_gap_bounds_the_distance_to_the_optimum():
    X, y = ar_problem(60, 20, 0.5)
    path = jr.fit_path(X, y, lambdas=[0.3])
    rng = np.random.default_rng(0)
    exact = path.coef[0]
    n, sd = len(y), X.std(axis=0)

    def objective(coef):
        r = y - y.mean() - (X - X.mean(axis=0)) @ coef
        return r @ r / n / 2 + 0.3 * abs(sd * coef).sum()

    for size in (1e-1, 1e-3, 1e-6):
        coef = exact + size * rng.standard_normal(20)
        found = gap(X, y, y.mean() - X.mean(axis=0) @ coef, coef, 0.3, 1.0) * y.var() / 2
        assert found >= objective(coef) - objective(exact) - 1e-14
