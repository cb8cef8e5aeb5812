"""Losses: smooth functions of the response and the linear predictor, one value per observation.

A loss states its formulas; the objective averages them with the sample weights. To add one, subclass `Loss`, mark
the class final, and name it in `__all__`: the tests run over `__all__`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from jax import Array
from jax.typing import ArrayLike

__all__ = ["Squared"]


class Loss(ABC):
    """Pointwise loss, convex in eta."""

    @abstractmethod
    def value(self, y: ArrayLike, eta: ArrayLike) -> Array:
        """Loss of each observation, in units of the mean loss of the objective."""

    @abstractmethod
    def gradient(self, y: ArrayLike, eta: ArrayLike) -> Array:
        """Derivative of `value` with respect to eta."""


@final
@dataclass(frozen=True)
class Squared(Loss):
    """Gaussian loss (y - eta)^2 / 2."""

    def value(self, y, eta):
        return (y - eta) ** 2 / 2

    def gradient(self, y, eta):
        return eta - y
