"""Lanes whose Gram matrices are made on the device, all at once: as `_lanes` makes them one by one on a host.

Few programs, whatever the number of folds: the rows of all, their moments, of which the sums come to the host in one
answer, and the matrices of the lanes, which stay.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._capacities import capacity_for
from jaxreg.design._base import PRECISION
from jaxreg.design._lanes import Sums

TAKEN = 2**26  # numbers of A in the rows of which moments are taken at once: 0.5 GB, and as much for intermediate ones


def stacked_moments(base, responses, counts, total, differ, directions):
    """(the stack (F, p, p) of A diag(counts) A', a list of Sums, the diagonal (p,) of a matrix `total` (m, m), along).

    counts (F, n), of which those other than 0 are few; responses (R, n). The lanes are of these rows, or where they
    `differ` (F,) of all others, whose moments are what is left of `total`; `along` (F, k, p) is what `lane_products`
    takes of Directions (k, p).
    """
    parts = [np.flatnonzero(of_part) for of_part in counts]
    index = np.zeros((len(parts), capacity_for(max(map(len, parts)))), int)  # few lengths are compiled
    taken = np.zeros(index.shape)
    for f, J in enumerate(parts):
        index[f, : len(J)], taken[f, : len(J)] = J, counts[f][J]
    root, y = base.root[index], np.moveaxis(responses[:, index], 0, 1)  # (F, m), (F, R, m)
    right = (root * taken)[:, None] * np.concatenate([np.ones_like(root)[:, None], y], axis=1)
    weight = root**2 * taken
    levels = weight.sum(axis=1), np.einsum("frm,fm->fr", y, weight), np.einsum("frm,fm->fr", y**2, weight)
    of_lanes = differ, np.where(differ, 1 - levels[0], levels[0])
    columns = jax.device_put((directions, base.columns.norm))
    at_once = max(1, TAKEN // (base.p * index.shape[1]))
    stacks, answers = [], []
    for part in np.array_split(np.arange(len(parts)), -(-len(parts) // at_once)):
        rows, lanes = jax.device_put(((index[part], taken[part], right[part]), [values[part] for values in of_lanes]))
        stack, *answer = _moments(base.operator, *rows, total, *columns, *lanes)
        stacks.append(stack)
        answers.append(answer)
    stack = stacks[0] if len(stacks) == 1 else jnp.concatenate(stacks)
    products, diagonals, of_total, along = zip(*jax.device_get(answers), strict=True)
    of_rows = zip(np.concatenate(products), np.concatenate(diagonals), strict=True)
    sums = [Sums(p[0], squares, p[1:], *of_y) for (p, squares), *of_y in zip(of_rows, *levels, strict=True)]
    return stack, sums, of_total[0], np.concatenate(along)


def lane_grams(lanes, total, stack, differ, weight, number, length, with_total):
    """A stack (number, length, length) of A_k A_k' of F lanes, behind `total` if that is asked for.

    They are from second moments times their weights (F,): a matrix of the `stack` (F, p, p), or what it differs by from
    `total` (m, m) where `differ` (F,). What is behind the lanes and their columns is 0, for programs that are compiled
    for few shapes.
    """
    shift, inverse = (np.stack([getattr(lane, name) for lane in lanes]) for name in ("shift", "inverse"))
    of_lanes = jax.device_put((differ, weight, shift, inverse))
    grams = _lane_grams(total, stack, *of_lanes, number=number, length=length, with_total=with_total)
    exact = [(f, lane) for f, lane in enumerate(lanes) if lane.exact_rows.any()]  # a constant column has zeros already
    if not exact:
        return grams
    asked = np.concatenate([lane.to_base(lane.exact_rows) for _, lane in exact])
    answers = np.split(
        np.asarray(lanes[0].base.correlate(asked)), np.cumsum([len(lane.exact) for _, lane in exact])[:-1]
    )
    rows = [lane.from_base(H, lane.exact_rows) for (_, lane), H in zip(exact, answers, strict=True)]
    at = np.concatenate([np.full(len(lane.exact), with_total + f) for f, lane in exact])
    columns = np.concatenate([lane.exact for _, lane in exact])
    return _with_rows(grams, at, columns, np.pad(np.concatenate(rows), ((0, 0), (0, length - lanes[0].p))))


@jax.jit
def with_others(stack, at, others):
    """The stack with the matrices `others` at some places (k,)."""
    return stack.at[at].set(others)


@jax.jit
def _moments(A, index, counts, right, total, directions, norm, differ, weight):
    """(B diag(counts) B', right B', diagonals of the first and of `total`, `_along`) of the columns `index` of A."""
    B = jnp.moveaxis(A.samples(index), 1, 0)
    transposed = B.swapaxes(1, 2)
    grams = jnp.matmul(B * counts[:, None], transposed, precision=PRECISION)
    grams = (grams + grams.swapaxes(1, 2)) / 2
    products = jnp.matmul(right, transposed, precision=PRECISION)
    total = total[: len(norm), : len(norm)]
    along = _along(directions, norm, grams, products[:, :1], total, differ[:, None, None], weight[:, None, None])
    return grams, products, jnp.diagonal(grams, axis1=1, axis2=2), jnp.diagonal(total), along


def _along(directions, norm, grams, first, total, differ, weight):
    """Products (F, k, p) of sums of columns, which are those of each lane, with its second moments: `lane_products`.

    The means of all rows are 0, or no direction is one of standardised columns.
    """

    def second(of_all, of_rows):
        return jnp.where(differ, of_all - of_rows, of_rows) / weight

    variance = second(jnp.diagonal(total), jnp.diagonal(grams, axis1=1, axis2=2)[:, None]) - (first / weight) ** 2
    inverse = 1 / jnp.sqrt(jnp.where(variance > 0, variance, 1.0))
    sums = directions.of_rows(norm / inverse[:, 0]) * inverse
    return second(*(jnp.matmul(sums, gram, precision=PRECISION) for gram in (total, grams)))


@partial(jax.jit, static_argnames=("number", "length", "with_total"))
def _lane_grams(total, stack, differ, weight, shift, inverse, *, number, length, with_total):
    def outer(rows):
        return rows[:, :, None] * rows[:, None, :]

    p = stack.shape[-1]
    total = total[:p, :p]
    second = jnp.where(differ[:, None, None], total - stack, stack) / weight[:, None, None]
    grams = (second - outer(shift)) * outer(inverse)
    grams = jnp.concatenate([total[None], grams]) if with_total else grams
    return jnp.pad(grams, ((0, number - len(grams)), (0, length - p), (0, length - p)))


@jax.jit
def _with_rows(grams, at, columns, rows):
    return grams.at[at, columns].set(rows).at[at, :, columns].set(rows)
