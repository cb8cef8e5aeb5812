"""Proximal Newton steps for blocks of lambdas, with one Hessian for all of them, for a loss with an elastic net.

    minimise over b    f(b) + sum_j l1_j |b_j| + sum_j l2_j b_j^2 / 2,    lower_j <= b_j <= upper_j

at each lambda of a block, f a mean loss. At the points b_k of the lambdas, with their exact derivatives f'(b_k), the
models

    f(b_k) + f'(b_k)'d + d'H d / 2 + penalty(b_k + d)

share the second derivative H of one point, and `active_set` solves them exactly, one lambda after the other. A sweep
takes every point to the minimiser of its model, or a part of the way: the objective has to fall, as it does along every
such direction since H is positive definite (Lee, Sun and Saunders 2014, SIAM J. Optim. 24, proposition 2.4). Two
products with the rows, of all points at once, make the next derivatives. H is made anew, where the point is that is
farthest from its minimum, as soon as a sweep leaves too much of what was wrong.

Compiled are the products with the rows and H: two short programs. The rest is the host's, where one thread is enough.

Source: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33 (models along a path); Shamanskii (1967), Ukr. Math.
J. 19 (steps with one Hessian); Armijo's rule as in Tseng and Yun (2009), Math. Program. 117, eq. (9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxreg._status import Status
from jaxreg.design._base import PRECISION
from jaxreg.solvers._complementarity import ROUNDED_GRADIENT, Face
from jaxreg.solvers._serial import product
from jaxreg.solvers.active_set import Quadratics, Separable, face_of
from jaxreg.solvers.smooth import SUM_ROUNDING, Averaged

if TYPE_CHECKING:
    from jaxtyping import Float, Int

SWEEPS = 60  # of a block, at most
SLOW = 0.4  # of what was wrong: where more is left by a sweep, the Hessian is made anew
FALL = 1e-4  # of the expected fall of the objective: Armijo's constant
HALVINGS = 40  # of a step
PROXIMAL = 1e-8  # of the diagonal of H: what is added to it, so that it is positive definite
POWER_STEPS = 12  # of the power method
EXACT = 1e-8  # of an l1 part: what the minimiser of a model may violate
FLAT = 1e-10  # of the mean curvature of the columns: the least that a column has
BENDS = 0.1, 10.0  # what the second derivative along a step may be in units of that of the model, at the least and most
NEARER = 0.9  # of what was wrong: less of it is progress
PATIENCE = 4  # sweeps that bring no point nearer to its minimum, after which the block ends
POWER_STEPS = 12  # of the power method


class Terms(NamedTuple):
    """The penalty of the coefficients b (M,) beside lambda; those of intercepts are free."""

    l1_factor: Float[np.ndarray, " M"]  # inf where there is no column
    l2_factor: Float[np.ndarray, " M"]
    lower: Float[np.ndarray, " M"]
    upper: Float[np.ndarray, " M"]
    l1_ratio: float

    def strengths(self, lambdas):
        """l1 and l2 (B, M) at lambdas (B,)."""
        with np.errstate(invalid="ignore"):  # 0 * inf is inf here
            l1 = lambdas[:, None] * self.l1_ratio * self.l1_factor
        return np.where(np.isinf(self.l1_factor), np.inf, l1), lambdas[:, None] * (1 - self.l1_ratio) * self.l2_factor


class Goal(NamedTuple):
    """What is asked of the points."""

    gap: float  # objective above its minimum, as far as it is seen on these columns
    unit: float  # of gaps: about what the loss is above its least value
    changes: int  # of a face one by one, at most


@dataclass(frozen=True)
class Model:
    """What the models of a block share; the variables are x = b / unit, of which H has a unit diagonal."""

    quadratics: Quadratics
    unit: Float[np.ndarray, " M"]

    def times(self, x):
        """H x of x (B, M), most of which are 0."""
        some = np.flatnonzero(x.any(axis=0))
        return product(x[:, some], self.quadratics.hessian[some])

    def curved(self, x):
        """x'H x (B,)."""
        some = np.flatnonzero(x.any(axis=0))
        return np.sum(x[:, some] * product(x[:, some], self.quadratics.hessian[np.ix_(some, some)]), axis=1)

    def largest(self):
        """About the largest eigenvalue of the second derivative in b."""
        v, length = np.cos(1.7 * np.arange(len(self.unit))), 1.0
        for _ in range(POWER_STEPS):
            v = np.einsum("k,km", v / length / self.unit, self.quadratics.hessian) / self.unit
            length = float(np.linalg.norm(v)) or 1.0
        return 1.1 * length


