"""Penalties of differences of neighbours: fused lasso (total variation) and trend filter.

Their prox is x = z - D'u with a dual u, |u| <= t. At the knots, where D x is not 0, u = t sign(D x). Given the knots
and their signs, x is one projection in O(p). An active set method with many changes at once looks for the knots. Where
|u| exceeds t, the largest excess between two knots becomes a knot. Knots where D x gets the wrong sign are removed.

For D of order 1 this is the taut string. A straight string between two knots may leave its tube; its farthest point
outside is on the taut string (Davies and Kovac 2001, Ann. Statist. 29). So no knot is ever removed. For order 2 knots
may have to be removed; see `_solution` on why the search ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg._pytree import pytree
from jaxreg.penalties._base import Norm, largest_ratio, ratio, require_no_factors, require_one_response

if TYPE_CHECKING:
    from jaxtyping import Float, Int

ROUNDING_UNITS = 2  # differences of so many units in the last place of the data count as rounding


class _Pieces(ABC):
    """The vectors x (p,) whose differences D x (p - order,) are 0 except at knots, where `signs` is not 0."""

    order: ClassVar[int]
    signs: Float[Array, " differences"]
    piece: Int[Array, " p"]  # number of the piece of each entry

    @abstractmethod
    def __init__(self, signs): ...

    @abstractmethod
    def collect(self, v: Float[Array, " p"]) -> Float[Array, " p"]:
        """Inner products of v with a basis, 0 beyond the size of the basis."""

    @abstractmethod
    def pull(self) -> Float[Array, " p"]:
        """collect(D' signs), without the rounding errors of large numbers that cancel."""

    @abstractmethod
    def solve(self, products: Float[Array, " p"]) -> Float[Array, " p"]:
        """The vector x whose inner products are `products`."""

    @abstractmethod
    def jumps(self, x: Float[Array, " p"]) -> Float[Array, " differences"]:
        """D x, for an x of these vectors."""

    @abstractmethod
    def dual(self, residual: Float[Array, " p"], t) -> Float[Array, " differences"]:
        """The u with D'u = residual. At the knots u is t * signs."""

    @final
    def project(self, v):
        return self.solve(self.collect(v))

    @final
    def between(self):
        """For each difference (p - order,) the number of its piece; at a knot, of a piece that ends or begins there."""
        return self.piece[self.order - 1 : -1]


@final
class _Steps(_Pieces):
    """Piecewise constant vectors: D x = x_{j+1} - x_j. The basis vectors are the indicators of the pieces."""

    order = 1

    def __init__(self, signs):
        self.signs = signs
        self.piece = jnp.cumsum(jnp.pad(signs != 0, (1, 0)))
        self.size = jnp.maximum(self.collect(jnp.ones(len(self.piece), signs.dtype)), 1)

    def collect(self, v):
        return _sums(v, self.piece)

    def pull(self):
        return -self.collect(jnp.diff(jnp.pad(self.signs, 1)))

    def solve(self, products):
        return (products / self.size)[self.piece]

    def jumps(self, x):
        return jnp.diff(x)

    def dual(self, residual, t):
        # a mean has a rounding error, the same in each entry, which a running sum would accumulate
        return -jnp.cumsum(residual - self.solve(self.collect(residual) - t * self.pull()))[:-1]


@final
class _Splines(_Pieces):
    """Continuous piecewise linear vectors: D x = x_j - 2 x_{j+1} + x_{j+2}. The basis vectors are hat functions.

    Their Gram matrix is tridiagonal and diagonally dominant, whereas D D' has a condition number of order p^4.
    """

    order = 2

    def __init__(self, signs):
        p, self.signs = len(signs) + 2, signs
        self.piece = jnp.cumsum(jnp.pad(signs != 0, 1))  # a knot begins a piece; the last entry ends the last piece
        # nodes (p,): both ends and the knots between them, then the last entry repeated
        place = jnp.arange(p)
        self.node = jnp.minimum(jax.ops.segment_min(place, self.piece, p, indices_are_sorted=True), p - 1)
        self.length = jnp.maximum(jnp.diff(self.node, append=p - 1), 1).astype(signs.dtype)
        self.right = (place - self.node[self.piece]) / self.length[self.piece]
        self.strength = jnp.pad(signs, 1)[self.node]
        self.beside = _sums(self.right * (1 - self.right), self.piece)
        diagonal = self.collect(jnp.ones(p, signs.dtype)) - self.beside - _shifted(self.beside)
        self.diagonal = jnp.where(diagonal > 0, diagonal, 1.0)

    def collect(self, v):
        return _sums((1 - self.right) * v, self.piece) + _shifted(_sums(self.right * v, self.piece))

    def spread(self, values):
        """The line between `values` (p,) at the nodes."""
        return (1 - self.right) * values[self.piece] + self.right * values[self.piece + 1]

    def bends(self, values):
        slope = jnp.pad(jnp.diff(values), (0, 1)) / self.length
        return slope - _shifted(slope)

    def pull(self):
        return self.bends(self.strength)

    def solve(self, products):
        bands = _shifted(self.beside), self.diagonal, self.beside
        return self.spread(lax.linalg.tridiagonal_solve(*bands, products[:, None])[:, 0])

    def jumps(self, x):
        return jnp.where(self.signs != 0, self.bends(x[self.node])[self.between()], 0.0)

    def dual(self, residual, t):
        # the rounding errors of two running sums are a line in each piece, known from the known ends of the piece
        total = jnp.pad(jnp.cumsum(jnp.cumsum(residual)), (1, 0))[:-1]
        return (total + self.spread(t * self.strength - total[self.node]))[1:-1]


def _sums(v, piece):
    return jax.ops.segment_sum(v, piece, len(piece), indices_are_sorted=True)


def _shifted(v):
    return jnp.pad(v, (1, 0))[:-1]


class _KnotPoint(NamedTuple):
    """The minimiser x among the vectors with some knots and given signs at them."""

    signs: Array
    between: Array
    x: Array
    jumps: Array
    dual: Array


class _Search(NamedTuple):
    best: _KnotPoint  # the point with right signs of the lowest objective so far
    signs: Array  # to be tried next
    jumps: Array  # of the vector that a careful search has reached
    careful: Array
    rounds: int | Array
    ended: Array


def _solution(pieces, z, t):
    """(argmin over x of |x - z|^2 / 2 + t |D x|_1, signs of D x).

    From a point with right signs, new knots are tried. All knots with wrong signs are removed until no sign is wrong.
    If this does not lower the objective, the search is repeated with care: x moves on the line to the minimiser until
    the first jump is 0, and the knot of this jump is removed (Lawson and Hanson 1974, chapter 23, here for signs too).
    This lowers the objective, since the gradient is 0 at the old knots and pulls the new knots to their signs. So no
    point occurs twice, and there are finitely many points.
    """
    p, eps = len(z), ROUNDING_UNITS * jnp.finfo(z.dtype).eps
    flat = pieces(jnp.zeros(p - pieces.order, z.dtype))
    centre = flat.project(z)
    z = z - centre
    t = jnp.where(jnp.isinf(t), p * jnp.sum(jnp.abs(z)), t)  # no dual is larger, and inf * 0 would be NaN
    scale = jnp.max(jnp.abs(z))

    def point(signs):
        vectors = pieces(signs)
        x = vectors.solve(vectors.collect(z) - t * vectors.pull())
        jumps = vectors.jumps(x)
        return _KnotPoint(signs, vectors.between(), x, jumps, vectors.dual(z - x, t))

    def farthest(point):
        """Signs (p - order,) of the new knots, 0 elsewhere. Between two knots there is at most one new knot."""
        place = jnp.arange(p - pieces.order)
        size = jnp.where(point.signs == 0, jnp.abs(point.dual), 0.0)
        top = jax.ops.segment_max(size, point.between, p, indices_are_sorted=True)[point.between]
        hit = (size == top) & (size > t + eps * (scale + jnp.max(size)))
        first = jax.ops.segment_min(jnp.where(hit, place, p), point.between, p, indices_are_sorted=True)
        return jnp.where(hit & (place == first[point.between]), jnp.sign(point.dual), 0.0)

    def advance(search):
        best, new, jumps = search.best, point(search.signs), search.jumps
        wrong = (new.signs != 0) & (new.signs * new.jumps <= 0)
        settled = ~jnp.any(wrong)
        # the objective of `best` minus that of `new`, in terms as exact as their size: a difference would not be exact
        left = jnp.where(new.signs == best.signs, 0.0, (t - new.dual * best.signs) * jnp.abs(best.jumps))
        lower = jnp.sum((new.x - best.x) ** 2) / 2 + jnp.sum(left)
        better = settled & ((lower > p * (eps * scale) ** 2) | (search.rounds == 0))
        best = jax.tree.map(partial(jnp.where, better), new, best)
        knots = farthest(best)
        share = jnp.where(wrong, jumps / jnp.where(jumps == 0, 1.0, jumps - new.jumps), 1.0)
        step = jnp.min(share)
        gone = wrong & (~search.careful | (share <= step))
        return _Search(
            best,
            jnp.where(settled, best.signs + knots, jnp.where(gone, 0.0, new.signs)),
            jnp.where(settled, best.jumps, jnp.where(gone, 0.0, jumps + step * (new.jumps - jumps))),
            jnp.where(settled, ~better, search.careful),
            search.rounds + 1,
            settled & jnp.where(better, ~jnp.any(knots != 0), search.careful),
        )

    def goes_on(search):
        return ~search.ended & (search.rounds < 100 + 10 * p)  # only rounding errors could make a circle

    empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(point, flat.signs))
    search = _Search(empty, flat.signs, flat.signs, jnp.asarray(False), 0, jnp.asarray(False))
    best = lax.while_loop(goes_on, advance, search).best
    return centre + best.x, best.signs


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _prox(pieces, z, t):
    x, signs = _solution(pieces, z, t)
    return jnp.where(t > 0, x, z), signs


