"""How much memory there is for what a solver works on."""

from pathlib import Path

import jax
import numpy as np

GROUP = Path("/sys/fs/cgroup")  # limits of a container, where there are any


def available():
    """Free bytes of the device, or of the host where that computes; infinite where nobody knows."""
    used = jax.devices()[0].memory_stats()  # None on a CPU
    if used is not None:
        return used.get("bytes_limit", np.inf) - used.get("bytes_in_use", 0)
    return min(_of_host(), _of_group())


def _of_host():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return np.inf


def _of_group():
    try:
        limit, used = ((GROUP / name).read_text() for name in ("memory.max", "memory.current"))
        return int(limit) - int(used)
    except (OSError, ValueError):  # there is none
        return np.inf
