"""What a metric is: a score of the linear predictors of held-out rows, with one loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


NEGATIVE = "negative "  # before the title of a measure that is better the higher it is, as a loss


def _nothing(y, weight, labels):
    return None


@dataclass(frozen=True)
class Metric:
    """A score of linear predictors (m, L), or (m, L, K) of K outputs, at L lambdas, of held-out rows: lower is better.

    The response y (m,) or (m, K) is as the loss encodes it. Several responses are judged each alone, and averaged;
    outputs that the loss couples are judged together. A score is in the units of y, or of what it measures, and not of
    the objective. A measure that is better the higher it is counts with its sign changed.
    """

    title: str  # of the measure
    in_fold: Callable  # (y, eta, weight) -> (L,), the score of a fold whose rows have weights (m,)
    of_rows: Callable | None = None  # (y, eta) -> (m, L), whose weighted mean is that score; None where it is no mean
    higher_is_better: bool = False  # of the measure
    # (y, weight, labels of classes or None) -> why these rows have no such measure, in words; None where they have
    lacks: Callable = _nothing
    squared: bool = False  # whether it is the mean squared error
    # (mean squared errors (K, L), mean absolute ones, y (m, K), weight) -> (L,), where it follows from these
    of_errors: Callable | None = None
    # (y, eta, training, held_out) -> (L,) of all rows, with the weights of those that train and of those held out, for
    # a score that needs both
    of_split: Callable | None = None
    share: Callable | None = None  # y -> (m,), the part of its weight that a row has in averages; None: all of it

    @property
    def name(self) -> str:
        """What the score is, on an axis of losses."""
        return NEGATIVE + self.title if self.higher_is_better else self.title

    def measured(self, score: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
        """The measure in the user's terms, of the score."""
        return -score if self.higher_is_better else score

    def of_each(
        self, y: Float[np.ndarray, "m ..."], eta: Float[np.ndarray, "m L ..."], weight: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, "m L"]:
        """The scores where every row is a fold."""
        if self.of_rows is not None:
            return self.of_rows(y, eta)
        return np.stack([self.in_fold(y[[i]], eta[[i]], weight[[i]]) for i in range(len(y))])


def mean_metric(title: str, of_rows: Callable, **more) -> Metric:
    """The Metric that is the weighted mean of scores of rows (y, eta) -> (m, L)."""
    return Metric(title, lambda y, eta, weight: weight @ of_rows(y, eta) / weight.sum(), of_rows, **more)


def joined(loss, scores: Float[np.ndarray, "m L ..."]) -> Float[np.ndarray, "m L"]:
    """Scores of rows, of those of their outputs: the average of several responses, the sum over classes."""
    if scores.ndim == 2:
        return scores
    return scores.sum(axis=-1) if loss.coupling == "outputs" else scores.mean(axis=-1)
