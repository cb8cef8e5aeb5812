"""What CONTRIBUTING promises: a penalty, an engine or a design is one file and one line (a loss: see test_losses)."""

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.engines import _table

X, Y = ar_problem(60, 8, active=4, seed=2)
WIDE, YW = ar_problem(40, 300, seed=2)

PENALTY = '''
"""The lasso with coefficients >= 0."""

from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import pytree
from jaxreg.penalties._base import Screened, finite_factors, ratio, require_one_response, unit_directions


@final
@pytree
class NonnegativeLasso(Screened):
    """lambda * b for b >= 0, infinite elsewhere: its conjugate bounds the gradient on one side."""

    convex = True
    separable = True

    def value(self, coef, lam):
        return jnp.where(coef < 0, jnp.inf, lam * coef)

    def prox(self, coef, lam, step):
        return jnp.maximum(coef - step * lam, 0.0)

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        return self.dual_norm(-jnp.asarray(gradient), jnp.broadcast_to(factors, jnp.shape(gradient)))

    def dual_norm(self, gradient, lam):
        return jnp.max(ratio(jnp.maximum(gradient, 0.0), lam), initial=0.0)

    def ridge(self, lam):
        return 0.0

    def concavity(self, lam):
        return 0.0

    def unpenalised(self, factors):
        return unit_directions(np.ones(len(factors)))

    def pull(self, gradient, factors):
        return np.maximum(gradient, 0.0) / factors

    def restrict(self, columns):
        return self

    def checked_factors(self, factors, responses):
        require_one_response("NonnegativeLasso", responses)
        return finite_factors(factors)
'''

ENGINE = '''
"""Cyclic coordinate descent in NumPy, for the lasso."""

from typing import final

import numpy as np

from jaxreg._status import Status
from jaxreg.engines._base import Engine
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE
from jaxreg.engines._sizes import Tight
from jaxreg.engines._solved import Solved


@final
class Descent(Engine):
    """x_j <- soft(c_j - sum over k != j of G_jk x_k, lambda v_j) / G_jj, until nothing moves."""

    pace = PACE

    @staticmethod
    def columns_for(objective, gram, start):
        return ColumnSet(objective, Tight(), gram)

    def __init__(self, columns, options, b):
        self.columns, self.options, self.b, self.tol = columns, options, b, 1e-8

    def begin(self):
        pass

    def in_use(self):
        return self.columns.gathered(self.columns.objective.unpenalised | (self.b != 0), False)

    def follow(self, change):
        pass

    def advance(self, lambdas, count):
        smooth = self.columns.smooth()
        G, c = np.asarray(smooth.image(np.eye(self.columns.capacity))), np.asarray(smooth.corr)
        factors, real = self.columns.gathered(self.columns.objective.factors, 1.0), np.flatnonzero(self.columns.real)
        x, points, n_iter = self.columns.gathered(self.b, 0.0), [], []
        for lam in lambdas:
            for sweep in range(self.options.max_iter):
                before = x.copy()
                for j in real:
                    pull = c[j] - G[j] @ x + G[j, j] * x[j]
                    x[j] = np.sign(pull) * max(abs(pull) - lam * factors[j], 0.0) / G[j, j]
                if abs(x - before).max() <= self.tol:
                    break
            points.append(x.copy())
            n_iter.append(sweep + 1)
        B = len(lambdas)
        code = np.where(np.array(n_iter) < self.options.max_iter, Status.converged, Status.max_iter)
        return Solved(np.array(points), np.zeros((B, 0)), np.array(n_iter), code, count)

    def sharpen(self, b, gradient):
        self.tol /= 100

    def settle(self, points, accepted):
        self.b = points[-1][0]
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module of a source in a temporary file."""

    def make(name, source):
        file = tmp_path / f"{name}.py"
        file.write_text(source)
        spec = spec_from_file_location(name, file)
        made = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, made)
        spec.loader.exec_module(made)
        return made

    return make


@pytest.mark.parametrize("data", [(X, Y), (WIDE, YW)], ids=["all columns", "screened"])
def test_a_penalty_is_one_file(module, data):
    penalty = module("nonnegative", PENALTY).NonnegativeLasso()
    expected = jr.fit_path(*data, lower=0.0, n_lambdas=6, lambda_min_ratio=0.05, tol=1e-10)
    path = jr.fit_path(*data, penalty=penalty, lambdas=expected.lambdas, tol=1e-10)
    assert (path.status == jr.Status.converged).all()
    assert (path.solver, path.certificate) == ("proximal", "gap")
    np.testing.assert_allclose(path.coef, expected.coef, atol=1e-5)
    np.testing.assert_allclose(jr.fit_path(*data, penalty=penalty, n_lambdas=3).lambdas[0], expected.lambdas[0])


@pytest.mark.parametrize("data", [(X, Y), (WIDE, YW)], ids=["all columns", "screened"])
def test_an_engine_is_one_file_and_an_entry(module, data, monkeypatch):
    engine = module("coordinate_descent", ENGINE).Descent
    entry = replace(_table.entry_of("pivot"), name="descent", engine=engine, solves="the lasso")
    lasso = _table.Need("l1_ratio=1", lambda request: request.penalty.mixes and request.penalty.l1_ratio == 1)
    entry = replace(entry, needs=(*entry.needs, lasso, _table.NO_LIMITS))
    monkeypatch.setattr(_table, "TABLE", (*_table.TABLE, entry))
    expected = jr.fit_path(*data, n_lambdas=6, lambda_min_ratio=0.05)
    path = jr.fit_path(*data, n_lambdas=6, lambda_min_ratio=0.05, solver="descent", tol=1e-10)
    assert path.solver == "descent"
    assert (path.status == jr.Status.converged).all()
    np.testing.assert_allclose(path.coef, expected.coef, atol=1e-5)
    with pytest.raises(ValueError, match=r"solver is 'descent', which solves the lasso, .* it lacks l1_ratio=1"):
        jr.fit_path(*data, penalty=jr.penalties.ElasticNet(0.5), solver="descent")
