"""Ridge without limits in closed form: points at all lambdas from one decomposition, for every response."""

import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.certificates._certificate import ByPass
from jaxreg.engines._base import Solved, as_returned
from jaxreg.engines._columns import ColumnSet
from jaxreg.paths._loop import filled
from jaxreg.paths._points import Block
from jaxreg.penalties._base import per_row

BLOCK = 10  # lambdas that are certified at once by a pass over the data


def closed_form(objective, ridge, certify, lambdas, options):
    """Blocks of points from the decomposition `ridge`; a generator, as the path loop is.

    A solution that was refined is certified by the rows of the data, too, and its gap is at least the square of what
    its last step was: a gap sees neither a column whose penalty dwarfs its loss nor the directions of collinearity.
    """
    columns, first = ColumnSet.everything(objective), 0
    by_pass = certify if isinstance(certify, ByPass) else ByPass(objective)
    single = objective.responses is None
    share = np.ones(1) if single else objective.null_losses / (objective.null_loss or 1.0)
    for x, df, step in ridge.blocks(objective, lambdas, BLOCK):
        # the square of the last step of refinement, averaged over responses as their gaps are; 0 for none
        error = np.nan_to_num(step**2, nan=0.0, posinf=np.inf) @ share
        x = x[..., 0] if single else x
        scale = per_row(objective.scale, x[0])
        x = np.divide(x, scale, out=np.zeros(x.shape), where=scale > 0)
        count, ones = len(x), np.ones(len(x), int)
        none, code = np.zeros((count, *objective.b0.shape)), np.full(count, Status.stalled)
        solved = as_returned(Solved(x, none, ones, code, count), columns, options.precision)
        block = lambdas[first : first + count]
        first += count
        by_rows, gaps, losses = np.arange(count), np.empty(count), np.empty((count, len(objective.totals)))
        if by_pass is not certify:
            certified = yield from certify(columns, solved, block)
            by_rows, gaps, losses = np.flatnonzero(error > 0), certified.gaps.copy(), certified.losses.copy()
        for start in range(0, len(by_rows), BLOCK):
            at = by_rows[start : start + BLOCK]
            whole = filled(at, BLOCK)
            certified = yield from by_pass(columns, solved.at(whole), block[whole])
            gaps[at], losses[at] = certified.gaps[: len(at)], certified.losses[: len(at)]
        gaps = np.maximum(gaps, error)
        yield Block(columns.index, solved.x, none, gaps, losses, ones, promoted(code, gaps, options.tol), df)
