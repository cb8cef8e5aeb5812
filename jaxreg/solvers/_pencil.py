"""Bases in which a Gram matrix and a diagonal penalty are diagonal at once.

B'G B = diag(loss) and B'F B = diag(penalty) give (G + lambda F)^-1 = B (loss + lambda penalty)^-1 B' for every lambda
(Golub and Van Loan 2013, section 8.7). Where the penalty factors F are alike, B is F^-1/2 times the eigenvectors of
F^-1/2 G F^-1/2. Columns of very different scale make that matrix graded, and its small end would drown in the rounding
of the large one. There G + tau F is brought to unit diagonal first, which no scale of a column survives, for a tau
near lambda; a factor of 0 is one of them.
"""

from dataclasses import dataclass

import numpy as np

EPS = np.finfo(float).eps
ALIKE = 1e4  # largest penalty factor over the least up to which one decomposition serves all: costs 4 of 16 digits
DECADES = 4  # of lambda that one decomposition serves where factors differ: at its ends 2 digits are lost, and refined
LEAST, LARGEST = 1e-200, 1e300  # for lambda = 0, and of lambda times a penalty factor: nothing under- or overflows
BLIND = 1e6  # variance inflation of a direction from which on it is left to the penalty where the loss does not see it
ROUNDING = 8.0  # times the number of columns: what is rounding in a unit vector or in its fit, in units of EPS


@dataclass(frozen=True, eq=False)
class Basis:
    """Vectors (m, k) in which loss and penalty, both (k,), are diagonal, and `blind` ones, unseen by the loss."""

    vectors: np.ndarray
    loss: np.ndarray
    penalty: np.ndarray
    blind: np.ndarray  # (m, any)

    def inverse(self, lambdas):
        """(loss + lambda penalty)^-1 (L, k)."""
        return 1.0 / (self.loss + lambdas[:, None] * self.penalty)

    def solve(self, right, lambdas):
        """Solutions (L, m) for right-hand sides (L, m) or (m,)."""
        return (self.inverse(lambdas) * (right @ self.vectors)) @ self.vectors.T


def alike(factor):
    """Whether one eigendecomposition on the scale of the penalty loses no column of these penalty factors."""
    return bool(factor.min(initial=np.inf) > 0 and factor.max(initial=0.0) <= ALIKE * factor.min(initial=np.inf))


def eigenbasis(matrix):
    """Basis of orthonormal eigenvectors of a symmetric matrix, with penalty 1."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    reached = values > EPS * len(values) * values.max(initial=0.0)
    return Basis(vectors[:, reached], values[reached], np.ones(reached.sum()), vectors[:, ~reached])


def graded_basis(gram, factor, reference):
    """Basis of lambdas around `reference`, for factors (p,) >= 0 of any range and a Gram matrix of unit diagonal.

    What the loss does not see is kept out, and the rest made orthogonal to it on the scale of the penalty.
    """
    penalty = np.minimum(reference * factor, LARGEST)
    size = np.diagonal(gram) + penalty
    unit = np.where(size > 0, 1.0 / np.sqrt(np.where(size > 0, size, 1.0)), 0.0)
    values, vectors = np.linalg.eigh(unit[:, None] * (gram + np.diag(penalty)) * unit)
    reached = values > EPS * len(values) * values.max(initial=0.0)
    half = vectors[:, reached] / np.sqrt(values[reached])
    share, rotation = np.linalg.eigh((half.T * (penalty * unit**2)) @ half)
    share = np.clip(share, 0.0, 1.0)
    half = half @ rotation
    length = np.einsum("jk,jk->k", half, half)
    scaled = unit[:, None] * half
    loss = np.where(share < 0.5, 1.0 - share, np.maximum(np.einsum("jk,jk->k", scaled, gram @ scaled), 0.0))
    unseen = (length > BLIND) & (loss <= EPS * len(values) * np.einsum("jk,jk->k", scaled, scaled))
    blind = np.hstack([vectors[:, ~reached], half[:, unseen] / np.sqrt(length[unseen])])
    blind = unit[:, None] * np.where(abs(blind) > ROUNDING * EPS * len(blind), blind, 0.0)  # a large factor sees it
    half = scaled[:, ~unseen]
    if blind.shape[1]:
        some = blind.any(axis=1)  # the other rows may be so large that theirs is the rounding of the product
        root = np.sqrt(factor[some])[:, None]
        half[some] -= blind[some] @ np.linalg.lstsq(root * blind[some], root * half[some])[0]
    return Basis(half, loss[~unseen], share[~unseen] / reference, blind)


def references(lambdas):
    """Where the decompositions that serve the lambdas (L,) are made: (L,), the same for those that share one."""
    return 10.0 ** (np.round(np.log10(np.maximum(lambdas, LEAST)) / DECADES) * DECADES)
