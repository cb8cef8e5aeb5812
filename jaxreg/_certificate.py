"""Duality gaps: the certificate of every point of a path.

With theta = r made orthogonal to the unpenalised columns that are not at a limit, h = A theta and

    P = |r|^2 / 2 + sum l1_j |b_j| + sum l2_j b_j^2 / 2

two dual values are valid, and the larger one counts:

    D1 = s theta'z - s^2/2 (|theta|^2 + sum l2_j b_j^2) - sum phi1_j(s g_j),    g = h - l2 b
    D2 = theta'z - |theta|^2 / 2 - sum phi2_j(h_j)

phi1 and phi2 are the conjugates of l1 |b| and of l1 |b| + l2 b^2 / 2 on [lower, upper]; s in [0, 1] is the
largest scale at which every phi1 with an infinite limit on its side is 0, or every phi1. D1 counts the ridge part as
rows added to the data (Zou and Hastie 2005, lemma 1), D2 keeps it in the penalty. gap = (P - max(D1, D2)) / P0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._design import PRECISION
from jaxreg._problem import row_basis

FREE_L1 = 1e-13  # an l1 part, in units of the largest correlation, that is as good as none
FREE_L2 = 1e-15  # the same of an l2 part, in units of the mean square of its column
BLIND = 1e-10  # of the largest eigenvalue: directions that a Gram matrix may show wrong, or not at all


def _conjugate(g, l1, l2, lower, upper):
    """sup over b in [lower, upper] of g b - l1 |b| - l2 b^2 / 2."""
    excess = jnp.maximum(jnp.abs(g) - l1, 0.0)
    limit = jnp.where(g > 0, upper, -lower)
    finite = jnp.where(jnp.isinf(limit), 0.0, limit)
    inside = excess**2 / (2.0 * jnp.where(l2 > 0, l2, 1.0))
    at_limit = excess * finite - jnp.where(l2 > 0, l2 * finite**2 / 2.0, 0.0)  # not 0 * inf for a distant limit
    interior = (l2 > 0) & (jnp.isinf(limit) | (excess < l2 * finite))
    value = jnp.where(interior, inside, jnp.where(jnp.isinf(limit), jnp.inf, at_limit))
    return jnp.where(excess > 0, value, 0.0)


def _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss, limited):
    """Relative gaps (B,) from h (B, p), coefficients b (B, p), |r|^2, |theta|^2 and theta'z (B,)."""
    l1_factor, l2_factor, lower, upper = penalty
    lam = lambdas[:, None]
    absent = jnp.isinf(l1_factor)
    l1 = jnp.where(absent, jnp.inf, lam * l1_ratio * jnp.where(absent, 0.0, l1_factor))
    l2 = lam * (1.0 - l1_ratio) * l2_factor
    ridge = jnp.sum(l2 * b**2, axis=1)
    primal = rr / 2 + jnp.sum(jnp.where(b == 0, 0.0, l1 * jnp.abs(b)), axis=1) + ridge / 2

    # an unpenalised column at its limit may have the wrong sign of h by rounding
    bound = jnp.where((l1 == 0) & (l2 == 0), 1e-12 * scale, l1)
    bound = jnp.where(orthogonal, jnp.inf, bound)
    g = h - l2 * b
    if not limited:
        s = jnp.min(jnp.where(jnp.abs(g) > bound, bound / jnp.abs(g), 1.0), axis=1)
        excess = jnp.maximum(jnp.abs(h) - bound, 0.0)
        conjugate = jnp.where(excess > 0, excess**2 / (2.0 * l2), 0.0)
        return _relative(primal, s * ty - s**2 / 2 * (tt + ridge), ty - tt / 2 - jnp.sum(conjugate, axis=1), null_loss)
    open_side = jnp.isinf(jnp.where(g > 0, upper, lower))
    scales = jnp.where(jnp.abs(g) > bound, bound / jnp.abs(g), 1.0)
    s = jnp.min(jnp.where(open_side, scales, 1.0), axis=1)
    # zeroed where s has seen to it: rounding must not turn a zero into infinity
    clipped = jnp.where(open_side, 0.0, s[:, None] * g)
    d1 = s * ty - s**2 / 2 * (tt + ridge) - jnp.sum(_conjugate(clipped, bound, 0.0, lower, upper), axis=1)
    s = jnp.min(scales, axis=1)  # as if no side had a limit: better where limits are far away
    d1 = jnp.maximum(d1, s * ty - s**2 / 2 * (tt + ridge))
    d2 = ty - tt / 2 - jnp.sum(_conjugate(h, bound, l2, lower, upper), axis=1)
    return _relative(primal, d1, d2, null_loss)


def _relative(primal, d1, d2, null_loss):
    gap = jnp.abs(primal - jnp.maximum(d1, d2)) / jnp.where(null_loss > 0, null_loss, 1.0)
    return jnp.where(null_loss > 0, gap, 0.0)


@jax.jit
def residuals(fit, z, basis):
    """(r, theta) (B, n) of fitted values `fit` (B, n); theta is orthogonal to the rows of the basis."""
    r = z - fit.astype(z.dtype)
    return r, r - jnp.matmul(jnp.matmul(r, basis.T, precision=PRECISION), basis, precision=PRECISION)


