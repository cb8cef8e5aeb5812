"""What a loss is: the formulas of one family, and what it says of its response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, final

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxreg import _arrays
from jaxreg.losses._links import inverse_link

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


class Encoded(NamedTuple):
    """A response as the formulas of a loss take it."""

    y: Float[np.ndarray, "n ..."]  # (n,), or (n, K) of several responses; float64
    labels: np.ndarray | None  # (C,) sorted, of a loss of classes; None of another


class Loss(ABC):
    """A family: the loss of one observation, and what its response and its linear predictor mean.

    The objective is the mean of `value` over the rows, weighted by the sample weights, plus the penalty: lambda has the
    units of `gradient` times those of a column. Everything that depends on the family is asked of its loss: solvers and
    certificates ask for the formulas, metrics and criteria for the deviance, results for the link, folds and checks for
    the response. None of them asks which loss it is.

    The formulas `value`, `gradient`, `hessian`, `conjugate` and `saturated` are those of single observations. They take
    JAX or NumPy arrays whose shapes broadcast, and give an array of the shape that results: y is encoded as by
    `encode`, and eta is the linear predictor, with intercept and offset. They are written with `jax.numpy`, because
    they are traced and differentiated, and know nothing of sample weights, X or penalties. For every y and eta:

    - `value` is convex in eta, and at least `saturated`, which is its infimum over eta. The deviance of an observation
      is 2 (value - saturated).
    - `gradient` and `hessian` are its first and second derivative in eta. The second one may jump; there any value
      between those beside it will do.
    - `curvature_bound` bounds `hessian`, which sets the step of first-order solvers. Without one they look for it.
    - `conjugate` makes the dual value, and with it the duality gap of the certificate. Without one the certificate is
      the residual of the prox.

    Instances are JAX pytrees (`jaxreg._pytree.pytree`) whose numbers are leaves: other numbers need no compilation.
    `width`, `widened`, `minus_two_log_likelihood` and `decode` are hooks, whose defaults say that there is no such
    thing; other concrete methods are not overridden.

    Attributes
    ----------
    degree : int
        k where value(c y, c eta) = c^k value'(y, eta) with the loss' that `in_units(c)` gives; 0 where y has no unit.
        lambda has the units of y^(k - 1), see `jaxreg.fit_path`.
    metrics : tuple of str
        What `metric=` takes for it, the default first: "deviance", "mse", "mae", "r2".
    quadratic : bool
        Whether value is (y - eta)^2 / 2: then y can be centred, and sums of squares and products say all of the data.
    outputs : int or None
        Linear predictors of one observation; None where y says how many.
    coupling : str or None
        Which entries the Hessian in eta couples: None where it is diagonal, "rows" or "outputs".
    of_classes : bool
        Whether y holds labels of classes: folds get their share of each, and need all in their training rows.
    link : str or None
        Name of the inverse link, one of `jaxreg.losses._links.LINKS`; results keep it. None where the meaning of eta is
        not known: predictions are then eta.
    """

    degree: int
    metrics: tuple[str, ...]
    quadratic: ClassVar[bool] = False
    outputs: ClassVar[int | None] = 1
    coupling: ClassVar[str | None] = None
    of_classes: ClassVar[bool] = False
    link: str | None = "identity"

    # ---- the response ----

    @abstractmethod
    def encode(self, y: Any, counting: Bool[np.ndarray, " n"]) -> Encoded:
        """The response as the formulas take it, on the host.

        Parameters
        ----------
        y : array-like (n,)
            As the user gave it, or encoded already, which it then stays; in the order of the rows.
        counting : array (n,) of bool
            The rows that have a weight, or that train in a fold. Their values are checked, and the labels are those
            that occur in them. Other rows may hold anything of the right type.

        Raises
        ------
        ValueError
            For what is no response of this family, with the value, and what to do.
        """

    def decode(self, eta: Float[np.ndarray, " ..."], labels: np.ndarray) -> np.ndarray:
        """The label of each observation with these linear predictors; asked for only where `of_classes`."""
        raise NotImplementedError(f"{type(self).__name__} has classes, but no rule for which to predict")

    @final
    def inverse_link(self, eta: Any) -> Any:
        """The mean, or the typical value, of the response at the linear predictor."""
        return inverse_link(self.link, eta)

    @abstractmethod
    def in_units(self, unit: ArrayLike) -> Loss:
        """The loss of y and eta in multiples of `unit`, up to the factor unit^degree; itself where degree is 0."""

    # ---- formulas of one observation ----

    @abstractmethod
    def value(self, y: Float[ArrayLike, " ..."], eta: Float[ArrayLike, " ..."]) -> Float[Array, " ..."]:
        """Loss of each observation, in units of the mean loss of the objective."""

    @abstractmethod
    def gradient(self, y: Float[ArrayLike, " ..."], eta: Float[ArrayLike, " ..."]) -> Float[Array, " ..."]:
        """Derivative of `value` with respect to eta."""

    @abstractmethod
    def hessian(self, y: Float[ArrayLike, " ..."], eta: Float[ArrayLike, " ..."]) -> Float[Array, " ..."]:
        """Second derivative of `value` with respect to eta, in the shape that y and eta broadcast to."""

    @abstractmethod
    def curvature_bound(self) -> ArrayLike | None:
        """Upper bound of `hessian` for all y and eta; None where there is none."""

    @abstractmethod
    def conjugate(self, y: Float[ArrayLike, " ..."], u: Float[ArrayLike, " ..."]) -> Float[Array, " ..."] | None:
        """sup over eta of u eta - value(y, eta), infinite outside its domain, which holds 0; None where unknown.

        With a gradient g of the loss, the domain holds all of [0, g].
        """

    @abstractmethod
    def saturated(self, y: Float[ArrayLike, " ..."]) -> Float[Array, " ..."]:
        """inf over eta of `value`, in the shape of y: the loss of the saturated model."""

    def minus_two_log_likelihood(self, deviance: Float[np.ndarray, " L"], n: int) -> Float[np.ndarray, " L"] | None:
        """-2 log-likelihood of n rows from their mean deviance, up to a constant; an unknown scale is estimated.

        None where the loss is no likelihood: then there are no information criteria.
        """
        return None

    # ---- losses that are parabolas for small residuals, and linear beyond ----

    @property
    def width(self) -> ArrayLike | None:
        """Size of a residual up to which the loss is a parabola, and linear beyond; None where it is no such loss."""
        return None

    def widened(self, by: ArrayLike) -> tuple[Loss, ArrayLike, ArrayLike]:
        """(loss, factor, mu): min over z of value(y, z) + (z - eta)^2 / (2 mu) is factor * loss, wider by `by`.

        It is asked for only where `width` is a number: a loss that has the one has the other.
        """
        raise NotImplementedError(f"{type(self).__name__} has a width, but no widened loss")


class Numeric(Loss):
    """A loss whose response is any finite number, or several, and whose least value over eta is 0."""

    metrics = ("deviance", "mse", "mae", "r2")

    @final
    def encode(self, y, counting):
        return Encoded(_arrays.check_responses(y, len(counting)), None)

    @final
    def saturated(self, y):
        return jnp.zeros_like(y)
