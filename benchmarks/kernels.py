"""Kernels of a step of the queue on an H100, counted on a machine without one: `python -m benchmarks kernels`.

XLA compiles the batched program for a GPU that is described to it, where JAX has its CUDA part (`pip install
"jax[cuda12]"`); nothing runs. A step is the body of the loop with its condition, and each of its operations a launch.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks import rows
from benchmarks.table import markdown

N, P, FOLDS, LAMBDAS = 1200, 1000, 10, 100  # the program does not know the number of rows
GROUP = 5  # columns of a group
NO_LAUNCH = {"parameter", "tuple", "get-tuple-element", "bitcast", "constant"}
H100 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  shared_memory_per_block: 49152  shared_memory_per_core: 233472  shared_memory_per_block_optin: 232448
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000  l2_cache_size: 52428800  device_memory_size: 84929347584
  cuda_compute_capability { major: 9 }
}
runtime_version { major: 12  minor: 8 }
dnn_version_info { major: 9  minor: 7 }
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
"""


class _Asked(Exception):
    """Carries what the program is called with."""


def _penalties():
    import jaxreg as jr

    groups = jr.penalties.GroupLasso(np.arange(P) // GROUP)
    return {
        "net": {"l1_ratios": tuple(np.arange(1, 11) / 10)},
        "group": {"penalty": groups},
        "slope": {"penalty": jr.penalties.SLOPE(np.linspace(2.0, 1.0, P))},
        "fused": {"penalty": jr.penalties.FusedLasso()},
    }


def _call(options):
    """(arguments, keywords) of the program in a cross-validation, which ends there."""
    import jaxreg as jr
    from jaxreg.paths import _program

    def asked(*args, **keywords):
        raise _Asked(args, keywords)

    data = rows.make_problem(*rows.ar_data(N, P, 0.5), 1.0, n_lambdas=LAMBDAS)
    with patch.object(_program, "solve", asked):
        try:
            jr.fit_cv(data.X, data.y, cv=FOLDS, n_lambdas=LAMBDAS, solver="batched", **options)
        except _Asked as call:
            return call.args
    raise AssertionError("the batched program was not called")


def _compiled(args, keywords):
    """The text of the program for an H100."""
    import jax
    from jax.experimental import topologies

    from jaxreg.paths import _program

    try:
        topology = topologies.get_topology_desc(platform="cuda", target_config=H100, topology="1x1x1")
    except NotImplementedError as error:
        raise SystemExit(
            'JAX has no CUDA part here: pip install "jax[cuda12]" of its version, no device needed.'
        ) from error
    there = jax.sharding.SingleDeviceSharding(topology.devices[0])

    def shape(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=there)

    with jax.enable_x64(True):
        traced = _program.solve.trace(*jax.tree.map(shape, args), **keywords)
        lowered = traced.lower(lowering_platforms=("cuda",))
        return lowered.compile(compiler_options={"xla_gpu_autotune_level": 0}).as_text()


def launches(text):
    """Of the loop that has most in a step."""
    computations, name = {}, None
    for line in text.splitlines():
        head = re.match(r"^(?:ENTRY )?%([\w.\-]+) \(", line)
        name = head.group(1) if head else name
        operation = re.match(r"^  (?:ROOT )?%[\w.\-]+ = .*? ([\w\-]+)\(", line)
        if operation and operation.group(1) not in NO_LAUNCH:
            computations[name] = computations.get(name, 0) + 1
    loops = re.findall(r"condition=%([\w.\-]+), body=%([\w.\-]+)", text)
    return max(computations.get(condition, 0) + computations.get(body, 0) for condition, body in loops)


def measure(out):
    """Count all penalties, and write them to the file `out`."""
    counts = []
    for penalty, options in _penalties().items():
        args, keywords = _call(options)
        counts.append(
            {"penalty": penalty, "places": keywords["places"], "launches": launches(_compiled(args, keywords))}
        )
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "device": "H100", "folds": FOLDS, "p": P, "rows": counts}
    Path(out).write_text(json.dumps(found, indent=1) + "\n")
    return table(found)


def table(results):
    """The counts as Markdown."""
    body = [[row["penalty"], str(row["places"]), str(row["launches"])] for row in results["rows"]]
    return markdown(["penalty", "places", "launches of a step"], body)
