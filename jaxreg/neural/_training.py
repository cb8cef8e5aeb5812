"""Training in JAX: lanes of one step, one epoch, many epochs. Axes: G groups (a fold and a seed each), S strengths."""

from dataclasses import field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxreg._pytree import STATIC, pytree
from jaxreg.neural import _metrics
from jaxreg.neural._regularizer import AllHooks
from jaxreg.neural._rounding import rounded

INIT, ORDER, STEP = range(3)  # what keys are drawn for


@pytree
class Plan:
    """What all lanes have in common."""

    regularizers: tuple
    model: Any = field(metadata=STATIC)
    optimizer: optax.GradientTransformation = field(metadata=STATIC)
    batch_size: int = field(metadata=STATIC)
    steps: int = field(metadata=STATIC)  # minibatches of an epoch, in the largest group
    ragged: bool = field(metadata=STATIC)  # whether other groups have fewer
    patience: int | None = field(metadata=STATIC)
    metrics: tuple[str, ...] = field(default=(), metadata=STATIC)
    measures: int = field(default=1, metadata=STATIC)  # M, the loss and the columns of the metrics

    @classmethod
    def of(cls, regularizers, model, optimizer, batch_size, groups, patience, metrics, outputs):
        """The plan for Groups of NumPy arrays, and targets (n, outputs)."""
        steps = -(-groups.count // batch_size)
        ragged = bool((steps != steps[0]).any())
        measures = 1 + _metrics.width(metrics, outputs)
        return cls(regularizers, model, optimizer, batch_size, int(steps.max()), ragged, patience, metrics, measures)

    @property
    def row_loss(self):
        return _ROW_LOSS[self.model.task]


class Groups(NamedTuple):
    """A fold and a seed each. Where the data are padded, the added rows have no weight."""

    rows: Any  # (G, m) that train, in ascending order; what is added to the shorter ones does not count
    count: Any  # (G,) how many of them do
    train: Any  # (G, n) how often each row trains
    held_out: Any  # (G, n) how often each row judges
    key: Any  # (G,)


class Lane(NamedTuple):
    """The state of training; (G, S, ...) where lanes go side by side."""

    params: Any
    state: Any
    optimizer: Any
    active: Any
    epochs: Any  # that it has trained
    best: Any  # (least held-out loss, params, state) so far, those that it ends with; None without patience
    since: Any  # epochs since then
    measures: Any  # (epochs, 2, M), after each epoch: training, held out; NaN after the last one that it has trained


def _half_squared(outputs, target):
    return jnp.sum((outputs - target) ** 2, axis=-1) / 2


def _cross_entropy(outputs, target):
    return -jnp.sum(target * jax.nn.log_softmax(outputs), axis=-1)


_ROW_LOSS = {"regression": _half_squared, "classification": _cross_entropy}


def lanes(function, group, strength):
    """`function` of lanes (G, S); `group` and `strength` say by argument whether it has that axis."""
    axes = [tuple(0 if has else None for has in each) for each in (strength, group)]
    return jax.vmap(jax.vmap(function, axes[0]), axes[1])


def start(plan, groups, strengths, limit, x, epochs):
    """Lanes (G, S) before the first epoch of `epochs`; limit (G, S) are those that they may train, x (1, ...) a row."""

    def one(key, strength, limit):
        hooks = AllHooks(plan.regularizers, strength)
        params, state = hooks.model(plan.model).init(jax.random.fold_in(key, INIT), x)
        optimizer = hooks.optimizer(plan.optimizer).init(params)
        measures, none = jnp.full((epochs, 2, plan.measures), jnp.nan, x.dtype), jnp.zeros_like(limit)
        best = None if plan.patience is None else (jnp.asarray(jnp.inf, x.dtype), params, state)
        lane = Lane(params, state, optimizer, limit > 0, none, best, none, measures)
        # without weak types: lanes that come back from a file have none, and must not compile anew
        return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), lane)

    return lanes(one, (True, False, True), (False, True, True))(groups.key, strengths, limit)


def order(plan, groups, epoch):
    """Rows and weights (steps, G, batch_size) of the minibatches of an epoch.

    Each epoch draws a number for every row of the data, and the rows of a group go in the order of theirs: a fold has
    the same minibatches whatever other folds there are. The last minibatch is filled up with rows of weight 0.
    """
    size = plan.steps * plan.batch_size

    def one(rows, count, key):
        drawn = jax.random.uniform(_key(key, ORDER, epoch), groups.train.shape[1:])
        counted = jnp.arange(len(rows)) < count
        shuffled = rows[jnp.argsort(jnp.where(counted, drawn[rows], 2.0))]
        place = jnp.arange(size)
        shape = plan.steps, plan.batch_size
        return shuffled[place % count].reshape(shape), (place < count).reshape(shape)

    return jax.vmap(one, out_axes=1)(groups.rows, groups.count, groups.key)


def _key(key, *path):
    for number in path:
        key = jax.random.fold_in(key, number)
    return key


