"""Ridge paths (l1_ratio = 0, no limits) from a decomposition of the smaller Gram matrix.

With F = diag(f2) and G = A A' of unit diagonal, a basis B that makes both diagonal serves every lambda and response:

    p <= n:  B'G B = diag(g),  B'F B = diag(f),    b = B (g + lambda f)^-1 B'c
    p > n:   K = A'F^-1 A,  (K + lambda)^-1 = C (g + lambda f)^-1 C' beside what no column reaches,
             b = F^-1 A (K + lambda)^-1 z

(Hastie, Tibshirani and Friedman 2009, section 18.3.5), made as `_pencil` says. On the side of the rows a QR
decomposition of the columns, those of large scale first, makes different scales of columns different scales of rows.
What the loss does not see (dependent columns) is the least penalty's, as in the limit lambda -> 0.

Where columns are nearly dependent, or factors differ, the solution is refined with residuals from the rows of the data:
the Gram matrix has lost what they still tell (Bjorck 1987). The last step says how far each coefficient may be off.

The row i, left out, is predicted by the fit of the others. Its error follows from the fit of all rows and its
leverage h_i there (Allen 1974; Golub, Heath and Wahba 1979, eq. (2.2)),

    y_i - prediction_i = e_i / (1 - h_i),    both at the penalty (1 - omega_i) lambda,

since the objective of the others is divided by their weight, 1 - omega_i. Nothing else depends on the row: the columns
keep the scales that all rows give them. With m the row's part that no column reaches and n that of z along it,

    e_i / (1 - h_i) = (n + lambda C_i (g + lambda f)^-1 C'z) / (m + lambda C_i (g + lambda f)^-1 C_i')

on the side of the rows, which takes no difference, however close the fit; where m is 0 lambda cancels, which also is
the limit lambda -> 0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from jaxreg.solvers._pencil import ALIKE, EPS, ROUNDING, Basis, alike, eigenbasis, graded_basis, references

DELICATE = 100.0  # variance inflation from which on solutions are refined
STEPS = 5  # of refinement at most; two or three are the rule
DIFFERENCE = 1e-5  # of 1 - leverage, or of its share in the largest, from which on downwards digits would be lost
REACHED = 1e-20  # the squared part of a row that no column reaches, from which on downwards it is rounding
UNDETERMINED = 1e-10  # 1 - leverage in the unpenalised columns from which on no other row says anything about a row
ROWS = 4096  # of the data at a time


class Ridge(ABC):
    """One decomposition, or one for every few decades of lambda, and what follows for any lambda and response.

    `problem` may have another response than the one that was decomposed with.
    """

    single: Basis | None  # that of all lambdas
    _graded: dict[float, Basis]

    @abstractmethod
    def _graded_basis(self, reference) -> Basis:
        """The Basis of lambdas around `reference`."""

    @abstractmethod
    def blocks(self, problem, lambdas, length):
        """Blocks of at most `length` points: (b (B, p), effective degrees of freedom (B,), errors (B,)).

        The error is how much of a gradient the last step of refinement was in any column, of unit diagonal: in units
        of the residual of the null model. NaN where the solution needs no refinement.
        """

    @abstractmethod
    def left_out(self, problem, lambdas, intercept, of_sum=False):
        """(Errors (n, L) of the rows, each predicted by the fit of the others, in units of y; where they are rounding).

        `of_sum` says that the penalty of the others stays beside the sum of their losses, not beside the average.
        """

    def bases(self, lambdas):
        """(Basis, positions of the lambdas that it serves)."""
        if self.single is not None:
            yield self.single, np.arange(len(lambdas))
            return
        served_at = references(lambdas)
        for reference in np.unique(served_at):
            if reference not in self._graded:
                self._graded[reference] = self._graded_basis(reference)
            yield self._graded[reference], np.flatnonzero(served_at == reference)

    def solve(self, right, lambdas):
        """Solutions (L, m) for right-hand sides (L, m) or (m,)."""
        solution = np.empty((len(lambdas), right.shape[-1]))
        for basis, at in self.bases(lambdas):
            solution[at] = basis.solve(right if right.ndim == 1 else right[at], lambdas[at])
        return solution

    def _refined(self, refinable, right, lambdas, delicate):
        """(Solutions (L, m) for the right-hand side (m,), the sizes (L,) of their last steps of refinement).

        The `delicate` (L,) ones take at most STEPS steps, each less than half of the last; in float32 there are none.
        """
        solution = self.solve(right, lambdas)
        going = np.flatnonzero(delicate & (refinable.problem.design.dtype == np.float64))
        error = np.full(len(lambdas), np.nan)
        error[going] = np.inf
        for _ in range(STEPS * bool(going.size)):
            change = refinable.change(solution[going], lambdas[going])
            step = refinable.size(change, lambdas[going])
            better = step < error[going] / 2
            going = going[better]
            solution[going] += change[better]
            error[going] = step[better]
            going = going[error[going] > EPS]
            if not going.size:
                break
        return solution, error


def decomposed(problem, gram, intercept=None) -> Ridge:
    """From the Gram matrix of the smaller side; `gram` (p, p) where it is known.

    `intercept` says for rows to be left out whether there is one (a fit that passes through all points is taken on the
    side of the rows); for solutions alone it is None.
    """
    design = problem.design
    if design.n < design.p or (intercept is not None and design.n - intercept <= design.p):
        return _KernelSide(problem, bool(intercept))
    return _GramSide(problem, np.asarray(design.gram(), dtype=np.float64) if gram is None else gram)


@final
class _GramSide(Ridge):
    def __init__(self, problem, gram):
        self.present = np.flatnonzero(np.isfinite(problem.l1_factor))
        self.gram, self.factor = gram[np.ix_(self.present, self.present)], problem.l2_factor[self.present]
        self.single, self._graded = None, {}
        if alike(self.factor):
            scale = 1.0 / np.sqrt(self.factor)
            basis = eigenbasis(scale[:, None] * self.gram * scale)
            vectors, blind = scale[:, None] * basis.vectors, scale[:, None] * basis.blind
            self.single = Basis(vectors, basis.loss, basis.penalty, blind)
        self._unresolved: dict[Basis, tuple[np.ndarray, np.ndarray]] = {}

    def _graded_basis(self, reference):
        return graded_basis(self.gram, self.factor, reference)

    def blocks(self, problem, lambdas, length):
        corr, df, inflation = problem.corr[self.present], np.empty(len(lambdas)), np.empty(len(lambdas))
        for basis, at in self.bases(lambdas):
            inverse = basis.inverse(lambdas[at])
            df[at] = inverse @ basis.loss
            own = (1.0 + lambdas[at, None] * self.factor) * (inverse @ (basis.vectors**2).T)
            unresolved, fit = self.unresolved(basis, problem.design)
            curvature = np.einsum("ki,ki->k", fit, fit) + lambdas[at, None] * (self.factor @ unresolved**2)
            own += (1.0 + lambdas[at, None] * self.factor) * ((1.0 / curvature) @ (unresolved**2).T)
            inflation[at] = own.max(axis=1, initial=0.0)
        delicate = (inflation > DELICATE) | (self.single is None)
        b, error = self._refined(_Coefficients(problem, self), corr, lambdas, delicate)
        # the rounding of the standardised data, which no residual shows
        rounding = _in_units(abs(b).sum(axis=1, keepdims=True), problem) * np.sqrt(inflation) + inflation
        error = np.where(np.isnan(error), np.nan, error + EPS * rounding)
        yield _among(b, self.present, problem.design.p), df, error

    def unresolved(self, basis, design):
        """Blind vectors (m, k) that are none for the rows of the data, and what they fit (k, n), of orthogonal rows."""
        if not basis.blind.shape[1] or design.dtype != np.float64:
            return basis.blind[:, :0], np.zeros((0, design.n))
        if basis not in self._unresolved:
            blind, _ = np.linalg.qr(basis.blind)
            rotation, size, fit = np.linalg.svd(self.fit(blind.T, design), full_matrices=False)
            seen = size > ROUNDING * EPS * len(blind)
            self._unresolved[basis] = blind @ rotation[:, seen], size[seen, None] * fit[seen]
        return self._unresolved[basis]

    def fit(self, b, design):
        """b A (L, n) of coefficients (L, m) of the columns that are not excluded."""
        return np.asarray(design.predict(_among(b, self.present, design.p)))

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design, corr = problem.design, problem.corr[self.present]
        own = _unpenalised_leverage(problem, intercept)
        level = design.root if intercept else np.zeros(design.n)
        errors, free = np.empty((design.n, len(lambdas))), np.empty((design.n, len(lambdas)))
        for first in range(0, design.n, ROWS):
            rows = np.arange(first, min(first + ROWS, design.n))
            A = np.asarray(design.samples(rows), dtype=np.float64)[self.present].T
            for weight, at in _by_weight(design.root[rows] ** 2):
                strengths, mine = _strength(weight, of_sum) * lambdas, rows[at]
                for basis, k in self.bases(strengths):
                    inverse, Q = basis.inverse(strengths[k]), A[at] @ basis.vectors
                    fitted = (Q * (corr @ basis.vectors)) @ inverse.T
                    errors[np.ix_(mine, k)] = problem.y[mine, None] - fitted
                    free[np.ix_(mine, k)] = 1.0 - level[mine, None] ** 2 - Q**2 @ inverse.T
        followed = free < DIFFERENCE
        errors = np.where(followed, np.nan, errors / np.where(followed, 1.0, free))
        return _checked(errors, own) / design.root[:, None], followed


@final
class _KernelSide(Ridge):
    """On the rows, where A'F^-1/2 = D R with orthogonal columns of D and rows of R of unit norm.

    The unknown is v (m,): F^1/2 b = R'v, and (K + lambda)^-1 z = P v with P = D (D'D)^-1, so that what is small beside
    the rest is not lost in it. Columns of similar scale come together, by their kernel; where all are, R is 1.
    """

    def __init__(self, problem, intercept):
        design, basis = problem.design, problem.basis
        level = design.root[None] if intercept else np.zeros((0, design.n))
        self.rotation = _complement(np.vstack([level, basis]))
        self.U = np.flatnonzero(problem.l1_factor == 0)
        penalised = problem.l2_factor > 0
        self.weight = np.where(penalised, 1.0 / np.where(penalised, problem.l2_factor, 1.0), 0.0)
        unpenalised = np.asarray(design.gather(self.U), dtype=np.float64) if self.U.size else np.zeros((0, design.n))
        self.onto = np.linalg.pinv(unpenalised)
        self.single, self._graded = None, {}
        groups = _alike_groups(self.weight)
        if len(groups) > 1:
            self._grade([self._part(design, columns) for columns in groups])
            return
        reached = eigenbasis(self._kernel(design, self.weight))
        self.null, root = self.rotation @ reached.blind, np.sqrt(reached.loss)
        self.directions = self.rotation @ (reached.vectors / root)
        self.parts = [_Part(np.flatnonzero(self.weight), self.weight, reached.vectors * root, self.directions)]
        self.mixing = None
        self.factor = 1.0 / reached.loss
        self.single = Basis(np.eye(len(root)), reached.penalty, self.factor, np.zeros((len(root), 0)))

    def _kernel(self, design, weight):
        kernel = np.asarray(design.kernel(weight), dtype=np.float64)
        whole = self.rotation.shape[0] == self.rotation.shape[1]
        return kernel if whole else self.rotation.T @ kernel @ self.rotation

    def _part(self, design, columns):
        weight = np.zeros(design.p)
        weight[columns] = self.weight[columns]
        if len(columns) <= self.rotation.shape[1]:
            rows = np.asarray(design.gather(columns), dtype=np.float64).T * np.sqrt(weight[columns])
            return _Part(columns, weight, self.rotation.T @ rows, None)
        basis = eigenbasis(self._kernel(design, weight))
        root = np.sqrt(basis.loss)
        return _Part(columns, weight, basis.vectors * root, self.rotation @ (basis.vectors / root))

    def _grade(self, parts):
        """D and R from a QR decomposition of the roots of all parts, large columns first."""
        from scipy.linalg import qr

        root = np.hstack([part.root for part in parts])
        Q, R, order = qr(root, mode="full", pivoting=True)
        reached = np.zeros(len(Q), bool)
        rounding = EPS * max(root.shape) * np.linalg.norm(root[:, order], axis=0)
        reached[: len(R)] = (abs(R) > rounding).any(axis=1)
        R = R[reached[: len(R)]]
        size = np.linalg.norm(R, axis=1)
        self.null, self.directions = self.rotation @ Q[:, ~reached], self.rotation @ (Q[:, reached] / size)
        self.parts, self.mixing = parts, np.empty_like(R)
        self.mixing[:, order] = R / size[:, None]
        self.gram, self.factor = self.mixing @ self.mixing.T, 1.0 / size**2

    def _graded_basis(self, reference):
        return graded_basis(self.gram, self.factor, reference)

    def coefficients(self, design, v):
        """b (L, p) of v (L, m), without those of the unpenalised columns."""
        b, first = np.zeros((len(v), design.p)), 0
        pseudo = v if self.mixing is None else v @ self.mixing
        for part in self.parts:
            own = pseudo[:, first : first + part.root.shape[1]]
            first += part.root.shape[1]
            if part.directions is None:
                b[:, part.columns] = own * np.sqrt(part.weight[part.columns])
            else:
                b += np.asarray(design.correlate(own @ part.directions.T), dtype=np.float64) * part.weight
        return b

    def blocks(self, problem, lambdas, length):
        design, U, dual = problem.design, self.U, _Dual(problem, self)
        df, delicate = np.empty(len(lambdas)), np.full(len(lambdas), self.single is None)
        for basis, at in self.bases(lambdas):
            df[at] = basis.inverse(lambdas[at]) @ basis.loss
            if self.single is not None:
                values = 1.0 / self.factor
                delicate = values.max(initial=0.0) + lambdas > DELICATE * (values.min(initial=np.inf) + lambdas)
        for start in range(0, len(lambdas), length):
            part = slice(start, start + length)
            v, error = self._refined(dual, problem.y @ self.directions, lambdas[part], delicate[part])
            b = self.coefficients(design, v)
            if U.size:
                b[:, U] = (problem.y - np.asarray(design.predict(b))) @ self.onto
            yield b, df[part] + len(problem.basis), error

    def left_out(self, problem, lambdas, intercept, of_sum=False):
        design = problem.design
        reach, along = np.einsum("ik,ik->i", self.null, self.null), self.null @ (problem.y @ self.null)
        beyond, products = reach > REACHED, {}
        errors, followed = np.empty((design.n, len(lambdas))), np.zeros((design.n, len(lambdas)), bool)
        for weight, at in _by_weight(design.root**2):
            strengths = _strength(weight, of_sum) * lambdas
            for basis, k in self.bases(strengths):
                if basis not in products:
                    C = self.directions if basis is self.single else self.directions @ basis.vectors
                    products[basis] = C, problem.y @ C, np.einsum("ik,ik->k", C, C)
                (C, target, size), inverse = products[basis], basis.inverse(strengths[k])
                own = C[at] ** 2 @ inverse.T
                strength = np.where(beyond[at, None], strengths[k], 1.0)
                residual = np.where(beyond, along, 0.0)[at, None] + strength * ((C[at] * target) @ inverse.T)
                errors[np.ix_(at, k)] = residual / (np.where(beyond, reach, 0.0)[at, None] + strength * own)
                if self.single is None:
                    most = (inverse * size).max(axis=1, initial=0.0)
                    followed[np.ix_(at, k)] = ~beyond[at, None] & (own < DIFFERENCE * most)
        return _checked(errors, _unpenalised_leverage(problem, intercept)) / design.root[:, None], followed


@dataclass(frozen=True)
class _Coefficients:
    """Steps of refinement of coefficients (L, m), and their sizes."""

    problem: Any  # an Objective
    side: _GramSide

    def change(self, b, lambdas):
        problem, side, lam = self.problem, self.side, lambdas[:, None]
        r = problem.y - side.fit(b, problem.design)
        pull = lam * side.factor * b
        gradient = np.asarray(problem.design.correlate(r))[:, side.present] - pull
        step = side.solve(gradient, lambdas)
        for basis, at in side.bases(lambdas):
            unresolved, fit = side.unresolved(basis, problem.design)
            if len(fit):  # with products of their own: in the gradient of all columns theirs is below rounding
                curvature = fit @ fit.T + lam[at, None] * ((unresolved.T * side.factor) @ unresolved)
                along = r[at] @ fit.T - pull[at] @ unresolved
                step[at] += np.linalg.solve(curvature, along[..., None])[..., 0] @ unresolved.T
        return step

    def size(self, change, lambdas):
        return _in_units((1.0 + lambdas[:, None] * self.side.factor) * abs(change), self.problem)


@dataclass(frozen=True)
class _Dual:
    """The same of v (L, m) on the side of the rows."""

    problem: Any  # an Objective
    side: _KernelSide

    def change(self, v, lambdas):
        design, side = self.problem.design, self.side
        r = self.problem.y - np.asarray(design.predict(side.coefficients(design, v)))
        return side.solve(r @ side.directions - lambdas[:, None] * side.factor * v, lambdas)

    def size(self, change, lambdas):
        diagonal = 1.0 + lambdas[:, None] * self.problem.l2_factor
        return _in_units(diagonal * abs(self.side.coefficients(self.problem.design, change)), self.problem)


@dataclass(frozen=True)
class _Part:
    """Columns of similar scale, and pseudo-columns T (m, k) with T T' their kernel in the rotated rows."""

    columns: np.ndarray
    weight: np.ndarray  # (p,) 1 / f2 of the columns, 0 elsewhere
    root: np.ndarray  # T
    directions: np.ndarray | None  # (n, k): F^-1 times its products with columns are coefficients; None: T has all


