"""Ridge paths (l1_ratio = 0, no limits) from one eigendecomposition of the smaller Gram matrix.

With D = diag(1/f2) on the penalised columns and everything projected off the unpenalised ones,

    p <= n:  D^(1/2) G D^(1/2) = V S V',   b = D^(1/2) V (S + lambda)^-1 V' D^(1/2) c
    p > n:   A' D A = V S V',              b = D A V (S + lambda)^-1 V' z

(Hastie, Tibshirani and Friedman 2009, section 18.3.5). At lambda = 0 the pseudo-inverse takes the place of the inverse:
the solution of least penalty. The decompositions run on the host, once, outside of any compiled loop.

The row i, left out, is predicted by the fit of the others. Its error follows from the fit of all rows and its
leverage h_i there (Allen 1974; Golub, Heath and Wahba 1979, eq. (2.2)),

    y_i - prediction_i = e_i / (1 - h_i),    both at the penalty (1 - omega_i) lambda,

since the objective of the others is divided by their weight, 1 - omega_i. Nothing else depends on the row: the columns
keep the scales that all rows give them.
"""

from abc import ABC, abstractmethod
from typing import final

import numpy as np

UNDETERMINED = 1e-10  # 1 - leverage from which on no other row says anything about a row
ROWS = 4096  # of the data at a time


class Ridge(ABC):
    """One decomposition, and what follows from it for any lambda and response.

    `problem` may have another response than the one that was decomposed with.
    """

    values: np.ndarray  # (k,) S
    size: int  # of the decomposed matrix

    @abstractmethod
    def blocks(self, problem, lambdas, length):
        """Blocks of at most `length` points: (b (B, p), effective degrees of freedom (B,))."""

    @abstractmethod
    def left_out(self, problem, lambdas, intercept, of_sum=False):
        """Errors (n, L) of the rows, each predicted by the fit of the others, in units of y.

        `of_sum` says that the penalty of the others stays beside the sum of their losses, not beside the average.
        """

    def _inverse(self, lambdas):
        """(S + lambda)^+ (L, k), and effective degrees of freedom (L,) of the penalised columns."""
        rounding = np.finfo(float).eps * self.size * self.values.max(initial=0.0)
        denominator = self.values + lambdas[:, None]
        inverse = np.where(denominator > rounding, 1.0 / np.where(denominator > 0, denominator, 1.0), 0.0)
        return inverse, (self.values * inverse).sum(axis=1)


def decomposed(problem, gram) -> Ridge:
    """From the Gram matrix (p, p), or, where that is None or larger, on the (n, n) side."""
    design = problem.design
    return _KernelSide(problem) if gram is None or design.n < design.p else _GramSide(problem, gram)


@final
class _GramSide(Ridge):
    def __init__(self, problem, gram):
        self.P, self.U = np.flatnonzero(problem.l2_factor > 0), np.flatnonzero(problem.l1_factor == 0)
        P, U = self.P, self.U
        self.size = len(P)
        self.onto = np.linalg.pinv(gram[np.ix_(U, U)], hermitian=True) if U.size else np.zeros((0, 0))
        self.cross = gram[np.ix_(U, P)]
        self.scale = 1.0 / np.sqrt(problem.l2_factor[P])
        inner = self.scale[:, None] * (gram[np.ix_(P, P)] - self.cross.T @ self.onto @ self.cross) * self.scale
        values, self.vectors = np.linalg.eigh(inner)
        self.values = np.maximum(values, 0.0)

    def _target(self, corr):
        return (self.scale * (corr[self.P] - self.cross.T @ self.onto @ corr[self.U])) @ self.vectors

    def blocks(self, problem, lambdas, length):
        U = self.U
        inverse, df = self._inverse(lambdas)
        b = np.zeros((len(lambdas), problem.design.p))
        b[:, self.P] = ((inverse * self._target(problem.corr)) @ self.vectors.T) * self.scale
        b[:, U] = (problem.corr[U] - b[:, self.P] @ self.cross.T) @ self.onto
        yield b, df + (np.linalg.matrix_rank(self.onto) if U.size else 0)

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design, target = problem.design, self._target(problem.corr)
        errors = np.empty((design.n, len(lambdas)))
        for first in range(0, design.n, ROWS):
            rows = np.arange(first, min(first + ROWS, design.n))
            A = np.asarray(design.samples(rows), dtype=np.float64)
            AU, AP = A[self.U], A[self.P]
            projected = self.onto @ AU
            Q = ((AP - self.cross.T @ projected).T * self.scale) @ self.vectors
            own = intercept * design.root[rows] ** 2 + np.einsum("ui,ui->i", AU, projected)
            unpenalised = problem.corr[self.U] @ projected
            for weight, at in _by_weight(design.root[rows] ** 2):
                inverse, _ = self._inverse(_strength(weight, of_sum) * lambdas)
                fitted = unpenalised[at, None] + (Q[at] * target) @ inverse.T
                free = 1.0 - own[at, None] - Q[at] ** 2 @ inverse.T
                errors[rows[at]] = _predicted(problem.z[rows[at], None] - fitted, free, free, rows[at], lambdas)
        return errors / design.root[:, None]


