"""Each option of fit_path against a fit that must give the same, or against the optimality conditions."""

import numpy as np
import pytest
from reference import ar_problem, worst_gap

import jaxreg as jr

# (n, p): the whole Gram matrix, and the screened working set
SIZES = [(80, 12), (50, 300)]
RATIOS = [1.0, 0.5, 0.0]


def fit(X, y, l1_ratio=1.0, **options):
    return jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(l1_ratio), **options)


def assert_same(a, b, atol=1e-8):
    np.testing.assert_allclose(a.lambdas, b.lambdas, rtol=1e-12)
    np.testing.assert_allclose(a.coef, b.coef, atol=atol)
    np.testing.assert_allclose(a.intercept, b.intercept, atol=atol)


@pytest.fixture(params=SIZES, ids=["tall", "wide"])
def data(request):
    X, y = ar_problem(*request.param, 0.5)
    return X * np.linspace(0.5, 3, X.shape[1]) + 1.0, y + 2.0


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_weights_are_repeated_rows(data, l1_ratio):
    X, y = data
    times = np.random.default_rng(0).multinomial(len(y), np.full(len(y), 1 / len(y)))  # as many rows: the same programs
    assert set(times) >= {0, 1, 2, 3}
    ratio = {"lambda_min_ratio": 0.01}
    repeated = fit(np.repeat(X, times, axis=0), np.repeat(y, times), l1_ratio, **ratio)
    weighted = fit(X, y, l1_ratio, sample_weight=times * 7.5, **ratio)
    assert_same(weighted, repeated)
    np.testing.assert_allclose(weighted.dev_ratio, repeated.dev_ratio, atol=1e-10)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_offset_is_taken_off_the_response(data, l1_ratio):
    X, y = data
    offset = np.random.default_rng(0).standard_normal(len(y))
    assert_same(fit(X, y, l1_ratio, offset=offset), fit(X, y - offset, l1_ratio))


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_standardisation_is_scaled_columns_and_a_scaled_response(data, l1_ratio):
    X, y = data
    sd, unit = X.std(axis=0), y.std()
    path = fit(X, y, l1_ratio)
    scaled = fit(X / sd, y / unit, l1_ratio, lambdas=path.lambdas / unit, standardize=False)
    np.testing.assert_allclose(path.coef * sd, scaled.coef * unit, atol=1e-8)
    np.testing.assert_allclose(path.intercept, scaled.intercept * unit, atol=1e-8)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("standardize", [True, False])
def test_no_intercept(data, l1_ratio, standardize):
    X, y = data
    options = {"fit_intercept": False, "standardize": standardize}
    path = fit(X, y, l1_ratio, **options)
    assert not path.intercept.any()
    assert worst_gap(X, y, path, **options) <= 1e-9
    assert path.gap.max() <= 1e-9


@pytest.mark.device
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_penalty_factors(data, l1_ratio):
    X, y = data
    p = X.shape[1]
    factors = np.random.default_rng(0).uniform(0.2, 3, p)
    factors[[2, 5]] = 0.0
    factors[[1, 7]] = np.inf
    path = fit(X, y, l1_ratio, penalty_factors=factors)
    assert not path.coef[:, [1, 7]].any()
    assert worst_gap(X, y, path, factors=factors) <= 1e-9
    assert path.gap.max() <= 1e-9
    # the null model is the unpenalised fit
    if l1_ratio:
        Z = np.column_stack([np.ones(len(y)), X[:, [2, 5]]])
        null = np.linalg.lstsq(Z, y, rcond=None)[0]
        np.testing.assert_allclose(path.coef[0, [2, 5]], null[1:], atol=1e-8)
        np.testing.assert_allclose(path.intercept[0], null[0], atol=1e-8)
        assert path.df[0] <= 3  # at lambda_max one more may enter by rounding


def test_unpenalised_columns_stay_in_the_working_set():
    X, y = ar_problem(40, 900, 0.5)
    X[:, 500] = np.random.default_rng(0).standard_normal(40) * 1e-3  # of no use, so among the weakest columns
    factors = np.where(np.isin(np.arange(900), [3, 500, 501]), 0.0, 1.0)
    for lower in (None, np.where(np.isin(np.arange(900), [500, 501]), 0.0, -np.inf)):
        path = fit(X, y, 0.5, penalty_factors=factors, lower=lower)
        assert path.gap.max() <= 1e-9
        assert worst_gap(X, y, path, factors=factors, lower=lower) <= 1e-9


