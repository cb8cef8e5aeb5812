"""Block coordinate descent with extrapolation, for the squared loss and sums over blocks of columns."""

from functools import partial
from typing import final

import jax
import numpy as np

from jaxreg._status import Status
from jaxreg.engines._base import Engine, Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE, Gradient, limits_of
from jaxreg.engines._sizes import Tight
from jaxreg.solvers.block import Goal, descend
from jaxreg.solvers.tiling import Layout

EPOCHS, SHARE = 300, 0.9  # most at a lambda; the gap that is to be reached, in units of tol

_descend = partial(jax.jit, static_argnames="certified")(descend)


@final
class Blocks(Engine):
    """What descent leaves, proximal gradient finishes."""

    pace = PACE

    @staticmethod
    def columns_for(objective, gram, start):
        layout = Layout(objective.penalty.block_labels(objective.design.p))
        return ColumnSet(objective, Tight(in_tiles=True), gram, layout)

    def __init__(self, columns, options, b):
        self.columns, self.options, self.objective = columns, options, columns.objective
        self.finisher = Gradient(columns, options, b)
        self.last = self.before = (b, np.inf)  # the last two accepted solutions, and their lambdas
        self._version, self._tiled = None, None

    def in_use(self):
        return self.finisher.in_use()

    def _tiles(self):
        smooth, _, _ = self.finisher.problem()
        if self._version != self.columns.version:
            tiled = self.columns.layout.tiled(smooth, self.columns.index, self.objective.penalty.rotates)
            self._tiled, self._version = jax.device_put(tiled), self.columns.version
        return self._tiled

    def advance(self, lambdas, count):
        if self.finisher.tightened:
            return self.finisher.advance(lambdas, count)
        objective, options, columns = self.objective, self.options, self.columns
        _, penalty, factors = self.finisher.problem()
        tiled = self._tiles()
        certified = objective.certificate == "gap" and not len(objective.basis) and objective.null_loss > 0
        limits = limits_of(count, min(options.max_iter, EPOCHS), len(lambdas))
        goals = Goal(np.full(len(lambdas), SHARE * options.tol), self.finisher.tols(lambdas), limits)
        first = min(self.last[1], float(lambdas[0]))  # of the starting point
        last, before = (
            (columns.gathered(b, 0.0), float(first if np.isinf(lam) else lam)) for b, lam in (self.last, self.before)
        )
        energy = float(np.sum(objective.y**2))
        x, epochs = _descend(
            tiled, penalty, factors, lambdas, goals, last, before, energy, objective.null_loss, certified=certified
        )
        epochs = np.asarray(epochs)
        curvature = max(float(np.max(tiled.curvature)), 1.01 * float(np.max(penalty.concavity(lambdas[0]))))
        b0 = np.zeros((len(lambdas), *objective.b0.shape))
        code = np.where(epochs >= options.max_iter, Status.max_iter, Status.stalled)
        return Solved(np.asarray(x), b0, epochs, code, count, 1 / curvature if curvature > 0 else 1.0)

    def sharpen(self, b, gradient):
        self.finisher.sharpen(b, gradient)

    def settle(self, points, accepted):
        self.finisher.settle(points, accepted)
        if accepted:
            self.before, self.last = [self.last, *((b, lam) for b, _, lam in points)][-2:]
