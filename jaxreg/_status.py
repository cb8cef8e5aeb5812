"""How points end: codes, each with its text, and what is held against tol."""

from enum import IntEnum

import numpy as np


class Status(IntEnum):
    """How a point of a path ended.

    Attributes
    ----------
    converged
        `PathResult.gap` is at most `tol`.
    max_iter
        The solver was stopped by `max_iter`: raise it.
    stalled
        The precision, or the collinearity of the columns, does not allow a smaller gap: raise `tol`; where X is
        float32, give float64, else drop or combine columns.
    early_stop
        Last point of a path that was cut by `early_stop` or `max_features`.
    interrupted
        Last point of a path that was cut by Ctrl-C.
    capacity
        More columns would have to be solved for at once than memory has room for: end the grid at a larger lambda.
    nonfinite
        The solver met numbers that are not finite: the data, or a custom loss or penalty, leave the range of the
        precision.
    separable
        The loss comes within `tol` of its infimum, but has no minimum: along columns that are not penalised, or all of
        them at lambda = 0, it falls without end, as where they tell classes or events apart exactly. The coefficients
        are some of many that will do. Penalise these columns, or end the grid above 0.

    Examples
    --------
    `PathResult.status` holds these numbers.

    >>> import jaxreg as jr
    >>> [status.name for status in map(jr.Status, [0, 2])]
    ['converged', 'stalled']
    >>> jr.Status.max_iter == 1
    True
    """

    converged = 0
    max_iter = 1
    stalled = 2
    early_stop = 3
    interrupted = 4
    capacity = 5
    nonfinite = 6
    separable = 7


MEASURES = {"gap": "relative gap", "residual": "scaled residual"}  # names of `PathResult.gap`, by its `certificate`
CAUSES = {
    Status.max_iter: "stopped at max_iter={max_iter}: raise max_iter",
    Status.capacity: (
        "stopped at the end of memory: more columns are needed at once than memory has room for; end the grid at a "
        "larger lambda"
    ),
    Status.stalled: "stalled above tol: {precision_limit}",
    Status.separable: (
        "has no finite solution: unpenalised columns, or all of them at lambda = 0, tell classes or events apart, and "
        "the loss is within tol of its infimum, which it has at infinity alone; penalise them, or end the grid above 0"
    ),
    Status.nonfinite: "met numbers that are not finite: scale y and the columns to a size near 1",
}
PRECISION_LIMITS = {
    np.dtype(np.float64): (
        "rounding, which nearly dependent columns magnify, allows no smaller gap even in float64; raise tol, or "
        "drop or combine columns"
    ),
    np.dtype(np.float32): (
        "the precision or the collinearity of the columns allows no smaller gap; raise tol or use float64"
    ),
}


def cause(status, options):
    """Why points of this status did not converge, and what to do."""
    limit = PRECISION_LIMITS[np.dtype(options.precision)]
    return CAUSES[Status(status)].format(max_iter=options.max_iter, precision_limit=limit)


def promoted(code, gaps, tol):
    """Statuses (B,) of certified points: of an engine's codes, only a gap says that a point is converged."""
    code = np.where(code == Status.converged, Status.stalled, code)
    code = np.where(np.isfinite(gaps), code, Status.nonfinite)
    return np.where(gaps <= tol, Status.converged, code)
