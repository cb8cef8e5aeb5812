"""The elastic net on a Gram matrix by conjugate gradients on faces: one product with the matrix in every step.

    minimise over x   x'G x / 2 - c'x + sum_j l1_j |x_j| + sum_j l2_j x_j^2 / 2

A face holds the coefficients that are not 0, with their signs, and those without an l1 part: there the objective is a
quadratic. The search goes along directions of nonlinear conjugate gradients, to the minimum along each. Where that lies
on the face, the step is taken, and its product gives the next gradient. Where coefficients would change their sign,
the step ends at the first of their zeros, which costs no product. From there, the rest of the step with all of them
stopped at 0 is a trial, whose product is the next step's. It counts if the objective is not higher at its end.
Coefficients of 0 enter together, where their part of the steepest descent outweighs that of the face, and the
directions begin anew.

No step needs a bound of the curvature, and no loop is inside another: whatever many problems are doing, one product
with G serves a step of them all. What else a step does is as much work for an accelerator, if not more: so a trial
shares the formulas of other steps, and sums are taken together.

Source: Solntsev, Nocedal and Byrd (2015), Optim. Methods Softw. 30 (faces of the l1 norm); Dostal (1997), SIAM J.
Optim. 7 (when to leave one); Liu and Storey (1991), J. Optim. Theory Appl. 69, and Gilbert and Nocedal (1992), SIAM J.
Optim. 2 (directions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg.solvers.smooth import SUM_ROUNDING, Quadratic

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

DESCENT = 1e-3  # share of the steepest descent that a direction has to have, else it begins anew
AT_ZERO = 1e-12  # of the way to the first zero: coefficients that get there with it


class Net(NamedTuple):
    """A problem: absent columns have zeros in the Gram matrix and in `smooth.corr`, and a positive l1 part."""

    smooth: Quadratic
    l1: Float[Array, " m"]
    l2: Float[Array, " m"]


class Face(NamedTuple):
    """Where the search is, and where it goes."""

    x: Float[Array, " m"]
    q: Float[Array, " m"]  # G x
    direction: Float[Array, " m"]  # of the last step
    turn: Float[Array, ""]  # how much of it the next one keeps
    anew: Bool[Array, ""]  # whether coefficients of 0 enter, and the directions begin anew
    rest: Float[Array, ""]  # of the last step, for a trial
    level: Bool[Array, ""]  # whether the steepest descent is rounding
    settled: Bool[Array, ""]  # whether it was before the last step
    n_iter: Int[Array, ""]  # products

    @property
    def trial(self) -> Any:
        """Whether the next product is that of a trial."""
        return self.rest > 0


def begin(_: Net, x: Float[Array, " m"], q: Float[Array, " m"], before: Face | None = None) -> Face:
    """The search from a point whose product is known.

    It goes along the steepest descent first. The direction of a search before in its place is not read, and so stays:
    where many go side by side, and few begin, the array need not be written.
    """
    direction = jnp.zeros_like(x) if before is None else before.direction
    zero, no = jnp.zeros((), x.dtype), jnp.zeros((), bool)
    return Face(x, q, direction, zero, ~no, zero, no, no, jnp.zeros((), int))


def advance(net: Net, face: Face) -> Face:
    """The search after one more product: its sums are taken together, before the step and at its end."""
    x = face.x
    pull, steepest, at_kink = _descents(net, x, face.q)
    within = jnp.where(at_kink & ~face.anew, 0.0, steepest)
    direction = within + jnp.where(~at_kink & (face.turn > 0), face.turn * face.direction, 0.0)
    direction = jnp.where(face.trial, _target(net, face) - x, direction)
    image = net.smooth.image(direction)

    shrinks = (net.l1 > 0) & (direction * x < 0)
    ways = jnp.where(shrinks, -x / jnp.where(shrinks, direction, 1.0), jnp.inf)
    rises = net.l1 * (jnp.abs(x + direction) - jnp.abs(x))  # of a trial, which leaves the face
    slopes = jnp.where(face.trial, pull * direction - rises, steepest * direction)
    curvatures = direction * (image + net.l2 * direction)
    (slope, curvature, square), (back,) = _reduced([slopes, curvatures, direction**2], [-ways])

    counts = curvature / 2 <= slope
    least = net.smooth.roundoff(x) * square  # where it is flat up to the next kink
    minimum = slope / jnp.maximum(curvature, jnp.where(least > 0, least, 1.0))
    length = jnp.where(face.trial, counts, minimum)
    step = jnp.minimum(length, -back)  # to the first zero, where there is one on the way
    stops = shrinks & (jnp.abs(x) <= step * (1 + AT_ZERO) * jnp.abs(direction))
    moved = face._replace(
        x=jnp.where(stops, 0.0, x + step * direction),
        q=face.q + step * image,
        direction=direction,
        anew=face.trial & ~counts,
        rest=length - step,
        settled=face.level & ~face.trial,
        n_iter=face.n_iter + 1,
    )
    return _turned(net, moved, steepest)


def _descents(net, x, q):
    """(steepest descent but for the l1 part, and with it, whether a coefficient is at its kink)."""
    pull = net.smooth.corr - q - net.l2 * x
    # less the nearest subgradient of the l1 part: there is but one where x is not 0
    steepest = pull - jnp.clip(pull, jnp.where(x > 0, net.l1, -net.l1), jnp.where(x < 0, -net.l1, net.l1))
    return pull, steepest, (x == 0) & (net.l1 > 0)


def _target(net, face):
    """The end of the last step, but for coefficients that would change their sign, or have stopped at 0: they are 0."""
    end = face.x + face.rest * face.direction
    return jnp.where((net.l1 > 0) & ((face.x == 0) | (end * face.x < 0)), 0.0, end)


def _turned(net, face, before):
    """The search after a step, with the next direction decided; before: the steepest descent where the step began."""
    _, steepest, at_kink = _descents(net, face.x, face.q)
    within, change = jnp.where(at_kink, 0.0, steepest), jnp.where(at_kink, 0.0, steepest - before)
    terms = [steepest**2, within**2, within * change, face.direction * before, face.direction * within]
    sizes = [jnp.abs(steepest), jnp.abs(net.smooth.corr) + jnp.abs(face.q)]
    (whole, inner, gain, slope_before, slope), (largest, scale) = _reduced(terms, sizes)
    anew = face.anew | (whole - inner > inner)
    turn = jnp.maximum(gain, 0.0) / jnp.where(slope_before > 0, slope_before, jnp.inf)
    descends = inner + turn * slope > DESCENT * inner  # what the next direction has of the steepest descent
    level = largest <= SUM_ROUNDING * net.smooth.roundoff(face.x) * scale
    return face._replace(turn=jnp.where(anew | ~descends, 0.0, turn), anew=anew, level=level)


def _reduced(terms, sizes) -> Any:
    """(sums of terms, the largest of sizes) over all coefficients: by one reduction, which reads what they share once.

    Of several, a compiler may write out the terms of each, and read them again.
    """
    zero, lowest = jnp.zeros((), terms[0].dtype), jnp.full((), -jnp.inf, terms[0].dtype)

    def joined(a, b):
        return jax.tree.map(jnp.add, a[0], b[0]), jax.tree.map(jnp.maximum, a[1], b[1])

    return lax.reduce((terms, sizes), ([zero] * len(terms), [lowest] * len(sizes)), joined, (0,))
