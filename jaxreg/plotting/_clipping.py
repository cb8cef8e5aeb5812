"""The part of a path that a choice needs, and what is left outside of it."""

import numpy as np

from jaxreg.plotting._colours import tones

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


def range_of_losses(near, everywhere):
    """(low, high) of y that has all of the low losses, and of the high ones those near the choice.

    None, for all of the range, if that is at most twice as wide.
    """
    low, high = np.nanmin(everywhere), np.nanmax(near)
    margin = MARGIN * (high - low)
    worthwhile = np.nanmax(everywhere) - low > WORTHWHILE * (high - low) > 0
    return (low - margin, high + margin) if worthwhile else None


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


def clip_drawn(ax, limits):
    """End what is drawn already at limits of y."""
    from jaxreg.plotting._view import View

    view = View(ax, limits)
    for artist in [*ax.lines, *ax.collections]:
        artist.set_clip_box(view)
    ax.set_ylim(limits)


def mark_leaving(ax, at, curves, colours, limits):
    """Triangles where curves (L, m), drawn at places (L,) of a log axis, leave limits of y.

    A curve that passes through all of the range in one step has one at each end.

    colours : list of those of the first curves; the others are background
    """
    faint = tones(ax).faint
    low, high = curves < limits[0], curves > limits[1]
    for edge, beyond, opposite, symbol in ((limits[1], high, low, "^"), (limits[0], low, high, "v")):
        leaves = ~beyond[:-1] & beyond[1:] & np.isfinite(curves[:-1])
        rows, columns = np.nonzero(leaves | (beyond[:-1] & opposite[1:]))
        before, after = curves[rows, columns], curves[rows + 1, columns]
        share = (edge - before) / (after - before)
        places = np.exp((1 - share) * np.log(at[rows]) + share * np.log(at[rows + 1]))
        named = columns < len(colours)
        _draw_triangles(ax, places[~named], edge, symbol, 0.6 * TRIANGLE, faint, 1.6)
        _draw_triangles(ax, places[named], edge, symbol, TRIANGLE, [colours[k] for k in columns[named]], 2.6)
        if len(rows):
            ax.axhline(edge, color=faint, linewidth=0.6, zorder=1)


def _draw_triangles(ax, places, edge, symbol, size, colours, zorder):
    """With their tips at the edge, from within."""
    from matplotlib.transforms import ScaledTranslation

    inward = ScaledTranslation(0.0, (-0.5 if symbol == "^" else 0.5) * size / 72, ax.figure.dpi_scale_trans)
    style = {"s": size**2, "marker": symbol, "c": colours, "linewidths": 0, "zorder": zorder}
    ax.scatter(places, np.full(len(places), edge), transform=ax.transData + inward, **style)
