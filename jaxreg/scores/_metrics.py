"""Metrics by name, and those of a user's function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxreg import _validation
from jaxreg.scores import _classes, _deviance, _numbers, _survival
from jaxreg.scores._metric import Metric

METRICS: dict[str, Callable[[Any], Metric]] = {  # of a loss
    "mse": _numbers.squared,
    "mae": _numbers.absolute,
    "r2": _numbers.r2,
    "deviance": _deviance.deviance,
    "misclassification": _classes.misclassification,
    "auc": _classes.of_auc,
    "average_precision": _classes.of_average_precision,
    "brier": _classes.brier,
    "log_loss": _classes.log_loss,
    "c_index": _survival.c_index,
}


def make_metric(metric: str | Callable | None, loss: Any) -> Metric:
    """The Metric of linear predictors that is meant by a function, a name among `loss.metrics`, or None for the first.

    The deviance is that of the loss. Other metrics judge what its inverse link makes of a linear predictor.
    """
    if callable(metric):
        return _of_function(metric, loss)
    name = loss.metrics[0] if metric is None else metric
    if loss.of_classes and name in METRICS and name not in loss.metrics:
        named = ", ".join(map(repr, loss.metrics))
        raise ValueError(f"metric is {name!r}, which is none of classes; give one of {named}.")
    _validation.check_choice(name, "metric", loss.metrics)
    return METRICS[name](loss)


def check_judging(metric: Metric, called: Any, folds: Any, y: np.ndarray, weight: np.ndarray, labels: Any) -> None:
    """Check that the rows that each of the Folds holds out have the Metric, by the name that the user gave it."""
    for k, fold in enumerate(folds.held_out):
        fault = metric.lacks(y[fold.rows], weight[fold.rows] * fold.counts, labels)
        if fault is not None:
            name = f"the {metric.title}" if called is None else repr(called)
            raise ValueError(
                f"metric is {name}, but {fault} in the held-out rows of fold {k}; give fewer folds, folds with a share "
                "of each, or another metric."
            )


def _of_function(metric, loss):
    metric = _validation.check_metric(metric)

    def of_response(y, predictions, weight):
        return np.array([_scalar(metric(y, column, weight)) for column in np.moveaxis(predictions, 1, 0)])

    def in_fold(y, eta, weight):
        counts = weight > 0
        y, predictions, weight = y[counts], loss.inverse_link(eta[counts]), weight[counts]
        if predictions.ndim == 3 and loss.coupling is None:
            by_response = [of_response(y[:, r], predictions[..., r], weight) for r in range(y.shape[1])]
            values = np.mean(by_response, axis=0)
        else:
            values = of_response(y, predictions, weight)
        if not np.isfinite(values).all():
            raise ValueError("metric gives NaN or infinity; give a function (y, prediction, weight) that is finite.")
        return values

    return Metric(getattr(metric, "__name__", "metric"), in_fold)


def _scalar(value):
    if np.shape(value) != ():
        raise ValueError(f"metric gives an array of shape {np.shape(value)}; give a function that returns one number.")
    return float(value)
