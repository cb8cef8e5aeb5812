"""jaxreg: whole regularization paths in JAX, each point with a certificate."""

from jaxreg import compat, losses, penalties
from jaxreg._path import fit_path
from jaxreg._results import ConvergenceWarning, PathResult, Status

__version__ = "0.1.0.dev0"

__all__ = ["ConvergenceWarning", "PathResult", "Status", "compat", "fit_path", "losses", "penalties"]
