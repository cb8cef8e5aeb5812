"""Survival curves of new rows."""

import numpy as np

from jaxreg._alignment import index_of
from jaxreg.plotting._axes import STYLES, axes_for, short
from jaxreg.plotting._colours import COLOURS, tones
from jaxreg.plotting._plot import data_frame, with_frame


def _curves(result, X, times, lam, strata, offset):
    """(times (T,), curves (m, T)): at all times of events where `times` is None, and at 0 before them."""
    if result._path_at(lam)[1] is None:
        raise ValueError("lam is missing; give the lambda of the curves.")
    if times is None:
        times = np.append(0.0, np.unique(result.baseline_hazard(lam)["time"]))
    times = np.sort(np.atleast_1d(times))
    return times, result.survival(X, times, lam, strata, offset)


def _frame(result, X, times=None, lam=None, strata=None, offset=None):
    """A row for each time, a column for each row of X."""
    times, curves = _curves(result, X, times, lam, strata, offset)
    return data_frame({"time": times, **dict(zip(_names(X, len(curves)), curves, strict=True))})


def _names(X, m):
    """Labels of the rows of a frame that has an index, else "row 0", "row 1", ..."""
    index = index_of(X)
    labels = list(range(m) if index is None else index)
    return [f"row {label}" if isinstance(label, int) else str(label) for label in labels]


@with_frame(_frame)
def plot_survival(result, X, times=None, lam=None, strata=None, offset=None, ax=None):
    """Draw the chances that new rows have had no event, against time, at one lambda: a curve of steps for each row.

    `plot_survival.frame(result, X)` returns the curves as a pandas DataFrame, of any number of rows.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `path.plot_survival(...)` it is the result itself.
    X : array (m, p) or frame
        At most ten rows, for which there are colours.
    times : array (T,), or None
        None is all times of events, and 0.
    lam, strata, offset
        As for `survival`; a path needs a lambda.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The curves are `ax.lines`, in the order of the rows.

    Raises
    ------
    ValueError
        As for `survival`; for more rows, a path without `lam`, or if `ax` is not linear.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> time = np.random.default_rng(1).exponential(np.exp(-X[:, 0]))
    >>> path = jr.fit_path(X, {"time": time, "event": time < 2.0}, loss="cox", n_lambdas=10)
    >>> ax = path.plot_survival(X[:3], lam=0.1, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['row 0', 'row 1', 'row 2']
    """
    if len(X) > len(COLOURS):
        raise ValueError(f"X has {len(X)} rows, too many to tell apart; give at most {len(COLOURS)}.")
    times, curves = _curves(result, X, times, lam, strata, offset)
    ax = axes_for(ax, linear="xy")
    tone = tones(ax)
    for k, (name, curve) in enumerate(zip(_names(X, len(curves)), curves, strict=True)):
        style = {"color": tone.curves[k], "ls": STYLES[k % len(STYLES)], "lw": 1.9}
        ax.plot(times, curve, drawstyle="steps-post", label=short(name), **style)
    ax.set(xlabel="time", ylabel="survival", ylim=(-0.02, 1.02))
    ax.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        ax.legend(frameon=False, labelcolor=tone.ink)
    return ax
