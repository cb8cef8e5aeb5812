"""The programs that are compared, their pinned environments, and how their tolerances are swept."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import environments

WORKERS = Path(__file__).parent / "workers"


def in_environment(name, *requirements, build=()):
    return lambda: environments.python_for(name, requirements, build)


@dataclass(frozen=True)
class Peer:
    """A program.

    interpreter: gives the program that runs the worker, or raises Absent
    worker: file in workers/, and its arguments before the job's folder
    ladders: of (n, p, dtype), gives lists of settings from loose to tight, one list per variant
    default: of (n, p, dtype), the setting that its users get who set nothing but what is best for this shape
    """

    name: str
    interpreter: Callable[[], Path]
    worker: tuple[str, ...]
    ladders: Callable[[int, int, str], list[list[dict]]]
    default: Callable[[int, int, str], dict]

    def command(self):
        script, *arguments = self.worker
        return [str(self.interpreter()), str(WORKERS / script), *arguments]


def decades(loosest, tightest, name="tol", **variant):
    return [{**variant, name: float(f"1e-{k}")} for k in range(loosest, tightest + 1)]


def _jaxreg_ladders(n, p, dtype):
    return [decades(3, 6)] if dtype == "float32" else [[{"tol": tol} for tol in (1e-4, 1e-6, 1e-8)]]


def _adelie_ladders(n, p, dtype):
    # Its covariance method forms X'X: for tall problems only. More than one thread made no row faster.
    methods = ["naive", "cov"] if n >= p else ["naive"]
    return [decades(9, 18, method=method, n_threads=1) for method in _likely_first(methods, n, p)]


def _glmnet_ladders(n, p, dtype):
    # Its own rule is covariance updates below 500 columns; for tall problems they may pay beyond.
    kinds = ["covariance"] if p < 500 else ["naive", "covariance"] if n >= p else ["naive"]
    return [decades(9, 22, "thresh", type=kind) for kind in _likely_first(kinds, n, p)]


def _likely_first(variants, n, p):
    """The covariance variant first where it is likely to win: a sweep ends when it is slower than an earlier one."""
    return variants[::-1] if n > 2 * p else variants


def _glmnet_default(n, p, dtype):
    return {"type": "covariance" if p < 500 else "naive", "thresh": 1e-7}


def _jobs(loosest, tightest):
    """On one core, and on all of them."""
    return [decades(loosest, tightest, n_jobs=n_jobs) for n_jobs in (1, -1)]


_BY_R = shutil.which("Rscript") is not None
JAXREG = Peer(
    "jaxreg",
    lambda: Path(sys.executable),
    ("loop.py", "fit_jaxreg"),
    _jaxreg_ladders,
    lambda n, p, dtype: {"tol": 1e-4 if dtype == "float32" else 1e-6},
)
PEERS = [
    JAXREG,
    Peer(
        "scikit-learn",
        in_environment("scikit-learn", "scikit-learn==1.9.1", "numpy==2.4.6", "scipy==1.17.1"),
        ("loop.py", "fit_sklearn"),
        lambda n, p, dtype: [decades(4, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    Peer(
        "celer",
        in_environment("celer", "celer==0.7.4", "numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1"),
        ("loop.py", "fit_celer"),
        lambda n, p, dtype: [decades(4, 14)],
        lambda n, p, dtype: {"tol": 1e-6},
    ),
    Peer(
        "skglm",
        in_environment("skglm", "skglm==0.5", "numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "numba==0.68.1"),
        ("loop.py", "fit_skglm"),
        lambda n, p, dtype: [decades(4, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    Peer(
        "adelie",
        in_environment("adelie", "adelie==1.1.52", "numpy==1.26.4"),
        ("loop.py", "fit_adelie"),
        _adelie_ladders,
        lambda n, p, dtype: {"method": "naive", "n_threads": 1, "tol": 1e-7},
    ),
    Peer(
        "glmnet",
        (lambda: environments.r_with("glmnet"))
        if _BY_R
        else in_environment(
            "python-glmnet", "glmnet==2.2.1", "numpy==1.25.2", build=("numpy==1.25.2", "setuptools==59.8.0", "wheel")
        ),
        ("glmnet.R",) if _BY_R else ("loop.py", "fit_glmnet"),
        _glmnet_ladders if _BY_R else lambda n, p, dtype: [decades(9, 22, "thresh")],
        _glmnet_default if _BY_R else lambda n, p, dtype: {"thresh": 1e-7},
    ),
]


def in_environment_of(name, script, ladders, default):
    """The peer `name` when it does something else, in the environment that it has already."""
    interpreter = next(peer.interpreter for peer in PEERS if peer.name == name)
    return Peer(name, interpreter, script, ladders, default)


CV_PEERS = [
    in_environment_of("jaxreg", ("loop.py", "cv_jaxreg"), lambda n, p, dtype: [decades(6, 6)], JAXREG.default),
    in_environment_of(
        "scikit-learn",
        ("loop.py", "cv_sklearn"),
        lambda n, p, dtype: _jobs(4, 10),
        lambda n, p, dtype: {"n_jobs": 1, "tol": 1e-4},
    ),
    Peer(
        "celer",
        # the newest scikit-learn that its classes for cross-validation know
        in_environment("celer-cv", "celer==0.7.4", "numpy==2.2.6", "scipy==1.15.3", "scikit-learn==1.6.1"),
        ("loop.py", "cv_celer"),
        lambda n, p, dtype: _jobs(4, 12),
        lambda n, p, dtype: {"n_jobs": 1, "tol": 1e-4},
    ),
    in_environment_of(
        "adelie",
        ("loop.py", "cv_adelie"),
        lambda n, p, dtype: [decades(7, 16)],
        lambda n, p, dtype: {"tol": 1e-7},
    ),
]
if _BY_R:
    CV_PEERS.append(in_environment_of("glmnet", ("cv_glmnet.R",), _glmnet_ladders, _glmnet_default))
