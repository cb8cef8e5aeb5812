"""A file read with some options: what each column becomes, and all that stands against it."""

import difflib
import itertools
import re
from collections.abc import Hashable

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg._labels import few_values
from jaxreg.tables import _choices, _dates, _formats
from jaxreg.tables._cells import NUMBERS, labels, level_labels, numbers_or_labels, to_numbers
from jaxreg.tables._columns import Column, Date, digits_lost, said_of
from jaxreg.tables._encoding import Encoding, read_cells
from jaxreg.tables._numbers import AS_WRITTEN, Marks
from jaxreg.tables._problems import LISTED, NOTED, SEVERAL, Remark, listed


class Attempt:
    """A file read with some options, and the problems that it then has."""

    def __init__(self, file, options):
        self.file, self.options = file, options
        self.marks = Marks(options["decimal"], options["thousands"], options["units"])
        self.frame, self.remarks = self._cells(self.marks)
        self.problems: list[Remark] = []
        self.columns: list[Column] = []
        self.features: list[str] = []
        self.classes = None
        if self._check_roles() and self._leave_out_rows():
            self._take_columns()
            if not any(problem.remedies for problem in self.problems):
                self._settle_missing()

    def _cells(self, marks):
        texts = set(self.options["categorical"])
        if self.options["groups"] is not None:
            texts.add(self.options["groups"])
        if self.options["classes"]:
            texts.add(self.options["target"])
        return read_cells(self.file, texts, marks, self.options["na"])

    # ---- which column is what ----

    def _check_roles(self):
        """Whether every column is there, has one role, and some are left to predict from."""
        single = {name: self.options[name] for name in ("target", "weights", "groups")}
        roles = [(option, name) for option, name in single.items() if name is not None]
        roles += [(option, name) for option in ("drop", "categorical") for name in self.options[option]]
        taken: dict[str, str] = {}
        for option, name in roles:
            if name not in self.frame.columns:
                self.problems.append(self._unknown(option, name))
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
            self.remarks.append(Remark(f"{text}: {listed(unnamed, LISTED)}"))
        self.features = [name for name in self.frame.columns if name not in left_out]
        self.dropped = [name for name in self.frame.columns if name in left_out and name not in single.values()]
        if not self.features:
            text = f"no column is left to predict {self.options['target']!r} from; give a table with more"
            self.problems.append(Remark(text))
        return not self.problems

    def _unknown(self, option, name):
        names = list(self.frame.columns)
        lowered = {each.lower(): each for each in reversed(names)}
        close = difflib.get_close_matches(name.lower(), lowered, n=1)
        text = f"{option} is {name!r}, which is not a column. "
        if not close:
            headless = len(names) == 1 or bool(pd.to_numeric(pd.Series(names), errors="coerce").notna().all())
            hint = "; if these are no names, the first line of the file is no header" * headless
            return Remark(f"{text}The columns are {listed(names, LISTED)}{hint}")
        right = lowered[close[0]]
        others = listed([each for each in names if each != right], LISTED)
        text += f"Did you mean {right!r}? Other columns are {others}"
        return Remark(text, ({option: {name: right} if option in SEVERAL else right},))

    def _take_columns(self):
        """What becomes of each column, and problems with those of which it is not clear."""
        numeric = [name for name in ("target", "weights") if self.options[name] is not None]
        roles = {self.options[name]: name for name in numeric if not (name == "target" and self.options["classes"])}
        as_text = self._numbers_as_text(roles)
        for name, role in roles.items():
            self.problems += self._number_role(name, role, as_text)
        if self.options["classes"]:
            self.problems += self._two_classes()
        if self.options["groups"] is not None:
            self.problems += self._groups()
        taken = {name: as_text.get(name) or self._take(name) for name in self.features}
        for column in (taken | self._of_another_order(taken)).values():
            if isinstance(column, Column):
                self.columns.append(column)
            else:
                self.problems.append(column)
        identifiers = [_choices.identifier(self.frame[name], name) for name in self.features]
        self.remarks += [remark for remark in identifiers if remark is not None]
        formats = [column.format for column in self.columns if isinstance(column, Date) and column.format is not None]
        orders = {_dates.day_first(form) for form in formats} - {None}
        self.problems = [_choices.in_view_of_others(problem, orders) for problem in self.problems]
        names = [name for column in self.columns for name in column.names]
        if not self.problems:
            _formats.require_distinct(names, "the table of all levels")

    def _take(self, name, **options):
        return _choices.take(self.frame[name], name, self.options | options)

    def _of_another_order(self, taken):
        """Of columns of dates that show another order than is given, what they are where further ones need it."""
        others = [name for name, remark in taken.items() if _cause(remark) == _choices.ANOTHER_ORDER]
        dates = [name for name, column in taken.items() if isinstance(column, Date)]
        if not others or all(_cause(self._take(name, dayfirst=None)) != _choices.UNCLEAR_ORDER for name in dates):
            return {}
        return {name: self._take(name, dayfirst=None) for name in others}

    def _numbers_as_text(self, roles):
        """Remarks on columns of numbers in another notation."""
        names = [*roles, *self.features]
        texts = [name for name in names if self._is_text(name)]

        def numeric_columns(marks):
            frame, _ = self._cells(marks)
            numeric = [name for name in names if infer_dtype(frame[name], skipna=True) in NUMBERS]
            return sum(len(names) if name in roles else 1 for name in numeric)  # roles can be nothing else

        return _choices.numbers_as_text(self.frame, texts, self.marks, numeric_columns)

    def _is_text(self, name):
        return infer_dtype(self.frame[name], skipna=True) == "string" and name not in self.options["categorical"]

    def _number_role(self, name, role, as_text):
        """What is wrong with a column that must hold numbers."""
        if name in as_text:
            remedies = [each for each in as_text[name].remedies if not {"drop", "categorical"} & each.keys()]
            return [Remark(f"{role} {as_text[name].text}", tuple(remedies))]
        values = self.frame[name]
        numbers, bad = to_numbers(values, self.marks)
        if np.isinf(numbers).any():
            remark = _choices.infinite(name, numbers)
            return [Remark(f"{role} {remark.text}", remark.remedies)]
        if not bad.any():
            return []
        texts = pd.Index(labels(values).dropna().unique(), dtype="str")
        accounts = _choices.of_accounts(texts, name)
        if accounts is not None:
            return [Remark(f"{role} {accounts.text}")]
        bad_texts = list(dict.fromkeys(map(str, values[bad])))
        strays = [text for text in bad_texts if not re.fullmatch(AS_WRITTEN, text)]  # the others have another notation
        if 0 < len(strays) <= min(_choices.BAD_CELLS, len(texts) / 2):
            text = f"{role} {name!r} has values that are not numbers, {listed(strays, NOTED)}"
            return [Remark(text, ({"na": tuple(strays)},))]
        text = f"{role} {name!r} has values that are not numbers, such as {bad_texts[0]!r}"
        if role == "target" and len(texts) == 2:
            return [Remark(f"{text}; of two classes", ({"classes": True},))]
        return [Remark(f"{text}; give a column of numbers")]

    def _two_classes(self):
        name = self.options["target"]
        texts = sorted(level_labels(self.frame[name]).dropna().unique())
        if len(texts) != 2:
            return [Remark(f"target {name!r} has {len(texts)} different values, and not those of two classes")]
        self.classes = tuple(texts)
        self.remarks.append(Remark(f"target {name!r} has two classes: {texts[0]!r} is -1, {texts[1]!r} is 1"))
        return []

    def _groups(self):
        """What is wrong with a column whose values must be told apart."""
        name = self.options["groups"]
        values = self.frame[name].dropna()
        if all(isinstance(value, Hashable) for value in values.astype(object)):
            return []
        return [
            Remark(f"groups {name!r} holds neither numbers nor text, such as {values.iloc[0]!r}; give other labels")
        ]

    # ---- missing values ----

    def _needed(self):
        """The columns in which no value may be missing, whatever is imputed."""
        return [self.options[name] for name in ("target", "weights", "groups") if self.options[name] is not None]

    def _leave_out_rows(self):
        """Leave out rows with missing values where that is asked for; whether some are left."""
        way, needed = self.options["missing"], self._needed()
        if way is None:
            return True
        missing = self.frame[[*needed, *self.features] if way == "drop" else needed].isna()
        keep = ~missing.any(axis=1)
        if not keep.any():
            whole, remedies = (
                ("row is complete", ({"missing": "impute"},)) if way == "drop" else ("row has a target", ())
            )
            self.problems.append(Remark(f"no {whole}: there are missing values in {_counted(missing)}", remedies))
            return False
        if not keep.all():
            left, n = int((~keep).sum()), len(keep)
            text = f"{left} of {n} rows {'is' if left == 1 else 'are'} left out"
            self.remarks.append(Remark(f"{text}, with missing values in {_counted(missing)}"))
            self.frame = self.frame[keep].reset_index(drop=True)
        return True

    def _settle_missing(self):
        """What is said of missing values that are there still."""
        missing = self.frame[[*self._needed(), *self.features]].isna()
        if not missing.to_numpy().any():
            return
        if self.options["missing"] == "impute":
            text = f"missing values are filled with means of the rows that a fit trains on: {_counted(missing)}"
            self.remarks.append(Remark(text))
            return
        n, complete = len(missing), int((~missing.any(axis=1)).sum())
        text = f"there are missing values in {_counted(missing)}, and {complete} of {n} rows"
        drop, impute = {"missing": "drop"}, {"missing": "impute"}
        remedies = (impute, drop) if missing[self.features].to_numpy().any() else (drop,)
        self.problems.append(Remark(f"{text} {'is' if complete == 1 else 'are'} complete", remedies))

    # ---- what is to be fitted ----

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
        )

    def weight(self):
        """The Series of sample weights, None without."""
        name = self.options["weights"]
        return None if name is None else pd.Series(to_numbers(self.frame[name], self.marks)[0], name=name)

    def groups(self):
        """The Series of labels of groups, None without."""
        name = self.options["groups"]
        return None if name is None else numbers_or_labels(self.frame[name])

    def all_remarks(self, y):
        said = [said_of(column, self.frame[column.name]) for column in self.columns]
        roles = [self.options["target"]] if self.classes is None else []
        roles += [self.options["weights"]] if self.options["weights"] is not None else []
        said += [digits_lost(name, self.frame[name]) for name in roles]
        return (*self.remarks, *self._few_values(y), *(remark for remark in said if remark is not None))

    def _few_values(self, y):
        values = [] if self.classes else few_values(y)
        if not values:
            return []
        text = f"target {self.options['target']!r} has {len(values)} different values, "
        text += f"{listed([int(value) for value in values], NOTED)}: fitted as numbers, not as classes"
        return [Remark(f"{text}; if they are classes", ({"classes": True},)) if len(values) == 2 else Remark(text)]


def _counted(missing):
    """Columns of a frame of flags that have some, with their numbers."""
    counts = missing.sum()
    return ", ".join(f"{name!r} ({number})" for name, number in counts[counts > 0].items())


def _cause(taken):
    return taken.cause if isinstance(taken, Remark) else None
