"""The kind of each column of a table, and the remark on a column that could be of several kinds."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg.tables import _dates
from jaxreg.tables._cells import DURATION_TYPES, NUMBER_TYPES, TIME_TYPES, labels, level_labels, to_numbers
from jaxreg.tables._columns import Boolean, Category, Column, Duration, Number, date_with_parts, to_times
from jaxreg.tables._numbers import (
    AS_WRITTEN,
    Marks,
    look_like_numbers,
    mixed_units,
    negative_of_accounts,
    not_numbers,
    notations,
    units_of,
)
from jaxreg.tables._problems import Remark, listed

MOST_LEVELS = 50  # of a text column; more are names or identifiers rather than kinds
FEW_ROWS, MANY_LEVELS = 5, 500  # rows of a level, at least, and levels, at most, of text that is offered as categories
RARE = 0.03  # share of the rows whose texts among numbers are taken for slips, rather than for levels such as "4+"
BAD_CELLS = 5  # different ones that a column of numbers or dates may have to be taken for one
UNCLEAR_ORDER, ANOTHER_ORDER = "unclear order", "another order"  # causes
MISSING_PATTERN = re.compile(
    r"\W*|[nk]\W?\s?[ak]\W?|nil|none|null|missing|unknown|not (?:available|known)|no data|tbd", re.IGNORECASE
)
IDENTIFIER = re.compile(r"(?:.*[_ .-])?(?:id|nr|no|num|number|index|idx|key|row|row.?names?)|.*Id|.*ID", re.IGNORECASE)


def few_levels(levels, rows):
    """Whether different texts of the target are so few that they are classes."""
    return levels == 2 or 2 < levels <= min(MOST_LEVELS, rows / FEW_ROWS)


def column_or_remark(values, name, options) -> Column | Remark:
    """The Column that values become, or a Remark that the user must answer first."""
    leave_out = {"drop": (name,)}
    if values.isna().all():
        return Remark(f"{name!r} has no value at all", (leave_out,), name, "empty")
    kind = infer_dtype(values, skipna=True)
    try:
        if name in options["categorical"] or _is_category_of_numbers(values):
            return _category(values, name)
        if kind == "boolean":
            return Boolean(name)
        if kind in NUMBER_TYPES:
            return _number_or_remark(values, name, leave_out)
        if kind in DURATION_TYPES and options["dates"] is not None:
            return Duration(name)
        if kind in DURATION_TYPES or kind in TIME_TYPES:
            return _times_or_remark(values, name, options, leave_out)
        texts = pd.Index(labels(pd.Series(values.dropna().unique())).unique(), dtype="str")
    except TypeError:  # lists and other values that cannot be told apart by a hash
        return Remark(f"{name!r} holds neither numbers nor text", (leave_out,), name, "other objects")
    remedies = _category_remedies(values, len(texts), name)
    return _text_dates_or_remark(values, texts, name, options, remedies) or _category_or_remark(
        values, texts, name, remedies
    )


def _is_category_of_numbers(values):
    """Whether a column of numbers has the type of categories."""
    return isinstance(values.dtype, pd.CategoricalDtype) and infer_dtype(values.cat.categories) in NUMBER_TYPES


def _category_remedies(values, n, name):
    """Remedies for a column of n different texts: categories, or to drop it. The likelier remedy is first."""
    kinds, leave_out = {"categorical": (name,)}, {"drop": (name,)}
    return (kinds, leave_out) if FEW_ROWS * n <= values.notna().sum() and n <= MANY_LEVELS else (leave_out, kinds)


def _number_or_remark(values, name, leave_out):
    numbers = values.to_numpy("float64", na_value=np.nan)
    if np.isinf(numbers).any():
        return infinite_remark(name, numbers, (leave_out,))
    return Number(name)


def infinite_remark(name, numbers, remedies=()):
    """A Remark on a column of numbers with infinite values."""
    values = numbers[np.isinf(numbers)]
    texts, rows = tuple(dict.fromkeys(map(str, values))), f"{len(values)} row{'s' * (len(values) != 1)}"
    return Remark(f"{name!r} has infinite values in {rows}", (*remedies, {"na": texts}), name, "infinite")


def _category(values, name):
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = level_labels(pd.Series(values.cat.categories)).tolist()
    else:
        texts = level_labels(values)
        levels = sorted(texts.dropna().unique())
        numbers = pd.to_numeric(pd.Series(levels), errors="coerce")
        if not numbers.isna().any():  # the labels are as in the file, their order is by size
            levels = [levels[j] for j in np.argsort(numbers.to_numpy(), kind="stable")]
    return Category(name, tuple(levels))


def _times_or_remark(values, name, options, leave_out):
    if options["dates"] is None:
        description = "lengths of time" if infer_dtype(values, skipna=True) in DURATION_TYPES else "dates or times"
        return _dates_remark(name, f"{description}, such as {str(values.dropna().iloc[0])!r}", leave_out)
    times, bad = to_times(values, None)
    if bad.any():
        return Remark(f"{name!r} holds times that are none, such as {str(values[bad].iloc[0])!r}", (leave_out,))
    return _date_or_remark(values, name, None, times, options, (leave_out,))


def _date_or_remark(values, name, form, times, options, remedies):
    """A Date, or a Remark where only some times have a time zone."""
    present = values.notna().to_numpy()
    zoned = _dates.zoned(values)[present]
    if zoned.any() and not zoned.all():
        texts = [str(values[present][zoned == has_zone].iloc[0]) for has_zone in (True, False)]
        text = f"{name!r} holds times with a time zone, such as {texts[0]!r}, and without one, such as {texts[1]!r}"
        return Remark(f"{text}; write all in one way", remedies, name, "zones")
    return date_with_parts(name, form, times, options["dates"] == "parts", bool(zoned.any()))


def _dates_remark(name, description, leave_out):
    return Remark(
        f"{name!r} holds {description}",
        ({"dates": "parts"}, {"dates": "numbers"}, leave_out),
        name,
        description.split(",")[0],
    )


def _text_dates_or_remark(values, texts, name, options, remedies):
    """A Date or a Remark on dates in text; None where the texts hold no dates."""
    formats, bad = _dates.formats_of(texts)
    if bad or not formats:
        pair = _dates.differing_dates(texts)
        if pair:
            text = f"{name!r} holds dates in different notations, such as {pair[0]!r} and {pair[1]!r}"
            return Remark(f"{text}; write all in one", remedies, name, "mixed dates")
    if not formats:
        return None
    leave_out = {"drop": (name,)}
    if bad:
        text = f"{name!r} holds dates, such as {texts[~texts.isin(bad)][0]!r}, but {bad[0]!r} is none"
        return Remark(text, ({"na": tuple(bad)}, leave_out) if len(bad) <= BAD_CELLS else (leave_out,))
    if options["dates"] is None:
        return _dates_remark(name, f"dates, such as {texts[0]!r}", leave_out)
    orders = {form: _dates.day_first(form) for form in formats}
    if options["dayfirst"] is not None:
        formats = [form for form, first in orders.items() if first in (None, options["dayfirst"])]
        if not formats:
            other_order: dict[str, Any] = {"dayfirst": not options["dayfirst"]}
            text = f"{name!r} holds dates in another order, such as {texts[0]!r}"
            return Remark(text, (other_order, leave_out), name, ANOTHER_ORDER)
    if len(formats) > 1:
        differing = texts[(_dates.parsed(texts, formats[0]) != _dates.parsed(texts, formats[1])).to_numpy()]
        text = f"whether day or month comes first in the dates of {name!r} is not clear, such as in "
        text += repr([*differing, *texts][0])
        return Remark(text, ({"dayfirst": False}, {"dayfirst": True}, leave_out), name, UNCLEAR_ORDER)
    return _date_or_remark(values, name, formats[0], to_times(values, formats[0])[0], options, remedies)


def with_likely_order(problem, orders):
    """A Remark on dates whose first remedy suits the clear columns; `orders` are theirs, True for day first."""
    if len(orders) != 1 or problem.cause not in (UNCLEAR_ORDER, ANOTHER_ORDER):
        return problem
    # beside clear columns of both orders none must be said
    likeliest: dict[str, Any] = {"dayfirst": None if problem.cause == ANOTHER_ORDER else next(iter(orders))}
    return replace(problem, remedies=(likeliest, *(remedy for remedy in problem.remedies if remedy != likeliest)))


def accounts_remark(texts, name, remedies=()):
    """A Remark on numbers with negatives as in accounts, which no option reads; None for other texts."""
    negative = negative_of_accounts(texts)
    if negative is None:
        return None
    text = f"{name!r} holds what looks like numbers, negative ones as {negative!r}; write these with a minus before"
    return Remark(text, remedies, name, "accounts")


def _bad_cells_remark(values, bad, name):
    """A Remark on a few texts among numbers. Marks of missing values and rare texts are slips, others are levels."""
    rows = int(labels(values).isin(bad).sum())
    cells = f"{listed(list(bad), BAD_CELLS)} {'is none' if len(bad) == 1 else 'are none'}"
    text = f"{name!r} holds numbers, but {cells} (in {rows} of {len(values)} rows)"
    slips = all(MISSING_PATTERN.fullmatch(text) for text in bad) or rows <= RARE * len(values)
    kinds = ({"na": tuple(bad)}, {"categorical": (name,)})
    return Remark(text, (*(kinds if slips else kinds[::-1]), {"drop": (name,)}), name, f"bad cells {slips}")


def _category_or_remark(values, texts, name, remedies):
    """A Category, or a Remark on texts that do not look like a few levels."""
    plain = not_numbers(texts)
    bad = plain[~plain.str.fullmatch(AS_WRITTEN)]
    accounts = accounts_remark(texts, name, remedies)
    if accounts is not None:
        return accounts
    if 0 < len(bad) <= min(BAD_CELLS, len(texts) / 2):
        return _bad_cells_remark(values, bad, name)
    rows, n = int(values.notna().sum()), len(texts)
    number_like = look_like_numbers(texts)
    if n <= MOST_LEVELS and 2 * n < rows and not number_like:
        return _category(values, name)
    description = f"{n} different texts in {rows} rows" if n < rows else f"another text in each of its {rows} rows"
    numbers = ", which look like numbers in no notation that all of them have; mend the file" if number_like else ""
    return Remark(f"{name!r} has {description}, such as {texts[0]!r}{numbers}", remedies, name, f"texts {number_like}")


def _mixed_units_remark(values, by_unit, n, name):
    """A Remark on numbers of different units; `by_unit` has a list of texts for each unit. Rare units are slips."""
    text = f"{name!r} mixes numbers of different units, such as {by_unit[0][0]!r} and {by_unit[1][0]!r}"
    rows = sorted(((labels(values).isin(texts).sum(), texts) for texts in by_unit), key=lambda pair: pair[0])
    rare = [text for _, texts in rows[:-1] for text in texts]
    slips = len(rare) <= BAD_CELLS and sum(count for count, _ in rows[:-1]) <= RARE * len(values)
    remedies = (*([{"na": tuple(rare)}] if slips else []), *_category_remedies(values, n, name))
    return Remark(f"{text}, which are not converted; write one unit", remedies, name, f"mixed units {slips}")


# ---- numbers in another notation ----


def numbers_as_text(frame, names, current, numeric_columns):
    """{name: Remark} of the columns among `names` whose texts are numbers in another notation.

    All remarks offer one choice of marks first. `numeric_columns(marks)` is the number of numeric columns of the file
    when it is read with these Marks.
    """
    problems: dict[str, Remark] = {}
    offers: dict[str, tuple[pd.Index, list[Marks]]] = {}
    for name in names:
        texts = pd.Index(labels(frame[name]).dropna().unique(), dtype="str")
        if not look_like_numbers(texts):
            continue
        units = units_of(texts)
        by_unit = [] if set(units) <= set(current.units) else mixed_units(texts, units)
        if by_unit:
            problems[name] = _mixed_units_remark(frame[name], by_unit, len(texts), name)
        else:
            offers[name] = texts, [marks for marks in notations(texts) if _settles(marks, current)]
    units = tuple(dict.fromkeys(unit for _, offer in offers.values() for marks in offer[:1] for unit in marks.units))
    offered = ((marks.decimal, marks.thousands) for _, offer in offers.values() for marks in offer)
    candidates = list(dict.fromkeys(((current.decimal, current.thousands), *offered)))
    if not offers:
        return problems
    best = max(candidates, key=lambda marks: numeric_columns(Marks(marks[0], marks[1], (*current.units, *units))))
    for name, (texts, offer) in offers.items():
        remark = _notation_remark(frame[name], texts, name, offer, best, current)
        if remark is not None:
            problems[name] = remark
    return problems


def _notation_remark(values, texts, name, offer, best, current):
    """The Remark on one column of numbers as text; `offer` has its notations. None where `offer` is empty."""
    if not offer:
        return None
    marks_of_column, series = Marks(best[0], best[1], offer[0].units), texts.to_series()
    numbers = marks_of_column.numbers(series)
    text, kinds = f"{name!r} holds numbers as text, such as {_telling_text(texts)!r}", {"categorical": (name,)}
    if numbers is None or not _settles(marks_of_column, current):
        text += ", in another notation than other columns; write all in one"
        return Remark(text, _category_remedies(values, len(texts), name), name, "another notation")
    other_marks = [marks for marks in offer if not numbers.equals(marks.numbers(series))]
    remedies = [_remedy(marks, current) for marks in (marks_of_column, *other_marks)]
    words = any(unit.isalpha() for unit in marks_of_column.units)
    return Remark(text, (*remedies, *[kinds] * words), name, "numbers as text")


def _telling_text(texts):
    return [*not_numbers(texts), *texts][0]


def _settles(marks, current):
    """Whether the marks differ from the current ones, under which the text was no number."""
    return _remedy(marks, current) != {}


def _remedy(marks, current):
    remedy = {}
    for option in ("decimal", "thousands"):
        if getattr(marks, option) != getattr(current, option):
            remedy[option] = getattr(marks, option)
    return remedy | ({"units": marks.units} if set(marks.units) - set(current.units) else {})


# ---- identifiers ----


def identifier_remark(values, name):
    """A Remark on numbers that count the rows, or differ in all rows and are named as an identifier; else None."""
    if infer_dtype(values, skipna=True) not in NUMBER_TYPES - {"boolean"} or len(values) < 3 or values.isna().any():
        return None
    numbers = to_numbers(values, Marks())[0]
    if (numbers != np.round(numbers)).any():
        return None
    remedy = ({"drop": (name,)},)
    if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
        return Remark(
            f"{name!r} counts the rows, and is fitted like other columns; if it is an index", remedy, name, "counter"
        )
    if IDENTIFIER.fullmatch(name) and len(np.unique(numbers)) == len(numbers):
        text = f"{name!r} is another number in each row, and is fitted like other columns; if it is an identifier"
        return Remark(text, remedy, name, "identifier")
    return None
