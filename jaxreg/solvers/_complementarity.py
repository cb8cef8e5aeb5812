"""The reduced problem of one lambda, and its optimality conditions as a linear complementarity problem.

    minimise  x'Gx/2 - c'x + sum_j l1_j |x_j| + sum_j l2_j x_j^2 / 2,    lower_j <= x_j <= upper_j

A face says which variables are *active* (x_j free, its sign fixed) and which are *pinned* (x_j fixed at 0 or at a
limit). x is the solution when no active variable leaves its face and the gradient pulls no pinned one away.

Shapes: m variables, the columns worked on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SLACK = 1e-10  # a violation counts from this share of its threshold on
RIDGE_SLACK = 1e-18  # what violations may add to the gap where there is a ridge part, in units of the loss
ROUNDED_GRADIENT = 1e-14  # rounding of a gradient, in units of max|c|
ABOVE_ZERO = 1e-6  # of the penalty: by so much more than at 0 the objective is not lowered, but blown up by rounding

Values = Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Reduced:
    """Data of the reduced problem, on columns scaled so that diag(G) is 1; 0 for an absent column."""

    gram: Float[Values, "m m"]  # G
    corr: Float[Values, " m"]  # c
    l1_factor: Float[Values, " m"]  # inf for an absent column
    l2_factor: Float[Values, " m"]  # 0 for an absent column
    lower: Float[Values, " m"]  # <= 0
    upper: Float[Values, " m"]  # >= 0


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Face:
    """Which variables are active, with which sign, and where the others are pinned."""

    active: Bool[Values, " m"]
    sign: Float[Values, " m"]  # -1, 0 or 1
    pinned: Float[Values, " m"]  # 0 or a limit


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Strength:
    """The penalty at one lambda."""

    l1: Float[Array, " m"]
    l2: Float[Array, " m"]
    slack: Float[Array, " m"]  # violations below this are rounding error


def strength_at(problem: Reduced, l1_ratio, lam, scale, share=SLACK) -> Strength:
    """The penalty at lam; `scale` is max|c|, the unit of what is rounding error; `share` of l1 is no violation."""
    absent = jnp.isinf(problem.l1_factor)  # inf * 0 would be NaN at lambda = 0
    l1 = jnp.where(absent, jnp.inf, lam * l1_ratio * jnp.where(absent, 0.0, problem.l1_factor))
    l2 = lam * (1.0 - l1_ratio) * problem.l2_factor
    # a violation e of a column with a ridge part adds e^2 / (2 l2) to the duality gap
    quadratic = scale * jnp.sqrt(RIDGE_SLACK * l2 / l2.shape[0])
    return Strength(l1, l2, share * jnp.where(absent, 0.0, l1) + ROUNDED_GRADIENT * scale + quadratic)


def face_bounds(face: Face, l1, problem: Any, xp: Any = jnp):
    """(least, largest) values (m,) at which an active variable keeps its face; xp: NumPy or JAX's, as in `delayed`."""
    lo = xp.where((face.sign > 0) & (l1 > 0), 0.0, problem.lower)
    hi = xp.where((face.sign < 0) & (l1 > 0), 0.0, problem.upper)
    return lo, hi


def violations(face: Face, x, g, l1, slack, problem: Any, xp: Any = jnp):
    """Amounts (m,) by which active variables leave their face, and by which pinned ones want to go up or down.

    g is the gradient c - Gx - l2 x of the smooth part, its sign changed. A pinned variable may go up when
    g > l1 (at 0 or above), g > -l1 (below 0), and there is room; down likewise.
    """
    lo, hi = face_bounds(face, l1, problem, xp)
    leave = xp.where(face.active, xp.maximum(xp.maximum(lo - x, x - hi), 0.0), 0.0)
    up = g - xp.where(face.pinned < 0, -l1, l1)
    down = -g - xp.where(face.pinned > 0, -l1, l1)
    up = xp.where(~face.active & (face.pinned < problem.upper) & (up > slack), up, 0.0)
    down = xp.where(~face.active & (face.pinned > problem.lower) & (down > slack), down, 0.0)
    return leave, up, down


def flipped(face: Face, x, up, down, accepted, l1, problem: Any, xp: Any = jnp) -> Face:
    """Face after the accepted variables have changed sides."""
    lo, hi = face_bounds(face, l1, problem, xp)
    pinned = xp.where(accepted & face.active, xp.where(x < lo, lo, hi), face.pinned)
    sign = xp.where(face.pinned == 0, xp.sign(up - down), xp.sign(face.pinned))
    entering = accepted & ~face.active & (up + down > 0)
    return Face(face.active ^ accepted, xp.where(entering, sign, face.sign), pinned)


def towards(face: Face, l1, problem: Reduced, x, y, project):
    """The point y, or where the segment from x to y leaves the face; `project` moves the offenders only."""
    lo, hi = face_bounds(face, l1, problem)
    room = (jnp.where(y < lo, lo, hi) - x) / jnp.where(y == x, 1.0, y - x)
    room = jnp.where(face.active & ((y < lo) | (y > hi)), jnp.clip(room, 0.0, 1.0), 1.0)
    y = jnp.where(project, y, x + jnp.min(room) * (y - x))
    return jnp.where(face.active, jnp.clip(y, lo, hi), face.pinned)


def worse_than_zero(x, g, l1, problem: Reduced):
    """Whether the objective at x, with gradient g, is above that of 0: rounding is blown up along a null space."""
    value, penalty = x @ (problem.corr + g) / 2, jnp.sum(jnp.where(x == 0, 0.0, l1 * jnp.abs(x)))
    return penalty - value > ABOVE_ZERO * penalty


def objective(x, strength: Strength, problem: Reduced):
    """The value that is minimised, at x."""
    l1 = jnp.where(x == 0, 0.0, strength.l1 * jnp.abs(x))
    return x @ (problem.gram @ x) / 2 - problem.corr @ x + jnp.sum(l1 + strength.l2 * x**2 / 2)
