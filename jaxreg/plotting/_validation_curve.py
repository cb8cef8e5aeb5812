"""Training and held-out loss."""

import numpy as np

from jaxreg.plotting._axes import (
    DOT_DIAMETER,
    STYLES,
    axes_for,
    df_axis,
    label_ends,
    log_axis,
    marker,
    nearest_point,
    overlap_edge,
    room,
)
from jaxreg.plotting._choices import choice_marks, draw_band, draw_losses, drawn_lambdas, fit_words, log_place
from jaxreg.plotting._clipping import DECADES_PAST, clip_drawn, mark_leaving, points_until, range_of_losses
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import data_frame, with_frame

MIX_STYLES = STYLES[2:]  # the chosen mixing parameter has the first two, for its held-out and training loss


def _frame(cv):
    """The losses: columns lambda, l1_ratio, mean_loss, std_error, train_loss and df.

    There is a row for each mixing parameter and lambda, 0 included. The training loss is known for the chosen mixing
    parameter, and NaN for other ones. df is the number of nonzero coefficients on all data.
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
        Empty ones with a linear y axis. The names beside them have room if the figure has layout="constrained". None
        makes a figure.

    Returns
    -------
    matplotlib Axes
        Curves and vertical lines are `ax.lines`, with labels for a legend; lambda = 0 has no place on the log axis and
        is left out. The axis spans the lambdas of the chosen mixing parameter. Of every other mixing parameter it spans
        the best lambda and the lambdas up to a decade above the chosen ones. The y axis ends at the largest loss down
        to a tenth of the best lambda of each mixing parameter, where all of the range is more than twice as wide; a
        triangle says where a curve leaves it.

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
    >>> ax = cv.plot(ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines[:2]]
    ['held out', 'training']
    >>> cv.plot.frame().columns[:4].tolist()
    ['lambda', 'l1_ratio', 'mean_loss', 'std_error']
    """
    a, points = drawn_lambdas(cv)
    ax = axes_for(ax)
    lam = cv.lambda_min
    at, held_out, error = cv.lambdas[a][points], cv.mean_loss[a][points], cv.std_error[a][points]
    prefix = "held out\n" if 2 * len(cv.paths) + 1 < room(ax) else ""
    mix_curves = [
        _MixCurve(cv, b, prefix, *_mix_style(ax, order))
        for order, b in enumerate(b for b in range(len(cv.paths)) if b != a)
    ]
    log_axis(ax, np.concatenate([at, *(mix_curve.needed(at[0]) for mix_curve in mix_curves)]))

    for mix_curve in mix_curves:
        mix_curve.draw(ax)
    draw_band(ax, at, held_out, error)
    mix = f"l1_ratio {cv.l1_ratio_:g}" if mix_curves else ""
    training = cv.train_loss[points]
    losses = draw_losses(ax, at, held_out, training, of=mix, marker=marker(at))
    limits = _loss_limits(at, np.stack([held_out, held_out + error, training]), lam, mix_curves)
    if limits:
        clip_drawn(ax, limits)
        for (x, y), _, colour in [*losses, *(mix_curve.named for mix_curve in mix_curves)]:
            mark_leaving(ax, x, y[:, None], [colour], limits)
    ax.set_ylabel(cv.metric)
    df_axis(ax, at, cv.path.df[points], nearest_point(at, log_place(lam)))
    draw_marks(ax, choice_marks(cv._choice(None).marks), fit_words(ax, held_out))
    curves, names, colours = zip(*(mix_curve.named for mix_curve in mix_curves), *losses, strict=True)
    label_ends(ax, curves, names, colours, bold=len(mix_curves), limits=limits)
    return ax


def _loss_limits(at, losses, lam, mix_curves):
    """(low, high) of y, from the losses (..., L) of each mixing parameter down to a decade past its best lambda."""
    curves = [(at, losses, lam), *((mix_curve.at, mix_curve.losses, mix_curve.lam) for mix_curve in mix_curves)]
    near = [values[..., : points_until(places, best)].ravel() for places, values, best in curves]
    return range_of_losses(np.concatenate(near), np.concatenate([values.ravel() for _, values, _ in curves]))


def _mix_style(ax, order):
    """Colour and style of the line of another mixing parameter."""
    colours = tones(ax).curves[2:]
    return colours[order % len(colours)], MIX_STYLES[order % len(MIX_STYLES)]


class _MixCurve:
    """Thin line of a mixing parameter that is not chosen.

    named : the curve as (x, y), its name and its colour, as `draw_losses` has them
    """

    def __init__(self, cv, b, prefix, colour, style):
        positive = cv.lambdas[b] > 0
        self.at, self.losses = cv.lambdas[b][positive], cv.mean_loss[b][positive]
        self.lam = cv.lambdas[b][np.argmin(cv.mean_loss[b])]
        mix = f"l1_ratio {cv.l1_ratios[b]:g}"
        self.named = (self.at, self.losses), f"{prefix}{mix}", colour
        self.look = {"color": colour, "ls": style, "label": f"held out, {mix}"}

    def needed(self, first):
        """Lambdas that the axis spans: the best, and up to a decade above `first`, the first of the chosen curve."""
        return np.append(min(self.at[0], first * 10**DECADES_PAST), self.lam if self.lam > 0 else [])

    def draw(self, ax):
        ax.plot(self.at, self.losses, lw=1.2, marker=marker(self.at), zorder=1.5, **self.look)
        end_style = {"color": self.look["color"], "markersize": DOT_DIAMETER, "zorder": 1.5}
        (dot,) = ax.plot(self.at[-1], self.losses[-1], ".", **end_style)
        overlap_edge(ax, dot)  # the line from the dot to the name is no curve
