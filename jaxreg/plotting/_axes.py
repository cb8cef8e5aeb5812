"""Elements of all figures: axes to draw on, the axis of lambdas, dots, names at the ends of curves."""

from itertools import groupby

import numpy as np

from jaxreg.plotting._colours import tones

STYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
LABEL_SIZE = 9.0  # points
LINE_HEIGHT = 1.35 * LABEL_SIZE
DOT_DIAMETER = 5.0  # points
LABEL_CHARACTERS, TAIL_CHARACTERS = 24, 10  # of a shortened label, and of its end
EXPONENT_SHIFT = 18.0  # points by which the exponent of the y axis is moved to the left
MOST_TICKS, TICK_ROOM = 7, 45.0  # ticks of the top axis, at most; points for one tick
LAMBDA_LABEL = r"penalty strength $\lambda$ (log scale)"
INSTALL = 'plots need matplotlib: pip install "jaxreg[plot]"'


def axes_for(ax, figsize=(8, 5), linear="y"):
    """The axes to draw on: `ax`, or the axes of a new figure if `ax` is None.

    linear : str, "y" or "xy", the axes that must be linear
    """
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(INSTALL) from error
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if getattr(ax, "name", None) != "rectilinear":
        raise TypeError(f"ax is of type {type(ax).__name__}; give one matplotlib Axes, such as plt.subplots()[1].")
    for axis in linear:
        scale = getattr(ax, f"get_{axis}scale")()
        if scale != "linear":
            raise ValueError(f"ax has a {scale} {axis} axis; give Axes with a linear one.")
    return ax


def short(name):
    """A name on one line. A long name keeps its two ends, since columns made by a program often begin alike."""
    name = " ".join(name.split())
    return (
        name
        if len(name) <= LABEL_CHARACTERS
        else f"{name[: LABEL_CHARACTERS - TAIL_CHARACTERS - 1]}…{name[-TAIL_CHARACTERS:]}"
    )


def plain_box(ax):
    """Style of the box behind a text that curves may cross."""
    return {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1.0}


def marker(at):
    """The marker of a curve: a dot if it has one point, since its line is invisible; else None."""
    return "o" if len(at) == 1 else None


def log_axis(ax, at, label=LAMBDA_LABEL):
    """Prepare the x axis for lambdas, or other positive values: a log axis with the large values at the left."""
    low, high = at.min(), at.max()
    if low == high:
        low, high = low / 2, high * 2
    ax.set_xscale("log")
    ax.set_xlim(high, low)
    ax.set_xlabel(label)
    ax.spines["right"].set_visible(False)


def draw_crowd(ax, at, curves):
    """Draw many curves (L, m) at places (L,) as one grey collection in the background. A single point is a dot."""
    from matplotlib.collections import LineCollection

    style = {"color": tones(ax).faint, "alpha": max(0.2, min(0.6, 30 / curves.shape[1])), "zorder": 1.5}
    if len(at) == 1 or np.isnan(at[-2]):
        ax.plot(np.full(curves.shape[1], at[-1]), curves[-1], "o", markersize=2.5, **style)
    segments = np.stack([np.broadcast_to(at[:, None], curves.shape), curves], axis=-1).swapaxes(0, 1)
    ax.add_collection(LineCollection(list(segments), linewidths=0.8, **style))
    ax.autoscale_view(scalex=False)


def df_axis(ax, at, df, chosen=None):
    """Top axis: numbers of nonzero coefficients at the chosen point, and at points nearest to evenly spaced places.

    chosen : int, the position of the point, or None
    """
    from matplotlib.ticker import NullLocator
    from matplotlib.transforms import ScaledTranslation

    top = ax.secondary_xaxis("top")
    exponent = ax.yaxis.get_offset_text()  # "1e6" of large values, left of the first number of this axis
    exponent.set_horizontalalignment("right")
    exponent.set_transform(
        exponent.get_transform() + ScaledTranslation(-EXPONENT_SHIFT / 72, 0, ax.figure.dpi_scale_trans)
    )
    shares = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([at, np.zeros(len(at))])))[:, 0]
    most = int(np.clip(ax.bbox.width * 72 / ax.figure.dpi / TICK_ROOM, 2, MOST_TICKS))
    ticks = [] if chosen is None else [chosen]
    for place in np.linspace(0, 1, most):
        k = int(np.argmin(np.abs(shares - place)))
        if all(abs(shares[k] - shares[tick]) > 0.6 / most for tick in ticks):
            ticks.append(k)
    ticks = _distinct_ticks(sorted(ticks, key=lambda k: shares[k]), df, chosen)
    top.set_xticks(at[ticks], labels=[str(df[k]) for k in ticks])
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("number of nonzero coefficients")


def _distinct_ticks(ticks, df, chosen):
    """One tick for each run of ticks with the same number: the chosen tick, or the first."""
    runs = [list(run) for _, run in groupby(ticks, key=lambda k: df[k])]
    return [chosen if chosen in run else run[0] for run in runs]


def nearest_point(lambdas, lam):
    """Position of the lambda nearest to the choice `lam` on a log axis; None if there is no choice on it."""
    return int(np.argmin(np.abs(np.log(lambdas / lam)))) if lam else None


def room(ax):
    """The number of lines of text that fit above each other. Some room is kept for a title, which comes later."""
    return int(0.8 * ax.bbox.height * 72 / ax.figure.dpi / LINE_HEIGHT)


def make_room(ax, above, below):
    """Widen the limits of y by lines of text `above` and `below` the curves. (low, high) of the curves, as shares."""
    low, high = ax.get_ylim()
    lines = max(room(ax), 2 * (above + below))
    line = (high - low) / (lines - above - below)
    ax.set_ylim(low - below * line, high + above * line)
    return below / lines, 1 - above / lines


def draw_dot(ax, x, y, colour):
    """Draw a dot at a special point of a curve. The dot is whole at the edge of the view too."""
    style = {"color": colour, "markersize": DOT_DIAMETER, "markeredgecolor": tones(ax).paper, "zorder": 2.6}
    (dot,) = ax.plot(x, y, "o", **style)
    overlap_edge(ax, dot)


def overlap_edge(ax, small):
    """Show a small artist whole at the edge of the view, and not at all outside."""
    from jaxreg.plotting._view import View

    small.set_clip_box(View(ax, around=DOT_DIAMETER))


def label_ends(ax, curves, names, colours, bold=None, limits=None):
    """Write names right of the axes, at the height of the ends of their curves (x, y) or as near as there is room.

    bold : position of a name that stands out
    limits : (low, high) of y between which the curves are drawn, or None
    """
    from jaxreg.plotting._view import CurveName, Ends

    if not names:
        return
    ends = Ends(ax, curves, limits)
    heights = LINE_HEIGHT * np.array([1 + name.count("\n") for name in names])
    for k, (name, colour) in enumerate(zip(names, colours, strict=True)):
        weight = "bold" if k == bold else "normal"
        CurveName(ends, k, name, heights, colour, fontsize=LABEL_SIZE, fontweight=weight)
