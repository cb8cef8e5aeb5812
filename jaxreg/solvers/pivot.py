"""Exact elastic-net solutions by principal pivoting on a Gram tableau.

The reduced problem is, for one lambda,

    minimise  x'Gx/2 - c'x + sum_j l1_j |x_j| + sum_j l2_j x_j^2 / 2,    lower_j <= x_j <= upper_j

with l1 = lambda * a * l1_factor and l2 = lambda * (1 - a) * l2_factor, on columns scaled so that diag(G) is 1
(0 for an absent column). Its optimality conditions are a linear complementarity problem with two kinds of
variables: *active* (x_j free, its sign fixed) and *pinned* (x_j fixed at 0 or at a limit); `_complementarity` has them.

Three layers:

1. **Proximal point** (Rockafellar 1976). The tableau stands for H = G + diag(rho), rho = l2 + d with d > 0: it solves
   the problem with the extra term sum_j d_j (x_j - z_j)^2 / 2 around a centre z. Repeating it from its own solution
   descends for every G, singular ones included; conjugate gradients preconditioned by the tableau
   take the centre to the solution on the present face in a few products. The lasso needs d = 1e-8 only; with a
   ridge part the same step lets one tableau serve the lambdas around the lambda_ref it was built for. Above
   lambda_ref d is negative, and the step need not descend: where it does not, the tableau is rebuilt for lambda.
2. **Block principal pivoting** (Judice and Pires 1992; Kim and Park 2011): all violators change sides at once
   while their number falls.
3. **Primal active set**, when it stops falling: from the last feasible point towards the minimiser of its face,
   dropping what blocks; there, the largest violator enters. The objective falls at each step, so no face comes
   twice, and since H is positive definite no pivot is singular.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg._status import Status
from jaxreg.solvers._complementarity import (
    SLACK,
    Face,
    Reduced,
    Values,
    face_bounds,
    flipped,
    objective,
    strength_at,
    towards,
    violations,
    worse_than_zero,
)
from jaxreg.solvers._tableau import (
    Delayed,
    append,
    at_once,
    delayed,
    exchange,
    has_room,
    restricted,
    times,
    transform,
    with_room,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

PROXIMAL = 1e-8  # proximal weight, in units of diag(G) = 1: about the square root of the rounding unit
REACH = 2.2  # with a ridge part, one tableau serves the lambdas within this factor of the one it was built for
PATIENCE = 6  # block updates without progress before the active-set rule takes over
PROXIMAL_STEPS = 40  # at one lambda, at most: a few are the rule, and steps that do not converge end here
POLISH_STEPS = 25  # of conjugate gradients in a round of refinement, at most: preconditioned, a few are the rule
REFINEMENTS = 3  # rounds in a proximal step, at most: one is the rule
DRIFT = 1e-6  # residual that the tableau leaves, in units of max|c|, from which on it is rebuilt
PIVOT_SHARE = 0.25  # of the least value that an exact pivot can have: a smaller pivot is rounding error


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tableau:
    """State that goes from one lambda to the next."""

    matrix: Delayed  # (m, m) of G + diag(rho) scaled to a unit diagonal, with face.active
    face: Face
    pending: Bool[Values, " m"]  # still to be pivoted in after a rebuild
    x: Float[Values, " m"]  # latest solution
    lam_ref: Float[Values, ""]  # the lambda whose ridge part rho holds; inf: to be rebuilt
    noise: Float[Values, ""]  # by how much its gradients were found to be wrong


def empty_tableau(m: int) -> Tableau:
    """Tableau (in NumPy) of a column set without members."""

    def zeros():
        return np.zeros(m)

    face = Face(zeros() > 0, zeros(), zeros())
    return Tableau(delayed(np.zeros((m, m)), np), face, zeros() > 0, zeros(), np.array(np.inf), np.array(0.0))


def _rho(l2_factor, l1_ratio, lam_ref):
    """rho (m,): what H adds to the diagonal of G, the ridge part at lam_ref and the proximal weight."""
    return PROXIMAL + lam_ref * (1.0 - l1_ratio) * l2_factor


def _unit(rho):
    """Units of the variables in which diag(H) is 1: a large ridge part would cost the tableau its digits."""
    return 1.0 / jnp.sqrt(1.0 + rho)


def _pivot(tableau, problem, strength, rho, ce, centre, descend, limit):
    """(tableau with the solution x, number of updates, whether it is unsolved) of one proximal step.

    The complementarity problem is that of H and ce = c + d * centre; it ends after `limit` updates. `descend` selects
    the active-set rule, which starts from the feasible point tableau.x on the tableau's face. Products with the tableau
    are in units in which H has a unit diagonal, the face is in those of the problem.
    """
    m = ce.shape[0]
    size = at_once(m)
    l1, unit = strength.l1, _unit(rho)

    def in_units(face, v):
        return jnp.where(face.active, v * unit, v / unit)

    def right_hand_side(face):
        return in_units(face, jnp.where(face.active, ce - l1 * face.sign, face.pinned))

    def look(u, Tu, face, pending):
        v = in_units(face, transform(face.active, u, Tu))
        x = jnp.where(face.active, v, face.pinned)
        # what the proximal term alone makes a violator is none: it would let in every copy of an active column;
        # nor what rounding in the tableau makes one, where lambda is so small that this is as large as l1
        slack = strength.slack + 2.0 * PROXIMAL * jnp.max(jnp.abs(x - centre)) + tableau.noise
        leave, up, down = violations(face, x, ce - v, l1, slack, problem)
        counts = jnp.sum(jnp.stack([pending, leave > 0, up + down > 0]), axis=1, dtype=jnp.int32)
        return x, leave, up, down, counts

    def cond(s):
        *_, (*_, counts), updates, _, patience, refused = s
        return jnp.any(counts > 0) & (updates < limit) & (patience >= 0) & (refused < 2)

    def body(s):
        M, face, pending, y, Tu, (x, leave, up, down, counts), updates, fewest, patience, refused = s
        filling, blocked = counts[0] > 0, counts[1] > 0
        number = counts[1] + counts[2]
        up, down = jnp.where(filling, 0.0, up), jnp.where(filling, 0.0, down)
        patience = jnp.where(filling | descend | (number < fewest), PATIENCE, patience - 1)
        fewest = jnp.where(filling, m + 1, jnp.minimum(fewest, number))

        lo, hi = face_bounds(face, l1, problem)
        room = (jnp.where(x < lo, lo, hi) - y) / jnp.where(leave > 0, x - y, 1.0)
        room = jnp.where(leave > 0, jnp.clip(room, 0.0, 1.0), 2.0)
        step = jnp.minimum(jnp.min(room), 1.0)
        y = jnp.where(descend & ~filling, jnp.where(face.active, y + step * (x - y), face.pinned), y)
        first_blocked_or_largest = jnp.where(blocked, (room <= step) * 1.0, up + down)
        every_violator = jnp.where(leave > 0, 1e3 + leave, up + down)
        amount = jnp.where(descend, first_blocked_or_largest, every_violator)
        amount = jnp.where(filling, pending * 1.0, amount)

        # the least violation must not vanish in float32; on float64 top_k is an order slower on CPU
        score = jnp.where(amount > 0, jnp.maximum(amount, 1e-30), 0.0).astype(jnp.float32)
        largest, D = lax.optimization_barrier(lax.top_k(score, size))  # used in slices, it would become a full sort
        most = jnp.where(descend & ~filling & ~blocked, 1, size)
        count = jnp.minimum(jnp.sum(largest > 0, dtype=jnp.int32), most)
        floor = jnp.where(face.active, PIVOT_SHARE, PIVOT_SHARE * rho * unit**2)
        M, done = exchange(M, face.active, D, count, floor)
        refused = jnp.where(done.number > 0, 0, refused + 1)
        before, face = right_hand_side(face), flipped(face, x, up, down, done.accepted, l1, problem)
        u = right_hand_side(face)
        Tu = done.times(Tu, u, u - before)
        pending = pending & ~done.accepted & (done.number > 0)  # what the guard refuses twice stays out
        return M, face, pending, y, Tu, look(u, Tu, face, pending), updates + ~filling, fewest, patience, refused

    zero = jnp.zeros((), jnp.int32)
    M, face, pending = tableau.matrix, tableau.face, tableau.pending
    u = right_hand_side(face)
    Tu = times(M, u)
    start = (M, face, pending, tableau.x, Tu, look(u, Tu, face, pending), zero, zero + m + 1, zero + PATIENCE, zero)

    def stretch(s):
        return lax.while_loop(lambda s: cond(s) & has_room(s[0]), body, (with_room(s[0]), *s[1:]))

    M, face, pending, _, _, (x, *_, counts), updates, *_ = lax.while_loop(cond, stretch, start)
    return replace(tableau, matrix=M, face=face, pending=pending, x=x), updates, jnp.any(counts > 0)


def _polish(tableau, unit, pull, x, r, tol):
    """Conjugate gradients for H_AA e = r, H = M_AA^-1 - diag(pull), preconditioned by M_AA: (x + e, r - H e).

    The preconditioned direction M r has H M r = r - pull M r, so that a step costs one product with the tableau.
    """
    active, M = tableau.face.active, tableau.matrix

    def cond(s):
        _, r, _, _, rz, steps = s
        return jnp.any(jnp.abs(r) > tol) & (steps < POLISH_STEPS) & (rz > 0)

    def body(s):
        x, r, p, q, rz_old, steps = s
        z = jnp.where(active, unit * transform(active, unit * r, times(M, unit * r)), 0.0)
        rz = r @ z
        beta = jnp.where(steps > 0, rz / rz_old, 0.0)
        p, q = z + beta * p, r + beta * q
        Hp = jnp.where(active, q - pull * p, 0.0)
        curvature = p @ Hp
        # at least min(1, l2 / rho) where G_AA does not annul p; rounding error in its null space is left alone
        sound = (rz > 0) & (curvature > 1e-4 * rz)
        step = jnp.where(sound, rz / jnp.where(sound, curvature, 1.0), 0.0)
        return x + step * p, r - step * Hp, p, q, jnp.where(sound, rz, 0.0), steps + 1

    start = (x, r, jnp.zeros_like(x), jnp.zeros_like(x), jnp.ones_like(x[0]), jnp.zeros((), jnp.int32))
    x, r, *_ = lax.while_loop(cond, body, start)
    return x, r


def _rebuilt(tableau, problem, l1_ratio, lam):
    """Tableau of the ridge part at lam and the face of tableau.x, all of it still to be pivoted in."""
    x = tableau.x
    free = (problem.lower < x) & (x < problem.upper)
    pending = free & ((x != 0) | (problem.l1_factor == 0))
    face = Face(jnp.zeros_like(pending), jnp.sign(x), jnp.where(pending, 0.0, x))
    rho = _rho(problem.l2_factor, l1_ratio, lam)
    unit = _unit(rho)
    rows = problem.gram * jnp.outer(unit, unit) + jnp.diag(rho * unit**2 - 1.0)
    return Tableau(delayed(rows), face, pending, x, lam, jnp.zeros_like(lam))


def _refine(tableau, problem, strength, unit, pull, r, tol, project):
    """From tableau.x with residual r on the active variables: (x, gradient g at x, drift of the tableau).

    Each round polishes with the tableau and evaluates the result by the Gram matrix; one round is the rule. The last
    one is that in which the solution leaves the face.
    """
    face = tableau.face

    def cond(s):
        _, _, r, _, stays, rounds = s
        return (rounds == 0) | (stays & jnp.any(jnp.abs(r) > tol) & (rounds < REFINEMENTS))

    def body(s):
        x, _, r, drift, _, rounds = s
        polished, expected = _polish(tableau, unit, pull, x, r, tol)
        y = towards(face, strength.l1, problem, x, polished, project)
        g = problem.corr - problem.gram @ y - strength.l2 * y
        r = jnp.where(face.active, g - strength.l1 * face.sign, 0.0)
        stays = jnp.all(y == polished)
        off = jnp.where(stays, jnp.max(jnp.abs(r - expected)), 0.0)
        return y, g, r, jnp.maximum(drift, off), stays, rounds + 1

    start = tableau.x, r, r, jnp.zeros_like(r[0]), jnp.ones((), bool), jnp.zeros((), jnp.int32)
    x, g, _, drift, *_ = lax.while_loop(cond, body, start)
    return x, g, drift


def solve_reduced(tableau, problem, lam, ahead, l1_ratio, scale, max_iter, share=SLACK):
    """(tableau, number of updates, Status) of proximal steps until the optimality conditions hold by the Gram matrix.

    The tableau's x is the solution, or what came closest. The objective there is at most that at the x before: a lambda
    that is lost in rounding error keeps the solution of the one before it.
    """
    strength = strength_at(problem, l1_ratio, lam, scale, share)
    tol = 0.1 * strength.slack

    def cond(s):
        _, _, error, _, updates, steps, _, _ = s
        return (error > 1.0) & (steps < PROXIMAL_STEPS) & (updates < max_iter)

    def body(s):
        tableau, best, previous, least, updates, steps, rebuild, descend = s
        # for the lambdas to come; where steps do not converge, for this one alone, so that they descend
        lam_ref = jnp.where(steps == 0, lam / REACH, lam)
        # a loop of at most one turn: lax.cond would copy the matrix
        tableau, _ = lax.while_loop(
            lambda s: s[1],
            lambda s: (_rebuilt(s[0], problem, l1_ratio, lam_ref), jnp.zeros((), bool)),
            (tableau, rebuild),
        )
        centre = jnp.where(steps == 0, ahead, tableau.x)
        rho = _rho(problem.l2_factor, l1_ratio, tableau.lam_ref)
        pull = rho - strength.l2
        ce = problem.corr + pull * centre
        before = tableau.x
        tableau, pivoted, unsolved = _pivot(tableau, problem, strength, rho, ce, centre, descend, max_iter - updates)
        face = tableau.face
        residual = jnp.where(face.active, pull * (tableau.x - centre), 0.0)
        y, g, drift = _refine(tableau, problem, strength, _unit(rho), pull, residual, tol, steps < 3)
        _, up, down = violations(face, y, g, strength.l1, strength.slack, problem)
        wrong = jnp.where(face.active, jnp.abs(g - strength.l1 * face.sign), up + down)
        failed = unsolved | worse_than_zero(y, g, strength.l1, problem) | ~(jnp.max(wrong) <= scale)
        error = jnp.where(failed, jnp.inf, jnp.max(wrong / (10.0 * strength.slack)))
        x = jnp.where(failed, before, y)
        best, least = jnp.where(error <= least, x, best), jnp.minimum(error, least)
        tableau = replace(tableau, x=x, noise=drift)
        # no progress: the tableau is not accurate enough to get on with
        stuck = (error > 1.0) & (error > 0.5 * previous) & (steps < 10)
        rebuild = failed | stuck | (drift > DRIFT * scale)
        return tableau, best, error, least, updates + pivoted, steps + 1, rebuild, descend | failed

    zero = jnp.zeros((), jnp.int32)
    reusable = (lam <= tableau.lam_ref * REACH) & (tableau.lam_ref <= lam * REACH)
    stale = jnp.isinf(tableau.lam_ref) | ((l1_ratio < 1.0) & ~reusable)
    no_error_yet = jnp.full_like(lam, jnp.inf)
    start = (tableau, tableau.x, no_error_yet, no_error_yet, zero, zero, stale, jnp.zeros((), bool))
    before = tableau.x
    tableau, best, _, least, updates, _, rebuild, _ = lax.while_loop(cond, body, start)

    def no_higher():
        falls = objective(best, strength, problem) <= objective(before, strength, problem)
        return jnp.where(falls, best, before)

    best = lax.cond(least > 1.0, no_higher, lambda: best)
    lam_ref = jnp.where(rebuild, jnp.inf, tableau.lam_ref)
    unmet = jnp.where(updates >= max_iter, int(Status.max_iter), int(Status.stalled))
    code = jnp.where(least <= 1.0, int(Status.converged), unmet)
    return replace(tableau, x=best, lam_ref=lam_ref), updates, code


@partial(jax.jit, donate_argnums=0)
def solve_block(
    tableau: Tableau,
    problem: Reduced,
    scale: Float[Values, " m"],
    lambdas: Float[Values, " B"],
    count,
    l1_ratio,
    max_iter,
    budget,
) -> tuple[Tableau, Bool[Values, " m"], Float[Array, "B m"], Int[Array, " B"], Int[Array, " B"], Int[Array, ""]]:
    """(tableau, positions in use, x / scale, updates, Status, lambdas solved) at the first `count` of the lambdas.

    These descend, and each starts from the solution before. The block ends early at a lambda behind the first that
    takes `budget` updates; lambdas from there on are not among those solved. At most `max_iter` updates go to one.
    """
    B, m = lambdas.shape[0], problem.corr.shape[0]
    largest = jnp.max(jnp.abs(problem.corr))
    unit = jnp.where(largest > 0, largest, 1.0)  # of rounding error; not 0 for a constant response

    def cond(s):
        *_, k, within = s
        return (k < count) & within

    def step(s):
        tableau, x, updates, codes, k, _ = s
        ratio = (lambdas[k - 1] - lambdas[k]) / jnp.where(k > 1, lambdas[k - 2] - lambdas[k - 1], 1.0)
        ahead = tableau.x + jnp.where((k > 1) & jnp.isfinite(ratio), ratio, 0.0) * (tableau.x - x[k - 2])
        limit = jnp.where(k == 0, max_iter, jnp.minimum(max_iter, budget))
        tableau, n, code = solve_reduced(tableau, problem, lambdas[k], ahead, l1_ratio, unit, limit)
        within = (k == 0) | (n < budget)
        codes = codes.at[k].set(code.astype(jnp.int32))
        return tableau, x.at[k].set(tableau.x), updates.at[k].set(n), codes, k + within, within

    zero, zeros = jnp.zeros((), jnp.int32), jnp.zeros(B, jnp.int32)
    start = (tableau, jnp.zeros((B, m), lambdas.dtype), zeros, zeros, zero, jnp.ones((), bool))
    tableau, x, updates, codes, solved, _ = lax.while_loop(cond, step, start)
    face = tableau.face
    used = face.active | (tableau.x != 0) | (face.pinned != 0)
    x = jnp.where(scale > 0, x / jnp.where(scale > 0, scale, 1.0), 0.0)
    return tableau, used, x, updates, codes, solved


@partial(jax.jit, donate_argnums=0)
def append_columns(
    tableau: Tableau, rows: Float[Values, "b m"], first, count, l2_factor: Float[Values, " m"], l1_ratio
) -> Tableau:
    """Tableau with `count` new inactive variables from the unused position `first` on.

    `rows` are theirs in the enlarged Gram matrix, zero from `count` on; `l2_factor` is that of the enlarged column set.
    """
    b, m = rows.shape
    rho = _rho(l2_factor, l1_ratio, jnp.where(jnp.isinf(tableau.lam_ref), 0.0, tableau.lam_ref))
    unit = _unit(rho)
    offset = jnp.arange(b)[:, None]
    diagonal = (jnp.arange(m)[None, :] == first + offset) & (offset < count)
    scaled = rows * jnp.outer(lax.dynamic_slice_in_dim(unit, first, b), unit)
    scaled = scaled + jnp.where(diagonal, rho * unit**2 - 1.0, 0.0)
    return replace(tableau, matrix=append(tableau.matrix, tableau.face.active, scaled, first))


@jax.jit
def keep_columns(tableau: Tableau, positions: Int[Values, " m2"]) -> Tableau:
    """Tableau of the positions, padded with m; what is left out must be inactive."""
    m = tableau.x.shape[0]
    real = positions < m
    index = jnp.where(real, positions, 0)

    def vector(v):
        return jnp.where(real, v[index], jnp.zeros((), v.dtype))

    face = Face(vector(tableau.face.active), vector(tableau.face.sign), vector(tableau.face.pinned))
    matrix, pending = restricted(tableau.matrix, index, real), vector(tableau.pending)
    return replace(tableau, matrix=matrix, face=face, pending=pending, x=vector(tableau.x))
