"""Block coordinate descent with extrapolation: the squared loss and a penalty that is a sum over blocks of columns.

    minimise over b    b'G b / 2 - c'b + sum over blocks g of penalty_g(b_g)

One epoch minimises over one block after the other. With G_gg = Q diag(l) Q' and a penalty that rotations do not change
that is to minimise, over u = Q'b_g,

    sum_i l_i u_i^2 / 2 - s_i u_i + penalty_g(u),     s = Q'(c - G b)_g + l Q'b_g  at the b before;

where rotations change it, l is the largest eigenvalue and Q the identity, a majorant. Blocks stand in tiles: within a
tile the gradient is kept up to date by the tile's own Gram matrix, beyond it by one product per tile.

A lambda begins at the continuation of the line through the last two solutions, on the blocks that are active in both,
and every few epochs the last ones are extrapolated; both only where the objective falls.

Source: Tseng (2001), J. Optim. Theory Appl. 109 (convergence); Yang and Hastie (2024), arXiv:2405.08631 (eigenbasis of
a block); Bertrand and Massias (2021), AISTATS (Anderson extrapolation of coordinate descent).
"""

from typing import Any, NamedTuple, final

import jax.numpy as jnp
from jax import Array, lax

from jaxreg._design import PRECISION
from jaxreg._duality import squared_gap
from jaxreg._pytree import pytree
from jaxreg.solvers.smooth import ROUNDING, Quadratic

ROUND = 4  # epochs that are extrapolated from, until the gradient of all columns is looked at
RIDGE = 1e-12  # of the least-squares problem of the extrapolation, in units of its trace


@final
@pytree
class Tiled:
    """Columns in tiles of T, no block of more than d columns in two of them."""

    smooth: Any  # Quadratic or Factored of m columns, some of which may be absent: 0
    gram: Any  # (m / T, T, T) within the tiles
    rotation: Any  # (m, d): rows of Q, of each column's block
    curvature: Any  # (m,): l
    block: Any  # (m,): number of each column's block, m for absent ones
    starts: Any  # (m / T, T): first column of each block of a tile
    sizes: Any  # (m / T, T): columns of each block
    counts: Any  # (m / T,): blocks of each tile
    used: Any  # tiles that have any

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

    def rows(self, i):
        """Rows (T, m) or (T, n) of the matrix that belong to the tile i."""
        T = self.gram.shape[-1]
        return lax.dynamic_slice_in_dim(self.matrix, i * T, T)

    def image(self, b):
        """b'G (K, m) or b'A (K, n) of b (m, K)."""
        return jnp.matmul(b.T, self.matrix, precision=PRECISION)

    def product(self, i, image, rows):
        """Those of G b (T, K) that belong to the tile i, whose rows are given."""
        T = self.gram.shape[-1]
        if self.by_gram:
            return lax.dynamic_slice_in_dim(image, i * T, T, axis=1).T
        return jnp.matmul(image, rows.T, precision=PRECISION).T  # rows @ image.T takes twice as long on a CPU

    def gradient(self, image):
        """c - G b (m, K)."""
        if self.by_gram:
            return self.corr - image.T
        return self.corr - jnp.matmul(image, self.matrix.T, precision=PRECISION).T

    def square(self, b, image):
        """b'G b."""
        return jnp.sum(b * image.T) if self.by_gram else jnp.sum(image**2)

    def sums(self, values):
        """Sums over the blocks of values (m, K), for each column (m, 1)."""
        rows = jnp.sum(values, axis=1)
        if self.rotation.shape[1] == 1:
            return rows[:, None]
        m = len(rows)
        return jnp.zeros(m + 1).at[self.block].add(rows)[self.block, None]

    def queue(self, columns):
        """(slots (m / T, T) of the blocks of which a column (m,) is chosen, ahead of the others; how many (m / T,))."""
        tiles, T = self.starts.shape
        chosen = self.sums(columns[:, None] * 1.0)[:, 0].reshape(tiles, T) > 0
        chosen = jnp.take_along_axis(chosen, self.starts, axis=1) & (jnp.arange(T) < self.counts[:, None])
        return jnp.argsort(~chosen, axis=1, stable=True), jnp.sum(chosen, axis=1)


class Goal(NamedTuple):
    """When a point is good enough: with a gap up to `gap`, or a move up to `move`."""

    gap: Any  # relative to null_loss; it counts where a dual is known
    move: Any  # largest change of a coefficient in an epoch, times the curvature of its block
    limit: Any  # epochs


class _State(NamedTuple):
    b: Array  # (m, K)
    image: Array  # (K, n) b'A, or (K, m) b'G
    moving: Array  # (m,) columns that are active, or that the gradient calls for
    gap: Array
    move: Array
    n_iter: Array


