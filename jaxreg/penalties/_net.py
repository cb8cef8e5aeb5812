"""The formulas of the elastic net, with or without limits."""

from typing import Any, final

import jax.numpy as jnp

from jaxreg.penalties._base import Penalty, per_row, ratio


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
    def concavity(self, lam):
        return 0.0
