"""Tables: a file in, numbers out. A column of text becomes a column of 0 and 1 for each of its levels."""

import difflib
import shlex
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg import _reading
from jaxreg._labels import few_values

NUMBERS = {"floating", "integer", "boolean", "mixed-integer-float", "decimal"}  # names that pandas infers
TIMES = {"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"}
DATE = r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})(?:[ T].*)?"
AS_WRITTEN = r"[-+]?[$€£¥₹]?\s*[-+]?\d[\d.,'\u2019 \u00a0\u202f_]*\s*[%‰$€£¥₹]?"  # a number as people write it
MARKS = ((",", ""), (".", ","), (",", "."), (".", " "), (".", "'"))  # decimal and thousands: what an error may offer
MOST_LEVELS = 50  # of a text column; more are names or identifiers rather than kinds
LISTED, NOTED = 20, 5  # names in an error, and in a note


@dataclass(frozen=True)
class Table:
    """What to fit: X (n, p) in float64, y (n,), weights (n,) and labels of groups (n,), and notes on what was made
    of columns.

    A missing number is NaN in X, which the fits refuse by column.
    """

    X: pd.DataFrame
    y: pd.Series
    weight: pd.Series | None
    groups: pd.Series | None
    notes: list[str]


def load(file, target, weights=None, groups=None, drop=None, categorical=None, decimal=None, thousands=None) -> Table:
    """Read a CSV or Parquet file; X is all its columns but `target`, `weights`, `groups` and those of `drop`.

    Columns of text, and those of `categorical`, are encoded by `pandas.get_dummies`, all levels kept: "city=Rome". A
    text column that looks like dates, like numbers in another notation or with a few bad cells, or like names (more
    than 50 levels, or half as many as rows) is refused unless `categorical` names it. `decimal` and `thousands` are the
    marks in the file's numbers.

    Raises
    ------
    ValueError for a file that cannot be read and for columns that are absent, named twice, missing values, or neither
    numbers nor categories. ImportError for Parquet without pyarrow.
    """
    frame, notes = _reading.read(file, set(categorical or ()), decimal, thousands)
    single = {"--target": target, "--weights": weights, "--groups": groups}
    roles = [(option, name) for option, name in single.items() if name is not None]
    roles += [("--drop", name) for name in drop or ()]
    roles += [("--categorical", name) for name in categorical or ()]
    _check_roles(frame, roles)
    taken = {name for option, name in roles if option != "--categorical"}
    if frame.columns[0] == _reading.UNNAMED and all(name != _reading.UNNAMED for _, name in roles):
        taken.add(_reading.UNNAMED)
        notes.append("the first column has no name; it is taken for labels of the rows, and left out.")
    features = frame[[name for name in frame.columns if name not in taken]]
    if not features.shape[1]:
        raise ValueError(f"{file} has no column left to predict {target!r} from; give a file with more.")
    y = _numbers(frame, target, "--target")
    notes += _note_of_classes(target, few_values(y.to_numpy()))
    weight = None if weights is None else _numbers(frame, weights, "--weights")
    X, encoded = _design(features, set(categorical or ()))
    return Table(X, y, weight, None if groups is None else frame[groups], notes + encoded)


def _check_roles(frame, roles):
    """Every column is there and has one role."""
    taken: dict[str, str] = {}
    for option, name in roles:
        if name not in frame.columns:
            names = list(frame.columns)
            lowered = {each.lower(): each for each in reversed(names)}
            close = difflib.get_close_matches(name.lower(), lowered, n=1)
            hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
            raise ValueError(
                f"{option} is {name!r}, which is not a column.{hint} The columns are {_listed(names, LISTED)}."
            )
        if taken.setdefault(name, option) != option:
            raise ValueError(f"{taken[name]} and {option} are both {name!r}; give two columns.")


def _listed(names, most):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _numbers(frame, name, option):
    """One column (n,) in float64, without missing values."""
    column = frame[name]
    if infer_dtype(column) not in NUMBERS:
        values = pd.Index(column.dropna().astype(str))
        example = next(iter([*_not_numbers(values), *values]), "")
        readings = _readings(values)
        remedy = (
            f"read them with {readings} if numbers are written so"
            if readings
            else "give a column of them (not classes)"
        )
        raise ValueError(f"{option} {name!r} has values that are not numbers, such as {example!r}; {remedy}.")
    if column.isna().any():
        raise ValueError(f"{option} {name!r} has {column.isna().sum()} missing value(s); fill them or drop the rows.")
    return _to_float(frame[[name]]).iloc[:, 0]


def _not_numbers(texts):
    return texts[pd.to_numeric(texts.to_series(), errors="coerce").isna()]


def _readings(texts):
    """The options that make numbers of all texts, in words."""
    options = []
    for decimal, thousands in MARKS:
        marks = {"--decimal": decimal.strip("."), "--thousands": thousands}
        present = all(texts.str.contains(mark, regex=False).any() for mark in marks.values() if mark)
        if present and texts.str.fullmatch(_reading.number_pattern(decimal, thousands or None)).all():
            options.append(" ".join(f"{option} {shlex.quote(mark)}" for option, mark in marks.items() if mark))
    return " or ".join(options)


