"""What is compiled when, and what importing and fitting leave behind."""

import logging
import subprocess
import sys
from contextlib import contextmanager

import jax
import numpy as np
import pytest
from instances import few
from placements import ACCELERATED
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement

REDUCED = {"solve_block", "append_columns"}
PRODUCTS = {"by_gram", "_correlate"}


@contextmanager
def compilations():
    """Names of the functions that are traced and compiled inside."""
    names, logger = [], logging.getLogger("jax._src.interpreters.pxla")

    class Record(logging.Handler):
        def emit(self, record):
            message = record.getMessage()
            if message.startswith("Compiling "):
                names.append(message.split()[1].removeprefix("jit(").rstrip(")"))

    handler, propagate = Record(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with jax.log_compiles():
            yield names
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


# sizes that no other test uses, padded or not, so that nothing is compiled beforehand
@pytest.mark.parametrize(("n", "p"), few([(191, 171), (39, 311)], (39, 311)))
def test_no_retrace_for_new_values(n, p):
    X, y = ar_problem(n, p, 0.5)
    rng = np.random.default_rng(0)
    with compilations() as first:
        path = jr.fit_path(X, y)
    assert PRODUCTS & set(first)
    variants = [
        {"y": rng.standard_normal(n)},
        {"lambdas": path.lambdas * 0.9},
        {"tol": 1e-8},
        {"max_iter": 50},
        {"sample_weight": rng.uniform(0.5, 1, n)},
        {"penalty_factors": rng.uniform(0.5, 1, p)},
        {"offset": rng.standard_normal(n)},
        {"fit_intercept": False, "standardize": False},
        {"n_lambdas": 60},
    ]
    if n > p:  # the other one has more active columns than a lasso then, and needs a larger capacity
        variants += [{"penalty": jr.penalties.ElasticNet(0.7)}]
    with compilations() as again:
        for variant in variants:
            jr.fit_path(**{"X": X, "y": y, **variant})
    assert again == []
    with compilations() as limited:
        jr.fit_path(X, y, lower=-1e6, upper=1e6)
    assert set(limited) <= {"by_gram", "by_pass"}  # their conjugates are another formula


def test_other_data_of_the_same_padded_size_compile_nothing():
    jr.fit_path(*ar_problem(93, 18, 0.5))
    with compilations() as names:
        jr.fit_path(*ar_problem(101, 23, 0.5))
    assert names == []


def test_cross_validation_runs_the_programs_of_a_path():
    X, y = ar_problem(93, 18, 0.5)
    jr.fit_path(X, y)
    with compilations() as names:
        jr.fit_cv(X, y, l1_ratios=(0.5, 1.0), cv=3)
    assert not (REDUCED | {"by_gram"}) & set(names)


def test_other_data_of_the_same_capacity_compile_no_reduced_kernel():
    jr.fit_path(*ar_problem(48, 325, 0.5))
    with compilations() as names:
        jr.fit_path(*ar_problem(50, 331, 0.5))
    assert PRODUCTS & set(names)
    assert not REDUCED & set(names)


@pytest.mark.parametrize(("n", "p"), few([(195, 139), (41, 317)], (41, 317)))
def test_cross_validation_compiles_nothing_for_new_values_or_folds(n, p, monkeypatch):
    monkeypatch.setattr(
        _placement.Placement, "in_threads", lambda placement, work, items, *_: [work(item) for item in items]
    )  # logs are of one thread
    X, y = ar_problem(n, p, 0.5)
    rng = np.random.default_rng(0)
    with compilations() as first:
        jr.fit_cv(X, y, cv=4)
    assert PRODUCTS & set(first)
    with compilations() as again:
        jr.fit_cv(X, y, cv=4, seed=1)
        jr.fit_cv(X, y, cv=4, metric="mae", sample_weight=rng.uniform(0.5, 1, n))
        jr.fit_cv(X, rng.standard_normal(n), cv=4, keep="all", averaging="equal")
    assert again == []
    with compilations() as other:
        jr.fit_cv(X, y, cv=5)
    assert set(other) <= (set() if n > p else {"_correlate", "_squares"})  # of the rows of all lanes together


@pytest.mark.slow
def test_cross_validation_of_another_loss_compiles_nothing_again():
    X, y = ar_problem(110, 21, 0.5)
    given = {"penalty": jr.penalties.Lasso(), "n_lambdas": 6, "tol": 1e-3}
    jr.fit_cv(X, y, loss=jr.losses.Huber(1.0), cv=3, **given)
    with compilations() as names:
        jr.fit_cv(X, y, loss=jr.losses.Huber(1.2), cv=3, seed=1, **given)
    assert set(names) <= {"_correlate"}  # of the rows of all lanes together


def test_side_by_side_few_numbers_of_lambdas_and_groups_are_compiled(monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED)
    pairs, triples = (jr.penalties.GroupLasso(np.arange(27) // size) for size in (2, 3))
    jr.fit_path(*ar_problem(95, 27, 0.5), penalty=pairs, n_lambdas=8, tol=1e-3)
    with compilations() as names:
        jr.fit_path(*ar_problem(81, 27, 0.5), penalty=triples, n_lambdas=7, tol=1e-3)
    assert names == []


@pytest.mark.slow
def test_folds_side_by_side_compile_nothing_for_other_groups_and_lambdas(monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED)
    X, y = ar_problem(95, 27, 0.5)
    jr.fit_cv(X, y, penalty=jr.penalties.GroupLasso(np.arange(27) // 2), cv=5, n_lambdas=8, tol=1e-3)
    with compilations() as names:
        jr.fit_cv(X, y, penalty=jr.penalties.GroupLasso(np.arange(27) // 3), cv=5, n_lambdas=7, tol=1e-3, seed=1)
    assert names == []


def test_nothing_global_changes():
    code = """
import os
import numpy as np
import jax
environment = dict(os.environ)
state = np.random.get_state()[1].copy()
before = jax.config.jax_enable_x64
import jaxreg
from jax._src import xla_bridge
assert not xla_bridge._backends, "a backend was started"
assert jax.config.jax_enable_x64 == before == False
assert dict(os.environ) == environment
assert (np.random.get_state()[1] == state).all()
X = np.random.default_rng(0).standard_normal((30, 4))
path = jaxreg.fit_path(X, X[:, 0])
assert path.coef.dtype == np.float64 and path.gap.max() < 1e-12
assert jax.config.jax_enable_x64 == False
assert jax.numpy.ones(1).dtype == np.float32
assert dict(os.environ) == environment
assert (np.random.get_state()[1] == state).all()
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_import_is_light():
    code = "import sys, jaxreg; print([m for m in ('pandas', 'matplotlib', 'sklearn', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
