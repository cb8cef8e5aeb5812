"""Squared hinge loss, of two classes."""

from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg import _arrays
from jaxreg._pytree import pytree
from jaxreg.losses._base import Encoded, Loss


@final
@pytree
class SquaredHinge(Loss):
    """max(0, 1 - y eta)^2 for y of -1 and 1: the smooth loss of the L2-loss support vector machine.

    A fit with other values in y, or with one of the two alone, is a ValueError.

    References
    ----------
    Chang, Hsieh and Lin (2008), J. Mach. Learn. Res. 9, eq. (2).

    Examples
    --------
    A row beyond the margin costs nothing, one within it little, one on the wrong side much.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import SquaredHinge
    >>> y, eta = jnp.array([1.0, 1.0, -1.0]), jnp.array([2.0, 0.5, 0.5])
    >>> print(SquaredHinge().value(y, eta))
    [0.   0.25 2.25]
    """

    of_classes = True
    degree = 0
    metrics = ("deviance", "misclassification", "auc", "average_precision", "mse", "mae")

    def encode(self, y, counting):
        y = _arrays.check_responses(y, len(counting))
        labels = np.unique(y[counting])
        unknown = np.setdiff1d(labels, (-1.0, 1.0))
        if unknown.size:
            raise ValueError(f"y has the value {unknown[0]:g}, but SquaredHinge takes -1 and 1; encode the classes so.")
        if len(labels) < 2:
            raise ValueError("y has one class only; SquaredHinge needs rows of both, -1 and 1.")
        return Encoded(y, labels)

    def decode(self, eta, labels):
        return labels[(np.asarray(eta) > 0).astype(int)]

    def of_positions(self, positions, n_classes):
        return 2.0 * positions - 1.0

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return jnp.square(jnp.maximum(1 - y * eta, 0.0))

    def gradient(self, y, eta):
        return -2 * y * jnp.maximum(1 - y * eta, 0.0)

    def hessian(self, y, eta):
        return jnp.where(y * eta < 1, 2.0 * jnp.square(y), 0.0)

    def curvature_bound(self):
        return 2.0

    def conjugate(self, y, u):
        slope = u * y  # in y eta: that of the loss at y eta = 1 + slope / 2
        return jnp.where(slope <= 0, slope + slope**2 / 4, jnp.inf)

    def saturated(self, y):
        return jnp.zeros_like(y)
