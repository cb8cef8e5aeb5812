"""Logistic regression at one C, of two classes or more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from jaxreg import _validation
from jaxreg.losses import Binomial, Multinomial
from jaxreg.losses._links import inverse_link
from jaxreg.sklearn._linear import DTYPES, LinearEstimator, by_target, checked_weight, dense
from jaxreg.sklearn._one_fit import OneFit

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped

RATIOS = {"l1": 1.0, "l2": 0.0}  # that penalties by name stand for
PENALTIES = ("deprecated", *RATIOS, "elasticnet", None)
SOLVERS = ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")


class LinearClassifier(ClassifierMixin, LinearEstimator):
    """A linear model of classes: a linear predictor for each, or of two classes one, that of the second.

    `coef_` is (K, p), or (1, p) of two classes, and `intercept_` (K,) or (1,).
    """

    classes_: np.ndarray
    coef_: Any
    intercept_: Any
    C: Any
    class_weight: Any
    fit_intercept: Any
    penalty: Any
    solver: Any

    def _checked(self, X, y, several=False):
        """(X, labels), where `classes_` are set."""
        X, y = validate_data(self, dense(X), y, dtype=DTYPES, ensure_min_samples=2, copy=False)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]}; give rows of at least two.")
        return X, y

    def _weights(self, y, sample_weight) -> Float[np.ndarray, " n"]:
        """Weights of rows times those of their classes."""
        weight = checked_weight(sample_weight, len(y))
        of_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y, sample_weight=weight)
        return of_class[np.searchsorted(self.classes_, y)] * (1.0 if weight is None else weight)

    def _loss(self, y, weight, where=""):
        """(the loss of so many classes, all of which need rows with a weight; that of the null model)."""
        totals = np.bincount(np.searchsorted(self.classes_, y), weight, len(self.classes_))
        if not totals.all():
            label = self.classes_.tolist()[int(np.argmin(totals))]
            raise ValueError(f"y has no row of the class {label!r} whose weight is above 0{where}; give some.")
        shares = totals / totals.sum()
        return Binomial() if len(self.classes_) == 2 else Multinomial(), -float(shares @ np.log(shares))

    def _mixing(self, l1_ratio):
        """The mixing parameter by the name of a penalty, which comes first, or by `l1_ratio`; None is ridge."""
        _validation.check_choice(self.penalty, "penalty", PENALTIES)
        _validation.check_choice(self.solver, "solver", SOLVERS)
        return RATIOS.get(self.penalty, 0.0 if l1_ratio is None else l1_ratio)

    def decision_function(self, X) -> Float[np.ndarray, "n ..."]:
        """Linear predictors (n_samples, n_classes), or of two classes that of the second one, (n_samples,)."""
        eta = self._linear_predictor(X)
        return eta[:, 0] if eta.shape[1] == 1 else eta

    def predict(self, X) -> Shaped[np.ndarray, " n"]:
        """The most probable labels (n_samples,)."""
        eta = self._by_class(X)  # which asks whether there is a fit
        return self.classes_[np.argmax(eta, axis=1)]

    def predict_proba(self, X) -> Float[np.ndarray, "n K"]:
        """Probabilities (n_samples, n_classes), in the order of classes_."""
        return inverse_link("softmax", self._by_class(X))

    def predict_log_proba(self, X) -> Float[np.ndarray, "n K"]:
        """Their logarithms, finite where a probability is too small for a number."""
        from scipy.special import log_softmax

        return log_softmax(self._by_class(X), axis=1)

    def _by_class(self, X):
        """Linear predictors (n, K), up to a number for each row."""
        eta = self._linear_predictor(X)
        return np.hstack([np.zeros_like(eta), eta]) if eta.shape[1] == 1 else eta


def strength(C, total):
    """The lambda of a C, the inverse strength beside the sum of the losses, whose weights add up to `total`."""
    return 0.0 if C == np.inf else 1.0 / (_validation.check_positive(C, "C") * total)


class LogisticRegression(LinearClassifier, OneFit):
    """Logistic regression, of two classes or more, drop-in for `sklearn.linear_model.LogisticRegression`:

        minimise over (b0, b)  -C * log likelihood(b0, b) + l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|_2^2

    Here, as there, C stands beside the *sum* of the losses: with weights w_i lambda is 1 / (C sum_i w_i). Three classes
    or more are multinomial, in the symmetric form.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet"} or None
        scikit-learn's older way to say l1_ratio = 1 or 0, or C = inf where it is None. "deprecated" leaves it to these.
    C : float > 0, or inf
        Inverse of the strength of the penalty; inf is no penalty.
    l1_ratio : float in [0, 1], or None
        0 (and None) is ridge, 1 the lasso.
    tol : float > 0 or None
        Bound on `jaxreg.PathResult.gap`; None is 1e-11 (more
        where all but a class have little weight), and for a float32 X 1e-4.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    class_weight : dict, "balanced" or None
        Weights of classes by label, which multiply those of rows; "balanced" makes all classes count the same.
    solver : str
        One of scikit-learn's names, accepted without effect: all give the same solution, but liblinear's, which
        penalises the intercept.
    max_iter : int >= 1
        Steps of the solver; see `jaxreg.fit_path`.
    warm_start : bool
        Start from the last fit.
    dual, intercept_scaling, random_state, verbose, n_jobs
        Accepted, without effect.

    Attributes
    ----------
    classes_ : array (n_classes,)
        Labels, sorted.
    coef_ : array (n_classes, n_features)
        (1, n_features) of two classes.
    intercept_ : array (n_classes,)
        (1,) of two classes.
    n_iter_ : array (1,)
        Steps of the solver.
    path_ : jaxreg.PathResult
        Of one point, with its certificate.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jaxreg.sklearn import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> model.coef_.shape, round(model.score(X, y), 2), model.predict_proba(X[:1]).round(2).tolist()
    ((3, 4), 0.97, [[0.98, 0.02, 0.0]])
    """

    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=None,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=2000,
        verbose=0,
        warm_start=False,
        n_jobs=None,
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and labels y (n_samples,).

        `sample_weight` is a number or (n_samples,). Returns self.
        """
        l1_ratio = self._mixing(self.l1_ratio)
        X, y = self._checked(X, y)
        weight = self._weights(y, sample_weight)
        lam = strength(np.inf if self.penalty is None else self.C, weight.sum())
        loss, null_loss = self._loss(y, weight)
        intercept, coef, steps = self._fit_point(X, y, loss, lam, l1_ratio, weight, self.fit_intercept, null_loss)
        self.coef_, self.intercept_, self.n_iter_ = by_target(coef), np.atleast_1d(intercept), np.array([steps])
        return self