def test_a_factor_divides_the_column(data):
    X, y = data
    factors = np.random.default_rng(0).uniform(0.2, 3, X.shape[1])
    path = fit(X, y, standardize=False, penalty_factors=factors)
    scaled = fit(X / factors, y, standardize=False)
    np.testing.assert_allclose(path.coef * factors, scaled.coef, atol=1e-8)


def test_all_unpenalised_is_least_squares():
    X, y = ar_problem(80, 12)
    path = fit(X, y, penalty_factors=np.zeros(12))
    expected = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    np.testing.assert_allclose(path.coef, np.tile(expected, (100, 1)), atol=1e-9)
    assert (path.lambdas > 0).all()


def test_all_excluded():
    X, y = ar_problem(30, 5)
    path = fit(X, y, penalty_factors=np.full(5, np.inf))
    assert not path.coef.any()
    np.testing.assert_allclose(path.intercept, y.mean())


@pytest.mark.sampled
@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize(
    "limits", [(0.0, None), (None, 0.0), (-0.05, 0.1), (0.0, 0.1), (-0.1, np.inf), (0.0, 0.0)], ids=str
)
def test_limits(data, l1_ratio, limits):
    (X, y), (lower, upper) = data, limits
    path = fit(X, y, l1_ratio, lower=lower, upper=upper)
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    assert (path.coef >= low * (1 + 1e-12)).all()
    assert (path.coef <= high * (1 + 1e-12)).all()
    assert path.gap.max() <= 1e-9
    assert worst_gap(X, y, path, lower=low, upper=high) <= 1e-9


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_limits_that_do_not_bind_change_nothing(data, l1_ratio):
    X, y = data
    path = fit(X, y, l1_ratio, lower=-1e200, upper=1e200)
    np.testing.assert_allclose(path.coef, fit(X, y, l1_ratio).coef, atol=1e-8)
    assert path.gap.max() <= 1e-9


def test_a_column_between_limits_of_zero_is_excluded(data):
    X, y = data
    p = X.shape[1]
    closed = np.isin(np.arange(p), [0, 4])
    limits = {"lower": np.where(closed, 0, -np.inf), "upper": np.where(closed, 0, np.inf)}
    factors = np.where(np.arange(p) < 2, 0.0, 1.0)
    path = fit(X, y, 0.5, penalty_factors=factors, **limits)
    assert_same(path, fit(X, y, 0.5, penalty_factors=np.where(closed, np.inf, factors)))


def test_rows_of_weight_zero_do_not_count(data):
    X, y = data
    weight = np.r_[np.ones(len(y)), 0.0]
    # the wild row must not set the scale of what counts as rounding error
    assert_same(fit(np.vstack([X, 1e9 * X[0]]), np.r_[y, 1e30], sample_weight=weight), fit(X, y), atol=1e-6)


def test_limits_per_column_with_unpenalised_columns(data):
    X, y = data
    rng = np.random.default_rng(0)
    p = X.shape[1]
    options = {"lower": -rng.uniform(0, 0.2, p), "upper": rng.uniform(0, 0.2, p), "factors": rng.uniform(0, 2, p)}
    options["factors"][:3] = 0.0
    options["upper"][0] = np.inf
    path = fit(X, y, 0.5, lower=options["lower"], upper=options["upper"], penalty_factors=options["factors"])
    assert path.gap.max() <= 1e-9
    assert worst_gap(X, y, path, **options) <= 1e-9