@dataclass
class Points:
    """One point of each lambda."""

    b: Float[np.ndarray, "B M"]
    q: Float[Array, "B n ..."]  # image
    value: Float[np.ndarray, " B"]  # f
    h: Float[np.ndarray, "B M"]  # -f'
    wrong: Float[np.ndarray, " B"]  # how far the objective may be above its minimum
    bend: Float[np.ndarray, " B"]  # the second derivative along the last step, in units of that of the Model
    faces: list[Face | None]  # of the minimisers of the latest models


class Solved(NamedTuple):
    """What comes of a block."""

    b: Float[np.ndarray, "B M"]
    q: Float[Array, "B n ..."]
    sweeps: Int[np.ndarray, " B"]
    code: Int[np.ndarray, " B"]
    number: int  # of lambdas that were solved, the first ones
    curvature: float  # largest eigenvalue of the second derivative, about


def _shaped(smooth, b):
    """Coefficients (M,) as the smooth part takes them, (m,) or (m, K)."""
    return b if b.size == len(smooth.rows) else b.reshape(len(smooth.rows), -1)


@jax.jit
def _looked(smooth, b):
    """(images, values (B,), -derivatives (B, M)) at points b (B, M)."""
    q = jax.vmap(lambda b: smooth.image(_shaped(smooth, b)))(b)

    def of_rows(q):
        eta = smooth.eta(q)
        return smooth.loss.mean(smooth.y, eta, smooth.omega), smooth.loss.slopes(smooth.y, eta, smooth.omega)

    values, slopes = jax.vmap(of_rows)(q)
    products = jnp.einsum("bn...,mn->bm...", slopes, smooth.rows, precision=PRECISION)
    return q, values, -products.reshape(b.shape)


@jax.jit
def _second(smooth, q):
    """The second derivative (M, M) at the point with image q."""
    return smooth.loss.curvature(smooth.rows, smooth.y, smooth.eta(q), smooth.omega)


def solve_block(
    model: Model | None,
    smooth: Averaged,
    terms: Terms,
    lambdas: Float[np.ndarray, " B"],
    count: int,
    start: Float[np.ndarray, " M"],
    goal: Goal,
) -> tuple[Model, Solved]:
    """(Model, Solved) at the first `count` of the lambdas, descending, from the point `start` with the last Model."""
    with np.errstate(all="ignore"):  # a point where the loss is no number is none to go to
        block = _Block(smooth, terms, lambdas, np.arange(len(lambdas)) < count, goal)
        points = block.begun(start)
        model = block.model(points, 0) if model is None else model
        sweeps, waited, least, at = np.zeros(len(lambdas), int), 0, points.wrong, None
        for _ in range(SWEEPS):
            todo = block.todo(points)
            if not todo.any() or waited == PATIENCE:
                break
            if at is not None:
                model = block.model(points, at)
                points.bend[:] = 1.0
            before = points.wrong
            whole = block.sweep(model, points, todo)
            slow = block.todo(points) & (~whole | (points.wrong > SLOW * before))
            at = int(np.argmax(np.where(slow, points.wrong, -1.0))) if slow.any() else None
            waited = 0 if (todo & (points.wrong < NEARER * least)).any() else waited + 1
            least = np.minimum(least, points.wrong)
            sweeps += todo
        met = points.wrong <= goal.gap
        number = count if met[:count].all() else max(int(np.argmin(met[:count])), 1)
        code = np.where(met, Status.converged, Status.stalled)
        return model, Solved(points.b, points.q, sweeps, code, number, model.largest())