@partial(jax.jit, static_argnames="limited")
def gaps_from_residuals(r, theta, h, x, W, z, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss, *, limited):
    """Gaps (B,) of coefficients x (B, m) of the columns W (m,), padded with p, from h = A theta (B, p)."""
    h = h.astype(x.dtype)
    b = jnp.zeros_like(h).at[:, W].set(x, mode="drop")
    rr, tt, ty = jnp.sum(r**2, axis=1), jnp.sum(theta**2, axis=1), theta @ z
    return _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss, limited)


@partial(jax.jit, static_argnames="limited")
def gaps_from_gram(gram, corr, b, zz, basis, lambdas, l1_ratio, orthogonal, penalty, null_loss, *, limited):
    """(gaps, squared residuals) (L,) without a pass over the data.

    `basis` (k, p) holds the coefficients T of an orthonormal basis T A of the columns to be orthogonal to: with
    q = T h, theta = r - A'T'q.
    """
    fit = jnp.matmul(b, gram, precision=PRECISION)
    h = corr - fit
    rr = zz + jnp.sum(b * (fit - 2.0 * corr), axis=1)
    q = h @ basis.T
    h = h - q @ (basis @ gram)
    tt = rr - jnp.sum(q**2, axis=1)
    ty = zz - b @ corr - q @ (basis @ corr)
    scale = jnp.max(jnp.abs(corr))
    return _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss, limited), rr


def gram_basis(gram, members):
    """Coefficients T (k, p) of an orthonormal basis of the columns `members` (p,) bool, from their Gram matrix."""
    J = np.flatnonzero(members)
    T = np.zeros((len(J), len(members)))
    T[:, J] = inverse_root(gram[np.ix_(J, J)])
    return T[T.any(axis=1)]


def inverse_root(gram):
    """R (k, k) with R gram R' = I, but for rows of 0 where gram is singular."""
    if not len(gram):
        return gram
    values, vectors = np.linalg.eigh(gram)
    real = values > np.finfo(float).eps * len(values) * values.max()
    return np.where(real, vectors / np.sqrt(np.where(real, values, 1.0)), 0.0).T


def is_blind(gram):
    """Whether the columns of a Gram matrix are so nearly dependent that it says little of some of their sums."""
    values = np.linalg.eigvalsh(gram) if len(gram) else np.ones(1)
    return bool(values[0] <= BLIND * values[-1])


def left_over(basis, r):
    """Half the squared part (B,) of residuals r (B, n [, K]) in the span of `basis` (k, n), the rows of the data.

    Least squares on these columns would make the loss so much smaller: no objective that leaves them unpenalised is
    nearer to its minimum, whatever a Gram matrix says that has lost their differences.
    """
    within = np.einsum("bn...,kn->bk...", r, basis, optimize=True)
    return (within**2).reshape(len(r), -1).sum(axis=1) / 2


def column_basis(design, members):
    """Orthonormal basis (k, n) of the span of the columns `members` (p,) bool of the design."""
    eps = np.finfo(design.dtype).eps
    if members.sum() <= design.n:
        return row_basis(np.asarray(design.gather(np.flatnonzero(members)), dtype=np.float64), eps)
    values, vectors = np.linalg.eigh(np.asarray(design.kernel(members * 1.0), dtype=np.float64))
    return vectors[:, values > eps * len(values) * values.max(initial=0.0)].T


def _few_sizes(usual, rank):
    """Rows to give a basis of some rank: few shapes, so few compilations, for all kinds of members."""
    return usual if rank <= usual else 1 << int(rank - 1).bit_length()


def _penalty_data(problem):
    return problem.l1_factor, problem.l2_factor, problem.lower, problem.upper


class _Certificate(ABC):
    """Certificates of points of one problem.

    theta is made orthogonal to the unpenalised columns (at lambda = 0 that is all of them) that are strictly inside
    their limits; at a limit they are left to the conjugate. Any choice is valid, this one is tight.
    """

    def __init__(self, problem, l1_ratio, precision):
        self.problem, self.l1_ratio = problem, l1_ratio
        self.scale = float(np.abs(problem.corr).max())
        self.present = np.isfinite(problem.l1_factor)
        self.unpenalised = problem.l1_factor == 0
        self.limited = bool(np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any())
        margin = 8 * np.finfo(precision).eps  # a limit is met up to the rounding of the result
        self.low = np.where(np.isinf(problem.lower), -np.inf, problem.lower * (1 - margin))
        self.high = np.where(np.isinf(problem.upper), np.inf, problem.upper * (1 - margin))
        self._bases: dict[bytes, np.ndarray] = {}

    @abstractmethod
    def _make_basis(self, members):
        """Orthonormal basis of the columns `members` (p,) bool, in the terms of the subclass; some rows may be 0."""

    def _basis(self, members):
        key = members.tobytes()
        if key not in self._bases:
            self._bases[key] = self._make_basis(members)
        return self._bases[key]

    def _as_good_as_free(self, lam):
        """Which columns (B, p) have an l1 and an l2 part below rounding: its error would be all of D1 and D2."""
        penalised = self.present & ~self.unpenalised
        l1 = lam * self.l1_ratio * np.where(penalised, self.problem.l1_factor, 1.0)
        l2 = lam * (1.0 - self.l1_ratio) * np.where(penalised, self.problem.l2_factor, 1.0)
        return penalised & (l1 <= FREE_L1 * self.scale) & (l2 <= FREE_L2)

    def _kinds(self, coefficients, lambdas):
        """(kinds of members, the kind of each row): what theta is made orthogonal to; coefficients() is b (B, p)."""
        limited = self.unpenalised & (np.isfinite(self.low) | np.isfinite(self.high))
        free = self._as_good_as_free(np.asarray(lambdas)[:, None])
        if not free.any() and not limited.any():
            return [self.unpenalised], np.zeros(len(lambdas), int)
        b = coefficients()
        candidates = self.unpenalised | free
        return np.unique(candidates & (self.low < b) & (b < self.high), axis=0, return_inverse=True)


