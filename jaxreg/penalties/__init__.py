"""Penalties: functions of the coefficients, weighted by lambda and by the penalty factors.

lambda is always an argument and never a field. `Custom` makes one of two functions. To add one here, subclass `Penalty`
(or `Separable`, `Norm`), mark the class final and a `pytree`, and name it in `__all__`: the tests run over `__all__`.
"""

from jaxreg.penalties._base import Penalty as Penalty
from jaxreg.penalties._custom import Custom
from jaxreg.penalties._differences import FusedLasso, TrendFilter
from jaxreg.penalties._groups import GroupLasso, MultiTaskLasso, SparseGroupLasso
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
    "MultiTaskLasso",
    "Ridge",
    "SparseGroupLasso",
    "TrendFilter",
]
