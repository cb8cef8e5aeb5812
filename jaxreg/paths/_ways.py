"""How problems of a lane become those of a method of the queue, and its points coefficients of the penalty."""

import jax.numpy as jnp

from jaxreg.paths._queue import Method
from jaxreg.penalties._base import per_row
from jaxreg.solvers import anderson, faces
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Quadratic, curvature_of


class Faces:
    """Elastic nets, which are solved on the scale of the design, where columns have length 1."""

    method = Method(faces.begin, faces.advance)

    @staticmethod
    def into(lane, b):
        """x of the method."""
        return b * lane.terms.scale

    @staticmethod
    def out_of(lane, x, q):
        """(b, its fit, which is the Gram matrix times x)."""
        return x / lane.divisor, q

    @staticmethod
    def shared(lane, products):
        """(the smooth part of all problems of a lane, its curvature)."""
        corr = jnp.where(lane.present, lane.terms.corr, 0.0)
        return Quadratic(lane.gram, corr, products), jnp.ones((), corr.dtype)

    @staticmethod
    def problem(lane, shared, penalty, k):
        """The problem k."""
        l1, l2 = penalty.strengths(lane.lambdas[k] * jnp.where(lane.present, lane.terms.factors, 1.0))
        return faces.Net(shared[0], l1 / lane.divisor, l2 / lane.divisor**2)


class Anderson:
    """Problems of any convex penalty. They are solved on its scale, in the units of its blocks where it has some."""

    method = Method(anderson.begin, anderson.advance)

    @staticmethod
    def into(lane, b):
        return b * per_row(lane.unit, b)

    @staticmethod
    def out_of(lane, x, q):
        return x / per_row(lane.unit, x), q * per_row(lane.unit / lane.divisor, q)

    @staticmethod
    def shared(lane, products):
        scale, corr = lane.terms.scale / lane.unit, lane.terms.corr
        smooth = Quadratic(lane.gram * (scale[:, None] * scale), corr * per_row(scale, corr), products)
        return smooth, curvature_of(smooth, corr, corr)

    @staticmethod
    def problem(lane, shared, penalty, k):
        smooth, curvature = shared
        lam = lane.lambdas[k] * lane.terms.factors / lane.unit
        return anderson.Problem(Composite(smooth, penalty, lam, many=True), curvature, lane.residuals[k])
