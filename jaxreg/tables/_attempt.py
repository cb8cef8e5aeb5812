"""A file read with some options: what each column becomes, and the problems that remain."""

import difflib
import itertools
import re
from collections.abc import Hashable

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg._labels import few_values
from jaxreg.tables import _choices, _dates, _formats, _response
from jaxreg.tables._cells import NUMBER_TYPES, labels, level_labels, numbers_or_labels, to_numbers
from jaxreg.tables._columns import Column, Date, digits_remark, encoding_remark
from jaxreg.tables._encoding import Encoding, read_cells
from jaxreg.tables._numbers import AS_WRITTEN, Marks
from jaxreg.tables._problems import LISTED_NAMES, NOTED_NAMES, SEVERAL, Remark, listed

NUMERIC = "target", "time", "start", "offset", "weights"  # roles of columns of numbers
LABELS = "strata", "groups"  # roles of columns of labels
NO_NUMBERS, FEW_VALUES = "no numbers", "few values"  # causes of a problem and of a remark


class Attempt:
    """A file read with some options, and the problems that it then has."""

    def __init__(self, file, options):
        self.file, self.options = file, options
        self.marks = Marks(options["decimal"], options["thousands"], options["units"])
        self.frame, self.remarks = self._cells(self.marks)
        self.problems: list[Remark] = []
        self.columns: list[Column] = []
        self.features: list[str] = []
        self.classes = self.survival = None
        self.of_classes = self.options["classes"] is True
        if self._check_roles() and self._leave_out_rows():
            self._take_columns()
            if not any(problem.remedies for problem in self.problems):
                self._note_missing()

    def _cells(self, marks):
        texts = set(self.options["categorical"])
        texts |= {self.options[name] for name in LABELS if self.options[name] is not None}
        if self.options["classes"] is True:
            texts.add(self.options["target"])
        return read_cells(self.file, texts, marks, self.options["na"])

    # ---- roles of columns ----

    def _check_roles(self):
        """Whether the file has every named column, every column has one role, and features are left."""
        single = self._single_columns()
        roles = [(option, name) for option, name in single.items() if name is not None]
        roles += [(option, name) for option in ("drop", "categorical") for name in self.options[option]]
        taken: dict[str, str] = {}
        for option, name in roles:
            if name not in self.frame.columns:
                self.problems.append(self._unknown_column(option, name))
            elif taken.setdefault(name, option) != option:
                self.problems.append(Remark(f"{taken[name]} and {option} are both {name!r}; give two columns"))
        empty = [(option, name) for option, name in single.items() if name in taken and self.frame[name].isna().all()]
        self.problems += [
            Remark(f"{option} {name!r} has no value at all; give another column") for option, name in empty
        ]
        if self.problems:
            return False
        left_out = {name for option, name in roles if option != "categorical"}
        unnamed = list(itertools.takewhile(_formats.is_unnamed, self.frame.columns))
        unnamed = [name for name in unnamed if name not in taken]
        if unnamed:
            left_out.update(unnamed)
            text = "what pandas calls a first column without a name is left out, as labels of the rows"
            self.remarks.append(Remark(f"{text}: {listed(unnamed, LISTED_NAMES)}"))
        self.features = [name for name in self.frame.columns if name not in left_out]
        self.dropped = [name for name in self.frame.columns if name in left_out and name not in single.values()]
        if not self.features:
            text = f"no column is left to predict {self.options['target']!r} from; give a table with more"
            self.problems.append(Remark(text))
        return not self.problems

    def _single_columns(self):
        """{role: column, or None} of the roles that one column has."""
        roles = {name: self.options[name] for name in (*NUMERIC, "event", *LABELS)}
        if roles["event"] is not None:
            roles["event"], _ = _response.event_column(roles["event"], self.frame.columns)
        return roles

    def _unknown_column(self, option, name):
        names = list(self.frame.columns)
        lowered = {column.lower(): column for column in reversed(names)}
        close = difflib.get_close_matches(name.lower(), lowered, n=1)
        text = f"{option} is {name!r}, which is not a column. "
        if not close:
            headless = len(names) == 1 or bool(pd.to_numeric(pd.Series(names), errors="coerce").notna().all())
            hint = "; if these are no names, the first line of the file is no header" * headless
            return Remark(f"{text}The columns are {listed(names, LISTED_NAMES)}{hint}")
        nearest = lowered[close[0]]
        other_names = listed([column for column in names if column != nearest], LISTED_NAMES)
        text += f"Did you mean {nearest!r}? Other columns are {other_names}"
        if option == "event":  # with its value, if there is one
            nearest += self.options["event"].removeprefix(name)
        return Remark(text, ({option: {name: nearest} if option in SEVERAL else nearest},))

    def _take_columns(self):
        """Set `columns`: what each feature becomes. A feature whose kind is not clear adds a problem."""
        numeric = [role for role in NUMERIC if not (role == "target" and self.of_classes)]
        roles = {self.options[role]: role for role in numeric if self.options[role] is not None}
        as_text = self._numbers_as_text(roles)
        for name, role in roles.items():
            problems = self._number_problems(name, role, as_text)
            if role == "target" and self.options["classes"] == "auto" and self._holds_classes(problems):
                self.of_classes = True
            else:
                self.problems += problems
        if self.of_classes:
            self.problems += self._class_problems()
        if self.options["event"] is not None:
            self.problems += self._event_problems()
        for role in LABELS:
            self.problems += self._label_problems(role)
        columns = {name: as_text.get(name) or self._column_or_remark(name) for name in self.features}
        for column in (columns | self._columns_of_another_order(columns)).values():
            if isinstance(column, Column):
                self.columns.append(column)
            else:
                self.problems.append(column)
        identifiers = [_choices.identifier_remark(self.frame[name], name) for name in self.features]
        self.remarks += [remark for remark in identifiers if remark is not None]
        formats = [column.format for column in self.columns if isinstance(column, Date) and column.format is not None]
        orders = {_dates.day_first(form) for form in formats} - {None}
        self.problems = [_choices.with_likely_order(problem, orders) for problem in self.problems]
        names = [name for column in self.columns for name in column.names]
        if not self.problems:
            _formats.require_distinct(names, "the table of all levels")

    def _column_or_remark(self, name, **options):
        return _choices.column_or_remark(self.frame[name], name, self.options | options)

    def _columns_of_another_order(self, columns):
        """The dates in another order than `dayfirst`, read without it, where other columns need the option.

        A dict of names to Column or Remark; it is empty where no column needs the option.
        """
        ambiguous = [name for name, remark in columns.items() if _cause(remark) == _choices.ANOTHER_ORDER]
        dates = [name for name, column in columns.items() if isinstance(column, Date)]
        if not ambiguous or all(
            _cause(self._column_or_remark(name, dayfirst=None)) != _choices.UNCLEAR_ORDER for name in dates
        ):
            return {}
        return {name: self._column_or_remark(name, dayfirst=None) for name in ambiguous}

    def _numbers_as_text(self, roles):
        """{name: Remark} of columns of numbers in another notation."""
        names = [*roles, *self.features]
        texts = [name for name in names if self._is_text(name)]

        def numeric_columns(marks):
            frame, _ = self._cells(marks)
            numeric = [name for name in names if infer_dtype(frame[name], skipna=True) in NUMBER_TYPES]
            return sum(len(names) if name in roles else 1 for name in numeric)  # a role must be numeric

        return _choices.numbers_as_text(self.frame, texts, self.marks, numeric_columns)

    def _is_text(self, name):
        return infer_dtype(self.frame[name], skipna=True) == "string" and name not in self.options["categorical"]

    def _number_problems(self, name, role, as_text):
        """Problems of a column that must hold numbers."""
        if name in as_text:
            remedies = [remedy for remedy in as_text[name].remedies if not {"drop", "categorical"} & remedy.keys()]
            return [Remark(f"{role} {as_text[name].text}", tuple(remedies))]
        values = self.frame[name]
        numbers, bad = to_numbers(values, self.marks)
        if np.isinf(numbers).any():
            remark = _choices.infinite_remark(name, numbers)
            return [Remark(f"{role} {remark.text}", remark.remedies)]
        if not bad.any():
            return []
        texts = pd.Index(labels(values).dropna().unique(), dtype="str")
        accounts = _choices.accounts_remark(texts, name)
        if accounts is not None:
            return [Remark(f"{role} {accounts.text}")]
        bad_texts = list(dict.fromkeys(map(str, values[bad])))
        strays = [text for text in bad_texts if not re.fullmatch(AS_WRITTEN, text)]  # not in another notation
        if 0 < len(strays) <= min(_choices.BAD_CELLS, len(texts) / 2):
            text = f"{role} {name!r} has values that are not numbers, {listed(strays, NOTED_NAMES)}"
            return [Remark(text, ({"na": tuple(strays)},))]
        text = f"{role} {name!r} has values that are not numbers, such as {bad_texts[0]!r}"
        if role == "target" and _choices.few_levels(len(texts), len(values)):
            number = "two" if len(texts) == 2 else len(texts)
            return [Remark(f"{text}; of {number} classes", ({"classes": True},), cause=NO_NUMBERS)]
        return [Remark(f"{text}; give a column of numbers")]

    def _holds_classes(self, problems):
        """Whether the target, which has these problems as numbers, holds classes: two values, or text of some kinds."""
        if problems:
            return problems[0].cause == NO_NUMBERS
        return self.frame[self.options["target"]].nunique() == 2

    def _class_problems(self):
        name = self.options["target"]
        texts = _response.ordered(level_labels(self.frame[name]).dropna().unique())
        if len(texts) < 2:
            return [Remark(f"target {name!r} has the value {texts[0]!r} alone, and classes are two or more")]
        self.classes = texts
        if len(texts) == 2:
            text = f"has two classes, {texts[0]!r} and {texts[1]!r}: what is predicted is {texts[1]!r}"
        else:
            text = f"has {len(texts)} classes: {listed(texts, NOTED_NAMES)}"
        self.remarks.append(Remark(f"target {name!r} {text}"))
        return []

    def _event_problems(self):
        """Problems of the column of events; those of the columns of times are those of numbers."""
        name, value = _response.event_column(self.options["event"], self.frame.columns)
        value, texts, problems = _response.event_value(self.frame[name], name, value)
        if value is not None:
            time, start = self.options["time"], self.options["start"]
            self.survival = _response.Survival(time, name, value, texts, start)
        return problems

    def _label_problems(self, role):
        """Problems of a column of labels, whose values must be hashable."""
        name = self.options[role]
        values = [] if name is None else self.frame[name].dropna().astype(object).tolist()
        if all(isinstance(value, Hashable) for value in values):
            return []
        return [Remark(f"{role} {name!r} holds neither numbers nor text, such as {values[0]!r}; give other labels")]

    # ---- missing values ----

    def _required_columns(self):
        """The columns of a role, none of whose values are imputed."""
        return [name for name in self._single_columns().values() if name is not None]

    def _leave_out_rows(self):
        """Leave out the rows with missing values that `missing` asks to leave out. True if rows remain."""
        treatment, needed = self.options["missing"], self._required_columns()
        if treatment is None:
            return True
        missing = self.frame[[*needed, *self.features] if treatment == "drop" else needed].isna()
        complete = ~missing.any(axis=1)
        if not complete.any():
            whole, remedies = (
                ("row is complete", ({"missing": "impute"},)) if treatment == "drop" else ("row has a target", ())
            )
            self.problems.append(
                Remark(f"no {whole}: there are missing values in {_missing_counts(missing)}", remedies)
            )
            return False
        if not complete.all():
            n_left_out, n = int((~complete).sum()), len(complete)
            text = f"{n_left_out} of {n} rows {'is' if n_left_out == 1 else 'are'} left out"
            self.remarks.append(Remark(f"{text}, with missing values in {_missing_counts(missing)}"))
            self.frame = self.frame[complete].reset_index(drop=True)
        return True

    def _note_missing(self):
        """Add a remark or a problem on the missing values that remain."""
        missing = self.frame[[*self._required_columns(), *self.features]].isna()
        if not missing.to_numpy().any():
            return
        if self.options["missing"] == "impute":
            text = f"missing values are filled with means of the rows that a fit trains on: {_missing_counts(missing)}"
            self.remarks.append(Remark(text))
            return
        n, complete = len(missing), int((~missing.any(axis=1)).sum())
        text = f"there are missing values in {_missing_counts(missing)}, and {complete} of {n} rows"
        drop, impute = {"missing": "drop"}, {"missing": "impute"}
        remedies = (impute, drop) if missing[self.features].to_numpy().any() else (drop,)
        self.problems.append(Remark(f"{text} {'is' if complete == 1 else 'are'} complete", remedies))

    # ---- the table of an attempt without problems ----

    def encoding(self):
        return Encoding(
            self.options["target"],
            tuple(self.columns),
            self.marks,
            self.options["na"],
            self.options["missing"] == "impute",
            tuple(self.dropped),
            self.classes,
            self.options["weights"],
            self.options["groups"],
            self.options["offset"],
            self.options["strata"],
            self.survival,
        )

    def numbers(self, role):
        """The Series of numbers of the column of a role, None without."""
        name = self.options[role]
        return None if name is None else pd.Series(to_numbers(self.frame[name], self.marks)[0], name=name)

    def labels(self, role):
        """The Series of labels of the column of a role, None without."""
        name = self.options[role]
        return None if name is None else numbers_or_labels(self.frame[name])

    def all_remarks(self, y):
        remarks = [encoding_remark(column, self.frame[column.name]) for column in self.columns]
        roles = [role for role in NUMERIC if not (role == "target" and self.of_classes)]
        names = [self.options[role] for role in roles if self.options[role] is not None]
        remarks += [digits_remark(name, self.frame[name]) for name in names]
        return (*self.remarks, *self._class_remarks(y), *(remark for remark in remarks if remark is not None))

    def _class_remarks(self, y):
        values = [] if self.of_classes or self.survival else few_values(y)
        if not values:
            return []
        text = f"target {self.options['target']!r} has {len(values)} different values, "
        text += f"{listed([int(value) for value in values], NOTED_NAMES)}: fitted as numbers, not as classes"
        remedies, hint = (({"classes": True},), "; if they are classes") if len(values) == 2 else ((), "")
        return [Remark(text + hint, remedies, cause=FEW_VALUES)]


def _missing_counts(missing):
    """Text: the columns of a frame of flags (n, p) with a missing value, and their numbers of missing values."""
    counts = missing.sum()
    return ", ".join(f"{name!r} ({number})" for name, number in counts[counts > 0].items())


def _cause(column):
    return column.cause if isinstance(column, Remark) else None
