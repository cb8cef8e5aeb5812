"""Every jitted kernel of the library: which there are, and with what they are called."""

import gc
import importlib
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from jax.extend import core

import jaxreg as jr

APART = "neural", "report", "plotting", "cli", "sklearn", "tables"  # no engine's: they fit nothing, or by other means
Jitted = type(jax.jit(abs))


class Recorder:
    """A jitted function that notes its calls: one for each kind, whatever the sizes."""

    def __init__(self, function, name):
        self.function, self.calls = function, {}
        self.name = f"{function.__module__.removeprefix('jaxreg.')}.{name}"

    def __call__(self, *args, **kwargs):
        call = jax.tree.map(_described, (args, kwargs))
        leaves, structure = jax.tree.flatten(call)
        self.calls.setdefault((structure, *map(_kind, leaves)), call)
        return self.function(*args, **kwargs)


def _described(leaf):
    """The shape and dtype of an array; Python's numbers, and what is static, as they are."""
    is_array = hasattr(leaf, "shape") and hasattr(leaf, "dtype")
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if is_array else leaf


def _kind(leaf):
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return len(leaf.shape), leaf.dtype
    return leaf if isinstance(leaf, (bool, str, np.dtype)) else type(leaf)


def _modules():
    root = Path(jr.__file__).parent
    parts = [path.relative_to(root).with_suffix("").parts for path in sorted(root.rglob("*.py"))]
    names = [".".join(["jaxreg", *(part for part in of_file if part != "__init__")]) for of_file in parts]
    return [importlib.import_module(name) for name in names if _counts(name) and not name.endswith("__main__")]


def _counts(module):
    package, *inside = f"{module}.".split(".")
    return package == "jaxreg" and inside[0] not in APART


def _jitted():
    """Jitted functions of the library that are alive, wherever they are held."""
    alive = [held for held in gc.get_objects() if isinstance(held, Jitted)]
    return [held for held in alive if _counts(getattr(held.__wrapped__, "func", held.__wrapped__).__module__)]


@contextmanager
def recorded():
    """Recorders in place of all kernels: in modules, and in objects that these hold."""
    recorders, places = {}, []
    for module in _modules():
        holders = [value for value in vars(module).values() if _counts(type(value).__module__)]
        places += [
            (holder, name, value)
            for holder in [module, *holders]
            for name, value in getattr(holder, "__dict__", {}).items()
            if isinstance(value, Jitted) and _counts(value.__module__)
        ]
    for holder, name, value in places:
        setattr(holder, name, recorders.setdefault(id(value), Recorder(value, name)))
    try:
        hidden = [held.__qualname__ for held in _jitted() if id(held) not in recorders]
        assert not hidden, f"{hidden} are held where no recorder gets to: let a module hold them"
        yield list(recorders.values())
    finally:
        for holder, name, value in places:
            setattr(holder, name, value)


def constants(jaxpr):
    """Floating-point constants of a ClosedJaxpr and of all that it calls."""
    yield from _floats(jaxpr.consts)
    for equation in jaxpr.jaxpr.eqns:
        yield from _floats(operand.val for operand in equation.invars if isinstance(operand, core.Literal))
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from constants(inner if isinstance(inner, core.ClosedJaxpr) else core.ClosedJaxpr(inner, ()))


def _is_jaxpr(value):
    return isinstance(value, (core.Jaxpr, core.ClosedJaxpr))


def _floats(values):
    for array in map(np.asarray, values):
        if np.issubdtype(array.dtype, np.floating):
            yield from array.ravel().astype(float).tolist()
