"""RidgeCV: leave-one-out in closed form, or folds, with alpha beside the sum of squares as in scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import numpy as np
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from jaxreg import _arrays, _validation, fit_path, penalties
from jaxreg.cv._left_out import left_out
from jaxreg.design import _placement
from jaxreg.design._dense import DenseDesign
from jaxreg.losses import Squared
from jaxreg.objective._objective import make_objective
from jaxreg.objective._units import Model
from jaxreg.sklearn._cross_validated import metadata_of_rows, routed_metadata
from jaxreg.sklearn._linear import LinearRegressor, by_target, checked_weight, total_weight
from jaxreg.sklearn._one_alpha import Ridge
from jaxreg.solvers.ridge import decomposed

if TYPE_CHECKING:
    from jaxtyping import Float

GCV_MODES = (None, "auto", "svd", "eigen")


class RidgeCV(LinearRegressor):
    """Ridge regression with alpha chosen by cross-validation, drop-in for `sklearn.linear_model.RidgeCV`.

    The objective is that of `Ridge`. By default every row is predicted by the fit of all other rows at the same alpha.
    All rows, alphas and targets share one decomposition. With `cv`, every fold has one decomposition for all alphas.

    Parameters
    ----------
    alphas : sequence of floats > 0, or one
        >= 0 with `cv`.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    scoring : str, scorer or None
        Name of a scorer, or a scorer; None is the mean squared error for leave-one-out, R squared for folds.
    cv : int, splitter, list of (train, test), or None
        None leaves one out.
    gcv_mode : str or None
        One of scikit-learn's names, accepted without effect.
    store_cv_results : bool
        Keep `cv_results_` (leave-one-out only).
    alpha_per_target : bool
        An alpha for each column of y (leave-one-out only).

    Attributes
    ----------
    alpha_ : float
        The choice; (n_targets,) with alpha_per_target.
    best_score_ : float
        Its score; (n_targets,) with alpha_per_target.
    coef_, intercept_, n_features_in_, feature_names_in_
        As in `Ridge`.
    cv_results_ : array (n_samples, n_alphas)
        Or (n_samples, n_targets, n_alphas), in the order of `alphas`: squared errors times sample weights, or the
        held-out predictions where `scoring` is given.

    References
    ----------
    Allen (1974); Golub, Heath and Wahba (1979), eq. (2.2).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import RidgeCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> float(RidgeCV(alphas=[1e-3, 1e-2, 1e-1, 1]).fit(X, y).alpha_)
    0.01
    """

    def __init__(
        self,
        alphas=(0.1, 1.0, 10.0),
        *,
        fit_intercept=True,
        scoring=None,
        cv=None,
        gcv_mode=None,
        store_cv_results=False,
        alpha_per_target=False,
    ):
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    def fit(self, X, y, sample_weight=None, **params):
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets), and choose.

        `sample_weight` is a number or (n_samples,), for the fits and for the scores. **params are what splitter and
        scorer take; they need sklearn.set_config(enable_metadata_routing=True). Returns self.
        """
        _validation.check_choice(self.gcv_mode, "gcv_mode", GCV_MODES)
        per_target = _validation.check_flag(self.alpha_per_target, "alpha_per_target")
        store = _validation.check_flag(self.store_cv_results, "store_cv_results")
        _validation.check_flag(self.fit_intercept, "fit_intercept")
        alphas = self._checked_alphas()
        X, y = self._checked(X, y, several=True)
        weight = checked_weight(sample_weight, len(X))
        metadata = routed_metadata(self, sample_weight, params)
        if not sklearn.get_config()["enable_metadata_routing"] and weight is not None:
            metadata.scorer.score["sample_weight"] = weight
        if self.cv is None:
            scores, cv_results = self._leave_one_out(X, y, alphas, weight, metadata)
            if store:
                self.cv_results_ = cv_results
        else:
            for name, flag in (("store_cv_results", store), ("alpha_per_target", per_target)):
                if flag:
                    raise ValueError(f"{name} is True, but cv is {self.cv!r}; it needs leave-one-out, cv=None.")
            scores = self._fold_scores(X, y, alphas, weight, metadata)
        best = np.argmax(scores, axis=0)  # the first among equal scores
        self.alpha_ = np.take(alphas, best) if np.ndim(best) else alphas[best]
        self.best_score_ = np.take_along_axis(scores, best[None], axis=0)[0] if np.ndim(best) else float(scores[best])
        model = Ridge(self.alpha_, fit_intercept=self.fit_intercept).fit(X, y, weight)
        self.coef_, self.intercept_ = model.coef_, model.intercept_
        return self

    def _checked_alphas(self):
        alphas = np.ravel(self.alphas).tolist()
        check = _validation.check_positive if self.cv is None else _validation.check_nonnegative
        if not alphas:
            raise ValueError("alphas is empty; give one or more numbers above 0.")
        return np.array([check(alpha, "alphas") for alpha in alphas])

    def _scorer(self):
        if self.scoring is not None:
            return check_scoring(self, self.scoring)
        weighted = sklearn.get_config()["enable_metadata_routing"]
        return get_scorer("r2").set_score_request(sample_weight=True) if weighted else get_scorer("r2")

    def _leave_one_out(self, X, y, alphas, weight, metadata):
        """(scores (L,) or (L, K), the array of `cv_results_`)."""
        weight = np.ones(len(X)) if weight is None else weight
        errors = _left_out(X, y.reshape(len(y), -1), weight, alphas, self.fit_intercept)  # (n, n_targets, n_alphas)
        if self.scoring is None:
            cv_results = weight[:, None, None] * errors**2
            scores = -cv_results.mean(axis=0).T
            scores = scores if self.alpha_per_target and y.ndim == 2 else scores.mean(axis=1)
        else:
            cv_results = y.reshape(len(y), -1, 1) - errors
            scores = self._scored(y, cv_results, metadata.scorer.score)
        return scores, cv_results[:, 0] if y.ndim == 1 else cv_results

    def _scored(self, y, predictions, metadata):
        scorer, identity = self._scorer(), _Identity()

        def scored(held_out, target):
            return [scorer(identity, predicted, target, **metadata) for predicted in np.moveaxis(held_out, -1, 0)]

        if self.alpha_per_target and y.ndim == 2:
            return np.transpose([scored(predictions[:, j], y[:, j]) for j in range(y.shape[1])])
        return np.array(scored(predictions[:, 0] if y.ndim == 1 else predictions, y))

    def _fold_scores(self, X, y, alphas, weight, metadata) -> Float[np.ndarray, " L"]:
        """Scores of the alphas, averaged over the folds."""
        scorer, fold_scores = self._scorer(), []
        for train, test in check_cv(self.cv).split(X, y, **metadata.splitter.split):
            train_weight = None if weight is None else weight[train]
            lambdas = alphas / total_weight(train_weight, len(X[train]))
            path = _ridge_path(X[train], y[train], lambdas, train_weight, self.fit_intercept)
            score_metadata = metadata_of_rows(metadata.scorer.score, test, len(X))
            fold_scores.append([scorer(_model_at(path, lam), X[test], y[test], **score_metadata) for lam in lambdas])
        return np.mean(fold_scores, axis=0)

    def get_metadata_routing(self):
        """The routing of metadata: `fit` takes sample_weight, and the metadata of splitter and scorer."""
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(scorer=self._scorer(), method_mapping=MethodMapping().add(caller="fit", callee="score"))
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        )


