"""Where the time of a call goes: compilation by JAX's own events, the device by its profiler, the rest is the host."""

import cProfile
import pstats
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import jax

COMPILING = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "backend",
}
COPIES = "memcpyh2d", "memcpyd2h"  # between host and device; the others are work of the device
MOST_FUNCTIONS, MOST_KERNELS = 12, 8

_counters: list = []


def _count(event, seconds, **_):
    for counter in _counters:
        if event in COMPILING:
            counter[COMPILING[event]] += seconds
            counter["programs"] += event.endswith("backend_compile_duration")


jax.monitoring.register_event_duration_secs_listener(_count)


@contextmanager
def compilations():
    """A dict that fills with the seconds of tracing, lowering and the backend's compiler, and the programs compiled."""
    counter = defaultdict(float, tracing=0.0, lowering=0.0, backend=0.0, programs=0)
    _counters.append(counter)
    try:
        yield counter
    finally:
        _counters.remove(counter)


def covered(intervals):
    """The length of the union of intervals (start, end)."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def split(call):
    """Seconds of one call by what they are spent on, from a trace of the device.

    device: union of its kernels; transfers: union of its copies; host: wall time in which the device has neither,
    less compilation. On a backend without a timeline of its own, such as a CPU, `device` and `transfers` are None.
    """
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level, options.host_tracer_level = 0, 1
    with tempfile.TemporaryDirectory() as folder:
        with compilations() as compiled, jax.profiler.trace(folder, profiler_options=options):
            began = time.perf_counter()
            call()
            wall = time.perf_counter() - began
        (file,) = Path(folder).rglob("*.xplane.pb")
        planes = [plane for plane in jax.profiler.ProfileData.from_file(str(file)).planes if _is_device(plane.name)]
        seconds = {"wall": wall, "compilation": compiled["lowering"] + compiled["backend"]}
        if not planes:
            return seconds | {"device": None, "transfers": None, "host": None}
        return seconds | of_lines([line for plane in planes for line in plane.lines], **seconds)


def _is_device(name):
    return name.startswith("/device:") and "CPU" not in name


def of_lines(lines, wall, compilation):
    """What the lines of a device's timeline tell: those of its streams alone, not those derived from them."""
    kernels, copies, longest = [], [], defaultdict(lambda: [0, 0.0])
    streams = [line for line in lines if line.name.startswith("Stream")] or list(lines)
    for line in streams:
        for event in line.events:
            interval = event.start_ns, event.start_ns + event.duration_ns
            (copies if event.name.lower().startswith(COPIES) else kernels).append(interval)
            longest[event.name][0] += 1
            longest[event.name][1] += event.duration_ns / 1e9
    busy = covered(kernels + copies) / 1e9
    top = sorted(longest.items(), key=lambda item: -item[1][1])[:MOST_KERNELS]
    return {
        "device": covered(kernels) / 1e9,
        "transfers": covered(copies) / 1e9,
        "host": max(0.0, wall - compilation - busy),
        "kernels": len(kernels),
        "copies": len(copies),
        "lines": sorted({line.name for line in lines}),
        "longest": [{"name": name[:80], "times": times, "seconds": seconds} for name, (times, seconds) in top],
    }


def functions(call):
    """The Python functions in which one call spends most, by their own time."""
    profile = cProfile.Profile()
    profile.runcall(call)
    stats = pstats.Stats(profile).stats
    top = sorted(stats.items(), key=lambda item: -item[1][2])[:MOST_FUNCTIONS]
    return [
        {"function": f"{Path(file).name}:{line} {name}", "times": times, "own": own, "with_callees": whole}
        for (file, line, name), (_, times, own, whole, _) in top
    ]


def peak_mb():
    """The most memory that the device's allocator has had in use, in MB; None where it does not say."""
    stats = jax.devices()[0].memory_stats()
    return stats and stats["peak_bytes_in_use"] / 2**20
