"""How blocks of columns are laid out in tiles, so that one block after the other can be solved for: on the host."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxreg.design._base import PRECISION
from jaxreg.solvers.block import Tiled
from jaxreg.solvers.smooth import Factored, Quadratic

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SINGLE_COLUMNS = 64  # columns of a tile where each is a block
BESIDE_LARGE = 128  # columns of a tile beyond those of the largest block, at most: the room that other blocks share
WIDTH_UNIT = 32  # the columns of a tile are a multiple of this, so that few widths are compiled


class Layout:
    """Blocks of the columns (p,) of a penalty, by their labels, in tiles of `width` columns.

    From the first column of a block on, a tile has room for the largest block: a window of one length shows any block.

    Attributes
    ----------
    labels : array (p,)
        Numbers of the blocks of the columns, from 0.
    sizes : array (blocks,)
        Columns of each block.
    longest : int
        Columns of the largest block.
    width : int
        Columns of a tile.
    whole_length : int
        Columns of the tiles that hold all columns.
    """

    def __init__(self, labels: Any):
        self.labels = np.unique(labels, return_inverse=True)[1]
        self.sizes = np.bincount(self.labels)
        self.longest = int(self.sizes.max())
        width = min(3 * self.longest, self.longest + BESIDE_LARGE) if self.longest > 1 else SINGLE_COLUMNS
        self.width = -(-width // WIDTH_UNIT) * WIDTH_UNIT
        self.whole_length = self.length(self.placed(np.arange(len(labels))))

    def in_tiles(self, columns: int) -> int:
        """Columns of the fewest tiles that hold so many columns."""
        return -(-columns // self.width) * self.width

    def length(self, positions: Int[np.ndarray, " k"]) -> int:
        """Columns of all tiles up to that of the last position."""
        return self.in_tiles(int(positions.max(initial=0)) + 1)

    def whole(self, chosen: Bool[np.ndarray, " p"]) -> Bool[np.ndarray, " p"]:
        """The columns of all blocks of which a column is chosen."""
        return (np.bincount(self.labels, chosen) > 0)[self.labels]

    def placed(self, J: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """Positions of the columns J, which are whole blocks, in the order in which the blocks first come."""
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

    def tiled(self, smooth: Quadratic | Factored, index: Int[np.ndarray, " m"], rotates: bool) -> Tiled:
        """The Tiled problem of a smooth part whose columns at the m positions are `index`, p for none.

        `rotates` says that the penalty of a block stays the same when its coefficients are rotated.
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
            positions = head[size == s][:, None] + np.arange(s)
            within = positions % T
            values, vectors = np.linalg.eigh(gram[positions[:, :1, None] // T, within[:, :, None], within[:, None]])
            values = np.maximum(values, 0.0)
            if not rotates:
                values, vectors = values[:, -1:], np.eye(s)
            curvature[positions], rotation[positions, :s] = values, vectors
        tile = head // T
        slot = np.arange(len(head)) - np.searchsorted(tile, tile)
        starts, sizes = np.zeros((2, m // T, T), np.int32)
        starts[tile, slot], sizes[tile, slot] = head % T, size
        block = np.full(m, m)
        block[at] = np.repeat(np.arange(len(head)), size)
        counts = np.bincount(tile, minlength=m // T)
        return Tiled(smooth, near, length, products, rotation, curvature, block, starts, sizes, counts)


@partial(jax.jit, static_argnames="width")
def _tiles(smooth, width) -> tuple[Float[Array, "m _"], Float[Array, " m"], Float[Array, "tiles width width"]]:
    """(the matrix in float32, of columns of length 1; their lengths; the Gram matrices within the tiles)."""
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
