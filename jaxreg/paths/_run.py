"""How a path is run: its loop over lambda, with the engine that was chosen for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._table import entry_of
from jaxreg.objective import _grid
from jaxreg.paths import _batched, _ridges
from jaxreg.paths._closed_form import closed_form
from jaxreg.paths._first_lambda import largest_lambda
from jaxreg.paths._loop import path


@dataclass(frozen=True)
class Run:
    """A loop over lambda, which yields Blocks of points and requests for Correlations."""

    loop: Any
    grid: np.ndarray  # lambdas that it solves, in the user's units
    asked: np.ndarray  # positions of the asked-for lambdas in it


def run(objective, certify, decompose, lambdas, options, solver, start, hidden):
    """The Run of an objective at lambdas (L,) of the user.

    decompose: a function that gives the RidgeDecomposition of an objective, for the closed form; start: b (p [, K]);
    hidden: whether points between distant lambdas are put in
    """
    grid, asked, engine = lambdas / objective.lambda_unit, np.arange(len(lambdas)), entry_of(solver).engine
    if solver == "ridge":
        if _ridges.takes(objective, certify):
            return Run(_ridges.alone(objective, certify, grid, options), lambdas, asked)
        return Run(closed_form(objective, decompose(objective), certify, grid, options), lambdas, asked)
    if solver == "batched":
        return Run(_batched.alone(objective, certify, grid, options, start), lambdas, asked)
    gram_of_all = certify.gram
    if hidden:
        grid, asked = _grid.with_hidden_points(grid, largest_lambda(objective, certify))
    whole = not objective.penalty.screens or (engine.takes_all and gram_of_all is not None)
    columns = (
        ColumnSet.everything(objective, gram_of_all).with_rows()
        if whole
        else engine.columns_for(objective, gram_of_all, start)
    )
    in_units = grid * objective.lambda_unit
    in_units[asked] = lambdas  # to the last bit
    loop = path(objective, columns, engine(columns, options, start), certify, grid, options, start)
    return Run(loop, in_units, asked)
