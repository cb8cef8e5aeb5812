"""Certificates of blocks of points of an Objective: from the Gram matrix, or by a pass over the data."""

from copy import copy
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg import _duality
from jaxreg._certificate import Correlations, column_basis, gram_basis, inverse_root, is_blind, left_over
from jaxreg._column_set import capacity_for
from jaxreg._design import PRECISION
from jaxreg.penalties._base import per_row

SMALL = 1024  # columns up to which they are filled up to a capacity
ZERO = 1e-13  # of the largest gradient: a smaller lambda is as good as 0, and leaves no room for a dual scale


@partial(jax.jit, static_argnames="kind")
def _of_squared(penalty, factors, b, h, lambdas, rr, tt, ty, step, scale, null_loss, *, kind):
    """Certificates (B,)."""

    def one(b, h, lam, rr, tt, ty):
        if kind == "residual":
            return _duality.residual(penalty, b, h, lam * factors, step, scale)
        return _duality.squared_gap(penalty, b, h, lam * factors, rr, tt, ty, null_loss)

    return jax.vmap(one)(b, h, lambdas, rr, tt, ty)


@partial(jax.jit, static_argnames="kind")
def _of_loss(loss, penalty, factors, b, h, lambdas, u, values, y, offset, omega, step, scale, null_loss, *, kind):
    def one(b, h, lam, u, value):
        residual = _duality.residual(penalty, b, h, lam * factors, step, scale)
        if kind == "residual":
            return residual
        gap = _duality.loss_gap(loss, penalty, b, h, lam * factors, u, value, y, offset, omega, null_loss)
        return jnp.where(lam <= ZERO * scale, jnp.maximum(gap, residual), gap)

    return jax.vmap(one)(b, h, lambdas, u, values)


@jax.jit
def _project(r, basis):
    """r (B, n [, K]) made orthogonal to the rows of the basis (k, n)."""
    within = jnp.einsum("bn...,kn->bk...", r, basis, precision=PRECISION)
    return r - jnp.einsum("bk...,kn->bn...", within, basis, precision=PRECISION)


@partial(jax.jit, static_argnames="balance")
def _values(fit, omega, y, offset, loss, *, balance):
    """(dual values u (B, n), f (B,)) of fits eta - offset (B, n), an intercept included."""
    eta = offset + fit
    u, value = loss.gradient(y, eta), jnp.sum(omega * loss.value(y, eta), axis=1)
    return (jax.vmap(_duality.balanced, (0, None))(u, omega) if balance else u), value


def _sum(a, b):
    """Sums (B,) of a * b over all axes but the first."""
    return (a * b).reshape(len(a), -1).sum(axis=1)


class _Certificate:
    def __init__(self, objective):
        self.objective, self.kind = objective, objective.certificate
        self.scale = objective.gradient_scale

    def of_penalty(self, penalty):
        """The same with another mixing parameter; what is known of the data is shared."""
        other = copy(self)
        other.objective = replace(self.objective, penalty=penalty)
        return other

    def _filled(self, b, h):
        """(penalty, factors, b, h), filled up with absent columns so that few numbers of columns are compiled for."""
        o, p = self.objective, len(self.objective.factors)
        more = capacity_for(p) - p if o.screens and p <= SMALL else 0
        if not more:
            return o.penalty, o.factors, b, h
        index = np.append(np.arange(p), np.full(more, p))
        widths = [(0, 0), (0, more)] + [(0, 0)] * (b.ndim - 2)
        factors = np.append(o.factors, np.ones(more))
        return o.penalty.restrict(index), factors, np.pad(b, widths), np.pad(h, widths)

    def _as_good_as_zero(self, lambdas):
        """Which lambdas (B,) leave no room for a dual scale and no ridge part, beside rounding error."""
        o = self.objective
        curvature = np.divide(o.factors, o.scale**2, out=np.zeros(len(o.scale)), where=o.scale > 0)
        ridge = np.asarray(o.penalty.ridge(lambdas)) * curvature.max(initial=0.0)
        return (lambdas <= ZERO * self.scale) & (ridge <= ZERO)

    def _judged(self, b, h, lambdas, rr, tt, ty, step):
        o = self.objective
        gaps = _of_squared(*self._filled(b, h), lambdas, rr, tt, ty, step, self.scale, o.null_loss, kind=self.kind)
        return np.asarray(gaps)


def certificate(objective, gram):
    """What certifies blocks of points of an Objective: from its Gram matrix (p, p), or None."""
    return ByPass(objective) if gram is None else ByGram(objective, gram)


