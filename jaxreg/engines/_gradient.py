"""Accelerated proximal gradient with Newton steps, for any loss and penalty."""

from functools import partial
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg._status import Status
from jaxreg.engines._base import F32, F64, Engine, Pace, Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._sizes import Tight
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import curvature_of

TIGHT = 0.1  # residual that is asked of the solver, in units of tol * lambda
AT_ZERO = 1e-6  # that is the least lambda for it, in units of the largest gradient
TIGHTER = 0.01  # of that where a certificate fails although no column is missing

PACE = Pace(
    block=10,
    times=2,
    more=0,
    cheap=0,
    reach=0.75,
    share=1.0,
    floor={F64: 1e-12, F32: 1e-12},
    slack={F64: 1e-5, F32: 1e-5},
    unsure={F64: 0.0, F32: 0.0},
    worth=1.05,
    sharpenings=3,
)


def residuals_asked(objective, lambdas, tol):
    """tol in units of lambdas (...), which count no less than a share of the largest gradient, and no more than it."""
    largest = objective.gradient_scale
    unit = np.maximum(lambdas, (AT_ZERO if objective.certificate == "gap" else 1.0) * largest)
    return tol * (np.minimum(unit, largest) if largest > 0 else unit)


def code_of(residual, tol, n_iter, limit):
    """The Status of a minimum, as its solver sees it."""
    unmet = jnp.where(n_iter >= limit, int(Status.max_iter), int(Status.stalled))
    return jnp.where(residual <= tol, int(Status.converged), unmet)


@partial(jax.jit, static_argnames=("free", "steps"))
def _solve(smooth, penalty, factors, lambdas, tols, limits, start, *, free, steps):
    """(b (B, m [, K]), images, products with the data, curvatures, codes) at each lambda, from the one before."""
    curvature = curvature_of(smooth, smooth.image(start), start)

    def step(carry, at):
        b, curvature = carry
        lam, tol, limit = at
        minimum = minimum_by(steps, Composite(smooth, penalty, lam * factors, free), b, tol, limit, curvature)
        code = code_of(minimum.residual, tol, minimum.n_iter, limit)
        return (minimum.b, minimum.curvature), (minimum.b, minimum.q, minimum.n_iter, minimum.curvature, code)

    return lax.scan(step, (start, curvature), (lambdas, tols, limits))[1]


def limits_of(count, most, length):
    """Limits (length,) of iterations for `count` lambdas, filled up so that nothing is compiled for their number."""
    return np.where(np.arange(length) < count, most, 0)


@final
class Gradient(Engine):
    """Each solution starts from the one before; a certificate that fails asks for a smaller residual."""

    pace = PACE

    @staticmethod
    def columns_for(objective, gram, start):
        return ColumnSet(objective, Tight(), gram)

    def __init__(self, columns, options, b):
        self.columns, self.options, self.objective = columns, options, columns.objective
        self.b, self.b0 = b, self.objective.b0
        self.tightened, self._version, self._problem = 0, None, None

    def in_use(self):
        active = (self.b != 0).reshape(len(self.b), -1).any(axis=1)
        return self.columns.gathered(self.objective.unpenalised | active, False)

    def problem(self):
        """(smooth part, penalty, factors) of the columns, on the device: once for all blocks."""
        if self._version != self.columns.version:
            factors = self.columns.gathered(self.objective.factors, 1.0)
            self._problem = jax.device_put((self.columns.smooth(), self.columns.penalty(), factors))
            self._version = self.columns.version
        return self._problem

    def tols(self, lambdas):
        return residuals_asked(self.objective, lambdas, self.options.tol) * TIGHT * TIGHTER**self.tightened

    def advance(self, lambdas, count):
        columns, objective = self.columns, self.objective
        start = columns.joined(self.b, self.b0)
        limits = limits_of(count, self.options.max_iter, len(lambdas))
        solved = _solve(
            *self.problem(), lambdas, self.tols(lambdas), limits, start,
            free=objective.free, steps=self.options.step_precision,
        )  # fmt: skip
        joined, n_iter, curvatures, code = (np.asarray(solved[i]) for i in (0, 2, 3, 4))
        x, b0 = columns.parted(joined)
        images = None if objective.squared else solved[1]
        return Solved(x, b0, n_iter, code, count, 1 / float(curvatures.max()), images)

    def sharpen(self, b, gradient):
        self.tightened += 1

    def settle(self, points, accepted):
        self.b, self.b0, _ = points[-1]
        if accepted:
            self.tightened = 0
