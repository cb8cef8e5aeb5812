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

from typing import Any, NamedTuple, final

import jax.numpy as jnp
from jax import Array, lax

from jaxreg._duality import squared_gap
from jaxreg._pytree import pytree
from jaxreg.design._base import PRECISION
from jaxreg.solvers.smooth import ROUNDING, Quadratic

ROUND = 4  # epochs
RIDGE = 1e-12  # of the least-squares problem of the extrapolation, in units of its trace


@final
@pytree
class Tiled:
    """Columns in tiles of T, no block of more than d columns in two of them."""

    smooth: Any  # Quadratic or Factored of m columns, some of which may be absent: 0
    near: Any  # the matrix of the smooth part in float32, of columns of length 1
    length: Any  # (m,) of the columns, 1 where it is 0
    gram: Any  # (m / T, T, T) within the tiles
    rotation: Any  # (m, d): rows of Q, of each column's block
    curvature: Any  # (m,): l
    block: Any  # (m,): number of each column's block, m for absent ones
    starts: Any  # (m / T, T): first column of each block of a tile
    sizes: Any  # (m / T, T): columns of each block
    counts: Any  # (m / T,): blocks of each tile

    @property
    def by_gram(self):
        return isinstance(self.smooth, Quadratic)

    @property
    def matrix(self):
        """G (m, m) or A (m, n); rows of absent columns are 0."""
        return self.smooth.gram if self.by_gram else self.smooth.rows

    @property
    def corr(self):
        """c (m, K)."""
        return self.smooth.corr.reshape(len(self.curvature), -1)

    def image(self, b):
        """b'G (K, m) or b'A (K, n) of b (m, K)."""
        return jnp.matmul(b.T, self.matrix, precision=PRECISION)

    def gradient(self, image):
        """c - G b (m, K)."""
        if self.by_gram:
            return self.corr - image.T
        return self.corr - jnp.matmul(image, self.matrix.T, precision=PRECISION).T

    def square(self, b, image):
        """b'G b."""
        # not negative, however large b is: along dependent columns rounding would say so of points far out
        return jnp.maximum(jnp.sum(b * image.T), 0.0) if self.by_gram else jnp.sum(image**2)

    def far(self, near):
        """The image of which `near`, in float32, is that of the matrix `near`."""
        return near * self.length if self.by_gram else near.astype(self.length.dtype)

    def correlation(self, near, rows, first):
        """G d (T, K) of the columns from `first` on, whose rows of the matrix `near` are given; `near` is that of d."""
        if self.by_gram:
            found = lax.dynamic_slice_in_dim(near, first, len(rows), axis=1)
        else:
            found = jnp.matmul(near, rows.T, precision=PRECISION)  # rows @ near.T takes twice as long on a CPU
        return found.T * lax.dynamic_slice_in_dim(self.length, first, len(rows))[:, None]

    def sums(self, values):
        """Sums over the blocks of values (m, K), for each column (m, 1)."""
        rows = jnp.sum(values, axis=1)
        if self.rotation.shape[1] == 1:
            return rows[:, None]
        m = len(rows)
        return jnp.zeros(m + 1).at[self.block].add(rows)[self.block, None]

    def steepest(self):
        """The largest curvature of each column's block (m,)."""
        m = len(self.block)
        return jnp.zeros(m + 1).at[self.block].max(self.curvature)[self.block]

    def queue(self, columns):
        """Where the blocks are of which a column (m,) is chosen.

        (tiles (m / T,), how many, slots in them (m / T, T), how many (m / T,)); beyond those, out of range.
        """
        tiles, T = self.starts.shape
        chosen = jnp.zeros(len(columns) + 1, bool).at[self.block].max(columns)[self.block].reshape(tiles, T)
        chosen = jnp.take_along_axis(chosen, self.starts, axis=1) & (jnp.arange(T) < self.counts[:, None])
        lengths = jnp.sum(chosen, axis=1)
        return _ahead(lengths > 0), jnp.sum(lengths > 0), _ahead(chosen), lengths


