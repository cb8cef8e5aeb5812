"""Deviances."""

from __future__ import annotations

import jax
import numpy as np

from jaxreg.scores import _survival
from jaxreg.scores._metric import Metric, joined, mean_metric
from jaxreg.scores._numbers import squared

LEAST_ROWS = 64  # rows for which a deviance is compiled, at least: smaller folds share one program


def deviance(loss) -> Metric:
    """Twice the loss above that of the saturated model; of survival times for an event, after van Houwelingen."""
    if loss.quadratic:
        return squared(loss)
    if loss.coupling == "rows":
        return _survival.deviance(loss)
    return mean_metric("deviance", deviances(loss))


def deviances(loss):
    """(y, eta) -> (m, L): deviances of rows."""

    def of_rows(y, eta):
        """Deviances, with rows added up to one of few lengths: folds of about one size share a compiled program."""
        m = len(y)
        step = max(LEAST_ROWS, 2 ** (m.bit_length() - 3))
        places = np.minimum(np.arange(m + -m % step), m - 1)
        with jax.enable_x64(True):
            return joined(loss, np.asarray(_deviances(loss, y[places], eta[places]))[:m])

    return of_rows


@jax.jit
def _deviances(loss, y, eta):
    return 2 * (loss.value(y[:, None], eta) - loss.saturated(y[:, None]))
