"""Accelerated proximal gradient, with Newton steps on the manifold that it finds: any smooth loss and any prox.

    minimise over b    f(b) + penalty(b),     f(b) = b'G b / 2 - c'b     or     f(b) = sum_i omega_i loss(y_i, eta_i(b))

With T(b) = prox(b - t f'(b)), t = 1 / L, the solutions are the zeros of F(b) = b - T(b). Steps of FISTA with adaptive
restart bring b onto the set where the prox is smooth (the support, groups, clusters, segments); there Newton's method
for F needs, with the derivative P of the prox (symmetric, since a prox is a gradient) and the Hessian H of f,

    (I - P (I - t H)) d = -F,     solved by    d = -F + P e,     (P - P P + t P H P) e = -P (I - t H) F,

whose matrix is symmetric and, at a strict minimum, positive definite on the range of P: conjugate gradients, with
products only. The same system gives the derivatives of the solution (`composite.minimiser`). A Newton step is taken as
long as the objective likes, and coefficients stop at the kinks on their way: far from the solution the manifold is
another one. It counts if it brings F or the objective down; in between, FISTA goes on, longer each time it does not.

Losses that are parabolas for hardly any residual are minimised in `narrow`.

Source: Beck and Teboulle (2009), SIAM J. Imaging Sci. 2 (FISTA); O'Donoghue and Candes (2015), Found. Comput. Math. 15,
eq. (13) (restart); Xiao, Li, Wen and Zhang (2018), J. Sci. Comput. 76 (semismooth Newton for the proximal mapping).
"""

from dataclasses import field
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import STATIC, pytree
from jaxreg.solvers.smooth import ROUNDING, Smooth

FIRST, MOST = 4, 64  # steps of FISTA before a Newton step: doubled while those fail
STEEPER = (
    10  # the bound of the curvature grows so many times at most at once: a step far too long meets what is not near
)
SHORTER, LENGTHS = 0.5, 12  # a Newton step is tried at these powers
WORTH = 0.5  # of the fall of the objective by the steps of FISTA before: a Newton step that brings less is left out
SUCCESS = 0.5  # of the residual is left after a Newton step behind which another follows at once
CG_STEPS, CG_TOL = 60, 1e-3  # of conjugate gradients in one Newton step


@final
@pytree
class Composite:
    """f + penalty. The last `free` coordinates, an intercept, are not penalised.

    many: one of many that are solved side by side, which leave no memory for a matrix each.
    """

    smooth: Smooth
    penalty: Any
    lam: Any  # lambda times the penalty factors
    free: int = field(default=0, metadata=STATIC)
    many: bool = field(default=False, metadata=STATIC)

    def prox(self, b, step):
        penalised, rest = (b[: -self.free], b[-self.free :]) if self.free else (b, b[:0])
        found = self.penalty.prox(penalised, self.lam, step).astype(b.dtype)  # a user's numbers may have another
        return jnp.concatenate([found, rest])

    def stopped(self, before, after):
        """The point `after`, without what lies behind a kink of the penalty as seen from `before`."""
        m = len(after) - self.free
        return jnp.concatenate([self.penalty.stopped(before[:m], after[:m], self.lam), after[m:]])

    def value(self, b, q):
        penalised = b[: -self.free] if self.free else b
        return self.smooth.value(b, q) + jnp.sum(self.penalty.value(penalised, self.lam))

    def rise(self, b, q, before, q_before):
        """By how much the objective is larger at b than at `before`.

        A difference of two values would do where they are of one size. Far out along directions in which f does not
        bend, what rounding adds to a value is of any size and sign; the bend itself is never negative.
        """
        d, m = b - before, len(b) - self.free
        linear = jnp.sum(self.smooth.gradient(q_before) * d)
        bend = jnp.maximum(self.smooth.bregman(d, q, q_before), 0.0)
        penalised = self.penalty.value(b[:m], self.lam), self.penalty.value(before[:m], self.lam)
        return linear + bend + (jnp.sum(penalised[0]) - jnp.sum(penalised[1]))


class Minimum(NamedTuple):
    """b, its image, the residual max|F| / t, products with the data, and a bound of the curvature."""

    b: Array
    q: Array
    residual: Array
    n_iter: Array
    curvature: Array


