"""The working set of a screened path: some columns of the design, their Gram matrix and their tableau.

All arrays have the length of a capacity from a short ladder, so that the compiled kernels never see n or p.
"""

import dataclasses
from functools import partial
from itertools import takewhile

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg import _memory
from jaxreg._design import PRECISION
from jaxreg.solvers.pivot import Reduced, append_columns, empty_tableau, keep_columns, solve_block

CAPACITIES = (64, 128, 256, 384, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192)  # then in such steps
SQUARES = 5  # matrices of a working set, copies that are made of them included
CHUNK = 64  # columns that are appended at once
BUDGET = 16  # updates at a lambda behind the first of a block: columns may be missing that would make it easy
FEW = 1152  # columns of which the working set holds most: on real data, what was let go often comes back
MOST_OF_ALL = 0.6
FILL = 0.9  # a capacity is left when a larger share is needed
ACTIVE = 0.7  # with a ridge part also when a larger share is active, since n does not bound that
SMALLEST, SMALLEST_RIDGE = 256, 384  # capacity to begin with, without and with a ridge part


def _capacities():
    """The ladder, without an end: beyond CAPACITIES by a half and a third in turn, as their last steps are."""
    yield from CAPACITIES
    last = CAPACITIES[-1]
    while True:
        yield last + last // 2
        last *= 2
        yield last


def capacity_for(size):
    """Smallest capacity that holds `size` columns."""
    return next(c for c in _capacities() if c >= size)


def _room(capacity):
    """Columns up to which it is filled: a whole chunk more has to fit."""
    return min(int(FILL * capacity), capacity - CHUNK)


def _capacity_steps(n, p, need, smallest):
    """(saturated, all): the capacity that suffices for a lasso on n rows, and those that a path may go through.

    Few below the first: each costs a compilation. The last one has room for all p columns.
    """
    most = MOST_OF_ALL * p if p <= FEW else 0
    saturated = next(c for c in _capacities() if _room(c) >= max(min(1.05 * n + CHUNK, p), need, most))
    below = {max(smallest, capacity_for(saturated / 4))}
    if saturated >= 1024:
        below.add(capacity_for(saturated / 2))
    reachable = sorted(c for c in below if 1.5 * c < saturated and need <= _room(c))
    last = next(c for c in _capacities() if _room(c) >= max(p, need) and c >= saturated)
    between = takewhile(lambda c: c <= last, _capacities())
    return saturated, reachable + [c for c in between if c >= saturated]


@partial(jax.jit, donate_argnums=0)
def _extend(rows, new, first):
    """(rows (m, n) with `new` (b, n) from `first` on, Gram matrix (b, m) of the two in float64)."""
    rows = lax.dynamic_update_slice_in_dim(rows, new, first, 0)
    gram = jnp.matmul(new.astype(jnp.float64), rows.astype(jnp.float64).T, precision=PRECISION)
    return rows, gram


@jax.jit
def _keep_rows(rows, keep):
    m = rows.shape[0]
    return jnp.where((keep < m)[:, None], rows[jnp.minimum(keep, m - 1)], 0.0)


@jax.jit
def _fit(x, rows):
    return jnp.matmul(x, rows.astype(x.dtype), precision=PRECISION)


@jax.jit
def _relinearised(gram, x, h):
    return gram @ x + h


