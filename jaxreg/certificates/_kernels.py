"""Gaps, losses and gradients of blocks of points, compiled: of products with a Gram matrix, or of a pass."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxreg import _duality
from jaxreg.certificates._corrected import off_basis
from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

ZERO = 1e-13  # of the largest gradient: at a smaller lambda a dual scale of another loss is rounding
LITTLE = 1e-6  # of z'z: a loss of the null model beside which rounding of z'z counts
AT_LIMIT = 1e-12  # of the largest correlation: a gradient of an unpenalised column at its limit that is rounding


def _gap(penalty, factors, b, h, lam, rr, tt, ty, step, scale, gap_unit, kind):
    """The gap of one point, or the scaled residual of the prox."""
    if kind == "residual":
        return _duality.residual(penalty, b, h, lam * factors, step, scale)
    return _duality.squared_gap(penalty, b, h, lam * factors, rr, tt, ty, gap_unit)


_gaps = jax.vmap(_gap, (None, None, 0, 0, 0, 0, 0, 0, None, None, None, None))


def _sum(a, b):
    """Terms (B,) of a * b over all axes but the first."""
    return (a * b).reshape(len(a), -1).sum(axis=1)


def _scaled(penalty, factors, scale, h, members, largest, kind):
    """The gradient h (p [, K]) on the scale of the penalty, of that on the scale of the design.

    For a gap it is 0 for the members (p,) that theta is orthogonal to, and for unpenalised columns at a limit.
    """
    if kind == "gap":
        h = jnp.where(per_row(members, h), 0.0, h)
        if penalty.limited:
            h = jnp.where((factors == 0) & (jnp.abs(h) <= AT_LIMIT * largest), 0.0, h)
    return h * per_row(scale, h)


class Terms(NamedTuple):
    """What is known of an objective of the squared loss beside its Gram matrix, on the scale of the design."""

    corr: Float[Any, "p ..."]
    squares: Float[Any, " K"]  # z'z, (1,) for one response
    T: Float[Any, "k p"]  # coefficients of an orthonormal basis
    along: Float[Any, "k p"]  # T G
    members: Bool[Any, " p"]
    factors: Float[Any, " p"]
    scale: Float[Any, " p"]
    units: Any  # largest correlation, largest gradient, what gaps are relative to


def at_product(terms, penalty, b, fit, lam, step, *, kind):
    """(gap, losses (K,), gradient (p [, K])) of one point b (p [, K]), whose `fit` is the product G (scale b)."""
    largest, gradient_scale, gap_unit = terms.units
    x = b * per_row(terms.scale, b)
    r = terms.corr - fit
    parts = jnp.maximum(terms.squares + jnp.sum(x * (fit - 2 * terms.corr), axis=0), 0.0)
    q = jnp.matmul(terms.T, r, precision=PRECISION)
    h = r - jnp.matmul(terms.along.T, q, precision=PRECISION)
    rr = jnp.sum(parts)
    tt = jnp.maximum(rr - jnp.sum(q * q), 0.0)
    ty = jnp.sum(terms.squares) - jnp.sum(x * terms.corr)
    ty = ty - jnp.sum(q * jnp.matmul(terms.T, terms.corr, precision=PRECISION))
    h = _scaled(penalty, terms.factors, terms.scale, h, terms.members, largest, kind)
    gap = _gap(penalty, terms.factors, b, h, lam, rr, tt, ty, step, gradient_scale, gap_unit, kind)
    if kind == "gap":
        gap = jnp.maximum(gap, _rounding(jnp.sum(terms.squares), gap_unit))
    return gap, parts / 2, h


def _rounding(square, gap_unit):
    """What a gap may be by rounding alone, where so little of z'z is left that products do not show it."""
    little = (gap_unit > 0) & (gap_unit < LITTLE * square)
    return jnp.where(little, jnp.finfo(square.dtype).eps * square / jnp.where(little, gap_unit, 1.0), 0.0)


@partial(jax.jit, static_argnames="kind")
def by_gram(gram, corr, squares, T, members, penalty, factors, scale, b, lambdas, step, units, *, kind):
    """(gaps (B,), losses (B, K or 1), gradients (B, p [, K])) of b (B, p [, K])."""
    fit = jnp.einsum("bj...,ji->bi...", b * per_row(scale, b[0]), gram, precision=PRECISION)
    terms = Terms(corr, squares, T, jnp.matmul(T, gram, precision=PRECISION), members, factors, scale, units)
    at = jax.vmap(partial(at_product, kind=kind), (None, None, 0, 0, 0, None))
    return at(terms, penalty, b, fit, lambdas, step)


@jax.jit
def residuals(fit, z, basis):
    """(r, theta) (B, n [, K]) of fits (B, n [, K]); theta is orthogonal to the rows of the basis (k, n)."""
    r = z - fit.astype(z.dtype)
    within = jnp.einsum("bn...,kn->bk...", r, basis, precision=PRECISION)
    return r, r - jnp.einsum("bk...,kn->bn...", within, basis, precision=PRECISION)


