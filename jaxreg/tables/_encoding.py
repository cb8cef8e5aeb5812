"""The recipe that a table was encoded by, kept for new rows, which it refuses where they differ."""

import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from jaxreg import _validation
from jaxreg.tables import _formats
from jaxreg.tables._cells import level_labels, to_numbers
from jaxreg.tables._columns import Category, Column, from_plain
from jaxreg.tables._numbers import Marks
from jaxreg.tables._problems import LISTED, Remark, TableError, listed

UNKNOWN = ("error", "zero")  # what becomes of levels that a fit has not seen


@dataclass(frozen=True)
class Rows:
    """New rows: the frame as it was read, X (m, p), y (m,) with NaN where it is missing, None without the target."""

    frame: pd.DataFrame
    X: pd.DataFrame
    y: np.ndarray | None
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Encoding:
    """What became of each column of a table, fixed when it was read; new rows become the same columns.

    Attributes
    ----------
    target : str
        The column that is predicted.
    columns : tuple
        Of the other columns what each becomes.
    marks
        How numbers are written in texts.
    na : tuple of str
        Texts that stand for a missing value.
    imputes : bool
        Whether a missing value stays NaN, for the fit to fill, or is refused.
    left_out : tuple of str
        Columns that were dropped.
    classes : (str, str) or None
        The values of the target that became -1 and 1.

    Examples
    --------
    The levels are those of the table that was read, in its order.

    >>> import pandas as pd
    >>> import jaxreg as jr
    >>> frame = pd.DataFrame({"town": ["Rome", "Oslo", "Rome"] * 3, "price": [3.0, 2.0, 4.0] * 3})
    >>> encoding = jr.tables.read(frame, "price").encoding
    >>> encoding.transform(pd.DataFrame({"town": ["Rome"]}))
       town=Oslo  town=Rome
    0        0.0        1.0
    >>> try:
    ...     encoding.transform(pd.DataFrame({"town": ["Bern"]}))
    ... except jr.tables.TableError as error:
    ...     print(error)
    the table cannot be used as it is:
    - 'town' has levels that the fit has not seen, 'Bern' in row 1: unknown='zero'.
    This works: unknown='zero'
    """

    target: str
    columns: tuple[Column, ...]
    marks: Marks
    na: tuple[str, ...]
    imputes: bool
    left_out: tuple[str, ...]
    classes: tuple[str, str] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names (p,) of the columns of X."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """For each column of X (p,) the column of the table that it comes from."""
        return tuple(column.name for column in self.columns for _ in column.names)

    def transform(self, data, unknown="error") -> pd.DataFrame:
        """X (m, p) of new rows.

        Parameters
        ----------
        data : file or DataFrame
            With the columns of the table that was read, in any order; others are left out.
        unknown : "error" or "zero"
            What becomes of a level that the table had not: an error, or zeros in the columns of all levels.

        Raises
        ------
        TableError
            For all at once of what differs: columns that are not there, texts in a column of numbers, missing values
            where none are filled, levels that are unknown.
        """
        return self.rows(data, unknown).X

    def rows(self, data, unknown="error") -> Rows:
        """The same with the frame that was read, the target where it is there, and remarks."""
        _validation.check_choice(unknown, "unknown", UNKNOWN)
        frame, remarks = read_cells(data, self._texts(), self.marks, self.na)
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        present = [column for column in self.columns if column.name in frame.columns]
        problems = [self._absent(absent, list(frame.columns))] if absent else []
        problems += self._missing(frame[[column.name for column in present]])
        X, wrong = self.design(frame, present)
        y, wrong_y = self.response(frame)
        problems += wrong + wrong_y
        if unknown == "zero":
            remarks += [Remark(f"{each.text}; none of its columns is 1 there") for each in problems if each.remedies]
            problems = [each for each in problems if not each.remedies]
        if problems:
            options = {"unknown": "zero"} if all(each.remedies for each in problems) else None
            raise TableError(named(data), problems, {"unknown": unknown}, options)
        known = {self.target, *self.left_out, *(column.name for column in self.columns)}
        more = [name for name in frame.columns if name not in known]
        if more:
            remarks.append(Remark(f"what the fit has not used is left out: {listed(more, LISTED)}"))
        return Rows(frame, X, y, tuple(remarks))

    def _texts(self):
        """Columns whose cells are read as they are written."""
        categories = {column.name for column in self.columns if isinstance(column, Category)}
        return categories | {self.target} if self.classes else categories

    def _absent(self, names, there):
        close = {name: get_close_matches(name, there, n=1) for name in names}
        hints = ", ".join(f"{near[0]!r} may be {name!r}" for name, near in close.items() if near)
        hint = f" ({hints})" if hints else ""
        columns = f"column{'s' * (len(names) > 1)} {listed(names, LISTED)}"
        return Remark(f"the fit has used the {columns}, which the table has not{hint}; add or rename")

    def _missing(self, features):
        missing = features.isna().sum()
        missing = missing[missing > 0]
        if self.imputes or not len(missing):
            return []
        text = ", ".join(f"{name!r} ({number})" for name, number in missing.items())
        said = f"there are missing values in {text}, which a fit with missing='impute' would fill"
        return [Remark(f"{said}; fit again so, or fill them")]

    def design(self, frame, columns):
        """(X (m, p) of those columns of a frame, what is wrong with them)."""
        names = [name for column in columns for name in column.names]
        X, problems, at = np.empty((len(frame), len(names)), order="F"), [], 0
        for column in columns:
            values, wrong = column.encode(frame[column.name], self.marks)
            X[:, at : at + values.shape[1]] = values
            problems += wrong
            at += values.shape[1]
        return pd.DataFrame(X, columns=names), problems

    def response(self, frame):
        """(y (m,) or None, what is wrong with it)."""
        if self.target not in frame.columns:
            return None, []
        values = frame[self.target]
        if self.classes is not None:
            texts = level_labels(values, self.classes)
            other = texts[~texts.isin(self.classes) & texts.notna()]
            if len(other):
                return None, [Remark(f"{self.target!r} has the class {other.iloc[0]!r}, not one of {self.classes}")]
            return texts.map({self.classes[0]: -1.0, self.classes[1]: 1.0}).to_numpy("float64", na_value=np.nan), []
        numbers, bad = to_numbers(values, self.marks)
        if bad.any():
            text = f"target {self.target!r} has values that are not numbers, such as {str(values[bad].iloc[0])!r}"
            return None, [Remark(text)]
        if np.isinf(numbers).any():
            return None, [
                Remark(f"target {self.target!r} has infinite values in {np.isinf(numbers).sum()} rows; mend them")
            ]
        return numbers, []

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        return json.dumps(asdict(self) | {"columns": [column.to_plain() for column in self.columns]})

    @classmethod
    def from_json(cls, text) -> "Encoding":
        """The Encoding of a text that `to_json` wrote."""
        plain = json.loads(text)
        marks = plain["marks"] | {"units": tuple(plain["marks"]["units"])}
        tuples = {name: tuple(plain[name]) for name in ("na", "left_out")}
        classes = plain["classes"] and tuple(plain["classes"])
        columns = tuple(from_plain(column) for column in plain["columns"])
        return cls(plain["target"], columns, Marks(**marks), imputes=plain["imputes"], classes=classes, **tuples)


def read_cells(data, texts, marks, na):
    """(frame, remarks) of a file or a frame."""
    if isinstance(data, pd.DataFrame):
        return _formats.from_frame(data, texts, marks, na)
    if not isinstance(data, (str, Path)):
        raise TypeError(f"data is {_validation.shown(data)}; give the name of a file, or a pandas DataFrame.")
    return _formats.read_file(data, texts, marks, na)


def named(data):
    return "the table" if isinstance(data, pd.DataFrame) else str(data)
