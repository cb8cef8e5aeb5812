"""What a prediction of classes is worth at one lambda: ROC curves and confusion."""

import numpy as np

from jaxreg.plotting._axes import LABEL_SIZE, STYLES, axes_for, short
from jaxreg.plotting._colours import tones
from jaxreg.plotting._plot import with_frame

SQUARE = (5.5, 5.5)  # inches, of a new figure
DEEPEST = 0.75  # opacity of a cell that has all rows of its class


def _roc_frame(result, X=None, y=None, lam=None, sample_weight=None, offset=None):
    """The curves, as `roc` has them."""
    return result.roc(X, y, lam, sample_weight, offset)


@with_frame(_roc_frame)
def plot_roc(result, X=None, y=None, lam=None, sample_weight=None, offset=None, ax=None):
    """Draw ROC curves at one lambda: of two classes that of the second one, of more each against all others.

    On the dotted line predictions tell nothing. `plot_roc.frame(result, X, y, lam)` returns the points as a pandas
    DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `path.plot_roc(...)` it is the result itself.
    X, y, lam, sample_weight, offset
        As for `roc`: without X and y the rows of a CVResult that were held out are judged.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The curves are `ax.lines`, each with its area in its label.

    Raises
    ------
    ValueError
        As for `roc`; or if `ax` is not linear.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> cv = jr.fit_cv(X, y, loss="binomial", cv=3, n_lambdas=10, lambda_min_ratio=0.01)
    >>> ax = cv.plot_roc(ax=Figure().subplots())
    >>> ax.lines[0].get_label()
    'AUC 1.00'
    """
    rocs = result._of_classes(X, y, lam, sample_weight, offset).rocs()
    ax = axes_for(ax, SQUARE, linear="xy")
    tone = tones(ax)
    for k, (label, curve) in enumerate(rocs.items()):
        name = f"AUC {curve.auc:.2f}" if len(rocs) == 1 else f"{short(str(label))}, AUC {curve.auc:.2f}"
        style = {"color": tone.curves[k % len(tone.curves)], "ls": STYLES[k % len(STYLES)], "lw": 1.9}
        ax.plot(curve.fpr, curve.tpr, label=name, **style)
    _identity(ax, (0, 1))
    ax.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_aspect("equal")
    ax.legend(loc="lower right", frameon=False, labelcolor=tone.ink)
    return ax


def _identity(ax, ends):
    ax.plot(ends, ends, color=tones(ax).line, ls=":", lw=1.0, zorder=1.5, label="_")


def _confusion_frame(result, X=None, y=None, lam=None, sample_weight=None, offset=None):
    """The table, as `confusion` has it."""
    return result.confusion(X, y, lam, sample_weight, offset)


@with_frame(_confusion_frame)
def plot_confusion(result, X=None, y=None, lam=None, sample_weight=None, offset=None, ax=None):
    """Draw how many rows of each class are predicted to be of each, at one lambda.

    A cell is the darker, the larger its share of the rows of its class. `plot_confusion.frame(result, X, y, lam)`
    returns the numbers as a pandas DataFrame.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `path.plot_confusion(...)` it is the result itself.
    X, y, lam, sample_weight, offset
        As for `confusion`: without X and y the rows of a CVResult that were held out are judged.
    ax : matplotlib Axes, or None
        Empty ones with linear axes. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The numbers are `ax.texts`, row by row.

    Raises
    ------
    ValueError
        As for `confusion`; or if `ax` is not linear.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> cv = jr.fit_cv(X, y, loss="binomial", cv=3, n_lambdas=10, lambda_min_ratio=0.01)
    >>> ax = cv.plot_confusion(ax=Figure().subplots())
    >>> sum(int(text.get_text()) for text in ax.texts)
    569
    """
    judged = result._of_classes(X, y, lam, sample_weight, offset)
    counts = judged.confusion()
    ax = axes_for(ax, SQUARE, linear="xy")
    tone, names = tones(ax), [short(str(label)) for label in judged.labels]
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    colours = np.zeros((*counts.shape, 4))
    from matplotlib.colors import to_rgb

    colours[..., :3], colours[..., 3] = to_rgb(tone.curves[0]), DEEPEST * share
    ax.imshow(colours, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        ax.text(column, row, f"{count:.5g}", ha="center", va="center", color=tone.ink, fontsize=LABEL_SIZE)
    ax.set_xticks(range(len(names)), labels=names)
    ax.set_yticks(range(len(names)), labels=names)
    ax.set(xlabel="predicted class", ylabel="class")
    return ax
