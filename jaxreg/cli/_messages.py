"""Messages of the command line: lines on stderr, and an exit code."""

import importlib
import os
import signal
import sys
import time
import warnings
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NoReturn

import typer
from typer.core import TyperGroup

from jaxreg import _compilation_cache
from jaxreg._results import ConvergenceWarning
from jaxreg._selection import CRITERIA

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
FLAGS = {"dayfirst": ("--dayfirst", "--monthfirst")}  # options without a value
NAMES = {"classes": "loss"}  # of options that tables call otherwise
NOT_WITH = {"classes": {"rule": CRITERIA, "metric": ("r2",)}}  # values of other options that an option rules out


@dataclass(frozen=True)
class Typed:
    """The words of a command, and the options that take the next word as their value."""

    words: tuple[str, ...]
    valued: frozenset[str]
    began: float


_typed: ContextVar[Typed] = ContextVar("_typed")


class LineMessages(TyperGroup):
    """Commands whose warnings and errors are lines on stderr, without a traceback."""

    def parse_args(self, ctx, args):
        options = [each for command in self.commands.values() for each in command.params]
        valued = (name for each in options if not getattr(each, "is_flag", True) for name in each.opts)
        _typed.set(Typed(tuple(args), frozenset(valued), time.perf_counter()))
        return super().parse_args(ctx, args)

    def invoke(self, ctx):
        with _compilation_cache.restored(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort, BrokenPipeError):  # typer's own, and what it makes of a closed pipe
                raise
            except OSError as error:  # the place to write to is the user's choice
                fail(error)
            except (ImportError, MemoryError, RuntimeError) as error:  # JAX tells of a device in a RuntimeError
                fail(str(error) or "out of memory", FAILED)
            finally:
                for message in dict.fromkeys(_one_line(each.message) for each in caught):
                    typer.echo(f"Warning: {message}{_compilation_cache.remedy(message)}", err=True)


def fail(message, code=BAD_INPUT) -> NoReturn:
    typer.echo(f"jaxreg: {_one_line(message)}", err=True)
    raise typer.Exit(code)


def fail_with_table(error) -> NoReturn:
    """End with all lines of a TableError, the last of which is a command that works."""
    from jaxreg.tables._problems import on_command_line

    works = ""
    if error.options is not None:
        typed = _typed.get()
        works = command(*_with_options(typed.words, typed.valued, error.call, error.options))
    typer.echo(f"jaxreg: {error.told(on_command_line, works)}", err=True)
    raise typer.Exit(BAD_INPUT)


def command(*words):
    """A command as a shell takes it."""
    from jaxreg.tables._problems import shell_command

    return shell_command(["jaxreg", *map(str, words)])


def command_typed():
    """The command that runs, on one line."""
    return "\\n".join(command(*_typed.get().words).splitlines())


def seconds():
    """Since the command began."""
    return time.perf_counter() - _typed.get().began


def _with_options(typed, valued, call, options):
    """The words of a command with other values of some options, in the place of those it has."""
    from jaxreg.tables._problems import SEVERAL, changed_options, option_words

    *parts, rest = _parts(typed, valued)  # the rest begins with a --, behind which there are no options
    for name in SEVERAL:
        for value in set(call.get(name, ())) - set(options.get(name, ())):
            _take_out(parts, (f"--{name}",), (value,))
    changed = changed_options(call, options)
    for name, value in changed.items():
        place = len(parts)
        if name not in SEVERAL:
            place = _take_out(parts, (f"--{NAMES.get(name, name)}", *FLAGS.get(name, ())))
        parts.insert(place, option_words(name, value))
        for other, values in NOT_WITH.get(name, {}).items():
            _take_out(parts, (f"--{other}",), values)
    return [word for part in [*parts, rest] for word in part]


def _parts(typed, valued):
    """The words of a command, those of an option together, and at the end what comes from a -- on."""
    parts, at = [], 0
    while at < len(typed) and typed[at] != "--":
        size = 2 if typed[at] in valued else 1
        parts.append(typed[at : at + size])
        at += size
    return [*parts, typed[at:]]


def _take_out(parts, options, values=None):
    """Take options, of those values alone if some are given, out of the parts of a command; where, or the end."""
    place = len(parts)
    for at in reversed(range(len(parts))):
        name, _, value = "=".join(parts[at]).partition("=")
        if name in options and (values is None or value in values):
            place = at
            del parts[at]
    return min(place, len(parts))


def _one_line(message):
    return " ".join(str(message).split())


def require(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        fail(f'this command needs {module.split(".")[0]}: pip install "{package}"', FAILED)


def checked(function, *arguments, **options):
    """The result of a function whose errors are about the user's data or options, and say what to do."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError) as error:
        fail(error)


def end_at_ctrl_c():
    """Let Ctrl-C end the process at once, unless the shell has turned it off.

    As an exception it would not do: a fit gives what it has by then, which must not replace what an earlier command
    wrote; callbacks of jaxlib swallow it; and jaxlib crashes where the interpreter ends after it came in a compilation.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(*_):
    with suppress(OSError, RuntimeError):  # a closed pipe; a print that the signal came into
        sys.stdout.flush()
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
