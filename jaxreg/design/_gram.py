"""A Gram matrix where it was made: in NumPy, on the device, or one of a stack there.

What asks for another form of it gets that from here, so that nothing is copied before somebody asks.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class OfStack:
    """One matrix (p, p) of a stack on the device, cut out where it is asked for.

    What works on all of them takes the stack.
    """

    stack: jax.Array  # (F, p, p)
    at: int

    @cached_property
    def matrix(self):
        return _cut(self.stack, self.at, length=self.stack.shape[-1])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.matrix, dtype)


class Padded:
    """A Gram matrix (p, p) in the forms that certificates need, each made once."""

    def __init__(self, gram: Any, length: int):
        self._gram, self._length = gram, length

    @cached_property
    def square(self) -> jax.Array:
        """(length, length) on the device, with absent columns behind."""
        gram, length = self._gram, self._length
        if isinstance(gram, OfStack):
            return _cut(gram.stack, gram.at, length=length)
        if isinstance(gram, jax.Array):
            return gram if len(gram) == length else _cut(gram, None, length=length)
        square = np.zeros((length, length))
        square[: len(gram), : len(gram)] = gram
        return jax.device_put(square)

    @cached_property
    def host(self) -> np.ndarray:
        """(p, p) in NumPy."""
        return np.asarray(self._gram)


def together(grams: list) -> tuple[tuple, np.ndarray]:
    """(arrays (p, p) or stacks of them, the place of each of the matrices among all of theirs).

    Matrices of one stack stay in it: nothing is copied.
    """
    arrays: list = []
    places, first, begins = [], 0, {}
    for gram in grams:
        array, at = (gram.stack, gram.at) if isinstance(gram, OfStack) else (gram, 0)
        if id(array) not in begins:
            begins[id(array)] = first
            arrays.append(array)
            first += 1 if array.ndim == 2 else len(array)
        places.append(begins[id(array)] + at)
    return tuple(arrays), np.array(places)


def stacked(grams: tuple) -> jax.Array:
    """The stack (F, p, p) of matrices that `together` gives, inside a program."""
    arrays, at = grams
    return jnp.concatenate([array[None] if array.ndim == 2 else array for array in arrays])[at]


def whole(gram: Any) -> Any:
    """The matrix itself, of one of a stack."""
    return gram.matrix if isinstance(gram, OfStack) else gram


@partial(jax.jit, static_argnames="length")
def _cut(stack, at, *, length):
    more = length - stack.shape[-1]
    return jnp.pad(stack if at is None else stack[at], ((0, more), (0, more)))
