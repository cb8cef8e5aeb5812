"""The program that solves and certifies problems of many lanes: from Gram matrices to gaps in one dispatch.

Elastic nets go through the queue of `_queue`; problems of other penalties take the steps of the proximal solver side by
side, where those that are done stand still.
"""

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
from jaxreg.penalties._base import per_row
from jaxreg.solvers import faces
from jaxreg.solvers.composite import LOWERED_PART, minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import LOWER, SUM_ROUNDING, Quadratic, curvature_of


class Lane(NamedTuple):
    """What the program is told of a lane."""

    gram: Any  # (m, m)
    terms: Terms
    present: Any  # (m,) columns that are not left out
    divisor: Any  # (m,) what makes b of coefficients on the scale of the design
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    mix: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)
    residuals: Any  # (N,) that are asked of the proximal solver


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


class _Nets(NamedTuple):
    """The elastic nets of a lane on the scale of the design, where columns have length 1.

    What all its problems share is made once: divisions of all coefficients of all places would cost more than the rest.
    """

    smooth: Quadratic
    l1: Any  # (m,) of one unit of l1 strength
    l2: Any  # (m,) of l2
    unit: Any  # (m,) of b
    terms: Terms
    mix: Any  # (N,)
    lambdas: Any  # (N,)

    @classmethod
    def of(cls, lane, products):
        smooth = Quadratic(lane.gram, jnp.where(lane.present, lane.terms.corr, 0.0), products)
        unit, factors = 1 / lane.divisor, jnp.where(lane.present, lane.terms.factors, 1.0)
        return cls(smooth, factors * unit, factors * unit**2, unit, lane.terms, lane.mix, lane.lambdas)

    def net(self, penalty, lam):
        l1, l2 = penalty.strengths(lam)
        return faces.Net(self.smooth, l1 * self.l1, l2 * self.l2)


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
    if penalty.quadratic:
        solved = _by_queue(lanes, penalty, schedule, b, goal, of_mix, places, mesh, lower)
    else:
        solved = _by_prox(lanes, penalty, schedule, b, goal, of_mix, kind, mesh, lower)

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
    gram = stacked(grams)
    more = present.shape[1] - gram.shape[1]
    gram = jnp.pad(gram, ((0, 0), (0, more), (0, more)))
    return jnp.where(present[:, :, None] & present[:, None, :], gram, 0.0)


def _of_mix(penalty, i, axes):
    """The penalty with the mixing parameter i."""
    leaves, structure = jax.tree.flatten(penalty)
    return jax.tree.unflatten(structure, [leaf[i] if j in axes else leaf for j, leaf in enumerate(leaves)])


def _on_mesh(run, mesh, groups, shared):
    """run(groups, shared) of arrays with a leading axis of the groups, which is shared out, and of others."""
    if mesh is None:
        return run(groups, shared)
    by_group: Any = PartitionSpec(GROUPS)
    whole: Any = PartitionSpec()
    return jax.shard_map(run, mesh=mesh, in_specs=(by_group, whole), out_specs=by_group, check_vma=False)(
        groups, shared
    )


def _by_queue(lanes, penalty, schedule, b, goal, of_mix, places, mesh, lower):
    """The _Solved of elastic nets, which are solved on the scale of the design."""
    x, N = b * lanes.terms.scale[:, None], schedule.share.shape[1]

    def queued(products, lanes, penalty, schedule, x, goal):
        def run(groups, shared):
            lanes, share, limit, number, x = groups
            penalty, neighbours, goal = shared

            def net(lane, k):
                return lane.net(of_mix(penalty, lane.mix[k]), lane.lambdas[k])

            def content(lane, k, x, q):
                of_problem = of_mix(penalty, lane.mix[k])
                b = x * lane.unit
                return at_product(lane.terms, of_problem, b, q, lane.lambdas[k], 1.0, kind="gap")[0] <= goal

            schedule = _queue.Schedule(neighbours, share, limit, number)
            method = _queue.Method(faces.begin, faces.advance)
            nets = jax.vmap(partial(_Nets.of, products=products))(lanes)
            return _queue.solve(nets, schedule, x, method, net, content, places)

        return _on_mesh(run, mesh, (lanes, *schedule[1:], x), (penalty, schedule.neighbours, goal))

    n_iter, steps = jnp.zeros(schedule.share.shape, int), jnp.zeros(len(x), int)
    if lower is not None:
        few = schedule._replace(limit=schedule.limit // LOWERED_PART)
        roughly = jnp.maximum(goal, SUM_ROUNDING * LOWER[lower])
        first = queued(lower, *jax.tree.map(_single, (lanes, penalty, few, x, roughly)))
        x, n_iter, steps = first.x.astype(x.dtype), first.n_iter, first.steps
        every = jnp.tile(jnp.arange(N), (2, 1))  # goes on from where it is
        schedule = schedule._replace(neighbours=every, limit=schedule.limit - n_iter)
    last = queued("full", lanes, penalty, schedule, x, goal)
    b = last.x / lanes.divisor[:, None]
    return _Solved(b, n_iter + last.n_iter, steps + last.steps, jnp.ones(len(b)))


def _by_prox(lanes, penalty, schedule, b, goal, of_mix, kind, mesh, lower):
    """The _Solved of problems of any convex penalty, which are solved on its scale."""

    def run(groups, shared):
        return jax.vmap(partial(of_lane, *shared))(*groups)

    def of_lane(penalty, goal, lane, limits, b):
        scale, N = lane.terms.scale, len(lane.mix)
        smooth = Quadratic(lane.gram * (scale[:, None] * scale), lane.terms.corr * per_row(scale, lane.terms.corr))
        curvature = curvature_of(smooth, smooth.image(b[0]), b[0])

        def one(i, lam, residual, limit, start):
            problem = Composite(smooth, of_mix(penalty, i), lam * lane.terms.factors, many=True)

            def content(b, q):
                fit = q / per_row(lane.divisor, q)
                return at_product(lane.terms, problem.penalty, b, fit, lam, 1 / curvature, kind=kind)[0] <= goal

            minimum = minimum_by(lower, problem, start, residual, limit, curvature, content)
            return minimum.b, minimum.n_iter, minimum.curvature

        starts = jnp.broadcast_to(b, (N, *b.shape[1:]))
        b, n_iter, curvatures = jax.vmap(one)(lane.mix, lane.lambdas, lane.residuals, limits, starts)
        return _Solved(b, n_iter, jnp.max(n_iter), 1 / jnp.max(curvatures))

    return _on_mesh(run, mesh, (lanes, schedule.limit, b), (penalty, goal))


def _single(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
