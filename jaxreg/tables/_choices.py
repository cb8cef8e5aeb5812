"""What each column of a table is taken for, and what a user must say of those that could be several things."""

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg.tables import _dates
from jaxreg.tables._columns import (
    DURATIONS,
    NUMBERS,
    TIMES,
    Category,
    Column,
    Duration,
    Number,
    date_with_parts,
    labels,
    to_numbers,
    to_times,
)
from jaxreg.tables._numbers import AS_WRITTEN, Marks, look_like_numbers, not_numbers, notations
from jaxreg.tables._problems import Remark

MOST_LEVELS = 50  # of a text column; more are names or identifiers rather than kinds
FEW_ROWS, MANY_LEVELS = 5, 500  # rows of a level, at least, and levels, at most, of text that is offered as categories
BAD_CELLS = 5  # different ones that a column of numbers or dates may have to be taken for one
MISSING = re.compile(r"\W*|n\W?a\W?|nil|none|null|missing|unknown|not (?:available|known)|no data|tbd", re.IGNORECASE)
IDENTIFIER = re.compile(r"(?:.*[_ .-])?(?:id|nr|no|num|number|index|idx|key|row)|.*Id|.*ID", re.IGNORECASE)


def take(values, name, options) -> Column | Remark:
    """The Column that becomes of the values of one, or what must be said of it first."""
    categorical = ({"categorical": (name,)},)
    leave_out = {"drop": (name,)}
    if values.isna().all():
        return Remark(f"{name!r} has no value at all", (leave_out,))
    kind = infer_dtype(values, skipna=True)
    try:
        if name in options["categorical"]:
            return _category(values, name)
        if kind in NUMBERS:
            return _number(values, name, leave_out)
        if kind in DURATIONS and options["dates"] is not None:
            return Duration(name)
        if kind in DURATIONS or kind in TIMES:
            return _times(values, name, options, leave_out)
        texts = pd.Index(labels(pd.Series(values.dropna().unique())).unique(), dtype="str")
    except TypeError:  # lists and other values that cannot be told apart by a hash
        return Remark(f"{name!r} holds neither numbers nor text", (leave_out,))
    return _dates_in_text(values, texts, name, options, leave_out) or _text(values, texts, name, categorical, leave_out)


def _number(values, name, leave_out):
    numbers = values.to_numpy("float64", na_value=np.nan)
    if np.isinf(numbers).any():
        return Remark(f"{name!r} has infinite values in {np.isinf(numbers).sum()} rows", (leave_out,))
    return Number(name)


