"""Orthonormal bases of columns, as rows of the data and as coefficients; and what a Gram matrix does not show."""

import numpy as np

from jaxreg.objective._null_model import row_basis

BLIND = 1e-10  # of the largest eigenvalue: directions that a Gram matrix may show wrong, or not at all


def column_basis(design, members):
    """Orthonormal basis (k, n) of the span of the columns `members` (p,) bool of the design."""
    eps = np.finfo(design.dtype).eps
    if members.sum() <= design.n:
        return row_basis(np.asarray(design.gather(np.flatnonzero(members)), dtype=np.float64), eps)
    values, vectors = np.linalg.eigh(np.asarray(design.kernel(members * 1.0), dtype=np.float64))
    return vectors[:, values > eps * len(values) * values.max(initial=0.0)].T


def gram_basis(gram, directions):
    """Coefficients T (k, p) of an orthonormal basis T A of the span of D A: directions D (m, p), gram = D A A'D'."""
    T = inverse_root(gram) @ directions
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


def lengthened(basis, usual):
    """The basis with rows of zeros behind it: few shapes, so few compilations, for all kinds of members."""
    rank = len(basis)
    rows = usual if rank <= usual else 1 << (rank - 1).bit_length()
    return np.concatenate([basis, np.zeros((rows - rank, basis.shape[1]))])
