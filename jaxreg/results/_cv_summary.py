"""What a CVResult says of itself: a headline, a table of choices, and an explanation of the chosen one."""

import numpy as np

from jaxreg._status import MEASURES, Status
from jaxreg.results import _path_summary
from jaxreg.scores._metric import NEGATIVE
from jaxreg.scores._numbers import SQUARED

COLUMNS = ("l1_ratio", "rule", "lambda", "loss", "std_error", "R2", "df")


def headline(cv):
    A, F, L = cv.fold_loss.shape
    mixes = f"{A} mixing parameters x " if A > 1 else ""
    responses = "" if cv.path.n_responses is None else f" of {cv.path.n_responses} {cv.path._outputs[0]}"
    converged = int((cv.status == Status.converged).sum())
    interrupted = ", interrupted" if cv.interrupted else ""
    folds = f"{F} fold" if F == 1 else f"{F} folds"
    return (
        f"Cross-validation{interrupted}: {mixes}{folds} x {L} lambdas, {cv.metric}{responses}; {converged} of "
        f"{cv.status.size} fits converged, worst {MEASURES[cv.path.certificate]} {cv.gap.max():.1e}"
    )


def rows(cv):
    """Rows of the table as text: both rules at the chosen mixing parameter, and the best point of every other one."""
    a, k = cv.best
    points = [("min", a, k), *([("1se", a, cv._position_1se(a))] if cv._has_error else [])]
    points += [("min", b, int(np.argmin(cv.mean_loss[b]))) for b in range(len(cv.paths)) if b != a]
    return [
        (
            "-" if np.isnan(cv.l1_ratios[b]) else f"{cv.l1_ratios[b]:g}",
            rule,
            f"{cv.lambdas[b, i]:.4g}",
            f"{cv.mean_loss[b, i]:.5g}",
            f"{cv.std_error[b, i]:.3g}" if cv._has_error else "-",
            "-" if cv.r2 is None or np.isnan(cv.r2[b, i]) else f"{round(cv.r2[b, i], 3) + 0.0:.3f}",
            str(cv.paths[b].df[i]),
        )
        for rule, b, i in points
    ]


def explanation(cv):
    """Sentences on the losses at the choice, and advice if the choice is at an end of the grid."""
    a, k = cv.best
    L = cv.lambdas.shape[1]
    least, error = cv.mean_loss[a, k], cv.std_error[a, k]
    range_1se = "One fold has no standard error."
    if cv._has_error:
        range_1se = f"Up to lambda {cv.lambda_1se:.4g} it stays within one standard error, {error:.3g}."
    root = ""
    if cv.metric == SQUARED and cv.path.n_responses is None and cv.path.classes is None:
        root = f" (RMSE {np.sqrt(least):.5g})"
    elif cv.metric.startswith(NEGATIVE):
        root = f" ({cv.metric.removeprefix(NEGATIVE)} {-least:.5g})"
    sentences = [
        f"The held-out loss is least, {least:.5g}{root}, at lambda {cv.lambdas[a, k]:.4g}; the training loss "
        f"there is {cv.train_loss[k]:.5g}. {range_1se}"
    ]
    if k == L - 1 > 0 and cv.lambdas[a, k] > 0:
        sentences.append("That is the smallest lambda of the grid: smaller ones may do better.")
    if k == 0 and L > 1:
        sentences.append("That is the largest lambda of the grid, the model without most of its columns.")
    return sentences + _ends_elsewhere(cv) + _path_summary.notes(cv.path)


def _ends_elsewhere(cv):
    """Sentences on the other mixing parameters whose loss is least at an end of their grid."""
    last, best = cv.lambdas.shape[1] - 1, cv.mean_loss.argmin(axis=1)
    sentences = []
    for end, end_name in ((last, "smallest"), (0, "largest")):
        mixes = [a for a, k in enumerate(best) if k == end and a != cv.best[0] and cv.lambdas[a, k] > 0 < last]
        if mixes:
            ratios = ", ".join(f"{cv.l1_ratios[a]:g}" for a in mixes)
            advice = ": smaller ones may do better" if end else ""
            sentences.append(f"At l1_ratio {ratios} it is least at the {end_name} lambda of its grid{advice}.")
    return sentences
