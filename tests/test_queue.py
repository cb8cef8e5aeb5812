"""Elastic nets in a queue, by conjugate gradients on faces: the same solutions for any order, number and precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import few
from placements import DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg.cv import _abreast, _folded
from jaxreg.design import _placement
from jaxreg.paths import _program, _queue, _solutions
from jaxreg.solvers import faces
from jaxreg.solvers.smooth import Quadratic

N, P = 70, 24
X, Y = ar_problem(N, P, seed=1)
NEAR, Y_NEAR = ar_problem(N, P, 0.9, seed=2)
TWINS = np.concatenate([X[:, :12], X[:, :11], -X[:, :1]], axis=1)


@pytest.fixture
def on_device(monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)


@pytest.fixture
def solved(monkeypatch):
    """The Solutions of all calls."""
    results, solve = [], _solutions.solve

    def noted(*args):
        results.append(solve(*args))
        return results[-1]

    monkeypatch.setattr(_solutions, "solve", noted)
    return results


@pytest.mark.parametrize(("A", "L"), [(1, 1), (2, 2), (3, 7), (4, 50)])
def test_problems_start_between_solved_neighbours(A, L):
    order = _queue.Order.of(A, L)
    real = A * L
    assert sorted(zip(order.mix[:real], order.position[:real], strict=True)) == [
        (a, k) for a in range(A) for k in range(L)
    ]
    assert (order.mix[order.at] == np.arange(A)[:, None]).all()
    assert (order.position[order.at] == np.arange(L)).all()
    neighbours, places = order.neighbours[:, :real], np.arange(real)
    assert ((neighbours < places) | (order.position[:real] == 0)).all()
    assert (order.mix[neighbours] == order.mix[:real]).all()
    lambdas = np.geomspace(1, 1e-4, L)[order.position][None]
    share = order.shares(lambdas)[:, :real]
    assert ((share >= 0) & (share <= 1)).all()
    low, high = lambdas[:, neighbours[0]], lambdas[:, neighbours[1]]
    between = neighbours[0] != neighbours[1]
    np.testing.assert_allclose((share * low + (1 - share) * high)[:, between], lambdas[:, :real][:, between])


PROBLEMS = {
    "plain": {},
    "net": {"penalty": jr.penalties.ElasticNet(0.3)},
    "ridge": {"penalty": jr.penalties.Ridge()},
    "collinear": {"X": NEAR, "y": Y_NEAR},
    "equal columns": {"X": TWINS},
    "lambda 0": {"lambdas": [1.0, 0.1, 0.0]},
    "unpenalised": {"penalty_factors": np.r_[0, 0, np.inf, np.geomspace(1e-3, 1e3, P - 3)]},
    "scales": {"X": X * np.geomspace(1e-6, 1e6, P), "standardize": False},
    "few rows": {"X": X[:15], "y": Y[:15], "lambda_min_ratio": 1e-3},
}


@pytest.mark.device
@pytest.mark.parametrize("name", few(list(PROBLEMS), "unpenalised"))
def test_solutions_are_exact(name, on_device, monkeypatch):
    problem = {"X": X, "y": Y, "n_lambdas": 12} | PROBLEMS[name]
    path = jr.fit_path(**problem, solver="batched", tol=1e-10)
    assert path.solver == "batched"
    assert (path.status == jr.Status.converged).all()
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    exact = jr.fit_path(**problem | {"lambdas": path.lambdas})
    np.testing.assert_allclose(path.predict(problem["X"]), exact.predict(problem["X"]), atol=1e-4 * Y.std())
    bound = np.sqrt(2e-10) * Y.std()  # what a gap allows, in root mean square
    assert np.sqrt(np.mean((path.predict(problem["X"]) - exact.predict(problem["X"])) ** 2, axis=0)).max() <= bound


def test_a_start_that_is_no_use_ends_at_max_iter(on_device):
    with pytest.warns(jr.ConvergenceWarning, match="max_iter=2"):
        path = jr.fit_path(NEAR, Y_NEAR, solver="batched", max_iter=2, n_lambdas=12)
    assert set(path.status[path.gap > path.tol]) == {jr.Status.max_iter}
    assert path.n_iter.max() == 2


@pytest.mark.parametrize("change", ["places", "parts"])
def test_what_is_side_by_side_does_not_matter(change, on_device, solved, monkeypatch):
    given = {"l1_ratios": [0.5, 1.0], "cv": 4, "n_lambdas": 12, "tol": 1e-13}
    cv = jr.fit_cv(X, Y, **given)
    assert len(solved) == 1
    if change == "places":
        monkeypatch.setattr(_queue, "places_for", lambda N: 3)
    else:
        monkeypatch.setattr(_folded, "PART", 1e-12)
    other = jr.fit_cv(X, Y, **given)
    assert len(solved) == 2 + 3 * (change == "parts")
    for name, atol in (("fold_loss", 1e-9), ("mean_loss", 1e-9), ("coef", 1e-8), ("oof_predictions", 1e-8)):
        ours, theirs = getattr(cv, name), getattr(other, name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol * np.abs(ours).max())


@pytest.mark.parametrize("name", few(["float32", "tensorfloat32", "bfloat16", "rounded"], "bfloat16"))
def test_lower_precision_comes_to_the_same_gap(name, on_device):
    given = {"dtype": np.float32} if name == "rounded" else {"step_precision": name}
    path = jr.fit_path(NEAR, Y_NEAR, tol=1e-6, solver="batched", n_lambdas=12, **given)
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-6


def test_what_single_precision_cannot_tell_stalls(on_device):
    with pytest.warns(jr.ConvergenceWarning, match="precision or the collinearity"):
        path = jr.fit_path(NEAR, Y_NEAR, tol=1e-12, solver="batched", n_lambdas=12, dtype=np.float32)
    assert jr.Status.stalled in path.status


def test_criteria_are_there(on_device, monkeypatch):
    cv = jr.fit_cv(X, Y, l1_ratios=[0.5, 1.0], cv=4, n_lambdas=12, tol=1e-10)
    assert cv.path.solver == "batched"
    monkeypatch.setattr(_placement, "current", lambda: HOST)
    exact = jr.fit_cv(X, Y, l1_ratios=[0.5, 1.0], cv=4, n_lambdas=12)
    np.testing.assert_allclose(cv.effective_df, exact.effective_df, atol=1e-4)
    assert cv.select("bic").index == exact.select("bic").index


def test_folds_and_columns_are_filled_up_to_few_shapes(on_device, monkeypatch):
    """The program that solves is compiled once, and takes the Gram matrices of all lanes as one array."""
    compiled, stacks, solve = [], [], _program.solve

    def noted(grams, *args, **kwargs):
        fitted = solve(grams, *args, **kwargs)
        stacks.append([array.shape for array in grams[0]])
        compiled.append(solve._cache_size())
        return fitted

    monkeypatch.setattr(_program, "solve", noted)
    m = DEVICE.padded(P)
    for p, folds in ((P, 4), (P - 4, 5)):
        cv = jr.fit_cv(X[:, :p], Y, l1_ratios=[0.5, 1.0], cv=folds, n_lambdas=12, tol=1e-12)
        assert cv.gap.max() <= 1e-12
    assert stacks == [[(6, m, m)]] * 2
    paths = [jr.fit_path(X[:, :p], Y, solver="batched", n_lambdas=12, tol=1e-10) for p in (P, P - 4)]
    assert max(path.gap.max() for path in paths) <= 1e-10
    assert stacks[2:] == [[(m, m)]] * 2
    assert compiled[0] == compiled[1]
    assert compiled[2] == compiled[3]


def test_folds_at_once_have_room_with_what_fills_them_up(on_device, monkeypatch):
    """Of seven lanes there is one of all rows, and six are the next number below for which programs are compiled."""
    lengths, parts = [], []

    class EnoughError(Exception):
        pass

    def noted(folded, lanes, part, mixes):
        parts.append((len(lanes), len(part)))
        raise EnoughError

    monkeypatch.setattr(_abreast, "size", lambda objective, m, A, L: lengths.append(m) or 2.0**30)
    monkeypatch.setattr(_abreast, "fitted", noted)
    monkeypatch.setattr(_placement.Placement, "available", lambda placement: 7 * 2.0**30 / _folded.PART)
    with pytest.raises(EnoughError):
        jr.fit_cv(X, Y, penalty=jr.penalties.Lasso(), cv=10, n_lambdas=12)
    assert lengths == [DEVICE.padded(P)]
    assert parts == [(6, 5)]


def test_a_step_takes_its_sums_in_two_layers():
    """One reduction after the product and one at the new point: on an accelerator, passes over all places."""
    with jax.enable_x64(True):
        smooth = Quadratic(np.eye(P), np.ones(P))
        net = faces.Net(smooth, np.ones(P), np.ones(P))
        jaxpr = jax.make_jaxpr(faces.advance)(net, faces.begin(net, jnp.zeros(P), jnp.zeros(P)))
    primitives = [equation.primitive.name for equation in jaxpr.eqns]
    assert [name for name in primitives if name.startswith("reduce")] == ["reduce", "reduce"]
    assert primitives.count("dot_general") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "before"), [(0.0, 29), (0.5, 83), (0.9, 425)])
def test_few_products(rho, before):
    """Of each lane, and computed for all places: those of all lanes until the slowest was done were 53 to 945."""
    from benchmarks import products

    (problem,) = [problem for problem in products.SMALL if problem.rho == rho]
    row = products.counted(problem)
    assert row["gap"] <= products.TOL
    assert row["mean"] <= before / 2
    assert row["computed"] <= 1.3 * row["mean"]
