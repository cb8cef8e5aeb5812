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

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import STATIC, pytree
from jaxreg.penalties._base import per_row
from jaxreg.solvers.smooth import SUM_ROUNDING, Smooth

if TYPE_CHECKING:
    from jaxtyping import Float, Int

FIRST_WAIT, LONGEST_WAIT = 4, 64  # steps of FISTA before a Newton step: doubled while those fail
# factor by which the bound of the curvature grows at most at once: a step far too long meets what is not near
STEEPER = 10
SLACK = 1 + 1e-6  # of the bound, for what rounding adds to the curvature of a step
SHORTER, LENGTHS = 0.5, 12  # a step of Newton's method is tried whole and shorter by powers of SHORTER, so many in all
WORTH = 0.5  # of the fall of the objective by the steps of FISTA before: a Newton step that brings less is left out
SUCCESS = 0.5  # a Newton step that leaves less than this share of the residual is followed by another at once
CG_STEPS, CG_TOL = 60, 1e-3  # of conjugate gradients in one Newton step: the most; the residual, in units of the first


@final
@pytree
class Composite:
    """f + penalty of coordinates b (m + free,), or (m, K) for K responses; the last `free` are not penalised."""

    smooth: Smooth
    penalty: Any  # a Penalty
    lam: Any  # lambda times the penalty factors
    free: int = field(default=0, metadata=STATIC)  # 1 with an intercept among the coordinates, else 0
    # whether it is one of many that are solved side by side, which leave no memory for a matrix each
    many: bool = field(default=False, metadata=STATIC)
    # (m,) of the penalty's coefficients for b = 1, equal in each of its blocks; None: 1 for any penalty
    unit: Any = None

    def prox(self, b: Float[Array, "m ..."], step) -> Float[Array, "m ..."]:
        """argmin over u of |u - b|^2 / (2 step) + penalty(u)."""
        m = len(b) - self.free
        if self.unit is None:
            moved = self.penalty.prox(b[:m], self.lam, step)
        else:  # as a penalty of blocks is proportional to lambda
            coef = self.penalty.prox(self._penalised(b), self.lam * step * self.unit**2, 1.0)
            moved = coef / per_row(self.unit, coef)
        return jnp.concatenate([moved.astype(b.dtype), b[m:]])  # a user's numbers may have another dtype

    def _penalised(self, b):
        """Coefficients as the penalty takes them, of those b (m + free [, K])."""
        b = b[: len(b) - self.free]
        return b if self.unit is None else b * per_row(self.unit, b)

    def stopped(self, before: Float[Array, "m ..."], after: Float[Array, "m ..."]) -> Float[Array, "m ..."]:
        """The point `after`, without what lies behind a kink of the penalty as seen from `before`."""
        m = len(after) - self.free
        coef = self.penalty.stopped(self._penalised(before), self._penalised(after), self.lam)
        moved = coef if self.unit is None else coef / per_row(self.unit, coef)
        return jnp.concatenate([moved, after[m:]])

    def value(self, b, q) -> Float[Array, ""]:
        """The objective at b, whose image is q."""
        return self.smooth.value(b, q) + jnp.sum(self.penalty.value(self._penalised(b), self.lam))

    def rise(self, b, q, before, q_before) -> Float[Array, ""]:
        """By how much the objective is larger at b than at `before`, with their images.

        The smooth part is the linear term and the curvature along the step, which is never negative. A difference of
        two values would do near a solution. Far out, along directions in which f is flat, rounding adds to a value what
        has any size and sign.
        """
        d = b - before
        linear = self.smooth.directional(d, q, q_before)
        curved = jnp.maximum(self.smooth.bregman(d, q, q_before), 0.0)
        penalised = (self.penalty.value(self._penalised(at), self.lam) for at in (b, before))
        after, value = map(jnp.sum, penalised)
        return linear + curved + (after - value)


class Minimum(NamedTuple):
    """The point that a solver ends at; whether it is a minimum, the residual says."""

    b: Float[Array, "m ..."]
    q: Float[Array, "q ..."]  # its image
    residual: Float[Array, ""]  # max|F| / t, in units of the gradient
    n_iter: Int[Array, ""]  # products with the data
    curvature: Float[Array, ""]  # L, a bound that held on the way


