"""Figures: results in, matplotlib axes out."""

from functools import partial

import numpy as np

from jaxreg import _validation

__all__ = ["plot_path", "plot_validation_curve"]

CROWDED = 20  # with more curves than this, those without a label become background
COLOURS = ("#1f77b4", "#e07b00", "#2a9134", "#c8283c", "#7b4fb3", "#1899a8", "#d45aa4", "#8c564b", "#8a8a1a", "#2d3a8c")
BACKGROUND = "0.45"
LABEL_SIZE = 9.0  # points
LINE_HEIGHT = 1.35 * LABEL_SIZE
LABEL_DISTANCE = 16.0  # points from the right edge of the axes
LONGEST = 24  # characters of a label
MOST_TICKS, TICK_ROOM = 7, 45.0  # on the top axis; points for one
X_LABELS = {"lambda": r"penalty strength $\lambda$ (log scale)", "l1_norm": "L1 norm of the coefficients"}


def plot_path(path, x="lambda", labels=8, ax=None):
    """Draw the coefficients of a path, strong penalty at the left, with their number on the top axis.

    Parameters
    ----------
    path : PathResult
    x : "lambda", a log axis with the large lambdas at the left, where lambda = 0 has no place and is left out;
        or "l1_norm", the sum of absolute coefficients, which on the scale of the user's X need not grow all along
    labels : how many curves get their name at the right end: those with the largest absolute last coefficient, as
        many as fit one above the other; the others are thin and grey if there are more than 20 curves
    ax : matplotlib Axes; None makes a figure

    Returns
    -------
    matplotlib Axes. Features that are 0 all along are not drawn. Labelled curves are `ax.lines` with the feature's
    name as label.

    Raises
    ------
    ValueError for an unknown `x`, a negative `labels`, or a path at lambda = 0 alone on a lambda axis.
    ImportError without matplotlib.
    """
    _validation.check_choice(x, "x", tuple(X_LABELS))
    labels = _validation.check_count(labels, "labels", at_least=0)
    points = np.flatnonzero(path.lambdas > 0) if x == "lambda" else np.arange(len(path.lambdas))
    if not points.size:
        raise ValueError("x is 'lambda', but the path has no lambda above 0 to draw on a log axis; give x='l1_norm'.")
    ax = _new_axes() if ax is None else ax

    coef = path.coef_sparse[points]
    at = path.lambdas[points] if x == "lambda" else np.asarray(abs(coef).sum(axis=1)).ravel()
    features = np.unique(coef.indices[coef.data != 0])
    curves = coef[:, features].toarray()
    order = np.argsort(-np.abs(curves[-1]), kind="stable")
    features, curves = features[order], curves[:, order]
    named = min(labels, np.count_nonzero(curves[-1]), _room(ax))
    all_names = path.names
    names = [_short(all_names[j]) for j in features[:named]]

    _frame_axes(ax, x, at)
    _draw_curves(ax, at, curves, names)
    _df_axis(ax, at, path.df[points])
    _label_ends(ax, at[-1], curves[-1, :named], names)
    return ax


def plot_validation_curve(cv, ax=None):
    """Draw training and held-out loss against lambda, strong penalty at the left.

    At the left both losses are high: the model underfits. At the right the training loss falls on and the held-out
    loss rises: it overfits. The band is one standard error wide to each side; the vertical lines are lambda_min and
    lambda_1se; the top axis counts the nonzero coefficients of the full data's path. Other mixing parameters are thin
    lines.

    Parameters
    ----------
    cv : CVResult
    ax : matplotlib Axes; None makes a figure

    Returns
    -------
    matplotlib Axes. Curves and vertical lines are `ax.lines` with the labels of the legend; lambda = 0 has no place on
    the log axis and is left out. The axis spans the lambdas of the chosen mixing parameter.

    Raises
    ------
    ValueError for a grid of lambda = 0 alone. ImportError without matplotlib.
    """
    a, _ = cv.best
    points = np.flatnonzero(cv.lambdas[a] > 0)
    if not points.size:
        raise ValueError("cv has no lambda above 0 to draw on a log axis; fit it with larger lambdas.")
    ax = _new_axes() if ax is None else ax
    at, held_out, error = cv.lambdas[a][points], cv.mean_loss[a][points], cv.std_error[a][points]

    _log_axis(ax, at)
    marker = "o" if len(at) == 1 else None  # a line through one point is invisible
    for b in range(len(cv.l1_ratios)):
        if b != a:
            label = f"held out, l1_ratio {cv.l1_ratios[b]:g}"
            shown, colour = cv.lambdas[b] > 0, COLOURS[(2 + b) % len(COLOURS)]
            ax.plot(cv.lambdas[b][shown], cv.mean_loss[b][shown], color=colour, linewidth=0.9, label=label, zorder=1.5)
    ax.fill_between(at, held_out - error, held_out + error, color=COLOURS[0], alpha=0.2, linewidth=0)
    mix = f", l1_ratio {cv.l1_ratio_:g}" if len(cv.l1_ratios) > 1 else ""
    ax.plot(at, held_out, color=COLOURS[0], linewidth=1.8, marker=marker, label=f"held out{mix}", zorder=2.5)
    ax.plot(at, cv.train_loss[points], color=COLOURS[1], linewidth=1.8, marker=marker, label="training", zorder=2.5)
    for lam, style, name in ((cv.lambda_min, "--", "lambda_min"), (cv.lambda_1se, ":", "lambda_1se")):
        if lam > 0:
            ax.axvline(lam, color="0.25", linestyle=style, linewidth=1.1, label=f"{name} {lam:.3g}", zorder=1)
    ax.set_ylabel(cv.metric)
    _df_axis(ax, at, cv.path.df[points])
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.05 * (high - low), high)  # room for the two words
    for place, word in ((0.01, "underfitting"), (0.99, "overfitting")):
        side = "left" if place < 0.5 else "right"
        text = ax.text(place, 0.015, word, ha=side, va="bottom", color=BACKGROUND, transform=ax.transAxes)
        text.set(fontsize=LABEL_SIZE, fontstyle="italic")
    ax.legend(loc="upper center", fontsize=LABEL_SIZE, frameon=False)
    return ax


