"""Penalties that depend on the order of the coefficients' sizes: SLOPE, and a count with a budget."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral
from typing import TYPE_CHECKING, Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg._pytree import STATIC, pytree, rebuilt
from jaxreg.penalties._base import (
    Norm,
    Penalty,
    Screened,
    finite_factors,
    ratio,
    require_no_factors,
    require_one_response,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SMALLEST_WEIGHT = 1e-12  # the least weight by which sums are divided, as a share of the largest weight


def _means(values: Float[Array, " m"], starts: Bool[Array, " m"]) -> Float[Array, " m"]:
    """For each entry the mean of its block; `starts` says which entries begin one."""
    block, m = jnp.cumsum(starts) - 1, len(values)
    size = jax.ops.segment_sum(jnp.ones_like(values), block, m, indices_are_sorted=True)
    total = jax.ops.segment_sum(values, block, m, indices_are_sorted=True)
    return (total / jnp.maximum(size, 1))[block]


def _positive_falling(z: Float[Array, " m"]) -> Float[Array, " m"]:
    """The falling vector >= 0 that is nearest to z. Neighbouring blocks that rise are averaged until none rises.

    All rising neighbours are merged at once. This is as right as merging one after the other: neighbours whose second
    mean is larger are equal at the solution (Barlow et al. 1972; Best and Chakravarti 1990).
    """

    def merge(state):
        starts, level, _ = state
        rising = jnp.append(False, level[1:] > level[:-1])
        starts = starts & ~rising
        return starts, _means(z, starts), jnp.any(rising)

    start = jnp.ones(len(z), bool), z, jnp.asarray(True)
    _, level, _ = lax.while_loop(lambda state: state[2], merge, start)
    return jnp.maximum(level, 0.0)


@jax.custom_jvp
def _prox_sorted(coef: Float[Array, " p"], thresholds: Float[Array, " p"]) -> Float[Array, " p"]:
    """argmin over u of |u - coef|^2 / 2 + sum_i thresholds_i |u|_(i), with falling thresholds."""
    order = jnp.argsort(-jnp.abs(coef), stable=True)
    size = _positive_falling(jnp.abs(coef)[order] - thresholds)
    return jnp.sign(coef) * jnp.zeros_like(coef).at[order].set(size, unique_indices=True)


@_prox_sorted.defjvp
def _prox_sorted_jvp(primals, tangents):
    # on a cluster of equal sizes: the mean of the inward changes, with the signs; 0 where the result is 0
    (coef, thresholds), (d_coef, d_thresholds) = primals, tangents
    shrunk = _prox_sorted(coef, thresholds)
    order = jnp.argsort(-jnp.abs(coef), stable=True)
    size, sign = jnp.abs(shrunk)[order], jnp.sign(shrunk)[order]
    inward = jnp.where(size > 0, sign * d_coef[order] - d_thresholds, 0.0)
    mean = _means(inward, jnp.append(True, size[1:] != size[:-1]))
    return shrunk, jnp.zeros_like(shrunk).at[order].set(sign * mean, unique_indices=True)


@final
@pytree
class SLOPE(Norm, Screened):
    """Sorted L1 norm: lambda * sum_i w_i |b|_(i), |b|_(1) >= |b|_(2) >= ...: coefficients of equal size form clusters.

    It has no penalty factors.

    Parameters
    ----------
    weights : array (p,) >= 0
        The w_i, falling, not all 0; equal ones are the lasso.

    Raises
    ------
    ValueError
        For weights that rise, are negative, NaN or all 0.

    References
    ----------
    Bogdan, van den Berg, Sabatti, Su and Candes (2015), Ann. Appl. Stat. 9, eq. (1.4), and for the prox section 2.1.

    Examples
    --------
    The larger of two similar coefficients falls by more, and they meet.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import SLOPE
    >>> print(SLOPE([2.0, 1.0, 0.0]).prox(jnp.array([5.0, 4.5, 1.0]), lam=1.0, step=1.0))
    [3.25 3.25 1.  ]
    """

    weights: Any

    def __post_init__(self):
        if isinstance(self.weights, jax.Array):
            return
        try:
            weights = np.asarray(self.weights, float)
        except (TypeError, ValueError):
            raise ValueError(f"weights is {self.weights!r}; give one number per column.") from None
        if weights.ndim != 1 or not weights.size or not np.isfinite(weights).all():
            raise ValueError(f"weights has shape {weights.shape} or NaN; give one number per column.")
        if (weights < 0).any() or (np.diff(weights) > 0).any() or weights[0] == 0:
            raise ValueError("weights must fall, be >= 0 and not all 0; sort them: np.sort(weights)[::-1].")
        object.__setattr__(self, "weights", weights)

    def value(self, coef, lam):
        return _level(lam) * self.weights * jnp.sort(jnp.abs(coef), descending=True)

    def prox(self, coef, lam, step):
        coef = jnp.asarray(coef)
        return _prox_sorted(coef, (step * _level(lam) * self.weights).astype(coef.dtype))

    def dual_norm(self, gradient, lam):
        # every sum of weights is positive, since the first weight is
        share = jnp.cumsum(jnp.sort(jnp.abs(gradient), descending=True)) / jnp.cumsum(self.weights)
        level = _level(lam)
        return jnp.where(level > 0, jnp.max(share) / jnp.where(level > 0, level, 1.0), 0.0)

    def critical_on_host(self, gradient, factors):
        return float(np.max(np.cumsum(np.sort(np.abs(gradient))[::-1]) / np.cumsum(np.asarray(self.weights))))

    def unpenalised(self, factors):
        return np.zeros((0, len(factors)))

    def pull(self, gradient, factors):
        # slopes of the least concave majorant of sorted sums; the largest slope is the dual norm
        from scipy.optimize import isotonic_regression

        size, weights = np.abs(gradient), np.asarray(self.weights)
        order = np.argsort(-size, kind="stable")
        floor = np.maximum(weights, SMALLEST_WEIGHT * weights[0])
        slopes = np.empty_like(size)
        slopes[order] = isotonic_regression(size[order] / floor, weights=floor, increasing=False).x
        return slopes

    def restrict(self, columns):
        # absent columns are zeros, and zeros are last in the order
        weights = np.asarray(self.weights)[: len(columns)]
        return rebuilt(self, weights=np.pad(weights, (0, len(columns) - len(weights)), "edge"))

    def checked_factors(self, factors, responses):
        require_one_response("SLOPE", responses)
        if len(self.weights) != len(factors):
            raise ValueError(
                f"weights has length {len(self.weights)}, but X has {len(factors)} columns; give each one."
            )
        return require_no_factors("SLOPE", factors)


def _level(lam):
    """The strength, which all entries of lam hold."""
    return jnp.mean(jnp.asarray(lam))


@final
@pytree
class L0(Penalty):
    """lambda * number of nonzero coefficients, with at most `budget` nonzero coefficients: best subsets.

    Solutions are stationary for steps 1 / L, with L the largest curvature of the loss: no coefficient is worth more
    than lambda by itself. They are local minima, reached from the solution at the last lambda. With `standardize` a
    coefficient costs lambda sd(y) for the squared loss, so that lambda has the units of y.

    Parameters
    ----------
    budget : int >= 1
        How many coefficients may be nonzero at any lambda.

    Raises
    ------
    ValueError
        For a `budget` that is no whole number >= 1.

    References
    ----------
    Blumensath and Davies (2008), J. Fourier Anal. Appl. 14 (iterative hard thresholding); Beck and Eldar (2013), SIAM
    J. Optim. 23, Definition 2.3 (L-stationarity).

    Examples
    --------
    At lambda = 0.5 a coefficient has to be larger than 1; of three that are, the two largest stay as they are.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import L0
    >>> print(L0(budget=2).prox(jnp.array([3.0, -2.0, 1.5, 0.1]), lam=0.5, step=1.0))
    [ 3. -2.  0.  0.]
    """

    budget: int = field(metadata=STATIC)

    convex = False

    def __post_init__(self):
        if isinstance(self.budget, bool) or not isinstance(self.budget, Integral) or self.budget < 1:
            raise ValueError(f"budget is {self.budget!r}; give a whole number >= 1.")

    def value(self, coef, lam):
        nonzero = coef != 0
        return jnp.where(jnp.sum(nonzero) <= self.budget, lam * nonzero, jnp.inf)

    def prox(self, coef, lam, step):
        size = jnp.abs(coef)
        place = jnp.argsort(jnp.argsort(-size, stable=True))
        return jnp.where((size**2 > 2 * step * lam) & (place < self.budget), coef, 0.0)

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        factors = jnp.broadcast_to(factors, jnp.shape(gradient))
        return jnp.max(step * ratio(gradient, factors) * jnp.abs(gradient)) / 2

    def unpenalised(self, factors):
        return np.zeros((0, len(factors)))

    def checked_factors(self, factors, responses):
        require_one_response("L0", responses)
        return finite_factors(factors)
