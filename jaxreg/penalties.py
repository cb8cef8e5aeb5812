"""Penalties: functions of one coefficient, weighted by lambda and by the penalty factors.

lambda is always an argument and never a field. To add a penalty, subclass `Penalty`, mark the class final,
and name it in `__all__`: the tests run over `__all__`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import final

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

__all__ = ["ElasticNet"]


class Penalty(ABC):
    """Separable penalty."""

    @abstractmethod
    def value(self, coef: ArrayLike, lam: ArrayLike) -> Array:
        """Penalty of each coefficient at strength lam (times penalty factor)."""

    @abstractmethod
    def prox(self, coef: ArrayLike, lam: ArrayLike, step: ArrayLike) -> Array:
        """argmin over u of (u - coef)^2 / (2 step) + value(u, lam), elementwise."""


@final
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """lambda * [a |b| + (1 - a) b^2 / 2] with a = l1_ratio: the lasso at 1, ridge at 0.

    Parameters
    ----------
    l1_ratio : float in [0, 1]

    Source: Zou and Hastie (2005), in the parametrisation of Friedman, Hastie and Tibshirani (2010), eq. (2).
    """

    l1_ratio: float = 1.0

    def __post_init__(self):
        if isinstance(self.l1_ratio, bool) or not isinstance(self.l1_ratio, Real) or not 0 <= self.l1_ratio <= 1:
            raise ValueError(f"l1_ratio is {self.l1_ratio!r}; give a number from 0 (ridge) to 1 (lasso).")
        object.__setattr__(self, "l1_ratio", float(self.l1_ratio))

    def strengths(self, lam):
        """The l1 strength lam * a and the l2 strength lam * (1 - a)."""
        return lam * self.l1_ratio, lam * (1.0 - self.l1_ratio)

    def value(self, coef, lam):
        l1, l2 = self.strengths(lam)
        return l1 * jnp.abs(coef) + l2 * jnp.square(coef) / 2

    def prox(self, coef, lam, step):
        l1, l2 = self.strengths(lam)
        shrunk = jnp.sign(coef) * jnp.maximum(jnp.abs(coef) - step * l1, 0.0)
        return shrunk / (1.0 + step * l2)
