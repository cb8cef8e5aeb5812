"""Coefficients along a path."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxreg import _validation
from jaxreg.plotting._axes import (
    LAMBDA_LABEL,
    STYLES,
    axes_for,
    df_axis,
    draw_crowd,
    label_ends,
    log_axis,
    marker,
    nearest_point,
    overlap_edge,
    room,
    short,
)
from jaxreg.plotting._choices import choice_marks, log_place
from jaxreg.plotting._clipping import clip_drawn, mark_leaving, points_until, range_of, range_of_entries
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import data_frame, with_frame
from jaxreg.plotting._prominence import prominent
from jaxreg.plotting._scale import factors_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int


X_LABELS = {"lambda": LAMBDA_LABEL, "l1_norm": "L1 norm: sum of the absolute values drawn"}
LABEL_WIDTH = 26  # characters of a line at the axis of the coefficients
DOT_AREA = 16.0  # square points
ALL_ZERO = "all coefficients are 0"


def _frame(result, scale="sd", lam=None, response=None):
    """The coefficients: columns lambda, l1_norm, feature and coefficient.

    On the scale "sd" the coefficient is multiplied by the standard deviation of its column, and the L1 norm sums the
    absolute values of these products. One curve follows the other. Each has a row for each lambda, 0 included. Features
    that are 0 at all lambdas are left out. The arguments are as for `plot_path`. For a CVResult, `lam` chooses the
    path.
    """
    path = result._choice(lam).path
    features, curves = _values(path, scale, response).curves()
    names = path.names
    return data_frame(
        {
            "lambda": np.tile(path.lambdas, len(features)),
            "l1_norm": np.tile(_l1_norm(curves), len(features)),
            "feature": np.repeat([names[j] for j in features], len(path.lambdas)),
            "coefficient": curves.T.ravel(),
        }
    )


@with_frame(_frame)
def plot_path(result, x="lambda", labels=10, scale="sd", lam=None, ax=None, response=None):
    """Draw the coefficients of a path, strong penalty at the left, with their number on the top axis.

    Where there is a choice of lambda, vertical lines mark it: of a CVResult lambda_min and lambda_1se, or `lam`. The
    columns that matter most have a colour, a name, and a dot at the choice; the other columns are grey.
    `plot_path.frame(result, scale="sd", lam=None, response=None)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the methods `path.plot(...)` and `cv.plot_path(...)` it is the result itself. Of a CVResult the path on all
        data of the chosen mixing parameter is drawn.
    x : str
        "lambda", a log axis with the large lambdas at the left, where lambda = 0 has no place and is left out; or
        "l1_norm", the sum of the absolute values drawn, which need not grow all along; with a choice this axis ends at
        a tenth of the chosen lambda.
    labels : int >= 0
        How many columns to name, as far as the names fit above each other: the columns with the largest absolute values
        at the choice or, without a choice, the columns that enter first and stay to the end. There are fewer names
        where fewer coefficients are not 0.
    scale : str
        "sd" draws each coefficient times the standard deviation of its column, so that columns of different units
        compare: by how much the prediction changes from a column's standard deviation. "raw" draws the coefficients as
        they are, per unit of their columns. A result that does not know the standard deviations, which the label then
        says, is drawn as it is.
    lam : float >= 0, str or None
        The choice, any lambda; for a CVResult, where it is a lambda of the chosen mixing parameter, also a rule of
        `CVResult.select`, whose mixing parameter is then drawn. None is no choice of a path, and "min" of a CVResult.
    ax : matplotlib Axes, or None
        Empty ones with a linear y axis, and a linear x axis for "l1_norm". The names beside them have room if the
        figure has layout="constrained". None makes a figure.
    response : int or None
        Which one to draw, from 0, if the path has several.

    Returns
    -------
    matplotlib Axes
        Named curves are `ax.lines` with the feature's name as label, the most important last. Features that are 0 all
        along are not drawn. With a choice on a lambda axis, the y axis has the range of the curves down to a tenth of
        the chosen lambda; where a curve leaves it, a triangle of its colour says so. Without a choice it is so where
        all of the range is more than twice as wide as that down to a tenth of the lambda by which the named columns
        have entered.

    Raises
    ------
    ValueError
        For an unknown `x`, `scale` or `lam`, a negative `labels`, no `response` where there are several, or a path at
        lambda = 0 alone on a lambda axis; or if `ax` is not empty or not linear.
    TypeError
        If `ax` is something else.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> cv = jr.fit_cv(X, y, cv=3, n_lambdas=30)
    >>> ax = cv.plot_path(labels=3, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines if line.get_label() in X]
    ['bp', 's5', 'bmi']
    >>> cv.path.plot.frame().columns.tolist()
    ['lambda', 'l1_norm', 'feature', 'coefficient']
    """
    _validation.check_choice(x, "x", tuple(X_LABELS))
    labels = _validation.check_count(labels, "labels", at_least=0)
    path, lam, _, chosen = result._choice(lam)
    values = _values(path, scale, response)
    points = _drawn_positions(path.lambdas, x, lam)
    features, curves = values.curves(points)
    at, place = (path.lambdas[points], log_place) if x == "lambda" else (_l1_norm(curves), values.norm_at)
    marks = choice_marks(chosen, place)

    ax = axes_for(ax, linear="y" if x == "lambda" else "xy")
    named = prominent(path, values.response, lam, scale)
    named = named[np.isin(named, features)][: min(labels, room(ax))]
    curves = curves[:, np.searchsorted(features, [*named, *np.setdiff1d(features, named)])]
    all_names = path.names
    names, colours = [short(all_names[j]) for j in named], [_curve_style(ax, k)["color"] for k in range(len(named))]

    _x_axis(ax, x, np.append(at, [mark.at for mark in marks if mark.at is not None]))
    if len(points) < len(path.lambdas) and x == "l1_norm":
        ax.set_xlabel(rf"{ax.get_xlabel()}, up to $\lambda$ = {path.lambdas[points[-1]]:.4g}")
    if not len(features):
        ax.set_xlabel(f"{ax.get_xlabel()}\n{ALL_ZERO}")
    ax.set_ylabel(fill(values.quantity, LABEL_WIDTH))
    _draw_coefficients(ax, at, curves, names)
    if lam is not None:
        near = curves[: points_until(path.lambdas[points], lam)]
        limits = range_of(np.append(near, values.at(lam)))
    else:
        limits = range_of_entries(path.lambdas[points], curves, len(named)) if x == "lambda" else None
    if limits is not None:
        clip_drawn(ax, limits)
        mark_leaving(ax, at, curves, colours, limits)
    df_axis(ax, at, values.df[points], nearest_point(path.lambdas[points], lam))
    draw_marks(ax, marks)
    if lam is not None and place(lam) is not None:
        dots = ax.scatter(np.full(len(named), place(lam)), values.at(lam)[named], s=DOT_AREA, c=colours, zorder=2.7)
        overlap_edge(ax, dots)
    label_ends(ax, [(at, curves[:, k]) for k in range(len(named))], names, colours, limits=limits)
    return ax


def _drawn_positions(lambdas, x, lam):
    """Positions of the lambdas to draw."""
    if x == "l1_norm":
        return np.arange(len(lambdas) if lam is None else points_until(lambdas, lam))
    if not (lambdas > 0).any():
        raise ValueError("x is 'lambda', but the path has no lambda above 0 to draw on a log axis; give x='l1_norm'.")
    return np.flatnonzero(lambdas > 0)


class _Values(NamedTuple):
    """The coefficients of one response, multiplied by factors. `quantity` names the product."""

    path: Any
    response: int
    factors: Float[np.ndarray, " p"]
    quantity: str

    @property
    def _coef(self):
        return self.path.coef_sparse[:, self.response :: self.path.n_responses or 1]

    @property
    def df(self) -> Int[np.ndarray, " L"]:
        """Numbers of coefficients that are not 0."""
        return np.asarray((self._coef != 0).sum(axis=1)).ravel()

    def curves(self, points=slice(None)):
        """(features (m,) that are not 0 at every point, their values (points, m)). A value is NaN if not finite."""
        coef = self._coef[points]
        features = np.unique(coef.indices[coef.data != 0])
        curves = coef[:, features].toarray() * self.factors[features]
        finite = np.isfinite(curves)
        is_drawn = finite.any(axis=0)
        return features[is_drawn], np.where(finite, curves, np.nan)[:, is_drawn]

    def at(self, lam) -> Float[np.ndarray, " p"]:
        """Values at any lambda."""
        return self.path.coef_at(lam)[1].reshape(len(self.factors), -1)[:, self.response] * self.factors

    def norm_at(self, lam):
        return float(_l1_norm(self.at(lam)))


def _values(path, scale, response):
    response = _validation.check_response(response, path.n_responses or 1)
    return _Values(path, response, *factors_of(path, scale, response))


def _l1_norm(values):
    return np.nansum(np.abs(values), axis=-1)


def _x_axis(ax, x, at):
    if x == "lambda":
        log_axis(ax, at)
    else:
        low, high = at.min(), at.max()
        ax.set_xlim((low, high) if low < high else (0.0, 2 * high or 1.0))
        ax.set_xlabel(X_LABELS[x])
        ax.spines["right"].set_visible(False)
    ax.axhline(0.0, color=tones(ax).line, linewidth=0.8, zorder=1)


def _curve_style(ax, k):
    """Colour and style of curve k. Where a colour is repeated, the style differs."""
    colours = tones(ax).curves
    n_repeats, colour = divmod(k, len(colours))
    return {"color": colours[colour], "linestyle": STYLES[n_repeats % len(STYLES)]}


def _draw_coefficients(ax, at, curves, names):
    """Draw the named curves, which come first, as lines on top, and the others as one collection."""
    named, total = len(names), curves.shape[1]
    if total > named:
        draw_crowd(ax, at, curves[:, named:])
    for k, name in reversed(list(enumerate(names))):  # the most important on top
        ax.plot(at, curves[:, k], linewidth=1.7, marker=marker(at), label=name, zorder=2.5, **_curve_style(ax, k))
    if not total:
        ax.set_ylim(-1, 1)
