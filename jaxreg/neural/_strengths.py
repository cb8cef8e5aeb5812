"""The strengths of a sweep: a grid over one or several regularizers, and which of them train."""

import itertools
from dataclasses import dataclass

import numpy as np

from jaxreg import _validation
from jaxreg.neural._early_stopping import EarlyStopping
from jaxreg.neural._regularizer import Regularizer, check_strengths


@dataclass(frozen=True)
class Strengths:
    """S points of a grid over J regularizers. Those that differ by early stopping alone share the lanes that train."""

    regularizers: tuple[Regularizer, ...]  # J of them
    values: np.ndarray  # (S,), or (S, J) of several regularizers
    of_steps: np.ndarray  # (S, J), as training steps see them: those of early stopping are 0
    lane: np.ndarray  # (S,), position among the distinct rows of `of_steps`
    stops: np.ndarray  # (S,), epochs that a point trains
    patience: int | None

    @property
    def of_lanes(self):
        """(S', J), the strengths that train."""
        return self.of_steps[np.unique(self.lane, return_index=True)[1]]

    @property
    def limits(self):
        """(S',) epochs for which the lanes train."""
        return np.array([self.stops[self.lane == each].max() for each in range(self.lane.max() + 1)])

    def stopped(self, measures, ran):
        """Measures (2, S, K, R, epochs, M), the loss in front, and the epochs (S, K, R) that are kept.

        Of measures (2, S', K, R, epochs, M) of the lanes that trained, for `ran` (S', K, R) epochs. After its end a
        point keeps the measures of its parameters.
        """
        curves = measures[:, self.lane]
        epoch = np.arange(curves.shape[-2])
        end = np.minimum(self.stops[:, None, None], ran[self.lane])
        kept = end
        if self.patience is not None:
            held_out = curves[1, ..., 0]
            judged = np.where((epoch < end[..., None]) & np.isfinite(held_out), held_out, np.inf)
            kept = np.where(np.isfinite(judged).any(axis=-1), np.argmin(judged, axis=-1) + 1, end)
        at = np.where(epoch < end[..., None], epoch, kept[..., None] - 1)
        return np.take_along_axis(curves, at[None, ..., None], axis=-2), kept


def make_strengths(regularizer, strengths, epochs, task) -> Strengths:
    """The grid of `fit_path`'s `regularizer` and `strengths`."""
    if regularizer is None:
        if strengths is not None:
            raise ValueError("strengths is given, but regularizer is None; give a regularizer.")
        return Strengths((), np.zeros(1), np.zeros((1, 0)), np.zeros(1, int), np.array([epochs]), None)
    several = isinstance(regularizer, (tuple, list))
    regularizers = tuple(regularizer) if several else (regularizer,)
    for each in regularizers:
        _check_regularizer(each, task)
    early = [each for each in regularizers if isinstance(each, EarlyStopping)]
    if len(early) > 1:
        raise ValueError("regularizer has EarlyStopping twice; give one.")
    given = _each_strengths(strengths, regularizers) if several else [strengths]
    grids = [
        each.grid(own, epochs) if isinstance(each, EarlyStopping) else check_strengths(own, each)
        for each, own in zip(regularizers, given, strict=True)
    ]
    points = np.array(list(itertools.product(*grids)))
    of_steps = points * [not isinstance(each, EarlyStopping) for each in regularizers]
    distinct: dict[tuple, int] = {}
    lane = np.array([distinct.setdefault(tuple(row), len(distinct)) for row in of_steps])
    stops = np.full(len(points), epochs)
    if early:
        stops = early[0].epochs(points[:, regularizers.index(early[0])], epochs)
    return Strengths(
        regularizers,
        points if several else points[:, 0],
        of_steps,
        lane,
        stops,
        early[0].patience if early else None,
    )


def _check_regularizer(regularizer, task):
    if isinstance(regularizer, type) and issubclass(regularizer, Regularizer):
        raise TypeError(f"regularizer is the class {regularizer.__name__}; give an instance, {regularizer.__name__}().")
    if not isinstance(regularizer, Regularizer):
        raise TypeError(
            f"regularizer is {_validation.shown(regularizer)}; give one of jaxreg.neural, a tuple of them, or None."
        )
    kind = type(regularizer)
    if kind.task not in (None, task):
        raise ValueError(f"regularizer is {kind.__name__}, which needs {kind.task}, but the model's task is {task}.")


def _each_strengths(strengths, regularizers):
    J = len(regularizers)
    if J < 2:
        raise ValueError(f"regularizer has {J} entries; of one give the regularizer itself, or None.")
    if strengths is None:
        return [None] * J
    if (
        isinstance(strengths, np.ndarray)
        or len(strengths) != J
        or not all(np.iterable(own) or own is None for own in strengths)
    ):
        raise ValueError(f"strengths must be a tuple of {J} sequences, one for each regularizer.")
    return list(strengths)
