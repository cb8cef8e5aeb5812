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

    The response is (n,) labels of two classes, text, booleans or numbers. Of the sorted labels the second is y = 1. A
    fit with one class alone, or with more than two, is a ValueError.

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
        labels, position = _arrays.check_classes(y, counting)
        if len(labels) < 2:
            raise ValueError(f"y has one class only, {labels[0]}; SquaredHinge needs rows of two.")
        if len(labels) > 2:
            raise ValueError(
                f"y has {len(labels)} different values, {labels[0]}, {labels[1]}, {labels[2]} among them, but "
                "SquaredHinge takes labels of two classes; for more give losses.Multinomial()."
            )
        return Encoded(self.of_positions(position, 2), labels)

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
