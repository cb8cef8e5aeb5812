"""The recipe that a table was encoded by. It encodes new rows alike, and refuses rows that differ."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jaxreg import _validation
from jaxreg.tables import _formats, _response
from jaxreg.tables._cells import level_labels, to_numbers
from jaxreg.tables._columns import Category, Column, cells_where, column_from_plain
from jaxreg.tables._numbers import Marks
from jaxreg.tables._problems import LISTED_NAMES, Remark, TableError, listed
from jaxreg.tables._response import Survival

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


UNKNOWN_LEVELS = ("error", "zero")  # what becomes of levels that a fit has not seen
USELESS = ", by which no prediction can be judged"


@dataclass(frozen=True)
class Rows:
    """New rows: the frame as it was read, X (m, p), the offset (m,) if there is one, and what judges predictions.

    y is as for a fit, of any value in rows that are not `known`, where it is missing or wrong. These rows, and those of
    weight 0, are not judged.
    """

    frame: pd.DataFrame
    X: pd.DataFrame
    y: Any
    known: Bool[np.ndarray, " m"]
    weight: Float[np.ndarray, " m"]
    remarks: tuple[Remark, ...]
    offset: Float[np.ndarray, " m"] | None = None
    strata: np.ndarray | None = None

    @property
    def judged(self) -> Bool[np.ndarray, " m"]:
        """Flags of the rows that are judged."""
        return self.known & (self.weight > 0)


@dataclass(frozen=True)
class Encoding:
    """What each column of a table became, fixed when the table was read. New rows become the same columns.

    Attributes
    ----------
    target : str or None
        The column that is predicted, None of survival times.
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
    classes : tuple of str, or None
        The values of a target that is one of classes, in the order of their labels.
    weights, groups, offset, strata : str or None
        Columns that are no predictors: new rows need the offset, and are judged by the weights, and within the strata,
        if they have them.
    survival
        The columns of survival times, and the value of the event; None without.

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

    target: str | None
    columns: tuple[Column, ...]
    marks: Marks
    na: tuple[str, ...]
    imputes: bool
    left_out: tuple[str, ...]
    classes: tuple[str, ...] | None
    weights: str | None = None
    groups: str | None = None
    offset: str | None = None
    strata: str | None = None
    survival: Survival | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names (p,) of the columns of X."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """For each column of X (p,) the column of the table that it comes from."""
        return tuple(column.name for column in self.columns for _ in column.names)

    @property
    def response_columns(self) -> tuple[str, ...]:
        """The columns that hold what is predicted."""
        return tuple(self.survival.columns.values()) if self.survival else (self.target,) if self.target else ()

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
        offset, offset_problems = self._offset(frame)
        y, known, weight, judge_problems = self._judging_values(frame)
        problems += unfilled + design_problems + offset_problems + (judge_problems if judge else [])
        told = not judge and set(self.response_columns) <= set(frame.columns)
        remarks += filled + (judge_problems if told else [])
        if unknown == "zero":
            remarks += [
                Remark(f"{problem.text}; none of its columns is 1 there") for problem in problems if problem.remedies
            ]
            problems = [problem for problem in problems if not problem.remedies]
        if problems:
            options = {"unknown": "zero"} if all(problem.remedies for problem in problems) else None
            raise TableError(subject_of(data), problems, {"unknown": unknown}, options)
        roles = {*self.response_columns, self.weights, self.groups, self.offset, self.strata}
        used = {*roles, *self.left_out, *(column.name for column in self.columns)}
        unused = [name for name in frame.columns if name not in used]
        if unused:
            remarks.append(Remark(f"what the fit has not used is left out: {listed(unused, LISTED_NAMES)}"))
        strata = None if self.strata not in frame.columns else frame[self.strata].astype(str).to_numpy()
        return Rows(frame, X, y, known, weight, tuple(remarks), offset, strata)

    def _text_columns(self):
        """Columns whose cells are read as they are written."""
        categories = {column.name for column in self.columns if isinstance(column, Category)}
        strata = set() if self.strata is None else {self.strata}
        return categories | {*self.left_out} | strata | ({self.target} if self.classes else set())

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

    def _offset(self, frame):
        """(offset (m,) or None, its problems)."""
        if self.offset is None:
            return None, []
        if self.offset not in frame.columns:
            return None, [Remark(f"there is no column {self.offset!r}, the offset of the fit; add it")]
        values, problems = self._numbers(frame, "offset", self.offset, "")
        if not problems and np.isnan(values).any():
            problems = [Remark(f"offset {self.offset!r} has {np.isnan(values).sum()} missing values; fill them")]
        return values, problems

    def _judging_values(self, frame):
        """(y, flags (m,) of the rows where it is known, weights (m,), problems that keep them from judging)."""
        m, weight = len(frame), np.ones(len(frame))
        absent = [name for name in self.response_columns if name not in frame.columns]
        if absent:
            text = f"there is no column {absent[0]!r} to judge predictions by; give rows with it"
            return np.full(m, np.nan), np.zeros(m, bool), weight, [Remark(text)]
        y, known, problems = self.response(frame)
        if self.weights in frame.columns:
            weight, weight_problems = self._numbers(frame, "weights", self.weights)
            negative = weight < 0
            if negative.any():
                weight_problems.append(
                    Remark(f"weights {self.weights!r} has {negative.sum()} negative values{USELESS}")
                )
            weight, problems = np.where(negative | np.isnan(weight), 0.0, weight), problems + weight_problems
        if not problems and not (known & (weight > 0)).any():
            less = f" in a row where weights {self.weights!r} is above 0" if known.any() else ""
            role, name = ("target", self.target) if self.survival is None else ("time", self.survival.time)
            problems = [Remark(f"{role} {name!r} has no value{less}, so there is nothing to judge predictions by")]
        return y, known, weight, problems

    def response(self, frame) -> tuple[Any, Bool[np.ndarray, " m"], list[Remark]]:
        """(y, flags (m,) of the rows where it is known, problems of its values), y as the fits take it.

        It is a Series of numbers or of labels of classes, or a frame of survival times.
        """
        if self.survival is not None:
            return self._survival_times(frame, self.survival)
        if self.classes is None:
            numbers, problems = self._numbers(frame, "target", self.target)
            return pd.Series(numbers, name=self.target), ~np.isnan(numbers), problems
        texts = level_labels(frame[self.target], self.classes)
        known = texts.isin(self.classes).to_numpy()
        unknown = texts[~known & texts.notna()]
        positions = pd.Index(self.classes).get_indexer(texts.where(known, self.classes[0]))
        y = pd.Series(_response.labels_of(self.classes)[positions], name=self.target)
        if not len(unknown):
            return y, known, []
        text = f"target {self.target!r} has the class {unknown.iloc[0]!r}, not one of {self.classes}"
        return y, known, [Remark(f"{text}{USELESS}")]

    def _survival_times(self, frame, survival):
        """(frame of survival times, flags of the rows where they are known, problems)."""
        event, known = _response.events_of(frame[survival.event], survival)
        times: dict[str, Any] = {}
        problems: list[Remark] = []
        for role in survival.columns.keys() - {"event"}:
            times[role], more = self._numbers(frame, role, survival.columns[role])
            known, problems = known & ~np.isnan(times[role]), problems + more
        return pd.DataFrame({"time": times.pop("time"), "event": event, **times}), known, problems

    def _numbers(self, frame, role, name, consequence=USELESS):
        """(numbers (m,) of a column, problems of its values); a number is NaN where it is missing or wrong."""
        values = frame[name]
        numbers, bad = to_numbers(values, self.marks)
        if bad.any():
            numbers = to_numbers(values.where(~bad), self.marks)[0]
        bad = bad | np.isinf(numbers)
        if not bad.any():
            return numbers, []
        text = f"{role} {name!r} has values that are no finite numbers, {cells_where(values, bad)}{consequence}"
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
        if survival := plain.get("survival"):
            restored["survival"] = Survival(**(survival | {"levels": tuple(survival["levels"])}))
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
