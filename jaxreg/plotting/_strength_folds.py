"""Held-out loss of each fold against the strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg.plotting._axes import axes_for, label_ends
from jaxreg.plotting._folds import draw_folds
from jaxreg.plotting._plot import data_frame, with_frame
from jaxreg.plotting._strength_axis import strength_axis

if TYPE_CHECKING:
    from jaxtyping import Float


def _frame(path):
    """The held-out loss of each fold, averaged over the seeds: columns fold, the strengths and loss.

    One fold follows the other. Each has a row for each strength in the order of the path.
    """
    losses = _fold_losses(path)
    strengths = {name: np.tile(values, len(losses)) for name, values in path._strength_columns().items()}
    return data_frame(
        {"fold": np.repeat(np.arange(len(losses)), len(path.strengths)), **strengths, "loss": losses.ravel()}
    )


@with_frame(_frame)
def plot_strength_folds(path, ax=None):
    """Draw the held-out loss of each fold, averaged over the seeds, against the strength, and their mean on top.

    A dot marks the least loss of each fold: far apart, the choice of the strength depends on the folds. The vertical
    lines are strength_min and strength_1se. `plot_strength_folds.frame(path)` returns the numbers as a DataFrame.

    Parameters
    ----------
    path : NeuralPath
        Of one regularizer. As the method `path.plot_folds(...)` it is the path itself.
    ax : matplotlib Axes, or None
        Empty ones with a linear y axis. The names beside them have room if the figure has layout="constrained". None
        makes a figure.

    Returns
    -------
    matplotlib Axes
        As of `plot_strengths`. Up to ten folds, if there is room for their labels, are `ax.lines` with the labels
        "fold 0", ...; more are one grey collection.

    Raises
    ------
    ValueError
        For several regularizers, or if every strength diverged; or if `ax` is not empty or not linear.
    TypeError
        If `ax` is something else.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.neural.fit_path(
    ...     jr.neural.Linear(), X, y / y.std(), regularizer=jr.neural.L2(), strengths=[0, 0.01, 1], epochs=2, cv=2
    ... )
    >>> ax = path.plot_folds(ax=Figure().subplots())
    >>> sorted(line.get_label() for line in ax.lines if line.get_label().startswith("fold"))
    ['fold 0', 'fold 1']
    >>> path.plot_folds.frame().columns.tolist()
    ['fold', 'strength', 'loss']
    """
    J = path.strengths[0].size
    if J > 1:
        raise ValueError(f"path has {J} regularizers; plot_folds draws one, and plot_folds.frame() has all losses.")
    path.best  # noqa: B018 (an error where all diverged, before there is a figure)
    ax = axes_for(ax)
    axis = strength_axis(ax, path)
    losses, mean = axis.along(_fold_losses(path)), axis.along(path.mean_loss)
    curves, names, colours = draw_folds(ax, axis.at, losses, mean, ".")
    ax.set_ylabel(f"held-out\n{path.metric}")
    axis.mark_choices()
    label_ends(ax, curves, names, colours, bold=0)
    return ax


def _fold_losses(path) -> Float[np.ndarray, "F S"]:
    """Held-out losses of folds and strengths, averaged over the seeds."""
    return path.valid_loss[..., -1].mean(axis=2).T
