"""What the figures of a cross-validation share: the grid of the chosen mix, and the lambdas that are chosen on it."""

import numpy as np

from jaxreg.plotting._axes import INK, LABEL_SIZE, LINE_HEIGHT, make_room, plain_box

MARKS = (("lambda_min", r"\min", "--"), ("lambda_1se", r"\mathrm{1se}", ":"))


def drawn_points(cv):
    """(position of the chosen mix, positions of its lambdas that a log axis can show)."""
    a, _ = cv.best
    points = np.flatnonzero(cv.lambdas[a] > 0)
    if not points.size:
        raise ValueError("cv has no lambda above 0 to draw on a log axis; fit it with larger lambdas.")
    return a, points


def mark_choices(ax, cv, below=0):
    """lambda_min and lambda_1se as vertical lines, their values above the curves, which are drawn already.

    `below` : lines of text to leave room for below the curves
    """
    make_room(ax, len(MARKS), below)
    shown = ax.transData + ax.transAxes.inverted()
    for row, (name, symbol, style) in enumerate(MARKS):
        lam = getattr(cv, name)
        text, x = rf"$\lambda_{{{symbol}}}$ = {lam:.3g}", lam
        if lam > 0:
            ax.axvline(lam, color="0.25", linestyle=style, linewidth=1.1, label=f"{name} {lam:.3g}", zorder=1)
        else:
            text, x = f"{text}, not on a log axis", ax.get_xlim()[1]
        side = 1 if shown.transform((x, ax.get_ylim()[0]))[0] < 0.5 else -1  # where there is more room
        ax.annotate(
            text,
            xy=(x, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(4 * side, -(row + 0.2) * LINE_HEIGHT),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="top",
            color=INK,
            fontsize=LABEL_SIZE,
            bbox=plain_box(ax),
        )