class _Block:
    """The problem of a block of lambdas, of which those `used` are to be solved."""

    def __init__(self, smooth, terms, lambdas, used, goal):
        self.smooth, self.terms, self.lambdas, self.used, self.goal = smooth, terms, lambdas, used, goal
        self.l1, self.l2 = terms.strengths(lambdas)

    def begun(self, start):
        """Points that are all the same."""
        B = len(self.lambdas)
        b = np.tile(start, (B, 1))
        q, value, h = self._look(b)
        points = Points(b, q, value, h, np.full(B, np.inf), np.ones(B), [None] * B)
        points.wrong = self._wrong(points)
        return points

    def _look(self, b):
        q, value, h = _looked(self.smooth, b)
        return q, np.asarray(value), np.asarray(h)

    def model(self, points, k):
        """The Model of the second derivative at the point of a lambda."""
        second, real = np.array(_second(self.smooth, points.q[k])), ~np.isinf(self.terms.l1_factor)
        diagonal = np.diagonal(second)
        mean = diagonal[real].mean() if real.any() else 0.0
        unit = np.where(real, 1 / np.sqrt(np.maximum(diagonal, FLAT * mean if mean > 0 else 1.0)), 1.0)
        second *= unit
        second *= unit[:, None]
        second.flat[:: len(second) + 1] += PROXIMAL
        return Model(Quadratics(second), unit)

    def todo(self, points):
        return self.used & ~(points.wrong <= self.goal.gap)

    def _penalty(self, b):
        return np.sum(np.where(b == 0, 0.0, self.l1 * np.abs(b)) + self.l2 * b**2 / 2, axis=1)

    def _wrong(self, points):
        """About the duality gap: by the Fenchel-Young inequalities of the columns, or by scaling the dual point.

        A dual point that is scaled by 1 - e costs e h'b, and e^2 of what the loss is above its least value, at most
        `goal.unit`.
        """
        b, l1, l2, terms = points.b, self.l1, self.l2, self.terms
        pull = points.h - l2 * b
        above, below = (pull > 0) & (b >= terms.upper), (pull < 0) & (b <= terms.lower)
        pull = np.where(above & (b > 0), l1, np.where(below & (b < 0), -l1, pull))
        held = ((pull > 0) & (b >= terms.upper)) | ((pull < 0) & (b <= terms.lower))
        excess = np.where(held, 0.0, np.maximum(np.abs(pull) - l1, 0.0))
        bare, ridged = l1 == 0, l2 > 0
        along = np.where(b == 0, 0.0, np.abs(l1 * np.abs(b) - pull * b))
        unbounded = np.where(bare, np.abs(pull) * (1.0 + np.abs(b)), 0.0)
        share = np.max(np.where(bare | np.isinf(l1), 0.0, excess / np.where(bare, 1.0, l1 + excess)), axis=1, initial=0)
        used = np.sum(np.where(bare, 0.0, np.abs(pull * b)), axis=1)
        scaled = np.sum(np.where(bare, np.where(ridged, np.inf, unbounded), along), axis=1)
        scaled += share * used + share**2 * self.goal.unit
        squares = excess**2 / (2 * np.where(ridged, l2, 1.0))
        outside = np.where(ridged, squares, np.where(excess > 0, np.where(bare, unbounded, np.inf), 0.0))
        wrong = np.minimum(scaled, np.sum(outside + np.where(excess > 0, 0.0, along), axis=1))
        return np.where(np.isfinite(points.value), wrong, np.inf)

    def sweep(self, model, points, todo):
        """Whether points went all the way (B,): each goes to the minimiser of its model, or as far as it may.

        A step to where a point is already makes the rest of it.
        """
        minimisers, modelled = self._minimised(model, points, todo)
        b = self._balanced(minimisers)
        b = np.where(np.isfinite(b), b, points.b)
        d = b - points.b
        t, q, value, h = self._stepped(points, d, todo)
        seen, modelled = t * np.sum((points.h - h) * d, axis=1), t**2 * modelled
        bends = (seen > 0) & (modelled > 0)
        points.bend = np.clip(np.divide(seen, modelled, out=points.bend.copy(), where=bends), *BENDS)
        points.b = np.where(t[:, None] == 1, b, points.b + t[:, None] * d)  # exactly at limits
        points.q, points.value, points.h = q, value, h
        points.wrong = np.where(todo, self._wrong(points), points.wrong)
        return t == 1

    def _minimised(self, model, points, todo):
        """(minimisers b (B, M) of the models, d'H d of the ways d there (B,))."""
        unit, terms, x, previous = model.unit, self.terms, points.b / model.unit, None
        centred, minimisers = points.h * unit / points.bend[:, None] + model.times(x), x.copy()
        b = points.b.copy()
        scale = np.abs(centred[todo]).max(initial=0.0)
        for k in np.flatnonzero(todo):
            l1, l2 = self.l1[k] * unit / points.bend[k], self.l2[k] * unit**2 / points.bend[k]
            # what the proximal part alone makes a violator is none: it would let in every copy of an active column
            slack = ROUNDED_GRADIENT * scale + 2 * PROXIMAL * np.abs(x[k]).max(initial=0.0)
            slack = slack + EXACT * np.where(np.isinf(l1), 0.0, l1)
            problem = Separable(centred[k], l1, l2, terms.lower / unit, terms.upper / unit, slack)
            face = points.faces[k] or previous or face_of(problem, x[k])
            pinned = np.where(face.pinned > 0, problem.upper, np.where(face.pinned < 0, problem.lower, 0.0))
            face = replace(face, pinned=pinned)  # in units of this model
            minimisers[k], previous = model.quadratics.minimised(k, problem, face, x[k], self.goal.changes)
            points.faces[k] = previous
            limit = np.where(previous.pinned > 0, terms.upper, terms.lower)
            b[k] = np.where(previous.active | (previous.pinned == 0), minimisers[k] * unit, limit)
        return b, model.curved(minimisers - x)

    def _stepped(self, points, d, todo):
        """(t (B,), images, values, -derivatives at b + t d), as far as the objective falls."""
        before = self._penalty(points.b)
        expected = self._penalty(points.b + d) - before - np.sum(points.h * d, axis=1)
        rounding = SUM_ROUNDING * np.finfo(float).eps * (np.abs(points.value) + before)
        t = todo * 1.0
        for _ in range(HALVINGS):
            look = _, value, _ = self._look(points.b + t[:, None] * d)
            rise = value - points.value + self._penalty(points.b + t[:, None] * d) - before
            failed = (t > 0) & ~(rise <= FALL * t * np.minimum(expected, 0.0) + rounding)
            if not failed.any():
                return t, *look
            t[failed] /= 2
        t[failed] = 0.0
        return t, *self._look(points.b + t[:, None] * d)

    def _balanced(self, b):
        """Points b (B, M): what is free for all of several outputs sums to 0, since a shift of all changes nothing."""
        outputs, terms = b.shape[1] // len(self.smooth.rows), self.terms
        if outputs == 1:
            return b
        unlimited = np.isinf(terms.lower) & np.isinf(terms.upper)
        free = ((terms.l1_factor == 0) & (terms.l2_factor == 0) & unlimited).reshape(-1, outputs)
        by_output = b.reshape(len(b), -1, outputs)
        return (by_output - np.where(free, by_output.mean(axis=2, keepdims=True), 0.0)).reshape(b.shape)
