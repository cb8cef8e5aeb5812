"""Ridge on the side of the columns: p <= n, by the Gram matrix G of the columns that are not excluded."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from jaxreg.design._gram import array_of
from jaxreg.solvers._pencil import EPS, ROUNDING_PER_COLUMN, Basis, alike, eigenbasis, graded_basis, reached
from jaxreg.solvers._ridge_base import (
    DIFFERENCE,
    REFINED_INFLATION,
    RidgeDecomposition,
    by_weight,
    checked_errors,
    in_units,
)
from jaxreg.solvers._spectra import COMPILED, ON_HOST

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

ROWS = 4096  # of the data at a time, when each is left out: bounds the memory beside X


@final
class ColumnSide(RidgeDecomposition):
    """The unknown is the coefficients (m,) of the columns that are not excluded."""

    def __init__(self, problem, present, gram, single):
        self.present, self.factor = present, problem.l2_factor[present]
        self.gram, self.single, self._graded = gram, single, {}
        self._unresolved: dict[Basis, tuple[np.ndarray, np.ndarray]] = {}

    @classmethod
    def on_host(cls, problem, gram):
        """From the Gram matrix (p, p) in NumPy, whatever the problem."""
        present = np.flatnonzero(_present(problem))
        gram, factor, single = gram[np.ix_(present, present)], problem.l2_factor[present], None
        if alike(factor):
            single = eigenbasis(*ON_HOST.scaled_eigh(gram, 1.0 / np.sqrt(factor)))
        return cls(problem, present, gram, single)

    @classmethod
    def on_device(cls, problem, gram):
        """From the Gram matrix (p, p) on the device. Delicate problems are solved on the host, as `ridge` says."""
        if not alike_factors(problem):
            return cls.on_host(problem, np.asarray(gram))
        values, vectors = COMPILED.scaled_eigh(COMPILED.float64(array_of(gram)), penalty_root(problem))
        return cls.of_spectrum(problem, gram, np.asarray(values), vectors)

    @classmethod
    def of_spectrum(cls, problem, gram, values, vectors):
        """The same, whose `COMPILED.scaled_eigh` is known: vectors on the device. An excluded column has scale 0."""
        if not full_rank(problem, values):
            return cls.on_host(problem, np.asarray(gram))
        return cls(problem, np.arange(problem.design.p), None, eigenbasis(values, vectors, COMPILED))

    def _graded_basis(self, reference):
        return graded_basis(self.gram, self.factor, reference)

    def blocks(self, problem, lambdas, length):
        df, inflation = np.empty(len(lambdas)), np.empty(len(lambdas))
        for basis, at in self.bases(lambdas):
            inverse = basis.inverse(lambdas[at])
            df[at] = inverse @ basis.loss
            diagonal = 1.0 + lambdas[at, None] * self.factor
            of_columns = diagonal * basis.diagonal(inverse)  # variance inflation of each
            unresolved, fit = self.unresolved(basis, problem.design)
            curvature = np.einsum("ki,ki->k", fit, fit) + lambdas[at, None] * (self.factor @ unresolved**2)
            of_columns += diagonal * ((1.0 / curvature) @ (unresolved**2).T)
            inflation[at] = of_columns.max(axis=1, initial=0.0)
        delicate = (inflation > REFINED_INFLATION) | (self.single is None)
        responses = problem.each_response()
        solutions = self.solve_each(np.stack([response.corr[self.present] for response in responses]), lambdas)
        of_responses = []
        for response, solution in zip(responses, solutions, strict=True):
            b, error = self._refined(response, solution, lambdas, delicate)
            # the rounding of the standardised data, which no residual shows
            rounding = in_units(abs(b).sum(axis=1, keepdims=True), response) * np.sqrt(inflation) + inflation
            error = np.where(np.isnan(error), np.nan, error + EPS * rounding)
            of_responses.append((_among_all(b, self.present, problem.design.p), error))
        coefficients, errors = zip(*of_responses, strict=True)
        yield np.stack(coefficients, axis=-1), df, np.stack(errors, axis=-1)

    def unresolved(self, basis: Basis, design) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "k n"]]:
        """Blind vectors that the rows of the data see, and their fit, whose rows are orthogonal."""
        if not basis.blind.shape[1] or design.dtype != np.float64:
            return basis.blind[:, :0], np.zeros((0, design.n))
        if basis not in self._unresolved:
            blind, _ = np.linalg.qr(basis.blind)
            rotation, size, fit = np.linalg.svd(self.fit(blind.T, design), full_matrices=False)
            seen = size > ROUNDING_PER_COLUMN * EPS * len(blind)
            self._unresolved[basis] = blind @ rotation[:, seen], size[seen, None] * fit[seen]
        return self._unresolved[basis]

    def fit(self, b: Float[np.ndarray, "L m"], design) -> Float[np.ndarray, "L n"]:
        """b A, for coefficients of the columns that are not excluded."""
        return np.asarray(design.predict(_among_all(b, self.present, design.p)))

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design, corr = problem.design, problem.corr[self.present]
        level = design.root if intercept else np.zeros(design.n)
        errors, free = np.empty((design.n, len(lambdas))), np.empty((design.n, len(lambdas)))
        for first in range(0, design.n, ROWS):
            rows = np.arange(first, min(first + ROWS, design.n))
            A = self._samples(design, rows)
            for strengths, at in by_weight(design.root[rows] ** 2, lambdas, of_sum):
                of_weight = rows[at]
                for basis, k in self.bases(strengths):
                    of_rows = basis.spectra.at_rows(A[at], basis.vectors, corr, basis.inverse(strengths[k]))
                    fitted, leverage = map(np.asarray, of_rows)
                    errors[np.ix_(of_weight, k)] = problem.y[of_weight, None] - fitted
                    free[np.ix_(of_weight, k)] = 1.0 - level[of_weight, None] ** 2 - leverage
        followed = free < DIFFERENCE
        errors = np.where(followed, np.nan, errors / np.where(followed, 1.0, free))
        return checked_errors(errors, problem, intercept), followed

    def _samples(self, design, rows):
        """Rows of the data (k, m), where the decomposition is."""
        if self.gram is None:
            return COMPILED.float64(design.samples(rows)).T
        return np.asarray(design.samples(rows), dtype=np.float64)[self.present].T

    def _change(self, problem, solution, lambdas):
        lam = lambdas[:, None]
        r = problem.y - self.fit(solution, problem.design)
        pull = lam * self.factor * solution
        gradient = np.asarray(problem.design.correlate(r))[:, self.present] - pull
        step = self.solve(gradient, lambdas)
        for basis, at in self.bases(lambdas):
            unresolved, fit = self.unresolved(basis, problem.design)
            if len(fit):  # with products of their own: in the gradient of all columns theirs is below rounding
                curvature = fit @ fit.T + lam[at, None] * ((unresolved.T * self.factor) @ unresolved)
                along = r[at] @ fit.T - pull[at] @ unresolved
                step[at] += np.linalg.solve(curvature, along[..., None])[..., 0] @ unresolved.T
        return step

    def _size(self, problem, change, lambdas):
        return in_units((1.0 + lambdas[:, None] * self.factor) * abs(change), problem)


def _present(problem) -> Bool[np.ndarray, " p"]:
    """Columns that are not excluded."""
    return np.isfinite(problem.l1_factor)


def alike_factors(problem) -> bool:
    """Whether one decomposition serves the penalty factors of the columns that are not excluded."""
    return alike(problem.l2_factor[_present(problem)])


def full_rank(problem, values: Float[np.ndarray, " p"]) -> bool:
    """Whether the eigenvalues of a Gram matrix say that its vectors are all that there is to know, on a device."""
    return alike_factors(problem) and np.count_nonzero(reached(values)) == np.count_nonzero(_present(problem))


def penalty_root(problem) -> Float[np.ndarray, " p"]:
    """F^-1/2, 0 for an excluded column."""
    factor = problem.l2_factor
    return np.where(factor > 0, 1.0 / np.sqrt(np.where(factor > 0, factor, 1.0)), 0.0)


def _among_all(b: Float[np.ndarray, "L m"], columns: Int[np.ndarray, " m"], p: int) -> Float[np.ndarray, "L p"]:
    """Coefficients of all columns from those of some; the others are 0."""
    full = np.zeros((len(b), p))
    full[:, columns] = b
    return full
