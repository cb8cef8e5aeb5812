"""Cross-validation: from the user's arrays to a CVResult."""

import time
from dataclasses import replace
from operator import attrgetter

import jax
import numpy as np

from jaxreg import _hints, _names, _provenance, _validation
from jaxreg._alternation import settled
from jaxreg._request import NAMES, by_position, check_request
from jaxreg._setup import lambdas_for, prepare
from jaxreg.cv._folded import Folded
from jaxreg.cv._folds import check_training, make_folds, strata_of
from jaxreg.cv._result import cv_result
from jaxreg.losses import Squared
from jaxreg.objective._objective import mixed, mixing
from jaxreg.paths import _endings
from jaxreg.paths._result import path_result
from jaxreg.penalties import ElasticNet
from jaxreg.results._cv import CVResult
from jaxreg.scores._metrics import check_judging, make_metric


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
    strata=None,
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
        A number of folds gives each its share of the classes, or of the events of survival times.
    groups : labels (n,), or None
        Rows with the same label stay together, for an integer `cv` or a splitter. The largest groups are dealt out
        first, each to the fold with the fewest rows. A Series goes by the index of X, as y does.
    repeats : int >= 1
        Of an integer `cv`, each with folds of its own; K is their total. std_error is then the root mean square of
        those of the repeats: more repeats average out the draw of the folds, but are no new data.
    seed : int
        Of the folds.
    metric : str, callable or None
        Of numbers "mse" (the default for the squared loss), "mae", "r2" (for a response that varies in every fold), and
        "deviance" (the default for other losses: twice the loss above that of the saturated model). Of classes
        "deviance", "log_loss", "brier", "misclassification", "auc", "average_precision", and "mse" and "mae" of the
        probabilities; of three or more classes squares and absolute errors are added up, "auc" is the average of each
        class against all others. glmnet adds them up for two classes as well, twice as much. Of survival times
        "deviance", van Houwelingen's for an event as cv.glmnet's, and "c_index". What is better the higher it is (r2,
        auc, average_precision, c_index) counts with its sign changed. Or a function (y, prediction, weight) -> number,
        lower is better, of the rows of a fold whose weight is not 0; the weights are 1 on average over all rows of the
        data, y is as in `CVResult.y`, and it is called for each response.
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
        For bad input, naming the argument, what was found and what to do; for a fold whose training rows lack a class
        or an event, or whose held-out rows do not have the metric.

    Notes
    -----
    With p <= 256, or n >= p and p <= 1536, the Gram matrix of a fold is that of all rows less that of the rows held
    out, which also gives its squared error; otherwise the folds go side by side, and one product with X serves all (but
    not in ridge). The lanes run in one thread per core of the host. Where the solver is "batched", as `auto` has it on
    an accelerator, all of them go side by side, with one product per step (with X there and back where the loss is not
    squared), in parts that fit into memory; with the squared loss they are judged there, too, and NumPy gets what the
    result holds.

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
    keywords = {name: value for name, value in locals().items() if name not in ("X", "y", "unknown")}
    _hints.refuse_keywords(unknown, "fit_cv", keywords)
    began = time.perf_counter()
    if penalty == "elasticnet" and l1_ratios is not None:
        keywords["penalty"] = penalty = None
    l1_ratios, penalty = _check_mixes(l1_ratios, penalty)
    _validation.check_choice(keep, "keep", (None, "all"))
    _validation.check_choice(averaging, "averaging", ("weighted", "equal"))
    request = check_request(X, keywords | {"penalty": penalty})
    called, metric = metric, make_metric(metric, request.loss)
    with jax.enable_x64(True):
        mixes = list(map(float, l1_ratios))  # NumPy's floats would compile anew
        setup = settled(prepare(X, y, request, mixes), request, mixes)
        data, loss = setup.data, setup.loss
        metric = make_metric(called, loss)  # which may have been without a number
        strata = strata_of(loss, data.y)
        folds = make_folds(cv, X, data.y, data.weight, groups, repeats, seed, strata)
        check_training(folds, data.y, data.weight, loss, data.labels)
        check_judging(metric, called, folds, data.y, data.weight, data.labels)
        lambdas = np.stack([lambdas_for(setup, request, l1_ratio) for l1_ratio in setup.l1_ratios])
        prepared = time.perf_counter()
        done = Folded(setup, folds, lambdas, replace(request, loss=loss), metric, keep == "all").run()
        paths, clauses = _paths(setup, done, began)
        times = began, prepared
        result, more = cv_result(setup, done, l1_ratios[done.mixes], paths, metric, keep, averaging, times)
        missing = _missing(len(folds), len(l1_ratios), done)
        result = replace(result, interrupted=bool(missing or done.ended))
    _endings.warn(missing + clauses + more)
    return _with_settings(result, by_position(keywords, request), request.penalty)


