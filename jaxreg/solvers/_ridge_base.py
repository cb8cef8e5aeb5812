"""What both sides of a ridge decomposition share: solutions at any lambda, refinement, and rows left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

import numpy as np

from jaxreg.solvers._pencil import EPS, Basis, references

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

REFINED_INFLATION = 100.0  # variance inflation from which on solutions are refined
REFINEMENT_STEPS = 5  # at most; two or three are the rule
DIFFERENCE = 1e-5  # of 1 - leverage, or of its share in the largest, from which on downwards digits would be lost
UNDETERMINED = 1e-10  # 1 - leverage in the unpenalised columns from which on no other row says anything about a row


class RidgeDecomposition(ABC):
    """One decomposition, or one for every few decades of lambda, and what follows for any lambda and response.

    A subclass is one side: the columns, whose unknown is the coefficients, or the rows, whose unknown is a dual vector.
    m is the length of the unknown. Every `problem` is an Objective on the design that was decomposed, with its weights
    and penalty factors; its response may be another one. Coefficients are on the scale of the design, lambda is in
    the unit of the objective, and all numbers that are given and taken are NumPy float64 on the host.
    """

    single: Basis | None  # that of all lambdas
    _graded: dict[float, Basis]

    @abstractmethod
    def _graded_basis(self, reference: float) -> Basis:
        """The Basis of lambdas around `reference`."""

    @abstractmethod
    def _change(
        self, problem: Any, solution: Float[np.ndarray, "L m"], lambdas: Float[np.ndarray, " L"]
    ) -> Float[np.ndarray, "L m"]:
        """The step of refinement from a solution: how far the residual by the rows of the data moves it."""

    @abstractmethod
    def _size(
        self, problem: Any, change: Float[np.ndarray, "L m"], lambdas: Float[np.ndarray, " L"]
    ) -> Float[np.ndarray, " L"]:
        """How large the gradient of a change is in any column, in units of the residual of the null model."""

    @abstractmethod
    def blocks(
        self, problem: Any, lambdas: Float[np.ndarray, " L"], length: int
    ) -> Iterator[tuple[Float[np.ndarray, "B p K"], Float[np.ndarray, " B"], Float[np.ndarray, "B K"]]]:
        """(coefficients, effective degrees of freedom, errors) at the lambdas in turn, in blocks of B <= `length`.

        Of K responses, 1 for one. The columns' side gives all lambdas as one block. The error is the largest entry of
        the gradient of the last step of refinement, in columns of unit diagonal and in units of the residual of the
        null model: what the certificate cannot see. It is NaN where the solution needs no refinement.
        """

    @abstractmethod
    def left_out(
        self, problem: Any, lambdas: Float[np.ndarray, " L"], intercept: bool, of_sum: bool = False
    ) -> tuple[Float[np.ndarray, "n L"], Bool[np.ndarray, "n L"]]:
        """(errors, where they are rounding) of the rows, each predicted by the fit of the others.

        The errors are in units of the problem's response; those that are rounding are for the caller to replace.
        `of_sum` says that the penalty of the others stays beside the sum of their losses, not beside the average.
        """

    @final
    def bases(self, lambdas: Float[np.ndarray, " L"]) -> Iterator[tuple[Basis, Int[np.ndarray, " k"]]]:
        """(Basis, positions of the lambdas that it serves), each lambda once."""
        if self.single is not None:
            yield self.single, np.arange(len(lambdas))
            return
        served_at = references(lambdas)
        for reference in np.unique(served_at):
            if reference not in self._graded:
                self._graded[reference] = self._graded_basis(reference)
            yield self._graded[reference], np.flatnonzero(served_at == reference)

    @final
    def solve(self, right: Float[np.ndarray, "... m"], lambdas: Float[np.ndarray, " L"]) -> Float[np.ndarray, "L m"]:
        """Solutions at the lambdas for one right-hand side (m,), or for one of each lambda (L, m)."""
        solution = np.empty((len(lambdas), right.shape[-1]))
        for basis, at in self.bases(lambdas):
            solution[at] = basis.solve(right if right.ndim == 1 else right[at], lambdas[at])
        return solution

    @final
    def solve_each(
        self, rights: Float[np.ndarray, "K m"], lambdas: Float[np.ndarray, " L"]
    ) -> Float[np.ndarray, "K L m"]:
        """Solutions at the lambdas for K right-hand sides."""
        solutions = np.empty((len(rights), len(lambdas), rights.shape[1]))
        for basis, at in self.bases(lambdas):
            solutions[:, at] = basis.solve_each(rights, lambdas[at])
        return solutions

    @final
    def _refined(self, problem, solution, lambdas, delicate):
        """(Solutions (L, m) of one response from those of `solve`, the sizes (L,) of their last steps of refinement).

        The `delicate` (L,) ones take at most REFINEMENT_STEPS steps, each less than half of the last; in float32 there
        are none.
        """
        unsettled = np.flatnonzero(delicate & (problem.design.dtype == np.float64))
        error = np.full(len(lambdas), np.nan)
        error[unsettled] = np.inf
        for _ in range(REFINEMENT_STEPS * bool(unsettled.size)):
            change = self._change(problem, solution[unsettled], lambdas[unsettled])
            step = self._size(problem, change, lambdas[unsettled])
            better = step < error[unsettled] / 2
            unsettled = unsettled[better]
            solution[unsettled] += change[better]
            error[unsettled] = step[better]
            unsettled = unsettled[error[unsettled] > EPS]
            if not unsettled.size:
                break
        return solution, error


def in_units(gradient: Float[np.ndarray, "L m"], problem: Any) -> Float[np.ndarray, " L"]:
    """Largest entry at each lambda, in units of the null model's residual."""
    unit = np.sqrt(2 * problem.null_loss)
    return gradient.max(axis=1, initial=0.0) / unit if unit > 0 else np.zeros(len(gradient))


def by_weight(
    weight: Float[np.ndarray, " n"], lambdas: Float[np.ndarray, " L"], of_sum: bool
) -> Iterator[tuple[Float[np.ndarray, " L"], Int[np.ndarray, " k"]]]:
    """(lambdas in the objective of all rows where one of these is left out, rows): by weight, all with one weight."""
    values, which = np.unique(weight, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for value, rows in zip(values, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True):
        yield lambdas if of_sum else (1.0 - value) * lambdas, rows


def checked_errors(errors: Float[np.ndarray, "n L"], problem: Any, intercept: bool) -> Float[np.ndarray, "n L"]:
    """The errors of rows times their roots, without these; ValueError if a row alone determines a coefficient.

    That is one of the intercept and the unpenalised columns, in whose fit the row then has the leverage 1.
    """
    leverage = intercept * problem.design.root**2 + np.einsum("ki,ki->i", problem.basis, problem.basis)
    sole = np.flatnonzero(1.0 - leverage <= UNDETERMINED)
    if sole.size:
        raise ValueError(
            f"leave-one-out has no prediction for row {sole[0]}: a column without a penalty fits it whatever its y is, "
            "so that the other rows do not determine its coefficient; penalise all columns, or give cv=10."
        )
    return errors / problem.design.root[:, None]
