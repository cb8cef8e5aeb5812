"""Pickles of what holds functions of JAX."""

import io
import pickle

import jax


def dumps(value) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Functions of jax.nn and jax.numpy go by their public names: pickle refuses `jax.nn.relu`, a wrapped function."""

    def reducer_override(self, value):
        name = getattr(value, "__name__", None)
        for home in ("nn", "numpy"):
            if callable(value) and isinstance(name, str) and getattr(getattr(jax, home), name, None) is value:
                return _of_jax, (home, name)
        return NotImplemented


def _of_jax(home, name):
    return getattr(getattr(jax, home), name)
