"""What was fitted of folds: records of lanes, in NumPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.cv._folds import Folds
from jaxreg.paths._endings import End
from jaxreg.paths._points import Points
from jaxreg.scores._numbers import squared_errors


@dataclass(frozen=True)
class HeldOut:
    """Predictions of rows that were held out, or the fits that make them."""

    rows: np.ndarray  # (m,)
    coef: Any  # CSR (L, p) or (L, p K), or None where predictions take less memory
    intercept: Any  # (L,) or (L, K), likewise
    predictions: np.ndarray | None  # (m, L) or (m, L, K), offset included
    design: Any  # which predicts its rows

    def predict(self, offset, positions):
        """Predictions (m, len(positions) [, K]) at some positions of the grid."""
        if self.predictions is not None:
            return self.predictions[:, positions]
        return predictions_of(self.design, offset, self.rows, self.coef[positions], self.intercept[positions])


def predictions_of(design, offset, rows, coef, intercept):
    """Predictions (m, L) or (m, L, K) of rows of the data, offset included."""
    eta = design.linear_predictor(rows, coef, intercept)
    if offset is None:
        return eta
    return eta + offset[rows][:, None]  # (m, 1), or (m, 1, K) of K outputs


@dataclass(frozen=True)
class Fits:
    """The fits of folds (F,) with one mixing parameter, judged on the rows that each holds out."""

    loss: np.ndarray  # (F, L)
    squared_error: np.ndarray  # (F, K, L), means over the rows; K is 0 for a loss without an R squared
    gap: np.ndarray  # (F, L)
    n_iter: np.ndarray  # (F, L)
    status: np.ndarray  # (F, L)
    null_losses: np.ndarray  # (F, K) of the training rows, 0 where the null model fits them exactly
    held_out: list[HeldOut]  # of all rows that are held out

    def __len__(self):
        return len(self.loss)

    @classmethod
    def joined(cls, fits):
        """One Fits of several folds."""
        names = "loss", "squared_error", "gap", "n_iter", "status", "null_losses"
        arrays = {name: np.concatenate([getattr(fold, name) for fold in fits]) for name in names}
        return cls(**arrays, held_out=[part for fold in fits for part in fold.held_out])


@dataclass(frozen=True)
class SolvedPath:
    """One lane's points at a grid that may have more lambdas than were asked for."""

    points: Points
    grid: np.ndarray
    asked: np.ndarray  # positions of those that were asked for


@dataclass(frozen=True)
class Outcome:
    """What was fitted: all that was asked for, unless Ctrl-C came between."""

    full: list  # SolvedPath of all rows, by mixing parameter
    fits: list[Fits]  # of all folds, likewise
    mixes: list[int]  # positions of the mixing parameters
    folds: Folds
    ended: End | None  # where all grids are cut


def judged(metric, loss, y, weight, fold, predictions):
    """(scores (L,), mean squared errors (K, L)) of predictions (m, L [, K]) of the rows of a fold.

    y (n [, K]) and weight (n,) are those of all rows.
    """
    y, weight = y[fold.rows], weight[fold.rows] * fold.counts
    squares = squared_errors(loss, y, predictions, weight)
    if metric.squared and len(squares):
        return squares.mean(axis=0), squares
    return metric.in_fold(y, predictions, weight), squares
