"""Held-out predictions of numbers beside the responses they predict: points to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg.losses._links import inverse_link
from jaxreg.scores._numbers import variance

if TYPE_CHECKING:
    from jaxtyping import Float


POINTS, SEED = 2000, 0  # points of one response, at most; the seed that draws them among more
POINT_DIGITS = 6  # of the coordinates of a point


def predictions_at_choice(cv) -> Float[np.ndarray, "n K"]:
    """Held-out predictions (n, K) at the chosen mixing parameter and lambda; K is 1 for one response."""
    n, predictions = len(cv.y), cv.oof_predictions
    if predictions.ndim > cv.y.ndim:  # keep="all" has predictions at all mixing parameters (A, n, L[, K])
        a, k = cv.best
        predictions = predictions[a, :, k]
    return predictions.reshape(n, -1)


def points_of_responses(cv) -> list[dict[str, Any]] | None:
    """For each response its points and the errors of its predictions; None where there is nothing to draw."""
    if cv.y is None or cv.r2 is None or cv.path.data.get("of_classes") or cv.path.link is None:
        return None
    actual = cv.y.reshape(len(cv.y), -1)
    means = inverse_link(cv.path.link, predictions_at_choice(cv))
    weighted = cv.path.data.get("weighted", False)
    return [_points_of_response(y, predicted, weighted) for y, predicted in zip(actual.T, means.T, strict=True)]


def _points_of_response(y, predicted, weighted):
    rows = np.flatnonzero(np.isfinite(predicted))
    residual, spread = y[rows] - predicted[rows], variance(y[rows], np.ones(len(rows)))
    drawn = rows
    if len(rows) > POINTS:
        drawn = np.sort(np.random.default_rng(SEED).choice(rows, POINTS, replace=False))
    return {
        "rows": drawn.tolist(),
        "actual": _short(y[drawn]),
        "predicted": _short(predicted[drawn]),
        "held_out": len(rows),
        "weighted": weighted,
        "total": len(y),
        "rmse": float(np.sqrt((residual**2).mean())),
        "r2": float(1 - (residual**2).mean() / spread) if spread > 0 else None,
    }


def _short(values):
    return [float(f"{value:.{POINT_DIGITS}g}") for value in values]
