"""Losses and penalties are frozen dataclasses and JAX pytrees: what makes, checks and names them."""

from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, dataclass_transform

import jax
import numpy as np


@dataclass_transform(frozen_default=True)
def pytree(cls):
    """`cls` as a frozen dataclass whose fields are children, but for those declared `field(metadata=STATIC)`.

    JAX rebuilds instances without `__init__`: their leaves may be tracers, which no check could judge.
    """
    cls = dataclass(frozen=True)(cls)
    static = [field.name for field in fields(cls) if field.metadata.get("static")]
    children = [field.name for field in fields(cls) if field.name not in static]

    def flatten(instance):
        return [getattr(instance, name) for name in children], tuple(getattr(instance, name) for name in static)

    def flatten_with_keys(instance):
        keyed = [(jax.tree_util.GetAttrKey(name), getattr(instance, name)) for name in children]
        return keyed, tuple(getattr(instance, name) for name in static)

    def unflatten(static_values, leaves):
        instance = object.__new__(cls)
        for name, value in zip(children + static, [*leaves, *static_values], strict=True):
            object.__setattr__(instance, name, value)
        return instance

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


STATIC = {"static": True}


def rebuilt(instance, **changes):
    """A copy of `instance` with other values of some fields, which are not checked."""
    copy = object.__new__(type(instance))
    for field in fields(instance):
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(instance, field.name)))
    return copy


def number(value: Any, name: str, meaning: str, low=-np.inf, high=np.inf, strict=False):
    """A hyperparameter as a Python float, from `low` to `high`; `strict` excludes `low`.

    Scalar arrays and tracers of JAX pass as they are. `meaning` is what the message asks for.
    """
    if isinstance(value, jax.Array) and value.shape == ():
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high or (strict and value == low):
        raise ValueError(f"{name} is {value!r}; give {meaning}.")
    return float(value)


def shown(instance) -> str:
    """The call that makes an instance, without values at their defaults; functions by name, without an address."""
    values = [(field, getattr(instance, field.name)) for field in fields(instance)]
    texts = [
        f"{field.name}={getattr(value, '__name__', repr(value)) if callable(value) else repr(value)}"
        for field, value in values
        if value is not field.default and value != field.default
    ]
    return f"{type(instance).__name__}({', '.join(texts)})"


def described(instance) -> str:
    """The name of an instance's class, with its public numbers."""
    values = [(field.name, getattr(instance, field.name)) for field in fields(instance)]
    numbers = [f"{name}={value:g}" for name, value in values if isinstance(value, Real) and not name.startswith("_")]
    return f"{type(instance).__name__}({', '.join(numbers)})"
