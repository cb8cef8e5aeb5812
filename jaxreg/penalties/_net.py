"""The formulas of the elastic net, and the elastic net with limits of the coefficients."""

from typing import Any, final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import pytree, rebuilt
from jaxreg.penalties._base import (
    Penalty,
    Screened,
    finite_factors,
    per_row,
    ratio,
    unit_directions,
)


class NetFormulas(Penalty):
    """lambda * [a |b| + (1 - a) b^2 / 2] with a = l1_ratio, as a sum over the columns of b (p,) or (p, K)."""

    l1_ratio: Any

    convex = True
    mixes = True
    quadratic = True

    @property
    @final
    def slope(self):
        return self.l1_ratio

    @final
    def strengths(self, lam):
        """The l1 strength lam * a and the l2 strength lam * (1 - a)."""
        return lam * self.l1_ratio, lam * (1.0 - self.l1_ratio)

    @final
    def value(self, coef, lam):
        l1, l2 = self.strengths(per_row(lam, coef))
        return l1 * jnp.abs(coef) + l2 * jnp.square(coef) / 2

    @final
    def shrunk(self, coef, lam, step):
        """The prox where there are no limits."""
        l1, l2 = self.strengths(per_row(lam, coef))
        return jnp.sign(coef) * jnp.maximum(jnp.abs(coef) - step * l1, 0.0) / (1.0 + step * l2)

    @final
    def dual_norm(self, gradient, lam):
        lam = per_row(lam, gradient)
        l1 = jnp.broadcast_to(lam * self.l1_ratio, jnp.shape(gradient))
        bare = (l1 == 0) & (lam > 0)  # there is no norm: only the gradient 0 has a finite dual norm
        return jnp.max(jnp.where(bare & (gradient != 0), jnp.inf, ratio(gradient, l1)))

    @final
    def ridge(self, lam):
        return self.strengths(lam)[1]


@final
@pytree
class LimitedElasticNet(NetFormulas, Screened):
    """lambda * [a |b| + (1 - a) b^2 / 2] with a = l1_ratio for lower <= b <= upper, infinite elsewhere.

    lower (p,) <= 0 <= upper (p,), infinite where there is no limit; those of b (p, K) are the same in all of its K
    columns. Its conjugate is a sum over the coefficients,

        sup over b in [lower, upper] of g b - l1 |b| - l2 b^2 / 2,

    finite on the side of a finite limit even without a ridge part.
    """

    l1_ratio: Any
    lower: Any
    upper: Any

    separable = True
    limited = True

    def prox(self, coef, lam, step):
        return jnp.clip(self.shrunk(coef, lam, step), per_row(self.lower, coef), per_row(self.upper, coef))

    def _pulls(self, gradient):
        """How much of |gradient| is not held by a limit of 0, given minus the derivative of the loss."""
        up, down = (per_row(side, gradient) for side in (self.upper > 0, self.lower < 0))
        return jnp.maximum(jnp.where(up, gradient, 0.0), jnp.where(down, -gradient, 0.0))

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        pulls = self._pulls(-jnp.asarray(gradient))
        pull = jnp.max(ratio(pulls, jnp.broadcast_to(per_row(factors, pulls), jnp.shape(pulls))), initial=0.0)
        return jnp.where(self.l1_ratio > 0, pull / jnp.where(self.l1_ratio > 0, self.l1_ratio, 1.0), jnp.inf)

    def duals(self, gradient, lam):
        l1 = jnp.broadcast_to(per_row(lam, gradient) * self.l1_ratio, jnp.shape(gradient))
        open_side = jnp.isinf(self._limits(gradient))
        scales = jnp.where(jnp.abs(gradient) > l1, l1 / jnp.abs(gradient), 1.0)
        s = jnp.min(jnp.where(open_side, scales, 1.0))
        # zeroed where s has seen to it: rounding must not turn a zero into infinity
        cost = jnp.sum(self._conjugates(jnp.where(open_side, 0.0, s * gradient), l1, 0.0))
        as_if_unlimited = jnp.min(scales)  # better where limits are far away
        return jnp.stack([s, as_if_unlimited]), jnp.stack([cost, jnp.zeros_like(cost)])

    def conjugate(self, gradient, lam):
        l1, l2 = self.strengths(jnp.broadcast_to(per_row(lam, gradient), jnp.shape(gradient)))
        return jnp.sum(self._conjugates(gradient, l1, l2))

    def _limits(self, gradient):
        """Sizes of the limits to which the gradient, minus the derivative of the loss, pulls."""
        return jnp.where(gradient > 0, per_row(self.upper, gradient), -per_row(self.lower, gradient))

    def _conjugates(self, gradient, l1, l2):
        """Conjugates (p [, K]) at a gradient (p [, K])."""
        excess, limit = jnp.maximum(jnp.abs(gradient) - l1, 0.0), self._limits(gradient)
        finite = jnp.where(jnp.isinf(limit), 0.0, limit)
        inside = excess**2 / (2.0 * jnp.where(l2 > 0, l2, 1.0))
        at_limit = excess * finite - jnp.where(l2 > 0, l2 * finite**2 / 2.0, 0.0)  # not 0 * inf for a distant limit
        interior = (l2 > 0) & (jnp.isinf(limit) | (excess < l2 * finite))
        value = jnp.where(interior, inside, jnp.where(jnp.isinf(limit), jnp.inf, at_limit))
        return jnp.where(excess > 0, value, 0.0)

    def unpenalised(self, factors):
        unlimited = np.isinf(self.lower) & np.isinf(self.upper)
        return unit_directions(np.where(unlimited, factors, 1.0))

    def pull(self, gradient, factors):
        up, down = (per_row(side, gradient) for side in (self.upper > 0, self.lower < 0))
        pulls = np.maximum(np.where(up, gradient, 0.0), np.where(down, -gradient, 0.0))
        pulls = pulls if pulls.ndim == 1 else pulls.max(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return pulls / (factors * float(self.l1_ratio))

    def restrict(self, columns):
        def of_columns(limits, absent):
            return np.append(limits, absent)[np.minimum(columns, len(limits))]

        return rebuilt(self, lower=of_columns(self.lower, -np.inf), upper=of_columns(self.upper, np.inf))

    def rescaled(self, by):
        """The same of coefficients that are multiplied by positive numbers (p,)."""
        return rebuilt(self, lower=self.lower * by, upper=self.upper * by)

    def checked_factors(self, factors, responses):
        return finite_factors(factors)
