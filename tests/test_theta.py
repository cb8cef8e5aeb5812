"""The theta of NegativeBinomial where fits estimate it; that of MASS::glm.nb is in test_families_coxph.py."""

import numpy as np
import pytest

import jaxreg as jr
from jaxreg.losses import NegativeBinomial
from jaxreg.losses._negative_binomial import estimate_theta

N, P = 80, 4
RNG = np.random.default_rng(4)
X = RNG.standard_normal((N, P))
OFFSET, WEIGHT = RNG.uniform(-0.5, 0.5, N), np.where(np.arange(N) % 9, RNG.uniform(0.5, 2.0, N), 0.0)
Y = RNG.poisson(np.exp(1 + X[:, 0] / 2 + OFFSET) * RNG.gamma(1.5, 1 / 1.5, N)).astype(float)
GRID = {"n_lambdas": 5, "lambda_min_ratio": 0.05, "offset": OFFSET, "sample_weight": WEIGHT}


def test_theta_goes_with_the_fit_at_the_smallest_lambda(tmp_path):
    path = jr.fit_path(X, Y, loss="negativebinomial", tol=1e-11, **GRID)
    theta = path.loss_parameters["theta"]
    assert estimate_theta(Y, np.exp(path.predict(X, path.lambdas[-1], OFFSET)), WEIGHT) == pytest.approx(
        theta, rel=1e-6
    )
    assert path.loss == f"NegativeBinomial(theta={theta:g})"
    assert path.settings["loss"] == "jr.losses.NegativeBinomial()"
    given = jr.fit_path(X, Y, loss=NegativeBinomial(theta), tol=1e-11, **GRID)
    np.testing.assert_allclose(path.coef, given.coef, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(path.lambdas, given.lambdas)
    path.save(tmp_path / "path.npz")
    assert jr.PathResult.load(tmp_path / "path.npz").loss_parameters == {"theta": theta}


@pytest.mark.parametrize("impute", [None, pytest.param("mean", marks=pytest.mark.slow)])
def test_folds_share_theta(impute):
    data = np.where(RNG.uniform(size=X.shape) < 0.05, np.nan, X) if impute else X
    options = {"cv": 3, "impute": impute, **GRID}
    cv = jr.fit_cv(data, Y, loss=NegativeBinomial(), **options)
    theta = cv.path.loss_parameters["theta"]
    given = jr.fit_cv(data, Y, loss=NegativeBinomial(theta), **options)
    np.testing.assert_allclose(cv.fold_loss, given.fold_loss, rtol=1e-6)
    assert theta == pytest.approx(1.5, rel=0.9)


def test_counts_of_no_more_spread_than_those_of_poisson_are_refused():
    even = np.round(np.exp(1 + X[:, 0] / 2))
    with pytest.raises(ValueError, match=r"theta has no finite estimate: .* no more than Poisson's; give losses.Pois"):
        jr.fit_path(X, even, loss="negativebinomial", n_lambdas=3)
