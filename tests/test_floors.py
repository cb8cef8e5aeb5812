"""The package is built in floors: a module imports from floors below, and nothing goes in a circle."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Folders and modules of jaxreg, ground floor first. Within a floor one may import the other, but not in a circle.
FLOORS = (
    {"_version", "_pytree", "_alignment", "_hints", "_labels", "_capacities", "_status", "_compilation_cache"},
    {"_validation", "_arrays", "_provenance"},
    {"_progress", "_missing"},
    {"scores"},
    {"losses", "penalties"},
    {"_duality", "_names", "compat"},
    {"design"},
    {"solvers"},
    {"objective"},
    {"certificates", "engines"},
    {"plotting"},
    {"report"},
    {"results"},
    {"paths"},
    {"_request", "_setup"},
    {"cv"},
    {"_alternation"},
    {"_path", "_cv", "_solve"},
    {"_bench"},
    {"__init__"},  # `import jaxreg`, which only what is built on the public functions does
    {"tables", "neural"},
    {"sklearn"},
    {"cli"},
    {"__main__"},
)


def sources():
    """{name: text} of the modules of the package; the name of a folder is that of its `__init__`."""
    files = {file.relative_to(ROOT).with_suffix("").parts: file for file in (ROOT / "jaxreg").rglob("*.py")}
    return {".".join(parts): file.read_text("utf-8") for parts, file in sorted(files.items())}


@cache
def imports(module, text):
    """[(module, name)] of all that a module imports, at any depth but under `if TYPE_CHECKING:`."""
    imported, nodes = [], [ast.parse(text)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            imported += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            imported += [(home, alias.name) for alias in node.names]
    return [(home, name) for home, name in imported if home.partition(".")[0] == "jaxreg"]


def import_graph(texts):
    """{module: the modules that it imports}."""
    folders = {module.removesuffix(".__init__"): module for module in texts}

    def resolved(home, name):
        return folders.get(f"{home}.{name}") or folders.get(home, home)

    return {module: {resolved(*pair) for pair in imports(module, text)} for module, text in texts.items()}


def unit(module):
    """The folder, or the module outside of folders, that a module belongs to."""
    return module.split(".")[1]


def circles(graph):
    """The circles of a graph {node: its successors}: each a list of nodes that ends where it began."""
    closed, done = [], set()

    def visit(node, trail):
        if node in trail:
            closed.append([*trail[trail.index(node) :], node])
        elif node not in done:
            for successor in sorted(graph.get(node, ())):
                visit(successor, [*trail, node])
            done.add(node)

    for node in sorted(graph):
        visit(node, [])
    return closed


def faults(texts):
    """What breaks the rules in modules {name: text}, a line each."""
    graph = import_graph(texts)
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    units = {unit(module) for module in texts}
    lines = [f"{name} has no floor" for name in sorted(units - floor.keys())]
    lines += [f"{name} is on a floor, but not there" for name in sorted(floor.keys() - units)]
    if lines:
        return lines
    between = {name: set() for name in floor}
    for module, successors in graph.items():
        for name in sorted(successors):
            if name not in texts:
                lines.append(f"{module} imports {name}, which is no module")
            elif floor[unit(name)] > floor[unit(module)]:
                lines.append(f"{module} imports {name}, which is on a higher floor")
            if unit(name) != unit(module):
                between[unit(module)].add(unit(name))
    return lines + [f"circle: {' -> '.join(circle)}" for circle in circles(graph) + circles(between)]


def test_modules_import_from_floors_below_and_not_in_circles():
    assert faults(sources()) == []


def test_the_build_has_every_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    folders = {file.parent.relative_to(ROOT) for file in (ROOT / "jaxreg").rglob("*.py")}
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(".".join(folder.parts) for folder in folders)


# Modules with a line that is added to them, and what is then found.
ADDED = {
    "within a folder": (
        {"losses._links": "from jaxreg.losses import Loss"},
        "circle: jaxreg.losses.__init__ -> jaxreg.losses._base -> jaxreg.losses._links -> jaxreg.losses.__init__",
    ),
    "in a function": (
        {"_hints": "def hint():\n    from jaxreg.scores._metrics import METRICS"},
        "jaxreg._hints imports jaxreg.scores._metrics, which is on a higher floor",
    ),
    "of two modules of one floor": (
        {"_hints": "from jaxreg import _status", "_status": "import jaxreg._hints"},
        "circle: jaxreg._status -> jaxreg._hints -> jaxreg._status",
    ),
    "of two folders of one floor": (
        {"losses._links": "from jaxreg.penalties import _groups", "penalties._custom": "from ..losses import _huber"},
        "circle: penalties -> losses -> penalties",
    ),
    "of the package": (
        {"results._saving": "import jaxreg as jr"},
        "jaxreg.results._saving imports jaxreg.__init__, which is on a higher floor",
    ),
    "of what is not there": (
        {"cli._demo": "from jaxreg._gone import value"},
        "jaxreg.cli._demo imports jaxreg._gone, which is no module",
    ),
    "of a new module": ({"_new": ""}, "_new has no floor"),
    "for annotations only": ({"_hints": "if TYPE_CHECKING:\n    from jaxreg import _path"}, None),
}


@pytest.mark.parametrize("case", ADDED)
def test_what_breaks_the_rules_is_found(case):
    lines, fault = ADDED[case]
    texts = sources()
    for module, line in lines.items():
        texts[f"jaxreg.{module}"] = f"{texts.get(f'jaxreg.{module}', '')}\n{line}\n"
    assert (fault in faults(texts)) if fault else faults(texts) == []
