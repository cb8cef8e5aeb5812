"""What held-out predictions of a family are worth: curves to draw, as plain numbers for JSON, and what is said of them.

ROC curves and calibration of classes, calibration of counts and amounts, and the survival of rows of low and high risk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg._labels import label_text
from jaxreg.losses import _risk_sets
from jaxreg.losses._survival import baseline, survival

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from jaxreg.scores._judged import Judged

MOST_CURVES = 12  # classes of a figure
MOST_POINTS = 300  # of a curve
BINS = 10  # of a calibration
RISKS = "low risk", "middle risk", "high risk"  # thirds of the rows
DOT = 4  # pixels of a mean in a bin, its radius
DIGITS = 6  # of the coordinates


def judged_at_choice(cv) -> Judged | None:
    """The held-out predictions of a CVResult at its choice; None where the response or the loss is not known."""
    path = cv.path
    if cv.y is None or path.loss_parameters is None:
        return None
    judged = cv._judged(None, None, None, None, None)
    return judged if len(judged.weight) else None


def figures(judged: Judged | None) -> list[dict[str, Any]]:
    """The figures of a family, none for the numbers of an identity link."""
    if judged is None:
        return []
    if judged.loss.coupling == "rows":
        return [_of_survival(judged)]
    of_classes = judged.labels is not None
    drawn = [_roc(judged)] if of_classes and has_all_classes(judged) else []
    return drawn + ([] if judged.loss.link in (None, "identity") else [_calibration(judged)])


def said(judged: Judged) -> str:
    """The predictions in a sentence."""
    start = "At the choice, each row predicted by the fit that did not see it:"
    rows, measure = len(judged.weight), judged.measure
    if judged.loss.coupling == "rows":
        events = int(judged.loss.observed(judged.y).event.sum())
        return f"{start} C-index {measure('c_index')[1][0]:.3f}, of {rows} rows with {events} events."
    weighted = "" if _counts_rows(judged) else ", by weight,"
    right = 1 - measure("misclassification")[1][0]
    auc = f" AUC {measure('auc')[1][0]:.3f}." if has_all_classes(judged) else ""
    return f"{start} {right:.1%} of {rows} rows{weighted} are predicted to be of their class.{auc}"


def confusion(judged: Judged) -> Float[np.ndarray, "C C"] | Int[np.ndarray, "C C"]:
    """Rows, or their weights, by class and predicted class: numbers of rows where all weights are 1."""
    counts = judged.confusion()
    return counts.round().astype(int) if _counts_rows(judged) else counts


def _counts_rows(judged):
    """Whether every row counts once."""
    return bool((judged.weight == 1).all() and np.isin(judged.y, (-1, 0, 1)).all())


def has_all_classes(judged):
    return bool(np.isfinite(judged.measure("auc")[1][0]))


def _roc(judged):
    curves = [(label_text(label), curve) for label, curve in judged.rocs().items()]
    series = []
    for k, (label, curve) in enumerate(curves[:MOST_CURVES]):
        at = _spread(curve.fpr + curve.tpr)
        name = f"{label}, AUC {curve.auc:.3f}"
        more = [["threshold", _short(curve.thresholds[at])]]
        said = label if len(curves) > 1 else None
        series.append(_curve(name, curve.fpr[at], curve.tpr[at], k, more, label=said))
    of = f" of class {curves[0][0]}" if len(curves) == 1 else ", each class against the others" + _left_out(curves)
    axes = "false positive rate", "true positive rate"
    return _figure("roc", f"ROC curve{of}", axes, series, equal=[0, 1])


def _calibration(judged):
    parts = [(label_text(label), bins) for label, bins in judged.calibration(BINS, "quantile").items()]
    several, classes = len(parts) > 1, judged.labels is not None
    series = []
    for k, (label, bins) in enumerate(parts[:MOST_CURVES]):
        name = label if several or classes else "mean"
        more = [["weight", _short(bins.weight)]]
        x, y = bins.predicted, bins.observed
        series.append(_curve(name, x, y, k, more, dots=DOT))
        series.append(_curve(name, x, y, k, more, label=name if several else None))
    ends = np.concatenate([[*one["x"], *one["y"]] for one in series])
    if classes:
        axes = "mean of the predicted probability", "observed share"
        of = f" of class {parts[0][0]}" if not several else ", each class against the others" + _left_out(parts)
    else:
        axes, of = ("mean of the predictions", "observed mean"), ""
    equal = [0, 1] if classes else [float(ends.min()), float(ends.max())]
    return _figure("calibration", f"Calibration{of}, in bins of the predictions", axes, series, equal)


def _of_survival(judged):
    """Survival of thirds of the rows by their risk: as it was, and on average as it is predicted."""
    loss, eta, weight = judged.loss, judged.eta[:, 0], judged.weight
    times = np.unique(loss.observed(judged.y).time[loss.observed(judged.y).event > 0])
    times = times[_spread(times)] if len(times) > MOST_POINTS else times
    predicted = baseline(judged.y, eta, weight, loss.ties)
    stratum = np.asarray(judged.y)[:, _risk_sets.STRATUM]
    third = np.searchsorted(np.quantile(eta, [1 / 3, 2 / 3]), eta)
    groups = np.unique(third)
    series = []
    for k in groups:
        here = third == k
        name = RISKS[k] if len(groups) > 1 else "all rows"
        rows, own = np.array(judged.y[here], float), weight[here]
        rows[:, _risk_sets.STRATUM] = 0.0
        until = times[times <= rows[:, _risk_sets.TIME].max()]
        observed = np.ones(len(until))
        if rows[:, _risk_sets.EVENT].any():
            observed = survival(baseline(rows, np.zeros(len(own)), own, loss.ties), np.zeros(1), until)[0]
        expected = np.average(survival(predicted, eta[here], until, stratum[here]), axis=0, weights=own)
        steps, dashed = _steps(until, observed), _steps(until, expected)
        series.append(_curve(name, steps[0], steps[1], k, label=name))
        series.append(_curve(f"{name}, predicted", dashed[0], dashed[1], k, dash="5 4"))
    caption = "Survival of thirds of the rows by their predicted risk; dashed the mean of what is predicted"
    return _figure("survival", caption, ("time", "share without the event"), series, y_range=[0, 1])


def _steps(times, values):
    """Points of a step function that is 1 before the first time."""
    before = np.concatenate([[1.0], values[:-1]])
    x, y = np.repeat(times, 2), np.stack([before, values], axis=1).ravel()
    return np.concatenate([[0.0], x]), np.concatenate([[1.0], y])


def _spread(values):
    """Positions of MOST_POINTS of ascending values, at most, about evenly spaced, the ends among them."""
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    wanted = np.linspace(values[0], values[-1], MOST_POINTS)
    return np.unique(np.concatenate([np.searchsorted(values, wanted).clip(0, len(values) - 1), [0, len(values) - 1]]))


def _figure(name, caption, axes, series, equal=None, y_range=None):
    x, y = axes
    return {
        "id": name,
        "caption": caption,
        "x": {"label": x},
        "y": {"label": y, "range": y_range},
        "series": series,
        "equal": equal,
    }


def _curve(name, x, y, tone, more=(), label=None, dots=None, dash=None):
    return {
        "name": name,
        "label": label,
        "x": _short(x),
        "y": _short(y),
        "tone": int(tone),
        "more": list(more),
        "dots": dots,
        "dash": dash,
    }


def _left_out(curves):
    return f" (the first {MOST_CURVES} of {len(curves)})" if len(curves) > MOST_CURVES else ""


def _short(values):
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]
