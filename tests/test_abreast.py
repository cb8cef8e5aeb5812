"""All lambdas, mixing parameters and folds side by side, as on an accelerator: the same solutions."""

import numpy as np
import pytest
from instances import LOSSES, PENALTIES, P, few
from placements import ACCELERATED, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg import penalties
from jaxreg.design import _placement
from jaxreg.paths import _program, _solutions
from jaxreg.penalties._base import Screened

X, Y = ar_problem(70, P, seed=1)
LENGTH = ACCELERATED.padded(P)
SEVERAL = np.stack([Y, 0.5 * Y + X[:, 0], -Y + X[:, 1]], axis=1)
CONVEX = ("Ridge", "GroupLasso", "SparseGroupLasso", "MultiTaskLasso", "SLOPE", "TrendFilter", "Custom")


@pytest.fixture
def accelerated(monkeypatch):
    """As if there were an accelerator; gives the shapes of what was solved side by side."""
    shapes, solve = [], _program.solve

    def noted(data, lanes, penalty, schedule, b, *args, **kwargs):
        shapes.append((*lanes.lambdas.shape, *b.shape[2:]))
        return solve(data, lanes, penalty, schedule, b, *args, **kwargs)

    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED)
    monkeypatch.setattr(_program, "solve", noted)
    return shapes


# ElasticNet and FusedLasso stand for those that are left out
@pytest.mark.parametrize("name", few([name for name in CONVEX if name not in ("Ridge", "TrendFilter")], "SLOPE"))
def test_a_path_is_solved_at_once(name, accelerated, monkeypatch):
    given = {"penalty": PENALTIES[name], "n_lambdas": 15, "solver": "batched", "tol": 1e-8}
    path = jr.fit_path(X, Y, **given)
    length = LENGTH if isinstance(given["penalty"], Screened) else P
    assert accelerated[0] == (1, 16, length)  # filled up, as are the columns
    assert (path.status == jr.Status.converged).all()
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    one_by_one = jr.fit_path(X, Y, **given | {"solver": "proximal"})
    np.testing.assert_allclose(path.lambdas, one_by_one.lambdas, rtol=1e-12)
    np.testing.assert_allclose(path.coef, one_by_one.coef, atol=2e-4)
    np.testing.assert_allclose(path.predict(X), one_by_one.predict(X), atol=1e-3)


@pytest.mark.device
@pytest.mark.parametrize("name", few(["Huber", "Quantile"]))
def test_other_losses(name, accelerated, monkeypatch):
    path = jr.fit_path(X, Y, loss=LOSSES[name], penalty=penalties.Lasso(), n_lambdas=10)
    assert accelerated[0] == (1, 11, LENGTH + 1)
    assert (path.status == jr.Status.converged).all()
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    one_by_one = jr.fit_path(X, Y, loss=LOSSES[name], penalty=penalties.Lasso(), n_lambdas=10)
    np.testing.assert_allclose(path.predict(X), one_by_one.predict(X), atol=5e-3)


@pytest.mark.device
def test_folds_and_mixing_parameters(accelerated, monkeypatch):
    given = {"l1_ratios": [0.2, 0.7, 1.0], "cv": 4, "n_lambdas": 12, "tol": 1e-8}
    cv = jr.fit_cv(X, Y, **given)
    assert cv.path.solver == "batched"
    assert cv.gap.max() <= 1e-8
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    exact = jr.fit_cv(X, Y, **given)
    assert exact.path.solver == "pivot"
    np.testing.assert_allclose(cv.lambdas, exact.lambdas, rtol=1e-10)
    np.testing.assert_allclose(cv.fold_loss, exact.fold_loss, rtol=1e-4)
    assert (cv.l1_ratio_, cv.lambda_min) == (exact.l1_ratio_, pytest.approx(exact.lambda_min))


@pytest.mark.device
@pytest.mark.slow
def test_folds_of_several_responses(accelerated, monkeypatch):
    given = {"penalty": penalties.MultiTaskLasso(), "cv": 3, "n_lambdas": 10, "tol": 1e-8}
    cv = jr.fit_cv(X, SEVERAL, **given)
    assert accelerated[0] == (4, 11, LENGTH, 3)
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    one_by_one = jr.fit_cv(X, SEVERAL, **given)
    np.testing.assert_allclose(cv.coef, one_by_one.coef, atol=1e-3)


@pytest.mark.slow
def test_lambdas_that_fail_are_solved_more_tightly(accelerated, monkeypatch):
    monkeypatch.setattr(_solutions, "TIGHT", 1e3)
    path = jr.fit_path(X, Y, penalty=penalties.GroupLasso(np.arange(P) // 3), n_lambdas=20)
    assert len(accelerated) > 1
    assert path.gap.max() <= 1e-6
    few = jr.fit_path(X, Y, penalty=penalties.SLOPE(np.linspace(1, 0.5, P)), n_lambdas=5, max_iter=100000, tol=1e-9)
    assert few.gap.max() <= 1e-9


@pytest.mark.slow
def test_max_iter_is_a_status(accelerated):
    with pytest.warns(jr.ConvergenceWarning, match="max_iter=3"):
        path = jr.fit_path(X, Y, penalty=penalties.SLOPE(np.linspace(1, 0.5, P)), n_lambdas=5, max_iter=3)
    assert jr.Status.max_iter in path.status


def test_what_is_followed_from_lambda_to_lambda(accelerated):
    jr.fit_path(X, Y, penalty=penalties.MCP(), n_lambdas=4)  # not convex
    wide, y = ar_problem(20, 100, seed=2)
    jr.fit_path(wide, y, penalty=penalties.MultiTaskLasso(), n_lambdas=4)  # on a working set
    assert not accelerated
