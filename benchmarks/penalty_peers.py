"""The programs that are compared on penalties beyond the elastic net; penalty_rows.PROGRAMS tells which does what."""

from functools import partial

from benchmarks.environments import r_with
from benchmarks.peers import JAXREG, Peer, decades, in_environment, in_environment_of

_SCIPY = ("numpy==2.4.6", "scipy==1.17.1")
_SKLEARN = (*_SCIPY, "scikit-learn==1.9.1")


def _pycasso_ladders(n, p, dtype):
    # By its own rule, "auto", updates are naive at 1000 x 500, where covariance updates, for p <= n, are faster.
    kinds = ["covariance", "naive"] if n >= p else ["naive"]
    return [decades(5, 17, "prec", type_gaussian=kind) for kind in kinds]


PENALTY_PEERS = [
    in_environment_of("jaxreg", ("loop.py", "penalty_jaxreg"), JAXREG.ladders, JAXREG.default),
    in_environment_of(
        "adelie",
        ("loop.py", "penalty_adelie"),
        lambda n, p, dtype: [decades(7, 18, n_threads=1)],
        lambda n, p, dtype: {"n_threads": 1, "tol": 1e-7},
    ),
    in_environment_of(
        "skglm",
        ("loop.py", "penalty_skglm"),
        lambda n, p, dtype: [decades(3, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    in_environment_of(
        "celer",
        ("loop.py", "penalty_celer"),
        lambda n, p, dtype: [decades(4, 14)],
        lambda n, p, dtype: {"tol": 1e-6},
    ),
    in_environment_of(
        "scikit-learn",
        ("loop.py", "penalty_sklearn"),
        lambda n, p, dtype: [decades(4, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    Peer(
        "group-lasso",
        in_environment("group-lasso", "group-lasso==1.5.0", *_SKLEARN),
        ("loop.py", "penalty_group_lasso"),
        lambda n, p, dtype: [decades(4, 12)],
        lambda n, p, dtype: {"tol": 1e-5},
    ),
    Peer(
        "sortedl1",
        in_environment("sortedl1", "sortedl1==1.11.3", *_SKLEARN),
        ("loop.py", "penalty_sortedl1"),
        lambda n, p, dtype: [decades(3, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    Peer(
        "pycasso",
        in_environment("pycasso", "pycasso==2.0.1", "numpy==2.4.6"),
        ("loop.py", "penalty_pycasso"),
        _pycasso_ladders,
        lambda n, p, dtype: {"type_gaussian": "auto", "prec": 1e-7},
    ),
    Peer(
        "clarabel",
        in_environment("clarabel", "clarabel==0.11.1", *_SCIPY),
        ("loop.py", "penalty_clarabel"),
        lambda n, p, dtype: [decades(4, 12)],
        lambda n, p, dtype: {"tol": 1e-8},
    ),
    Peer(
        "glmnet",
        partial(r_with, "glmnet"),
        ("penalty_glmnet.R",),
        lambda n, p, dtype: [decades(7, 22, "thresh")],
        lambda n, p, dtype: {"thresh": 1e-7},
    ),
    Peer(
        "ncvreg",
        partial(r_with, "ncvreg"),
        ("ncvreg.R",),
        lambda n, p, dtype: [decades(4, 14, "eps")],
        lambda n, p, dtype: {"eps": 1e-4},
    ),
]
