"""Columns that come in on a device: one program moves what is there, and appends them and their part of a tableau."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxreg.engines._columns import appended, moved, square_moved
from jaxreg.engines._sizes import CHUNK
from jaxreg.solvers.pivot import append_columns, keep_columns


def _admitted(held, operator, source, moves, J, first, count, l2_factor, l1_ratio):
    """(rows, Gram matrix, tableau) = held at the positions `source` (m',), with `count` columns J (m',) from `first`.

    l2_factor: (m',) of the enlarged column set
    """

    def at_source(held):
        rows, square, tableau = held
        return moved(rows, source), square_moved(square, source), keep_columns(tableau, source)

    def with_chunk(i, held):
        rows, square, tableau = held
        start = i * CHUNK
        new = operator.gather(lax.dynamic_slice_in_dim(J, start, CHUNK))
        rows, square, gram_rows = appended(rows, square, new, first + start)
        number = jnp.minimum(count - start, CHUNK)
        return rows, square, append_columns(tableau, gram_rows, first + start, number, l2_factor, l1_ratio)

    elsewhere = len(source) != len(held[0])
    held = at_source(held) if elsewhere else lax.cond(moves, at_source, lambda held: held, held)
    return lax.fori_loop(0, -(-count // CHUNK), with_chunk, held)


_in_place, _elsewhere = jax.jit(_admitted, donate_argnums=0), jax.jit(_admitted)


def admitted(held, operator, change, l2_factor, l1_ratio):
    """(rows, Gram matrix, tableau) = held, after an Admitted."""
    program = _in_place if len(change.source) == len(held[0]) else _elsewhere
    where = change.source, change.moves, change.J, change.first, change.count
    return program(held, operator, *where, l2_factor, l1_ratio)
