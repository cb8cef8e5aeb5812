"""One row of the accelerator run, in a process of its own: `python -m benchmarks.accelerator_rows NAME LIMIT [--tiny]`.

Each stage prints a line of JSON, so that a row that is ended at its limit keeps what it has: the data, the first call
(with compilation), warm calls, the split of a warm call, the functions of the host, and the gap by the judge.
"""

import argparse
import dataclasses
import faulthandler
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

CALLS, SECONDS = 3, 15.0  # warm calls are repeated until there are so many, or until they took so long
TRACED = 5.0  # the longest warm call, in seconds, that is traced: a trace of many kernels takes long to be written
PROFILED = 30.0  # the longest whose Python functions are timed
CLASSES, EVENTS = 5, 0.7  # of the multinomial row; share of the rows of Cox's with an event
JUDGED = 5  # lambdas, evenly spaced, whose gap is worked out anew in float64 on the host
PACKAGES = "jaxreg", "jax", "jaxlib", "optax", "numpy", "scipy", "scikit-learn"


@dataclass(frozen=True)
class Case:
    """A call to be measured, what the row tells of its problem, and what is told of the result."""

    call: Callable
    about: dict
    describe: Callable
    judge: Callable


def of_path(path):
    status, times = np.unique(path.status, return_counts=True)
    return {
        "solver": path.solver,
        "points": len(path.lambdas),
        "gap": float(path.gap.max()),
        "not_converged": int(sum(times[status != 0])),
        "df": int(path.df[-1]),
        "n_iter": [float(np.mean(path.n_iter)), int(np.max(path.n_iter))],
    }


def of_folds(cv):
    return {
        "solver": cv.path.solver,
        "points": int(cv.gap.size),
        "gap": float(np.max(cv.gap)),
        "not_converged": int(np.sum(cv.gap > cv.path.tol)),
        "n_iter": [float(np.mean(cv.path.n_iter)), int(np.max(cv.path.n_iter))],
        "chosen": [float(cv.l1_ratio_), float(cv.lambda_min)],
    }


def of_networks(path):
    return {"points": int(np.prod(path.valid_loss.shape[:3])), "least_held_out_loss": float(path.valid_loss.min())}


def judged(problem):
    """The worst gap of some lambdas of a path by the judge of all benchmarks."""

    def worst(path, problem=problem):
        some = np.unique(np.linspace(0, len(path.lambdas) - 1, JUDGED).astype(int))
        part = dataclasses.replace(problem, lambdas=path.lambdas[some])
        return part.judge()(path.coef[some].astype(float).ravel())[0]

    return worst


def folds_of_all_mixes(rho, tiny, program="jaxreg", step_precision=None):
    """Lasso and elastic net in all folds: 10,000 fits, and 1,000 of all rows."""
    from benchmarks import cv_rows, rows

    n, p, L, mixes = (120, 8, 5, (0.5, 1.0)) if tiny else (10000, 1000, 100, cv_rows.MIXES["grid"])
    problem = rows.make_problem(*rows.ar_data(n, p, rho), 1.0, n_lambdas=L)
    folds = np.random.default_rng(1).permutation(np.arange(n) % (3 if tiny else cv_rows.FOLDS))
    about = {"n": n, "p": p, "dtype": "float64", "rho": rho, "l1_ratios": list(mixes), "folds": int(folds.max()) + 1}
    if program != "jaxreg":
        from benchmarks import stand_ins

        call, describe = getattr(stand_ins, f"folds_by_{program}")(problem, folds, mixes)
        return Case(call, about, describe, lambda cv: judged_mix(problem, cv.l1_ratio_, cv.path))
    import jaxreg as jr

    options = {"standardize": False, "averaging": "equal", "n_lambdas": L}
    if step_precision:
        options |= {"step_precision": step_precision, "solver": "batched"}  # auto may take one without it

    def call():
        return jr.fit_cv(problem.X, problem.y, l1_ratios=mixes, cv=folds, **options)

    return Case(call, about, of_folds, lambda cv: judged_mix(problem, cv.l1_ratio_, cv.path))


def judged_mix(problem, l1_ratio, path):
    return judged(dataclasses.replace(problem, l1_ratio=float(l1_ratio)))(path)


