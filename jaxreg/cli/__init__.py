"""Command line: paths, cross-validation, reports and predictions of tables, a demonstration, a look at the speed.

Libraries that only some commands need are imported there, so that --help is quick.
"""

try:
    import typer as _typer  # noqa: F401
except ImportError as error:
    raise SystemExit('The command line needs typer: pip install "jaxreg[cli]"') from error

from jaxreg.cli._commands import app, main

__all__ = ["app", "main"]
