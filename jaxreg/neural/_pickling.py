"""Pickles of what holds functions of JAX."""

import io
import pickle

import jax

HOMES = {"nn": jax.nn, "numpy": jax.numpy}


def dumps(value) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Functions of jax.nn and jax.numpy go by their public names: pickle refuses `jax.nn.relu`, a wrapped function."""

    def reducer_override(self, value):
        names = jax_names(value)
        return NotImplemented if names is None else (of_jax, names)


def jax_names(value):
    """("nn", "relu") of what is public in jax.nn or jax.numpy, None of anything else."""
    name = getattr(value, "__name__", None)
    if callable(value) and isinstance(name, str):
        for home, module in HOMES.items():
            if getattr(module, name, None) is value:
                return home, name
    return None


def of_jax(home, name):
    return getattr(HOMES[home], name)
