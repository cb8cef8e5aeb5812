"""Folds side by side: solved and certified where the data are, and those of the squared loss judged there."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.cv._fits import Fits, SolvedPath
from jaxreg.cv._judges import Judge, OfImages, filled_rows
from jaxreg.design._base import PRECISION
from jaxreg.paths import _ridges, _solutions
from jaxreg.paths._points import points_of
from jaxreg.paths._queue import places_for

AT_ONCE = 2**25  # predictions that are judged at once
MATRICES, SOLUTIONS, SEARCHES = 5, 6, 24  # of a lane, in memory at once; vectors of a problem, and of a search for one
IMAGES = 3  # of a problem, where products are those with X


def size(objective, m, A, L):
    """Bytes that a lane of m columns takes, with A mixing parameters and L lambdas."""
    K, searches = objective.responses or 1, SEARCHES * places_for(A * L)
    vectors = 8 * K * m * (SOLUTIONS * A * L + searches)
    if objective.squared:
        return vectors + 8 * MATRICES * m**2
    return vectors + 8 * K * objective.design.n * (IMAGES * A * L + searches)


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


def fitted(folded, lanes, part, mixes):
    """(SolvedPaths of all rows by mixing parameter, none where the first lane is a fold; Fits of folds likewise).

    lanes: LaneProblems of all rows, perhaps, and of the folds `part`
    """
    setup, metric = folded.setup, folded.metric
    objectives, grids = [lane.objective for lane in lanes], folded.lambdas[mixes]
    penalties = [objectives[0].with_mixing(setup.l1_ratios[a]).penalty for a in mixes]
    lambdas = np.stack([grids / objective.lambda_unit for objective in objectives])
    starts = [np.zeros((objective.design.p, *objective.outputs)) for objective in objectives]
    first, full, rows, errors = len(lanes) - len(part), [], None, None
    folds = [folded.folds.held_out[k] for k in part]
    if setup.loss.quadratic:
        rows, errors = _rows(setup, objectives, first, folds), _errors
    certificates = [lane.certify for lane in lanes]
    if setup.solvers[mixes[0]] == "ridge":
        (penalty,) = penalties
        solved: Any = _ridges.solve(objectives, certificates, penalty, lambdas[:, 0], folded.options, rows, errors)
    else:
        solved = _solutions.solve(objectives, certificates, penalties, lambdas, folded.options, starts, rows, errors)
    if first:
        asked = np.arange(grids.shape[1])
        points = [points_of(objectives[0], [block]) for block in solved.blocks()]
        full = [SolvedPath(of_mix, grid, asked) for of_mix, grid in zip(points, grids, strict=True)]
    of_folds = setup, folds, solved, folded.row_weight
    if setup.loss.quadratic:
        judge: Judge = _OfSamples(*of_folds, rows, folded.keep_predictions)
    else:
        judge = OfImages(*of_folds, [partial(folded.folds.split, k) for k in part])
    null_losses = np.stack([objective.null_losses for objective in objectives[first:]])
    losses, squared = judge.losses(metric)
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
    index, count = filled_rows(folds)
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


class _OfSamples(Judge):
    """Of the squared loss: errors come along with the solutions, predictions are made of the rows where asked for."""

    def __init__(self, setup, folds, solved, row_weight, rows, keep_predictions):
        super().__init__(setup, folds, solved, row_weight)
        self.rows, self.keep_predictions = rows, keep_predictions

    def losses(self, metric):
        if metric.of_errors is None or self.keep_predictions:
            return self._by_predictions(metric)
        unit, y, weight = self.setup.objective.unit, self.setup.data.y, self.row_weight
        y = y.reshape(len(y), -1)
        squared, absolute = (np.moveaxis(values[:, self.solved.at], -1, 2) for values in self.solved.judged)

        def score(f, i):
            rows, counts = self.folds[f].rows, self.folds[f].counts
            errors = unit**2 * squared[f, i], unit * absolute[f, i]
            return metric.of_errors(*errors, y[rows], weight[rows] * counts), errors[0]

        return self._of_all(score)

    def _predicted(self, at):
        return _predictions(self.rows, self.solved.b, at)

    def _unit(self, f):
        return self.setup.objective.unit