def lasso(n, p, ratio, tiny, program="jaxreg"):
    """A lasso path in float32; ratio: of the least lambda to the largest."""
    from benchmarks import rows

    n, p, L = (30, 120 if n < p else 30, 10) if tiny else (n, p, 100)
    data = rows.ar_data(n, p, 0.5, dtype=np.float32)
    problem = rows.make_problem(*data, 1.0, n_lambdas=L, lambda_min_ratio=ratio)
    about = {"n": n, "p": p, "dtype": "float32", "rho": 0.5, "lambda_min_ratio": ratio}
    if program != "jaxreg":
        from benchmarks import stand_ins

        call, describe = stand_ins.lasso_by_sklearn(problem)
        return Case(call, about, describe, judged(problem))
    import jaxreg as jr

    options = {"lambdas": problem.lambdas, "fit_intercept": False, "standardize": False}
    return Case(lambda: jr.fit_path(problem.X, problem.y, **options), about, of_path, judged(problem))


def groups(n, p, tiny):
    """A path of the group lasso, groups of ten columns."""
    import jaxreg as jr
    from benchmarks import penalty_rows

    n, p = (40, 60) if tiny else (n, p)
    problem = penalty_rows.select([f"group-{n}x{p}"])[0].load()
    lambdas = problem.lambdas[:10] if tiny else problem.lambdas
    penalty = jr.penalties.GroupLasso(np.array(problem.arguments["labels"]))
    options = {"penalty": penalty, "lambdas": lambdas, "fit_intercept": False, "standardize": False}
    about = {"n": n, "p": p, "dtype": "float64", "rho": penalty_rows.RHO, "group": penalty_rows.GROUP}
    return Case(lambda: jr.fit_path(problem.X, problem.y, **options), about, of_path, judged(problem))


