"""Minima of a Composite, whatever its loss: by the method that it calls for, and differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg.solvers.narrow import minimise_narrow
from jaxreg.solvers.proximal import Composite, Minimum, conjugate_gradients, linearised, minimise
from jaxreg.solvers.smooth import Averaged, curvature_of, lowered

if TYPE_CHECKING:
    from jaxtyping import Float, Int

FLAT = 8  # units of rounding in which a prox leaves a direction as it is
LOWERED_PART = 4  # steps of lower precision take at most max_iter divided by this: full ones are left the most


def minimum(
    problem: Composite, start: Float[Array, "m ..."], tol, max_iter, curvature, content: Callable | None = None
) -> Minimum:
    """A zero of F up to max|F| / t <= tol, from `start`, in at most about max_iter products with the data.

    Arguments are those of `proximal.minimise`; a narrow loss knows no `content`.
    """
    smooth = problem.smooth
    narrow = isinstance(smooth, Averaged) and smooth.loss.width is not None
    if narrow:
        return minimise_narrow(problem, start, tol, max_iter, curvature)
    return minimise(problem, start, tol, max_iter, curvature, content)


def minimum_by(
    steps: str | None,
    problem: Composite,
    start: Float[Array, "m ..."],
    tol,
    max_iter,
    curvature,
    content: Callable | None = None,
) -> Minimum:
    """`minimum`, first by steps of a lower precision (one of `smooth.LOWER`, or None), then by full ones."""
    if steps is None:
        return minimum(problem, start, tol, max_iter, curvature, content)
    low, b, tol_low, L = lowered((problem, start, tol, curvature), steps)
    first = minimise(low, b, tol_low, max_iter // LOWERED_PART, L)
    polished = minimum(problem, first.b.astype(start.dtype), tol, max_iter - first.n_iter, curvature, content)
    return polished._replace(n_iter=first.n_iter + polished.n_iter)


@jax.custom_jvp
def minimiser(
    problem: Composite, start: Float[Array, "m ..."], tol, max_iter
) -> tuple[Float[Array, "m ..."], Int[Array, ""]]:
    """(b, products with the data) of `minimum`, differentiable with respect to all numbers of the problem.

    0 = F(b, problem) gives  db = -J^-1 F'(problem),  J = I - P (I - t H), and by the system of the Newton step
    db = g + P e,  (P - P P + t P H P) e = P (I - t H) g,  with g = -F'(problem) at a fixed b.
    """
    smooth = problem.smooth
    last = minimum(problem, start, tol, max_iter, curvature_of(smooth, smooth.image(start), start))
    return last.b, last.n_iter


@minimiser.defjvp
def _minimiser_jvp(primals, tangents):
    problem = primals[0]
    b, n_iter = minimiser(*primals)
    smooth, penalty = problem.smooth, problem.penalty
    q = smooth.image(b)
    L = jnp.maximum(curvature_of(smooth, q, b), 1.01 * jnp.max(penalty.concavity(problem.lam)))
    L = lax.stop_gradient(L)

    def landing(problem):
        return problem.prox(b - problem.smooth.gradient(problem.smooth.image(b)) / L, 1 / L)

    _, g = jax.jvp(landing, (problem,), (tangents[0],))
    _, P, operator, through = linearised(problem, b, q, L)
    max_products = 4 * b.size + 50
    tol = 10 * jnp.finfo(b.dtype).eps

    def solve(operator, rhs):
        return conjugate_gradients(operator, rhs, max_products, tol)[0]

    e = lax.custom_linear_solve(_regular(problem, P, operator), through(g), solve, symmetric=True)
    return (b, n_iter), (g + P(e), np.zeros(n_iter.shape, jax.dtypes.float0))


def _regular(problem, P, operator):
    """The operator of the system of derivatives, made one to one where the outputs of a loss are coupled.

    Then the same number may be added to a coefficient of all outputs, as far as the penalty does not mind: a direction
    without curvature, along which solutions do not move, and right-hand sides of derivatives have nothing. Those of the
    transposed system may have something.
    """
    smooth = problem.smooth
    if not isinstance(smooth, Averaged) or smooth.loss.coupling != "outputs":
        return operator

    def regular(e):
        ones = jnp.ones_like(e)
        unmoved = jnp.abs(P(ones) - ones) <= FLAT * jnp.finfo(e.dtype).eps
        flat = jnp.all(unmoved, axis=1, keepdims=True)
        return operator(e) + jnp.where(flat, jnp.mean(e, axis=1, keepdims=True), 0.0)

    return regular
