"""Principal pivot transforms of a positive definite matrix, by blocks of static size.

For H x = b and an active set A the principal pivot transform M maps [b_A ; x_I] to [x_A ; b_I]:

    M = [  H_AA^-1         -H_AA^-1 H_AI                ]
        [  H_IA H_AA^-1     H_II - H_IA H_AA^-1 H_AI    ]

With the signs J = diag(j), j = -1 on A and 1 on I, J M is symmetric (the sweep operator), and so is T = J M - J. When
the indices D change sides, with j as it was before,

    T <- T - T_:D (T_DD + J_D)^-1 T_D:        M u = u + J T u

a symmetric update of low rank and nothing else. T is kept as base - F' diag(s) F with s = 1 or -1: an exchange of few
indices appends rows to F, which touches little memory, and many exchanges go into the base at once, in one product.
The update has the same bits on both sides of the diagonal: where they differed by rounding, exchanges of a thousand
columns lost so many digits that the tableau had to be rebuilt.

Source: Tucker (1960), "A combinatorial equivalence of matrices"; Tsatsomeros (2000), "Principal pivot
transforms: properties and applications", eq. (2); Goodnight (1979), "A tutorial on the SWEEP operator". With H positive
definite every principal minor of M is positive, so any set of indices may change sides. Delayed updates: McDaniel et
al. (2017), "Delayed Slater determinant update algorithms for high efficiency quantum Monte Carlo", J. Chem. Phys. 147.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SMALL_TABLEAU = 256  # size up to which the updates of few indices are the quicker ones
AT_ONCE_IN_SMALL, AT_ONCE = 8, 16  # indices that change sides at once, at most: in a small tableau, and beyond
DELAY = 8  # the factor goes into the base when its rank is about the DELAY-th part of the size


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Delayed:
    """The matrix T = base - factor' diag(signs) factor, of which the first `used` rows of the factor are in use."""

    base: Float[Array, "m m"]
    factor: Float[Array, "r m"]
    signs: Float[Array, " r"]
    used: Int[Array, ""]


def at_once(m: int) -> int:
    """How many indices change sides at once, at most."""
    return min(m, AT_ONCE_IN_SMALL if m <= SMALL_TABLEAU else AT_ONCE)


