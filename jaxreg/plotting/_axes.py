"""What the figures share: colours, the axis of lambdas, labels at the ends of curves."""

from functools import partial

import numpy as np

# Any two are 19 or more apart in CIELAB, to full sight and to protanopes, deuteranopes and tritanopes, and each has a
# contrast of 3:1 or more to white; tests/test_plot_choices.py holds them to it.
COLOURS = ("#3333e0", "#ee6a00", "#2e9e80", "#4b1c1a", "#c275cb", "#002a55", "#924900", "#6e507e", "#ea0051", "#8700a2")
STYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
INK = "0.15"  # text beside curves
BACKGROUND = "0.45"
LABEL_SIZE = 9.0  # points
LINE_HEIGHT = 1.35 * LABEL_SIZE
LABEL_DISTANCE = 16.0  # points from the right edge of the axes
LONGEST, TAIL = 24, 10  # characters of a label, and of them at its end
MOST_TICKS, TICK_ROOM = 7, 45.0  # on the top axis; points for one
LAMBDA_LABEL = r"penalty strength $\lambda$ (log scale)"
INSTALL = 'plots need matplotlib: pip install "jaxreg[plot]"'


def new_axes(figsize=(8, 5)):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(INSTALL) from error
    return plt.subplots(figsize=figsize, layout="constrained")[1]


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


def end(at, values):
    """The last point of a curve, which may end before the axis does."""
    last = np.flatnonzero(np.isfinite(values))[-1]
    return at[last], values[last]


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

    style = {"color": BACKGROUND, "alpha": max(0.2, min(0.6, 30 / curves.shape[1])), "zorder": 1.5}
    if len(at) == 1 or np.isnan(at[-2]):
        ax.plot(np.full(curves.shape[1], at[-1]), curves[-1], "o", markersize=2.5, **style)
    segments = np.stack([np.broadcast_to(at[:, None], curves.shape), curves], axis=-1).swapaxes(0, 1)
    ax.add_collection(LineCollection(list(segments), linewidths=0.8, **style))
    ax.autoscale_view(scalex=False)


def df_axis(ax, at, df):
    """Numbers of nonzero coefficients at the points nearest to evenly spaced places."""
    from matplotlib.ticker import NullLocator

    top = ax.secondary_xaxis("top")
    ax.yaxis.get_offset_text().set_horizontalalignment("right")  # "1e6" of large values: else on the first number
    shares = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([at, np.zeros(len(at))])))[:, 0]
    most = int(np.clip(ax.bbox.width * 72 / ax.figure.dpi / TICK_ROOM, 2, MOST_TICKS))
    ticks: list[int] = []
    for place in np.linspace(0, 1, most):
        k = int(np.argmin(np.abs(shares - place)))
        if all(abs(shares[k] - shares[other]) > 0.6 / most for other in ticks):
            ticks.append(k)
    top.set_xticks(at[ticks], labels=[str(df[k]) for k in ticks])
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("number of nonzero coefficients")


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


def label_ends(ax, at, values, names, colours, bold=None):
    """Names right of the axes, at the height of the ends (at, values) of their curves or as near as there is room.

    `bold` is the position of a name that stands out.
    """
    ends = np.column_stack([np.broadcast_to(at, len(names)), values])
    lines = np.array([1 + name.count("\n") for name in names])
    for k, (name, colour) in enumerate(zip(names, colours, strict=True)):
        ax.annotate(
            name,
            xy=ends[k],
            xytext=(1.0, 0.0),
            textcoords=partial(_label_place, ax, ends, lines, k),  # asked at each drawing: sizes and limits change
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 1.0, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5)},
            color=INK,
            fontsize=LABEL_SIZE,
            fontweight="bold" if k == bold else "normal",
            verticalalignment="center",
            annotation_clip=False,
            parse_math=False,
        )


def _label_place(ax, ends, lines, k, renderer):
    """Transform that takes (1, 0) to the place of label k."""
    from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory

    heights = lines * LINE_HEIGHT * renderer.points_to_pixels(1.0)
    wanted = ax.transData.transform(ends)[:, 1]
    height = spread(wanted, heights, ax.bbox.y0, ax.bbox.y1)[k]
    right = ax.transAxes + ScaledTranslation(LABEL_DISTANCE / 72, 0, ax.figure.dpi_scale_trans)
    return blended_transform_factory(right, Affine2D().translate(0, height))


def spread(wanted, sizes, low, high):
    """Least-squares centres (k,) near `wanted`, in its order, of boxes of these sizes: apart, within the bounds."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    sizes = sizes[order] * min(1.0, (high - low) / sizes.sum())
    steps = np.cumsum(sizes) - sizes / 2
    # without the steps the centres need only ascend, which isotonic regression is for; bounds then just clip it
    lowest = isotonic_regression(wanted[order] - steps).x
    centres = np.empty(len(wanted))
    centres[order] = np.clip(lowest, low, high - sizes.sum()) + steps
    return centres
