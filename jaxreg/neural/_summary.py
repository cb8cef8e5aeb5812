"""What a NeuralPath says of itself: a headline, a table of choices, the reasons."""

import numpy as np

from jaxreg.neural._early_stopping import EarlyStopping

LISTED = 5  # strengths that diverged


def headline(path):
    S, K, R, epochs = path.valid_loss.shape
    names = " x ".join(path._regularizer_names) or "no regularizer"
    lanes = f"{_count(S, 'strength')} x {_count(K, 'fold')} x {_count(R, 'seed')}"
    count = int(path.diverged.sum())
    diverged = f"; {count} of {path.diverged.size} lanes diverged" if count else ""
    return f"{type(path.model).__name__} with {names}: {lanes}, {_count(epochs, 'epoch')}, {path.metric}{diverged}"


def _count(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def columns(path):
    return ("rule", *path._strength_columns(), "loss", "std_error", "train_loss", *path._measured(), "epochs")


def rows(path):
    """Table rows: both rules, and strength 0 where it was trained, as text."""
    points = []
    if np.isfinite(path.mean_loss).any():
        points = [("min", path.best), *([("1se", path.best_1se)] if path.has_error else [])]
    if len(path.strengths) > 1:
        zero = ~path.strengths.reshape(len(path.strengths), -1).any(axis=1)
        points += [("none", int(k)) for k in np.flatnonzero(zero)]
    train_loss, measured = path._losses()["train_loss"], path._measured()
    return [
        (
            rule,
            *path._strength_texts(k),
            f"{path.mean_loss[k]:.5g}",
            f"{path.std_error[k]:.3g}" if path.has_error else "-",
            f"{train_loss[k]:.5g}",
            *(f"{values[k]:.4g}" for values in measured.values()),
            f"{path.kept_epoch[k].mean():.4g}",
        )
        for rule, k in points
    ]


def explanation(path):
    """What the choice rests on, and what to do where it stands at an end of the grid, or lanes diverged."""
    if not np.isfinite(path.mean_loss).any():
        return ["Every strength diverged: train with a smaller step size."]
    k = path.best
    lines = [
        f"The held-out loss is least, {path.mean_loss[k]:.5g}, at strength {path._said(k)}; the training loss there is "
        f"{path._losses()['train_loss'][k]:.5g}."
    ]
    variance = path.data.get("y_variance")
    if variance:
        lines.append(f"That is a cross-validated R squared of {1 - path.mean_loss[k] / variance:.3f}.")
    if path.metrics:
        ends = ", ".join(f"{name} {metric.mean[k]:.4g}" for name, metric in path.metrics.items())
        lines.append(f"There, on held-out rows: {ends}.")
    if not path.has_error:
        lines.append("One fold and one seed have no standard error.")
    else:
        lines.append(
            f"The strongest regularization within one standard error, {path.std_error[k]:.3g}, is strength "
            f"{path._said(path.best_1se)}."
        )
    lines += [line for j in range(len(path.regularizers)) for line in _ends(path, j)]
    kept, epochs = path.kept_epoch[k], path.valid_loss.shape[-1]
    if kept.min() < epochs:
        spread = "" if kept.min() == kept.max() else f" on average, from {kept.min()} to {kept.max()}"
        lines.append(f"Parameters are those after {kept.mean():.4g} of {epochs} epochs{spread}.")
    return lines + _diverged(path)


def notes(path):
    """What else is to be known."""
    values = path.data.get("y_values", [])
    if not values:
        return []
    listed = ", ".join(f"{value:g}" for value in values)
    return [
        f"y has the values {listed} only, which count as numbers; if these are labels of classes, give the model "
        "task='classification'."
    ]


def _ends(path, j):
    """Whether the best strength of regularizer j is at an end of its grid, and what to do."""
    kind, name = type(path.regularizers[j]), path._regularizer_names[j]
    own = path.strengths.reshape(len(path.strengths), -1)[:, j]
    chosen, low, high = own[path.best], own.min(), own.max()
    if low == high:
        return []
    if kind is EarlyStopping:
        last = path.kept_epoch[path.best].min() == path.valid_loss.shape[-1]
        return ["That is the last epoch: more epochs may do better."] if last else []
    if chosen == low > 0:
        return [f"That is the smallest strength of {name}: smaller ones, or 0, may do better."]
    if chosen == high and not (kind.closed and high == kind.below):
        return [f"That is the largest strength of {name}: larger ones may do better."]
    return []


def _diverged(path):
    at = np.flatnonzero(path.diverged.any(axis=(1, 2)))
    if not at.size:
        return []
    more = f" and {at.size - LISTED} more" if at.size > LISTED else ""
    most = ", ".join(path._said(k) for k in at[:LISTED])
    return [f"Lanes diverged at strength {most}{more}, which is never chosen: train with a smaller step size."]
