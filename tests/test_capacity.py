"""Working sets grow as long as there is memory, and say so where there is none."""

import numpy as np
import pytest
from reference import ar_problem, worst_gap

import jaxreg as jr
from jaxreg import _capacities
from jaxreg.design import _placement
from jaxreg.engines import _sizes

X, Y = ar_problem(60, 300, 0.2, active=60)
DENSE = {"penalty": jr.penalties.ElasticNet(0.005), "n_lambdas": 12, "lambda_min_ratio": 1e-3}


def test_the_ladder_has_no_end():
    saturated, steps = _sizes.capacity_steps(20_000, 30_000, 0, 256)
    assert 8192 < 20_000 < saturated
    assert _sizes.room(steps[-1]) >= 30_000
    assert _capacities.capacity_for(8193) == 12288
    assert _capacities.capacity_for(70_000) == 98304
    assert steps == [6144, 12288, 24576, 32768, 49152]


def test_a_working_set_grows_beyond_the_capacities_that_have_names(monkeypatch):
    monkeypatch.setattr(_capacities, "CAPACITIES", (64, 128))
    path = jr.fit_path(X, Y, **DENSE)
    assert path.df.max() > 200
    assert (path.status == jr.Status.converged).all()
    assert worst_gap(X, Y, path) <= 1e-9


def test_the_end_of_memory_is_a_status(monkeypatch):
    monkeypatch.setattr(_capacities, "CAPACITIES", (64, 128))
    monkeypatch.setattr(_placement.Placement, "available", lambda placement: 0)
    with pytest.warns(jr.ConvergenceWarning, match="memory") as warned:
        path = jr.fit_path(X, Y, **DENSE)
    assert len(warned) == 1
    missing = path.status != jr.Status.converged
    assert missing.any()
    assert not missing[0]
    assert (path.status[missing] == jr.Status.capacity).all()
    assert (path.gap[missing] > path.tol).all()
    with pytest.warns(jr.ConvergenceWarning, match="memory"):
        cv = jr.fit_cv(X, Y, cv=2, **DENSE)
    assert (cv.status == jr.Status.capacity).any()


def test_block_descent_without_memory_works_with_rows(monkeypatch):
    monkeypatch.setattr(_placement.Placement, "available", lambda placement: 0)
    given = {"penalty": jr.penalties.Lasso(), "solver": "block", "n_lambdas": 5, "lambda_min_ratio": 0.2}
    path = jr.fit_path(X, Y, **given)
    assert (path.status == jr.Status.converged).all()
    assert worst_gap(X, Y, path) <= 1e-6


def test_free_memory_is_known_here():
    assert 0 < _placement.current().available() < np.inf
