"""What the figures share: axes to draw on, the axis of lambdas, dots, names at the ends of curves."""

from itertools import groupby

import numpy as np

from jaxreg.plotting._colours import tones

STYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
LABEL_SIZE = 9.0  # points
LINE_HEIGHT = 1.35 * LABEL_SIZE
DOT = 5.0  # points
LONGEST, TAIL = 24, 10  # characters of a label, and of them at its end
EXPONENT = 18.0  # points that the exponent of the y axis is moved to the left by
MOST_TICKS, TICK_ROOM = 7, 45.0  # on the top axis; points for one
LAMBDA_LABEL = r"penalty strength $\lambda$ (log scale)"
INSTALL = 'plots need matplotlib: pip install "jaxreg[plot]"'


def axes_for(ax, figsize=(8, 5), linear="y"):
    """The axes to draw on, which are those that were given, or those of a new figure if ax is None.

    linear : str, "y" or "xy", the axes whose scale the figure needs as it is
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
    """One line; of a long name the two ends, since columns made by a program often begin alike."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST else f"{name[: LONGEST - TAIL - 1]}…{name[-TAIL:]}"


def plain_box(ax):
    """What lies behind text that curves may cross."""
    return {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1.0}


def marker(at):
    """A line through one point is invisible."""
    return "o" if len(at) == 1 else None


def log_axis(ax, at, label=LAMBDA_LABEL):
    """Lambdas, or what the label says, on a log axis, the large ones at the left."""
    low, high = at.min(), at.max()
    if low == high:
        low, high = low / 2, high * 2
    ax.set_xscale("log")
    ax.set_xlim(high, low)
    ax.set_xlabel(label)
    ax.spines["right"].set_visible(False)


def draw_crowd(ax, at, curves):
    """Many curves (len(at), m) as one grey collection behind the others; points that stand alone are dots."""
    from matplotlib.collections import LineCollection

    style = {"color": tones(ax).faint, "alpha": max(0.2, min(0.6, 30 / curves.shape[1])), "zorder": 1.5}
    if len(at) == 1 or np.isnan(at[-2]):
        ax.plot(np.full(curves.shape[1], at[-1]), curves[-1], "o", markersize=2.5, **style)
    segments = np.stack([np.broadcast_to(at[:, None], curves.shape), curves], axis=-1).swapaxes(0, 1)
    ax.add_collection(LineCollection(list(segments), linewidths=0.8, **style))
    ax.autoscale_view(scalex=False)


def df_axis(ax, at, df, chosen=None):
    """Numbers of nonzero coefficients at a chosen point and at those nearest to evenly spaced places.

    chosen : int, the position of the point, or None
    """
    from matplotlib.ticker import NullLocator
    from matplotlib.transforms import ScaledTranslation

    top = ax.secondary_xaxis("top")
    exponent = ax.yaxis.get_offset_text()  # "1e6" of large values, left of the first number of this axis
    exponent.set_horizontalalignment("right")
    exponent.set_transform(exponent.get_transform() + ScaledTranslation(-EXPONENT / 72, 0, ax.figure.dpi_scale_trans))
    shares = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([at, np.zeros(len(at))])))[:, 0]
    most = int(np.clip(ax.bbox.width * 72 / ax.figure.dpi / TICK_ROOM, 2, MOST_TICKS))
    ticks = [] if chosen is None else [chosen]
    for place in np.linspace(0, 1, most):
        k = int(np.argmin(np.abs(shares - place)))
        if all(abs(shares[k] - shares[other]) > 0.6 / most for other in ticks):
            ticks.append(k)
    ticks = _one_of_equal(sorted(ticks, key=lambda k: shares[k]), df, chosen)
    top.set_xticks(at[ticks], labels=[str(df[k]) for k in ticks])
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("number of nonzero coefficients")


def _one_of_equal(ticks, df, chosen):
    """Of ticks in a row with the same number the chosen one, or the first."""
    runs = [list(run) for _, run in groupby(ticks, key=lambda k: df[k])]
    return [chosen if chosen in run else run[0] for run in runs]


def nearest_point(lambdas, lam):
    """Position of the lambda nearest to a choice on a log axis, None without one there."""
    return int(np.argmin(np.abs(np.log(lambdas / lam)))) if lam else None


def room(ax):
    """How many lines of text fit one above the other, with some reserve: titles and the like come later."""
    return int(0.8 * ax.bbox.height * 72 / ax.figure.dpi / LINE_HEIGHT)


def make_room(ax, above, below):
    """Widen the limits of y by lines of text above and below what is drawn, which has from now on this share of it."""
    low, high = ax.get_ylim()
    lines = max(room(ax), 2 * (above + below))
    line = (high - low) / (lines - above - below)
    ax.set_ylim(low - below * line, high + above * line)
    return below / lines, 1 - above / lines


def draw_dot(ax, x, y, colour):
    """At a special point of a curve, whole at the edge of the view too."""
    style = {"color": colour, "markersize": DOT, "markeredgecolor": tones(ax).paper, "zorder": 2.6}
    (dot,) = ax.plot(x, y, "o", **style)
    overlap_edge(ax, dot)


def overlap_edge(ax, small):
    """Show a small artist at the edge of the view whole, and none of it outside."""
    from jaxreg.plotting._view import View

    small.set_clip_box(View(ax, around=DOT))


def label_ends(ax, curves, names, colours, bold=None, limits=None):
    """Names right of the axes, at the height of the ends of their curves (x, y) or as near as there is room.

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