def _with_settings(cv, keywords, penalty):
    """The CVResult with the keywords of its call, and its paths with those of calls that would give them alone."""
    shared = {name: keywords[name] for name in NAMES}

    def alone(path):
        settings = shared | {"penalty": mixed(penalty, path.l1_ratio)}
        return replace(path, settings=_provenance.sources(settings, fit_cv, penalty=ElasticNet()))

    return replace(cv, paths=tuple(map(alone, cv.paths)), settings=_provenance.sources(keywords, fit_cv))


def _check_mixes(l1_ratios, penalty):
    """((A,) mixing parameters in the order given, the penalty without regard to them)."""
    penalty = None if penalty is None else _names.check_penalty(penalty)
    if l1_ratios is None:
        penalty = ElasticNet() if penalty is None else penalty
        return np.array([mixing(penalty)]), penalty
    ratios = np.array([ElasticNet(a).l1_ratio for a in ([l1_ratios] if np.ndim(l1_ratios) == 0 else l1_ratios)])
    if not ratios.size:
        raise ValueError("l1_ratios is empty; give one or more numbers from 0 (ridge) to 1 (lasso), or None.")
    if len(np.unique(ratios)) < len(ratios):
        raise ValueError(f"l1_ratios is {ratios.tolist()}, with a value twice; give each once.")
    if penalty is None:
        return ratios, ElasticNet()
    ratio = mixing(penalty)
    if np.isnan(ratio):
        raise ValueError(f"l1_ratios is {ratios.tolist()}, but {penalty!r} has no mixing parameter; give None.")
    if penalty.quadratic and ratios.tolist() != [ratio]:
        raise ValueError(f"l1_ratios is {ratios.tolist()}, but penalty has l1_ratio={ratio:g}; give one of the two.")
    return ratios, penalty


def _missing(folds, mixes, done):
    """What to say of folds and mixing parameters that Ctrl-C left out."""
    counts = ((len(done.folds), folds, "folds"), (len(done.mixes), mixes, "mixing parameters"))
    return [
        f"interrupted after {done} of {asked} {what}, which are all that is returned"
        for done, asked, what in counts
        if done < asked
    ]


def _paths(setup, done, began):
    """(paths of all rows, cut to the shortest, and what to warn of)."""
    seconds, options = time.perf_counter() - began, setup.options
    ends = [
        _endings.end(
            np.diff(solved.points.coef.indptr), solved.points.loss, solved.asked, setup.objective.total, options
        )
        for solved in done.full
    ]
    ended = min((end for end in [*ends, done.ended] if end is not None), key=attrgetter("length"), default=None)
    fitted = [
        path_result(
            setup, setup.l1_ratios[a], setup.solvers[a], solved.points, solved.grid, solved.asked, ended, seconds, began
        )
        for a, solved in zip(done.mixes, done.full, strict=True)
    ]
    prefixes = ["" if len(fitted) == 1 else f"l1_ratio {path.l1_ratio:g}: " for path, _ in fitted]
    clauses = [prefix + clause for prefix, (_, said) in zip(prefixes, fitted, strict=True) for clause in said]
    return tuple(path for path, _ in fitted), clauses + _endings.cut(ended, done.full[0].asked)