class WorkingSet:
    """Columns of `problem` with the tableau of the ones that are active."""

    def __init__(self, problem, l1_ratio, need):
        self.problem, self.l1_ratio = problem, l1_ratio
        smallest = SMALLEST if l1_ratio == 1.0 else SMALLEST_RIDGE
        self.saturated, self.steps = _capacity_steps(problem.design.n, problem.design.p, need, smallest)
        capacity = self.steps[0]
        self.member = np.zeros(problem.design.p, bool)
        self.size, self.full = 0, False  # whether memory has no room for the columns that were wanted last
        self.columns = np.full(capacity, problem.design.p)
        self.tableau = empty_tableau(capacity)
        self.gram = np.zeros((capacity, capacity))
        self.rows = np.zeros((capacity, problem.design.n), problem.design.dtype)
        self.corr = problem.corr

    @property
    def capacity(self):
        return len(self.columns)

    def active_count(self):
        return int(np.asarray(self.tableau.face.active).sum())

    def _gathered(self, values, absent):
        real = self.columns < self.problem.design.p
        return np.where(real, values[np.where(real, self.columns, 0)], absent)

    def add(self, J, strength):
        """Take the columns J in as far as they fit; `strength` (p,) ranks what may be dropped. True if any came in."""
        before, self.full = self.member[J].sum(), False
        if self.size + len(J) > _room(self.capacity):
            self._make_room(len(J), strength)
        for start in range(0, len(J), CHUNK):
            if self.size + CHUNK <= self.capacity:
                self._append(J[start : start + CHUNK])
        return self.member[J].sum() > before

    def _append(self, chunk):
        p, first, count = self.problem.design.p, self.size, len(chunk)
        padded = np.full(CHUNK, p)
        padded[:count] = chunk
        self.size += count
        self.columns[first : self.size] = chunk
        self.member[chunk] = True
        self.rows, gram_rows = _extend(self.rows, self.problem.design.gather(padded), first)
        l2_factor = self._gathered(self.problem.l2_factor, 0.0)
        self.tableau, self.gram = append_columns(
            self.tableau, self.gram, gram_rows, first, count, l2_factor, self.l1_ratio
        )

    def _suits(self, capacity, in_use, need):
        """Whether `capacity` holds `need` columns more than those in use, which are not too large a part of it."""
        share = 1.0 if self.l1_ratio == 1.0 else ACTIVE
        return in_use + need <= _room(capacity) and in_use + min(need, capacity // 16) <= share * capacity

    def _fits(self, capacity):
        """Whether memory has room for a capacity."""
        needed = 8 * SQUARES * capacity**2 + 2 * self.rows.dtype.itemsize * capacity * self.problem.design.n
        return capacity <= self.capacity or needed <= _memory.available()

    def _make_room(self, need, strength):
        """Drop weak inactive columns, or move to a larger capacity if there is one.

        From the capacity of a saturated lasso on it moves only where the active columns fill the present one:
        what is left out now comes in when it violates.
        """
        in_use = np.asarray(self.tableau.face.active) | (np.asarray(self.tableau.x) != 0)
        in_use |= np.asarray(self.tableau.face.pinned) != 0
        in_use |= self._gathered(self.problem.l1_factor, np.inf) == 0  # never screened, so never let go
        idle = np.flatnonzero(~in_use[: self.size])
        in_use = np.flatnonzero(in_use)
        capacity = self.capacity
        if capacity < self.saturated or not self._suits(capacity, len(in_use), min(need, capacity // 16)):
            wanted = next((c for c in self.steps if self._suits(c, len(in_use), need)), self.steps[-1])
            capacity = max((c for c in self.steps if c <= wanted and self._fits(c)), default=capacity)
            self.full = capacity < wanted
        room = max(_room(capacity) - len(in_use) - need, 0)
        idle = idle[np.argsort(-strength[self.columns[idle]], kind="stable")[:room]]
        keep = np.sort(np.concatenate([in_use, idle]))
        padded = np.full(capacity, self.capacity)
        padded[: len(keep)] = keep
        self.tableau, self.gram = keep_columns(self.tableau, self.gram, padded)
        self.rows = _keep_rows(self.rows, padded)
        columns = np.full(capacity, self.problem.design.p)
        columns[: len(keep)] = self.columns[keep]
        self.columns, self.size = columns, len(keep)
        self.member[:] = False
        self.member[columns[: self.size]] = True

    def start_from(self, b):
        """Put the coefficients b (p,) in as the starting point."""
        x = self._gathered(b, 0.0)
        self.tableau = dataclasses.replace(self.tableau, x=x, lam_ref=np.array(np.inf))

    def solve(self, lambdas, count, max_iter):
        """(x (B, m), updates (B,), number solved) at the first `count` lambdas, or up to one that is costly."""
        reduced = Reduced(
            self.gram,
            self._gathered(self.corr, 0.0),
            self._gathered(self.problem.l1_factor, np.inf),
            self._gathered(self.problem.l2_factor, 0.0),
            self._gathered(self.problem.lower, -np.inf),
            self._gathered(self.problem.upper, np.inf),
        )
        self.tableau, x, updates, solved = solve_block(
            self.tableau, reduced, lambdas, count, self.l1_ratio, max_iter, BUDGET
        )
        return x, updates, int(solved)

    def fit(self, x):
        """Fitted values (B, n) of coefficients x (B, m)."""
        return _fit(x, self.rows)

    def relinearised(self, x, h):
        """Correlations (p,) that make the residual correlations h (p,) of x (m,), of the columns held now, exact.

        Where h is more accurate than the Gram matrix, to go on with them is one step of iterative refinement.
        """
        local = np.asarray(_relinearised(self.gram, x, self._gathered(h, 0.0)))
        corr = self.corr.copy()
        corr[self.columns[: self.size]] = local[: self.size]
        return corr
