"""The program that solves and certifies problems of many lanes: from Gram matrices, or rows, to gaps in one dispatch.

Problems go through the queue of `_queue`: elastic nets of the squared loss by conjugate gradients on faces, those of
any other convex penalty or loss by proximal gradient with Anderson acceleration.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxreg.paths import _queue
from jaxreg.paths._mesh import on_mesh
from jaxreg.paths._ways import Solved
from jaxreg.solvers.composite import LOWERED_PART
from jaxreg.solvers.smooth import LOWER, SUM_ROUNDING


class Fitted(NamedTuple):
    """What the program gives of F lanes with S N problems."""

    b: Any  # (F, S N, m [, K])
    images: Any  # (F, S N, n [, K]) their eta - offset; None of the squared loss
    of_first: Any  # (S N, m [, K]) that of the first lane
    gaps: Any  # (F, S N)
    losses: Any  # (F, S N, K or 1)
    n_iter: Any  # (F, S N)
    steps: Any  # (G,) of all places of each group


@partial(jax.jit, static_argnames=("way", "search", "axes", "kind", "shape", "places", "mesh", "precision", "lower"))
def solve(data, lanes, penalty, schedule, b, goal, *, way, search, axes, kind, shape, places, mesh, precision, lower):
    """The Fitted of the problems of F lanes.

    way, search: of `_ways` or `_means`; data: what it makes products with, as its `prepared` takes them; lanes,
    schedule: of G groups, S of each lane and copies; penalty: some leaves, those named in `axes`, with one of all
    mixing parameters; b: (F, 1, m) or (F, S N, m), with a last axis (K,) for K responses; kind: of the certificate, as
    the way takes it; shape: (F, S); places: those of the queue; mesh: over which groups are shared out, None for one
    device; precision: of the user's coefficients, in which they are certified; lower: None, or that of the products of
    first steps
    """
    lanes, shared = way.prepared(data, lanes)
    G, N = schedule.share.shape
    b = b.reshape(-1, N, *b.shape[2:]) if b.shape[1] > 1 else jnp.repeat(b, shape[1], axis=0)
    b = b[jnp.minimum(jnp.arange(G), len(b) - 1)]
    of_mix = partial(_of_mix, axes=axes)
    solved = _solved(way, search, lanes, shared, penalty, schedule, b, goal, of_mix, kind, places, mesh, lower)
    certified = way.certified(lanes, penalty, solved, of_mix, shared, kind, precision)

    def of_lanes(values):
        """Of groups (G, N, ...), of lanes (F, S N, ...)."""
        real = values[: shape[0] * shape[1]]
        return real.reshape(shape[0], -1, *real.shape[2:])

    b, images, gaps, losses, n_iter = jax.tree.map(of_lanes, (*certified, solved.n_iter))
    return Fitted(b, images, b[0], gaps, losses, n_iter, solved.steps)


def _of_mix(penalty, i, axes):
    """The penalty with the mixing parameter i."""
    leaves, structure = jax.tree.flatten(penalty)
    return jax.tree.unflatten(structure, [leaf[i] if j in axes else leaf for j, leaf in enumerate(leaves)])


def _solved(way, search, lanes, shared, penalty, schedule, b, goal, of_mix, kind, places, mesh, lower):
    """The Solved of the problems of G groups."""

    def queued(products, lanes, shared, penalty, schedule, x, goal):
        def run(groups, of_all):
            lanes, share, limit, number, x = groups
            shared, penalty, neighbours, goal = of_all
            ways = jax.vmap(lambda lane: way.of(lane, shared, products))(lanes)

            def problem(lane, k):
                lane, way = lane
                return way.problem(shared, of_mix(penalty, lane.mix[k]), lane.lambdas[k], lane.residuals[k])

            def content(lane, k, x, q):
                lane, way = lane
                return way.gap(lane, of_mix(penalty, lane.mix[k]), x, q, lane.lambdas[k], kind) <= goal

            schedule = _queue.Schedule(neighbours, share, limit, number)
            queued = search((lanes, ways), schedule, x, problem, content, places)
            return queued, jax.vmap(lambda way, x: jax.vmap(way.point)(x))(ways, queued.x), ways.step

        return on_mesh(run, mesh, (lanes, *schedule[1:], x), (shared, penalty, schedule.neighbours, goal))

    x, N = jax.vmap(jax.vmap(way.into, (None, 0)))(lanes, b), schedule.share.shape[1]
    n_iter, steps = jnp.zeros(schedule.share.shape, int), jnp.zeros(len(x), int)
    if lower is not None:
        few = schedule._replace(limit=schedule.limit // LOWERED_PART)
        roughly = jnp.maximum(goal, SUM_ROUNDING * LOWER[lower])
        first, _, _ = queued(lower, *jax.tree.map(_single, (lanes, shared, penalty, few, x, roughly)))
        x, n_iter, steps = first.x.astype(x.dtype), first.n_iter, first.steps
        every = jnp.tile(jnp.arange(N), (2, 1))  # goes on from where it is
        schedule = schedule._replace(neighbours=every, limit=schedule.limit - n_iter)
    last, b, step = queued("full", lanes, shared, penalty, schedule, x, goal)
    return Solved(b, last.q, n_iter + last.n_iter, steps + last.steps, step)


def _single(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
