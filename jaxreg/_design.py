"""The one seam to the data: centred, scaled predictors behind a few products.

A design stands for the matrix A (p, n), feature-major, with rows

    a_j = sqrt(omega) * (x_j - mean_j) / norm_j,        norm_j such that a_j'a_j = 1,

so that weighted least squares on X is plain least squares on A. A column without variation, or with one that is mere
rounding of its level, is a row of zeros. Sparse, streamed and sharded designs are further subclasses; nothing outside
this file knows which it has.
"""

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

PRECISION = lax.Precision.HIGHEST  # TF32 and bfloat16, the accelerators' defaults, give wrong certificates

FAR = 3.0  # standard deviations: with every mean nearer to 0 than this, centring the products costs less than a digit
PART = 1024  # columns that are squared at a time
ON_DEVICE = 2**27  # entries that an accelerator standardises at a time, in float64: 1 GB an intermediate result
CHUNK_BYTES = 2**19  # of columns standardised at a time, to stay in a core's cache
ROUNDING = 32  # units in the last place of a column's level that count as nothing: what sums to one is off by a few
UNDERFLOW = {np.dtype(np.float64): 1e-140, np.dtype(np.float32): 1e-30}  # least standard deviation that is exact


@dataclass(frozen=True)
class Columns:
    """What is known of each column, in NumPy float64 (p,)."""

    mean: np.ndarray  # 0 without centring
    norm: np.ndarray  # weighted root mean square of the column as it enters A; 1 for a zero column
    sd: np.ndarray  # weighted 1/n standard deviation, centred in any case
    constant: np.ndarray  # bool: one value only on the rows that count, short of rounding


class Design(ABC):
    """Products with A. Arguments and results are arrays of NumPy or JAX."""

    n: int
    p: int
    dtype: np.dtype
    columns: Columns
    root: np.ndarray  # (n,) sqrt(omega)

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


class StoredDesign(Design):
    """A design that holds its data, so that its rows can be weighted anew; it is a lane of itself."""

    @property
    def base(self):
        return self

    def to_base(self, R):
        return R

    def from_base(self, H, R):
        return H

    @abstractmethod
    def samples(self, rows):
        """Columns `rows` (k,) of A, which are rows of X: (p, k)."""

    @abstractmethod
    def reweighted(self, J, ratio, level, shift, inverse):
        """diag(inverse) [ A_J diag(ratio) - shift level' ] of the rows J (b,), with shift and inverse (b,): (b, n)."""

    @abstractmethod
    def squares(self, W):
        """Sums of the squared entries of the rows of A with weights W (k, n): (k, p)."""


