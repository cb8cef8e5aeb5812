"""Principal pivot transforms of a positive definite matrix, by blocks of static size.

For H x = b and an active set A the tableau M maps [b_A ; x_I] to [x_A ; b_I]:

    M = [  H_AA^-1         -H_AA^-1 H_AI                ]
        [  H_IA H_AA^-1     H_II - H_IA H_AA^-1 H_AI    ]

It is kept as base - left @ right: an exchange of few indices appends to the two factors, which touches little
memory, and many exchanges go into the base at once, in one product.

Source: Tucker (1960), "A combinatorial equivalence of matrices"; Tsatsomeros (2000), "Principal pivot
transforms: properties and applications", eq. (2). With H positive definite every principal minor of M is
positive, so any set of indices may change sides. Delayed updates: McDaniel et al. (2017), "Delayed Slater
determinant update algorithms for high efficiency quantum Monte Carlo", J. Chem. Phys. 147.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

SMALL, FEW, MANY = 256, 8, 16  # at most FEW indices change sides at once up to the size SMALL, beyond it MANY
DELAY = 8  # a rank of the m-th part of this goes into the base at once


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Delayed:
    """The tableau base - left @ right of which the first `used` columns of `left` are in use."""

    base: jax.Array  # (m, m)
    left: jax.Array  # (m, r)
    right: jax.Array  # (r, m)
    used: jax.Array  # ()


def at_once(m):
    """How many indices change sides at once, at most."""
    return min(m, FEW if m <= SMALL else MANY)


def delay(m):
    """Rank that goes into the base at once."""
    return max(2 * MANY, m // DELAY // MANY * MANY)


def delayed(M, xp=jnp):
    m = M.shape[0]
    return Delayed(M, xp.zeros((m, delay(m)), M.dtype), xp.zeros((delay(m), m), M.dtype), xp.zeros((), np.int32))


def applied(T):
    """T with its factors gone into the base."""
    return delayed(T.base - T.left @ T.right)


def has_room(T):
    return T.used <= delay(len(T.base)) - at_once(len(T.base))


def with_room(T):
    """T, its factors applied if they are full."""
    return lax.while_loop(lambda T: ~has_room(T), applied, T)  # a loop of at most one turn: lax.cond copies the base


def product(T, u):
    return T.base @ u - T.left @ (T.right @ u)


def _guarded_inverse(S, floor, count):
    """Inverse of the principal block of S that the guard accepts, zero elsewhere.

    Gauss-Jordan on the first `count` diagonal entries in turn. A pivot below `floor` is rounding error, and
    one that an earlier pivot of the same block has reduced a thousandfold belongs to a near copy of that
    column: both are left for a later block. Written in plain JAX because a LAPACK call inside a
    compiled loop waits for a second thread pool.
    """
    k = S.shape[0]
    index = jnp.arange(k)
    reference = 1e-3 * jnp.diagonal(S)

    def step(i, carry):
        S, accepted = carry
        pivot = S[i, i]
        ok = (pivot > floor[i]) & ((i == 0) | (pivot > reference[i]))
        here = index == i
        row = jnp.where(here, 1.0, S[i]) / jnp.where(ok, pivot, 1.0)
        rest = jnp.where(here[None, :], 0.0, S) - jnp.where(here, 0.0, S[:, i])[:, None] * row[None, :]
        return jnp.where(ok, jnp.where(here[:, None], row[None, :], rest), S), accepted | (here & ok)

    S, accepted = lax.fori_loop(0, count, step, (S, jnp.zeros(k, bool)))
    return jnp.where(accepted[:, None] & accepted[None, :], S, 0.0), accepted


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Exchange:
    """What an exchange of the indices D did to products with the tableau."""

    D: jax.Array  # (k,)
    accepted: jax.Array  # (m,) bool, those that changed sides
    number: jax.Array  # () how many these are
    cols: jax.Array  # (k, m) M[:, D]' before
    left: jax.Array  # (m, k)
    right: jax.Array  # (k, m)

    def product(self, v, u, change):
        """M u after the exchange, given v = M (u - change) before it; the change is zero off D."""
        return v + self.cols @ change[self.D] - self.left @ (self.right @ u)


def exchange(T, active, D, count, floor):
    """(tableau, Exchange) after the first `count` indices of D have changed sides, as far as the guard accepts them.

    M <- M - (M[:, D] + E) (M[D, D])^-1 (M[D, :] - E')
    """
    m = active.shape[0]
    rows, cols = T.base[D] - T.left[D] @ T.right, T.base[:, D] - T.left @ T.right[:, D]
    # the same block twice: what depends on both lets the compiler update the factors in place
    inverse, accepted = _guarded_inverse((rows[:, D] + cols[D]) / 2, floor[D], count)
    E = ((jnp.arange(m)[:, None] == D[None, :]) & accepted[None, :]).astype(rows.dtype)
    left, right = (cols + E) @ inverse, rows - E.T
    T = Delayed(
        T.base,
        lax.dynamic_update_slice_in_dim(T.left, left, T.used, 1),
        lax.dynamic_update_slice_in_dim(T.right, right, T.used, 0),
        T.used + count,
    )
    changed = jnp.zeros(m, bool).at[jnp.where(accepted, D, m)].set(True, mode="drop")
    return T, Exchange(D, changed, jnp.sum(accepted, dtype=jnp.int32), cols, left, right)


def append(T, active, H_rows, first):
    """Tableau with new inactive variables from the unused position `first` on, given their rows H_rows (b, m) of H.

    Rows of zeros are padding. By the Schur complement.
    """
    b, m = H_rows.shape
    index = jnp.arange(m)
    new = (first <= index) & (index < first + b)
    onto_active = jnp.where(active, H_rows, 0.0)
    X = onto_active @ T.base - (onto_active @ T.left) @ T.right  # H_JA H_AA^-1 on A, -H_JA H_AA^-1 H_AI on the inactive
    corner = jnp.where(active, X, 0.0) @ onto_active.T
    corner = lax.dynamic_update_slice_in_dim(jnp.zeros_like(H_rows), -corner, first, 1)
    rows = jnp.where(active, X, H_rows + jnp.where(new, corner, X))
    return replace(T, base=bordered(T.base, rows, jnp.where(active, -rows, rows), first))


def bordered(square, rows, columns, first):
    """`square` with `rows` (b, m) and `columns` (b, m) from the position `first` on."""
    square = lax.dynamic_update_slice_in_dim(square, rows, first, 0)
    return lax.dynamic_update_slice_in_dim(square, columns.T, first, 1)


def kept(T, index, real):
    """Tableau of the positions `index` (m2,) where `real`, zero elsewhere."""
    base = applied(T).base[index[:, None], index[None, :]]
    return delayed(jnp.where(real[:, None] & real[None, :], base, 0.0))
