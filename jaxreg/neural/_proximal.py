"""Optimizers with a step of their own after each update: weight decay, proximal maps, projections."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class ProximalState(NamedTuple):
    """States of the optimizer, and of the same one on a parameter for each leaf whose gradient is always 1."""

    optimizer: Any
    unit: Any


def proximal(optimizer: optax.GradientTransformation, prox: Callable) -> optax.GradientTransformation:
    r"""An optimizer that takes a second step after each update.

        q = w_t + u_t,    w_{t+1} = prox(q, w_t, eta_t)

    u_t is the update of `optimizer`, eta_t its step size: the length of the step it makes on a parameter whose gradient
    has been 1 all along. For SGD, Adam, RMSProp and Lion that is the learning rate of a schedule at t, and for SGD with
    momentum m it tends to learning_rate / (1 - m). So with prox(q, w, eta) = argmin_z |z - q|^2 / 2 + eta * h(z), SGD
    minimises loss + h, and prox(q, w, eta) = q - eta * s * w is the decoupled weight decay of AdamW.

    Parameters
    ----------
    optimizer : optax.GradientTransformation
    prox : function (q, w, eta) -> parameters
        q and w are pytrees of the parameters, eta a pytree with a scalar for each of their leaves.

    Returns
    -------
    optax.GradientTransformation
        Parameters that `prox` makes 0 are exactly 0 after `optax.apply_updates`.

    References
    ----------
    Duchi and Singer (2009), "Efficient online and batch learning using forward backward splitting", eq. (2) and (3);
    Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithm 2.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> def soft(q, w, eta):
    ...     return jax.tree.map(lambda each, step: jnp.sign(each) * jnp.maximum(abs(each) - 0.5 * step, 0), q, eta)
    >>> optimizer = jr.neural.proximal(optax.sgd(0.1), soft)
    >>> w = jnp.array([1.0, 0.04])
    >>> updates, state = optimizer.update(jnp.zeros(2), optimizer.init(w), w)
    >>> optax.apply_updates(w, updates).tolist()
    [0.949999988079071, 0.0]
    """

    def ones(params):
        return jax.tree.map(lambda leaf: jnp.ones((), leaf.dtype), params)

    def init(params):
        return ProximalState(optimizer.init(params), optimizer.init(ones(params)))

    def update(gradients, state, params=None):
        if params is None:
            raise ValueError("params is None; a proximal step needs them: optimizer.update(gradients, state, params).")
        updates, own = optimizer.update(gradients, state.optimizer, params)
        unit = ones(params)
        steps, unit_state = optimizer.update(unit, state.unit, jax.tree.map(jnp.zeros_like, unit))
        moved = optax.apply_updates(params, updates)
        found = prox(moved, params, jax.tree.map(jnp.negative, steps))
        # what prox leaves alone keeps its update, bit for bit; what it makes 0 is 0, as w + (0 - w) is exact
        updates = jax.tree.map(lambda u, q, z, w: jnp.where(z == q, u, z - w), updates, moved, found, params)
        return updates, ProximalState(own, unit_state)

    return optax.GradientTransformation(init, update)
