"""The smallest lambda at which a path is 0."""

import jax
import numpy as np

from jaxreg.engines._columns import ColumnSet
from jaxreg.objective._grid import LEAST_RATIO
from jaxreg.objective._objective import mixed
from jaxreg.solvers.smooth import curvature_of

_curvature = jax.jit(curvature_of)


@jax.jit
def _critical(penalty, gradient, factors, step):
    return penalty.critical_lambda(gradient, factors, step)


def largest_lambda(objective, gram=None):
    """Smallest lambda at which all penalised coefficients are 0, or 1 where that is 0; `gram` (M, M) where it is known.

    Where there is a ridge part, at most a thousand times the largest pull, as in glmnet (Friedman, Hastie and Tibshirani
    2010, section 2.5): so ridge, where no lambda is, has a finite grid, which is free of units where columns and
    response are standardised; else see `ends_of_spectrum`. Where the null model fits exactly the grid starts at 1.
    """
    gradient, factors, step = objective.null_gradient, objective.factors, 1.0
    if not objective.penalty.screens:  # the prox may jump, at a place that depends on the step
        smooth = ColumnSet.everything(objective, gram).with_rows().smooth()
        zero = np.zeros((len(factors) + objective.free, *gradient.shape[1:]))
        # a hair longer than the solver's, whose rounding errors must not decide
        step = (1 + 1e-12) / float(_curvature(smooth, smooth.image(zero), zero))
    critical = float(_critical(objective.penalty, -gradient, factors, step))
    if np.any(objective.penalty.ridge(1.0)):
        largest_pull = float(_critical(mixed(objective.penalty, 1.0), -gradient, factors, step))
        critical = min(critical, largest_pull / LEAST_RATIO)
    return critical if critical > 0 else 1.0
