"""Which engine solves what: one ordered table. solver="auto" goes through it, and `fit_path` prints it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.engines._base import Engine
from jaxreg.engines._blocks import Blocks
from jaxreg.engines._gradient import Gradient
from jaxreg.engines._newton import Newton
from jaxreg.engines._pivot import Pivot

LARGEST = 8192  # columns whose Gram matrix a step of the batched solver reads in about the time that it takes anyway
MOST = 4096  # outputs times columns or rows, up to which a second derivative in all coefficients has room
FEW = 3  # times n: with more columns than that, those that can come in one by one do, on an accelerator too
UNEVEN = 4  # times p: the number of blocks times the size of the largest, up to which they are alike


@dataclass(frozen=True)
class Problem:
    """What an engine is asked to solve."""

    loss: Any
    penalty: Any  # with its mixing parameter and limits
    responses: int | None  # K, None for y (n,)
    n: int
    p: int
    accelerated: bool  # whether the data are not on a CPU
    has_room: (
        bool  # whether the Gram matrix of all columns is no more than memory holds, and a product has it read fast
    )


@dataclass(frozen=True)
class Need:
    """Something that an engine takes for granted."""

    text: str
    holds: Callable[[Problem], bool]


@dataclass(frozen=True)
class Entry:
    """An engine, what it solves, and where `auto` prefers it to those behind it."""

    name: str
    engine: type[Engine] | None  # None: all lambdas at once
    solves: str
    needs: tuple[Need, ...]
    preferred: str | None = None  # in words; None: everywhere
    prefers: Callable[[Problem], bool] = lambda problem: True

    def lacks(self, problem):
        """Texts of the needs that a problem does not meet."""
        return [need.text for need in self.needs if not need.holds(problem)]


def _even(problem):
    """Whether blocks are of similar sizes: each takes the time and the place of the largest."""
    sizes = np.unique(problem.penalty.block_labels(problem.p), return_counts=True)[1]
    return len(sizes) * sizes.max() <= UNEVEN * problem.p


def _few_outputs(problem):
    """Whether a second derivative in the coefficients of all outputs has room, and costs no more than it saves."""
    return problem.responses is None or problem.responses * min(problem.n, problem.p) <= MOST


SQUARED_LOSS = Need("the squared loss", lambda problem: problem.loss.quadratic)
ANOTHER_LOSS = Need("another loss than the squared one", lambda problem: not problem.loss.quadratic)
ELASTIC_NET = Need("ElasticNet", lambda problem: problem.penalty.quadratic)
RIDGE = Need("l1_ratio=0", lambda problem: problem.penalty.mixes and problem.penalty.l1_ratio == 0)
NO_LIMITS = Need("no limits", lambda problem: not problem.penalty.limited)
BLOCKS = Need("a penalty that is a sum over blocks of columns", lambda problem: problem.penalty.descends)
CONVEX = Need("a convex penalty", lambda problem: problem.penalty.convex)
ROOM = Need(
    f"memory for the Gram matrices of at most {LARGEST} columns, or another loss",
    lambda problem: problem.has_room or not problem.loss.quadratic,
)
ONE_RESPONSE = Need("one response", lambda problem: problem.responses is None)
ONE_OBJECTIVE = Need(
    "one response, or a loss or penalty of all of them (Multinomial, MultiTaskLasso)",
    lambda problem: problem.responses is None or problem.loss.coupling is not None or not problem.penalty.quadratic,
)
OUTPUTS = Need(
    "one response, the squared loss, or a loss of several outputs",
    lambda problem: problem.responses is None or problem.loss.coupling is not None or problem.loss.quadratic,
)


def _ridge_alone(problem):
    """Whether the closed form applies."""
    return all(need.holds(problem) for need in (SQUARED_LOSS, ELASTIC_NET, RIDGE, NO_LIMITS))


def _abreast(problem):
    """Whether all columns are better than those that come in one by one."""
    return problem.accelerated and not (problem.penalty.screens and problem.p > FEW * problem.n)


TABLE = (
    Entry(
        name="batched",
        engine=None,
        solves="any loss with a convex penalty, without limits, on all columns",
        needs=(CONVEX, NO_LIMITS, ONE_OBJECTIVE, OUTPUTS, ROOM),
        preferred='on an accelerator, unless p > 3 n and columns can come in one by one, or "ridge" applies',
        prefers=lambda problem: _abreast(problem) and not _ridge_alone(problem),
    ),
    Entry(
        name="pivot",
        engine=Pivot,
        solves="the squared loss with ElasticNet, with or without limits",
        needs=(SQUARED_LOSS, ELASTIC_NET, ONE_RESPONSE),
        preferred='where "ridge" does not apply',
        prefers=lambda problem: not _ridge_alone(problem),
    ),
    Entry(
        name="ridge",
        engine=None,
        solves="the squared loss with ElasticNet at l1_ratio=0 without limits, of one or more responses",
        needs=(SQUARED_LOSS, ELASTIC_NET, RIDGE, NO_LIMITS),
    ),
    Entry(
        name="block",
        engine=Blocks,
        solves="the squared loss with a penalty that is a sum over columns or groups, without limits",
        needs=(SQUARED_LOSS, BLOCKS, NO_LIMITS, ONE_OBJECTIVE),
        preferred="on a CPU, for convex penalties with groups of similar sizes",
        prefers=lambda problem: problem.penalty.convex and not problem.accelerated and _even(problem),
    ),
    Entry(
        name="newton",
        engine=Newton,
        solves="any other loss with ElasticNet, with or without limits",
        needs=(ANOTHER_LOSS, ELASTIC_NET, OUTPUTS),
        preferred=f"where the loss bends everywhere and has few outputs (times p or n at most {MOST}), or limits",
        prefers=lambda problem: problem.penalty.limited or (problem.loss.width is None and _few_outputs(problem)),
    ),
    Entry(
        name="proximal",
        engine=Gradient,
        solves="any loss and any penalty, without limits",
        needs=(NO_LIMITS, ONE_OBJECTIVE, OUTPUTS),
    ),
)


def solvers():
    """What `solver=` takes."""
    return "auto", *(entry.name for entry in TABLE)


def described():
    """The table as lines of text, in the order in which "auto" goes through it."""
    where = [f"; preferred {entry.preferred}" if entry.preferred else "" for entry in TABLE]
    return [f'"{entry.name}" solves {entry.solves}{part}.' for entry, part in zip(TABLE, where, strict=True)]


def chosen(name, problem):
    """The name of the engine for a problem; ValueError where there is none, or the one of that name lacks something."""
    able = [entry for entry in TABLE if not entry.lacks(problem)]
    if name == "auto" and able:
        return next(entry for entry in able if entry.prefers(problem)).name
    if name in {entry.name for entry in able}:
        return name
    raise ValueError(_refusal(name, problem, able))


def entry_of(name):
    """The Entry of a name."""
    return next(entry for entry in TABLE if entry.name == name)


def _refusal(name, problem, able):
    loss = type(problem.loss).__name__
    penalty = "ElasticNet with limits" if problem.penalty.limited else type(problem.penalty).__name__
    if not OUTPUTS.holds(problem):
        return f"y has {problem.responses} columns; several responses need the squared loss."
    if problem.responses is not None and problem.loss.quadratic and problem.penalty.quadratic:
        return (
            f"y has {problem.responses} columns; several responses need l1_ratio=0 and no limits, and a solver other "
            "than 'pivot', 'block' and 'proximal': give one column, these, or MultiTaskLasso()."
        )
    entry = entry_of(name)
    others = " or ".join(map(repr, ["auto", *(entry.name for entry in able)]))
    return (
        f"solver is {name!r}, which solves {entry.solves}, not {loss} with {penalty}: it lacks "
        f"{' and '.join(entry.lacks(problem))}; give {others}."
    )