def test_all_options_at_once(data):
    X, y = data
    rng = np.random.default_rng(1)
    n, p = X.shape
    factors = rng.uniform(0, 2, p)
    factors[[0, 3]] = 0, np.inf
    shared = {"offset": rng.standard_normal(n), "lower": np.full(p, -0.3), "upper": np.full(p, 0.5)}
    weight = rng.uniform(0, 2, n) * (rng.uniform(size=n) > 0.2)
    for fit_intercept in (True, False):
        for standardize in (True, False):
            flags = {"fit_intercept": fit_intercept, "standardize": standardize}
            path = fit(X, y, 0.7, sample_weight=weight, penalty_factors=factors, **shared, **flags)
            assert path.gap.max() <= 1e-9
            assert worst_gap(X, y, path, weight=weight, factors=factors, **shared, **flags) <= 1e-9


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_lambda_zero_is_least_squares(l1_ratio):
    X, y = ar_problem(80, 12, 0.5)
    path = fit(X, y, l1_ratio, lambdas=[1.0, 0.1, 0.0])
    expected = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    np.testing.assert_allclose(path.coef[-1], expected, atol=1e-10)
    assert path.gap.max() <= 1e-9
    assert worst_gap(X, y, path) <= 1e-9


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_lambda_zero_interpolates_when_wide(l1_ratio):
    X, y = ar_problem(40, 300, 0.5)
    path = fit(X, y, l1_ratio, lambdas=[0.5, 0.0])
    np.testing.assert_allclose(path.predict(X, 0.0), y, atol=1e-4)
    assert path.gap.max() <= 1e-6


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_a_lambda_below_rounding_is_as_good_as_zero(data, l1_ratio):
    X, y = data
    path = fit(X, y, l1_ratio, lambdas=[1e-300])
    assert path.status[0] == jr.Status.converged
    if X.shape[0] > X.shape[1]:
        np.testing.assert_allclose(path.coef, fit(X, y, l1_ratio, lambdas=[0.0]).coef, atol=1e-10)


@pytest.mark.parametrize("l1_ratio", [0.9, 0.5])
def test_lambdas_down_to_rounding_are_solved(l1_ratio):
    X, y = ar_problem(50, 300, 0.5)
    X, y = X * np.linspace(0.5, 3, X.shape[1]) + 1.0, y + 2.0
    path = fit(X, y, l1_ratio, lambdas=[*10.0 ** -np.arange(3, 17), 1e-300, 0.0])
    assert path.gap.max() <= 1e-9
    assert np.abs(path.coef).max() < 10


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_lambda_zero_within_limits(l1_ratio):
    lsq_linear = pytest.importorskip("scipy.optimize").lsq_linear
    X, y = ar_problem(80, 12, 0.5)
    path = fit(X, y, l1_ratio, lambdas=0.0, lower=-0.2, upper=0.6)
    expected = lsq_linear(X - X.mean(axis=0), y - y.mean(), (-0.2, 0.6), method="bvls", tol=1e-14).x
    np.testing.assert_allclose(path.coef[0], expected, atol=1e-8)
    assert worst_gap(X, y, path, lower=-0.2, upper=0.6) <= 1e-9


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_one_small_lambda_is_the_end_of_a_path(data, l1_ratio):
    X, y = data
    whole = fit(X, y, l1_ratio)
    alone = fit(X, y, l1_ratio, lambdas=[whole.lambdas[-1]])
    assert len(alone.lambdas) == 1
    np.testing.assert_allclose(alone.coef[0], whole.coef[-1], atol=1e-8)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("rho", [0.5, 0.95])
def test_grids_with_large_steps(rho, l1_ratio):
    # blocks that fail at a larger lambda than the one the tableau was last rebuilt at, and crowded working sets
    X, y = ar_problem(50, 300, rho, seed=350)
    largest = fit(X, y, l1_ratio, n_lambdas=1).lambdas[0]
    for shares in ([0.3, 0.03, 0.003], np.geomspace(1, 1e-3, 10), [0.01], [0.5, 0.0]):
        path = fit(X, y, l1_ratio, lambdas=largest * np.array(shares))
        assert path.gap.max() <= 1e-9
        assert worst_gap(X, y, path) <= 1e-9


def test_grid_of_glmnet(data):
    X, y = data
    n, p = X.shape
    Xs, yc = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
    for l1_ratio, floor in ((1.0, 1.0), (0.5, 0.5), (0.0, 1e-3)):
        path = fit(X, y, l1_ratio)
        largest = abs(Xs.T @ yc).max() / n / floor
        np.testing.assert_allclose(path.lambdas, np.geomspace(largest, largest * (1e-2 if n < p else 1e-4), 100))
    assert len(fit(X, y, n_lambdas=7, lambda_min_ratio=0.3).lambdas) == 7
    assert fit(X, y, n_lambdas=1).lambdas.shape == (1,)


