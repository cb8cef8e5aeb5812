"""The certificate of one point in a trace, by a pass over the rows: for `solve`, which has neither lambdas nor columns.

What is not penalised is found by the prox at a strength that leaves nothing else, since no basis of it can be made
where the penalty factors are traced.
"""

import jax.numpy as jnp

from jaxreg import _duality
from jaxreg.certificates._corrected import off_basis
from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row
from jaxreg.solvers.composite import minimiser
from jaxreg.solvers.proximal import Composite, conjugate_gradients
from jaxreg.solvers.smooth import curvature_of

NULL_MODEL_ITER = 200  # of the fit of the null model
ALL, NOTHING = 1e30, 1e-15  # a strength at which only what is not penalised is left; what ridge leaves, in units of it
PROJECTION_STEPS = 200  # of conjugate gradients


def weighted_products(rows, omega, r):
    """A (omega r) (m,) or (m, K) for rows A (m, n) and r (n,) or (n, K)."""
    return jnp.matmul(rows, r * per_row(omega, r), precision=PRECISION)


def traced_gap(problem, b, rows, omega, y, offset, loss, factors):
    """The gap of a Composite at b (m [, K]), or the scaled residual where no dual is known.

    rows (m, n): the columns on the scale of the penalty and, for other losses than the squared one, a constant
    """
    smooth, penalty, lam, p = problem.smooth, problem.penalty, problem.lam, len(factors)
    eta, value = _predicted(b, rows, omega, y, offset, loss)
    gap_unit, null_gradient = _null_model(problem, b, rows, omega, y, offset, loss, factors)
    u, penalised, zero = _over(loss.slopes(y, eta, omega), omega), b[:p], jnp.zeros_like(b)
    curvature = curvature_of(smooth, smooth.image(zero), zero)
    step = 1 / jnp.maximum(curvature, 1.01 * jnp.max(penalty.concavity(lam)))
    scale = jnp.max(jnp.abs(null_gradient))
    residual = _duality.residual(penalty, penalised, -weighted_products(rows, omega, u)[:p], lam, step, scale)
    if penalty.dual_norm(null_gradient, factors) is None or loss.dual(y, eta, u, omega, 1.0) is None:
        return residual
    if loss.quadratic:
        theta = _off_unpenalised(-u, rows, omega, penalty, factors)
        h, w = weighted_products(rows, omega, theta), per_row(omega, theta)
        sums = jnp.sum(w * u**2), jnp.sum(w * theta**2), jnp.sum(w * theta * y)
        return _duality.squared_gap(penalty, b, h, lam, *sums, gap_unit)
    if problem.free:
        level = jnp.sqrt(omega)
        u = _duality.balanced(u, omega) if u.ndim == 1 else off_basis(loss, y, eta, u, level, level[None])
    h = -weighted_products(rows, omega, u)[:p]
    slopes = _duality.Slopes(u, eta)
    gap = _duality.loss_gap(loss, penalty, penalised, h, lam, slopes, value, y, offset, omega, gap_unit)
    return jnp.where(jnp.all(lam > 0), gap, residual)


def _predicted(b, rows, omega, y, offset, loss):
    """(eta (n [, K]), the mean loss) at b."""
    eta = jnp.matmul(rows.T, b, precision=PRECISION)
    eta = eta + per_row(offset, eta)
    return eta, loss.mean(y, eta, omega)


def _over(slopes, omega):
    """Slopes over the weights, 0 in rows without one."""
    return slopes * per_row(jnp.where(omega > 0, 1 / jnp.where(omega > 0, omega, 1.0), 0.0), slopes)


def _null_model(problem, b, rows, omega, y, offset, loss, factors):
    """(what gaps are relative to, minus the gradient there (p [, K])): its loss, or that of no column where it is 0.

    It is NaN where it vanishes in the precision.
    """
    if loss.quadratic:
        eta = y - _off_unpenalised(y, rows, omega, problem.penalty, factors)
    else:
        alone = Composite(problem.smooth, problem.penalty, ALL * factors, problem.free)
        null, _ = minimiser(alone, jnp.zeros_like(b), 0.0, NULL_MODEL_ITER)
        eta, _ = _predicted(null, rows, omega, y, offset, loss)
    value, pull = loss.mean(y, eta, omega), _over(loss.slopes(y, eta, omega), omega)
    # squares that vanish in the precision are no exact fit: nothing can be certified
    misfit = jnp.any(jnp.where(per_row(omega, pull) > 0, pull, 0.0) != 0)
    least = jnp.finfo(pull.dtype).tiny / jnp.finfo(pull.dtype).eps
    least_value = 0.0 if loss.quadratic else loss.least(y, omega)
    value = value - least_value
    without = loss.mean(y, per_row(offset, eta) * jnp.ones_like(eta), omega) - least_value
    value = jnp.where(misfit & (value < least), jnp.nan, jnp.where(value == 0, without, value))
    return value, weighted_products(rows, omega, pull)[: len(factors)]


def _off_unpenalised(r, rows, omega, penalty, factors):
    """r (n [, K]) made orthogonal to the span of what is not penalised."""

    def project(x):
        left = penalty.prox(x, ALL * factors, 1.0)
        return jnp.where(jnp.abs(left) > jnp.max(jnp.abs(x)) * NOTHING, left, 0.0)

    def operator(c):
        fit = jnp.matmul(rows.T, project(c), precision=PRECISION)
        return project(weighted_products(rows, omega, fit))

    rhs = project(weighted_products(rows, omega, r))
    c, _ = conjugate_gradients(operator, rhs, PROJECTION_STEPS, 10 * jnp.finfo(r.dtype).eps)
    return r - jnp.matmul(rows.T, project(c), precision=PRECISION)
