"""Models and regularizers of this package in JSON, for files that hold no pickle."""

from dataclasses import fields, is_dataclass
from inspect import isfunction

import numpy as np

from jaxreg.neural import _early_stopping, _models, _noise, _penalties
from jaxreg.neural._pickling import jax_names, of_jax

MODULES = (_early_stopping, _models, _noise, _penalties)  # of the classes and functions that JSON names


def encoded(value):
    """`value` in JSON: numbers, text, tuples, public functions of JAX, and classes and functions of MODULES.

    Raises LookupError for anything else, as functions and classes of the user.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if type(value) is tuple:
        return [encoded(part) for part in value]
    if names := jax_names(value):
        return {"jax": names}
    if isfunction(value) and _public(value.__name__) is value:
        return {"function": value.__name__}
    kind = type(value)
    if is_dataclass(value) and _public(kind.__name__) is kind:
        return {"class": kind.__name__, "fields": {own.name: encoded(getattr(value, own.name)) for own in fields(kind)}}
    raise LookupError(kind.__name__)


def decoded(value):
    """What was `encoded`; LookupError, AttributeError or TypeError for what never was."""
    if isinstance(value, list):
        return tuple(map(decoded, value))
    if not isinstance(value, dict):
        return value
    if "jax" in value:
        return of_jax(*value["jax"])
    if "function" in value:
        return _public(value["function"])
    return _public(value["class"])(**{name: decoded(part) for name, part in value["fields"].items()})


def _public(name):
    """The class or function of MODULES that has this name, or None."""
    values = {module: vars(module).get(name) for module in MODULES if not name.startswith("_")}
    return next((value for module, value in values.items() if _is_defined_in(module, value)), None)


def _is_defined_in(module, value):
    return getattr(value, "__module__", None) == module.__name__
