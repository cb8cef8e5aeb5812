"""Ridge that leaves one row out: in closed form, but for rows that the fit of all follows up to rounding.

So it does the only row of a category, or of a column that hardly varies without it. These few are predicted by a fit of
the others.
"""

from dataclasses import replace

import numpy as np

from jaxreg import _lanes
from jaxreg._problem import make_problems
from jaxreg.solvers.ridge import decomposed


def left_out(ridge, problems, data, lambdas, model, of_sum=False):
    """Errors (R, n, L) of the rows of R responses, each row predicted by the fit of the others, at the user's lambdas.

    `ridge` was decomposed with model.fit_intercept. `problems` and `data` have one entry for each response. `of_sum`
    says that the penalty of the others stays beside the sum of their losses, not beside the average.
    """
    unit, lambdas = problems[0].unit, lambdas / problems[0].lambda_unit
    closed = [ridge.left_out(problem, lambdas, model.fit_intercept, of_sum) for problem in problems]
    errors, followed = unit * np.stack([own for own, _ in closed]), closed[0][1]
    for row in np.flatnonzero(followed.any(axis=1)):
        at = np.flatnonzero(followed[row])
        errors[:, row, at] = _refitted(problems[0], data, row, lambdas[at], model, of_sum)
    return errors


def _refitted(problem, data, row, lambdas, model, of_sum):
    """Errors (R, L) of one row by the fit of the others, at lambdas in the unit of `problem`."""
    base, weight = problem.design, data[0].weight.copy()
    lambdas = lambdas / (1.0 - weight[row]) if of_sum else lambdas
    weight[row] = 0.0
    weight /= weight.sum()
    share = _lanes.relative(base, weight)
    first = np.asarray(base.correlate(np.sqrt(share * weight)[None]), dtype=np.float64)[0]
    second = np.asarray(base.squares(share[None]), dtype=np.float64)[0]
    lane = _lanes.make_lane(base, data[0].X, weight, model.fit_intercept, first, second)
    ratio = (base.columns.norm / lane.columns.norm) ** 2  # the penalty stays as on the scale of all rows
    others, errors = [replace(own, weight=weight) for own in data], []
    posed = make_problems(lane, others, model)
    posed = [
        replace(own, l2_factor=np.where(np.isfinite(own.l1_factor), problem.l2_factor * ratio, 0.0)) for own in posed
    ]
    ridge = decomposed(posed[0], None)
    x = (np.asarray(data[0].X[row], dtype=np.float64) - lane.columns.mean) / lane.columns.norm
    for own, of_response in zip(posed, others, strict=True):
        b = np.concatenate([block for block, _, _ in ridge.blocks(own, lambdas, len(lambdas))])
        offset = 0.0 if of_response.offset is None else of_response.offset[row]
        errors.append(of_response.y[row] - offset - own.y_mean - own.unit * (b @ x))
    return np.array(errors)
