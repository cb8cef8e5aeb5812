"""What becomes of a column: numbers, a column of 0 and 1 for each level, or the numbers of dates."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar, final

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_timedelta64_dtype

from jaxreg.tables import _dates
from jaxreg.tables._cells import DURATIONS, labels, level_labels, loses_digits, to_numbers
from jaxreg.tables._problems import NOTED, Remark, listed

SHOWN = 3  # rows and values in a problem


@dataclass(frozen=True)
class Column(ABC):
    """A column of the file: `names` are those of X that it becomes."""

    name: str

    kind: ClassVar[str]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def encode(self, values, marks) -> tuple[np.ndarray, list[Remark]]:
        """((n, len(names)), NaN where a value is missing, and what is wrong with the values)."""

    @final
    def to_plain(self):
        return {"kind": self.kind, **asdict(self)}


@final
@dataclass(frozen=True)
class Number(Column):
    """Numbers as they are."""

    kind = "number"

    @property
    def names(self):
        return (self.name,)

    def encode(self, values, marks):
        numbers, bad = to_numbers(values, marks)
        if bad.any():
            return numbers[:, None], [Remark(f"{self.name!r} needs numbers, but has {cells_where(values, bad)}")]
        infinite = np.isinf(numbers)
        if infinite.any():
            return numbers[:, None], [Remark(f"{self.name!r} has infinite values, {cells_where(values, infinite)}")]
        return numbers[:, None], []


@final
@dataclass(frozen=True)
class Boolean(Column):
    """Truths as 1 and 0."""

    kind = "boolean"

    @property
    def names(self):
        return (self.name,)

    def encode(self, values, marks):
        numbers = (
            labels(values).map({"True": 1.0, "False": 0.0, "1": 1.0, "0": 0.0}).to_numpy("float64", na_value=np.nan)
        )
        bad = values.notna().to_numpy() & np.isnan(numbers)
        text = f"{self.name!r} needs True or False, but has "
        return numbers[:, None], [Remark(f"{text}{cells_where(values, bad)}")] if bad.any() else []


@final
@dataclass(frozen=True)
class Category(Column):
    """Columns of 0 and 1, one for each of the levels (K,), which are texts."""

    levels: tuple[str, ...]

    kind = "category"

    @property
    def names(self):
        return tuple(f"{self.name}={level}" for level in self.levels)

    def encode(self, values, marks):
        texts = level_labels(values, self.levels)
        codes = pd.Index(self.levels).get_indexer(texts)
        missing = texts.isna().to_numpy()
        design = np.zeros((len(texts), len(self.levels)))
        known = codes >= 0
        design[np.flatnonzero(known), codes[known]] = 1.0
        design[missing] = np.nan
        new = ~known & ~missing
        if not new.any():
            return design, []
        text = f"{self.name!r} has levels that the fit has not seen, {cells_where(texts, new)}"
        return design, [Remark(text, ({"unknown": "zero"},))]


@final
@dataclass(frozen=True)
class Date(Column):
    """Days since 1970-01-01, and of `parts` the year, and columns of 0 and 1 for months, weekdays and hours.

    `format` is that of texts, None where the file holds times. `parts` holds the levels of each part, none of the year.
    Times that are `zoned` have a time zone, and are taken in UTC.
    """

    format: str | None
    parts: dict[str, tuple[str, ...]]
    zoned: bool = False

    kind = "date"

    @property
    def names(self):
        return (f"{self.name}.days", *(name for each in self._parts() for name in each.names))

    def _parts(self):
        """The columns that the parts would be."""
        return [
            Category(f"{self.name}.{part}", tuple(levels)) if levels else Number(f"{self.name}.{part}")
            for part, levels in self.parts.items()
        ]

    def encode(self, values, marks):
        times, bad = to_times(values, self.format)
        written = "times" if self.format is None else f"dates written as {self.format}"
        if not bad.any():
            bad = values.notna().to_numpy() & (_dates.zoned(values) != self.zoned)
            written = f"times {'with' if self.zoned else 'without'} a time zone"
        if bad.any():
            text = f"{self.name!r} needs {written}, but has {cells_where(values, bad)}"
            return np.full((len(values), len(self.names)), np.nan), [Remark(text)]
        columns, problems = [_dates.days(times)[:, None]], []
        parts = _dates.parts(times)
        for column in self._parts():
            numbers, wrong = column.encode(pd.Series(parts[column.name.rpartition(".")[2]]), marks)
            columns.append(numbers)
            problems += wrong
        return np.concatenate(columns, axis=1), problems


@final
@dataclass(frozen=True)
class Duration(Column):
    """Lengths of time as days."""

    kind = "duration"

    @property
    def names(self):
        return (f"{self.name}.days",)

    def encode(self, values, marks):
        if not is_timedelta64_dtype(values):
            there = values.notna().to_numpy()
            if there.any() and infer_dtype(values, skipna=True) not in DURATIONS:
                return np.full((len(values), 1), np.nan), [
                    Remark(f"{self.name!r} needs lengths of time, but has {cells_where(values, there)}")
                ]
            values = pd.to_timedelta(values)
        return (values / _dates.DAY).to_numpy("float64", na_value=np.nan)[:, None], []


KINDS: dict[str, type[Column]] = {each.kind: each for each in (Number, Boolean, Category, Date, Duration)}


def from_plain(plain):
    """The Column that `to_plain` turned into a dict; JSON has made lists of its tuples."""
    fields = dict(plain)
    kind = KINDS[fields.pop("kind")]
    if "levels" in fields:
        fields["levels"] = tuple(fields["levels"])
    if "parts" in fields:
        fields["parts"] = {part: tuple(levels) for part, levels in fields["parts"].items()}
    return kind(**fields)


def date_with_parts(name, form, times, whole, zoned):
    """The Date of times: its days alone, or with those parts that differ between rows where `whole`."""
    if not whole:
        return Date(name, form, {}, zoned)
    order = {"month": _dates.MONTHS, "weekday": _dates.WEEKDAYS, "hour": tuple(map(str, range(24)))}
    parts: dict[str, tuple[str, ...]] = {}
    for part, values in _dates.parts(times).items():
        different = set(pd.Series(values).dropna())
        if len(different) > 1:
            parts[part] = tuple(level for level in order.get(part, ()) if level in different)
    return Date(name, form, parts, zoned)


def to_times(values, form):
    """(times, which are there and no times)."""
    times = _dates.parsed(values, form)
    return times, (values.notna() & times.isna()).to_numpy()


def cells_where(values, which):
    """The first of some values, and where they are."""
    rows = np.flatnonzero(which)
    different = list(dict.fromkeys(map(str, values.iloc[rows])))
    where = ", ".join(str(row + 1) for row in rows[:SHOWN]) + (f" and {len(rows) - SHOWN} more" * (len(rows) > SHOWN))
    return f"{listed(different, SHOWN)} in row{'s' * (len(rows) > 1)} {where}"


def said_of(column, values):
    """A Remark on what became of a column, or None where nothing did."""
    names = column.names
    became = f"{len(names)} column{'s' * (len(names) != 1)}: {listed(list(names), NOTED)}"
    if isinstance(column, Category):
        return Remark(f"{column.name!r} has {len(names)} level{'s' * (len(names) != 1)} and became {became}")
    if isinstance(column, Date):
        times, _ = to_times(values, column.format)
        written = "" if column.format is None else f" (as {str(values.dropna().iloc[0])!r}, read as {column.format})"
        zone = ", with a time zone and taken in UTC," if column.zoned else ""
        span = f"from {times.min().date()} to {times.max().date()}"
        months = column.parts.get("month", _dates.MONTHS)
        other = "" if len(months) == len(_dates.MONTHS) else "; new rows in other months have no column for them"
        return Remark(f"{column.name!r} holds dates{written}{zone} {span}, and became {became}{other}")
    if isinstance(column, Duration):
        return Remark(f"{column.name!r} holds lengths of time and became {became}")
    return digits_lost(column.name, values, ({"categorical": (column.name,)}, {"drop": (column.name,)}))


def digits_lost(name, values, remedies=()):
    """A Remark where a column of numbers has digits that float64 does not hold, else None."""
    if not loses_digits(values):
        return None
    text = f"{name!r} has whole numbers beyond 2^53, of which a fit does not tell the last digits apart"
    return Remark(f"{text}; if they are codes" if remedies else text, remedies, name, "digits")
