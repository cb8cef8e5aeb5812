"""One number that says how well rows are predicted, higher is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg.scores._metrics import METRICS
from jaxreg.scores._numbers import r_squared

if TYPE_CHECKING:
    from jaxtyping import Float

    from jaxreg.scores._judged import Judged


def score_of(judged: Judged) -> Float[np.ndarray, " L"]:
    """Accuracy of classes, Harrell's C of survival times, D squared with a log link, else R squared."""
    loss, y, eta, weight = judged.loss, judged.y, judged.eta, judged.weight
    if loss.of_classes:
        return 1.0 - METRICS["misclassification"](loss).in_fold(y, eta, weight)
    if loss.coupling == "rows":
        return -METRICS["c_index"](loss).in_fold(y, eta, weight)
    if loss.link == "log" and "deviance" in loss.metrics:
        return _explained_deviance(loss, y, eta, weight)
    return r_squared(y, loss.inverse_link(eta), weight)


def _explained_deviance(loss, y, eta, weight):
    """1 - deviance / that of the weighted mean of y."""
    metric, mean = METRICS["deviance"](loss), weight @ y / weight.sum()
    with np.errstate(divide="ignore"):
        null = metric.in_fold(y, np.broadcast_to(np.log(mean), y.shape)[:, None], weight)
    if not null[0] > 0:
        raise ValueError("y does not vary in these rows, so that D squared is not defined; give rows where it does.")
    return 1.0 - metric.in_fold(y, eta, weight) / null
