"""Duality gaps: the certificate of every point of a path.

With theta = r made orthogonal to the unpenalised columns without limits, h = A theta and

    P = |r|^2 / 2 + sum l1_j |b_j| + sum l2_j b_j^2 / 2

two dual values are valid, and the larger one counts:

    D1 = s theta'z - s^2/2 (|theta|^2 + sum l2_j b_j^2) - sum phi1_j(s g_j),    g = h - l2 b
    D2 = theta'z - |theta|^2 / 2 - sum phi2_j(h_j)

phi1 and phi2 are the conjugates of l1 |b| and of l1 |b| + l2 b^2 / 2 on [lower, upper]; s in [0, 1] is the
largest scale at which every phi1 with an infinite limit on its side is 0. D1 counts the ridge part as rows added
to the data (Zou and Hastie 2005, lemma 1), D2 keeps it in the penalty. gap = (P - max(D1, D2)) / P0.
"""

from abc import ABC, abstractmethod

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._design import PRECISION


def _conjugate(g, l1, l2, lower, upper):
    """sup over b in [lower, upper] of g b - l1 |b| - l2 b^2 / 2."""
    excess = jnp.maximum(jnp.abs(g) - l1, 0.0)
    limit = jnp.where(g > 0, upper, -lower)
    finite = jnp.where(jnp.isinf(limit), 0.0, limit)
    inside = excess**2 / (2.0 * jnp.where(l2 > 0, l2, 1.0))
    at_limit = excess * finite - l2 * finite**2 / 2.0
    interior = (l2 > 0) & (jnp.isinf(limit) | (excess < l2 * finite))
    value = jnp.where(interior, inside, jnp.where(jnp.isinf(limit), jnp.inf, at_limit))
    return jnp.where(excess > 0, value, 0.0)


def _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss):
    """Relative gaps (B,) from h (B, p), coefficients b (B, p), |r|^2, |theta|^2 and theta'z (B,)."""
    l1_factor, l2_factor, lower, upper = penalty
    lam = lambdas[:, None]
    absent = jnp.isinf(l1_factor)
    l1 = jnp.where(absent, jnp.inf, lam * l1_ratio * jnp.where(absent, 0.0, l1_factor))
    l2 = lam * (1.0 - l1_ratio) * l2_factor
    ridge = jnp.sum(l2 * b**2, axis=1)
    primal = rr / 2 + jnp.sum(jnp.where(b == 0, 0.0, l1 * jnp.abs(b)), axis=1) + ridge / 2

    # an unpenalised column with limits has h = 0 only up to rounding where it is inside them
    bound = jnp.where((l1 == 0) & (l2 == 0), 1e-12 * scale, l1)
    bound = jnp.where(orthogonal, jnp.inf, bound)
    g = h - l2 * b
    open_side = jnp.isinf(jnp.where(g > 0, upper, lower))
    s = jnp.min(jnp.where(open_side & (jnp.abs(g) > bound), bound / jnp.abs(g), 1.0), axis=1)
    # zeroed where s has seen to it: rounding must not turn a zero into infinity
    clipped = jnp.where(open_side, 0.0, s[:, None] * g)
    d1 = s * ty - s**2 / 2 * (tt + ridge) - jnp.sum(_conjugate(clipped, bound, 0.0, lower, upper), axis=1)
    d2 = ty - tt / 2 - jnp.sum(_conjugate(h, bound, l2, lower, upper), axis=1)
    gap = jnp.abs(primal - jnp.maximum(d1, d2)) / jnp.where(null_loss > 0, null_loss, 1.0)
    return jnp.where(null_loss > 0, gap, 0.0)


@jax.jit
def residuals(fit, z, basis):
    """(r, theta) (B, n) of fitted values `fit` (B, n); theta is orthogonal to the rows of the basis."""
    r = z - fit.astype(z.dtype)
    return r, r - jnp.matmul(jnp.matmul(r, basis.T, precision=PRECISION), basis, precision=PRECISION)


@jax.jit
def gaps_from_residuals(r, theta, h, x, W, z, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss):
    """Gaps (B,) of coefficients x (B, m) of the columns W (m,), padded with p, from h = A theta (B, p)."""
    h = h.astype(x.dtype)
    b = jnp.zeros_like(h).at[:, W].set(x, mode="drop")
    rr, tt, ty = jnp.sum(r**2, axis=1), jnp.sum(theta**2, axis=1), theta @ z
    return _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss)


