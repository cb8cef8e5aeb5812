"""Elements of the figures of a choice: the choice, curves of both losses, marks at lambdas, words at the ends."""

from typing import Any, NamedTuple

import numpy as np

from jaxreg.plotting._axes import STYLES
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import Mark

SUBSCRIPTS = {"": "", "min": r"_{\min}"}  # of lambda, by its rule; another rule has its name as subscript
VISIBLE = 0.02  # of the height of the axis: a rise of about the width of two lines
TRAINING_DASHES = STYLES[1]  # of the training loss; the held-out loss is unbroken


class Choice(NamedTuple):
    """The path and the choice of lambda that a figure of coefficients draws.

    path : PathResult
    lam : float, or None where there is no choice
    said : tuple of str, words on the choice
    marks : dict of the lambdas to mark, by their rules, "" for a number
    """

    path: Any
    lam: float | None
    said: tuple[str, ...]
    marks: dict[str, float]


def drawn_lambdas(cv):
    """(position of the chosen mixing parameter, positions of its lambdas above 0, which a log axis can show)."""
    a, _ = cv.best
    points = np.flatnonzero(cv.lambdas[a] > 0)
    if not points.size:
        raise ValueError("cv has no lambda above 0 to draw on a log axis; fit it with larger lambdas.")
    return a, points


def draw_losses(ax, at, held_out, training, of="", **style):
    """Draw both losses. [(curve as (x, y), name, colour)]; `of` names the mixing parameter of the held-out loss."""
    drawn = []
    first, second = tones(ax).curves[:2]
    for values, colour, dashes, name in (
        (held_out, first, "-", ["held out", of]),
        (training, second, TRAINING_DASHES, ["training"]),
    ):
        name = [line for line in name if line]
        ax.plot(at, values, color=colour, ls=dashes, lw=1.9, label=", ".join(name), zorder=2.5, **style)
        drawn.append(((at, values), "\n".join(name), colour))
    return drawn


def draw_band(ax, at, values, error):
    """Draw a band of one standard error to each side of the losses."""
    ax.fill_between(at, values - error, values + error, color=tones(ax).curves[0], alpha=0.2, linewidth=0)


def log_place(lam):
    """The place of a lambda on a log axis; None for 0."""
    return lam if lam > 0 else None


def choice_marks(lambdas, place=log_place):
    """Marks at lambdas. `lambdas` has them by the rules that chose them; the rule is "" for a lambda of the call.

    place : function, the place of a lambda on the axis, or None
    """
    marks = []
    for rule, lam in lambdas.items():
        subscript = SUBSCRIPTS.get(rule, rf"_{{\mathrm{{{rule}}}}}")
        value = f"{lam:.4g}" if place(lam) is not None else f"{lam:.4g}, not on a log axis"
        label = f"lambda_{rule} {lam:.4g}" if rule else f"lambda {lam:.4g}"
        marks.append(Mark(place(lam), rf"$\lambda{subscript}$", value, label, ":" if rule == "1se" else "--"))
    return marks


def fit_words(ax, held_out):
    """[(side, text)] for the ends of the axis to which a held-out loss (..., L), drawn already, rises visibly.

    The left end underfits if a curve rises to it from its least value. The right end overfits likewise.
    """
    low, high = ax.get_ylim()
    ends = (("left", 0, r"$\leftarrow$ underfitting"), ("right", -1, r"overfitting $\rightarrow$"))
    return [
        (side, text)
        for side, last, text in ends
        if max(_rise(curve, last) for curve in np.atleast_2d(held_out)) > VISIBLE * (high - low)
    ]


def _rise(curve, last):
    """The rise of a curve from its least value to its first or last. NaN is left out."""
    values = curve[np.isfinite(curve)]
    return values[last] - values.min() if values.size else 0.0
