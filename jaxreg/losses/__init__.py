"""Losses: functions of the response and the linear predictor, one family a file.

A loss states its formulas; the objective averages them with the sample weights. `Custom` makes one of a function of
(y, eta). To add one here, subclass `Loss` (or `Numeric`, for a response of numbers) in a file of its own, mark the
class final and a `pytree`, and name it in `__all__`: the tests run over `__all__`.

All formulas take JAX or NumPy arrays, whose shapes broadcast, and are written with `jax.numpy`: y is the response, eta
the linear predictor, intercept and offset included.
"""

from jaxreg.losses._base import Encoded as Encoded
from jaxreg.losses._base import Loss as Loss
from jaxreg.losses._base import Numeric as Numeric
from jaxreg.losses._binomial import Binomial
from jaxreg.losses._cox import Cox
from jaxreg.losses._custom import Custom
from jaxreg.losses._gamma import Gamma
from jaxreg.losses._huber import Huber
from jaxreg.losses._multinomial import Multinomial
from jaxreg.losses._negative_binomial import NegativeBinomial
from jaxreg.losses._poisson import Poisson
from jaxreg.losses._quantile import Quantile
from jaxreg.losses._squared import Squared
from jaxreg.losses._squared_hinge import SquaredHinge
from jaxreg.losses._tweedie import Tweedie

__all__ = [
    "Binomial",
    "Cox",
    "Custom",
    "Gamma",
    "Huber",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Quantile",
    "Squared",
    "SquaredHinge",
    "Tweedie",
]
