"""Entries with labels, in the order of X: Series and dicts go by name, not by position."""

from collections.abc import Mapping
from typing import Any

import numpy as np

LISTED_LABELS = 8  # labels that a message lists


def index_of(value) -> Any:
    """The pandas index of a Series or frame; None for other values."""
    index = getattr(value, "index", None)
    return index if hasattr(index, "get_indexer") else None


def column_labels(X) -> list:
    """Labels (p,) of the columns of X: the names of a frame, else 0 to p - 1."""
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        return list(X.columns)
    if isinstance(X, (list, tuple)):  # of rows
        return list(range(len(X[0]))) if len(X) and isinstance(X[0], (list, tuple)) else []
    shape: Any = getattr(X, "shape", ())
    return list(range(shape[1])) if len(shape) == 2 else []


def by_column(value, name, labels, default=None):
    """The entries of a Series or dict in the order of `labels`, the columns of X. Other values stay as they are.

    A Series with the index 0, 1, 2, ... goes by position. A dict may leave out columns, which get the `default`, unless
    that is None.
    """
    if isinstance(value, Mapping):
        return from_mapping(value, name, labels, "columns of X", default)
    index = index_of(value)
    if index is None or list(index) in (list(range(len(index))), labels):
        return value
    return value.iloc[positions_of(list(index), name, labels)].to_numpy()


def from_mapping(value, name, labels, subject, default=None):
    """Array of the entries of a dict in the order of `labels`. `subject` says in messages what the labels are."""
    _check_labels(list(value), name, labels, subject, complete=default is None)
    entries = [value.get(label, default) for label in labels]
    for label, entry in zip(labels, entries, strict=True):
        if np.ndim(entry):
            raise ValueError(f"{name} has {entry!r} for {label!r}; give one entry, not several.")
    return np.array(entries)


def positions_of(entry_labels, name, labels):
    """Positions of `labels`, the columns of X, among `entry_labels`, the labels of the argument `name`."""
    place = {label: position for position, label in enumerate(entry_labels)}
    if len(place) < len(entry_labels):
        duplicate = next(label for position, label in enumerate(entry_labels) if place[label] != position)
        raise ValueError(f"{name} has {duplicate!r} twice; give each column of X once.")
    _check_labels(entry_labels, name, labels, "columns of X", complete=True)
    return [place[label] for label in labels]


def _check_labels(entry_labels, name, labels, subject, complete):
    """ValueError where entries have other labels than `labels`, or not all of them if `complete`."""
    known, labelled = set(labels), set(entry_labels)
    unknown = [label for label in entry_labels if label not in known]
    if not unknown:
        if len(known) < len(labels):
            raise ValueError(f"{name} goes by name, but some {subject} have the same name; rename them.")
        missing = [label for label in labels if label not in labelled]
        if missing and complete:
            raise ValueError(f"{name} has no entry for {listed_labels(missing)}; give one for each of the {subject}.")
        return
    if subject == "columns of X" and labels == list(range(len(labels))):
        raise ValueError(
            f"{name} names {listed_labels(unknown)}, but X has no column names; give X as a frame, or {name} as an "
            "array with an entry for each column in its order."
        )
    raise ValueError(f"{name} names {listed_labels(unknown)}, but the {subject} are {listed_labels(labels)}.")


def by_row(value, name, X):
    """A Series or frame in the order of the rows of X, if both have an index. Other values stay as they are.

    The index 0, 1, 2, ... counts as no index. If value and X have it in different orders, it cannot be told which was
    sorted or shuffled, and that is a ValueError.
    """
    index, rows = index_of(value), index_of(X)
    if index is None or rows is None or index.equals(rows):
        return value
    plain = any(np.array_equal(labels, np.arange(len(labels))) for labels in (index, rows))
    same = index.is_unique and rows.is_unique and len(index) == len(rows)
    positions = index.get_indexer(rows) if same else np.full(len(rows), -1)
    same &= bool((positions >= 0).all())
    if same and not plain:
        return value.iloc[positions]
    if plain and not same:
        return value
    labels = index.tolist(), rows.tolist()
    row = next((k for k, (a, b) in enumerate(zip(*labels, strict=False)) if a != b), min(map(len, labels)))
    texts = [repr(index_labels[row]) if row < len(index_labels) else "at its end" for index_labels in labels]
    how = "the labels of X in another order" if same else "other labels than X"
    raise ValueError(
        f"{name} has an index with {how}: at row {row} it is {texts[0]}, and X {texts[1]}. Give {name}.loc[X.index], "
        f"or {name}.to_numpy() where rows go by position."
    )


def listed_labels(labels):
    return listed(list(map(repr, labels)), LISTED_LABELS)


def listed(texts, most):
    """The first texts, at most `most`, and the number of the others."""
    n_more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {n_more} more" if n_more > 0 else "")
