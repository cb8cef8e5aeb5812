"""What a regularizer is: a strength in, changes of a training step out."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

from jaxreg import _arrays, _validation

NO_LIMIT = math.inf


class Hooks(NamedTuple):
    """What changes in training at one strength; None: nothing. Every hook is pure JAX."""

    model: Callable | None = None  # model -> model, with dropout or batch normalisation in it
    batch: Callable | None = None  # (key, x, target) -> (x, target)
    weights: Callable | None = None  # (key, params) -> params, those that the training loss sees
    penalty: Callable | None = None  # params -> number, added to the training loss
    optimizer: Callable | None = None  # optax transformation -> optax transformation


class Regularizer(ABC):
    """Abstract base of the regularizers of `fit_path`.

    Its strength is a number >= 0. 0 regularizes nothing: the run is, to the last bit, the one without it (of as many
    lanes: shapes decide how sums are rounded). It is an argument of `hooks`, a JAX scalar: other strengths compile
    nothing. What an instance holds besides is fixed.

    A subclass is final, a `jaxreg._pytree.pytree`, and says which strengths there are. Numbers that an instance holds
    are given by name: as the first argument a number would be taken for the strength, and is a TypeError.

    Attributes
    ----------
    quantity : str
        What the strength is, for labels.
    default : tuple of float
        The strengths of `fit_path` where it is given none.
    below : float
        Strengths are smaller than this, or at most this if `closed`.
    task : str or None
        The only task that it knows, or None.

    Examples
    --------
    >>> import jaxreg as jr
    >>> isinstance(jr.neural.Dropout(), jr.neural.Regularizer)
    True
    >>> jr.neural.Dropout.below, jr.neural.Dropout.closed, jr.neural.LabelSmoothing.task
    (1.0, False, 'classification')
    """

    quantity: ClassVar[str] = "strength"
    default: ClassVar[tuple[float, ...]]
    below: ClassVar[float] = NO_LIMIT
    closed: ClassVar[bool] = False
    task: ClassVar[str | None] = None

    def __new__(cls, *arguments, **named):
        """Numbers go by name: what stands first in other packages is the strength, which no instance has."""
        if arguments and isinstance(arguments[0], (Real, list, np.ndarray)):
            strengths = np.asarray(arguments[0]).ravel().tolist()
            raise TypeError(
                f"{cls.__name__} is given {arguments[0]!r}, but its strengths are those of fit_path: "
                f"regularizer={cls.__name__}(...), strengths={strengths}. Numbers that it has itself go by name."
            )
        return super().__new__(cls)

    @abstractmethod
    def hooks(self, strength: Any) -> Hooks:
        """What changes in training at this strength."""


class AllHooks:
    """The hooks of several regularizers at strengths (J,), one after the other; each draws with a key of its own."""

    def __init__(self, regularizers, strengths):
        each = [regularizer.hooks(strengths[j]) for j, regularizer in enumerate(regularizers)]
        self._of = {name: [own for hooks in each if (own := getattr(hooks, name))] for name in Hooks._fields}

    def model(self, model):
        for change in self._of["model"]:
            model = change(model)
        return model

    def batch(self, key, x, target):
        for i, change in enumerate(self._of["batch"]):
            x, target = change(jax.random.fold_in(key, i), x, target)
        return x, target

    def weights(self, key, params):
        for i, change in enumerate(self._of["weights"]):
            params = change(jax.random.fold_in(key, i), params)
        return params

    def penalty(self, params):
        return sum(own(params) for own in self._of["penalty"])

    def optimizer(self, optimizer):
        for change in self._of["optimizer"]:
            optimizer = change(optimizer)
        return optimizer


def check_strengths(strengths, regularizer, name="strengths"):
    """Strengths (S,) in float64, in the order they were given."""
    if strengths is None:
        return np.array(regularizer.default)
    if _validation.is_count(strengths):
        raise ValueError(f"{name} is {strengths}; give [{strengths}] for that strength alone, or several.")
    array = np.atleast_1d(np.asarray(_arrays.numeric(strengths, name), np.float64))
    kind = type(regularizer).__name__
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} of {kind} has shape {array.shape}; give a non-empty one-dimensional sequence.")
    limit = type(regularizer).below
    fine = (array >= 0) & np.isfinite(array) & ((array <= limit) if type(regularizer).closed else (array < limit))
    if not fine.all():
        upper = "" if limit == NO_LIMIT else f" and {'<=' if type(regularizer).closed else '<'} {limit:g}"
        raise ValueError(f"{name} of {kind} has {array[~fine][0]:g}; give finite numbers >= 0{upper}.")
    if len(np.unique(array)) < len(array):
        values, counts = np.unique(array, return_counts=True)
        raise ValueError(f"{name} of {kind} has {values[counts > 1][0]:g} more than once; give each strength once.")
    return array


def check_axis(axis):
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise ValueError(f"axis is {axis!r}; give a whole number.")


def check_shape(shape):
    if shape is not None and not (
        isinstance(shape, tuple) and shape and all(isinstance(side, Integral) and int(side) > 0 for side in shape)
    ):
        raise ValueError(f"shape is {shape!r}; give a tuple of whole numbers, as (height, width), or None.")


def is_weight(leaf):
    """Whether penalties see a parameter: kernels do count, biases and the scales of normalisation do not."""
    return leaf.ndim >= 2


def of_weights(function, params, *others):
    """`function` of each weight and what stands in its place in `others`; other parameters as they are."""
    return jax.tree.map(lambda leaf, *rest: function(leaf, *rest) if is_weight(leaf) else leaf, params, *others)


def leaf_names(params):
    """Names like "layer0/kernel" of the leaves, in the order of `jax.tree.leaves`."""
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree.leaves_with_path(params)]
