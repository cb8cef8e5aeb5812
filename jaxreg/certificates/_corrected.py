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
ALONG = 1e-10  # of the size of a dual point: what may be left along a direction that has none


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
    (k, n), or of each output (K, k, n).
    """
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1.0), 0.0)

    def along(values):
        rooted = per_row(root, values) * values
        if basis.ndim == 2:
            return jnp.matmul(basis, rooted, precision=PRECISION)
        return jnp.einsum("okn,no->ko", basis, rooted, precision=PRECISION)

    def turned(c):
        if basis.ndim == 2:
            move = jnp.matmul(basis.T, c, precision=PRECISION)
        else:
            move = jnp.einsum("okn,ko->no", basis, c, precision=PRECISION)
        product = loss.hessian_product(y, eta, per_row(inverse, move) * move)
        return jnp.where(per_row(root, product) > 0, product, 0.0)

    u = jnp.where(per_row(root, u) > 0, u, 0.0)
    most = 2 * along(u).size + CORRECTIONS
    for _ in range(CORRECTIONS):
        c, _ = conjugate_gradients(lambda c: along(turned(c)), along(u), most, 0.0)
        u = u - turned(c)
    size = jnp.sqrt(jnp.sum(per_row(root, u) ** 2 * u**2))
    return jnp.where(jnp.max(jnp.abs(along(u)), initial=0.0) <= ALONG * size, u, jnp.nan)
