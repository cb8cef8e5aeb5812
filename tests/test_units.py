"""No choice depends on the units of the data: columns and response count in their standard deviations.

Factors are powers of two: the numbers of a fit in other units are then the same to the last bit, but for a shift of y,
also where a penalty is not convex and the way to a solution matters.
"""

import jax
import numpy as np
import pytest
from instances import LOSSES, PENALTIES, P, few
from reference import ar_problem, response_unit

import jaxreg as jr
from jaxreg.penalties import Custom, ElasticNet, LogSum, Ridge

C, D = 2.0**10, 96.0
COLUMNS = 2.0 ** np.arange(-6, 6)  # factors of the columns
LAMBDAS = np.array([0.5, 0.2, 0.05, 0.01])

# each penalty with one loss, each loss with several penalties: a pair costs a compilation
PAIRS = [
    *[(name, "Squared") for name in ("ElasticNet", "Ridge", "Lasso", "MCP", "LogSum", "L0", "MultiTaskLasso")],
    ("SCAD", "Huber"), ("SLOPE", "Huber"), ("ElasticNet", "Quantile"), ("GroupLasso", "Quantile"),
    ("Ridge", "SquaredHinge"), ("SparseGroupLasso", "Custom"),
]  # fmt: skip
QUICK = (*PAIRS[:2], ("LogSum", "Squared"))


@pytest.fixture(scope="module")
def data():
    X, y = ar_problem(40, P, seed=3)
    return X, np.round(8 * y) / 8 + 0.25


def in_other_units(name, loss, y):
    """(y, the loss, y and the loss in other units, factors of the coefficients and of lambda)."""
    if loss.of_classes:
        y = np.where(y > np.median(y), 1.0, -1.0)
        return y, y, loss, 1.0, 1.0
    if name == "Custom":  # nothing is known of its units
        return y, y + D, loss, 1.0, 1.0
    if name == "Huber":
        return y, C * y + D, jr.losses.Huber(C * loss.delta), C, C
    if name == "Quantile":  # its slope has no units, and so has lambda
        return y, C * y + D, jr.losses.Quantile(loss.tau, C * loss.smoothing), C, 1.0
    return y, C * y + D, loss, C, C


@pytest.mark.parametrize(("penalty", "name"), few(PAIRS, *QUICK), ids=lambda name: name)
def test_a_path_in_other_units_is_the_same_path(data, penalty, name):
    X, y = data
    if penalty == "MultiTaskLasso":
        y = np.stack([y, y + X[:, 1] + 1], axis=1)
    y, moved, loss, factor, lambda_factor = in_other_units(name, LOSSES[name], y)
    options = {"penalty": PENALTIES[penalty], "tol": 1e-8}
    path = jr.fit_path(X, y, loss=LOSSES[name], lambdas=LAMBDAS, **options)
    other = jr.fit_path(X * COLUMNS, moved, loss=loss, lambdas=LAMBDAS * lambda_factor, **options)
    assert path.coef[2:].any()
    back = other.coef * (COLUMNS if y.ndim == 1 else COLUMNS[:, None]) / factor
    np.testing.assert_allclose(back, path.coef, rtol=0, atol=1e-6 * abs(path.coef).max())
    np.testing.assert_allclose(other.dev_ratio, path.dev_ratio, rtol=0, atol=1e-7)
    predicted = (other.predict(X * COLUMNS) - (moved - factor * y)[:, None]) / factor
    np.testing.assert_allclose(predicted, path.predict(X), rtol=0, atol=1e-6 * abs(y).max())


CHOICES = [
    {"l1_ratios": [0.0, 0.5, 1.0], "metric": "mae", "averaging": "equal"},
    {"l1_ratios": [0.0], "cv": "loo", "sample_weight": np.linspace(0.5, 2, 40)},
    {"l1_ratios": [0.5], "fit_intercept": False, "repeats": 2, "penalty_factors": np.r_[0.0, np.ones(11)]},
    {"l1_ratios": [0.1, 0.9], "lower": 0.0, "offset": True, "metric": "r2"},
]


