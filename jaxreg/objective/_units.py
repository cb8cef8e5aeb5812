"""The one rule of units, and what a model asks of the coefficients.

Where the columns are standardised, so is the response: the penalty sees the coefficients of columns and response in
units of their standard deviations, and lambda in units of the response,

    sum_i omega_i loss(y_i, eta_i) + s^k penalty(b sigma / s, lambda v / s^(k - 1)),          s = sd(y - offset),

with k the degree of the loss, 2 for the squared one: what is solved is that of y / s at lambda / s^(k - 1), and its
coefficients are multiplied by s. Penalties of degree one do not notice; the ridge part becomes lambda / s, as in glmnet
(Friedman, Hastie and Tibshirani 2010, section 2.5). Otherwise s is 1, and the objective stands literally.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Model:
    """What is asked of the coefficients beside loss and penalty."""

    penalty_factors: np.ndarray  # (p,), inf: excluded
    fit_intercept: bool
    standardize: bool
    standardize_response: bool = False  # likewise, unless the penalty is of degree one and does not notice


def entering_columns(design, model):
    """(columns that are left out because they do not vary, penalty factors with inf for these, scales) all (p,).

    Without an intercept a constant column stays where it has no need of a scale: unpenalised it is an intercept.
    """
    scaled = model.standardize & (model.penalty_factors > 0)
    left_out = design.columns.constant & (model.fit_intercept | scaled)
    factors = np.where(left_out, np.inf, model.penalty_factors)
    sigma = np.where(design.columns.constant | (not model.standardize), 1.0, design.columns.sd)
    return left_out, factors, sigma


def centred_response(data, model):
    """(root * (y - offset - mean) / unit, like y (n,) or (n, K); means () or (K,); the unit).

    Exact zeros where nothing but rounding is left. Where the model standardises the response, the unit is the root mean
    square of the standard deviations, without an intercept of the root mean squares, of those that are not 0; else 1.
    """
    responses = np.atleast_2d((data.y if data.offset is None else data.y - data.offset).T)
    z, means = map(
        np.array, zip(*(_centred(response, data.weight, model.fit_intercept) for response in responses), strict=True)
    )
    varying, unit = np.count_nonzero(z.any(axis=1)), 1.0
    if model.standardize_response and varying:
        largest = np.abs(z).max()  # squares of what is at most 1 neither overflow nor vanish
        unit = float(largest * np.linalg.norm(z / largest) / np.sqrt(varying))
    z = z / unit
    return (z[0], float(means[0]), unit) if data.y.ndim == 1 else (z.T, means, unit)


def _centred(response, weight, fit_intercept):
    mean = float(weight @ response) if fit_intercept else 0.0
    centred = response - mean
    counting = weight > 0
    if np.abs(centred[counting]).max() <= 4 * np.finfo(float).eps * np.abs(response[counting]).max():
        centred = np.zeros_like(centred)
    return np.sqrt(weight) * centred, mean
