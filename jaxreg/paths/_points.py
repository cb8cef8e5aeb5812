"""Solved points as blocks of arrays, and all of a path's points together."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Block:
    """Certified points at B lambdas, on the scale of the penalty."""

    index: np.ndarray  # (m,) the column at each position, p for none
    x: np.ndarray  # (B, m [, K])
    b0: np.ndarray  # (B, 0 or 1 [, K])
    gaps: np.ndarray  # (B,)
    losses: np.ndarray  # (B, K), or (B, 1) for one response
    n_iter: np.ndarray  # (B,)
    status: np.ndarray  # (B,)
    effective_df: np.ndarray | None = None  # (B,) where the engine knows them

    def __len__(self):
        return len(self.gaps)

    @property
    def counts(self):
        """Nonzero coefficients (B,)."""
        return np.count_nonzero(self.x.reshape(len(self), -1), axis=1)

    def updated(self, other, chosen):
        """The same with the points of another block where `chosen` (B,) says so."""
        names = "x", "b0", "gaps", "losses", "n_iter", "status"
        arrays = [
            np.where(chosen.reshape(-1, *[1] * (mine.ndim - 1)), theirs, mine)
            for mine, theirs in ((getattr(self, name), getattr(other, name)) for name in names)
        ]
        return Block(self.index, *arrays)

    def __getitem__(self, part):
        """The points of a slice, or one point."""
        return _entries(self, slice(part, part + 1) if isinstance(part, int) else part)


@dataclass(frozen=True)
class Points:
    """All points (L,) of a path of one Objective, in the user's units."""

    coef: Any  # CSR (L, p), or (L, p K) of K responses
    intercept: np.ndarray  # (L,) or (L, K)
    gaps: np.ndarray  # (L,)
    losses: np.ndarray  # (L, K), or (L, 1): half the deviances, in the unit of the objective
    n_iter: np.ndarray  # (L,)
    status: np.ndarray  # (L,)
    effective_df: np.ndarray | None  # (L,)

    def __len__(self):
        return len(self.gaps)

    @cached_property
    def loss(self):
        """(L,) of all responses."""
        return self.losses.sum(axis=1)

    def at(self, positions):
        """The points at some positions."""
        return _entries(self, positions)


def _entries(instance, positions):
    """The same with all arrays but `index` at some positions of their first axis; None stays None."""
    arrays = {field.name: getattr(instance, field.name) for field in fields(instance) if field.name != "index"}
    return replace(instance, **{name: array[positions] for name, array in arrays.items() if array is not None})


def points_of(objective, blocks):
    """The Points of some blocks, one after the other."""
    from scipy.sparse import csr_array

    p, K = objective.design.p, objective.responses or 1
    entries, first = [], 0
    for block in blocks:
        flat = block.x.reshape(len(block), -1)
        row, at = np.nonzero(flat)
        position, response = (at, 0) if K == 1 else np.divmod(at, K)
        entries.append((first + row, block.index[position] * K + response, flat[row, at]))
        first += len(block)
    row, column, b = map(np.concatenate, zip(*entries, strict=True))
    unit = np.repeat(objective.per_coefficient(np.zeros(p)), K)
    coef = csr_array((b * unit[column], (row, column)), shape=(first, p * K))
    coef.sort_indices()
    means = objective.design.columns.mean
    means = means if objective.responses is None else np.kron(means[:, None], np.eye(K))
    b0 = np.concatenate([block.b0.sum(axis=1) for block in blocks])
    return Points(
        coef=coef,
        intercept=_intercept(objective, objective.y_mean - coef @ means + objective.unit * b0),
        gaps=np.concatenate([block.gaps for block in blocks]),
        losses=np.concatenate([block.losses for block in blocks]) - objective.saturated,
        n_iter=np.concatenate([block.n_iter for block in blocks]),
        status=np.concatenate([block.status for block in blocks]),
        effective_df=None
        if blocks[0].effective_df is None
        else np.concatenate([block.effective_df for block in blocks]),
    )


def _intercept(objective, intercept):
    """As the family has it: none where there is none, and of outputs whose sum makes no difference the sum 0."""
    if not objective.loss.has_intercept:
        return np.zeros_like(intercept)
    if objective.loss.coupling == "outputs":
        return intercept - intercept.mean(axis=1, keepdims=True)
    return intercept
