"""Multinomial family: more classes than two, shares or counts of them."""

from typing import final

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg import _arrays
from jaxreg._labels import MOST_CLASSES
from jaxreg._pytree import pytree
from jaxreg.losses._base import Encoded, Loss
from jaxreg.losses._logistic import slack, xlogx


@final
@pytree
class Multinomial(Loss):
    """-sum_k y_k log p_k with p_k = exp(eta_k) / sum_l exp(eta_l), over K classes.

    It is glmnet's symmetric form: every class has coefficients and an intercept of its own. The penalty settles what a
    constant added to all classes would leave open; the intercepts have mean 0.

    The response is (n,) labels of any type, of at least two classes, or a matrix (n, K) of shares or counts >= 0, a
    column for each class. The total of a row of counts multiplies its weight. Classes are sorted labels; those of a
    matrix are the names of its columns, or 0 to K - 1.

    A fit with one class only, with a class that has no row, or of numbers that are no labels, is a ValueError.

    References
    ----------
    Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33, section 4.

    Examples
    --------
    Equal linear predictors are equal probabilities.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Multinomial
    >>> y, eta = jnp.array([0.0, 0.0, 0.0, 1.0]), jnp.zeros(4)
    >>> print(Multinomial().gradient(y, eta))
    [ 0.25  0.25  0.25 -0.75]
    """

    of_classes = True
    coupling = "outputs"
    degree = 0
    metrics = ("deviance", "misclassification", "auc", "average_precision", "brier", "log_loss", "mse", "mae")
    link = "softmax"

    def encode(self, y, counting):
        array = _arrays.as_array(y, "y")
        if array.ndim == 2 and array.shape[1] > 1:
            names = _arrays.feature_names(y)
            labels = np.arange(array.shape[1]) if names is None else np.array(names)
            return _of_counts(_arrays.check_responses(y, len(counting)), labels, counting)
        labels, position = _arrays.check_classes(y, counting)
        if len(labels) < 2:
            raise ValueError(f"y has one class only, {labels[0]}; Multinomial needs rows of at least two.")
        if labels.dtype.kind == "f" and len(labels) > MOST_CLASSES and (labels != np.round(labels)).any():
            raise ValueError(
                f"y has {len(labels)} different numbers, not all whole, which are no labels of classes; for numbers "
                "give losses.Squared()."
            )
        return Encoded(np.eye(len(labels))[position], labels)

    def decode(self, eta, labels):
        return labels[np.argmax(eta, axis=-1)]

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        below = eta - lax.stop_gradient(jnp.max(eta, axis=-1, keepdims=True))
        # the largest term of the sum is 1: what the others add to it keeps its digits
        largest = jnp.arange(below.shape[-1]) == jnp.argmax(below, axis=-1, keepdims=True)
        added = jnp.sum(jnp.where(largest, jnp.expm1(below), jnp.exp(below)), axis=-1, keepdims=True)
        return jnp.sum(y * (jnp.log1p(added) - below), axis=-1)

    def gradient(self, y, eta):
        return self.inverse_link(jnp.asarray(eta)) - y

    def hessian(self, y, eta):
        """Its diagonal alone."""
        p = self.inverse_link(jnp.asarray(eta))
        return p * (1 - p) * jnp.ones_like(y)

    def hessian_product(self, y, eta, d):
        p = self.inverse_link(jnp.asarray(eta))
        return p * (d - jnp.sum(p * d, axis=-1, keepdims=True))

    def curvature(self, rows, y, eta, omega):
        (m, n), K = rows.shape, eta.shape[1]
        p = jnp.where(omega[:, None] > 0, self.inverse_link(jnp.asarray(eta)), 0.0).T
        scaled = (rows[:, None] * p).reshape(m * K, n)
        matrix = -jnp.matmul(scaled * omega, scaled.T, precision=lax.Precision.HIGHEST).reshape(m, K, m, K)
        of_classes = jnp.matmul(rows * (omega * p)[:, None], rows.T, precision=lax.Precision.HIGHEST)
        k = jnp.arange(K)
        return matrix.at[:, k, :, k].add(of_classes).reshape(m * K, m * K)

    def curvature_bound(self):
        return 0.5

    def conjugate(self, y, u):
        p = y + u
        rounding = slack(u) * p.shape[-1]
        inside = (jnp.min(p, axis=-1) >= -rounding) & (jnp.abs(jnp.sum(u, axis=-1)) <= rounding)
        return jnp.where(inside, jnp.sum(xlogx(p), axis=-1), jnp.inf)

    def saturated(self, y):
        return -jnp.sum(xlogx(jnp.asarray(y)), axis=-1)

    def minus_two_log_likelihood(self, deviance, n):
        return n * deviance


def _of_counts(counts, labels, counting):
    """The Encoded response of counts or shares (n, K); shares stay as they are."""
    counted = counts[counting]
    if (counted < 0).any():
        raise ValueError(f"y has the value {counted.min():g}; of classes give shares or counts >= 0.")
    missing = labels[~counted.any(axis=0)]
    if missing.size:
        raise ValueError(f"y has no row of the class {missing[0]}; Multinomial needs rows of every class.")
    K = len(labels)
    counts = np.maximum(counts, 0.0)
    total = counts.sum(axis=1)
    if (np.abs(total - 1)[counting] <= 4 * K * np.finfo(float).eps).all():
        return Encoded(counts, labels)
    shares = np.divide(counts, total[:, None], out=np.full_like(counts, 1 / K), where=total[:, None] > 0)
    return Encoded(shares, labels, total)
