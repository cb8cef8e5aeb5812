"""Whole paths: from the user's arrays to a PathResult."""

import time
from dataclasses import replace

import jax
import numpy as np

from jaxreg import _hints, _progress, _provenance
from jaxreg._alternation import settled
from jaxreg._request import by_position, check_request
from jaxreg._setup import lambdas_for, prepare, run_of
from jaxreg._status import Status
from jaxreg.losses import Squared
from jaxreg.objective._objective import mixing
from jaxreg.paths import _endings
from jaxreg.paths._lockstep import answered
from jaxreg.paths._points import points_of
from jaxreg.paths._result import path_result
from jaxreg.penalties import ElasticNet
from jaxreg.results._path import PathResult


def fit_path(
    X,
    y,
    *,
    loss=Squared(),  # noqa: B008 (frozen)
    penalty=ElasticNet(),  # noqa: B008 (frozen)
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
) -> PathResult:
    """Regularization path of a loss and a penalty, each point with a certificate.

    Minimises, at each lambda, over the intercept b0 and the coefficients b,

        sum_i w_i loss(y_i, offset_i + b0 + x_i'b) / sum_i w_i + penalty(b, lambda v)

    by default the lasso: loss (y - eta)^2 / 2 and penalty lambda * sum_j v_j [ a |b_j| + (1 - a) b_j^2 / 2 ] with a =
    penalty.l1_ratio = 1; ElasticNet also takes limits lower_j <= b_j <= upper_j. Coefficients come back on the user's
    scale.

    With `standardize` columns and response count in units of their standard deviations, so that no choice depends on
    the units of the data: the penalty is s^k penalty(b sigma / s, lambda v / s^(k-1)), that of the elastic net

        lambda * sum_j v_j [ a |c_j| + (1 - a) c_j^2 / (2 s) ]

    with c_j = sigma_j b_j, sigma_j and s the weighted 1/n standard deviations of column j and of y - offset (without
    an intercept the root mean square of y - offset), and k = 2. This is glmnet's penalty at the same lambda, which has
    the units of y; penalties of degree one do not notice s. `Quantile` has k = 1: lambda is a number. Losses of
    classes, counts, amounts and survival times and `Custom` ones have s = 1. delta and smoothing of a loss stay in
    units of y.

    Parameters
    ----------
    X : array (n, p), list of rows, or frame
        NumPy, JAX, pandas or polars; the column names of a frame are kept. NaN are an error without `impute`.
    y : array (n,)
        Numbers, or what the loss takes beside them: labels or counts of classes, times and events, see `losses`. Or
        (n, K) for K responses with the squared loss, where the objective is the sum of theirs:
        `penalties.MultiTaskLasso()` selects columns for all of them, ridge without limits solves each alone; the s of
        all is one, the root mean square of their standard deviations (of those that are not 0). Where y, sample_weight
        or offset is a Series with an index and X a frame with
        one, rows go by the index; 0, 1, 2, ... counts as none.
    loss, penalty : Loss and Penalty, or str
        One of `jaxreg.losses` and one of `jaxreg.penalties`, or their `Custom`; of those that need no number the name
        in lower case will do, as "huber", "lasso" or "ridge".
    lambdas : array (L,) >= 0, or None
        Explicit grid, any order, 0 allowed; the result has it descending.
    n_lambdas : int >= 1
        Length of the automatic grid.
    lambda_min_ratio : float in (0, 1), or None
        The automatic grid is geometric from lambda_max down to lambda_min_ratio * lambda_max; None is 1e-2 if n < p,
        else 1e-4. lambda_max is the smallest lambda at which all penalised coefficients are 0 (the penalty's
        `critical_lambda`); max_j |x_j'r| / (v_j max(a, 1e-3)) for the elastic net, so that ridge (a = 0) starts at a
        thousand times the largest correlation. With standardize=False ridge (a < 1e-3) has the units of X'X: its grid
        goes from where the largest eigenvalue S of the penalised columns is kept by a thousandth, S / (S + lambda), to
        where 0.99 of all degrees of freedom sum_i S_i / (S_i + lambda) are left (Hastie, Tibshirani and Friedman 2009,
        eq. (3.50)), times the mean curvature of the loss; lambda_min_ratio, if given, has the latter's place.
    sample_weight : array (n,) >= 0, or None
        The w_i; only ratios matter.
    offset : array (n,), or (n, K) for K responses or the classes of Multinomial, or None
        Known part of the linear predictor.
    strata : array (n,), or None
        Labels of strata of rows, for Cox: each has a baseline hazard of its own.
    penalty_factors : array (p,) >= 0, Series, dict, or None
        The v_j, used as given: 0 is unpenalised, inf excluded; the same within a group, and none for SLOPE, FusedLasso
        and TrendFilter. A Series with names, or a dict, goes by the names of the columns of a frame X, in any order; a
        dict may leave out columns, whose factor is 1.
    lower, upper : float, array (p,), Series, dict, or None
        Limits of the coefficients on the user's scale, lower <= 0 <= upper, for ElasticNet; those of a column are the
        same for all classes of Multinomial. They go by name as `penalty_factors` do; columns that a dict leaves out
        have no limit.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised. Without one a constant column of penalty factor 0 is an
        intercept of your own.
    standardize : bool
        Whether the penalty sees standardised columns and a standardised response, see above; else the objective stands
        literally, as in scikit-learn. Columns whose spread is less than 32 units in the last place of their level are
        constant: their coefficients are 0, and `constant_features` names them.
    solver : str
        "auto" takes the first of these that solves the problem and is preferred where it runs:

        - "batched" solves any loss with a convex penalty, without limits, on all columns; preferred on an accelerator,
          unless p > 3 n and columns can come in one by one, or "ridge" applies.
        - "pivot" solves the squared loss with ElasticNet, with or without limits; preferred where "ridge" does not
          apply.
        - "ridge" solves the squared loss with ElasticNet at l1_ratio=0 without limits, of one or more responses.
        - "block" solves the squared loss with a penalty that is a sum over columns or groups, without limits; preferred
          on a CPU, for convex penalties with groups of similar sizes.
        - "newton" solves any other loss with ElasticNet, with or without limits; preferred where the loss bends
          everywhere and has few outputs (times p or n at most 4096), or limits.
        - "proximal" solves any loss and any penalty, without limits.

        "batched" takes all lambdas, mixing parameters and folds side by side, on the Gram matrix of up to 8192 columns
        for the squared loss, on X for others: elastic nets of the squared loss by conjugate gradients on faces, all
        else by proximal gradient with Anderson acceleration, but for losses that hardly bend anywhere (`Quantile` with
        little smoothing), which go by the method of multipliers. "ridge" is one eigendecomposition of the smaller side,
        a few where the penalties of columns differ more than 1e4-fold, and beside other mixing parameters goes with
        them where these are "batched"; "pivot" the exact active-set path;
        "block" block coordinate descent with extrapolation, whose rest after 300 epochs "proximal" finishes; "newton"
        proximal Newton steps of a block of lambdas, whose models share one second derivative and are solved exactly by
        active sets; "proximal" accelerated proximal gradient with Newton steps.
    tol : float > 0, or None
        Bound on `gap`; None is 1e-6, or 1e-4 for float32.
    max_iter : int >= 1
        Tableau updates per lambda, of "newton" per step; products with the data for "batched" and "proximal"; epochs
        and such products for "block".
    early_stop : bool
        Stop where the explained deviance exceeds 0.999 or grows by less than 1e-5 of itself per point.
    max_features : int >= 1, or None
        Stop before the first point with more nonzero coefficients.
    warm_start : PathResult or None
        A path on the same columns; its solution at the first lambda is the starting point.
    dtype : float32, float64 or None
        Precision of the solver; None follows X.
    impute : "mean", "median", "most_frequent" or None
        What fills the NaN of X, by scikit-learn's SimpleImputer, from the rows whose weight is not 0, all of which
        count alike: `fit_cv` does so in each fold, from its training rows. `predict` fills the NaN of new rows with
        `fill_values`. The mean is glmnet's choice (makeX); of the columns 0 and 1 of a category it is the shares of the
        levels.
    progress : bool
        Write a line of progress to stderr.
    step_precision : str or None
        "float32", "tensorfloat32" or "bfloat16" lets "batched" and "proximal" take their first steps at each lambda by
        such products, which an accelerator has faster; full ones finish, and the certificate is in float64 as always.

    Returns
    -------
    PathResult
        Points whose gap exceeds `tol` have a status other than converged, and one ConvergenceWarning says which and
        why. So have those of a loss without a minimum, of which unpenalised columns, or all of them at lambda = 0, tell
        classes or events apart: they are `separable`, finite, and within `tol` of the infimum.

    Raises
    ------
    ValueError, TypeError
        For bad input, naming the argument, what was found and what to do; for names that X has not, and an index that
        contradicts that of X.

    Warns
    -----
    UserWarning
        For a y of booleans, or of integers with two values, which is fitted as numbers. Where y holds 2 to 10 whole
        numbers of any type, `summary` has a note.

    Notes
    -----
    The gap at b is (P(b) - D) / P0 with P the objective, D a dual value, so that the objective is within gap * P0 of
    its minimum, and P0 the loss of the model of the intercept and the unpenalised columns, or of the intercept alone
    where those fit exactly. Where no dual is known (penalties that are not convex, `Custom`, Cox with an unpenalised
    column that has not limits on both sides) `gap` is the scaled residual of the prox, and `certificate` says so: it
    vanishes at stationary points, of which the path takes the one it gets to from the last lambda.

    References
    ----------
    Objective and grid: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1).

    Examples
    --------
    A lasso path: no column at the largest lambda, all ten at the smallest, and a certificate at each.

    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y, n_lambdas=50)
    >>> int(path.df[0]), int(path.df[-1]), path.solver
    (0, 10, 'pivot')
    >>> bool(path.gap.max() < 1e-9), bool((path.status == jr.Status.converged).all())
    (True, True)
    """
    keywords = {name: value for name, value in locals().items() if name not in ("X", "y", "unknown")}
    _hints.refuse_keywords(unknown, "fit_path", keywords)
    began = time.perf_counter()
    request = check_request(X, keywords)
    # Results leave this scope as NumPy: a float64 JAX array outside it decays at the next operation.
    with jax.enable_x64(True):
        l1_ratios = [mixing(request.penalty)]
        setup = settled(prepare(X, y, request, l1_ratios), request, l1_ratios)
        path, clauses = _fitted(setup, request, began)
    _endings.warn(clauses)
    return replace(path, settings=_provenance.sources(by_position(keywords, request), fit_path))


