"""Responses that are amounts or numbers of events: no less than 0."""

import numpy as np

from jaxreg import _arrays
from jaxreg.losses._base import Encoded


def encoded_amounts(y, counting, family: str, zeros: bool = True) -> Encoded:
    """y (n,) or (n, K) of numbers >= 0, or > 0 where there are no `zeros`, in the rows that count."""
    y = _arrays.check_responses(y, len(counting))
    least = y[counting].min(initial=np.inf)
    if least < 0 or (least == 0 and not zeros):
        allowed = "numbers >= 0" if zeros else "numbers above 0; with zeros give losses.Tweedie()"
        raise ValueError(f"y has the value {least:g}, but {family} takes {allowed}.")
    if not y[counting].any(axis=0).all():
        raise ValueError(
            f"y is 0 in all rows, and the intercept of {family} would be minus infinity; give rows with a positive y."
        )
    return Encoded(y, None)