def _ahead(chosen):
    """Positions along the last axis of what is chosen, ahead of as many that are out of range as is not."""
    length = chosen.shape[-1]
    return jnp.sort(jnp.where(chosen, jnp.arange(length, dtype=jnp.int32), length))  # argsort takes five times as long


class Goal(NamedTuple):
    """When a point is good enough: with a gap up to `gap`, or a move up to `move`."""

    gap: Any  # relative to null_loss; it counts where a dual is known
    move: Any  # largest change of a coefficient in an epoch, times the curvature of its block
    limit: Any  # epochs


class _State(NamedTuple):
    b: Array  # (m, K)
    ahead: Array  # (m, K) where b may go
    image: Array  # (K, n) b'A, or (K, m) b'G
    moving: Array  # (m,) columns that are active, or that the gradient calls for
    move: Array
    n_iter: Array
    done: Array


def descend(tiled, penalty, factors, lambdas, goals, last, before, energy, null_loss, certified):
    """(b (B, m [, K]), epochs (B,)) at each of lambdas (B,) in turn.

    last, before: (b, lambda) of the last two solutions; energy: z'z of the response z
    certified: static, whether the penalty has a dual norm
    """
    shape, corr, largest = tiled.smooth.corr.shape, tiled.corr, jnp.max(tiled.curvature)
    step = 1 / jnp.where(largest > 0, largest, 1.0)  # there may be no column
    steepest = tiled.steepest()
    unit = jnp.sqrt(jnp.where(energy > 0, energy, 1.0))

    def objective(b, image, lam):
        penalised = jnp.sum(penalty.value(b.reshape(shape), lam * factors))
        return tiled.square(b, image) / 2 - jnp.sum(corr * b) + penalised

    def better(found, b, image, lam):
        """`found` where its objective is lower, or b; with the image, which that of b given need not be in full."""
        image_found = tiled.image(found)
        falls = objective(found, image_found, lam) < objective(b, image, lam)
        b = jnp.where(falls, found, b)
        return b, lax.cond(falls, lambda: image_found, lambda: tiled.image(b))

    def look(b, image, lam):
        """(h, gap, columns that are active, or that the gradient h calls for)."""
        h, along, rr = tiled.gradient(image), jnp.sum(corr * b), tiled.square(b, image)
        called = penalty.prox((h * step).reshape(shape), lam * factors, step).reshape(b.shape)
        moving = jnp.any((b != 0) | (called != 0), axis=1)
        if not certified:
            return h, jnp.full((), jnp.inf), moving
        rr = energy - 2 * along + rr
        own, pull = b.reshape(shape), h.reshape(shape)
        gap = squared_gap(penalty, own, pull, lam * factors, rr, rr, energy - along, null_loss)
        return h, jnp.where(lam > 0, gap, jnp.inf), moving  # at lambda 0 no gradient is a dual value

    def round_(state, lam, strength, goal):
        """A look at the point, and the epochs that it asks for."""
        b, image = better(state.ahead, state.b, state.image, lam)
        h, gap, moving = look(b, image, lam)
        floor = ROUNDING * jnp.finfo(b.dtype).eps * largest * jnp.max(jnp.abs(b))
        moves = (state.move > jnp.maximum(goal.move, floor)) | jnp.any(moving & ~state.moving)
        done = ~((gap > goal.gap) & moves & (state.n_iter < goal.limit))  # NaN are done
        queue = tiled.queue(moving)

        def advance(i, carry):
            b, near, past = carry
            b, near = _epoch(tiled, penalty, strength, queue, unit, h, b, near)
            return b, near, past.at[i + 1].set(b)

        epochs = jnp.where(done, 0, ROUND)
        past = jnp.zeros((ROUND + 1, *b.shape)).at[0].set(b)
        still = jnp.zeros(image.shape, tiled.near.dtype)
        b, near, past = lax.fori_loop(0, epochs, advance, (b, still, past))
        ahead = jnp.where(b != 0, _extrapolated(past), 0.0)
        move = jnp.max(jnp.abs(past[-1] - past[-2]) * steepest[:, None])
        return _State(b, ahead, image + unit * tiled.far(near), moving, move, state.n_iter + epochs, done)

    def point(carry, at):
        (b, image, lam_last), (b_before, lam_before) = carry
        lam, goal = at
        strength = penalty.block_strength(lam * factors)
        ahead = _continued(tiled, b, b_before, lam, lam_last, lam_before)
        n_iter, done = jnp.zeros((), int), goal.limit == 0
        state = _State(b, ahead, image, jnp.zeros(len(b), bool), jnp.full((), jnp.inf), n_iter, done)
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
    """The combination of the last ROUND iterates, weights summing to 1, whose steps combined likewise are shortest."""
    steps = jnp.diff(past, axis=0).reshape(ROUND, -1)
    M = jnp.matmul(steps, steps.T, precision=PRECISION)
    M = M + RIDGE * jnp.trace(M) * jnp.eye(ROUND)
    table = jnp.concatenate([M, jnp.ones((ROUND, 1))], axis=1)
    for k in range(ROUND):  # by elimination, M being positive definite
        row = table[k] / jnp.where(table[k, k] > 0, table[k, k], 1.0)
        table = (table - jnp.outer(table[:, k], row)).at[k].set(row)
    weights = table[:, -1]
    total = jnp.sum(weights)
    weights = jnp.where(total != 0, weights / jnp.where(total != 0, total, 1.0), 1 / ROUND)
    return jnp.tensordot(weights, past[1:], axes=1, precision=PRECISION)