@pytest.mark.parametrize("options", CHOICES, ids=["mixes", "loo", "no intercept", "limits"])
def test_choices_in_other_units_are_the_same(data, options):
    X, y = data
    options = {"cv": 4, "n_lambdas": 12, "keep": "all"} | options
    intercept = options.get("fit_intercept", True)
    offset = np.sin(np.arange(40.0)) if options.pop("offset", False) else None
    shift = D if intercept else 0.0
    cv = jr.fit_cv(X, y, offset=offset, **options)
    other = jr.fit_cv(X * COLUMNS, C * y + shift, offset=None if offset is None else C * offset, **options)
    loss = {"mae": C, "r2": 1.0}.get(options.get("metric"), C**2)
    np.testing.assert_allclose(other.lambdas, C * cv.lambdas, rtol=1e-10)
    np.testing.assert_allclose(other.fold_loss, loss * cv.fold_loss, rtol=1e-8)
    np.testing.assert_allclose(other.std_error, loss * cv.std_error, rtol=1e-6)
    np.testing.assert_allclose(other.effective_df, cv.effective_df, rtol=1e-8)
    np.testing.assert_allclose(other.oof_predictions, C * cv.oof_predictions + shift, rtol=0, atol=1e-8 * C * 40)
    for rule in ("min", "1se", "aic", "bic", "ebic", "gcv"):
        ours, theirs = cv.select(rule), other.select(rule)
        assert (ours.l1_ratio, ours.index) == (theirs.l1_ratio, theirs.index)
        np.testing.assert_allclose(theirs.coef * COLUMNS, C * ours.coef, rtol=0, atol=1e-8 * C)


@pytest.mark.parametrize("a", [0.0, 0.5])
def test_held_out_error_of_the_defaults_on_diabetes(a):
    """R's cv.glmnet gives .506 of the variance for ridge in any units; a grid that kept those of y gave up to 1.005."""
    X, y = pytest.importorskip("sklearn.datasets").load_diabetes(return_X_y=True)
    share = [jr.fit_cv(X, c * y, l1_ratios=a).mean_loss.min() / np.var(c * y) for c in (1.0, 1000.0, 1 / 77)]
    np.testing.assert_allclose(share, share[0], rtol=1e-9)
    assert share[0] < 0.506


def test_folds_count_in_their_own_units(data):
    X, y = data
    ids = np.arange(40) % 4
    y = np.where(ids == 1, 5 * y, y)  # the others spread much less
    cv = jr.fit_cv(X, y, l1_ratios=[0.0, 0.5], lambdas=LAMBDAS, cv=ids, keep="all")
    for a, l1_ratio in enumerate(cv.l1_ratios):
        for k in range(4):
            path = jr.fit_path(X[ids != k], y[ids != k], penalty=ElasticNet(l1_ratio), lambdas=LAMBDAS)
            np.testing.assert_allclose(cv.oof_predictions[a, ids == k], path.predict(X[ids == k]), atol=1e-9)


def test_several_responses_count_in_one_unit(data):
    """Ridge is the literal one at lambda over the root mean square of the standard deviations that are not 0."""
    X, y = data
    Y = np.stack([y, 1000 * y + X[:, 0], np.full(40, 7.0)], axis=1)
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        path = jr.fit_path(X, Y, penalty=Ridge(), lambdas=LAMBDAS)
    A = (X - X.mean(axis=0)) / X.std(axis=0)
    unit = response_unit(Y[:, :2])
    for k, lam in enumerate(LAMBDAS):
        b = np.linalg.solve(A.T @ A / 40 + lam / unit * np.eye(P), A.T @ (Y - Y.mean(axis=0)) / 40)
        np.testing.assert_allclose(path.coef[k], b / X.std(axis=0)[:, None], rtol=1e-9, atol=1e-9)
    # the default grid serves both, though one is a thousand times as large
    cv, alone = (jr.fit_cv(X, each, l1_ratios=0.0, cv=4) for each in (Y[:, :2], y))
    assert np.mean((y - cv.oof_predictions[:, 0]) ** 2) < 1.1 * alone.mean_loss.min()


