"""Regularizers that act on the parameters: penalties, weight decay, proximal steps, norms, gradients."""

from dataclasses import field
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxreg._pytree import STATIC, pytree
from jaxreg.neural._proximal import proximal
from jaxreg.neural._regularizer import Hooks, Regularizer, check_axis, is_weight, leaf_names, of_weights

DECADES = (0.0, *np.geomspace(1e-5, 1.0, 16).tolist())
# under Adam weights are at most about 1 / strength: below 1e-3 that is no limit, and at 10 all is underfitting
DECAYS = (0.0, *np.geomspace(1e-3, 10.0, 16).tolist())


@final
@pytree
class L2(Regularizer):
    """The penalty strength / 2 * sum of w^2 over the weights (kernels, not biases), in the loss that is minimised.

    For a linear model and the squared loss that is the Ridge of `jaxreg.fit_path` with lambda = strength. An adaptive
    optimizer rescales its gradient like any other: see `WeightDecay`.

    References
    ----------
    Krogh and Hertz (1991), "A simple weight decay can improve generalization".

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.L2().hooks(0.1)
    >>> float(hooks.penalty({"kernel": jnp.full((2, 2), 2.0), "bias": jnp.ones(2)})).__round__(6)
    0.8
    """

    quantity = "penalty strength"
    default = DECADES

    def hooks(self, strength):
        def penalty(params):
            return strength / 2 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params) if is_weight(leaf))

        return Hooks(penalty=penalty)


@final
@pytree
class WeightDecay(Regularizer):
    """Decoupled weight decay: each step takes eta * strength * w off the weights, beside the optimizer's update.

    With Adam that is AdamW; with SGD it is `L2`. eta is the step size of the optimizer, see `proximal`.

    References
    ----------
    Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithms 1 and 2.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> optimizer = jr.neural.WeightDecay().hooks(0.1).optimizer(optax.adam(0.5))
    >>> w = jnp.ones((1, 1))
    >>> updates, state = optimizer.update(jnp.zeros((1, 1)), optimizer.init(w), w)
    >>> float(updates[0, 0]).__round__(6)
    -0.05
    """

    quantity = "decay of the weights"
    default = DECAYS

    def hooks(self, strength):
        def decay(q, w, eta):
            return of_weights(lambda moved, old, step: moved - step * strength * old, q, w, eta)

        return Hooks(optimizer=lambda optimizer: proximal(optimizer, decay))


@final
@pytree
class L1(Regularizer):
    """The penalty strength * sum of |w| over the weights, by a proximal step after each update: exact zeros.

        w = sign(q) max(|q| - eta * strength, 0)

    For a linear model and the squared loss, SGD tends to the Lasso of `jaxreg.fit_path` with lambda = strength. With an
    adaptive optimizer the threshold is decoupled, as AdamW's decay is, and the limit is another one. The noise of
    minibatches keeps some weights from 0 that are 0 in the limit: let the step size fall, or give batch_size=None.

    References
    ----------
    Duchi and Singer (2009), "Efficient online and batch learning using forward backward splitting", section 5.1.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> optimizer = jr.neural.L1().hooks(1.0).optimizer(optax.sgd(0.5))
    >>> w = jnp.array([[2.0, -0.25]])
    >>> updates, state = optimizer.update(jnp.zeros((1, 2)), optimizer.init(w), w)
    >>> (w + updates).tolist()
    [[1.5, 0.0]]
    """

    quantity = "penalty strength"
    default = DECADES

    def hooks(self, strength):
        def soft(moved, step):
            return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - step * strength, 0)

        def prox(q, w, eta):
            return of_weights(soft, q, eta)

        return Hooks(optimizer=lambda optimizer: proximal(optimizer, prox))


