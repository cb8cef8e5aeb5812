"""Cross-validation: from the user's arrays to a CVResult."""

import time
from dataclasses import fields, replace
from functools import partial
from operator import attrgetter

import jax
import numpy as np

from jaxreg import _ends, _fit, _hints, _names, _record, _responses, _scores, _selection, _validation
from jaxreg._cv_results import CVResult
from jaxreg._fold_fits import predictions_of
from jaxreg._folded import Folded
from jaxreg._folds import check_training, make_folds
from jaxreg._objective import Objective
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
    impute=None,
    progress=False,
    step_precision=None,
    **unknown,
) -> CVResult:
    """Cross-validated paths: all folds, mixing parameters and lambdas, each with a certificate.

    A fold is the data with other weights: its fit is that of `fit_path` on its training rows, whose columns and
    response are centred and scaled on their own, at the lambdas of the full data. X is not copied. The held-out losses
    are averaged over folds,

        mean_loss = sum_k W_k e_k,    std_error^2 = sum_k W_k (e_k - mean_loss)^2 / (K - 1)

    with W_k the share of the sample weight that fold k holds out (averaging="weighted", as glmnet does), or 1/K
    ("equal", as scikit-learn does); e_k is itself a weighted mean over the rows held out.

    Parameters
    ----------
    X, y : arrays or frames
        As for `fit_path`, and so are all arguments that are not listed here. With several responses, y (n, R), one
        lambda is chosen for all: a loss is the plain average of theirs, and `gap` that of the sum of their objectives.
    l1_ratios : float or (A,) floats in [0, 1], or None
        Mixing parameters of ElasticNet or SparseGroupLasso; None takes that of `penalty`, or 1.
    cv : int, splitter, array (n,), list, or "loo"
        Number of folds, drawn with `seed`; a splitter of scikit-learn; integer fold ids (n,), whose sorted values are
        the folds; a list of (train, test) pairs of row indices or masks, where a row that is named twice counts twice;
        or "loo", leave one out. Folds of a splitter, or pairs, that hold out all rows once, then all rows once again,
        and so on, in groups of equal size, are `repeats`. One hold-out split is allowed; it has no standard error.
        A number of folds gives each its share of the classes where the loss is one of classes (SquaredHinge).
    groups : labels (n,), or None
        Rows with the same label stay together, for an integer `cv` or a splitter. The largest groups are dealt out
        first, each to the fold with the fewest rows. A Series goes by the index of X, as y does.
    repeats : int >= 1
        Of an integer `cv`, each with folds of its own; K is their total. std_error is then the root mean square of
        those of the repeats: more repeats average out the draw of the folds, but are no new data.
    seed : int
        Of the folds.
    metric : str, callable or None
        "mse" (the default for the squared loss), "mae", "r2" (its negative; for a response that varies in every fold,
        and not for classes), "deviance" (the default for other losses: twice the loss, the mean squared error for the
        squared one), or a function (y, prediction, weight) -> number, lower is better, of the rows of a fold whose
        weight is not 0; the weights are 1 on average over all rows of the data. It is called for each response.
    keep : "all" or None
        "all" keeps the held-out predictions and losses of the rows at all lambdas, (A, n, L); see `CVResult`.
    averaging : str
        "weighted" or "equal", see above.
    loss, penalty : Loss and Penalty
        As for `fit_path`; a penalty of None, or "elasticnet", is ElasticNet with `l1_ratios`.
    lambdas : array (L,) >= 0, or None
        One grid for all mixing parameters; None gives each its own, from the full data.
    early_stop, max_features : bool; int or None
        Cut the paths of the full data; all grids end where the first of them does.

    Returns
    -------
    CVResult
        Fits whose gap exceeds `tol` have a status other than converged, and one ConvergenceWarning says how many.

    Raises
    ------
    ValueError, TypeError
        For bad input, naming the argument, what was found and what to do; for a fold whose training rows lack a class.

    Notes
    -----
    With p <= 256, or n >= p and p <= 1536, the Gram matrix of a fold is that of all rows less that of the rows held
    out, which also gives its squared error; otherwise the folds go side by side, and one product with X serves all (but
    not in ridge). The lanes run in one thread per core of the host; on an accelerator the proximal solver takes those
    of convex penalties side by side, with one product per step, wherever there are Gram matrices.

    Ridge without limits needs one decomposition for each fold, whatever the number of responses. If it leaves one out
    (cv="loo", l1_ratio 0), it needs one for all rows and lambdas: row i is predicted by the fit of the others at the
    penalty (sum w - w_i) * lambda. With `standardize` columns and response keep the scales that all rows give them, and
    `gap` is that of the fit of all rows. All other fits that leave one out (l1_ratio > 0, limits, solver="pivot", a
    splitter) scale them by the rows that they train on, as other folds do: standardize=False is the same for both.

    References
    ----------
    Averages and grid: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), section 6.

    Examples
    --------
    Five folds of two mixing parameters at 50 lambdas each; the one-standard-error rule leaves fewer columns.

    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> cv = jr.fit_cv(X, y, l1_ratios=[0.5, 1.0], cv=5, n_lambdas=50)
    >>> cv.fold_loss.shape, bool(cv.gap.max() < 1e-9)
    ((2, 5, 50), True)
    >>> bool((cv.select("1se").coef != 0).sum() < (cv.select("min").coef != 0).sum())
    True
    """
    given = {name: value for name, value in locals().items() if name not in ("X", "y", "unknown")}
    _hints.refuse_keywords(unknown, "fit_cv", given)
    began = time.perf_counter()
    if penalty == "elasticnet" and l1_ratios is not None:
        given["penalty"] = penalty = None
    l1_ratios, penalty = _check_mixes(l1_ratios, penalty)
    _validation.check_choice(keep, "keep", (None, "all"))
    _validation.check_choice(averaging, "averaging", ("weighted", "equal"))
    request = _fit.check_request(X, given | {"penalty": penalty})
    metric = _scores.make_metric(metric, request.loss)
    with jax.enable_x64(True):
        setup = _fit.prepare(X, y, request)
        setups = _responses.setups(setup, request, l1_ratios)
        targets = setup.data.y if setup.responses is None else setup.responses
        strata = setup.data.y if request.loss.of_classes else None
        folds = make_folds(cv, X, targets, setup.data.weight, groups, repeats, seed, strata)
        if request.loss.of_classes:
            check_training(folds, setup.data.y, setup.data.weight, request.loss)
        if metric.name == _scores.METRICS["r2"].name:
            _scores.check_varies(folds, targets, setup.data.weight)
        lambdas = np.stack([_fit.lambdas_for(setups, request, a) for a in l1_ratios])
        prepared = time.perf_counter()
        folded = Folded(setups, folds, l1_ratios, lambdas, request, metric, keep == "all")
        done = folded.run()
        found = [_full_paths(folded, done, *each, began) for each in zip(setups, done.full, strict=True)]
        own, said = [paths for paths, _ in found], _responses.said_once(clauses for _, clauses in found)
        times, mixes = (began, prepared), l1_ratios[done.mixes]
        result, more = _result(setups, done.folds, mixes, own, done.fits, metric, keep, averaging, times)
        missing = _missing(len(folds), len(l1_ratios), done)
        result = replace(result, interrupted=bool(missing or done.ended))
    _ends.warn(missing + said + more)
    return _with_settings(result, _fit.by_position(given, request), request.penalty)


