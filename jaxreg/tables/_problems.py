"""All that stands against a table, in one error, with the options that settle it."""

import shlex
from dataclasses import dataclass
from typing import Any

LISTED, NOTED = 20, 5  # names in a problem, and in a remark
SEVERAL = ("drop", "categorical", "na", "units")  # options that hold several values


@dataclass(frozen=True)
class Remark:
    """What is said of a table: a text, and the options that would change it; of a problem the first is the best one.

    An option is a value, or values to add, or a dict of values and what is to be in their place. Remarks on columns
    that have one `cause` share a line.
    """

    text: str
    remedies: tuple[dict[str, Any], ...] = ()
    column: str | None = None
    cause: str | None = None

    def told(self, spell):
        """One line, with the options as `spell` writes them."""
        if not self.remedies:
            return f"{self.text}."
        *others, last = [spell(remedy) for remedy in self.remedies]
        return f"{self.text}: {', '.join(others)}{', or ' if others else ''}{last}."


def shared(remarks):
    """Remarks of which those on columns with one cause, and the same remedies for it, are one."""
    groups: dict[Any, list[Remark]] = {}
    for at, remark in enumerate(remarks):
        alone = remark.cause is None or remark.column is None
        fixed = [{name: value for name, value in each.items() if not _columns(name)} for each in remark.remedies]
        named = [tuple(each) for each in remark.remedies]
        groups.setdefault(at if alone else (remark.cause, str(fixed), str(named)), []).append(remark)
    return [_together(group) for group in groups.values()]


def _together(remarks):
    first = remarks[0]
    if len(remarks) == 1:
        return first
    names = [remark.column for remark in remarks]
    remedies = [
        {name: tuple(names[:NOTED]) if _columns(name) else value for name, value in each.items()}
        for each in first.remedies
    ]
    text = f"{first.text}, and likewise {listed(names[1:], NOTED)}"
    names_columns = any(_columns(name) for each in remedies for name in each)
    more = f"; the options here name {NOTED} of them" * (len(names) > NOTED and names_columns)
    return Remark(text + more, tuple(remedies))


def _columns(option):
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
        changed = {} if options is None else changes(call, options)
        super().__init__(self.told(in_python, in_python(changed)))

    def __reduce__(self):
        return type(self), (self.subject, self.problems, self.call, self.options)

    def told(self, spell, works):
        """A line for each problem, and what works at the end."""
        lines = [
            f"{self.subject} cannot be used as it is:",
            *(f"- {each.told(spell)}" for each in shared(self.problems)),
        ]
        if self.options is not None:
            lines.append(f"This works: {works}")
        elif all(problem.remedies for problem in self.problems):
            lines.append("No choice of these options settles all of it: leave out another column, or mend the file.")
        else:
            lines.append("What has no option behind it is to be settled first, by another column or in the file.")
        return "\n".join(lines)


class Settlement:
    """Options to which remedies of problems are added, none of which takes back what another has set.

    Columns are dropped as the last resort where `keeps`.
    """

    def __init__(self, options, keeps):
        self.options, self.keeps = dict(options), keeps
        self.fixed: dict[str, Any] = {}
        self.tried: dict[str, list[dict[str, Any]]] = {}

    def settle(self, problems):
        """Add the first remedy of each problem that is left; whether there was any."""
        remedies = []
        for problem in problems:
            tried = self.tried.setdefault(problem.text, [])
            order = sorted(problem.remedies, key=lambda each: self.keeps and "drop" in each)
            remedy = next((each for each in order if each not in tried and self._suits(each)), None)
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
            value = tuple(value.get(each, each) for each in options.get(name, ()))
        elif name in SEVERAL:
            value = tuple(dict.fromkeys((*options.get(name, ()), *value)))
        options[name] = value
    if "drop" in remedy:  # what is dropped is nothing else
        options["categorical"] = tuple(each for each in options.get("categorical", ()) if each not in options["drop"])
    return options


def changes(call, options):
    """The options that differ from those of a call; of several values only the new ones."""
    changed = {}
    for name, value in options.items():
        before = call.get(name)
        if name in SEVERAL:
            value = tuple(each for each in value if each not in (before or ()))
        if value != before and (value or name not in SEVERAL):
            changed[name] = value
    return changed


def in_python(options):
    """Options as the keywords of a call."""
    sources = ((name, _several(value) if name in SEVERAL else value) for name, value in options.items())
    return ", ".join(f"{name}={value!r}" for name, value in sources if value is not None or len(options) == 1)


def _several(values):
    return list(values.values() if isinstance(values, dict) else values)


def on_command_line(options):
    """Options as the command line takes them; None takes one away."""
    if options == {"dayfirst": None}:
        return "neither --dayfirst nor --monthfirst"
    return in_words(word for name, value in options.items() for word in words(name, value))


def words(name, value):
    """The words of one option."""
    if value is None or (value is False and name != "dayfirst"):
        return []
    if name == "classes":
        return ["--loss", "squaredhinge"]
    if name == "dayfirst":
        return ["--dayfirst" if value else "--monthfirst"]
    return [word for each in (_several(value) if name in SEVERAL else [value]) for word in (f"--{name}", each)]


def in_words(command):
    """Words as a shell takes them; marks are in quotes, which makes them easier to see."""
    return " ".join(f"'{word}'" if word in (",", ".", "?", ";") else shlex.quote(word) for word in command)


def listed(names, most):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
