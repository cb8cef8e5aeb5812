"""The one seam to the data: centred, scaled predictors behind a few products.

A design stands for the matrix A (p, n), feature-major, with rows

    a_j = sqrt(omega) * (x_j - mean_j) / norm_j,        norm_j such that a_j'a_j = 1,

so that weighted least squares on X is plain least squares on A. A column without variation is a row of
zeros. Sparse, streamed and sharded designs are further subclasses; nothing outside this file knows which it has.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

PRECISION = lax.Precision.HIGHEST  # TF32 and bfloat16, the accelerators' defaults, give wrong certificates

UNDERFLOW = {np.dtype(np.float64): 1e-140, np.dtype(np.float32): 1e-30}  # least standard deviation that is exact


@dataclass(frozen=True)
class Columns:
    """What is known of each column, in NumPy float64 (p,)."""

    mean: np.ndarray  # 0 without centring
    norm: np.ndarray  # weighted root mean square of the column as it enters A; 1 for a zero column
    sd: np.ndarray  # weighted 1/n standard deviation, centred in any case
    constant: np.ndarray  # bool: one value only on the rows that count


class Design(ABC):
    """Products with A. Arguments and results are JAX arrays."""

    n: int
    p: int
    dtype: np.dtype
    columns: Columns

    @abstractmethod
    def correlate(self, R):
        """R A' for several right-hand sides R (k, n) at once: (k, p)."""

    @abstractmethod
    def gather(self, J):
        """Rows J (b,) of A: (b, n). Indices equal to p give zeros."""

    @abstractmethod
    def predict(self, coef):
        """coef A for coefficients (k, p): (k, n)."""

    @abstractmethod
    def gram(self):
        """A A' (p, p)."""

    @abstractmethod
    def kernel(self, weight):
        """A' diag(weight) A (n, n) for weights (p,) of the columns."""


@final
class DenseDesign(Design):
    """Design that holds A."""

    def __init__(self, X, weight, centre, dtype):
        self.n, self.p = X.shape
        self.dtype = np.dtype(dtype)
        anchor = int(np.argmax(weight > 0))
        transposed = _transpose(X) if isinstance(X, jax.Array) else np.ascontiguousarray(X.T)
        self._A, mean, norm, sd, constant = _standardise(transposed, weight, anchor, centre, dtype=self.dtype)
        self.columns = Columns(np.asarray(mean), np.asarray(norm), np.asarray(sd), np.asarray(constant))
        bad = np.flatnonzero(~np.isfinite(self.columns.norm))
        if bad.size:
            raise ValueError(f"X overflows when column {bad[0]} is squared; divide large columns by a constant.")
        small = np.flatnonzero(~self.columns.constant & (self.columns.sd < UNDERFLOW[np.dtype(X.dtype)]))
        if small.size:
            raise ValueError(f"X underflows when column {small[0]} is squared; multiply small columns by a constant.")

    def correlate(self, R):
        return _right(R, self._A)

    def gather(self, J):
        return _gather(self._A, J)

    def predict(self, coef):
        return _left(coef, self._A)

    def gram(self):
        return _right(self._A, self._A)

    def kernel(self, weight):
        return _kernel(self._A, weight)


_transpose = jax.jit(jnp.transpose)


@partial(jax.jit, static_argnames="dtype")
def _standardise(XT: Any, weight, anchor, centre, *, dtype):
    # deviations from one row first: means that are large against the spread cost no digits
    X = XT.astype(jnp.float64)
    base = X[:, anchor]
    constant = jnp.all((XT == XT[:, anchor][:, None]) | (weight == 0), axis=1)
    from_base = X - base[:, None]
    shift = jnp.sum(from_base * weight, axis=1)
    deviation = from_base - shift[:, None]
    sd = jnp.where(constant, 0.0, jnp.sqrt(jnp.sum(deviation**2 * weight, axis=1)))
    entering = jnp.where(centre, deviation, X)
    norm = jnp.where(centre, sd, jnp.sqrt(jnp.sum(X**2 * weight, axis=1)))
    norm = jnp.where(norm == 0, 1.0, norm)
    live = ~(constant & centre)[:, None]
    A = jnp.where(live, entering * (jnp.sqrt(weight) / norm[:, None]), 0.0)
    return A.astype(dtype), jnp.where(centre, base + shift, 0.0), norm, sd, constant


@jax.jit
def _right(R, A):
    return jnp.matmul(R.astype(A.dtype), A.T, precision=PRECISION)


@jax.jit
def _left(coef, A):
    return jnp.matmul(coef.astype(A.dtype), A, precision=PRECISION)


@jax.jit
def _gather(A, J):
    return jnp.where((J < A.shape[0])[:, None], A[jnp.minimum(J, A.shape[0] - 1)], 0.0)


@jax.jit
def _kernel(A, weight):
    return jnp.matmul(A.T * weight.astype(A.dtype), A, precision=PRECISION)
