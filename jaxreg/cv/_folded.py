"""All fits of a cross-validation: lanes = folds x mixing parameters, their points and held-out losses."""

from dataclasses import replace
from functools import partial
from itertools import takewhile

import numpy as np

from jaxreg import _progress
from jaxreg._setup import run_of
from jaxreg._status import Status
from jaxreg.cv import _abreast
from jaxreg.cv._fits import Fits, HeldOut, Outcome, SolvedPath, judged, predictions_of
from jaxreg.cv._lanes import LaneProblems
from jaxreg.cv._left_out import left_out
from jaxreg.paths import _lockstep, _ridges
from jaxreg.paths._closed_form import closed_form
from jaxreg.paths._endings import End
from jaxreg.paths._lockstep import answered
from jaxreg.paths._points import points_of
from jaxreg.paths._queue import number_for
from jaxreg.scores._averages import row_weight
from jaxreg.scores._numbers import squared_errors
from jaxreg.solvers.ridge import decomposed

BYTES = 2**28  # of the folds that are worked on at once: two Gram matrices, and a path and eight vectors of rows each
PART = 0.25  # of the free memory of a device, in place of that
LOCKSTEP = 10  # lanes that share a pass over the data: each holds a working set


class Folded:
    """Fits of the data and of all their folds at the grids (A, L) of the mixing parameters (A,).

    Ridge that leaves one out needs no fits beside those of the data.
    """

    def __init__(self, setup, folds, lambdas, request, metric, keep_predictions):
        self.setup, self.folds, self.l1_ratios, self.lambdas = setup, folds, setup.l1_ratios, lambdas
        self.request, self.metric, self.keep_predictions = request, metric, keep_predictions
        self.options = replace(setup.options, max_features=None, early_stop=False, progress=False)
        self.row_weight = row_weight(setup.data)
        self.lanes = LaneProblems(setup, folds, request)
        self.imputes = setup.data.incomplete is not None

    def run(self) -> Outcome:
        one_out = self.folds.leave_one_out and not self.imputes  # a closed form takes X to be the same for all rows
        closed = [a for a, solver in enumerate(self.setup.solvers) if solver == "ridge" and one_out]
        others = [a for a in range(len(self.l1_ratios)) if a not in closed]
        fitted = {a: self._leave_one_out(a) for a in closed}
        folds, ended = self.folds, None
        if others:
            full, fits, ended = self._fit_folds(others)
            done = len(fits[0])
            if closed and (done < len(folds) or len(full) < len(others) or ended):
                ended = None  # of the others nothing is kept: those in closed form are whole
            else:
                fitted |= zip(others, zip(full, fits, strict=False), strict=False)
                folds = folds if done == len(folds) else folds.first(done)
        mixes = sorted(fitted)
        return Outcome([fitted[a][0] for a in mixes], [fitted[a][1] for a in mixes], mixes, folds, ended)

    def _leave_one_out(self, a):
        """(SolvedPath of all rows, the Fits of the rows)."""
        setup, lambdas, objective = self.setup, self.lambdas[a], self.setup.objective.with_mixing(self.l1_ratios[a])
        data, certify = setup.data, setup.certify.of_penalty(objective.penalty)
        ridge = decomposed(objective, setup.gram, setup.model.fit_intercept)
        errors = left_out(ridge, objective, data, lambdas, setup.model)  # (n, L, K)
        loop = closed_form(objective, ridge, certify, lambdas / objective.lambda_unit, self.options)
        points = points_of(objective, list(answered(loop, objective.design)))
        n = len(data.y)
        predictions = data.y.reshape(n, 1, -1) - errors
        predictions = predictions[..., 0] if objective.responses is None else predictions
        losses = self.metric.of_each(data.y, predictions, self.row_weight)
        gap, n_iter, status = (
            np.broadcast_to(values, losses.shape) for values in (points.gaps, points.n_iter, points.status)
        )
        fits = Fits(
            loss=losses,
            squared_error=np.moveaxis(errors**2, -1, 1),
            gap=gap,
            n_iter=n_iter,
            status=status,
            null_losses=np.broadcast_to(objective.null_losses, (n, objective.null_losses.size)),
            held_out=[HeldOut(np.arange(n), None, None, predictions, objective.design)],
        )
        return SolvedPath(points, lambdas, np.arange(len(lambdas))), fits

    def _fit_folds(self, mixes):
        """(a SolvedPath of all rows for each mixing parameter, the Fits of all folds for each; the End or None).

        Ctrl-C leaves the folds that are finished, if there are two; else, where folds go side by side, the mixing
        parameters, or the lambdas, that they all have.
        """
        K, L, at_once = len(self.folds), self.lambdas.shape[1], self._folds_at_once(mixes)
        full: list = []
        fits: list = []
        ended = None
        with _progress.bar((K + 1) * len(mixes) * L, "folds", self.setup.options.progress) as show:
            for first in range(0, K, at_once):
                part, before = np.arange(first, min(first + at_once, K)), (first + bool(full)) * len(mixes) * L
                watch = partial(lambda before, done, *seen: show(before + done, *seen), before)
                try:
                    makers = self.lanes.of(part, with_all=not full)
                    if self._go_abreast(mixes):
                        of_all, of_folds = _abreast.fitted(self, [make() for make in makers], part, mixes)
                        full, fits = full or of_all, [*fits, of_folds]
                        watch((len(part) + (first == 0)) * len(mixes) * L, self.lambdas[mixes[-1]][-1], None)
                        continue
                    lanes, solved, ended = self._solved(makers, mixes, not full, watch)
                except KeyboardInterrupt:
                    lanes, solved = [], []
                    if sum(len(of_mixes[0]) for of_mixes in fits) < min(2, K):
                        raise
                if not full:
                    full, lanes = solved.pop(0), lanes[1:]
                length = None if ended is None else ended.length
                for k, lane, of_mixes in zip(part, lanes, solved, strict=False):
                    fits.append([self._judged(k, lane, points, length) for points in of_mixes])
                if len(solved) < len(part) or len(full) < len(mixes) or ended:
                    break
        if sum(len(of_mixes[0]) for of_mixes in fits) < min(2, K):
            raise KeyboardInterrupt
        return full, [Fits.joined(of_mix) for of_mix in zip(*fits, strict=True)][: len(full)], ended

    def _go_abreast(self, mixes):
        """Whether lanes are solved and judged by one program, where their data are."""
        if self.imputes:
            return False
        solvers = {self.setup.solvers[a] for a in mixes}
        return solvers == {"batched"} or (
            solvers == {"ridge"}
            and self.setup.gram is not None
            and _ridges.takes(self.setup.objective, self.setup.certify)
        )

    def _folds_at_once(self, mixes):
        """How many folds are worked on at once: what each of them takes, of the memory that there is for all."""
        (n, p), R, L = self.setup.data.X.shape, self.setup.objective.responses or 1, self.lambdas.shape[1]
        if self.imputes:
            return 1
        if self._go_abreast(mixes):
            placement = self.setup.objective.design.placement
            size = _abreast.size(self.setup.objective, placement.padded(p), len(mixes), L)
            room = PART * placement.available()
            return next((F for F in range(len(self.folds), 1, -1) if number_for(F + 1) * size <= room), 1)
        if self.setup.gram is None:
            return LOCKSTEP // R
        return max(1, BYTES // (16 * p**2 + R * (64 * n + 16 * p * L)))

    def _solved(self, makers, mixes, with_full, watch):
        """(LaneProblems, a list of SolvedPaths by mixing parameter for each, the End or None). Ctrl-C leaves fewer.

        makers: functions that make the LaneProblems; watch(done, lam, block) is told how many lambdas are done
        """
        if self.setup.gram is not None and not self.imputes:
            lanes, solved = self._in_threads(makers, mixes, watch)
            if with_full and not solved:
                raise KeyboardInterrupt
            return lanes, solved, None
        lanes = [make() for make in makers]
        if self.imputes:
            return lanes, self._one_by_one(lanes, mixes, watch), None
        return lanes, *self._side_by_side(lanes, mixes, with_full, watch)

    def _run(self, lane, a):
        """The Run of a lane with one mixing parameter."""
        return run_of(self.setup, lane, a, self.lambdas[a], self.options, self.request.warm_start)

    def _alone(self, lane, a):
        path = self._run(lane, a)
        blocks = list(answered(path.loop, lane.objective.design))
        return SolvedPath(points_of(lane.objective, blocks), path.grid, path.asked), blocks[-1]

    def _in_threads(self, makers, mixes, watch):
        """(LaneProblems, lists of SolvedPath), up to the first lane that Ctrl-C left undone."""
        done = 0

        def solve(make):
            lane = make()
            return lane, [self._alone(lane, a) for a in mixes]

        def count(result):
            nonlocal done
            done += sum(len(solved.asked) for solved, _ in result[1])
            watch(done, result[1][-1][0].grid[-1], result[1][-1][1])

        try:
            finished = self.setup.objective.design.placement.in_threads(solve, makers, count)
        except _progress.Interrupted as stop:
            finished = list(takewhile(lambda result: result is not None, stop.finished))
        return [lane for lane, _ in finished], [[solved for solved, _ in points] for _, points in finished]

    def _one_by_one(self, lanes, mixes, watch):
        solved: list = []
        for i, lane in enumerate(lanes):
            solved.append([])
            for a in mixes:
                points, last = self._alone(lane, a)
                solved[-1].append(points)
                watch((i * len(mixes) + len(solved[-1])) * self.lambdas.shape[1], self.lambdas[a][-1], last)
        return solved

    def _side_by_side(self, lanes, mixes, with_full, watch):
        """One pass over the data for all lanes."""
        by_mix: list = []
        ended = None
        for i, a in enumerate(mixes):
            runs = [self._run(lane, a) for lane in lanes]
            designs = [lane.objective.design for lane in lanes]
            try:
                loops = [path.loop for path in runs]
                blocks = _lockstep.run(loops, designs, self._counted(watch, i, runs))
            except _progress.Interrupted as stop:
                if by_mix and with_full:
                    break
                blocks = stop.finished
                length = min(
                    np.count_nonzero(path.asked < sum(map(len, of_lane)))
                    for of_lane, path in zip(blocks, runs, strict=True)
                )
                if not (with_full and length):
                    raise
                ended = End(int(length), Status.interrupted)
            by_mix.append(
                [
                    SolvedPath(points_of(lane.objective, of_lane), path.grid, path.asked)
                    for lane, of_lane, path in zip(lanes, blocks, runs, strict=True)
                ]
            )
            if ended:
                break
        return list(map(list, zip(*by_mix, strict=True))), ended

    def _counted(self, watch, mixes_done, runs):
        """What tells `watch` of the lists of blocks of some runs as they grow."""
        asked, grid = [path.asked for path in runs], runs[0].grid
        per_mix = len(runs) * self.lambdas.shape[1]

        def count(blocks):
            solved = [sum(map(len, of_lane)) for of_lane in blocks]
            done = sum(np.count_nonzero(positions < number) for positions, number in zip(asked, solved, strict=True))
            if solved[0]:
                watch(mixes_done * per_mix + done, grid[solved[0] - 1], blocks[0][-1])

        return count

    def _judged(self, k, lane, solved, length):
        """The Fits of the fold k with one mixing parameter, at the first `length` lambdas."""
        points, fold = solved.points.at(solved.asked[:length]), self.folds.held_out[k]
        base, errors, predictions = lane.objective.design.base, None, None
        y, offset, weight = self.setup.data.y, self.setup.data.offset, self.row_weight
        intercepts = points.intercept
        if not self.setup.loss.has_intercept:  # held-out rows of all folds are compared: about one level
            intercepts = intercepts - points.coef @ self.setup.record["feature_mean"]
        if lane.held_out is not None and self.metric.squared and not self.keep_predictions:
            errors = self._errors_by_moments(lane, points)
        if errors is not None:
            losses = errors.mean(axis=0)
        elif self.metric.of_split is None:
            predictions = predictions_of(base, offset, fold.rows, points.coef, intercepts)
            losses, errors = judged(self.metric, self.setup.loss, y, weight, fold, predictions)
        else:
            everything = predictions_of(base, offset, np.arange(len(y)), points.coef, intercepts)
            losses = self.metric.of_split(y, everything, *self.folds.split(k, weight))
            predictions = everything[fold.rows]
            errors = squared_errors(self.setup.loss, y[fold.rows], predictions, weight[fold.rows])
        keep = predictions is not None and (
            self.keep_predictions or self.imputes or predictions.size <= points.coef.nnz
        )
        coef, intercept = (None, None) if keep else (points.coef, intercepts)
        return Fits(
            loss=losses[None],
            squared_error=errors[None],
            gap=points.gaps[None],
            n_iter=points.n_iter[None],
            status=points.status[None],
            null_losses=lane.objective.null_losses[None],
            held_out=[HeldOut(fold.rows, coef, intercept, predictions if keep else None, base)],
        )

    def _errors_by_moments(self, lane, points):
        """Mean squared errors (K, L) on the held-out rows, or None where the difference would lose digits."""
        columns, objective, held = self.setup.objective.design.columns, self.setup.objective, lane.held_out
        K = objective.responses or 1
        dense = points.coef.toarray().reshape(len(points), -1, K)
        centred = points.intercept.reshape(len(points), K) + np.einsum("ljk,j->lk", dense, columns.mean)
        centred = (centred - objective.y_mean) / objective.unit
        b = dense * columns.norm[:, None] / objective.unit
        errors = [held.squared_error(r, centred[:, r], np.ascontiguousarray(b[..., r])) for r in range(K)]
        errors = np.stack(errors) * objective.loss_unit / held.weight
        return errors if np.isfinite(errors).all() else None