def _category(values, name):
    texts = labels(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = labels(pd.Series(values.cat.categories)).tolist()
    else:
        levels = sorted(texts.dropna().unique())
        numbers = pd.to_numeric(pd.Series(levels), errors="coerce")
        if not numbers.isna().any():  # the labels are as in the file, their order is by size
            levels = [levels[j] for j in np.argsort(numbers.to_numpy(), kind="stable")]
    return Category(name, tuple(levels))


def _times(values, name, options, leave_out):
    if options["dates"] is None:
        what = "lengths of time" if infer_dtype(values, skipna=True) in DURATIONS else "dates or times"
        return _what_of_dates(name, f"{what}, such as {str(values.dropna().iloc[0])!r}", leave_out)
    times, bad = to_times(values, None)
    if bad.any():
        return Remark(f"{name!r} holds times that are none, such as {str(values[bad].iloc[0])!r}", (leave_out,))
    return date_with_parts(name, None, times, options["dates"] == "parts")


def _what_of_dates(name, what, leave_out):
    return Remark(f"{name!r} holds {what}", ({"dates": "parts"}, {"dates": "numbers"}, leave_out))


def _dates_in_text(values, texts, name, options, leave_out):
    """A Date, or what must be said of it; None where the texts hold none."""
    formats, bad = _dates.notations(texts)
    if not formats:
        return None
    if bad:
        text = f"{name!r} holds dates, such as {texts[~texts.isin(bad)][0]!r}, but {bad[0]!r} is none"
        return Remark(text, ({"na": tuple(bad)}, leave_out) if len(bad) <= BAD_CELLS else (leave_out,))
    if options["dates"] is None:
        return _what_of_dates(name, f"dates, such as {texts[0]!r}", leave_out)
    orders = {form: _dates.day_first(form) for form in formats}
    if options["dayfirst"] is not None:
        formats = [form for form, first in orders.items() if first in (None, options["dayfirst"])]
        if not formats:
            right: dict[str, Any] = {"dayfirst": not options["dayfirst"]}
            return Remark(f"{name!r} holds dates in another order, such as {texts[0]!r}", (right, leave_out))
    if len(formats) > 1:
        texts = texts[_dates.parsed(texts, formats[0]) != _dates.parsed(texts, formats[1])]
        text = f"whether day or month comes first in the dates of {name!r} is not clear, such as in {texts[0]!r}"
        return Remark(text, ({"dayfirst": False}, {"dayfirst": True}))
    return date_with_parts(name, formats[0], to_times(values, formats[0])[0], options["dates"] == "parts")


def _text(values, texts, name, categorical, leave_out):
    """A Category, or what must be said of text that looks like something else than a few kinds of things."""
    plain = not_numbers(texts)
    bad = plain[~plain.str.fullmatch(AS_WRITTEN)]
    marks = [text for text in bad if MISSING.fullmatch(text)]
    if 0 < len(bad) == len(marks) <= min(BAD_CELLS, len(texts) / 2):
        text = f"{name!r} holds numbers, but {bad[0]!r} is none"
        return Remark(text, ({"na": tuple(marks)}, *categorical, leave_out))
    rows, n = labels(values).notna().sum(), len(texts)
    if n <= MOST_LEVELS and (2 * n < rows) and not look_like_numbers(texts):
        return _category(values, name)
    different = f"{n} different texts in {rows} rows" if n < rows else f"another text in each of its {rows} rows"
    remedies = (*categorical, leave_out) if FEW_ROWS * n <= rows and n <= MANY_LEVELS else (leave_out, *categorical)
    return Remark(f"{name!r} has {different}, such as {texts[0]!r}", remedies)


# ---- numbers in another notation ----


def numbers_as_text(frame, names, current, numeric_columns):
    """For those of the columns `names` whose texts are numbers in another notation, a Remark with one choice of marks.

    `numeric_columns` gives the number of numeric columns that the file has when read with some Marks.
    """
    texts = {name: pd.Index(labels(frame[name]).dropna().unique(), dtype="str") for name in names}
    offers = {
        name: [marks for marks in notations(own) if _settles(marks, current)]
        for name, own in texts.items()
        if look_like_numbers(own)
    }
    units = tuple(dict.fromkeys(unit for offer in offers.values() for marks in offer[:1] for unit in marks.units))
    tried = list(dict.fromkeys((marks.decimal, marks.thousands) for offer in offers.values() for marks in offer))
    if not tried:
        return {}
    best = max(tried, key=lambda marks: numeric_columns(Marks(marks[0], marks[1], (*current.units, *units))))
    problems = {}
    for name, offer in offers.items():
        right = [Marks(best[0], best[1], marks.units) for marks in offer[:1]]
        series = texts[name].to_series()
        read = [marks.numbers(series) for marks in right]
        if read and read[0] is not None:  # else it is told of when the others are settled
            others = [marks for marks in offer if not read[0].equals(marks.numbers(series))]
            said = f"{name!r} holds numbers as text, such as {_telling(texts[name])!r}"
            remedies = [_remedy(marks, current) for marks in [*right, *others]]
            words = any(unit.isalpha() for unit in right[0].units)
            problems[name] = Remark(said, (*remedies, *([{"categorical": (name,)}] if words else [])))
    return problems


def _telling(texts):
    return [*not_numbers(texts), *texts][0]


def _settles(marks, current):
    """Whether the marks are others than those given, under which the text was no number."""
    return _remedy(marks, current) != {}


def _remedy(marks, current):
    remedy = {}
    for option in ("decimal", "thousands"):
        if getattr(marks, option) != getattr(current, option):
            remedy[option] = getattr(marks, option)
    return remedy | ({"units": marks.units} if set(marks.units) - set(current.units) else {})


# ---- identifiers ----


def identifier(values, name):
    """A Remark where numbers count the rows, or differ in all of them under the name of an identifier, else None."""
    if infer_dtype(values, skipna=True) not in NUMBERS or len(values) < 3 or values.isna().any():
        return None
    numbers = to_numbers(values, Marks())[0]
    if (numbers != np.round(numbers)).any():
        return None
    remedy = ({"drop": (name,)},)
    if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
        return Remark(f"{name!r} counts the rows, and is fitted like other columns; if it is an index", remedy)
    if IDENTIFIER.fullmatch(name) and len(np.unique(numbers)) == len(numbers):
        text = f"{name!r} is another number in each row, and is fitted like other columns; if it is an identifier"
        return Remark(text, remedy)
    return None
