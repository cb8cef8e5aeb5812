"""Huber's loss."""

from typing import final

import jax.numpy as jnp

from jaxreg._pytree import number, pytree, rebuilt
from jaxreg.losses._base import Numeric


@final
@pytree
class Huber(Numeric):
    """r^2 / 2 for |r| <= delta and delta |r| - delta^2 / 2 beyond, r = y - eta: outliers pull with the force delta.

    Parameters
    ----------
    delta : float > 0
        Size of a residual from which on the loss grows linearly, in units of y, whatever `standardize` says: a standard
        deviation of y would grow with the outliers. Infinity is the squared loss.

    Raises
    ------
    ValueError
        For a `delta` that is no number above 0.

    References
    ----------
    Huber (1964), Ann. Math. Statist. 35.

    Examples
    --------
    The outlier pulls as hard as the residual of 2, and not fifty times as hard.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Huber
    >>> residuals = jnp.array([0.5, 2.0, 100.0])
    >>> print(Huber(delta=2.0).gradient(residuals, 0.0))
    [-0.5 -2.  -2. ]
    """

    delta: float = 1.345

    degree = 2

    def __post_init__(self):
        object.__setattr__(self, "delta", number(self.delta, "delta", "a number above 0", 0, strict=True))

    def in_units(self, unit):
        return rebuilt(self, delta=self.delta / unit)

    @property
    def width(self):
        return self.delta

    def widened(self, by):
        mu = by / self.delta
        return rebuilt(self, delta=self.delta + by), 1 / (1 + mu), mu

    def value(self, y, eta):
        size = jnp.abs(y - eta)
        inside = jnp.minimum(size, self.delta)
        return inside * (size - inside / 2)

    def gradient(self, y, eta):
        return jnp.clip(eta - y, -self.delta, self.delta)

    def hessian(self, y, eta):
        return jnp.where(jnp.abs(y - eta) <= self.delta, 1.0, 0.0)

    def curvature_bound(self):
        return 1.0

    def conjugate(self, y, u):
        return jnp.where(
            jnp.abs(u) <= self.delta * (1 + 4 * jnp.finfo(jnp.asarray(u).dtype).eps), u * y + u**2 / 2, jnp.inf
        )
