"""Equinox: modules of Equinox as models."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxreg.neural._models import check_task
from jaxreg.neural._named import check_build, named, names, nested

BATCH = "batch"  # name of the axis of rows, as in the documentation of eqx.nn.BatchNorm


def _eqx():
    try:
        import equinox
    except ImportError as error:
        raise ImportError('Equinox needs equinox: pip install "jaxreg[neural]"') from error
    return equinox


@dataclass(frozen=True)
class Equinox:
    """A module of Equinox as a model of `fit_path`.

    `build` is called anew for each seed. The arrays of floats in the module are trained; its other arrays and what its
    layers keep in `equinox.nn.State` are the state. Both are dicts in dicts with the names of the module's fields,
    "layers/0/weight", and their floats have the dtype of the fit. Kernels of Equinox are (out, in): `MaxNorm(axis=0)`,
    `GroupL1("layers/0/weight", axis=1)`.

    The module sees one row at a time, `module(x)`, under `jax.vmap` with axis_name="batch", which is the one to give to
    `equinox.nn.BatchNorm`. Where its `__call__` takes a `key` it gets one for each row, and where a layer has a state
    it is called as `module(x, state)` and returns (output, state). All its fields `inference` are False in training and
    True in prediction.

    The regularizer `Dropout` sets the rate of every `equinox.nn.Dropout` in the module; without it each keeps its own.
    At rate 0 such a layer changes no bit of what it is given, but a compiled program may round the layers around it in
    another way.

    Parameters
    ----------
    build : function (key) -> equinox.Module
        Makes the module, which maps a row to an output (C,), or to a scalar. Make the function once: another one
        compiles anew.
    task : "regression", "classification" or None
        Squared error, or cross-entropy of the softmax of the outputs; None as for `Linear`.
    dropout : float or None
        Rate; set by the regularizer `Dropout`.

    Raises
    ------
    ImportError
        Without Equinox: pip install "jaxreg[neural]".

    Examples
    --------
    >>> import equinox as eqx, jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> def build(key):
    ...     return eqx.nn.MLP(in_size=5, out_size=1, width_size=8, depth=1, key=key)
    >>> model = jr.neural.Equinox(build)
    >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 5)))
    >>> params["layers"]["0"]["weight"].shape
    (8, 5)
    >>> module, _ = model.module(params, state)
    >>> module(jnp.ones(5)).shape
    (1,)
    """

    build: Callable
    task: str | None = None
    dropout: Any = None

    def __post_init__(self):
        check_build(self.build, _eqx().Module, "(key) -> equinox.Module")
        check_task(self.task)

    def with_dropout(self, rate):
        return replace(self, dropout=rate)

    def init(self, key, x):
        module, kept = self._built(key)
        self._dropping(module)  # raises where it cannot, before anything is compiled
        trained, state = _leaves(module, kept)
        return nested(trained, x.dtype), nested(state, x.dtype)

    def apply(self, params, state, x, train, key):
        module, kept = self._with(params, state)
        module = self._dropping(_eqx().nn.inference_mode(module, not train))
        takes_key = "key" in inspect.signature(type(module).__call__).parameters
        stateful = bool(jax.tree.leaves(kept))

        def row(x, kept, key):
            given = {"key": key} if takes_key else {}
            return module(x, kept, **given) if stateful else (module(x, **given), kept)

        each = jax.vmap(row, (0, None, 0), (0, None), axis_name=BATCH)
        outputs, kept = each(x, kept, jax.random.split(key, len(x)))
        return outputs, nested(_leaves(module, kept)[1], x.dtype)

    def module(self, params, state):
        """(your module, its `equinox.nn.State`) with these parameters, those of a `NeuralSelection` say, to predict."""
        module, kept = self._with(params, state)
        return _eqx().nn.inference_mode(module), kept

    def _built(self, key):
        """(module, `equinox.nn.State`)."""
        eqx = _eqx()

        def build(key):
            module = self.build(key)
            if not isinstance(module, eqx.Module):
                raise TypeError(f"build gives a {type(module).__name__}; it must give an equinox.Module.")
            return module

        return eqx.nn.make_with_state(build)(key)

    def _with(self, params, state):
        shape, kept = _eqx().filter_eval_shape(self._built, jax.random.key(0))
        leaves = {name: jnp.asarray(leaf) for name, leaf in (named(params) | named(state)).items()}
        module = jax.tree.map_with_path(lambda path, leaf: leaves.get(names(path), leaf), shape)
        return module, jax.tree.unflatten(jax.tree.structure(kept), [leaves[name] for name in _of_layers(shape, kept)])

    def _dropping(self, module):
        """The module at the rate of dropout."""
        eqx = _eqx()
        if self.dropout is None:
            return module
        is_dropout = lambda node: isinstance(node, eqx.nn.Dropout)  # noqa: E731
        if not any(map(is_dropout, jax.tree.leaves(module, is_leaf=is_dropout))):
            raise ValueError(
                "build gives a module without equinox.nn.Dropout, so Dropout has no place in it; put one where units "
                "shall drop, or take Dropout(inputs=True)."
            )

        def at_rate(node):
            return eqx.tree_at(lambda layer: layer.p, node, self.dropout) if is_dropout(node) else node

        return jax.tree.map(at_rate, module, is_leaf=is_dropout)


def _leaves(module, kept):
    """{names: array} of what is trained, and of the rest."""
    arrays = {name: leaf for name, leaf in named(module).items() if _eqx().is_array(leaf)}
    trained = {name: leaf for name, leaf in arrays.items() if jnp.issubdtype(leaf.dtype, jnp.inexact)}
    fixed = {name: leaf for name, leaf in arrays.items() if name not in trained}
    return trained, fixed | _of_layers(module, kept)


def _of_layers(module, kept):
    """{names: array} of what layers keep, in the order of the leaves of `kept`."""
    is_index = lambda node: isinstance(node, _eqx().nn.StateIndex)  # noqa: E731
    indices = [(path, node) for path, node in jax.tree.leaves_with_path(module, is_leaf=is_index) if is_index(node)]
    return {(*names(path), *last): leaf for path, index in indices for last, leaf in named(kept.get(index)).items()}
