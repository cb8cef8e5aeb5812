"""Measures of predicted numbers: errors and R squared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg.scores._metric import Metric, joined, mean_metric

if TYPE_CHECKING:
    from jaxtyping import Float

SQUARED, ABSOLUTE, R_SQUARED = "mean squared error", "mean absolute error", "R squared"


def squared(loss) -> Metric:
    """Mean squared error of the response: of classes that of their probabilities, half of glmnet's where there are two.

    The squares of three or more classes are added up, as glmnet does.
    """

    def of_rows(y, eta):
        return joined(loss, (y[:, None] - loss.inverse_link(eta)) ** 2)

    return mean_metric(SQUARED, of_rows, squared=True, of_errors=lambda squares, *_: squares.mean(axis=0))


def absolute(loss) -> Metric:
    """Mean absolute error of the response, with classes as in the mean squared error."""

    def of_rows(y, eta):
        return joined(loss, abs(y[:, None] - loss.inverse_link(eta)))

    return mean_metric(ABSOLUTE, of_rows, of_errors=lambda _, absolutes, *rest: absolutes.mean(axis=0))


def r2(loss) -> Metric:
    """R squared, the average over responses."""

    def of_squares(squares, _, y, weight):
        return (squares / variance(y, weight)[:, None] - 1.0).mean(axis=0)

    def in_fold(y, eta, weight):
        return of_squares(squared_errors(loss, y, eta, weight), None, y.reshape(len(y), -1), weight)

    def lacks(y, weight, labels):
        return None if variance(y, weight).all() else "y does not vary"

    return Metric(R_SQUARED, in_fold, higher_is_better=True, lacks=lacks, of_errors=of_squares)


def squared_errors(
    loss, y: Float[np.ndarray, "m ..."], eta: Float[np.ndarray, "m L ..."], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "K L"]:
    """Mean squared errors of each response; none, K = 0, of a loss that has no R squared."""
    if "r2" not in loss.metrics:
        return np.zeros((0, eta.shape[1]))
    squares = (y[:, None] - loss.inverse_link(eta)) ** 2
    means = np.tensordot(weight, squares, 1) / weight.sum()
    return means.reshape(len(means), -1).T


def variance(y: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"]) -> Float[np.ndarray, " ..."]:
    """Weighted variances of y over its rows: exactly 0 where they are rounding.

    Rounding may set the mean of equal numbers apart from them, so the first number is taken off before.
    """
    share = weight / weight.sum()
    deviation = y - y[np.argmax(weight > 0)]
    spread = np.tensordot(share, (deviation - np.tensordot(share, deviation, 1)) ** 2, 1)
    return np.where(spread > (4 * np.finfo(float).eps * np.abs(y).max(axis=0)) ** 2, spread, 0.0)


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
