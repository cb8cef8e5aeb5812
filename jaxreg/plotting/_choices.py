"""What the figures of a choice share: the choice, curves of both losses, and what is said of lambdas and of ends."""

from typing import Any, NamedTuple

import numpy as np

from jaxreg.plotting._axes import STYLES
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import Mark

SUBSCRIPTS = {"": "", "min": r"_{\min}"}  # of other rules it is their name
VISIBLE = 0.02  # of the height of the axis: a rise of about the width of two lines
TRAINING = STYLES[1]  # of its line, the held-out loss being unbroken


class Choice(NamedTuple):
    """What a figure of coefficients draws.

    path : PathResult
    lam : float, or None where there is no choice
    said : tuple of str, words on the choice
    marks : dict of the lambdas to mark, by their rules, "" for a number
    """

    path: Any
    lam: float | None
    said: tuple[str, ...]
    marks: dict[str, float]


def drawn_points(cv):
    """(position of the chosen mix, positions of its lambdas that a log axis can show)."""
    a, _ = cv.best
    points = np.flatnonzero(cv.lambdas[a] > 0)
    if not points.size:
        raise ValueError("cv has no lambda above 0 to draw on a log axis; fit it with larger lambdas.")
    return a, points


def draw_losses(ax, at, held_out, training, of="", **style):
    """Both curves, as (x, y), with their names and colours. `of` says whose the held-out loss is."""
    drawn = []
    first, second = tones(ax).curves[:2]
    for values, colour, dashes, name in (
        (held_out, first, "-", ["held out", of]),
        (training, second, TRAINING, ["training"]),
    ):
        name = [part for part in name if part]
        ax.plot(at, values, color=colour, ls=dashes, lw=1.9, label=", ".join(name), zorder=2.5, **style)
        drawn.append(((at, values), "\n".join(name), colour))
    return drawn


def draw_band(ax, at, values, error):
    """One standard error to each side."""
    ax.fill_between(at, values - error, values + error, color=tones(ax).curves[0], alpha=0.2, linewidth=0)


def log_place(lam):
    """Where a log axis has a lambda, None for 0."""
    return lam if lam > 0 else None


def choice_marks(lambdas, place=log_place):
    """Vertical lines at lambdas by the rules that chose them, "" for a number that was given.

    place : function, where the axis has a lambda, None for nowhere
    """
    marks = []
    for rule, lam in lambdas.items():
        subscript = SUBSCRIPTS.get(rule, rf"_{{\mathrm{{{rule}}}}}")
        value = f"{lam:.4g}" if place(lam) is not None else f"{lam:.4g}, not on a log axis"
        label = f"lambda_{rule} {lam:.4g}" if rule else f"lambda {lam:.4g}"
        marks.append(Mark(place(lam), rf"$\lambda{subscript}$", value, label, ":" if rule == "1se" else "--"))
    return marks


def fit_words(ax, held_out):
    """What the ends of the axis mean, where a held-out loss (..., L), drawn already, rises visibly.

    The left end underfits if a curve rises to it from its least value, the right end overfits likewise.
    """
    low, high = ax.get_ylim()
    ends = (("left", 0, r"$\leftarrow$ underfitting"), ("right", -1, r"overfitting $\rightarrow$"))
    return [
        (side, text)
        for side, last, text in ends
        if max(_rise(curve, last) for curve in np.atleast_2d(held_out)) > VISIBLE * (high - low)
    ]


def _rise(curve, last):
    """How far a curve rises from its least value to its first or last, NaN left out."""
    values = curve[np.isfinite(curve)]
    return values[last] - values.min() if values.size else 0.0
