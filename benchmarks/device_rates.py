"""What a device can do at most: measured rates of products, of reading, of copies to it, and the cost of a small step.

`python -m benchmarks.device_rates` prints them as JSON; it fails where JAX finds no GPU.
"""

import json
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

REPEATS, SIDE, LONG = 7, 8192, 2**28
STEPS = 2000  # of a loop that does next to nothing
HIGHEST = jax.lax.Precision.HIGHEST


def seconds(action, *arguments):
    """The fastest of several runs: a rate is what the device can do when nothing disturbs it."""
    action = jax.jit(action)
    jax.block_until_ready(action(*arguments))
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(action(*arguments))
        times.append(time.perf_counter() - began)
    return min(times)


def gemm(side, dtype, precision=HIGHEST):
    """Operations per second of a square product of random numbers."""
    square = jax.random.normal(jax.random.key(0), (side, side), dtype)
    return 2 * side**3 / seconds(partial(jnp.matmul, precision=precision), square, square)


def bounds(side=SIDE, long=LONG):
    """The rates that bound every program: of products (TensorFloat-32 gives no certified float32 path) and reading."""
    vector = jnp.ones(long)
    return {
        "gemm_flops": {dtype: gemm(side, dtype) for dtype in ("float32", "float64")},
        "read_bytes": vector.nbytes / seconds(jnp.sum, vector),
    }


def facts(side=SIDE, long=LONG, order=1000):
    """`bounds`, and what the design of an engine has to know beside them, in operations, bytes and seconds."""
    host = np.ones(long // 8)
    device = jax.device_put(host)
    symmetric = jnp.eye(order) + jnp.ones((order, order)) / order
    to_device, to_host = [], []
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(jax.device_put(host))
        to_device.append(time.perf_counter() - began)
        fresh = device + 1.0  # a copy on the host is kept with an array
        jax.block_until_ready(fresh)
        began = time.perf_counter()
        np.asarray(fresh)
        to_host.append(time.perf_counter() - began)

    def loop(carry):
        return jax.lax.while_loop(lambda s: s[0] < STEPS, lambda s: (s[0] + 1, jnp.sin(s[1])), (0, carry))

    def matrix_vector(carry):
        return jax.lax.fori_loop(0, STEPS, lambda _, v: jnp.matmul(symmetric, v, precision=HIGHEST) / 2, carry)

    fast = {"tensorfloat32": ("float32", jax.lax.DotAlgorithmPreset.TF32_TF32_F32), "bfloat16": ("bfloat16", None)}
    on_gpu = jax.default_backend() == "gpu"
    return bounds(side, long) | {
        "fast_gemm_flops": {name: gemm(side, *how) for name, how in fast.items()} if on_gpu else {},
        "to_device_bytes": host.nbytes / min(to_device),
        "to_host_bytes": host.nbytes / min(to_host),
        "launch_seconds": seconds(lambda x: x + 1, jnp.ones(())),
        "loop_step_seconds": seconds(loop, jnp.ones(())) / STEPS,
        "matrix_vector_step_seconds": {"order": order, "seconds": seconds(matrix_vector, jnp.ones(order)) / STEPS},
        "cholesky_seconds": {"order": order, "seconds": seconds(jnp.linalg.cholesky, symmetric)},
        "eigh_seconds": {"order": order, "seconds": seconds(jnp.linalg.eigh, symmetric)},
    }


if __name__ == "__main__":
    device = jax.devices("gpu")[0]
    with jax.enable_x64(True):
        print(json.dumps({"gpu": device.device_kind} | bounds()))
