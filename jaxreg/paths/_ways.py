"""How problems of a lane become those of a method of the queue, and its points coefficients of the penalty.

A way is chosen by what is solved: `Nets` and `Composites` are of the squared loss, on a Gram matrix of each lane, and
`_means.Means` of any other, on rows that all lanes share. So is the search, by which problems are solved. What all
problems of a lane share is made once, so that a step divides nothing by the scale of columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.certificates._kernels import Terms, at_product
from jaxreg.design._base import PRECISION
from jaxreg.design._gram import stacked
from jaxreg.paths import _queue
from jaxreg.penalties._base import per_row
from jaxreg.solvers import anderson, faces
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Quadratic, curvature_of


class Lane(NamedTuple):
    """What the program is told of a lane of the squared loss."""

    gram: Any  # (m, m)
    terms: Terms
    present: Any  # (m,) columns that are not left out
    divisor: Any  # (m,) what makes b of coefficients on the scale of the design
    unit: Any  # (m,) of b, where the method works in units of blocks
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    mix: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)
    residuals: Any  # (N,) that will do, where the method has one


class Solved(NamedTuple):
    """Of G groups, not yet certified."""

    b: Any  # (G, N, m [, K])
    q: Any  # (G, N, q [, K]) the images where the search ended
    n_iter: Any  # (G, N)
    steps: Any  # (G,)
    step: Any  # (G,) of the prox, in certificates by its residual


class Certified(NamedTuple):
    """The solutions of G groups as the user gets them."""

    b: Any  # (G, N, m [, K])
    images: Any  # (G, N, n [, K]) their eta - offset; None of the squared loss
    gaps: Any  # (G, N)
    losses: Any  # (G, N, K or 1)


def _with_grams(grams, lanes):
    """(lanes of G groups with their Gram matrices, which have zeros for columns that are left out or absent; None).

    grams: matrices or stacks of them, and the place of each group's among them all
    """
    present = lanes.present
    gram = stacked(grams, present.shape[1])
    masked = jnp.where(present[:, :, None] & present[:, None, :], gram, 0.0)
    return lanes._replace(gram=masked), None


def _certified(lanes, penalty, solved, of_mix, kind, precision):
    """The Certified of G groups, by their Gram matrices."""

    def of_group(lane, b, step):
        if precision != np.float64:
            unit = per_row(jnp.where(lane.present, lane.per_coefficient, 1.0), b[0])
            b = rounded(b * unit, precision) / unit
        x = b * per_row(lane.terms.scale, b[0])
        fit = jnp.einsum("bj...,ji->bi...", x, lane.gram, precision=PRECISION)

        def at(i, lam, b, fit):
            return at_product(lane.terms, of_mix(penalty, i), b, fit, lam, step, kind=kind)[:2]

        return b, *jax.vmap(at)(lane.mix, lane.lambdas, b, fit)

    b, gaps, losses = jax.vmap(of_group)(lanes, solved.b, solved.step)
    return Certified(b, None, gaps, losses)


def by_faces(lanes, schedule, x, problem, content, places):
    """The Queued of nets, by conjugate gradients on faces; arguments are those of `_queue.solve`."""
    method = _queue.Method(faces.begin, faces.advance)
    return _queue.solve(lanes, schedule, x, method, problem, content, places)


def by_secants(lanes, schedule, x, problem, content, places):
    """The Queued of any other problems, by proximal gradient with Anderson acceleration."""
    method = _queue.Method(anderson.begin, anderson.advance)
    return _queue.solve(lanes, schedule, x, method, problem, content, places)


def rounded(values, precision):
    """Numbers as another precision has them: a cast there and back might be left out."""
    bits = np.finfo(precision)
    return lax.reduce_precision(values, bits.nexp, bits.nmant)


class Nets(NamedTuple):
    """Elastic nets, which are solved on the scale of the design, where columns have length 1."""

    smooth: Quadratic
    l1: Any  # (m,) of one unit of l1 strength
    l2: Any  # (m,) of l2
    unit: Any  # (m,) b for x = 1
    step: Any  # of the prox in certificates by its residual, which nets do not have

    @staticmethod
    def prepared(grams, lanes):
        return _with_grams(grams, lanes)

    @staticmethod
    def certified(lanes, penalty, solved, of_mix, shared, kind, precision):
        return _certified(lanes, penalty, solved, of_mix, kind, precision)

    @classmethod
    def of(cls, lane, shared, products):
        smooth = Quadratic(lane.gram, jnp.where(lane.present, lane.terms.corr, 0.0), products)
        l1 = jnp.where(lane.present, lane.terms.factors, 1.0) / lane.divisor
        return cls(smooth, l1, l1 / lane.divisor, 1 / lane.divisor, jnp.ones((), l1.dtype))

    @staticmethod
    def into(lane, b):
        """x of the method."""
        return b * lane.terms.scale

    def point(self, x):
        """b of a point of the method."""
        return x * self.unit

    def problem(self, shared, penalty, lam, residual):
        """The problem at lam, to be solved to a residual, where the method has one."""
        l1, l2 = penalty.strengths(lam)
        return faces.Net(self.smooth, l1 * self.l1, l2 * self.l2)

    def gap(self, lane, penalty, x, q, lam, kind):
        """The gap at a point of the method, whose image is the Gram matrix of the design times x."""
        return at_product(lane.terms, penalty, self.point(x), q, lam, self.step, kind=kind)[0]


class Composites(NamedTuple):
    """Problems of any convex penalty. They are solved on its scale, in the units of its blocks where it has some."""

    smooth: Quadratic
    factors: Any  # (m,) of lam
    unit: Any  # (m,) b for x = 1
    of_fit: Any  # (m,) its fit for q = 1
    step: Any  # of the prox

    @staticmethod
    def prepared(grams, lanes):
        return _with_grams(grams, lanes)

    @staticmethod
    def certified(lanes, penalty, solved, of_mix, shared, kind, precision):
        return _certified(lanes, penalty, solved, of_mix, kind, precision)

    @classmethod
    def of(cls, lane, shared, products):
        scale, corr = lane.terms.scale / lane.unit, lane.terms.corr
        smooth = Quadratic(lane.gram * (scale[:, None] * scale), corr * per_row(scale, corr), products)
        curvature = curvature_of(smooth, corr, corr)
        step = 1 / jnp.where(curvature > 0, curvature, 1.0)  # 0 where no column is left
        return cls(smooth, lane.terms.factors, 1 / lane.unit, lane.unit / lane.divisor, step)

    @staticmethod
    def into(lane, b):
        return b * per_row(lane.unit, b)

    def point(self, x):
        return x * per_row(self.unit, x)

    def problem(self, shared, penalty, lam, residual):
        unit = self.unit if penalty.descends else None
        composite = Composite(self.smooth, penalty, lam * self.factors, many=True, unit=unit)
        return anderson.Problem(composite, 1 / self.step, residual * self.unit)

    def gap(self, lane, penalty, x, q, lam, kind):
        fit = q * per_row(self.of_fit, q)
        return at_product(lane.terms, penalty, self.point(x), fit, lam, self.step, kind=kind)[0]
