"""Training and held-out loss."""

import numpy as np

from jaxreg.plotting._axes import COLOURS, STYLES, df_axis, label_ends, log_axis, marker, new_axes
from jaxreg.plotting._choices import choice_marks, draw_band, draw_losses, drawn_points, fit_words
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import data_frame, with_frame

OTHERS = STYLES[2:]  # the chosen mix has the unbroken line, its training loss the first of the others


def _frame(cv):
    """The losses: columns lambda, l1_ratio, mean_loss, std_error, train_loss and df.

    A row per mixing parameter and lambda, 0 included. The training loss is known for the chosen mixing parameter, and
    NaN for the others; df is the number of nonzero coefficients on all data.
    """
    train_loss = np.full(cv.lambdas.shape, np.nan)
    train_loss[cv.best[0]] = cv.train_loss
    return data_frame(
        {
            "lambda": cv.lambdas.ravel(),
            "l1_ratio": np.repeat(cv.l1_ratios, cv.lambdas.shape[1]),
            "mean_loss": cv.mean_loss.ravel(),
            "std_error": cv.std_error.ravel(),
            "train_loss": train_loss.ravel(),
            "df": np.concatenate([path.df for path in cv.paths]),
        }
    )


@with_frame(_frame)
def plot_validation_curve(cv, ax=None):
    """Draw training and held-out loss against lambda, strong penalty at the left.

    At the left both losses are high: the model underfits. At the right the training loss falls on and the held-out
    loss rises: it overfits. The band is one standard error wide to each side; the vertical lines are lambda_min and
    lambda_1se; the top axis counts the nonzero coefficients of the full data's path. Other mixing parameters are thin
    broken lines. `plot_validation_curve.frame(cv)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    cv : CVResult
        As the method `cv.plot(...)` it is the result itself.
    ax : matplotlib Axes, or None
        None makes a figure.

    Returns
    -------
    matplotlib Axes
        Curves and vertical lines are `ax.lines`, with labels for a legend; lambda = 0 has no place on the log axis and
        is left out. The axis spans the lambdas of the chosen mixing parameter, and the best of every other.

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
    >>> ax = cv.plot(ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines[:2]]
    ['held out', 'training']
    >>> cv.plot.frame().columns[:4].tolist()
    ['lambda', 'l1_ratio', 'mean_loss', 'std_error']
    """
    a, points = drawn_points(cv)
    ax = new_axes() if ax is None else ax
    at, held_out, error = cv.lambdas[a][points], cv.mean_loss[a][points], cv.std_error[a][points]
    others = [b for b in range(len(cv.l1_ratios)) if b != a]
    bests = np.array([cv.lambdas[b][np.argmin(cv.mean_loss[b])] for b in others])
    log_axis(ax, np.concatenate([at, bests[bests > 0]]))

    mix = f"l1_ratio {cv.l1_ratio_:g}" if others else ""
    ends = [_draw_other(ax, cv, b, order) for order, b in enumerate(others)]
    draw_band(ax, at, held_out, error)
    ends += draw_losses(ax, at, held_out, cv.train_loss[points], of=mix, marker=marker(at))
    x, y, names, colours = zip(*(end for end in ends if end), strict=True)
    ax.set_ylabel(cv.metric)
    df_axis(ax, at, cv.path.df[points])
    draw_marks(ax, choice_marks(cv._choice(None).marks), fit_words(ax, held_out))
    label_ends(ax, x, y, names, colours, bold=len(names) - 2)
    return ax


def _draw_other(ax, cv, b, order):
    """Thin line of another mixing parameter; where it ends and its label, None if the axis shows nothing of it."""
    colour, style = COLOURS[(2 + order) % len(COLOURS)], OTHERS[order % len(OTHERS)]
    name = f"l1_ratio {cv.l1_ratios[b]:g}"
    positive = cv.lambdas[b] > 0
    at, values = cv.lambdas[b][positive], cv.mean_loss[b][positive]
    ax.plot(at, values, color=colour, ls=style, lw=1.2, marker=marker(at), label=f"held out, {name}", zorder=1.5)
    inside = np.flatnonzero(at >= min(ax.get_xlim()))
    if not inside.size:
        return None
    end = at[inside[-1]], values[inside[-1]]
    ax.plot(*end, ".", color=colour, markersize=5, zorder=1.5, clip_on=False)  # the line to the label is no curve
    return *end, name, colour
