"""All that stands against a table, in one error, with the options that settle it."""

import shlex
from dataclasses import dataclass
from typing import Any

LISTED_NAMES, NOTED_NAMES = 20, 5  # names in a problem, and in a remark
SEVERAL = ("drop", "categorical", "na", "units")  # options that hold several values


@dataclass(frozen=True)
class Remark:
    """A text about a table, and remedies: options that would change the fact. The best remedy of a problem is first.

    The value of an option is a value, or values to add, or a dict from values to their replacements. Remarks on several
    columns share a line if they share a `cause`.
    """

    text: str
    remedies: tuple[dict[str, Any], ...] = ()
    column: str | None = None
    cause: str | None = None

    def told(self, spell):
        """One line; `spell` writes the options."""
        if not self.remedies:
            return f"{self.text}."
        *alternatives, last = [spell(remedy) for remedy in self.remedies]
        return f"{self.text}: {', '.join(alternatives)}{', or ' if alternatives else ''}{last}."


def with_shared_lines(remarks):
    """The remarks; remarks on columns with the same cause and the same remedies are merged to one."""
    groups: dict[Any, list[Remark]] = {}
    for position, remark in enumerate(remarks):
        alone = remark.cause is None or remark.column is None
        fixed = [
            {name: value for name, value in remedy.items() if not _holds_columns(name)} for remedy in remark.remedies
        ]
        named = [tuple(remedy) for remedy in remark.remedies]
        groups.setdefault(position if alone else (remark.cause, str(fixed), str(named)), []).append(remark)
    return [_merged(group) for group in groups.values()]


def _merged(remarks):
    first = remarks[0]
    if len(remarks) == 1:
        return first
    names = [remark.column for remark in remarks]
    remedies = [
        {name: tuple(names[:NOTED_NAMES]) if _holds_columns(name) else value for name, value in remedy.items()}
        for remedy in first.remedies
    ]
    text = f"{first.text}, and likewise {listed(names[1:], NOTED_NAMES)}"
    names_columns = any(_holds_columns(name) for remedy in remedies for name in remedy)
    omission = f"; the options here name {NOTED_NAMES} of them" * (len(names) > NOTED_NAMES and names_columns)
    return Remark(text + omission, tuple(remedies))


def _holds_columns(option):
    """Whether the values of an option are names of columns."""
    return option in ("drop", "categorical")


class TableError(ValueError):
    """Everything that is wrong with a table, and the options that settle all of it.

    Attributes
    ----------
    problems : list of Remark
        Each with its options.
    call : dict
        The options of the call that failed.
    options : dict or None
        The options of the call with which the table can be used; None where options do not settle everything.

    Examples
    --------
    >>> import pandas as pd
    >>> import jaxreg as jr
    >>> frame = pd.DataFrame({"sold": ["2024-03-01", "2024-05-02"], "area": [None, 70.0], "price": [1.0, 2.0]})
    >>> try:
    ...     jr.tables.read(frame, "price")
    ... except jr.tables.TableError as error:
    ...     print(error)
    the table cannot be used as it is:
    - 'sold' holds dates, such as '2024-03-01': dates='parts', dates='numbers', or drop=['sold'].
    - there are missing values in 'area' (1), and 1 of 2 rows is complete: missing='impute', or missing='drop'.
    This works: dates='parts', missing='impute'
    """

    def __init__(self, subject, problems, call, options):
        self.subject, self.problems, self.call, self.options = subject, problems, call, options
        changed = {} if options is None else changed_options(call, options)
        super().__init__(self.told(in_python, in_python(changed)))

    def __reduce__(self):
        return type(self), (self.subject, self.problems, self.call, self.options)

    def told(self, spell, works):
        """A line for each problem, and what works at the end."""
        lines = [
            f"{self.subject} cannot be used as it is:",
            *(f"- {problem.told(spell)}" for problem in with_shared_lines(self.problems)),
        ]
        if self.options is not None:
            lines.append(f"This works: {works}")
        elif all(problem.remedies for problem in self.problems):
            lines.append("No choice of these options settles all of it: leave out another column, or mend the file.")
        else:
            lines.append("What has no option behind it is to be settled first, by another column or in the file.")
        return "\n".join(lines)


class Settlement:
    """Options, and the remedies of problems that are added to them. No remedy takes back the option of another.

    If `keeps`, dropping a column is the last resort.
    """

    def __init__(self, options, keeps):
        self.options, self.keeps = dict(options), keeps
        self.fixed: dict[str, Any] = {}
        self.tried: dict[str, list[dict[str, Any]]] = {}

    def settle(self, problems):
        """Add the first remedy of each problem that is left. True if there was a remedy."""
        remedies = []
        for problem in problems:
            tried = self.tried.setdefault(problem.text, [])
            order = sorted(problem.remedies, key=lambda remedy: self.keeps and "drop" in remedy)
            remedy = next((untried for untried in order if untried not in tried and self._suits(untried)), None)
            if remedy is not None:
                tried.append(remedy)
                remedies.append(remedy)
                self.fixed |= {name: value for name, value in remedy.items() if _is_single(name, value)}
                self.options = with_remedy(self.options, remedy)
        return bool(remedies)

    def _suits(self, remedy):
        return all(self.fixed.get(name, value) == value for name, value in remedy.items())


def _is_single(name, value):
    return name not in SEVERAL and not isinstance(value, dict)


def with_remedy(options, remedy):
    """The options with a remedy."""
    options = dict(options)
    for name, value in remedy.items():
        if isinstance(value, dict):
            value = tuple(value.get(entry, entry) for entry in options.get(name, ()))
        elif name in SEVERAL:
            value = tuple(dict.fromkeys((*options.get(name, ()), *value)))
        options[name] = value
    if "drop" in remedy:  # a dropped column has no other role
        options["categorical"] = tuple(name for name in options.get("categorical", ()) if name not in options["drop"])
    return options


def changed_options(call, options):
    """The options that differ from the options of a call. An option of several values has only its new values."""
    changed = {}
    for name, value in options.items():
        before = call.get(name)
        if name in SEVERAL:
            value = tuple(entry for entry in value if entry not in (before or ()))
        if value != before and (value or name not in SEVERAL):
            changed[name] = value
    return changed


def in_python(options):
    """Options as the keywords of a call."""
    values = ((name, _list_of(value) if name in SEVERAL else value) for name, value in options.items())
    return ", ".join(f"{name}={value!r}" for name, value in values if value is not None or len(options) == 1)


def _list_of(values):
    return list(values.values() if isinstance(values, dict) else values)


def on_command_line(options):
    """Options as the command line takes them. None removes an option."""
    if options == {"dayfirst": None}:
        return "neither --dayfirst nor --monthfirst"
    return shell_command(word for name, value in options.items() for word in option_words(name, value))


def option_words(name, value):
    """The words of one option."""
    if value is None or (value is False and name != "dayfirst"):
        return []
    if name == "classes":
        return ["--family", "auto"]
    if name == "dayfirst":
        return ["--dayfirst" if value else "--monthfirst"]
    return [word for argument in (_list_of(value) if name in SEVERAL else [value]) for word in (f"--{name}", argument)]


def shell_command(command):
    """Words as a shell takes them. Marks are in quotes, so that they are easier to see."""
    return " ".join(f"'{word}'" if word in (",", ".", "?", ";") else shlex.quote(word) for word in command)


def listed(names, most):
    """The first `most` names in quotes, and the number of the others."""
    remainder = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + remainder