@jax.jit
def spread(x, positions):
    """Coefficients (B, p [, K]) of all columns, of x (B, m [, K]) and the position (p,) of each column, m for none.

    Apart from what is made of them, which so is compiled once for all capacities.
    """
    there = per_row(positions < x.shape[1], x[0])
    return jnp.where(there, jnp.take(x, positions, axis=1, mode="clip"), 0.0)


@partial(jax.jit, static_argnames="kind")
def by_pass(r, theta, products, z, members, penalty, factors, scale, b, lambdas, step, units, *, kind):
    """(gaps (B,), losses (B, K or 1), gradients (B, p [, K])) of b (B, p [, K]).

    products: theta A', (B, p [, K])
    """
    largest, gradient_scale, gap_unit = units
    h = products.astype(b.dtype)
    h = jnp.pad(h, [(0, 0), (0, len(factors) - h.shape[1])] + [(0, 0)] * (h.ndim - 2))
    members = jnp.broadcast_to(members, (len(h), len(factors)))  # of all points, or of each
    h = jax.vmap(lambda h, members: _scaled(penalty, factors, scale, h, members, largest, kind))(h, members)
    parts = jnp.sum(r**2, axis=1).reshape(len(r), -1)
    sums = jnp.sum(parts, axis=1), _sum(theta, theta), _sum(theta, z)
    gaps = _gaps(penalty, factors, b, h, lambdas, *sums, step, gradient_scale, gap_unit, kind)
    return gaps, parts / 2, h


class Rows(NamedTuple):
    """What is known of the rows of an objective of another loss."""

    loss: Any
    y: Float[Any, "n ..."]
    offset: Float[Any, "n ..."]
    root: Float[Any, " n"]
    basis: Float[Any, "... k n"]  # all that is free, (k, n) or of each output (K, k, n)


def slopes_at(rows, fit, correction):
    """(Slopes (n [, K]), f) at a fit eta - offset, an intercept included.

    correction: "balance" where an intercept alone is free, "basis" of all that is; None for a residual, and where
    nothing is
    """
    loss, y, offset, root, basis = rows
    omega = root**2
    inverse = jnp.where(root > 0, 1 / jnp.where(root > 0, omega, 1.0), 0.0)
    eta = per_row(offset, fit) + fit
    u = loss.slopes(y, eta, omega)
    u = u * per_row(inverse, u)
    if correction == "balance":
        u = _duality.balanced(u, omega)
    elif correction == "basis":
        u = off_basis(loss, y, eta, u, root, basis)
    return _duality.Slopes(u, eta), loss.mean(y, eta, omega)


class RowTerms(NamedTuple):
    """What is known of an objective of another loss beside the columns."""

    rows: Rows
    members: Bool[Any, " p"]
    factors: Float[Any, " p"]
    scale: Float[Any, " p"]
    units: Any  # as in Terms


@partial(jax.jit, static_argnames="correction")
def slopes(fit, rows, *, correction):
    """(Slopes (B, n [, K]), f (B,)) of fits (B, n [, K])."""
    return jax.vmap(lambda fit: slopes_at(rows, fit, correction))(fit)


def at_slopes(rows, penalty, b, h, lam, slopes, value, factors, step, units, kind):
    """The gap of one point b (p [, K]), with h = -A (omega u) on the scale of the penalty, which is 0 for members."""
    _, gradient_scale, gap_unit = units
    residual = _duality.residual(penalty, b, h, lam * factors, step, gradient_scale)
    if kind == "residual":
        return residual
    omega = rows.root**2
    of_rows = rows.y, rows.offset, omega
    gap = _duality.loss_gap(rows.loss, penalty, b, h, lam * factors, slopes, value, *of_rows, gap_unit)
    return jnp.where(lam <= ZERO * gradient_scale, jnp.maximum(gap, residual), gap)


@partial(jax.jit, static_argnames="kind")
def of_loss(slopes, products, values, rows, members, penalty, factors, scale, b, lambdas, step, units, *, kind):
    """As `by_pass`, for Slopes (B, n [, K]) of any loss with f (B,) = values."""
    _, gradient_scale, _ = units
    h = products.astype(b.dtype)
    h = jnp.pad(h, [(0, 0), (0, len(factors) - h.shape[1])] + [(0, 0)] * (h.ndim - 2))
    h = h * per_row(scale, h[0])
    if kind == "gap":
        at_limit = (factors == 0) & penalty.limited  # where what is left of a gradient may be rounding
        rounding = per_row(at_limit, h[0]) & (jnp.abs(h) <= AT_LIMIT * gradient_scale)
        h = jnp.where(per_row(members, h[0]) | rounding, 0.0, h)

    def one(b, h, lam, slopes, value):
        return at_slopes(rows, penalty, b, h, lam, slopes, value, factors, step, units, kind)

    return jax.vmap(one)(b, h, lambdas, slopes, values), values[:, None], h
