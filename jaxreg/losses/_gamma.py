"""Gamma family."""

from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import pytree
from jaxreg.losses._amounts import encoded_amounts
from jaxreg.losses._base import Loss
from jaxreg.losses._logistic import slack, xlogx

SHAPE_ITER = 20  # of Newton's method for the shape, which starts within some percent


@final
@pytree
class Gamma(Loss):
    """y exp(-eta) + eta, for amounts y > 0 whose mean is exp(eta) and whose standard deviation is proportional to it.

    A fit of a y that is not above 0 is a ValueError. Information criteria are those of the shape of largest likelihood.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, chapter 8.

    Examples
    --------
    The slope is the relative error of the mean: an amount of 100 times the mean pulls a hundred times as hard.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Gamma
    >>> print(Gamma().gradient(jnp.array([0.5, 1.0, 100.0]), 0.0))
    [  0.5   0.  -99. ]
    """

    degree = 0
    metrics = ("deviance", "mse", "mae", "r2")
    link = "log"

    def encode(self, y, counting):
        return encoded_amounts(y, counting, "Gamma", zeros=False)

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        eta = jnp.asarray(eta)
        return y * jnp.exp(-eta) + eta

    def gradient(self, y, eta):
        return 1 - y * jnp.exp(-jnp.asarray(eta))

    def hessian(self, y, eta):
        return y * jnp.exp(-jnp.asarray(eta))

    def curvature_bound(self):
        return None

    def conjugate(self, y, u):
        ratio = 1 - jnp.asarray(u)  # of y to the mean
        return jnp.where(ratio >= -slack(u), xlogx(ratio, y) - ratio, jnp.inf)

    def saturated(self, y):
        return 1 + jnp.log(y)

    def minus_two_log_likelihood(self, deviance, n):
        from scipy.special import digamma, gammaln, polygamma  # imported here: it takes longer than a small path

        half = np.asarray(deviance) / 2
        with np.errstate(divide="ignore", invalid="ignore"):  # an exact fit has an infinite shape
            shape = (3 - half + np.sqrt((half - 3) ** 2 + 24 * half)) / (12 * half)
            for _ in range(SHAPE_ITER):
                step = (np.log(shape) - digamma(shape) - half) / (1 - shape * polygamma(1, shape))
                shape = shape * np.exp(-step)
            criterion = 2 * n * (gammaln(shape) + shape - shape * np.log(shape) + shape * half)
        return np.where(half > 0, criterion, -np.inf)
