"""Prints the measured GEMM rates and reading bandwidth of the GPU as JSON; fails where JAX finds none."""

import json
import time

import jax
import jax.numpy as jnp

REPEATS, SIDE, LONG = 7, 8192, 2**28

device = jax.devices("gpu")[0]
jax.config.update("jax_enable_x64", True)


def seconds(action, *arguments):
    action = jax.jit(action)
    action(*arguments).block_until_ready()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action(*arguments).block_until_ready()
        taken.append(time.perf_counter() - began)
    return min(taken)


def gemm(dtype):
    square = jnp.ones((SIDE, SIDE), dtype)
    # TensorFloat-32 would be a rate that no certified float32 path can have
    return 2 * SIDE**3 / seconds(lambda a: jnp.matmul(a, a, precision=jax.lax.Precision.HIGHEST), square)


vector = jnp.ones(LONG)
print(
    json.dumps(
        {
            "gpu": device.device_kind,
            "gemm_flops": {dtype: gemm(dtype) for dtype in ("float32", "float64")},
            "read_bytes": vector.nbytes / seconds(jnp.sum, vector),
        }
    )
)
