"""The scale on which figures draw coefficients."""

from jaxreg import _validation
from jaxreg.results._prominence import SCALES, feature_scale

QUANTITIES = {"sd": "coefficient \N{MULTIPLICATION SIGN} standard deviation of its column", "raw": "coefficient"}
UNSCALED = "coefficient (standard deviations of columns not known)"


def factors_of(path, scale):
    """(factors (p,) of the coefficients of a path, name of the product)."""
    _validation.check_choice(scale, "scale", SCALES)
    known = scale == "raw" or len(path.feature_sd)
    return feature_scale(path, scale), QUANTITIES[scale] if known else UNSCALED
