"""Folds of cross-validation as weights: the rows of each fold that train, and the rows that are held out."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from jaxreg import _validation
from jaxreg._alignment import by_row
from jaxreg._labels import check_labels
from jaxreg.scores._classes import lacks_class, shares
from jaxreg.scores._survival import lacks_event

if TYPE_CHECKING:
    from jaxtyping import Float, Int


@dataclass(frozen=True)
class FoldRows:
    """Rows of a fold, ascending, and how often each row counts: once in a partition, any number in resampling."""

    rows: Int[np.ndarray, " m"]
    counts: Float[np.ndarray, " m"]


@dataclass(frozen=True)
class Folds:
    """The held-out rows and the training rows of each fold. Training rows of None are all rows that are not held out.

    The repeats of an integer `cv` follow each other.
    """

    n: int
    held_out: list[FoldRows]
    trained_on: list[FoldRows | None]
    repeats: int = 1
    leave_one_out: bool = False  # in the order of the rows

    def __len__(self):
        return len(self.held_out)

    def train(self, k) -> Float[np.ndarray, " n"]:
        """Counts of the rows in the training of fold k."""
        training = self.trained_on[k]
        if training is None:
            counts = np.ones(self.n)
            counts[self.held_out[k].rows] = 0.0
        else:
            counts = np.zeros(self.n)
            counts[training.rows] = training.counts
        return counts

    def split(self, k, weight: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """(weights of the rows in the training of fold k, weights of those that it holds out)."""
        held_out = np.zeros(self.n)
        held_out[self.held_out[k].rows] = self.held_out[k].counts
        return weight * self.train(k), weight * held_out

    def first(self, count):
        """The first `count` folds. They have repeats only if they are whole repeats."""
        size = len(self) // self.repeats
        repeats = count // size if count % size == 0 else 1
        return Folds(self.n, self.held_out[:count], self.trained_on[:count], repeats)

    def held_weight(self, weight: Float[np.ndarray, " n"]) -> Float[np.ndarray, " F"]:
        """Total weight of the held-out rows of each fold."""
        return np.array([weight[fold.rows] @ fold.counts for fold in self.held_out])


def make_folds(cv, X, y, weight, groups=None, repeats=1, seed=0, strata=None) -> Folds:
    """Folds of `cv`, as `fit_cv` documents it.

    groups (n,): rows with the same entry stay together. strata (n,): with an integer `cv`, every fold gets its share of
    each value. A row of weight 0 may be held out, but it counts neither in training nor in judging.
    """
    n = len(y)
    cv, groups = by_row(cv, "cv", X), by_row(groups, "groups", X)
    group_ids = None if groups is None else check_labels(groups, "groups", n)[1]
    seed = _validation.check_count(seed, "seed", at_least=0)
    repeats = _validation.check_count(repeats, "repeats")
    if repeats > 1 and not _is_count(cv):
        raise ValueError(f"repeats is {repeats}, but only folds of an integer cv can be drawn again; give repeats=1.")
    if groups is not None and not (_is_count(cv) or _is_splitter(cv)):
        raise ValueError("groups is given, but cv says itself which rows go together; give an integer or a splitter.")
    if isinstance(cv, str) and cv == "loo":
        ids = [np.arange(n)]
    elif _is_count(cv):
        ids = _drawn_ids(_validation.check_count(cv, "cv", at_least=2), n, group_ids, repeats, seed, strata)
    elif _is_splitter(cv):
        return _checked_folds(_folds_of_pairs(list(cv.split(X, y, groups)), n), weight)
    elif isinstance(cv, (str, bytes, bool, type)) or not np.iterable(cv):
        raise ValueError(
            f"cv is {_validation.shown(cv)}; give a number of folds, a splitter, fold ids, a list of (train, test) "
            "pairs, or 'loo'."
        )
    else:
        entries = cv if isinstance(cv, np.ndarray) and cv.dtype != object else list(cv)
        labels = _fold_ids(entries, n)
        if labels is None:
            return _checked_folds(_folds_of_pairs(entries, n), weight)
        ids = [labels]
    held_out = [FoldRows(rows, np.ones(len(rows))) for fold_ids in ids for rows in _rows_by_id(fold_ids)]
    return _checked_folds(Folds(n, held_out, [None] * len(held_out), len(ids), isinstance(cv, str)), weight)


def _rows_by_id(ids):
    """The rows of each id, in the order of the ids."""
    sizes = np.unique(ids, return_counts=True)[1]
    return np.split(np.argsort(ids, kind="stable"), np.cumsum(sizes)[:-1])


def _is_count(cv):
    return isinstance(cv, Integral) and not isinstance(cv, bool)


def _is_splitter(cv):
    return hasattr(cv, "split") and not isinstance(cv, (str, bytes, type))


def _fold_ids(cv, n):
    """The list or array cv as fold ids (n,), or None if it is a list of pairs."""
    if not len(cv):
        raise ValueError("cv is empty; give at least one (train, test) pair.")
    if not isinstance(cv, np.ndarray) and any(isinstance(entry, (tuple, list, np.ndarray)) for entry in cv):
        return None
    array = np.asarray(cv)
    if array.dtype.kind not in "iu":
        raise ValueError(f"cv has entries of dtype {array.dtype}; fold ids are integers.")
    if array.shape != (n,):
        raise ValueError(f"cv has shape {array.shape}, but fold ids need one entry per row of X, ({n},).")
    if (array == array[0]).all():
        raise ValueError(
            f"cv has the fold id {array[0]} only, so that no row is left to train on; give at least two ids."
        )
    return array


def _drawn_ids(F, n, groups, repeats, seed, strata):
    """A list of fold ids (n,), one for each repeat."""
    units, unit_name = (n, "rows") if groups is None else (groups.max() + 1, "groups")
    if units == 1:
        raise ValueError(f"groups has one label only, so that no row is left to train on; give labels of {F} groups.")
    if units < F:
        raise ValueError(f"cv is {F}, but there are {units} {unit_name}; give cv <= {units}.")
    rng = np.random.default_rng(seed)
    if groups is not None:
        return [_grouped_ids(F, groups, rng) for _ in range(repeats)]
    by_stratum = np.zeros(n) if strata is None else strata
    ids = np.empty((repeats, n), int)
    for of_repeat in ids:  # rows are dealt to the folds one by one, stratum after stratum: shares differ by at most one
        of_repeat[np.lexsort((rng.permutation(n), by_stratum))] = np.arange(n) % F
    return list(ids)


def _grouped_ids(F, groups, rng):
    """Fold ids (n,) that keep groups whole. Groups, the largest first, go to the fold with the fewest rows so far."""
    sizes = np.bincount(groups)
    fold_of, rows = np.empty(len(sizes), int), np.zeros(F)
    for g in np.lexsort((rng.permutation(len(sizes)), -sizes)):
        fold_of[g] = np.argmin(rows)
        rows[fold_of[g]] += sizes[g]
    return fold_of[groups]


def _folds_of_pairs(pairs, n):
    """Folds of (train, test) pairs of row indices or masks."""
    held_out: list[FoldRows] = []
    trained_on: list[FoldRows | None] = []
    for k, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"cv has {len(pair)} entries in fold {k}; give (train, test) pairs of row indices.")
        train, test = (_fold_rows(rows, side, k, n) for rows, side in zip(pair, ("train", "test"), strict=True))
        common = np.intersect1d(train.rows, test.rows)
        if common.size:
            raise ValueError(
                f"cv has row {common[0]} in the training and the test part of fold {k}; take it out of one."
            )
        once = (train.counts == 1).all() and (test.counts == 1).all()
        complement = len(train.rows) + len(test.rows) == n and once
        held_out.append(test)
        trained_on.append(None if complement else train)
    return Folds(n, held_out, trained_on, _repeats(held_out, n))


def _repeats(held_out, n):
    """The number of repeats: runs of folds, all of one length, that hold out every row once. 1 if there are none."""
    times = np.zeros(n)
    ends: list[int] = []
    for k, fold in enumerate(held_out):
        times[fold.rows] += fold.counts
        if np.all(times == len(ends) + 1):
            ends.append(k + 1)
    sizes = np.diff([0, *ends])
    return len(ends) if ends and ends[-1] == len(held_out) and (sizes == sizes[0]).all() and sizes[0] > 1 else 1


def _fold_rows(rows, side, k, n):
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"cv has {side} rows of fold {k} that are neither integers nor a mask of length {n}.")
    if rows.size and not (-n <= rows.min() and rows.max() < n):
        raise ValueError(f"cv has a {side} row of fold {k} outside 0..{n - 1}.")
    rows, counts = np.unique(rows.astype(int) % n, return_counts=True)
    return FoldRows(rows, counts.astype(float))


def strata_of(loss, y):
    """What each fold gets its share of (n,): the classes of labels, or the events, of an encoded y; None of others."""
    if not loss.of_classes:
        observed = loss.observed(y)
        return None if observed is None else observed.event
    members = shares(y)
    return members.argmax(axis=1) if (members.max(axis=1) == 1).all() else None


def check_training(folds, y, weight, loss, labels):
    """Refuse folds whose training rows lack a class or an event, of an encoded y and the labels of classes."""
    observed = loss.observed(y)
    if not loss.of_classes and observed is None:
        return
    for k in range(len(folds)):
        training = folds.train(k) * weight
        fault = lacks_class(y, training, labels) if observed is None else lacks_event(observed, training)
        if fault is not None:
            raise ValueError(
                f"cv: {fault} in the training rows of fold {k}. Give fewer folds, or folds with a share of each, as "
                "those of a number or of sklearn.model_selection.StratifiedKFold()."
            )


def _checked_folds(folds, weight):
    """The folds, if each has rows of positive weight to train on and to judge by."""
    if not len(folds):
        raise ValueError("cv gives no fold; give a splitter or a list with at least one (train, test) pair.")
    positive = np.count_nonzero(weight)
    for k, (test, train) in enumerate(zip(folds.held_out, folds.trained_on, strict=True)):
        judging = np.count_nonzero(weight[test.rows])
        training = positive - judging if train is None else np.count_nonzero(weight[train.rows])
        for n_rows, name, least in ((training, "training", 2), (judging, "test", 1)):
            if n_rows < least:
                raise ValueError(
                    f"cv leaves {n_rows} row(s) of positive weight in the {name} part of fold {k}; it needs {least}: "
                    "give fewer folds or other ones, or leave out rows of weight 0."
                )
    return folds
