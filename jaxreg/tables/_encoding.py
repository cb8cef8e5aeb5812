"""The recipe that a table was encoded by. It encodes new rows alike, and refuses rows that differ."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jaxreg import _validation
from jaxreg.tables import _formats
from jaxreg.tables._cells import level_labels, to_numbers
from jaxreg.tables._columns import Category, Column, cells_where, column_from_plain
from jaxreg.tables._numbers import Marks
from jaxreg.tables._problems import LISTED_NAMES, Remark, TableError, listed

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


UNKNOWN_LEVELS = ("error", "zero")  # what becomes of levels that a fit has not seen
USELESS = ", by which no prediction can be judged"


@dataclass(frozen=True)
class Rows:
    """New rows: the frame as it was read, X (m, p), and y (m,) and weights (m,) to judge predictions by.

    y is NaN where it is missing or no number. Rows without it, or of weight 0, are not judged.
    """

    frame: pd.DataFrame
    X: pd.DataFrame
    y: Float[np.ndarray, " m"]
    weight: Float[np.ndarray, " m"]
    remarks: tuple[Remark, ...]

    @property
    def judged(self) -> Bool[np.ndarray, " m"]:
        """Flags of the rows that are judged."""
        return ~np.isnan(self.y) & (self.weight > 0)


@dataclass(frozen=True)
class Encoding:
    """What each column of a table became, fixed when the table was read. New rows become the same columns.

    Attributes
    ----------
    target : str
        The column that is predicted.
    columns : tuple
        What each of the other columns becomes.
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
    weights, groups : str or None
        Columns that are no predictors: new rows are judged by the weights if they have them.

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
    weights: str | None = None
    groups: str | None = None

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

    def rows(self, data, unknown="error", judge=False) -> Rows:
        """The same with the frame that was read, what predictions are judged by, and remarks.

        With `judge` it is an error where they cannot be judged; else rows may be without a target.
        """
        _validation.check_choice(unknown, "unknown", UNKNOWN_LEVELS)
        frame, remarks = read_cells(data, self._text_columns(), self.marks, self.na)
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        present = [column for column in self.columns if column.name in frame.columns]
        problems = [self._absent_columns(absent, list(frame.columns))] if absent else []
        unfilled, filled = self._missing_problems_and_remarks(frame[[column.name for column in present]])
        X, design_problems = self.design(frame, present)
        y, weight, judge_problems = self._judging_values(frame)
        problems += unfilled + design_problems + (judge_problems if judge else [])
        remarks += filled + (judge_problems if self.target in frame.columns and not judge else [])
        if unknown == "zero":
            remarks += [
                Remark(f"{problem.text}; none of its columns is 1 there") for problem in problems if problem.remedies
            ]
            problems = [problem for problem in problems if not problem.remedies]
        if problems:
            options = {"unknown": "zero"} if all(problem.remedies for problem in problems) else None
            raise TableError(subject_of(data), problems, {"unknown": unknown}, options)
        known = {self.target, self.weights, self.groups, *self.left_out, *(column.name for column in self.columns)}
        unused = [name for name in frame.columns if name not in known]
        if unused:
            remarks.append(Remark(f"what the fit has not used is left out: {listed(unused, LISTED_NAMES)}"))
        return Rows(frame, X, y, weight, tuple(remarks))

    def _text_columns(self):
        """Columns whose cells are read as they are written."""
        categories = {column.name for column in self.columns if isinstance(column, Category)}
        return categories | {*self.left_out} | ({self.target} if self.classes else set())

    def _absent_columns(self, names, present):
        close_names = {name: get_close_matches(name, present, n=1) for name in names}
        hints = ", ".join(f"{near[0]!r} may be {name!r}" for name, near in close_names.items() if near)
        hint = f" ({hints})" if hints else ""
        columns = f"column{'s' * (len(names) > 1)} {listed(names, LISTED_NAMES)}"
        return Remark(f"the fit has used the {columns}, which the table has not{hint}; add or rename")

    def _missing_problems_and_remarks(self, features):
        """(problems of missing values, remarks on missing values that are filled)."""
        missing = features.isna().sum()
        missing = missing[missing > 0]
        if not len(missing):
            return [], []
        counts = ", ".join(f"{name!r} ({number})" for name, number in missing.items())
        if self.imputes:
            text = f"missing values are filled with means of the rows that the fit was trained on: {counts}"
            return [], [Remark(text)]
        text = f"there are missing values in {counts}, which a fit that imputes would fill"
        return [Remark(f"{text}; fit again with --missing impute (missing='impute' in Python), or fill them")], []

    def design(self, frame, columns):
        """(X (m, p) of some columns of a frame, problems of their values)."""
        names = [name for column in columns for name in column.names]
        X, problems, start = np.empty((len(frame), len(names)), order="F"), [], 0
        for column in columns:
            values, column_problems = column.encode(frame[column.name], self.marks)
            X[:, start : start + values.shape[1]] = values
            problems += column_problems
            start += values.shape[1]
        return pd.DataFrame(X, columns=names), problems

    def _judging_values(self, frame):
        """(y (m,), weights (m,), problems that keep them from judging predictions)."""
        y, weight = np.full(len(frame), np.nan), np.ones(len(frame))
        if self.target not in frame.columns:
            return y, weight, [Remark(f"there is no column {self.target!r} to judge predictions by; give rows with it")]
        y, problems = self.response(frame)
        if self.weights in frame.columns:
            weight, weight_problems = self._numbers(frame, "weights", self.weights)
            negative = weight < 0
            if negative.any():
                weight_problems.append(
                    Remark(f"weights {self.weights!r} has {negative.sum()} negative values{USELESS}")
                )
            weight, problems = np.where(negative | np.isnan(weight), 0.0, weight), problems + weight_problems
        if not problems and not (~np.isnan(y) & (weight > 0)).any():
            less = "" if np.isnan(y).all() else f" in a row where weights {self.weights!r} is above 0"
            problems = [
                Remark(f"target {self.target!r} has no value{less}, so there is nothing to judge predictions by")
            ]
        return y, weight, problems

    def response(self, frame) -> tuple[Float[np.ndarray, " m"], list[Remark]]:
        """(y (m,), problems of its values); y is NaN where the target is missing or wrong."""
        if self.classes is None:
            return self._numbers(frame, "target", self.target)
        texts = level_labels(frame[self.target], self.classes)
        unknown = texts[~texts.isin(self.classes) & texts.notna()]
        numbers = texts.map({self.classes[0]: -1.0, self.classes[1]: 1.0}).to_numpy("float64", na_value=np.nan)
        if not len(unknown):
            return numbers, []
        text = f"target {self.target!r} has the class {unknown.iloc[0]!r}, not one of {self.classes}"
        return numbers, [Remark(f"{text}{USELESS}")]

    def _numbers(self, frame, role, name):
        """(numbers (m,) of a column, problems of its values); a number is NaN where it is missing or wrong."""
        values = frame[name]
        numbers, bad = to_numbers(values, self.marks)
        if bad.any():
            numbers = to_numbers(values.where(~bad), self.marks)[0]
        bad = bad | np.isinf(numbers)
        if not bad.any():
            return numbers, []
        text = f"{role} {name!r} has values that are no finite numbers, {cells_where(values, bad)}{USELESS}"
        return np.where(bad, np.nan, numbers), [Remark(text)]

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        return json.dumps(asdict(self) | {"columns": [column.to_plain() for column in self.columns]})

    @classmethod
    def from_json(cls, text) -> Encoding:
        """The Encoding of a text that `to_json` wrote."""
        plain = json.loads(text)
        marks = plain["marks"] | {"units": tuple(plain["marks"]["units"])}
        restored = {
            "columns": tuple(column_from_plain(column) for column in plain["columns"]),
            "marks": Marks(**marks),
            "na": tuple(plain["na"]),
            "left_out": tuple(plain["left_out"]),
            "classes": plain["classes"] and tuple(plain["classes"]),
        }
        return cls(**(plain | restored))


def read_cells(data, texts, marks, na):
    """(frame, remarks) of a file or a frame."""
    if isinstance(data, pd.DataFrame):
        return _formats.from_frame(data, texts, marks, na)
    if not isinstance(data, (str, Path)):
        raise TypeError(f"data is {_validation.shown(data)}; give the name of a file, or a pandas DataFrame.")
    return _formats.read_file(data, texts, marks, na)


def subject_of(data):
    """The subject of a message on data: the name of the file, or "the table"."""
    return "the table" if isinstance(data, pd.DataFrame) else str(data)
