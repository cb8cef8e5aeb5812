"""What an engine gives of a block of lambdas, and how the user gets it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxreg.penalties._base import per_row


@dataclass(frozen=True)
class Solved:
    """What an engine gives of the lambdas (B,) of a block, on the scale of the penalty, not yet certified."""

    x: Any  # (B, m [, K]) coefficients of the columns of a ColumnSet, in NumPy or on their way from the device
    b0: np.ndarray  # (B, 0 or 1 [, K]) intercepts beside those of the means
    n_iter: np.ndarray  # (B,)
    code: np.ndarray  # (B,) Status as the engine sees it
    count: int  # lambdas that were solved, the first ones of the block; the rest is filling
    step: float = 1.0  # of the prox, in certificates by its residual
    images: Any = None  # (B, n) eta - offset on the device, where the loss is not the squared one
    rounded: Any = None  # the same of x and b0, where these were rounded and `images` are of what they were before
    precision: Any = np.float64  # of the user's coefficients

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
