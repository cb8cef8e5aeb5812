"""Checked data of a sweep, and its folds as groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg import _folds, _validation
from jaxreg.neural._mapped import release
from jaxreg.neural._training import Groups

CHECKED = 64 * 2**20  # bytes of X that are looked at at a time


@dataclass(frozen=True)
class Data:
    """Rows X (n, ...) as they were given, targets (n, C) in float64: responses, or classes as unit vectors."""

    X: Any
    y: np.ndarray  # (n,) or (n, C) responses; (n,) positions of classes
    target: np.ndarray
    classes: np.ndarray | None  # (C,) labels, ascending
    feature_names: tuple[str, ...] | None


def check_data(X, y, task) -> Data:
    X, names = check_inputs(X)
    n = len(X)
    if n < 2:
        raise ValueError(f"X has {n} sample(s); give at least 2.")
    if task == "regression":
        y = _validation.check_responses(y, n)
        _validation.require_finite(y, "y")
        return Data(X, y, y.reshape(n, -1), None, names)
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ValueError(f"y has shape {labels.shape}, but needs one label per row of X, ({n},).")
    missing = np.array([each is None or each != each for each in labels.tolist()])
    if missing.any():
        raise ValueError(f"y has no label (None or NaN) at row {np.argmax(missing)}; give every row one.")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y has the label {classes[0]} only; a classification needs at least 2.")
    if labels.dtype.kind == "f" and not (labels == labels.round()).all():
        raise ValueError("y has fractions, but the model's task is classification; give labels, or task='regression'.")
    return Data(X, codes, np.eye(len(classes))[codes], classes, names)


def check_inputs(X):
    """(array (n, ...) of two or more dimensions, feature names); nothing is copied that is an array of numbers."""
    names = _validation.feature_names(X)
    _validation.refuse_sparse(X, "X")
    array: Any = X if isinstance(X, np.memmap) else np.asarray(X)
    if array.dtype.kind not in "fiub":
        array = np.asarray(_validation.numeric(X, "X", names))
    if array.ndim < 2:
        raise ValueError(f"X has {array.ndim} dimension(s), but needs two or more: (samples, ...).")
    if array.size == 0:
        raise ValueError(f"X is empty (shape {array.shape}); give at least 2 samples and 1 feature.")
    step = max(1, CHECKED // array[0].nbytes)
    for low in range(0, len(array), step):
        _validation.require_finite(array[low : low + step].reshape(len(array[low : low + step]), -1), "X", names)
        release(X)
    return array, names


def make_groups(data, cv, groups, seeds):
    """(folds, Groups of all pairs of fold and seed, the folds first) without keys."""
    n = len(data.y)
    strata = data.y if data.classes is not None else None
    folds = _folds.make_folds(cv, data.X, data.y, np.full(n, 1 / n), groups, strata=strata, fewest=1)
    train = np.stack([folds.train(k) for k in range(len(folds))])
    held_out = np.zeros((len(folds), n))
    for k, part in enumerate(folds.held_out):
        held_out[k, part.rows] = part.counts
    return folds, _repeated(train, held_out, len(seeds))


def whole(n):
    """Groups of one: all rows train, none judges."""
    return _repeated(np.ones((1, n)), np.zeros((1, n)), 1)


def _repeated(train, held_out, R):
    drawn = [np.repeat(np.arange(len(counts)), counts.astype(int)) for counts in train]
    count = np.array([len(rows) for rows in drawn])
    rows = np.stack([np.pad(each, (0, count.max() - len(each))) for each in drawn])
    rows, count, train, held_out = (np.repeat(each, R, axis=0) for each in (rows, count, train, held_out))
    return Groups(rows, count, train, held_out, key=None)