def _each_by_its_kind(results, kind):
    """Rows of the results of each kind, each from that of its own."""
    if len(results) == 1:
        return results[0]
    return tuple(np.array([each[which][k] for k, which in enumerate(kind)]) for each in zip(*results, strict=True))


@dataclass(frozen=True)
class Correlations:
    """A request, by a generator that is being run, for A R' (B, p) of the rows R (B, n)."""

    R: jax.Array | np.ndarray


class GramCertificate(_Certificate):
    """Certificates from the Gram matrix (p, p) of all columns."""

    def __init__(self, problem, gram, l1_ratio, precision):
        super().__init__(problem, l1_ratio, precision)
        self.gram = jax.device_put(gram)  # once for all blocks
        self._unseen: dict[bytes, np.ndarray | None] = {}

    def _make_basis(self, members):
        basis = gram_basis(np.asarray(self.gram), members)
        rows = _few_sizes(self.unpenalised.sum(), len(basis))
        return np.concatenate([basis, np.zeros((rows - len(basis), len(members)))])

    def _basis_of_rows(self, members):
        """Orthonormal basis (k, n) of the span of the columns `members`, None where the Gram matrix is as good."""
        key = members.tobytes()
        if key not in self._unseen:
            J = np.flatnonzero(members)
            blind = is_blind(np.asarray(self.gram)[np.ix_(J, J)])
            design = self.problem.design
            self._unseen[key] = column_basis(design, members[: design.p]) if blind else None
        return self._unseen[key]

    def __call__(self, b, lambdas):
        """(gaps, squared residuals) (B,) of coefficients b (B, p), which may be on their way to the host."""

        def certify(members):
            problem = self.problem
            found = gaps_from_gram(
                self.gram, problem.corr, b, 2 * problem.total, self._basis(members), lambdas, self.l1_ratio,
                members, _penalty_data(problem), problem.null_loss, limited=self.limited,
            )  # fmt: skip
            gaps, rss = map(np.asarray, found)
            basis = self._basis_of_rows(members)
            if basis is not None and problem.null_loss > 0:
                fit = problem.design.predict(np.asarray(b)[:, : problem.design.p])
                r = problem.z - np.asarray(fit, np.float64)
                rss, gaps = np.sum(r**2, axis=1), np.maximum(gaps, left_over(basis, r) / problem.null_loss)
            return gaps, rss

        kinds, kind = self._kinds(lambda: np.asarray(b), lambdas)
        return _each_by_its_kind([certify(members) for members in kinds], kind)


class PassCertificate(_Certificate):
    """Certificates by one pass over the data for all points of a block."""

    def _make_basis(self, members):
        design = self.problem.design
        basis = column_basis(design, members)
        rows = _few_sizes(min(self.unpenalised.sum(), design.n), len(basis))
        return np.concatenate([basis, np.zeros((rows - len(basis), design.n))])

    def __call__(self, fit, x, columns, lambdas):
        """(gaps (B,), squared residuals (B,), correlations h (B, p)) of coefficients x (B, m) of `columns` (m,).

        A generator: it yields `Correlations` and is sent them, so that many lanes share one pass.
        """
        problem = self.problem

        def coefficients():
            b = np.zeros((len(x), problem.design.p + 1))
            b[:, columns] = x
            return b[:, :-1]

        def certify(members):
            r, theta = residuals(fit, problem.z, self._basis(members))
            h = yield Correlations(theta)
            gaps = gaps_from_residuals(
                r, theta, h, x, columns, problem.z, lambdas, self.l1_ratio,
                members, _penalty_data(problem), self.scale, problem.null_loss, limited=self.limited,
            )  # fmt: skip
            r = np.asarray(r)
            return np.asarray(gaps), np.einsum("ij,ij->i", r, r), np.asarray(h)

        kinds, kind = self._kinds(coefficients, lambdas)
        results = []
        for members in kinds:
            found = yield from certify(members)
            results.append(found)
        return _each_by_its_kind(results, kind)