def test_as_it_stands_the_ridge_grid_is_that_of_the_spectrum(data):
    X, y = data
    X = X * np.linspace(0.2, 5, P)
    factors = np.r_[0.0, np.inf, np.linspace(0.5, 2, 10)]
    A = X - X.mean(axis=0)
    left = A - A[:, :1] * (A[:, :1].T @ A / (A[:, 0] @ A[:, 0]))
    B = left[:, 2:] / np.sqrt(factors[2:])
    values = np.linalg.eigvalsh(B.T @ B / 40)
    options = {"penalty": Ridge(), "standardize": False, "n_lambdas": 5, "penalty_factors": factors}
    for solver in ("auto", "proximal"):
        paths = [jr.fit_path(X, c * y, solver=solver, **options) for c in (1.0, 1e3)]
        np.testing.assert_allclose(paths[0].lambdas, paths[1].lambdas, rtol=1e-12)
        largest, smallest = paths[0].lambdas[[0, -1]]
        assert largest == pytest.approx(1000 * values.max(), rel=1e-9)
        assert np.mean(values / (values + smallest)) == pytest.approx(0.99, rel=1e-9)
    given = jr.fit_path(X, y, lambda_min_ratio=0.01, **options)
    np.testing.assert_allclose(given.lambdas[[0, -1]], [largest, largest / 100], rtol=1e-12)
    wide = jr.fit_path(X[:8], y[:8], penalty=Ridge(), standardize=False, n_lambdas=4)
    assert wide.effective_df[0] < 0.01 * 7
    assert wide.effective_df[-1] == pytest.approx(0.99 * 7, rel=1e-9)


@pytest.mark.parametrize("penalty", [ElasticNet(0.5), LogSum(0.5)], ids=["ElasticNet", "LogSum"])
def test_solve_has_the_same_units(data, penalty):
    X, y = data
    path = jr.fit_path(X, C * y, penalty=penalty, lambdas=[C * 0.1], tol=1e-10, solver="proximal")
    with jax.enable_x64(True):
        found = jr.solve(X, C * y, C * 0.1, penalty=penalty, tol=1e-10, start=path.coef[0])
        np.testing.assert_allclose(found.coef, path.coef[0], rtol=0, atol=1e-6 * C)
        np.testing.assert_allclose(found.intercept, path.intercept[0], rtol=0, atol=1e-6 * C)


@pytest.mark.slow
def test_derivatives_know_that_the_unit_depends_on_y(data):
    X, y = data
    with jax.enable_x64(True):

        def first(y):
            return jr.solve(X, y, 0.3, penalty=ElasticNet(0.5), tol=1e-12).coef[0]

        slope = jax.grad(first)(y)[4]
        step = np.where(np.arange(40) == 4, 1e-4, 0.0)
        assert float(slope) == pytest.approx(float(first(y + step) - first(y - step)) / 2e-4, rel=1e-5)


def test_a_penalty_of_ones_own_sees_standardised_coefficients(data):
    """lambda b^2 / 2 by hand is the ridge of the package."""
    X, y = data
    own = Custom(lambda b, lam: lam * b**2 / 2, lambda b, lam, step: b / (1 + step * lam), convex=True)
    paths = [jr.fit_path(X, 50 * y, penalty=penalty, lambdas=50 * LAMBDAS) for penalty in (own, Ridge())]
    np.testing.assert_allclose(paths[0].coef, paths[1].coef, rtol=1e-5)


def test_every_mix_that_is_best_at_an_end_of_its_grid_is_named(data):
    X, y = data
    cv = jr.fit_cv(X, y, l1_ratios=[0.2, 0.6, 1.0], cv=4, lambdas=np.geomspace(0.3, 0.15, 5) * y.std())
    assert (cv.mean_loss.argmin(axis=1) == 4).all()
    assert "That is the smallest lambda of the grid" in cv.summary()
    named = ", ".join(f"{a:g}" for k, a in enumerate(cv.l1_ratios) if k != cv.best[0])
    said = f"At l1_ratio {named} it is least at the smallest lambda of its grid: smaller ones may do better."
    assert said in cv.summary()
    assert said in cv._repr_html_()
