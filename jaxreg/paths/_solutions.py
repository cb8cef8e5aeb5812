"""Problems of many lanes, mixing parameters and lambdas side by side, of the squared loss or another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.certificates._bases import lengthened
from jaxreg.design._gram import together
from jaxreg.design._lanes import LaneColumns, own_rows
from jaxreg.engines._base import Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import PACE, TIGHT, TIGHTER, residuals_asked
from jaxreg.paths import _program, _queue
from jaxreg.paths._means import Means, RowLane, by_multipliers, shared_rows
from jaxreg.paths._points import Block
from jaxreg.paths._ways import Composites, Lane, Nets, by_faces, by_secants

GOAL, FLOOR = 1e-3, 1e-13  # of tol: a smaller gap will do; a gap below which rounding has a say
LEAST = 0.1  # of tol: the goal where tol itself is near that
NARROW = (
    0.03  # of the spread of y: where the parabola of a loss is not wider the method of multipliers takes fewer steps
)
BALANCED = 1.05  # times the least work of the busiest device: more groups than that takes are not worth their matrices


@jax.jit
def _entries(b, f, at):
    return b[f, at]


@dataclass(frozen=True)
class Solutions:
    """Certified solutions of F lanes, A mixing parameters and L lambdas."""

    objectives: list
    at: np.ndarray  # (A, L) the place of each among the problems of a lane
    b: Any  # (F' >= F, N, m + free [, K]) on the scale of the penalty: p columns, absent ones, an intercept
    images: Any  # (F', N, n [, K]) eta - offset; None of the squared loss
    gaps: np.ndarray  # (F, A, L)
    losses: np.ndarray  # (F, A, L, K), or (F, A, L, 1) for one response
    n_iter: np.ndarray  # (F, A, L)
    status: np.ndarray  # (F, A, L)
    of_first: np.ndarray  # (N, m + free [, K]) b of the first lane
    judged: Any  # what `judge` made of b
    places: int  # of a group
    steps: np.ndarray  # (G,) of each group

    @property
    def computed(self):
        """Products of all places, busy or not."""
        return self.places * int(self.steps.sum())

    def blocks(self):
        """A Block of the first lane for each mixing parameter."""
        p, b = self.objectives[0].design.p, self.of_first[self.at]
        b0 = b[:, :, b.shape[2] - self.objectives[0].free :]
        arrays = zip(b[:, :, :p], b0, self.gaps[0], self.losses[0], self.n_iter[0], self.status[0], strict=True)
        return [Block(np.arange(p), *of_mix) for of_mix in arrays]


@dataclass(frozen=True)
class Groups:
    """F lanes, each in S parts of A / S mixing parameters: G groups, those behind F S empty."""

    order: _queue.Order  # of the problems of a group
    at: np.ndarray  # (A, L) the place of each problem among those of its lane
    lane: np.ndarray  # (G,)
    mix: np.ndarray  # (G, N) mixing parameters of the problems
    shape: tuple[int, int]  # (F, S)

    @classmethod
    def of(cls, F, A, L, devices):
        S = _parts(F, A, devices)
        order = _queue.Order.of(A // S, L)
        N, G = len(order.mix), -(-_queue.number_for(F) * S // devices) * devices
        group, part = np.minimum(np.arange(G), F * S - 1), np.arange(S)[:, None, None]
        at = (part * N + order.at).reshape(A, L)
        return cls(order, at, group // S, group[:, None] % S * (A // S) + order.mix, (F, S))

    @property
    def filled(self):
        """(F', S): with lanes filled up to one of few numbers, whose groups are copies of the last one."""
        return _queue.number_for(self.shape[0]), self.shape[1]

    def of_groups(self, values):
        """`values` (F, A, L) of the problems as (G, N), where the copies behind them have those of what they copy."""
        return values[self.lane[:, None], self.mix, self.order.position]

    def counts(self):
        """How many problems each group has (G,)."""
        F, S = self.shape
        return np.where(np.arange(len(self.lane)) < F * S, self.at.size // S, 0)


def _parts(F, A, devices):
    """In how many groups a lane is taken apart, so that devices have about the same to do."""
    busiest = {S: -(-F * S // devices) / S for S in range(1, A + 1) if A % S == 0}
    return next(S for S, work in busiest.items() if work <= BALANCED * min(busiest.values()))


def solve(objectives, certificates, penalties, lambdas, options, starts, held_out=None, judge=None):
    """The Solutions of objectives that differ in weights and response, at lambdas (F, A, L), from b (F, p [, K]).

    Of the squared loss their certificates know the Gram matrices. Groups and problems are filled up to few numbers, for
    which alone programs are compiled. Where a gap fails, the search goes on from there with a smaller one for its aim.
    What judge(held_out, b) makes of the solutions comes along with them.
    """
    placement, first, squared = objectives[0].design.placement, certificates[0], objectives[0].squared
    F, A, L = lambdas.shape
    groups = Groups.of(F, A, L, len(placement.devices))
    order, at, grids = groups.order, groups.at, groups.of_groups(lambdas)
    asked = [residuals_asked(*pair, TIGHT * options.tol) for pair in zip(objectives, lambdas, strict=True)]
    index = np.minimum(np.arange(first.length), objectives[0].design.p)
    within = [penalty.restrict(index) if penalty.screens else penalty for penalty in penalties]
    penalty, axes = _mixed([*within, *within[-1:] * (_queue.number_for(A) - A)])
    way, search, kind, data, lanes = (_by_grams if squared else _by_rows)(objectives, certificates, within[0], groups)
    of_groups = jax.tree.map(lambda *leaves: np.stack(leaves), *(lanes[f] for f in groups.lane))
    residuals = groups.of_groups(np.stack(asked))
    data, lanes, penalty = jax.device_put((data, of_groups._replace(mix=groups.mix, lambdas=grids), penalty))
    b = np.stack(list(map(_start, objectives, certificates, starts)))[:, None]
    b = b[np.minimum(np.arange(groups.filled[0]), F - 1)]
    neighbours, share, count = order.neighbours, order.shares(grids), groups.counts()
    goal = max(GOAL * options.tol, min(LEAST * options.tol, FLOOR))
    special = _special(certificates, penalties, lambdas) if squared else []
    places = _queue.places_for(len(order.mix))
    left, n_iter, steps = np.ones(lambdas.shape, bool), np.zeros(lambdas.shape, int), np.zeros(len(count), int)
    for sharpened in range(PACE.sharpenings + 1):
        limit = groups.of_groups(np.where(left, options.max_iter - n_iter, 0))
        schedule = _queue.Schedule(neighbours, share, limit, count)
        tighter = TIGHTER**sharpened
        sharper = lanes._replace(residuals=tighter * residuals)
        fitted = _program.solve(
            *jax.device_put((data, sharper, penalty, schedule, b, goal * tighter)),
            way=way, search=search, axes=axes, kind=kind, shape=groups.filled, places=places, mesh=placement.mesh,
            precision=np.dtype(options.precision), lower=None if sharpened else options.step_precision,
        )  # fmt: skip
        b = fitted.b
        judged = None if judge is None else judge(held_out, b)  # by a program of its own: it has the data's shape
        (of_first, *values, more), judged = jax.device_get((fitted[2:], judged))
        gaps, losses, products = (value[:F, at] for value in values)
        n_iter, steps = n_iter + products, steps + more
        for f, a, certify, k in special:
            points = np.asarray(_entries(b, f, at[a, k]))
            none = np.zeros((len(k), 0, *points.shape[2:]))
            solved = Solved(points, none, n_iter[f, a, k], n_iter[f, a, k], len(k))
            certified = certify.certified(ColumnSet.everything(objectives[f], certify.gram), solved, lambdas[f, a, k])
            gaps[f, a, k], losses[f, a, k] = certified.gaps, certified.losses
        left = ~(gaps <= options.tol) & (n_iter < options.max_iter)
        if not left.any():
            break
        neighbours, share = np.tile(np.arange(share.shape[1]), (2, 1)), np.ones_like(share)
    code = np.where(n_iter >= options.max_iter, Status.max_iter, Status.stalled)
    status = promoted(code, gaps, options.tol)
    return Solutions(objectives, at, b, fitted.images, gaps, losses, n_iter, status, of_first, judged, places, steps)


def _start(objective, certify, start):
    """b (m + free [, K]) to start from; 0 where nothing is to be explained."""
    return np.concatenate([certify.padded(start * (objective.gap_unit > 0)), objective.b0])


def _by_grams(objectives, certificates, penalty, groups):
    """(the way, the search, the kind of certificate, Gram matrices of all groups, a Lane of each objective without)."""
    terms = [certificate.terms for certificate in certificates]
    rows = max(len(of_lane.T) for of_lane in terms)
    lanes = []
    for objective, certificate, of_lane in zip(objectives, certificates, terms, strict=True):
        present = certificate.padded(objective.present)
        of_lane = of_lane._replace(T=lengthened(of_lane.T, rows), along=lengthened(of_lane.along, rows))
        divisor = np.where(present, certificate.scale, 1.0)
        unit = _units(penalty, np.where(present, certificate.scale, 0.0), certificate.factors)
        per_coefficient = certificate.padded(objective.per_coefficient(np.zeros(objective.design.p)))
        lanes.append(Lane(None, of_lane, present, divisor, unit, per_coefficient, None, None, None))
    grams = together([certificates[f].placed for f in groups.lane])
    way, search = (Nets, by_faces) if penalty.quadratic else (Composites, by_secants)
    return way, search, certificates[0].kind, grams, lanes


def _by_rows(objectives, certificates, penalty, groups):
    """(the way, the search, the kind of certificate and of slopes, rows, a RowLane of each objective)."""
    kind = "gap" if all(certificate.kind == "gap" for certificate in certificates) else "residual"
    base, length = objectives[0].design.base, certificates[0].length
    own = max(len(own_rows(objective.design, objective.present)) for objective in objectives)
    terms, corrections = zip(*(certificate.row_terms(kind) for certificate in certificates), strict=True)
    correction = "basis" if "basis" in corrections else corrections[0]
    basis = max(len(of_lane.rows.basis) for of_lane in terms)
    lanes = []
    for objective, certificate, of_lane in zip(objectives, certificates, terms, strict=True):
        present = certificate.padded(objective.present)
        columns = LaneColumns.of(objective.design, objective.present, own)
        columns = LaneColumns(
            certificate.padded(columns.inverse), certificate.padded(columns.shift),
            np.where(columns.exact < base.p, columns.exact, length), columns.exact_rows,
        )  # fmt: skip
        unit = _units(penalty, np.where(present, certificate.scale, 0.0), certificate.factors)
        largest = float((np.where(present, certificate.scale, 0.0) / unit).max(initial=0.0)) or 1.0
        rows = of_lane.rows._replace(basis=lengthened(of_lane.rows.basis, basis))
        lanes.append(
            RowLane(
                columns=columns,
                terms=of_lane._replace(rows=rows),
                present=present,
                unit=unit,
                level=np.full(objective.free, largest),
                b0=objective.b0,
                per_coefficient=certificate.padded(objective.per_coefficient(np.zeros(base.p))),
                mean=certificate.padded(objective.design.columns.mean),
                response_unit=float(objective.unit),
                mix=None,
                lambdas=None,
                residuals=None,
            )
        )
    search = by_multipliers if _is_narrow(objectives[0]) else by_secants
    return Means, search, (kind, correction), shared_rows(base.traced, base.root, length=length), lanes


def _is_narrow(objective):
    """Whether the loss is a parabola for residuals that are small beside the spread of y alone."""
    width = objective.loss.width
    if width is None:
        return False
    response, omega = objective.y - objective.offset, objective.root**2
    return bool(width < NARROW * np.sqrt(omega @ (response - omega @ response) ** 2))


def _units(penalty, scale, factors):
    """(m,) for each column the largest scale in its block, of a penalty that is a sum over blocks; 1 elsewhere.

    Steps along blocks of large and small columns are of a kind then. Columns of a block that is not penalised have each
    their own. The scale of an absent column is 0.
    """
    if not penalty.descends:
        return np.ones(len(scale))
    _, block = np.unique(penalty.block_labels(len(scale)), return_inverse=True)
    largest, penalised = np.zeros((2, len(scale)))
    np.maximum.at(largest, block, scale)
    np.maximum.at(penalised, block, factors)
    units = np.where(penalised[block] > 0, largest[block], scale)
    return np.where(units > 0, units, 1.0)


def _mixed(penalties):
    """(one penalty, whose leaves that differ have a leading axis of all; which these are)."""
    leaves, structures = zip(*map(jax.tree.flatten, penalties), strict=True)
    numbers = [[np.asarray(leaf) for leaf in of_mixes] for of_mixes in zip(*leaves, strict=True)]
    axes = tuple(i for i, of_mixes in enumerate(numbers) if any((leaf != of_mixes[0]).any() for leaf in of_mixes[1:]))
    stacked = [np.stack(of_mixes) if i in axes else of_mixes[0] for i, of_mixes in enumerate(numbers)]
    return jax.tree.unflatten(structures[0], stacked), axes


def _special(certificates, penalties, lambdas):
    """(lane, mixing parameter, its certificate, lambdas) of points whose theta is orthogonal to more than is usual."""
    points = []
    for f, certify in enumerate(certificates):
        for a, penalty in enumerate(penalties):
            of_mix = certify.of_penalty(penalty)
            k = np.flatnonzero(of_mix.special(lambdas[f, a]))
            points += [(f, a, of_mix, k)] * bool(k.size)
    return points
