"""Ridge that leaves one row out: in closed form, but for rows that the fit of all follows up to rounding.

So it does the only row of a category, or of a column that hardly varies without it. These few are predicted by a fit of
the others.
"""

from dataclasses import replace

import numpy as np

from jaxreg.design._lanes import make_lanes
from jaxreg.objective._objective import make_objective
from jaxreg.solvers.ridge import decomposed


def left_out(ridge, objective, data, lambdas, model, of_sum=False):
    """Errors (n, L, K) of the rows for K responses, each row predicted by the fit of the others, at the user's lambdas.

    `ridge` was decomposed with model.fit_intercept. K is 1 for y (n,). `of_sum` says that the penalty of the others
    stays beside the sum of their losses, not beside the average.
    """
    unit, lambdas = objective.unit, lambdas / objective.lambda_unit
    closed = [ridge.left_out(response, lambdas, model.fit_intercept, of_sum) for response in objective.each_response()]
    errors, followed = unit * np.stack([error for error, _ in closed], axis=-1), closed[0][1]
    for row in np.flatnonzero(followed.any(axis=1)):
        at = np.flatnonzero(followed[row])
        errors[row, at] = _refitted(objective, data, row, lambdas[at], model, of_sum)
    return errors


def _refitted(objective, data, row, lambdas, model, of_sum):
    """Errors (L, K) of one row by the fit of the others, at lambdas in the unit of the objective."""
    base, weight = objective.design, data.weight.copy()
    lambdas = lambdas / (1.0 - weight[row]) if of_sum else lambdas
    weight[row] = 0.0
    weight /= weight.sum()
    (lane,) = make_lanes(base, weight[None], model.fit_intercept)
    others = make_objective(lane, replace(data, weight=weight), model, objective.loss, objective.penalty)
    # the penalty stays as on the scale of all rows
    scale = np.where(others.present, objective.scale * lane.columns.norm / base.columns.norm, 0.0)
    others = replace(others, scale=scale)
    ridge = decomposed(others, None)
    x = base.deviations(np.array([row]), lane.columns)[0]
    offset = 0.0 if data.offset is None else data.offset[row]
    b = np.concatenate([block for block, _, _ in ridge.blocks(others, lambdas, len(lambdas))])
    fit = others.y_mean + others.unit * np.stack([of_response @ x for of_response in np.moveaxis(b, -1, 0)], axis=-1)
    return np.atleast_1d(data.y[row]) - offset - fit