def _epoch(tiled, penalty, strength, queue, unit, pull, b, near):
    """(b, near) after a minimisation over each queued block in turn.

    near: the change of b since c - G b was `pull`, in units of `unit` / `length`, times the matrix `near`
    """
    T, d = tiled.gram.shape[-1], tiled.rotation.shape[1]
    tiles, number, slots, lengths = queue

    def tile(k, carry):
        b, near = carry
        i = tiles[k]
        first = i * T
        before, own, rotation, curvature, pressed, length = (
            lax.dynamic_slice_in_dim(a, first, T)
            for a in (b, pull, tiled.rotation, tiled.curvature, strength, tiled.length)
        )
        gram = lax.dynamic_index_in_dim(tiled.gram, i, keepdims=False)
        rows = lax.dynamic_slice_in_dim(tiled.near, first, T)
        own = own - unit * tiled.correlation(near, rows, first)

        def block(k, carry):
            moved, h = carry
            slot = slots[i, k]
            at = tiled.starts[i, slot]
            old, pull = lax.dynamic_slice_in_dim(before, at, d), lax.dynamic_slice_in_dim(h, at, d)
            bend, products = lax.dynamic_slice_in_dim(curvature, at, d), lax.dynamic_slice_in_dim(gram, at, d)
            lam = lax.dynamic_index_in_dim(pressed, at, keepdims=False)
            if d == 1:
                change = penalty.block_minimum(pull + bend * old, bend, lam, old) - old
                h = h - products.T * change
            else:
                mine = (jnp.arange(d) < tiled.sizes[i, slot])[:, None]
                old, bend = jnp.where(mine, old, 0.0), jnp.where(mine[:, 0], bend, 0.0)
                Q = jnp.where(mine, lax.dynamic_slice_in_dim(rotation, at, d), 0.0)
                u = jnp.matmul(Q.T, old, precision=PRECISION)
                s = jnp.matmul(Q.T, pull, precision=PRECISION) + bend[:, None] * u
                change = jnp.matmul(Q, penalty.block_minimum(s, bend, lam, u), precision=PRECISION) - old
                h = h - jnp.matmul(products.T, change, precision=PRECISION)
            moved = lax.dynamic_update_slice_in_dim(moved, lax.dynamic_slice_in_dim(moved, at, d) + change, at, 0)
            return moved, h

        moved, _ = lax.fori_loop(0, lengths[i], block, (jnp.zeros_like(before), own))
        change = (moved * (length / unit)[:, None]).astype(near.dtype)
        near = near + jnp.matmul(change.T, rows, precision=PRECISION)
        return lax.dynamic_update_slice_in_dim(b, before + moved, first, 0), near

    return lax.fori_loop(0, number, tile, (b, near))
