"""Columns centred and scaled, on the host or on an accelerator; those that vary by rounding alone are constant."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.design._base import PRECISION, Columns

FAR = 3.0  # standard deviations: with every mean nearer to 0 than this, centring the products costs less than a digit
ON_DEVICE = 2**27  # entries that an accelerator standardises at a time, in float64: 1 GB an intermediate result
CHUNK_BYTES = 2**19  # of columns standardised at a time, to stay in a core's cache
ROUNDING = 32  # units in the last place of a column's level that count as nothing: what sums to one is off by a few
UNDERFLOW = {np.dtype(np.float64): 1e-140, np.dtype(np.float32): 1e-30}  # least standard deviation that is exact


def refuse_extremes(columns, dtype):
    """ValueError where a column is so large or small that its square is infinite or 0."""
    bad = np.flatnonzero(~np.isfinite(columns.norm))
    if bad.size:
        raise ValueError(f"X overflows when column {bad[0]} is squared; divide large columns by a constant.")
    small = np.flatnonzero(~columns.constant & (columns.sd < UNDERFLOW[np.dtype(dtype)]))
    if small.size:
        raise ValueError(f"X underflows when column {small[0]} is squared; multiply small columns by a constant.")


def _each_chunk(work, XT):
    """Call work(slice) for a few rows of XT (p, n) at a time, in a thread per core; the caller sees to overflow."""
    p, n = XT.shape
    length = max(1, CHUNK_BYTES // (n * 8))

    def quietly(part):
        with np.errstate(over="ignore", invalid="ignore"):  # holds for one thread
            work(part)

    slices = [slice(first, min(first + length, p)) for first in range(0, p, length)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(quietly, slices))  # brings exceptions here


def _aligned_empty(shape, dtype):
    """Uninitialised array that JAX can take over on a CPU without a copy: it begins at a multiple of 64 bytes."""
    buffer = np.empty(int(np.prod(shape)) * np.dtype(dtype).itemsize + 64, np.uint8)
    first = -buffer.ctypes.data % 64
    return buffer[first : first + buffer.size - 64].view(dtype).reshape(shape)


def copied(rows):
    copy = _aligned_empty(rows.shape, rows.dtype)
    _each_chunk(lambda part: np.copyto(copy[part], rows[part]), rows)
    return copy


def moderate_columns(XT, centre):
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

    _each_chunk(work, XT)
    return A, Columns(mean if centre else np.zeros(p), norm, sd, constant)


@partial(jax.jit, static_argnames=("length", "by_column", "dtype", "padded"))
def _standardised(X, weight, anchor, centre, first, asked, *, length, by_column, dtype, padded):
    """(A (length, n) of the columns from `first` on, their statistics, what is asked for, A A' or None for none)."""
    X = lax.dynamic_slice_in_dim(X if by_column else X.T, first, length)  # to turn it around is work for the device
    rounding = ROUNDING * jnp.finfo(X.dtype).eps
    X = X.astype(jnp.float64)
    base = X[:, anchor]
    from_base = X - base[:, None]
    constant = jnp.all((jnp.abs(from_base) <= rounding * jnp.abs(base)[:, None]) | (weight == 0), axis=1)
    shift = jnp.sum(from_base * weight, axis=1)
    deviation = from_base - shift[:, None]
    sd = jnp.where(constant, 0.0, jnp.sqrt(jnp.sum(deviation**2 * weight, axis=1)))
    sd = jnp.where(jnp.all(jnp.isfinite(X), axis=1), sd, jnp.nan)  # for whoever has not looked, rows without weight too
    entering = jnp.where(centre, deviation, X)
    norm = jnp.where(centre, sd, jnp.sqrt(jnp.sum(X**2 * weight, axis=1)))
    norm = jnp.where(norm == 0, 1.0, norm)
    live = ~(constant & centre)[:, None]
    A = jnp.where(live, entering * (jnp.sqrt(weight) / norm[:, None]), 0.0).astype(dtype)
    return A, (jnp.where(centre, base + shift, 0.0), norm, sd, constant), *_products(A, norm, asked, padded)


def _products(A, norm, asked, padded):
    if asked is None:
        return None, None
    correlations, gram = (jnp.matmul(of, A.T, precision=PRECISION) for of in (asked.right.astype(A.dtype), A))
    along, more = jnp.matmul(asked.directions.of_rows(norm), gram, precision=PRECISION), padded - len(gram)
    return (correlations, along), jnp.pad(gram, ((0, more), (0, more)))


@partial(jax.jit, static_argnames="padded")
def _joined(parts, norms, asked, *, padded):
    A = jnp.concatenate(parts)
    return A, *_products(A, jnp.concatenate(norms), asked, padded)


def standardise_on_device(X, weight, centre, dtype, asked=None, padded=None):
    """(A (p, n), its Columns, what is Asked for, A A' with zeros behind it up to `padded` columns) of X (n, p).

    By the accelerator: a host has neither its rates nor its memory. What is asked for, as StoredDesign.first has it, is
    in NumPy. The last two are None where nothing is, which `padded` goes with.
    """
    by_column = isinstance(X, np.ndarray) and X.flags.f_contiguous  # an array goes over as it lies in memory
    n, p = X.shape
    length = max(1, ON_DEVICE // n)
    starts = np.arange(0, p, length)
    numbers = X.T if by_column else X, weight, np.argmax(weight > 0), np.asarray(centre), list(starts), asked
    there, weight, anchor, centre, firsts, asked = jax.device_put(numbers)
    at_once = asked if len(starts) == 1 else None
    standardised = partial(_standardised, by_column=by_column, dtype=dtype, padded=padded)
    parts = [
        standardised(there, weight, anchor, centre, first, at_once, length=min(length, p - start))
        for start, first in zip(starts.tolist(), firsts, strict=True)
    ]
    A, columns, products, grams = zip(*parts, strict=True)
    if len(A) == 1:
        A, answer, gram = A[0], products[0], grams[0]
    else:
        A, answer, gram = _joined(A, [norm for _, norm, *_ in columns], asked, padded=padded)
    columns, answer = jax.device_get((columns, answer))
    statistics = Columns(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    return A, statistics, answer, gram
