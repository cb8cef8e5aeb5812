"""Negative binomial family."""

from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import number, pytree, rebuilt
from jaxreg.losses._amounts import encoded_amounts
from jaxreg.losses._base import Loss
from jaxreg.losses._logistic import logistic, slack, softplus, xlogx

LARGEST_THETA = 1e7  # counts cannot tell a larger one from infinity, which is Poisson's family
NEWTON_ITER = 100  # steps for theta, at most; some five will do


@final
@pytree
class NegativeBinomial(Loss):
    """(y + theta) log(1 + mu / theta) - y eta, mu = exp(eta), for numbers of events that vary more than Poisson's.

    Their variance is mu + mu^2 / theta. For theta to infinity it is `Poisson`. For rates give the logarithm of the
    exposure as `offset`. A fit of a negative y, or of zeros alone, is a ValueError.

    Parameters
    ----------
    theta : float > 0 or None
        As in R's MASS. None has it estimated by maximum likelihood: `fit_path` and `fit_cv` alternate, from the null
        model, between theta and the fit of all rows at the smallest lambda, of the first mixing parameter. All lambdas
        and folds then have this one theta, so that their deviances compare; results have it in `loss_parameters`. At
        lambda = 0 the fit is that of MASS::glm.nb. The formulas, and `solve`, need a number.

    Raises
    ------
    ValueError
        For a `theta` that is no number above 0; of a fit, where y varies about the fit at the smallest lambda no more
        than Poisson's: then theta has no finite estimate.

    References
    ----------
    Venables and Ripley (2002), Modern Applied Statistics with S, section 7.4.

    Examples
    --------
    A number far above the mean pulls half as hard as by Poisson's, whose slope is -99.

    >>> from jaxreg.losses import NegativeBinomial
    >>> print(NegativeBinomial(theta=1.0).gradient(100.0, 0.0))
    -49.5
    """

    theta: float | None = None

    degree = 0
    metrics = ("deviance", "mse", "mae", "r2")
    link = "log"

    def __post_init__(self):
        if self.theta is not None:
            meaning = "a number above 0, or None to have it estimated"
            theta = number(self.theta, "theta", meaning, 0, np.finfo(float).max, strict=True)
            object.__setattr__(self, "theta", theta)

    def with_theta(self, theta):
        """The same loss with a theta, which is not checked."""
        return rebuilt(self, theta=theta)

    def provisional(self):
        return self.with_theta(1.0) if self.theta is None else None

    def estimated(self, y, eta, weight):
        return self.with_theta(estimate_theta(y, np.exp(eta), weight))

    def _odds(self, eta):
        """(theta, log(mu / theta))."""
        if self.theta is None:
            raise ValueError("theta is None, which nothing estimates here; give losses.NegativeBinomial(theta=...).")
        return self.theta, eta - jnp.log(jnp.asarray(self.theta, jnp.asarray(eta).dtype))

    def encode(self, y, counting):
        return encoded_amounts(y, counting, "NegativeBinomial")

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        eta = jnp.asarray(eta)
        theta, x = self._odds(eta)
        grown = softplus(x)
        return theta * grown + y * (grown - eta)

    def gradient(self, y, eta):
        theta, x = self._odds(jnp.asarray(eta))
        p, q = logistic(x)
        return theta * p - y * q

    def hessian(self, y, eta):
        theta, x = self._odds(jnp.asarray(eta))
        p, q = logistic(x)
        return (y + theta) * p * q

    def curvature_bound(self):
        return None

    def conjugate(self, y, u):
        theta, _ = self._odds(jnp.asarray(u))
        v, w = y + u, theta - jnp.asarray(u)  # of the sum y + theta, where p = v / (y + theta)
        inside = (v >= -slack(u) * y) & (w >= -slack(u) * theta)
        # w log(w / (y + theta)), by log1p since it hardly differs from -v where theta is large
        share = jnp.where(w > 0, jnp.minimum(v / (y + theta), 1.0), 0.0)
        near = share < 0.5
        rest = jnp.where(near, w * jnp.log1p(-jnp.where(near, share, 0.0)), xlogx(w, y + theta))
        return jnp.where(inside, xlogx(v) - v * jnp.log1p(y / theta) + rest, jnp.inf)

    def saturated(self, y):
        y = jnp.asarray(y)
        theta, _ = self._odds(y)
        return (y + theta) * jnp.log1p(y / theta) - xlogx(y)

    def minus_two_log_likelihood(self, deviance, n):
        return n * deviance


def estimate_theta(y, mu, weight) -> float:
    """The theta of largest likelihood of counts y (n,) >= 0 with means mu (n,) > 0 and weights (n,), on the host.

    Newton's method for log theta on the likelihood, as MASS::theta.ml does for theta, inside a bracket of its maximum.

    Raises
    ------
    ValueError
        Where the likelihood grows up to infinity: y varies no more than Poisson's.
    """
    from scipy.special import digamma, polygamma  # imported here: most fits do not need it

    y, mu = np.asarray(y, np.float64), np.asarray(mu, np.float64)
    weight = np.asarray(weight, np.float64) / np.sum(weight)
    excess = weight @ ((y - mu) ** 2 - y)

    def derivatives(log_theta):
        """First and second derivative of the mean log-likelihood with respect to log theta."""
        theta = np.exp(log_theta)
        first = digamma(y + theta) - digamma(theta) - np.log1p(mu / theta) + (mu - y) / (mu + theta)
        second = (
            polygamma(1, y + theta) - polygamma(1, theta) + mu / (theta * (mu + theta)) + (y - mu) / (mu + theta) ** 2
        )
        slope = theta * (weight @ first)
        return slope, slope + theta**2 * (weight @ second)

    low, high = np.log(1 / LARGEST_THETA), np.log(LARGEST_THETA)
    if excess <= 0 or derivatives(high)[0] > 0:
        raise ValueError(
            "theta has no finite estimate: y varies about its mean no more than Poisson's; give losses.Poisson(), or a "
            "number, losses.NegativeBinomial(theta=...). Where a fit leaves hardly anything, larger lambdas will do."
        )
    log_theta = np.clip(np.log(weight @ mu**2 / excess), low, high)
    for _ in range(NEWTON_ITER):
        slope, curvature = derivatives(log_theta)
        low, high = (log_theta, high) if slope > 0 else (low, log_theta)
        step = log_theta - slope / curvature if curvature < 0 else np.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - log_theta) <= 4 * np.finfo(float).eps * max(1.0, abs(log_theta)):
            break
        log_theta = following
    return float(np.exp(following))