class _State(NamedTuple):
    b: Array
    q: Array
    ahead: Array  # where FISTA takes its next step, and its image
    q_ahead: Array
    momentum: Array
    curvature: Array  # L
    residual: Array  # max|F| L at b
    wait: Array  # steps of FISTA before the next Newton step
    value: Array  # of the objective after the last Newton step
    n_iter: Array


def _inner(a, b):
    return jnp.sum(a * b)


def _step_of_fista(problem, state):
    smooth, L = problem.smooth, state.curvature
    gradient = smooth.gradient(state.q_ahead)
    b = problem.prox(state.ahead - gradient / L, 1 / L)
    q = smooth.image(b)
    d = b - state.ahead
    square = _inner(d, d)
    needed = 2 * smooth.bregman(d, q, state.q_ahead) / jnp.where(square > 0, square, 1.0)
    slack = 1 + 1e-6
    too_long = ~(needed <= L * slack) & (square != 0)  # so is a step to where nothing is finite
    overshot = too_long
    if not problem.penalty.convex:  # the objective has to fall, by the step without momentum if need be
        before, after = problem.value(state.b, state.q), problem.value(b, q)
        has_momentum = jnp.any(state.ahead != state.b)
        overshot = overshot | ((after > before) & has_momentum)
    turned = _inner(state.ahead - b, b - state.b) > 0
    momentum = jnp.where(turned, 1.0, (1 + jnp.sqrt(1 + 4 * state.momentum**2)) / 2)
    beta = jnp.where(turned, 0.0, (state.momentum - 1) / momentum)
    moved = state._replace(
        b=b, q=q, ahead=b + beta * (b - state.b), q_ahead=q + beta * (q - state.q), momentum=momentum
    )
    steeper = jnp.clip(jnp.nan_to_num(1.1 * needed, nan=jnp.inf), 1.5 * L, STEEPER * L)
    stayed = state._replace(
        ahead=state.b,
        q_ahead=state.q,
        momentum=jnp.ones_like(momentum),
        curvature=jnp.where(too_long, steeper, L),
    )
    chosen = jax.tree.map(lambda a, b: jnp.where(overshot, a, b), stayed, moved)
    return chosen._replace(n_iter=state.n_iter + 1)


def linearised(problem, b, q, L):
    """(F(b), P, the function e -> (P - P P + t P H P) e, the function x -> P (I - t H) x)."""
    smooth, t = problem.smooth, 1 / L
    z = b - t * smooth.gradient(q)
    T, P = jax.linearize(lambda z: problem.prox(z, t), z)

    def through(x):
        return P(x - t * smooth.hessian(q, x))

    def operator(e):
        Pe = P(e)
        return Pe - through(Pe)

    return b - T, P, operator, through


def conjugate_gradients(operator, rhs, most, tol):
    """(x, products) with operator(x) = rhs up to tol |rhs|, for a positive semidefinite operator whose range holds rhs.

    It ends where the curvature is not positive, which a penalty that is not convex may bring about, or rounding error
    beside the largest one that was met: a step there would lead anywhere.
    """
    square = _inner(rhs, rhs)
    rounding = ROUNDING * jnp.finfo(rhs.dtype).eps

    def until(carry):
        _, _, _, rr, count, _, sound = carry
        return (rr > tol**2 * square) & (count < most) & sound

    def step(carry):
        x, r, p, rr, count, largest, _ = carry
        Ap = operator(p)
        curvature, pp = _inner(p, Ap), _inner(p, p)
        largest = jnp.maximum(largest, curvature / pp)
        sound = curvature > rounding * largest * pp
        alpha = jnp.where(sound, rr / jnp.where(sound, curvature, 1.0), 0.0)
        x, r = x + alpha * p, r - alpha * Ap
        new = _inner(r, r)
        return x, r, r + new / rr * p, new, count + 1, largest, sound

    zero = jnp.zeros_like(rhs)
    x, *_, count, _, _ = lax.while_loop(until, step, (zero, rhs, rhs, square, 0, jnp.zeros_like(square), True))
    return x, count


def _along(problem, state, d, rounding):
    """(b, its image) of the longest step along d that is as good as the best one; kinks on the way are stopped at."""

    def point(length):
        b = problem.stopped(state.b, state.b + length * d)
        q = smooth.image(b)
        rise = problem.rise(b, q, state.b, state.q)
        return b, q, jnp.where(jnp.isfinite(rise), rise, jnp.inf)

    smooth = problem.smooth
    b, q, rises = jax.vmap(point)(SHORTER ** jnp.arange(LENGTHS, dtype=d.dtype))
    best = jnp.argmax(rises <= jnp.min(rises) + rounding)
    return b[best], q[best]


