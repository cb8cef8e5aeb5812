"""The problems of folds: the objective of all rows under other weights, from sums that folds share where they can."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from jaxreg import _setup
from jaxreg.certificates._certificate import Certificate, certificate
from jaxreg.design._gram import OfStack, array_of
from jaxreg.design._lanes import Moments, Sums, lane_gram, lane_products, make_lane, make_lanes, moments
from jaxreg.design._stacks import lane_grams, stacked_moments, with_others
from jaxreg.objective._null_model import free_directions
from jaxreg.objective._objective import Objective, make_objective
from jaxreg.objective._units import centred_response
from jaxreg.paths._queue import number_for
from jaxreg.solvers.ridge import decomposed


@dataclass(frozen=True)
class LaneProblem:
    """The problem of one set of row weights: all rows, or the training rows of a fold."""

    objective: Objective
    gram: Any  # (p, p) in NumPy, or on the device, where those of folds are an OfStack; None where it is not made
    certify: Certificate
    held_out: Moments | None = None  # of the rows held out, where they are all others

    def decomposition(self, objective):
        """The RidgeDecomposition of the Objective with one of the mixing parameters."""
        return decomposed(objective, self.gram)


def lane_of_all(setup):
    return LaneProblem(setup.objective, setup.gram, setup.certify)


class LaneProblems:
    """Makes the lanes of folds of a Setup."""

    def __init__(self, setup, folds, request):
        self.setup, self.folds, self.request = setup, folds, request
        self.base = setup.objective.design.base

    def of(self, part, with_all=False):
        """A function for each of some folds that makes its LaneProblem, by what all of them share.

        Before them one of that of all rows, if it is asked for.
        """
        if self.setup.data.incomplete is not None:
            folds = [partial(self._imputed, k) for k in part]
        elif self.setup.gram is None:
            folds = self._by_passes(part)
        elif self.base.operator is None:
            folds = self._by_moments(part)
        else:
            return self._by_moments_on_device(part, with_all)
        return [partial(lane_of_all, self.setup)] * with_all + folds

    def _training(self, k):
        """The data with the weights of the fold k."""
        weight = self.setup.data.weight * self.folds.train(k)
        return replace(self.setup.data, weight=weight / weight.sum())

    def _posed(self, lane, data, corr, gram, held_out=None, products=None):
        model, loss, penalty = self.setup.model, self.setup.loss, self.setup.limited_penalty
        if corr is not None:
            corr = corr[0] if data.y.ndim == 1 else corr.T
        objective = make_objective(lane, data, model, loss, penalty, corr, products)
        return LaneProblem(objective, gram, certificate(objective, gram), held_out)

    # ---- n >= p: Gram matrices by differences ----

    def _by_moments(self, part):
        response, gram = self._centred(), self.setup.gram
        total = Moments(**vars(self._total(response, np.diagonal(gram))), gram=gram)
        sums = [(k, *self._sums(k, total, response)) for k in part]  # their products use every core
        return [partial(self._of_sums, *of_fold) for of_fold in sums]

    def _total(self, response, squares):
        """Sums of all rows; squares (p,): the diagonal of the Gram matrix."""
        objective, centred = self.setup.objective, self.setup.model.fit_intercept
        corr = objective.corr
        return Sums(
            first=np.zeros(self.base.p) if centred else np.asarray(self.base.correlate(self.base.root[None]))[0],
            squares=squares,
            cross=corr[None] if corr.ndim == 1 else corr.T,
            weight=1.0,
            y=np.zeros(len(response)) if centred else response @ self.setup.data.weight,
            yy=2 * objective.totals,
        )

    def _centred(self):
        """y (K, n) less offset and mean, in the unit of the objective; zeros where nothing but rounding is left, which
        no sum of a fold should tell.
        """
        data, objective = self.setup.data, self.setup.objective
        y = np.atleast_2d(data.y.T) - (0.0 if data.offset is None else data.offset.T)
        y = y - np.atleast_1d(objective.y_mean)[:, None]
        return y / objective.unit * (objective.totals > 0)[:, None]

    def _fewer(self, k):
        """(counts (n,) of the rows whose sums are taken for a fold, whether these are those that it does not train)."""
        train = self.folds.train(k)
        others = np.count_nonzero(train != 1) <= np.count_nonzero(train)
        return 1 - train if others else train, others

    def _sums(self, k, total, response):
        """(Moments of the training rows, whether they are a difference, Moments of the rows held out or None)."""
        counts, are_others = self._fewer(k)
        if are_others:
            others = moments(self.base, response, counts)
            held_out = others if self.folds.trained_on[k] is None else None
            rest = total - others
            if not rest.delicate(total, self.setup.model.fit_intercept):
                return rest, True, held_out
        return moments(self.base, response, self.folds.train(k)), False, None

    def _of_sums(self, k, train, by_difference, held_out):
        lane, data, corr = self._lane(k, train, by_difference)
        return self._posed(lane, data, corr, lane_gram(lane, train.gram / train.weight), held_out)

    def _by_moments_on_device(self, part, with_all):
        """As `_by_moments`, with what goes through all rows, and the Gram matrices, in one program for all folds.

        These are in one stack, that of all rows among them. What null models need of them comes along with the moments.
        """
        response, total_gram, centred = self._centred(), array_of(self.setup.gram), self.setup.model.fit_intercept
        p, first = self.base.p, int(with_all)
        counts, are_others = zip(*map(self._fewer, part), strict=True)
        directions, differ = free_directions(self.setup.limited_penalty, self.setup.model), np.array(are_others)
        stack, sums, squares, along = stacked_moments(self.base, response, counts, total_gram, differ, directions)
        total = self._total(response, squares)
        held_out = [
            Moments(**vars(others), gram=OfStack(stack, f, p))
            if are_others[f] and self.folds.trained_on[k] is None
            else None
            for f, (k, others) in enumerate(zip(part, sums, strict=True))
        ]
        train = [total - of_rows if other else of_rows for of_rows, other in zip(sums, are_others, strict=True)]
        delicate = [f for f, rest in enumerate(train) if are_others[f] and rest.delicate(total, centred)]
        if delicate:
            own_counts = [self.folds.train(part[f]) for f in delicate]
            differ[delicate] = False
            own, of_training, _, along[delicate] = stacked_moments(
                self.base, response, own_counts, total_gram, differ[delicate], directions
            )
            stack = with_others(stack, np.array(delicate), own)
            for f, of_rows in zip(delicate, of_training, strict=True):
                train[f], held_out[f] = of_rows, None
        prepared = [self._lane(k, *of_fold) for k, *of_fold in zip(part, train, differ, strict=True)]
        weight = np.array([of_rows.weight for of_rows in train])
        grams = lane_grams(
            [lane for lane, _, _ in prepared], total_gram, stack, differ, weight,
            number_for(first + len(part)), self.base.placement.padded(p), with_all,
        )  # fmt: skip
        lanes = [
            self._posed(
                lane, data, corr, OfStack(grams, first + f, p), held_out[f], lane_products(lane, directions, along[f])
            )
            for f, (lane, data, corr) in enumerate(prepared)
        ]
        if with_all:
            of_all = lane_of_all(self.setup)
            lanes.insert(0, replace(of_all, certify=self.setup.certify.with_others(OfStack(grams, 0, p))))
        return [lambda lane=lane: lane for lane in lanes]

    def _lane(self, k, train, by_difference):
        """(the lane of a fold, its data, A y (R, p) where that is a difference of sums, else None)."""
        data, model, objective = self._training(k), self.setup.model, self.setup.objective
        first, squares = train.first / train.weight, train.squares / train.weight
        lane = make_lane(self.base, data.weight, model.fit_intercept, first, squares)
        corr = None
        if by_difference:
            z, _, unit = centred_response(data, model)
            z = np.atleast_2d(z.T)
            level = train.y / train.weight if model.fit_intercept else np.zeros(len(z))
            corr = (train.cross / train.weight - np.outer(level, first)) * lane.inverse * z.any(axis=1, keepdims=True)
            corr *= objective.unit / unit
            corr[:, lane.exact] = z @ lane.exact_rows.T
        return lane, data, corr

    # ---- otherwise: one pass over the data for all lanes ----

    def _by_passes(self, part):
        base, model = self.base, self.setup.model
        data = [self._training(k) for k in part]
        lanes = make_lanes(base, np.stack([fold.weight for fold in data]), model.fit_intercept)
        if not self.setup.loss.quadratic:
            return [partial(self._posed, lane, fold, None, None) for lane, fold in zip(lanes, data, strict=True)]
        z = [np.atleast_2d(centred_response(fold, model)[0].T) for fold in data]
        answers = base.correlate(np.concatenate([lane.to_base(R) for lane, R in zip(lanes, z, strict=True)]))
        answers = np.asarray(answers, dtype=np.float64).reshape(len(part), -1, base.p)
        return [
            partial(self._posed, lane, data[i], lane.from_base(answers[i], z[i]).astype(np.float64), None)
            for i, lane in enumerate(lanes)
        ]

    # ---- X that is imputed in each fold: a problem of its own ----

    def _imputed(self, k):
        data = _setup.imputed(self._training(k), self.request.impute)
        return lane_of_all(_setup.posed(data, self.request, self.setup.l1_ratios))
