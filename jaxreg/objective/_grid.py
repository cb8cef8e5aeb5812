"""Lambda grids."""

import numpy as np

from jaxreg.solvers._spectra import COMPILED, ON_HOST

STEP = 0.5  # hidden points are put in so that lambda never falls faster than this
FLOOR = 1e-10  # hidden points go down to this share of the largest lambda,
FLOOR_OF_0 = 1e-4  # but to this one before lambda = 0
LEAST_RATIO = 1e-3  # an l1_ratio below it has the grid of this one (glmnet's rule), or that of the spectrum
VANISHED, LEFT = 1e-3, 0.99  # shares of the largest direction, and of all degrees of freedom, at the ends of the latter
HALVINGS = 60  # of the range in which the second is looked for


def ends_of_spectrum(design, gram, weight, basis):
    """(largest lambda, smallest) of ridge, from the eigenvalues S of the penalised columns' Gram matrix alone.

    Ridge keeps the share S_i / (S_i + lambda) of the i-th direction, and sum_i S_i / (S_i + lambda) degrees of freedom
    (Hastie, Tibshirani and Friedman 2009, section 3.4.1, eq. (3.47) and (3.50)). The grid begins where the largest
    direction keeps a thousandth, and ends where 0.99 of all degrees of freedom are left. `weight` (p,) is 1 over the
    penalty factors on the scale of the design, 0 for columns that do not count; `basis` (k, n) spans what is not
    penalised.
    """
    spectra = ON_HOST if design.placement.on_host else COMPILED
    if design.p <= design.n:
        along = np.asarray(design.correlate(basis), dtype=np.float64) if len(basis) else np.zeros((0, design.p))
        values = spectra.values_beside(spectra.float64(design.gram() if gram is None else gram), along, np.sqrt(weight))
    else:
        values = spectra.values_off(spectra.float64(design.kernel(weight)), basis)
    values = np.asarray(values)
    values = values[values > np.finfo(float).eps * len(values) * values.max(initial=0.0)]
    if not values.size:
        return 1.0, VANISHED
    low, high = np.log(values.min() * (1 - LEFT)), np.log(values.max())  # the ends leave more and less than LEFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = np.mean(values / (values + np.exp(middle))) >= LEFT
        low, high = (middle, high) if enough else (low, middle)
    return float(values.max() / VANISHED), float(np.exp(low))


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
