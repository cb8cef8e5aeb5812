"""What the measurements were made on: hardware, versions, and the rates that bound every program."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.linalg import blas

from benchmarks.environments import Absent, clean_variables

ROOT = Path(__file__).parents[1]
AT_LEAST = 7, 0.5  # runs and seconds behind a rate


def describe():
    """Hardware and system."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def today():
    return datetime.now(UTC).date().isoformat()


def commit():
    """The commit that is measured, marked if the tree differs from it; None outside a clone and without git."""
    if not shutil.which("git"):
        return None
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def rates(device):
    """Measured GEMM rates (flops per second) and reading bandwidth (bytes per second); Absent without such a device."""
    if device == "gpu":
        command = [sys.executable, "-m", "benchmarks.device_rates"]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_variables(), check=False, cwd=ROOT)
        if done.returncode:
            raise Absent(f"no GPU: {(done.stderr.strip().splitlines() or ['no message'])[-1][:200]}")
        return json.loads(done.stdout.splitlines()[-1])
    squares = {dtype: np.ones((2000, 2000), dtype) for dtype in ("float32", "float64")}
    vector = np.ones(2**27)  # 1 GB, more than the caches of most machines
    return {
        "gemm_flops": {dtype: 2 * len(a) ** 3 / _seconds(np.matmul, a, a) for dtype, a in squares.items()},
        "read_bytes": vector.nbytes / _seconds(np.dot, vector, vector),
    }


def floor(problem, measured, device):
    """Seconds that no program of this kind can go below, and what they are spent on.

    Tall: half of X'X once, on a CPU measured at this very size. Wide: the products X'r of the certificates of all
    lambdas at the GEMM rate, or reading X once, whichever takes longer.
    """
    n, p = problem.X.shape
    rate = measured["gemm_flops"][str(problem.X.dtype)]
    if n >= p and device == "gpu":
        return {"seconds": n * p * (p + 1) / rate, "of": "X'X once, at the GEMM rate"}
    if n >= p:
        product = blas.dsyrk if problem.X.dtype == np.float64 else blas.ssyrk
        return {"seconds": _seconds(lambda: product(1.0, problem.X, trans=True)), "of": "X'X once, measured"}
    multiplying = 2 * n * p * problem.points / rate
    reading = problem.X.nbytes / measured["read_bytes"]
    return {"seconds": max(multiplying, reading), "of": "X'r at all lambdas" if multiplying > reading else "reading X"}


def _seconds(action, *arguments):
    """The fastest of several runs: a floor is what the machine can do when nothing disturbs it."""
    action(*arguments)
    runs, seconds = AT_LEAST
    taken, total = [], 0.0
    while len(taken) < runs or total < seconds:
        began = time.perf_counter()
        action(*arguments)
        taken.append(time.perf_counter() - began)
        total += taken[-1]
    return min(taken)


def _cpu_name():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
