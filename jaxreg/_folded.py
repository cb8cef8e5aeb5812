"""All fits of a cross-validation: lanes = folds x mixing parameters, their points and their held-out losses."""

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxreg import _fit, _lanes, _lockstep, _loops, _scores
from jaxreg._problem import centred_response, make_problem
from jaxreg.solvers.ridge import decomposed

BYTES = 2**28  # of the folds that are worked on at once: two Gram matrices and about eight vectors of rows each
LOCKSTEP = 10  # lanes that share a pass over the data: each holds a working set
EXACT_SHARE = 1e-6  # a smaller squared error, relative to that of 0, is not read from differences of moments


@dataclass(frozen=True)
class Lane:
    """The fits of one fold with one mixing parameter, on the rows that it holds out."""

    rows: np.ndarray  # (m,)
    loss: np.ndarray  # (L,)
    gap: np.ndarray  # (L,)
    n_iter: np.ndarray  # (L,)
    trivial: bool  # whether the null model fits the training rows exactly
    coef: Any  # (L, p) CSR, or None where predictions take less memory
    intercept: Any  # (L,), likewise
    predictions: np.ndarray | None  # (m, L)

    def predict(self, data, k):
        """Predictions (m, len(k)) at the positions k of the grid."""
        if self.predictions is not None:
            return self.predictions[:, k]
        return _predictions(data, self.rows, self.coef[k], self.intercept[k])


def _predictions(data, rows, coef, intercept):
    """Predictions (m, L) of rows of the data, offset included."""
    J = np.unique(coef.indices)
    columns = np.asarray(data.X.T[J[:, None], rows], dtype=np.float64)
    found = columns.T @ coef[:, J].toarray().T + intercept
    return found if data.offset is None else found + data.offset[rows, None]


@dataclass(frozen=True)
class Fits:
    """The fits of all folds with one mixing parameter."""

    loss: np.ndarray  # (K, L)
    gap: np.ndarray  # (K, L)
    n_iter: np.ndarray  # (K, L)
    trivial: np.ndarray  # (K,)
    lanes: list[Lane]  # they predict every row that is held out


@dataclass(frozen=True)
class Solved:
    """One lane's points at a grid that may have more lambdas than were asked for, those at `kept`."""

    points: list
    grid: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Sums:
    """What a fold's problem on the Gram matrix is made of."""

    train: _lanes.Moments  # of the training rows
    by_difference: bool  # of those of other rows, not from the training rows themselves
    held_out: _lanes.Moments | None  # of the rows held out, where they are all others


def _stacked(lanes):
    names = "loss", "gap", "n_iter", "trivial"
    return Fits(*(np.stack([getattr(lane, name) for lane in lanes]) for name in names), lanes)


