"""What a result keeps of the call that made it: its data in a few numbers, and its keywords as Python source."""

import ast
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import jax
import numpy as np

from jaxreg._labels import few_values

LONGEST = 12  # numbers that are written out
LINE = 100  # characters of a call on one line


def of_data(data, design, weighted, fit_intercept, of_classes) -> dict[str, Any]:
    """The fields `data`, `feature_mean` and `feature_sd` of a PathResult, of Data whose y is (n,) or (n, K)."""
    columns, y_mean = design.columns, data.weight @ data.y
    if fit_intercept:
        mean = columns.mean
    else:  # the design is not centred and knows no means; the product with root gives those of its scaled rows
        mean = columns.norm * np.asarray(design.correlate(design.root[None]), np.float64)[0]
    summary = {
        "n_samples": int(np.count_nonzero(data.weight)),
        "weighted": weighted,
        "of_classes": of_classes,
        "dtype": str(data.X.dtype),
        "y_mean": y_mean.tolist(),
        "y_sd": np.sqrt(data.weight @ (data.y - y_mean) ** 2).tolist(),
        "y_values": [] if of_classes or data.y.ndim > 1 else few_values(data.y),
        "versions": versions(),
    }
    return {"data": summary, "feature_mean": mean, "feature_sd": columns.sd}


def versions() -> dict[str, str]:
    """Of the packages that fit."""
    import jaxreg

    return {"jaxreg": jaxreg.__version__, "jax": jax.__version__, "numpy": np.__version__}


def sources(given, function, **defaults) -> dict[str, str]:
    """Keyword -> Python source of those in `given` that differ from the `defaults`, else those of the function.

    What text cannot hold (functions, splitters, long arrays) stands by a name: that of the keyword, as `sample_weight`,
    or within a loss or penalty that of the keyword and the argument, as `penalty_groups`.
    """
    defaults = function.__kwdefaults__ | defaults
    found = {name: _source(name, value) for name, value in given.items()}
    return {name: source for name, source in found.items() if source != _source(name, defaults[name])}


def names_in(source) -> list[str]:
    """The names that a source refers to: objects of the user."""
    nodes = ast.walk(ast.parse(source, mode="eval"))
    return sorted({node.id for node in nodes if isinstance(node, ast.Name)} - {"jr"})


def call(name, function, arguments) -> str:
    """Python source of a call of jaxreg, whose result is called `name`, with the sources of its arguments."""
    on_one = f"{name} = jr.{function}({', '.join(arguments)})"
    if len(on_one) <= LINE:
        return on_one
    return "\n".join([f"{name} = jr.{function}(", *(f"    {argument}," for argument in arguments), ")"])


def script(name, function, versions, settings, data_source=None, model=()) -> str:
    """Python source that computes a result again.

    `data_source` makes X, y and what else the call names; without it, and for what it does not make, a comment says so.
    `model` holds the sources of arguments before X.
    """
    first = f"import jaxreg as jr  # {versions['jaxreg']}, with jax {versions['jax']} and numpy {versions['numpy']}"
    lines = [first, "", "# X, y: the data of the fit" if data_source is None else data_source.strip("\n")]
    theirs = {name for source in (*model, *settings.values()) for name in names_in(source)}
    theirs -= {"X", "y"} | (set() if data_source is None else _names_bound(data_source))
    if theirs:
        lines.append(f"# {', '.join(sorted(theirs))}: as in the fit; text cannot hold functions and long arrays")
    arguments = [*model, "X", "y", *(f"{keyword}={source}" for keyword, source in settings.items())]
    return "\n".join([*lines, "", call(name, function, arguments)])


def _names_bound(source):
    """The names that a source assigns, imports or defines."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    return names


def _source(name, value):
    return "None" if value is None else _KINDS.get(name, _literal)(name, value)


def _literal(name, value):
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal length
        return name
    text = repr(array.tolist()) if array.size <= LONGEST else name
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return name
    return text


def _dtype(name, value):
    return repr(np.dtype(value).name)


def _instance(home):
    def source(name, value):
        """A call of its class, without the arguments that are at their defaults."""
        kind = type(value)
        if not kind.__module__.startswith("jaxreg."):
            return name  # of the user
        own = fields(value)
        if any(each.name.startswith("_") for each in own):
            return name  # functions of the user
        given = {each.name: getattr(value, each.name) for each in own}
        required = {each.name for each in own if each.default is MISSING}
        plain = kind(**{name: given[name] for name in required})
        arguments = [
            f"{argument}={_literal(f'{name}_{argument}', each)}"
            for argument, each in given.items()
            if argument in required or not np.array_equal(each, getattr(plain, argument))
        ]
        return f"jr.{home}.{kind.__name__}({', '.join(arguments)})"

    return source


def _tuple_of(one, several):
    """Source of a value, or of a tuple of them where `several` says that it is one."""

    def source(name, value):
        if not several(value):
            return one(name, value)
        return f"({', '.join(one(f'{name}_{j}', each) for j, each in enumerate(value))})"

    return source


_KINDS: dict[str, Callable[[str, Any], str]] = {
    "loss": _instance("losses"),
    "penalty": _instance("penalties"),
    "model": _instance("neural"),
    "regularizer": _tuple_of(_instance("neural"), np.iterable),
    "strengths": _tuple_of(_literal, lambda value: any(map(np.iterable, value))),
    "dtype": _dtype,
}
