"""Block coordinate descent with extrapolation: the squared loss and a penalty that is a sum over blocks of columns.

    minimise over b    b'G b / 2 - c'b + sum over blocks g of penalty_g(b_g)

One epoch minimises over one block after the other. With G_gg = Q diag(l) Q' and a penalty that rotations do not change
that is to minimise, over u = Q'b_g,

    sum_i l_i u_i^2 / 2 - s_i u_i + penalty_g(u),     s = Q'(c - G b)_g + l Q'b_g  at the b before;

where rotations change it, l is the largest eigenvalue and Q the identity, a majorant. Blocks stand in tiles: within a
tile the gradient is kept up to date by the tile's own Gram matrix, beyond it by one product per tile. Those products
are of float32, since they are of what changes: every few epochs, a round, the gradient is computed in full, and an
error relative to the change of one round is made good in the next (iterative refinement).

A lambda begins at the continuation of the line through the last two solutions, on the blocks that are active in both,
and the epochs of a round are extrapolated; both only where the objective falls, as far as float32 can tell.

Source: Tseng (2001), J. Optim. Theory Appl. 109 (convergence); Yang and Hastie (2024), arXiv:2405.08631 (eigenbasis of
a block); Bertrand and Massias (2021), AISTATS (Anderson extrapolation of coordinate descent).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax.numpy as jnp
from jax import Array, lax

from jaxreg._duality import squared_gap
from jaxreg._pytree import pytree
from jaxreg.design._base import PRECISION
from jaxreg.solvers.smooth import SUM_ROUNDING, Quadratic

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

ROUND_EPOCHS = 4  # between two gradients in full; as many iterates are extrapolated
EXTRAPOLATION_RIDGE = 1e-12  # of the least-squares problem of the extrapolation, in units of its trace


@final
@pytree
class Tiled:
    """Columns in tiles of T columns; a block has at most d columns, and all of them in one tile.

    The matrix of the smooth part is G (m, m) or A (m, n), of m columns in m / T tiles. Some columns may be absent: then
    their rows are 0.
    """

    smooth: Any  # Quadratic or Factored
    near: Float[Any, "m _"]  # the matrix in float32, of columns of length 1
    length: Float[Any, " m"]  # of the columns, 1 where it is 0
    gram: Float[Any, "tiles T T"]  # within the tiles
    rotation: Float[Any, "m d"]  # the row of Q of each column, in its block
    curvature: Float[Any, " m"]  # l
    block: Int[Any, " m"]  # number of each column's block, m for absent ones
    starts: Int[Any, "tiles T"]  # first column of each block of a tile, within the tile
    sizes: Int[Any, "tiles T"]  # columns of each block
    counts: Int[Any, " tiles"]  # blocks of each tile

    @property
    def by_gram(self) -> bool:
        """Whether the matrix is G."""
        return isinstance(self.smooth, Quadratic)

    @property
    def matrix(self) -> Float[Array, "m _"]:
        """G (m, m) or A (m, n)."""
        return self.smooth.gram if self.by_gram else self.smooth.rows

    @property
    def corr(self) -> Float[Array, "m K"]:
        """c, with one column for one response."""
        return self.smooth.corr.reshape(len(self.curvature), -1)

    def image(self, b: Float[Array, "m K"]) -> Float[Array, "K _"]:
        """b'G (K, m) or b'A (K, n)."""
        return jnp.matmul(b.T, self.matrix, precision=PRECISION)

    def gradient(self, image: Float[Array, "K _"]) -> Float[Array, "m K"]:
        """c - G b, of the b with this image."""
        if self.by_gram:
            return self.corr - image.T
        return self.corr - jnp.matmul(image, self.matrix.T, precision=PRECISION).T

    def square(self, b: Float[Array, "m K"], image: Float[Array, "K _"]) -> Float[Array, ""]:
        """b'G b, summed over the responses."""
        # not negative, however large b is: along dependent columns rounding would say so of points far out
        return jnp.maximum(jnp.sum(b * image.T), 0.0) if self.by_gram else jnp.sum(image**2)

    def far(self, near: Float[Array, "K _"]) -> Float[Array, "K _"]:
        """The image by the matrix, from that by the matrix `near`, in float32, of the same change."""
        return near * self.length if self.by_gram else near.astype(self.length.dtype)

    def correlation(self, near: Float[Array, "K _"], rows: Float[Array, "T _"], first) -> Float[Array, "T K"]:
        """G d of the columns from `first` on, of a change d with the image `near`.

        The image is that by the matrix `near`, of which `rows` are those of the T columns.
        """
        if self.by_gram:
            products = lax.dynamic_slice_in_dim(near, first, len(rows), axis=1)
        else:
            products = jnp.matmul(near, rows.T, precision=PRECISION)  # rows @ near.T takes twice as long on a CPU
        return products.T * lax.dynamic_slice_in_dim(self.length, first, len(rows))[:, None]

    def sums(self, values: Float[Array, "m K"]) -> Float[Array, "m 1"]:
        """The sum over the block of each column."""
        rows = jnp.sum(values, axis=1)
        if self.rotation.shape[1] == 1:
            return rows[:, None]
        m = len(rows)
        return jnp.zeros(m + 1).at[self.block].add(rows)[self.block, None]

    def steepest(self) -> Float[Array, " m"]:
        """The largest curvature of each column's block."""
        m = len(self.block)
        return jnp.zeros(m + 1).at[self.block].max(self.curvature)[self.block]

    def queue(self, columns: Bool[Array, " m"]):
        """(tiles (m / T,), their number, slots (m / T, T), their numbers (m / T,)) of the blocks with a chosen column.

        Tiles, and slots of blocks within each, come first; positions beyond their number are out of range.
        """
        tiles, T = self.starts.shape
        chosen = jnp.zeros(len(columns) + 1, bool).at[self.block].max(columns)[self.block].reshape(tiles, T)
        chosen = jnp.take_along_axis(chosen, self.starts, axis=1) & (jnp.arange(T) < self.counts[:, None])
        lengths = jnp.sum(chosen, axis=1)
        return _ahead(lengths > 0), jnp.sum(lengths > 0), _ahead(chosen), lengths


