"""What an engine is: the state of a solver on a column set, which the path loop carries from lambda to lambda."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jaxreg.engines._columns import ColumnSet

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


class Engine(ABC):
    """The state of a solver on the columns of a ColumnSet, at one lambda after the other.

    x (m [, K]) are coefficients of the columns of the set, b (p [, K]) those of all columns, b0 (0 or 1 [, K]) an
    intercept beside those of the means: all on the scale of the penalty. Lambdas are in the unit of the objective.
    """

    pace: Pace
    takes_all: ClassVar[bool] = False  # whether it works on all columns at once where their Gram matrix is known

    @staticmethod
    @abstractmethod
    def columns_for(objective, gram, start) -> ColumnSet:
        """An empty column set as this engine needs it, of an Objective whose columns come in one by one.

        gram: (M, M) of all columns where it is known; start: b (p [, K])
        """

    @abstractmethod
    def __init__(self, columns, options, b):
        """columns: of one Objective, which may be empty; b: the starting point."""

    @abstractmethod
    def begin(self):
        """Go to the starting point, now that its columns have come in."""

    @abstractmethod
    def in_use(self) -> np.ndarray:
        """(m,) bool: positions that a column set has to hold on to."""

    @abstractmethod
    def follow(self, change):
        """Take the positions of the column set after a Moved or Appended."""

    @abstractmethod
    def advance(self, lambdas, count):
        """The Solved of the first `count` lambdas (pace.block,), or of fewer, each from the one before."""

    @abstractmethod
    def sharpen(self, b, gradient):
        """Make the next solution more exact than the point b, whose gradient (p [, K]) is known."""

    @abstractmethod
    def settle(self, points, accepted):
        """Go on from the last of some points (b, b0, lambda): at most two that were accepted, or one that failed."""
