"""Measures of classes and of their probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jaxreg.scores._deviance import deviances
from jaxreg.scores._metric import Metric, mean_metric
from jaxreg.scores._numbers import squared
from jaxreg.scores._ranks import auc, average_precision

if TYPE_CHECKING:
    from jaxtyping import Float


def shares(y: Float[np.ndarray, "m ..."]) -> Float[np.ndarray, "m C"]:
    """The share of each class in each row of an encoded y: 0 and 1 of labels, between them of numbers of trials.

    y is (m, C), or of two classes (m,): the share of the second one, or -1 and 1.
    """
    if y.ndim == 2:
        return y
    second = np.maximum(y, 0.0)
    return np.stack([1.0 - second, second], axis=1)


def lacks_class(
    y: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"], labels: np.ndarray | None
) -> str | None:
    """That there is no row of a class, the first one, by its label; None where there is one of each."""
    absent = np.flatnonzero(weight @ shares(y) == 0).tolist()
    if not absent:
        return None
    return f"there is no row of class {absent[0] if labels is None else labels.tolist()[absent[0]]!r}"


def decided(loss, eta: Float[np.ndarray, "m L ..."], n_classes: int) -> np.ndarray:
    """Position (m, L) of the class that each linear predictor stands for."""
    return np.asarray(loss.decode(eta, np.arange(n_classes)))


def misclassification(loss) -> Metric:
    """The share of the weight whose class is another one than that predicted."""

    def of_rows(y, eta):
        members = shares(y)
        predicted = decided(loss, eta, members.shape[1])
        return 1.0 - np.take_along_axis(members, predicted, 1)

    return mean_metric("misclassification", of_rows)


def _ranking(title, measure):
    def metric(loss):
        def in_fold(y, eta, weight):
            if y.ndim == 1:
                return -measure(np.maximum(y, 0.0), eta, weight)
            probability = loss.inverse_link(eta)
            return -np.mean([measure(y[:, k], probability[..., k], weight) for k in range(y.shape[1])], axis=0)

        return Metric(title, in_fold, higher_is_better=True, lacks=lacks_class)

    return metric


# of three classes or more the average of each against all others
of_auc, of_average_precision = _ranking("AUC", auc), _ranking("average precision", average_precision)


def brier(loss) -> Metric:
    """Brier's score: the mean squared error of the probabilities, added up over three classes or more."""
    return replace(squared(loss), title="Brier score", squared=False)


def log_loss(loss) -> Metric:
    """Mean of -log of the probability of the class that a row has, which is half the deviance where y has labels."""
    rows_of = deviances(loss)

    def of_rows(y, eta):
        members = shares(y)
        entropy = -(members * np.log(np.where(members > 0, members, 1.0))).sum(axis=1)
        return rows_of(y, eta) / 2 + entropy[:, None]

    return mean_metric("log loss", of_rows)


def share_right(
    y: Float[np.ndarray, " m"], predictions: Float[np.ndarray, "m ..."], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " ..."]:
    """Accuracy, for predictions (m,) or (m, L): the share of the weight whose class, the sign of y, they have."""
    unknown = y[~np.isin(y, (-1, 1))]
    if unknown.size:
        raise ValueError(f"y has the value {unknown[0]:g}; the labels of the two classes are -1 and 1.")
    y = y if predictions.ndim == 1 else y[:, None]
    return np.tensordot(weight / weight.sum(), np.where(predictions > 0, 1.0, -1.0) == y, 1)