def _newton(problem, state, floor):
    """The state after a Newton step, if that counts, else as it was; its residual is that of its b."""
    smooth, L = problem.smooth, state.curvature
    F, P, operator, through = linearised(problem, state.b, state.q, L)
    residual = jnp.max(jnp.abs(F)) * L
    e, products = conjugate_gradients(operator, -through(F), CG_STEPS, CG_TOL)
    before = problem.value(state.b, state.q)
    rounding = ROUNDING * smooth.roundoff(before) * jnp.abs(before)
    b, q = _along(problem, state, P(e) - F, rounding)
    landed = problem.prox(b - smooth.gradient(q) / L, 1 / L)
    left = jnp.max(jnp.abs(b - landed)) * L
    q_landed = smooth.image(landed)
    rise = problem.rise(landed, q_landed, state.b, state.q)
    # far away, where a loss is flat, a small residual would not mean that a minimum is near
    halves = (left < SUCCESS * residual) & (rise <= rounding)
    pays = -rise > jnp.maximum(WORTH * (state.value - before), rounding)
    counts = (halves | pays) & (residual > floor)
    n_iter = state.n_iter + products + 2
    wait = jnp.minimum(2 * state.wait, MOST)
    stayed = state._replace(residual=residual, n_iter=n_iter, wait=wait, value=before)
    one = jnp.ones_like(state.momentum)
    wait = jnp.where(halves, jnp.ones_like(wait), state.wait)
    there = _State(landed, q_landed, landed, q_landed, one, L, left, wait, problem.value(landed, q_landed), n_iter)
    return jax.tree.map(lambda a, b: jnp.where(counts, a, b), there, stayed)


def minimise(problem: Composite, start, tol, max_iter, curvature) -> Minimum:
    """A zero of F up to max|F| / t <= tol, from `start`, in at most about max_iter products with the data.

    It is `start` itself if what was found is worse: higher, and no nearer to a zero.
    """
    smooth = problem.smooth
    q = smooth.image(start)
    eps = smooth.roundoff(start)

    def round_(state):
        steps = state.wait

        def more(carry):
            return carry[0] < steps

        def advance(carry):
            return carry[0] + 1, _step_of_fista(problem, carry[1])

        _, state = lax.while_loop(more, advance, (jnp.zeros_like(steps), state))
        return _newton(problem, state, tol)

    def unfinished(state):
        floor = ROUNDING * eps * state.curvature * jnp.max(jnp.abs(state.b), initial=0.0)
        worth = (state.residual > floor) | (state.wait == 1)  # below the floor as long as Newton steps count
        return (state.residual > tol) & worth & (state.n_iter < max_iter)

    one, wait = jnp.ones((), start.dtype), jnp.asarray(FIRST)
    L = steep_enough(problem, curvature, start.dtype)
    at_start = residual_at(problem, start, q, L)
    state = _State(start, q, start, q, one, L, at_start, wait, problem.value(start, q), jnp.zeros_like(wait))
    begun = Minimum(start, q, at_start, state.n_iter, L)
    state = lax.while_loop(unfinished, round_, state)
    return no_worse(problem, begun, Minimum(state.b, state.q, state.residual, state.n_iter, state.curvature))


def steep_enough(problem, curvature, dtype):
    """A curvature that is no less, and more than that of the penalty, whose prox is one point then."""
    least = jnp.maximum(1.01 * jnp.max(problem.penalty.concavity(problem.lam)), jnp.finfo(dtype).eps)
    return jnp.maximum(curvature, least).astype(dtype)


def residual_at(problem, b, q, L):
    return jnp.max(jnp.abs(b - problem.prox(b - problem.smooth.gradient(q) / L, 1 / L))) * L


def no_worse(problem, begun, found):
    """The Minimum `found`, but the point of `begun` where that is lower and nearer to a zero."""
    value = problem.value(begun.b, begun.q)
    rounding = ROUNDING * problem.smooth.roundoff(value) * jnp.abs(value)
    better = (problem.rise(found.b, found.q, begun.b, begun.q) <= rounding) | (found.residual <= begun.residual)
    better |= jnp.isnan(begun.residual)
    b, q, residual = (jnp.where(better, *pair) for pair in zip(found[:3], begun[:3], strict=True))
    return found._replace(b=b, q=q, residual=residual)