def test_explicit_grid_comes_out_descending(data):
    X, y = data
    path = fit(X, y, lambdas=[0.1, 0.5, 0.2, 0.2])
    assert path.lambdas.tolist() == [0.5, 0.2, 0.2, 0.1]
    np.testing.assert_allclose(path.coef[1], path.coef[2], atol=1e-10)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_warm_start(data, l1_ratio):
    X, y = data
    path = fit(X, y, l1_ratio)
    again = fit(X, y, l1_ratio, lambdas=path.lambdas[60:], warm_start=path)
    np.testing.assert_allclose(again.coef, path.coef[60:], atol=1e-8)
    assert again.gap.max() <= 1e-9
    if l1_ratio:  # the starting point is the solution already: no pivot beyond putting its columns in
        assert again.n_iter[0] <= -(-path.df[60] // 16)


def test_a_warm_start_from_elsewhere_is_only_a_start(data):
    X, y = data
    other = fit(X, -y[::-1])
    path = fit(X, y, lower=-0.2, penalty_factors=np.r_[np.inf, np.ones(X.shape[1] - 1)], warm_start=other)
    cold = fit(X, y, lower=-0.2, penalty_factors=np.r_[np.inf, np.ones(X.shape[1] - 1)])
    np.testing.assert_allclose(path.coef, cold.coef, atol=1e-8)


def test_early_stop_follows_the_deviance(data):
    X, y = data
    full = fit(X, y)
    with pytest.warns(jr.ConvergenceWarning, match="path was cut after"):
        cut = fit(X, y, early_stop=True)
    k = len(cut.lambdas)
    assert k < 100
    np.testing.assert_array_equal(cut.coef, full.coef[:k])
    assert cut.status[-1] == jr.Status.early_stop
    assert (cut.status[:-1] == jr.Status.converged).all()
    change = np.diff(full.dev_ratio) / full.dev_ratio[1:]
    stops = (full.dev_ratio > 0.999) | (np.r_[1, change] < 1e-5) & (np.arange(100) >= 4)
    assert k == np.argmax(stops) + 1
    for name in ("intercept", "gap", "df", "dev_ratio", "n_iter", "status", "effective_df"):
        assert len(getattr(cut, name)) == k


def test_max_features(data):
    X, y = data
    full = fit(X, y)
    with pytest.warns(jr.ConvergenceWarning, match="path was cut after"):
        cut = fit(X, y, max_features=5)
    assert cut.df.max() <= 5
    assert len(cut.lambdas) == np.argmax(full.df > 5)
    with pytest.raises(ValueError, match="max_features=5 is exceeded at the first lambda"):
        fit(X, y, lambdas=[full.lambdas[-1]], max_features=5)


def test_max_iter_is_a_status(data):
    X, y = data
    with pytest.warns(jr.ConvergenceWarning, match="stopped at max_iter=1: raise max_iter") as caught:
        path = fit(X, y, lambdas=[1e-3], max_iter=1)
    assert len(caught) == 1
    assert path.status[0] == jr.Status.max_iter
    assert path.gap[0] > 1e-6
    assert worst_gap(X, y, path) == pytest.approx(path.gap[0], rel=1e-6)


def test_tolerance_bounds_the_gap():
    X, y = ar_problem(100, 2000, 0.5)
    for tol in (1e-2, 1e-4, 1e-10):
        path = fit(X, y, 0.5, tol=tol)
        assert path.gap.max() <= tol
        assert path.tol == tol


@pytest.mark.device
def test_solver_ridge_equals_pivot():
    for n, p in SIZES:
        X, y = ar_problem(n, p, 0.5)
        by_eigen, by_pivot = fit(X, y, 0.0), fit(X, y, 0.0, solver="pivot", n_lambdas=100)
        assert (by_eigen.solver, by_pivot.solver) == ("ridge", "pivot")
        assert_same(by_eigen, by_pivot)


def test_ridge_degrees_of_freedom():
    X, y = ar_problem(60, 8, 0.5)
    path = fit(X, y, 0.0, lambdas=[1.0, 0.01, 0.0])
    Xs = (X - X.mean(axis=0)) / X.std(axis=0)
    s = np.linalg.eigvalsh(Xs.T @ Xs / 60)
    expected = [(s / (s + lam)).sum() for lam in path.lambdas / y.std()]
    np.testing.assert_allclose(path.effective_df, expected, rtol=1e-10)