@final
@pytree
class GroupL1(Regularizer):
    """The penalty strength * sum over input features j of |W_j|_2, by a proximal step: it selects features.

    W_j are the weights that leave feature j: they become 0 together, and the model no longer sees the feature.

    Parameters
    ----------
    leaf : str
        Name of the first layer's kernel among the parameters, as "layer0/kernel" in `MLP` and `Linear`.
    axis : int
        Its axis of the input features: 0 for kernels (in, out), 1 for (out, in).

    References
    ----------
    Yuan and Lin (2006), "Model selection and estimation in regression with grouped variables", eq. (2.1); Feng and
    Simon (2017), "Sparse-input neural networks for high-dimensional nonparametric regression and classification".

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> optimizer = jr.neural.GroupL1().hooks(5.0).optimizer(optax.sgd(0.5))
    >>> params = {"layer0": {"kernel": jnp.array([[3.0, 4.0], [0.3, 0.4]])}}
    >>> zero = {"layer0": {"kernel": jnp.zeros((2, 2))}}
    >>> updates, state = optimizer.update(zero, optimizer.init(params), params)
    >>> optax.apply_updates(params, updates)["layer0"]["kernel"].tolist()
    [[1.5, 2.0], [0.0, 0.0]]
    """

    quantity = "penalty strength"
    default = DECADES

    leaf: str = field(default="layer0/kernel", metadata=STATIC)
    axis: int = field(default=0, metadata=STATIC)

    def __post_init__(self):
        check_axis(self.axis)

    def hooks(self, strength):
        def shrunk(moved, step):
            others = tuple(axis for axis in range(moved.ndim) if axis != self.axis % moved.ndim)
            norm = jnp.sqrt(jnp.sum(moved**2, axis=others, keepdims=True))
            kept = norm > step * strength
            return jnp.where(kept, moved - moved * (step * strength / jnp.where(kept, norm, 1)), 0)

        def prox(q, w, eta):
            names = leaf_names(q)
            if self.leaf not in names:
                raise ValueError(f"leaf of GroupL1 is {self.leaf!r}, but the parameters are {', '.join(names)}.")
            chosen = jax.tree.unflatten(jax.tree.structure(q), [name == self.leaf for name in names])
            return jax.tree.map(lambda each, step, own: shrunk(each, step) if own else each, q, eta, chosen)

        return Hooks(optimizer=lambda optimizer: proximal(optimizer, prox))


@final
@pytree
class MaxNorm(Regularizer):
    """A limit to the norm of the weights that enter a unit, |w|_2 <= 1 / strength, kept by projection after each step.

    Parameters
    ----------
    axis : int
        The axis of kernels that counts units: -1 for kernels (..., in, out), 0 for (out, in, ...).

    References
    ----------
    Srebro and Shraibman (2005), "Rank, trace-norm and max-norm"; Srivastava et al. (2014), "Dropout", section 5.1.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> optimizer = jr.neural.MaxNorm().hooks(1.0).optimizer(optax.sgd(0.5))
    >>> w = jnp.array([[3.0], [4.0]])
    >>> updates, state = optimizer.update(jnp.zeros((2, 1)), optimizer.init(w), w)
    >>> print((w + updates).round(3))
    [[0.6]
     [0.8]]
    """

    quantity = "1 / largest norm of the weights of a unit"
    default = (0.0, *np.geomspace(0.02, 20.0, 16).tolist())

    axis: int = field(default=-1, metadata=STATIC)

    def __post_init__(self):
        check_axis(self.axis)

    def hooks(self, strength):
        def projected(moved):
            others = tuple(axis for axis in range(moved.ndim) if axis != self.axis % moved.ndim)
            excess = strength * jnp.sqrt(jnp.sum(moved**2, axis=others, keepdims=True))
            return jnp.where(excess > 1, moved / jnp.where(excess > 1, excess, 1), moved)

        def prox(q, w, eta):
            return of_weights(projected, q)

        return Hooks(optimizer=lambda optimizer: proximal(optimizer, prox))


@final
@pytree
class GradientClipping(Regularizer):
    """A limit to the norm of the gradient of a minibatch, |g|_2 <= 1 / strength over all parameters.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks", algorithm 1.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import jaxreg as jr
    >>> optimizer = jr.neural.GradientClipping().hooks(1.0).optimizer(optax.sgd(1.0))
    >>> updates, state = optimizer.update(jnp.array([3.0, 4.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(3))
    [-0.6 -0.8]
    """

    quantity = "1 / largest norm of the gradient"
    default = (0.0, *np.geomspace(0.1, 1e4, 16).tolist())

    def hooks(self, strength):
        def clip(gradients, state, params=None):
            excess = strength * optax.tree.norm(gradients)
            return jax.tree.map(
                lambda g: jnp.where(excess > 1, g / jnp.where(excess > 1, excess, 1), g), gradients
            ), state

        clipping = optax.GradientTransformation(lambda params: optax.EmptyState(), clip)
        return Hooks(optimizer=lambda optimizer: optax.chain(clipping, optimizer))
