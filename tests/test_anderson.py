"""Any convex penalty in a queue, by proximal gradient with Anderson acceleration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import GROUPS, PENALTIES, P, few
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement
from jaxreg.solvers import anderson
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Quadratic

N, STEPS = 70, 150
X, Y = ar_problem(N, P, 0.9, seed=2)
SEVERAL = np.stack([Y, 0.5 * Y + X[:, 0], 3.0 - Y + X[:, 1]], axis=1)
BY_GROUP = np.geomspace(1e-3, 1e3, P)[np.asarray(GROUPS)]


def searched(name, share, guess):
    """(objective, residual) of all steps of a search from 0, at a share of the largest lambda."""
    with jax.enable_x64(True):
        smooth = Quadratic(jnp.asarray(X.T @ X / N), jnp.asarray(X.T @ Y / N))
        L, penalty = np.linalg.eigvalsh(smooth.gram)[-1], PENALTIES[name]
        lam = share * penalty.critical_lambda(-smooth.corr, np.ones(P)) * np.ones(P)
        problem = anderson.Problem(Composite(smooth, penalty, lam), guess * L, np.zeros(P))

        def step(search, _):
            search = anderson.advance(problem, search)
            residual = jnp.max(
                jnp.abs(search.x - problem.composite.prox(search.x - smooth.gradient(search.q) / L, 1 / L))
            )
            return search, (problem.composite.value(search.x, search.q), residual)

        zeros = jnp.zeros(P)
        last, (values, residuals) = jax.jit(
            lambda: jax.lax.scan(step, anderson.begin(problem, zeros, zeros), None, length=STEPS)
        )()
        return jax.device_get((last, values, residuals))


@pytest.mark.parametrize("name", few(["GroupLasso", "SparseGroupLasso", "SLOPE", "FusedLasso", "Custom"], "GroupLasso"))
@pytest.mark.parametrize("guess", [1.0, 1e-3])
def test_the_objective_falls_to_a_minimum(name, guess):
    last, values, residuals = searched(name, 0.05, guess)
    rounding = 1e-14 * np.abs(values).max()
    assert (np.diff(values) <= rounding).all()
    assert residuals[-1] <= 1e-9 * np.abs(X.T @ Y / N).max()
    np.testing.assert_allclose(last.q, X.T @ (X @ last.x) / N, atol=1e-12)
    assert int(last.n_iter) == STEPS


def test_secants_are_what_makes_it_fast(monkeypatch):
    _, _, fast = searched("GroupLasso", 0.05, 1.0)
    monkeypatch.setattr(anderson, "PARALLEL", np.inf)  # no secant counts: proximal gradient
    _, _, slow = searched("GroupLasso", 0.05, 1.0)
    assert fast[60] <= 1e-4 * slow[60]


CASES = {
    "GroupLasso": {},
    "SparseGroupLasso": {"lambda_min_ratio": 1e-5},
    "SLOPE": {},
    "MultiTaskLasso": {"y": SEVERAL, "penalty_factors": np.where(np.arange(P) == 2, 0.0, 1.0)},
    "FusedLasso": {},
    "TrendFilter": {},
    "Custom": {},
    "scales": {"penalty": PENALTIES["GroupLasso"], "X": X * BY_GROUP, "standardize": False},
    "equal columns": {"penalty": PENALTIES["GroupLasso"], "X": np.concatenate([X[:, :7], X[:, :5]], axis=1)},
    "few rows": {"penalty": PENALTIES["SLOPE"], "X": X[:8], "y": Y[:8]},
    "lambda 0": {"penalty": PENALTIES["GroupLasso"], "lambdas": [*np.geomspace(1.0, 0.01, 11), 0.0]},
    "unpenalised": {"penalty": PENALTIES["GroupLasso"], "penalty_factors": np.where(np.isin(GROUPS, 2), 0.0, 1.0)},
    "left out": {"penalty": PENALTIES["SparseGroupLasso"], "penalty_factors": np.where(np.arange(P) < 3, np.inf, 1.0)},
    "single": {"penalty": PENALTIES["GroupLasso"], "dtype": np.float32},
    "bfloat16": {"penalty": PENALTIES["GroupLasso"], "step_precision": "bfloat16"},
}  # fmt: skip


@pytest.mark.device
@pytest.mark.parametrize("name", few(list(CASES), "scales", "lambda 0"))
def test_solutions_are_those_of_the_host(name, monkeypatch):
    tol = 1e-6 if name == "single" else 1e-10
    problem = {"X": X, "y": Y, "penalty": PENALTIES.get(name), "n_lambdas": 12, "tol": tol} | CASES[name]
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    path = jr.fit_path(**problem, solver="batched")
    assert path.solver == "batched"
    assert (path.status == jr.Status.converged).all()
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    exact = jr.fit_path(**problem | {"lambdas": path.lambdas, "dtype": None, "step_precision": None})
    difference = path.predict(problem["X"]) - exact.predict(problem["X"])
    spread = np.sqrt(np.mean((problem["y"] - np.mean(problem["y"], axis=0)) ** 2))
    bound = 2 * np.sqrt(2 * tol) * spread  # what two gaps allow, in root mean square
    assert np.sqrt(np.mean(difference**2, axis=0)).max() <= bound


@pytest.mark.slow
@pytest.mark.parametrize("name", ["group", "slope"])
@pytest.mark.parametrize(("rho", "before"), [(0.5, (58.4, 103.0)), (0.9, (258.0, 943.0))])
def test_few_products(name, rho, before):
    """Of each lane; computed for all places were 1.8 to 2.5 times as many."""
    from benchmarks import products

    (problem,) = [problem for problem in products.OTHERS if (problem.penalty, problem.rho) == (name, rho)]
    row = products.counted(problem)
    assert row["gap"] <= products.TOL
    assert row["mean"] <= before[name == "slope"] / 2
    assert row["computed"] <= 2.3 * row["mean"]


FREE = np.where(np.isin(GROUPS, 2), 0.0, 1.0)
EXACT = X[:, np.flatnonzero(FREE == 0)].sum(axis=1) + 1.0


@pytest.mark.parametrize("name", few(["Lasso", "GroupLasso", "MultiTaskLasso"], "Lasso"))
def test_what_is_not_penalised_may_fit_exactly(name, monkeypatch):
    """Nothing is 0 relative to the loss of the null model then, which is 0."""
    problem = {"X": X, "y": EXACT, "penalty": PENALTIES[name], "penalty_factors": FREE, "lambdas": [0.5, 0.1]}
    if name == "MultiTaskLasso":
        problem["y"] = EXACT[:, None] * [1.0, -2.0]
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    with pytest.warns(jr.ConvergenceWarning, match="the unpenalised columns fit it exactly"):
        path = jr.fit_path(**problem, solver="batched", tol=1e-10)
    assert (path.status == jr.Status.converged).all()
    misfit = path.predict(X) - problem["y"][:, None]
    assert np.abs(misfit).max() <= 1e-4 * np.abs(EXACT).max()


def test_what_rounding_hides_is_not_certified(monkeypatch):
    """The null model leaves 1e-18 of the sum of squares, of which products of columns have 16 digits."""
    y = EXACT + 1e-9 * np.abs(EXACT).max() * np.sin(np.arange(N))
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    with pytest.warns(jr.ConvergenceWarning, match="rounding, which nearly dependent columns magnify"):
        path = jr.fit_path(X, y, penalty_factors=FREE, lambdas=[0.5, 0.1], solver="batched", tol=1e-10)
    assert (path.status == jr.Status.stalled).all()


@pytest.mark.parametrize("name", few(["GroupLasso", "SLOPE", "FusedLasso", "Custom"], "GroupLasso"))
def test_nothing_is_left(name, monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    path = jr.fit_path(
        X, Y, penalty=PENALTIES[name], penalty_factors=np.full(P, np.inf), solver="batched", lambdas=[1.0]
    )
    assert not path.coef.any()
    assert (path.status == jr.Status.converged).all()


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_units_of_the_data_do_not_matter(unit, monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    given = {"y": SEVERAL, "penalty": PENALTIES["MultiTaskLasso"], "standardize": False, "solver": "batched"}
    one = jr.fit_path(X, **given, n_lambdas=12)
    other = jr.fit_path(X * unit, **given, lambdas=one.lambdas * unit)
    assert (other.status == jr.Status.converged).all()
    np.testing.assert_allclose(other.coef * unit, one.coef, atol=1e-4 * np.abs(one.coef).max())
    assert other.gap.max() <= 10 * max(one.gap.max(), 1e-9)
