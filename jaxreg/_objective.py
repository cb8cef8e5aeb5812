"""Any loss and any penalty on a design: what block descent and the proximal solver are given."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._design import Design
from jaxreg._problem import centred_responses, entering_columns, row_basis
from jaxreg.losses import Loss, Squared
from jaxreg.penalties import Lasso, Penalty
from jaxreg.penalties._base import Screened, per_row
from jaxreg.solvers.composite import minimum
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Averaged, curvature_of

NULL_TOL, NULL_ITER, NULL_ROUNDS = 1e-12, 2000, 20  # of the fit of the null model, relative to the largest gradient


@dataclass(frozen=True)
class Objective:
    """minimise over b0, b   sum_i omega_i loss(y_i, offset_i + b0 + (A'(scale b))_i / root_i) + penalty(b, lam factors)

    b is on the scale of the penalty: coefficient_j = unit scale_j b_j / norm_j; loss, y and offset are in the unit of
    the response, and lam is that of the user / lambda_unit. For the squared loss y is centred, and there is no b0. With
    K responses b, y and what follows from them have a last axis (K,).
    """

    design: Design
    loss: Loss
    penalty: Penalty
    scale: np.ndarray  # (p,), 0 where a column is left out
    factors: np.ndarray  # (p,), finite
    unit: float  # what the response counts in
    y: np.ndarray  # (n,); with the squared loss root * (y - offset - mean), (n,) or (n, K), 0 where that is rounding
    offset: np.ndarray  # (n,), 0 with the squared loss
    b0: np.ndarray  # (1,) of the null model where b0 is to be fitted, else (0,) or (0, K)
    y_mean: Any  # what an intercept holds beside b0: float or (K,)
    directions: np.ndarray  # (k, p) along which the penalty does not change
    basis: np.ndarray  # (k', n) orthonormal: the span of their images
    corr: np.ndarray | None  # (p,) or (p, K): A z, on the scale of the design, with the squared loss
    null_gradient: np.ndarray  # (p,) or (p, K): -f' on the scale of the penalty at the null model
    null_eta: np.ndarray | None  # (n,) linear predictor of the null model; None with the squared loss
    null_loss: float  # loss of the null model, 0 where it fits exactly
    total: float  # loss of the intercept-only model
    totals: np.ndarray  # (K,) its parts
    constant_features: np.ndarray
    screens: bool  # whether the columns come in one by one
    certificate: str  # "gap" where a dual is known, else "residual"

    @property
    def free(self):
        """How many intercepts are fitted beside the coefficients: 0 or 1."""
        return len(self.b0)

    @property
    def squared(self):
        return isinstance(self.loss, Squared)

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
    def null_curvature(self):
        """Mean second derivative of the loss at the null model; its bound where that is 0, and 1 without one."""
        if self.null_eta is None:
            return 1.0
        curvature = self.loss.hessian(self.y, jnp.asarray(self.null_eta))
        bound = self.loss.curvature_bound()
        return float(self.root**2 @ np.asarray(curvature)) or (1.0 if bound is None else float(np.asarray(bound)))

    @property
    def gradient_scale(self):
        """The largest gradient at the null model."""
        return float(np.abs(self.null_gradient).max(initial=0.0))

    def of_response(self, r):
        """The same with mean and deviance of one of K responses, which are solved together."""
        return replace(self, y_mean=self.y_mean[r], total=self.totals[r])


def make_objective(design, data, model, loss, penalty, corr=None):
    """The Objective of `data` on `design`; `corr` (p,) or (p, K) where A z is known already (squared loss)."""
    left_out, factors, sigma = entering_columns(design, model)
    scale = np.where(np.isinf(factors), 0.0, design.columns.norm / sigma)
    factors = penalty.checked_factors(factors, None if data.y.ndim == 1 else data.y.shape[1])
    directions = penalty.unpenalised(factors)
    directions = directions[np.abs(directions * scale).max(axis=1) > 0] if len(directions) else directions
    shared = {
        "design": design,
        "loss": loss,
        "penalty": penalty,
        "scale": scale,
        "factors": factors,
        "directions": directions,
        "constant_features": np.flatnonzero(left_out),
        "screens": isinstance(penalty, Screened),
        "certificate": "gap" if _dual_known(loss, penalty, data, factors, directions) else "residual",
    }
    eps = np.finfo(design.dtype).eps
    basis = np.zeros((0, design.n))
    if len(directions):
        basis = row_basis(np.asarray(design.predict(directions * scale), np.float64), eps)
    if isinstance(loss, Squared):
        return _squared(shared, data, model, basis, corr)
    return _general(shared, data, model, basis)


def _dual_known(loss, penalty, data, factors, directions):
    if jax.eval_shape(penalty.dual_norm, np.zeros((len(factors), *data.y.shape[1:])), factors) is None:
        return False
    if isinstance(loss, Squared):
        return True
    return not len(directions) and jax.eval_shape(loss.conjugate, data.y, data.y) is not None


def _correlations(design, R):
    """A R (p,) or (p, K) of R (n,) or (n, K)."""
    found = np.asarray(design.correlate(R[None] if R.ndim == 1 else R.T), np.float64)
    return found[0] if R.ndim == 1 else found.T


def _centred(data, model):
    """centred_responses of y (n,), or (n, K): (like y, () or (K,), the unit)."""
    z, y_mean, unit = centred_responses([replace(data, y=y) for y in np.atleast_2d(data.y.T)], model)
    return (z[0], float(y_mean[0]), unit) if data.y.ndim == 1 else (z.T, y_mean, unit)


def _squared(shared, data, model, basis, corr):
    design, scale = shared["design"], shared["scale"]
    z, y_mean, unit = _centred(data, model)
    fitted = basis.T @ (basis @ z) if len(basis) else 0.0
    left = z - fitted
    eps = np.finfo(design.dtype).eps
    saturated = np.count_nonzero(data.weight) <= model.fit_intercept + len(basis)
    if len(basis) and (saturated or np.abs(left).max() <= 16 * eps * np.abs(z).max(initial=0.0)):
        left = np.zeros_like(z)
    corr = _correlations(design, z) if corr is None else corr
    return Objective(
        **shared,
        unit=unit,
        y=z,
        offset=np.zeros(design.n),
        b0=np.zeros((0, *z.shape[1:])),
        y_mean=y_mean,
        basis=basis,
        corr=corr,
        null_gradient=per_row(scale, corr) * (_correlations(design, left) if len(basis) else corr),
        null_eta=None,
        null_loss=float(np.sum(left**2)) / 2,
        total=float(np.sum(z**2)) / 2,
        totals=np.atleast_1d(np.sum(z**2, axis=0) / 2),
    )


def _general(shared, data, model, basis):
    loss, design, scale = shared["loss"], shared["design"], shared["scale"]
    free, root = int(model.fit_intercept), design.root
    counting = data.weight > 0
    loss.encode(data.y, counting)  # which checks it
    unit = _centred(data, model)[-1] if loss.degree else 1.0
    loss = shared["loss"] = loss.in_units(unit)
    offset = np.zeros(design.n) if data.offset is None else data.offset / unit
    y = np.where(counting, data.y, data.y[np.argmax(counting)]) / unit

    def fit(rows):
        """(coefficients, eta (n,), loss) of the model of some rows alone."""
        smooth = Averaged(rows, root**2, y, offset, loss)
        if not len(rows):
            return np.zeros(0), offset, float(smooth.value(np.zeros(0), np.zeros(design.n)))
        coef, eta, value = _null_fit(smooth)
        # what is left of y is rounding, which a narrow loss would take for a misfit
        exact = loss.width is not None and np.abs(y - eta)[counting].max() <= 16 * eps * np.abs(y).max()
        return (coef, y, 0.0) if exact else (coef, eta, value)

    eps = np.finfo(design.dtype).eps
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    intercept = np.ones((free, design.n))
    coef, eta, null_loss = fit(np.concatenate([basis * inverse, intercept]))
    b0, total = coef[len(basis) :], null_loss if not len(basis) else fit(intercept)[-1]
    u = np.asarray(loss.gradient(y, eta))
    return Objective(
        **shared,
        unit=unit,
        y=y,
        offset=offset,
        b0=b0,
        y_mean=0.0,
        basis=basis,
        corr=None,
        null_gradient=scale * _correlations(design, -root * u),
        null_eta=eta,
        null_loss=null_loss,
        total=total,
        totals=np.array([total]),
    )


@jax.jit
def _null(smooth, start, tol):
    q = smooth.image(start)
    problem = Composite(smooth, Lasso(), 0.0)
    return minimum(problem, start, tol, NULL_ITER, curvature_of(smooth, q, start))


def _null_fit(smooth):
    start = jnp.zeros(len(smooth.rows))
    scale = float(jnp.sum(smooth.omega * jnp.abs(smooth.loss.gradient(smooth.y, smooth.offset))))
    for _ in range(NULL_ROUNDS):
        solution = _null(smooth, start, NULL_TOL * scale)
        if solution.n_iter < NULL_ITER:  # it is as good as rounding allows
            break
        start = solution.b
    else:
        raise ValueError(
            f"loss is {type(smooth.loss).__name__}, and its fit of the intercept and the unpenalised columns to y does "
            "not converge; scale y and these columns to a size near 1, or penalise them."
        )
    return np.asarray(solution.b), np.asarray(smooth.offset + solution.q), float(smooth.value(solution.b, solution.q))
