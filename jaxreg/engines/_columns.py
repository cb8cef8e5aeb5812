"""The columns that are worked on: their rows and their Gram matrix, where the design is."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.design._base import PRECISION
from jaxreg.engines._sizes import CHUNK, room
from jaxreg.penalties._base import per_row
from jaxreg.solvers._tableau import bordered
from jaxreg.solvers.smooth import Averaged, Factored, Quadratic

WIDE = 3  # times n: with more columns two products with the rows cost less than one with the Gram matrix
SQUARES, SQUARES_OF_TABLEAU = 3, 5  # Gram matrices that memory is to have room for, copies that are made included


@jax.jit
def moved(rows, source):
    """Rows (m', n) from the positions `source` (m',) of rows (m, n), zeros for positions beyond."""
    return jnp.where((source < len(rows))[:, None], jnp.take(rows, source, axis=0, mode="clip"), 0.0)


@jax.jit
def square_moved(square, source):
    m = len(square)
    at, real = jnp.minimum(source, m - 1), source < m
    return jnp.where(real[:, None] & real, square[at[:, None], at], 0.0)


def _moved_on_host(rows, source):
    """The same by NumPy: compiled, it would be so for every pair of capacities."""
    moved = np.asarray(rows).take(source, axis=0, mode="clip")
    moved[source >= len(rows)] = 0.0
    return jax.device_put(moved)


def _square_moved_on_host(square, source):
    m = len(square)
    moved = np.asarray(square)[np.ix_(np.minimum(source, m - 1), np.minimum(source, m - 1))]
    moved[source >= m] = moved[:, source >= m] = 0.0
    return jax.device_put(moved)


@partial(jax.jit, donate_argnums=(0, 1))
def appended(rows, square, new, first):
    """(rows (m, n) with `new` (b, n) from `first` on, their Gram matrix `square` likewise, its new rows (b, m))."""
    rows = lax.dynamic_update_slice_in_dim(rows, new, first, 0)
    products = jnp.matmul(new.astype(jnp.float64), rows.astype(jnp.float64).T, precision=PRECISION)
    return rows, bordered(square, products, first), products


@partial(jax.jit, donate_argnums=0)
def _placed(rows, new, target):
    """Rows with `new` (b, n) at the positions `target` (b,); those beyond are dropped."""
    return rows.at[target].set(new, mode="drop")


@partial(jax.jit, donate_argnums=0)
def _square_placed(square, rows, new, target):
    """Gram matrix with the products of `new` with all rows at the positions `target`."""
    products = jnp.matmul(new.astype(jnp.float64), rows.astype(jnp.float64).T, precision=PRECISION)
    return square.at[target].set(products, mode="drop").at[:, target].set(products.T, mode="drop")


@jax.jit
def _gram(rows):
    rows = rows.astype(jnp.float64)
    return jnp.matmul(rows, rows.T, precision=PRECISION)


@jax.jit
def _scaled(matrix, of_rows, of_columns):
    return matrix.astype(jnp.float64) * (of_rows[:, None] * of_columns)


@partial(jax.jit, static_argnames="free")
def _averaged(rows, scale, level, root, y, offset, loss, *, free):
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    rows = rows.astype(jnp.float64) * (scale[:, None] * inverse)  # once, not in each product
    return Averaged(jnp.concatenate([rows, jnp.full((free, len(root)), level)]), root**2, y, offset, loss)


@jax.jit
def _fit(x, scale, rows):
    """Fits (B, n [, K]) of coefficients x (B, m [, K]) on the scale of the penalty."""
    x = x * per_row(scale, x[0])
    return jnp.einsum("bm...,mn->bn...", x, rows.astype(x.dtype), precision=PRECISION)


@jax.jit
def _images(x, b0, scale, root, rows):
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)
    return jax.vmap(lambda fit: per_row(inverse, fit) * fit)(_fit(x, scale, rows)) + jnp.sum(b0, axis=1, keepdims=True)


@dataclass(frozen=True)
class Moved:
    """A column set took other positions: `source` (m',) are the positions before, m for none."""

    source: np.ndarray


@dataclass(frozen=True)
class Appended:
    """`count` columns came in from the unused position `first` on, with the rows (b, m) of the Gram matrix."""

    first: int
    count: int
    gram_rows: Any


@dataclass(frozen=True)
class Admitted:
    """`count` columns J (m', p behind them) are to come in from the position `first` on, after others have moved.

    On a device, where one program takes the arrays of the column set and the state of the engine there.
    """

    source: np.ndarray  # (m',) the positions before, m for none
    moves: bool  # whether that is another order
    J: np.ndarray
    first: int
    count: int


class ColumnSet:
    """Columns of an Objective, with absent ones (index p) up to a capacity, so that few shapes are compiled.

    gram: (M, M) of all columns on the device where it is known; then there are no rows
    layout: where blocks of columns stand in tiles; else columns stand in the order in which they came
    tableau: whether there is a tableau, which needs the Gram matrix, grows with it, and follows its positions
    """

    def __init__(self, objective, sizes, gram=None, layout=None, tableau=False):
        self.objective, self.sizes, self.gram_of_all, self.layout = objective, sizes, gram, layout
        self.tableau, self.whole, self.version = tableau, False, 0
        design, capacity = objective.design, sizes.first
        self.together = tableau and design.operator is not None  # a program moves all that a change concerns
        in_numpy = design.placement.on_host and not tableau  # which moves seldom, while the device goes on working
        self._moved = _moved_on_host if in_numpy else moved
        self._square_moved = _square_moved_on_host if in_numpy else square_moved
        if layout is not None:
            capacity = min(layout.in_tiles(capacity), layout.whole_length)
        self.index = np.full(capacity, design.p)
        self.member = np.zeros(design.p, bool)
        self.size, self.full = 0, False  # whether memory has no room for the columns that were wanted last
        self.rows: Any = None if gram is not None else np.zeros((capacity, design.n), design.dtype)
        self.gram: Any = np.zeros((capacity, capacity)) if objective.squared else None

    @classmethod
    def everything(cls, objective, gram=None, length=None):
        """All columns in their order, and absent ones behind them up to `length`, or as `gram` (M, M) has them."""
        columns = cls.__new__(cls)
        p = objective.design.p
        length = (length or p) if gram is None else len(gram)
        columns.objective, columns.sizes, columns.layout = objective, None, None
        columns.gram_of_all, columns.tableau, columns.whole, columns.version = gram, False, True, 0
        columns.index, columns.member = np.minimum(np.arange(length), p), np.ones(p, bool)
        columns.size, columns.full, columns.gram, columns.rows = p, False, gram, None
        return columns

    def with_rows(self):
        """The same with the rows of all columns, or the Gram matrix where that is smaller."""
        if self.gram is None:
            self.rows = jax.device_put(self.objective.design.gather(self.index))
            self.gram = _gram(self.rows) if self._gram_pays(self.capacity) else None
        return self

    @property
    def capacity(self):
        return len(self.index)

    @property
    def real(self):
        """(m,) bool: positions that hold a column."""
        return self.index < self.objective.design.p

    def _gram_pays(self, capacity):
        if not self.objective.squared or self.gram_of_all is not None:
            return self.objective.squared
        wide = WIDE if self.layout is None else 1
        return (
            capacity <= wide * self.objective.design.n
            and 8 * SQUARES * capacity**2 <= self.objective.design.placement.available()
        )

    def _fits(self, capacity):
        """Whether memory has room for a tableau of a capacity."""
        size = 2 * np.dtype(self.objective.design.dtype).itemsize * capacity * self.objective.design.n
        return (
            capacity <= self.capacity
            or 8 * SQUARES_OF_TABLEAU * capacity**2 + size <= self.objective.design.placement.available()
        )

    def admit(self, J, strengths, in_use, least):
        """Take the columns J in as far as there is room: the list of changes.

        strengths: (m,) how much those that are there are wanted; in_use: (m,) positions that have to stay; least:
        strength up to which other columns may go, where there is no tableau that would have to follow
        """
        self.full = False
        J = J[~self.member[J]]
        if not J.size:
            return []
        if not self.tableau:
            return self._relaid(J, strengths, in_use, least)
        source, moves = np.arange(self.capacity), self.size + len(J) > room(self.capacity)
        if moves:
            source = self._make_room(len(J), strengths, in_use)
        J = J[: (self.capacity - self.size) // CHUNK * CHUNK]
        if not moves and not J.size:
            return []
        self.version += 1
        if self.together:
            behind = np.full(self.capacity - len(J), self.objective.design.p)
            return [Admitted(source, moves, np.append(J, behind), self._enter(J), len(J))]
        return [Moved(source)] * moves + list(self._append(J))

    def _enter(self, J):
        first, self.size = self.size, self.size + len(J)
        self.index[first : self.size] = J
        self.member[J] = True
        return first

    def _append(self, J):
        new = self._new_rows(J)
        for start in range(0, len(J), CHUNK):
            chunk = J[start : start + CHUNK]
            first = self._enter(chunk)
            self.rows, self.gram, gram_rows = appended(self.rows, self.gram, new[start : start + CHUNK], first)
            yield Appended(first, len(chunk), gram_rows)

    def _new_rows(self, J):
        """Rows of the columns J and of absent ones up to a whole number of chunks."""
        design = self.objective.design
        return design.gather(np.append(J, np.full(-len(J) % CHUNK, design.p)))

    def _make_room(self, need, strengths, in_use):
        """Drop weak columns that are not in use, or move to a larger capacity if there is one: the positions before."""
        capacity, used = self.capacity, np.flatnonzero(in_use & self.real)
        idle = np.flatnonzero(~in_use & self.real)
        suited = self.sizes.suited(capacity, len(used), need)
        capacity = next(c for c in suited if c <= capacity or self._fits(c))
        self.full = capacity < suited[0]
        left = max(room(capacity) - len(used) - need, 0)
        idle = idle[np.argsort(-strengths[idle], kind="stable")[:left]]
        keep = np.sort(np.concatenate([used, idle]))
        source = np.full(capacity, self.capacity)
        source[: len(keep)] = keep
        self._move(source)
        self.size = len(keep)
        return source

    def _move(self, source):
        before = np.append(self.index, self.objective.design.p)
        self.index = before[source]
        self.member = np.zeros(self.objective.design.p, bool)
        self.member[self.index[self.real]] = True
        if self.together:
            return
        held = len(before) > 1 and bool((source < len(before) - 1).any())
        if self.rows is not None:
            zeros = (len(source), self.objective.design.n)
            self.rows = self._moved(self.rows, source) if held else np.zeros(zeros, self.objective.design.dtype)
        if self.gram is not None and self.gram_of_all is None:
            self.gram = self._square_moved(self.gram, source) if held else np.zeros((len(source), len(source)))

    def _relaid(self, J, strengths, in_use, least):
        """The columns in use, those stronger than `least`, and J: in this order, so that few tiles hold the first."""
        p, before = self.objective.design.p, self.capacity
        active, wanted = np.zeros(p, bool), np.zeros(p, bool)
        active[self.index[in_use & self.real]] = True
        wanted[self.index[(strengths > least) & self.real]] = True
        wanted |= active
        wanted[J] = True
        if self.layout is not None:
            wanted, active = self.layout.whole(wanted), self.layout.whole(active)
        stay = np.flatnonzero(self.real)
        stay = stay[wanted[self.index[stay]]]
        stay = stay[np.argsort(~active[self.index[stay]], kind="stable")]
        new = np.flatnonzero(wanted & ~self.member)
        at, capacity = self._positions(np.concatenate([self.index[stay], new]))
        source = np.full(capacity, before)
        source[at[: len(stay)]] = stay
        had_gram = self.gram is not None
        if had_gram and not self._gram_pays(capacity):
            self.gram = None
        self._move(source)
        target = at[len(stay) :]
        self.index[target] = new
        self.member[new] = True
        if self.gram_of_all is not None:
            self.gram = self._square_moved(self.gram_of_all, np.where(self.real, self.index, len(self.gram_of_all)))
        else:
            self._place(new, target, capacity, had_gram)
        self.size, self.version = int(self.real.sum()), self.version + 1
        return [Moved(source)]

    def _positions(self, J):
        """(positions of the columns J, a capacity for them)."""
        if self.layout is None:
            return np.arange(len(J)), self.sizes.suited(self.capacity, 0, len(J))[0]
        at = self.layout.placed(J)
        needed = self.layout.length(at)
        suited = self.layout.in_tiles(self.sizes.suited(self.capacity, 0, needed)[0])
        return at, max(needed, min(suited, self.layout.whole_length))

    def _place(self, J, target, capacity, had_gram):
        rows = self._new_rows(J)
        target = np.append(target, np.full(len(rows) - len(J), capacity))
        for start in range(0, len(J), CHUNK):
            part = slice(start, start + CHUNK)
            self.rows = _placed(self.rows, rows[part], target[part])
            if self.gram is not None:
                self.gram = _square_placed(self.gram, self.rows, rows[part], target[part])
        if not had_gram and self._gram_pays(capacity):
            self.gram = _gram(self.rows)

    def gathered(self, values, absent):
        """`values` (p, ...) of the columns, `absent` for absent ones."""
        columns = np.take(values, self.index, axis=0, mode="clip")
        return np.where(self.real.reshape(-1, *[1] * (columns.ndim - 1)), columns, absent)

    def spread(self, x, axis=0):
        """Coefficients of all p columns from those (m,) along an axis of x."""
        x = np.moveaxis(np.asarray(x), axis, 0)
        columns = np.zeros((self.objective.design.p, *x.shape[1:]), x.dtype)
        columns[self.index[self.real]] = x[self.real]
        return np.moveaxis(columns, 0, axis)

    def positions(self, length):
        """The position (length,) of every column, the capacity for those that have none and for absent ones behind."""
        positions = np.full(length, self.capacity)
        positions[self.index[self.real]] = np.flatnonzero(self.real)
        return positions

    @property
    def scale(self):
        return self.gathered(self.objective.scale, 0.0)

    @property
    def level(self):
        """The constant column of b0: as large as the largest other one, so that b0 takes steps of the same length."""
        return float(self.scale.max(initial=0.0)) or 1.0

    def smooth(self):
        """The smooth part of the objective on the scale of the penalty, on the device."""
        objective, scale = self.objective, self.scale
        if not objective.squared:
            of_rows = objective.root, objective.y, objective.offset, objective.loss
            return _averaged(self.rows, scale, self.level, *of_rows, free=objective.free)
        corr = self.gathered(objective.corr, 0.0)
        corr = jax.device_put(corr * per_row(scale, corr))
        if self.gram is not None:
            return Quadratic(_scaled(self.gram, scale, scale), corr)
        return Factored(_scaled(self.rows, scale, np.ones(objective.design.n)), corr)

    def penalty(self):
        """The penalty of these columns."""
        penalty = self.objective.penalty
        return penalty.restrict(self.index) if penalty.screens else penalty

    def joined(self, b, b0):
        """What the smooth part is a function of: coefficients b (p, ...) and b0 (0 or 1, ...) on its level."""
        return np.concatenate([self.gathered(b, 0.0), b0 / self.level])

    def parted(self, joined):
        """(coefficients (B, m, ...), b0 (B, 0 or 1, ...)) of solutions (B, m + 0 or 1, ...)."""
        return joined[:, : self.capacity], joined[:, self.capacity :] * self.level

    def images(self, x, b0):
        """eta - offset (B, n [, K]) of solutions x (B, m [, K]) with intercepts b0 (B, 0 or 1 [, K])."""
        return _images(x, b0, self.scale, self.objective.root, self.rows)

    def fitted(self, solved):
        """Fits (B, n [, K]) of solved points: times root for the squared loss, else eta - offset."""
        if not self.objective.squared:
            return solved.images
        if self.rows is not None:
            return _fit(solved.x, self.scale, self.rows)
        x = np.moveaxis(np.asarray(solved.x) * per_row(self.scale, solved.x[0]), 1, -1)  # responses as more points
        fit = np.asarray(self.objective.design.predict(x.reshape(-1, x.shape[-1])))
        return np.moveaxis(fit.reshape(*x.shape[:-1], -1), -1, 1)
