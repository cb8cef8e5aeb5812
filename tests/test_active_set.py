"""Minimisers of quadratic models by active sets, and factors and products by one thread."""

import numpy as np
import pytest

from jaxreg.solvers import _serial, active_set
from jaxreg.solvers.active_set import Quadratics, Separable, face_of

M = 70
RNG = np.random.default_rng(0)


def hessian(rank):
    rows = RNG.standard_normal((M, rank))
    square = rows @ rows.T
    unit = 1 / np.sqrt(np.diagonal(square))
    return square * np.outer(unit, unit) + 1e-8 * np.eye(M)


def model(H, share, l2=0.0, limit=np.inf, free=0):
    """A Separable with the l1 part a share of the largest |c|, without one in the first `free` variables."""
    c = H @ np.where(np.arange(M) < 20, RNG.standard_normal(M), 0.0) + 0.1 * RNG.standard_normal(M)
    l1 = np.where(np.arange(M) < free, 0.0, share * np.abs(c).max())
    return Separable(c, l1, np.full(M, l2), np.full(M, -limit), np.full(M, limit), np.full(M, 1e-9))


def optimal(H, problem, x):
    """How far minus the derivative is from the subdifferential of penalty and limits, at the worst variable."""
    g = problem.corr - H @ x - problem.l2 * x
    low = np.where(x > 0, problem.l1, -problem.l1)
    high = np.where(x < 0, -problem.l1, problem.l1)
    low = np.where(x <= problem.lower, -np.inf, low)
    high = np.where(x >= problem.upper, np.inf, high)
    return np.maximum(np.maximum(low - g, g - high), 0.0).max()


CASES = {
    "lasso": (2 * M, {"share": 0.1}),
    "fewer rows than variables": (M // 3, {"share": 0.02}),
    "elastic net": (M // 3, {"share": 0.02, "l2": 0.05}),
    "limits": (2 * M, {"share": 0.05, "limit": 0.2}),
    "without l1 part": (2 * M, {"share": 0.0}),
    "variables without a penalty": (M, {"share": 0.1, "free": 5, "limit": 0.5}),
}


@pytest.mark.parametrize("patience", [6, -1])
@pytest.mark.parametrize("name", CASES)
def test_minimisers_are_optimal_by_either_rule(name, patience, monkeypatch):
    monkeypatch.setattr(active_set, "PATIENCE", patience)
    rank, options = CASES[name]
    H = hessian(rank)
    quadratics = Quadratics(H)
    for k in range(4):  # with systems of earlier faces
        problem = model(H, **options)
        x, face = quadratics.minimised(k % 2, problem, face_of(problem, np.zeros(M)), np.zeros(M), 1000)
        assert (problem.lower <= x).all()
        assert (x <= problem.upper).all()
        assert optimal(H, problem, x) <= 1e-7
        np.testing.assert_array_equal(face.active | (face.pinned != 0), (x != 0) | (problem.l1 == 0))
        np.testing.assert_array_equal(x[~face.active], face.pinned[~face.active])


def test_a_minimiser_that_is_given_up_is_no_worse_than_the_feasible_point(monkeypatch):
    monkeypatch.setattr(active_set, "PATIENCE", -1)
    H = hessian(2 * M)
    problem = model(H, 0.01)

    def value(x):
        return x @ H @ x / 2 - problem.corr @ x + problem.l1 @ np.abs(x)

    values = []
    for limit in (0, 1, 5, 20):
        x, _ = Quadratics(H).minimised(0, problem, face_of(problem, np.zeros(M)), np.zeros(M), limit)
        values.append(value(x))
    assert values[0] == 0
    assert (np.diff(values) <= 0).all()
    assert values[-1] < values[0]


@pytest.mark.parametrize(("k", "done"), [(1, 0), (48, 0), (100, 0), (130, 60), (130, 129), (130, 130)])
def test_factors_go_on_from_those_of_the_first_variables(k, done):
    rows = RNG.standard_normal((k, k + 20))
    square = rows @ rows.T
    factor, expected = square.copy(), np.linalg.cholesky(square)
    factor[:done, :done] = expected[:done, :done]
    factor[:done, :done] += np.triu(np.ones((done, done)), 1)  # what is above the diagonal says nothing
    assert _serial.factorise(factor, done)
    np.testing.assert_allclose(np.tril(factor), expected, atol=1e-10)
    right = RNG.standard_normal(k)
    np.testing.assert_allclose(square @ _serial.solved(factor, right), right, atol=1e-8 * k**2)


def test_what_is_not_positive_definite_has_no_factor():
    assert not _serial.factorise(-np.eye(60), 0)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (10, 300, 400), (700, 3, 5), (1, 5000, 100), (2, 2, 300000)])
def test_products_in_pieces(shape):
    r, k, c = shape
    left, right = RNG.standard_normal((r, k)), RNG.standard_normal((k, c))
    np.testing.assert_allclose(_serial.product(left, right), left @ right, atol=1e-10)