def _with_settings(cv, given, penalty):
    """The CVResult with the keywords of its call, and its paths with those of calls that would give them alone."""
    shared = {each.name: given[each.name] for each in fields(_fit.Request)}

    def alone(path):
        own = {"penalty": _fit.mixed(penalty, path.l1_ratio)}
        settings = _record.sources(shared | own, fit_cv, penalty=ElasticNet())
        return replace(path, settings=settings, link=given["loss"].link)

    return replace(cv, paths=tuple(map(alone, cv.paths)), settings=_record.sources(given, fit_cv))


def _check_mixes(l1_ratios, penalty):
    """((A,) mixing parameters in the order given, the penalty without regard to them)."""
    penalty = None if penalty is None else _names.check_penalty(penalty)
    if l1_ratios is None:
        penalty = ElasticNet() if penalty is None else penalty
        return np.array([_fit.mixing(penalty)]), penalty
    given = np.array([ElasticNet(a).l1_ratio for a in ([l1_ratios] if np.ndim(l1_ratios) == 0 else l1_ratios)])
    if not given.size:
        raise ValueError("l1_ratios is empty; give one or more numbers from 0 (ridge) to 1 (lasso), or None.")
    if len(np.unique(given)) < len(given):
        raise ValueError(f"l1_ratios is {given.tolist()}, with a value twice; give each once.")
    if penalty is None:
        return given, ElasticNet()
    own = _fit.mixing(penalty)
    if np.isnan(own):
        raise ValueError(f"l1_ratios is {given.tolist()}, but {penalty!r} has no mixing parameter; give None.")
    if isinstance(penalty, ElasticNet) and given.tolist() != [own]:
        raise ValueError(f"l1_ratios is {given.tolist()}, but penalty has l1_ratio={own:g}; give one of the two.")
    return given, penalty


