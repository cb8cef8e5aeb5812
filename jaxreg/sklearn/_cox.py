"""Cox regression: CoxRegression at one alpha, CoxRegressionCV on a path."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxreg import _validation
from jaxreg.losses import Cox
from jaxreg.sklearn._generalized_cv import FamilyCV
from jaxreg.sklearn._linear import DTYPES, LinearEstimator, checked_weight, dense, score_by_family
from jaxreg.sklearn._one_fit import OneFit

if TYPE_CHECKING:
    from jaxtyping import Float

    from jaxreg.results._path import PathResult


class Proportional(LinearEstimator):
    """What a Cox model makes of survival times and of new rows."""

    coef_: Any
    offset_: float
    intercept_: Any = 0.0  # there is none
    ties: Any

    @abstractmethod
    def _path_of_choice(self) -> PathResult:
        """The path that has the fitted model."""

    def _loss(self):
        return Cox(self.ties)

    def _checked(self, X, y, several=False):
        """(X, the survival times as the loss encodes them)."""
        X = validate_data(self, dense(X), dtype=DTYPES, ensure_min_samples=2, copy=False)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        return X, self._loss().encode(y, np.ones(len(X), bool)).y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def predict(self, X) -> Float[np.ndarray, " n"]:
        """Log relative risk (n_samples,) beside that of the mean of the fitted rows: (x - mean)'coef_."""
        return self._linear_predictor(X) - self.offset_

    def predict_survival_function(self, X, times) -> Float[np.ndarray, "n T"]:
        """Chances (n_samples, n_times) of no event by some times; see `jaxreg.PathResult.survival`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=DTYPES, reset=False)
        path = self._path_of_choice()
        return path.survival(X, times, lam=getattr(self, "alpha_", path.lambdas[0]))

    def score(self, X, y, sample_weight=None):
        """Harrell's C-index: of two rows, how often the one whose event comes first has the larger risk."""
        eta = self._linear_predictor(X)
        return score_by_family(self._loss(), y, eta, sample_weight)


class CoxRegression(Proportional, OneFit):
    """Cox's proportional hazards with the elastic net, after scikit-survival's `CoxnetSurvivalAnalysis`, at one alpha:

        minimise over b  -log partial likelihood(b) / n + alpha * [ l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|_2^2 ]

    With sample weights the likelihood is that of `jaxreg.losses.Cox`, over their sum.

    Parameters
    ----------
    alpha : float >= 0
        The strength of the penalty.
    l1_ratio : float in [0, 1]
        0 is ridge, 1 the lasso.
    ties : {"efron", "breslow"}
        How events of the same time are treated; scikit-survival's is "breslow".
    max_iter : int >= 1
        Steps of the solver; see `jaxreg.fit_path`.
    tol : float > 0 or None
        Bound on `jaxreg.PathResult.gap`; None is 1e-11, and for a float32 X 1e-4.
    warm_start : bool
        Start from the last fit.

    Attributes
    ----------
    coef_ : array (n_features,)
        Log hazard ratios.
    offset_ : float
        coef_ times the mean of the fitted rows.
    n_iter_ : int
        Steps of the solver.
    path_ : jaxreg.PathResult
        Of one point, with its certificate.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from jaxreg.sklearn import CoxRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> time, end = rng.exponential(np.exp(-X[:, 0])), 2.0
    >>> y = np.array([(t < end, min(t, end)) for t in time], [("event", bool), ("time", float)])
    >>> model = CoxRegression(alpha=0.3, l1_ratio=1.0).fit(X, y)
    >>> np.flatnonzero(model.coef_).tolist(), model.score(X, y) > 0.7
    ([0], True)
    >>> model.predict_survival_function(X[:2], times=[0.5, 1.0, 1.5]).shape
    (2, 3)
    """

    def __init__(self, alpha=1.0, *, l1_ratio=0.5, ties="efron", max_iter=2000, tol=None, warm_start=False):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.ties = ties
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and survival times.

        y is a structured array, a frame or a dict with the fields time and event, and perhaps start; of other names
        there may be two, that of the event being the one of booleans. `sample_weight` is a number or (n_samples,).
        Returns self.
        """
        alpha = _validation.check_nonnegative(self.alpha, "alpha")
        X, y = self._checked(X, y)
        weight = checked_weight(sample_weight, len(X))
        _, self.coef_, self.n_iter_ = self._fit_point(X, y, self._loss(), alpha, self.l1_ratio, weight, False)
        self.offset_ = float(self.path_.feature_mean @ self.coef_)
        return self

    def _path_of_choice(self):
        return self.path_


class CoxRegressionCV(Proportional, FamilyCV):
    """Cox's proportional hazards with alpha and l1_ratio chosen by cross-validation.

    The objective is that of `CoxRegression`. Each l1_ratio has one grid of alphas, made from all rows, for all folds.

    Parameters
    ----------
    l1_ratio : float in [0, 1], or a sequence of them
        0 is ridge, 1 the lasso.
    eps : float in (0, 1), or None
        The smallest alpha of an automatic grid over the largest; None is the choice of `jaxreg.fit_path`.
    alphas : int, or a sequence of floats
        The number of alphas of an automatic grid, or the alphas.
    ties : {"efron", "breslow"}
        As in `CoxRegression`.
    metric : {"deviance", "c_index"} or None
        What the folds are judged by; None is the deviance, van Houwelingen's. See `jaxreg.fit_cv`.
    max_iter, tol
        As in `CoxRegression`, at each alpha.
    cv : int, splitter or list of (train, test)
        None is 5 folds; a number gives each fold its share of the events.
    rule : str
        "min", the least mean loss, or "1se"; see `jaxreg.CVResult.select`.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The choice.
    coef_, offset_, n_features_in_, feature_names_in_
        As in `CoxRegression`, of all rows at the choice.
    alphas_, loss_path_, gap_, n_iter_, cv_result_
        As in `PoissonRegressorCV`; the losses are those of `metric`.

    Examples
    --------
    >>> import numpy as np
    >>> from jaxreg.sklearn import CoxRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> time, end = rng.exponential(np.exp(-X[:, 0])), 2.0
    >>> y = np.array([(t < end, min(t, end)) for t in time], [("event", bool), ("time", float)])
    >>> model = CoxRegressionCV(l1_ratio=[0.5, 1.0], alphas=20).fit(X, y)
    >>> bool(abs(model.coef_).argmax() == 0), model.loss_path_.shape
    (True, (2, 20, 5))
    """

    fit_intercept = False

    def __init__(
        self,
        *,
        l1_ratio=0.5,
        eps=None,
        alphas=100,
        ties="efron",
        metric=None,
        max_iter=2000,
        tol=None,
        cv=None,
        rule="min",
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.ties = ties
        self.metric = metric
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.rule = rule

    def _options(self):
        return super()._options() | {"metric": self.metric}

    def _keep(self, choice, gap, y, sample_weight):
        super()._keep(choice, gap, y, sample_weight)
        self.offset_ = float(self.cv_result_.path.feature_mean @ self.coef_)

    def _path_of_choice(self):
        return self.cv_result_.paths[int(np.argmax(self.cv_result_.l1_ratios == self.l1_ratio_))]

    def _splits(self, X, y, metadata):
        event = self._loss().observed(y).event.astype(int)
        return list(check_cv(self.cv, event, classifier=True).split(X, event, **metadata))
