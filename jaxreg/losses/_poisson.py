"""Poisson family."""

from typing import final

import jax.numpy as jnp

from jaxreg._pytree import pytree
from jaxreg.losses._amounts import encoded_amounts
from jaxreg.losses._base import Loss
from jaxreg.losses._logistic import slack, xlogx


@final
@pytree
class Poisson(Loss):
    """exp(eta) - y eta, for numbers of events y >= 0 whose mean is exp(eta).

    For rates give the logarithm of the exposure as `offset`. y need not be whole. A fit of a negative y, or of zeros
    alone, is a ValueError.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, chapter 6.

    Examples
    --------
    The slope is the mean less the number of events.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Poisson
    >>> print(Poisson().gradient(jnp.array([0.0, 1.0, 5.0]), 0.0))
    [ 1.  0. -4.]
    """

    degree = 0
    metrics = ("deviance", "mse", "mae", "r2")
    link = "log"

    def encode(self, y, counting):
        return encoded_amounts(y, counting, "Poisson")

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return jnp.exp(eta) - y * jnp.asarray(eta)

    def gradient(self, y, eta):
        return jnp.exp(eta) - y

    def hessian(self, y, eta):
        return jnp.exp(eta) * jnp.ones_like(y)

    def curvature_bound(self):
        return None

    def conjugate(self, y, u):
        mean = y + u
        return jnp.where(mean >= -slack(u) * y, xlogx(mean) - mean, jnp.inf)

    def saturated(self, y):
        y = jnp.asarray(y)
        return y - xlogx(y)

    def minus_two_log_likelihood(self, deviance, n):
        return n * deviance
