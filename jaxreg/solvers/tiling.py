"""How blocks of columns are laid out in tiles, so that one block after the other can be solved for: on the host."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import PRECISION
from jaxreg.solvers.block import Tiled
from jaxreg.solvers.smooth import Quadratic

SINGLES, BESIDE, UNIT = 64, 128, 32  # columns of a tile: of single columns, beside a large block; a multiple of UNIT


class Layout:
    """Blocks of the columns (p,) of a penalty, by their labels, in tiles of `width` columns.

    From the first column of a block on, a tile has room for the largest block: a window of one length shows any block.
    """

    def __init__(self, labels):
        self.labels = np.unique(labels, return_inverse=True)[1]
        self.sizes = np.bincount(self.labels)
        self.longest = int(self.sizes.max())
        width = min(3 * self.longest, self.longest + BESIDE) if self.longest > 1 else SINGLES
        self.width = -(-width // UNIT) * UNIT
        self.whole_length = self.length(self.placed(np.arange(len(labels))))

    def in_tiles(self, columns):
        """Columns of the tiles that hold so many."""
        return -(-columns // self.width) * self.width

    def length(self, positions):
        """Columns of all tiles up to the last of some positions."""
        return self.in_tiles(int(positions.max(initial=0)) + 1)

    def whole(self, chosen):
        """The columns (p,) bool of all blocks of which a column is chosen."""
        return (np.bincount(self.labels, chosen) > 0)[self.labels]

    def placed(self, J):
        """Positions of whole blocks of columns J, in the order in which the blocks first come."""
        labels = self.labels[J]
        if self.longest == 1:
            return np.arange(len(J))
        blocks, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        order, starts, at = np.argsort(first), np.empty(len(blocks), int), 0
        for block, size in zip(order, self.sizes[blocks[order]], strict=True):
            if at % self.width + self.longest > self.width:
                at = -(-at // self.width) * self.width
            starts[block] = at
            at += size
        by_block = np.argsort(inverse, kind="stable")
        begin = np.repeat(np.cumsum(self.sizes[blocks]) - self.sizes[blocks], self.sizes[blocks])
        positions = np.empty(len(J), int)
        positions[by_block] = starts[inverse[by_block]] + np.arange(len(J)) - begin
        return positions

    def tiled(self, smooth, index, rotates):
        """The Tiled problem of a smooth part whose columns at the positions (m,) are `index`, p for none.

        rotates: whether the penalty of a block does not change when its coefficients are rotated.
        """
        m, T, d = len(index), self.width, self.longest
        at = np.flatnonzero(index < len(self.labels))
        label = self.labels[index[at]]
        head = at[np.append(True, label[1:] != label[:-1])] if len(at) else at
        size = self.sizes[self.labels[index[head]]]
        near, length, products = _tiles(smooth, T)
        gram = np.asarray(products)
        rotation, curvature = np.zeros((m, d)), np.zeros(m)
        for s in np.unique(size):
            where = head[size == s][:, None] + np.arange(s)
            within = where % T
            values, vectors = np.linalg.eigh(gram[where[:, :1, None] // T, within[:, :, None], within[:, None]])
            values = np.maximum(values, 0.0)
            if not rotates:
                values, vectors = values[:, -1:], np.eye(s)
            curvature[where], rotation[where, :s] = values, vectors
        tile = head // T
        slot = np.arange(len(head)) - np.searchsorted(tile, tile)
        starts, sizes = np.zeros((2, m // T, T), np.int32)
        starts[tile, slot], sizes[tile, slot] = head % T, size
        block = np.full(m, m)
        block[at] = np.repeat(np.arange(len(head)), size)
        counts = np.bincount(tile, minlength=m // T)
        return Tiled(smooth, near, length, products, rotation, curvature, block, starts, sizes, counts)


@partial(jax.jit, static_argnames="width")
def _tiles(smooth, width):
    """(the matrix in float32, of columns of length 1; their lengths (m,); Gram matrices (m / width, width, width))."""
    by_gram = isinstance(smooth, Quadratic)
    if by_gram:
        tiles = smooth.gram.reshape(-1, width, len(smooth.gram) // width, width)
        gram = jnp.diagonal(tiles, axis1=0, axis2=2).transpose(2, 0, 1)
    else:
        rows = smooth.rows.reshape(-1, width, smooth.rows.shape[1])
        gram = jnp.matmul(rows, rows.mT, precision=PRECISION)
    square = jnp.diagonal(gram, axis1=1, axis2=2).ravel()
    length = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 1.0)
    near = smooth.gram / jnp.outer(length, length) if by_gram else smooth.rows / length[:, None]
    return near.astype(jnp.float32), length, gram