def _missing(folds, mixes, done):
    """What to say of folds and mixing parameters that Ctrl-C left out."""
    counts = ((len(done.folds), folds, "folds"), (len(done.mixes), mixes, "mixing parameters"))
    return [
        f"interrupted after {found} of {asked} {what}, which are all that is returned"
        for found, asked, what in counts
        if found < asked
    ]


def _full_paths(folded, done, setup, full, began):
    """(paths of all rows for one response, cut to the shortest, and what to warn of)."""
    seconds = time.perf_counter() - began
    asked = [replace(setup.options, l1_ratio=folded.options[a].l1_ratio) for a in done.mixes]
    ends = [
        _ends.end(solved.points, solved.kept, setup.problem.total, options)
        for solved, options in zip(full, asked, strict=True)
    ]
    ended = min((each for each in [*ends, done.ended] if each is not None), key=attrgetter("length"), default=None)
    found = [
        _fit.path_result(
            setup, options, folded.solvers[a], solved.points, solved.grid, solved.kept, ended, seconds, began
        )
        for options, a, solved in zip(asked, done.mixes, full, strict=True)
    ]
    which = ["" if len(found) == 1 else f"l1_ratio {path.l1_ratio:g}: " for path, _ in found]
    said = [prefix + each for prefix, (_, clauses) in zip(which, found, strict=True) for each in clauses]
    return [path for path, _ in found], said + _ends.cut(ended, full[0].kept)


def _result(setups, folds, l1_ratios, own, fits, metric, keep, averaging, times):
    """(CVResult, what to warn of) of the responses' own paths and fits."""
    setup, weight = setups[0], setups[0].data.weight
    paths = tuple(_responses.joined(each, setups) for each in zip(*own, strict=True))
    length = len(paths[0].lambdas)
    null_loss = np.stack([[fit.null_loss for fit in each] for each in fits])  # (responses, A, K)
    gap, n_iter, full, loss = (
        np.stack([[getattr(fit, name)[:, :length] for fit in each] for each in fits])
        for name in ("gap", "n_iter", "full", "loss")
    )
    gap, n_iter, fold_loss = _responses.weighted(gap, null_loss), n_iter.max(axis=0), loss.mean(axis=0)
    fold_weight = folds.held_weight(weight)
    share = fold_weight if averaging == "weighted" else np.ones(len(folds))
    mean_loss, std_error = _scores.average(fold_loss, share, folds.repeats)
    status = _ends.statuses(gap, n_iter, full.any(axis=0), setup.options)
    best = np.unravel_index(np.argmin(mean_loss), mean_loss.shape)
    each_own = list(zip(setups, own, strict=True))
    train_mse = np.stack([[_train_mse(each, path) for path in paths] for each, paths in each_own], axis=-1)
    train_loss = np.mean([_train_loss(each, paths[best[0]], metric) for each, paths in each_own], axis=0)
    predictions, losses = _of_rows(setups, fits, metric, best, length, keep)
    squared = np.stack([[fit.squared_error[:, :length] for fit in each] for each in fits])
    began, prepared = times
    ended = time.perf_counter()
    result = CVResult(
        paths=paths,
        l1_ratios=l1_ratios,
        lambdas=np.stack([path.lambdas for path in paths]),
        fold_loss=fold_loss,
        mean_loss=mean_loss,
        std_error=std_error,
        train_loss=train_loss,
        gap=gap,
        status=status,
        metric=metric.name,
        fold_weight=fold_weight,
        oof_predictions=predictions,
        observation_loss=losses,
        n_samples=int(np.count_nonzero(weight)),
        train_mse=train_mse,
        minus_two_log_likelihood=setup.loss.minus_two_log_likelihood(train_mse, np.count_nonzero(weight)),
        r2=None if setup.loss.of_classes else _r2(squared, setups, folds, fold_weight),
        y=setup.data.y if setup.responses is None else setup.responses,
        fit_intercept=setup.model.fit_intercept,
        timings={"prepare": prepared - began, "solve": ended - prepared, "total": ended - began},
        _effective_df=None if isinstance(setup.problem, Objective) else partial(_effective_df, setup.problem, paths),
    )
    return result, _shortfall(status, gap, paths[0].certificate, setup.options) + _trivial(
        (null_loss[:, 0] == 0).any(axis=0)
    )


