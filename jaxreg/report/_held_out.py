"""Held-out predictions beside the responses they predict: points to draw, or counts of two classes."""

from typing import Any

import numpy as np

from jaxreg._scores import variance

POINTS, SEED = 2000, 0  # drawn of one response at most, and of the draw among more
DIGITS = 6  # of what is drawn


def at_choice(cv) -> np.ndarray:
    """Held-out predictions (n, R) at the chosen mixing parameter and lambda; R is 1 for one response."""
    n, predictions = len(cv.y), cv.oof_predictions
    if predictions.ndim > cv.y.ndim:  # keep="all" has them at all mixing parameters (A, n, L[, R])
        a, k = cv.best
        predictions = predictions[a, :, k]
    return predictions.reshape(n, -1)


def points(cv) -> list[dict[str, Any]] | None:
    """Of each response what is drawn of it and how well it is predicted; None where there is nothing to draw."""
    if cv.y is None or cv.path.data.get("of_classes") or cv.path.link is None:
        return None
    actual = cv.y.reshape(len(cv.y), -1)
    weighted = cv.path.data.get("weighted", False)
    return [_points(y, predicted, weighted) for y, predicted in zip(actual.T, at_choice(cv).T, strict=True)]


def _points(y, predicted, weighted):
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


def class_counts(cv) -> np.ndarray | None:
    """Held-out rows (2, 2) by their class, -1 and 1, and by the one that is predicted; None for other losses."""
    if cv.y is None or not cv.path.data.get("of_classes"):
        return None
    predicted = at_choice(cv)[:, 0]
    known = np.isfinite(predicted)
    sides = (cv.y[known] > 0).astype(int), (predicted[known] >= 0).astype(int)
    counts = np.zeros((2, 2), int)
    np.add.at(counts, sides, 1)
    return counts


def _short(values):
    return [float(f"{value:.{DIGITS}g}") for value in values]
