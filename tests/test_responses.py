"""Ridge with several responses: that of each alone, in one unit for all, from one decomposition."""

import numpy as np
import pytest
from reference import ar_problem, response_unit

import jaxreg as jr
from jaxreg.penalties import ElasticNet

RIDGE = ElasticNet(0.0)


def problem(n, p, K=3):
    X, _ = ar_problem(n, p, seed=6)
    rng = np.random.default_rng(1)
    Y = X[:, :K] * np.arange(1, K + 1) + rng.standard_normal((n, K))
    return X, Y


@pytest.mark.sampled
@pytest.mark.parametrize("shape", [(40, 8), (20, 50), (20, 300)])
@pytest.mark.parametrize(
    "options", [{}, {"fit_intercept": False}, {"standardize": False, "weights": True}, {"factors": True}]
)
def test_each_response_is_as_alone(shape, options):
    X, Y = problem(*shape)
    options = dict(options)
    if options.pop("weights", False):
        options["sample_weight"] = np.linspace(0.5, 2, shape[0])
    if options.pop("factors", False):
        options["penalty_factors"] = np.where(np.arange(shape[1]) == 1, 0.0, 1.0)
    path = jr.fit_path(X, Y, penalty=RIDGE, n_lambdas=7, **options)
    weight, intercept = options.get("sample_weight", np.ones(len(Y))), options.get("fit_intercept", True)
    units = np.array([response_unit(y, weight, intercept) for y in Y.T])
    share = units / response_unit(Y, weight, intercept) if options.get("standardize", True) else np.ones(3)
    alone = [
        jr.fit_path(X, y, penalty=RIDGE, lambdas=path.lambdas * own, **options)
        for y, own in zip(Y.T, share, strict=True)
    ]
    assert path.coef.shape == (7, shape[1], 3)
    assert path.intercept.shape == (7, 3)
    for k, each in enumerate(alone):
        np.testing.assert_allclose(path.coef[..., k], each.coef, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(path.intercept[:, k], each.intercept, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(path.effective_df, alone[0].effective_df, rtol=1e-9)
    residual = np.einsum("i,ilk->l", weight, (Y[:, None] - path.predict(X)) ** 2)
    centre = np.average(Y, axis=0, weights=weight) if intercept else 0.0
    np.testing.assert_allclose(path.dev_ratio, 1 - residual / (weight @ (Y - centre) ** 2).sum(), rtol=1e-9)
    assert path.gap.shape == (7,)
    assert path.gap.max() <= 1e-9
    largest = max(jr.fit_path(X, y, penalty=RIDGE, n_lambdas=2, **options).lambdas[0] for y in Y.T)
    assert path.lambdas[0] == pytest.approx(largest, rel=1e-12)


def test_a_result_of_several_responses(tmp_path):
    X, Y = problem(30, 6)
    path = jr.fit_path(X, Y, penalty=RIDGE, n_lambdas=5)
    lam = path.lambdas[2]
    intercept, coef = path.coef_at(lam)
    np.testing.assert_allclose(path.predict(X[:4], lam), X[:4] @ coef + intercept, rtol=1e-12)
    np.testing.assert_allclose(path.predict(X[:4])[:, 2], path.predict(X[:4], lam), rtol=1e-12)
    assert path.n_features == 6
    assert "6 features, 3 responses" in path.summary()
    path.save(tmp_path / "path.npz")
    np.testing.assert_array_equal(jr.PathResult.load(tmp_path / "path.npz").coef, path.coef)
    with pytest.raises(ValueError, match="response is missing; there are 3, give one from 0 to 2"):
        path.plot()
    pytest.importorskip("pandas")
    frame = path.to_frame()
    np.testing.assert_array_equal(frame[("x4", 1)], path.coef[:, 4, 1])
    np.testing.assert_array_equal(frame["(intercept)"], path.intercept)


@pytest.mark.parametrize("penalty", [RIDGE, jr.penalties.MultiTaskLasso()])
def test_constant_responses_among_others(penalty):
    X, Y = problem(30, 6)
    Y[:, 1] = 2.0
    told = "y is constant, or .* in some of the 3 responses: their penalised coefficients are 0"
    with pytest.warns(jr.ConvergenceWarning, match=told):
        path = jr.fit_path(X, Y, penalty=penalty, n_lambdas=4)
    assert not path.coef[..., 1].any()
    assert path.coef[-1, :, 0].any()
    assert path.gap.max() <= path.tol


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "y has 3 columns; several responses need l1_ratio=0 and no limits"),
        ({"penalty": RIDGE, "lower": 0.0}, "several responses need l1_ratio=0 and no limits"),
        ({"penalty": RIDGE, "early_stop": True}, "early_stop is given, but cuts the path of one response"),
        (
            {"penalty": RIDGE, "offset": np.zeros(30)},
            r"offset has shape \(30,\), but there are 3 responses; give \(30, 3\)",
        ),
    ],
)
def test_what_several_responses_do_not_do_is_refused(options, message):
    X, Y = problem(30, 6)
    with pytest.raises(ValueError, match=message):
        jr.fit_path(X, Y, **options)
