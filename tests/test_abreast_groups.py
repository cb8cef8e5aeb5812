"""Cross-validation of any convex penalty on a device: the losses of the host, by few programs and fetches."""

import numpy as np
import pytest
from dispatches import counted
from instances import GROUPS, PENALTIES, P, few
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement

PROGRAMS, FETCHES = 6, 4  # in which nothing is sharpened
TOL = 1e-8
X, Y = ar_problem(70, P, seed=1)
SEVERAL = np.stack([Y, 0.5 * Y + X[:, 0], 3.0 - Y + X[:, 1]], axis=1)
OPTIONS = {"cv": 4, "n_lambdas": 8, "tol": TOL}
CASES = {
    "GroupLasso": {
        "sample_weight": np.where(np.arange(70) % 7 == 0, 0.0, 1.0),
        "offset": 0.1 * np.arange(70),
        "penalty_factors": np.where(np.asarray(GROUPS) == 1, 0.0, 1.0),
    },
    "SparseGroupLasso": {"l1_ratios": [0.3, 0.6, 0.9]},
    "SLOPE": {"metric": "mae"},
    "MultiTaskLasso": {"y": SEVERAL, "penalty_factors": np.where(np.arange(P) == 2, 0.0, 1.0), "metric": "r2"},
    "TrendFilter": {},
    "FusedLasso": {"standardize": False},
    "Custom": {},  # certified by the residual of its prox
}


@pytest.mark.parametrize("name", few(CASES, "SparseGroupLasso", "MultiTaskLasso"))
def test_folds_are_judged_as_on_the_host(name, monkeypatch):
    given = {"X": X, "y": Y, "penalty": PENALTIES[name]} | OPTIONS | CASES[name]
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    exact = jr.fit_cv(**given)
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    cv = jr.fit_cv(**given)
    assert cv.path.solver == "batched"
    assert cv.gap.max() <= TOL
    np.testing.assert_allclose(cv.fold_loss, exact.fold_loss, rtol=1e-4)
    np.testing.assert_allclose(cv.path.coef, exact.path.coef, atol=1e-4)
    np.testing.assert_allclose(cv.oof_predictions, exact.oof_predictions, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", few([name for name in CASES if name != "Custom"], "MultiTaskLasso"))
def test_few_programs_and_fetches(name, monkeypatch, tmp_path):
    given = {"X": X, "y": Y, "penalty": PENALTIES[name]} | OPTIONS | CASES[name]
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    jr.fit_cv(**given)  # compiles
    with counted(monkeypatch, tmp_path) as (counts, _):
        cv = jr.fit_cv(**given)
    assert cv.gap.max() <= TOL
    assert len(counts[0].programs) <= PROGRAMS
    assert len(counts[0].fetches) <= FETCHES
