"""The problem on the scale of the design: least squares on A with penalty factors and limits of that scale.

The one rule of units. Where the columns are standardised, so is the response: the penalty sees the coefficients of
columns and response in units of their standard deviations, and lambda in units of the response,

    sum_i omega_i loss(y_i, eta_i) + s^k penalty(b sigma / s, lambda v / s^(k - 1)),          s = sd(y - offset),

with k the degree of the loss, 2 for the squared one: what is solved is that of y / s at lambda / s^(k - 1), and its
coefficients are multiplied by s. Penalties of degree one do not notice; the ridge part becomes lambda / s, as in glmnet
(Friedman, Hastie and Tibshirani 2010, section 2.5). Otherwise s is 1, and the objective stands literally.
"""

from dataclasses import dataclass

import numpy as np

from jaxreg._design import Design


@dataclass(frozen=True)
class Model:
    """What is asked of the coefficients, on the user's scale."""

    penalty_factors: np.ndarray  # (p,)
    lower: np.ndarray  # (p,)
    upper: np.ndarray  # (p,)
    fit_intercept: bool
    standardize: bool
    standardize_response: bool = False  # likewise, unless the penalty is of degree one and does not notice


@dataclass(frozen=True)
class Problem:
    """minimise |z - A'b|^2 / 2 + lambda * sum_j [ a f1_j |b_j| + (1 - a) f2_j b_j^2 / 2 ], lower <= b <= upper.

    Arrays are NumPy float64. b_j = norm_j / unit * coefficient_j, so f1 = v sigma / norm and f2 = v (sigma / norm)^2
    with sigma the standard deviation where columns are standardised, else 1; lambda is that of the user / lambda_unit.
    """

    design: Design
    z: np.ndarray  # (n,) sqrt(omega) * (y - offset - y_mean) / unit
    corr: np.ndarray  # (p,) A z
    l1_factor: np.ndarray  # (p,), inf: excluded
    l2_factor: np.ndarray  # (p,), 0 where excluded
    lower: np.ndarray  # (p,)
    upper: np.ndarray  # (p,)
    y_mean: float
    unit: float  # what the response counts in
    basis: np.ndarray  # (k, n) orthonormal basis of the unpenalised columns without limits
    null_corr: np.ndarray  # (p,) A r of the null model: intercept and unpenalised columns
    null_loss: float  # P0, half the squared residual of the null model; 0 where the null model fits exactly
    total: float  # half the squared residual of the intercept-only model
    constant_features: np.ndarray  # columns that are left out because they do not vary

    @property
    def lambda_unit(self):
        """The user's lambda for a lambda of 1."""
        return self.unit

    @property
    def loss_unit(self):
        """The user's loss for a loss of 1."""
        return self.unit**2


def row_basis(U, eps):
    """Orthonormal basis (rank, n) of the span of the rows of U (k, n)."""
    _, s, Vt = np.linalg.svd(U, full_matrices=False)
    return Vt[s > eps * max(U.shape) * s.max(initial=0.0)]


def _null_fit(U, z, lower, upper, eps):
    """(basis, residual) of the least-squares fit of z on the rows of U (k, n); the basis spans the unlimited ones."""
    unlimited = np.isinf(lower) & np.isinf(upper)
    basis = row_basis(U[unlimited], eps)
    if unlimited.all():
        return basis, z - (z @ basis.T) @ basis
    from scipy.optimize import lsq_linear  # imported here: it takes longer than a small path

    return basis, z - lsq_linear(U.T, z, (lower, upper), method="bvls").x @ U


def entering_columns(design, model):
    """(columns that are left out because they do not vary, penalty factors with inf for these, scales) all (p,).

    Without an intercept a constant column stays where it has no need of a scale: unpenalised it is an intercept.
    """
    scaled = model.standardize & (model.penalty_factors > 0)
    left_out = design.columns.constant & (model.fit_intercept | scaled)
    factors = np.where(left_out | ((model.lower == 0) & (model.upper == 0)), np.inf, model.penalty_factors)
    sigma = np.where(design.columns.constant | (not model.standardize), 1.0, design.columns.sd)
    return left_out, factors, sigma


def make_problem(design, data, model):
    """The Problem of `data` on `design`."""
    return make_problems(design, [data], model)[0]


def make_problems(design, data, model, corr=None):
    """The Problems of several responses, a Data for each, on one design; `corr` (K, p) where A z is known already."""
    z, y_mean, unit = centred_responses(data, model)
    if corr is None:
        corr = np.asarray(design.correlate(z), dtype=np.float64)
    each = zip(data, z, y_mean.tolist(), corr, strict=True)
    return [_problem(design, data, model, z, mean, unit, corr) for data, z, mean, corr in each]


def _problem(design, data, model, z, y_mean, unit, corr):
    columns = design.columns
    left_out, factors, sigma = entering_columns(design, model)
    l1_factor = factors * sigma / columns.norm
    with np.errstate(invalid="ignore"):
        l2_factor = np.where(np.isinf(factors), 0.0, factors * (sigma / columns.norm) ** 2)
    scale = columns.norm / unit
    lower, upper = model.lower * scale, model.upper * scale

    basis, residual, null_corr = np.zeros((0, design.n)), z, corr
    unpenalised = np.flatnonzero(l1_factor == 0)
    if unpenalised.size:
        eps = np.finfo(design.dtype).eps
        U = np.asarray(design.gather(unpenalised), dtype=np.float64)
        basis, residual = _null_fit(U, z, lower[unpenalised], upper[unpenalised], eps)
        saturated = np.count_nonzero(data.weight) <= model.fit_intercept + len(basis)
        if saturated or np.abs(residual).max() <= 16 * eps * np.abs(z).max(initial=0.0):
            residual = np.zeros_like(residual)
        null_corr = np.asarray(design.correlate(residual[None]), dtype=np.float64)[0]
    return Problem(
        design=design,
        z=z,
        corr=corr,
        l1_factor=l1_factor,
        l2_factor=l2_factor,
        lower=lower,
        upper=upper,
        y_mean=y_mean,
        unit=unit,
        basis=basis,
        null_corr=null_corr,
        null_loss=float(residual @ residual) / 2,
        total=float(z @ z) / 2,
        constant_features=np.flatnonzero(left_out),
    )


def centred_responses(data, model):
    """(sqrt(weight) * (y - offset - mean) / unit (R, n), means (R,), the unit) of responses, a Data for each.

    Exact zeros where nothing but rounding is left. Where the model standardises them, the unit is the root mean square
    of the standard deviations, without an intercept of the root mean squares, of those that are not 0; else it is 1.
    """
    z, y_mean = map(np.array, zip(*(_centred(each, model.fit_intercept) for each in data), strict=True))
    varying, unit = np.count_nonzero(z.any(axis=1)), 1.0
    if model.standardize_response and varying:
        largest = np.abs(z).max()  # squares of what is at most 1 neither overflow nor vanish
        unit = float(largest * np.linalg.norm(z / largest) / np.sqrt(varying))
    return z / unit, y_mean, unit


def _centred(data, fit_intercept):
    response = data.y if data.offset is None else data.y - data.offset
    y_mean = float(data.weight @ response) if fit_intercept else 0.0
    centred = response - y_mean
    counting = data.weight > 0
    if np.abs(centred[counting]).max() <= 4 * np.finfo(float).eps * np.abs(response[counting]).max():
        centred = np.zeros_like(centred)
    return np.sqrt(data.weight) * centred, y_mean
