"""Dual points of a loss, made orthogonal to all that is neither penalised nor limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row
from jaxreg.solvers.proximal import conjugate_gradients

if TYPE_CHECKING:
    from jaxtyping import Float

    from jaxreg.losses._base import Loss

CORRECTIONS = 2  # steps: the second one takes off what rounding left of the first
ALONG = 1e-10  # of the size of a dual point: what may be left along a direction that has none,
ROUNDING = 8  # and at least so many units of rounding


def off_basis(
    loss: Loss,
    y: Float[Array, "n ..."],
    eta: Float[Array, "n ..."],
    u: Float[Array, "n ..."],
    root: Float[Array, " n"],
    basis: Float[Array, "k n"],
) -> Float[Array, "n ..."]:
    """u less loss''(y, eta) B'c / root, with c such that B (root u) = 0 for orthonormal rows B; NaN where none is.

    To first order these are the slopes where all but the directions B is minimised; rows of zeros in B are none.
    """
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)

    def along(values):
        return jnp.matmul(basis, per_row(root, values) * values, precision=PRECISION)

    def turned(c):
        move = jnp.matmul(basis.T, c, precision=PRECISION)
        product = loss.hessian_product(y, eta, per_row(inverse, move) * move)
        return jnp.where(per_row(root, product) > 0, product, 0.0)

    u = jnp.where(per_row(root, u) > 0, u, 0.0)
    most = 2 * along(u).size + CORRECTIONS
    for _ in range(CORRECTIONS):
        c, _ = conjugate_gradients(lambda c: along(turned(c)), along(u), most, 0.0)
        u = u - turned(c)
    size = jnp.sqrt(jnp.sum(per_row(root, u) ** 2 * u**2))
    least = max(ALONG, ROUNDING * float(jnp.finfo(u.dtype).eps))
    return jnp.where(jnp.max(jnp.abs(along(u)), initial=0.0) <= least * size, u, jnp.nan)
