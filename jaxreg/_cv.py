"""Cross-validation: from the user's arrays to a CVResult."""

import time
from dataclasses import replace
from functools import partial

import jax
import numpy as np

from jaxreg import _fit, _scores, _selection, _validation
from jaxreg._cv_results import CVResult
from jaxreg._folded import Folded
from jaxreg._folds import make_folds
from jaxreg._results import Status
from jaxreg.losses import Squared
from jaxreg.penalties import ElasticNet


def fit_cv(
    X,
    y,
    *,
    l1_ratios=None,
    cv=10,
    groups=None,
    repeats=1,
    seed=0,
    metric=None,
    keep=None,
    averaging="weighted",
    loss=Squared(),  # noqa: B008 (frozen)
    penalty=None,
    lambdas=None,
    n_lambdas=100,
    lambda_min_ratio=None,
    sample_weight=None,
    offset=None,
    penalty_factors=None,
    lower=None,
    upper=None,
    fit_intercept=True,
    standardize=True,
    solver="auto",
    tol=None,
    max_iter=2000,
    early_stop=False,
    max_features=None,
    warm_start=None,
    dtype=None,
    progress=False,
) -> CVResult:
    """Cross-validated lasso, elastic-net or ridge paths: all folds, mixing parameters and lambdas, each with a gap.

    A fold is the data with other weights: its fit is that of `fit_path` on its training rows, which are centred and
    scaled on their own, at the lambdas of the full data. X is not copied. The held-out losses are averaged over folds,

        mean_loss = sum_k W_k e_k,    std_error^2 = sum_k W_k (e_k - mean_loss)^2 / (K - 1)

    with W_k the share of the sample weight that fold k holds out (averaging="weighted", as glmnet does), or 1/K
    ("equal", as scikit-learn does); e_k is itself a weighted mean over the rows held out.

    Parameters
    ----------
    X, y : as for `fit_path`, and so are all arguments that are not listed here
    l1_ratios : number or (A,) mixing parameters in [0, 1]; None takes that of `penalty`, or 1
    cv : number of folds, drawn with `seed`; a splitter of scikit-learn; integer fold ids (n,), whose sorted values are
        the folds; a list of (train, test) pairs of row indices or masks, where a row that is named twice counts twice;
        or "loo", leave one out. Folds of a splitter, or pairs, that hold out all rows once, then all rows once again,
        and so on, in groups of equal size, are `repeats`.
    groups : (n,) labels of rows that stay together, for an integer `cv` or a splitter. The largest groups are dealt out
        first, each to the fold with the fewest rows.
    repeats : of an integer `cv`, each with folds of its own; K is their total. std_error is then the root mean
        square of those of the repeats: more repeats average out the draw of the folds, but are no new data.
    seed : of the folds
    metric : "mse" (the default for the squared loss), "mae", "r2" (its negative), "deviance" (here the mean
        squared error), or a function (y, prediction, weight) -> number, lower is better, of the rows of a fold whose
        weight is not 0; the weights are 1 on average over all rows of the data
    keep : "all" keeps the held-out predictions and losses of the rows at all lambdas, (A, n, L)
    penalty : `jaxreg.penalties.ElasticNet`, in place of `l1_ratios`
    lambdas : (L,) one grid for all mixing parameters; None gives each its own, from the full data
    early_stop, max_features : cut the paths of the full data; all grids end where the first of them does

    Returns
    -------
    CVResult. Fits whose gap exceeds `tol` have a status other than converged, and one ConvergenceWarning says how
    many.

    Raises
    ------
    ValueError, TypeError for bad input, naming the argument, what was found and what to do.

    Notes
    -----
    With p <= 256, or n >= p and p <= 1536, the Gram matrix of a fold is that of all rows less that of the rows held
    out, which also gives its squared error; otherwise the folds go side by side, and one product with X serves all. The
    lanes run in one thread per core of the host.

    Ridge without limits that leaves one out (cv="loo", l1_ratio 0) needs one decomposition for all rows and lambdas:
    row i is predicted by the fit of the others at the penalty (sum w - w_i) * lambda. With `standardize` the columns
    keep the scales that all rows give them, and `gap` is that of the fit of all rows. All other fits that leave one out
    (l1_ratio > 0, limits, solver="pivot", a splitter) scale the columns by the rows that they train on, as other folds
    do: give standardize=False to compare both kinds.

    Source: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), section 6, for averages and grid.
    """
    began = time.perf_counter()
    l1_ratios = _check_mixes(l1_ratios, penalty, loss)
    metric = _scores.make_metric(metric)
    _validation.check_choice(keep, "keep", (None, "all"))
    _validation.check_choice(averaging, "averaging", ("weighted", "equal"))
    request = _fit.check_request(
        lambdas=lambdas,
        n_lambdas=n_lambdas,
        lambda_min_ratio=lambda_min_ratio,
        sample_weight=sample_weight,
        offset=offset,
        penalty_factors=penalty_factors,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        solver=solver,
        tol=tol,
        max_iter=max_iter,
        early_stop=early_stop,
        max_features=max_features,
        warm_start=warm_start,
        dtype=dtype,
        progress=progress,
    )
    with jax.enable_x64(True):
        setup = _fit.prepare(X, y, request)
        if setup.responses is not None:
            raise ValueError(f"y has {setup.responses.shape[1]} columns; fit_cv takes one response at a time.")
        folds = make_folds(cv, X, setup.data.y, setup.data.weight, groups, repeats, seed)
        lambdas = np.stack([_fit.lambdas_for(setup, request, a) for a in l1_ratios])
        prepared = time.perf_counter()
        folded = Folded(setup, folds, l1_ratios, lambdas, request, metric, keep == "all")
        full, fits = folded.run()
        paths, said = _full_paths(folded, full, began)
        result, more = _result(setup, folds, l1_ratios, paths, fits, metric, keep, averaging, (began, prepared))
    _fit.warn(said + more)
    return result