def _new_axes():
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "jaxreg[plot]"') from error
    return plt.subplots(figsize=(8, 5), layout="constrained")[1]


def _short(name):
    name = " ".join(name.split())
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _log_axis(ax, at):
    """Lambdas on a log axis, the large ones at the left."""
    low, high = at.min(), at.max()
    if low == high:
        low, high = low / 2, high * 2
    ax.set_xscale("log")
    ax.set_xlim(high, low)
    ax.set_xlabel(X_LABELS["lambda"])
    ax.spines["right"].set_visible(False)


def _frame_axes(ax, x, at):
    if x == "lambda":
        _log_axis(ax, at)
    else:
        low, high = at.min(), at.max()
        ax.set_xlim((low, high) if low < high else (0.0, 2 * high or 1.0))
        ax.set_xlabel(X_LABELS[x])
        ax.spines["right"].set_visible(False)
    ax.axhline(0.0, color="0.25", linewidth=0.8, zorder=1)
    ax.set_ylabel("coefficient")


def _draw_curves(ax, at, curves, names):
    """Labelled curves, which come first, as lines on top; a crowd of others as one collection."""
    marker = "o" if len(at) == 1 else None  # a line through one point is invisible
    named, total = len(names), curves.shape[1]
    others = curves[:, named:]
    if total > CROWDED and others.size:
        from matplotlib.collections import LineCollection

        style = {"color": BACKGROUND, "alpha": max(0.25, min(0.6, 30 / others.shape[1])), "zorder": 1.5}
        if marker:
            ax.plot(np.tile(at, others.shape[1]), others.ravel(), "o", markersize=2.5, **style)
        else:
            segments = np.stack([np.broadcast_to(at[:, None], others.shape), others], axis=-1).swapaxes(0, 1)
            ax.add_collection(LineCollection(list(segments), linewidths=0.8, **style))
            ax.autoscale_view(scalex=False)
    else:
        for k in range(named, total):
            ax.plot(at, curves[:, k], color=COLOURS[k % len(COLOURS)], linewidth=1.1, alpha=0.55, marker=marker)
    for k, name in reversed(list(enumerate(names))):  # the largest on top
        ax.plot(at, curves[:, k], color=COLOURS[k % len(COLOURS)], linewidth=1.7, marker=marker, label=name, zorder=2.5)
    if not total:
        ax.set_ylim(-1, 1)
        ax.text(0.5, 0.6, "all coefficients are 0", transform=ax.transAxes, ha="center", color=BACKGROUND)


def _df_axis(ax, at, df):
    """Numbers of nonzero coefficients at the points nearest to evenly spaced places."""
    from matplotlib.ticker import NullLocator

    top = ax.secondary_xaxis("top")
    shares = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([at, np.zeros(len(at))])))[:, 0]
    most = int(np.clip(ax.bbox.width * 72 / ax.figure.dpi / TICK_ROOM, 2, MOST_TICKS))
    ticks: list[int] = []
    for place in np.linspace(0, 1, most):
        k = int(np.argmin(np.abs(shares - place)))
        if all(abs(shares[k] - shares[other]) > 0.6 / most for other in ticks):
            ticks.append(k)
    top.set_xticks(at[ticks], labels=[str(df[k]) for k in ticks])
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel("number of nonzero coefficients")


def _room(ax):
    """How many labels fit one above the other, with some reserve: titles and the like come later."""
    return int(0.8 * ax.bbox.height * 72 / ax.figure.dpi / LINE_HEIGHT)


def _label_ends(ax, end, values, names):
    """Names right of the axes, at the height of the ends of their curves or as near as there is room."""
    for k, name in enumerate(names):
        colour = COLOURS[k % len(COLOURS)]
        ax.annotate(
            name,
            xy=(end, values[k]),
            xytext=(1.0, 0.0),
            textcoords=partial(_label_place, ax, end, values, k),  # asked at each drawing: sizes and limits change
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5)},
            color=colour,
            fontsize=LABEL_SIZE,
            verticalalignment="center",
            annotation_clip=False,
            parse_math=False,
        )


def _label_place(ax, end, values, k, renderer):
    """Transform that takes (1, 0) to the place of label k."""
    from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory

    points = renderer.points_to_pixels(1.0)
    ends = ax.transData.transform(np.column_stack([np.full(len(values), end), values]))[:, 1]
    height = _spread(ends, LINE_HEIGHT * points, ax.bbox.y0, ax.bbox.y1)[k]
    right = ax.transAxes + ScaledTranslation(LABEL_DISTANCE / 72, 0, ax.figure.dpi_scale_trans)
    return blended_transform_factory(right, Affine2D().translate(0, height))


def _spread(wanted, distance, low, high):
    """Least-squares heights (k,) near `wanted`, in its order, at least `distance` apart and within the bounds."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    distance = min(distance, (high - low) / len(wanted))
    steps = np.arange(len(wanted)) * distance
    # without the steps the heights need only ascend, which isotonic regression is for; bounds then just clip it
    lowest = isotonic_regression(wanted[order] - steps).x
    heights = np.empty(len(wanted))
    heights[order] = np.clip(lowest, low + distance / 2, high - distance / 2 - steps[-1]) + steps
    return heights
