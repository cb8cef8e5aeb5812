"""Coefficients at one lambda."""

import numpy as np

from jaxreg import _validation
from jaxreg.plotting._axes import BACKGROUND, COLOURS, INK, LABEL_SIZE, new_axes, room, short
from jaxreg.plotting._plot import data_frame, with_frame

ROW = 0.28  # inches of a new figure for each row
SIGNS = ((1, COLOURS[0], COLOURS[0]), (-1, COLOURS[1], "white"))  # sign, colour, filling of the dot


def _frame(result, lam=None, response=None):
    """The coefficients at a choice that are not 0, the largest first: columns lambda, feature and coefficient.

    The arguments are those of `plot_coefficients`.
    """
    lam, _, coef = _choose(result, lam, response)
    order = _nonzero(coef)
    names = result.names
    return data_frame({"lambda": lam, "feature": [names[j] for j in order], "coefficient": coef[order]})


@with_frame(_frame)
def plot_coefficients(result, lam=None, most=20, ax=None, response=None):
    """Draw the coefficients at a choice, the largest on top, as dots on stems from 0.

    Positive ones go to the right and have full dots, negative ones go to the left and have open dots.
    `plot_coefficients.frame(result, lam=None, response=None)` returns all that are not 0 as a pandas DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `result.plot_coefficients(...)` it is the result itself.
    lam : float >= 0, str or None
        As in `PathResult.coef_at`; for a CVResult, where it is a lambda of the chosen mixing parameter, also a rule of
        `CVResult.select`. None is the smallest lambda of a path, and "min" of a CVResult.
    most : int >= 1
        How many to draw, as far as the axes have room; a last row says how many more there are.
    ax : matplotlib Axes, or None
        None makes a figure, as high as it needs.
    response : int or None
        Which one to draw, from 0, if there are several.

    Returns
    -------
    matplotlib Axes
        Row k, from the top, is at y = k. The label of the x axis has lambda and the number of zeros.

    Raises
    ------
    ValueError
        For a bad `lam` or `most`, or no `response` where there are several.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y, penalty=jr.penalties.Ridge())
    >>> ax = path.plot_coefficients(lam=10.0, most=2, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['x2', 'x8', 'and 8 more']
    """
    most = _validation.check_count(most, "most")
    lam, notes, coef = _choose(result, lam, response)
    order = _nonzero(coef)
    if ax is None:
        ax = new_axes((8, max(2.5, ROW * (min(most, len(order)) + 2))))
    rows = min(most, len(order), max(1, room(ax) - 1))  # one is for the number of the others
    more = len(order) - rows
    shown = coef[order[:rows]]

    ax.axvline(0.0, color="0.25", linewidth=0.8, zorder=1)
    for sign, colour, filling in SIGNS:
        at = np.flatnonzero(np.sign(shown) == sign)
        ax.hlines(at, 0.0, shown[at], color=colour, linewidth=1.6, zorder=2)
        ax.plot(shown[at], at, "o", color=colour, markerfacecolor=filling, markersize=5.5, zorder=2.5)
    names = result.names
    labels = [short(names[j]) for j in order[:rows]] + ([f"and {more} more"] if more else [])
    ax.set_yticks(np.arange(len(labels)), labels=labels, fontsize=LABEL_SIZE, color=INK, parse_math=False)
    if more:
        ax.get_yticklabels()[-1].set(fontstyle="italic", color=BACKGROUND)
    if not rows:
        ax.text(0.5, 0.5, "all coefficients are 0", transform=ax.transAxes, ha="center", va="center", color=BACKGROUND)
    ax.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    said = f" ({', '.join(notes)})" if notes else ""
    zeros = f"{len(coef) - len(order):,} of {len(coef):,} coefficients are 0"
    ax.set_xlabel(rf"coefficient at $\lambda$ = {lam:.3g}{said}" f"\n{zeros}")
    return ax


def _choose(result, lam, response):
    """(lambda, what is said of it, coefficients (p,))."""
    lam, notes, coef = result._choice(lam)
    if coef.ndim == 1:
        coef = coef[:, None]
    return lam, notes, coef[:, _validation.check_response(response, coef.shape[1])]


def _nonzero(coef):
    """Positions of the coefficients that are not 0, the largest first."""
    return np.argsort(-np.abs(coef), kind="stable")[: np.count_nonzero(coef)]