def _check_mixes(l1_ratios, penalty, loss):
    """(A,) mixing parameters, in the order given."""
    own = None if penalty is None else _fit.check_model(loss, penalty)
    _fit.check_model(loss, penalty or ElasticNet())
    if l1_ratios is None:
        return np.array([1.0 if own is None else own])
    given = np.array([ElasticNet(a).l1_ratio for a in ([l1_ratios] if np.ndim(l1_ratios) == 0 else l1_ratios)])
    if not given.size:
        raise ValueError("l1_ratios is empty; give one or more numbers from 0 (ridge) to 1 (lasso), or None.")
    if len(np.unique(given)) < len(given):
        raise ValueError(f"l1_ratios is {given.tolist()}, with a value twice; give each once.")
    if own is not None and given.tolist() != [own]:
        raise ValueError(f"l1_ratios is {given.tolist()}, but penalty has l1_ratio={own:g}; give one of the two.")
    return given


def _full_paths(folded, full, began):
    """(paths of all rows, cut to the shortest, and what to warn of)."""
    seconds, setup = time.perf_counter() - began, folded.setup
    asked = [replace(setup.options, l1_ratio=options.l1_ratio) for options in folded.options]
    ends = [
        _fit.end(solved.points, solved.kept, setup.problem.total, options)
        for solved, options in zip(full, asked, strict=True)
    ]
    length = min((each for each in ends if each is not None), default=None)
    found = [
        _fit.path_result(setup, options, solver, solved.points, solved.grid, solved.kept, length, seconds, began)
        for options, solver, solved in zip(asked, folded.solvers, full, strict=True)
    ]
    which = ["" if len(found) == 1 else f"l1_ratio {path.l1_ratio:g}: " for path, _ in found]
    said = [prefix + each for prefix, (_, clauses) in zip(which, found, strict=True) for each in clauses]
    return tuple(path for path, _ in found), said + _fit.cut(length, full[0].kept)