class ByGram(_Certificate):
    """From the Gram matrix (p, p) of all columns of the design; squared loss."""

    def __init__(self, objective, gram):
        super().__init__(objective)
        self.gram = gram * np.outer(objective.scale, objective.scale)
        self.corr, self.zz = objective.corr * per_row(objective.scale, objective.corr), 2 * objective.totals
        directions = objective.directions
        of_directions = directions @ self.gram @ directions.T
        self._bases = {False: inverse_root(of_directions) @ directions}
        self._unseen = {False: objective.basis if is_blind(of_directions) else None}

    def _bases_at(self, at_zero):
        """(Basis in terms of the columns, basis (k, n) of the rows where the Gram matrix may not do, else None)."""
        if at_zero not in self._bases:
            entering = self.objective.scale > 0
            self._bases[at_zero] = gram_basis(self.gram, entering)
            blind = is_blind(self.gram[np.ix_(entering, entering)])
            self._unseen[at_zero] = column_basis(self.objective.design, entering) if blind else None
        return self._bases[at_zero], self._unseen[at_zero]

    def __call__(self, columns, solved, lambdas):
        """(certificates (B,), twice the losses (B, K or 1), h (B, p [, K])). A generator, which asks for nothing."""
        b = columns.spread(solved.x, axis=1)
        fit = np.einsum("bj...,ji->bi...", b, self.gram, optimize=True)
        r = self.corr - fit
        parts = np.maximum(self.zz + np.sum(b * (fit - 2 * self.corr), axis=1).reshape(len(b), -1), 0.0)
        rr = parts.sum(axis=1)
        gaps, h = np.empty(len(b)), np.empty_like(r)
        zero = self._as_good_as_zero(lambdas)
        for at_zero in np.unique(zero):
            (T, basis), at = self._bases_at(at_zero), zero == at_zero
            q = np.einsum("bj...,kj->bk...", r[at], T, optimize=True)
            h[at] = r[at] - np.einsum("bk...,ki->bi...", q, T @ self.gram, optimize=True)
            along = np.einsum("j...,kj->k...", self.corr, T)
            tt = np.maximum(rr[at] - _sum(q, q), 0.0)
            ty = self.zz.sum() - _sum(b[at], self.corr) - _sum(q, along)
            gaps[at] = self._judged(b[at], h[at], lambdas[at], rr[at], tt, ty, solved.step)
            if basis is not None and self.kind == "gap" and self.objective.null_loss > 0:
                by_rows = self._residuals(b[at])
                parts[at] = np.sum(by_rows**2, axis=1).reshape(len(by_rows), -1)
                gaps[at] = np.maximum(gaps[at], left_over(basis, by_rows) / self.objective.null_loss)
        yield from ()
        return gaps, parts, h

    def _residuals(self, b):
        """z - A'(scale b), (B, n [, K]), by the rows of the data."""
        o = self.objective
        rows = np.moveaxis(b * per_row(o.scale, b[0]), 1, -1)
        fit = np.asarray(o.design.predict(rows.reshape(-1, rows.shape[-1])))
        return o.y - np.moveaxis(fit.reshape(*rows.shape[:-1], -1), -1, 1)


class ByPass(_Certificate):
    """By one pass over the data for all points of a block."""

    def __init__(self, objective):
        super().__init__(objective)
        self._bases = {False: objective.basis}

    def __call__(self, columns, solved, lambdas):
        """As `ByGram`; it yields `Correlations` and is sent them, so that many lanes share one pass."""
        o, step, b = self.objective, solved.step, columns.spread(solved.x, axis=1)
        fit = columns.fitted(solved.x, solved.images)
        if not o.squared:
            balance = self.kind == "gap" and bool(o.free)
            u, values = _values(fit, o.root**2, o.y, o.offset, o.loss, balance=balance)
            if solved.rounded is not None:  # any dual value will do, and those before rounding are the better ones
                after, values = _values(solved.rounded, o.root**2, o.y, o.offset, o.loss, balance=balance)
                u = u if self.kind == "gap" else after
            h = yield from self._correlations(-o.root * np.asarray(u))
            gaps = _of_loss(
                o.loss, *self._filled(b, h), lambdas, u, values, o.y, o.offset, o.root**2,
                step, self.scale, o.null_loss, kind=self.kind,
            )  # fmt: skip
            return np.asarray(gaps), 2 * np.asarray(values)[:, None], h
        z, r = o.y, o.y - np.asarray(fit, np.float64)
        parts, theta = np.sum(r**2, axis=1).reshape(len(r), -1), np.empty_like(r)
        zero = self._as_good_as_zero(lambdas)
        for at_zero in np.unique(zero):
            if at_zero not in self._bases:
                self._bases[at_zero] = column_basis(o.design, o.scale > 0)
            theta[zero == at_zero] = _project(r[zero == at_zero], self._bases[at_zero])
        h = yield from self._correlations(theta)
        gaps = self._judged(b, h, lambdas, parts.sum(axis=1), _sum(theta, theta), _sum(theta, z[None]), step)
        return gaps, parts, h

    def _correlations(self, R):
        """h (B, p [, K]) of rows R (B, n [, K])."""
        rows = np.moveaxis(R, 1, -1).reshape(-1, R.shape[1])
        answer = np.asarray((yield Correlations(rows)), np.float64) * self.objective.scale
        return np.moveaxis(answer.reshape(len(R), *R.shape[2:], -1), -1, 1)
