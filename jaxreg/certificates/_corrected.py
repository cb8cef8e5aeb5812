"""Dual points of a loss, made orthogonal to all that is neither penalised nor limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array, lax

from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row
from jaxreg.solvers.proximal import conjugate_gradients

if TYPE_CHECKING:
    from jaxtyping import Float

    from jaxreg.losses._base import Loss

CORRECTIONS = 2  # steps: the second one takes off what rounding left of the first
MOST = 10  # of them, where rows leave the domain
ALONG = 1e-10  # of the size of a dual point: what may be left along a direction that has none,
ROUNDING = 8  # and at least so many units of rounding


def off_basis(
    loss: Loss,
    y: Float[Array, "n ..."],
    eta: Float[Array, "n ..."],
    u: Float[Array, "n ..."],
    root: Float[Array, " n"],
    basis: Float[Array, "... k n"],
) -> Float[Array, "n ..."]:
    """u less loss''(y, eta) B'c / root, with c such that B (root u) = 0 for orthonormal rows B; NaN where none is.

    To first order these are the slopes where all but the directions B is minimised; rows of zeros in B are none. B is
    (k, n), or of each output (K, k, n). What would leave the domain of the conjugate is 0 instead, which is in it, and
    the rest makes up for it: so it is with rows that columns tell apart exactly, whose slopes and curvatures vanish
    alike.
    """
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)

    def along(values):
        rooted = per_row(root, values) * values
        if basis.ndim == 2:
            return jnp.matmul(basis, rooted, precision=PRECISION)
        return jnp.einsum("okn,no->ko", basis, rooted, precision=PRECISION)

    def turned(c, turns):
        if basis.ndim == 2:
            move = jnp.matmul(basis.T, c, precision=PRECISION)
        else:
            move = jnp.einsum("okn,ko->no", basis, c, precision=PRECISION)
        product = loss.hessian_product(y, eta, per_row(inverse, move) * move)
        return jnp.where(per_row(turns, product), product, 0.0)

    slopes = loss.slopes(y, eta, root**2)

    def corrected(carry):
        u, turns, number, since = carry
        c, _ = conjugate_gradients(lambda c: along(turned(c, turns)), along(u), most, 0.0)
        u = u - turned(c, turns)
        lost = turns & ~_inside(loss, y, u, slopes)
        return jnp.where(per_row(lost, u), 0.0, u), turns & ~lost, number + 1, jnp.where(jnp.any(lost), 0, since + 1)

    def unfinished(carry):
        _, _, number, since = carry
        return (since < CORRECTIONS) & (number < MOST)

    u = jnp.where(per_row(root, u) > 0, u, 0.0)
    most = 2 * along(u).size + CORRECTIONS
    u, *_ = lax.while_loop(unfinished, corrected, (u, root > 0, 0, 0))
    size = jnp.sqrt(jnp.sum(per_row(root, u) ** 2 * u**2))
    least = max(ALONG, ROUNDING * float(jnp.finfo(u.dtype).eps))
    return jnp.where(jnp.max(jnp.abs(along(u)), initial=0.0) <= least * size, u, jnp.nan)


def _inside(loss, y, u, slopes):
    """Whether u (n [, K]) is in the domain of the conjugate, by row (n,); where none is known, on the slopes' side."""
    cost = loss.conjugate(y, u)
    return u * slopes >= 0 if cost is None else jnp.isfinite(cost)