def _ahead(chosen: Bool[Array, "... k"]) -> Int[Array, "... k"]:
    """Positions of the chosen entries along the last axis, and then k, which is out of range, for the others."""
    length = chosen.shape[-1]
    return jnp.sort(jnp.where(chosen, jnp.arange(length, dtype=jnp.int32), length))  # argsort takes five times as long


class Goal(NamedTuple):
    """When a point is good enough: with a gap up to `gap`, or a move up to `move`. One at each lambda."""

    gap: Float[Any, " B"]  # relative to null_loss; it counts where a dual is known
    move: Float[Any, " B"]  # largest change of a coefficient in an epoch, times the curvature of its block
    limit: Int[Any, " B"]  # epochs


class _DescentState(NamedTuple):
    b: Float[Array, "m K"]
    ahead: Float[Array, "m K"]  # where b may go
    image: Float[Array, "K _"]  # of b
    moving: Bool[Array, " m"]  # columns that are active, or that the gradient calls for
    move: Float[Array, ""]  # in the last epoch, as in Goal
    n_iter: Int[Array, ""]  # epochs
    done: Bool[Array, ""]


def descend(
    tiled: Tiled,
    penalty: Any,
    factors: Float[Any, " m"],
    lambdas: Float[Any, " B"],
    goals: Goal,
    last: tuple[Float[Any, "m ..."], Any],
    before: tuple[Float[Any, "m ..."], Any],
    energy: Any,
    null_loss: Any,
    certified: bool,
) -> tuple[Float[Array, "B m ..."], Int[Array, " B"]]:
    """(b, epochs) at the descending lambdas in turn, b (m,) or (m, K) each.

    `penalty` is a Blockwise penalty of the m columns, with their factors; `last` and `before` are (b, lambda) of the
    last two solutions; `energy` is z'z of the response z, in the units of `null_loss`. `certified` is static: whether
    the gap counts, which needs a dual norm. Where it does not, the moves say when a point is good enough.
    """
    shape, corr, largest = tiled.smooth.corr.shape, tiled.corr, jnp.max(tiled.curvature)
    step = 1 / jnp.where(largest > 0, largest, 1.0)  # there may be no column
    steepest = tiled.steepest()
    unit = jnp.sqrt(jnp.where(energy > 0, energy, 1.0))

    def objective(b, image, lam):
        penalised = jnp.sum(penalty.value(b.reshape(shape), lam * factors))
        return tiled.square(b, image) / 2 - jnp.sum(corr * b) + penalised

    def better(ahead, b, image, lam):
        """(point, its image): `ahead` if the objective is lower there, else b.

        The image of the result is exact; `image`, that of b, may have the rounding of float32.
        """
        image_ahead = tiled.image(ahead)
        falls = objective(ahead, image_ahead, lam) < objective(b, image, lam)
        b = jnp.where(falls, ahead, b)
        return b, lax.cond(falls, lambda: image_ahead, lambda: tiled.image(b))

    def look(b, image, lam):
        """(h, gap, moving): the gradient, its sign changed, and the columns that are active or that it calls for."""
        h, along, rr = tiled.gradient(image), jnp.sum(corr * b), tiled.square(b, image)
        called = penalty.prox((h * step).reshape(shape), lam * factors, step).reshape(b.shape)
        moving = jnp.any((b != 0) | (called != 0), axis=1)
        if not certified:
            return h, jnp.full((), jnp.inf), moving
        rr = energy - 2 * along + rr
        gap = squared_gap(penalty, b.reshape(shape), h.reshape(shape), lam * factors, rr, rr, energy - along, null_loss)
        return h, jnp.where(lam > 0, gap, jnp.inf), moving  # at lambda 0 no gradient is a dual value

    def round_(state, lam, strength, goal):
        """A look at the point, and the epochs that it asks for."""
        b, image = better(state.ahead, state.b, state.image, lam)
        h, gap, moving = look(b, image, lam)
        floor = SUM_ROUNDING * jnp.finfo(b.dtype).eps * largest * jnp.max(jnp.abs(b))
        moves = (state.move > jnp.maximum(goal.move, floor)) | jnp.any(moving & ~state.moving)
        done = ~((gap > goal.gap) & moves & (state.n_iter < goal.limit))  # NaN are done
        queue = tiled.queue(moving)

        def advance(i, carry):
            b, near, past = carry
            b, near = _epoch(tiled, penalty, strength, queue, unit, h, b, near)
            return b, near, past.at[i + 1].set(b)

        epochs = jnp.where(done, 0, ROUND_EPOCHS)
        past = jnp.zeros((ROUND_EPOCHS + 1, *b.shape)).at[0].set(b)
        unmoved = jnp.zeros(image.shape, tiled.near.dtype)
        b, near, past = lax.fori_loop(0, epochs, advance, (b, unmoved, past))
        ahead = jnp.where(b != 0, _extrapolated(past), 0.0)
        move = jnp.max(jnp.abs(past[-1] - past[-2]) * steepest[:, None])
        return _DescentState(b, ahead, image + unit * tiled.far(near), moving, move, state.n_iter + epochs, done)

    def point(carry, at):
        (b, image, lam_last), (b_before, lam_before) = carry
        lam, goal = at
        strength = penalty.block_strength(lam * factors)
        ahead = _continued(tiled, b, b_before, lam, lam_last, lam_before)
        n_iter, done = jnp.zeros((), int), goal.limit == 0
        state = _DescentState(b, ahead, image, jnp.zeros(len(b), bool), jnp.full((), jnp.inf), n_iter, done)
        state = lax.while_loop(lambda state: ~state.done, lambda state: round_(state, lam, strength, goal), state)
        return ((state.b, state.image, lam), (b, lam_last)), (state.b.reshape(shape), state.n_iter)

    (b, lam_last), (b_before, lam_before) = last, before
    b, b_before = b.reshape(corr.shape), b_before.reshape(corr.shape)
    return lax.scan(point, ((b, tiled.image(b), lam_last), (b_before, lam_before)), (lambdas, goals))[1]


