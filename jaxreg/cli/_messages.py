"""Messages of the command line: lines on stderr, and an exit code."""

import importlib
import os
import signal
import sys
import warnings
from contextlib import suppress
from contextvars import ContextVar
from typing import NoReturn

import typer
from typer.core import TyperGroup

from jaxreg import _compilation_cache
from jaxreg._results import ConvergenceWarning

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
FLAGS = {"dayfirst": ("--dayfirst", "--monthfirst")}  # options without a value
NAMES = {"classes": "loss"}  # of options that tables call otherwise
_typed: ContextVar[tuple[str, ...]] = ContextVar("_typed", default=())


class LineMessages(TyperGroup):
    """Commands whose warnings and errors are lines on stderr, without a traceback."""

    def parse_args(self, ctx, args):
        _typed.set(tuple(args))
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
    from jaxreg.tables._problems import in_words, on_command_line

    works = ""
    if error.options is not None:
        works = in_words(["jaxreg", *_with_options(_typed.get(), error.call, error.options)])
    typer.echo(f"jaxreg: {error.told(on_command_line, works)}", err=True)
    raise typer.Exit(BAD_INPUT)


def _with_options(typed, call, options):
    """The words of a command with other values of some options, in the place of those it has."""
    from jaxreg.tables._problems import SEVERAL, changes, words

    command = list(typed)
    for name in SEVERAL:
        for value in set(call.get(name, ())) - set(options.get(name, ())):
            _take_out(command, f"--{name}", value)
    for name, value in changes(call, options).items():
        place = len(command)
        if name not in SEVERAL:
            place = _take_out(command, f"--{NAMES.get(name, name)}", flags=FLAGS.get(name, ()))
        command[place:place] = words(name, value)
    return command


def _take_out(command, option, value=None, flags=()):
    """Take an option, of this value alone if one is given, out of the words of a command; where it was, or the end."""
    place = len(command)
    for at in reversed(range(len(command))):
        apart = command[at] == option and value in (None, *command[at + 1 : at + 2])
        if apart or command[at] in flags or (command[at].startswith(f"{option}={value or ''}")):
            place = at
            del command[at : at + 1 + apart]
    return min(place, len(command))


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
