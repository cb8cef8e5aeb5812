"""Estimators that choose on a path by cross-validation: LassoCV, ElasticNetCV and others."""

import numpy as np

from jaxreg import penalties
from jaxreg._alignment import by_column
from jaxreg.losses import Squared
from jaxreg.sklearn._cross_validated import PathRegressor
from jaxreg.sklearn._linear import ITERATED_GAP, coefficient_limits


class ElasticNetCV(PathRegressor):
    """Elastic net with alpha and l1_ratio chosen by cross-validation, drop-in for `sklearn.linear_model.ElasticNetCV`.

    The objective is that of `ElasticNet`. Each l1_ratio has one grid of alphas, made from all rows, for all folds. The
    mean of the folds' (weighted) mean squared errors decides. Every fold counts the same.

    Parameters
    ----------
    l1_ratio : float in [0, 1], or a sequence of them
        0 (ridge) has an automatic grid, too.
    eps : float in (0, 1)
        The smallest alpha of an automatic grid over the largest.
    alphas : int, or a sequence of floats
        The number of alphas of an automatic grid, or the alphas.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    max_iter : int >= 1
        Steps of the solver at each alpha; see `jaxreg.fit_path`.
    tol : float > 0 or None
        As in `ElasticNet`.
    cv : int, splitter or list of (train, test)
        None is 5 folds of rows in their order.
    positive : bool
        Coefficients >= 0.
    rule : str
        "min" (scikit-learn's: the least mean error), "1se" (the largest alpha within one standard error of it), or
        "aic", "bic", "ebic", "gcv"; see `jaxreg.CVResult.select`.
    precompute, copy_X, verbose, n_jobs, random_state, selection
        Accepted, without effect.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The choice.
    coef_ : array (n_features,)
        Of all rows at the choice.
    intercept_ : float
        The same.
    alphas_ : array (n_alphas,)
        (n_l1_ratio, n_alphas) for several mixing parameters and automatic grids.
    mse_path_ : array (n_alphas, n_folds)
        (n_l1_ratio, n_alphas, n_folds) for several mixing parameters.
    dual_gap_, n_iter_ : float, int
        At the choice; the gap in units of the objective.
    cv_result_ : jaxreg.CVResult
        Everything that was fitted: certificates, held-out predictions, `plot()`, `report()`, other rules.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import ElasticNetCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0], cv=5).fit(X, y)
    >>> model.l1_ratio_, model.mse_path_.shape, bool(model.cv_result_.gap.max() < 1e-9)
    (1.0, (3, 100, 5), True)
    """

    def __init__(
        self,
        *,
        l1_ratio=0.5,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        precompute="auto",
        max_iter=1000,
        tol=None,
        cv=None,
        copy_X=True,
        verbose=0,
        n_jobs=None,
        positive=False,
        random_state=None,
        selection="cyclic",
        rule="min",
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def _penalty(self, n_features):
        return None

    def _options(self):
        return {"l1_ratios": self.l1_ratio, **coefficient_limits(self.positive)}

    def _keep(self, choice, gap, y, sample_weight):
        super()._keep(choice, gap, y, sample_weight)
        self.l1_ratio_ = choice.l1_ratio


class LassoCV(PathRegressor):
    """Lasso with alpha chosen by cross-validation, drop-in for `sklearn.linear_model.LassoCV`.

    The objective is that of `Lasso`; parameters and attributes are those of `ElasticNetCV`, less l1_ratio.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import LassoCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LassoCV(cv=5, rule="1se").fit(X, y)
    >>> int((model.coef_ != 0).sum()), int((model.cv_result_.coef != 0).sum())
    (6, 9)
    """

    def __init__(
        self,
        *,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        precompute="auto",
        max_iter=1000,
        tol=None,
        copy_X=True,
        cv=None,
        verbose=False,
        n_jobs=None,
        positive=False,
        random_state=None,
        selection="cyclic",
        rule="min",
    ):
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.copy_X = copy_X
        self.cv = cv
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def _penalty(self, n_features):
        return penalties.Lasso()

    def _options(self):
        return coefficient_limits(self.positive)


class GroupLassoCV(PathRegressor):
    """Group lasso with alpha chosen by cross-validation: the columns of a group enter together.

        minimise over (b0, b)  sum_i w_i (y_i - b0 - x_i'b)^2 / (2 sum_i w_i) + alpha * sum_g m_g |b_g|_2

    Attributes are those of `LassoCV`.

    Parameters
    ----------
    groups : labels (n_features,), list of lists, or None
        The labels of the columns, or the column indices of each group; None is a group for each column.
    group_weights : array (n_groups,), or None
        The m_g, in the order of the sorted labels or of the lists; None is the square root of the group's size.
    eps, alphas, fit_intercept, max_iter, tol, cv, rule
        As in `LassoCV`; tol=None asks for a relative gap of 1e-10.

    References
    ----------
    Yuan and Lin (2006), J. R. Stat. Soc. B 68.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import GroupLassoCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GroupLassoCV(groups=[0, 0, 1, 1, 2, 2, 2, 3, 3, 3], alphas=20).fit(X, y)
    >>> bool((model.coef_[2:4] != 0).all())
    True
    """

    default_gap = ITERATED_GAP

    def __init__(
        self,
        groups=None,
        *,
        group_weights=None,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        max_iter=2000,
        tol=None,
        cv=None,
        rule="min",
    ):
        self.groups = groups
        self.group_weights = group_weights
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.rule = rule

    def _penalty(self, n_features):
        groups = np.arange(n_features) if self.groups is None else self.groups
        return penalties.GroupLasso(groups, self.group_weights)


class PathRegressorCV(PathRegressor):
    """Any loss and penalty of this package, the strength chosen by cross-validation.

        minimise over (b0, b)  sum_i w_i loss(y_i, b0 + x_i'b) / sum_i w_i + penalty(b, alpha v)

    Parameters
    ----------
    loss : Loss, str or None
        One of `jaxreg.losses`, or its name in lower case; None is the squared loss.
    penalty : Penalty, str or None
        One of `jaxreg.penalties`, or its name in lower case; None is the lasso.
    l1_ratio : float, a sequence of them, or None
        Mixing parameters of ElasticNet or SparseGroupLasso; None takes the penalty's own.
    eps, alphas, fit_intercept, max_iter, tol, cv, rule
        As in `ElasticNetCV`.
    standardize : bool
        Penalise the columns on the scale of their standard deviations.
    penalty_factors : array (n_features,), Series, dict, or None
        The v; None is 1, 0 is unpenalised, inf excluded. Names are those of the columns of a frame X; see
        `jaxreg.fit_path`.
    metric : str, callable or None
        What the folds are judged by, "mse", "mae", "r2", "deviance" or a function; None is the mean squared error for
        the squared loss and the deviance for others. See `jaxreg.fit_cv`.

    Attributes
    ----------
    alpha_, coef_, intercept_, alphas_, n_iter_, cv_result_, n_features_in_, feature_names_in_
        As in `ElasticNetCV`.
    l1_ratio_ : float
        The chosen mixing parameter, NaN for a penalty without one.
    loss_path_ : array (n_alphas, n_folds)
        (n_l1_ratio, n_alphas, n_folds) for several mixing parameters; in units of `metric`.
    gap_ : float
        The certificate at the choice, `jaxreg.PathResult.gap`.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import PathRegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> penalty = jr.penalties.ElasticNet(0.5)
    >>> model = PathRegressorCV(penalty=penalty, standardize=True, metric="mae", alphas=20, rule="1se").fit(X, y)
    >>> model.coef_.shape, model.loss_path_.shape
    ((10,), (20, 5))
    """

    def __init__(
        self,
        loss=None,
        penalty=None,
        *,
        l1_ratio=None,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        standardize=False,
        penalty_factors=None,
        metric=None,
        max_iter=2000,
        tol=None,
        cv=None,
        rule="min",
    ):
        self.loss = loss
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.penalty_factors = penalty_factors
        self.metric = metric
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.rule = rule

    def _loss(self):
        return Squared() if self.loss is None else self.loss

    def _penalty(self, n_features):
        return self.penalty

    def _options(self):
        factors = by_column(self.penalty_factors, "penalty_factors", self._labels(), 1.0)
        options = {"standardize": self.standardize, "penalty_factors": factors, "metric": self.metric}
        return {"l1_ratios": self.l1_ratio} | options

    def _keep(self, choice, gap, y, sample_weight):
        self.loss_path_ = self._loss_path()
        self.l1_ratio_, self.gap_ = choice.l1_ratio, gap
