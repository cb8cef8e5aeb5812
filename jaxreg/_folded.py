"""All fits of a cross-validation: lanes = folds x mixing parameters x responses, their points and held-out losses."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile

import numpy as np

from jaxreg import _abreast, _composite_loop, _fit, _lanes, _lockstep, _loops, _progress, _responses, _scores
from jaxreg._ends import End
from jaxreg._fold_fits import Fits, Lane, Outcome, Solved, predictions_of, stacked
from jaxreg._left_out import left_out
from jaxreg._objective import make_objective
from jaxreg._problem import centred_responses, make_problems
from jaxreg._results import Status
from jaxreg.losses import Squared
from jaxreg.solvers.ridge import decomposed

BYTES = 2**28  # of the folds that are worked on at once: two Gram matrices, and a path and eight vectors of rows each
LOCKSTEP = 10  # lanes that share a pass over the data: each holds a working set


@dataclass(frozen=True)
class Sums:
    """What a fold's problems on the Gram matrix are made of."""

    train: _lanes.Moments  # of the training rows
    by_difference: bool  # of those of other rows, not from the training rows themselves
    held_out: _lanes.Moments | None  # of the rows held out, where they are all others


def _centred(setup):
    """y (n,) less offset and mean, in the unit of the problem; zeros where nothing but rounding is left, which no sum
    of a fold should tell.
    """
    data, problem = setup.data, setup.problem
    left = data.y - (0.0 if data.offset is None else data.offset) - problem.y_mean
    return left / problem.unit * (problem.total > 0)


def _ends_of(points):
    """[gap, n_iter, full], each (L,), of L points."""
    return [np.array([getattr(point, name) for point in points]) for name in ("gap", "n_iter", "full")]