@final
class _KernelSide(Ridge):
    def __init__(self, problem):
        design, basis = problem.design, problem.basis
        self.size = design.n
        self.U = np.flatnonzero(problem.l1_factor == 0)
        penalised = problem.l2_factor > 0
        self.weight = np.where(penalised, 1.0 / np.where(penalised, problem.l2_factor, 1.0), 0.0)
        kernel = np.asarray(design.kernel(self.weight), dtype=np.float64)
        kernel = kernel - (kernel @ basis.T) @ basis
        kernel = kernel - basis.T @ (basis @ kernel)
        values, vectors = np.linalg.eigh((kernel + kernel.T) / 2)
        self.values, self.vectors = _beside(basis, np.maximum(values, 0.0), vectors)
        unpenalised = np.asarray(design.gather(self.U), dtype=np.float64) if self.U.size else np.zeros((0, design.n))
        self.onto = np.linalg.pinv(unpenalised)

    def blocks(self, problem, lambdas, length):
        design, U = problem.design, self.U
        inverse, df = self._inverse(lambdas)
        dual = (inverse * (problem.z @ self.vectors)) @ self.vectors.T
        for start in range(0, len(lambdas), length):
            part = slice(start, start + length)
            b = np.asarray(design.correlate(dual[part]), dtype=np.float64) * self.weight
            if U.size:
                b[:, U] = (problem.z - np.asarray(design.predict(b))) @ self.onto
            yield b, df[part] + len(problem.basis)

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design = problem.design
        # beside the intercept and the unpenalised columns both e_i and 1 - h_i are sums over lambda (S + lambda)^-1:
        # no difference is taken, however close the fit
        level = design.root[None] if intercept else np.zeros((0, design.n))
        values, vectors = _beside(level, self.values, self.vectors)
        target, squared = problem.z @ vectors, vectors**2
        errors = np.empty((design.n, len(lambdas)))
        for weight, at in _by_weight(design.root**2):
            strength = (_strength(weight, of_sum) * lambdas)[:, None]
            with np.errstate(divide="ignore"):
                left = 1.0 / (values + strength)  # up to a factor, which the ratio does not see
            without_limit = np.isinf(left)  # lambda = 0: what no column reaches is all that counts
            left = np.where(without_limit.any(axis=1, keepdims=True), without_limit, left)
            residual, free, seen = (vectors[at] * target) @ left.T, squared[at] @ left.T, squared[at] @ (left > 0).T
            errors[at] = _predicted(residual, free, seen, at, lambdas)
        return errors / design.root[:, None]


def _strength(weight, of_sum):
    """What lambda is multiplied by where a row of this weight is left out, in the objective of all rows."""
    return 1.0 if of_sum else 1.0 - weight


def _beside(basis, values, vectors):
    """Eigenvalues and -vectors (n, m) of a matrix that annuls the rows of the orthonormal `basis`, without these."""
    null = values <= np.finfo(float).eps * len(vectors) * values.max(initial=0.0)
    _, _, rotation = np.linalg.svd(basis @ vectors[:, null])
    unreached = vectors[:, null] @ rotation[len(basis) :].T
    return np.append(values[~null], np.zeros(unreached.shape[1])), np.hstack([vectors[:, ~null], unreached])


def _by_weight(weight):
    """(weight, rows that have it): they share all penalties."""
    values, which = np.unique(weight, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return zip(values, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True)


def _predicted(residual, free, seen, rows, lambdas):
    """residual / free, where `free` is 1 - leverage; of rows with a positive `seen`, which is that up to factors."""
    bad = np.argwhere(~(seen > UNDETERMINED))
    if bad.size:
        i, k = bad[0]
        raise ValueError(
            f"cv is 'loo', but at lambda {lambdas[k]:.3g} the model fits row {rows[i]} whatever its y is, so that the "
            "other rows do not determine its prediction; give larger lambdas, penalise all columns, or give cv=10."
        )
    return residual / free
