"""What is asked of a fit: the keywords that `fit_path` and `fit_cv` share, declared once, and their checks.

The signatures of both functions are held against the defaults here by a test.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from jaxreg import _arrays, _missing, _names, _progress, _validation
from jaxreg._alignment import column_labels
from jaxreg.engines import _table
from jaxreg.losses import Loss, Squared
from jaxreg.penalties import ElasticNet, Penalty
from jaxreg.results._path import PathResult
from jaxreg.solvers.smooth import LOWER


@dataclass(frozen=True)
class Request:
    """The shared keywords with their defaults; those that need the data are checked where the data are."""

    loss: Loss = Squared()  # noqa: RUF009 (frozen)
    penalty: Penalty = ElasticNet()  # noqa: RUF009 (frozen)
    lambdas: np.ndarray | None = None
    n_lambdas: int = 100
    lambda_min_ratio: float | None = None
    sample_weight: Any = None
    offset: Any = None
    strata: Any = None
    penalty_factors: Any = None
    lower: Any = None
    upper: Any = None
    fit_intercept: bool = True
    standardize: bool = True
    solver: str = "auto"
    tol: float | None = None
    max_iter: int = 2000
    early_stop: bool = False
    max_features: int | None = None
    warm_start: PathResult | None = None
    dtype: Any = None
    impute: str | None = None
    progress: bool = False
    step_precision: str | None = None


NAMES = tuple(keyword.name for keyword in fields(Request))


def check_request(X, keywords) -> Request:
    """The keywords of a fit to X, of which there may be more, with names turned into what they stand for."""
    keywords = _names.by_name({name: keywords[name] for name in NAMES}, column_labels(X))
    checked = {
        "lambdas": _arrays.check_lambdas(keywords["lambdas"]),
        "n_lambdas": _validation.check_count(keywords["n_lambdas"], "n_lambdas"),
        "max_iter": _validation.check_count(keywords["max_iter"], "max_iter"),
        "solver": _validation.check_choice(keywords["solver"], "solver", _table.solvers()),
        "impute": _missing.check_impute(keywords["impute"]),
    }
    if keywords["lambda_min_ratio"] is not None:
        ratio = _validation.check_positive(keywords["lambda_min_ratio"], "lambda_min_ratio", below=1)
        checked["lambda_min_ratio"] = ratio
    if keywords["tol"] is not None:
        checked["tol"] = _validation.check_positive(keywords["tol"], "tol")
    if keywords["step_precision"] is not None:
        _validation.check_choice(keywords["step_precision"], "step_precision", tuple(LOWER))
        if keywords["solver"] not in ("batched", "proximal"):
            raise ValueError(
                f"step_precision is {keywords['step_precision']!r}, but solver is {keywords['solver']!r}; only "
                "'batched' and 'proximal' take steps of another precision."
            )
    if keywords["max_features"] is not None:
        checked["max_features"] = _validation.check_count(keywords["max_features"], "max_features")
    for name in ("fit_intercept", "standardize", "early_stop", "progress"):
        checked[name] = _validation.check_flag(keywords[name], name)
    if checked["progress"]:
        _progress.require_tqdm()
    return Request(**(keywords | checked))


def by_position(keywords, request):
    """The keywords of a call with those that went by name as the request has them."""
    return keywords | {name: getattr(request, name) for name in _names.NAMED if keywords[name] is not None}
