"""Elastic nets of many lanes, mixing parameters and lambdas side by side: solved and certified by one program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.certificates._kernels import Terms, at_product
from jaxreg.design._base import PRECISION
from jaxreg.design._gram import together
from jaxreg.engines._base import Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.paths import _queue
from jaxreg.paths._points import Block
from jaxreg.penalties import ElasticNet
from jaxreg.solvers import faces
from jaxreg.solvers.smooth import LOWER, SUM_ROUNDING, Quadratic

GOAL = 0.1  # of tol: a smaller gap will do
TIGHTER, SHARPENINGS = 0.01, 3  # of that where the certificate fails in the end, which rounding may bring about
LOWERED_PART = 4  # steps of lower precision take at most max_iter divided by this


class _Lane(NamedTuple):
    """What the program is told of a lane."""

    gram: Any  # (m, m)
    terms: Terms
    present: Any  # (m,) columns that are not left out
    divisor: Any  # (m,) what makes b of coefficients on the scale of the design
    per_coefficient: Any  # (m,) the user's coefficients for b = 1
    ratios: Any  # (N,) mixing parameters of the problems
    lambdas: Any  # (N,)


@partial(jax.jit, static_argnames=("places", "precision", "lower"))
def _solve(grams, lanes, schedule, b, goal, *, places, precision, lower):
    """(b (F, N, m), gaps (F, N), losses (F, N), products (F, N), steps of all places) of the problems of F lanes.

    grams: matrices or stacks of them, and the place of each lane's among them all; b: (F, 1, m) or (F, N, m); precision: of the user's coefficients, in which they are certified;
    lower: None, or that of the products of first steps
    """
    arrays, places_of = grams
    gram = jnp.concatenate([array[None] if array.ndim == 2 else array for array in arrays])[places_of]
    more, present = lanes.present.shape[1] - gram.shape[1], lanes.present
    gram = jnp.pad(gram, ((0, 0), (0, more), (0, more)))
    lanes = lanes._replace(gram=jnp.where(present[:, :, None] & present[:, None, :], gram, 0.0))
    x, n_iter, steps = b * lanes.terms.scale[:, None], jnp.zeros((), int), jnp.zeros((), int)

    def run(lanes, schedule, x, goal, products):
        def content(lane, k, x, q):
            return _certified(lane, k, x / lane.divisor, q)[0] <= goal

        return _queue.solve(lanes, schedule, x, partial(_net, products=products), content, places)

    if lower is not None:
        few = schedule._replace(limit=schedule.limit // LOWERED_PART)
        first = run(*jax.tree.map(_single, (lanes, few, x)), jnp.maximum(goal, SUM_ROUNDING * LOWER[lower]), lower)
        x, n_iter, steps = first.x.astype(x.dtype), first.n_iter, first.steps
        every = jnp.tile(jnp.arange(schedule.share.shape[1]), (2, 1))  # goes on from where it is
        schedule = schedule._replace(neighbours=every, limit=schedule.limit - n_iter)
    last = run(lanes, schedule, x, goal, "full")

    def returned(lane, x):
        """(b (N, m) as the user gets it, gaps, losses) of solutions of a lane."""
        b = x / lane.divisor
        if precision != np.float64:
            unit = jnp.where(lane.present, lane.per_coefficient, 1.0)
            b = (b * unit).astype(precision).astype(x.dtype) / unit
        fit = jnp.matmul(b * lane.terms.scale, lane.gram, precision=PRECISION)
        gaps, losses = jax.vmap(partial(_certified, lane))(jnp.arange(len(b)), b, fit)
        return b, gaps, losses

    return *jax.vmap(returned)(lanes, last.x), n_iter + last.n_iter, steps + last.steps


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


@jax.jit
def _entries(b, f, at):
    return b[f, at]


@dataclass(frozen=True)
class Nets:
    """Certified solutions of F lanes, A mixing parameters and L lambdas."""

    objectives: list
    at: np.ndarray  # (A, L) the place of each in the order of the problems
    b: jax.Array  # (F', N, m) on the scale of the penalty, in that order, with absent columns behind the p real ones
    gaps: np.ndarray  # (F, A, L)
    losses: np.ndarray  # (F, A, L)
    n_iter: np.ndarray  # (F, A, L)
    status: np.ndarray  # (F, A, L)
    computed: int  # products of all places of all lanes, busy or not

    def blocks(self, f):
        """A Block for each mixing parameter of a lane."""
        p = self.objectives[f].design.p
        b = np.asarray(_entries(self.b, f, self.at))[..., :p]
        none = np.zeros((b.shape[1], 0))
        arrays = zip(b, self.gaps[f], self.losses[f], self.n_iter[f], self.status[f], strict=True)
        return [Block(np.arange(p), x, none, gaps, losses[:, None], *rest) for x, gaps, losses, *rest in arrays]


def takes(objective):
    """Whether an objective is an elastic net of one response, of the squared loss."""
    return objective.squared and objective.penalty.quadratic and objective.responses is None


def solve(objectives, certificates, penalties, lambdas, options, starts):
    """The Nets of objectives that differ in weights and response, at lambdas (F, A, L), from starts b (F, p).

    Their certificates know the Gram matrices. Lanes and problems are filled up to few numbers, for which alone programs
    are compiled. Where a gap fails, the search goes on from there with a smaller one for its aim.
    """
    F, A, L = lambdas.shape
    order = _queue.Order.of(A, L)
    N, at, grids = len(order.mix), order.at, lambdas[:, order.mix, order.position]
    filled = np.minimum(np.arange(_queue.number_for(F)), F - 1)
    ratios = np.array([float(penalty.l1_ratio) for penalty in penalties])[order.mix]
    lanes = [_lane(*of_lane, ratios) for of_lane in zip(objectives, certificates, grids, strict=True)]
    lanes = jax.tree.map(lambda *leaves: np.stack(leaves), *(lanes[f] for f in filled))
    arrays, among = together([certificates[f].stored for f in filled])
    b = np.stack([certificates[f].padded(starts[f]) for f in filled])[:, None]
    limit, count = np.zeros((len(filled), N), int), np.where(np.arange(len(filled)) < F, A * L, 0)
    schedule = _queue.Schedule(order.neighbours, order.shares(grids)[filled], limit, count)
    special = _special(certificates, penalties, lambdas)
    places, left = _queue.places_for(N), np.ones((F, A, L), bool)
    n_iter, steps = np.zeros((F, A, L), int), 0
    for sharpened in range(SHARPENINGS + 1):
        limit[:F][:, at] = np.where(left, options.max_iter - n_iter, 0)
        b, *values, more = _solve(
            *jax.device_put(((arrays, among), lanes, schedule, b, GOAL * options.tol * TIGHTER**sharpened)), places=places,
            precision=np.dtype(options.precision), lower=None if sharpened else options.step_precision,
        )  # fmt: skip
        values, more = jax.device_get((values, more))
        gaps, losses, products = (value[:F][:, at] for value in values)
        n_iter, steps = n_iter + products, steps + int(more)
        for f, a, certify, k in special:
            points = np.asarray(_entries(b, f, at[a, k]))
            solved = Solved(points, np.zeros((len(k), 0)), n_iter[f, a, k], n_iter[f, a, k], len(k))
            certified = certify.certified(ColumnSet.everything(objectives[f], certify.gram), solved, lambdas[f, a, k])
            gaps[f, a, k], losses[f, a, k] = certified.gaps, certified.losses[:, 0]
        left = ~(gaps <= options.tol) & (n_iter < options.max_iter)
        if not left.any():
            break
        schedule = schedule._replace(neighbours=np.tile(np.arange(N), (2, 1)))
    code = np.where(n_iter >= options.max_iter, Status.max_iter, Status.stalled)
    return Nets(objectives, at, b, gaps, losses, n_iter, promoted(code, gaps, options.tol), steps * places * len(filled))


def _lane(objective, certificate, lambdas, ratios):
    """The _Lane of an objective, without its Gram matrix."""
    present = certificate.padded(objective.present)
    divisor = np.where(present, certificate.scale, 1.0)
    unit = certificate.padded(objective.per_coefficient(np.zeros(objective.design.p)))
    return _Lane(None, certificate.terms, present, divisor, unit, ratios, lambdas)


def _special(certificates, penalties, lambdas):
    """(lane, mixing parameter, its certificate, lambdas) of points whose theta is orthogonal to more than is usual."""
    points = []
    for f, certify in enumerate(certificates):
        for a, penalty in enumerate(penalties):
            of_mix = certify.of_penalty(penalty)
            k = np.flatnonzero(of_mix.special(lambdas[f, a]))
            points += [(f, a, of_mix, k)] * bool(k.size)
    return points