class _ProximalState(NamedTuple):
    b: Float[Array, "m ..."]
    q: Float[Array, "q ..."]  # image of b
    ahead: Float[Array, "m ..."]  # where FISTA takes its next step
    q_ahead: Float[Array, "q ..."]  # image of that
    momentum: Float[Array, ""]
    curvature: Float[Array, ""]  # L
    residual: Float[Array, ""]  # max|F| L at b
    wait: Int[Array, ""]  # steps of FISTA before the next Newton step
    value: Float[Array, ""]  # of the objective after the last Newton step
    n_iter: Int[Array, ""]  # products with the data


def _inner(a, b):
    return jnp.sum(a * b)


def raised(smooth: Smooth, L, d, q, q_before) -> Float[Array, ""]:
    """The curvature L, or a larger one where a step d, whose images are q at its end and q_before, was too long for L.

    So is a step to where nothing is finite.
    """
    square = _inner(d, d)
    seen = 2 * smooth.bregman(d, q, q_before) / jnp.where(square > 0, square, 1.0)
    too_long = ~(seen <= L * SLACK) & (square != 0)
    return jnp.where(too_long, jnp.clip(jnp.where(jnp.isnan(seen), jnp.inf, 1.1 * seen), 1.5 * L, STEEPER * L), L)


def _step_of_fista(problem: Composite, state: _ProximalState) -> _ProximalState:
    """The state after a step of FISTA, or with a larger curvature or no momentum where that step was no good."""
    smooth, L = problem.smooth, state.curvature
    gradient = smooth.gradient(state.q_ahead)
    b = problem.prox(state.ahead - gradient / L, 1 / L)
    q = smooth.image(b)
    curvature = raised(smooth, L, b - state.ahead, q, state.q_ahead)
    overshot = curvature > L
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
    stayed = state._replace(ahead=state.b, q_ahead=state.q, momentum=jnp.ones_like(momentum), curvature=curvature)
    state = jax.tree.map(lambda a, b: jnp.where(overshot, a, b), stayed, moved)
    return state._replace(n_iter=state.n_iter + 1)


def linearised(problem: Composite, b, q, L) -> tuple[Array, Callable, Callable, Callable]:
    """(F(b), P, the function e -> (P - P P + t P H P) e, the function x -> P (I - t H) x) with t = 1 / L."""
    smooth, t = problem.smooth, 1 / L
    z = b - t * smooth.gradient(q)
    T, P = jax.linearize(lambda z: problem.prox(z, t), z)

    def through(x):
        return P(x - t * smooth.hessian(q, x))

    def operator(e):
        Pe = P(e)
        return Pe - through(Pe)

    return b - T, P, operator, through


def conjugate_gradients(
    operator: Callable[[Array], Array], rhs: Float[Array, "m ..."], most: int, tol: Any
) -> tuple[Float[Array, "m ..."], Any]:
    """(x, products) with operator(x) = rhs up to tol |rhs|, in at most `most` products with the operator.

    The operator is positive semidefinite, and rhs is in its range. The iteration ends at a direction whose curvature is
    not positive, as under a penalty that is not convex, or is rounding error beside the largest one that was met: a
    step there would lead anywhere.
    """
    square = _inner(rhs, rhs)
    rounding = SUM_ROUNDING * jnp.finfo(rhs.dtype).eps

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
    """(b, its image) of the longest step along d that is as good as the best one, up to `rounding`.

    Coefficients stop at kinks of the penalty on their way.
    """

    def point(length):
        b = problem.stopped(state.b, state.b + length * d)
        q = smooth.image(b)
        rise = problem.rise(b, q, state.b, state.q)
        return b, q, jnp.where(jnp.isfinite(rise), rise, jnp.inf)

    smooth = problem.smooth
    b, q, rises = jax.vmap(point)(SHORTER ** jnp.arange(LENGTHS, dtype=d.dtype))
    best = jnp.argmax(rises <= jnp.min(rises) + rounding)
    return b[best], q[best]


