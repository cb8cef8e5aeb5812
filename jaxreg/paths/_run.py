"""How a path is run: its loop over lambda, with the engine that was chosen for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.certificates._certificate import Correlations
from jaxreg.engines._blocks import Blocks
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._gradient import Gradient
from jaxreg.engines._pivot import Pivot
from jaxreg.engines._sizes import Saturating, Tight
from jaxreg.objective import _grid
from jaxreg.paths import _batched
from jaxreg.paths._closed_form import closed_form
from jaxreg.paths._first_lambda import largest_lambda
from jaxreg.paths._loop import path
from jaxreg.solvers.ridge import decomposed
from jaxreg.solvers.tiling import Layout

FEW_COLUMNS = 3  # times n: with more columns than that, those that can come in one by one do, on an accelerator too
ENGINES: dict[str, Any] = {"pivot": Pivot, "block": Blocks, "proximal": Gradient}


@dataclass(frozen=True)
class Run:
    """A loop over lambda, which yields Blocks of points and requests for Correlations."""

    loop: Any
    grid: np.ndarray  # lambdas that it solves, in the user's units
    asked: np.ndarray  # positions of the asked-for lambdas in it


def batches(objective, accelerated):
    """Whether the proximal solver takes all lambdas at once: on an accelerator, unless few of the columns will do."""
    few = objective.penalty.screens and objective.design.p > FEW_COLUMNS * objective.design.n
    return accelerated and objective.penalty.convex and not few


def run(objective, certify, gram, lambdas, options, solver, start, hidden, batched):
    """The Run of an objective at lambdas (L,) of the user.

    start: b (p [, K]); hidden: whether points between distant lambdas are put in; batched: whether "proximal" takes all
    lambdas at once
    """
    grid, asked = lambdas / objective.lambda_unit, np.arange(len(lambdas))
    if solver == "ridge":
        return Run(closed_form(objective, decomposed(objective, gram), certify, grid, options), lambdas, asked)
    if solver == "proximal" and batched:
        return Run(_batched.alone(objective, certify, grid, options, start), lambdas, asked)
    if hidden:
        grid, asked = _grid.with_hidden_points(grid, largest_lambda(objective, getattr(certify, "gram", None)))
    columns = _columns(objective, certify, solver, start)
    engine = ENGINES[solver](columns, options, start)
    in_units = grid * objective.lambda_unit
    in_units[asked] = lambdas  # to the last bit
    return Run(path(objective, columns, engine, certify, grid, options, start), in_units, asked)


def _columns(objective, certify, solver, start):
    """The column set that an engine begins with."""
    gram, penalty, design = getattr(certify, "gram", None), objective.penalty, objective.design
    if not penalty.screens or (solver == "pivot" and gram is not None):
        return ColumnSet.everything(objective, gram).with_rows()
    if solver == "pivot":
        need = np.count_nonzero((objective.l1_factor == 0) | (start != 0))
        return ColumnSet(objective, Saturating(design.n, design.p, need, penalty.l1_ratio < 1), dense=True)
    layout = Layout(penalty.block_labels(design.p)) if solver == "block" else None
    return ColumnSet(objective, Tight(in_tiles=solver == "block"), gram, layout)


def answered(loop, design):
    """The blocks of points of one loop, its requests answered one by one."""
    answer = None
    while True:
        try:
            block = loop.send(answer)
        except StopIteration:
            return
        answer = design.correlate(block.R) if isinstance(block, Correlations) else None
        if answer is None:
            yield block
