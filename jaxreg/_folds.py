"""Folds of cross-validation as weights: which rows train, and which are held out, in each of them."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from jaxreg import _validation


@dataclass(frozen=True)
class Folds:
    """How often each row counts: 0 or 1 for a partition, any number for resampling.

    The repeats of an integer `cv` follow each other.
    """

    train: np.ndarray  # (K, n)
    test: np.ndarray  # (K, n)
    repeats: int

    def __len__(self):
        return len(self.train)


def make_folds(cv, y, weight, groups=None, repeats=1, seed=0, strata=None) -> Folds:
    """Folds of `cv`, which is what `fit_cv` documents.

    groups (n,): rows with the same entry stay together. strata (n,): with an integer `cv`, every fold gets its share of
    each value. A row of weight 0 may be held out, but does not count as one that trains or judges.
    """
    n = len(y)
    groups = _check_labels(groups, "groups", n)
    repeats = _validation.check_count(repeats, "repeats")
    if repeats > 1 and not _is_count(cv):
        raise ValueError(f"repeats is {repeats}, but only folds drawn from an integer cv can be repeated; give repeats=1.")
    if groups is not None and not (_is_count(cv) or hasattr(cv, "split")):
        raise ValueError("groups is given, but cv says itself which rows go together; give an integer cv or a splitter.")
    if isinstance(cv, str) and cv == "loo":
        ids = [np.arange(n)]
    elif _is_count(cv):
        ids = _drawn(_validation.check_count(cv, "cv", at_least=2), n, groups, repeats, seed, strata)
    elif hasattr(cv, "split"):
        return _checked(*_counts(list(cv.split(np.zeros((n, 1)), y, groups)), n), 1, weight)
    else:
        array = _as_labels(cv, n)
        if array is None:
            return _checked(*_counts(cv, n), 1, weight)
        ids = [array]
    test = np.concatenate([each == np.unique(each)[:, None] for each in ids])
    return _checked(~test, test, len(ids), weight)


def _is_count(cv):
    return isinstance(cv, Integral) and not isinstance(cv, bool)


def _check_labels(labels, name, n):
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}, but needs one entry per row of X, ({n},).")
    return np.unique(array, return_inverse=True)[1]


def _as_labels(cv, n):
    """cv as fold ids (n,), or None if it is something else."""
    if isinstance(cv, (str, bytes)) or not np.iterable(cv):
        raise ValueError(
            f"cv is {cv!r}; give a number of folds, a splitter, fold ids, a list of (train, test) pairs, or 'loo'."
        )
    if any(np.ndim(each) != 0 or isinstance(each, (tuple, list)) for each in cv):
        return None
    array = np.asarray(cv)
    if array.dtype.kind not in "iu":
        raise ValueError(f"cv has entries of dtype {array.dtype}; fold ids are integers.")
    if array.shape != (n,):
        raise ValueError(f"cv has shape {array.shape}, but fold ids need one entry per row of X, ({n},).")
    return array


def _drawn(K, n, groups, repeats, seed, strata):
    """Fold ids (n,) for each repeat."""
    units, what = (n, "rows") if groups is None else (groups.max() + 1, "groups")
    if units < K:
        raise ValueError(f"cv is {K}, but there are {units} {what}; give cv <= {units}.")
    rng = np.random.default_rng(seed)
    if groups is not None:
        return [_grouped(K, groups, rng) for _ in range(repeats)]
    by_stratum = np.zeros(n) if strata is None else strata
    drawn = []
    for _ in range(repeats):
        ids = np.empty(n, int)
        # dealt out one by one, stratum after stratum: shares differ by at most one row
        ids[np.lexsort((rng.permutation(n), by_stratum))] = np.arange(n) % K
        drawn.append(ids)
    return drawn


def _grouped(K, groups, rng):
    """Fold ids with whole groups, the largest first, each to the fold with the fewest rows so far."""
    sizes = np.bincount(groups)
    fold_of, rows = np.empty(len(sizes), int), np.zeros(K)
    for g in np.lexsort((rng.permutation(len(sizes)), -sizes)):
        fold_of[g] = np.argmin(rows)
        rows[fold_of[g]] += sizes[g]
    return fold_of[groups]


def _counts(pairs, n):
    """(train, test) counts (K, n) of pairs of row indices or masks."""
    counts = []
    for k, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"cv has {len(pair)} entries in fold {k}; give (train, test) pairs of row indices.")
        counts.append([_count(rows, side, k, n) for rows, side in zip(pair, ("train", "test"), strict=True)])
    if not counts:
        raise ValueError("cv gives no folds; give at least 2.")
    train, test = np.array(counts).swapaxes(0, 1)
    return train, test


def _count(rows, side, k, n):
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n,):
        return rows.astype(float)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"cv has {side} rows of fold {k} that are neither integers nor a mask of length {n}.")
    if rows.size and not (-n <= rows.min() and rows.max() < n):
        raise ValueError(f"cv has a {side} row of fold {k} outside 0..{n - 1}.")
    return np.bincount(rows.astype(int) % n, minlength=n).astype(float)


def _checked(train, test, repeats, weight):
    train, test = train.astype(float), test.astype(float)
    if len(train) < 2:
        raise ValueError(f"cv gives {len(train)} fold(s); a standard error needs at least 2.")
    for k in range(len(train)):
        both = np.flatnonzero((train[k] > 0) & (test[k] > 0))
        if both.size:
            raise ValueError(f"cv has row {both[0]} in the training and in the test part of fold {k}; take it out of one.")
        for counts, part, least in ((train[k], "training", 2), (test[k], "test", 1)):
            positive = np.count_nonzero(counts * weight)
            if positive < least:
                raise ValueError(
                    f"cv leaves {positive} row(s) of positive weight in the {part} part of fold {k}; it needs {least}:"
                    " give fewer folds or other ones."
                )
    return Folds(train, test, repeats)
