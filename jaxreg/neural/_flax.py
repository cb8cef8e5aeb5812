"""Flax: modules of Flax NNX as models."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxreg.neural._models import check_task, drop
from jaxreg.neural._named import check_build, named, names, nested


def _nnx():
    try:
        from flax import nnx
    except ImportError as error:
        raise ImportError('Flax needs flax: pip install "jaxreg[neural]"') from error
    return nnx


@dataclass(frozen=True)
class Flax:
    """A module of Flax NNX as a model of `fit_path`.

    `build` is called anew for each seed. The variables of type `nnx.Param` that hold floats are trained; all other
    variables, as the running averages of `nnx.BatchNorm`, are the state. Both are dicts in dicts with the names of the
    module's attributes, "linear1/kernel", and their floats have the dtype of the fit. The module trains after
    `module.train()` and predicts after `module.eval()`; its random streams start anew in each step.

    The regularizer `Dropout` sets the rate of every `nnx.Dropout` in the module; without it each keeps its own. At rate
    0 such a layer changes no bit of what it is given, but a compiled program may round the layers around it in another
    way. The dropout_rate of `nnx.MultiHeadAttention` stays as it is.

    Parameters
    ----------
    build : function (nnx.Rngs) -> nnx.Module
        Makes the module, which maps rows (b, ...) to outputs (b, C). Its streams are "params", "dropout" and "default".
        Make the function once: another one compiles anew.
    task : "regression", "classification" or None
        Squared error, or cross-entropy of the softmax of the outputs; None as for `Linear`.
    dropout : float or None
        Rate; set by the regularizer `Dropout`.

    Raises
    ------
    ImportError
        Without Flax: pip install "jaxreg[neural]".

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> from flax import nnx
    >>> def build(rngs):
    ...     return nnx.Sequential(nnx.Linear(5, 8, rngs=rngs), jax.nn.relu, nnx.Linear(8, 1, rngs=rngs))
    >>> model = jr.neural.Flax(build)
    >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> params["layers"]["0"]["kernel"].shape
    (5, 8)
    >>> model.module(params, state)(jnp.ones((3, 5))).shape
    (3, 1)
    """

    build: Callable
    task: str | None = None
    dropout: Any = None

    def __post_init__(self):
        check_build(self.build, _nnx().Module, "(nnx.Rngs) -> nnx.Module")
        check_task(self.task)

    def with_dropout(self, rate):
        return replace(self, dropout=rate)

    def init(self, key, x):
        module = self._built(key)
        self._dropping(module)  # raises where it cannot, before anything is compiled
        _, params, _, state = _parts(module)
        return nested(_arrays(params), x.dtype), nested(_arrays(state), x.dtype)

    def apply(self, params, state, x, train, key):
        module = self._with(params, state, key)
        (module.train if train else module.eval)()
        module = self._dropping(module)
        outputs = module(x)
        found = _arrays(_parts(module)[3])  # with what the module wrote down on its way
        return outputs, nested({name: found[name] for name in named(state)}, x.dtype)

    def module(self, params, state):
        """Your module with these parameters and this state, those of a `NeuralSelection` say, ready to predict."""
        module = self._with(params, state, jax.random.key(0))
        module.eval()
        return module

    def _built(self, key):
        streams = dict(zip(("params", "dropout", "default"), jax.random.split(key, 3), strict=True))
        module = self.build(_nnx().Rngs(**streams))
        if not isinstance(module, _nnx().Module):
            raise TypeError(f"build gives a {type(module).__name__}; it must give an nnx.Module.")
        return module

    def _with(self, params, state, key):
        definition, trained, streams, rest = _parts(_nnx().eval_shape(self._built, key))
        leaves = named(params) | named(state)

        def filled(part):
            return jax.tree.map_with_path(lambda path, _: jnp.asarray(leaves[_names(path)]), part)

        return _nnx().merge(definition, filled(trained), _streams(streams, key), filled(rest))

    def _dropping(self, module):
        """The module at the rate of dropout, which may be traced: `nnx.Dropout` compares its own with numbers."""
        nnx = _nnx()
        if self.dropout is None:
            return module
        if not any(isinstance(part, nnx.Dropout) for _, part in nnx.iter_modules(module)):
            raise ValueError(
                "build gives a module without nnx.Dropout, so Dropout has no place in it; put one where units shall "
                "drop, or take Dropout(inputs=True)."
            )

        def swapped(path, node):
            return partial(_dropped, node, self.dropout) if isinstance(node, nnx.Dropout) else node

        return nnx.recursive_map(swapped, module)


def _parts(module):
    """(definition, what is trained, random streams, the rest)."""
    nnx = _nnx()

    def trained(path, leaf):
        return isinstance(leaf, nnx.Param) and jnp.issubdtype(leaf.dtype, jnp.inexact)

    return nnx.split(module, trained, nnx.RngState, ...)


def _names(path):
    """Names of a leaf without the attribute of its variable that holds it."""
    *above, last = path
    return names(above if isinstance(last, jax.tree_util.GetAttrKey) and last.name == "value" else path)


def _arrays(state):
    return {_names(path): leaf for path, leaf in jax.tree.leaves_with_path(state)}


def _streams(streams, key):
    """Random streams at their beginning, each with a key of its own."""
    leaves, structure = jax.tree.flatten(streams)
    fresh = [
        jax.random.split(jax.random.fold_in(key, i), leaf.shape)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jnp.zeros(leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, fresh)


def _dropped(layer, rate, inputs, *, deterministic=None, rngs=None):
    """What `layer`, an `nnx.Dropout`, makes of its inputs at this rate."""
    if layer.deterministic if deterministic is None else deterministic:
        return inputs
    stream = layer.rngs if rngs is None else rngs
    if stream is None:
        raise ValueError("nnx.Dropout has no random numbers; give it rngs where it is made.")
    nnx = _nnx()
    if isinstance(stream, nnx.Rngs):
        stream = stream[layer.rng_collection]
    key = stream() if isinstance(stream, nnx.RngStream) else stream
    shape = list(inputs.shape)
    for axis in layer.broadcast_dims:
        shape[axis] = 1
    return inputs * drop(jnp.ones(shape, inputs.dtype), jnp.asarray(rate, inputs.dtype), key)
