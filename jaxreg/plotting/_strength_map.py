"""Held-out loss of networks over the strengths of two regularizers."""

import numpy as np

from jaxreg.plotting._axes import LABEL_SIZE, LINE_HEIGHT
from jaxreg.plotting._colours import LIGHT_TONES
from jaxreg.plotting._strength_axis import axis_label, diverged_lines

COLOURMAP = "viridis_r"  # small losses are light
LOG_COLOURS = 10.0  # the colours are logarithmic if the largest by the least loss is above this
COLUMN_ROOM, ROW_ROOM = 40.0, 1.2 * LINE_HEIGHT  # points for the label of a tick
CHOICE_SYMBOLS = {"best": ("o", 8, r"$\bigcirc$ strength_min"), "best_1se": ("D", 13, r"$\diamond$ strength_1se")}


def draw_map(path, ax):
    """Draw a cell for each pair of strengths, with strong regularization at the left and at the bottom."""
    values, places = zip(*(np.unique(-column, return_inverse=True) for column in path.strengths.T), strict=True)
    across, up = places
    loss = np.full((len(values[1]), len(values[0])), np.nan)
    loss[up, across] = np.where(np.isfinite(path.mean_loss), path.mean_loss, np.nan)
    _draw_cells(ax, loss, path.metric)
    for axis, strengths, room, length in (
        (ax.xaxis, -values[0], COLUMN_ROOM, ax.bbox.width),
        (ax.yaxis, -values[1], ROW_ROOM, ax.bbox.height),
    ):
        step = int(np.ceil(len(strengths) * room / (0.8 * length * 72 / ax.figure.dpi)))
        shown = np.arange(len(strengths))[::-step]  # the weakest has a label
        axis.set_ticks(shown, labels=[f"{strengths[k]:.2g}" for k in shown], fontsize=LABEL_SIZE)
    marks = {name: mark for name, mark in CHOICE_SYMBOLS.items() if name == "best" or path.has_error}
    chosen = "    ".join(f"{text} = {path._said(getattr(path, name))}" for name, (_, _, text) in marks.items())
    ax.set_xlabel("\n".join([axis_label(path, 0), chosen, *diverged_lines(path)]))
    ax.set_ylabel(axis_label(path, 1))
    _mark_choices(ax, path, marks, across, up)
    return ax


def _draw_cells(ax, loss, metric):
    from matplotlib.colors import LogNorm

    finite = loss[np.isfinite(loss)]
    is_log = finite.min() > 0 and finite.max() > LOG_COLOURS * finite.min()
    ax.set_facecolor("0.85")  # of cells that diverged
    image = ax.imshow(loss, origin="lower", aspect="auto", cmap=COLOURMAP, norm=LogNorm() if is_log else None)
    scale = " (log scale)" if is_log else ""
    ax.figure.colorbar(image, ax=ax, label=f"held-out {metric}{scale}")
    for row, column in np.argwhere(np.isnan(loss)):
        ax.text(column, row, r"$\times$", ha="center", va="center", color=LIGHT_TONES.ink, fontsize=LABEL_SIZE)


def _mark_choices(ax, path, marks, across, up):
    for name, (symbol, size, _) in marks.items():
        k = getattr(path, name)
        for colour, width in (("white", 4), ("black", 1.6)):  # on light cells and on dark ones
            style = {"mfc": "none", "mec": colour, "mew": width, "markersize": size, "linestyle": "none"}
            ax.plot(across[k], up[k], symbol, label=name if colour == "black" else None, **style)
