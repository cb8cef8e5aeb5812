"""What CONTRIBUTING promises: a penalty, an engine or a design is one file and one line (a loss: see test_losses)."""

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _kinds
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
from jaxreg.engines._base import Engine, Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE
from jaxreg.engines._sizes import Tight


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

DESIGN = '''
"""Columns in several arrays, which are never put together."""

from typing import final

import numpy as np

from jaxreg import _arrays
from jaxreg.design import _placement
from jaxreg.design._base import Columns, StoredDesign
from jaxreg.design._standardise import standardise_on_host


class Stacked:
    """X as blocks of columns (n, p_b)."""

    def __init__(self, *blocks):
        self.blocks, self.dtype, self.calls = blocks, blocks[0].dtype, []
        self.shape = blocks[0].shape[0], sum(block.shape[1] for block in blocks)


@final
class StackedDesign(StoredDesign):
    """Products block by block, in NumPy."""

    @staticmethod
    def takes(X):
        return isinstance(X, Stacked)

    @staticmethod
    def checked(X, dtype, may_miss):
        for block in X.blocks:
            _arrays.require_finite(block, "X")
        return X, None

    @classmethod
    def of(cls, X, weight, centre, dtype, in_numpy, asked=None):
        return cls(X, weight, centre)

    def __init__(self, X, weight, centre):
        super().__init__(_placement.current())
        (self.n, self.p), self.dtype, self.root, self.X = X.shape, np.dtype(np.float64), np.sqrt(weight), X
        parts = [standardise_on_host(block.T, weight, centre, np.float64) for block in X.blocks]
        self.rows, columns = zip(*parts, strict=True)
        self.columns = Columns(
            *(np.concatenate([getattr(part, name) for part in columns]) for name in Columns.__dataclass_fields__)
        )
        self.ends = np.cumsum([0, *(len(rows) for rows in self.rows)])

    def _split(self, values):
        return [values[..., a:b] for a, b in zip(self.ends, self.ends[1:], strict=False)]

    def correlate(self, R):
        self.X.calls.append("correlate")
        return np.concatenate([np.asarray(R) @ rows.T for rows in self.rows], axis=1)

    def gather(self, J):
        found = np.zeros((len(J), self.n))
        for first, rows in zip(self.ends, self.rows, strict=False):
            own = (first <= J) & (J < first + len(rows))
            found[own] = rows[J[own] - first]
        return found

    def predict(self, coef):
        return sum(part @ rows for part, rows in zip(self._split(np.asarray(coef)), self.rows, strict=True))

    def gram(self):
        return np.block([[a @ b.T for b in self.rows] for a in self.rows])

    def kernel(self, weight):
        return sum((rows.T * part) @ rows for part, rows in zip(self._split(weight), self.rows, strict=True))

    def samples(self, rows):
        return np.concatenate([block[:, rows] for block in self.rows])

    def reweighted(self, J, ratio, level, shift, inverse):
        return (self.gather(J) * ratio - shift[:, None] * level) * inverse[:, None]

    def squares(self, W):
        return np.concatenate([W @ (rows**2).T for rows in self.rows], axis=1)

    def _columns_of(self, J):
        return np.stack([self.X.blocks[b][:, j - self.ends[b]] for j in J for b in [self._block(j)]], axis=1)

    def _block(self, j):
        return int(np.searchsorted(self.ends, j, side="right")) - 1

    def standardised(self, J, weight, centre):
        return standardise_on_host(self._columns_of(J).T, weight, centre, np.float64)

    def deviations(self, rows, columns):
        return (np.concatenate([block[rows] for block in self.X.blocks], axis=1) - columns.mean) / columns.norm

    def linear_predictor(self, rows, coef, intercept):
        X = np.concatenate([block[rows] for block in self.X.blocks], axis=1)
        return np.asarray((coef @ X.T).T) + intercept
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


@pytest.mark.parametrize("data", [pytest.param((X, Y), marks=pytest.mark.slow), (WIDE, YW)], ids=["whole", "screened"])
def test_a_penalty_is_one_file(module, data):
    penalty = module("nonnegative", PENALTY).NonnegativeLasso()
    expected = jr.fit_path(*data, lower=0.0, n_lambdas=6, lambda_min_ratio=0.05, tol=1e-10)
    path = jr.fit_path(*data, penalty=penalty, lambdas=expected.lambdas, tol=1e-10)
    assert (path.status == jr.Status.converged).all()
    assert (path.solver, path.certificate) == ("proximal", "gap")
    np.testing.assert_allclose(path.coef, expected.coef, atol=1e-5)
    np.testing.assert_allclose(jr.fit_path(*data, penalty=penalty, n_lambdas=3).lambdas[0], expected.lambdas[0])


@pytest.mark.parametrize("data", [pytest.param((X, Y), marks=pytest.mark.slow), (WIDE, YW)], ids=["whole", "screened"])
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


@pytest.mark.parametrize("data", [pytest.param((X, Y), marks=pytest.mark.slow), (WIDE, YW)], ids=["Gram", "passes"])
def test_a_design_is_one_file_and_an_entry(module, data, monkeypatch):
    made, (dense, y) = module("stacked", DESIGN), data
    monkeypatch.setattr(_kinds, "KINDS", (made.StackedDesign, *_kinds.KINDS))
    stacked = made.Stacked(dense[:, :3], dense[:, 3:])
    expected, path = (jr.fit_path(matrix, y, n_lambdas=6) for matrix in (dense, stacked))
    assert stacked.calls  # nothing has put the blocks together
    np.testing.assert_allclose(path.coef, expected.coef, atol=1e-9)
    np.testing.assert_allclose(path.gap, expected.gap, atol=1e-9)
    for solver in ("auto", "batched"):
        given = {"n_lambdas": 6, "lambda_min_ratio": 0.1, "cv": 3, "solver": solver, "tol": 1e-10}
        expected, cv = (jr.fit_cv(matrix, y, **given) for matrix in (dense, stacked))
        np.testing.assert_allclose(cv.fold_loss, expected.fold_loss, rtol=1e-7)
        np.testing.assert_allclose(cv.oof_predictions, expected.oof_predictions, atol=1e-7)
    broken = made.Stacked(dense[:, :3], np.full((len(y), 1), np.nan))
    with pytest.raises(ValueError, match="X has NaN or infinite values"):
        jr.fit_path(broken, y)
