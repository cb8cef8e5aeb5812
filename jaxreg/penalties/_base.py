"""Bases of penalties: the formulas that solvers, grids and certificates use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Int

BISECTIONS, LARGEST_RATIO = 120, 1e12  # steps; the largest lambda that is tried, in units of the largest gradient
SECULAR_STEPS = 20  # of Newton's method for the norm of a block, at most
SECULAR_CHANGE = 1e-8  # relative change of the norm at which Newton's method ends
DEGENERATE = 1e-12  # share of the largest curvature below which a curvature counts as 0


class Penalty(ABC):
    """Penalty of coefficients b (p,), or (p, K) for K responses, at the strength lam.

    lam is lambda, or lambda times the penalty factors, one per coefficient: it is always an argument and never a field.
    Instances are JAX pytrees: their numbers may be traced and differentiated.
    """

    convex: bool
    norm: ClassVar[bool] = False  # whether it is proportional to coef, and so free of the unit of the response
    separable: ClassVar[bool] = False  # whether it is a sum over columns
    screens: ClassVar[bool] = False  # whether columns come in one by one, by their `pull`; else all are worked on
    descends: ClassVar[bool] = False  # whether it is a sum over blocks of columns, for block coordinate descent
    mixes: ClassVar[bool] = False  # whether it has a mixing parameter, the field l1_ratio
    quadratic: ClassVar[bool] = False  # whether it is a sum over columns of |b| and b^2 with weights, limits allowed
    limited: ClassVar[bool] = False  # whether coefficients have limits: the fields lower and upper (p,)

    @property
    def slope(self) -> ArrayLike:
        """About how steep the penalty is at 0, in units of lam."""
        return 1.0

    @abstractmethod
    def value(self, coef: Float[ArrayLike, "p ..."], lam: ArrayLike) -> Float[Array, " ..."]:
        """The penalty, as one number or as terms of any shape that add up to it."""

    @abstractmethod
    def prox(self, coef: Float[ArrayLike, "p ..."], lam: ArrayLike, step: ArrayLike) -> Float[Array, "p ..."]:
        """argmin over u of |u - coef|^2 / (2 step) + value(u, lam), the smallest of several minimisers."""

    @abstractmethod
    def critical_lambda(
        self, gradient: Float[ArrayLike, "p ..."], factors: ArrayLike = 1.0, step: ArrayLike = 1.0
    ) -> Float[Array, ""]:
        """Smallest lambda at which 0 is stationary, given the gradient of the loss at 0 and the penalty factors.

        Stationary means 0 = prox(-step * gradient, lambda * factors, step). This depends on the step only if the prox
        jumps (`L0`).
        """

    def critical_on_host(self, gradient: Float[np.ndarray, "p ..."], factors: Float[np.ndarray, " p"]) -> float | None:
        """`critical_lambda` in NumPy, where formulas for it are few: then no program runs for a grid. Else None."""
        return None

    def dual_norm(self, gradient: Float[ArrayLike, "p ..."], lam: ArrayLike) -> Float[Array, ""] | None:
        """sup of gradient'b over value(b, lam) - ridge part <= 1. None if value - ridge part is no norm, or unknown.

        The coefficients 0 are optimal if and only if the dual norm is at most 1.
        """
        return None

    def ridge(self, lam: ArrayLike) -> ArrayLike:
        """l2 such that the penalty is a norm plus sum_j l2_j b_j^2 / 2."""
        return 0.0

    def concavity(self, lam: ArrayLike) -> ArrayLike:
        """Smallest rho >= 0 such that value(b, lam) + rho |b|^2 / 2 is convex.

        0 where there is none, as for a prox that jumps at every step, or it is unknown: solvers ensure that the
        objective falls.
        """
        return 0.0

    def duals(self, gradient: Array, lam: ArrayLike) -> tuple[Array, Array]:
        """(scales s (D,) in [0, 1], costs (D,)): conjugates of the penalty less its ridge part at s gradient.

        Without limits that is the largest s at which the dual norm is at most 1, at no cost.
        """
        norm = self.dual_norm(gradient, lam)
        assert norm is not None  # asked only where `has_dual`
        scale = 1 / jnp.maximum(norm, 1.0)
        return scale[None], jnp.zeros_like(scale)[None]

    def conjugate(self, gradient: Array, lam: ArrayLike) -> Array:
        """sup over b of gradient'b - value(b, lam); infinite where a norm without a ridge part is exceeded.

        prox(gradient)^2 / (2 l2) by Moreau's decomposition. Where lam is 0 the gradient is 0 up to rounding.
        """
        strength = per_row(lam, gradient)
        l2 = self.ridge(strength) * jnp.ones_like(gradient)
        beyond = jnp.where(strength > 0, self.prox(gradient, lam, 1.0) * (1 + l2), 0.0)
        inside = beyond**2 / (2 * jnp.where(l2 > 0, l2, 1.0))
        return jnp.sum(jnp.where(l2 > 0, inside, jnp.where(beyond != 0, jnp.inf, 0.0)))

    def stopped(
        self, before: Float[Array, "p ..."], after: Float[Array, "p ..."], lam: ArrayLike
    ) -> Float[Array, "p ..."]:
        """The point `after`, reached from `before`. A coefficient that would cross a kink of the penalty stays at it.

        Any point will do. It is tried where a step of Newton's method leaves the manifold on which it was computed.
        """
        return after

    @abstractmethod
    def unpenalised(self, factors: Float[np.ndarray, " p"]) -> Float[np.ndarray, "k p"]:
        """Directions along which the penalty does not change, on the host."""

    @abstractmethod
    def checked_factors(self, factors: Float[np.ndarray, " p"], responses: int | None) -> Float[np.ndarray, " p"]:
        """Finite penalty factors for the factors of the user, on the host.

        The user's factor inf leaves out a column; the data have zeros in it. ValueError if the factors, their number or
        y do not fit the penalty. responses is None for y (n,).
        """

    def for_columns(self, labels: list) -> Penalty:
        """The penalty of columns with these labels, in their order. It is `self` unless the penalty names columns."""
        return self


_DUALS: dict[type, bool] = {}


def has_dual(penalty, coef, factors):
    """Whether the dual norm of a penalty is known: one look at coefficients like `coef` for each class."""
    kind = type(penalty)
    if kind not in _DUALS:
        _DUALS[kind] = jax.eval_shape(penalty.dual_norm, coef, factors) is not None
    return _DUALS[kind]


class Norm(Penalty):
    """A penalty that is a norm, or a seminorm: convex and proportional to lam."""

    convex = True
    norm = True

    @final
    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        norm = self.dual_norm(gradient, factors)
        assert norm is not None
        return norm


class Screened(Penalty):
    """A penalty whose columns enter one by one. The columns of any other penalty are all worked on at every lambda."""

    screens = True

    @abstractmethod
    def pull(self, gradient: Float[np.ndarray, "p ..."], factors: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        """The strength by which the gradient pulls each column away from 0, on the host.

        A column stays at 0 about as long as its pull is less than lambda. Columns of a group have the same pull.
        """

    def pulls(
        self, gradients: Float[np.ndarray, "B p ..."], factors: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, "B p"]:
        """The pulls of several gradients."""
        return np.stack([self.pull(gradient, factors) for gradient in gradients])

    @abstractmethod
    def restrict(self, columns: Int[np.ndarray, " m"]) -> Penalty:
        """The penalty of the coefficients of some columns, while all others are 0. An index p stands for no column."""


class Blockwise(Screened):
    """A penalty that is a sum over blocks of columns, for block coordinate descent."""

    descends = True
    rotates: bool  # whether the penalty of a block stays the same when its coefficients are rotated

    @abstractmethod
    def block_labels(self, p: int) -> Int[np.ndarray, " p"]:
        """The label of each column's block, on the host."""

    @abstractmethod
    def block_strength(self, lam: Float[Array, " p"]) -> Float[Array, "p S"]:
        """For each column the S numbers by which `block_minimum` knows the penalty of its block at lam."""

    @abstractmethod
    def block_minimum(
        self,
        corr: Float[Array, "d K"],
        curvature: Float[Array, " d"],
        strength: Float[Array, " S"],
        last: Float[Array, "d K"],
    ) -> Float[Array, "d K"]:
        """argmin over u (d, K) of sum_i (curvature_i |u_i|^2 / 2 - corr_i'u_i) + the block's penalty at strength (S,).

        All curvatures are equal unless `rotates`. Where a curvature is 0, the correlation and u are 0 too. `last` is a
        guess.
        """


