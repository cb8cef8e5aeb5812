"""Quantile loss, smoothed."""

from typing import final

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import number, pytree, rebuilt
from jaxreg.losses._base import Numeric


@final
@pytree
class Quantile(Numeric):
    """Quantile loss, smoothed: r (tau - [r < 0]) with a parabola in place of the kink at 0, r = y - eta.

        u r - s u^2 / 2,     u = r / s clipped to [tau - 1, tau]

    It is the Moreau envelope of the quantile loss, below it by at most s max(tau, 1 - tau)^2 / 2: the fit of the tau-th
    quantile is approximate, the better the smaller s is against the spread of y.

    Parameters
    ----------
    tau : float in (0, 1)
        The quantile; 0.5 is the median.
    smoothing : float > 0
        The s of the formula, in units of y, whatever `standardize` says.

    Raises
    ------
    ValueError
        For a `tau` that is not between 0 and 1, or a `smoothing` that is not above 0.

    References
    ----------
    Koenker and Bassett (1978), Econometrica 46; smoothed as in Beck and Teboulle (2012), SIAM J. Optim. 22.

    Examples
    --------
    For the upper quartile a prediction that is too low pulls three times as hard as one that is too high.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Quantile
    >>> residuals = jnp.array([-1.0, 1.0])
    >>> print(Quantile(tau=0.75).gradient(residuals, 0.0))
    [ 0.25 -0.75]
    """

    tau: float = 0.5
    smoothing: float = 0.1

    degree = 1

    def __post_init__(self):
        tau = number(self.tau, "tau", "a number between 0 and 1", 0, 1, strict=True)
        if not isinstance(tau, jax.Array) and tau == 1:
            raise ValueError("tau is 1; give a number between 0 and 1.")
        object.__setattr__(self, "tau", tau)
        smoothing = number(self.smoothing, "smoothing", "a number above 0", 0, np.finfo(float).max, strict=True)
        object.__setattr__(self, "smoothing", smoothing)

    def in_units(self, unit):
        return rebuilt(self, smoothing=self.smoothing / unit)

    @property
    def width(self):
        return self.smoothing

    def widened(self, by):
        return rebuilt(self, smoothing=self.smoothing + by), 1.0, by

    def _pull(self, r):
        return jnp.clip(r / self.smoothing, self.tau - 1, self.tau)

    def value(self, y, eta):
        r = y - eta
        u = self._pull(r)
        return u * r - self.smoothing * u**2 / 2

    def gradient(self, y, eta):
        return -self._pull(y - eta)

    def hessian(self, y, eta):
        r = (y - eta) / self.smoothing
        return jnp.where((self.tau - 1 <= r) & (r <= self.tau), 1.0 / self.smoothing, 0.0)

    def curvature_bound(self):
        return 1.0 / self.smoothing

    def conjugate(self, y, u):
        slack = 4 * jnp.finfo(jnp.asarray(u).dtype).eps
        inside = (-u <= self.tau + slack) & (-u >= self.tau - 1 - slack)
        return jnp.where(inside, u * y + self.smoothing * u**2 / 2, jnp.inf)