def _to_float(frame):
    return pd.DataFrame(frame.to_numpy(dtype="float64", na_value=float("nan")), columns=frame.columns)


def _design(frame, categorical):
    """(numbers (n, p), notes): the columns in their order, the levels of a category in the place of its column."""
    kinds = {name: infer_dtype(frame[name]) for name in frame.columns}
    numeric = [name for name, kind in kinds.items() if kind in NUMBERS and name not in categorical]
    numbers = _to_float(frame[numeric])
    encoded = {
        name: _encode(frame[name], kind, name in categorical) for name, kind in kinds.items() if name not in numbers
    }
    notes = [_counting(name) for name in numbers if _counts_rows(numbers[name].to_numpy())]
    if not encoded:
        return numbers, notes
    _require_complete(frame[list(encoded)])
    order = [each for name in kinds for each in (encoded[name].columns if name in encoded else [name])]
    _reading.require_distinct(order, "the table of all levels")
    notes += [_note(name, list(levels.columns)) for name, levels in encoded.items()]
    return pd.concat([numbers, *encoded.values()], axis=1)[order], notes


def _counts_rows(values):
    """Whether values (n,) are 0, 1, 2, ... or 1, 2, 3, ..., as an index is."""
    return len(values) > 2 and values[0] in (0, 1) and (np.diff(values) == 1).all()


def _counting(name):
    return f"{name!r} counts the rows, and is fitted like other columns; if it is an index: {_leaving_out(name)}."


def _require_complete(categories):
    missing = categories.isna().sum()
    missing = missing[missing > 0]
    if len(missing):
        raise ValueError(
            "columns of text with missing values (an empty cell, NA, None and the like): "
            f"{', '.join(f'{name!r} ({number})' for name, number in missing.items())}; name what is missing in the "
            f"file, drop the rows, or leave out {' '.join(map(_leaving_out, missing.index))}."
        )


def _leaving_out(name):
    return f"--drop {shlex.quote(name)}"


def _note_of_classes(target, values):
    """[note] where the target has few whole values, as labels of classes are."""
    if not values:
        return []
    listed = _listed([int(value) for value in values], NOTED)
    return [f"--target {target!r} has {len(values)} different values, {listed}: fitted as numbers, not as classes."]


def _note(name, levels):
    words = ("level", "column") if len(levels) == 1 else ("levels", "columns")
    counts = f"{len(levels)} {words[0]} and became {len(levels)} {words[1]}"
    return f"{name!r} has {counts}: {_listed(levels, NOTED)}."


def _encode(column, kind, wanted):
    """Columns of 0 and 1 (n, levels)."""
    leave_out = _leaving_out(column.name)
    try:
        column = column.astype("category")
    except TypeError as error:  # lists and other values that cannot be told apart by a hash
        raise ValueError(f"column {column.name!r} is neither numbers nor text; leave it out: {leave_out}.") from error
    levels = column.cat.categories
    if not wanted:
        _require_kinds(column, kind, levels.astype(str), leave_out)
    elif kind == "string" and not len(_not_numbers(levels)):  # the labels are as in the file, their order is by size
        column = column.cat.reorder_categories(levels[np.argsort(pd.to_numeric(levels), kind="stable")])
    return pd.get_dummies(column, prefix=column.name, prefix_sep="=", dtype="float64")


def _require_kinds(column, kind, levels, leave_out):
    """Refuse what looks like something else than a few kinds of things; levels are text."""
    instead = f"or take its values as categories (--categorical {shlex.quote(column.name)})"
    if kind in TIMES or (len(levels) and levels.str.fullmatch(DATE).all()):
        raise ValueError(
            f"column {column.name!r} holds dates or times, such as {levels[0]!r}; make numbers of them in the file "
            f"(a year, days since a start), leave it out ({leave_out}), {instead}."
        )
    unusual = _not_numbers(levels)
    bad = unusual[~unusual.str.fullmatch(AS_WRITTEN)]
    if 0 < len(bad) <= len(levels) / 2:
        raise ValueError(
            f"column {column.name!r} is text: {len(levels) - len(bad)} of its {len(levels)} different values are "
            f"numbers, but {bad[0]!r} is not; mend the file, leave it out ({leave_out}), {instead}."
        )
    if kind == "string" and not len(bad):
        readings = _readings(levels)
        remedy = f"read them with {readings}" if readings else "make numbers of them in the file"
        raise ValueError(
            f"column {column.name!r} holds numbers as text, such as {[*unusual, *levels][0]!r}; {remedy}, leave it out "
            f"({leave_out}), {instead}."
        )
    if len(levels) > MOST_LEVELS or 2 * len(levels) >= len(column):
        many = f"more than {MOST_LEVELS}" if len(levels) > MOST_LEVELS else f"for {len(column)} rows"
        raise ValueError(
            f"column {column.name!r} is text with {len(levels)} levels, {many}, such as {levels[0]!r}; leave it out "
            f"({leave_out}), {instead}."
        )