def _fitted(setup, request, began):
    """(PathResult, what to warn of) of the data with one mixing parameter."""
    (l1_ratio,), (solver,), objective, options = setup.l1_ratios, setup.solvers, setup.objective, setup.options
    lambdas = lambdas_for(setup, request, l1_ratio)
    started = time.perf_counter()
    path = run_of(setup, setup, 0, lambdas, options, request.warm_start)
    blocks, ended = _collect(answered(path.loop, objective.design), path, objective, options)
    seconds = time.perf_counter() - started
    points = points_of(objective, blocks)
    result, clauses = path_result(setup, l1_ratio, solver, points, path.grid, path.asked, ended, seconds, began)
    return result, clauses + _endings.cut(ended, path.asked)


def _collect(loop, path, objective, options):
    """(blocks of points up to the end of the path or to an early end, the End or None)."""
    blocks: list = []
    done, ended, cuts = 0, None, options.max_features is not None or options.early_stop
    with _progress.bar(len(path.grid), "path", options.progress) as show:
        try:
            for block in loop:
                blocks.append(block)
                done += len(block)
                show(done, path.grid[done - 1], block)
                if cuts:
                    counts = np.concatenate([block.counts for block in blocks])
                    losses = np.concatenate([block.losses.sum(axis=1) for block in blocks])
                    ended = _endings.end(counts, losses, path.asked, objective.total, options)
                if ended is not None:
                    break
        except KeyboardInterrupt:
            ended = _endings.End(int(np.count_nonzero(path.asked < done)), Status.interrupted)
            if not ended.length:
                raise
    return blocks, ended
