"""Losses: smooth functions of the response and the linear predictor, one value per observation.

A loss states its formulas; the objective averages them with the sample weights. `Custom` makes one of a function of
(y, eta). To add one here, subclass `Loss`, mark the class final and a `pytree`, and name it in `__all__`: the tests run
over `__all__`.

All methods take JAX or NumPy arrays, whose shapes broadcast, and are written with `jax.numpy`: y is the response, eta
the linear predictor, intercept and offset included.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import field
from typing import ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxreg._pytree import STATIC, number, pytree, rebuilt

__all__ = ["Custom", "Huber", "Quantile", "Squared", "SquaredHinge"]


class Loss(ABC):
    """Pointwise loss, convex in eta and least at 0. Instances are JAX pytrees."""

    of_classes: ClassVar[bool] = False  # whether y holds labels of classes, of which every fold needs each
    degree: int  # k where value(c y, c eta) = c^k value'(y, eta) with the loss' in the unit c; 0 where y has no unit

    @abstractmethod
    def in_units(self, unit: ArrayLike) -> "Loss":
        """The loss of y and eta in multiples of `unit`, up to the factor unit^degree; itself where degree is 0."""

    @abstractmethod
    def value(self, y: ArrayLike, eta: ArrayLike) -> Array:
        """Loss of each observation, in units of the mean loss of the objective."""

    @abstractmethod
    def gradient(self, y: ArrayLike, eta: ArrayLike) -> Array:
        """Derivative of `value` with respect to eta."""

    @abstractmethod
    def curvature_bound(self) -> ArrayLike | None:
        """Upper bound of the second derivative with respect to eta for all y and eta; None where there is none."""

    @abstractmethod
    def conjugate(self, y: ArrayLike, u: ArrayLike) -> Array | None:
        """sup over eta of u eta - value(y, eta), infinite outside its domain, which holds 0; None where unknown.

        With a gradient g of the loss, the domain holds all of [0, g].
        """

    @property
    def width(self) -> ArrayLike | None:
        """Size of a residual up to which the loss is a parabola, and linear beyond; None where it is no such loss."""
        return None

    def widened(self, by: ArrayLike) -> tuple["Loss", ArrayLike, ArrayLike]:
        """(loss, factor, mu): min over z of value(y, z) + (z - eta)^2 / (2 mu) is factor * loss, of a larger width.

        It is asked for only where `width` is a number: a loss that gives one gives the other.
        """
        raise NotImplementedError(f"{type(self).__name__} has a width, but no widened loss")

    @abstractmethod
    def check_response(self, y: np.ndarray) -> None:
        """Raise ValueError where y (n,) is not such a response, on the host."""


class _OfResidual(Loss):
    """A loss of numbers y."""

    @final
    def check_response(self, y):
        pass


@final
@pytree
class Squared(_OfResidual):
    """Gaussian loss (y - eta)^2 / 2.

    Examples
    --------
    A residual of 4 costs sixteen times as much as one of 1, and pulls four times as hard.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Squared
    >>> residuals = jnp.array([1.0, 4.0])
    >>> print(Squared().value(residuals, 0.0), Squared().gradient(residuals, 0.0))
    [0.5 8. ] [-1. -4.]
    """

    degree = 2

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return (y - eta) ** 2 / 2

    def gradient(self, y, eta):
        return eta - y

    def curvature_bound(self):
        return 1.0

    def conjugate(self, y, u):
        return u * y + u**2 / 2


@final
@pytree
class Huber(_OfResidual):
    """r^2 / 2 for |r| <= delta and delta |r| - delta^2 / 2 beyond, r = y - eta: outliers pull with the force delta.

    Parameters
    ----------
    delta : float > 0
        Size of a residual from which on the loss grows linearly, in units of y, whatever `standardize` says: a standard
        deviation of y would grow with the outliers. Infinity is the squared loss.

    Raises
    ------
    ValueError
        For a `delta` that is no number above 0.

    References
    ----------
    Huber (1964), Ann. Math. Statist. 35.

    Examples
    --------
    The outlier pulls as hard as the residual of 2, and not fifty times as hard.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Huber
    >>> residuals = jnp.array([0.5, 2.0, 100.0])
    >>> print(Huber(delta=2.0).gradient(residuals, 0.0))
    [-0.5 -2.  -2. ]
    """

    delta: float = 1.345

    degree = 2

    def __post_init__(self):
        object.__setattr__(self, "delta", number(self.delta, "delta", "a number above 0", 0, strict=True))

    def in_units(self, unit):
        return rebuilt(self, delta=self.delta / unit)

    @property
    def width(self):
        return self.delta

    def widened(self, by):
        mu = by / self.delta
        return rebuilt(self, delta=self.delta + by), 1 / (1 + mu), mu

    def value(self, y, eta):
        size = jnp.abs(y - eta)
        inside = jnp.minimum(size, self.delta)
        return inside * (size - inside / 2)

    def gradient(self, y, eta):
        return jnp.clip(eta - y, -self.delta, self.delta)

    def curvature_bound(self):
        return 1.0

    def conjugate(self, y, u):
        return jnp.where(
            jnp.abs(u) <= self.delta * (1 + 4 * jnp.finfo(jnp.asarray(u).dtype).eps), u * y + u**2 / 2, jnp.inf
        )


@final
@pytree
class Quantile(_OfResidual):
    """Quantile loss, smoothed: r (tau - [r < 0]) with a parabola in place of the kink at 0, r = y - eta.

        u r - s u^2 / 2,     u = r / s clipped to [tau - 1, tau]

    It is the Moreau envelope of the quantile loss, below it by at most s max(tau, 1 - tau)^2 / 2: the fit of the tau-th
    quantile is approximate, the better the smaller s is against the spread of y.

    Parameters
    ----------
    tau : float in (0, 1)
        The quantile; 0.5 is the median.
    smoothing : float > 0
        The s of the formula, in units of y, whatever `standardize` says.

    Raises
    ------
    ValueError
        For a `tau` that is not between 0 and 1, or a `smoothing` that is not above 0.

    References
    ----------
    Koenker and Bassett (1978), Econometrica 46; smoothed as in Beck and Teboulle (2012), SIAM J. Optim. 22.

    Examples
    --------
    For the upper quartile a prediction that is too low pulls three times as hard as one that is too high.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Quantile
    >>> residuals = jnp.array([-1.0, 1.0])
    >>> print(Quantile(tau=0.75).gradient(residuals, 0.0))
    [ 0.25 -0.75]
    """

    tau: float = 0.5
    smoothing: float = 0.1

    degree = 1

    def __post_init__(self):
        tau = number(self.tau, "tau", "a number between 0 and 1", 0, 1, strict=True)
        if not isinstance(tau, jax.Array) and tau == 1:
            raise ValueError("tau is 1; give a number between 0 and 1.")
        object.__setattr__(self, "tau", tau)
        smoothing = number(self.smoothing, "smoothing", "a number above 0", 0, np.finfo(float).max, strict=True)
        object.__setattr__(self, "smoothing", smoothing)

    def in_units(self, unit):
        return rebuilt(self, smoothing=self.smoothing / unit)

    @property
    def width(self):
        return self.smoothing

    def widened(self, by):
        return rebuilt(self, smoothing=self.smoothing + by), 1.0, by

    def _pull(self, r):
        return jnp.clip(r / self.smoothing, self.tau - 1, self.tau)

    def value(self, y, eta):
        r = y - eta
        u = self._pull(r)
        return u * r - self.smoothing * u**2 / 2

    def gradient(self, y, eta):
        return -self._pull(y - eta)

    def curvature_bound(self):
        return 1.0 / self.smoothing

    def conjugate(self, y, u):
        slack = 4 * jnp.finfo(jnp.asarray(u).dtype).eps
        inside = (-u <= self.tau + slack) & (-u >= self.tau - 1 - slack)
        return jnp.where(inside, u * y + self.smoothing * u**2 / 2, jnp.inf)


@final
@pytree
class SquaredHinge(Loss):
    """max(0, 1 - y eta)^2 for y of -1 and 1: the smooth loss of the L2-loss support vector machine.

    A fit with other values in y, or with one of the two alone, is a ValueError.

    References
    ----------
    Chang, Hsieh and Lin (2008), J. Mach. Learn. Res. 9, eq. (2).

    Examples
    --------
    A row beyond the margin costs nothing, one within it little, one on the wrong side much.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import SquaredHinge
    >>> y, eta = jnp.array([1.0, 1.0, -1.0]), jnp.array([2.0, 0.5, 0.5])
    >>> print(SquaredHinge().value(y, eta))
    [0.   0.25 2.25]
    """

    of_classes = True
    degree = 0

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return jnp.square(jnp.maximum(1 - y * eta, 0.0))

    def gradient(self, y, eta):
        return -2 * y * jnp.maximum(1 - y * eta, 0.0)

    def curvature_bound(self):
        return 2.0

    def conjugate(self, y, u):
        margin = u * y  # of 1 - y eta = -margin / 2
        return jnp.where(margin <= 0, margin + margin**2 / 4, jnp.inf)

    def check_response(self, y):
        other = np.setdiff1d(y, (-1.0, 1.0))
        if other.size:
            raise ValueError(f"y has the value {other[0]:g}, but SquaredHinge takes -1 and 1; encode the classes so.")
        if len(np.unique(y)) < 2:
            raise ValueError("y has one class only; SquaredHinge needs rows of both, -1 and 1.")


@final
@pytree
class Custom(_OfResidual):
    """A loss that is given by one function (y, eta) -> loss, convex in eta and >= 0, written with `jax.numpy`.

    The gradient is that of `jax.grad`. Points are certified by the residual of the prox. Its y is that of the user: how
    it changes with the units of y is not known, and `standardize` has to do with the columns only.

    Parameters
    ----------
    value : callable
        The function, (y, eta) -> loss of each observation, elementwise on arrays (n,).
    curvature_bound : float > 0 or None
        Upper bound of its second derivative in eta; None lets the solver find its step by backtracking.

    Raises
    ------
    TypeError
        For a `value` that is no function.
    ValueError
        For a `curvature_bound` that is no number above 0.

    Examples
    --------
    log cosh, a smooth relative of the absolute error: its slope is that of tanh, and its curvature at most 1.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Custom
    >>> log_cosh = Custom(
    ...     lambda y, eta: jnp.logaddexp(y - eta, eta - y) - jnp.log(2.0), curvature_bound=1.0
    ... )
    >>> print(log_cosh.gradient(0.0, jnp.array([-20.0, 0.0, 20.0])))
    [-1.  0.  1.]
    """

    _value: Callable = field(metadata=STATIC)
    _bound: float | None = field(metadata=STATIC)

    degree = 0  # what a user's function does with other units is not known

    def __init__(self, value, curvature_bound=None):
        if not callable(value):
            raise TypeError(f"value is {value!r}; give a function of (y, eta).")
        if curvature_bound is not None:
            curvature_bound = number(curvature_bound, "curvature_bound", "a number above 0, or None", 0, strict=True)
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_bound", curvature_bound)

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return self._value(y, eta)

    def gradient(self, y, eta):
        return jax.grad(lambda e: jnp.sum(self._value(y, e)))(eta)

    def curvature_bound(self):
        return self._bound

    def conjugate(self, y, u):
        return None
