"""Lambda grids."""

import numpy as np

STEP = 0.5  # hidden points are put in so that lambda never falls faster than this
FLOOR = 1e-10  # hidden points go down to this share of the largest lambda,
FLOOR_OF_0 = 1e-4  # but to this one before lambda = 0


def lambda_max(problem, l1_ratio):
    """Smallest lambda at which all penalised coefficients are 0.

    max over v_j > 0 of |x_j'r| / v_j / max(a, 1e-3), r the residual of the unpenalised terms, as in glmnet (Friedman,
    Hastie and Tibshirani 2010, section 2.5); the bound 1e-3 gives ridge, where no lambda does, a finite grid. A column
    with a limit of 0 counts if x_j'r pulls it to the other side. Where the maximum is 0 (the null model fits exactly)
    the grid starts at 1.
    """
    penalised = (problem.l1_factor > 0) & np.isfinite(problem.l1_factor)
    pull = np.maximum(problem.null_corr * (problem.upper > 0), -problem.null_corr * (problem.lower < 0))
    ratio = pull[penalised] / problem.l1_factor[penalised]
    largest = ratio.max(initial=0.0) / max(l1_ratio, 1e-3)
    return largest if largest > 0 else 1.0


def geometric(largest, n_lambdas, ratio):
    """n_lambdas values from `largest` down to ratio * largest."""
    return largest * ratio ** (np.arange(n_lambdas) / max(n_lambdas - 1, 1))


def with_hidden_points(lambdas, start):
    """(grid to solve, positions of `lambdas` in it): no step from `start` on is longer than STEP allows."""
    grid, keep, previous = [], [], start
    for lam in lambdas:
        floor = FLOOR if lam > 0 else FLOOR_OF_0
        target = max(lam, floor * start) if lam < previous else previous
        if 0 < target < STEP * previous:
            steps = int(np.ceil(np.log(target / previous) / np.log(STEP)))
            grid.extend(previous * (target / previous) ** (np.arange(1, steps) / steps))
        if lam < target < previous:
            grid.append(target)
        keep.append(len(grid))
        grid.append(lam)
        previous = min(previous, target)
    return np.array(grid), np.array(keep)