def _continued(tiled, b, before, lam, lam_last, lam_before):
    """b at lam on the line through the last two solutions, where the same blocks are active; 0 where one turns."""
    step = lam_before - lam_last
    share = jnp.where(step > 0, (lam_last - lam) / jnp.where(step > 0, step, 1.0), 0.0)
    active = (tiled.sums(b**2) > 0) & (tiled.sums(before**2) > 0)
    ahead = jnp.where(active, b + share * (b - before), b)
    return jnp.where(tiled.sums(ahead * b) > 0, ahead, 0.0)


def _extrapolated(past):
    """The iterates after the first, combined by weights of sum 1 so that their steps, combined alike, are shortest."""
    steps = jnp.diff(past, axis=0).reshape(ROUND_EPOCHS, -1)
    M = jnp.matmul(steps, steps.T, precision=PRECISION)
    M = M + EXTRAPOLATION_RIDGE * jnp.trace(M) * jnp.eye(ROUND_EPOCHS)
    table = jnp.concatenate([M, jnp.ones((ROUND_EPOCHS, 1))], axis=1)
    for k in range(ROUND_EPOCHS):  # by elimination, M being positive definite
        row = table[k] / jnp.where(table[k, k] > 0, table[k, k], 1.0)
        table = (table - jnp.outer(table[:, k], row)).at[k].set(row)
    weights = table[:, -1]
    total = jnp.sum(weights)
    weights = jnp.where(total != 0, weights / jnp.where(total != 0, total, 1.0), 1 / ROUND_EPOCHS)
    return jnp.tensordot(weights, past[1:], axes=1, precision=PRECISION)


