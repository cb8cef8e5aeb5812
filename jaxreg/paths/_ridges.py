"""Ridge of many lanes and lambdas side by side, in closed form on a device; what is delicate goes lane by lane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxreg._status import Status, promoted
from jaxreg.certificates._certificate import ByGram
from jaxreg.design._gram import OfStack, together
from jaxreg.paths import _ridge_program
from jaxreg.paths._closed_form import closed_form
from jaxreg.paths._lockstep import answered
from jaxreg.paths._points import Block
from jaxreg.solvers._ridge_base import REFINED_INFLATION
from jaxreg.solvers._ridge_columns import ColumnSide, alike_factors, full_rank, penalty_root


@dataclass(frozen=True)
class Ridges:
    """Certified solutions of F lanes and L lambdas, with one mixing parameter, of ridge."""

    objectives: list
    at: np.ndarray  # (1, L) the place of each among the problems of a lane
    b: Any  # (F, L, p [, K]) on the scale of the penalty
    gaps: np.ndarray  # (F, 1, L)
    losses: np.ndarray  # (F, 1, L, K), or (F, 1, L, 1) for one response
    n_iter: np.ndarray  # (F, 1, L)
    status: np.ndarray  # (F, 1, L)
    effective_df: np.ndarray  # (F, 1, L)
    of_first: np.ndarray  # (L, p [, K]) b of the first lane
    judged: Any  # what `judge` made of b

    def blocks(self):
        """A Block of the first lane for the one mixing parameter."""
        b = self.of_first
        none = np.zeros((len(b), 0, *b.shape[2:]))
        rest = (values[0, 0] for values in (self.gaps, self.losses, self.n_iter, self.status, self.effective_df))
        return [Block(np.arange(b.shape[1]), b, none, *rest)]


def takes(objective, certify):
    """Whether ridge of an objective is solved from Gram matrices on a device, where nothing else is known against it.

    certify: its Certificate
    """
    design = objective.design
    there = isinstance(certify, ByGram) and not design.placement.on_host
    return there and design.p <= design.n and alike_factors(objective)


def alone(objective, certify, lambdas, options):
    """The points of one Objective, as a path in one block."""
    yield solve([objective], [certify], objective.penalty, lambdas[None], options).blocks()[0]


def solve(objectives, certificates, penalty, lambdas, options, held_out=None, judge=None):
    """The Ridges of objectives that differ in weights and response, at lambdas (F, L).

    Their certificates know the Gram matrices. The program may judge its solutions, too: judge(held_out, b) is traced in
    it.
    """
    objectives = [replace(objective, penalty=penalty) for objective in objectives]
    certificates = [certify.of_penalty(penalty) for certify in certificates]
    placement, count = objectives[0].design.placement, len(objectives)
    shared_out = np.minimum(np.arange(-(-count // len(placement.devices)) * len(placement.devices)), count - 1)
    lanes = list(map(_lane, objectives, certificates, lambdas))
    lanes = jax.tree.map(lambda *leaves: np.stack(leaves), *(lanes[f] for f in shared_out))
    grams = together([certificates[f].placed for f in shared_out])
    grams, lanes, held_out = jax.device_put((grams, lanes, held_out))
    fitted = _ridge_program.solve(
        grams, lanes, held_out,
        count=count, mesh=placement.mesh, precision=np.dtype(options.precision), judge=judge,
    )  # fmt: skip
    b, (of_first, eigenvalues, df, inflation, gaps, losses, judged) = fitted.b, jax.device_get(fitted[2:])
    status = promoted(np.full(gaps.shape, Status.stalled), gaps, options.tol)
    delicate = np.array(
        [
            not full_rank(objective, values) or certify.special(grid).any() or not (most <= REFINED_INFLATION).all()
            for objective, certify, grid, values, most in zip(
                objectives, certificates, lambdas, eigenvalues, inflation, strict=True
            )
        ]
    )
    if delicate.any():
        of_first, gaps, losses, df, status = map(np.array, (of_first, gaps, losses, df, status))
        others = np.zeros(b.shape)
        for f in map(int, np.flatnonzero(delicate)):
            vectors = OfStack(fitted.vectors, f, objectives[f].design.p)
            ridge = ColumnSide.of_spectrum(objectives[f], certificates[f].stored, eigenvalues[f], vectors)
            loop = closed_form(objectives[f], ridge, certificates[f], lambdas[f], options)
            (block,) = answered(loop, objectives[f].design)  # on the side of the columns there is one
            others[f], gaps[f], losses[f] = block.x, block.gaps, block.losses
            df[f], status[f] = block.effective_df, block.status
        of_first = others[0] if delicate[0] else of_first
        if judge is not None:
            b, judged = _ridge_program.with_others(b, delicate, others, held_out, judge=judge)
            judged = jax.device_get(judged)
    return Ridges(
        objectives=objectives,
        at=np.arange(lambdas.shape[1])[None],
        b=b,
        gaps=gaps[:, None],
        losses=losses[:, None],
        n_iter=np.ones((len(gaps), 1, lambdas.shape[1]), int),
        status=status[:, None],
        effective_df=df[:, None],
        of_first=of_first,
        judged=judged,
    )


def _lane(objective, certificate, lambdas):
    """The RidgeLane of an objective."""
    present, unit = objective.present, objective.per_coefficient(np.zeros(objective.design.p))
    return _ridge_program.RidgeLane(
        terms=certificate.terms,
        factor=objective.l2_factor,
        root=penalty_root(objective),
        divisor=np.where(present, objective.scale, 1.0),
        per_coefficient=np.where(present, unit, 1.0),
        lambdas=lambdas,
    )
