"""The CVResult of fits of folds."""

import time
from functools import partial

import jax
import numpy as np

from jaxreg._status import CAUSES, Status, cause
from jaxreg.cv._fits import predictions_of
from jaxreg.paths import _endings
from jaxreg.results import _selection
from jaxreg.results._cv import CVResult
from jaxreg.scores._averages import average, row_weight
from jaxreg.scores._numbers import variance


def cv_result(setup, done, l1_ratios, paths, metric, keep, averaging, times):
    """(CVResult, what to warn of) of the paths of all rows and the fits of all folds; times: of begin and first fit."""
    weight, length, folds, objective = setup.data.weight, len(paths[0].lambdas), done.folds, setup.objective
    gap, status, fold_loss, squared = (
        np.stack([getattr(fits, name)[..., :length] for fits in done.fits])
        for name in ("gap", "status", "loss", "squared_error")
    )
    fold_weight = folds.held_weight(weight)
    share = np.ones(len(folds)) if averaging == "equal" else fold_weight
    if averaging == "weighted" and metric.share is not None:
        share = folds.held_weight(weight * metric.share(setup.data.y))
    mean_loss, std_error = average(fold_loss, share, folds.repeats)
    best = np.unravel_index(np.argmin(mean_loss), mean_loss.shape)
    losses = [solved.points.at(solved.asked[:length]).losses for solved in done.full]
    train_mse = 2 * objective.loss_unit * np.stack(losses)
    predictions, row_losses = _of_rows(setup, done.fits, metric, best, length, keep)
    of_nets = setup.loss.quadratic and setup.limited_penalty.quadratic
    known = of_nets and all(path.solver in ("batched", "ridge", "pivot") for path in paths)
    ended = time.perf_counter()
    result = CVResult(
        paths=paths,
        l1_ratios=l1_ratios,
        lambdas=np.stack([path.lambdas for path in paths]),
        fold_loss=fold_loss,
        mean_loss=mean_loss,
        std_error=std_error,
        train_loss=_train_loss(setup, paths[best[0]], train_mse[best[0]], metric, folds),
        gap=gap,
        status=status,
        metric=metric.name,
        fold_weight=fold_weight,
        oof_predictions=predictions,
        observation_loss=row_losses,
        n_samples=int(np.count_nonzero(weight)),
        train_mse=train_mse,
        minus_two_log_likelihood=setup.loss.minus_two_log_likelihood(train_mse, np.count_nonzero(weight)),
        r2=_r2(squared, setup, folds, fold_weight) if "r2" in setup.loss.metrics else None,
        y=setup.data.y,
        weight=None if np.ptp(weight) == 0 else row_weight(setup.data),
        fit_intercept=setup.model.fit_intercept,
        timings={"prepare": times[1] - times[0], "solve": ended - times[1], "total": ended - times[0]},
        _effective_df=partial(_effective_df, objective, paths) if known else None,
    )
    exact = done.fits[0].null_losses == 0
    return result, _shortfall(status, gap, paths[0].certificate, setup.options) + _trivial(exact)


def _of_rows(setup, fits, metric, best, length, keep):
    """(held-out predictions, losses or None) of the rows: (n,) at the choice, or (A, n, L); predictions [, K]."""
    data, n = setup.data, len(setup.data.y)
    outputs = () if setup.objective.responses is None else (setup.objective.responses,)
    mixes, points = (range(len(fits)), np.arange(length)) if keep == "all" else (best[:1], np.array(best[1:]))
    losses, times = np.zeros((len(mixes), n, len(points))), np.zeros((n, 1))
    predictions = np.zeros((*losses.shape, *outputs))
    for part in fits[0].held_out:
        times[part.rows] += 1
    for i, a in enumerate(mixes):
        for part in fits[a].held_out:
            eta = part.predict(data.offset, points)
            predictions[i, part.rows] += eta
            if metric.of_rows is not None:
                losses[i, part.rows] += metric.of_rows(data.y[part.rows], eta)
    with np.errstate(invalid="ignore"):  # NaN where never held out
        predictions, losses = predictions / times.reshape(n, 1, *[1] * len(outputs)), losses / times
    if keep != "all":
        predictions, losses = predictions[0, :, 0], losses[0, :, 0]
    return predictions, losses if metric.of_rows is not None else None


def _r2(squared_error, setup, folds, fold_weight):
    """(A, L) of mean squared errors (A, F, K, L) of the folds; NaN where no response varies."""
    times = sum(np.bincount(part.rows, part.counts, folds.n) for part in folds.held_out)
    y = setup.data.y.reshape(len(setup.data.y), -1)
    spread = variance(y, setup.data.weight * times)
    varies = spread > 0
    if not varies.any():
        return np.full((squared_error.shape[0], squared_error.shape[3]), np.nan)
    error = np.einsum("afrl,f->arl", squared_error[:, :, varies], fold_weight / fold_weight.sum())
    return (1 - error / spread[varies, None]).mean(axis=1)


def _train_loss(setup, path, train_mse, metric, folds):
    """Losses (L,) of a path on the data; its mean squared errors are (L, K).

    Where folds are judged by what they add to the training rows, so is the path: by the average over the folds.
    """
    if metric.squared and setup.loss.quadratic:
        return train_mse.mean(axis=1)
    data, counting = setup.data, np.flatnonzero(setup.data.weight)
    predictions = predictions_of(setup.objective.design, data.offset, counting, path.coef_sparse, path.intercept)
    if metric.of_split is None:
        return metric.in_fold(data.y[counting], predictions, row_weight(data)[counting])
    everything = np.zeros((len(data.y), *predictions.shape[1:]))
    everything[counting] = predictions
    splits = [folds.split(k, row_weight(data)) for k in range(len(folds))]
    losses = np.stack([metric.of_split(data.y, everything, *split) for split in splits])
    return np.average(losses, axis=0, weights=[held_out @ metric.share(data.y) for _, held_out in splits])


def _effective_df(objective, paths):
    """(A, L) of the paths."""

    def of_path(path):
        if path.solver == "ridge":
            return path.effective_df
        lambdas = path.lambdas / objective.lambda_unit
        return _selection.effective_df(objective, path.coef_sparse, lambdas, path.l1_ratio)

    with jax.enable_x64(True):
        return np.stack([of_path(path) for path in paths])


def _shortfall(status, gap, certificate, options):
    unmet = status != Status.converged
    if not unmet.any():
        return []
    counts = {code: np.count_nonzero(status == code) for code in CAUSES}
    causes = [f"{count} {cause(code, options)}" for code, count in counts.items() if count]
    return [
        f"{unmet.sum()} of {unmet.size} fits of folds did not converge, the worst {certificate} {gap.max():.1e}, "
        f"tol={options.tol:.1e}: {'; '.join(causes)}"
    ]


def _trivial(exact):
    """What to warn of where the null model fits the training rows of some folds exactly; `exact` (F, K) bool."""
    folds = exact.any(axis=1)
    return [f"in {folds.sum()} of {len(folds)} folds {_endings.null_fits(exact[folds])}"] if folds.any() else []