def _newton(problem: Composite, state: _ProximalState, floor) -> _ProximalState:
    """The state after a Newton step if that counts, else with its b; the residual is that of its b.

    No step counts where the residual is not above `floor`: nothing is to be gained.
    """
    smooth, L = problem.smooth, state.curvature
    F, P, operator, through = linearised(problem, state.b, state.q, L)
    residual = jnp.max(jnp.abs(F)) * L
    e, products = conjugate_gradients(operator, -through(F), CG_STEPS, CG_TOL)
    before = problem.value(state.b, state.q)
    rounding = SUM_ROUNDING * smooth.roundoff(before) * jnp.abs(before)
    b, q = _along(problem, state, P(e) - F, rounding)
    landed = problem.prox(b - smooth.gradient(q) / L, 1 / L)
    after = jnp.max(jnp.abs(b - landed)) * L
    q_landed = smooth.image(landed)
    rise = problem.rise(landed, q_landed, state.b, state.q)
    # far away, where a loss is flat, a small residual would not mean that a minimum is near
    halves = (after < SUCCESS * residual) & (rise <= rounding)
    pays = -rise > jnp.maximum(WORTH * (state.value - before), rounding)
    counts = (halves | pays) & (residual > floor)
    n_iter = state.n_iter + products + 2
    wait = jnp.minimum(2 * state.wait, LONGEST_WAIT)
    stayed = state._replace(residual=residual, n_iter=n_iter, wait=wait, value=before)
    one = jnp.ones_like(state.momentum)
    wait = jnp.where(halves, jnp.ones_like(wait), state.wait)
    there = _ProximalState(
        landed, q_landed, landed, q_landed, one, L, after, wait, problem.value(landed, q_landed), n_iter
    )
    return jax.tree.map(lambda a, b: jnp.where(counts, a, b), there, stayed)


def minimise(
    problem: Composite, start: Float[Array, "m ..."], tol, max_iter, curvature, content: Callable | None = None
) -> Minimum:
    """A zero of F up to max|F| / t <= tol, from `start`, in at most about max_iter products with the data.

    tol is in units of the gradient of f. `curvature` is a bound of the curvature of f, or a guess, which is raised
    where a step shows more. content(b, q) says of a point and its image whether it will do, whatever its residual. The
    result is `start` itself where the iteration ended higher and no nearer to a zero.
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
        floor = SUM_ROUNDING * eps * state.curvature * jnp.max(jnp.abs(state.b), initial=0.0)
        falling = (state.residual > floor) | (state.wait == 1)  # below the floor as long as Newton steps count
        unmet = (state.residual > tol) & falling & (state.n_iter < max_iter)
        return unmet if content is None else unmet & ~content(state.b, state.q)

    one, wait = jnp.ones((), start.dtype), jnp.asarray(FIRST_WAIT)
    L = steep_enough(problem, curvature, start.dtype)
    at_start = residual_at(problem, start, q, L)
    state = _ProximalState(start, q, start, q, one, L, at_start, wait, problem.value(start, q), jnp.zeros_like(wait))
    first = Minimum(start, q, at_start, state.n_iter, L)
    state = lax.while_loop(unfinished, round_, state)
    return no_worse(problem, first, Minimum(state.b, state.q, state.residual, state.n_iter, state.curvature))


def steep_enough(problem: Composite, curvature, dtype) -> Float[Array, ""]:
    """The curvature, raised above the concavity of the penalty where it is less: the prox is one point then."""
    least = jnp.maximum(1.01 * jnp.max(problem.penalty.concavity(problem.lam)), jnp.finfo(dtype).eps)
    return jnp.maximum(curvature, least).astype(dtype)


def residual_at(problem: Composite, b, q, L) -> Float[Array, ""]:
    """max|F| L at b, whose image is q."""
    return jnp.max(jnp.abs(b - problem.prox(b - problem.smooth.gradient(q) / L, 1 / L))) * L


def no_worse(problem: Composite, first: Minimum, last: Minimum) -> Minimum:
    """The Minimum `last`, but with the point of `first` where that is lower and nearer to a zero."""
    value = problem.value(first.b, first.q)
    rounding = SUM_ROUNDING * problem.smooth.roundoff(value) * jnp.abs(value)
    better = (problem.rise(last.b, last.q, first.b, first.q) <= rounding) | (last.residual <= first.residual)
    better |= jnp.isnan(first.residual)
    b, q, residual = (jnp.where(better, *pair) for pair in zip(last[:3], first[:3], strict=True))
    return last._replace(b=b, q=q, residual=residual)
