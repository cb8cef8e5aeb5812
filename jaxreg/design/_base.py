"""The one seam to the data: centred, scaled predictors behind a few products.

A design stands for the matrix A (p, n), feature-major, with rows

    a_j = sqrt(omega) * (x_j - mean_j) / norm_j,        norm_j such that a_j'a_j = 1,

so that weighted least squares on X is plain least squares on A. A column without variation, or with one that is mere
rounding of its level, is a row of zeros. X itself never leaves a design: what needs it on the user's scale (held-out
predictions, columns that hardly vary on some rows) asks for it here. Sparse, streamed and sharded designs are further
subclasses; nothing outside this folder knows which it has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax import lax

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from jaxreg.design._placement import Placement

PRECISION = lax.Precision.HIGHEST  # TF32 and bfloat16, the accelerators' defaults, give wrong certificates


@dataclass(frozen=True)
class Columns:
    """What is known of each column, in NumPy float64."""

    mean: Float[np.ndarray, " p"]  # 0 without centring
    norm: Float[np.ndarray, " p"]  # weighted root mean square of the column as it enters A; 1 for a zero column
    sd: Float[np.ndarray, " p"]  # weighted 1/n standard deviation, centred in any case
    constant: Bool[np.ndarray, " p"]  # one value only on the rows that count, short of rounding


class Directions(NamedTuple):
    """Sums of columns, all less their means."""

    coef: Float[Any, "k p"]
    power: float  # 1 where these are coefficients of the columns of the user, 0 of standardised ones

    def of_rows(self, norm: Float[Any, "... p"]) -> Float[Any, "... k p"]:
        """Their coefficients of the rows of a design, whose columns have these norms."""
        return self.coef * norm[..., None, :] ** self.power


class Asked(NamedTuple):
    """What is asked of a design as soon as it is made, beside its Gram matrix."""

    right: Float[Any, "k n"]  # right-hand sides
    directions: Directions  # whose products with the Gram matrix are asked for


class Design(ABC):
    """Products with A. Arguments and results are arrays of NumPy or JAX.

    One pass over the data serves any number of right-hand sides, and any number of gathered columns. Results are in
    `dtype`; right-hand sides are converted to it.
    """

    n: int
    p: int
    dtype: np.dtype
    columns: Columns
    root: Float[np.ndarray, " n"]  # sqrt(omega)
    placement: Placement

    @property
    @abstractmethod
    def base(self) -> StoredDesign:
        """The design that holds the data: itself, or that of a lane."""

    @property
    def operator(self) -> Any:
        """A as a part of compiled programs, a pytree with `correlate`, `gather` and `samples`; else None."""
        return None

    @abstractmethod
    def correlate(self, R: Any) -> Float[Any, "k p"]:
        """R A' for right-hand sides R (k, n)."""

    @abstractmethod
    def gather(self, J: Int[np.ndarray, " b"]) -> Float[Any, "b n"]:
        """Rows J of A, which are columns of X. Indices equal to p give zeros."""

    @abstractmethod
    def predict(self, coef: Any) -> Float[Any, "k n"]:
        """coef A for coefficients (k, p)."""

    @abstractmethod
    def gram(self) -> Float[Any, "p p"]:
        """A A', or an OfStack of it."""

    @abstractmethod
    def kernel(self, weight: Float[np.ndarray, " p"]) -> Float[Any, "n n"]:
        """A' diag(weight) A for weights of the columns."""


class StoredDesign(Design):
    """A design that holds its data, so that its rows can be weighted anew; it is a lane of itself.

    Besides its own products it gives those of lanes, which are weights (n,) of its rows: nothing is copied for them.

    Attributes
    ----------
    first : tuple or None
        (right A' (k, p), products of the directions with A A' (d, p), both in NumPy, A A' or an OfStack of it) where
        they were made along with A.
    """

    first: tuple | None = None

    def __init__(self, placement):
        self.placement = placement

    @property
    def traced(self) -> Any:
        """What `operator` is on a device, wherever the data are; None by default."""
        return None

    @property
    def operator(self):
        return None if self.placement.on_host else self.traced

    @property
    def base(self):
        return self  # no attribute: a circle of references would keep the data until the garbage collector comes

    @staticmethod
    @abstractmethod
    def takes(X: Any) -> bool:
        """Whether X of the user, or as `checked` gives it, is one for this kind of design."""

    @staticmethod
    @abstractmethod
    def checked(X: Any, dtype: Any, may_miss: bool) -> tuple[Any, tuple[str, ...] | None]:
        """(X as the design is made of it, with `shape` and `dtype`; the names of its columns).

        Raises for what is no matrix of numbers, by name and with what to do, and for values that are not finite; NaN
        may be there where values may miss.
        """

    @classmethod
    @abstractmethod
    def of(
        cls,
        X: Any,
        weight: Float[np.ndarray, " n"],
        centre: bool,
        dtype: Any,
        in_numpy: bool,
        asked: Asked | None = None,
    ) -> StoredDesign:
        """The design of checked X under weights that sum to 1, with its products in NumPy or in JAX.

        It may make what is `asked` for next along with A.
        """

    def to_base(self, R):
        return R

    def from_base(self, H, R):
        return H

    @abstractmethod
    def samples(self, rows: Int[np.ndarray, " k"]) -> Float[Any, "p k"]:
        """Columns `rows` of A, which are rows of X."""

    @abstractmethod
    def reweighted(self, J, ratio, level, shift, inverse) -> Float[Any, "b n"]:
        """diag(inverse) [ A_J diag(ratio) - shift level' ] of the rows J (b,), shift and inverse (b,): see `_lanes`."""

    @abstractmethod
    def squares(self, W: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "k p"]:
        """Sums of the squared entries of the rows of A with weights W."""

    @abstractmethod
    def standardised(self, J, weight, centre) -> tuple[Float[np.ndarray, "b n"], Columns]:
        """(rows, their Columns) of the columns J (b,) of X under weights (n,), from X itself, in float64.

        For columns that hardly vary under these weights as measured under its own: no product with A has their digits.
        """

    @abstractmethod
    def deviations(self, rows: Int[np.ndarray, " k"], columns: Columns) -> Float[np.ndarray, "k p"]:
        """(x_i - mean) / norm of rows of X, with the means and norms of some Columns, in float64."""

    @abstractmethod
    def linear_predictor(self, rows: Int[np.ndarray, " m"], coef, intercept) -> Float[np.ndarray, "m L ..."]:
        """x_i'coef + intercept on the user's scale, for CSR coef (L, p) or (L, p K), intercept (L,) or (L, K)."""
