"""Tweedie family."""

from typing import final

import jax.numpy as jnp

from jaxreg._pytree import number, pytree
from jaxreg.losses._amounts import encoded_amounts
from jaxreg.losses._base import Loss
from jaxreg.losses._dual_bound import dual_bound


@final
@pytree
class Tweedie(Loss):
    """Half the unit deviance of the variance mu^power, mu = exp(eta), for amounts y >= 0 of which many may be 0.

        (mu^(2 - power) - 1) / (2 - power) - y (mu^(1 - power) - 1) / (1 - power),

    up to a term of y alone. A `power` of 1 is `Poisson`, one of 2 is `Gamma`, and in between y is the sum of a random
    number of amounts.

    Parameters
    ----------
    power : float from 1 to 2
        Exponent of the variance as a function of the mean.

    Raises
    ------
    ValueError
        For a `power` that is not from 1 to 2. In a fit for a negative y, zeros alone, and any 0 with a power of 2.

    References
    ----------
    Jorgensen (1987), J. R. Stat. Soc. B 49.

    Examples
    --------
    Zeros are amounts like others, and cost the more the larger the mean is.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Tweedie
    >>> print(Tweedie(power=1.5).gradient(0.0, jnp.log(jnp.array([0.25, 1.0, 4.0]))))
    [0.5 1.  2. ]
    """

    power: float = 1.5

    degree = 0
    metrics = ("deviance", "mse", "mae", "r2")
    link = "log"

    def __post_init__(self):
        object.__setattr__(self, "power", number(self.power, "power", "a number from 1 to 2", 1, 2))

    def encode(self, y, counting):
        return encoded_amounts(y, counting, "Tweedie", zeros=bool(self.power < 2))

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return _power(2 - self.power, eta) - _times(y, _power(1 - self.power, eta))

    def gradient(self, y, eta):
        upper, lower = _powers(self.power, eta)
        return upper - _times(y, lower)

    def hessian(self, y, eta):
        upper, lower = _powers(self.power, eta)
        return (2 - self.power) * upper + (self.power - 1) * _times(y, lower)

    def curvature_bound(self):
        return None

    def conjugate(self, y, u):
        return None

    def dual(self, y, eta, u, omega, s):
        return dual_bound(self, y, eta, u, omega, s)

    def saturated(self, y):
        y = jnp.asarray(y)
        positive = y > 0
        best = jnp.log(jnp.where(positive, y, 1.0))
        upper = jnp.asarray(2 - self.power, y.dtype)
        return jnp.where(positive, self.value(y, best), -1 / jnp.where(positive, 1.0, upper))


def _power(a, eta):
    """(exp(a eta) - 1) / a, which is eta for a = 0."""
    eta = jnp.asarray(eta)
    flat = jnp.asarray(a) == 0
    return jnp.where(flat, eta, jnp.expm1(a * eta) / jnp.where(flat, 1.0, a))


def _powers(power, eta):
    eta = jnp.asarray(eta)
    return jnp.exp((2 - power) * eta), jnp.exp((1 - power) * eta)


def _times(y, values):
    """y times values, which may be infinite where y is 0."""
    return jnp.where(y > 0, y * values, 0.0)
