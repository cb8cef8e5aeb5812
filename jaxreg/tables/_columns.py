"""What becomes of a column: numbers, a column of 0 and 1 for each level, or the numbers of dates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_timedelta64_dtype

from jaxreg.tables import _dates
from jaxreg.tables._cells import DURATION_TYPES, labels, level_labels, loses_digits, to_numbers
from jaxreg.tables._problems import NOTED_NAMES, Remark, listed

if TYPE_CHECKING:
    from jaxtyping import Float


SHOWN_ROWS = 3  # rows and values in a problem


@dataclass(frozen=True)
class Column(ABC):
    """A column of the file. It becomes the columns `names` of X."""

    name: str

    kind: ClassVar[str]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def encode(self, values, marks) -> tuple[Float[np.ndarray, "n names"], list[Remark]]:
        """(columns of X (n, len(names)), with NaN where a value is missing; problems of the values)."""

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
    """Days since 1970-01-01, and the `parts` of dates: the year, and columns of 0 and 1 for month, weekday and hour.

    `format` is the notation of texts; None where the file holds times. `parts` maps each part to its levels; the year
    has no levels. If `zoned`, the times have a time zone and are taken in UTC.
    """

    format: str | None
    parts: dict[str, tuple[str, ...]]
    zoned: bool = False

    kind = "date"

    @property
    def names(self):
        return (f"{self.name}.days", *(name for column in self._part_columns() for name in column.names))

    def _part_columns(self):
        """A Column for each part."""
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
        parts = _dates.date_parts(times)
        for column in self._part_columns():
            numbers, part_problems = column.encode(pd.Series(parts[column.name.rpartition(".")[2]]), marks)
            columns.append(numbers)
            problems += part_problems
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
            present = values.notna().to_numpy()
            if present.any() and infer_dtype(values, skipna=True) not in DURATION_TYPES:
                return np.full((len(values), 1), np.nan), [
                    Remark(f"{self.name!r} needs lengths of time, but has {cells_where(values, present)}")
                ]
            values = pd.to_timedelta(values)
        return (values / _dates.DAY).to_numpy("float64", na_value=np.nan)[:, None], []


COLUMN_KINDS: dict[str, type[Column]] = {column.kind: column for column in (Number, Boolean, Category, Date, Duration)}


def column_from_plain(plain):
    """The Column that `to_plain` turned into a dict; JSON has made lists of its tuples."""
    fields = dict(plain)
    kind = COLUMN_KINDS[fields.pop("kind")]
    if "levels" in fields:
        fields["levels"] = tuple(fields["levels"])
    if "parts" in fields:
        fields["parts"] = {part: tuple(levels) for part, levels in fields["parts"].items()}
    return kind(**fields)


def date_with_parts(name, form, times, with_parts, zoned):
    """The Date of times. If `with_parts`, it has the parts that differ between rows."""
    if not with_parts:
        return Date(name, form, {}, zoned)
    order = {"month": _dates.MONTHS, "weekday": _dates.WEEKDAYS, "hour": tuple(map(str, range(24)))}
    parts: dict[str, tuple[str, ...]] = {}
    for part, values in _dates.date_parts(times).items():
        levels = set(pd.Series(values).dropna())
        if len(levels) > 1:
            parts[part] = tuple(level for level in order.get(part, ()) if level in levels)
    return Date(name, form, parts, zoned)


def to_times(values, form):
    """(times (n,), flags (n,) of the values that are present and no times)."""
    times = _dates.parsed(values, form)
    return times, (values.notna() & times.isna()).to_numpy()


def cells_where(values, flags):
    """Text: the first values with a flag, and their rows."""
    rows = np.flatnonzero(flags)
    texts = list(dict.fromkeys(map(str, values.iloc[rows])))
    row_numbers = ", ".join(str(row + 1) for row in rows[:SHOWN_ROWS]) + (
        f" and {len(rows) - SHOWN_ROWS} more" * (len(rows) > SHOWN_ROWS)
    )
    return f"{listed(texts, SHOWN_ROWS)} in row{'s' * (len(rows) > 1)} {row_numbers}"


def encoding_remark(column, values):
    """A Remark on what a column became; None where it stays as it is."""
    names = column.names
    became = f"{len(names)} column{'s' * (len(names) != 1)}: {listed(list(names), NOTED_NAMES)}"
    if isinstance(column, Category):
        return Remark(f"{column.name!r} has {len(names)} level{'s' * (len(names) != 1)} and became {became}")
    if isinstance(column, Date):
        times, _ = to_times(values, column.format)
        written = "" if column.format is None else f" (as {str(values.dropna().iloc[0])!r}, read as {column.format})"
        zone = ", with a time zone and taken in UTC," if column.zoned else ""
        span = f"from {times.min().date()} to {times.max().date()}"
        months = column.parts.get("month", _dates.MONTHS)
        warning = "" if len(months) == len(_dates.MONTHS) else "; new rows in other months have no column for them"
        return Remark(f"{column.name!r} holds dates{written}{zone} {span}, and became {became}{warning}")
    if isinstance(column, Duration):
        return Remark(f"{column.name!r} holds lengths of time and became {became}")
    return digits_remark(column.name, values, ({"categorical": (column.name,)}, {"drop": (column.name,)}))


def digits_remark(name, values, remedies=()):
    """A Remark on a column of numbers with more digits than float64 holds; else None."""
    if not loses_digits(values):
        return None
    text = f"{name!r} has whole numbers beyond 2^53, of which a fit does not tell the last digits apart"
    return Remark(f"{text}; if they are codes" if remedies else text, remedies, name, "digits")
