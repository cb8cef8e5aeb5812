"""The record of a call in its result: the data in a few numbers, and the keywords as Python source."""

import ast
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import jax
import numpy as np

from jaxreg._labels import few_values
from jaxreg._version import __version__

MOST_NUMBERS = 12  # of an array that is written out
LINE_LENGTH = 100  # characters of a call on one line, at most


def of_data(data, design, weighted, fit_intercept, loss) -> dict[str, Any]:
    """The fields `data`, `feature_mean` and `feature_sd` of a PathResult, of Data whose y is (n,) or (n, K)."""
    columns, y_mean = design.columns, data.weight @ data.y
    if fit_intercept:
        mean = columns.mean
    else:  # the design is not centred and knows no means; the product with root gives the means of its scaled rows
        mean = columns.norm * np.asarray(design.correlate(design.root[None]), np.float64)[0]
    of_numbers = not loss.of_classes and loss.link in ("identity", None)
    summary = {
        "n_samples": int(np.count_nonzero(data.weight)),
        "weighted": weighted,
        "of_classes": loss.of_classes,
        "dtype": str(data.X.dtype),
        "y_mean": y_mean.tolist(),
        "y_sd": np.sqrt(data.weight @ (data.y - y_mean) ** 2).tolist(),
        "y_values": few_values(data.y) if data.y.ndim == 1 and of_numbers else [],
        "versions": versions(),
    }
    return {"data": summary, "feature_mean": mean, "feature_sd": columns.sd}


def versions() -> dict[str, str]:
    """Versions of the packages that fit, by name."""
    return {"jaxreg": __version__, "jax": jax.__version__, "numpy": np.__version__}


def sources(keywords, function, **defaults) -> dict[str, str]:
    """{keyword: Python source} of the keywords that differ from `defaults`, or else from the defaults of the function.

    A name stands for a value that text cannot hold (functions, splitters, long arrays). It is the keyword, such as
    `sample_weight`, or, within a loss or penalty, keyword and argument, such as `penalty_groups`.
    """
    defaults = function.__kwdefaults__ | defaults
    by_keyword = {name: _source(name, value) for name, value in keywords.items()}
    return {name: source for name, source in by_keyword.items() if source != _source(name, defaults[name])}


def names_in(source) -> list[str]:
    """The names in a source that refer to objects of the user."""
    nodes = ast.walk(ast.parse(source, mode="eval"))
    return sorted({node.id for node in nodes if isinstance(node, ast.Name)} - {"jr"})


def call(name, function, arguments) -> str:
    """Python source of a call of jaxreg. Its result is assigned to `name`; `arguments` are sources."""
    one_line = f"{name} = jr.{function}({', '.join(arguments)})"
    if len(one_line) <= LINE_LENGTH:
        return one_line
    return "\n".join([f"{name} = jr.{function}(", *(f"    {argument}," for argument in arguments), ")"])


def script(name, function, versions, settings, data_source=None, model=()) -> str:
    """Python source that computes a result again.

    `data_source` defines X, y and the other names in the call. A comment lists the names that it does not define.
    `model` holds the sources of arguments before X.
    """
    import_line = (
        f"import jaxreg as jr  # {versions['jaxreg']}, with jax {versions['jax']} and numpy {versions['numpy']}"
    )
    lines = [import_line, "", "# X, y: the data of the fit" if data_source is None else data_source.strip("\n")]
    unbound = {name for source in (*model, *settings.values()) for name in names_in(source)}
    unbound -= {"X", "y"} | (set() if data_source is None else _names_bound(data_source))
    if unbound:
        lines.append(f"# {', '.join(sorted(unbound))}: as in the fit; text cannot hold functions and long arrays")
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
    return "None" if value is None else _KINDS.get(name, _literal_source)(name, value)


def _literal_source(name, value):
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal length
        return name
    text = repr(array.tolist()) if array.size <= MOST_NUMBERS else name
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return name
    return text


def _instance_source(home):
    def source(name, value):
        """A call of the class of a value, without the arguments at their defaults."""
        kind = type(value)
        if not kind.__module__.startswith("jaxreg."):
            return name  # a class of the user
        kind_fields = fields(value)
        if any(field.name.startswith("_") for field in kind_fields):
            return name  # functions of the user
        values = {field.name: getattr(value, field.name) for field in kind_fields}
        required = {field.name for field in kind_fields if field.default is MISSING}
        with_defaults = kind(**{field: values[field] for field in required})
        arguments = [
            f"{field}={_literal_source(f'{name}_{field}', entry)}"
            for field, entry in values.items()
            if field in required or not np.array_equal(entry, getattr(with_defaults, field))
        ]
        return f"jr.{home}.{kind.__name__}({', '.join(arguments)})"

    return source


def _tuple_source(element_source, is_tuple):
    """Source of a value, or of a tuple of values if `is_tuple(value)`."""

    def source(name, value):
        if not is_tuple(value):
            return element_source(name, value)
        return f"({', '.join(element_source(f'{name}_{j}', element) for j, element in enumerate(value))})"

    return source


_KINDS: dict[str, Callable[[str, Any], str]] = {
    "loss": _instance_source("losses"),
    "penalty": _instance_source("penalties"),
    "model": _instance_source("neural"),
    "regularizer": _tuple_source(_instance_source("neural"), np.iterable),
    "strengths": _tuple_source(_literal_source, lambda value: any(map(np.iterable, value))),
    "dtype": lambda name, value: repr(np.dtype(value).name),
}
