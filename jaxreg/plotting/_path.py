"""Coefficients along a path."""

import numpy as np

from jaxreg import _validation
from jaxreg.plotting._axes import (
    BACKGROUND,
    COLOURS,
    LAMBDA_LABEL,
    STYLES,
    df_axis,
    draw_crowd,
    label_ends,
    log_axis,
    marker,
    new_axes,
    room,
    short,
)
from jaxreg.plotting._plot import data_frame, with_frame

CROWDED = 20  # with more curves than this, those without a label become background
X_LABELS = {"lambda": LAMBDA_LABEL, "l1_norm": "L1 norm of the coefficients"}


def _frame(path, response=None):
    """The coefficients of a path: columns lambda, l1_norm, feature and coefficient.

    One curve after the other, a row for each lambda, 0 included. Features that are 0 all along are left out.
    """
    coef = _of_response(path, response)
    features, curves = _curves(coef)
    names = path.names
    return data_frame(
        {
            "lambda": np.tile(path.lambdas, len(features)),
            "l1_norm": np.tile(_l1_norm(coef), len(features)),
            "feature": np.repeat([names[j] for j in features], len(path.lambdas)),
            "coefficient": curves.T.ravel(),
        }
    )


@with_frame(_frame)
def plot_path(path, x="lambda", labels=8, ax=None, response=None):
    """Draw the coefficients of a path, strong penalty at the left, with their number on the top axis.

    `plot_path.frame(path, response=None)` returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    path : PathResult
        As the method `path.plot(...)` it is the path itself.
    x : str
        "lambda", a log axis with the large lambdas at the left, where lambda = 0 has no place and is left out; or
        "l1_norm", the sum of absolute coefficients, which on the scale of the user's X need not grow all along.
    labels : int >= 0
        How many curves get their name at the right end: those with the largest absolute last coefficient, as many as
        fit one above the other; the others are thin and grey if there are more than 20 curves.
    ax : matplotlib Axes, or None
        None makes a figure.
    response : int or None
        Which one to draw, from 0, if the path has several.

    Returns
    -------
    matplotlib Axes
        Features that are 0 all along are not drawn. Labelled curves are `ax.lines` with the feature's name as label.

    Raises
    ------
    ValueError
        For an unknown `x`, a negative `labels`, no `response` where there are several, or a path at lambda = 0 alone on
        a lambda axis.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y, penalty=jr.penalties.Ridge())
    >>> ax = path.plot(labels=2, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines[-2:]]
    ['x8', 'x2']
    >>> path.plot.frame().columns.tolist()
    ['lambda', 'l1_norm', 'feature', 'coefficient']
    """
    _validation.check_choice(x, "x", tuple(X_LABELS))
    labels = _validation.check_count(labels, "labels", at_least=0)
    points = np.flatnonzero(path.lambdas > 0) if x == "lambda" else np.arange(len(path.lambdas))
    if not points.size:
        raise ValueError("x is 'lambda', but the path has no lambda above 0 to draw on a log axis; give x='l1_norm'.")
    coef = _of_response(path, response)[points]
    ax = new_axes() if ax is None else ax

    at = path.lambdas[points] if x == "lambda" else _l1_norm(coef)
    features, curves = _curves(coef)
    order = np.argsort(-np.abs(curves[-1]), kind="stable")
    features, curves = features[order], curves[:, order]
    named = min(labels, np.count_nonzero(curves[-1]), room(ax))
    all_names = path.names
    names = [short(all_names[j]) for j in features[:named]]

    _frame_axes(ax, x, at)
    _draw_curves(ax, at, curves, names)
    df_axis(ax, at, np.asarray((coef != 0).sum(axis=1)).ravel())
    label_ends(ax, at[-1], curves[-1, :named], names, [_look(k)["color"] for k in range(named)])
    return ax


def _of_response(path, response):
    """Coefficients (L, p) of one response, sparse."""
    count = path.n_responses or 1
    return path.coef_sparse[:, _validation.check_response(response, count) :: count]


def _l1_norm(coef):
    return np.asarray(abs(coef).sum(axis=1)).ravel()


def _curves(coef):
    """The features that are not 0 all along, and their dense coefficients."""
    features = np.unique(coef.indices[coef.data != 0])
    return features, coef[:, features].toarray()


def _frame_axes(ax, x, at):
    if x == "lambda":
        log_axis(ax, at)
    else:
        low, high = at.min(), at.max()
        ax.set_xlim((low, high) if low < high else (0.0, 2 * high or 1.0))
        ax.set_xlabel(X_LABELS[x])
        ax.spines["right"].set_visible(False)
    ax.axhline(0.0, color="0.25", linewidth=0.8, zorder=1)
    ax.set_ylabel("coefficient")


def _look(k):
    """Colour and style of curve k: where colours come again, the style is another one."""
    again, colour = divmod(k, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": STYLES[again % len(STYLES)]}


def _draw_curves(ax, at, curves, names):
    """Labelled curves, which come first, as lines on top; a crowd of others as one collection."""
    named, total = len(names), curves.shape[1]
    if total > CROWDED and total > named:
        draw_crowd(ax, at, curves[:, named:])
    else:
        for k in range(named, total):
            ax.plot(at, curves[:, k], linewidth=1.1, alpha=0.55, marker=marker(at), **_look(k))
    for k, name in reversed(list(enumerate(names))):  # the largest on top
        ax.plot(at, curves[:, k], linewidth=1.7, marker=marker(at), label=name, zorder=2.5, **_look(k))
    if not total:
        ax.set_ylim(-1, 1)
        ax.text(0.5, 0.6, "all coefficients are 0", transform=ax.transAxes, ha="center", color=BACKGROUND)
