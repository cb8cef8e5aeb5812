"""The part of a path that a choice needs, and what is left outside of it."""

import numpy as np

from jaxreg.plotting._axes import BACKGROUND

DECADES = 1.0  # past the choice, to which the part reaches
WORTHWHILE = 2.0  # how many times the range of the part all of it is at least, where no choice asks for the part
MARGIN = 0.05  # of the range, to each side, as matplotlib has it
TRIANGLE = 7.0  # points, of a curve with a name


def points_until(lambdas, lam):
    """The number of descending lambdas down to a decade past the choice, at least one."""
    return max(1, np.count_nonzero(lambdas >= lam / 10**DECADES))


def range_of(values):
    """(low, high) of y, None for values that are all 0."""
    values = values[np.isfinite(values)]
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
    margin = MARGIN * (high - low)
    return (low - margin, high + margin) if margin else None


def range_of_entries(lambdas, curves, named):
    """(low, high) of curves (L, m) down to a decade past the lambda by which the first `named` of them have entered.

    None, for all of the range, if that is at most twice as wide, or if they enter together, as in ridge.
    """
    at_zero = curves[:, :named] == 0
    entries = np.where(at_zero.any(axis=0), len(lambdas) - at_zero[::-1].argmax(axis=0), 0)
    if not named or entries.min() == entries.max():
        return None
    near = range_of(curves[: points_until(lambdas, lambdas[min(entries.max(), len(lambdas) - 1)])])
    whole = range_of(curves)
    worthwhile = near is not None and whole[1] - whole[0] > WORTHWHILE * (near[1] - near[0])
    return near if worthwhile else None


def clip_curves(ax, at, curves, colours, limits):
    """End curves (L, m), drawn at places (L,) of a log axis, at limits of y, and mark where each leaves them.

    colours : list of those of the first curves; the others are background
    """
    from matplotlib.patches import Rectangle

    low, high = limits
    box = Rectangle((0.0, low), 1.0, high - low, transform=ax.get_yaxis_transform())
    for artist in [*ax.lines, *ax.collections]:
        artist.set_clip_path(box)
    for edge, beyond, symbol in ((high, curves > high, "^"), (low, curves < low, "v")):
        rows, columns = np.nonzero(~beyond[:-1] & beyond[1:] & np.isfinite(curves[:-1]))
        before, after = curves[rows, columns], curves[rows + 1, columns]
        share = (edge - before) / (after - before)
        places = np.exp((1 - share) * np.log(at[rows]) + share * np.log(at[rows + 1]))
        named = columns < len(colours)
        _draw_triangles(ax, places[~named], edge, symbol, 0.6 * TRIANGLE, BACKGROUND, 1.6)
        _draw_triangles(ax, places[named], edge, symbol, TRIANGLE, [colours[k] for k in columns[named]], 2.6)


def _draw_triangles(ax, places, edge, symbol, size, colours, zorder):
    """With their tips at the edge, from within."""
    from matplotlib.transforms import ScaledTranslation

    inward = ScaledTranslation(0.0, (-0.5 if symbol == "^" else 0.5) * size / 72, ax.figure.dpi_scale_trans)
    style = {"s": size**2, "marker": symbol, "c": colours, "linewidths": 0, "zorder": zorder}
    ax.scatter(places, np.full(len(places), edge), transform=ax.transData + inward, **style)
