"""Boxes in a row that do not overlap."""

import numpy as np


def spread(wanted, sizes, low, high):
    """Least-squares centres (k,) near `wanted`, in its order, of boxes of these sizes: apart, within the bounds."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    sizes = sizes[order] * min(1.0, (high - low) / sizes.sum())
    steps = np.cumsum(sizes) - sizes / 2
    # without the steps the centres need only ascend, which isotonic regression is for; bounds then just clip it
    lowest = isotonic_regression(wanted[order] - steps).x
    centres = np.empty(len(wanted))
    centres[order] = np.clip(lowest, low, high - sizes.sum()) + steps
    return centres
