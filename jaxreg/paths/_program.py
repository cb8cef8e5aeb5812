"""The program that solves and certifies problems of many lanes: from Gram matrices to gaps in one dispatch.

Problems go through the queue of `_queue`: elastic nets by conjugate gradients on faces, those of any other convex
penalty by proximal gradient with Anderson acceleration.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.certificates._kernels import Terms, at_product
from jaxreg.design._base import PRECISION
from jaxreg.design._gram import stacked
from jaxreg.paths import _queue
from jaxreg.paths._mesh import on_mesh
from jaxreg.paths._ways import Composites, Nets
from jaxreg.penalties._base import per_row
from jaxreg.solvers.composite import LOWERED_PART
from jaxreg.solvers.smooth import LOWER, SUM_ROUNDING


class Lane(NamedTuple):
    """What the program is told of a lane."""

    gram: Any  # (m, m)
    terms: Terms
    present: Any  # (m,) columns that are not left out
    divisor: Any  # (m,) what makes b of coefficients on the scale of the design
    unit: Any  # (m,) of b, where the method works in units of blocks
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    mix: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)
    residuals: Any  # (N,) that will do, where the method has one


class Fitted(NamedTuple):
    """What the program gives of F lanes with S N problems."""

    b: Any  # (F, S N, m [, K])
    of_first: Any  # (S N, m [, K]) that of the first lane
    gaps: Any  # (F, S N)
    losses: Any  # (F, S N, K or 1)
    n_iter: Any  # (F, S N)
    steps: Any  # (G,) of all places of each group


class _Solved(NamedTuple):
    """Of G groups, not yet certified."""

    b: Any  # (G, N, m [, K])
    n_iter: Any  # (G, N)
    steps: Any  # (G,)
    step: Any  # (G,) of the prox, in certificates by its residual


@partial(jax.jit, static_argnames=("axes", "kind", "shape", "places", "mesh", "precision", "lower"))
def solve(grams, lanes, penalty, schedule, b, goal, *, axes, kind, shape, places, mesh, precision, lower):
    """The Fitted of the problems of F lanes.

    grams: matrices or stacks of them, and the place of each group's among them all; lanes, schedule: of G groups, S of
    each lane and copies; penalty: some leaves, those named in `axes`, with one of all mixing parameters; b: (F, 1, m)
    or (F, S N, m), with a last axis (K,) for K responses; kind: of the certificate; shape: (F, S); places: those of the
    queue; mesh: over which groups are shared out, None for one device; precision: of the user's coefficients, in which
    they are certified; lower: None, or that of the products of first steps
    """
    lanes = lanes._replace(gram=_masked(grams, lanes.present))
    G, N = schedule.share.shape
    b = b.reshape(-1, N, *b.shape[2:]) if b.shape[1] > 1 else jnp.repeat(b, shape[1], axis=0)
    b = b[jnp.minimum(jnp.arange(G), len(b) - 1)]
    of_mix = partial(_of_mix, axes=axes)
    way = Nets if penalty.quadratic else Composites
    solved = _solved(way, lanes, penalty, schedule, b, goal, of_mix, kind, places, mesh, lower)

    def returned(lane, b, step):
        """(b (N, m [, K]) as the user gets it, gaps, losses) of solutions of a lane."""
        if precision != np.float64:
            unit = per_row(jnp.where(lane.present, lane.per_coefficient, 1.0), b[0])
            bits = np.finfo(precision)  # a cast there and back might be left out
            b = lax.reduce_precision(b * unit, bits.nexp, bits.nmant) / unit
        x = b * per_row(lane.terms.scale, b[0])
        fit = jnp.einsum("bj...,ji->bi...", x, lane.gram, precision=PRECISION)

        def certified(i, lam, b, fit):
            return at_product(lane.terms, of_mix(penalty, i), b, fit, lam, step, kind=kind)[:2]

        return b, *jax.vmap(certified)(lane.mix, lane.lambdas, b, fit)

    def of_lanes(values):
        """Of groups (G, N, ...), of lanes (F, S N, ...)."""
        real = values[: shape[0] * shape[1]]
        return real.reshape(shape[0], -1, *real.shape[2:])

    values = *jax.vmap(returned)(lanes, solved.b, solved.step), solved.n_iter
    b, gaps, losses, n_iter = map(of_lanes, values)
    return Fitted(b, b[0], gaps, losses, n_iter, solved.steps)


def _masked(grams, present):
    """Gram matrices (G, m, m), with zeros for columns that are left out or absent; present (G, m)."""
    gram = stacked(grams, present.shape[1])
    return jnp.where(present[:, :, None] & present[:, None, :], gram, 0.0)


def _of_mix(penalty, i, axes):
    """The penalty with the mixing parameter i."""
    leaves, structure = jax.tree.flatten(penalty)
    return jax.tree.unflatten(structure, [leaf[i] if j in axes else leaf for j, leaf in enumerate(leaves)])


def _solved(way, lanes, penalty, schedule, b, goal, of_mix, kind, places, mesh, lower):
    """The _Solved of the problems of G groups, which go one of the ways of `_ways`."""

    def queued(products, lanes, penalty, schedule, x, goal):
        def run(groups, shared):
            lanes, share, limit, number, x = groups
            penalty, neighbours, goal = shared
            ways = jax.vmap(partial(way.of, products=products))(lanes)

            def problem(lane, k):
                lane, way = lane
                return way.problem(of_mix(penalty, lane.mix[k]), lane.lambdas[k], lane.residuals[k])

            def content(lane, k, x, q):
                lane, way = lane
                of_problem, (b, fit) = of_mix(penalty, lane.mix[k]), way.point(x, q)
                return at_product(lane.terms, of_problem, b, fit, lane.lambdas[k], way.step, kind=kind)[0] <= goal

            schedule = _queue.Schedule(neighbours, share, limit, number)
            queued = _queue.solve((lanes, ways), schedule, x, ways.method, problem, content, places)
            b, _ = jax.vmap(lambda way, x: jax.vmap(way.point)(x, x))(ways, queued.x)
            return queued, b, ways.step

        return on_mesh(run, mesh, (lanes, *schedule[1:], x), (penalty, schedule.neighbours, goal))

    x, N = jax.vmap(jax.vmap(way.into, (None, 0)))(lanes, b), schedule.share.shape[1]
    n_iter, steps = jnp.zeros(schedule.share.shape, int), jnp.zeros(len(x), int)
    if lower is not None:
        few = schedule._replace(limit=schedule.limit // LOWERED_PART)
        roughly = jnp.maximum(goal, SUM_ROUNDING * LOWER[lower])
        first, _, _ = queued(lower, *jax.tree.map(_single, (lanes, penalty, few, x, roughly)))
        x, n_iter, steps = first.x.astype(x.dtype), first.n_iter, first.steps
        every = jnp.tile(jnp.arange(N), (2, 1))  # goes on from where it is
        schedule = schedule._replace(neighbours=every, limit=schedule.limit - n_iter)
    last, b, step = queued("full", lanes, penalty, schedule, x, goal)
    return _Solved(b, n_iter + last.n_iter, steps + last.steps, step)


def _single(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
