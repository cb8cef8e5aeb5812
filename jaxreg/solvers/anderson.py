"""Proximal gradient with Anderson acceleration: any smooth loss and convex penalty, one look at the data in every step.

    minimise over b    f(b) + penalty(b),     f(b) = b'G b / 2 - c'b     or     f(b) = sum_i omega_i loss(y_i, eta_i(b))

With T(b) = prox(b - f'(b) / L) the solutions are the zeros of r(b) = T(b) - b. A step takes T from a point ahead, and
the image of T: a product with G, or one with the data there and one back. Secants are differences of the points T so
far, with those of r: the combination of them that makes r least, where it is linear, is taken off T to find the next
point ahead. Its image is that combination of images and costs no product. It counts if the objective is not higher
there than at T; else the search goes on from T, and the secants, of another set on which the prox is smooth, are
forgotten. So the objective falls in every step.

Secants are made orthogonal in r as they come: the least r is then a projection, and no system is solved. Where r is
linear and symmetric two of them would do as well as all; a few more make up for a prox that is not.

No loop is inside another: whatever many problems are doing, one product serves a step of them all.

Source: Anderson (1965), J. ACM 12; Walker and Ni (2011), SIAM J. Numer. Anal. 49 (secants); Bertrand and Massias
(2021), AISTATS (a point ahead counts by its objective).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxreg.penalties._base import per_row
from jaxreg.solvers.proximal import Composite, raised
from jaxreg.solvers.smooth import SUM_ROUNDING, Smooth

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SECANTS = 6  # at AR .9 more gain nothing; where columns are nearly dependent they do (AR .99: a sixth for 8), and cost
PARALLEL = 1e-10  # of its squared length, what is left of a secant that lies among those before it


class Problem(NamedTuple):
    """A problem and when it is done."""

    composite: Composite
    curvature: Float[Array, ""]  # a bound L of that of f, or a guess, which is raised where a step shows more
    residual: Float[Array, " m"]  # |r| L that will do

    @property
    def smooth(self) -> Smooth:
        return self.composite.smooth


class Secants(NamedTuple):
    """Differences of points T, of their images, and of r, which are orthogonal; without a leading axis, one of them."""

    x: Float[Array, "S m ..."]
    q: Float[Array, "S q ..."]
    r: Float[Array, "S m ..."]


class Search(NamedTuple):
    """Where the search is, and where it goes."""

    x: Float[Array, "m ..."]  # T of the last step
    q: Float[Array, "q ..."]  # its image
    ahead: Float[Array, "m ..."]  # where the next step is taken
    q_ahead: Float[Array, "q ..."]
    r: Float[Array, "m ..."]  # of the last step
    secants: Secants
    squares: Float[Array, " S"]  # squared lengths of those of r, 0 for no secant
    newest: Int[Array, ""]  # how many secants there have been
    follows: Bool[Array, ""]  # whether r is that of a step
    curvature: Float[Array, ""]  # L
    trial: Bool[Array, ""]  # whether the next product is that of a trial: never
    settled: Bool[Array, ""]  # whether r is as small as it has to be, or rounding
    n_iter: Int[Array, ""]  # products


def begin(problem: Problem, x: Float[Array, "m ..."], q: Float[Array, "q ..."], before: Search | None = None) -> Search:
    """The search from a point whose image is known. Secants of one before in its place stay, and do not count."""
    no, zero, squares = jnp.zeros((), bool), jnp.zeros((), int), jnp.zeros(SECANTS, x.dtype)
    none = Secants(*(jnp.zeros((SECANTS, *like.shape), x.dtype) for like in (x, q, x)))
    secants = none if before is None else before.secants
    L = jnp.asarray(problem.curvature, x.dtype)
    return Search(x, q, x, q, jnp.zeros_like(x), secants, squares, zero, no, L, no, no, zero)


def advance(problem: Problem, search: Search) -> Search:
    """The search after one more product."""
    composite, smooth, L = problem.composite, problem.smooth, search.curvature
    x = composite.prox(search.ahead - smooth.gradient(search.q_ahead) / L, 1 / L)
    q = smooth.image(x)
    r = x - search.ahead
    curvature = raised(smooth, L, r, q, search.q_ahead)
    rounding = SUM_ROUNDING * smooth.roundoff(x) * jnp.max(jnp.abs(x), initial=0.0)
    settled = jnp.all(jnp.abs(r) <= jnp.maximum(rounding, per_row(problem.residual / L, r)))
    longer = _with_secant(search, x, q, r)
    moved = _ahead(composite, longer._replace(x=x, q=q, r=r, follows=jnp.ones((), bool), settled=settled))
    none, no = jnp.zeros_like(search.squares), jnp.zeros((), bool)
    stayed = search._replace(ahead=search.x, q_ahead=search.q, curvature=curvature, squares=none, follows=no)
    after = jax.tree.map(lambda a, b: jnp.where(curvature > L, a, b), stayed, moved)
    return after._replace(n_iter=search.n_iter + 1)


def _with_secant(search, x, q, r):
    """The search with the secant from the last step to this one, unless that lies among the others."""
    turn = r - search.r
    before, shares = jnp.sum(turn**2), jnp.zeros_like(search.squares)
    for _ in range(2):  # once leaves the rounding of what was taken off
        more = _shares(search, turn)
        turn, shares = turn - _sum(more, search.secants.r), shares + more
    along, moved = _sum(shares, search.secants.x), _sum(shares, search.secants.q)
    secant = Secants(x - search.x - along, q - search.q - moved, turn)
    square = jnp.sum(turn**2)
    adds = search.follows & (square > PARALLEL * before)
    here = adds & (jnp.arange(SECANTS) == search.newest % SECANTS)
    return search._replace(
        secants=jax.tree.map(lambda new, old: jnp.where(_over(here, old), new, old), secant, search.secants),
        squares=jnp.where(here, square, search.squares),
        newest=search.newest + adds,
    )


def _ahead(composite, search):
    """The search with the point where r is least by its secants, or with none of them where that is no good."""
    shares = _shares(search, search.r)
    ahead, q_ahead = search.x - _sum(shares, search.secants.x), search.q - _sum(shares, search.secants.q)
    counts = composite.rise(ahead, q_ahead, search.x, search.q) <= 0
    return search._replace(
        ahead=jnp.where(counts, ahead, search.x),
        q_ahead=jnp.where(counts, q_ahead, search.q),
        squares=jnp.where(counts, search.squares, 0.0),
    )


def _shares(search, r) -> Any:
    """Of r along the secants (S,)."""
    turns = search.secants.r
    along = jnp.sum(turns * r, axis=tuple(range(1, turns.ndim)))
    return jnp.where(search.squares > 0, along / jnp.where(search.squares > 0, search.squares, 1.0), 0.0)


def _sum(share, secants) -> Any:
    return jnp.sum(_over(share, secants) * secants, axis=0)


def _over(values, secants) -> Any:
    return values.reshape(-1, *[1] * (secants.ndim - 1))