@_prox.defjvp
def _prox_jvp(pieces, primals, tangents):
    # x = P (z - t D' signs), where P projects onto the vectors with these knots
    (z, t), (d_z, d_t) = primals, tangents
    x, signs = _prox(pieces, z, t)
    vectors = pieces(lax.stop_gradient(signs))
    return (x, signs), (vectors.project(d_z) - vectors.solve(vectors.pull()) * d_t, jnp.zeros_like(signs))


class _Differences(Norm):
    """lambda * |D b|_1. There are no penalty factors: lam (p,) holds one number."""

    pieces: ClassVar[type[_Pieces]]

    @final
    def value(self, coef, lam):
        return jnp.ravel(lam)[0] * jnp.abs(jnp.diff(coef, self.pieces.order))

    @final
    def prox(self, coef, lam, step):
        coef = jnp.asarray(coef)
        if len(coef) <= self.pieces.order:
            return coef
        return _prox(self.pieces, coef, (step * jnp.ravel(lam)[0]).astype(coef.dtype))[0]

    @final
    def dual_norm(self, gradient, lam):
        gradient = jnp.asarray(gradient)
        if len(gradient) <= self.pieces.order:
            return jnp.zeros((), gradient.dtype)
        flat = self.pieces(jnp.zeros(len(gradient) - self.pieces.order, gradient.dtype))
        # along the unpenalised directions the gradient has only rounding errors, which running sums would accumulate
        dual = flat.dual(gradient - flat.project(gradient), 0.0)
        return ratio(jnp.max(jnp.abs(dual)), jnp.ravel(lam)[0])

    @final
    def critical_on_host(self, gradient, factors):
        # as `dual_norm`, of a gradient less what it has along the unpenalised directions, which are orthogonal
        if len(gradient) <= self.pieces.order:
            return 0.0
        flat = self.unpenalised(factors)
        dual = gradient - (flat @ gradient / np.sum(flat**2, axis=1)) @ flat
        for _ in range(self.pieces.order):
            dual = np.cumsum(dual)
        return largest_ratio(np.abs(dual), factors)

    @final
    def checked_factors(self, factors, responses):
        require_one_response(type(self).__name__, responses)
        return require_no_factors(type(self).__name__, factors)


