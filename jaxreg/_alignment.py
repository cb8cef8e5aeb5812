"""Entries with labels, in the order of X: Series and dicts go by name, not by position."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SHOWN = 8  # labels that a message lists


def index_of(value) -> Any:
    """The pandas index of a Series or frame, None of anything else."""
    index = getattr(value, "index", None)
    return index if hasattr(index, "get_indexer") else None


def column_labels(X) -> list:
    """Labels of the columns of X: those of a frame, else 0 to p - 1."""
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        return list(X.columns)
    if isinstance(X, (list, tuple)):  # of rows
        return list(range(len(X[0]))) if len(X) and isinstance(X[0], (list, tuple)) else []
    shape: Any = getattr(X, "shape", ())
    return list(range(shape[1])) if len(shape) == 2 else []


def by_column(value, name, labels, default=None):
    """A Series or dict with an entry per column in the order of `labels`, those of X; other values as they are.

    A Series without names of its own (index 0, 1, 2, ...) goes by position. A dict may leave out columns, which get the
    `default`; None: it may not.
    """
    if isinstance(value, Mapping):
        return from_mapping(value, name, labels, "columns of X", default)
    index = index_of(value)
    if index is None or list(index) in (list(range(len(index))), labels):
        return value
    return value.iloc[order(list(index), name, labels)].to_numpy()


def from_mapping(value, name, labels, of, default=None):
    """Array of the entries of a dict in the order of `labels`, which are what `of` says."""
    _refuse_others(list(value), name, labels, of)
    missing = [label for label in labels if label not in value]
    if missing and default is None:
        raise ValueError(f"{name} has no entry for {listed(missing)}; give one for each of the {of}.")
    entries = [value.get(label, default) for label in labels]
    for label, entry in zip(labels, entries, strict=True):
        if np.ndim(entry):
            raise ValueError(f"{name} has {entry!r} for {label!r}; give one entry, not several.")
    return np.array(entries)


def order(own, name, labels):
    """Positions in `own`, labels of the entries of `name`, of the `labels` of the columns of X."""
    place = {label: position for position, label in enumerate(own)}
    if len(place) < len(own):
        twice = next(label for position, label in enumerate(own) if place[label] != position)
        raise ValueError(f"{name} has {twice!r} twice; give each column of X once.")
    _refuse_others(own, name, labels, "columns of X")
    missing = [label for label in labels if label not in place]
    if missing:
        raise ValueError(f"{name} has no entry for {listed(missing)}; give one for each of the columns of X.")
    return [place[label] for label in labels]


def _refuse_others(own, name, labels, of):
    known = set(labels)
    others = [label for label in own if label not in known]
    if not others:
        if len(known) < len(labels):
            raise ValueError(f"{name} goes by name, but some {of} have the same name; rename them.")
        return
    if of == "columns of X" and labels == list(range(len(labels))):
        raise ValueError(
            f"{name} names {listed(others)}, but X has no column names; give X as a frame, or {name} as an array with "
            "an entry for each column in its order."
        )
    raise ValueError(f"{name} names {listed(others)}, but the {of} are {listed(labels)}.")


def by_row(value, name, X):
    """A Series or frame in the order of the rows of X, where both have an index; other values as they are.

    The index 0, 1, 2, ... is none, unless the other one has the same labels in another order: which of the two was
    sorted or shuffled alone cannot be told, and is a ValueError.
    """
    own, rows = index_of(value), index_of(X)
    if own is None or rows is None or own.equals(rows):
        return value
    plain = any(np.array_equal(index, np.arange(len(index))) for index in (own, rows))
    same = own.is_unique and rows.is_unique and len(own) == len(rows)
    found = own.get_indexer(rows) if same else np.full(len(rows), -1)
    same &= bool((found >= 0).all())
    if same and not plain:
        return value.iloc[found]
    if plain and not same:
        return value
    labels = own.tolist(), rows.tolist()
    at = next((k for k, (a, b) in enumerate(zip(*labels, strict=False)) if a != b), min(map(len, labels)))
    texts = [repr(each[at]) if at < len(each) else "at its end" for each in labels]
    how = "the labels of X in another order" if same else "other labels than X"
    raise ValueError(
        f"{name} has an index with {how}: at row {at} it is {texts[0]}, and X {texts[1]}. Give {name}.loc[X.index], or "
        f"{name}.to_numpy() where rows go by position."
    )


def listed(labels):
    """Labels as text, the first few of many."""
    more = len(labels) - SHOWN
    return ", ".join(map(repr, labels[:SHOWN])) + (f" and {more} more" if more > 0 else "")
