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
from jaxreg.results._path import ConvergenceWarning
from jaxreg.results._selection import CRITERIA

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
OPTION_NAMES = {  # options of `tables.read` that have other names here
    "dayfirst": ("--dayfirst", "--monthfirst"),
    "classes": ("--family", "--loss"),
    "weights": ("--weights", "--weight"),
}
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
        options = [parameter for command in self.commands.values() for parameter in command.params]
        valued = (name for parameter in options if not getattr(parameter, "is_flag", True) for name in parameter.opts)
        _typed.set(Typed(tuple(args), frozenset(valued), time.perf_counter()))
        return super().parse_args(ctx, args)

    def invoke(self, ctx):
        with _compilation_cache.restored(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", ConvergenceWarning)
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort, BrokenPipeError):  # typer handles these, and a closed pipe
                raise
            except OSError as error:  # the place to write to is the user's choice
                fail(error)
            except (ImportError, MemoryError, RuntimeError) as error:  # JAX tells of a device in a RuntimeError
                fail(str(error) or "out of memory", FAILED)
            finally:
                for message in dict.fromkeys(_on_one_line(warning.message) for warning in warned):
                    typer.echo(f"Warning: {message}{_compilation_cache.remedy(message)}", err=True)


def fail(message, code=BAD_INPUT) -> NoReturn:
    typer.echo(f"jaxreg: {_on_one_line(message)}", err=True)
    raise typer.Exit(code)


def fail_with_table(error) -> NoReturn:
    """End with all lines of a TableError. The last line is a command that works."""
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
    """The words of a command with changed options. A changed option stays in its place."""
    from jaxreg.tables._problems import SEVERAL, changed_options, option_words

    *word_groups, operands = _word_groups(typed, valued)  # operands begin with a --, behind which there are no options
    for name in SEVERAL:
        for value in set(call.get(name, ())) - set(options.get(name, ())):
            _take_out(word_groups, (f"--{name}",), (value,))
    changed = changed_options(call, options)
    for name, value in changed.items():
        place = len(word_groups)
        if name not in SEVERAL:
            place = _take_out(word_groups, OPTION_NAMES.get(name, (f"--{name}",)))
        word_groups.insert(place, option_words(name, value))
        for conflicting, values in NOT_WITH.get(name, {}).items():
            _take_out(word_groups, (f"--{conflicting}",), values)
    return [word for group in [*word_groups, operands] for word in group]


def _word_groups(typed, valued):
    """The words of a command in groups: an option with its value, or one word. The last group begins with a --."""
    word_groups, position = [], 0
    while position < len(typed) and typed[position] != "--":
        size = 2 if typed[position] in valued else 1
        word_groups.append(typed[position : position + size])
        position += size
    return [*word_groups, typed[position:]]


def _take_out(word_groups, options, values=None):
    """Take options out of groups of words, or only options with some `values`. The place of the first, or the end."""
    place = len(word_groups)
    for position in reversed(range(len(word_groups))):
        name, _, value = "=".join(word_groups[position]).partition("=")
        if name in options and (values is None or value in values):
            place = position
            del word_groups[position]
    return min(place, len(word_groups))


def _on_one_line(message):
    return " ".join(str(message).split())


def require(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        fail(f'this command needs {module.split(".")[0]}: pip install "{package}"', FAILED)


def checked(function, *arguments, **options):
    """The result of a function. Its errors are about data or options of the user, and end the command."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError) as error:
        fail(error)


def end_at_ctrl_c():
    """Let Ctrl-C end the process at once, unless the shell has turned it off.

    An exception would not do, for three reasons. A fit would return the points it has by then, and they must not
    replace the files of an earlier command. Callbacks of jaxlib swallow the exception. And jaxlib crashes if the
    exception comes in a compilation and the interpreter ends afterwards.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(*_):
    with suppress(OSError, RuntimeError):  # a closed pipe; a print that the signal came into
        sys.stdout.flush()
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
