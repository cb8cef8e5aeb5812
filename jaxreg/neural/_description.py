"""Models and regularizers of this package in JSON, for files that hold no pickle."""

from dataclasses import fields, is_dataclass
from inspect import isfunction

import numpy as np

from jaxreg.neural._pickling import jax_names, of_jax


def encoded(value):
    """`value` in JSON: numbers, text, tuples, public functions of JAX, and what is public in jaxreg.neural.

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
    """What a name of jaxreg.neural stands for, or None."""
    from jaxreg import neural

    return getattr(neural, name) if name in neural.__all__ else None
