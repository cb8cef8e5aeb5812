"""Tables: a file is read, columns of numbers come out, with the recipe that encodes new rows alike."""

from dataclasses import dataclass, field

import pandas as pd

from jaxreg import _provenance, _validation
from jaxreg.tables._attempt import Attempt
from jaxreg.tables._encoding import Encoding, subject_of
from jaxreg.tables._problems import (
    SEVERAL,
    Remark,
    Settlement,
    TableError,
    in_python,
    with_shared_lines,
)

REMEDY_ROUNDS = 6  # of remedies whose table shows more problems: marks, then dates, then missing values
CHOICES = {"dates": (None, "parts", "numbers"), "missing": (None, "drop", "impute")}


@dataclass(frozen=True)
class Table:
    """What to fit.

    Attributes
    ----------
    X : DataFrame (n, p)
        In float64; NaN where a value is missing and the fit is to impute it.
    y : Series (n,), or DataFrame
        The target: numbers, or labels of classes. Of survival times a frame with time, event and perhaps start.
    weight, groups, offset, strata : Series (n,), or None
        Sample weights, labels of rows that share a fold, what is added to the linear predictor, and labels of rows
        whose survival times have a baseline hazard of their own.
    encoding : Encoding
        The recipe that makes the same columns of new rows.
    remarks : tuple
        What was made of columns; `notes` has them as texts.

    Examples
    --------
    >>> import pandas as pd
    >>> import jaxreg as jr
    >>> frame = pd.DataFrame({"town": ["Rome", "Oslo", "Rome"] * 3, "price": [3.0, 2.5, 4.0] * 3})
    >>> table = jr.tables.read(frame, "price")
    >>> table.X.shape, table.notes
    ((9, 2), ["'town' has 2 levels and became 2 columns: 'town=Oslo', 'town=Rome'."])
    """

    X: pd.DataFrame
    y: pd.Series | pd.DataFrame
    weight: pd.Series | None
    groups: pd.Series | None
    encoding: Encoding
    remarks: tuple[Remark, ...]
    _arguments: tuple[str, ...] = field(repr=False)  # Python source of the arguments of `read`
    offset: pd.Series | None = None
    strata: pd.Series | None = None

    @property
    def notes(self) -> list[str]:
        """What was made of columns, and what may be worth another look."""
        return [remark.told(in_python) for remark in self.remarks]

    def source(self, settings=(), file=None) -> str:
        """Python source that reads the table, and makes X, y and what else a call names.

        Parameters
        ----------
        settings : dict
            `settings` of a result that was fitted to the table: Python source of the keywords of its call.
        file : str, Path or None
            What the source reads; None is the file as `read` was called with it.
        """
        arguments = self._arguments if file is None else (repr(str(file)), *self._arguments[1:])
        extra_sources = {
            "sample_weight": "table.weight",
            "groups": "table.groups",
            "offset": "table.offset",
            "strata": "table.strata",
            "penalty_groups": "list(table.encoding.sources)",
        }
        used_names = {name for source in dict(settings).values() for name in _provenance.names_in(source)}
        lines = [_provenance.call("table", "tables.read", arguments), "X, y = table.X, table.y"]
        lines += [f"{name} = {source}" for name, source in extra_sources.items() if name in used_names]
        return "\n".join(lines)


