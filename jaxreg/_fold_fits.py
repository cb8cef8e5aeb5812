"""What was fitted of folds: records of lanes, in NumPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg._ends import End
from jaxreg._folds import Folds

PART = 2**21  # numbers of X


@dataclass(frozen=True)
class Lane:
    """The fits of one fold with one mixing parameter to one response, on the rows that it holds out."""

    rows: np.ndarray  # (m,)
    loss: np.ndarray  # (L,)
    squared_error: np.ndarray  # (L,), the mean over the rows
    gap: np.ndarray  # (L,)
    n_iter: np.ndarray  # (L,)
    full: np.ndarray  # (L,) bool, whether memory had no room for all columns
    null_loss: float  # of the training rows, 0 where the null model fits them exactly
    coef: Any  # (L, p) CSR, or None where predictions take less memory
    intercept: Any  # (L,), likewise
    predictions: np.ndarray | None  # (m, L)

    def predict(self, data, k):
        """Predictions (m, len(k)) at the positions k of the grid."""
        if self.predictions is not None:
            return self.predictions[:, k]
        return predictions_of(data, self.rows, self.coef[k], self.intercept[k])


def predictions_of(data, rows, coef, intercept):
    """Predictions (m, L) of rows of the data, offset included; of X no more than PART numbers are copied at once."""
    X, J = np.asarray(data.X), np.unique(coef.indices)
    dense = coef[:, J].toarray().T
    found, length = np.empty((len(rows), len(intercept))), max(PART // max(len(J), 1), 1)
    for first in range(0, len(rows), length):
        part = rows[first : first + length]
        columns = np.asarray(X.T[J[:, None], part], dtype=np.float64)
        found[first : first + length] = columns.T @ dense + intercept
    return found if data.offset is None else found + data.offset[rows, None]


@dataclass(frozen=True)
class Fits:
    """The fits of all folds with one mixing parameter to one response."""

    loss: np.ndarray  # (K, L)
    squared_error: np.ndarray  # (K, L)
    gap: np.ndarray  # (K, L)
    n_iter: np.ndarray  # (K, L)
    full: np.ndarray  # (K, L)
    null_loss: np.ndarray  # (K,)
    lanes: list[Lane]  # they predict every row that is held out


@dataclass(frozen=True)
class Solved:
    """One lane's points at a grid that may have more lambdas than were asked for, those at `kept`."""

    points: list
    grid: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What was fitted: all that was asked for, unless Ctrl-C came between."""

    full: list  # Solved of all rows, by response and mixing parameter
    fits: list  # Fits of the folds, likewise
    mixes: list[int]  # positions of the mixing parameters
    folds: Folds
    ended: End | None  # where all grids are cut


def stacked(lanes):
    names = "loss", "squared_error", "gap", "n_iter", "full", "null_loss"
    return Fits(**{name: np.stack([getattr(lane, name) for lane in lanes]) for name in names}, lanes=lanes)
