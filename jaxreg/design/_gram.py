"""A Gram matrix where it was made: in NumPy, or on the device, possibly with absent columns behind or in a stack.

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

    What works on all of them takes the stack, whose matrices may be filled up with zeros to m >= p columns.
    """

    stack: jax.Array  # (F, m, m), or (m, m) of one that is alone
    at: int | None  # None of one that is alone
    length: int  # p

    @property
    def matrix(self):
        return _cut(self.stack, self.at, self.length)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(array_of(self), dtype)[: self.length, : self.length]


class Padded:
    """A Gram matrix (p, p) in the forms that certificates need, each made once."""

    def __init__(self, gram: Any, length: int):
        self._gram, self._length = gram, length

    @cached_property
    def square(self) -> jax.Array:
        """(length, length) on the device, with absent columns behind."""
        gram, length = self._gram, self._length
        if isinstance(gram, OfStack):
            return _cut(gram.stack, gram.at, length)
        if isinstance(gram, jax.Array):
            return _cut(gram, None, length)
        square = np.zeros((length, length))
        square[: len(gram), : len(gram)] = gram
        return jax.device_put(square)

    @cached_property
    def host(self) -> np.ndarray:
        """(p, p) in NumPy."""
        return np.asarray(self._gram)


def together(grams: list) -> tuple[tuple, np.ndarray]:
    """(arrays (m, m) or stacks of them, the place of each of the matrices, OfStack or Padded, among all of theirs).

    Matrices of one stack stay in it: nothing is copied.
    """
    arrays: list = []
    places, first, begins = [], 0, {}
    for gram in grams:
        array, at = (gram.stack, gram.at or 0) if isinstance(gram, OfStack) else (gram.square, 0)
        if id(array) not in begins:
            begins[id(array)] = first
            arrays.append(array)
            first += 1 if array.ndim == 2 else len(array)
        places.append(begins[id(array)] + at)
    return tuple(arrays), np.array(places)


def stacked(grams: tuple, length: int) -> jax.Array:
    """The stack (F, length, length) of matrices that `together` gives, which have no fewer columns; in a program."""
    arrays, at = grams
    stack = jnp.concatenate([array[None] if array.ndim == 2 else array for array in arrays])
    return stack[at, :length, :length]


def array_of(gram: Any) -> Any:
    """An array of the matrix alone: with absent columns, if there are some and it need not be cut out of a stack."""
    if not isinstance(gram, OfStack):
        return gram
    return gram.stack if gram.at is None else gram.matrix


def _cut(stack, at, length):
    """The matrix at a place with so many columns: an array that is this already is not copied."""
    return stack if at is None and len(stack) == length else _resized(stack, at, length=length)


@partial(jax.jit, static_argnames="length")
def _resized(stack, at, *, length):
    matrix = (stack if at is None else stack[at])[:length, :length]
    more = length - len(matrix)
    return jnp.pad(matrix, ((0, more), (0, more)))
