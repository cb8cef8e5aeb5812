"""A lower bound of the dual value of a loss whose conjugate has no closed form."""

import jax.numpy as jnp

from jaxreg.losses._logistic import slack

SHORT = 16  # units of rounding of eta: after a step of so many the slope may seem to be the same


def dual_bound(loss, y, eta, u, omega, s):
    """At most -mean*(s omega u), and equal to it where s u are the slopes at eta: `dual` of a loss of single rows.

    With g and h the first and second derivative at eta, a conjugate at v = s u is at most the smaller of two:

        t (g eta - value) - (1 - t) saturated,   v = t g with t in [0, 1]: it is convex, and known at 0 and at g
        v eta - value + (v - g) d,               where the slope at eta + d is v or beyond: there its own slope is less

    d = 2 (v - g) / h reaches that far unless v is far from g.
    """
    value, g, h = loss.value(y, eta), loss.gradient(y, eta), loss.hessian(y, eta)
    v = s * u
    share = jnp.where(g != 0, v / jnp.where(g != 0, g, 1.0), jnp.where(v == 0, 0.0, -1.0))
    chord = share * (g * eta - value) - (1 - share) * loss.saturated(y)
    chord = jnp.where((share >= 0) & (share <= 1 + slack(share)), chord, jnp.inf)  # v = g, up to rounding, is on it
    step = 2 * (v - g) / h
    reached = (loss.gradient(y, eta + step) - v) * (v - g) >= 0
    reached |= jnp.abs(step) <= SHORT * jnp.finfo(g.dtype).eps * (1 + jnp.abs(eta))
    tangent = jnp.where(reached, v * eta - value + (v - g) * step, jnp.inf)
    return -jnp.sum(jnp.where(omega > 0, omega * jnp.fmin(chord, tangent), 0.0))