class Folded:
    """Fits of the data and of all their folds at the grids (A, L) of the mixing parameters (A,).

    `setups` has one Setup for each response; they share all but y, and what follows from it. Ridge that leaves one out
    needs no fits beside those of the data.
    """

    def __init__(self, setups, folds, l1_ratios, lambdas, request, metric, keep_predictions):
        self.setups, self.folds, self.lambdas, self.request = setups, folds, lambdas, request
        self.metric, self.keep_predictions = metric, keep_predictions
        setup = self.setup = setups[0]
        self.problems = [each.problem for each in setups]
        self.base = setup.problem.design
        self.row_weight = _scores.row_weight(setup.data)
        self.centred = np.stack([_centred(each) for each in setups])
        quiet = replace(setup.options, max_features=None, early_stop=False, progress=False)
        self.options = [replace(quiet, l1_ratio=a) for a in map(float, l1_ratios)]  # NumPy's would compile anew
        self.solvers = [_fit.choose_solver(request, a, setup.model) for a in l1_ratios]
        self.general = _fit.is_general(request)
        self.imputes = setup.data.incomplete is not None
        self.last_imputed = None, setup.data  # a fold and its data: all of its lanes are fitted and judged in turn

    def run(self) -> Outcome:
        one_out = self.folds.leave_one_out and not self.imputes  # a closed form takes X to be the same for all rows
        closed = [a for a, solver in enumerate(self.solvers) if solver == "ridge" and one_out]
        others = [a for a in range(len(self.options)) if a not in closed]
        found = {a: self._leave_one_out(a) for a in closed}
        folds, ended = self.folds, None
        if others:
            full, fits, ended = self._fit_folds(others)
            done = len(fits[0][0].lanes)
            if closed and (done < len(folds) or len(full) < len(others) or ended):
                ended = None  # of the others nothing is kept: those in closed form are whole
            else:
                found |= zip(others, zip(full, fits, strict=False), strict=False)
                folds = folds if done == len(folds) else folds.first(done)
        mixes, responses = sorted(found), range(len(self.setups))
        full, fits = ([[found[a][i][r] for a in mixes] for r in responses] for i in range(2))
        return Outcome(full, fits, mixes, folds, ended)

    def _leave_one_out(self, a):
        lambdas = self.lambdas[a]
        data, model, solved, fits = [setup.data for setup in self.setups], self.setup.model, [], []
        ridge = decomposed(self.setup.problem, self.setup.gram, model.fit_intercept)
        errors = left_out(ridge, self.problems, data, lambdas, model)
        for setup, error in zip(self.setups, errors, strict=True):
            loop = _loops.eigen(ridge, setup.problem, setup.gram, lambdas / setup.problem.lambda_unit, self.options[a])
            points = self._answered(loop, setup.problem)
            y, rows = setup.data.y, np.arange(len(setup.data.y))
            predictions = y[:, None] - error
            loss = self.metric.of_each(y, predictions, self.row_weight)
            squared = loss if self.metric.squared else error**2
            gap, n_iter, full = _ends_of(points)
            null_loss = setup.problem.null_loss
            lane = Lane(rows, loss, squared, gap, n_iter, full, null_loss, None, None, predictions)
            gap, n_iter, full = (np.broadcast_to(values, loss.shape) for values in (gap, n_iter, full))
            solved.append(Solved(points, lambdas, np.arange(len(lambdas))))
            fits.append(Fits(loss, squared, gap, n_iter, full, np.full(len(rows), null_loss), [lane]))
        return solved, fits

    def _fit_folds(self, mixes):
        """(a Solved of all rows, the Fits of all folds, both by mixing parameter and response; the End or None).

        Ctrl-C leaves the folds that are finished, if there are two; else, where folds go side by side, the mixing
        parameters, or the lambdas, that they all have.
        """
        n, p, K, R = self.base.n, self.base.p, len(self.folds), len(self.setups)
        on_gram = self.setup.gram is not None
        size = 16 * p**2 + R * (64 * n + 16 * p * self.lambdas.shape[1])
        at_once = 1 if self.imputes else max(1, BYTES // size if on_gram else LOCKSTEP // R)
        full: list = []
        lanes: list = []
        ended = None
        per_fold = len(mixes) * self.lambdas.shape[1]
        solve = self._on_imputed if self.imputes else self._on_gram if on_gram else self._on_passes
        with _progress.bar((K + 1) * per_fold, "folds", self.setup.options.progress) as show:
            for first in range(0, K, at_once):
                part, before = np.arange(first, min(first + at_once, K)), (first + bool(full)) * per_fold
                watch = partial(lambda before, done, *seen: show(before + done, *seen), before)
                try:
                    problems, solved, held, ended = solve(part, mixes, not full, watch)
                except KeyboardInterrupt:
                    problems, solved, held = [], [], []
                    if len(lanes) < min(2, K):
                        raise
                full = full or solved.pop(0)
                length = None if ended is None else ended.length
                for k, posed, found, sums in zip(part, problems, solved, held, strict=False):
                    lanes.append(
                        [[self._lane(k, r, posed[r], each[r], sums, length) for r in range(R)] for each in found]
                    )
                if len(solved) < len(part) or len(full) < len(mixes) or ended:
                    break
        if len(lanes) < min(2, K):
            raise KeyboardInterrupt
        fits = [[stacked([fold[i][r] for fold in lanes]) for r in range(R)] for i in range(len(full))]
        return full, fits, ended

    def _training(self, k):
        """The data with the weights of the fold k, for each response."""
        weight = self.setup.data.weight * self.folds.train(k)
        weight = weight / weight.sum()
        return [replace(each.data, weight=weight) for each in self.setups]

    # Both give, for the folds `part`: their problems by response; lists of Solved by mixing parameter and response for
    # each, behind that of all rows if `with_full`; the Moments of the rows that each holds out, or None; and the End or
    # None. Ctrl-C leaves fewer of them. watch(done, lam, points) is told how many lambdas are done.

    # ---- n >= p: Gram matrices by differences ----

    def _on_gram(self, part, mixes, with_full, watch):
        omega, centred = self.setup.data.weight, self.setup.model.fit_intercept
        total = _lanes.Moments(
            gram=self.setup.gram,
            first=np.zeros(self.base.p) if centred else np.asarray(self.base.correlate(self.base.root[None]))[0],
            cross=self._cross(),
            weight=1.0,
            y=np.zeros(len(self.problems)) if centred else self.centred @ omega,
            yy=np.array([2 * problem.total for problem in self.problems]),
        )

        def posed(k, sums):
            return (self.problems, self.setup.gram) if sums is None else self._gram_problems(k, sums)

        def solve(task):
            problems, gram = posed(*task)
            return problems, [self._points(a, problems, gram) for a in mixes]

        found = [self._sums(k, total) for k in part]  # all of them first: their products use every core
        tasks = [(None, None)] * with_full + list(zip(part, found, strict=True))
        if self._goes_abreast(mixes):
            problems, grams = map(list, zip(*(posed(*task) for task in tasks), strict=True))
            solved = self._points_abreast(problems, grams, mixes)
        else:
            problems, solved = map(list, self._solved_in_threads(solve, tasks, watch))
            if with_full and not solved:
                raise KeyboardInterrupt
        return problems[with_full:], solved, [sums.held_out for sums in found], None

    def _solved_in_threads(self, solve, tasks, watch):
        """What solve(task) gives, (problems, Solved), up to the first task that Ctrl-C left undone."""
        done = 0

        def count(result):
            nonlocal done
            done += sum(len(solved[0].kept) for solved in result[1])
            last = result[1][-1][0]
            watch(done, last.grid[-1], last.points)

        try:
            finished = _lockstep.each(solve, tasks, count)
        except _progress.Interrupted as stop:
            finished = list(takewhile(lambda result: result is not None, stop.finished))
        return zip(*finished, strict=True) if finished else ([], [])

    def _goes_abreast(self, mixes):
        return all(self.solvers[a] == "proximal" for a in mixes) and _fit.abreast(self.problems[0])

    def _points_abreast(self, problems, grams, mixes):
        """As `_points`, for each of some folds and mixing parameters."""
        together = [posed[0] for posed in problems]
        penalties = [_fit.with_mixing(together[0], self.options[a].l1_ratio).penalty for a in mixes]
        grids = self.lambdas[mixes]
        lambdas = np.stack([grids / objective.lambda_unit for objective in together])
        points = _abreast.of_grams(together, grams, penalties, lambdas, self.options[mixes[0]])
        kept = np.arange(grids.shape[1])
        return [
            [self._by_response([Solved(each, grid, kept)]) for each, grid in zip(of_fold, grids, strict=True)]
            for of_fold in points
        ]

    def _cross(self):
        """A z (R, p) of the responses."""
        if not self.general:
            return np.stack([problem.corr for problem in self.problems])
        corr = self.problems[0].corr
        return corr[None] if corr.ndim == 1 else corr.T

    def _sums(self, k, total):
        train = self.folds.train(k)
        if np.count_nonzero(train != 1) <= np.count_nonzero(train):
            others = _lanes.moments(self.base, self.centred, 1 - train)
            held_out = others if self.folds.trained_on[k] is None else None
            rest = total - others
            if not rest.delicate(total, self.setup.model.fit_intercept):
                return Sums(rest, True, held_out)
        return Sums(_lanes.moments(self.base, self.centred, train), False, None)

    def _gram_problems(self, k, sums):
        """(problems by response, Gram matrix) of a fold from the moments of its training rows."""
        train, data, model = sums.train, self._training(k), self.setup.model
        first, second = train.first / train.weight, train.gram / train.weight
        lane = _lanes.make_lane(self.base, data[0].X, data[0].weight, model.fit_intercept, first, np.diagonal(second))
        corr = None
        if sums.by_difference:
            z, _, unit = centred_responses(data, model)
            level = train.y / train.weight if model.fit_intercept else np.zeros(len(z))
            corr = (train.cross / train.weight - np.outer(level, first)) * lane.inverse * z.any(axis=1, keepdims=True)
            corr *= self.problems[0].unit / unit
            corr[:, lane.exact.columns] = z @ lane.exact.rows.T
        return self._posed(lane, data, corr), _lanes.lane_gram(lane, second)

    # ---- otherwise: one pass over the data for all lanes ----

    def _on_passes(self, part, mixes, with_full, watch):
        problems = self._pass_problems(part)
        together = [self.problems] * with_full + problems
        by_mix: list = []
        ended = None
        for i, a in enumerate(mixes):
            loops = [self._blocks(a, posed, None) for posed in together]
            lanes = [posed[0].design for posed, each in zip(together, loops, strict=True) for _ in each]
            flat = [part for each in loops for part in each]
            try:
                points = _lockstep.run([loop for loop, _, _ in flat], lanes, self._counted(watch, i, flat))
            except _progress.Interrupted as stop:
                if by_mix and with_full:
                    break
                points = stop.finished
                length = min(
                    np.count_nonzero(kept < len(each)) for each, (_, _, kept) in zip(points, flat, strict=True)
                )
                if not (with_full and length):
                    raise
                ended = End(int(length), Status.interrupted)
            own = iter(points)
            by_mix.append(
                [self._by_response([Solved(next(own), grid, kept) for _, grid, kept in each]) for each in loops]
            )
            if ended:
                break
        return problems, list(map(list, zip(*by_mix, strict=True))), [None] * len(part), ended

    def _counted(self, watch, mixes_done, loops):
        """What tells `watch` of the lists of points of some loops (loop, grid, kept) as they grow."""
        kept, grid = [kept for _, _, kept in loops], loops[0][1]
        per_mix = len(loops) * self.lambdas.shape[1]

        def count(points):
            done = sum(np.count_nonzero(own < len(each)) for own, each in zip(kept, points, strict=True))
            watch(mixes_done * per_mix + done, grid[len(points[0]) - 1], points[0])

        return count

    def _pass_problems(self, part):
        base, model = self.base, self.setup.model
        data = [self._training(k) for k in part]
        weights = np.stack([each[0].weight for each in data])
        share = _lanes.relative(base, weights)
        first = np.asarray(base.correlate(np.sqrt(share * weights)), dtype=np.float64)
        second = np.asarray(base.squares(share), dtype=np.float64)
        lanes = [
            _lanes.make_lane(base, self.setup.data.X, weights[i], model.fit_intercept, first[i], second[i])
            for i in range(len(part))
        ]
        if not isinstance(self.request.loss, Squared):
            return [self._posed(lane, each, None) for lane, each in zip(lanes, data, strict=True)]
        z = [centred_responses(fold, model)[0] for fold in data]
        answers = base.correlate(np.concatenate([lane.to_base(R) for lane, R in zip(lanes, z, strict=True)]))
        answers = np.asarray(answers, dtype=np.float64).reshape(len(part), -1, base.p)
        return [
            self._posed(lane, data[i], lane.from_base(answers[i], z[i]).astype(np.float64))
            for i, lane in enumerate(lanes)
        ]

    # ---- X that is imputed in each fold: a problem of its own ----

    def _on_imputed(self, part, mixes, with_full, watch):
        problems: list = []
        solved: list = []
        for k in [None] * with_full + list(part):
            posed, gram = (self.problems, self.setup.gram) if k is None else self._imputed_problems(k)
            own = []
            for a in mixes:
                own.append(self._points(a, posed, gram))
                done = (len(solved) * len(mixes) + len(own)) * self.lambdas.shape[1]
                watch(done, self.lambdas[a][-1], own[-1][0].points)
            problems.append(posed)
            solved.append(own)
        return problems[with_full:], solved, [None] * len(part), None

    def _imputed_problems(self, k):
        """(problems by response, Gram matrix) of a fold whose X is filled from its training rows."""
        data = self._imputed_data(k)
        if self.setup.responses is not None:
            data = replace(data, y=self.setup.responses)
        setup = _fit.posed(data, self.request)
        ratios = [options.l1_ratio for options in self.options]
        return [each.problem for each in _responses.setups(setup, self.request, ratios)], setup.gram

    def _imputed_data(self, k):
        """The first response's data of a fold, with its X."""
        if self.last_imputed[0] != k:
            self.last_imputed = k, _fit.imputed(self._training(k)[0], self.request.impute)
        return self.last_imputed[1]

    def _judged_data(self, k, r):
        """The data of a response as the fold k predicts them."""
        data = self.setups[r].data
        return replace(data, X=self._imputed_data(k).X) if self.imputes else data

    # ---- all ----

    def _posed(self, lane, data, corr):
        """The problems of a fold, by response; corr (R, p), or None."""
        model, request = self.setup.model, self.request
        if not self.general:
            return make_problems(lane, data, model, corr)
        together, corr = data[0], corr if corr is None else corr.T
        if len(data) > 1:
            together = replace(together, y=np.stack([each.y for each in data], axis=1))
        elif corr is not None:
            corr = corr[:, 0]
        objective = make_objective(lane, together, model, request.loss, request.penalty, corr)
        return [objective] if len(data) == 1 else [objective.of_response(r) for r in range(len(data))]

    def _by_response(self, found):
        """A Solved for each response, of those of the loops: one for each, or one for all together."""
        R = len(self.setups)
        if len(found) == R:
            return found
        (together,) = found
        return [replace(together, points=points) for points in _composite_loop.split(together.points, R)]

    def _blocks(self, a, problems, gram):
        """[(loop, its grid, the positions of the asked-for lambdas in it)] by response."""
        warm_start = self.request.warm_start
        return _fit.blocks(problems, gram, self.lambdas[a], self.options[a], self.solvers[a], warm_start)

    def _points(self, a, problems, gram):
        loops = zip(problems, self._blocks(a, problems, gram), strict=False)  # one loop may be for all
        return self._by_response(
            [Solved(self._answered(loop, problem), grid, kept) for problem, (loop, grid, kept) in loops]
        )

    def _answered(self, loop, problem):
        return [point for block in _fit.answered(loop, problem.design) for point in block]

    def _lane(self, k, r, problem, solved, held, length):
        """The Lane of the fold k and the response r with one mixing parameter, at the first `length` lambdas."""
        data, points = self._judged_data(k, r), [solved.points[i] for i in solved.kept[:length]]
        coef, intercept = _fit.coefficients(problem, points)
        rows, counts = self.folds.held_out[k].rows, self.folds.held_out[k].counts
        loss = predictions = None
        if held is not None and self.metric.squared and not self.keep_predictions:
            loss = squared_error = self._loss_by_moments(r, coef, intercept, held)
        if loss is None:
            predictions = predictions_of(data, rows, coef, intercept)
            judged = data.y[rows], predictions, self.row_weight[rows] * counts
            loss = self.metric.in_fold(*judged)
            squared_error = loss if self.metric.squared else _scores.METRICS["mse"].in_fold(*judged)
        keep = predictions is not None and (self.keep_predictions or self.imputes or predictions.size <= coef.nnz)
        gap, n_iter, full = _ends_of(points)
        return Lane(
            rows=rows,
            loss=loss,
            squared_error=squared_error,
            gap=gap,
            n_iter=n_iter,
            full=full,
            null_loss=problem.null_loss,
            coef=None if keep else coef,
            intercept=None if keep else intercept,
            predictions=predictions if keep else None,
        )

    def _loss_by_moments(self, r, coef, intercept, held):
        """Mean squared errors (L,) on the held-out rows, or None where the difference would lose digits."""
        columns, problem = self.base.columns, self.problems[r]
        centred = (intercept + coef @ columns.mean - problem.y_mean) / problem.unit
        error = held.squared_error(r, centred, coef.toarray() * columns.norm / problem.unit)
        return error * problem.loss_unit / held.weight if np.isfinite(error).all() else None