def _result(setup, folds, l1_ratios, paths, fits, metric, keep, averaging, times):
    data, problem = setup.data, setup.problem
    length = len(paths[0].lambdas)
    gap, n_iter, fold_loss = (
        np.stack([getattr(each, name)[:, :length] for each in fits]) for name in ("gap", "n_iter", "loss")
    )
    fold_weight = folds.held_weight(data.weight)
    weight = fold_weight if averaging == "weighted" else np.ones(len(folds))
    mean_loss, std_error = _scores.average(fold_loss, weight, folds.repeats)
    status = _fit.statuses(gap, n_iter, setup.options)
    train_mse = 2 * problem.total * (1 - np.stack([path.dev_ratio for path in paths]))
    best = np.unravel_index(np.argmin(mean_loss), mean_loss.shape)
    predictions, losses = _of_rows(data, fits, metric, best, length, keep)
    began, prepared = times
    ended = time.perf_counter()
    result = CVResult(
        paths=paths,
        l1_ratios=l1_ratios,
        lambdas=np.stack([path.lambdas for path in paths]),
        fold_loss=fold_loss,
        mean_loss=mean_loss,
        std_error=std_error,
        train_loss=train_mse[best[0]] if metric.squared else _train_loss(data, paths[best[0]], metric),
        gap=gap,
        status=status,
        metric=metric.name,
        fold_weight=fold_weight,
        oof_predictions=predictions,
        observation_loss=losses,
        n_samples=int(np.count_nonzero(data.weight)),
        train_mse=train_mse,
        fit_intercept=setup.model.fit_intercept,
        timings={"prepare": prepared - began, "solve": ended - prepared, "total": ended - began},
        _effective_df=partial(_effective_df, problem, paths),
    )
    return result, _shortfall(status, gap, setup.options) + _trivial(fits[0].trivial)


def _of_rows(data, fits, metric, best, length, keep):
    """(held-out predictions, losses or None) of the rows: (n,) at the choice, or (A, n, L)."""
    n = len(data.y)
    mixes, points = (fits, np.arange(length)) if keep == "all" else ([fits[best[0]]], np.array([best[1]]))
    predictions, losses = (np.zeros((len(mixes), n, len(points))) for _ in range(2))
    times = np.zeros((n, 1))
    for lane in mixes[0].lanes:
        times[lane.rows] += 1
    for i, each in enumerate(mixes):
        for lane in each.lanes:
            found = lane.predict(data, points)
            predictions[i, lane.rows] += found
            if metric.of_rows is not None:
                losses[i, lane.rows] += metric.of_rows(data.y[lane.rows], found)
    with np.errstate(invalid="ignore"):
        predictions, losses = (np.where(times > 0, v / times, np.nan) for v in (predictions, losses))
    if keep != "all":
        predictions, losses = predictions[0, :, 0], losses[0, :, 0]
    return predictions, losses if metric.of_rows is not None else None


def _train_loss(data, path, metric):
    counting = np.flatnonzero(data.weight)
    offset = None if data.offset is None else data.offset[counting]
    predictions = path.predict(np.asarray(data.X[counting]), offset=offset)
    return metric.in_fold(data.y[counting], predictions, _scores.row_weight(data)[counting])


def _effective_df(problem, paths):
    """(A, L) of the paths."""
    with jax.enable_x64(True):
        return np.stack(
            [
                path.effective_df
                if path.solver == "ridge"
                else _selection.effective_df(problem, path.coef_sparse, path.lambdas, path.l1_ratio)
                for path in paths
            ]
        )


def _shortfall(status, gap, options):
    unmet = status != Status.converged
    if not unmet.any():
        return []
    at_limit, causes = int((status == Status.max_iter).sum()), []
    if at_limit:
        causes.append(f"{at_limit} stopped at max_iter={options.max_iter}: raise it")
    if at_limit < unmet.sum():
        causes.append(_fit.PRECISION_LIMIT)
    return [
        f"{unmet.sum()} of {unmet.size} fits of folds have a gap above tol={options.tol:.1e}, the worst "
        f"{gap.max():.1e}: {'; '.join(causes)}"
    ]


def _trivial(folds):
    """What to warn of where the null model fits the training rows of some folds (K,) exactly."""
    return [f"in {folds.sum()} of {len(folds)} folds {_fit.NULL_FITS}"] if folds.any() else []
