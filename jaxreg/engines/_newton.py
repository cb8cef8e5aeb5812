"""Newton's method for blocks of lambdas, for any loss that bends, with the elastic net and limits."""

from typing import Any, final

import jax
import numpy as np

from jaxreg._status import Status
from jaxreg.engines._base import F32, F64, Engine, Pace, Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import Gradient
from jaxreg.engines._sizes import Stepped
from jaxreg.solvers.newton import Goal, Model, Terms, solve_block

SHARE = 0.5  # of tol: what a gap may be as far as it is seen on the columns
TIGHTER = 1e-3  # of that where a certificate fails although no column is missing
FINISHED = 2  # sharpenings after which proximal gradient finishes what Newton's method does not get on with
ALL = 256  # columns up to which all are worked on

PACE = Pace(
    block=10,
    times=2,
    more=2,
    cheap=256,
    reach=0.35,
    share=1.0,
    floor={F64: 1e-12, F32: 1e-12},
    slack={F64: 1e-5, F32: 1e-5},
    unsure={F64: 0.0, F32: 0.0},
    worth=0.8,
    sharpenings=3,
    idle=1.0,
)


@final
class Newton(Engine):
    """Each block starts from the last point before it, with the second derivative of that block while columns stay.

    Where the loss bends in few places alone, which no second derivative of one point shows, proximal gradient finishes.
    """

    pace = PACE

    @staticmethod
    def columns_for(objective, gram, start):
        p = objective.design.p
        if p <= ALL:
            length = objective.design.placement.padded(p)
            return ColumnSet.everything(objective, None, length).with_rows()
        return ColumnSet(objective, Stepped(), gram)

    def __init__(self, columns, options, b):
        self.columns, self.options, self.objective = columns, options, columns.objective
        self.b, self.b0, self.tightened = b, self.objective.b0, 0
        self.finisher, self._stuck = Gradient(columns, options, b), False
        self._version: int | None = None
        self._problem: Any = None
        self._model: Model | None = None

    def in_use(self):
        active = (self.b != 0).reshape(len(self.b), -1).any(axis=1)
        return self.columns.gathered(self.objective.unpenalised | active, False)

    def _posed(self):
        """(smooth part on the device, Terms) of the columns: once for all blocks."""
        if self._version != self.columns.version:
            self._problem, self._model = (jax.device_put(self.columns.smooth()), self._terms()), None
            self._version = self.columns.version
        return self._problem

    def _terms(self):
        objective, columns = self.objective, self.columns
        outputs, (lower, upper) = objective.responses or 1, objective.limits
        factors = np.where(objective.present, objective.factors, np.inf)

        def vector(values, absent, free):
            values = np.append(columns.gathered(values, absent), np.full(objective.free, free))
            return np.repeat(values, outputs)

        return Terms(
            vector(factors, np.inf, 0.0),
            vector(np.where(np.isinf(factors), 0.0, factors), 0.0, 0.0),
            vector(lower, -np.inf, -np.inf),
            vector(upper, np.inf, np.inf),
            float(objective.penalty.l1_ratio),
        )

    def advance(self, lambdas, count):
        columns, objective, options = self.columns, self.objective, self.options
        if self._stuck and self.tightened >= FINISHED and not objective.penalty.limited:
            return self.finisher.advance(lambdas, count)
        start = columns.joined(self.b, self.b0).reshape(-1)
        goal = Goal(
            SHARE * TIGHTER**self.tightened * options.tol * objective.gap_unit, objective.gap_unit, options.max_iter
        )
        smooth, terms = self._posed()
        self._model, solved = solve_block(self._model, smooth, terms, lambdas, count, start, goal)
        x, b0 = columns.parted(solved.b.reshape(len(lambdas), -1, *objective.b0.shape[1:]))
        self._stuck = solved.code[0] != Status.converged
        step = 1 / solved.curvature if solved.curvature > 0 else 1.0
        return Solved(x, b0, solved.sweeps, solved.code, solved.number, step, solved.q)

    def sharpen(self, b, gradient):
        self.tightened += 1
        if self.tightened > FINISHED:
            self.finisher.sharpen(b, gradient)

    def settle(self, points, accepted):
        self.b, self.b0, _ = points[-1]
        self.finisher.settle(points, accepted)
        if accepted:
            self.tightened = 0
