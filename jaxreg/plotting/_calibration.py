"""Predictions beside what happened, in bins."""

import numpy as np

from jaxreg.plotting._axes import STYLES, axes_for, short
from jaxreg.plotting._colours import tones
from jaxreg.plotting._plot import with_frame


def _frame(result, X=None, y=None, lam=None, sample_weight=None, offset=None, bins=10, strategy="quantile"):
    """The bins, as `calibration` has them."""
    return result.calibration(X, y, lam, sample_weight, offset, bins, strategy)


@with_frame(_frame)
def plot_calibration(
    result, X=None, y=None, lam=None, sample_weight=None, offset=None, bins=10, strategy="quantile", ax=None
):  # fmt: skip
    """Draw what happened on average against what was predicted, in bins of the predictions at one lambda.

    Predictions that can be taken at their word are on the dotted line. `plot_calibration.frame(result, X, y, lam)`
    returns the bins as a pandas DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `path.plot_calibration(...)` it is the result itself.
    X, y, lam, sample_weight, offset, bins, strategy
        As for `calibration`: without X and y the rows of a CVResult that were held out are judged.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The bins are the points of `ax.lines`, a line for each class or response.

    Raises
    ------
    ValueError
        As for `calibration`; or if `ax` is not linear.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> cv = jr.fit_cv(X, y, cv=3, n_lambdas=10)
    >>> ax = cv.plot_calibration(bins=5, ax=Figure().subplots())
    >>> len(ax.lines[0].get_xdata())
    5
    """
    bins_of = result._judged(X, y, lam, sample_weight, offset).calibration(bins, strategy)
    ax = axes_for(ax, (5.5, 5.5), linear="xy")
    tone = tones(ax)
    for k, (label, part) in enumerate(bins_of.items()):
        style = {"color": tone.curves[k % len(tone.curves)], "ls": STYLES[k % len(STYLES)], "lw": 1.5}
        ax.plot(part.predicted, part.observed, marker="o", markersize=4.0, label=short(str(label)), **style)
    numbers = np.concatenate([values for part in bins_of.values() for values in part[:2]])
    ends = [numbers.min(), numbers.max()]
    ax.plot(ends, ends, color=tone.line, ls=":", lw=1.0, zorder=1.5, label="_")
    ax.set(xlabel="predicted", ylabel="observed")
    if len(bins_of) > 1:
        ax.legend(frameon=False, labelcolor=tone.ink)
    return ax
