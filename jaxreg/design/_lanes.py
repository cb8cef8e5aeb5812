"""Lanes: the rows of one design under other weights, without a copy of X.

A lane gives the row i the weight omega_ki, sum_i omega_ki = 1. Relative to the design A with the weights omega,

    A_k = diag(1/s) [ A diag(ratio) - d level' ],    ratio = sqrt(omega_k / omega),    level = sqrt(omega_k),
    d = A (ratio * level),                           s such that diag(A_k A_k') = 1

where d are the differences of the lane's column means and s the ratios of its scales to those of A. Folds, bootstrap
samples and subsamples differ in their weights only. Columns that hardly vary on the lane's rows, as measured on all
rows, would lose digits that way: these few are kept as they are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import PRECISION, Columns, Design
from jaxreg.design._gram import array_of

GATHERED = 1024  # columns whose kernel is added up at once
EXACT_SHARE = 1e-6  # a squared error that is a smaller share of its terms is not read from their differences
DELICATE = 1e-4  # where less of a variance is left, differences of sums would lose digits


@final
class Lane(Design):
    """A lane of the stored design `base`, but for the rows `exact` (k,) of A_k, which are `exact_rows` (k, n)."""

    def __init__(self, base, weight, columns, centre, exact, exact_rows):
        self._base, self.n, self.p, self.dtype = base, base.n, base.p, base.dtype
        self.placement = base.placement
        self.columns, self.root = columns, np.sqrt(weight)
        self.ratio = np.sqrt(relative(base, weight))
        self.shift = (columns.mean - base.columns.mean) / base.columns.norm
        self.inverse = np.where(columns.constant & centre, 0.0, base.columns.norm / columns.norm)
        self.inverse[exact] = 0.0
        self.exact, self.exact_rows = exact, exact_rows

    @property
    def base(self):
        return self._base

    @cached_property
    def operator(self):
        if self.base.operator is None:
            return None
        few = 1 << (len(self.exact) - 1).bit_length() if len(self.exact) else 0  # few shapes are compiled
        exact, rows = np.full(few, self.p), np.zeros((few, self.n))
        exact[: len(self.exact)], rows[: len(self.exact)] = self.exact, self.exact_rows
        return self.placement.put(
            _Reweighted(self.base.operator, self.ratio, self.root, self.shift, self.inverse, exact, rows)
        )

    def to_base(self, R):
        """The right-hand sides for which the base is asked in order to correlate R (k, n)."""
        return np.asarray(R) * self.ratio

    def from_base(self, H, R):
        """R A_k' from the base's answer H (k, p)."""
        R = np.asarray(R)
        H = ((np.asarray(H) - np.outer(R @ self.root, self.shift)) * self.inverse).astype(self.dtype)
        H[:, self.exact] = R @ self.exact_rows.T
        return H

    def correlate(self, R):
        return self.from_base(self.base.correlate(self.to_base(R)), R)

    def gather(self, J):
        at = np.minimum(J, self.p - 1)
        inverse = np.where(J < self.p, self.inverse[at], 0.0)
        columns = self.base.reweighted(J, self.ratio, self.root, self.shift[at], inverse)
        place, row = np.nonzero(J[:, None] == self.exact)
        if not place.size:
            return columns
        if not self.placement.on_host:
            return _with_rows(columns, place, self.exact_rows[row])
        columns = np.array(columns)
        columns[place] = self.exact_rows[row]
        return columns

    def predict(self, coef):
        known = np.asarray(coef)[:, self.exact] @ self.exact_rows
        coef = np.asarray(coef) * self.inverse
        return np.asarray(self.base.predict(coef)) * self.ratio - np.outer(coef @ self.shift, self.root) + known

    def gram(self):
        A = self.gather(np.arange(self.p))
        if not self.placement.on_host:
            return _gram(A)
        A = np.asarray(A, dtype=np.float64)
        return A @ A.T

    def kernel(self, weight):
        # from the columns themselves: the base's kernel less what differs would lose the digits of delicate ones
        total, length = 0.0, min(GATHERED, self.p)
        for first in range(0, self.p, length):
            J = np.arange(first, first + length)
            inside = np.where(J < self.p, weight[np.minimum(J, self.p - 1)], 0.0)
            total = total + _kernel(self.gather(np.minimum(J, self.p)), inside)
        return total


class LaneColumns(NamedTuple):
    """Columns of a lane without the weights of its rows, by those of the base: inverse_j (base_j - shift_j).

    They are there at rows that have no weight in the lane, too.
    """

    inverse: Any  # (p,) 0 of columns with rows of their own
    shift: Any  # (p,)
    exact: Any  # (k,) columns with rows of their own, p behind them
    exact_rows: Any  # (k, n)

    @classmethod
    def of(cls, design, needed, length):
        """Of a lane, or of a design that holds data; with rows of their own for `length` columns.

        Only the columns `needed` (p,) count.
        """
        inverse, shift = np.ones(design.p), np.zeros(design.p)
        exact, rows = np.full(length, design.p), np.zeros((length, design.n))
        if design is not design.base:
            inverse, shift = design.inverse, design.shift
            J = own_rows(design, needed)
            exact[: len(J)], rows[: len(J)] = J, _deviations(design, J)
        return cls(inverse, shift, exact, rows)


def own_rows(design, needed):
    """Columns (k,) that need rows of their own, as far as they are needed."""
    exact = np.zeros(0, int) if design is design.base else design.exact
    return exact[needed[exact]]


def _deviations(lane, J):
    """(x - mean) / norm (k, n) of some columns of a lane, for all rows."""
    from scipy.sparse import csr_array

    one = csr_array((np.ones(len(J)), (np.arange(len(J)), J)), shape=(len(J), lane.p))
    values = lane.base.linear_predictor(np.arange(lane.n), one, np.zeros(len(J))).T
    return (values - lane.columns.mean[J, None]) / lane.columns.norm[J, None]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Reweighted:
    """A lane inside compiled programs: its own pass over the data of the base."""

    base: Any
    ratio: Any  # (n,)
    root: Any  # (n,)
    shift: Any  # (p,)
    inverse: Any  # (p,)
    exact: Any  # (k,), p behind them
    exact_rows: Any  # (k, n)

    def correlate(self, R):
        H = self.base.correlate(R * self.ratio)
        level = jnp.sum(R * self.root, axis=1)
        exact = jnp.matmul(R, self.exact_rows.T, precision=PRECISION).astype(H.dtype)
        return (
            ((H - level[:, None] * self.shift) * self.inverse).astype(H.dtype).at[:, self.exact].set(exact, mode="drop")
        )

    def gather(self, J):
        rows, p = self.base.gather(J), len(self.shift)
        shift, inverse = (
            jnp.where(J < p, jnp.take(v, J, mode="clip"), 0.0)[:, None] for v in (self.shift, self.inverse)
        )
        exact = (J[:, None] == self.exact) & (J < p)[:, None]
        of_sums = (rows * self.ratio - shift * self.root) * inverse
        of_exact = jnp.matmul(exact * 1.0, self.exact_rows, precision=PRECISION)
        return jnp.where(exact.any(axis=1, keepdims=True), of_exact, of_sums).astype(rows.dtype)


@jax.jit
def _with_rows(columns, place, rows):
    return columns.at[place].set(rows.astype(columns.dtype))


@jax.jit
def _gram(rows):
    rows = rows.astype(jnp.float64)
    return jnp.matmul(rows, rows.T, precision=PRECISION)


@jax.jit
def _kernel(rows, weight):
    return jnp.matmul(rows.T * weight.astype(rows.dtype), rows, precision=PRECISION)


def relative(base, weight):
    """Weights (..., n) over those of the base; a row that counts nowhere has 0."""
    omega = base.root**2
    return np.divide(weight, omega, out=np.zeros_like(weight), where=omega > 0)


def make_lane(base, weight, centre, first, second):
    """Lane of weights (n,), given A (ratio * level) and the diagonal of A diag(ratio^2) A', both (p,)."""
    columns = base.columns
    variance = second - first**2
    size = np.maximum(variance if centre else second, 0.0)
    mean = columns.mean + columns.norm * first if centre else columns.mean.copy()
    statistics = Columns(
        mean=mean,
        norm=columns.norm * np.sqrt(np.where(size > 0, size, 1.0)),
        sd=columns.norm * np.sqrt(np.maximum(variance, 0.0)),
        constant=np.zeros(base.p, bool),
    )
    J = np.flatnonzero(variance < DELICATE * np.maximum(second, 1.0))
    rows = np.empty((0, base.n))
    if J.size:  # also decides whether a column is constant: no sum can
        rows, exact = base.standardised(J, weight, centre)
        for name in ("mean", "norm", "sd", "constant"):
            getattr(statistics, name)[J] = getattr(exact, name)
    return Lane(base, weight, statistics, centre, J, rows)


