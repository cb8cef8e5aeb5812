"""Training and held-out loss of networks against the epoch."""

import numpy as np

from jaxreg.plotting._axes import axes_for, draw_dot, label_ends, marker
from jaxreg.plotting._choices import TRAINING_DASHES, draw_losses, fit_words
from jaxreg.plotting._colours import COLOURS, tones
from jaxreg.plotting._marks import Mark, draw_marks
from jaxreg.plotting._plot import data_frame, with_frame
from jaxreg.plotting._strength_axis import axis_label

LOSS_LINES = (("held out", "-", 1.9), ("training", TRAINING_DASHES, 1.2))


def _frame(path, strength=None):
    """The losses after each epoch, averaged over folds and seeds: the strengths, epoch, mean_loss and train_loss.

    One strength follows the other. `strength` is as for `plot_epochs`.
    """
    points = path._positions(strength)
    epochs = path.valid_loss.shape[-1]
    held_out, training = _curves(path, points)
    strengths = {name: np.repeat(values[points], epochs) for name, values in path._strength_columns().items()}
    epoch = np.tile(np.arange(1, epochs + 1), len(points))
    return data_frame({**strengths, "epoch": epoch, "mean_loss": held_out.ravel(), "train_loss": training.ravel()})


@with_frame(_frame)
def plot_epochs(path, strength=None, ax=None):
    """Draw training and held-out loss against the epoch, averaged over folds and seeds: the curve of early stopping.

    Few epochs underfit, many may overfit. The vertical lines are at the least held-out loss and, where training stopped
    early, at the epoch whose parameters were kept, on average; after it a fold keeps its losses.
    `plot_epochs.frame(path, strength=None)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    path : NeuralPath
        As the method `path.plot_epochs(...)` it is the path itself.
    strength : float, tuple of float, "min", "1se", a sequence of these, or None
        One of the strengths (a tuple for several regularizers) or a rule, or up to ten strengths and rules. None is
        "min"; for `EarlyStopping` it is the whole run, of which "min" is a part.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. The names beside them have room if the figure has layout="constrained". None
        makes a figure.

    Returns
    -------
    matplotlib Axes
        Curves are `ax.lines`, with labels for a legend. They end where a loss is NaN or infinite.

    Raises
    ------
    ValueError
        For a strength that was not trained, or more than ten; or if `ax` is not empty or not linear.
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
    ...     jr.neural.Linear(), X, y / y.std(), regularizer=jr.neural.EarlyStopping(), epochs=3, cv=2, refit=False
    ... )
    >>> ax = path.plot_epochs(ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['held out', 'training', 'least held-out loss at epoch 3']
    >>> path.plot_epochs.frame().columns.tolist()
    ['strength', 'epoch', 'mean_loss', 'train_loss']
    """
    points = path._positions(strength)
    if len(points) > len(COLOURS):
        raise ValueError(f"strength has {len(points)} entries; give up to {len(COLOURS)}: so many colours differ.")
    held_out, training = (np.where(np.isfinite(losses), losses, np.nan) for losses in _curves(path, points))
    empty = np.isnan(held_out[:, 0]) | np.isnan(training[:, 0])
    if empty.any():
        k = points[np.argmax(empty)]
        raise ValueError(f"strength {path._said(k)} diverged in the first epoch; there is nothing to draw of it.")
    ax = axes_for(ax, linear="xy")
    epoch = np.arange(1, held_out.shape[1] + 1)
    (_draw_strength if len(points) == 1 else _draw_strengths)(ax, path, points, epoch, held_out, training)
    if np.isnan(held_out).any() or np.isnan(training).any():
        ax.set_xlabel(f"{ax.get_xlabel()}\ncurves end where a loss became NaN or infinite")
    ax.set_xlim(1, max(epoch[-1], 2))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylabel(path.metric)
    ax.spines["right"].set_visible(False)
    return ax


def _curves(path, points):
    """Held-out and training losses (points, epochs)."""
    return path.valid_loss[points].mean(axis=(1, 2)), path.train_loss[points].mean(axis=(1, 2))


def _draw_strength(ax, path, points, epoch, held_out, training):
    (k,) = points
    losses = draw_losses(ax, epoch, held_out[0], training[0], marker=marker(epoch))
    texts = path._strength_texts(k)[: len(path.regularizers)]  # none without a regularizer
    ax.set_xlabel("\n".join(["epoch", *(f"{axis_label(path, j)} = {text}" for j, text in enumerate(texts))]))
    draw_marks(ax, [_mark(path.kept_epoch[k], epoch, held_out[0])], fit_words(ax, held_out))
    curves, names, colours = zip(*losses, strict=True)
    label_ends(ax, curves, names, colours, bold=0)


def _mark(kept_epochs, epoch, held_out):
    if kept_epochs.min() == epoch[-1]:
        least = epoch[np.nanargmin(held_out)]
        text = f"least held-out loss at epoch {least}"
        return Mark(least, text, "", text, "--")
    text = f"kept: epoch {kept_epochs.mean():.4g}" + (" on average" if kept_epochs.min() < kept_epochs.max() else "")
    return Mark(kept_epochs.mean(), text, "", text, ":")


def _draw_strengths(ax, path, points, epoch, held_out, training):
    from matplotlib.lines import Line2D

    named = []
    for colour, k, *losses in zip(tones(ax).curves, points, held_out, training, strict=False):
        name = f"strength {path._said(k)}"
        for (kind, dashes, width), values in zip(LOSS_LINES, losses, strict=True):
            style = {"color": colour, "ls": dashes, "lw": width, "marker": marker(epoch)}
            ax.plot(epoch, values, label=f"{kind}, {name}", **style)
        least = np.nanargmin(losses[0])
        draw_dot(ax, epoch[least], losses[0][least], colour)
        named.append(((epoch, losses[0]), name, colour))
    quantities = ", ".join(axis_label(path, j) for j in range(len(path.regularizers)))
    ax.set_xlabel(f"epoch\nstrength: {quantities}")
    draw_marks(ax, [], fit_words(ax, held_out))
    ink = tones(ax).ink
    kinds = [Line2D([], [], color=ink, ls=ls, lw=lw, label=kind) for kind, ls, lw in LOSS_LINES]
    ax.legend(handles=kinds, frameon=False, labelcolor=ink)
    curves, names, colours = zip(*named, strict=True)
    label_ends(ax, curves, names, colours)
