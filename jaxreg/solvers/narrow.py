"""Losses that are parabolas for hardly any residual: the method of multipliers, with quadratic models of each loss.

An objective with such a loss is nearly that of a linear program, and bends at its vertices alone. With dual values u_i
each

    min over b   sum_i omega_i e(y_i, eta_i(b) + mu u_i) + penalty(b)
    e(y, eta) = min over z   loss(y, z) + (z - eta)^2 / (2 mu)

has a wide parabola. The derivatives of e at its minimum are the next u_i, and in the end those of the loss.

With residuals r_i = y_i - eta_i and derivatives g_i of e, each minimum is that of a sequence of least-squares problems,

    f(b) + f'(b)'d + sum_i omega_i w_i (a_i'd)^2 / 2 + penalty(b + d),    w_i = (1 - theta) e''_i + theta |g_i / r_i|.

With theta = 1 such a model lies above the objective, and the steps are those of reweighted least squares: down, but
slowly. With theta = 0 they are Newton's, which end at the minimum once they know what lies inside the parabola. theta
falls where the whole step is as good as any part of it, and rises where it is not. The matrix of a model costs as much
as many products: as long as the steps of `proximal` get there by a few, they are taken; and there is none where columns
are many, or problems are many.

Source: Li, Sun and Toh (2018), SIAM J. Optim. 28 (an augmented Lagrangian with Newton steps); Madsen and Nielsen
(1990), BIT 30 (Newton's method for Huber's loss); Huber (1981), Robust Statistics, section 7.8 (modified weights).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import rebuilt
from jaxreg.solvers.proximal import (
    LENGTHS,
    SHORTER,
    SUCCESS,
    Composite,
    Minimum,
    minimise,
    no_worse,
    residual_at,
    steep_enough,
)
from jaxreg.solvers.smooth import SUM_ROUNDING, Averaged, Quadratic, Reweighted, curvature_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

FIRST_WIDTH = 0.1  # added to that of the loss at first, in units of the spread of y
LAST_WIDTH = 0.1  # added at last before the loss itself, in units of its own width
WIDTH_FACTOR = 0.3  # of the width that is added, once the dual values have settled
SETTLED = 1e-3  # a change of the dual values that is none, in units of the width
WIDENED_SHARE = 0.75  # of max_iter that goes to widened losses: the rest is left for the loss itself
ATTEMPT = 100  # products by which the steps of `proximal` have to get to a minimum
MODEL_PRODUCTS = 3  # what a model costs: its matrix, the gradient and the image
MODEL_SHARE = 0.1  # of max_iter that goes to the models at one width, at most
# with more columns than these, and than so many times n, a matrix costs more than it saves
MATRIX_COLUMNS, MATRIX_RATIO = 1024, 3
MODEL_STEPS = 2000  # of the solution of a model that has a matrix, at most: they are cheap
MODEL_RESIDUAL = 0.01  # of the solution of a model, in units of the residual before
# theta: the least, and its factors after a whole step, after a short one, and where no step goes down
LEAST_THETA, AFTER_WHOLE, AFTER_SHORT, AFTER_NONE = 1e-12, 0.1, 4.0, 100.0
SHORT = 0.25  # a part of a step from which on upwards theta stays as it is


class _ModelState(NamedTuple):
    b: Float[Array, " m"]
    q: Float[Array, " n"]  # image of b
    residual: Float[Array, ""]  # as in a Minimum
    theta: Float[Array, ""]
    n_iter: Int[Array, ""]  # products with the data
    stuck: Bool[Array, ""]  # whether the model above the objective leads nowhere: rounding is all that is left


def _model(problem: Composite, b: Float[Array, " m"], q: Float[Array, " n"], theta: Float[Array, ""]) -> Composite:
    """The least-squares problem at b, whose image is q."""
    smooth = problem.smooth
    assert isinstance(smooth, Averaged)
    eta = smooth.offset + q
    g, r = smooth.loss.gradient(smooth.y, eta), smooth.y - eta
    second = smooth.loss.hessian(smooth.y, eta)
    above = jnp.where(r == 0, second, jnp.abs(g) / jnp.where(r == 0, 1.0, jnp.abs(r)))
    weight = smooth.omega * (second + theta * (above - second))
    squares: Any = Reweighted(smooth.rows, weight, jnp.zeros_like(b), smooth.products)
    if _has_matrix(problem):
        squares = Quadratic(squares.gram(), squares.corr, squares.products)
    return rebuilt(problem, smooth=rebuilt(squares, corr=squares.image(b) - smooth.gradient(q)))


def _has_matrix(problem):
    """Whether the models of a problem are given by their Gram matrix, or by products with the rows."""
    m, n = problem.smooth.rows.shape
    return m <= max(MATRIX_COLUMNS, MATRIX_RATIO * n) and not problem.many


def _by_models(problem: Composite, start: Float[Array, " m"], tol, max_products, curvature) -> _ModelState:
    """The state at a zero of F up to tol, after `max_products`, or where rounding leaves nothing to gain."""
    smooth = problem.smooth
    L = steep_enough(problem, curvature, start.dtype)
    lengths = SHORTER ** jnp.arange(LENGTHS, dtype=start.dtype)

    def unfinished(state):
        return (state.residual > tol) & (state.n_iter < max_products) & ~state.stuck

    def step(state):
        model = _model(problem, state.b, state.q, state.theta)
        exact = jnp.maximum(0.1 * tol, MODEL_RESIDUAL * state.residual)
        steps = MODEL_STEPS if _has_matrix(problem) else max_products - state.n_iter
        solved = minimise(model, state.b, exact, steps, curvature_of(model.smooth, state.b, state.b))
        d = solved.b - state.b
        along = smooth.image(d)

        def rise(length):
            rise = problem.rise(state.b + length * d, state.q + length * along, state.b, state.q)
            return jnp.where(jnp.isfinite(rise), rise, jnp.inf)

        rises = jax.vmap(rise)(lengths)
        best = jnp.argmin(rises)
        value = problem.value(state.b, state.q)
        level = rises[0] <= SUM_ROUNDING * smooth.roundoff(value) * jnp.abs(value)
        nearer = residual_at(problem, solved.b, state.q + along, L) < SUCCESS * state.residual
        length = jnp.where(level & nearer, 1.0, jnp.where(rises[best] < 0, lengths[best], 0.0))
        b = jnp.where(length == 1, solved.b, state.b + length * d)
        q = smooth.image(b)
        after_part = jnp.where(length >= SHORT, 1.0, jnp.where(length > 0, AFTER_SHORT, AFTER_NONE))
        factor = jnp.where(length == 1, AFTER_WHOLE, after_part)
        theta = jnp.clip(state.theta * factor, LEAST_THETA, 1.0).astype(start.dtype)
        stuck = (length == 0) & (state.theta == 1)
        n_iter = state.n_iter + MODEL_PRODUCTS + (0 if _has_matrix(problem) else solved.n_iter)
        return _ModelState(b, q, residual_at(problem, b, q, L), theta, n_iter, stuck)

    q, one = smooth.image(start), jnp.ones((), start.dtype)
    n_iter, stuck = jnp.zeros((), int), jnp.zeros((), bool)
    state = _ModelState(start, q, residual_at(problem, start, q, L), one, n_iter, stuck)
    return lax.while_loop(unfinished, step, state)


def minimise_narrow(problem: Composite, start: Float[Array, " m"], tol, max_iter, curvature) -> Minimum:
    """As `proximal.minimise`, of an Averaged loss that has a width.

    The matrix of a model counts as one product with the data, and the steps with it as none.
    """
    smooth, dtype = problem.smooth, start.dtype
    assert isinstance(smooth, Averaged)
    loss, omega, y = smooth.loss, smooth.omega, smooth.y
    image, response = smooth.image(start), y - smooth.offset
    spread = jnp.sqrt(jnp.sum(omega * jnp.square(response - jnp.sum(omega * response))))
    for_widened, at_one_width = (jnp.asarray(share * max_iter, int) for share in (WIDENED_SHARE, MODEL_SHARE))
    curvature = steep_enough(problem, curvature, dtype)

    def round_(state):
        minimum, u, by, easy, _ = state
        wide, factor, mu = loss.widened(by)
        offset = smooth.offset + mu * u
        inner = rebuilt(problem, smooth=rebuilt(smooth, omega=factor * omega, offset=offset, loss=wide))
        flatter = factor * wide.curvature_bound() / loss.curvature_bound()
        last = by == 0
        budget = jnp.where(last, max_iter, for_widened) - minimum.n_iter
        steps = jnp.where(easy, jnp.minimum(ATTEMPT, budget), 0)
        attempt = minimise(inner, minimum.b, tol, steps, flatter * curvature)
        easy &= attempt.residual <= tol
        budget = budget - attempt.n_iter
        max_products = jnp.where(last, budget, jnp.minimum(at_one_width, budget))
        modelled = _by_models(inner, attempt.b, tol, max_products, flatter * curvature)
        u_next = factor * wide.gradient(y, offset + modelled.q)
        n_iter = minimum.n_iter + attempt.n_iter + modelled.n_iter + ~last
        ready = (mu * jnp.max(jnp.abs(u_next - u)) < SETTLED * loss.width) | (n_iter >= for_widened)
        by = jnp.where(ready | (WIDTH_FACTOR * by < LAST_WIDTH * loss.width), 0.0, WIDTH_FACTOR * by)
        minimum = Minimum(modelled.b, modelled.q, modelled.residual, n_iter, curvature)
        return minimum, u_next.astype(dtype), by.astype(dtype), easy, last

    first = Minimum(start, image, residual_at(problem, start, image, curvature), jnp.asarray(0), curvature)
    by = jnp.where(loss.width < FIRST_WIDTH * spread, FIRST_WIDTH * spread, 0.0).astype(dtype)
    u, yes = loss.gradient(y, smooth.offset + image).astype(dtype), jnp.ones((), bool)
    last, *_ = lax.while_loop(lambda state: ~state[-1], round_, (first, u, by, yes, ~yes))
    return no_worse(problem, first, last)
