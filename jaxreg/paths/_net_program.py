"""The program that solves and certifies elastic nets of many lanes: from Gram matrices to gaps in one dispatch."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from jaxreg.certificates._kernels import Terms, at_product
from jaxreg.design._base import PRECISION
from jaxreg.design._gram import stacked
from jaxreg.design._placement import GROUPS
from jaxreg.paths import _queue
from jaxreg.penalties import ElasticNet
from jaxreg.solvers import faces
from jaxreg.solvers.smooth import LOWER, SUM_ROUNDING, Quadratic

LOWERED_PART = 4  # steps of lower precision take at most max_iter divided by this


class NetLane(NamedTuple):
    """What the program is told of a lane."""

    gram: Any  # (m, m)
    terms: Terms
    present: Any  # (m,) columns that are not left out
    divisor: Any  # (m,) what makes b of coefficients on the scale of the design
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    ratios: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)


class Fitted(NamedTuple):
    """What the program gives of F lanes with S N problems."""

    b: Any  # (F, S N, m)
    of_first: Any  # (S N, m) that of the first lane
    gaps: Any  # (F, S N)
    losses: Any  # (F, S N)
    n_iter: Any  # (F, S N)
    steps: Any  # (G,) of all places of each group
    judged: Any


@partial(jax.jit, static_argnames=("shape", "places", "mesh", "precision", "lower", "judge"))
def solve(grams, lanes, schedule, b, goal, held_out, *, shape, places, mesh, precision, lower, judge):
    """The Fitted of the problems of F lanes.

    grams: matrices or stacks of them, and the place of each group's among them all; lanes, schedule: of G groups, S of
    each lane and copies; b: (F, 1, m) or (F, S N, m); shape: (F, S); mesh: over which groups are shared out, None for
    one device; precision: of the user's coefficients, in which they are certified; lower: None, or that of the products
    of first steps; judge(held_out, b): what else is made of the solutions, None for nothing
    """
    lanes = lanes._replace(gram=_masked(grams, lanes.present))
    G, N = schedule.share.shape
    b = b.reshape(-1, N, b.shape[2]) if b.shape[1] > 1 else jnp.repeat(b, shape[1], axis=0)
    x = b[jnp.minimum(jnp.arange(G), len(b) - 1)] * lanes.terms.scale[:, None]
    n_iter, steps = jnp.zeros((G, N), int), jnp.zeros(G, int)
    if lower is not None:
        few = schedule._replace(limit=schedule.limit // LOWERED_PART)
        roughly = jnp.maximum(goal, SUM_ROUNDING * LOWER[lower])
        single = jax.tree.map(_single, (lanes, few, x, roughly))
        first = _queued(*single, places=places, mesh=mesh, products=lower)
        x, n_iter, steps = first.x.astype(x.dtype), first.n_iter, first.steps
        every = jnp.tile(jnp.arange(N), (2, 1))  # goes on from where it is
        schedule = schedule._replace(neighbours=every, limit=schedule.limit - n_iter)
    last = _queued(lanes, schedule, x, goal, places=places, mesh=mesh, products="full")

    def returned(lane, x):
        """(b (N, m) as the user gets it, gaps, losses) of solutions of a lane."""
        b = x / lane.divisor
        if precision != np.float64:
            unit = jnp.where(lane.present, lane.per_coefficient, 1.0)
            bits = np.finfo(precision)  # a cast there and back might be left out
            b = lax.reduce_precision(b * unit, bits.nexp, bits.nmant) / unit
        fit = jnp.matmul(b * lane.terms.scale, lane.gram, precision=PRECISION)
        gaps, losses = jax.vmap(partial(_certified, lane))(jnp.arange(len(b)), b, fit)
        return b, gaps, losses

    def of_lanes(values):
        """Of groups (G, N, ...), of lanes (F, S N, ...)."""
        real = values[: shape[0] * shape[1]]
        return real.reshape(shape[0], -1, *real.shape[2:])

    b, gaps, losses, n_iter = map(of_lanes, (*jax.vmap(returned)(lanes, last.x), n_iter + last.n_iter))
    judged = None if judge is None else judge(held_out, b)
    return Fitted(b, b[0], gaps, losses, n_iter, steps + last.steps, judged)


def _masked(grams, present):
    """Gram matrices (G, m, m), with zeros for columns that are left out or absent; present (G, m)."""
    gram = stacked(grams)
    more = present.shape[1] - gram.shape[1]
    gram = jnp.pad(gram, ((0, 0), (0, more), (0, more)))
    return jnp.where(present[:, :, None] & present[:, None, :], gram, 0.0)


def _queued(lanes, schedule, x, goal, *, places, mesh, products):
    """The Solutions of the queues of all groups, each on its device."""

    def run(lanes, schedule, x, goal):
        def content(lane, k, x, q):
            return _certified(lane, k, x / lane.divisor, q)[0] <= goal

        return _queue.solve(lanes, schedule, x, partial(_net, products=products), content, places)

    if mesh is None:
        return run(lanes, schedule, x, goal)
    shared: Any = PartitionSpec()
    each: Any = PartitionSpec(GROUPS)
    of_schedule = _queue.Schedule(shared, each, each, each)
    return jax.shard_map(run, mesh=mesh, in_specs=(each, of_schedule, each, shared), out_specs=each, check_vma=False)(
        lanes, schedule, x, goal
    )


def _net(lane, k, products):
    """The problem k of a lane, on the scale of the design, where columns have length 1."""
    ratio, lam, factors = lane.ratios[k], lane.lambdas[k], jnp.where(lane.present, lane.terms.factors, 1.0)
    smooth = Quadratic(lane.gram, jnp.where(lane.present, lane.terms.corr, 0.0), products)
    return faces.Net(smooth, lam * ratio * factors / lane.divisor, lam * (1 - ratio) * factors / lane.divisor**2)


def _certified(lane, k, b, product):
    """(gap, loss) of b (m,) as a solution of problem k."""
    penalty = ElasticNet(lane.ratios[k])
    gap, losses, _ = at_product(lane.terms, penalty, b, product, lane.lambdas[k], 1.0, kind="gap")
    return gap, losses[0]


def _single(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
