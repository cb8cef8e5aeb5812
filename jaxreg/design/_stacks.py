"""Lanes whose Gram matrices are made on the device, all at once: as `_lanes` makes them one by one on a host.

Two programs, whatever the number of folds: one for the moments of rows, of which the sums come to the host in one
answer, and one for the matrices of the lanes, which stay.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._capacities import capacity_for
from jaxreg.design._lanes import Sums


def stacked_moments(base, responses, counts, total):
    """(the stack (F, p, p) of A diag(counts) A', a list of Sums, the diagonal (p,) of a matrix `total`).

    counts (F, n), of which those other than 0 are few; responses (R, n)
    """
    rows = [np.flatnonzero(of_part) for of_part in counts]
    index = np.zeros((len(rows), capacity_for(max(map(len, rows)))), int)  # few lengths are compiled
    taken = np.zeros(index.shape)
    for f, J in enumerate(rows):
        index[f, : len(J)], taken[f, : len(J)] = J, counts[f][J]
    root, y = base.root[index], np.moveaxis(responses[:, index], 0, 1)  # (F, m), (F, R, m)
    right = (root * taken)[:, None] * np.concatenate([np.ones_like(root)[:, None], y], axis=1)
    stack, products = base.moments_of_parts(index, taken, right)
    products, *diagonals = jax.device_get((products, *_diagonals(stack, total)))
    weight = root**2 * taken
    levels = weight.sum(axis=1), np.einsum("frm,fm->fr", y, weight), np.einsum("frm,fm->fr", y**2, weight)
    sums = [
        Sums(p[0], squares, p[1:], *of_y) for p, squares, *of_y in zip(products, diagonals[0], *levels, strict=True)
    ]
    return stack, sums, diagonals[1]


def lane_grams(lanes, total, stack, differ, weight):
    """The stack (F, p, p) of A_k A_k' of F lanes, from their second moments times their weights (F,).

    These are a matrix of the `stack`, or what it differs by from `total` (p, p) where `differ` (F,).
    """
    shift, inverse = (np.stack([getattr(lane, name) for lane in lanes]) for name in ("shift", "inverse"))
    grams = _lane_grams(total, stack, differ, weight, shift, inverse)
    exact = [(f, lane) for f, lane in enumerate(lanes) if lane.exact_rows.any()]  # a constant column has zeros already
    if not exact:
        return grams
    asked = np.concatenate([lane.to_base(lane.exact_rows) for _, lane in exact])
    answers = np.split(
        np.asarray(lanes[0].base.correlate(asked)), np.cumsum([len(lane.exact) for _, lane in exact])[:-1]
    )
    rows = [lane.from_base(H, lane.exact_rows) for (_, lane), H in zip(exact, answers, strict=True)]
    of_lane = np.concatenate([np.full(len(lane.exact), f) for f, lane in exact])
    columns = np.concatenate([lane.exact for _, lane in exact])
    return _with_rows(grams, of_lane, columns, np.concatenate(rows))


@jax.jit
def with_others(stack, at, others):
    """The stack with the matrices `others` at some places (k,)."""
    return stack.at[at].set(others)


@jax.jit
def _diagonals(stack, total):
    return jnp.diagonal(stack, axis1=1, axis2=2), jnp.diagonal(total)


@jax.jit
def _lane_grams(total, stack, differ, weight, shift, inverse):
    def outer(rows):
        return rows[:, :, None] * rows[:, None, :]

    second = jnp.where(differ[:, None, None], total - stack, stack) / weight[:, None, None]
    return (second - outer(shift)) * outer(inverse)


@jax.jit
def _with_rows(grams, at, columns, rows):
    return grams.at[at, columns].set(rows).at[at, :, columns].set(rows)
