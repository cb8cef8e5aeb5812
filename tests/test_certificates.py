"""What a certificate sees: of any coefficients, not only of those that a solver ends at."""

import jax
import numpy as np
import pytest
from reference import ar_problem

from jaxreg import penalties
from jaxreg._request import Request
from jaxreg._setup import prepare
from jaxreg.certificates._certificate import certificate
from jaxreg.engines._base import Solved
from jaxreg.engines._columns import ColumnSet

X, Y = ar_problem(40, 6, seed=3)


def gaps_of(penalty, factors, lambdas, b, by_gram):
    """(gaps (B,), the Objective) of coefficients b (B, p)."""
    with jax.enable_x64(True):
        setup = prepare(X, Y, Request(penalty=penalty, penalty_factors=factors, solver="auto"), [np.nan])
        objective = setup.objective
        columns = ColumnSet.everything(objective)
        certify = certificate(objective, setup.gram if by_gram else None)
        none, ones = np.zeros((len(b), 0)), np.ones(len(b), int)
        run = certify(columns, Solved(b, none, ones, 0 * ones, len(b), step=0.5), lambdas)
        answer = None
        while True:
            try:
                answer = objective.design.correlate(run.send(answer).R)
            except StopIteration as end:
                return end.value.gaps, objective


@pytest.mark.parametrize("by_gram", [True, False])
@pytest.mark.parametrize("penalty", [penalties.MCP(), penalties.L0(4)])
def test_a_residual_sees_what_is_not_penalised_and_lambda_0(penalty, by_gram):
    factors, lambdas = np.array([0.0, 0, 1, 1, 1, 1]), np.array([0.3, 0.0])
    b = np.random.default_rng(0).standard_normal((2, 6))
    gaps, objective = gaps_of(penalty, factors, lambdas, b, by_gram)
    A = np.asarray(objective.design.gather(np.arange(6))) * objective.scale[:, None]
    with jax.enable_x64(True):
        for gap, lam, own in zip(gaps, lambdas, b, strict=True):
            h = A @ (objective.y - own @ A)
            moved = own - np.asarray(penalty.prox(own + 0.5 * h, lam * factors, 0.5))
            assert gap == pytest.approx(abs(moved).max() / 0.5 / objective.gradient_scale, rel=1e-9)
            assert gap > 0.01


@pytest.mark.parametrize("by_gram", [True, False])
def test_a_gap_bounds_the_distance_to_the_minimum_for_any_coefficients(by_gram):
    factors, lambdas = np.array([0.0, 0, 1, 1, 1, 1]), np.array([0.3, 1e-3, 0.0])
    b = np.random.default_rng(1).standard_normal((3, 6)) / 3
    gaps, objective = gaps_of(penalties.ElasticNet(1.0), factors, lambdas, b, by_gram)
    A = np.asarray(objective.design.gather(np.arange(6))) * objective.scale[:, None]

    def value(own, lam):
        return np.sum((objective.y - own @ A) ** 2) / 2 + lam * np.sum(factors * abs(own))

    for gap, lam, own in zip(gaps, lambdas, b, strict=True):
        best = own.copy()
        for _ in range(5000):  # coordinate descent
            for j in range(6):
                pull = A[j] @ (objective.y - best @ A) + best[j] * (A[j] @ A[j])
                best[j] = np.sign(pull) * max(abs(pull) - lam * factors[j], 0.0) / (A[j] @ A[j])
        distance = (value(own, lam) - value(best, lam)) / objective.null_loss
        assert distance > 0.01
        assert gap >= distance * (1 - 1e-9)
