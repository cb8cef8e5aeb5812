"""FISTA of all folds, mixing parameters and lambdas at once, in plain JAX in float64.

No library for accelerators has cross-validation of elastic nets: this stands for what one would write, to the same
duality gap. All take their steps until the last is done, from 0, with steps of one length and restarts.

Source: Beck and Teboulle (2009), SIAM J. Imaging Sci. 2; O'Donoghue and Candes (2015), Found. Comput. Math. 15.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

BETWEEN = 10  # steps from one look at the gaps to the next
MOST = 20_000  # steps
POWER, MARGIN = 50, 1.02  # steps of the power method, and what is added to its bound from below


def cross_validated(X, y, folds, l1_ratios, lambdas, tol):
    """(gaps (F + 1, A L), coefficients of all rows (A L, p), mean squared errors (F, A L), steps); lambdas (A, L)."""
    weights = np.stack([np.ones(len(y)), *(folds != k for k in range(folds.max() + 1))])
    ratios = np.repeat(np.asarray(l1_ratios), lambdas.shape[1])
    with jax.enable_x64(True):
        return jax.device_get(_fit(X, y, weights, ratios * lambdas.ravel(), (1 - ratios) * lambdas.ravel(), tol))


@jax.jit
def _fit(X, y, weights, l1, l2, tol):
    def moments(weight):
        n = weight.sum()
        mean, level = weight @ X / n, weight @ y / n
        rows, z = (X - mean) * weight[:, None], y - level
        return rows.T @ (X - mean) / n, rows.T @ z / n, weight * z @ z / n, mean, level

    gram, corr, square, mean, level = lax.map(moments, weights)
    x, gaps, steps = _minima(gram, corr, square, l1, l2, tol)

    def error(fold):
        x, mean, level, held_out = fold
        r = (y - level)[:, None] - (X - mean) @ x.T
        return held_out @ r**2 / held_out.sum()

    return gaps, x[0], lax.map(error, (x[1:], mean[1:], level[1:], 1 - weights[1:])), steps


def _minima(gram, corr, square, l1, l2, tol):
    """(x (F, N, p), gaps (F, N), steps)."""
    c, shape = corr[:, None], (len(gram), len(l1), corr.shape[1])

    def power(_, v):
        v = jnp.einsum("fij,fj->fi", gram, v)
        return v / jnp.linalg.norm(v, axis=1, keepdims=True)

    v = lax.fori_loop(0, POWER, power, jnp.ones(corr.shape) / np.sqrt(corr.shape[1]))
    largest = jnp.einsum("fi,fij,fj->f", v, gram, v)
    step = (1 / (MARGIN * largest[:, None] + l2))[..., None]

    def one(_, state):
        x, z, t, active = state
        pull = z + step * (c - z @ gram - l2[:, None] * z)
        new = jnp.sign(pull) * jnp.maximum(jnp.abs(pull) - step * l1[:, None], 0)
        restarts = jnp.sum((z - new) * (new - x), axis=2) > 0
        t_next = jnp.where(restarts, 1.0, (1 + jnp.sqrt(1 + 4 * t**2)) / 2)
        momentum = jnp.where(restarts, 0.0, (t - 1) / t_next)[..., None]
        return *(
            jnp.where(active[..., None], after, before)
            for after, before in ((new, x), (new + momentum * (new - x), z))
        ), t_next, active  # fmt: skip

    def some(carry):
        (x, z, t, active), _, steps = carry
        x, z, t, _ = lax.fori_loop(0, BETWEEN, one, (x, z, t, active))
        gaps = jax.vmap(partial(_gaps, l1=l1, l2=l2))(gram, corr, square, x)
        return (x, z, t, gaps > tol), gaps, steps + BETWEEN

    def unfinished(carry):
        (*_, active), _, steps = carry
        return active.any() & (steps < MOST)

    zero, number = jnp.zeros(shape), jnp.ones(shape[:2])
    begun = (zero, zero, number, number > 0), number, 0
    (x, *_), gaps, steps = lax.while_loop(unfinished, some, begun)
    return x, gaps, steps


def _gaps(gram, corr, square, x, *, l1, l2):
    """Relative duality gaps of x (N, p): the first dual value of `benchmarks.certificate`."""
    q = x @ gram
    ry = square - x @ corr
    rr, ridge = ry - x @ corr + jnp.sum(x * q, axis=1), l2 * jnp.sum(x**2, axis=1)
    primal = rr / 2 + l1 * jnp.sum(jnp.abs(x), axis=1) + ridge / 2
    h = jnp.max(jnp.abs(corr - q - l2[:, None] * x), axis=1)
    s = jnp.minimum(1.0, l1 / h)
    return (primal - s * ry + s**2 / 2 * (rr + ridge)) / (square / 2)
