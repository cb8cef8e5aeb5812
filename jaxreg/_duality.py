"""Duality gaps, or the residual of the prox where no dual is known: for any loss and penalty, in pure JAX.

On the scale of the penalty, with P(b) = f(b) + penalty(b, lam), u_i = loss'(y_i, eta_i) and h = -X'(omega u) = -f'(b),

    D(s) = -sum_i omega_i [ loss*(y_i, s u_i) - s u_i offset_i ] - penalty*(s h)                          s in [0, 1]

is a dual value if sum omega u = 0 (with an intercept) and h = 0 along all that is neither penalised nor limited: u is
made so by a step of Newton's method, which keeps it in the domain of the conjugate where the step is small. A
penalty that is N plus sum l2 b^2 / 2, with N a norm or with limits, gives two of them, and the larger one counts
(Friedman et al. 2010 for the objective; the first counts the ridge part as rows added to the data, Zou and Hastie 2005,
lemma 1):

    D1:  N*(s (h - l2 b)) + s^2 sum l2 b^2 / 2  in place of penalty*, for scales s at which N* is finite
    D2:  s = 1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxreg.penalties._base import Penalty, per_row

if TYPE_CHECKING:
    from jaxtyping import Float

    from jaxreg.losses._base import Loss


def squared_gap(
    penalty: Penalty,
    b: Float[Array, "m ..."],
    h: Float[Array, "m ..."],
    lam: Any,
    rr: Any,
    tt: Any,
    ty: Any,
    unit: Any,
) -> Float[Array, ""]:
    """Relative gap for the squared loss, from h = A theta and the products of theta, of r = z - A'b, and of z.

    theta is r made orthogonal to all that is neither penalised nor limited: rr = r'r, tt = theta'theta, ty = theta'z.
    """
    primal = rr / 2 + jnp.sum(penalty.value(b, lam))
    l2 = penalty.ridge(per_row(lam, b)) * jnp.ones_like(b)
    s, cost = penalty.duals(h - l2 * b, lam)
    d1 = jnp.max(s * ty - s**2 / 2 * (tt + jnp.sum(l2 * b**2)) - cost)
    d2 = ty - tt / 2 - penalty.conjugate(h, lam)
    return relative(primal - jnp.maximum(d1, d2), unit)


class Slopes(NamedTuple):
    """The dual point of a loss at one point: u = loss'(y, eta), corrected, with the eta that it is of."""

    u: Float[Array, "n ..."]
    eta: Float[Array, "n ..."]


def loss_gap(
    loss: Loss,
    penalty: Penalty,
    b: Float[Array, "m ..."],
    h: Float[Array, "m ..."],
    lam: Any,
    slopes: Slopes,
    value: Float[Array, ""],
    y: Float[Array, "n ..."],
    offset: Float[Array, "n ..."],
    omega: Float[Array, " n"],
    unit: Any,
) -> Float[Array, ""]:
    """Relative gap for any loss whose conjugate is known, from f(b) = value and dual values u, h = -X'(omega u)."""
    u, eta = slopes
    primal = value + jnp.sum(penalty.value(b, lam))
    weighted = per_row(omega, u) * u
    known = jnp.sum(jnp.where(weighted != 0, weighted * per_row(offset, u), 0.0))

    def attained(s):
        return loss.dual(y, eta, u, omega, s) + s * known

    l2 = penalty.ridge(per_row(lam, b)) * jnp.ones_like(b)
    scales, costs = penalty.duals(h - l2 * b, lam)
    ridge = jnp.sum(l2 * b**2)
    values = jax.vmap(attained)(jnp.append(scales, 1.0))  # compiled once
    d1 = jnp.max(values[:-1] - scales**2 * ridge / 2 - costs)
    d2 = values[-1] - penalty.conjugate(h, lam)
    best = jnp.fmax(jnp.fmax(d1, d2), loss.least(y, omega))  # NaN, of a point that cannot be corrected, is no bound
    return relative(primal - best, unit)


def relative(gap: Float[Array, ""], unit: Any) -> Float[Array, ""]:
    """The gap, without its sign, in units of a loss: that of the null model, or without any column where that is 0.

    It is 0 where both are: the response does not vary.
    """
    exact = unit == 0  # NaN stay NaN
    return jnp.where(exact, 0.0, jnp.abs(gap) / jnp.where(exact, 1.0, unit))


def balanced(u: Float[Array, " n"], omega: Float[Array, " n"]) -> Float[Array, " n"]:
    """u, its positive or negative part made smaller so that sum omega u = 0: it stays in the conjugate's domain."""
    positive, negative = jnp.sum(omega * jnp.maximum(u, 0.0)), jnp.sum(omega * jnp.maximum(-u, 0.0))
    least = jnp.minimum(positive, negative)

    def share(total):
        return jnp.where(total > 0, least / jnp.where(total > 0, total, 1.0), 0.0)

    return jnp.where(u > 0, u * share(positive), u * share(negative))


def residual(
    penalty: Penalty, b: Float[Array, "m ..."], h: Float[Array, "m ..."], lam: Any, step: Any, scale: Any
) -> Float[Array, ""]:
    """max |b - prox(b + step h)| / step, in units of `scale`, the largest gradient of the null model."""
    moved = b - penalty.prox(b + step * h, lam, step)
    return jnp.max(jnp.abs(moved)) / step / jnp.where(scale > 0, scale, 1.0)