def read(
    file,
    target=None,
    *,
    time=None,
    event=None,
    start=None,
    strata=None,
    offset=None,
    weights=None,
    groups=None,
    drop=(),
    categorical=(),
    dates=None,
    dayfirst=None,
    missing=None,
    decimal=None,
    thousands=None,
    units=(),
    na=(),
    classes=False,
) -> Table:
    """Read a table. One column becomes y, or those of survival times do, and the other columns become X.

    A column of numbers stays as it is. A column of text becomes a column of 0 and 1 for each of its levels, such as
    "town=Rome", and no level is left out. A column that could be of several kinds is not guessed: an error lists all
    such columns, and ends in the options that work.

    Parameters
    ----------
    file : str, Path or DataFrame
        .csv, .tsv or .txt, also with .gz, .parquet or .feather. What stands between columns and the encoding are found
        out.
    target : str or None
        The column to predict; None of survival times.
    time, event, start : str or None
        Columns of survival times, for Cox: when something happened or was last seen, whether it was the event, and
        perhaps the time from which on a row was at risk. An event is 1 or True, others are censored; of other values
        say which one is the event, as in event="status=dead".
    strata : str or None
        Column of labels of rows whose survival times have a baseline hazard of their own.
    offset : str or None
        Column of what is added to the linear predictor, as the logarithm of an exposure. New rows need it, too.
    weights, groups : str or None
        Columns of sample weights, and of labels of rows that share a fold; "1" and "01" are two labels.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns whose values are categories, though they are numbers, dates or many texts.
    dates : "parts", "numbers" or None
        A date becomes the days since 1970-01-01, "sold.days"; with "parts" also its year, and a column for each month,
        day of the week and hour, "sold.month=May", where they differ between rows. Times with a time zone are taken in
        UTC, and are refused beside others without one. None refuses dates.
    dayfirst : bool or None
        Whether 03/04/2024 is in April; None refuses it where all dates of a column can be read in both orders.
    missing : "drop", "impute" or None
        "drop" leaves out rows with a missing value. "impute" keeps them as NaN in X, in all columns of a category or
        date, for `impute="mean"` of the fits; rows without target, weight or group are left out. None refuses them.
    decimal, thousands : str or None
        Marks in numbers; None are a point and none.
    units : sequence of str
        What may stand beside a number, such as "$" or "%", and is left out. Nothing is converted.
    na : sequence of str
        Texts that stand for a missing value, beside an empty cell, NA, NaN, None, null and the like. One that is a
        number, such as "-999", also stands for it in columns of numbers.
    classes : bool or "auto"
        Whether the target holds labels of classes: whole numbers, or else texts. With "auto" it does if it has two
        values, or if it is text of a few kinds.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        With all that must be settled, and how.
    ValueError
        For a file that cannot be read: with rows of different lengths, or with columns named twice.
    ImportError
        For Parquet and Feather without pyarrow.

    Examples
    --------
    >>> import pandas as pd
    >>> import jaxreg as jr
    >>> frame = pd.DataFrame(
    ...     {
    ...         "sold": [f"2024-03-{day:02d}" for day in range(1, 13)],
    ...         "town": ["Rome", "Oslo", None] * 4,
    ...         "price": ["1,200", "950", "1,010"] * 4,
    ...     }
    ... )
    >>> table = jr.tables.read(frame, "price", dates="numbers", missing="impute", thousands=",")
    >>> table.X.tail(2)
        sold.days  town=Oslo  town=Rome
    10    19793.0        1.0        0.0
    11    19794.0        NaN        NaN
    """
    call = {name: value for name, value in locals().items() if name not in ("file", "target")}
    for name in SEVERAL:
        call[name] = (call[name],) if isinstance(call[name], str) else tuple(call[name])
    for name, choices in CHOICES.items():
        _validation.check_choice(call[name], name, choices)
    _check_response(target, call)
    if not (dayfirst is None or isinstance(dayfirst, bool)):
        raise ValueError(f"dayfirst is {_validation.shown(dayfirst)}; give True, False or None.")
    if not (classes == "auto" or isinstance(classes, bool)):
        raise ValueError(f"classes is {_validation.shown(classes)}; give True, False or 'auto'.")
    call["target"] = target
    attempt, problems, options = _settled_attempt(file, call, keeps=False)
    if problems and attempt.problems:  # perhaps no column was left
        all_columns = _settled_attempt(file, call, keeps=True)
        if not all_columns[0].problems:
            attempt, problems, options = all_columns
    if problems:
        raise TableError(subject_of(file), problems, call, None if attempt.problems else options)
    return _table(attempt, "frame" if isinstance(file, pd.DataFrame) else repr(str(file)), call)


def _check_response(target, options):
    """Check that a target is named, or what survival times need."""
    of_survival = {name: options[name] for name in ("time", "event", "start", "strata")}
    if all(name is None for name in of_survival.values()):
        if not isinstance(target, str):
            raise TypeError(f"target is {_validation.shown(target)}; give the name of a column, or time and event.")
        return
    named = [name for name, column in of_survival.items() if column is not None]
    if target is not None:
        raise ValueError(f"target is {target!r}, and {named[0]} is of survival times; give one of both.")
    if options["classes"]:
        raise ValueError(f"classes is {options['classes']!r}, but survival times have none; leave it out.")
    for name in ("time", "event"):
        if of_survival[name] is None:
            raise ValueError(f"{named[0]} is given, but survival times need {name}, too; give its column.")


def _settled_attempt(file, options, keeps):
    """(the last Attempt, the problems of all attempts, the options of the last)."""
    settlement, problems = Settlement(options, keeps), []
    for _ in range(REMEDY_ROUNDS):
        attempt, options = Attempt(file, settlement.options), settlement.options
        problems += [problem for problem in attempt.problems if problem not in problems]
        if not attempt.problems or not settlement.settle(attempt.problems):
            break
    return attempt, problems, options


def _table(attempt, name, call):
    """The Table of an attempt without problems."""
    encoding = attempt.encoding()
    X, _ = encoding.design(attempt.frame, encoding.columns)
    y = encoding.response(attempt.frame)[0]
    defaults, call = read.__kwdefaults__ or {}, call | {"classes": attempt.of_classes}
    changed = [in_python({key: value}) for key, value in call.items() if value != defaults.get(key, value)]
    arguments = (name, *([] if encoding.target is None else [repr(encoding.target)]), *changed)
    remarks = tuple(with_shared_lines(attempt.all_remarks(y)))
    weight, groups = attempt.numbers("weights"), attempt.labels("groups")
    return Table(
        X, y, weight, groups, encoding, remarks, arguments, attempt.numbers("offset"), attempt.labels("strata")
    )
