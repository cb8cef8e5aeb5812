"""Cross-validation against plain loops over fits of row subsets."""

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.penalties import ElasticNet

SHAPES = {"gram": (80, 12), "passes": (60, 300), "tall passes": (400, 270)}
SAME = 1e-10


def plain(X, y, folds, cv, sample_weight=None, offset=None, **options):
    """Coefficients (A, K, L, p), intercepts (A, K, L) and weighted mean squared errors of separate fits."""
    n = len(y)
    weight = np.ones(n) if sample_weight is None else sample_weight
    coefs, intercepts, losses = [], [], []
    for a, lambdas in zip(cv.l1_ratios, cv.lambdas, strict=True):
        for train, test in folds:
            path = jr.fit_path(
                X[train], y[train], penalty=ElasticNet(a), lambdas=lambdas, sample_weight=weight[train],
                offset=None if offset is None else offset[train], **options,
            )  # fmt: skip
            found = path.predict(X[test], offset=None if offset is None else offset[test])
            coefs.append(path.coef)
            intercepts.append(path.intercept)
            losses.append(weight[test] @ (y[test, None] - found) ** 2 / weight[test].sum())
    shape = len(cv.l1_ratios), len(folds), cv.lambdas.shape[1]
    return [np.array(values).reshape(*shape, *np.shape(values)[2:]) for values in (coefs, intercepts, losses)]


def partition(n, K, seed=0):
    ids = np.random.default_rng(seed).permutation(np.arange(n) % K)
    return ids, [(np.flatnonzero(ids != k), np.flatnonzero(ids == k)) for k in range(K)]


SETTINGS = {
    "default": {},
    "raw": {"standardize": False},
    "no intercept": {"fit_intercept": False},
    "raw no intercept": {"fit_intercept": False, "standardize": False},
    "weights": {"sample_weight": True},
    "offset": {"offset": True, "sample_weight": True},
    "factors": {"penalty_factors": True},
    "limits": {"lower": -0.2, "upper": 0.5},
}


def setting(name, n, p):
    rng = np.random.default_rng(3)
    options = dict(SETTINGS[name])
    if options.get("sample_weight"):
        options["sample_weight"] = rng.uniform(0.2, 3.0, n)
        options["sample_weight"][5] = 0.0
    if options.get("offset"):
        options["offset"] = rng.standard_normal(n)
    if options.get("penalty_factors"):
        options["penalty_factors"] = np.where(np.arange(p) % 5 == 0, 0.5, 1.0)
        options["penalty_factors"][[1, 2]] = 0.0, np.inf
    return options


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SETTINGS)
def test_folds_by_weights_equal_folds_by_rows(shape, name):
    n, p = SHAPES[shape]
    X, y = ar_problem(n, p, active=8, seed=1)
    X = X * np.linspace(0.5, 2, p) + np.linspace(-3, 3, p)
    ids, folds = partition(n, 4)
    options = setting(name, n, p)
    cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.5, 0.0), cv=ids, n_lambdas=12, lambda_min_ratio=1e-2, keep="all", **options)
    coefs, intercepts, losses = plain(X, y, folds, cv, **options)
    np.testing.assert_allclose(cv.fold_loss, losses, rtol=SAME)
    assert cv.gap.max() <= 1e-6
    offset = options.get("offset", np.zeros(n))
    for k, (_, test) in enumerate(folds):
        found = np.einsum("ij,alj->ail", X[test], coefs[:, k]) + intercepts[:, k][:, None] + offset[test, None]
        np.testing.assert_allclose(cv.oof_predictions[:, test], found, rtol=0, atol=SAME * abs(y).max())


@pytest.mark.parametrize("n_p", [(30, 8), (20, 40), (30, 300)])
@pytest.mark.parametrize("name", ["default", "raw", "no intercept", "weights", "offset", "factors"])
def test_ridge_leaving_one_out_equals_refits_on_the_scale_of_all_rows(n_p, name):
    n, p = n_p
    X, y = ar_problem(n, p, active=8, seed=2)
    X = X * np.linspace(0.5, 2, p) + np.linspace(-3, 3, p)
    options = setting(name, n, p)
    if "sample_weight" in options:
        options["sample_weight"][5] = 1.7  # a row of weight 0 cannot be left out
    lambdas = np.geomspace(30, 0.01, 6)
    cv = jr.fit_cv(X, y, l1_ratios=0.0, cv="loo", lambdas=lambdas, keep="all", **options)
    weight = options.pop("sample_weight", np.ones(n))
    offset = options.pop("offset", np.zeros(n))
    centre = np.average(X, axis=0, weights=weight)
    scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=weight)) if options.pop("standardize", True) else 1.0
    expected = np.empty((n, 6))
    for i in range(n):
        others = np.arange(n) != i
        refit = jr.fit_path(
            X[others] / scale, (y - offset)[others], penalty=ElasticNet(0.0), lambdas=lambdas, standardize=False,
            sample_weight=weight[others], **options,
        )  # fmt: skip
        expected[i] = refit.predict(X[[i]] / scale)[0] + offset[i]
    np.testing.assert_allclose(cv.oof_predictions[0], expected, rtol=0, atol=1e-9 * abs(y).max())
    np.testing.assert_allclose(cv.fold_loss[0], (y[:, None] - expected) ** 2, rtol=0, atol=1e-8 * (y**2).max())
    assert cv.gap.shape == (1, n, 6)
    assert cv.gap.max() < 1e-9
