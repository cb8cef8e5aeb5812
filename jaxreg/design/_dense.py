"""A design in memory, feature-major, in NumPy or on the device."""

from dataclasses import dataclass
from functools import partial
from typing import final

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._arrays import MISSING, check_design, require_finite
from jaxreg.design import _placement
from jaxreg.design._base import PRECISION, StoredDesign
from jaxreg.design._gram import OfStack
from jaxreg.design._standardise import (
    copied,
    moderate_columns,
    refuse_extremes,
    standardise_on_device,
    standardise_on_host,
)

SQUARED_AT_ONCE = 1024  # columns
COPIED = 2**21  # numbers of X that are copied at once for predictions


@final
class DenseDesign(StoredDesign):
    """A = (rows - mean) * scale with `rows` (p, n), `mean` and `scale` (p,).

    Where the columns of X lie one after the other and have moderate means, and rows weigh the same, `rows` is X itself,
    and the weight is in `scale`; otherwise it is A, made once. With `in_numpy` the products are those of NumPy, without
    a copy in JAX.
    """

    def __init__(self, X, weight, centre, dtype, in_numpy, asked=None):
        super().__init__(_placement.current())
        self._X = X  # the user's, of which nothing is copied
        self.n, self.p = X.shape
        self.dtype, self.root = np.dtype(dtype), np.sqrt(weight)
        if not self.placement.on_host:
            length = self.placement.padded(self.p)
            rows, self.columns, answer, gram = standardise_on_device(X, weight, centre, self.dtype, asked, length)
            raw, self.first = False, None if asked is None else (*answer, OfStack(gram, None, self.p))
            if isinstance(X, jax.Array) and not np.isfinite(self.columns.sd).all():
                require_finite(X, "X", None, MISSING)
        else:
            rows = np.asarray(X.T)
            moderate = moderate_columns(rows, centre) if (weight == weight[0]).all() and rows.dtype == dtype else None
            raw = moderate is not None
            if moderate is None:
                rows, self.columns = standardise_on_host(rows, weight, centre, self.dtype)
            else:
                rows, self.columns = rows if in_numpy else copied(rows), moderate
        refuse_extremes(self.columns, X.dtype)
        constants = self.columns.mean, 1 / (self.columns.norm * np.sqrt(self.n))
        mean, scale = constants if raw else (np.zeros(self.p), np.ones(self.p))
        place = np.asarray if in_numpy else jax.device_put
        self._A = _Dense(place(rows), place(mean.astype(dtype)), place(scale.astype(dtype)))
        self._products = _ON_HOST if in_numpy else _COMPILED
        # a few rows are gathered by NumPy where it can: they are a copy, for which a compiled gather starts all cores
        on_host = self.placement.on_host
        self._few = (_ON_HOST, jax.tree.map(np.asarray, self._A)) if on_host else (_COMPILED, self._A)

    @staticmethod
    def takes(X):
        return True

    @staticmethod
    def checked(X, dtype, may_miss):
        on_host = _placement.current().on_host
        # what is not finite in an array on a device shows when it is standardised
        X, names = check_design(X, dtype, may_miss, finite=not isinstance(X, jax.Array) or on_host)
        # on a host the same memory, whose rows need no compilation
        return np.asarray(X) if on_host else X, names

    @classmethod
    def of(cls, X, weight, centre, dtype, in_numpy, asked=None):
        return cls(X, weight, centre, dtype, in_numpy, asked)

    @property
    def traced(self):
        return self._A

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
        parts = np.array_split(np.arange(self.p), -(-self.p // SQUARED_AT_ONCE))
        return np.concatenate([self._products.squares(self._A, J, W) for J in parts], axis=1)

    def gram(self):
        return self._products.gram(self._A) if self.first is None else self.first[2]

    def kernel(self, weight):
        return self._products.kernel(self._A, weight)

    def standardised(self, J, weight, centre):
        return standardise_on_host(np.asarray(self._X[:, J]).T, weight, centre, np.float64)

    def deviations(self, rows, columns):
        return (np.asarray(self._X[rows], dtype=np.float64) - columns.mean) / columns.norm

    def linear_predictor(self, rows, coef, intercept):
        several = intercept.ndim == 2
        K = intercept.shape[1] if several else 1
        X, J = np.asarray(self._X), np.unique(coef.indices // K)
        dense = coef[:, (J[:, None] * K + np.arange(K)).ravel()].toarray().reshape(len(intercept), len(J), K)
        dense = dense.transpose(1, 0, 2).reshape(len(J), len(intercept) * K)
        eta, length = np.empty((len(rows), dense.shape[1])), max(COPIED // max(len(J), 1), 1)
        for first in range(0, len(rows), length):
            part = rows[first : first + length]
            columns = np.asarray(X.T[J[:, None], part], dtype=np.float64)
            eta[first : first + length] = columns.T @ dense
        eta = eta.reshape(len(rows), len(intercept), K) + intercept.reshape(-1, K)
        return eta if several else eta[..., 0]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Dense:
    """Stored data of a DenseDesign: NumPy or JAX arrays."""

    rows: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    scale: jax.Array | np.ndarray

    def correlate(self, R):
        return _COMPILED.correlate(self, R)

    def gather(self, J):
        return _COMPILED.gather(self, J)

    def samples(self, rows):
        return _COMPILED.samples(self, rows.ravel()).reshape(-1, *rows.shape)


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
        samples = self._xp.take(A.rows, rows, axis=1, mode="clip")
        samples -= A.mean[:, None]  # NumPy: in place
        samples *= A.scale[:, None]
        return samples

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
