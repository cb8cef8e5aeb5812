"""The smallest lambda at which a path is 0."""

import jax
import numpy as np

from jaxreg.engines._columns import ColumnSet
from jaxreg.objective._grid import LEAST_RATIO
from jaxreg.objective._objective import mixed
from jaxreg.penalties._base import largest_ratio
from jaxreg.solvers.smooth import curvature_of

_curvature = jax.jit(curvature_of)


@jax.jit
def _critical(penalty, gradient, factors, step):
    return penalty.critical_lambda(gradient, factors, step)


def largest_lambda(objective, certify=None):
    """Smallest lambda at which all penalised coefficients are 0, or 1 where that is 0 or no number.

    Of the elastic net at most a thousand times the largest pull, max |x_j'r| / (v_j max(a, 1e-3)), as in glmnet
    (Friedman, Hastie and Tibshirani 2010, section 2.5): so ridge, where no lambda is, has a finite grid, free of units
    where columns and response are standardised; else see `ends_of_spectrum`. `certify` knows the Gram matrix, if any.
    """
    gradient, factors, penalty = objective.null_gradient, objective.factors, objective.penalty
    if penalty.quadratic:
        pulls = np.where(factors > 0, mixed(penalty, 1.0).pull(gradient, factors), 0.0)
        critical = pulls.max(initial=0.0) / max(penalty.l1_ratio, LEAST_RATIO)
    else:
        critical = penalty.critical_on_host(-gradient, factors)
        critical = _by_program(objective, certify) if critical is None else critical
    return critical if critical > 0 else 1.0  # NaN as the loss is at 0: the status of the points tells of that


def _by_program(objective, certify):
    """As `largest_lambda`, of what only a program can tell."""
    gradient, factors, step, penalty = objective.null_gradient, objective.factors, 1.0, objective.penalty
    if not (penalty.screens or penalty.convex):  # the prox may jump, at a place that depends on the step
        smooth = ColumnSet.everything(objective, certify.gram).with_rows().smooth()
        zero = np.zeros((len(factors) + objective.free, *gradient.shape[1:]))
        # a hair longer than the solver's, whose rounding errors must not decide
        step = (1 + 1e-12) / float(_curvature(smooth, smooth.image(zero), zero))
    critical = float(_critical(penalty, -gradient, factors, step))
    sizes = np.abs(gradient).reshape(len(factors), -1).max(axis=1)
    return critical if np.isfinite(critical) else largest_ratio(sizes, factors) / LEAST_RATIO
