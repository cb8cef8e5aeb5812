"""Held-out loss of each fold."""

import numpy as np

from jaxreg.plotting._axes import (
    STYLES,
    axes_for,
    df_axis,
    draw_crowd,
    draw_dot,
    label_ends,
    log_axis,
    marker,
    nearest_point,
    overlap_edge,
    room,
)
from jaxreg.plotting._choices import choice_marks, drawn_lambdas, log_place
from jaxreg.plotting._clipping import clip_drawn, mark_leaving, points_until, range_of_losses
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import data_frame, with_frame

MOST_FOLD_CURVES = 10  # more folds become background


def _frame(cv):
    """The held-out loss of each fold at the chosen mixing parameter: columns fold, lambda and loss.

    One fold follows the other. Each has a row for each lambda, 0 included.
    """
    losses, lambdas = cv.fold_loss[cv.best[0]], cv.lambdas[cv.best[0]]
    return data_frame(
        {
            "fold": np.repeat(np.arange(len(losses)), len(lambdas)),
            "lambda": np.tile(lambdas, len(losses)),
            "loss": losses.ravel(),
        }
    )


@with_frame(_frame)
def plot_fold_loss(cv, ax=None):
    """Draw the held-out loss of each fold against lambda, at the chosen mixing parameter, and their mean on top.

    A dot marks the least loss of each fold: far apart, the choice of lambda depends on the folds. The vertical lines
    are lambda_min and lambda_1se. `plot_fold_loss.frame(cv)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    cv : CVResult
        As the method `cv.plot_folds(...)` it is the result itself.
    ax : matplotlib Axes, or None
        Empty ones with a linear y axis. The names beside them have room if the figure has layout="constrained". None
        makes a figure.

    Returns
    -------
    matplotlib Axes
        Up to ten folds, if there is room for their labels, are `ax.lines` with the labels "fold 0", ...; more are one
        grey collection. lambda = 0 has no place on the log axis and is left out. The y axis ends at the largest loss
        down to a tenth of lambda_min, where all of the range is more than twice as wide; a triangle says where a curve
        leaves it.

    Raises
    ------
    ValueError
        For a grid of lambda = 0 alone; or if `ax` is not empty or not linear.
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
    >>> cv = jr.fit_cv(X, y, penalty=jr.penalties.Ridge(), cv=3)
    >>> ax = cv.plot_folds(ax=Figure().subplots())
    >>> sorted(line.get_label() for line in ax.lines if line.get_label().startswith("fold"))
    ['fold 0', 'fold 1', 'fold 2']
    >>> cv.plot_folds.frame().columns.tolist()
    ['fold', 'lambda', 'loss']
    """
    a, points = drawn_lambdas(cv)
    ax = axes_for(ax)
    at, losses, mean = cv.lambdas[a][points], cv.fold_loss[a][:, points], cv.mean_loss[a][points]
    lam = log_place(cv.lambda_min)
    log_axis(ax, at)
    limits = range_of_losses(losses[:, : points_until(at, cv.lambda_min)], losses)
    curves, names, colours = draw_folds(ax, at, losses, mean, marker(at), limits)
    if limits:
        mark_leaving(ax, at, np.column_stack([values for _, values in curves]), colours, limits)
    ax.set_ylabel(f"held-out\n{cv.metric}")
    df_axis(ax, at, cv.path.df[points], nearest_point(at, lam))
    draw_marks(ax, choice_marks(cv._choice(None).marks))
    label_ends(ax, curves, names, colours, bold=0, limits=limits)
    return ax


def draw_folds(ax, at, losses, mean, symbol, limits=None):
    """Draw curves (F, L) of folds and their mean (L,); NaN is a gap. (named curves as (x, y), names, colours).

    limits : (low, high) of y at which the curves end, or None
    """
    tone = tones(ax)
    folds = len(losses)
    best = np.nanargmin(losses, axis=1)  # the strongest penalty among equal losses
    few = folds <= min(MOST_FOLD_CURVES, room(ax) - 1)
    names = ["mean", *(f"fold {k}" for k in range(folds))] if few else [f"mean of\n{folds} folds"]
    curves, colours = [mean, *losses][: len(names)], [tone.strong, *tone.curves][: len(names)]
    for k, (loss, colour) in enumerate(zip(curves[1:], colours[1:], strict=True)):
        ax.plot(at, loss, color=colour, ls=STYLES[k % len(STYLES)], lw=1.1, marker=symbol, label=f"fold {k}")
    if not few:
        draw_crowd(ax, at, losses.T)
    ax.plot(at, mean, color=tone.strong, lw=2.4, marker=symbol, label="mean", zorder=2.5)
    if limits:
        clip_drawn(ax, limits)
    least = losses[np.arange(folds), best]
    if few:
        for k in range(folds):
            draw_dot(ax, at[best[k]], least[k], colours[k + 1])
    else:
        dots = ax.scatter(at[best], least, s=12, color=tone.faint, alpha=0.6, linewidth=0, zorder=1.6)
        overlap_edge(ax, dots)
    return [(at, values) for values in curves], names, colours
