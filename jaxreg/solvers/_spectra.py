"""Eigendecompositions of Gram matrices, and products with their eigenvectors, where the matrices are.

Each formula stands once, for NumPy on a host, where LAPACK in a compiled program may be a hundred times slower, and
compiled for a device. There vectors stay; what comes to the host is what it makes the numbers of each lambda from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import PRECISION
from jaxreg.design._gram import OfStack


class Spectra:
    """The formulas in NumPy, or compiled; `each` maps a function over the rows of its second argument."""

    def __init__(self, xp: Any, compiled: Callable, each: Callable, some: Callable, **options):
        self._xp, self._matmul = xp, partial(xp.matmul, **options)
        self.some = some  # (vectors (m, k), or OfStack; chosen (k,) bool, a run of them) -> those that are chosen
        self.eigh = compiled(self._eigh)
        self.scaled_eigh = compiled(self._scaled_eigh)
        self.values_beside = compiled(self._values_beside)
        self.values_off = compiled(self._values_off)
        self.times = compiled(self._matmul)
        self.times_transposed = compiled(self._times_transposed)
        self.solve = compiled(self._solve)
        self.solve_each = compiled(each(self._solve))
        self.diagonal = compiled(self._diagonal)
        self.at_rows = compiled(self._at_rows)

    def float64(self, matrix):
        return self._xp.asarray(matrix, dtype=np.float64)

    def _eigh(self, matrix):
        """(eigenvalues, ascending, eigenvectors) of a symmetric matrix (m, m), or of each of a stack."""
        return self._xp.linalg.eigh((matrix + matrix.swapaxes(-1, -2)) / 2)

    def _scaled_eigh(self, gram, scale):
        """The eigenvalues of diag(scale) gram diag(scale), and diag(scale) times the eigenvectors.

        Absent columns behind those that have a scale are no part of it.
        """
        p = scale.shape[-1]
        gram = gram[..., :p, :p]
        values, vectors = self._eigh(scale[..., :, None] * gram * scale[..., None, :])
        return values, scale[..., :, None] * vectors

    def _values_beside(self, gram, along, root):
        """The eigenvalues of diag(root) (gram - along'along) diag(root), without absent columns."""
        gram = gram[: len(root), : len(root)]
        return self._eigvalsh((gram - self._matmul(along.T, along)) * root * root[:, None])

    def _values_off(self, kernel, basis):
        """The eigenvalues of a kernel (n, n) in the complement of an orthonormal basis (k, n)."""
        kernel = kernel - self._matmul(self._matmul(kernel, basis.T), basis)
        return self._eigvalsh(kernel - self._matmul(basis.T, self._matmul(basis, kernel)))

    def _eigvalsh(self, matrix):
        return self._xp.linalg.eigvalsh((matrix + matrix.T) / 2)

    def _times_transposed(self, a, b):
        return self._matmul(a, b.T)

    def _solve(self, vectors, right, inverse):
        """Solutions (L, m) for one right-hand side (m,), or for one of each lambda (L, m)."""
        return self._matmul(inverse * self._matmul(right, vectors), vectors.T)

    def _diagonal(self, vectors, inverse):
        """The diagonals (L, m) of the inverses that `_solve` applies."""
        return self._matmul(inverse, (vectors**2).T)

    def _at_rows(self, A, vectors, right, inverse):
        """(fits (k, L) of rows A (k, m), their leverages (k, L)) with the solutions for one right-hand side (m,)."""
        Q = self._matmul(A, vectors)
        return self._matmul(Q * self._matmul(right, vectors), inverse.T), self._matmul(Q**2, inverse.T)


def _each_on_host(solve):
    return lambda vectors, rights, inverse: np.stack([solve(vectors, right, inverse) for right in rights])


def _each_compiled(solve):
    return jax.vmap(solve, in_axes=(None, 0, None))


def _some_on_device(vectors, chosen):
    first, stacked = int(np.argmax(chosen)), isinstance(vectors, OfStack)
    stack, at = (vectors.stack, vectors.at) if stacked else (vectors, None)
    return _run(stack, at, first=first, last=first + int(chosen.sum()))


@partial(jax.jit, static_argnames=("first", "last"))
def _run(vectors, at, *, first, last):
    return (vectors if at is None else vectors[at])[:, first:last]


ON_HOST = Spectra(np, lambda f: f, _each_on_host, lambda vectors, chosen: vectors[:, chosen])
COMPILED = Spectra(jnp, jax.jit, _each_compiled, _some_on_device, precision=PRECISION)
