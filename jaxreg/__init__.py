"""jaxreg: whole regularization paths in JAX, each point with a certificate."""

from jaxreg import compat, losses, penalties
from jaxreg._cv import fit_cv
from jaxreg._cv_results import CVResult, Selection
from jaxreg._path import fit_path
from jaxreg._results import ConvergenceWarning, PathResult, Status
from jaxreg._solve import Solution, solve

__version__ = "0.1.0.dev0"

__all__ = [
    "CVResult",
    "ConvergenceWarning",
    "PathResult",
    "Selection",
    "Solution",
    "Status",
    "compat",
    "fit_cv",
    "fit_path",
    "losses",
    "penalties",
    "solve",
]