def _in_units(gradient, problem):
    """Largest entries (L,) of (L, m) in units of the null model's residual."""
    unit = np.sqrt(2 * problem.null_loss)
    return gradient.max(axis=1, initial=0.0) / unit if unit > 0 else np.zeros(len(gradient))


def _among(b, columns, p):
    """Coefficients (L, p) from those (L, m) of some columns."""
    full = np.zeros((len(b), p))
    full[:, columns] = b
    return full


def _alike_groups(weight):
    """Columns with a weight in groups of similar ones, the heaviest first."""
    rest, groups = np.flatnonzero(weight > 0), []
    while rest.size:
        heavy = weight[rest] * ALIKE >= weight[rest].max()
        groups.append(rest[heavy])
        rest = rest[~heavy]
    return groups


def _complement(rows):
    """Orthonormal basis (n, n - k) of what is orthogonal to the orthonormal `rows` (k, n)."""
    if not len(rows):
        return np.eye(rows.shape[1])
    return np.linalg.qr(rows.T, mode="complete")[0][:, len(rows) :]


def _strength(weight, of_sum):
    """What lambda is multiplied by where a row of this weight is left out, in the objective of all rows."""
    return 1.0 if of_sum else 1.0 - weight


def _by_weight(weight):
    """(weight, rows that have it): they share all penalties."""
    values, which = np.unique(weight, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return zip(values, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True)


def _unpenalised_leverage(problem, intercept):
    """Leverages (n,) of the rows in the fit of the intercept and the unpenalised columns."""
    return intercept * problem.design.root**2 + np.einsum("ki,ki->i", problem.basis, problem.basis)


def _checked(errors, leverage):
    """The errors, of rows that do not determine an unpenalised coefficient alone."""
    bad = np.flatnonzero(1.0 - leverage <= UNDETERMINED)
    if bad.size:
        raise ValueError(
            f"leave-one-out has no prediction for row {bad[0]}: a column without a penalty fits it whatever its y is, "
            "so that the other rows do not determine its coefficient; penalise all columns, or give cv=10."
        )
    return errors