class Columnwise(Blockwise):
    """A penalty whose blocks are the columns, each with the same penalty."""

    rotates = True

    @final
    def block_labels(self, p):
        return np.arange(p)

    @final
    def block_strength(self, lam):
        return lam[:, None]

    @final
    def unpenalised(self, factors):
        return unit_directions(factors)

    @final
    def restrict(self, columns):
        return self


def shortened(
    corr: Float[Array, "d K"], curvature: Float[Array, " d"], strength: Float[Array, ""], last: Float[Array, "d K"]
) -> Float[Array, "d K"]:
    """argmin over u (d, K) of sum_i (curvature_i |u_i|^2 / 2 - corr_i'u_i) + strength |u|, from a guess.

    u_i = rho corr_i / (curvature_i rho + strength) with rho = |u|. rho is the root of a function that is concave in the
    form 1 / |u / rho|. So Newton's method stays on the left of the root from the second step on (More and Sorensen 1983
    for trust regions; Yang and Hastie 2024, section 3.2, for groups). One step is exact if all curvatures are equal.
    """
    square, largest = jnp.sum(corr**2, axis=1), jnp.max(curvature)
    penalised = strength > 0
    lam = jnp.where(penalised, strength, 1.0)
    equal = len(curvature) == 1

    def improved(rho):
        inverse = 1 / (curvature * rho + lam)
        norm = jnp.sum(square * inverse**2)
        fall = jnp.sum(square * curvature * inverse**3)
        change = jnp.where(fall > 0, (jnp.sqrt(norm) - 1) * norm / jnp.where(fall > 0, fall, 1.0), 0.0)
        return jnp.maximum(rho + change, 0.0)

    def step(state):
        _, rho, k = state
        return rho, improved(rho), k + 1

    def unsettled(state):
        before, rho, k = state
        return (jnp.abs(rho - before) > SECULAR_CHANGE * rho) & (k < SECULAR_STEPS)

    rho = jnp.sqrt(jnp.sum(last**2))
    rho = improved(rho) if equal else lax.while_loop(unsettled, step, (jnp.full_like(rho, jnp.inf), rho, 0))[1]
    share = jnp.where(jnp.sum(square) > lam**2, rho / (curvature * rho + lam), 0.0)
    curved = curvature > DEGENERATE * largest
    free = jnp.where(curved, 1 / jnp.where(curved, curvature, 1.0), 0.0)
    return corr * jnp.where(penalised, share, free)[:, None]


