"""float32: what is certified is what is returned, coefficients and intercept rounded on the user's scale."""

import jax
import numpy as np
import pytest
from placements import ACCELERATED, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement

X, Y = ar_problem(70, 20, 0.9, seed=4)
# rounding counts where columns cancel each other, or a level is large
X32 = (X * np.linspace(0.1, 10, 20)).astype(np.float32)
HIGH = (Y / Y.std() + 3e4).astype(np.float32)


def excess(y, path, loss):
    """The objective at the float32 coefficients less the least one, in the unit of the gap."""
    X, y, coef = (np.asarray(values, np.float64) for values in (X32, y, path.coef))
    lam, sd = path.lambdas[:, None], X.std(axis=0)
    given = {"loss": loss, "penalty": jr.penalties.Lasso(), "solver": "proximal", "tol": 1e-7}
    exact = jr.fit_path(X, y, lambdas=path.lambdas, **given)

    def objective(intercept, coef):
        eta = np.asarray(intercept, np.float64)[:, None] + coef @ X.T
        with jax.enable_x64(True):
            fit = np.asarray(loss.value(y, eta)).mean(axis=1)
        return fit + (lam * sd * abs(coef)).sum(axis=1)

    null = jr.fit_path(X, y, n_lambdas=1, **given)
    unit = objective(null.intercept, null.coef)
    return (objective(path.intercept, coef) - objective(exact.intercept, exact.coef)) / unit


@pytest.mark.parametrize("how", ["block", "proximal", "abreast"])
def test_a_gap_is_of_the_rounded_solution(how, monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED if how == "abreast" else HOST)
    solver = "block" if how == "block" else "proximal"
    path = jr.fit_path(X32, HIGH, penalty=jr.penalties.Lasso(), n_lambdas=10, solver=solver, tol=1e-3)
    assert path.coef.dtype == np.float32
    monkeypatch.undo()
    above = excess(HIGH, path, jr.losses.Squared())
    assert above.max() > 1e-7
    assert (path.gap >= above * (1 - 1e-6) - 1e-8).all()


def test_a_gap_of_pivoting_counts_the_intercept():
    path = jr.fit_path(X32, HIGH, n_lambdas=10, tol=1e-3)
    assert path.solver == "pivot"
    above = excess(HIGH, path, jr.losses.Squared())
    assert above.max() > 1e-7
    assert (path.gap >= above * (1 - 1e-6) - 1e-8).all()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["proximal", "abreast"])
def test_a_gap_of_another_loss_is_of_the_rounded_solution(how, monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED if how == "abreast" else HOST)
    loss = jr.losses.Huber(1.0)
    path = jr.fit_path(X32, HIGH, loss=loss, penalty=jr.penalties.Lasso(), n_lambdas=10, solver="proximal", tol=1e-2)
    monkeypatch.undo()
    assert path.certificate == "gap"
    above = excess(HIGH, path, loss)
    assert above.max() > 1e-7
    assert (path.gap >= above * (1 - 1e-6) - 1e-8).all()
