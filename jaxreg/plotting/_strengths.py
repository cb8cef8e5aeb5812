"""Training and held-out loss of networks against the strength of one regularizer, or of two."""

from jaxreg.plotting._axes import axes_for, label_ends
from jaxreg.plotting._choices import draw_band, draw_losses, fit_words
from jaxreg.plotting._colours import tones
from jaxreg.plotting._plot import data_frame, with_frame
from jaxreg.plotting._strength_axis import strength_axis
from jaxreg.plotting._strength_map import draw_map

SYMBOL = {"marker": "o", "markersize": 3.5}


def _frame(path):
    """The losses at the end of training: the strengths, and columns mean_loss, std_error and train_loss.

    There is a row for each strength in the order of the path. Several regularizers have several columns, such as
    "strength_L2".
    """
    return data_frame(path._losses())


@with_frame(_frame)
def plot_strengths(path, ax=None):
    """Draw training and held-out loss of networks against the strength, strong regularization at the left.

    At the left both losses are high: the networks underfit. At the right the training loss falls on and the held-out
    loss rises: they overfit. The band is one standard error wide to each side; the vertical lines are strength_min and
    strength_1se. Of two regularizers it draws the held-out loss as a map, the strongest at the lower left.
    `plot_strengths.frame(path)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    path : NeuralPath
        As the method `path.plot(...)` it is the path itself.
    ax : matplotlib Axes, or None
        Empty ones with a linear y axis. The names beside them have room if the figure has layout="constrained". None
        makes a figure.

    Returns
    -------
    matplotlib Axes
        The x axis is logarithmic where the positive strengths span more than about a decade; 0 then stands apart at the
        right. Strengths that diverged are left out, which the label of the axis says. Curves and vertical lines are
        `ax.lines`, with labels for a legend; the map is `ax.images[0]`.

    Raises
    ------
    ValueError
        For more than two regularizers, or if every strength diverged; or if `ax` is not empty or not linear.
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
    >>> ax = path.plot(ax=Figure().subplots())
    >>> ax.get_xlabel(), [line.get_label() for line in ax.lines[:2]]
    ('L2: penalty strength (log scale)', ['held out', 'training'])
    >>> path.plot.frame().columns.tolist()
    ['strength', 'mean_loss', 'std_error', 'train_loss']
    """
    J = path.strengths[0].size
    if J > 2:
        raise ValueError(f"path has {J} regularizers; a figure shows one or two, and path.to_frame() has all losses.")
    path.best  # noqa: B018 (an error where all diverged, before there is a figure)
    ax = axes_for(ax, linear="y" if J == 1 else "xy")
    return (_draw_loss_curves if J == 1 else draw_map)(path, ax)


def _draw_loss_curves(path, ax):
    axis = strength_axis(ax, path)
    held_out, error = axis.along(path.mean_loss), axis.along(path.std_error)
    draw_band(ax, axis.at, held_out, error)
    if axis.apart:
        low, high = held_out[-1] - error[-1], held_out[-1] + error[-1]
        ax.vlines(axis.at[-1], low, high, color=tones(ax).curves[0], alpha=0.3, lw=5)
    losses = draw_losses(ax, axis.at, held_out, axis.along(path._losses()["train_loss"]), **SYMBOL)
    ax.set_ylabel(path.metric)
    axis.mark_choices(fit_words(ax, held_out))
    curves, names, colours = zip(*losses, strict=True)
    label_ends(ax, curves, names, colours, bold=0)
    return ax