def family(loss, n, p, tiny, folds=None):
    """A lasso path of another loss than the squared one, or that in all folds too, in float64."""
    import jaxreg as jr
    from benchmarks import rows

    n, p, L = (120, 8, 5) if tiny else (n, p, 100)
    columns, z = rows.ar_data(n, p, 0.5)
    X, eta = rows.standardised(columns, z)
    rng = np.random.default_rng(2)
    y = {
        "binomial": lambda: (rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(int),
        "multinomial": lambda: np.argmax(np.linspace(-1, 1, CLASSES)[:, None] * eta + rng.gumbel(size=(CLASSES, n)), 0),
        "cox": lambda: {"time": rng.exponential(np.exp(-eta)), "event": rng.uniform(size=n) < EVENTS},
    }[loss]()
    options = {"loss": loss, "n_lambdas": L, "lambda_min_ratio": 1e-2, "standardize": False}
    options |= {"solver": "batched"} if tiny else {}  # a rehearsal goes the way of an accelerator
    about = {"n": n, "p": p, "dtype": "float64", "rho": 0.5, "loss": loss, "lambda_min_ratio": 1e-2}
    if folds is None:
        return Case(lambda: jr.fit_path(X, y, **options), about, of_path, lambda path: None)
    cv = np.random.default_rng(1).permutation(np.arange(n) % (3 if tiny else folds))
    return Case(lambda: jr.fit_cv(X, y, cv=cv, **options), about | {"folds": folds}, of_folds, lambda cv: None)


def networks(tiny):
    """The networks of the digits row: all strengths, folds and seeds in one call."""
    import optax

    import jaxreg as jr
    from benchmarks import neural

    data = neural.problem()
    strengths, folds, seeds, epochs = neural.STRENGTHS, neural.FOLDS, neural.SEEDS, neural.EPOCHS
    model = jr.neural.MLP((64, 64, 64), "classification")
    if tiny:
        strengths, seeds, epochs, model = strengths[::16], 1, 1, jr.neural.MLP((4,), "classification")
    pairs = [(np.flatnonzero(data.folds != k), np.flatnonzero(data.folds == k)) for k in range(folds)]
    options = {"strengths": strengths, "epochs": epochs, "seeds": seeds, "batch_size": 32, "refit": False}
    options |= {"regularizer": jr.neural.L2(), "optimizer": optax.adam(1e-3), "cv": pairs[: 2 if tiny else folds]}
    about = {"n": len(data.y), "p": data.X.shape[1], "dtype": "float32", "epochs": epochs, "seeds": seeds}
    return Case(lambda: jr.neural.fit_path(model, data.X, data.y, **options), about, of_networks, lambda path: None)


CASES = {
    "cv-ar0.5": lambda tiny: folds_of_all_mixes(0.5, tiny),
    "cv-ar0.9": lambda tiny: folds_of_all_mixes(0.9, tiny),
    "cv-ar0.9-tensorfloat32": lambda tiny: folds_of_all_mixes(0.9, tiny, step_precision="tensorfloat32"),
    "lasso-500x200000": lambda tiny: lasso(500, 200000, 1e-2, tiny),
    "lasso-20000x20000": lambda tiny: lasso(20000, 20000, 1e-2, tiny),
    "group-1000x20000": lambda tiny: groups(1000, 20000, tiny),
    "logistic-20000x2000": lambda tiny: family("binomial", 20000, 2000, tiny),
    "cv-logistic-20000x2000": lambda tiny: family("binomial", 20000, 2000, tiny, folds=10),
    "multinomial-20000x1000": lambda tiny: family("multinomial", 20000, 1000, tiny),
    "cox-20000x1000": lambda tiny: family("cox", 20000, 1000, tiny),
    "networks-480": networks,
    "cv-ar0.5-fista": lambda tiny: folds_of_all_mixes(0.5, tiny, "fista"),
    "cv-ar0.9-fista": lambda tiny: folds_of_all_mixes(0.9, tiny, "fista"),
    "cv-ar0.5-sklearn": lambda tiny: folds_of_all_mixes(0.5, tiny, "sklearn"),
    "lasso-500x200000-sklearn": lambda tiny: lasso(500, 200000, 1e-2, tiny, "sklearn"),
}
# The same calls where the process finds no accelerator
ON_CORES = "cv-ar0.5", "cv-ar0.9", "lasso-500x200000", "lasso-20000x20000", "logistic-20000x2000"
CASES |= {f"{name}-cpu": CASES[name] for name in ON_CORES}


def emit(**entry):
    print(json.dumps(entry, allow_nan=False, default=float), flush=True)


def facts(tiny):
    """Device, driver, versions and rates."""
    import jax

    from benchmarks.device_rates import facts as rates

    device = jax.devices()[0]
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        driver = None
    emit(
        device=device.device_kind,
        platform=device.platform,
        devices=len(jax.devices()),
        driver=driver,
        memory_mb=(device.memory_stats() or {}).get("bytes_limit", 0) / 2**20 or None,
        cores=os.cpu_count(),
        python=platform.python_version(),
        versions={name: _version(name) for name in PACKAGES},
    )
    with jax.enable_x64(True):
        emit(rates=rates(256, 2**16, 64) if tiny else rates())


def _version(name):
    import jaxreg

    return jaxreg.__version__ if name == "jaxreg" else version(name)  # a checkout need not be installed


def measure(make, tiny):
    """Emit the stages of one case."""
    began = time.perf_counter()
    import jaxreg  # noqa: F401
    from benchmarks import timeline

    imported = time.perf_counter()
    case = make(tiny)
    emit(import_seconds=imported - began, data_seconds=time.perf_counter() - imported, **case.about)
    with timeline.compilations() as compiled:
        began = time.perf_counter()
        result = case.call()
        first = time.perf_counter() - began
    emit(first={"seconds": first, **compiled}, result=case.describe(result), device_peak_mb=timeline.peak_mb())
    seconds = []
    while len(seconds) < CALLS and sum(seconds) < SECONDS:
        began = time.perf_counter()
        case.call()
        seconds.append(time.perf_counter() - began)
    emit(seconds=seconds, median=float(np.median(seconds)))
    emit(judged_gap=case.judge(result))
    if min(seconds) <= PROFILED:
        emit(functions=timeline.functions(case.call))
    if min(seconds) <= TRACED:
        emit(split=timeline.split(case.call))


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator_rows", description=__doc__)
    parser.add_argument("name", choices=["facts", *CASES])
    parser.add_argument("limit", type=float, help="seconds; where the row is shortly before is written to stderr")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    faulthandler.dump_traceback_later(max(1.0, options.limit - 2), file=sys.stderr)
    if options.name == "facts":
        facts(options.tiny)
    else:
        measure(CASES[options.name], options.tiny)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
