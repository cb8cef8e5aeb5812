"""What an engine is: the state of a solver on a column set from lambda to lambda; what it gives of a block of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jaxreg.engines._columns import Admitted, Appended, ColumnSet, Moved
from jaxreg.penalties._base import per_row

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

F64, F32 = np.dtype(np.float64), np.dtype(np.float32)


@dataclass(frozen=True)
class Pace:
    """How the path loop goes on with an engine: what it tries, and what it is content with."""

    block: int  # lambdas that are solved in one compiled call
    times: int  # a block is at most so many times as long as what was accepted of the last one,
    more: int  # and so many lambdas more
    cheap: int  # capacity up to which lambdas that are solved in vain cost little: blocks are whole
    reach: float  # a block does not go below this share of its first lambda
    share: float  # of tol: a larger gap is worked on
    floor: dict  # by precision: a smaller gap is as good as it gets
    slack: dict  # by precision, of lambda: a column outside that is pulled so much more is missing
    unsure: dict  # the same where the gap is too large
    worth: float  # of lambda: weaker columns do not come in ahead of time
    sharpenings: int  # how often a point is sharpened where no column is missing
    idle: float = np.inf  # columns that are not in use stay up to so many times those that are


@dataclass(frozen=True)
class Solved:
    """What an engine gives of the lambdas (B,) of a block, on the scale of the penalty, not yet certified."""

    x: Any  # (B, m [, K]) coefficients of the columns of a ColumnSet, in NumPy or on their way from the device
    b0: np.ndarray  # (B, 0 or 1 [, K]) intercepts beside those of the means
    n_iter: Any  # (B,) as x
    code: Any  # (B,) Status as the engine sees it, as x
    count: Any  # lambdas that were solved, the first ones of the block; the rest is filling; as x
    step: float = 1.0  # of the prox, in certificates by its residual
    images: Any = None  # (B, n) eta - offset on the device, where the loss is not the squared one
    rounded: Any = None  # the same of x and b0, where these were rounded and `images` are of what they were before
    precision: Any = np.float64  # of the user's coefficients
    used: Any = None  # (m,) what the engine holds on to, where that is known on the device: to come with the rest

    def at(self, positions):
        """Some of the points, as a block of its own; for the squared loss."""
        x, b0, n_iter, code = (values[positions] for values in (self.x, self.b0, self.n_iter, self.code))
        return replace(self, x=x, b0=b0, n_iter=n_iter, code=code, count=len(positions))


def as_returned(solved, columns, precision):
    """The Solved as the user gets them, which are those to be certified: coefficients and intercepts rounded.

    Intercepts that follow from the means of the data stay as they are.
    """
    if precision == np.float64:
        return solved
    objective = columns.objective
    slope = columns.gathered(objective.per_coefficient(np.zeros(objective.design.p)), 0.0)
    b0, x = solved.b0, np.asarray(solved.x)
    unit = per_row(slope, x[0])
    with np.errstate(over="ignore"):  # no gap is finite then, and no result
        coef = (x * unit).astype(precision).astype(np.float64)
        if b0.size:
            level = np.einsum("bm...,m->b...", coef, columns.gathered(objective.design.columns.mean, 0.0))[:, None]
            b0 = ((b0 * objective.unit - level).astype(precision).astype(np.float64) + level) / objective.unit
    x = np.divide(coef, unit, out=np.zeros_like(coef), where=unit > 0)
    rounded = None if solved.images is None else columns.images(x, b0)
    return replace(solved, x=x, b0=b0, rounded=rounded, precision=precision)


class Engine(ABC):
    """The state of a solver on the columns of a ColumnSet, at one lambda after the other.

    An engine solves; it does not judge. It gives coefficients at some lambdas, each from the one before, with a Status
    as it sees it. The loop certifies them with all columns, and only a certificate says "converged". An engine knows
    neither the path nor which design it works on: of columns that come in or change places it hears by `follow`, of
    points that were accepted, or failed, by `settle`.

    x (m [, K]) are coefficients of the columns of the set, b (p [, K]) those of all columns, b0 (0 or 1 [, K]) an
    intercept beside those of the means: all on the scale of the penalty, where the user's coefficient is
    `objective.per_coefficient` times b. Lambdas are in the unit of the objective.

    What an engine can solve is declared in `_table`, with its needs; it may take those for granted.
    """

    pace: Pace
    takes_all: ClassVar[bool] = False  # whether it works on all columns at once where their Gram matrix is known

    @staticmethod
    @abstractmethod
    def columns_for(objective: Any, gram: Float[Any, "M M"] | None, start: Float[np.ndarray, "p ..."]) -> ColumnSet:
        """An empty column set as this engine needs it, of an Objective whose columns come in one by one.

        gram: of all columns, with absent ones behind them, where it is known; start: b of the starting point
        """

    @abstractmethod
    def __init__(self, columns: ColumnSet, options: Any, b: Float[np.ndarray, "p ..."]):
        """columns: may still be empty; options: tol, max_iter and step_precision; b: the starting point."""

    def begin(self):  # noqa: B027
        """Go to the starting point, now that its columns have come in; nothing by default."""

    @abstractmethod
    def in_use(self) -> Bool[np.ndarray, " m"]:
        """Positions that the column set has to hold on to."""

    def follow(self, change: Moved | Appended | Admitted):  # noqa: B027
        """Take the positions of the column set as they are after a change; nothing by default."""

    @abstractmethod
    def advance(self, lambdas: Float[np.ndarray, " B"], count: int) -> Solved:
        """Solve the first `count` of lambdas, descending, or fewer: B is pace.block, the rest is filling."""

    @abstractmethod
    def sharpen(self, b: Float[np.ndarray, "p ..."], gradient: Float[np.ndarray, "p ..."]):
        """Make the next solution more exact than b, a point whose gap is too large although no column is missing.

        gradient: minus the derivative of the loss at b, of all columns, by a pass over the data
        """

    def settle(self, points: list[tuple[np.ndarray, np.ndarray, float]], accepted: bool):  # noqa: B027
        """Go on from the last of some points (b, b0, lambda): at most two that were accepted, or one that failed.

        Nothing by default.
        """
