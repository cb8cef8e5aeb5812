"""Regularizers that act on what a training step sees: noise, masks, augmentation, smoothed labels, normalisation."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg import _validation
from jaxreg._pytree import STATIC, number, pytree
from jaxreg.neural._models import Droppable, Normalizable, drop
from jaxreg.neural._regularizer import Hooks, Regularizer, check_shape, of_weights

RATES = tuple(np.linspace(0.0, 0.9, 10).round(2).tolist())


@final
@pytree
class Dropout(Regularizer):
    """Each hidden unit is 0 with probability `strength` in a training step, the others are divided by 1 - strength.

    In `Linear`, which has no hidden units, it drops inputs. For the squared loss and columns of mean 0 that is, in
    expectation, ridge on columns scaled to unit mean square with lambda = strength / (1 - strength).

    Parameters
    ----------
    inputs : bool
        Drop the inputs instead, in any model. The rates are `strengths` of `fit_path`.

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting", sections 4 and 9.1;
    Wager, Wang and Liang (2013), "Dropout training as adaptive regularization".

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.Dropout(inputs=True).hooks(0.5)
    >>> x, target = hooks.batch(jax.random.key(0), jnp.ones((1, 6)), jnp.ones((1, 1)))
    >>> sorted(set(x.ravel().tolist()))
    [0.0, 2.0]
    """

    quantity = "dropout rate"
    default = RATES
    below = 1.0

    inputs: bool = field(default=False, metadata=STATIC)

    def __post_init__(self):
        _validation.check_flag(self.inputs, "inputs")

    def hooks(self, strength):
        if self.inputs:
            return Hooks(batch=lambda key, x, target: (drop(x, strength, key), target))

        def dressed(model):
            if not isinstance(model, Droppable):
                raise TypeError(
                    f"model is a {type(model).__name__}, which has no with_dropout(rate); give it one, or "
                    "Dropout(inputs=True)."
                )
            return model.with_dropout(strength)

        return Hooks(model=dressed)


@final
@pytree
class DropConnect(Regularizer):
    """Each weight is 0 with probability `strength` in a training step, the others are divided by 1 - strength.

    One mask per minibatch; biases are not dropped.

    References
    ----------
    Wan et al. (2013), "Regularization of neural networks using DropConnect".

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.DropConnect().hooks(0.75)
    >>> params = hooks.weights(jax.random.key(0), {"kernel": jnp.ones((8, 8)), "bias": jnp.ones(8)})
    >>> sorted(set(params["kernel"].ravel().tolist())), params["bias"].min().item()
    ([0.0, 4.0], 1.0)
    """

    quantity = "share of the weights that drop"
    default = RATES
    below = 1.0

    def hooks(self, strength):
        def masked(key, params):
            leaves, structure = jax.tree.flatten(params)
            keys = jax.tree.unflatten(structure, [jax.random.fold_in(key, i) for i in range(len(leaves))])
            return of_weights(lambda leaf, own: drop(leaf, strength, own), params, keys)

        return Hooks(weights=masked)


@final
@pytree
class GaussianNoise(Regularizer):
    """Normal noise on the inputs of a training step, with standard deviation `strength` in the units of X.

    For a linear model and the squared loss that is, in expectation, ridge with lambda = strength^2.

    References
    ----------
    Bishop (1995), "Training with noise is equivalent to Tikhonov regularization".

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.GaussianNoise().hooks(0.1)
    >>> x, target = hooks.batch(jax.random.key(0), jnp.zeros((1000, 10)), jnp.ones((1000, 1)))
    >>> float(x.std()).__round__(2)
    0.1
    """

    quantity = "standard deviation of the noise"
    default = (0.0, *np.geomspace(0.01, 3.0, 12).tolist())

    def hooks(self, strength):
        def noisy(key, x, target):
            return x + strength * jax.random.normal(key, x.shape, x.dtype), target

        return Hooks(batch=noisy)


@final
@pytree
class Mixup(Regularizer):
    """Each training row is mixed with another of its minibatch, and so is its target.

        x = m x_i + (1 - m) x_j,    y = m y_i + (1 - m) y_j,    m ~ Beta(strength, strength), one for each minibatch

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz (2018), "mixup: beyond empirical risk minimization", eq. (1), figure 1.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.Mixup().hooks(1.0)
    >>> x, target = hooks.batch(jax.random.key(0), jnp.eye(4), jnp.eye(4))
    >>> bool((x == target).all()), x.sum(axis=1).tolist()
    (True, [1.0, 1.0, 1.0, 1.0])
    """

    quantity = "parameter of the Beta distribution"
    default = (0.0, *np.geomspace(0.02, 5.0, 10).tolist())

    def hooks(self, strength):
        def mixed(key, x, target):
            of_share, of_partners = jax.random.split(key)
            positive = jnp.where(strength > 0, strength, 1)
            drawn = jax.random.beta(of_share, positive, positive, dtype=x.dtype)
            share = jnp.where(strength > 0, drawn, 1)
            partners = jax.random.permutation(of_partners, len(x))
            return tuple(share * each + (1 - share) * each[partners] for each in (x, target))

        return Hooks(batch=mixed)


@final
@pytree
class Cutout(Regularizer):
    """A square of each training image is 0: its side is `strength` times the longer side of the image.

    The centre is drawn uniformly over the image, so that part of the square may lie outside.

    Parameters
    ----------
    shape : (height, width) or (height, width, channels), or None
        Of the images, where the rows of X are flat; None takes the shape of a row.

    References
    ----------
    DeVries and Taylor (2017), "Improved regularization of convolutional neural networks with cutout".

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.Cutout(shape=(8, 8)).hooks(0.5)
    >>> x, target = hooks.batch(jax.random.key(1), jnp.ones((1, 64)), jnp.ones((1, 1)))
    >>> int((x == 0).sum())
    16
    """

    quantity = "side of the square by that of the image"
    default = tuple(np.linspace(0.0, 1.5, 13).tolist())

    shape: tuple[int, ...] | None = field(default=None, metadata=STATIC)

    def __post_init__(self):
        check_shape(self.shape)

    def hooks(self, strength):
        def cut(key, image):
            height, width = image.shape[:2]
            side = strength * max(height, width)
            centre = jax.random.uniform(key, (2,), image.dtype) * jnp.array([height, width], image.dtype)
            rows = jnp.abs(jnp.arange(height) + 0.5 - centre[0]) < side / 2
            columns = jnp.abs(jnp.arange(width) + 0.5 - centre[1]) < side / 2
            hidden = (rows[:, None] & columns).reshape(height, width, *([1] * (image.ndim - 2)))
            return jnp.where(hidden, 0, image)

        return Hooks(batch=_on_images("Cutout", self.shape, cut))


@final
@pytree
class Augment(Regularizer):
    """Each training row goes through a function of your own, anew in each step.

    Parameters
    ----------
    function : (key, x, strength) -> x
        In JAX, for one row x; at strength 0 it returns x. `random_flip` and `random_shift` are such functions, for
        images.
    shape : tuple of int, or None
        Of what the function sees; None is the shape of a row of X.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> def scaled(key, x, strength):
    ...     return x * jnp.exp(strength * jax.random.normal(key, dtype=x.dtype))
    >>> hooks = jr.neural.Augment(scaled).hooks(0.0)
    >>> hooks.batch(jax.random.key(0), jnp.ones((1, 3)), jnp.ones((1, 1)))[0].tolist()
    [[1.0, 1.0, 1.0]]
    """

    quantity = "strength of the augmentation"
    default = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

    function: Callable = field(metadata=STATIC)
    shape: tuple[int, ...] | None = field(default=None, metadata=STATIC)

    def __post_init__(self):
        if not callable(self.function):
            raise TypeError(
                f"function of Augment is {_validation.shown(self.function)}; give a function (key, x, strength) -> x."
            )
        check_shape(self.shape)

    def hooks(self, strength):
        def augmented(key, x):
            return jnp.asarray(self.function(key, x, strength), x.dtype)

        return Hooks(batch=_on_rows("Augment", self.shape, augmented))


def random_flip(key, x, strength):
    """The image x (height, width, ...) mirrored left to right with probability strength / 2. For `Augment`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> image = jnp.array([[1.0, 2.0]])
    >>> keys = jax.random.split(jax.random.key(0), 1000)
    >>> flipped = jax.vmap(jr.neural.random_flip, (0, None, None))(keys, image, 1.0)
    >>> float((flipped[:, 0, 0] == 2).mean()).__round__(1)
    0.5
    """
    return jnp.where(jax.random.uniform(key, dtype=x.dtype) < strength / 2, x[:, ::-1], x)


def random_shift(key, x, strength):
    """The image x (height, width, ...) moved by up to `strength` pixels along each axis, 0 where nothing was.

    The shifts are uniform from -strength to strength; between pixels the image is interpolated linearly. For `Augment`.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> image = jnp.zeros((5, 5)).at[2, 2].set(1.0)
    >>> moved = jr.neural.random_shift(jax.random.key(0), image, 0.5)
    >>> int((moved > 0).sum()), round(float(moved.sum()), 3)
    (4, 1.0)
    """

    def along(axis, by):
        pixels = jnp.arange(x.shape[axis], dtype=x.dtype)
        weights = jnp.maximum(0, 1 - jnp.abs(pixels[:, None] - by - pixels))
        return lambda image: jnp.moveaxis(jnp.tensordot(weights, image, (1, axis)), 0, axis)

    by = strength * jax.random.uniform(key, (2,), x.dtype, -1, 1)
    return along(1, by[1])(along(0, by[0])(x))


@final
@pytree
class LabelSmoothing(Regularizer):
    """Targets of a classification are (1 - strength) times the true class plus strength / C for each of the C classes.

    References
    ----------
    Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision", section 7.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> hooks = jr.neural.LabelSmoothing().hooks(0.5)
    >>> hooks.batch(jax.random.key(0), jnp.ones((1, 3)), jnp.array([[1.0, 0.0]]))[1].tolist()
    [[0.75, 0.25]]
    """

    quantity = "share of the labels that is smoothed"
    default = RATES
    below = 1.0
    closed = True
    task = "classification"

    def hooks(self, strength):
        return Hooks(batch=lambda key, x, target: (x, (1 - strength) * target + strength / target.shape[1]))


@final
@pytree
class BatchNorm(Regularizer):
    """Batch normalisation: hidden layers see (1 - strength) h + strength * (h - mean) / sd * scale + shift.

    Mean and standard deviation are the minibatch's in training, and running averages in prediction, which each lane
    keeps for itself. Strength 1 is batch normalisation and 0 is none; there are values between.

    Parameters
    ----------
    momentum : float in [0, 1]
        Of the running averages: new = momentum * old + (1 - momentum) * minibatch.

    References
    ----------
    Ioffe and Szegedy (2015), "Batch normalization", algorithms 1 and 2.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import jaxreg as jr
    >>> model = jr.neural.BatchNorm(momentum=0.8).hooks(1.0).model(jr.neural.MLP((4,), outputs=1))
    >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 2)))
    >>> sorted(params["layer0"]), sorted(state["layer0"])
    (['bias', 'kernel', 'scale', 'shift'], ['mean', 'variance'])
    """

    quantity = "share of batch normalisation"
    default = (0.0, 0.25, 0.5, 0.75, 1.0)
    below = 1.0
    closed = True

    momentum: Any = 0.9

    def __post_init__(self):
        object.__setattr__(self, "momentum", number(self.momentum, "momentum", "a number from 0 to 1", 0.0, 1.0))

    def hooks(self, strength):
        def dressed(model):
            if not isinstance(model, Normalizable):
                raise TypeError(
                    f"model is a {type(model).__name__}, which has no with_batch_norm(amount, momentum); give it one."
                )
            return model.with_batch_norm(strength, self.momentum)

        return Hooks(model=dressed)


def _on_rows(name, shape, function):
    """The hook of a function (key, x) of one row, which sees it in this shape."""

    def batch(key, x, target):
        seen = x
        if shape is not None:
            if np.prod(shape) != x[0].size:
                raise ValueError(f"shape of {name} is {shape}, but a row of X has {x[0].size} entries.")
            seen = x.reshape(len(x), *shape)
        made = jax.vmap(function)(jax.random.split(key, len(x)), seen)
        if made.shape != seen.shape:
            raise ValueError(f"{name} makes {made.shape[1:]} of a row of shape {seen.shape[1:]}; keep the shape.")
        return made.reshape(x.shape), target

    return batch


def _on_images(name, shape, function):
    on_rows = _on_rows(name, shape, function)

    def batch(key, x, target):
        if len(shape or x.shape[1:]) < 2:
            raise ValueError(
                f"{name} needs images, but a row of X has shape {x.shape[1:]}; give shape=(height, width)."
            )
        return on_rows(key, x, target)

    return batch
