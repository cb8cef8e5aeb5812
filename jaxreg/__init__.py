"""jaxreg: whole regularization paths in JAX, each point with a certificate.

- `fit_path` computes a path, a `PathResult`; `fit_cv` cross-validates paths, a `CVResult`; `solve` is one solution as a
  pure JAX function, a `Solution`.
- `enable_compilation_cache` lets later processes read what JAX compiles in this one.
- `jaxreg.losses` and `jaxreg.penalties` hold what these take as `loss` and `penalty`.
- `jaxreg.sklearn` has estimators with scikit-learn's names and semantics, `jaxreg.plotting` figures, `jaxreg.report`
  interactive pages, and `jaxreg.compat` the conventions of other packages.
- `jaxreg.tables` reads files with dates, categories and missing values, and predicts new rows of them.
- `jaxreg.neural` draws paths over the regularizers of deep learning.
"""

from importlib import import_module

from jaxreg import compat, losses, penalties
from jaxreg._compilation_cache import enable_compilation_cache
from jaxreg._cv import fit_cv
from jaxreg._path import fit_path
from jaxreg._solve import Solution, solve
from jaxreg._status import Status
from jaxreg._version import __version__ as __version__
from jaxreg.results._choice import Selection
from jaxreg.results._cv import CVResult
from jaxreg.results._path import ConvergenceWarning, PathResult

__all__ = [
    "CVResult",
    "ConvergenceWarning",
    "PathResult",
    "Selection",
    "Solution",
    "Status",
    "compat",
    "enable_compilation_cache",
    "fit_cv",
    "fit_path",
    "losses",
    "penalties",
    "solve",
]


def __getattr__(name):
    if name in ("neural", "tables"):  # with optax or pandas, which others do not need: imported when asked for
        return import_module(f"jaxreg.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