def descend(tiled, penalty, factors, lambdas, goals, last, before, energy, null_loss, certified):
    """(b (B, m [, K]), epochs (B,)) at each of lambdas (B,) in turn.

    last, before: (b, lambda) of the last two solutions; energy: z'z of the response z
    certified: static, whether the penalty has a dual norm
    """
    shape, corr, largest = tiled.smooth.corr.shape, tiled.corr, jnp.max(tiled.curvature)
    step = 1 / jnp.where(largest > 0, largest, 1.0)  # there may be no column

    def objective(b, image, lam):
        penalised = jnp.sum(penalty.value(b.reshape(shape), lam * factors))
        return tiled.square(b, image) / 2 - jnp.sum(corr * b) + penalised

    def better(found, b, image, lam):
        """`found` where its objective is lower, or b, with the image."""
        image_found = tiled.image(found)
        falls = objective(found, image_found, lam) < objective(b, image, lam)
        return jnp.where(falls, found, b), jnp.where(falls, image_found, image)

    def look(b, image, lam):
        """(gap, columns that are active, or that the gradient h calls for)."""
        h, along, rr = tiled.gradient(image), jnp.sum(corr * b), tiled.square(b, image)
        called = penalty.prox((h * step).reshape(shape), lam * factors, step).reshape(b.shape)
        moving = jnp.any((b != 0) | (called != 0), axis=1)
        if not certified:
            return jnp.full((), jnp.inf), moving
        rr = energy - 2 * along + rr
        own, pull = b.reshape(shape), h.reshape(shape)
        gap = squared_gap(penalty, own, pull, lam * factors, rr, rr, energy - along, null_loss)
        return jnp.where(lam > 0, gap, jnp.inf), moving  # at lambda 0 no gradient is a dual value

    def round_(state, lam, strength):
        queue = tiled.queue(state.moving)

        def advance(i, carry):
            b, image, past, _ = carry
            b, image, move = _epoch(tiled, penalty, strength, queue, b, image)
            return b, image, past.at[i + 1].set(b), move

        past = jnp.zeros((ROUND + 1, *state.b.shape)).at[0].set(state.b)
        b, image, past, move = lax.fori_loop(0, ROUND, advance, (state.b, state.image, past, jnp.zeros(())))
        b, image = better(jnp.where(b != 0, _extrapolated(past), 0.0), b, image, lam)
        gap, moving = look(b, image, lam)
        grows = jnp.any(moving & ~state.moving)
        return _State(b, image, moving, gap, jnp.where(grows, jnp.inf, move), state.n_iter + ROUND)

    def point(carry, at):
        (b, image, lam_last), (b_before, lam_before) = carry
        lam, goal = at
        strength = penalty.block_strength(lam * factors)
        ahead = _continued(tiled, b, b_before, lam, lam_last, lam_before)
        b_start, image_start = better(ahead, b, image, lam)
        eps = jnp.finfo(b.dtype).eps

        def unfinished(state):
            floor = ROUNDING * eps * largest * jnp.max(jnp.abs(state.b))
            return (state.gap > goal.gap) & (state.move > jnp.maximum(goal.move, floor)) & (state.n_iter < goal.limit)

        gap, moving = look(b_start, image_start, lam)
        state = _State(b_start, image_start, moving, gap, jnp.full((), jnp.inf), jnp.zeros((), int))
        state = lax.while_loop(unfinished, lambda state: round_(state, lam, strength), state)
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


def _epoch(tiled, penalty, strength, queue, b, image):
    """(b, image, largest move) after a minimisation over each queued block in turn."""
    T, d, corr = tiled.gram.shape[-1], tiled.rotation.shape[1], tiled.corr
    slots, lengths = queue

    def tile(i, carry):
        b, image, move = carry
        first = i * T
        before, own, rotation, curvature, pressed = (
            lax.dynamic_slice_in_dim(a, first, T) for a in (b, corr, tiled.rotation, tiled.curvature, strength)
        )
        rows, gram = tiled.rows(i), lax.dynamic_index_in_dim(tiled.gram, i, keepdims=False)

        def block(k, carry):
            b, h, move = carry
            slot = slots[i, k]
            at = tiled.starts[i, slot]
            old, pull = lax.dynamic_slice_in_dim(b, at, d), lax.dynamic_slice_in_dim(h, at, d)
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
            b = lax.dynamic_update_slice_in_dim(b, lax.dynamic_slice_in_dim(b, at, d) + change, at, 0)
            return b, h, jnp.maximum(move, jnp.max(jnp.abs(change)) * jnp.max(bend))

        after, _, move = lax.fori_loop(0, lengths[i], block, (before, own - tiled.product(i, image, rows), move))
        image = image + jnp.matmul((after - before).T, rows, precision=PRECISION)
        return lax.dynamic_update_slice_in_dim(b, after, first, 0), image, move

    def visit(i, carry):
        return lax.cond(lengths[i] > 0, tile, lambda _, carry: carry, i, carry)

    return lax.fori_loop(0, tiled.used, visit, (b, image, jnp.zeros(())))
