"""Estimators of several tasks that share their columns: MultiTaskElasticNet, MultiTaskLasso, and those with CV."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxreg import _validation, fit_path, penalties
from jaxreg.sklearn._cross_validated import PathRegressor, require_tasks
from jaxreg.sklearn._linear import (
    FAMILY_GAP,
    LinearRegressor,
    by_target,
    checked_weight,
    gap_tolerance,
    null_loss,
    solver_steps,
)


class MultiTaskElasticNet(LinearRegressor):
    """Multi-task elastic net, drop-in for `sklearn.linear_model.MultiTaskElasticNet`:

        minimise over (b0, B)  |Y - b0 - X B|_F^2 / (2 n)
                               + alpha * [ l1_ratio * sum_j |B_j.|_2 + (1 - l1_ratio) / 2 * |B|_F^2 ]

    selects columns for all tasks at once. Takes sample weights as well.

    Parameters
    ----------
    alpha : float >= 0
        The strength of the penalty.
    l1_ratio : float in [0, 1]
        1 is the multi-task lasso.
    fit_intercept : bool
        Whether there are intercepts, which are not penalised.
    max_iter : int >= 1
        Steps of the solver; see `jaxreg.fit_path`.
    tol : float > 0 or None
        The dual gap is at most tol * |Y|_F^2 / n (Y centred). None asks for half of 1e-11, and for a float32 X of 1e-4.
    warm_start : bool
        Start from the last fit.
    copy_X, random_state, selection
        Accepted, without effect.

    Attributes
    ----------
    coef_ : array (n_tasks, n_features)
        Of the columns, for each task.
    intercept_ : array (n_tasks,)
        The same.
    dual_gap_ : float
        In units of the objective.
    n_iter_ : int
        Steps of the solver.
    path_ : jaxreg.PathResult
        Of one point.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from jaxreg.sklearn import MultiTaskElasticNet
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskElasticNet(alpha=20.0).fit(X, Y)
    >>> model.coef_.shape, bool(model.dual_gap_ < 1e-9)
    ((3, 3), True)
    """

    path_: Any

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        copy_X=True,
        max_iter=1000,
        tol=None,
        warm_start=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.selection = selection

    def _penalty(self):
        return penalties.MultiTaskElasticNet(self.l1_ratio)

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and y (n_samples, n_tasks).

        `sample_weight` is a number or (n_samples,); only the ratios of weights matter. Returns self.
        """
        alpha = _validation.check_nonnegative(self.alpha, "alpha")
        warm = _validation.check_flag(self.warm_start, "warm_start") and hasattr(self, "path_")
        X, y = self._checked(X, y, several=True)
        require_tasks(self, y)
        weight = checked_weight(sample_weight, len(X))
        path = fit_path(
            X,
            y[:, 0] if y.shape[1] == 1 else y,
            penalty=self._penalty(),
            lambdas=[alpha],
            sample_weight=weight,
            fit_intercept=self.fit_intercept,
            standardize=False,
            tol=gap_tolerance(self.tol, FAMILY_GAP if X.dtype == np.float64 else None),
            max_iter=self.max_iter,
            warm_start=self.path_ if warm else None,
        )
        self.path_ = self._named(path)
        self.coef_, self.intercept_ = by_target(path.coef[0]), np.atleast_1d(path.intercept[0])
        self.dual_gap_ = float(path.gap[0]) * null_loss(y, weight, self.fit_intercept)
        self.n_iter_ = solver_steps(path, 0)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        return tags


class MultiTaskLasso(MultiTaskElasticNet):
    """Multi-task lasso, drop-in for `sklearn.linear_model.MultiTaskLasso`: `MultiTaskElasticNet` with l1_ratio = 1.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from jaxreg.sklearn import MultiTaskLasso
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> (MultiTaskLasso(alpha=30.0).fit(X, Y).coef_ != 0).all(axis=0).tolist()
    [False, True, True]
    """

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=1000,
        tol=None,
        warm_start=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.selection = selection

    def _penalty(self):
        return penalties.MultiTaskLasso()


class MultiTaskElasticNetCV(PathRegressor):
    """Multi-task elastic net with alpha and l1_ratio chosen by cross-validation.

    Drop-in for `sklearn.linear_model.MultiTaskElasticNetCV`. The objective is that of `MultiTaskElasticNet`. Takes
    sample weights as well. Parameters and attributes are those of `ElasticNetCV`; coef_ is (n_tasks, n_features) and
    intercept_ (n_tasks,). tol=None asks for a relative gap of 1e-11.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from jaxreg.sklearn import MultiTaskElasticNetCV
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> MultiTaskElasticNetCV(l1_ratio=[0.5, 0.9], cv=3, alphas=10).fit(X, Y).mse_path_.shape
    (2, 10, 3)
    """

    multi_task = True
    default_gap = FAMILY_GAP

    def __init__(
        self,
        *,
        l1_ratio=0.5,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        max_iter=1000,
        tol=None,
        cv=None,
        copy_X=True,
        verbose=0,
        n_jobs=None,
        random_state=None,
        selection="cyclic",
        rule="min",
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def _penalty(self, n_features):
        return penalties.MultiTaskElasticNet()

    def _options(self):
        return {"l1_ratios": self.l1_ratio}

    def _keep(self, choice, gap, y, sample_weight):
        super()._keep(choice, gap, y, sample_weight)
        self.l1_ratio_ = choice.l1_ratio


class MultiTaskLassoCV(PathRegressor):
    """Multi-task lasso with alpha chosen by cross-validation, drop-in for `sklearn.linear_model.MultiTaskLassoCV`:

        minimise over (b0, B)  |Y - b0 - X B|_F^2 / (2 n) + alpha * sum_j |B_j.|_2

    selects columns for all tasks at once. Takes sample weights as well. Parameters and attributes are those of
    `LassoCV`; coef_ is (n_tasks, n_features) and intercept_ (n_tasks,). tol=None asks for a relative gap of 1e-11.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from jaxreg.sklearn import MultiTaskLassoCV
    >>> X, Y = load_linnerud(return_X_y=True)
    >>> MultiTaskLassoCV(cv=3, alphas=10).fit(X, Y).coef_.shape
    (3, 3)
    """

    multi_task = True
    default_gap = FAMILY_GAP

    def __init__(
        self,
        *,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        max_iter=1000,
        tol=None,
        copy_X=True,
        cv=None,
        verbose=False,
        n_jobs=None,
        random_state=None,
        selection="cyclic",
        rule="min",
    ):
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.copy_X = copy_X
        self.cv = cv
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def _penalty(self, n_features):
        return penalties.MultiTaskLasso()