class Folded:
    """Fits of the data and of all their folds at the grids (A, L) of the mixing parameters (A,).

    Ridge that leaves one out needs no fits beside that of the data.
    """

    def __init__(self, setup, folds, l1_ratios, lambdas, request, metric, keep_predictions):
        self.setup, self.folds, self.lambdas, self.request = setup, folds, lambdas, request
        self.metric, self.keep_predictions = metric, keep_predictions
        self.base = setup.problem.design
        self.row_weight = _scores.row_weight(setup.data)
        self.response = setup.data.y - (0.0 if setup.data.offset is None else setup.data.offset) - setup.problem.y_mean
        quiet = replace(setup.options, max_features=None, early_stop=False, progress=False)
        self.options = [replace(quiet, l1_ratio=a) for a in l1_ratios]
        self.solvers = [_fit.choose_solver(request.solver, a, setup.model) for a in l1_ratios]

    def run(self):
        """(a Solved of all rows, the Fits of all folds) for each mixing parameter."""
        closed = [a for a, solver in enumerate(self.solvers) if solver == "ridge" and self.folds.leave_one_out]
        others = [a for a in range(len(self.options)) if a not in closed]
        found = {a: self._leave_one_out(a) for a in closed}
        if others:
            found |= zip(others, zip(*self._fit_folds(others), strict=True), strict=True)
        return [found[a][0] for a in range(len(self.options))], [found[a][1] for a in range(len(self.options))]

    def _leave_one_out(self, a):
        setup, lambdas = self.setup, self.lambdas[a]
        ridge = decomposed(setup.problem, setup.gram)
        loop = _loops.eigen(ridge, setup.problem, setup.gram, lambdas, self.options[a])
        points = self._answered(loop, setup.problem)
        errors = ridge.left_out(setup.problem, lambdas, setup.model.fit_intercept)
        y, rows = setup.data.y, np.arange(len(setup.data.y))
        predictions = y[:, None] - errors
        loss = self.metric.of_each(y, predictions, self.row_weight)
        gap, n_iter = (np.array([getattr(point, name) for point in points]) for name in ("gap", "n_iter"))
        lane = Lane(rows, loss, gap, n_iter, False, None, None, predictions)
        gap, n_iter = np.broadcast_to(gap, loss.shape), np.broadcast_to(n_iter, loss.shape)
        fits = Fits(loss, gap, n_iter, np.zeros(len(rows), bool), [lane])
        return Solved(points, lambdas, np.arange(len(lambdas))), fits

    def _fit_folds(self, mixes):
        """(a Solved of all rows, the Fits of all folds) of the mixing parameters at the positions `mixes`."""
        n, p, K = self.base.n, self.base.p, len(self.folds)
        on_gram = self.setup.gram is not None
        at_once = max(1, BYTES // (16 * p**2 + 64 * n)) if on_gram else LOCKSTEP
        full, lanes = None, []
        for first in range(0, K, at_once):
            part = np.arange(first, min(first + at_once, K))
            problems, solved, held = (self._on_gram if on_gram else self._on_passes)(part, mixes, full is None)
            full = full or solved.pop(0)
            for k, problem, found, sums in zip(part, problems, solved, held, strict=True):
                lanes.append([self._lane(k, problem, each, sums) for each in found])
            if self.setup.options.progress:
                end = "\n" if part[-1] == K - 1 else ""
                print(f"\rfold {part[-1] + 1} of {K}", end=end, file=sys.stderr, flush=True)
        return full, [_stacked(each) for each in zip(*lanes, strict=True)]

    def _weight(self, k):
        weight = self.setup.data.weight * self.folds.train(k)
        return weight / weight.sum()

    # Both give, for the folds `part`: their problems; a list of Solved by mixing parameter for each, behind that of all
    # rows if `with_full`; and the Moments of the rows that each holds out, or None.

    # ---- n >= p: Gram matrices by differences ----

    def _on_gram(self, part, mixes, with_full):
        problem, omega = self.setup.problem, self.setup.data.weight
        centred = self.setup.model.fit_intercept
        total = _lanes.Moments(
            gram=self.setup.gram,
            first=np.zeros(self.base.p) if centred else np.asarray(self.base.correlate(self.base.root[None]))[0],
            cross=problem.corr,
            weight=1.0,
            y=0.0 if centred else float(omega @ self.response),
            yy=2 * problem.total,
        )

        def solve(task):
            k, sums = task
            posed, gram = (problem, self.setup.gram) if sums is None else self._gram_problem(k, sums)
            return posed, [self._points(a, posed, gram) for a in mixes]

        found = [self._sums(k, total) for k in part]  # all of them first: their products use every core
        tasks = [(None, None)] * with_full + list(zip(part, found, strict=True))
        problems, solved = zip(*_lockstep.each(solve, tasks), strict=True)
        return list(problems[with_full:]), list(solved), [sums.held_out for sums in found]

    def _sums(self, k, total):
        train = self.folds.train(k)
        if np.count_nonzero(train != 1) <= np.count_nonzero(train):
            others = _lanes.moments(self.base, self.response, 1 - train)
            held_out = others if self.folds.trained_on[k] is None else None
            rest = total - others
            if not rest.delicate(total, self.setup.model.fit_intercept):
                return Sums(rest, True, held_out)
        return Sums(_lanes.moments(self.base, self.response, train), False, None)

    def _gram_problem(self, k, sums):
        """(problem, Gram matrix) of a fold from the moments of its training rows."""
        train, model, data = sums.train, self.setup.model, replace(self.setup.data, weight=self._weight(k))
        first, second = train.first / train.weight, train.gram / train.weight
        lane = _lanes.make_lane(self.base, data.X, data.weight, model.fit_intercept, first, np.diagonal(second))
        corr = None
        if sums.by_difference:
            z, _ = centred_response(data, model.fit_intercept)
            level = train.y / train.weight if model.fit_intercept else 0.0
            corr = (train.cross / train.weight - level * first) * lane.inverse * z.any()
            corr[lane.exact.columns] = lane.exact.rows @ z
        return make_problem(lane, data, model, corr), _lanes.lane_gram(lane, second)

    # ---- otherwise: one pass over the data for all lanes ----

    def _on_passes(self, part, mixes, with_full):
        problems = self._pass_problems(part)
        together = [self.setup.problem] * with_full + problems
        lanes = [problem.design for problem in together]
        by_mix = []
        for a in mixes:
            loops = [self._loop(a, problem, None) for problem in together]
            points = _lockstep.run([loop for loop, _, _ in loops], lanes)
            by_mix.append([Solved(found, *loop[1:]) for found, loop in zip(points, loops, strict=True)])
        return problems, list(map(list, zip(*by_mix, strict=True))), [None] * len(part)

    def _pass_problems(self, part):
        base, model = self.base, self.setup.model
        data = [replace(self.setup.data, weight=self._weight(k)) for k in part]
        weights = np.stack([each.weight for each in data])
        share = _lanes.relative(base, weights)
        first = np.asarray(base.correlate(np.sqrt(share * weights)), dtype=np.float64)
        second = np.asarray(base.squares(share), dtype=np.float64)
        lanes = [
            _lanes.make_lane(base, each.X, each.weight, model.fit_intercept, first[i], second[i])
            for i, each in enumerate(data)
        ]
        z = [centred_response(each, model.fit_intercept)[0][None] for each in data]
        answers = base.correlate(np.concatenate([lane.to_base(R) for lane, R in zip(lanes, z, strict=True)]))
        answers = np.asarray(answers, dtype=np.float64)
        return [
            make_problem(lane, data[i], model, lane.from_base(answers[[i]], z[i])[0].astype(np.float64))
            for i, lane in enumerate(lanes)
        ]

    # ---- both ----

    def _loop(self, a, problem, gram):
        """(loop, its grid, the positions of the asked-for lambdas in it)."""
        warm_start = self.request.warm_start
        return _fit.blocks(problem, gram, self.lambdas[a], self.options[a], self.solvers[a], warm_start)

    def _points(self, a, problem, gram):
        loop, grid, kept = self._loop(a, problem, gram)
        return Solved(self._answered(loop, problem), grid, kept)

    def _answered(self, loop, problem):
        return [point for block in _fit.answered(loop, problem.design) for point in block]

    def _lane(self, k, problem, solved, held):
        """The Lane of the fold k with one mixing parameter."""
        data, points = self.setup.data, [solved.points[i] for i in solved.kept]
        coef, intercept = _fit.coefficients(problem, points)
        rows, counts = self.folds.held_out[k].rows, self.folds.held_out[k].counts
        loss = predictions = None
        if held is not None and self.metric.squared and not self.keep_predictions:
            loss = self._loss_by_moments(coef, intercept, held)
        if loss is None:
            predictions = _predictions(data, rows, coef, intercept)
            loss = self.metric.in_fold(data.y[rows], predictions, self.row_weight[rows] * counts)
        keep = predictions is not None and (self.keep_predictions or predictions.size <= coef.nnz)
        return Lane(
            rows=rows,
            loss=loss,
            gap=np.array([point.gap for point in points]),
            n_iter=np.array([point.n_iter for point in points]),
            trivial=problem.null_loss == 0,
            coef=None if keep else coef,
            intercept=None if keep else intercept,
            predictions=predictions if keep else None,
        )

    def _loss_by_moments(self, coef, intercept, held):
        """Mean squared errors (L,) on the held-out rows, or None where the difference would lose digits."""
        columns = self.base.columns
        centred = intercept + coef @ columns.mean - self.setup.problem.y_mean
        error = held.squared_error(centred, coef.toarray() * columns.norm)
        return error / held.weight if (error > EXACT_SHARE * held.yy).all() else None
