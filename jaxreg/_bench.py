"""A quick look at the speed of one machine; measurements against other programs are in `benchmarks/`."""

import os
import platform
import statistics
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jax
import numpy as np

from jaxreg._cv import fit_cv
from jaxreg._path import fit_path
from jaxreg._version import __version__

SIZES = ((10_000, 200), (1000, 1000), (200, 10_000))  # tall, square, wide
RHO = 0.5  # correlation of neighbouring columns
TRUE_COLUMNS = 20  # with a coefficient other than 0
NOISE = 1 / 3  # standard deviation over that of the signal
FOLDS = 5
WARM_CALLS = 3  # after the first, whose median is shown
TITLES = ("rows", "columns", "call", "first s", "warm s", "worst gap")
WIDTHS = (7, 7, 30, 8, 8, 9)


def lines(sizes, compare) -> Iterator[str]:
    """Lines of the table of problems (n, p), each as soon as it is measured; `compare` adds scikit-learn's."""
    packages = ("jax", *(["sklearn"] if compare else []))
    versions = {"jaxreg": __version__} | {name: import_module(name).__version__ for name in packages}
    listed = [f"{name} {version}" for name, version in versions.items()]
    device = jax.devices()[0]
    yield ", ".join([*listed, f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}"])
    yield f"Device {device} ({device.device_kind}), {os.cpu_count()} cores of the host"
    yield f"AR({RHO}) problems, 100 lambdas; the first call compiles; warm is the median of {WARM_CALLS} more."
    yield _row(TITLES)
    for n, p in sizes:
        X, y = _problem(n, p)
        path, *seconds = _timed(lambda X=X, y=y: fit_path(X, y))
        yield _row((n, p, "fit_path", *seconds, f"{path.gap.max():.1e}"))
        cv, *seconds = _timed(lambda X=X, y=y: fit_cv(X, y, cv=FOLDS))
        yield _row((n, p, f"fit_cv, {FOLDS} folds", *seconds, f"{cv.gap.max():.1e}"))
        if compare:
            gap, *seconds = _timed(lambda X=X, y=y, lambdas=path.lambdas: _scikit_learn(X, y, lambdas))
            yield _row((n, p, "scikit-learn's lasso_path", *seconds, f"{gap:.1e}"))
    yield "A quick look at this machine, not the project's benchmarks: those run by `python -m benchmarks` in a clone."


def _row(cells):
    return "  ".join(str(cell).rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def _problem(n, p):
    """X (n, p), columns of mean 0 and variance 1 whose correlation decays as RHO^distance, and y (n,) of mean 0."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((p, n))
    for j in range(1, p):
        columns[j] = RHO * columns[j - 1] + np.sqrt(1 - RHO**2) * columns[j]
    columns -= columns.mean(axis=1, keepdims=True)
    columns /= columns.std(axis=1, keepdims=True)
    signal = rng.standard_normal(min(TRUE_COLUMNS, p)) @ columns[:: max(1, p // TRUE_COLUMNS)][:TRUE_COLUMNS]
    y = signal + NOISE * signal.std() * rng.standard_normal(n)
    return columns.T, y - y.mean()


def _timed(fit) -> tuple[Any, str, str]:
    """(what `fit` returns, seconds of its first call, median seconds of the next), the seconds as text."""
    seconds = []
    for _ in range(1 + WARM_CALLS):
        began = time.perf_counter()
        result = fit()
        seconds.append(time.perf_counter() - began)
    return result, f"{seconds[0]:.3f}", f"{statistics.median(seconds[1:]):.3f}"


def _scikit_learn(X, y, lambdas) -> float:
    """Worst relative gap of its path at its default tolerance, for X and y of mean 0 and columns of variance 1."""
    from sklearn.linear_model import lasso_path

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it does not converge, the gap says so
        gaps = lasso_path(X, y, alphas=lambdas)[2]
    return gaps.max() / (y @ y / (2 * len(y)))
