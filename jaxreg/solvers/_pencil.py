"""Bases in which a Gram matrix and a diagonal penalty are diagonal at once.

B'G B = diag(loss) and B'F B = diag(penalty) give (G + lambda F)^-1 = B (loss + lambda penalty)^-1 B' for every lambda
(Golub and Van Loan 2013, section 8.7). Where the penalty factors F are alike, B is F^-1/2 times the eigenvectors of
F^-1/2 G F^-1/2. Columns of very different scale make that matrix graded, and its small end would drown in the rounding
of the large one. There G + tau F, with tau near lambda, is brought to unit diagonal first. The scale of a column
cancels in that matrix, and a penalty factor may be 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg.solvers._spectra import ON_HOST, Spectra

if TYPE_CHECKING:
    from jaxtyping import Float

EPS = np.finfo(float).eps  # rounding unit of float64
ALIKE = 1e4  # largest penalty factor over the least up to which one decomposition serves all: costs 4 of 16 digits
# of lambda that one decomposition serves where factors differ: at its ends 2 digits are lost, and refined
DECADES_SERVED = 4
LEAST_LAMBDA = 1e-200  # in place of lambda = 0, which has no logarithm
LARGEST_PENALTY = 1e300  # of lambda times a penalty factor: a larger product overflows
# variance inflation of a direction from which on it is left to the penalty where the loss does not see it
BLIND_INFLATION = 1e6
# what is rounding in a unit vector or in its fit, in units of EPS times the number of columns
ROUNDING_PER_COLUMN = 8.0


@dataclass(frozen=True, eq=False)
class Basis:
    """Vectors in which the loss and the penalty are diagonal, and `blind` ones, which the loss does not see.

    For k vectors of m columns. The blind vectors are the kernel of the Gram matrix, up to rounding. The vectors are
    where the products of `spectra` are made, which give NumPy.
    """

    vectors: Float[Any, "m k"] | None  # None: the unit vectors
    loss: Float[np.ndarray, " k"]
    penalty: Float[np.ndarray, " k"]
    blind: Float[np.ndarray, "m blind"]
    spectra: Spectra = ON_HOST

    def inverse(self, lambdas: Float[np.ndarray, " L"]) -> Float[np.ndarray, "L k"]:
        """(loss + lambda penalty)^-1."""
        return 1.0 / (self.loss + lambdas[:, None] * self.penalty)

    def solve(self, right: Float[np.ndarray, "... m"], lambdas: Float[np.ndarray, " L"]) -> Float[np.ndarray, "L m"]:
        """Solutions at the lambdas for one right-hand side (m,), or for one of each lambda (L, m)."""
        inverse = self.inverse(lambdas)
        return inverse * right if self.vectors is None else np.asarray(self.spectra.solve(self.vectors, right, inverse))

    def solve_each(
        self, rights: Float[np.ndarray, "K m"], lambdas: Float[np.ndarray, " L"]
    ) -> Float[np.ndarray, "K L m"]:
        """Solutions at the lambdas for K right-hand sides."""
        inverse = self.inverse(lambdas)
        if self.vectors is None:
            return inverse * rights[:, None]
        return np.asarray(self.spectra.solve_each(self.vectors, rights, inverse))

    def diagonal(self, inverse: Float[np.ndarray, "L k"]) -> Float[np.ndarray, "L m"]:
        """The diagonals of (G + lambda F)^-1, of `inverse` at the lambdas."""
        return np.asarray(self.spectra.diagonal(self.vectors, inverse))


def alike(factor: Float[np.ndarray, " m"]) -> bool:
    """Whether one eigendecomposition on the scale of the penalty loses no column of these penalty factors."""
    return bool(factor.min(initial=np.inf) > 0 and factor.max(initial=0.0) <= ALIKE * factor.min(initial=np.inf))


def reached(values: Any) -> Any:
    """Which eigenvalues (m,) of a symmetric matrix, in NumPy or JAX, are more than rounding."""
    return values > EPS * len(values) * values.max(initial=0.0)


def eigenbasis(values: Float[np.ndarray, " m"], vectors: Any, spectra: Spectra = ON_HOST) -> Basis:
    """Basis of the eigenvectors (m, m) of a symmetric matrix, with penalty 1; on a device it has no blind ones."""
    seen = reached(values)
    blind = vectors[:, ~seen] if spectra is ON_HOST else np.zeros((len(values), 0))
    return Basis(spectra.some(vectors, seen), values[seen], np.ones(seen.sum()), blind, spectra)


def graded_basis(gram: Float[np.ndarray, "m m"], factor: Float[np.ndarray, " m"], reference: float) -> Basis:
    """Basis of lambdas around `reference`, for factors >= 0 of any range and a Gram matrix of unit diagonal.

    The blind vectors are left out of `vectors`, which are orthogonal to them on the scale of the penalty.
    """
    penalty = np.minimum(reference * factor, LARGEST_PENALTY)
    size = np.diagonal(gram) + penalty
    unit = np.where(size > 0, 1.0 / np.sqrt(np.where(size > 0, size, 1.0)), 0.0)
    values, vectors = np.linalg.eigh(unit[:, None] * (gram + np.diag(penalty)) * unit)
    reached = values > EPS * len(values) * values.max(initial=0.0)
    half = vectors[:, reached] / np.sqrt(values[reached])
    share, rotation = np.linalg.eigh((half.T * (penalty * unit**2)) @ half)  # of the penalty in loss + penalty = 1
    share = np.clip(share, 0.0, 1.0)
    half = half @ rotation
    inflation = np.einsum("jk,jk->k", half, half)
    scaled = unit[:, None] * half
    loss = np.where(share < 0.5, 1.0 - share, np.maximum(np.einsum("jk,jk->k", scaled, gram @ scaled), 0.0))
    unseen = (inflation > BLIND_INFLATION) & (loss <= EPS * len(values) * np.einsum("jk,jk->k", scaled, scaled))
    blind = np.hstack([vectors[:, ~reached], half[:, unseen] / np.sqrt(inflation[unseen])])
    # a large factor sees a column whose entry is rounding
    blind = unit[:, None] * np.where(abs(blind) > ROUNDING_PER_COLUMN * EPS * len(blind), blind, 0.0)
    half = scaled[:, ~unseen]
    if blind.shape[1]:
        rows = blind.any(axis=1)  # the other rows may be so large that theirs is the rounding of the product
        root = np.sqrt(factor[rows])[:, None]
        half[rows] -= blind[rows] @ np.linalg.lstsq(root * blind[rows], root * half[rows])[0]
    return Basis(half, loss[~unseen], share[~unseen] / reference, blind)


def references(lambdas: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
    """The lambdas at which the decompositions that serve `lambdas` are made; those that share one have the same."""
    return 10.0 ** (np.round(np.log10(np.maximum(lambdas, LEAST_LAMBDA)) / DECADES_SERVED) * DECADES_SERVED)
