"""Logistic functions and entropies, exact wherever the arguments lie."""

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_jvp
def softplus(x):
    """log(1 + exp(x)). Its derivatives are those of `logistic`, at 0 as well, where those of this form would not be."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


softplus.defjvps(lambda tangent, _, x: tangent * lax.logistic(x))


def logistic(x):
    """(p, 1 - p) with p = 1 / (1 + exp(-x)); both have all their digits."""
    x = jnp.asarray(x)
    return lax.logistic(x), lax.logistic(-x)


def xlogx(x, over=1.0):
    """x log(x / over), 0 where x is not positive."""
    positive = x > 0
    return jnp.where(positive, x * jnp.log(jnp.where(positive, x / over, 1.0)), 0.0)


def slack(u):
    """How far u may be beyond the ends of the domain of a conjugate, as a share of their size: it is rounding."""
    return 4 * jnp.finfo(jnp.asarray(u).dtype).eps
