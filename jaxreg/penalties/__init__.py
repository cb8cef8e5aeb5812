"""Penalties: functions of the coefficients, weighted by lambda and by the penalty factors.

lambda is always an argument and never a field. `Custom` makes one of two functions. How to add one
here: CONTRIBUTING.

All penalties have `value`, `prox` and `critical_lambda`. The arguments are JAX or NumPy arrays:

    value(coef, lam)            the penalty, in terms that add up to it
    prox(coef, lam, step)       argmin over u of |u - coef|^2 / (2 step) + value(u, lam)
    critical_lambda(gradient)   smallest lambda at which all penalised coefficients are 0
"""

from jaxreg.penalties._base import Penalty as Penalty
from jaxreg.penalties._custom import Custom
from jaxreg.penalties._differences import FusedLasso, TrendFilter
from jaxreg.penalties._groups import GroupLasso, SparseGroupLasso
from jaxreg.penalties._rows import MultiTaskElasticNet, MultiTaskLasso
from jaxreg.penalties._separable import MCP, SCAD, ElasticNet, Lasso, LogSum, Ridge
from jaxreg.penalties._sorted import L0, SLOPE

__all__ = [
    "L0",
    "MCP",
    "SCAD",
    "SLOPE",
    "Custom",
    "ElasticNet",
    "FusedLasso",
    "GroupLasso",
    "Lasso",
    "LogSum",
    "MultiTaskElasticNet",
    "MultiTaskLasso",
    "Ridge",
    "SparseGroupLasso",
    "TrendFilter",
]
