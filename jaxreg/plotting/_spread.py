"""Boxes in a row that do not overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def spread(wanted: Float[np.ndarray, " k"], sizes: Float[np.ndarray, " k"], low, high) -> Float[np.ndarray, " k"]:
    """Least-squares centres of boxes near `wanted`, in its order. The boxes are disjoint and within the bounds."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    sizes = sizes[order] * min(1.0, (high - low) / sizes.sum())
    steps = np.cumsum(sizes) - sizes / 2
    # without the steps the centres need only ascend, which isotonic regression is for; bounds then just clip it
    lowest = isotonic_regression(wanted[order] - steps).x
    centres = np.empty(len(wanted))
    centres[order] = np.clip(lowest, low, high - sizes.sum()) + steps
    return centres
