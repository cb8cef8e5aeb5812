"""Proximal Newton steps for blocks of lambdas, with one Hessian for all of them, for a loss with an elastic net.

    minimise over b    f(b) + sum_j l1_j |b_j| + sum_j l2_j b_j^2 / 2,    lower_j <= b_j <= upper_j

at each lambda of a block, f a mean loss. At the points b_k of the lambdas, with their exact derivatives f'(b_k), the
models

    f(b_k) + f'(b_k)'d + d'H d / 2 + penalty(b_k + d)

share the second derivative H of one point, and with it the tableau in which `pivot` solves them exactly, one lambda
after the other. A sweep takes every point to the minimiser of its model, or a part of the way: the objective has to
fall, as it does along every such direction since H is positive definite (Lee, Sun and Saunders 2014, SIAM J. Optim. 24,
proposition 2.4). Two products with the rows, of all points at once, make the next derivatives. H is made anew, where
the point is that is farthest from its minimum, as soon as a sweep leaves too much of what was wrong.

Source: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33 (models along a path); Shamanskii (1967), Ukr. Math.
J. 19 (steps with one Hessian); Armijo's rule as in Tseng and Yun (2009), Math. Program. 117, eq. (9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg._status import Status
from jaxreg.design._base import PRECISION
from jaxreg.solvers._complementarity import Reduced
from jaxreg.solvers.pivot import Tableau, empty_tableau, solve_reduced
from jaxreg.solvers.smooth import SUM_ROUNDING, Averaged

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

SWEEPS = 60  # of a block, at most
SLOW = 0.4  # of what was wrong: where more is left by a sweep, the Hessian is made anew
FALL = 1e-4  # of the expected fall of the objective: Armijo's constant
HALVINGS = 40  # of a step
EXACT = 1e-8  # of an l1 part: what the minimiser of a model may violate
FLAT = 1e-10  # of the mean curvature of the columns: the least that a column has
BENDS = 0.1, 10.0  # what the second derivative along a step may be in units of that of the model, at the least and most
NEARER = 0.9  # of what was wrong: less of it is progress
PATIENCE = 4  # sweeps that bring no point nearer to its minimum, after which the block ends


@partial(jax.tree_util.register_dataclass, data_fields=["hessian", "unit", "tableau", "fresh"], meta_fields=[])
@dataclass(frozen=True)
class Model:
    """What the models of a block share; the variables are x = b / unit, of which H has a unit diagonal."""

    hessian: Float[Any, "M M"]
    unit: Float[Any, " M"]
    tableau: Tableau
    fresh: Bool[Any, ""]  # whether there is a Hessian at all


def no_model(size: int) -> Model:
    """The Model (in NumPy) before the first Hessian."""
    return Model(np.zeros((size, size)), np.ones(size), empty_tableau(size), np.array(False))


class Terms(NamedTuple):
    """The penalty of the coefficients b (M,) beside lambda; those of intercepts are free."""

    l1_factor: Float[Any, " M"]  # inf where there is no column
    l2_factor: Float[Any, " M"]
    lower: Float[Any, " M"]
    upper: Float[Any, " M"]
    l1_ratio: Any


class Goal(NamedTuple):
    """What is asked of the points."""

    gap: Any  # objective above its minimum, as far as it is seen on these columns
    unit: Any  # of gaps: about what the loss is above its least value
    updates: Any  # of the tableau at a lambda, at most


class Points(NamedTuple):
    """One point of each lambda."""

    b: Float[Array, "B M"]
    q: Float[Array, "B n ..."]  # image
    value: Float[Array, " B"]  # f
    h: Float[Array, "B M"]  # -f'
    wrong: Float[Array, " B"]  # how far the objective may be above its minimum
    bend: Float[Array, " B"]  # the second derivative along the last step, in units of that of the Model


def _shaped(smooth, b):
    """Coefficients (M,) as the smooth part takes them, (m,) or (m, K)."""
    return b if b.size == len(smooth.rows) else b.reshape(len(smooth.rows), -1)


def _strengths(terms, lam):
    absent = jnp.isinf(terms.l1_factor)
    l1 = jnp.where(absent, jnp.inf, lam * terms.l1_ratio * jnp.where(absent, 0.0, terms.l1_factor))
    return l1, lam * (1.0 - terms.l1_ratio) * terms.l2_factor


def _penalty(terms, b, lam):
    l1, l2 = _strengths(terms, lam)
    return jnp.sum(jnp.where(b == 0, 0.0, l1 * jnp.abs(b)) + l2 * jnp.square(b) / 2)


def _wrong(terms, unit, b, h, lam):
    """About the duality gap at b: by the Fenchel-Young inequalities of the columns, or by scaling the dual point.

    A dual point that is scaled by 1 - e costs e h'b, and e^2 of what the loss is above its least value, at most `unit`.
    """
    l1, l2 = _strengths(terms, lam)
    free_up, free_down = b < terms.upper, b > terms.lower
    pull = h - l2 * b
    pull = jnp.where((pull > 0) & ~free_up & (b > 0), l1, jnp.where((pull < 0) & ~free_down & (b < 0), -l1, pull))
    held = ((pull > 0) & ~free_up) | ((pull < 0) & ~free_down)
    excess = jnp.where(held, 0.0, jnp.maximum(jnp.abs(pull) - l1, 0.0))
    bare = l1 == 0
    along = jnp.where(b == 0, 0.0, l1 * jnp.abs(b) - pull * b)
    unbounded = jnp.where(bare, jnp.abs(pull) * (1.0 + jnp.abs(b)), 0.0)
    share = jnp.max(jnp.where(bare | jnp.isinf(l1), 0.0, excess / jnp.where(bare, 1.0, l1 + excess)), initial=0.0)
    used = jnp.sum(jnp.where(bare, 0.0, jnp.abs(pull * b)))
    scaled = (
        jnp.sum(jnp.where(bare, jnp.where(l2 > 0, jnp.inf, unbounded), jnp.abs(along))) + share * used + share**2 * unit
    )
    ridged = l2 > 0
    squares = excess**2 / (2 * jnp.where(ridged, l2, 1.0))
    outside = jnp.where(ridged, squares, jnp.where(excess > 0, jnp.where(bare, unbounded, jnp.inf), 0.0))
    inside = jnp.where(excess > 0, 0.0, jnp.abs(along))
    return jnp.minimum(scaled, jnp.sum(outside + inside))


def _made(smooth, terms, q, b):
    """The Model of the second derivative at the point b with image q."""
    second = smooth.loss.curvature(smooth.rows, smooth.y, smooth.eta(q), smooth.omega)
    diagonal, real = jnp.diagonal(second), ~jnp.isinf(terms.l1_factor)
    mean = jnp.sum(jnp.where(real, diagonal, 0.0)) / jnp.maximum(jnp.sum(real), 1)
    floor = jnp.where(mean > 0, FLAT * mean, 1.0)
    unit = jnp.where(real, 1 / jnp.sqrt(jnp.maximum(diagonal, floor)), 1.0)
    second = second * jnp.outer(unit, unit)
    tableau = jax.tree.map(jnp.asarray, empty_tableau(len(b)))
    return Model(second, unit, replace(tableau, x=b / unit), jnp.ones((), bool))


def _minimisers(model, terms, points, lambdas, todo, backwards, goal):
    """(Model, minimisers b (B, M)) of the models at the points that are to be done."""
    unit, count, bend = model.unit, len(lambdas), points.bend
    order = jnp.where(backwards, count - 1 - jnp.arange(count), jnp.arange(count))
    centred = points.h * unit / bend[:, None] + (points.b / unit) @ model.hessian
    scale = jnp.max(jnp.where(todo[:, None], jnp.abs(centred), 0.0))
    scale = jnp.where(scale > 0, scale, 1.0)
    factors = jnp.where(jnp.isinf(terms.l1_factor), jnp.inf, terms.l1_factor * unit), terms.l2_factor * unit**2
    limits = terms.lower / unit, terms.upper / unit

    def next_of(i):
        """The next place in the order, from i on, whose point is to be done; their number where there is none."""
        left = (jnp.arange(count) >= i) & todo[order]
        return jnp.where(jnp.any(left), jnp.argmax(left), count)

    def step(carry):
        tableau, b, i = carry
        k = order[i]
        problem = Reduced(model.hessian, centred[k], *factors, *limits)
        tableau, _, _ = solve_reduced(
            tableau, problem, lambdas[k] / bend[k], points.b[k] / unit, terms.l1_ratio, scale, goal.updates, EXACT
        )
        return tableau, b.at[k].set(tableau.x * unit), next_of(i + 1)

    tableau, b, _ = lax.while_loop(lambda carry: carry[2] < count, step, (model.tableau, points.b, next_of(0)))
    return replace(model, tableau=tableau), b


def _balanced(smooth, terms, b):
    """Points b (B, M), of which what is free for all of several outputs sums to 0: a shift of all changes nothing."""
    outputs = b.shape[1] // len(smooth.rows)
    if outputs == 1:
        return b
    unlimited = jnp.isinf(terms.lower) & jnp.isinf(terms.upper)
    free = ((terms.l1_factor == 0) & (terms.l2_factor == 0) & unlimited).reshape(-1, outputs)
    by_output = b.reshape(len(b), -1, outputs)
    return (by_output - jnp.where(free, by_output.mean(axis=2, keepdims=True), 0.0)).reshape(b.shape)


def _stepped(smooth, terms, unit, model, points, b, lambdas, todo):
    """(Points after a step towards b (B, M), whether it was whole (B,)): as far as the objective falls.

    A step to where a point is already makes the rest of it.
    """
    d = jnp.where(todo[:, None], b - points.b, 0.0)
    q = jax.vmap(lambda b: smooth.image(_shaped(smooth, b)))(points.b + d)
    penalty = jax.vmap(partial(_penalty, terms))
    before = penalty(points.b, lambdas)
    expected = -jnp.sum(points.h * d, axis=1) + penalty(points.b + d, lambdas) - before
    rounding = SUM_ROUNDING * jnp.finfo(d.dtype).eps * (jnp.abs(points.value) + before)

    def between(t):
        t = t.reshape(-1, *[1] * (q.ndim - 1))
        return jnp.where(t == 1, q, points.q + t * (q - points.q))

    def shorter(carry):
        t, _, failed, number = carry
        t = jnp.where(failed, t / 2, t)
        values = jax.vmap(lambda q: smooth.loss.mean(smooth.y, smooth.eta(q), smooth.omega))(between(t))
        rise = values - points.value + penalty(points.b + t[:, None] * d, lambdas) - before
        return t, values, todo & ~(rise <= FALL * t * jnp.minimum(expected, 0.0) + rounding), number + 1

    start = jnp.full(len(lambdas), 2.0), points.value, jnp.ones(len(lambdas), bool), 0
    t, values, failed, _ = lax.while_loop(lambda carry: jnp.any(carry[2]) & (carry[3] <= HALVINGS), shorter, start)
    moved = todo & ~failed  # else not by 0 times what may be no number
    t = jnp.where(moved, t, 0.0)
    b = jnp.where(moved[:, None], points.b + t[:, None] * d, points.b)
    q = jnp.where(moved.reshape(-1, *[1] * (q.ndim - 1)), between(t), points.q)
    slopes = jax.vmap(lambda q: smooth.loss.slopes(smooth.y, smooth.eta(q), smooth.omega))(q)
    products = jnp.einsum("bn...,mn->bm...", slopes, smooth.rows, precision=PRECISION)
    h, values = -products.reshape(b.shape), jnp.where(failed, points.value, values)
    wrong = jnp.where(jnp.isfinite(values), jax.vmap(partial(_wrong, terms, unit))(b, h, lambdas), jnp.inf)
    return Points(b, q, values, h, jnp.where(todo, wrong, points.wrong), _bend(model, points, b, h)), t == 1


def _bend(model, points, b, h):
    """The second derivative along the steps to b, as the gradients there have it, in units of that of the Model."""
    x = (b - points.b) / model.unit
    seen, modelled = jnp.sum((points.h - h) * (b - points.b), axis=1), jnp.sum(x * (x @ model.hessian), axis=1)
    bends = (seen > 0) & (modelled > 0)
    return jnp.clip(jnp.where(bends, seen / jnp.where(bends, modelled, 1.0), points.bend), *BENDS)


class Solved(NamedTuple):
    """What comes of a block."""

    b: Float[Array, "B M"]
    q: Float[Array, "B n ..."]
    sweeps: Int[Array, " B"]
    code: Int[Array, " B"]
    number: Int[Array, ""]  # of lambdas that were solved, the first ones
    curvature: Float[Array, ""]  # largest eigenvalue of the second derivative, about


@partial(jax.jit, donate_argnums=0)
def solve_block(
    model: Model,
    smooth: Averaged,
    terms: Terms,
    lambdas: Float[Array, " B"],
    count: Int[Any, ""],
    start: Float[Array, " M"],
    goal: Goal,
) -> tuple[Model, Solved]:
    """(Model, Solved) at the first `count` of the lambdas, descending, from the point `start` with the last Model."""
    B, M = len(lambdas), len(start)
    used, zero, infinite = jnp.arange(B) < count, jnp.zeros((), jnp.int32), jnp.full(B, jnp.inf)
    b = jnp.broadcast_to(start, (B, M))
    images = jax.eval_shape(smooth.image, _shaped(smooth, start))
    points = Points(b, jnp.zeros((B, *images.shape)), infinite, jnp.zeros((B, M)), infinite, jnp.ones(B))

    def sweep(carry):
        model, points, anew, at, number, sweeps, least, waited = carry
        model, _ = lax.while_loop(
            lambda s: s[1],
            lambda s: (_made(smooth, terms, points.q[at], points.b[at]), jnp.zeros((), bool)),
            (model, anew),
        )
        points = points._replace(bend=jnp.where(anew, 1.0, points.bend))
        todo, first = used & (points.wrong > goal.gap), number == 0
        model, b = _minimisers(model, terms, points, lambdas, todo & ~first, number % 2 == 0, goal)
        after, whole = _stepped(smooth, terms, goal.unit, model, points, _balanced(smooth, terms, b), lambdas, todo)
        slow = used & (after.wrong > goal.gap) & (~whole | (after.wrong > SLOW * points.wrong))
        waited = jnp.where(jnp.any(todo & (after.wrong < NEARER * least)), 0, waited + 1)
        at = jnp.argmax(jnp.where(slow, after.wrong, -1.0)).astype(jnp.int32)
        anew = jnp.any(slow) | (first & ~model.fresh)
        least = jnp.minimum(least, after.wrong)
        return model, after, anew, at, number + 1, sweeps + (todo & ~first), least, waited

    def unfinished(carry):
        _, points, _, _, number, _, _, waited = carry
        return jnp.any(used & (points.wrong > goal.gap)) & (number < SWEEPS) & (waited < PATIENCE)

    begin = model, points, jnp.zeros((), bool), zero, zero, jnp.zeros(B, jnp.int32), infinite, zero
    model, points, _, _, _, sweeps, _, _ = lax.while_loop(unfinished, sweep, begin)
    met = points.wrong <= goal.gap
    number = jnp.where(jnp.all(met | ~used), count, jnp.argmax(~met & used))
    code = jnp.where(met, int(Status.converged), int(Status.stalled))
    return model, Solved(points.b, points.q, sweeps, code, jnp.maximum(number, 1), _largest(model))


def _largest(model):
    """About the largest eigenvalue of the second derivative in b."""

    def multiply(_, v):
        w = (model.hessian @ (v / model.unit)) / model.unit
        length = jnp.linalg.norm(w)
        return w / jnp.where(length > 0, length, 1.0)

    v = lax.fori_loop(0, 12, multiply, jnp.cos(1.7 * jnp.arange(len(model.unit))))
    return 1.1 * jnp.linalg.norm((model.hessian @ (v / model.unit)) / model.unit)