@jax.jit
def gaps_from_gram(gram, corr, b, zz, basis, lambdas, l1_ratio, orthogonal, penalty, null_loss):
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
    return _gaps(h, b, rr, tt, ty, lambdas, l1_ratio, orthogonal, penalty, scale, null_loss), rr


def _gram_basis(gram, members):
    """Coefficients T (k, p) of an orthonormal basis of the columns `members` (p,) bool, from their Gram matrix."""
    J = np.flatnonzero(members)
    if not J.size:
        return np.zeros((0, len(members)))
    values, vectors = np.linalg.eigh(gram[np.ix_(J, J)])
    real = values > np.finfo(float).eps * len(J) * values.max()
    T = np.zeros((real.sum(), len(members)))
    T[:, J] = (vectors[:, real] / np.sqrt(values[real])).T
    return T


def _penalty_data(problem):
    return problem.l1_factor, problem.l2_factor, problem.lower, problem.upper


class _Certificate(ABC):
    """Certificates of points of one problem. At lambda = 0 every column counts as unpenalised."""

    @abstractmethod
    def _make_basis(self, at_zero):
        """Orthonormal basis of the unpenalised columns, in the terms of the subclass."""

    def __init__(self, problem, l1_ratio):
        self.problem, self.l1_ratio = problem, l1_ratio
        self.scale = float(np.abs(problem.corr).max())
        present = np.isfinite(problem.l1_factor) & np.isinf(problem.lower) & np.isinf(problem.upper)
        self._members = {False: present & (problem.l1_factor == 0), True: present}
        self._bases: dict[bool, np.ndarray] = {}

    def _basis(self, at_zero):
        if at_zero not in self._bases:
            self._bases[at_zero] = self._make_basis(at_zero)
        return self._bases[at_zero]

    def _by_kind(self, lambdas, certify):
        """Results of `certify(at_zero)`, each row from the kind of its lambda."""
        zero = lambdas == 0
        if not zero.any():
            return certify(False)
        if zero.all():
            return certify(True)
        pairs = zip(certify(False), certify(True), strict=True)
        return tuple(np.where(zero.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs)


class GramCertificate(_Certificate):
    """Certificates from the Gram matrix (p, p) of all columns, a JAX array."""

    def __init__(self, problem, gram, l1_ratio):
        super().__init__(problem, l1_ratio)
        self.gram = gram

    def _make_basis(self, at_zero):
        return _gram_basis(np.asarray(self.gram), self._members[at_zero])

    def __call__(self, b, lambdas):
        """(gaps, squared residuals) (B,) of coefficients b (B, p)."""

        def certify(at_zero):
            problem = self.problem
            found = gaps_from_gram(
                self.gram, problem.corr, b, 2 * problem.total, self._basis(at_zero), lambdas, self.l1_ratio,
                self._members[at_zero], _penalty_data(problem), problem.null_loss,
            )  # fmt: skip
            return tuple(map(np.asarray, found))

        return self._by_kind(lambdas, certify)


class PassCertificate(_Certificate):
    """Certificates by one pass over the data for all points of a block."""

    def _make_basis(self, at_zero):
        if not at_zero:
            return self.problem.basis
        kernel = np.asarray(self.problem.design.kernel(self._members[True] * 1.0), dtype=np.float64)
        values, vectors = np.linalg.eigh(kernel)
        eps = np.finfo(self.problem.design.dtype).eps
        real = values > eps * len(values) * values.max(initial=0.0)
        return np.ascontiguousarray(vectors[:, real].T)

    def __call__(self, fit, x, columns, lambdas):
        """(gaps (B,), squared residuals (B,), correlations h (B, p)) of coefficients x (B, m) of `columns` (m,)."""

        def certify(at_zero):
            problem = self.problem
            r, theta = residuals(fit, problem.z, self._basis(at_zero))
            h = problem.design.correlate(theta)
            gaps = gaps_from_residuals(
                r, theta, h, x, columns, problem.z, lambdas, self.l1_ratio,
                self._members[at_zero], _penalty_data(problem), self.scale, problem.null_loss,
            )  # fmt: skip
            r = np.asarray(r)
            return np.asarray(gaps), np.einsum("ij,ij->i", r, r), np.asarray(h)

        return self._by_kind(lambdas, certify)