@final
@pytree
class FusedLasso(_Differences):
    """lambda * sum_j |b_{j+1} - b_j|: total variation of coefficients in order, which are constant in pieces.

    It has no penalty factors. A constant vector is not penalised.

    References
    ----------
    Tibshirani, Saunders, Rosset, Zhu and Knight (2005), J. R. Statist. Soc. B 67, its second penalty alone; Rudin,
    Osher and Fatemi (1992), Physica D 60.

    Examples
    --------
    Four coefficients become two pieces, each with a mean that is nearer to the other by lambda over its length.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import FusedLasso
    >>> print(FusedLasso().prox(jnp.array([0.0, 1.0, 9.0, 10.0]), lam=1.0, step=1.0))
    [1. 1. 9. 9.]
    """

    pieces = _Steps

    def unpenalised(self, factors):
        return np.ones((1, len(factors)))


@final
@pytree
class TrendFilter(_Differences):
    """lambda * sum_j |b_j - 2 b_{j+1} + b_{j+2}|: coefficients in order, which are linear in pieces.

    It has no penalty factors. A straight line is not penalised.

    References
    ----------
    Kim, Koh, Boyd and Gorinevsky (2009), SIAM Review 51.

    Examples
    --------
    A bend costs its change of slope, and straight parts cost nothing, however steep.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import TrendFilter
    >>> print(TrendFilter().value(jnp.array([0.0, 5.0, 10.0, 15.0, 10.0]), lam=1.0))
    [ 0.  0. 10.]
    """

    pieces = _Splines

    def unpenalised(self, factors):
        p = len(factors)
        return np.stack([np.ones(p), np.arange(p) - (p - 1) / 2])[:p]
