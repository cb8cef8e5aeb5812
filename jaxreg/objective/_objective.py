"""The one problem that is solved at all lambdas: loss, penalty and response on a design, and all that is known of them
before the first lambda.

    minimise over b0, b   sum_i omega_i loss(y_i, offset_i + b0 + (A'(scale b))_i / root_i) + penalty(b, lambda factors)

A (p, n) is the design, root = sqrt(omega). b is on the scale of the penalty: the user's coefficient of column j is
unit scale_j b_j / norm_j, with norm_j the column's length. Loss, y and offset are in the unit of the response, and
lambda is the user's over `lambda_unit`. The squared loss is centred: y is root (y - offset - mean), and there is no b0.
With K responses y, b and what follows from them have a last axis (K,), and the objective is the sum of theirs.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import Design
from jaxreg.losses import Loss
from jaxreg.objective._null_model import (
    EXACT,
    PLAIN,
    NullFit,
    Span,
    left_within,
    null_fit,
    orthonormal_sums,
    unit_rows,
)
from jaxreg.objective._units import centred_response, entering_columns
from jaxreg.penalties import Penalty
from jaxreg.penalties._base import has_dual, per_row
from jaxreg.solvers.smooth import Averaged


@dataclass(frozen=True)
class Objective:
    """See the head of this file. Arrays are NumPy float64."""

    design: Design
    loss: Loss
    penalty: Penalty
    scale: np.ndarray  # (p,), 0 where a column is left out
    factors: np.ndarray  # (p,), finite
    unit: float  # what the response counts in
    y: np.ndarray  # (n,) or (n, K); of the squared loss 0 where nothing but rounding is left
    offset: np.ndarray  # (n,) or (n, K), 0 with the squared loss
    b0: np.ndarray  # (1,) of the intercept-only model where b0 is to be fitted, else (0,) or (0, K)
    y_mean: Any  # what an intercept holds beside b0: float or (K,)
    directions: np.ndarray  # (k, p) along which a penalty that is not separable does not change
    span: Span  # of all that is neither penalised nor limited
    orthonormal: tuple | None  # (T (k, p), its products with the Gram matrix): T A is a basis of it; None if not made
    corr: Any  # A y (p,) or (p, K), on the scale of the design; None without the squared loss
    null_gradient: np.ndarray  # (p,) or (p, K): minus the loss' derivative in b at the null model
    null_eta: np.ndarray | None  # (n,) linear predictor of the null model; None with the squared loss
    null_losses: np.ndarray  # (K,) or (1,): those of the null model, above the saturated one; 0 where it fits exactly
    totals: np.ndarray  # (K,) or (1,): losses of the intercept-only model above the saturated one, half its deviance
    saturated: float  # loss of the saturated model
    constant_features: np.ndarray  # columns that are left out because they do not vary
    certificate: str  # "gap" where a dual is known, else "residual"
    separated: bool = False  # whether the loss falls without end along something that is neither penalised nor limited

    @property
    def squared(self):
        return self.loss.quadratic

    @property
    def free(self):
        """How many intercepts are fitted beside the coefficients: 0 or 1."""
        return len(self.b0)

    @property
    def basis(self):
        """(k', n) orthonormal: the span of all that is neither penalised nor limited."""
        return self.span.basis

    @property
    def responses(self):
        """K, None for one response (n,)."""
        return self.loss.responses(self.y)

    @property
    def outputs(self):
        """Shape of the linear predictor of one row: () or (K,)."""
        return self.loss.outputs(self.y)

    @property
    def root(self):
        return self.design.root

    @property
    def lambda_unit(self):
        """The user's lambda for a lambda of 1."""
        return self.unit ** (self.loss.degree - 1)

    @property
    def loss_unit(self):
        """The user's loss for a loss of 1."""
        return self.unit**self.loss.degree

    @property
    def null_loss(self):
        """P0, loss of the null model above that of the saturated one."""
        return float(np.sum(self.null_losses))

    @property
    def gap_unit(self):
        """What gaps are relative to: P0, or the loss without any column where the null model fits exactly."""
        return self.null_loss or float(np.sum(self.totals))

    def of_response(self, r):
        """The objective of one of K responses, where it is a sum of theirs."""
        return replace(
            self,
            y=self.y[:, r],
            b0=self.b0[:, r],
            y_mean=self.y_mean[r],
            corr=self.corr[:, r],
            null_gradient=self.null_gradient[:, r],
            null_losses=self.null_losses[[r]],
            totals=self.totals[[r]],
        )

    def each_response(self):
        """The objectives of all responses: itself for one."""
        return [self] if self.responses is None else [self.of_response(r) for r in range(self.responses)]

    @property
    def total(self):
        """Loss of the intercept-only model, above the saturated one."""
        return float(np.sum(self.totals))

    @cached_property
    def present(self):
        """(p,) bool: columns that are not left out."""
        return self.scale > 0

    @cached_property
    def unpenalised(self):
        """(p,) bool: columns that are not penalised, which no screening may leave out."""
        return self.present & ((self.factors == 0) | self.directions.any(axis=0))

    @cached_property
    def l1_factor(self):
        """(p,) factors of |x_j| for x on the scale of the design, inf where a column is left out."""
        return np.divide(self.factors, self.scale, out=np.full(len(self.scale), np.inf), where=self.present)

    @cached_property
    def l2_factor(self):
        """(p,) factors of x_j^2 / 2 for x on the scale of the design, 0 where a column is left out."""
        return np.divide(self.factors, self.scale**2, out=np.zeros(len(self.scale)), where=self.present)

    @cached_property
    def limits(self):
        """(lower, upper), each (p,), on the scale of the penalty."""
        penalty: Any = self.penalty
        if penalty.limited:
            return np.asarray(penalty.lower), np.asarray(penalty.upper)
        return np.full(len(self.scale), -np.inf), np.full(len(self.scale), np.inf)

    @property
    def null_curvature(self):
        """Mean second derivative of the loss at the null model; its bound where that is 0, and 1 without one."""
        if self.null_eta is None:
            return 1.0
        eta = jnp.asarray(self.null_eta)
        signs = jnp.asarray(np.where(np.arange(eta.size) % 2, -1.0, 1.0).reshape(eta.shape))
        curvature = jnp.sum(signs * self.loss.curved(self.y, eta, self.root**2, signs))
        bound = self.loss.curvature_bound()
        return float(curvature) or (1.0 if bound is None else float(np.asarray(bound)))

    @property
    def gradient_scale(self):
        """The largest gradient at the null model."""
        return float(np.abs(self.null_gradient).max(initial=0.0))

    def with_mixing(self, l1_ratio):
        """The same with another mixing parameter of the penalty, NaN for a penalty that has none."""
        return replace(self, penalty=mixed(self.penalty, l1_ratio))

    def per_coefficient(self, like):
        """The user's coefficients (p,) for b = 1, in the shape that multiplies `like`."""
        return per_row(self.unit * self.scale / self.design.columns.norm, like)

    def from_user(self, coef):
        """b of the user's coefficients (p,) or (p, K): 0 where a column is left out."""
        unit = self.per_coefficient(coef)
        return np.divide(coef, unit, out=np.zeros(np.shape(coef)), where=unit > 0)


def mixing(penalty):
    """The mixing parameter of a penalty, NaN where it has none."""
    return penalty.l1_ratio if penalty.mixes else np.nan


def mixed(penalty, l1_ratio):
    """The penalty with another mixing parameter."""
    return penalty if np.isnan(l1_ratio) else replace(penalty, l1_ratio=l1_ratio)


def make_objective(design, data, model, loss, penalty, corr=None, products=None):
    """The Objective of `data` on `design`; `corr` (p,) or (p, K) where A y is known already (squared loss).

    So may be `products` (k, p) of the `free_directions` with the Gram matrix. Limits are on the user's scale.
    """
    left_out, factors, sigma = entering_columns(design, model)
    scale = np.where(np.isinf(factors), 0.0, design.columns.norm / sigma)
    factors = penalty.checked_factors(factors, loss.responses(data.y))
    directions = np.zeros((0, design.p)) if penalty.separable else penalty.unpenalised(factors)
    directions = directions[(directions * scale).any(axis=1)]
    z, y_mean, unit = centred_response(data, model) if loss.degree else (None, 0.0, 1.0)
    if penalty.limited:
        penalty = penalty.rescaled(np.divide(design.columns.norm, scale, out=np.ones(design.p), where=scale > 0) / unit)
    span, orthonormal = _span(design, penalty, factors, scale, directions), None
    if products is not None:
        sums = penalty.unpenalised(factors) * scale
        orthonormal = orthonormal_sums(sums[sums.any(axis=1)], products)
    shared = {
        "design": design,
        "penalty": penalty,
        "scale": scale,
        "factors": factors,
        "directions": directions,
        "span": span,
        "orthonormal": orthonormal,
        "constant_features": np.flatnonzero(left_out),
        "certificate": "gap" if _dual_known(loss, penalty, data, factors, scale, span) else "residual",
    }
    if loss.quadratic:
        return _squared(shared, data, model, loss, z, y_mean, unit, corr)
    return _general(shared, data, model, loss, unit)


def _span(design, penalty, factors, scale, directions):
    unlimited = np.isinf(penalty.lower) & np.isinf(penalty.upper) if penalty.limited else True
    columns = np.flatnonzero((factors == 0) & (scale > 0) & unlimited) if penalty.separable else np.zeros(0, int)
    return Span(design, columns, unit_rows(directions * scale))


def _limited_free(penalty, factors, scale):
    """Unpenalised columns (k,) that have a limit."""
    if not penalty.limited:
        return np.zeros(0, int)
    return np.flatnonzero((factors == 0) & (scale > 0) & (np.isfinite(penalty.lower) | np.isfinite(penalty.upper)))


_DUALS: dict[Any, bool] = {}  # whether the dual of a loss is known: one look at each kind


def _dual_known(loss, penalty, data, factors, scale, span):
    outputs = loss.outputs(data.y)
    known = has_dual(penalty, np.zeros((len(factors), *outputs)), factors)
    if loss.quadratic or not known:
        return known
    if loss.coupling == "rows":  # its dual points cannot be corrected: they need limits on both sides
        bounded = _limited_free(penalty, factors, scale)
        if len(span.basis) or (bounded.size and np.isinf([penalty.lower[bounded], penalty.upper[bounded]]).any()):
            return False
    kind = jax.tree.structure(loss)
    if kind not in _DUALS:
        eta = data.y if outputs else data.weight
        _DUALS[kind] = jax.eval_shape(loss.dual, data.y, eta, eta, data.weight, 1.0) is not None
    return _DUALS[kind]


def _correlations(design, R):
    """A R, (p,) or (p, K), for R (n,) or (n, K)."""
    products = np.asarray(design.correlate(R[None] if R.ndim == 1 else R.T), np.float64)
    return products[0] if R.ndim == 1 else products.T


def _squared(shared, data, model, loss, z, y_mean, unit, corr):
    design, scale, penalty = (shared[name] for name in ("design", "scale", "penalty"))
    bounded = _limited_free(penalty, shared["factors"], scale)
    if bounded.size:  # the others go with them
        bounded = np.flatnonzero((shared["factors"] == 0) & (scale > 0))
    corr = _correlations(design, z) if corr is None else corr
    totals = np.atleast_1d(np.sum(z**2, axis=0) / 2)
    null = None if bounded.size else _null_by_products(shared["orthonormal"], corr, totals)
    null_corr, null_losses = _null_by_rows(shared, data, model, z, corr, bounded) if null is None else null
    return Objective(
        **shared,
        loss=loss,
        unit=unit,
        y=z,
        offset=np.zeros(design.n),
        b0=np.zeros((0, *z.shape[1:])),
        y_mean=y_mean,
        corr=corr,
        null_gradient=per_row(scale, corr) * null_corr,
        null_eta=None,
        null_losses=null_losses,
        totals=totals,
        saturated=0.0,
    )


def _null_by_products(orthonormal, corr, totals):
    """(A times what the null model leaves of z, its losses); None where only the rows of the data have the digits."""
    if orthonormal is None:
        return None
    T, along = orthonormal
    within = T @ corr
    losses = totals - np.atleast_1d(np.sum(within**2, axis=0) / 2)
    return (corr - along.T @ within, losses) if (losses >= PLAIN * totals).all() else None


def _null_by_rows(shared, data, model, z, corr, bounded):
    """The same, with the columns `bounded` inside their limits."""
    design, scale, penalty, basis = *(shared[name] for name in ("design", "scale", "penalty")), shared["span"].basis
    eps, rows = np.finfo(design.dtype).eps, np.count_nonzero(data.weight)
    if bounded.size:
        columns = np.asarray(design.gather(bounded), np.float64) * scale[bounded, None]
        left = left_within(z, columns, penalty.lower[bounded], penalty.upper[bounded])
    else:
        left = z - basis.T @ (basis @ z) if len(basis) else z
    if left is not z:
        saturated = rows <= model.fit_intercept + len(basis)
        if saturated or np.abs(left).max() <= EXACT * eps * np.abs(z).max(initial=0.0):
            left = np.zeros_like(left)
        corr = _correlations(design, left)
    return corr, np.atleast_1d(np.sum(left**2, axis=0) / 2)


def _general(shared, data, model, loss, unit):
    design, scale, penalty, basis = *(shared[name] for name in ("design", "scale", "penalty")), shared["span"].basis
    free, root = int(model.fit_intercept and loss.has_intercept), design.root
    counting = data.weight > 0
    loss = loss.in_units(unit)
    offset = np.zeros(design.n) if data.offset is None else data.offset / unit
    y = data.y / unit
    if loss.coupling != "rows":  # rows without a weight may hold anything
        y = np.where(per_row(counting, y), y, y[np.argmax(counting)])

    def fit(rows, limits=None):
        """The NullFit of some rows."""
        smooth = Averaged(rows, root**2, y, offset, loss)
        level = _level(smooth) if free and data.offset is not None else None
        coef, look, attained = null_fit(smooth, level, limits)
        # what is left of y is rounding, which a narrow loss would take for a misfit
        if loss.width is not None and np.abs(y - look.eta)[counting].max() <= EXACT * eps * np.abs(y).max():
            look = look._replace(value=look.least, eta=y, slopes=np.zeros_like(y))
        return NullFit(coef, look, attained)

    eps = np.finfo(design.dtype).eps
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    intercept, bounded = np.ones((free, design.n)), _limited_free(penalty, shared["factors"], scale)
    rows, limits = basis * inverse, None
    if bounded.size:
        columns = np.asarray(design.gather(bounded), np.float64) * scale[bounded, None]
        limits = tuple(
            np.concatenate([side * np.full(len(rows), np.inf), limit[bounded], side * np.full(free, np.inf)])
            for side, limit in ((-1, penalty.lower), (1, penalty.upper))
        )
        rows = np.concatenate([rows, columns * inverse])
    of_null = fit(np.concatenate([rows, intercept]), limits)
    alone, null = fit(intercept) if len(rows) else of_null, of_null.look
    saturated = float(null.least)
    total = _above(alone.look.value, saturated, 0.0)
    null_loss = _above(null.value, saturated, total)
    slopes = null.slopes if null_loss > 0 else np.zeros_like(null.slopes)  # of an exact fit they are rounding
    return Objective(
        **shared,
        loss=loss,
        unit=unit,
        y=y,
        offset=offset,
        b0=alone.coef,
        y_mean=0.0,
        corr=None,
        null_gradient=per_row(scale, slopes) * _correlations(design, -per_row(inverse, slopes) * slopes),
        null_eta=null.eta,
        null_losses=np.array([null_loss]),
        totals=np.array([total]),
        saturated=saturated,
        separated=not of_null.attained,
    )


def _above(value, saturated, total):
    """By how much a loss is above that of the saturated model, which it reaches where rounding is all that is left.

    It is rounding beside that loss, and beside the total that columns explain.
    """
    above = float(value) - saturated
    return above if above > EXACT * np.finfo(float).eps * max(abs(saturated), total) else 0.0


def _level(smooth):
    """An intercept () or (K,) to begin with: that of 0 and some that offsets call for whose loss is the least."""
    offset = np.asarray(smooth.offset)[np.asarray(smooth.omega) > 0]
    levels = np.concatenate([np.zeros((1, *offset.shape[1:])), -np.quantile(offset, (0.0, 0.5, 1.0), axis=0)])
    values = np.asarray(_values(smooth, levels))
    return levels[np.argmin(np.where(np.isfinite(values), values, np.inf))]


@jax.jit
def _values(smooth, levels):
    """The mean losses of some intercepts alone."""
    return jax.vmap(lambda level: smooth.loss.mean(smooth.y, smooth.offset + level, smooth.omega))(levels)
