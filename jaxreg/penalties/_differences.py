"""Penalties of differences of neighbours: fused lasso (total variation) and trend filter.

Their prox is x = z - D'u with a dual u, |u| <= t, that is t sign(D x) where D x is not 0: at the knots. Given the knots
and the signs there, x is one projection in O(p). The knots are found by an active set method with many changes at once:
where |u| exceeds t, the largest excess between two knots becomes a knot, and knots where D x gets the wrong sign go.

For D of order 1 that is the taut string: of all points between two knots where a straight string leaves its tube the
farthest one is on the taut string (Davies and Kovac 2001, Ann. Statist. 29), thus no knot ever goes. For order 2 knots
may have to go; see `_solution` on why the search ends.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import ClassVar, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg._pytree import pytree
from jaxreg.penalties._base import Norm, one_response, plain_factors, ratio

ROUNDING = 2  # units in the last place of the data that count as nothing


class _Pieces(ABC):
    """The vectors x (p,) with differences D x (p - order,) that are 0 but at knots, where `signs` is not 0."""

    order: ClassVar[int]
    signs: Array
    piece: Array  # (p,) number of the piece of each entry

    @abstractmethod
    def __init__(self, signs): ...

    @abstractmethod
    def collect(self, v):
        """Inner products (p,) of v (p,) with a basis, 0 beyond its size."""

    @abstractmethod
    def pull(self):
        """collect(D' signs), without the rounding errors of large numbers that cancel."""

    @abstractmethod
    def solve(self, products):
        """The one x whose inner products are `products`."""

    @abstractmethod
    def jumps(self, x):
        """D x for such an x."""

    @abstractmethod
    def dual(self, residual, t):
        """u with D'u = residual, which is known to be t * signs at the knots."""

    @final
    def project(self, v):
        return self.solve(self.collect(v))

    @final
    def between(self):
        """(p - order,) number of the piece in which each difference is, or with which its knot ends or begins."""
        return self.piece[self.order - 1 : -1]


@final
class _Steps(_Pieces):
    """Piecewise constant vectors: D x = x_{j+1} - x_j. The basis is the indicators of the pieces."""

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
        # a mean is rounded off, by as much in each entry: a running sum would gather that
        return -jnp.cumsum(residual - self.solve(self.collect(residual) - t * self.pull()))[:-1]


@final
class _Splines(_Pieces):
    """Continuous piecewise linear vectors: D x = x_j - 2 x_{j+1} + x_{j+2}. The basis is the hat functions.

    Their Gram matrix is tridiagonal and diagonally dominant, where D D' has a condition number of order p^4.
    """

    order = 2

    def __init__(self, signs):
        p, self.signs = len(signs) + 2, signs
        self.piece = jnp.cumsum(jnp.pad(signs != 0, 1))  # a knot begins one; the last entry ends the last one
        # (p,) both ends and the knots between them, then the last entry again and again
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
        # what two running sums gather in rounding errors is a line in each piece, which the known ends tell
        total = jnp.pad(jnp.cumsum(jnp.cumsum(residual)), (1, 0))[:-1]
        return (total + self.spread(t * self.strength - total[self.node]))[1:-1]


def _sums(v, piece):
    return jax.ops.segment_sum(v, piece, len(piece), indices_are_sorted=True)


def _shifted(v):
    return jnp.pad(v, (1, 0))[:-1]


class _Point(NamedTuple):
    """The minimiser x among the vectors with some knots, for given signs there."""

    signs: Array
    between: Array
    x: Array
    jumps: Array
    dual: Array


class _Search(NamedTuple):
    best: _Point  # with the right signs, of the lowest objective so far
    signs: Array  # to be tried
    jumps: Array  # of the vector that a careful search has come to
    careful: Array
    rounds: int | Array
    ended: Array


def _solution(pieces, z, t):
    """(argmin over x of |x - z|^2 / 2 + t |D x|_1, signs of D x).

    From a point with the right signs new knots are tried, and all knots with wrong signs go until there are none. Where
    that does not lower the objective the search is repeated with care: x moves on the line to the minimiser until the
    first jump is 0, whose knot goes (Lawson and Hanson 1974, chapter 23, for signs as well). That lowers the objective,
    since the gradient is 0 at the old knots and pulls the new ones to their signs. So no point comes twice, and there
    are finitely many.
    """
    p, eps = len(z), ROUNDING * jnp.finfo(z.dtype).eps
    flat = pieces(jnp.zeros(p - pieces.order, z.dtype))
    centre = flat.project(z)
    z, t = z - centre, jnp.minimum(t, jnp.finfo(z.dtype).max)
    scale = jnp.max(jnp.abs(z))

    def point(signs):
        at = pieces(signs)
        x = at.solve(at.collect(z) - t * at.pull())
        jumps = at.jumps(x)
        return _Point(signs, at.between(), x, jumps, at.dual(z - x, t))

    def farthest(point):
        """Signs (p - order,) of the new knots, 0 elsewhere: between two knots there is one at most."""
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
        # the objective of `best` less that of `new`, each term as exact as its size: a difference would not be
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
        return ~search.ended & (search.rounds < 100 + 10 * p)  # only rounding errors could lead in a circle

    none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(point, flat.signs))
    search = _Search(none, flat.signs, flat.signs, jnp.asarray(False), 0, jnp.asarray(False))
    best = lax.while_loop(goes_on, advance, search).best
    return centre + best.x, best.signs


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _prox(pieces, z, t):
    x, signs = _solution(pieces, z, t)
    return jnp.where(t > 0, x, z), signs


@_prox.defjvp
def _prox_jvp(pieces, primals, tangents):
    # x = P (z - t D' signs), where P projects on the vectors with these knots
    (z, t), (d_z, d_t) = primals, tangents
    x, signs = _prox(pieces, z, t)
    at = pieces(lax.stop_gradient(signs))
    return (x, signs), (at.project(d_z) - at.solve(at.pull()) * d_t, jnp.zeros_like(signs))


class _Differences(Norm):
    """lambda * |D b|_1. Penalty factors there are none: lam (p,) holds one number."""

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
        # the gradient has no part along the unpenalised directions but rounding errors, which running sums would raise
        dual = flat.dual(gradient - flat.project(gradient), 0.0)
        return ratio(jnp.max(jnp.abs(dual)), jnp.ravel(lam)[0])

    @final
    def checked_factors(self, factors, responses):
        one_response(type(self).__name__, responses)
        return plain_factors(type(self).__name__, factors)


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
