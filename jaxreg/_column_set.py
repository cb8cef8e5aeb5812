"""The columns on which the proximal solver works, with what it needs of them: their rows, or their Gram matrix."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._design import PRECISION
from jaxreg.penalties._base import per_row
from jaxreg.solvers.proximal import Averaged, Factored, Quadratic, Smooth

CAPACITIES = (128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
CHUNK = 64  # columns that are gathered at once
WIDE = 3  # times n: with more columns two products with the rows cost less than one with the Gram matrix
SPARE = 0.5  # a capacity is left when a smaller share would do


@partial(jax.jit, static_argnames="free")
def _averaged(rows, scale, root, y, offset, loss, *, free):
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    rows = rows.astype(jnp.float64) * (scale[:, None] * inverse)  # once, not in each product
    return Averaged(jnp.concatenate([rows, jnp.ones((free, len(root)))]), root**2, y, offset, loss)


@jax.jit
def _products(new, rows):
    return jnp.matmul(new.astype(jnp.float64), rows.astype(jnp.float64).T, precision=PRECISION)


@jax.jit
def _gram(rows):
    rows = rows.astype(jnp.float64)
    return jnp.matmul(rows, rows.T, precision=PRECISION)


@jax.jit
def fitted(x, scale, rows):
    """Fitted values (B, n [, K]) of coefficients x (B, m [, K]) on the scale of the penalty."""
    x = x * scale.reshape(-1, *[1] * (x.ndim - 2))
    return jnp.einsum("bm...,mn->bn...", x, rows.astype(x.dtype), precision=PRECISION)


class ColumnSet:
    """Columns of an Objective, filled up with absent ones to a capacity, so that few shapes are compiled.

    All columns at once where the penalty does not let them in one by one. `gram` (p, p) of the design where it is
    known: then the rows are not needed. Otherwise the Gram matrix grows with the columns, as long as it is the smaller
    one.
    """

    def __init__(self, objective, gram):
        self.objective, self.gram_of_all = objective, gram
        design = objective.design
        self.index = np.full(0, design.p)
        self.size = 0
        self.member = np.zeros(design.p, bool)
        self.gram: Any = np.zeros((0, 0))
        self.rows: Any = np.zeros((0, design.n), design.dtype)

    @property
    def capacity(self):
        return len(self.index)

    def _gram_pays(self, capacity):
        return self.objective.squared and (self.gram_of_all is not None or capacity <= WIDE * self.objective.design.n)

    def select(self, wanted, needed):
        """Hold the columns `wanted` (p,) bool, and of the others at most as many as there is room. True if any changed.

        Nothing changes as long as the columns `needed` are there, and the capacity is not too large by far.
        """
        capacity = capacity_for(np.count_nonzero(wanted), self.objective.design.p)
        if not (needed & ~self.member).any() and self.size and capacity > SPARE * self.capacity:
            return False
        kept = np.flatnonzero(wanted[self.index[: self.size]])
        new = np.flatnonzero(wanted & ~self.member)
        self._rearrange(kept, capacity)
        if self.gram_of_all is not None:
            self._take(new)
        else:
            self._gather(new)
        self.member = wanted.copy()
        return True

    def _rearrange(self, kept, capacity):
        """Only the columns at the positions `kept`, in arrays for a capacity."""
        design, size, before = self.objective.design, len(kept), self.gram
        index, rows = np.full(capacity, design.p), None
        index[:size] = self.index[kept]
        if self.gram_of_all is None:
            rows = np.zeros((capacity, design.n), design.dtype)
            rows[:size] = np.asarray(self.rows)[kept]
        self.index, self.rows, self.size, self.gram = index, rows, size, None
        if self._gram_pays(capacity):
            self.gram = np.zeros((capacity, capacity))
            if before is not None:
                self.gram[:size, :size] = before[np.ix_(kept, kept)]
            elif rows is not None:
                self.gram = np.array(_gram(rows))

    def _take(self, J):
        first, last = self.size, self.size + len(J)
        self.index[first:last] = J
        known = self.index[:last]
        self.gram[first:last, :last] = self.gram_of_all[np.ix_(J, known)]
        self.gram[:last, first:last] = self.gram[first:last, :last].T
        self.size = last

    def _gather(self, J):
        length = min(CHUNK, self.capacity)
        for start in range(0, len(J), length):
            chunk = np.full(length, self.objective.design.p)
            chunk[: len(J) - start] = J[start : start + length]
            self._append(chunk[: len(J) - start], np.asarray(self.objective.design.gather(chunk)))

    def _append(self, J, new):
        first, last = self.size, self.size + len(J)
        self.index[first:last] = J
        self.rows[first:last] = new[: len(J)]
        if self.gram is not None:
            products = np.asarray(_products(new, self.rows))[: len(J), :last]
            self.gram[first:last, :last] = products
            self.gram[:last, first:last] = products.T
        self.size = last

    def gathered(self, values, absent):
        """`values` (p, ...) of the columns, `absent` for absent ones."""
        real = self.index < self.objective.design.p
        found = values[np.where(real, self.index, 0)]
        return np.where(real.reshape(-1, *[1] * (found.ndim - 1)), found, absent)

    def spread(self, x, axis=0):
        """Coefficients of all p columns from those (m,) along an axis of x."""
        x = np.moveaxis(x, axis, 0)
        found = np.zeros((self.objective.design.p, *x.shape[1:]))
        found[self.index[: self.size]] = x[: self.size]
        return np.moveaxis(found, 0, axis)

    @property
    def scale(self):
        return self.gathered(self.objective.scale, 0.0)

    def problem(self):
        """(smooth part, penalty, penalty factors) of their coefficients, on the device."""
        objective, scale = self.objective, self.scale
        penalty = objective.penalty.restrict(self.index) if objective.screens else objective.penalty
        smooth: Smooth
        factors = self.gathered(objective.factors, 1.0)
        if objective.squared:
            corr = self.gathered(objective.corr, 0.0)
            corr = corr * per_row(scale, corr)
            if self.gram is not None:
                smooth = Quadratic(self.gram * np.outer(scale, scale), corr)
            else:
                smooth = Factored(np.asarray(self.rows, np.float64) * scale[:, None], corr)
        else:
            of_rows = objective.root, objective.y, objective.offset, objective.loss
            smooth = _averaged(self.rows, scale, *of_rows, free=objective.free)
        return jax.device_put((smooth, penalty, factors))  # once for all blocks

    def fitted(self, x, images):
        """Fits (B, n [, K]) of solutions x with their images: times root for the squared loss, else eta - offset."""
        return fitted(x, self.scale, self.rows) if self.objective.squared else images


def capacity_for(size, p):
    """The least of a few lengths that holds `size` columns."""
    found = next((c for c in CAPACITIES if c >= size), -(-size // CAPACITIES[0]) * CAPACITIES[0])
    return min(found, p)