def _of_rows(setups, fits, metric, best, length, keep):
    """(held-out predictions, losses or None) of the rows: (n,) at the choice, or (A, n, L); predictions [, R]."""
    n = len(setups[0].data.y)
    mixes, points = (range(len(fits[0])), np.arange(length)) if keep == "all" else (best[:1], np.array(best[1:]))
    predictions = np.zeros((len(mixes), n, len(points), len(setups)))
    losses, times = np.zeros(predictions.shape[:-1]), np.zeros((n, 1))
    for lane in fits[0][0].lanes:
        times[lane.rows] += 1
    for r, setup in enumerate(setups):
        for i, a in enumerate(mixes):
            for lane in fits[r][a].lanes:
                found = lane.predict(setup.data, points)
                predictions[i, lane.rows, :, r] += found
                if metric.of_rows is not None:
                    losses[i, lane.rows] += metric.of_rows(setup.data.y[lane.rows], found) / len(setups)
    with np.errstate(invalid="ignore"):
        predictions, losses = predictions / times[..., None], losses / times  # NaN where never held out
    if keep != "all":
        predictions, losses = predictions[0, :, 0], losses[0, :, 0]
    if setups[0].responses is None:
        predictions = predictions[..., 0]
    return predictions, losses if metric.of_rows is not None else None


def _r2(squared_error, setups, folds, fold_weight):
    """(A, L) of mean squared errors (responses, A, K, L) of the folds; NaN where no response varies."""
    times = sum(np.bincount(part.rows, part.counts, folds.n) for part in folds.held_out)
    y = np.stack([setup.data.y for setup in setups], axis=1)
    spread = _scores.variance(y, setups[0].data.weight * times)
    varies = spread > 0
    if not varies.any():
        return np.full((squared_error.shape[1], squared_error.shape[3]), np.nan)
    error = np.einsum("rakl,k->ral", squared_error[varies], fold_weight / fold_weight.sum())
    return (1 - error / spread[varies, None, None]).mean(axis=0)


def _train_mse(setup, path):
    return 2 * setup.problem.total * setup.problem.loss_unit * (1 - path.dev_ratio)


def _train_loss(setup, path, metric):
    if metric.squared and setup.loss.quadratic:
        return _train_mse(setup, path)
    data, counting = setup.data, np.flatnonzero(setup.data.weight)
    predictions = predictions_of(data, counting, path.coef_sparse, path.intercept)
    return metric.in_fold(data.y[counting], predictions, _scores.row_weight(data)[counting])


def _effective_df(problem, paths):
    """(A, L) of the paths."""
    with jax.enable_x64(True):
        return np.stack(
            [
                path.effective_df
                if path.solver == "ridge"
                else _selection.effective_df(
                    problem, path.coef_sparse, path.lambdas / problem.lambda_unit, path.l1_ratio
                )
                for path in paths
            ]
        )


def _shortfall(status, gap, certificate, options):
    unmet = status != Status.converged
    if not unmet.any():
        return []
    at_limit, causes = int((status == Status.max_iter).sum()), []
    if at_limit:
        causes.append(f"{at_limit} stopped at max_iter={options.max_iter}: raise it")
    if (status == Status.capacity).any():
        causes.append(_ends.CAPACITY_LIMIT)
    if (status == Status.stalled).any():
        causes.append(_ends.precision_limit(options))
    return [
        f"{unmet.sum()} of {unmet.size} fits of folds have a {certificate} above tol={options.tol:.1e}, the worst "
        f"{gap.max():.1e}: {'; '.join(causes)}"
    ]


def _trivial(folds):
    """What to warn of where the null model fits the training rows of some folds (K,) exactly."""
    return [f"in {folds.sum()} of {len(folds)} folds {_ends.NULL_FITS}"] if folds.any() else []