@final
class DenseDesign(StoredDesign):
    """A = (rows - mean) * scale with `rows` (p, n), `mean` and `scale` (p,).

    Where the columns of X lie one after the other, weigh the same and have moderate means, `rows` is X itself;
    otherwise it is A, made once. With `on_host` the products are those of NumPy, without a copy in JAX.
    """

    def __init__(self, X, weight, centre, dtype, on_host):
        self.n, self.p = X.shape
        self.dtype, self.root = np.dtype(dtype), np.sqrt(weight)
        if jax.default_backend() != "cpu":
            rows, self.columns = standardise_on_device(X, weight, centre, self.dtype)
            raw = False
        else:
            rows = np.asarray(X.T)
            found = _moderate_columns(rows, centre) if (weight == weight[0]).all() and rows.dtype == dtype else None
            raw = found is not None
            if found is None:
                rows, self.columns = standardise_on_host(rows, weight, centre, self.dtype)
            else:
                rows, self.columns = rows if on_host else _copied(rows), found
        _refuse_extremes(self.columns, X.dtype)
        constants = self.columns.mean, 1 / (self.columns.norm * np.sqrt(self.n))
        mean, scale = constants if raw else (np.zeros(self.p), np.ones(self.p))
        place = np.asarray if on_host else jax.device_put
        self._A = _Dense(place(rows), place(mean.astype(dtype)), place(scale.astype(dtype)))
        self._products = _ON_HOST if on_host else _COMPILED
        # few rows are a copy in memory, for which a compiled gather keeps every core busy
        on_cpu = jax.default_backend() == "cpu"
        self._few = (_ON_HOST, jax.tree.map(np.asarray, self._A)) if on_cpu else (_COMPILED, self._A)

    def correlate(self, R):
        return self._products.correlate(self._A, R)

    def gather(self, J):
        products, A = self._few
        return products.gather(A, J)

    def reweighted(self, J, ratio, level, shift, inverse):
        products, A = self._few
        return products.reweighted(A, J, ratio, level, shift, inverse)

    def predict(self, coef):
        return self._products.predict(self._A, coef)

    def samples(self, rows):
        return self._products.samples(self._A, rows)

    def squares(self, W):
        parts = np.array_split(np.arange(self.p), -(-self.p // PART))
        return np.concatenate([self._products.squares(self._A, J, W) for J in parts], axis=1)

    def gram(self):
        return self._products.gram(self._A)

    def kernel(self, weight):
        return self._products.kernel(self._A, weight)


def _refuse_extremes(columns, dtype):
    bad = np.flatnonzero(~np.isfinite(columns.norm))
    if bad.size:
        raise ValueError(f"X overflows when column {bad[0]} is squared; divide large columns by a constant.")
    small = np.flatnonzero(~columns.constant & (columns.sd < UNDERFLOW[np.dtype(dtype)]))
    if small.size:
        raise ValueError(f"X underflows when column {small[0]} is squared; multiply small columns by a constant.")


def _each_chunk(work, p, rows):
    """Call work(slice) for every `rows` of p columns, in a thread per core. Overflow is left for the caller to see."""

    def quietly(part):
        with np.errstate(over="ignore", invalid="ignore"):  # holds for one thread
            work(part)

    slices = [slice(first, min(first + rows, p)) for first in range(0, p, rows)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(quietly, slices):  # brings exceptions here
            pass


def _aligned_empty(shape, dtype):
    """Uninitialised array that JAX can take over on a CPU without a copy: it begins at a multiple of 64 bytes."""
    buffer = np.empty(int(np.prod(shape)) * np.dtype(dtype).itemsize + 64, np.uint8)
    first = -buffer.ctypes.data % 64
    return buffer[first : first + buffer.size - 64].view(dtype).reshape(shape)


def _copied(rows):
    copy = _aligned_empty(rows.shape, rows.dtype)
    _each_chunk(lambda part: np.copyto(copy[part], rows[part]), len(rows), _chunk_length(rows))
    return copy


def _chunk_length(rows):
    return max(1, CHUNK_BYTES // (rows.shape[1] * 8))


def _moderate_columns(XT, centre):
    """Columns of XT (p, n) in float64 with equal weights, or None where a mean is far or XT is not contiguous."""
    p, n = XT.shape
    if not XT.flags.c_contiguous or XT.dtype != np.float64:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        mean, square = XT @ np.full(n, 1 / n), np.vecdot(XT, XT) / n
        variance = square - mean**2
        if not (variance * FAR**2 > mean**2).all():
            return None
    sd = np.sqrt(variance)
    return Columns(mean if centre else np.zeros(p), sd if centre else np.sqrt(square), sd, np.zeros(p, bool))


def standardise_on_host(XT, weight, centre, dtype):
    """(A (p, n), its Columns) of XT (p, n)."""
    p, n = XT.shape
    anchor = int(np.argmax(weight > 0))
    root, counting, rounding = np.sqrt(weight), weight > 0, ROUNDING * np.finfo(XT.dtype).eps
    A = _aligned_empty((p, n), dtype)
    mean, norm, sd, constant = np.empty(p), np.empty(p), np.empty(p), np.zeros(p, bool)

    def work(part):
        # deviations from one row first: means that are large against the spread cost no digits
        base = XT[part, anchor].astype(np.float64)
        entering = np.subtract(XT[part], base[:, None], dtype=np.float64)
        shift = np.vecdot(entering, weight)
        entering -= shift[:, None]
        entering *= root
        size = np.sqrt(np.vecdot(entering, entering))
        same = np.zeros(len(size), bool)
        near = np.flatnonzero(size <= 1e-7 * np.abs(base))
        spread = np.abs(XT[part][near][:, counting] - XT[part][near, anchor][:, None]).max(axis=1)
        same[near] = spread <= rounding * np.abs(base[near])
        size[same] = 0.0
        mean[part], sd[part], constant[part] = base + shift, size, same
        if not centre:
            np.multiply(XT[part], root, out=entering)
            size = np.sqrt(np.vecdot(entering, entering))
        norm[part] = np.where(size == 0, 1.0, size)
        factor = np.where(same & centre, 0.0, 1 / norm[part])
        np.multiply(entering, factor[:, None], out=A[part], casting="same_kind")

    _each_chunk(work, p, _chunk_length(XT))
    return A, Columns(mean if centre else np.zeros(p), norm, sd, constant)


@partial(jax.jit, static_argnames="dtype")
def _standardised(XT, weight, anchor, centre, *, dtype):
    rounding = ROUNDING * jnp.finfo(XT.dtype).eps
    X = XT.astype(jnp.float64)
    base = X[:, anchor]
    from_base = X - base[:, None]
    constant = jnp.all((jnp.abs(from_base) <= rounding * jnp.abs(base)[:, None]) | (weight == 0), axis=1)
    shift = jnp.sum(from_base * weight, axis=1)
    deviation = from_base - shift[:, None]
    sd = jnp.where(constant, 0.0, jnp.sqrt(jnp.sum(deviation**2 * weight, axis=1)))
    entering = jnp.where(centre, deviation, X)
    norm = jnp.where(centre, sd, jnp.sqrt(jnp.sum(X**2 * weight, axis=1)))
    norm = jnp.where(norm == 0, 1.0, norm)
    live = ~(constant & centre)[:, None]
    A = jnp.where(live, entering * (jnp.sqrt(weight) / norm[:, None]), 0.0)
    return A.astype(dtype), jnp.where(centre, base + shift, 0.0), norm, sd, constant


def standardise_on_device(X, weight, centre, dtype):
    """(A (p, n), its Columns) of X (n, p), by the accelerator: a host has neither its rates nor its memory."""
    # an array goes over as it lies in memory; to turn it around is work for the device
    by_column = isinstance(X, np.ndarray) and X.flags.f_contiguous
    XT = jax.device_put(X.T) if by_column else jax.device_put(X).T
    p, n = XT.shape
    anchor, length = int(np.argmax(weight > 0)), max(1, ON_DEVICE // n)
    starts = range(0, p, length)
    parts = [_standardised(XT[j : j + length], weight, anchor, centre, dtype=dtype) for j in starts]
    A, *columns = zip(*parts, strict=True)
    rows = A[0] if len(A) == 1 else jnp.concatenate(A)
    return rows, Columns(*(np.concatenate(column) for column in columns))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Dense:
    """Stored data of a DenseDesign: NumPy or JAX arrays."""

    rows: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    scale: jax.Array | np.ndarray


class _Products:
    """Products with a _Dense, in NumPy or compiled."""

    def __init__(self, xp, compiled, **options):
        self._matmul = partial(xp.matmul, **options)
        self._xp = xp
        self.correlate = compiled(self._correlate)
        self.gather = compiled(self._gather)
        self.reweighted = compiled(self._reweighted)
        self.predict = compiled(self._predict)
        self.samples = compiled(self._samples)
        self.squares = compiled(self._squares)
        self.gram = compiled(self._gram)
        self.kernel = compiled(self._kernel)

    def _correlate(self, A, R):
        R = R.astype(A.rows.dtype)
        return (self._matmul(R, A.rows.T) - self._xp.sum(R, axis=1)[:, None] * A.mean) * A.scale

    def _gather(self, A, J):
        at = self._xp.minimum(J, len(A.rows) - 1)
        return self._xp.where((at == J)[:, None], (A.rows[at] - A.mean[at][:, None]) * A.scale[at][:, None], 0.0)

    def _reweighted(self, A, J, ratio, level, shift, inverse):
        rows = (self._gather(A, J) * ratio - shift[:, None] * level) * inverse[:, None]
        return rows.astype(A.rows.dtype)

    def _predict(self, A, coef):
        coef = coef.astype(A.rows.dtype) * A.scale
        return self._matmul(coef, A.rows) - self._matmul(coef, A.mean)[:, None]

    def _samples(self, A, rows):
        found = self._xp.take(A.rows, rows, axis=1, mode="clip")
        found -= A.mean[:, None]  # NumPy: in place
        found *= A.scale[:, None]
        return found

    def _squares(self, A, J, W):
        part = (A.rows[J] - A.mean[J][:, None]) * A.scale[J][:, None]
        return self._matmul(W.astype(part.dtype), self._xp.square(part).T)

    def _gram(self, A):
        n, outer = A.rows.shape[1], self._xp.outer  # which keeps the result symmetric to the last bit
        return (self._matmul(A.rows, A.rows.T) - n * outer(A.mean, A.mean)) * outer(A.scale, A.scale)

    def _kernel(self, A, weight):
        centred = (A.rows - A.mean[:, None]) * A.scale[:, None]
        return self._matmul(centred.T * weight.astype(A.rows.dtype), centred)


_ON_HOST = _Products(np, lambda f: f)
_COMPILED = _Products(jnp, jax.jit, precision=PRECISION)
