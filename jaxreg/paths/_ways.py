"""How problems of a lane become those of a method of the queue, and its points coefficients of the penalty.

What all problems of a lane share is made once, so that a step divides nothing by the scale of columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxreg.paths._queue import Method
from jaxreg.penalties._base import per_row
from jaxreg.solvers import anderson, faces
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Quadratic, curvature_of


class Nets(NamedTuple):
    """Elastic nets, which are solved on the scale of the design, where columns have length 1."""

    smooth: Quadratic
    l1: Any  # (m,) of one unit of l1 strength
    l2: Any  # (m,) of l2
    unit: Any  # (m,) b for x = 1
    step: Any  # of the prox in certificates by its residual, which nets do not have

    @classmethod
    def of(cls, lane, products):
        smooth = Quadratic(lane.gram, jnp.where(lane.present, lane.terms.corr, 0.0), products)
        l1 = jnp.where(lane.present, lane.terms.factors, 1.0) / lane.divisor
        return cls(smooth, l1, l1 / lane.divisor, 1 / lane.divisor, jnp.ones((), l1.dtype))

    @staticmethod
    def into(lane, b):
        """x of the method."""
        return b * lane.terms.scale

    @property
    def method(self):
        return Method(faces.begin, faces.advance)

    def point(self, x, q):
        """(b, its fit, which is the Gram matrix of the design times b on its scale)."""
        return x * self.unit, q

    def problem(self, penalty, lam, residual):
        """The problem at lam, to be solved to a residual, where the method has one."""
        l1, l2 = penalty.strengths(lam)
        return faces.Net(self.smooth, l1 * self.l1, l2 * self.l2)


class Composites(NamedTuple):
    """Problems of any convex penalty. They are solved on its scale, in the units of its blocks where it has some."""

    smooth: Quadratic
    factors: Any  # (m,) of lam
    unit: Any  # (m,) b for x = 1
    of_fit: Any  # (m,) its fit for q = 1
    step: Any  # of the prox

    @classmethod
    def of(cls, lane, products):
        scale, corr = lane.terms.scale / lane.unit, lane.terms.corr
        smooth = Quadratic(lane.gram * (scale[:, None] * scale), corr * per_row(scale, corr), products)
        curvature = curvature_of(smooth, corr, corr)
        step = 1 / jnp.where(curvature > 0, curvature, 1.0)  # 0 where no column is left
        return cls(smooth, lane.terms.factors / lane.unit, 1 / lane.unit, lane.unit / lane.divisor, step)

    @staticmethod
    def into(lane, b):
        return b * per_row(lane.unit, b)

    @property
    def method(self):
        return Method(anderson.begin, anderson.advance)

    def point(self, x, q):
        return x * per_row(self.unit, x), q * per_row(self.of_fit, q)

    def problem(self, penalty, lam, residual):
        composite = Composite(self.smooth, penalty, lam * self.factors, many=True)
        return anderson.Problem(composite, 1 / self.step, residual * self.unit)
