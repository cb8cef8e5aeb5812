"""Scores of held-out predictions: losses, lower is better, and their averages over folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxreg import _validation

if TYPE_CHECKING:
    from jaxtyping import Float

LEAST_ROWS = 64  # rows for which a deviance is compiled, at least: smaller folds share one program


@dataclass(frozen=True)
class Metric:
    """A score of linear predictors (m, L), at L lambdas, of the response y (m,) of held-out rows: lower is better.

    It is in the units of y, or of what it measures, and not of the objective.
    """

    name: str
    in_fold: Callable  # (y, predictions, weight) -> (L,), the score of a fold whose rows have weights (m,)
    of_rows: Callable | None  # (y, predictions) -> (m, L), whose weighted mean is that score; None where it is no mean
    squared: bool = False  # whether it is the mean squared error
    # (mean squared errors (L,), mean absolute ones, y, weight) -> (L,), where it follows from these
    of_errors: Callable | None = None

    def of_each(
        self, y: Float[np.ndarray, " m"], predictions: Float[np.ndarray, "m L"], weight: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, "m L"]:
        """The scores where every row is a fold."""
        if self.of_rows is not None:
            return self.of_rows(y, predictions)
        return np.stack([self.in_fold(y[[i]], predictions[[i]], weight[[i]]) for i in range(len(y))])


def row_weight(data: Any) -> Float[np.ndarray, " n"]:
    """The weights of the Data, scaled to be 1 on average."""
    return data.weight / data.weight.mean()


def _squared(y, predictions):
    return (y[:, None] - predictions) ** 2


def _absolute(y, predictions):
    return abs(y[:, None] - predictions)


def _mean_of(of_rows):
    return lambda y, predictions, weight: weight @ of_rows(y, predictions) / weight.sum()


def variance(y: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"]) -> Float[np.ndarray, " ..."]:
    """Weighted variances of y over its rows: exactly 0 where they are rounding.

    Rounding may set the mean of equal numbers apart from them, so the first number is taken off before.
    """
    share = weight / weight.sum()
    deviation = y - y[np.argmax(weight > 0)]
    spread = np.tensordot(share, (deviation - np.tensordot(share, deviation, 1)) ** 2, 1)
    return np.where(spread > (4 * np.finfo(float).eps * np.abs(y).max(axis=0)) ** 2, spread, 0.0)


def check_varies(folds: Any, y: Float[np.ndarray, "n ..."], weight: Float[np.ndarray, " n"]) -> None:
    """Check that y varies in the rows that each of the Folds holds out, as R squared needs."""
    for held_out in folds.held_out:
        if not variance(y[held_out.rows], weight[held_out.rows] * held_out.counts).all():
            raise ValueError("metric is 'r2', but y does not vary in the held-out rows of a fold; give metric='mse'.")


def _negative_r2(y, predictions, weight):
    return weight @ _squared(y, predictions) / weight.sum() / variance(y, weight) - 1.0


def r_squared(
    y: Float[np.ndarray, "m ..."], predictions: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " ..."]:
    """1 - mse / variance, a number or one for each lambda (L,); the plain average over K responses.

    y is (m,) and the predictions (m,) or (m, L), or y is (m, K) and they are (m, K) or (m, L, K).
    """
    share, several = weight / weight.sum(), y.ndim == 2
    y = y if y.ndim == predictions.ndim else y[:, None]  # (m, 1) or (m, 1, K) beside all lambdas
    spread = variance(y, weight)
    if not spread.all():
        raise ValueError("y does not vary in these rows, so that R squared is not defined; give rows where it does.")
    values = 1.0 - np.tensordot(share, (y - predictions) ** 2, 1) / spread
    return values.mean(axis=-1) if several else values


def share_right(
    y: Float[np.ndarray, " m"], predictions: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " ..."]:
    """Accuracy, for predictions (m,) or (m, L): the share of the weight whose class, the sign of y, they have."""
    unknown = y[~np.isin(y, (-1, 1))]
    if unknown.size:
        raise ValueError(f"y has the value {unknown[0]:g}; the labels of the two classes are -1 and 1.")
    y = y if predictions.ndim == 1 else y[:, None]
    return np.tensordot(weight / weight.sum(), np.where(predictions > 0, 1.0, -1.0) == y, 1)


METRICS = {
    "mse": Metric("mean squared error", _mean_of(_squared), _squared, True, lambda squared, *_: squared),
    "mae": Metric("mean absolute error", _mean_of(_absolute), _absolute, of_errors=lambda _, absolute, *rest: absolute),
    "r2": Metric(
        "negative R squared", _negative_r2, None, of_errors=lambda mse, _, y, weight: mse / variance(y, weight) - 1.0
    ),
}


def make_metric(metric: str | Callable | None, loss: Any) -> Metric:
    """The Metric of linear predictors that is meant by a function, a name among `loss.metrics`, or None for the first.

    The deviance is that of the loss. Other metrics judge what its inverse link makes of a linear predictor.
    """
    if callable(metric):
        return _of_response(_of_function(metric), loss)
    name = loss.metrics[0] if metric is None else metric
    if loss.of_classes and name in METRICS and name not in loss.metrics:
        raise ValueError(f"metric is {name!r}, which is none of classes; give None or 'deviance', a loss of classes.")
    _validation.check_choice(name, "metric", loss.metrics)
    if name == "deviance":
        return METRICS["mse"] if loss.quadratic else _deviance(loss)
    return _of_response(METRICS[name], loss)


def _of_response(metric, loss):
    of_rows = metric.of_rows
    return replace(
        metric,
        in_fold=lambda y, eta, weight: metric.in_fold(y, loss.inverse_link(eta), weight),
        of_rows=None if of_rows is None else lambda y, eta: of_rows(y, loss.inverse_link(eta)),
    )


def _of_function(metric):
    metric = _validation.check_metric(metric)

    def in_fold(y, predictions, weight):
        counts = weight > 0
        y, predictions, weight = y[counts], predictions[counts], weight[counts]
        values = np.array([_scalar(metric(y, column, weight)) for column in predictions.T])
        if not np.isfinite(values).all():
            raise ValueError("metric gives NaN or infinity; give a function (y, prediction, weight) that is finite.")
        return values

    return Metric(getattr(metric, "__name__", "metric"), in_fold, None)


def _deviance(loss):
    def of_rows(y, predictions):
        """Deviances, with rows added up to one of few lengths: folds of about one size share a compiled program."""
        step = max(LEAST_ROWS, 2 ** (len(y).bit_length() - 3))
        padding = -len(y) % step
        predictions = np.concatenate([predictions, np.zeros((padding, predictions.shape[1]))])
        return np.asarray(_deviances(loss, np.append(y, np.full(padding, y[0])), predictions))[: len(y)]

    return Metric("deviance", _mean_of(of_rows), of_rows)


@jax.jit
def _deviances(loss, y, eta):
    return 2 * (loss.value(y[:, None], eta) - loss.saturated(y)[:, None])


def _scalar(value):
    if np.shape(value) != ():
        raise ValueError(f"metric gives an array of shape {np.shape(value)}; give a function that returns one number.")
    return float(value)


def average(
    fold_loss: Float[np.ndarray, "... K L"], fold_weight: Float[np.ndarray, " K"], repeats: int
) -> tuple[Float[np.ndarray, "... L"], Float[np.ndarray, "... L"]]:
    """(mean, standard error) of losses over K folds, those of all repeats, with their weights.

        m = sum_k W_k e_k,    se^2 = sum_k W_k (e_k - m)^2 / (K - 1),    sum_k W_k = 1

    as in glmnet. Repeats draw other folds of the same data: se^2 is the mean of theirs, each about its own m. The
    standard error of one fold alone is NaN.
    """
    *leading, K, L = fold_loss.shape
    losses = fold_loss.reshape(*leading, repeats, K // repeats, L)
    weight = fold_weight.reshape(repeats, -1, 1)
    weight = weight / weight.sum(axis=1, keepdims=True)
    mean = (weight * losses).sum(axis=-2, keepdims=True)
    if K == repeats:
        return mean.mean(axis=(-3, -2)), np.full((*leading, L), np.nan)
    scale = np.abs(losses - mean).max() or 1.0  # the square of a loss may overflow
    variance = (weight * ((losses - mean) / scale) ** 2).sum(axis=-2) / (K // repeats - 1)
    return mean.mean(axis=(-3, -2)), scale * np.sqrt(variance.mean(axis=-2))
