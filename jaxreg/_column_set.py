"""The columns on which block descent and the proximal solver work: their rows, or their Gram matrix."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg import _memory
from jaxreg._design import PRECISION
from jaxreg.penalties._base import per_row
from jaxreg.solvers.smooth import Averaged, Factored, Quadratic, Smooth

CAPACITIES = (32, 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
IN_TILES = (256, 1024, 4096, 6144, 8192, 16384)  # the same in tiles: fewer, since epochs pass over those in use only
CHUNK = 64  # columns that are gathered at once
WIDE = 3  # times n: with more columns two products with the rows cost less than one with the Gram matrix
SQUARES = 3  # Gram matrices, with the copies that are made of one
SPARE = 0.5  # a capacity is left when a smaller share would do


@partial(jax.jit, static_argnames="free")
def _averaged(rows, scale, level, root, y, offset, loss, *, free):
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    rows = rows.astype(jnp.float64) * (scale[:, None] * inverse)  # once, not in each product
    return Averaged(jnp.concatenate([rows, jnp.full((free, len(root)), level)]), root**2, y, offset, loss)


@jax.jit
def _products(new, rows):
    return jnp.matmul(new.astype(jnp.float64), rows.astype(jnp.float64).T, precision=PRECISION)


@jax.jit
def _gram(rows):
    rows = rows.astype(jnp.float64)
    return jnp.matmul(rows, rows.T, precision=PRECISION)


@jax.jit
def _scaled(matrix, of_rows, of_columns):
    return matrix.astype(jnp.float64) * (of_rows[:, None] * of_columns)


@jax.jit
def fitted(x, scale, rows):
    """Fitted values (B, n [, K]) of coefficients x (B, m [, K]) on the scale of the penalty."""
    x = x * scale.reshape(-1, *[1] * (x.ndim - 2))
    return jnp.einsum("bm...,mn->bn...", x, rows.astype(x.dtype), precision=PRECISION)


@jax.jit
def _images(x, b0, scale, root, rows):
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    return fitted(x, scale, rows) * inverse + jnp.sum(b0, axis=1, keepdims=True)


class ColumnSet:
    """Columns of an Objective, filled up with absent ones to a capacity, so that few shapes are compiled.

    All columns at once where the penalty does not let them in one by one. `gram` (p, p) of the design where it is
    known: then the rows are not needed. Otherwise the Gram matrix grows with the columns, as long as it is the smaller
    one, and memory has room for it.
    """

    def __init__(self, objective, gram, layout=None):
        self.objective, self.gram_of_all, self.layout = objective, gram, layout
        design = objective.design
        self.index = np.full(0, design.p)  # of the column at each position, p where there is none
        self.member = np.zeros(design.p, bool)
        self.gram: Any = np.zeros((0, 0))
        self.rows: Any = np.zeros((0, design.n), design.dtype)

    @property
    def capacity(self):
        return len(self.index)

    @property
    def _real(self):
        """Positions that hold a column."""
        return np.flatnonzero(self.index < self.objective.design.p)

    def _gram_pays(self, capacity):
        wide = WIDE if self.layout is None else 1
        if not self.objective.squared or self.gram_of_all is not None:
            return self.objective.squared
        return capacity <= wide * self.objective.design.n and 8 * SQUARES * capacity**2 <= _memory.available()

    def _positions(self, J):
        """(positions of the columns J, a capacity for them)."""
        if self.layout is None:  # absent columns would change the penalty of one that does not screen
            return np.arange(len(J)), capacity_for(len(J)) if self.objective.screens else len(J)
        at = self.layout.placed(J)
        needed = self.layout.length(at)
        capacity = next((c for c in IN_TILES if c >= needed), needed)
        return at, max(needed, min(self.layout.in_tiles(capacity), self.layout.whole_length))

    def select(self, wanted, needed, active):
        """Hold the columns `wanted` (p,) bool, and of the others at most as many as there is room. True if any changed.

        Nothing changes as long as the columns `needed` are there, and the capacity is not too large by far. Otherwise
        those that are `active` come first, so that few tiles hold them.
        """
        if self.layout is not None:
            wanted, active = self.layout.whole(wanted), self.layout.whole(active)
        real = self._real
        kept = real[wanted[self.index[real]]]
        kept = kept[np.argsort(~active[self.index[kept]], kind="stable")]
        J = np.concatenate([self.index[kept], np.flatnonzero(wanted & ~self.member)])
        at, capacity = self._positions(J)
        if not (needed & ~self.member).any() and len(real) and capacity > SPARE * self.capacity:
            return False
        known = len(kept)
        self._rearrange(kept, J[:known], at[:known], capacity)
        if self.gram_of_all is not None:
            self._take(J[known:], at[known:])
        else:
            self._gather(J[known:], at[known:])
        self.member = wanted.copy()
        return True

    def _rearrange(self, kept, J, at, capacity):
        """The columns J of the positions `kept` at the positions `at`, and no others, in arrays for a capacity."""
        design, before = self.objective.design, self.gram
        index, rows = np.full(capacity, design.p), None
        index[at] = J
        if self.gram_of_all is None:
            rows = np.zeros((capacity, design.n), design.dtype)
            rows[at] = np.asarray(self.rows)[kept]
        self.index, self.rows, self.gram = index, rows, None
        if self._gram_pays(capacity):
            self.gram = np.zeros((capacity, capacity))
            if before is not None:
                self.gram[np.ix_(at, at)] = before[np.ix_(kept, kept)]
            elif rows is not None:
                self.gram = np.array(_gram(rows))

    def _take(self, J, at):
        self.index[at] = J
        real = self._real
        self.gram[np.ix_(at, real)] = self.gram_of_all[np.ix_(J, self.index[real])]
        self.gram[:, at] = self.gram[at].T

    def _gather(self, J, at):
        length = min(CHUNK, self.capacity)
        for start in range(0, len(J), length):
            chunk = np.full(length, self.objective.design.p)
            chunk[: len(J) - start] = J[start : start + length]
            new = np.asarray(self.objective.design.gather(chunk))
            self._append(J[start : start + length], at[start : start + length], new)

    def _append(self, J, at, new):
        self.index[at] = J
        self.rows[at] = new[: len(J)]
        if self.gram is not None:
            self.gram[at] = np.asarray(_products(new, self.rows))[: len(J)]
            self.gram[:, at] = self.gram[at].T

    def gathered(self, values, absent):
        """`values` (p, ...) of the columns, `absent` for absent ones."""
        real = self.index < self.objective.design.p
        found = values[np.where(real, self.index, 0)]
        return np.where(real.reshape(-1, *[1] * (found.ndim - 1)), found, absent)

    def spread(self, x, axis=0):
        """Coefficients of all p columns from those (m,) along an axis of x."""
        x, real = np.moveaxis(x, axis, 0), self._real
        found = np.zeros((self.objective.design.p, *x.shape[1:]))
        found[self.index[real]] = x[real]
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
                smooth = Quadratic(_scaled(self.gram, scale, scale), corr)
            else:
                smooth = Factored(_scaled(self.rows, scale, np.ones(objective.design.n)), corr)
        else:
            of_rows = objective.root, objective.y, objective.offset, objective.loss
            smooth = _averaged(self.rows, scale, self.level, *of_rows, free=objective.free)
        return jax.device_put((smooth, penalty, factors))  # once for all blocks

    @property
    def level(self):
        """The constant column of b0: as large as the largest other one, so that b0 takes steps of the same length."""
        return float(self.scale.max(initial=0.0)) or 1.0

    def joined(self, b, b0):
        """What the smooth part is a function of: coefficients b (p, ...) and b0 (0 or 1, ...) on its level."""
        return np.concatenate([self.gathered(b, 0.0), b0 / self.level])

    def parted(self, joined):
        """(coefficients (B, m, ...), b0 (B, 0 or 1, ...)) of solutions (B, m + 0 or 1, ...)."""
        return joined[:, : self.capacity], joined[:, self.capacity :] * self.level

    def as_returned(self, x, b0, precision):
        """Solutions x (B, m [, K]) with intercepts b0 (B, 0 or 1 [, K]) as the user gets them.

        Coefficients and intercept are rounded to `precision` on the user's scale. Intercepts that follow from the means
        of the data stay as they are.
        """
        if precision == np.float64:
            return x, b0
        columns = self.objective.design.columns
        unit, mean = (self.gathered(values, 1.0) for values in (columns.norm, columns.mean))
        unit = np.divide(self.scale, unit)[:, *[None] * (x.ndim - 2)]

        def rounded(values):
            with np.errstate(over="ignore"):  # no result is infinite: `path_result` refuses it
                return (values * self.objective.unit).astype(precision).astype(np.float64) / self.objective.unit

        coef = rounded(x * unit)
        level = np.einsum("bm...,m->b...", coef, mean)[:, None]
        b0 = rounded(b0 - level) + level if b0.size else b0
        return np.divide(coef, unit, out=np.zeros_like(coef), where=unit > 0), b0

    def images(self, x, b0):
        """eta - offset (B, n) of solutions x (B, m) with intercepts b0 (B, 0 or 1)."""
        return _images(x, b0, self.scale, self.objective.root, self.rows)

    def fitted(self, x, images):
        """Fits (B, n [, K]) of solutions x with their images: times root for the squared loss, else eta - offset."""
        return fitted(x, self.scale, self.rows) if self.objective.squared else images


def capacity_for(size):
    """The least of a few lengths that holds `size` columns."""
    step = CAPACITIES[-1] // 2
    return next((c for c in CAPACITIES if c >= size), -(-size // step) * step)
