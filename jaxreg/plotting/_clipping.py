"""The range of y that a choice needs, and triangles where curves leave it."""

import numpy as np

from jaxreg.plotting._colours import tones

DECADES_PAST = 1.0  # decades of lambda past the choice that set the range
WORTHWHILE = 2.0  # without a choice, the range is narrowed only if the full range is more than so many times as wide
RANGE_MARGIN = 0.05  # of the range, to each side, as in matplotlib
TRIANGLE = 7.0  # points, of a curve with a name


def points_until(lambdas, lam):
    """The number of descending lambdas down to a decade past the choice; at least 1."""
    return max(1, np.count_nonzero(lambdas >= lam / 10**DECADES_PAST))


def range_of(values):
    """(low, high) of y; None if all values are 0."""
    values = values[np.isfinite(values)]
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
    margin = RANGE_MARGIN * (high - low)
    return (low - margin, high + margin) if margin else None


def range_of_losses(near, everywhere):
    """(low, high) of y: the range has all low losses, and the high losses near the choice.

    None, for the full range, if the full range is at most twice as wide.
    """
    low, high = np.nanmin(everywhere), np.nanmax(near)
    margin = RANGE_MARGIN * (high - low)
    worthwhile = np.nanmax(everywhere) - low > WORTHWHILE * (high - low) > 0
    return (low - margin, high + margin) if worthwhile else None


def range_of_entries(lambdas, curves, named):
    """(low, high) of curves (L, m) down to a decade past the lambda by which the first `named` curves have entered.

    None, for the full range, if the full range is at most twice as wide, or if the curves enter together, as in ridge.
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
    """Clip all artists that are drawn already at limits of y."""
    from jaxreg.plotting._view import View

    view = View(ax, limits)
    for artist in [*ax.lines, *ax.collections]:
        artist.set_clip_box(view)
    ax.set_ylim(limits)


def mark_leaving(ax, at, curves, colours, limits):
    """Draw triangles where curves (L, m), drawn at places (L,) of a log axis, leave limits of y.

    A curve that passes through the whole range in one step has a triangle at each end.

    colours : list of colours of the first curves; the others are background
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
    """Draw triangles inside the view, with their tips at its edge."""
    from matplotlib.transforms import ScaledTranslation

    inward = ScaledTranslation(0.0, (-0.5 if symbol == "^" else 0.5) * size / 72, ax.figure.dpi_scale_trans)
    style = {"s": size**2, "marker": symbol, "c": colours, "linewidths": 0, "zorder": zorder}
    ax.scatter(places, np.full(len(places), edge), transform=ax.transData + inward, **style)
