"""Models: what a sweep trains. A small protocol, and two models that are ready."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg import _validation
from jaxreg._pytree import shown
from jaxreg.neural._rounding import rounded

TASKS = ("regression", "classification")
VARIANCE_FLOOR = 1e-5  # added to variances before a division, as in Ioffe and Szegedy (2015), algorithm 1


@runtime_checkable
class Model(Protocol):
    """What `fit_path` asks of a model. `MLP`, `Linear` and the adapters for Flax and Equinox have it; so can yours.

    Attributes
    ----------
    task : "regression" or "classification"
        Squared error, or cross-entropy of the softmax of the outputs.

    Examples
    --------
    A model is any hashable object with these three.

    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> class Quadratic:
    ...     task = "regression"
    ...
    ...     def init(self, key, x):
    ...         return {"square": jnp.zeros((x.shape[1], 1))}, {}
    ...
    ...     def apply(self, params, state, x, train, key):
    ...         return x**2 @ params["square"], state
    >>> isinstance(Quadratic(), jr.neural.Model)
    True
    """

    task: Any

    def init(self, key, x):
        """(parameters, state) for inputs like the rows x (1, ...). Both are pytrees of arrays.

        Parameters are trained; the state (running averages, say) is what `apply` returns.
        """

    def apply(self, params, state, x, train, key):
        """(outputs (b, C), new state) for the rows x (b, ...).

        `train` is a Python bool, `key` a JAX key for what is random in training. C is the number of responses of a
        regression, of classes in a classification, whose outputs are logits.
        """


@runtime_checkable
class Sized(Protocol):
    """A model whose number of outputs `fit_path` reads from y."""

    def sized(self, outputs):
        """The model with this many outputs."""


@runtime_checkable
class Droppable(Protocol):
    """A model with a place for dropout."""

    def with_dropout(self, rate):
        """The model that drops with this rate, a JAX scalar; at rate 0 it is the same to the last bit."""


@runtime_checkable
class Normalizable(Protocol):
    """A model with a place for batch normalisation."""

    def with_batch_norm(self, amount, momentum):
        """The model with (1 - amount) h + amount batch_norm(h) in its place, to the last bit h at amount 0."""


def check_task(task):
    """A task, or None where `fit_path` takes it from y."""
    return None if task is None else _validation.check_choice(task, "task", TASKS)


def drop(h, rate, key):
    """Inverted dropout: h / (1 - rate) with probability 1 - rate, else 0."""
    keep = jax.random.uniform(key, h.shape, h.dtype) < 1 - rate
    return jnp.where(keep, h / (1 - rate), 0)


@dataclass(frozen=True)
class Linear:
    """A linear model, x W + b from W = 0, b = 0: the one whose regularization paths are known in closed form.

    Dropout drops inputs. Batch normalisation has no place in it.

    Parameters
    ----------
    task : "regression", "classification" or None
        Squared error, or cross-entropy of the softmax (multinomial logistic regression). None is regression, but
        `fit_path` refuses a y that may hold labels of classes.
    outputs : int or None
        None: `fit_path` takes it from y.
    dropout : float or None
        Rate; set by the regularizer `Dropout`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> model = jr.neural.Linear("classification", outputs=3)
    >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> params["layer0"]["kernel"].shape
    (5, 3)
    >>> outputs, state = model.apply(params, state, jnp.ones((7, 5)), False, jax.random.key(1))
    >>> outputs.shape
    (7, 3)
    """

    task: str | None = None
    outputs: int | None = None
    dropout: Any = None

    def __post_init__(self):
        check_task(self.task)
        _check_outputs(self.outputs)

    def sized(self, outputs):
        return replace(self, outputs=_agreed(self.outputs, outputs))

    def with_dropout(self, rate):
        return replace(self, dropout=rate)

    def init(self, key, x):
        width = x[0].size
        outputs = _known(self)
        return {"layer0": {"kernel": jnp.zeros((width, outputs), x.dtype), "bias": jnp.zeros(outputs, x.dtype)}}, {}

    def apply(self, params, state, x, train, key):
        x = x.reshape(len(x), -1)
        if train and self.dropout is not None:
            x = drop(x, self.dropout, key)
        return _dense(params["layer0"], x), state


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron: layers x W + b with an activation between them.

    Kernels start as normal variables with variance 2 / fan_in (He et al. 2015, eq. 10), the last one with 1 / fan_in;
    biases at 0. Inputs of any shape are flattened. Dropout and batch normalisation act in each hidden layer, the latter
    before the activation.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of the hidden layers, a number for one layer.
    task : "regression", "classification" or None
        Squared error, or cross-entropy of the softmax; None as for `Linear`.
    outputs : int or None
        None: `fit_path` takes it from y.
    activation : function
        Of an array, elementwise.
    dropout : float or None
        Rate; set by the regularizer `Dropout`.
    batch_norm : (amount, momentum) or None
        Set by the regularizer `BatchNorm`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> model = jr.neural.MLP(hidden=(8, 4), outputs=1)
    >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> [layer["kernel"].shape for layer in params.values()]
    [(5, 8), (8, 4), (4, 1)]
    """

    hidden: Any = (64, 64)
    task: str | None = None
    outputs: int | None = None
    activation: Callable = jax.nn.relu
    dropout: Any = None
    batch_norm: tuple[Any, Any] | None = None

    __repr__ = shown

    def __post_init__(self):
        check_task(self.task)
        _check_outputs(self.outputs)
        if isinstance(self.hidden, (str, bytes)):
            raise ValueError(f"hidden is {self.hidden!r}; give the units of each hidden layer, as 64 or (64, 64).")
        sizes = self.hidden if np.iterable(self.hidden) else (self.hidden,)
        object.__setattr__(self, "hidden", tuple(_validation.check_count(size, "hidden") for size in sizes))

    def sized(self, outputs):
        return replace(self, outputs=_agreed(self.outputs, outputs))

    def with_dropout(self, rate):
        return replace(self, dropout=rate)

    def with_batch_norm(self, amount, momentum):
        return replace(self, batch_norm=(amount, momentum))

    def init(self, key, x):
        sizes = (x[0].size, *self.hidden, _known(self))
        params: dict[str, dict] = {}
        state: dict[str, dict] = {}
        for i, (fan_in, units) in enumerate(pairwise(sizes)):
            last = i == len(self.hidden)
            deviation = ((1 if last else 2) / fan_in) ** 0.5
            kernel = deviation * jax.random.normal(jax.random.fold_in(key, i), (fan_in, units), x.dtype)
            params[f"layer{i}"] = {"kernel": kernel, "bias": jnp.zeros(units, x.dtype)}
            if self.batch_norm is not None and not last:
                params[f"layer{i}"] |= {"scale": jnp.ones(units, x.dtype), "shift": jnp.zeros(units, x.dtype)}
                state[f"layer{i}"] = {"mean": jnp.zeros(units, x.dtype), "variance": jnp.ones(units, x.dtype)}
        return params, state

    def apply(self, params, state, x, train, key):
        h, new_state = x.reshape(len(x), -1), dict(state)
        for i in range(len(self.hidden)):
            name = f"layer{i}"
            h = _dense(params[name], h)
            if self.batch_norm is not None:
                h, new_state[name] = _normalized(h, params[name], state[name], train, *self.batch_norm)
            h = self.activation(h)
            if train and self.dropout is not None:
                h = drop(h, self.dropout, jax.random.fold_in(key, i))
        return _dense(params[f"layer{len(self.hidden)}"], h), new_state


def _dense(layer, h):
    product = h @ layer["kernel"]
    return rounded(product, jnp.isnan(product[0, 0])) + layer["bias"]


def _normalized(h, layer, running, train, amount, momentum):
    """((1 - amount) h + amount batch_norm(h), new running averages)."""
    if train:
        mean, variance = h.mean(axis=0), h.var(axis=0)
        running = {
            "mean": momentum * running["mean"] + (1 - momentum) * mean,
            "variance": momentum * running["variance"] + (1 - momentum) * variance,
        }
    else:
        mean, variance = running["mean"], running["variance"]
    normal = (h - mean) * jax.lax.rsqrt(variance + VARIANCE_FLOOR) * layer["scale"] + layer["shift"]
    return jnp.where(amount > 0, (1 - amount) * h + amount * normal, h), running


def _check_outputs(outputs):
    if outputs is not None:
        _validation.check_count(outputs, "outputs")


def _agreed(own, outputs):
    if own not in (None, outputs):
        raise ValueError(f"model has {own} outputs, but y needs {outputs}; leave outputs away or give {outputs}.")
    return outputs


def _known(model):
    if model.outputs is None:
        raise ValueError(f"outputs of {type(model).__name__} is None; give a number, or let fit_path read it from y.")
    return model.outputs
