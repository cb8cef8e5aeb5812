"""Ridge on the side of the rows: p > n, or a fit that passes through all points, by kernels of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from jaxreg.solvers._pencil import ALIKE, EPS, Basis, eigenbasis, graded_basis
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
    from jaxtyping import Float, Int

REACHED = 1e-20  # the squared part of a row that no column reaches, from which on downwards it is rounding


@final
class RowSide(RidgeDecomposition):
    """The unknown is v (m,), where A'F^-1/2 = D R with orthogonal columns of D and rows of R of unit norm.

    F^1/2 b = R'v, and (K + lambda)^-1 z = P v with P = D (D'D)^-1: so no small entry is lost beside a large one.
    Columns of similar scale form a group, which is decomposed by its kernel. If there is one group, R is 1. So it is on
    a device, and then there are neither unpenalised columns nor rows to be left out: `intercept` is None.
    """

    def __init__(self, problem, intercept):
        design, basis = problem.design, problem.basis
        self.U = np.flatnonzero(problem.l1_factor == 0)
        penalised = problem.l2_factor > 0
        self.weight = np.where(penalised, 1.0 / np.where(penalised, problem.l2_factor, 1.0), 0.0)
        unpenalised = np.asarray(design.gather(self.U), dtype=np.float64) if self.U.size else np.zeros((0, design.n))
        self.onto = np.linalg.pinv(unpenalised)
        self.single, self._graded = None, {}
        alike = _alike_columns(self.weight)
        on_host = design.placement.on_host or intercept is not None or self.U.size or len(basis) or len(alike) > 1
        self.spectra = ON_HOST if on_host else COMPILED
        if not on_host:
            kernel = COMPILED.float64(design.kernel(self.weight))
            values, vectors = COMPILED.eigh(kernel)
            reached = eigenbasis(np.asarray(values), vectors, COMPILED)
            self._alone(reached, reached.vectors / np.sqrt(reached.loss))
            return
        level = design.root[None] if intercept else np.zeros((0, design.n))
        self.rotation = _complement(np.vstack([level, basis]))
        if len(alike) > 1:
            self._grade([self._group(design, columns) for columns in alike])
            return
        reached = eigenbasis(*ON_HOST.eigh(self._kernel(design, self.weight)))
        self.null = self.rotation @ reached.blind
        self._alone(reached, self.rotation @ (reached.vectors / np.sqrt(reached.loss)))

    def _alone(self, reached, directions):
        """One group, of which `reached` is the Basis of the kernel."""
        self.directions, self.mixing = directions, None
        self.groups = [_Group(np.flatnonzero(self.weight), self.weight, None, directions, directions.shape[1])]
        self.factor = 1.0 / reached.loss
        self.single = Basis(None, reached.penalty, self.factor, np.zeros((len(self.factor), 0)))

    def _kernel(self, design, weight):
        kernel = np.asarray(design.kernel(weight), dtype=np.float64)
        whole = self.rotation.shape[0] == self.rotation.shape[1]
        return kernel if whole else self.rotation.T @ kernel @ self.rotation

    def _group(self, design, columns):
        weight = np.zeros(design.p)
        weight[columns] = self.weight[columns]
        if len(columns) <= self.rotation.shape[1]:
            rows = np.asarray(design.gather(columns), dtype=np.float64).T * np.sqrt(weight[columns])
            return _Group(columns, weight, self.rotation.T @ rows, None, len(columns))
        basis = eigenbasis(*ON_HOST.eigh(self._kernel(design, weight)))
        root = np.sqrt(basis.loss)
        return _Group(columns, weight, basis.vectors * root, self.rotation @ (basis.vectors / root), len(root))

    def _grade(self, groups):
        """D and R from a QR decomposition of the roots of all groups, large columns first."""
        from scipy.linalg import qr

        root = np.hstack([group.root for group in groups])
        Q, R, order = qr(root, mode="full", pivoting=True)
        reached = np.zeros(len(Q), bool)
        rounding = EPS * max(root.shape) * np.linalg.norm(root[:, order], axis=0)
        reached[: len(R)] = (abs(R) > rounding).any(axis=1)
        R = R[reached[: len(R)]]
        size = np.linalg.norm(R, axis=1)
        self.null, self.directions = self.rotation @ Q[:, ~reached], self.rotation @ (Q[:, reached] / size)
        self.groups, self.mixing = groups, np.empty_like(R)
        self.mixing[:, order] = R / size[:, None]
        self.gram, self.factor = self.mixing @ self.mixing.T, 1.0 / size**2

    def _graded_basis(self, reference):
        return graded_basis(self.gram, self.factor, reference)

    def coefficients(self, design, v: Float[np.ndarray, "L m"]) -> Float[np.ndarray, "L p"]:
        """b of v; those of the unpenalised columns are 0."""
        b, first = np.zeros((len(v), design.p)), 0
        pseudo = v if self.mixing is None else v @ self.mixing
        for group in self.groups:
            of_group = pseudo[:, first : first + group.width]
            first += group.width
            if group.directions is None:
                b[:, group.columns] = of_group * np.sqrt(group.weight[group.columns])
            else:
                rows = self.spectra.times_transposed(of_group, group.directions)
                b += np.asarray(design.correlate(rows), dtype=np.float64) * group.weight
        return b

    def blocks(self, problem, lambdas, length):
        design, U = problem.design, self.U
        df, delicate = np.empty(len(lambdas)), np.full(len(lambdas), self.single is None)
        for basis, at in self.bases(lambdas):
            df[at] = basis.inverse(lambdas[at]) @ basis.loss
        if self.single is not None:
            values = 1.0 / self.factor
            largest, least = values.max(initial=0.0), values.min(initial=np.inf)
            delicate = largest + lambdas > REFINED_INFLATION * (least + lambdas)
        responses = problem.each_response()
        rights = np.stack([np.asarray(self.spectra.times(response.y, self.directions)) for response in responses])
        for start in range(0, len(lambdas), length):
            block = slice(start, start + length)
            coefficients, errors = [], []
            for response, solution in zip(responses, self.solve_each(rights, lambdas[block]), strict=True):
                v, error = self._refined(response, solution, lambdas[block], delicate[block])
                b = self.coefficients(design, v)
                if U.size:
                    b[:, U] = (response.y - np.asarray(design.predict(b))) @ self.onto
                coefficients.append(b)
                errors.append(error)
            yield np.stack(coefficients, axis=-1), df[block] + len(problem.basis), np.stack(errors, axis=-1)

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design = problem.design
        reach, along = np.einsum("ik,ik->i", self.null, self.null), self.null @ (problem.y @ self.null)
        beyond, products = reach > REACHED, {}
        errors, followed = np.empty((design.n, len(lambdas))), np.zeros((design.n, len(lambdas)), bool)
        for strengths, at in by_weight(design.root**2, lambdas, of_sum):
            for basis, k in self.bases(strengths):
                if basis not in products:
                    C = self.directions if basis is self.single else self.directions @ basis.vectors
                    products[basis] = C, problem.y @ C, np.einsum("ik,ik->k", C, C)
                (C, target, size), inverse = products[basis], basis.inverse(strengths[k])
                leverage = C[at] ** 2 @ inverse.T  # C_i (g + lambda f)^-1 C_i'
                strength = np.where(beyond[at, None], strengths[k], 1.0)
                residual = np.where(beyond, along, 0.0)[at, None] + strength * ((C[at] * target) @ inverse.T)
                errors[np.ix_(at, k)] = residual / (np.where(beyond, reach, 0.0)[at, None] + strength * leverage)
                if self.single is None:
                    largest = (inverse * size).max(axis=1, initial=0.0)
                    followed[np.ix_(at, k)] = ~beyond[at, None] & (leverage < DIFFERENCE * largest)
        return checked_errors(errors, problem, intercept), followed

    def _change(self, problem, solution, lambdas):
        r = problem.y - np.asarray(problem.design.predict(self.coefficients(problem.design, solution)))
        along = np.asarray(self.spectra.times(r, self.directions))
        return self.solve(along - lambdas[:, None] * self.factor * solution, lambdas)

    def _size(self, problem, change, lambdas):
        diagonal = 1.0 + lambdas[:, None] * problem.l2_factor
        return in_units(diagonal * abs(self.coefficients(problem.design, change)), problem)


@dataclass(frozen=True)
class _Group:
    """Columns of similar scale, and pseudo-columns T with T T' their kernel in the rotated rows (r)."""

    columns: Int[np.ndarray, " c"]
    weight: Float[np.ndarray, " p"]  # 1 / f2 of the columns, 0 elsewhere
    root: Float[np.ndarray, "r k"] | None  # T, where there are further groups
    # F^-1 times the products of these with the columns are coefficients; None where T holds the columns themselves
    directions: Float[Any, "n k"] | None
    width: int  # k


def _alike_columns(weight: Float[np.ndarray, " p"]) -> list[Int[np.ndarray, " c"]]:
    """Columns with a weight, those of similar weight together, the heaviest first."""
    lighter, alike = np.flatnonzero(weight > 0), []
    while lighter.size:
        heavy = weight[lighter] * ALIKE >= weight[lighter].max()
        alike.append(lighter[heavy])
        lighter = lighter[~heavy]
    return alike


def _complement(rows: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "n n-k"]:
    """Orthonormal basis, in its columns, of the complement of the orthonormal `rows`."""
    if not len(rows):
        return np.eye(rows.shape[1])
    return np.linalg.qr(rows.T, mode="complete")[0][:, len(rows) :]
