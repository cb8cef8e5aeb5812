"""Every public name has an example, which the test command runs; the reference builds; the citation is up to date."""

import doctest
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import jaxreg

ROOT = Path(__file__).parents[1]
REFERENCE = (
    "jaxreg",
    "jaxreg.neural",
    "jaxreg.plotting",
    "jaxreg.report",
    "jaxreg.sklearn",
    "jaxreg.tables",
)  # pdoc adds what jaxreg.__all__ names
MODULES = (*REFERENCE, "jaxreg.compat", "jaxreg.losses", "jaxreg.penalties")


def public(module):
    """The names of `__all__` that are no modules, and what they stand for."""
    if module == "jaxreg.sklearn":
        pytest.importorskip("sklearn")
    module = import_module(module)
    named = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in named.items() if not isinstance(thing, ModuleType)}


def has_example(thing):
    """Whether `--doctest-modules` finds one in its docstring, there where it is defined."""
    home = sys.modules[thing.__module__]
    found = doctest.DocTestFinder(recurse=True).find(home)
    return any(test.name == f"{home.__name__}.{thing.__name__}" and test.examples for test in found)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_example(module):
    assert [name for name, thing in public(module).items() if not has_example(thing)] == []


def test_a_name_without_an_example_is_found():
    assert not has_example(jaxreg.PathResult.coef_at)


@pytest.mark.slow
def test_the_api_reference_builds(tmp_path):
    pdoc = pytest.importorskip("pdoc")
    names = {module: public(module) for module in MODULES}
    pdoc.render.configure(docformat="numpy", template_directory=ROOT / ".pdoc")
    pdoc.pdoc(*REFERENCE, output_directory=tmp_path)  # it warns of what it cannot document, and warnings are errors
    for module, things in names.items():
        page = tmp_path.joinpath(*module.split(".")).with_suffix(".html").read_text("utf-8")
        assert [name for name in things if f'id="{name}"' not in page] == []
    page = (tmp_path / "jaxreg" / "sklearn.html").read_text("utf-8")
    assert "set_fit_request" not in page.partition("<main")[2]


def test_the_citation_is_that_of_the_package():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == jaxreg.__version__
    for theirs, ours in {"title": "name", "license": "license", "keywords": "keywords"}.items():
        assert citation[theirs] == project[ours]
    assert citation["abstract"] == f"{project['description']}."
    for reference in citation["references"]:
        assert {"type", "scope", "title", "authors", "year"} <= set(reference)
