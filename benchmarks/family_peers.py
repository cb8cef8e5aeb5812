"""The programs that are compared on families; family_rows.PROGRAMS and CV_PROGRAMS tell which does what."""

from functools import partial

from benchmarks.environments import r_with
from benchmarks.peers import JAXREG, Peer, decades, in_environment, in_environment_of

_PLAIN = ("numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1")


FAMILY_PEERS = [
    in_environment_of("jaxreg", ("loop.py", "family_jaxreg"), lambda n, p, dtype: [decades(4, 8)], JAXREG.default),
    Peer(
        "glmnet",
        partial(r_with, "glmnet"),
        ("family_glmnet.R",),
        lambda n, p, dtype: [decades(7, 20, "thresh")],
        lambda n, p, dtype: {"thresh": 1e-7},
    ),
    Peer(
        "glmstar",
        in_environment("glmstar", "glmstar==0.6.0", "coxdev==0.4.1", *_PLAIN),
        ("loop.py", "family_glmstar"),
        lambda n, p, dtype: [decades(7, 20, "thresh")],
        lambda n, p, dtype: {"thresh": 1e-7},
    ),
    in_environment_of(
        "adelie",
        ("loop.py", "family_adelie"),
        lambda n, p, dtype: [decades(7, 18)],
        lambda n, p, dtype: {"tol": 1e-7},
    ),
    in_environment_of(
        "celer",
        ("loop.py", "family_celer"),
        lambda n, p, dtype: [decades(1, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    in_environment_of(
        "skglm",
        ("loop.py", "family_skglm"),
        lambda n, p, dtype: [decades(3, 12)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    in_environment_of(
        "scikit-learn",
        ("loop.py", "family_sklearn"),
        lambda n, p, dtype: [decades(3, 10)],
        lambda n, p, dtype: {"tol": 1e-4},
    ),
    Peer(
        "glum",
        in_environment("glum", "glum==3.4.1", *_PLAIN),
        ("loop.py", "family_glum"),
        lambda n, p, dtype: [decades(3, 10, n_threads=n_threads) for n_threads in (1, "all")],
        lambda n, p, dtype: {"tol": 1e-4, "n_threads": 1},
    ),
    Peer(
        "scikit-survival",
        in_environment("scikit-survival", "scikit-survival==0.28.0"),
        ("loop.py", "family_sksurv"),
        lambda n, p, dtype: [decades(7, 16)],
        lambda n, p, dtype: {"tol": 1e-7},
    ),
]