def make_lanes(base, weights, centre):
    """Lanes of weights (k, n), from one pass over the data for all of them."""
    share = relative(base, weights)
    first = np.asarray(base.correlate(np.sqrt(share * weights)), dtype=np.float64)
    second = np.asarray(base.squares(share), dtype=np.float64)
    return [make_lane(base, weight, centre, *sums) for weight, *sums in zip(weights, first, second, strict=True)]


@dataclass(frozen=True)
class Sums:
    """Sums over rows that are weighted omega_i * counts_i, in NumPy: what lanes of R responses need beside a matrix.

    They add up: the training rows of a fold are all rows less those held out.
    """

    first: np.ndarray  # (p,) sum of omega_i z_i, the rows of A being sqrt(omega_i) z_i
    squares: np.ndarray  # (p,) sums of omega_i z_i^2
    cross: np.ndarray  # (R, p) sums of omega_i z_i y_i
    weight: float  # sum of omega_i
    y: np.ndarray  # (R,) sums of omega_i y_i
    yy: np.ndarray  # (R,) sums of omega_i y_i^2

    def __sub__(self, other):
        return type(self)(*(getattr(self, name) - getattr(other, name) for name in self.__dataclass_fields__))

    def spread(self, centre):
        """Sums (R,) of omega_i y_i^2, about the means if `centre`."""
        return self.yy - centre * self.y**2 / self.weight

    def delicate(self, total, centre):
        """Whether so little is left of a total that a difference of sums would lose digits."""
        light = self.weight < DELICATE * total.weight
        return bool(light or (self.spread(centre) < DELICATE * total.spread(centre)).any())


