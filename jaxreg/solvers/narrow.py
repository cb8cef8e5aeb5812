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

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import rebuilt
from jaxreg.solvers.proximal import SUCCESS, Composite, Minimum, minimise, no_worse, residual_at, steep_enough
from jaxreg.solvers.smooth import ROUNDING, Averaged, Quadratic, Reweighted, curvature_of

WIDE, NARROW, FALL = 0.1, 0.1, 0.3  # widths: the first in units of the spread of y, the last of the loss', the factor
SETTLED, RESERVE = 1e-3, 0.75  # of the width, a change that is none; of max_iter, what is not left for the loss itself
ATTEMPT = 100  # products by which the steps of `proximal` have to get to a minimum
PRODUCTS, SHARE = 3, 0.1  # of a model: its matrix, the gradient and the image; of max_iter, the most at one width
SMALL, COLUMNS = 1024, 3  # with more columns than these, and than so many times n, a matrix costs more than it saves
STEPS, EXACT = 2000, 0.01  # of a model's solution, the most; its residual in units of the one before
LENGTHS = 12  # of a step, halved each time
LEAST, EASIER, HARDER, HOPELESS = 1e-12, 0.1, 4.0, 100.0  # theta, and its factors after whole, short and no steps
SHORT = 0.25  # a step that leaves theta as it is


class _State(NamedTuple):
    b: Array
    q: Array
    residual: Array
    theta: Array
    n_iter: Array  # products with the data
    stuck: Array  # whether the model above the objective leads nowhere: rounding is all that is left


def _model(problem, b, q, theta):
    """The least-squares problem at b."""
    smooth = problem.smooth
    eta = smooth.offset + q
    g, r = smooth.loss.gradient(smooth.y, eta), smooth.y - eta
    bend = smooth.loss.hessian(smooth.y, eta)
    above = jnp.where(r == 0, bend, jnp.abs(g) / jnp.where(r == 0, 1.0, jnp.abs(r)))
    weight = smooth.omega * (bend + theta * (above - bend))
    part: Any = Reweighted(smooth.rows, weight, jnp.zeros_like(b), smooth.products)
    if _has_matrix(problem):
        part = Quadratic(part.gram(), part.corr, part.products)
    return rebuilt(problem, smooth=rebuilt(part, corr=part.image(b) - smooth.gradient(q)))


def _has_matrix(problem):
    m, n = problem.smooth.rows.shape
    return m <= max(SMALL, COLUMNS * n) and not problem.many


def _by_models(problem, start, tol, most, curvature):
    """The state at a zero of F up to tol, after `most` products, or where rounding leaves nothing to gain."""
    smooth = problem.smooth
    L = steep_enough(problem, curvature, start.dtype)
    lengths = 0.5 ** jnp.arange(LENGTHS, dtype=start.dtype)

    def unfinished(state):
        return (state.residual > tol) & (state.n_iter < most) & ~state.stuck

    def step(state):
        model = _model(problem, state.b, state.q, state.theta)
        exact = jnp.maximum(0.1 * tol, EXACT * state.residual)
        steps = STEPS if _has_matrix(problem) else most - state.n_iter
        solved = minimise(model, state.b, exact, steps, curvature_of(model.smooth, state.b, state.b))
        at, d = solved.b, solved.b - state.b
        along = smooth.image(d)

        def rise(length):
            rise = problem.rise(state.b + length * d, state.q + length * along, state.b, state.q)
            return jnp.where(jnp.isfinite(rise), rise, jnp.inf)

        rises = jax.vmap(rise)(lengths)
        best = jnp.argmin(rises)
        value = problem.value(state.b, state.q)
        level = rises[0] <= ROUNDING * smooth.roundoff(value) * jnp.abs(value)
        nearer = residual_at(problem, at, state.q + along, L) < SUCCESS * state.residual
        length = jnp.where(level & nearer, 1.0, jnp.where(rises[best] < 0, lengths[best], 0.0))
        b = jnp.where(length == 1, at, state.b + length * d)
        q = smooth.image(b)
        longer = jnp.where(length >= SHORT, 1.0, jnp.where(length > 0, HARDER, HOPELESS))
        theta = jnp.clip(state.theta * jnp.where(length == 1, EASIER, longer), LEAST, 1.0).astype(start.dtype)
        stuck = (length == 0) & (state.theta == 1)
        n_iter = state.n_iter + PRODUCTS + (0 if _has_matrix(problem) else solved.n_iter)
        return _State(b, q, residual_at(problem, b, q, L), theta, n_iter, stuck)

    q, one = smooth.image(start), jnp.ones((), start.dtype)
    nothing = jnp.zeros((), int), jnp.zeros((), bool)
    return lax.while_loop(unfinished, step, _State(start, q, residual_at(problem, start, q, L), one, *nothing))


def minimise_narrow(problem: Composite, start, tol, max_iter, curvature) -> Minimum:
    """As `proximal.minimise`, of an Averaged loss that has a width.

    The matrix of a model counts as one product with the data, and the steps with it as none.
    """
    smooth, dtype = problem.smooth, start.dtype
    assert isinstance(smooth, Averaged)
    loss, omega, y = smooth.loss, smooth.omega, smooth.y
    image, left = smooth.image(start), y - smooth.offset
    spread = jnp.sqrt(jnp.sum(omega * jnp.square(left - jnp.sum(omega * left))))
    reserve, share = (jnp.asarray(part * max_iter, int) for part in (RESERVE, SHARE))
    curvature = steep_enough(problem, curvature, dtype)

    def round_(state):
        before, u, by, easy, _ = state
        wide, factor, mu = loss.widened(by)
        offset = smooth.offset + mu * u
        inner = rebuilt(problem, smooth=rebuilt(smooth, omega=factor * omega, offset=offset, loss=wide))
        flatter = factor * wide.curvature_bound() / loss.curvature_bound()
        last = by == 0
        left = jnp.where(last, max_iter, reserve) - before.n_iter
        steps = jnp.where(easy, jnp.minimum(ATTEMPT, left), 0)
        first = minimise(inner, before.b, tol, steps, flatter * curvature)
        easy &= first.residual <= tol
        left = left - first.n_iter
        most = jnp.where(last, left, jnp.minimum(share, left))
        found = _by_models(inner, first.b, tol, most, flatter * curvature)
        new = factor * wide.gradient(y, offset + found.q)
        n_iter = before.n_iter + first.n_iter + found.n_iter + ~last
        ready = (mu * jnp.max(jnp.abs(new - u)) < SETTLED * loss.width) | (n_iter >= reserve)
        by = jnp.where(ready | (FALL * by < NARROW * loss.width), 0.0, FALL * by)
        found = Minimum(found.b, found.q, found.residual, n_iter, curvature)
        return found, new.astype(dtype), by.astype(dtype), easy, last

    begun = Minimum(start, image, residual_at(problem, start, image, curvature), jnp.asarray(0), curvature)
    by = jnp.where(loss.width < WIDE * spread, WIDE * spread, 0.0).astype(dtype)
    u, yes = loss.gradient(y, smooth.offset + image).astype(dtype), jnp.ones((), bool)
    found, *_ = lax.while_loop(lambda state: ~state[-1], round_, (begun, u, by, yes, ~yes))
    return no_worse(problem, begun, found)