def delay(m: int) -> int:
    """Rows r of the factor: the rank that goes into the base at once."""
    return max(2 * AT_ONCE, m // DELAY // AT_ONCE * AT_ONCE)


def delayed(base: Any, xp: Any = jnp) -> Delayed:
    """T = base (m, m) without a factor, in arrays of `xp`; with no index active T is H - 1.

    An unused index has zeros there, as if its column were orthogonal to all others.
    """
    m = base.shape[0]
    return Delayed(base, xp.zeros((delay(m), m), base.dtype), xp.zeros(delay(m), base.dtype), xp.zeros((), np.int32))


def applied(T: Delayed) -> Delayed:
    """T with its factor gone into the base."""
    # written out: as an operand that is read across, it makes the product take twice the time
    left = lax.optimization_barrier((T.signs[:, None] * T.factor).T)
    return delayed(T.base - left @ T.factor)


def has_room(T: Delayed) -> Bool[Array, ""]:
    """Whether the factor has rows left for one more exchange."""
    return T.used <= delay(len(T.base)) - at_once(len(T.base))


def with_room(T: Delayed) -> Delayed:
    """T, with its factor gone into the base if that is full."""
    return lax.while_loop(lambda T: ~has_room(T), applied, T)  # a loop of at most one turn: lax.cond copies the base


def times(T: Delayed, u: Float[Array, " m"]) -> Float[Array, " m"]:
    """T u."""
    return T.base @ u - (T.signs * (T.factor @ u)) @ T.factor


def transform(active: Bool[Array, " m"], u: Float[Array, " m"], Tu: Float[Array, " m"]) -> Float[Array, " m"]:
    """M u from T u."""
    return u + jnp.where(active, -Tu, Tu)


def _guarded_factor(P, sign, floor, count):
    """(C, accepted): C' diag(sign) C is the inverse of the block of P that the guard accepts, zero elsewhere.

    Gaussian elimination on the first `count` diagonal entries in turn; the pivots have the signs `sign` (k,). A
    pivot below `floor` (k,) is rounding error, and one that an earlier pivot of the same block has reduced a
    thousandfold belongs to a near copy of that column: both are left for a later block. Written in plain JAX because a
    LAPACK call inside a compiled loop waits for a second thread pool.
    """
    k = P.shape[0]
    index = jnp.arange(k)
    reference = 1e-3 * sign * jnp.diagonal(P)

    def step(i, carry):
        S, accepted = carry
        pivot = S[i, i]
        sound = (sign[i] * pivot > floor[i]) & ((i == 0) | (sign[i] * pivot > reference[i]))
        multiplier = jnp.where(sound & (index > i), S[:, i] / jnp.where(sound, pivot, 1.0), 0.0)
        return S - multiplier[:, None] * S[i], accepted | ((index == i) & sound)

    start = jnp.concatenate([P, jnp.eye(k, dtype=P.dtype)], axis=1), jnp.zeros(k, bool)
    S, accepted = lax.fori_loop(0, count, step, start)
    pivots = jnp.where(accepted, sign * jnp.diagonal(S), 1.0)
    C = jnp.where(accepted[:, None] & accepted, S[:, k:], 0.0) / jnp.sqrt(pivots)[:, None]
    return C, accepted


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Exchange:
    """What an exchange of the indices D did to products with T: T <- T - factor' diag(signs) factor."""

    D: Int[Array, " k"]
    accepted: Bool[Array, " m"]  # the indices that changed sides
    number: Int[Array, ""]  # of these
    rows: Float[Array, "k m"]  # T[D] before
    factor: Float[Array, "k m"]
    signs: Float[Array, " k"]

    def times(self, Tu: Float[Array, " m"], u: Float[Array, " m"], change: Float[Array, " m"]) -> Float[Array, " m"]:
        """T u after the exchange, given Tu = T (u - change) before it; the change is zero off D."""
        return Tu + change[self.D] @ self.rows - (self.signs * (self.factor @ u)) @ self.factor


def _rows(square, D):
    """square[D], as slices: the compiler takes a gather for work on all of `square`, and divides it among threads."""
    return jnp.concatenate([lax.dynamic_slice_in_dim(square, D[i], 1) for i in range(len(D))])


def exchange(
    T: Delayed, active: Bool[Array, " m"], D: Int[Array, " k"], count: Int[Array, ""], floor: Float[Array, " m"]
) -> tuple[Delayed, Exchange]:
    """(T, Exchange) after the first `count` indices of D have changed sides, as far as the guard accepts them."""
    m = active.shape[0]
    rows = _rows(T.base, D) - (T.signs[:, None] * T.factor[:, D]).T @ T.factor
    signs = jnp.where(active[D], -1.0, 1.0)
    C, accepted = _guarded_factor(rows[:, D] + jnp.diag(signs), signs, floor[D], count)
    factor = C @ rows
    T = Delayed(
        T.base,
        lax.dynamic_update_slice_in_dim(T.factor, factor, T.used, 0),
        lax.dynamic_update_slice_in_dim(T.signs, signs, T.used, 0),
        T.used + count,
    )
    changed = jnp.any((jnp.arange(m) == D[:, None]) & accepted[:, None], axis=0)  # a scatter would be a loop
    return T, Exchange(D, changed, jnp.sum(accepted, dtype=jnp.int32), rows, factor, signs)


def append(T: Delayed, active: Bool[Any, " m"], rows: Float[Any, "b m"], first: Int[Any, ""]) -> Delayed:
    """T with new inactive variables from the unused position `first` on, from their rows of H - 1.

    By the Schur complement. Rows of zeros are padding.
    """
    b, m = rows.shape
    index = jnp.arange(m)
    new = (first <= index) & (index < first + b)
    onto_active = jnp.where(active, rows, 0.0)
    # onto_active M: H_JA H_AA^-1 on A, -H_JA H_AA^-1 H_AI on the inactive
    X = onto_active - (onto_active @ T.base - (onto_active @ T.factor.T * T.signs) @ T.factor)
    corner = jnp.where(active, X, 0.0) @ onto_active.T
    corner = (corner + corner.T) / 2
    corner = lax.dynamic_update_slice_in_dim(jnp.zeros_like(rows), corner, first, 1)
    rows = jnp.where(active, X, rows + jnp.where(new, -corner, X))
    return replace(T, base=bordered(T.base, rows, first))


def bordered(square: Float[Array, "m m"], rows: Float[Array, "b m"], first: Int[Array, ""]) -> Float[Array, "m m"]:
    """The symmetric matrix `square` with `rows` as its rows, and as its columns, from the position `first` on."""
    square = lax.dynamic_update_slice_in_dim(square, rows, first, 0)
    return lax.dynamic_update_slice_in_dim(square, rows.T, first, 1)


def restricted(T: Delayed, index: Int[Array, " m2"], real: Bool[Any, " m2"]) -> Delayed:
    """T of the positions `index` where `real`; the other positions are unused."""
    base = applied(T).base[index[:, None], index[None, :]]
    return delayed(jnp.where(real[:, None] & real[None, :], base, 0.0))
