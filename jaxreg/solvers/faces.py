"""The elastic net on a Gram matrix by conjugate gradients on faces: one product with the matrix in every step.

    minimise over x   x'G x / 2 - c'x + sum_j l1_j |x_j| + sum_j l2_j x_j^2 / 2

A face holds the coefficients that are not 0, with their signs, and those without an l1 part: there the objective is a
quadratic. The search goes along directions of nonlinear conjugate gradients, to the minimum along each. Where that lies
on the face, the step is taken, and its product gives the next gradient. Where coefficients would change their sign,
they stop at 0: that point is a trial, whose product is the next step's. It counts if the objective is not higher than
at the first of these zeros, which lies on the way and costs no product; else that one is taken. Coefficients of 0 enter
together, where their part of the steepest descent outweighs that of the face, and the directions begin anew.

No step needs a bound of the curvature, and no loop is inside another: whatever many problems are doing, one product
with G serves a step of them all.

Source: Solntsev, Nocedal and Byrd (2015), Optim. Methods Softw. 30 (faces of the l1 norm); Dostal (1997), SIAM J.
Optim. 7 (when to leave one); Gilbert and Nocedal (1992), SIAM J. Optim. 2 (directions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

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
    rest: Float[Array, ""]  # of the step along the direction, while there is a trial
    rests: Bool[Array, ""]  # whether the steepest descent is rounding
    settled: Bool[Array, ""]  # whether it was before the last step
    n_iter: Int[Array, ""]  # products

    @property
    def trial(self) -> Any:
        """Whether the next product is that of a trial."""
        return self.rest > 0


def begin(_: Net, x: Float[Array, " m"], q: Float[Array, " m"], before: Face | None = None) -> Face:
    """The search from a point whose product is known, in the place of one before, whose direction stays unread."""
    direction = jnp.zeros_like(x) if before is None else before.direction
    zero, no = jnp.zeros((), x.dtype), jnp.zeros((), bool)
    return Face(x, q, direction, zero, ~no, zero, no, no, jnp.zeros((), int))


def advance(net: Net, face: Face) -> Face:
    """The search after one more product.

    Its sums are taken in two layers, after the product and at the new point: within a layer none depends on another,
    and an accelerator goes over the coefficients once for all of them.
    """
    x = face.x
    pull, steepest, at_kink = _descents(net, x, face.q)
    kept = jnp.where(~at_kink & (face.turn > 0), face.turn * face.direction, 0.0)
    direction = jnp.where(at_kink & ~face.anew, 0.0, steepest) + kept
    d = jnp.where(face.trial, _target(net, face) - x, direction)
    image = net.smooth.image(d)
    shrinks = (net.l1 > 0) & (d * x < 0)
    way = jnp.where(shrinks, -x / jnp.where(shrinks, d, 1.0), jnp.inf)
    rises = net.l1 * (jnp.abs(x + d) - jnp.abs(x))
    slopes = jnp.where(face.trial, pull * d - rises, steepest * d)
    (slope, curvature, square), (back,) = _sums([slopes, d * (image + net.l2 * d), d * d], [-way])
    least = net.smooth.roundoff(d) * square  # where it is flat up to the next kink
    counts = curvature / 2 <= slope  # of a trial: whether the objective is not higher there
    length = slope / jnp.maximum(curvature, jnp.where(least > 0, least, 1.0))
    length = jnp.where(face.trial, counts, length)
    step = jnp.minimum(length, -back)
    arrives = shrinks & (jnp.abs(x) <= step * (1 + AT_ZERO) * jnp.abs(d))
    after = Face(
        x=jnp.where(arrives, 0.0, x + step * d),
        q=face.q + step * image,
        direction=d,
        turn=face.turn,
        anew=face.trial & ~counts,
        rest=length - step,
        rests=face.rests,
        settled=face.rests & ~face.trial,
        n_iter=face.n_iter + 1,
    )
    return _turned(net, after, steepest)


def _descents(net, x, q):
    """(steepest descent of the smooth part and l2 part, and of all, whether a coefficient is at its kink)."""
    pull = net.smooth.corr - q - net.l2 * x
    # less the nearest subgradient of the l1 part: there is but one where x is not 0
    steepest = pull - jnp.clip(pull, jnp.where(x > 0, net.l1, -net.l1), jnp.where(x < 0, -net.l1, net.l1))
    return pull, steepest, (x == 0) & (net.l1 > 0)


def _target(net, face):
    """The end of a step, whose coefficients that would cross 0, or have stopped there, are 0."""
    end = face.x + face.rest * face.direction
    return jnp.where((net.l1 > 0) & ((face.x == 0) | (end * face.x < 0)), 0.0, end)


def _turned(net, face, before):
    """The search with its next direction decided; before: the steepest descent at the point before."""
    _, steepest, at_kink = _descents(net, face.x, face.q)
    within = jnp.where(at_kink, 0.0, steepest)
    bend = jnp.where(at_kink, 0.0, before - steepest)
    sums = [steepest**2, within**2, within * bend, face.direction * before, within * face.direction]
    sizes = [jnp.abs(steepest), jnp.abs(net.smooth.corr) + jnp.abs(face.q)]
    (whole, inner, fall, along, ahead), (largest, scale) = _sums(sums, sizes)
    turn = jnp.maximum(-fall, 0.0) / jnp.where(along > 0, along, jnp.inf)
    anew = face.anew | (whole - inner > inner)
    descends = inner + turn * ahead > DESCENT * inner
    rests = largest <= SUM_ROUNDING * net.smooth.roundoff(face.x) * scale
    return face._replace(turn=jnp.where(anew | ~descends, 0.0, turn), anew=anew, rests=rests)


def _sums(sums, largest) -> Any:
    """(sums, largest of what is) over all coefficients, in one pass."""
    terms = tuple(jnp.broadcast_to(a, sums[0].shape) for a in (*sums, *largest))
    n = len(sums)
    zero = sums[0].dtype.type(0)
    start = (zero,) * n + (sums[0].dtype.type(-jnp.inf),) * len(largest)

    def both(a, b):
        return tuple(x + y if i < n else jnp.maximum(x, y) for i, (x, y) in enumerate(zip(a, b, strict=True)))

    values = jax.lax.reduce(terms, start, both, (0,))
    return values[:n], values[n:]
