"""Binomial family: two classes, shares, or numbers of trials and of events among them."""

from dataclasses import field
from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg import _arrays
from jaxreg._pytree import STATIC, pytree
from jaxreg.losses._base import Encoded, Loss
from jaxreg.losses._dual_bound import dual_bound
from jaxreg.losses._logistic import slack, xlogx
from jaxreg.losses._two_classes import LINKS

FORMS = "labels of two classes, shares from 0 to 1 or counts (n, 2) of successes and failures"


@final
@pytree
class Binomial(Loss):
    """-y log p - (1 - y) log(1 - p), where the inverse link makes the probability p of the event of eta.

        logit:    p = 1 / (1 + exp(-eta))
        probit:   p = the distribution function of the standard normal
        cloglog:  p = 1 - exp(-exp(eta))

    The response is one of three, of which the rows that have a weight decide:

    - (n,) labels of two classes: text, booleans or numbers, none of which is strictly between 0 and 1. Of the sorted
      labels the second is the event, y = 1.
    - (n,) shares of successes: floats from 0 to 1, at least one of them strictly between. The weight of a row is that
      of `sample_weight`: give the numbers of trials there.
    - (n, 2) counts, first of successes, then of failures, as R's `glm` has them; glmnet's order is the other one. y is
      the share of successes, and the number of trials multiplies the weight of a row. They may be fractions.

    The classes of shares and counts are 0 and 1, failure and success.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}
        Duality gaps are exact for logit; those of the others are by a bound, which is as small at the solution.

    Raises
    ------
    ValueError
        For another link. In a fit for a response that is none of the three, or has one class only.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, chapter 4.

    Examples
    --------
    Each row costs what its probability is short of 1, in logarithms.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Binomial
    >>> y, eta = jnp.array([1.0, 1.0, 0.0]), jnp.array([0.0, 4.0, 4.0])
    >>> print(Binomial().value(y, eta).round(3))
    [0.693 0.018 4.018]
    """

    link: str = field(default="logit", metadata=STATIC)

    of_classes = True
    degree = 0
    metrics = ("deviance", "misclassification", "auc", "average_precision", "brier", "log_loss", "mse", "mae")

    def __post_init__(self):
        if self.link not in LINKS:
            raise ValueError(f"link is {self.link!r}; give 'logit', 'probit' or 'cloglog'.")

    def encode(self, y, counting):
        array = _arrays.as_array(y, "y")
        if array.ndim == 2 and array.shape[1] == 2:
            return _of_counts(_arrays.check_responses(y, len(counting)), counting)
        if array.ndim == 2 and array.shape[1] > 2:
            raise ValueError(
                f"y has {array.shape[1]} columns, but Binomial takes {FORMS}; for more classes give "
                "losses.Multinomial()."
            )
        labels, position = _arrays.check_classes(y, counting)
        numbers = labels.dtype.kind in "iuf"
        inside = labels[(labels > 0) & (labels < 1)] if numbers else labels[:0]
        if inside.size:
            outside = labels[(labels < 0) | (labels > 1)]
            if outside.size:
                raise ValueError(
                    f"y has {inside[0]:g}, a share, and {outside[0]:g}, which is none: Binomial takes {FORMS}."
                )
            return Encoded(np.clip(np.asarray(array, np.float64), 0.0, 1.0), np.array([0.0, 1.0]))
        if len(labels) < 2:
            raise ValueError(f"y has one class only, {labels[0]}; Binomial needs rows of two.")
        if len(labels) > 2:
            raise ValueError(
                f"y has {len(labels)} different values, {labels[0]}, {labels[1]}, {labels[2]} among them, but Binomial "
                f"takes {FORMS}; for more classes give losses.Multinomial(), for numbers of events losses.Poisson()."
            )
        return Encoded((position == 1).astype(np.float64), labels)

    def decode(self, eta, labels):
        return labels[(self.inverse_link(np.asarray(eta)) > 0.5).astype(int)]

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return _expected(y, LINKS[self.link].values(eta))

    def gradient(self, y, eta):
        return _expected(y, LINKS[self.link].slopes(eta))

    def hessian(self, y, eta):
        return _expected(y, LINKS[self.link].curvatures(eta))

    def curvature_bound(self):
        return LINKS[self.link].bound

    def conjugate(self, y, u):
        if self.link != "logit":
            return None
        event, absence = y + u, (1 - y) - u
        return jnp.where(jnp.minimum(event, absence) >= -slack(u), xlogx(event) + xlogx(absence), jnp.inf)

    def dual(self, y, eta, u, omega, s):
        if self.link == "logit":
            return super().dual(y, eta, u, omega, s)
        return dual_bound(self, y, eta, u, omega, s)

    def saturated(self, y):
        y = jnp.asarray(y)
        return -xlogx(y) - xlogx(1 - y)

    def minus_two_log_likelihood(self, deviance, n):
        return n * deviance


def _of_counts(counts, counting):
    """The Encoded response of counts (n, 2) of successes and failures."""
    negative = counts[counting & (counts < 0).any(axis=1)]
    if negative.size:
        raise ValueError(f"y has the count {negative.min():g}; give numbers of successes and failures >= 0.")
    counts = np.maximum(counts, 0.0)
    trials = counts.sum(axis=1)
    totals = counts[counting].sum(axis=0)
    if not totals.all():
        missing = "trials" if not totals.any() else "failures" if totals[0] else "successes"
        raise ValueError(f"y has one class only, there are no {missing}; Binomial needs successes and failures.")
    share = np.divide(counts[:, 0], trials, out=np.full(len(trials), 0.5), where=trials > 0)
    return Encoded(share, np.array([0.0, 1.0]), trials)


def _expected(y, pair):
    """y (of the event) + (1 - y) (of its absence); where a factor is 0, the other one may be infinite."""
    of_event, of_absence = pair
    return jnp.where(y > 0, y * of_event, 0.0) + jnp.where(y < 1, (1 - y) * of_absence, 0.0)