class _Identity(RegressorMixin, BaseEstimator):
    """A model whose predictions are its X, so that a scorer judges predictions."""

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return X


def _left_out(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, "n K"],
    weight: Float[np.ndarray, " n"],
    alphas: Float[np.ndarray, " L"],
    fit_intercept,
) -> Float[np.ndarray, "n K L"]:
    """Errors of y: each row is predicted by the fit of the other rows at the same alphas."""
    lambdas, weighted = alphas / weight.sum(), np.flatnonzero(weight)
    errors = np.empty((*y.shape, len(alphas)))
    with jax.enable_x64(True):
        data = _arrays.check_data(X[weighted], y[weighted, 0], weight[weighted], None, np.float64)
        data = replace(data, y=y[weighted])
        model = Model(np.ones(X.shape[1]), fit_intercept, standardize=False)
        design = DenseDesign(data.X, data.weight, fit_intercept, np.float64, in_numpy=_placement.current().on_host)
        objective = make_objective(design, data, model, Squared(), penalties.Ridge())
        ridge = decomposed(objective, None, fit_intercept)
        errors[weighted] = left_out(ridge, objective, data, lambdas, model, of_sum=True).swapaxes(1, 2)
    weightless = np.flatnonzero(weight == 0)
    if weightless.size:  # the fit of all rows does not see them
        path = _ridge_path(X, y, lambdas, weight, fit_intercept)
        predictions = path.predict(X[weightless]).reshape(len(weightless), len(alphas), -1).transpose(0, 2, 1)
        order = np.argsort(np.argsort(-lambdas, kind="stable"), kind="stable")
        errors[weightless] = y[weightless, :, None] - predictions[..., order]
    return errors


def _ridge_path(X, y, lambdas, sample_weight, fit_intercept):
    return fit_path(
        X,
        y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y,
        penalty=penalties.Ridge(),
        lambdas=lambdas,
        sample_weight=sample_weight,
        fit_intercept=fit_intercept,
        standardize=False,
    )


def _model_at(path, lam):
    """The fitted model of one point of a path, for a scorer."""
    model = Ridge()
    model.n_features_in_ = path.n_features
    model.intercept_, coef = path.coef_at(lam)
    model.coef_ = coef if path.n_responses is None else by_target(coef)
    return model
