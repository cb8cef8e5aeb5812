"""What judges folds that were solved side by side, on the rows that each holds out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._capacities import capacity_for
from jaxreg.cv._fits import judged
from jaxreg.design._base import PRECISION
from jaxreg.scores._numbers import squared_errors

if TYPE_CHECKING:
    from jaxtyping import Float


class HeldOutRows:
    """The held-out rows of a fold with one mixing parameter; predictions are made for all folds at once."""

    def __init__(self, rows, predictions):
        self.rows, self._predictions = rows, predictions

    def predict(self, offset, positions):
        """Predictions (m, len(positions) [, K]) at some positions of the grid, offset included."""
        eta = self._predictions(tuple(map(int, positions)))
        return eta if offset is None else eta + offset[self.rows][:, None]


class Judge(ABC):
    """Judges the fits of F folds, which are lanes of some Solutions, with A mixing parameters at L lambdas.

    folds: F of them; solved: their Solutions, those of the folds being the last; row_weight: (n,)
    """

    def __init__(self, setup, folds, solved, row_weight):
        self.setup, self.folds, self.solved, self.row_weight = setup, folds, solved, row_weight
        self.first = len(solved.objectives) - len(folds)
        self.lanes = solved.objectives[self.first :]
        self.held_out = [self._held_out(i) for i in range(len(solved.at))]  # once: they keep what they predicted

    @abstractmethod
    def losses(self, metric: Any) -> tuple[Float[np.ndarray, "F A L"], Float[np.ndarray, "F A K L"]]:
        """(scores, mean squared errors)."""

    @abstractmethod
    def _predicted(self, at: Any) -> tuple[Any, Any]:
        """On the device, (predictions (F, m, P, K) of problems `at` (P,), b (F', P, m' [, K])).

        Predictions are without mean and offset, in the unit of `_unit`, and anything for rows that have no weight.
        """

    @abstractmethod
    def _unit(self, f: int) -> float:
        """The unit of predictions of fold f."""

    @final
    def _of_all(self, score):
        """The `losses` by score(f, i), (scores (L,), mean squared errors (K, L)) of one fold and mixing parameter."""
        F, A = len(self.folds), len(self.solved.at)
        results = [[score(f, i) for i in range(A)] for f in range(F)]
        return tuple(np.array([[of_mix[part] for of_mix in of_fold] for of_fold in results]) for part in (0, 1))

    @final
    def _by_predictions(self, metric):
        """The `losses` by predictions of the rows that are held out."""
        setup, at = self.setup, range(self.solved.at.shape[1])

        def score(f, i):
            predictions = self.held_out[i][f].predict(setup.data.offset, at)
            return judged(metric, setup.loss, setup.data.y, self.row_weight, self.folds[f], predictions)

        return self._of_all(score)

    @final
    def _held_out(self, i):
        """HeldOutRows of each fold with the mixing parameter i."""
        objective = self.setup.objective
        without = [np.flatnonzero(objective.root[fold.rows] == 0) for fold in self.folds]  # these the design has not

        @cache
        def all_folds(positions):
            predictions, b = self._predicted(jax.device_put(self.solved.at[i, list(positions)]))
            return jax.device_get((predictions, b if any(map(len, without)) else None))

        def of_fold(f, positions):
            rows, (predictions, b) = self.folds[f].rows, all_folds(positions)
            eta = objective.y_mean + self._unit(f) * predictions[f, : len(rows)]
            eta = eta[..., 0] if objective.responses is None else eta
            if without[f].size:
                eta[without[f]] = _by_data(self.lanes[f], rows[without[f]], b[self.first + f])
            return eta

        return [HeldOutRows(fold.rows, partial(of_fold, f)) for f, fold in enumerate(self.folds)]


def _by_data(objective, rows, b):
    """Predictions (k, P [, K]) of rows of the data (k,) by b (P, m' [, K]), without an offset."""
    from scipy.sparse import csr_array

    design, p = objective.design, objective.design.p
    b, b0 = b[:, :p], b[:, b.shape[1] - objective.free :]
    coef = b * objective.per_coefficient(b[0])
    means = (design if objective.loss.has_intercept else design.base).columns.mean
    intercept = objective.y_mean - np.einsum("pj...,j->p...", coef, means) + objective.unit * b0.sum(axis=1)
    if objective.loss.coupling == "outputs":
        intercept = intercept - intercept.mean(axis=1, keepdims=True)
    return design.base.linear_predictor(rows, csr_array(coef.reshape(len(coef), -1)), intercept)


def filled_rows(folds):
    """(the rows that F folds hold out (F, m), how often each counts (F, m)): m rows of each, or fewer and copies."""
    index = np.zeros((len(folds), capacity_for(max(len(fold.rows) for fold in folds))), int)
    count = np.zeros(index.shape)
    for f, fold in enumerate(folds):
        index[f, : len(fold.rows)], count[f, : len(fold.rows)] = fold.rows, fold.counts
    return index, count


class _Rows(NamedTuple):
    """Where the linear predictors of what F folds hold out are."""

    lane: Any  # (F,) of the folds among all that are fitted
    index: Any  # (F, m) the rows
    level: Any  # (F, m') what is added for b = 1


def _levels(b, level):
    """What is added to linear predictors (P,) by b (P, m' [, K]): one number for all outputs that a loss couples."""
    return jnp.mean(jnp.einsum("pjk,j->pk", b.reshape(*b.shape[:2], -1), level, precision=PRECISION), axis=1)


@jax.jit
def _predictions(rows, images, b, at):
    """(predictions (F, m, P, K) in the unit of each fold, b (F', P, m' [, K])) of the problems `at` (P,)."""
    b = b[:, at]
    levels = jax.vmap(_levels)(b[rows.lane], rows.level)
    predicted = images[rows.lane[:, None, None], at[:, None], rows.index[:, None]]
    predicted = predicted.reshape(*predicted.shape[:3], -1) + levels[:, :, None, None]
    return jnp.swapaxes(predicted, 1, 2), b


@jax.jit
def _of_all_rows(rows, images, b, f, at):
    """Predictions (n, P) of all rows by the fold f, in its unit, of a loss with one output."""
    lane = rows.lane[f]
    levels = _levels(b[lane, at], rows.level[f])
    return (images[lane, at] + levels[:, None]).T


class OfImages(Judge):
    """Of another loss than the squared one, whose solutions come with the linear predictors of all rows."""

    def __init__(self, setup, folds, solved, row_weight, splits):
        super().__init__(setup, folds, solved, row_weight)
        self.splits, base = splits, setup.objective.design
        index, _ = filled_rows(folds)
        level = np.zeros((len(folds), solved.b.shape[2]))
        mean = np.stack([lane.design.columns.mean for lane in self.lanes])
        coef = np.stack([lane.per_coefficient(mean[0]) / lane.unit for lane in self.lanes])
        if not setup.loss.has_intercept:  # held-out rows of all folds are compared: about one level
            level[:, : base.p] = coef * (mean - base.columns.mean)
        elif setup.loss.coupling == "outputs":  # as intercepts are returned: with the mean 0
            level[:, : base.p] = coef * mean
            level[:, level.shape[1] - self.lanes[0].free :] = -1.0
        self.rows = jax.device_put(_Rows(self.first + np.arange(len(folds)), index, level))

    def losses(self, metric):
        if metric.of_split is None:
            return self._by_predictions(metric)
        setup, (y, offset) = self.setup, (self.setup.data.y, self.setup.data.offset)

        def score(f, i):
            at, rows = jax.device_put(self.solved.at[i]), self.folds[f].rows
            predictions = _of_all_rows(self.rows, self.solved.images, self.solved.b, f, at)
            everything = self._unit(f) * jax.device_get(predictions)
            everything = everything if offset is None else everything + offset[:, None]
            errors = squared_errors(setup.loss, y[rows], everything[rows], self.row_weight[rows])
            return metric.of_split(y, everything, *self.splits[f](self.row_weight)), errors

        return self._of_all(score)

    def _predicted(self, at):
        return _predictions(self.rows, self.solved.images, self.solved.b, at)

    def _unit(self, f):
        return self.lanes[f].unit
