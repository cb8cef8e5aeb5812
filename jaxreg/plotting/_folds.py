"""Held-out loss of each fold."""

import numpy as np

from jaxreg.plotting._axes import (
    BACKGROUND,
    COLOURS,
    STYLES,
    df_axis,
    draw_crowd,
    label_ends,
    log_axis,
    marker,
    new_axes,
    room,
)
from jaxreg.plotting._choices import choice_marks, drawn_points
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import data_frame, with_frame

MOST = 10  # more folds than this become background
MEAN = "0.1"  # colour


def _frame(cv):
    """The held-out loss of each fold at the chosen mixing parameter: columns fold, lambda and loss.

    One fold after the other, a row for each lambda, 0 included.
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
        None makes a figure.

    Returns
    -------
    matplotlib Axes
        Up to ten folds, if there is room for their labels, are `ax.lines` with the labels "fold 0", ...; more are one
        grey collection. lambda = 0 has no place on the log axis and is left out.

    Raises
    ------
    ValueError
        For a grid of lambda = 0 alone.
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
    a, points = drawn_points(cv)
    ax = new_axes() if ax is None else ax
    at = cv.lambdas[a][points]
    log_axis(ax, at)
    ends, names, colours = draw_folds(ax, at, cv.fold_loss[a][:, points], cv.mean_loss[a][points], marker(at))
    ax.set_ylabel(f"held-out\n{cv.metric}")
    df_axis(ax, at, cv.path.df[points])
    draw_marks(ax, choice_marks(cv._choice(None).marks))
    label_ends(ax, at[-1], ends, names, colours, bold=0)
    return ax


def draw_folds(ax, at, losses, mean, symbol):
    """Curves (K, L) of folds and their mean (L,), NaN where there is a gap; their last values, names and colours."""
    folds = len(losses)
    best = np.nanargmin(losses, axis=1)  # of equal ones the strongest
    ends = [mean[-1]]
    names, colours = ["mean"], [MEAN]
    if folds <= min(MOST, room(ax) - 1):
        for k, loss in enumerate(losses):
            colour = COLOURS[k % len(COLOURS)]
            ax.plot(at, loss, color=colour, ls=STYLES[k % len(STYLES)], lw=1.1, marker=symbol, label=f"fold {k}")
            dot = {"color": colour, "markersize": 5, "markeredgecolor": "white", "zorder": 2.6, "clip_on": False}
            ax.plot(at[best[k]], loss[best[k]], "o", **dot)
            names.append(f"fold {k}")
            colours.append(colour)
        ends.extend(losses[:, -1])
    else:
        draw_crowd(ax, at, losses.T)
        least = losses[np.arange(folds), best]
        ax.scatter(at[best], least, s=12, color=BACKGROUND, alpha=0.6, linewidth=0, zorder=1.6, clip_on=False)
        names[0] = f"mean of\n{folds} folds"
    ax.plot(at, mean, color=MEAN, lw=2.4, marker=symbol, label="mean", zorder=2.5)
    return ends, names, colours
