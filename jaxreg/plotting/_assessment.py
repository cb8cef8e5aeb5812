"""A measure along a path, on new rows or on those that were held out."""

import numpy as np

from jaxreg.plotting._axes import axes_for, df_axis, log_axis, marker, nearest_point
from jaxreg.plotting._choices import choice_marks, log_place
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import draw_marks
from jaxreg.plotting._plot import with_frame


def _frame(result, X=None, y=None, sample_weight=None, offset=None, strata=None):
    """The measures, as `assess` has them."""
    return result.assess(X, y, sample_weight, offset, strata)


@with_frame(_frame)
def plot_assessment(
    result, X=None, y=None, measure=None, sample_weight=None, offset=None, strata=None, ax=None
):  # fmt: skip
    """Draw a measure of the predictions of new rows against lambda, strong penalty at the left.

    The vertical lines are lambda_min and lambda_1se of a cross-validated path; the top axis counts its nonzero
    coefficients. `plot_assessment.frame(result, X, y)` returns all measures as a pandas DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `path.plot_assessment(...)` it is the result itself.
    X, y, sample_weight, offset, strata
        As for `assess`: without X and y the rows of a CVResult that were held out are judged.
    measure : str, or None
        A column of `assess`; None is the first.
    ax : matplotlib Axes, or None
        Empty ones with a linear y axis. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The curve is `ax.lines[0]`; lambda = 0 has no place on the log axis and is left out.

    Raises
    ------
    ValueError
        As for `assess`; for another measure, or a grid of lambda = 0 alone; or if `ax` is not linear.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X[:300], y[:300], n_lambdas=20)
    >>> ax = path.plot_assessment(X[300:], y[300:], measure="r2", ax=Figure().subplots())
    >>> ax.get_ylabel(), path.plot_assessment.frame(X[300:], y[300:]).columns.tolist()
    ('R squared', ['mse', 'mae', 'r2', 'deviance'])
    """
    judged = result._judged(X, y, None, sample_weight, offset, strata, of_one=False)
    title, values = judged.measure(measure)
    points = np.flatnonzero(judged.lambdas > 0)
    if not points.size:
        raise ValueError("there is no lambda above 0 to draw on a log axis; fit with larger lambdas.")
    ax = axes_for(ax)
    at, choice = judged.lambdas[points], result._choice(None)
    log_axis(ax, at)
    ax.plot(at, values[points], color=tones(ax).curves[0], lw=1.9, marker=marker(at), label=title)
    ax.set_ylabel(title)
    df = choice.path.df[np.searchsorted(-choice.path.lambdas, -at)]
    lam = None if choice.lam is None else log_place(choice.lam)
    df_axis(ax, at, df, nearest_point(at, lam))
    draw_marks(ax, choice_marks(choice.marks))
    return ax
