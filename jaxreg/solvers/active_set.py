"""Minimisers of quadratic models with the elastic net and limits, by Cholesky factors of their faces, on the host.

    minimise  x'Hx/2 - c'x + sum_j l1_j |x_j| + sum_j l2_j x_j^2 / 2,    lower_j <= x_j <= upper_j

at one lambda after the other, with an H that many of them share. On a face the minimiser is the solution of a linear
system in the active variables. Two rules change the face, those of `pivot`: all violators change sides at once while
their number falls; then a primal active set goes from a feasible point towards the minimiser of its face, drops what
blocks, and lets the largest violator in. The objective falls at each step of the second rule, so no face comes twice.
Each lambda keeps the factor of its last face: as soon as the faces are found, a model of the same H costs two
triangular solutions and one product. The factor of another face goes on from the part of one that the two share:
variables are in the order in which they came, so that those which soon leave again are the last.

Source: Judice and Pires (1992); Kim and Park (2011), SIAM J. Sci. Comput. 33 (block pivoting); Nocedal and Wright
(2006), section 16.5 (primal active sets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxreg.solvers import _serial
from jaxreg.solvers._complementarity import Face, face_bounds, flipped, violations

if TYPE_CHECKING:
    from jaxtyping import Float, Int

PATIENCE = 6  # changes of all violators without progress before the second rule takes over
ADDED = 0.0, 1e-12, 1e-8, 1e-4, 1.0  # to a diagonal, where there is no factor without
LATEST = -1  # the key of the latest system
ROOM = 2**28  # bytes that the rows and factors of all faces may take


class Separable(NamedTuple):
    """What a model has beside H: a sum over variables, and limits."""

    corr: Float[np.ndarray, " m"]  # c
    l1: Float[np.ndarray, " m"]
    l2: Float[np.ndarray, " m"]
    lower: Float[np.ndarray, " m"]
    upper: Float[np.ndarray, " m"]
    slack: Float[np.ndarray, " m"]  # violations below this are none


class _System(NamedTuple):
    """The linear system of a face."""

    active: Int[np.ndarray, " k"]  # in the order of the factor
    ridge: Float[np.ndarray, " k"]  # what is added to the diagonal of H
    rows: Float[np.ndarray, "k m"]  # H[active]
    factor: Float[np.ndarray, "k k"]  # Cholesky's, lower

    def shared(self, active, l2):
        """How many of the first variables are active in another system, too, with the same ridge part."""
        same = active[self.active] & (l2[self.active] == self.ridge)
        return len(same) if same.all() else int(np.argmin(same))


def face_of(problem, x):
    """The Face of a point."""
    active = (problem.lower < x) & (x < problem.upper) & ((x != 0) | (problem.l1 == 0))
    return Face(active, np.sign(x), np.where(active, 0.0, x))


class Quadratics:
    """The models of some lambdas with one H, and the systems of their latest faces."""

    def __init__(self, hessian: Float[np.ndarray, "m m"]):
        """hessian: positive definite in the variables that a penalty does not leave out"""
        self.hessian = hessian
        nothing = _System(np.zeros(0, int), np.zeros(0), np.zeros((0, len(hessian))), np.zeros((0, 0)))
        self.systems = {LATEST: nothing}

    def minimised(self, k, problem: Separable, face: Face, feasible, limit):
        """(minimiser x (m,), its Face) of the model k, from a face, or from a feasible point.

        limit: of changes by the second rule, after which x is no more than better than the feasible point
        """
        fewest, patience = len(feasible) + 1, PATIENCE
        while patience >= 0:
            x, leave, up, down = self._look(k, problem, face)
            violators = (leave > 0) | (up > 0) | (down > 0)
            number = int(np.count_nonzero(violators))
            if not number:
                return x, face
            patience = PATIENCE if number < fewest else patience - 1
            fewest = min(fewest, number)
            face = flipped(face, x, up, down, violators, problem.l1, problem, np)
        return self._descended(k, problem, feasible, limit)

    def _look(self, k, problem, face):
        """(minimiser x of a face, the violations there)."""
        system = self._system(k, face, problem.l2)
        active, rows = system.active, system.rows
        x = np.where(face.active, 0.0, face.pinned)
        pinned = np.flatnonzero(x)
        held = np.einsum("k,km", x[pinned], self.hessian[pinned]) if pinned.size else None
        right = problem.corr[active] - problem.l1[active] * face.sign[active]
        if held is not None:
            right -= held[active]
        if active.size:
            x[active] = _serial.solved(system.factor, right)
        g = problem.corr - np.einsum("k,km", x[active], rows) - problem.l2 * x
        if held is not None:
            g -= held
        return x, *violations(face, x, g, problem.l1, problem.slack, problem, np)

    def _system(self, k, face, l2):
        """The _System of a face, from that of the model k before, or of the latest one."""
        known = [self.systems[LATEST], self.systems.get(k, self.systems[LATEST])]
        shared = [system.shared(face.active, l2) for system in known]
        best = int(np.argmax(shared))
        system, number = known[best], shared[best]
        if not number == len(system.active) == np.count_nonzero(face.active):
            system = self._extended(system, number, face.active, l2)
        self.systems[LATEST] = system
        if (system.rows.nbytes + system.factor.nbytes) * (len(self.systems) + 1) <= ROOM:
            self.systems[k] = system
        return system

    def _extended(self, system, shared, active, l2):
        """The _System of an active set (m,) with the first `shared` variables of another."""
        first, active = system.active[:shared], active.copy()
        active[first] = False
        order = np.append(first, np.flatnonzero(active))
        rows, ridge = self.hessian[order], l2[order]
        k, factor = len(order), np.empty((len(order), len(order)))
        for added in ADDED:
            done = shared if added == 0 else 0
            np.take(rows[done:], order, axis=1, out=factor[done:])
            factor.flat[done * (k + 1) :: k + 1] += ridge[done:] + added
            factor[:done, :done] = system.factor[:done, :done]
            if _serial.factorise(factor, done):
                break
        return _System(order, ridge, rows, factor)

    def _descended(self, k, problem, x, limit):
        """As `minimised`, by the second rule."""
        face = face_of(problem, x)
        for _ in range(limit):
            y, leave, up, down = self._look(k, problem, face)
            blocked = leave > 0
            if blocked.any():
                lo, hi = face_bounds(face, problem.l1, problem, np)
                room = np.full(len(x), np.inf)
                room[blocked] = np.clip((np.where(y < lo, lo, hi) - x)[blocked] / (y - x)[blocked], 0.0, 1.0)
                x, blocked = x + room.min() * (y - x), room <= room.min()
                face = flipped(face, y, up, down, blocked, problem.l1, problem, np)
                x = np.where(face.active, x, face.pinned)
                continue
            x, violation = y, up + down
            if not violation.any():
                break
            largest = np.arange(len(x)) == np.argmax(violation)
            face = flipped(face, x, up, down, largest, problem.l1, problem, np)
        return x, face
