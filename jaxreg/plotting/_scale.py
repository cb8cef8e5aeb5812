"""The scale on which figures and reports show coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg import _validation
from jaxreg._labels import label_text
from jaxreg.plotting._axes import short

if TYPE_CHECKING:
    from jaxtyping import Float


QUANTITIES = {"sd": "coefficient \N{MULTIPLICATION SIGN} standard deviation of its column", "raw": "coefficient"}
UNSCALED = "coefficient (standard deviations of columns not known)"


def feature_scale(path, scale="sd") -> Float[np.ndarray, " p"]:
    """Factors of the coefficients: 1 for "raw", the standard deviations of the columns for "sd".

    They are 1 too if the result does not know the standard deviations, as a result of an old file.
    """
    return path.feature_sd if scale == "sd" and len(path.feature_sd) else np.ones(path.n_features)


def factors_of(path, scale, response=0):
    """(factors (p,) of the coefficients of a path, name of the product, of one of several classes with that)."""
    _validation.check_choice(scale, "scale", tuple(QUANTITIES))
    known = scale == "raw" or len(path.feature_sd)
    quantity = QUANTITIES[scale] if known else UNSCALED
    if path.n_responses is not None and path.classes is not None:
        name = short(label_text(path.classes[response])).replace("$", r"\$")  # which begins no mathematics
        quantity += f", class {name}"
    return feature_scale(path, scale), quantity
