"""Checked data of a sweep, and its folds as groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg import _arrays, _provenance
from jaxreg._alignment import by_row
from jaxreg._labels import check_labels, few_values, is_text
from jaxreg.cv import _folds
from jaxreg.neural._mapped import release
from jaxreg.neural._training import Groups
from jaxreg.scores._numbers import variance

CHECKED = 64 * 2**20  # bytes of X that are looked at at a time
SHARE = 1e-3  # of the largest number whose square is finite: sums of a million squares are, too


@dataclass(frozen=True)
class Data:
    """Rows X (n, ...) as they were given, targets (n, C) in float64: responses, or classes as unit vectors."""

    X: Any
    y: np.ndarray  # (n,) or (n, C) responses; (n,) positions of classes
    target: np.ndarray
    classes: np.ndarray | None  # (C,) labels, ascending
    feature_names: tuple[str, ...] | None

    def summary(self, dtype):
        """The attribute `data` of a NeuralPath."""
        number = self.classes is None and self.y.ndim == 1
        return {
            "n_samples": len(self.y),
            "n_outputs": self.target.shape[1],
            "dtype": np.dtype(dtype).name,
            "y_variance": float(variance(self.y, np.ones(len(self.y)))) if number else None,
            "y_values": few_values(self.y) if number else [],
            "versions": _provenance.versions(),
        }


def task_of(y):
    """The task of a model that has none: regression, if y cannot hold labels of classes."""
    if is_text(y):
        raise ValueError("y has text, but the model has no task; give it task='classification'.")
    array = np.asarray(_arrays.numeric(y, "y"))
    values = few_values(array)
    if values:
        raise ValueError(
            f"y has the values {', '.join(f'{value:g}' for value in values)}, labels of classes or numbers; give the "
            "model task='classification' or task='regression'."
        )
    return "regression"


def check_data(X, y, task, dtype) -> Data:
    y = by_row(y, "y", X)
    X, names = check_inputs(X, dtype, np.finfo(dtype).tiny)
    n = len(X)
    if n < 2:
        raise ValueError(f"X has {n} sample(s); give at least 2.")
    if task == "regression":
        if is_text(y):
            raise ValueError("y has text, but the model's task is regression; give numbers, or task='classification'.")
        y = _arrays.check_responses(y, n)
        _require_range(np.abs(y).max(), "y", "", dtype, np.sqrt(float(np.finfo(dtype).tiny)))
        return Data(X, y, y.reshape(n, -1), None, names)
    if np.ndim(y) == 2:
        raise ValueError(
            f"y has shape {np.shape(y)}, but a classification needs a label per row, ({n},); give the column itself, "
            "or of one-hot rows y.argmax(axis=1)."
        )
    classes, codes = check_labels(y, "y", n)
    if len(classes) < 2:
        raise ValueError(f"y has the label {classes[0]} only; a classification needs at least 2.")
    if classes.dtype.kind == "f" and not (classes == classes.round()).all():
        raise ValueError("y has fractions, but the model's task is classification; give labels, or task='regression'.")
    return Data(X, codes, np.eye(len(classes))[codes], classes, names)


def check_inputs(X, dtype, least=0.0):
    """(array (n, ...) of two or more dimensions, feature names); nothing is copied that is an array of numbers.

    Raises for columns that have no place in the dtype: too large, or all of them less than `least`.
    """
    names = _arrays.feature_names(X)
    _arrays.refuse_sparse(X, "X")
    array: Any = X if isinstance(X, np.memmap) else np.asarray(X)
    if array.dtype.kind not in "fiub":
        array = np.asarray(_arrays.numeric(X, "X", names))
    if array.ndim < 2:
        raise ValueError(f"X has {array.ndim} dimension(s), but needs two or more: (samples, ...).")
    if array.size == 0:
        raise ValueError(f"X is empty (shape {array.shape}); give at least 2 samples and 1 feature.")
    step = max(1, CHECKED // array[0].nbytes)
    narrowed = array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(dtype).itemsize
    largest = np.zeros(array[0].size)
    for low in range(0, len(array), step):
        rows = array[low : low + step].reshape(len(array[low : low + step]), -1)
        _arrays.require_finite(rows, "X", names)
        if narrowed:
            largest = np.maximum(largest, np.abs(rows).max(axis=0))
        release(X)
    for j in {int(np.argmax(largest)), int(np.argmin(np.where(largest > 0, largest, np.inf)))}:
        where = f" in {_arrays.column_label(names, j)}"
        _require_range(largest[j], "X", where, dtype, least)
    return array, names


def check_truth(y, X, predicted, classes):
    """y of rows X to compare with what was predicted of them: responses, or labels, those of some class at least."""
    y = by_row(y, "y", X)
    if classes is None:
        y = _arrays.check_responses(y, len(predicted))
        if y.shape != predicted.shape:
            raise ValueError(f"y has shape {y.shape}, but the path predicts {predicted.shape}.")
        return y
    labels, codes = check_labels(y, "y", len(predicted))
    if not np.isin(labels, classes).any():
        other, known = labels.tolist()[0], classes.tolist()[0]
        raise ValueError(f"y has labels as {other!r}, none of those of the fit, as {known!r}.")
    return labels[codes]


def _require_range(largest, name, where, dtype, least):
    """Raise where the square of the largest number overflows in the dtype of training, or it is less than `least`."""
    in_dtype = f"in {np.dtype(dtype).name}"
    if largest > SHARE * np.sqrt(float(np.finfo(dtype).max)):
        raise ValueError(
            f"{name} reaches {largest:.0e}{where}, whose square overflows {in_dtype}; divide it by a constant."
        )
    if 0 < largest < least:
        raise ValueError(
            f"{name} reaches only {largest:.0e}{where}, which is lost {in_dtype}; multiply it by a constant."
        )


def make_groups(data, cv, groups, seeds):
    """(folds, Groups of all pairs of fold and seed, the folds first) without keys."""
    n = len(data.y)
    strata = data.y if data.classes is not None else None
    folds = _folds.make_folds(cv, data.X, data.y, np.full(n, 1 / n), groups, strata=strata)
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
