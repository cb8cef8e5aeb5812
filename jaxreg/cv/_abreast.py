"""Folds side by side, of the squared loss: solved, certified and judged where the data are."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg._capacities import capacity_for
from jaxreg.cv._fits import Fits, SolvedPath, judged
from jaxreg.design._base import PRECISION
from jaxreg.paths import _ridges, _solutions
from jaxreg.paths._points import points_of
from jaxreg.paths._queue import places_for

AT_ONCE = 2**25  # predictions that are judged at once
MATRICES, SOLUTIONS, SEARCHES = 5, 6, 24  # of a lane, in memory at once; vectors of a problem, and of a search for one


def size(objective, m, A, L):
    """Bytes that a lane of m columns takes, with A mixing parameters and L lambdas."""
    vectors = SOLUTIONS * A * L + SEARCHES * places_for(A * L)
    return 8 * m * (MATRICES * m + vectors * (objective.responses or 1))


class _Rows(NamedTuple):
    """What is held out of F folds, in the unit of the objective of all rows; m rows of each, or fewer and copies."""

    operator: Any  # of the design of all rows
    lane: Any  # (F,) of the folds among all that are fitted
    index: Any  # (F, m) the rows
    root: Any  # (F, m)
    y: Any  # (F, m [, K]) times root
    count: Any  # (F, m) 0 of copies
    slope: Any  # (F, p) coefficients on the scale of that design for b = 1
    shift: Any  # (F, p) what they add to the intercept
    level: Any  # (F, 1 or K) the rest of it


class _Taken(NamedTuple):
    """Rows of a design that is no part of programs, in the place of it."""

    columns: Any  # (p, F m)

    def samples(self, rows):
        return self.columns.reshape(-1, *rows.shape)


def _predicted(rows, samples, b):
    """root times the predictions (F, m, K) of samples (p, F, m) by b (F', m' [, K])."""
    p = rows.slope.shape[1]
    coef = b.reshape(*b.shape[:2], -1)[rows.lane, :p] * rows.slope[:, :, None]
    level = rows.level + jnp.einsum("fpk,fp->fk", coef, rows.shift, precision=PRECISION)
    fit = jnp.einsum("fpk,pfm->fmk", coef, samples, precision=PRECISION)
    return fit + rows.root[:, :, None] * level[:, None]


@jax.jit
def _errors(rows, b):
    """Mean squared and mean absolute errors (2, F, N, K) by b (F', N, m' [, K])."""
    weight, samples = jnp.sum(rows.count * rows.root**2, axis=1), rows.operator.samples(rows.index)
    count, root = rows.count[:, :, None], rows.root[:, :, None]

    def of_problem(b):
        r = rows.y - _predicted(rows, samples, b)
        sums = jnp.sum(count * jnp.stack([r**2, root * jnp.abs(r)]), axis=2)
        return sums / weight[:, None]

    at_once = max(1, min(b.shape[1], AT_ONCE // rows.y.size))
    return jnp.moveaxis(lax.map(of_problem, jnp.swapaxes(b, 0, 1), batch_size=at_once), 0, 2)


@jax.jit
def _predictions(rows, b, at):
    """(predictions (F, m, P, K) by the problems `at` (P,), NaN for rows without a weight; b (F', P, m' [, K]))."""
    samples, b = rows.operator.samples(rows.index), b[:, at]
    predicted = jax.vmap(partial(_predicted, rows, samples), 1, 2)(b)
    root = rows.root[:, :, None, None]
    return jnp.where(root > 0, predicted / jnp.where(root > 0, root, 1.0), jnp.nan), b


def _by_data(objective, rows, b):
    """Predictions (k, P [, K]) of rows of the data (k,) by b (P, m' [, K]), without an offset."""
    from scipy.sparse import csr_array

    b = b[:, : objective.design.p]
    coef = b * objective.per_coefficient(b[0])
    intercept = objective.y_mean - np.einsum("pj...,j->p...", coef, objective.design.columns.mean)
    return objective.design.base.linear_predictor(rows, csr_array(coef.reshape(len(coef), -1)), intercept)


class HeldOutRows:
    """The held-out rows of a fold with one mixing parameter; predictions are made for all folds at once."""

    def __init__(self, rows, predictions):
        self.rows, self._predictions = rows, predictions

    def predict(self, offset, positions):
        """Predictions (m, len(positions) [, K]) at some positions of the grid, offset included."""
        eta = self._predictions(tuple(map(int, positions)))
        return eta if offset is None else eta + offset[self.rows][:, None]


def fitted(folded, lanes, part, mixes):
    """(SolvedPaths of all rows by mixing parameter, none where the first lane is a fold; Fits of folds likewise).

    lanes: LaneProblems of all rows, perhaps, and of the folds `part`
    """
    setup, metric = folded.setup, folded.metric
    objectives, grids = [lane.objective for lane in lanes], folded.lambdas[mixes]
    penalties = [objectives[0].with_mixing(setup.l1_ratios[a]).penalty for a in mixes]
    lambdas = np.stack([grids / objective.lambda_unit for objective in objectives])
    starts = [np.zeros((objective.design.p, *objective.outputs)) for objective in objectives]
    first, full = len(lanes) - len(part), []
    rows = _rows(setup, objectives, first, [folded.folds.held_out[k] for k in part])
    certificates = [lane.certify for lane in lanes]
    if setup.solvers[mixes[0]] == "ridge":
        (penalty,) = penalties
        solved: Any = _ridges.solve(objectives, certificates, penalty, lambdas[:, 0], folded.options, rows, _errors)
    else:
        solved = _solutions.solve(objectives, certificates, penalties, lambdas, folded.options, starts, rows, _errors)
    if first:
        asked = np.arange(grids.shape[1])
        points = [points_of(objectives[0], [block]) for block in solved.blocks()]
        full = [SolvedPath(of_mix, grid, asked) for of_mix, grid in zip(points, grids, strict=True)]
    judge = _Judge(setup, solved, rows, [folded.folds.held_out[k] for k in part], first)
    null_losses = np.stack([objective.null_losses for objective in objectives[first:]])
    losses, squared = judge.losses(metric, folded.row_weight, folded.keep_predictions)
    fits = [
        Fits(
            loss=losses[:, i],
            squared_error=squared[:, i],
            gap=solved.gaps[first:, i],
            n_iter=solved.n_iter[first:, i],
            status=solved.status[first:, i],
            null_losses=null_losses,
            held_out=judge.held_out[i],
        )
        for i in range(len(mixes))
    ]
    return full, fits


def _rows(setup, objectives, first, folds):
    """The _Rows that F folds hold out, whose fits are of the objectives from the `first` on."""
    lanes = objectives[first:]
    objective, data, base = setup.objective, setup.data, setup.objective.design
    index = np.zeros((len(folds), capacity_for(max(len(fold.rows) for fold in folds))), int)
    count = np.zeros(index.shape)
    for f, fold in enumerate(folds):
        index[f, : len(fold.rows)], count[f, : len(fold.rows)] = fold.rows, fold.counts
    y = data.y if data.offset is None else data.y - data.offset
    y = ((y - objective.y_mean) / objective.unit).reshape(len(y), -1)
    root, mean = base.root[index], np.stack([lane.design.columns.mean for lane in lanes])
    coef = np.stack([lane.per_coefficient(np.zeros(base.p)) for lane in lanes]) / objective.unit
    rows = _Rows(
        operator=None,
        lane=first + np.arange(len(folds)),
        index=index,
        root=root,
        y=root[:, :, None] * y[index],
        count=count,
        slope=coef * base.columns.norm,
        shift=(base.columns.mean - mean) / base.columns.norm,
        level=np.stack([np.atleast_1d(lane.y_mean - objective.y_mean) for lane in lanes]) / objective.unit,
    )
    operator = _Taken(base.samples(index.ravel())) if base.traced is None else base.traced
    return jax.device_put(rows)._replace(operator=operator)


class _Judge:
    """Judges the fits of F folds, lanes of some Solutions, on the rows that each holds out."""

    def __init__(self, setup, solved, rows, folds, first):
        self.setup, self.solved, self.rows, self.folds, self.first = setup, solved, rows, folds, first
        self.held_out = [self._held_out(i) for i in range(len(solved.at))]  # once: they keep what they predicted

    def losses(self, metric, row_weight, by_predictions):
        """(losses (F, A, L), mean squared errors (F, A, K, L))."""
        unit, at = self.setup.objective.unit, self.solved.at
        if metric.of_errors is None or by_predictions:
            return self._by_predictions(metric, row_weight)
        squared, absolute = (np.moveaxis(values[:, at], -1, 2) for values in self.solved.judged)
        squared, absolute, y = unit**2 * squared, unit * absolute, self.setup.data.y
        y, losses = y.reshape(len(y), -1), np.empty((*squared.shape[:2], squared.shape[3]))
        for f, i in np.ndindex(losses.shape[:2]):
            rows, counts = self.folds[f].rows, self.folds[f].counts
            losses[f, i] = metric.of_errors(squared[f, i], absolute[f, i], y[rows], row_weight[rows] * counts)
        return losses, squared

    def _by_predictions(self, metric, row_weight):
        A, L = self.solved.at.shape
        F, setup = len(self.folds), self.setup
        losses, squared = np.empty((F, A, L)), np.empty((F, A, setup.objective.responses or 1, L))
        for i in range(A):
            for f, (fold, rows) in enumerate(zip(self.folds, self.held_out[i], strict=True)):
                predictions = rows.predict(setup.data.offset, range(L))
                losses[f, i], squared[f, i] = judged(metric, setup.loss, setup.data.y, row_weight, fold, predictions)
        return losses, squared

    def _held_out(self, i):
        """HeldOutRows of each fold with the mixing parameter i."""
        objective = self.setup.objective
        without = [np.flatnonzero(objective.root[fold.rows] == 0) for fold in self.folds]  # these the design has not

        @cache
        def all_folds(positions):
            at = jax.device_put(self.solved.at[i, list(positions)])
            predictions, b = _predictions(self.rows, self.solved.b, at)
            predictions, b = jax.device_get((predictions, b if any(map(len, without)) else None))
            return objective.y_mean + objective.unit * predictions, b

        def of_fold(f, positions):
            rows, (predictions, b) = self.folds[f].rows, all_folds(positions)
            eta = predictions[f, : len(rows)]
            eta = eta[..., 0] if objective.responses is None else eta
            if without[f].size:
                lane = self.solved.objectives[self.first + f]
                eta[without[f]] = _by_data(lane, rows[without[f]], b[self.first + f])
            return eta

        return [HeldOutRows(fold.rows, partial(of_fold, f)) for f, fold in enumerate(self.folds)]
