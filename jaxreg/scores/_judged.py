"""Predictions beside what happened, and all that can be said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg import _validation
from jaxreg.scores import _curves
from jaxreg.scores._classes import decided, shares
from jaxreg.scores._metrics import METRICS

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Judged:
    """Linear predictors of m rows with a weight at L lambdas, and the response there, as the loss encodes it."""

    loss: Any
    labels: np.ndarray | None  # (C,) of classes
    lambdas: Float[np.ndarray, " L"]
    y: Float[np.ndarray, "m ..."]
    eta: Float[np.ndarray, "m L ..."]
    weight: Float[np.ndarray, " m"]

    def measures(self) -> dict[str, Float[np.ndarray, " L"]]:
        """All measures of the family by the names that `metric` takes, in the user's terms; NaN where not defined."""
        return {name: self._measured(METRICS[name](self.loss)) for name in self.loss.metrics}

    def measure(self, name: str | None) -> tuple[str, Float[np.ndarray, " L"]]:
        """(title, values) of the measure of this name; None is the first of the family."""
        names = self.loss.metrics
        metric = METRICS[names[0] if name is None else _validation.check_choice(name, "measure", names)](self.loss)
        return metric.title, self._measured(metric)

    def _measured(self, metric):
        if metric.lacks(self.y, self.weight, self.labels) is not None:
            return np.full(len(self.lambdas), np.nan)
        return metric.measured(metric.in_fold(self.y, self.eta, self.weight))

    def rocs(self) -> dict[Any, _curves.Roc]:
        """The ROC curve at the first lambda by the label of the class: the second of two, or each against the others.

        ValueError where a class is missing.
        """
        lacking = METRICS["auc"](self.loss).lacks(self.y, self.weight, self.labels)
        if lacking is not None:
            raise ValueError(f"y: {lacking} in these rows, so that there is no ROC curve; give rows of all classes.")
        return {
            label: _curves.roc(share, values, self.weight) for label, share, values in self._against_others()
        }  # fmt: skip

    def confusion(self) -> Float[np.ndarray, "C C"]:
        """Weight at the first lambda of the rows of each class by the class that is predicted."""
        members = shares(self.y)
        return _curves.confusion(members, decided(self.loss, self.eta[:, 0], members.shape[1]), self.weight)

    def calibration(self, bins: int, strategy: str) -> dict[Any, _curves.Bins]:
        """Bins of predictions at the first lambda, by the label of the class as in `rocs`, or by the response."""
        if self.loss.coupling == "rows":
            raise ValueError(f"the loss {self.loss!r} has no mean of the response, which calibration is of.")
        if self.labels is not None:
            pairs = self._against_others()
        else:
            outputs = self.y.reshape(len(self.y), -1), self._responses().reshape(len(self.y), -1)
            pairs = zip(range(outputs[0].shape[1]), *(values.T for values in outputs), strict=True)
        return {
            name: _curves.calibration(observed, predicted, self.weight, bins, strategy)
            for name, observed, predicted in pairs
        }

    def _responses(self):
        """Predictions (m [, K]) of the response at the first lambda."""
        return self.loss.inverse_link(self.eta[:, 0])

    def _against_others(self):
        """(label, shares (m,), predictions (m,)) of the second of two classes, or of each of several."""
        members, predicted = shares(self.y), self._responses()
        labels = np.arange(members.shape[1]) if self.labels is None else self.labels
        if predicted.ndim == 1:
            return [(labels[1].item(), members[:, 1], predicted)]
        return zip(labels.tolist(), members.T, predicted.T, strict=True)
