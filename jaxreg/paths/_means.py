"""The way of any other loss than the squared one: by the rows of the data, which all lanes share.

Lanes differ in the weights of their rows, in their responses, and in how columns are centred and scaled. So one product
with the rows gives the linear predictors of all points of all lanes, and another one their gradients.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg._pytree import rebuilt
from jaxreg.certificates._kernels import RowTerms, at_slopes, slopes_at
from jaxreg.design._lanes import LaneColumns
from jaxreg.paths._queue import Queued
from jaxreg.paths._ways import Certified, rounded
from jaxreg.penalties._base import per_row
from jaxreg.solvers import anderson
from jaxreg.solvers.narrow import minimise_narrow
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import SUM_ROUNDING, AveragedLane, curvature_of

FIRST_GUESS = 0.5  # of the largest curvature, which seldom is one along the way: a step that is too long shows it
AT_ONCE = 2**25  # linear predictors that are certified at once


class RowLane(NamedTuple):
    """What the program is told of a lane."""

    columns: LaneColumns
    terms: RowTerms
    present: Any  # (m,) columns that are not left out
    unit: Any  # (m,) of b, where the method works in units of blocks
    level: Any  # (free,) of the constant row of an intercept, which is as large as the largest other one; or none
    b0: Any  # (free [, K]) of the null model
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    mean: Any  # (m,) of the columns
    response_unit: Any  # the user's intercept for b0 = 1
    mix: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)
    residuals: Any  # (N,) that will do


@partial(jax.jit, static_argnames="length")
def shared_rows(operator, root, *, length):
    """Rows (length, n) of a design without the weights of its own, and zeros of absent columns.

    By a program of its own: it has the number of columns, which the one that solves has not.
    """
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    return operator.gather(jnp.arange(length)).astype(jnp.float64) * inverse


class Means(NamedTuple):
    """Problems of any loss and convex penalty, on the scale of the penalty in the units of its blocks.

    An intercept is the last coordinate.
    """

    smooth: AveragedLane  # without the rows
    factors: Any  # (m,) of lam
    unit: Any  # (m + free,) b for x = 1
    least: Any  # residual that rounding may leave, in units of the roundoff
    step: Any  # of the prox

    @staticmethod
    def prepared(rows, lanes):
        """(lanes of G groups, the `shared_rows`)."""
        return lanes, rows

    @classmethod
    def of(cls, lane, rows, products):
        smooth = _smooth(lane, 1 / lane.unit, lane.level, products)
        unit = jnp.concatenate([1 / lane.unit, lane.level])
        eta = jnp.sum(lane.b0, axis=0) + jnp.zeros((rows.shape[1], *lane.b0.shape[1:]), rows.dtype)
        like = jnp.zeros((len(unit), *lane.b0.shape[1:]), rows.dtype)
        curvature = curvature_of(rebuilt(smooth, rows=rows), eta, like)
        step = 1 / jnp.where(curvature > 0, curvature, 1.0)
        return cls(smooth, lane.terms.factors, unit, SUM_ROUNDING * lane.terms.units[1], step)

    @staticmethod
    def into(lane, b):
        return b * per_row(jnp.concatenate([lane.unit, 1 / lane.level]), b)

    def point(self, x):
        return x * per_row(self.unit, x)

    def problem(self, rows, penalty, lam, residual):
        smooth, free = rebuilt(self.smooth, rows=rows), len(self.smooth.level)
        unit = self.unit[: len(self.factors)] if penalty.descends else None
        composite = Composite(smooth, penalty, lam * self.factors, free, many=True, unit=unit)
        residual = jnp.maximum(residual, self.least * smooth.roundoff(self.unit))
        return anderson.Problem(composite, FIRST_GUESS / self.step, residual * self.unit)

    def gap(self, lane, penalty, x, q, lam, kind):
        """None is known before a product of its own: the residual says when a point will do."""
        return jnp.inf

    @staticmethod
    def certified(lanes, penalty, solved, of_mix, rows, kind, precision):
        """The Certified of G groups; kind: of the certificate, and the correction of slopes."""
        kind, correction = kind

        def of_group(lane, step, i, lam, b, q):
            smooth, m = rebuilt(_smooth(lane, 1.0, jnp.ones_like(lane.level), "full"), rows=rows), len(lane.present)
            slopes, value = slopes_at(lane.terms.rows, q, correction)
            if precision != np.float64:  # any dual value will do, and those before rounding are the better ones
                b = _returned(lane, b, precision)
                q = smooth.image(b)
                after, value = slopes_at(lane.terms.rows, q, correction)
                slopes = slopes if kind == "gap" else after
            h = -smooth.summed(per_row(lane.terms.rows.root**2, slopes.u) * slopes.u)[:m]
            if kind == "gap":
                h = jnp.where(per_row(lane.terms.members, h), 0.0, h)
            at = of_mix(penalty, i), b[:m], h, lam, slopes, value
            gap = at_slopes(lane.terms.rows, *at, lane.terms.factors, step, lane.terms.units, kind)
            return b, q, gap, value[None]

        def of_problem(at):
            return jax.vmap(of_group)(lanes, solved.step, *at)

        points = lanes.mix, lanes.lambdas, solved.b, solved.q
        N = lanes.mix.shape[1]
        at_once = max(1, min(N, AT_ONCE * N // solved.q.size))
        by_problem = jax.tree.map(lambda values: jnp.swapaxes(values, 0, 1), points)
        results = lax.map(of_problem, by_problem, batch_size=at_once)
        return Certified(*jax.tree.map(lambda values: jnp.swapaxes(values, 0, 1), results))


def by_multipliers(lanes, schedule, x, problem, content, places):
    """The Queued of losses that are parabolas for hardly any residual: those of a lane at once, lane after lane.

    Arguments are those of `_queue.solve`. A problem neither waits for another one nor starts from it.
    """
    N = schedule.share.shape[1]

    def of_lane(at):
        lane, limit, x = at

        def one(k, limit, start):
            composite, curvature, residual = problem(lane, k)
            composite = rebuilt(composite, smooth=composite.smooth.alone())
            return minimise_narrow(composite, start, jnp.min(residual), limit, curvature)

        return jax.vmap(one)(jnp.arange(N), limit, jnp.broadcast_to(x, (N, *x.shape[1:])))

    minima = lax.map(of_lane, (lanes, schedule.limit, x))
    return Queued(minima.b, minima.q, minima.n_iter, jnp.max(minima.n_iter, axis=1))


def _smooth(lane, unit, level, products):
    """The smooth part of a lane without the rows, of coordinates for which b = unit x and b0 = level x."""
    columns, (loss, y, offset, root, _), scale = lane.columns, lane.terms.rows, lane.terms.scale * unit
    own = jnp.take(scale, columns.exact, mode="fill", fill_value=0)[:, None] * columns.exact_rows
    of_rows = root**2, y, offset, loss
    return AveragedLane(None, columns.inverse * scale, columns.shift, level, columns.exact, own, *of_rows, products)


def _returned(lane, b, precision):
    """b (m + free [, K]) with the user's coefficients and intercept rounded."""
    m = len(lane.present)
    unit = per_row(jnp.where(lane.present, lane.per_coefficient, 1.0), b)
    coef, b0 = rounded(b[:m] * unit, precision), b[m:]
    level = jnp.sum(coef * per_row(lane.mean, b), axis=0)
    b0 = (rounded(b0 * lane.response_unit - level, precision) + level) / lane.response_unit
    return jnp.concatenate([coef / unit, b0])