def _epoch(tiled, penalty, strength, queue, unit, gradient, b, near):
    """(b, near) after a minimisation over each queued block in turn.

    `near` is the image by the matrix `near` of the change of b since c - G b was `gradient` (m, K). The change counts
    in units of `unit` / `length`.
    """
    T, d = tiled.gram.shape[-1], tiled.rotation.shape[1]
    tiles, number, slots, lengths = queue

    def tile(k, carry):
        b, near = carry
        i = tiles[k]
        first = i * T
        before, h, rotation, curvature, strengths, length = (
            lax.dynamic_slice_in_dim(of_columns, first, T)
            for of_columns in (b, gradient, tiled.rotation, tiled.curvature, strength, tiled.length)
        )
        gram = lax.dynamic_index_in_dim(tiled.gram, i, keepdims=False)
        rows = lax.dynamic_slice_in_dim(tiled.near, first, T)
        h = h - unit * tiled.correlation(near, rows, first)

        def block(k, carry):
            moved, h = carry
            slot = slots[i, k]
            at = tiled.starts[i, slot]
            b_block, h_block = lax.dynamic_slice_in_dim(before, at, d), lax.dynamic_slice_in_dim(h, at, d)
            values, products = lax.dynamic_slice_in_dim(curvature, at, d), lax.dynamic_slice_in_dim(gram, at, d)
            lam = lax.dynamic_index_in_dim(strengths, at, keepdims=False)
            if d == 1:
                change = penalty.block_minimum(h_block + values * b_block, values, lam, b_block) - b_block
                h = h - products.T * change
            else:
                member = (jnp.arange(d) < tiled.sizes[i, slot])[:, None]  # the window may reach into the next block
                b_block, values = jnp.where(member, b_block, 0.0), jnp.where(member[:, 0], values, 0.0)
                Q = jnp.where(member, lax.dynamic_slice_in_dim(rotation, at, d), 0.0)
                u = jnp.matmul(Q.T, b_block, precision=PRECISION)
                s = jnp.matmul(Q.T, h_block, precision=PRECISION) + values[:, None] * u
                change = jnp.matmul(Q, penalty.block_minimum(s, values, lam, u), precision=PRECISION) - b_block
                h = h - jnp.matmul(products.T, change, precision=PRECISION)
            moved = lax.dynamic_update_slice_in_dim(moved, lax.dynamic_slice_in_dim(moved, at, d) + change, at, 0)
            return moved, h

        moved, _ = lax.fori_loop(0, lengths[i], block, (jnp.zeros_like(before), h))
        change = (moved * (length / unit)[:, None]).astype(near.dtype)
        near = near + jnp.matmul(change.T, rows, precision=PRECISION)
        return lax.dynamic_update_slice_in_dim(b, before + moved, first, 0), near

    return lax.fori_loop(0, number, tile, (b, near))
