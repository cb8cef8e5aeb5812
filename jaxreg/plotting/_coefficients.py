"""Coefficients at one lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxreg import _validation
from jaxreg.plotting._axes import LABEL_SIZE, axes_for, room, short
from jaxreg.plotting._colours import tones, tones_beside
from jaxreg.plotting._plot import data_frame, with_frame
from jaxreg.plotting._scale import factors_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int


ROW = 0.28  # inches of a new figure for each row


def _frame(result, lam=None, scale="sd", response=None):
    """The coefficients at a choice that are not 0, the largest first: columns lambda, feature and coefficient.

    On the scale "sd" the coefficient is multiplied by the standard deviation of its column. The arguments are as for
    `plot_coefficients`.
    """
    chosen = _coefficients_at_choice(result, lam, scale, response)
    all_names = result.names
    names = [all_names[j] for j in chosen.order]
    return data_frame({"lambda": chosen.lam, "feature": names, "coefficient": chosen.values[chosen.order]})


@with_frame(_frame)
def plot_coefficients(result, lam=None, most=20, scale="sd", ax=None, response=None):
    """Draw the coefficients at a choice, the largest on top, as dots on stems from 0.

    Positive ones go to the right and have full dots, negative ones go to the left and have open dots.
    `plot_coefficients.frame(result, lam=None, scale="sd", response=None)` returns all that are not 0 as a pandas
    DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `result.plot_coefficients(...)` it is the result itself.
    lam : float >= 0, str or None
        As in `PathResult.coef_at`; for a CVResult, where it is a lambda of the chosen mixing parameter, also a rule of
        `CVResult.select`. None is the smallest lambda of a path, and "min" of a CVResult.
    most : int >= 1
        How many to draw, as far as the axes have room; a last row says how many more there are.
    scale : str
        "sd" draws each coefficient times the standard deviation of its column, so that columns of different units
        compare: by how much the prediction changes from a column's standard deviation. "raw" draws the coefficients as
        they are, per unit of their columns. Their order is that on the scale.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. None makes a figure, as high as it needs.
    response : int or None
        Which one to draw, from 0, if there are several.

    Returns
    -------
    matplotlib Axes
        Row k, from the top, is at y = k. The label of the x axis has lambda and the number of zeros.

    Raises
    ------
    ValueError
        For a bad `lam`, `most` or `scale`, no `response` where there are several; or if `ax` is not empty or
        not linear.
    TypeError
        If `ax` is something else.
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
    chosen = _coefficients_at_choice(result, lam, scale, response)
    order = chosen.order
    ax = axes_for(ax, (8, max(2.5, ROW * (min(most, len(order)) + 2))), linear="xy")
    within, beside = tones(ax), tones_beside(ax)
    rows = min(most, len(order), max(1, room(ax) - 1))  # one row is for the number of the others
    n_more = len(order) - rows
    shown = chosen.values[order[:rows]]

    ax.axvline(0.0, color=within.line, linewidth=0.8, zorder=1)
    right, left = within.curves[:2]
    for sign, colour, filling in ((1, right, right), (-1, left, within.paper)):
        rows_of_sign = np.flatnonzero(np.sign(shown) == sign)
        ax.hlines(rows_of_sign, 0.0, shown[rows_of_sign], color=colour, linewidth=1.6, zorder=2)
        ax.plot(
            shown[rows_of_sign], rows_of_sign, "o", color=colour, markerfacecolor=filling, markersize=5.5, zorder=2.5
        )
    names = result.names
    labels = [short(names[j]) for j in order[:rows]] + ([f"and {n_more} more"] if n_more else [])
    ax.set_yticks(np.arange(len(labels)), labels=labels, fontsize=LABEL_SIZE, color=beside.ink, parse_math=False)
    if n_more:
        ax.get_yticklabels()[-1].set(fontstyle="italic", color=beside.faint)
    if not rows:
        place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
        ax.text(0.5, 0.5, "all coefficients are 0", color=within.faint, **place)
    ax.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=within.grid, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    p = len(chosen.values)
    ax.set_xlabel(f"{chosen.quantity}\nat {chosen.said}: {p - len(order):,} of {p:,} coefficients are 0")
    return ax


class _CoefficientsAtChoice(NamedTuple):
    """Coefficients at a choice.

    said : str, lambda and the words on it
    values : the coefficients on the scale
    quantity : str, what the values are
    order : positions of the values that are not 0, the largest first
    """

    lam: float
    said: str
    values: Float[np.ndarray, " p"]
    quantity: str
    order: Int[np.ndarray, " nonzero"]


def _coefficients_at_choice(result, lam, scale, response):
    path, lam, said, _ = result._choice(lam)
    lam = float(path.lambdas[-1]) if lam is None else lam
    count = path.n_responses or 1
    response = _validation.check_response(response, count)
    factors, quantity = factors_of(path, scale, response)
    coef = path.coef_at(lam)[1].reshape(-1, count)[:, response]
    values = coef * factors
    order = np.lexsort((-np.abs(values), coef == 0))[: np.count_nonzero(coef)]
    words = f" ({', '.join(said)})" if said else ""
    return _CoefficientsAtChoice(lam, rf"$\lambda$ = {lam:.4g}{words}", values, quantity, order)
