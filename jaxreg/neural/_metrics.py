"""Measures of networks beside their loss: of each row on the device, of a part of the data in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxreg.scores._averages import average
from jaxreg.scores._numbers import variance as variance_of

TRAIN, VALID = range(2)  # parts of the data that a fold is judged on


class NeuralMetric(NamedTuple):
    """A measure beside the loss: an entry of `NeuralPath.metrics`.

    Attributes
    ----------
    train, valid : array (S, K, R, epochs)
        After each epoch, on the rows of the fold that train and on those held out, as `NeuralPath.train_loss` and
        `NeuralPath.valid_loss`. NaN where the loss is NaN or infinite.
    mean, std_error : array (S,)
        Of the held-out rows at the end, as `NeuralPath.mean_loss` and `NeuralPath.std_error`. NaN where a lane
        diverged.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> path = jr.neural.fit_path(
    ...     jr.neural.MLP(8, "classification"), X, y, epochs=5, refit=False, metrics=("accuracy",)
    ... )
    >>> path.metrics["accuracy"].valid.shape, bool(path.metrics["accuracy"].mean[0] > 0.3)
    ((1, 5, 1, 5), True)
    """

    train: np.ndarray
    valid: np.ndarray
    mean: np.ndarray
    std_error: np.ndarray


@dataclass(frozen=True)
class Metric:
    """Numbers of each row, and what their means over a part of the data say."""

    task: str
    of_rows: Callable  # JAX: outputs and targets (b, C) -> (b, w), with w = 1 or C
    of_part: Callable  # NumPy: means (..., w) and variances (..., C) of the targets there -> (...)


def _correct(outputs, target):
    return (outputs.argmax(axis=-1) == target.argmax(axis=-1)).astype(outputs.dtype)[:, None]


def _squared(outputs, target):
    return (outputs - target) ** 2


def _absolute(outputs, target):
    return jnp.abs(outputs - target)


def _mean(means, variance):
    return means.mean(axis=-1)


def _explained(means, variance):
    return 1 - (means / variance).mean(axis=-1)


METRICS = {
    "accuracy": Metric("classification", _correct, _mean),
    "r2": Metric("regression", _squared, _explained),
    "mse": Metric("regression", _squared, _mean),
    "mae": Metric("regression", _absolute, _mean),
}


def of_task(task):
    """The names of the metrics that fit a task."""
    return tuple(name for name, metric in METRICS.items() if metric.task == task)


def check_metrics(metrics, task):
    """A tuple of names of metrics that fit the task."""
    fitting = of_task(task)
    if isinstance(metrics, str) or not np.iterable(metrics):
        raise ValueError(f"metrics is {metrics!r}; give a tuple of names, as ({fitting[0]!r},).")
    names = tuple(metrics)
    for name in names:
        if name not in fitting:
            raise ValueError(f"metrics has {name!r}; for {task} give any of {', '.join(map(repr, fitting))}.")
        if names.count(name) > 1:
            raise ValueError(f"metrics has {name!r} twice; give each name once.")
    return names


def columns(names, outputs, target):
    """Columns (b,) of numbers of the rows, those of one metric after those of another."""
    return [column for name in names for column in METRICS[name].of_rows(outputs, target).T]


def width(names, C):
    """How many columns there are for C outputs."""
    return sum(C if METRICS[name].task == "regression" else 1 for name in names)


def check_spread(names, variance):
    """R squared needs targets that vary, variances (2, K, C), in all parts of all folds."""
    if "r2" in names and not (variance > 0).all():
        part = "held-out rows" if (variance[TRAIN] > 0).all() else "training rows"
        raise ValueError(f"metrics has 'r2', but y does not vary in the {part} of a fold; give 'mse', or other folds.")


def variances(target, groups, seeds):
    """Variances (2, K, C) of targets (n, C) on the rows of each fold that train, and on those held out."""
    return np.stack(
        [[variance_of(target, weight) for weight in part[::seeds]] for part in (groups.train, groups.held_out)]
    )


def of_path(names, means, finite, variance, folds):
    """{name: NeuralMetric} of means (2, S, K, R, epochs, w) of the columns, those of TRAIN and VALID.

    `finite` (2, S, K, R, epochs) says where the loss is.
    """
    C, found, low = variance.shape[-1], {}, 0
    for name in names:
        high = low + width((name,), C)
        values = METRICS[name].of_part(means[..., low:high], variance[:, None, :, None, None])
        train, valid = np.where(finite, values, np.nan)
        mean, std_error = fold_average(valid[..., -1], folds)
        found[name] = NeuralMetric(train, valid, np.where(np.isfinite(mean), mean, np.nan), std_error)
        low = high
    return found


def fold_average(losses, folds):
    """(mean, standard error) (S,) of losses or metrics (S, K, R) at the end of training; (inf, NaN) if not finite."""
    S, K, R = losses.shape
    mean, error = np.full(S, np.inf), np.full(S, np.nan)
    fine = np.isfinite(losses).all(axis=(1, 2))
    of_folds = losses[fine].mean(axis=2)
    if not fine.any():
        return mean, error
    if K > 1:
        weight = folds.held_weight(np.full(folds.n, 1 / folds.n))
        mean[fine], error[fine] = average(of_folds.T, weight, folds.repeats)
    else:
        mean[fine] = of_folds[:, 0]
        error[fine] = losses[fine, 0].std(axis=1, ddof=1) / np.sqrt(R) if R > 1 else np.nan
    return mean, error
