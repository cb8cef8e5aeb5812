"""What identifies a sweep, in JSON: settings by their values, arrays by digests, code by its names and constants."""

import hashlib
import json
import math
import platform
import re
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import partial, singledispatch
from importlib.metadata import version
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

import jax
import numpy as np

from jaxreg._version import __version__
from jaxreg.neural._mapped import release

CHUNK = 64 * 2**20  # bytes of an array that are read at a time
WRITTEN = 64  # entries up to which an array is written out
DIGITS = 16  # of digests
LONGEST = 40  # letters of a value that a message shows
ABSENT = "absent"  # in the place of what only one of two has


def versions():
    """Of all that decides the last bit, and the kind of device."""
    packages = {name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"jaxreg": __version__, **packages, "python": python, "device": jax.devices()[0].device_kind}


def described(value, above=()):
    """`value` in JSON. What it refers to counts, as far as Python shows it: closures, defaults, attributes."""
    if id(value) in above:
        return "..."
    return _described(value, lambda each: described(each, (*above, id(value))))


@singledispatch
def _described(value, inner):
    """Any object: its class and attributes, or what it wraps."""
    wrapped = getattr(value, "__wrapped__", None)
    if callable(wrapped):
        return inner(wrapped)
    methods = [inner(each.__code__) for each in vars(type(value)).values() if isinstance(each, FunctionType)]
    kind = {"class": _name(type(value))} | ({"code": _digest(methods)} if methods else {})
    if is_dataclass(value):
        return kind | {each.name: inner(getattr(value, each.name)) for each in fields(value) if each.compare}
    if attributes := getattr(value, "__dict__", None):
        return kind | {name: inner(attributes[name]) for name in sorted(attributes)}
    return kind | {"text": re.sub(r" at 0x[0-9a-f]+", "", repr(value))}


def _name(code):
    return f"{code.__module__}.{code.__qualname__}"


@_described.register(type(None))
@_described.register(bool)
@_described.register(int)
@_described.register(str)
def _plain(value, inner):
    return value


@_described.register(float)
def _float(value, inner):
    return value if math.isfinite(value) else str(value)  # NaN is not equal to itself


@_described.register(np.generic)
def _scalar(value, inner):
    return inner(value.item())


@_described.register(np.dtype)
def _dtype(value, inner):
    return str(value)


@_described.register(list)
@_described.register(tuple)
def _sequence(value, inner):
    if hasattr(value, "_fields"):
        return {name: inner(each) for name, each in zip(value._fields, value, strict=True)}
    return [inner(each) for each in value]


@_described.register(set)
@_described.register(frozenset)
def _set(value, inner):
    return sorted((inner(each) for each in value), key=json.dumps)


@_described.register(dict)
def _mapping(value, inner):
    return {str(key): inner(each) for key, each in value.items()}


@_described.register(np.ndarray)
@_described.register(jax.Array)
def _array(value, inner):
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return inner(jax.random.key_data(value))
    if value.size <= WRITTEN:
        return np.asarray(value).tolist()
    digest, step = hashlib.sha256(), max(1, CHUNK // (value.nbytes // len(value)))
    for low in range(0, len(value), step):
        digest.update(np.ascontiguousarray(value[low : low + step]).view(np.uint8).data)
        release(value)
    return {"shape": list(value.shape), "dtype": str(value.dtype), "sha256": digest.hexdigest()[:DIGITS]}


@_described.register(type)
@_described.register(BuiltinFunctionType)
@_described.register(np.ufunc)
def _named(value, inner):
    return _name(value) if hasattr(value, "__module__") and hasattr(value, "__qualname__") else repr(value)


@_described.register(ModuleType)
def _module(value, inner):
    return value.__name__


@_described.register(partial)
def _partial(value, inner):
    return {"function": inner(value.func), "arguments": inner(value.args), "keywords": inner(value.keywords)}


@_described.register(MethodType)
def _method(value, inner):
    return {"method": inner(value.__func__), "of": inner(value.__self__)}


@_described.register(FunctionType)
def _function(value, inner):
    held = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        with suppress(ValueError):  # a cell that is empty
            held[name] = cell.cell_contents
    parts = {"with": held, "defaults": value.__defaults__, "keywords": value.__kwdefaults__}
    given = {name: inner(each) for name, each in parts.items() if each}
    return {"function": _name(value), "code": inner(value.__code__), **given}


@_described.register(CodeType)
def _code(value, inner):
    """A digest of what it does: a line number or a comment does not count."""
    return _digest([value.co_code.hex(), value.co_names, inner(value.co_consts)])


def _digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:DIGITS]


def differences(there, here, at=""):
    """What differs between two of `described`, as text."""
    if there == here:
        return []
    if isinstance(there, dict) and isinstance(here, dict):
        names = list({**there, **here})
        pairs = [(f"{at}.{name}".lstrip("."), there.get(name, ABSENT), here.get(name, ABSENT)) for name in names]
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = [(f"{at}[{i}]", *pair) for i, pair in enumerate(zip(there, here, strict=True))]
    else:
        shown = [json.dumps(each) for each in (there, here)]
        long = max(map(len, shown)) > LONGEST
        return [f"{at} differs" if long else f"{at} is {shown[0]} there and {shown[1]} here"]
    return [text for name, *pair in pairs for text in differences(pair[0], pair[1], name)]