def step(plan, lane, strength, x, target, weight, key):
    """A lane after one minibatch: rows x (b, ...), target (b, C), weight (b,)."""
    hooks = AllHooks(plan.regularizers, strength)
    model = hooks.model(plan.model)
    of_batch, of_weights, of_model = jax.random.split(key, 3)
    total = weight.sum()
    x, target = rounded(hooks.batch(of_batch, x, target), total < 0)

    def objective(params):
        outputs, state = model.apply(hooks.weights(of_weights, params), lane.state, x, True, of_model)
        loss = weight @ plan.row_loss(_shaped(outputs, target), target) / jnp.where(total > 0, total, 1)
        return loss + hooks.penalty(params), state

    gradients, state = jax.grad(objective, has_aux=True)(lane.params)
    gradients = rounded(gradients, total < 0)
    updates, optimizer = hooks.optimizer(plan.optimizer).update(gradients, lane.optimizer, lane.params)
    updates = rounded(updates, total < 0)
    new = lane._replace(params=optax.apply_updates(lane.params, updates), state=state, optimizer=optimizer)
    return _where(total > 0, new, lane) if plan.ragged else new


def _shaped(outputs, target):
    """Outputs (b,) of one response as (b, 1)."""
    found = outputs[:, None] if outputs.ndim == 1 else outputs
    if found.shape != target.shape:
        raise ValueError(f"model gives outputs of shape {outputs.shape} for targets of shape {target.shape}.")
    return found


def _where(condition, new, old):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def steps(plan, lane, groups, strengths, epoch, batches, fetch):
    """Lanes (G, S) after minibatches (t, what `fetch` makes x (G, b, ...) and target of, weight): T of each."""
    move = lanes(partial(step, plan), (True, False, True, True, True, True), (True, True, False, False, False, False))

    def one(lane, batch):
        t, rows, weight = batch
        x, target = fetch(rows)
        keys = jax.vmap(lambda key: _key(key, STEP, epoch, t))(groups.key)
        return move(lane, strengths, x, target, weight.astype(x.dtype), keys), None

    return jax.lax.scan(one, lane, batches)[0]


def measure_sums(plan, lane, strengths, x, target, train, held_out):
    """(G, S, 2, M) weighted sums of the loss and the metrics over rows x (B, ...), for weights (G, B)."""

    def one(lane, strength, train, held_out):
        model = AllHooks(plan.regularizers, strength).model(plan.model)
        outputs, _ = model.apply(lane.params, lane.state, x, False, jax.random.key(0))
        outputs, weights = _shaped(outputs, target), jnp.stack([train, held_out])
        rows = [plan.row_loss(outputs, target), *_metrics.columns(plan.metrics, outputs, target)]
        return jnp.stack([weights @ column for column in rows], axis=-1)

    return lanes(one, (True, False, True, True), (True, True, False, False))(lane, strengths, train, held_out)


def end_of_epoch(plan, old, new, limit, measures):
    """Lanes (G, S) after an epoch with measures (G, S, 2, M), of training and held out, the loss in front.

    Those that have ended stay what they were; with patience, one that ends goes back to its best epoch.
    """

    def one(old, new, limit, measures):
        new = new._replace(epochs=old.epochs + 1, measures=old.measures.at[old.epochs].set(measures))
        go_on = new.epochs < limit
        if plan.patience is not None:
            loss = measures[1, 0]
            better = loss < old.best[0]
            best = _where(better, (loss, new.params, new.state), old.best)
            since = jnp.where(better, 0, old.since + 1)
            go_on &= since < plan.patience
            params, state = _where(go_on, (new.params, new.state), best[1:])
            new = new._replace(params=params, state=state, best=best, since=since)
        return _where(old.active, new._replace(active=go_on), old)

    return lanes(one, (True,) * 4, (True,) * 4)(old, new, limit, measures)


@partial(jax.jit, static_argnames="block")
def train(plan, data, groups, strengths, limit, lane, first, last, block):
    """Lanes after the epochs from `first` to before `last`, data (X, target) being on the device.

    How many epochs there are compiles nothing anew. `block` rows at a time are judged.
    """
    X, target = data

    def fetch(rows):
        return X[rows], target[rows]

    def judged(lane):
        parts = [a.reshape(-1, block, *a.shape[1:]) for a in (X, target)]
        weights = [jnp.moveaxis(a.reshape(len(a), -1, block), 1, 0) for a in (groups.train, groups.held_out)]
        empty = jnp.zeros((*lane.active.shape, 2, plan.measures), X.dtype)
        add = lambda total, part: (total + measure_sums(plan, lane, strengths, *part), None)  # noqa: E731
        return jax.lax.scan(add, empty, (*parts, *weights))[0]

    def goes_on(loop):
        epoch, lane = loop
        return (epoch < last) & jnp.any(lane.active)

    def one(loop):
        epoch, lane = loop
        rows, weights = order(plan, groups, epoch)
        new = steps(plan, lane, groups, strengths, epoch, (jnp.arange(plan.steps), rows, weights), fetch)
        return epoch + 1, end_of_epoch(plan, lane, new, limit, judged(new) / totals(groups))

    return jax.lax.while_loop(goes_on, one, (first, lane))[1]


def totals(groups):
    """(G, 1, 2, 1) weights that train and that judge."""
    return jnp.stack([groups.train.sum(axis=1), groups.held_out.sum(axis=1)], axis=-1)[:, None, :, None]


@partial(jax.jit, static_argnames="model")
def outputs(model, regularizers, strengths, params, state, x):
    """Outputs of a trained model for rows x (b, ...)."""
    return AllHooks(regularizers, strengths).model(model).apply(params, state, x, False, jax.random.key(0))[0]