def unit_directions(factors: Float[np.ndarray, " p"]) -> Float[np.ndarray, "k p"]:
    """Directions of the columns with the penalty factor 0."""
    free = np.flatnonzero(factors == 0)
    directions = np.zeros((len(free), len(factors)))
    directions[np.arange(len(free)), free] = 1.0
    return directions


def ratio(gradient, lam):
    """|gradient| / lam. It is 0 where lam is 0: the gradient of an unpenalised coefficient vanishes."""
    lam = jnp.asarray(lam)
    return jnp.where(lam > 0, jnp.abs(gradient) / jnp.where(lam > 0, lam, 1.0), 0.0)


def per_row(values, like):
    """Values () or (m,) in the shape that multiplies an array `like`, (m,) or (m, K), of NumPy or JAX."""
    return values[:, None] if np.ndim(values) == 1 and np.ndim(like) == 2 else values


def largest_ratio(sizes: Float[np.ndarray, " m"], strengths: Float[np.ndarray, " m"]) -> float:
    """The largest size per strength, in NumPy, of all that have a strength; 0 of none."""
    penalised = strengths > 0
    return float(np.max(sizes[penalised] / strengths[penalised], initial=0.0))


def root(square):
    """sqrt, with derivative 0 at 0."""
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def critical_by_bisection(penalty, gradient, factors, step):
    """Smallest lambda at which the prox keeps 0, for a penalty known by its prox only; infinite if there is none."""
    z = -step * jnp.asarray(gradient)

    def stays(lam):
        return jnp.all(penalty.prox(z, lam * factors, step) == 0)

    def wider(end):
        return 2 * end[0], stays(2 * end[0])

    largest = jnp.max(jnp.abs(gradient))
    start = jnp.where(largest > 0, largest, 1.0)
    # the answer of the loop counts: outside the loop rounding errors may differ
    bounded = LARGEST_RATIO * start
    high, is_bracketed = lax.while_loop(lambda end: ~end[1] & (end[0] < bounded), wider, (start, stays(start)))
    high = jnp.where(is_bracketed, high, jnp.inf)

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        keeps_zero = stays(middle)
        return jnp.where(keeps_zero, low, middle), jnp.where(keeps_zero, middle, high)

    low = jnp.where(stays(0.0), high, 0.0)
    low, high = lax.fori_loop(0, BISECTIONS, halve, (low, high))
    return jnp.where(jnp.any(z != 0), high, 0.0)


def finite_factors(factors: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    """The factors, with 1 for the columns that are left out by inf."""
    return np.where(np.isinf(factors), 1.0, factors)


def require_no_factors(name, factors: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    """Refuse penalty factors of a penalty that treats its coefficients as a whole. The factors are 1 for all."""
    if not np.isin(factors, (1.0, np.inf)).all():
        raise ValueError(f"penalty_factors is given, but {name} has none: its coefficients count as a whole.")
    return np.ones(len(factors))


def require_one_response(name, responses):
    """Refuse several responses for a penalty of one response."""
    if responses is not None:
        raise ValueError(f"y has {responses} columns; {name} takes one response. MultiTaskLasso() takes several.")