@dataclass(frozen=True)
class Moments(Sums):
    """The Sums with A diag(counts) A' (p, p): what Gram solvers, and squared errors, of R responses need."""

    gram: Any  # in NumPy, or on the device and there possibly one of a stack

    def squared_error(self, r, intercept, coef):
        """Sums (L,) of omega_i (y_ir - intercept - z_i'coef)^2 for intercepts (L,) and coefficients (L, p).

        Infinite where the terms are so much larger than their sum that it would lose digits.
        """
        of_response = self.cross[r], self.weight, self.y[r], self.yy[r]
        error = np.asarray(_squared_error(array_of(self.gram), self.first, *of_response, intercept, coef))
        fit = np.abs(coef) @ np.sqrt(np.maximum(self.squares, 0.0))
        largest = np.maximum(np.maximum(self.yy[r], self.weight * intercept**2), fit**2)
        return np.where(error > EXACT_SHARE * largest, error, np.inf)


@jax.jit  # NumPy's own threads and those of the compiled loops would wait for each other
def _squared_error(gram, first, cross, weight, y, yy, intercept, coef):
    fit = jnp.matmul(coef, gram, precision=PRECISION)
    inner = jnp.sum(fit * coef, axis=1) - 2 * coef @ cross
    outer = yy - 2 * intercept * y + intercept**2 * weight
    return outer + inner + 2 * intercept * (coef @ first)


def moments(base, responses, counts):
    """Moments of the rows with counts (n,) other than 0 and the responses (R, n)."""
    rows = np.flatnonzero(counts)
    B, count = np.asarray(base.samples(rows)), counts[rows]
    root, y = base.root[rows], responses[:, rows]
    weight = root**2 * count
    once = (count == 1).all()
    gram = B @ B.T if once else (B * count) @ B.T
    gram = gram if once else (gram + gram.T) / 2  # as the first is, symmetric to the last bit
    sums = B @ (root * count * np.vstack([np.ones_like(root), y])).T
    of_rows = sums[:, 0], np.diagonal(gram), sums[:, 1:].T
    return Moments(*of_rows, weight.sum(), y @ weight, y**2 @ weight, gram)


def lane_products(lane, directions, along):
    """Products (k, p) of Directions with A_k A_k', by those of D diag(inverse) with A diag(ratio^2) A': `along` (k, p).

    None where columns of the lane are kept as they are, of which the base cannot tell.
    """
    if lane.exact_rows.any() or not lane.base.columns.constant[lane.exact].all():
        return None
    sums = directions.of_rows(lane.columns.norm) * lane.inverse
    return (along - np.outer(sums @ lane.shift, lane.shift)) * lane.inverse


def lane_gram(lane, second):
    """A_k A_k' (p, p) from the second moments A diag(ratio^2) A'."""
    gram = second - np.outer(lane.shift, lane.shift)
    gram *= np.outer(lane.inverse, lane.inverse)
    if lane.exact.size:
        rows = lane.correlate(lane.exact_rows)
        gram[lane.exact], gram[:, lane.exact] = rows, rows.T
    return gram
