"""The command line called in this process: what the tests of it share."""

import csv
import shlex
import tempfile

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from jaxreg.__main__ import app

CACHES = tempfile.TemporaryDirectory(prefix="jaxreg-tests-")  # no test writes to the user's
COLUMNS = ("age", "bmi", "bp", "glucose")


def call(*arguments):
    return CliRunner(env={"XDG_CACHE_HOME": CACHES.name}).invoke(app, [str(each) for each in arguments])


def table(n=60):
    """Data of few digits, which every CSV parser reads exactly."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((n, len(COLUMNS))), columns=list(COLUMNS))
    frame["y"] = 2 * frame["bmi"] - frame["bp"] + 0.1 * rng.standard_normal(n)
    frame["w"] = rng.uniform(0.5, 2, n)
    return frame.round(3)


def written(folder, figures=("path.png",), more=("reproduce.py",)):
    """(header, numbers) of the coefficients, after a look at the other files."""
    for figure in figures:
        assert (folder / figure).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert {file.name for file in folder.iterdir()} == {"coefficients.csv", "summary.txt", *figures, *more}
    with open(folder / "coefficients.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows, dtype=float)


def assert_same(table, path):
    header, numbers = table
    assert header == ["lambda", "(intercept)", *path.names]
    expected = np.column_stack([path.lambdas, path.intercept, path.coef])
    np.testing.assert_allclose(numbers, expected, rtol=0, atol=1e-12)  # pandas chooses the order in memory


def assert_fails(result, *parts, code=2):
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def assert_told(result, *parts):
    """What is wrong with a table, a line each, and a last line that says what works."""
    assert result.exit_code == 2
    assert result.stdout == ""
    first, *problems, last = result.stderr.splitlines()
    assert first.startswith("jaxreg: ")
    assert first.endswith(" cannot be used as it is:")
    assert all(line.startswith("- ") for line in problems)
    assert last.startswith(("This works: jaxreg ", "What has no option behind it "))
    for part in parts:
        assert part in result.stderr


def what_works(result):
    """The words of the command at the end of an error."""
    last = result.stderr.splitlines()[-1]
    return shlex.split(last.removeprefix("This works: jaxreg "))
