"""What every Python worker does: `python loop.py MODULE JOBDIR` loads a job, then fits, times and saves on request.

A request is a line of JSON, {"setting": {...}, "runs": k, "save": file or null}; so is a reply, {"seconds": [...]}, and
the first one tells also the seconds of the imports, the memory of the first fit and the versions. MODULE has

    PACKAGES: distributions whose versions are reported
    fit(X, y, lambdas, l1_ratio, **setting) -> result: this alone is timed. To cross-validate,
        fit(X, y, lambdas (A, L), l1_ratios, fold ids, **setting). With another penalty,
        fit(X, y (n,) or (n, K), lambdas, penalty, arguments, **setting): see penalty_rows. Of
        a family, fit(X, y, lambdas, family, fold ids or None, **setting): see family_rows
    coefficients(result) -> (L, p), with K responses (L, p, K), for the judge. To cross-validate, (A, K + 1, L, p): of
        all rows, and of those that each fold leaves, by the same solver at the same setting; to leave one out, squared
        errors (n, L). Of a family (L, 1 + p) or (L, 1 + p, K), the intercept first; to cross-validate
        (1 + folds, L, 1 + p)
    device_peak() -> MB of an accelerator, or None: if its program can use one
"""

import contextlib
import importlib
import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path


def memory(field, process="self"):
    """VmRSS or VmHWM in MB; None where /proc does not tell."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)


def of_all_processes():
    """VmHWM in MB of this process and of those that it started and that still run."""
    started = [pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]
    peaks = [memory("VmHWM", process) for process in ("self", *started)]
    return sum(peak for peak in peaks if peak is not None) or None


def load(folder):
    import numpy as np  # here, so that its import counts as part of the program's

    job = json.loads((folder / "job.json").read_text())
    X = np.fromfile(folder / "X", dtype=job["dtype"]).reshape(job["p"], job["n"]).T
    y, lambdas = np.fromfile(folder / "y", dtype=job["dtype"]), np.fromfile(folder / "lambdas")
    if "l1_ratio" in job:
        return X, y, lambdas, job["l1_ratio"]
    if "penalty" in job:
        return X, y.reshape(job["y_shape"]), lambdas, job["penalty"], job["arguments"]
    if "family" in job:
        folds = np.fromfile(folder / "folds", dtype=np.int32) if job["cv"] else None
        return X, y.reshape(job["y_shape"]), lambdas, job["family"], folds
    l1_ratios = job["l1_ratios"]
    return X, y, lambdas.reshape(len(l1_ratios), -1), l1_ratios, np.fromfile(folder / "folds", dtype=np.int32)


def answer(program, job, request):
    """(reply, result) of a request."""
    seconds = []
    for _ in range(request["runs"]):
        began = time.perf_counter()
        result = program.fit(*job, **request["setting"])
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds}, result


def main(name, folder):
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the program prints is not a reply
    began = time.perf_counter()
    program = importlib.import_module(name)
    first = {"import_seconds": time.perf_counter() - began}
    first["versions"] = {package: version(package) for package in program.PACKAGES}
    warnings.simplefilter("ignore")  # of convergence, say: the gap judges
    job = load(Path(folder))
    # Imports and loading may have needed more memory than they left: where the kernel allows, the peak starts anew.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply, result = answer(program, job, request)
            if first:
                first["peak_mb"] = before and memory("VmHWM") - before
                first["whole_mb"] = of_all_processes()
                first["device_peak_mb"] = getattr(program, "device_peak", lambda: None)()
                reply |= first
                first = {}
            if request["save"]:
                program.coefficients(result).astype("float64", order="C").tofile(request["save"])
            del result
        except Exception as error:  # a program that fails is a result
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
