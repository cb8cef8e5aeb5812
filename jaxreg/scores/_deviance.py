"""Deviances: of rows, or of all rows at once where a loss couples them."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from jaxreg.scores._metric import Metric, joined, mean_metric
from jaxreg.scores._numbers import squared

LEAST_ROWS = 64  # rows for which a deviance is compiled, at least: smaller folds share one program


def deviance(loss) -> Metric:
    """Twice the loss above that of the saturated model.

    The deviance of survival times is that of van Houwelingen, for an event: by how much the partial likelihood of all
    rows exceeds that of the rows which train, with their fit.
    """
    if loss.quadratic:
        return squared(loss)
    if loss.coupling == "rows":
        return _of_survival(loss)
    return mean_metric("deviance", deviances(loss))


def deviances(loss):
    """(y, eta) -> (m, L): deviances of rows."""

    def of_rows(y, eta):
        """Deviances, with rows added up to one of few lengths: folds of about one size share a compiled program."""
        m = len(y)
        step = max(LEAST_ROWS, 2 ** (m.bit_length() - 3))
        places = np.minimum(np.arange(m + -m % step), m - 1)
        return joined(loss, np.asarray(_deviances(loss, y[places], eta[places]))[:m])

    return of_rows


@jax.jit
def _deviances(loss, y, eta):
    return 2 * (loss.value(y[:, None], eta) - loss.saturated(y[:, None]))


def _of_survival(loss):
    def total(y, eta, weight):
        """Sums of deviances (L,)."""
        whole = weight.sum()
        return whole * np.asarray(_deviances_of_all(loss, y, eta.T, weight / whole))

    def in_fold(y, eta, weight):
        y = loss.encode(y, weight > 0).y  # as rows of their own, not of those that they were taken from
        return total(y, eta, weight) / (weight @ loss.events(y))

    def of_split(y, eta, training, held_out):
        difference = total(y, eta, training + held_out) - total(y, eta, training)
        return difference / (held_out @ loss.events(y))

    return Metric("partial-likelihood deviance", in_fold, lacks=partial(lacks_event, loss), of_split=of_split,
                  share=loss.events)  # fmt: skip


@jax.jit
def _deviances_of_all(loss, y, eta, omega):
    least = loss.least(y, omega)
    return 2 * (jax.lax.map(lambda of_lambda: loss.mean(y, of_lambda, omega), eta) - least)


def lacks_event(loss, y, weight, labels):
    """That there is no event; None where there is one."""
    return None if weight @ loss.events(y) > 0 else "there is no event"
