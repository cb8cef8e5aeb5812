"""Principal pivot transforms of a positive definite matrix, by blocks of static size.

For H x = b and an active set A the tableau M maps [b_A ; x_I] to [x_A ; b_I]:

    M = [  H_AA^-1         -H_AA^-1 H_AI                ]
        [  H_IA H_AA^-1     H_II - H_IA H_AA^-1 H_AI    ]

Source: Tucker (1960), "A combinatorial equivalence of matrices"; Tsatsomeros (2000), "Principal pivot
transforms: properties and applications", eq. (2). With H positive definite every principal minor of M is
positive, so any set of indices may change sides.
"""

import jax.numpy as jnp
from jax import lax

BLOCK = 16  # rank of one update


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


def exchange(M, D, count, floor):
    """Let the first `count` indices of D change sides: one update of rank len(D).

    M <- M - (M[:, D] + E)(M[D, D])^-1 (M[D, :] - E')

    Returns the new tableau, and the mask (m,) and the number of the indices that the guard accepted.
    """
    m = M.shape[0]
    rows, cols = M[D], M[:, D]
    inverse, accepted = _guarded_inverse(rows[:, D], floor[D], count)
    E = ((jnp.arange(m)[:, None] == D[None, :]) & accepted[None, :]).astype(M.dtype)
    M = M - (cols + E) @ (inverse @ (rows - E.T))
    changed = jnp.zeros(m, bool).at[jnp.where(accepted, D, m)].set(True, mode="drop")
    return M, changed, jnp.sum(accepted, dtype=jnp.int32)


def append(M, active, H_rows, at):
    """Tableau with new inactive variables at the unused positions `at` (b,), given their rows H_rows (b, m) of H.

    Positions equal to m are padding. Two products, by the Schur complement.
    """
    m = M.shape[0]
    new = jnp.zeros(m, bool).at[at].set(True, mode="drop")
    onto_active = jnp.where(active, H_rows, 0.0)
    T = onto_active @ M  # H_JA H_AA^-1 on A, -H_JA H_AA^-1 H_AI on the inactive
    corner = jnp.zeros_like(H_rows).at[:, at].set(-jnp.where(active, T, 0.0) @ onto_active.T, mode="drop")
    rows = jnp.where(active, T, H_rows + jnp.where(new, corner, T))
    M = M.at[at].set(rows, mode="drop")
    return M.at[:, at].set(jnp.where(active, -rows, rows).T, mode="drop")
