"""What a loss is: the formulas of one family, and what it says of its response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, final

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxreg import _arrays
from jaxreg.losses._links import inverse_link

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


class Encoded(NamedTuple):
    """A response as the formulas of a loss take it."""

    y: Float[np.ndarray, "n ..."]  # (n,), or (n, K) of several responses, or as a coupled loss has it; float64
    labels: np.ndarray | None  # (C,) sorted, of a loss of classes; None of another
    weight: Float[np.ndarray, " n"] | None = None  # what multiplies the sample weights, as numbers of trials


class Observed(NamedTuple):
    """Survival times."""

    time: Float[np.ndarray, " n"]
    event: Float[np.ndarray, " n"]  # 1 where the time is that of an event, 0 where it is that of censoring
    start: Float[np.ndarray, " n"]  # the time after which a row is at risk
    stratum: Float[np.ndarray, " n"]  # a code


class Loss(ABC):
    """A family: the loss of one observation, and what its response and its linear predictor mean.

    The objective is the mean of `value` over the rows, weighted by the sample weights, plus the penalty: lambda has the
    units of `gradient` times those of a column. Everything that depends on the family is asked of its loss: solvers and
    certificates ask for the formulas, metrics and criteria for the deviance, results for the link, folds and checks for
    the response. None of them asks which loss it is.

    The formulas `value`, `gradient`, `hessian`, `conjugate` and `saturated` are those of single observations. They take
    JAX or NumPy arrays whose shapes broadcast, and give an array of the shape that results: y is encoded as by
    `encode`, and eta is the linear predictor, with intercept and offset. They are written with `jax.numpy`, because
    they are traced and differentiated, and know nothing of sample weights, X or penalties. A loss of K coupled outputs
    has y and eta (..., K), values (...) and gradients (..., K). The formulas `mean`, `slopes`, `curved`, `curvature`,
    `dual` and `least` are those of all rows under weights omega (n,) that sum to 1, and follow from them; a loss that
    couples rows has these alone. A row whose weight is 0 has no influence, whatever it holds. For every y and eta:

    - `value` is convex in eta, and at least `saturated`, which is its infimum over eta. The deviance of an observation
      is 2 (value - saturated).
    - `gradient` and `hessian` are its first and second derivative in eta. The second one may jump; there any value
      between those beside it will do.
    - `curvature_bound` bounds `hessian`, which sets the step of first-order solvers. Without one they look for it.
    - `conjugate` makes the dual value, and with it the duality gap of the certificate. Without one the certificate is
      the residual of the prox.

    Instances are JAX pytrees (`jaxreg._pytree.pytree`) whose numbers are leaves: other numbers need no compilation.
    `width`, `widened`, `minus_two_log_likelihood`, `observed`, `provisional`, `estimated` and `decode` are hooks, whose
    defaults say that there is no such thing, and `of_positions` has the usual default. A loss with K outputs has a
    `hessian_product` and a `curvature` of its own, one that couples rows the formulas of all rows, `responses` and
    `observed`, one whose conjugate has no closed form perhaps a `dual` that bounds it; other concrete methods are not
    overridden.

    Attributes
    ----------
    degree : int
        k where value(c y, c eta) = c^k value'(y, eta) with the loss' that `in_units(c)` gives; 0 where y has no unit.
        lambda has the units of y^(k - 1), see `jaxreg.fit_path`.
    metrics : tuple of str
        What `metric=` takes for it, the default first: "deviance", "mse", "mae", "r2".
    quadratic : bool
        Whether value is (y - eta)^2 / 2: then y can be centred, and sums of squares and products say all of the data.
    coupling : str or None
        Which entries the Hessian in eta couples: None where it is diagonal, "rows" or "outputs".
    has_intercept : bool
        Whether an intercept makes a difference; one that makes none is not fitted, and is 0 in results.
    stratified : bool
        Whether `encode` takes strata of rows.
    of_classes : bool
        Whether y holds labels of classes: folds get their share of each, and need all in their training rows.
    link : str or None
        Name of the inverse link, one of `jaxreg.losses._links.LINKS`; results keep it. None where the meaning of eta is
        not known: predictions are then eta.
    """

    degree: int
    metrics: tuple[str, ...]
    quadratic: ClassVar[bool] = False
    coupling: ClassVar[str | None] = None
    has_intercept: ClassVar[bool] = True
    stratified: ClassVar[bool] = False
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

    def responses(self, y: Float[np.ndarray, "n ..."]) -> int | None:
        """K, the number of linear predictors of an observation, of an encoded y; None for one, whose eta is (n,)."""
        return None if y.ndim == 1 else y.shape[1]

    def observed(self, y: Float[np.ndarray, "n ..."]) -> Observed | None:
        """The times of an encoded y and what happened then, of a loss of survival times; None of another.

        Folds get their share of the events, and need some in their training rows.
        """
        return None

    def of_positions(self, positions: Int[np.ndarray, " n"], n_classes: int) -> Float[np.ndarray, "n ..."]:
        """The encoded y of rows whose labels have these positions among the sorted ones; asked for of classes only."""
        return positions.astype(float) if n_classes == 2 else np.eye(n_classes)[positions]

    @final
    def outputs(self, y: Float[np.ndarray, "n ..."]) -> tuple[int, ...]:
        """Shape of the linear predictor of one observation: () or (K,)."""
        K = self.responses(y)
        return () if K is None else (K,)

    @final
    def inverse_link(self, eta: Any) -> Any:
        """The mean, or the typical value, of the response at the linear predictor."""
        return inverse_link(self.link, eta)

    def provisional(self) -> Loss | None:
        """The loss with a first guess of its number that is yet to be estimated; None where it has none such."""
        return None

    def estimated(
        self, y: Float[np.ndarray, " n"], eta: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"]
    ) -> Loss:
        """The loss with that number at its most likely at these linear predictors; asked for only where it is open.

        Raises
        ------
        ValueError
            Where there is no finite estimate, with what to do.
        """
        raise NotImplementedError(f"{type(self).__name__} has a number to estimate, but no estimator")

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

    def hessian_product(
        self, y: Float[ArrayLike, " ..."], eta: Float[ArrayLike, " ..."], d: Float[ArrayLike, " ..."]
    ) -> Float[Array, " ..."]:
        """Second derivative of `value` with respect to eta, times d in the shape of eta."""
        return self.hessian(y, eta) * jnp.asarray(d)

    @abstractmethod
    def curvature_bound(self) -> ArrayLike | None:
        """Upper bound of `hessian`, or of its eigenvalues, for all y and eta; None where there is none."""

    @abstractmethod
    def conjugate(self, y: Float[ArrayLike, " ..."], u: Float[ArrayLike, " ..."]) -> Float[Array, " ..."] | None:
        """sup over eta of u eta - value(y, eta), infinite outside its domain, which holds 0; None where unknown.

        With a gradient g of the loss, the domain holds all of [0, g].
        """

    @abstractmethod
    def saturated(self, y: Float[ArrayLike, " ..."]) -> Float[Array, " ..."]:
        """inf over eta of `value`, in the shape of y: the loss of the saturated model."""

    # ---- formulas of all rows, under weights omega (n,) ----

    def mean(self, y: Float[Any, "n ..."], eta: Float[Any, "n ..."], omega: Float[Any, " n"]) -> Float[Array, ""]:
        """sum_i omega_i value_i: the smooth part of the objective."""
        return jnp.sum(_weighted(omega, self.value(y, eta)))

    def slopes(
        self, y: Float[Any, "n ..."], eta: Float[Any, "n ..."], omega: Float[Any, " n"]
    ) -> Float[Array, "n ..."]:
        """Derivative of `mean` with respect to eta: omega_i gradient_i."""
        return _weighted(omega, self.gradient(y, eta))

    def curved(
        self, y: Float[Any, "n ..."], eta: Float[Any, "n ..."], omega: Float[Any, " n"], d: Float[Any, "n ..."]
    ) -> Float[Array, "n ..."]:
        """Second derivative of `mean` with respect to eta, times d."""
        return _weighted(omega, self.hessian_product(y, eta, d))

    def curvature(
        self, rows: Float[Any, "m n"], y: Float[Any, "n ..."], eta: Float[Any, "n ..."], omega: Float[Any, " n"]
    ) -> Float[Array, "M M"]:
        """Second derivative of `mean` with respect to coefficients (m,), eta = rows' b + ...: (m, m).

        With K outputs (m K, m K): the coefficient (j, k) is at the position j K + k.
        """
        weight = _weighted(omega, self.hessian(y, eta))
        return jnp.matmul(rows * weight, rows.T, precision=lax.Precision.HIGHEST)

    def dual(
        self,
        y: Float[Any, "n ..."],
        eta: Float[Any, "n ..."],
        u: Float[Any, "n ..."],
        omega: Float[Any, " n"],
        s: ArrayLike,
    ) -> Float[Array, ""] | None:
        """A lower bound of -mean*(s omega u), mostly the value itself: minus infinity outside the domain.

        u are the slopes at eta over omega, corrected or not, and s is in [0, 1]. None where no conjugate is known.
        """
        cost = self.conjugate(y, s * u)
        return None if cost is None else -jnp.sum(_weighted(omega, cost))

    def least(self, y: Float[Any, "n ..."], omega: Float[Any, " n"]) -> Float[Array, ""]:
        """inf over eta of `mean`: that of the saturated model."""
        return jnp.sum(_weighted(omega, self.saturated(y)))

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


def _weighted(omega, values):
    """omega_i values_i, exactly 0 in rows of weight 0, whatever these hold."""
    omega = jnp.reshape(omega, (-1, *[1] * (jnp.ndim(values) - 1)))
    return jnp.where(omega > 0, omega * values, 0.0)


class Numeric(Loss):
    """A loss whose response is any finite number, or several, and whose least value over eta is 0."""

    metrics = ("deviance", "mse", "mae", "r2")

    @final
    def encode(self, y, counting):
        return Encoded(_arrays.check_responses(y, len(counting)), None)

    @final
    def saturated(self, y):
        return jnp.zeros_like(y)
