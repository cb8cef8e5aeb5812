"""What the figures of a choice share: curves of both losses, marks at what is chosen, words at the ends of the axis."""

import numpy as np

from jaxreg.plotting._axes import BACKGROUND, COLOURS, INK, LABEL_SIZE, LINE_HEIGHT, STYLES, end, make_room, plain_box

MARKS = (("lambda_min", r"\min", "--"), ("lambda_1se", r"\mathrm{1se}", ":"))
VISIBLE = 0.02  # of the height of the axis: a rise of about the width of two lines
TRAINING = STYLES[1]  # of its line, the held-out loss being unbroken


def drawn_points(cv):
    """(position of the chosen mix, positions of its lambdas that a log axis can show)."""
    a, _ = cv.best
    points = np.flatnonzero(cv.lambdas[a] > 0)
    if not points.size:
        raise ValueError("cv has no lambda above 0 to draw on a log axis; fit it with larger lambdas.")
    return a, points


def draw_losses(ax, at, held_out, training, of="", **style):
    """Both curves; the ends (x, y, name, colour) that `label_ends` names. `of` says whose the held-out loss is."""
    ends = []
    for values, colour, dashes, name in (
        (held_out, COLOURS[0], "-", ["held out", of]),
        (training, COLOURS[1], TRAINING, ["training"]),
    ):
        name = [part for part in name if part]
        ax.plot(at, values, color=colour, ls=dashes, lw=1.9, label=", ".join(name), zorder=2.5, **style)
        ends.append((*end(at, values), "\n".join(name), colour))
    return ends


def draw_band(ax, at, values, error):
    """One standard error to each side."""
    ax.fill_between(at, values - error, values + error, color=COLOURS[0], alpha=0.2, linewidth=0)


def mark_choices(ax, cv, below=0):
    """lambda_min and, of more than one fold, lambda_1se as vertical lines, see `draw_marks`."""
    marks = []
    for name, symbol, style in MARKS if np.isfinite(cv.std_error[cv.best]) else MARKS[:1]:
        lam = getattr(cv, name)
        text = rf"$\lambda_{{{symbol}}}$ = {lam:.3g}"
        marks.append(
            (lam, text, f"{name} {lam:.3g}", style) if lam > 0 else (None, f"{text}, not on a log axis", "", style)
        )
    draw_marks(ax, marks, below)


def draw_marks(ax, marks, below=0):
    """Vertical lines at marks (x, text, label, line style), the texts above the curves, which are drawn already.

    Where x is None there is no line, and the text stands at the right.
    `below` : lines of text to leave room for below the curves
    """
    make_room(ax, len(marks), below)
    shown = ax.transData + ax.transAxes.inverted()
    for row, (at, text, label, style) in enumerate(marks):
        x = ax.get_xlim()[1] if at is None else at
        if at is not None:
            ax.axvline(at, color="0.25", linestyle=style, linewidth=1.1, label=label, zorder=1)
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


def direct(ax, held_out):
    """What the ends of the axis mean, below the curves: where a held-out loss (..., L), drawn already, rises visibly.

    The left end underfits if a curve rises to it from its least value, the right end overfits likewise.
    """
    low, high = ax.get_ylim()
    for place, last, text in ((0.01, 0, r"$\leftarrow$ underfitting"), (0.99, -1, r"overfitting $\rightarrow$")):
        rise = max(_rise(curve, last) for curve in np.atleast_2d(held_out))
        if rise <= VISIBLE * (high - low):
            continue
        side = "left" if last == 0 else "right"
        text = ax.text(place, 0.015, text, ha=side, va="bottom", color=BACKGROUND, transform=ax.transAxes)
        text.set(fontsize=LABEL_SIZE, fontstyle="italic", bbox=plain_box(ax))


def _rise(curve, last):
    """How far a curve rises from its least value to its first or last, NaN left out."""
    values = curve[np.isfinite(curve)]
    return values[last] - values.min() if values.size else 0.0
