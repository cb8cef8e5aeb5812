"""The base of cross-validated estimators: folds, scikit-learn's routing of metadata, and the choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from sklearn.base import RegressorMixin
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from jaxreg import _names, _validation, fit_cv
from jaxreg.losses import Squared
from jaxreg.losses._links import inverse_link
from jaxreg.results._cv import RULES
from jaxreg.sklearn._linear import LinearEstimator, by_target, checked_weight, gap_tolerance, null_loss, solver_steps

if TYPE_CHECKING:
    from jaxtyping import Float


class PathEstimatorCV(LinearEstimator, ABC):
    """A path of some loss and penalty for every fold, and the model that a rule chooses.

    A subclass states `_loss`, `_penalty`, and in `_options` further keywords of `fit_cv`. A subclass for classes also
    decodes its linear predictor, by its loss.
    """

    multi_task = False  # whether y has several columns, fitted together
    default_gap: float | None = None  # the tolerance of tol=None in float64; None is that of `fit_path`

    @abstractmethod
    def _penalty(self, n_features):
        """The penalty, for a given number of columns."""

    def _loss(self):
        return Squared()

    def _options(self):
        """Keywords of `fit_cv` beside the keywords of every estimator."""
        return {}

    def fit(self, X, y, sample_weight=None, **params):
        """Fit all folds and all rows, and choose.

        Parameters
        ----------
        X : array (n_samples, n_features) or frame
            Finite numbers.
        y : array (n_samples,)
            (n_samples, n_targets) for a multi-task estimator.
        sample_weight : float, array (n_samples,), or None
            For the fits and for the losses of the folds.
        **params
            What the splitter takes, such as `groups`; needs sklearn.set_config(enable_metadata_routing=True).

        Returns
        -------
        self
        """
        _validation.check_choice(self.rule, "rule", RULES)
        X, y = self._checked(X, y, several=self.multi_task)
        if self.multi_task:
            require_tasks(self, y)
        splits = self._splits(X, y, routed_metadata(self, sample_weight, params).splitter.split)
        weight = checked_weight(sample_weight, len(X))
        penalty = self._penalty(X.shape[1])
        if penalty is not None:
            penalty = _names.check_penalty(penalty).for_columns(self._labels())
        cv = fit_cv(
            X,
            y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y,
            loss=self._loss(),
            penalty=penalty,
            cv=splits,
            averaging="equal",
            lambda_min_ratio=None if self.eps is None else _validation.check_positive(self.eps, "eps", below=1),
            sample_weight=weight,
            fit_intercept=self.fit_intercept,
            tol=self._gap_bound(X.dtype),
            max_iter=self.max_iter,
            **alpha_grid(self.alphas),
            **({"standardize": False} | self._options()),
        )
        self.cv_result_ = replace(cv, paths=tuple(map(self._named, cv.paths)))
        self._choose(y, weight)
        return self

    def _splits(self, X, y, metadata):
        """The folds, a list of (train, test)."""
        return list(check_cv(self.cv).split(X, y, **metadata))

    def _gap_bound(self, dtype):
        return gap_tolerance(self.tol, self.default_gap if dtype == np.float64 else None)

    def _choose(self, y, weight):
        cv = self.cv_result_
        choice = cv.select(self.rule)
        self.alpha_, self.intercept_, self.coef_ = choice.lam, choice.intercept, choice.coef
        if self.multi_task:
            self.coef_, self.intercept_ = by_target(choice.coef), np.atleast_1d(choice.intercept)
        if not self.fit_intercept:
            self.intercept_ = 0.0
        self.alphas_ = cv.lambdas[0] if len(cv.l1_ratios) == 1 or np.ndim(self.alphas) else cv.lambdas
        path = cv.paths[int(np.argmax(cv.l1_ratios == choice.l1_ratio))]
        self.n_iter_ = solver_steps(path, choice.index)
        self._keep(choice, path.gap[choice.index], y, weight)

    def _keep(self, choice, gap, y, sample_weight):
        """Set further attributes of the fitted model."""
        self.mse_path_ = self._loss_path()
        self.dual_gap_ = gap * null_loss(y, sample_weight, self.fit_intercept)

    def _loss_path(self) -> Float[np.ndarray, "... L F"]:
        """Losses (L, F), or (A, L, F) for several mixing parameters."""
        return np.squeeze(np.moveaxis(self.cv_result_.fold_loss, 2, 1))

    def get_metadata_routing(self):
        """The routing of metadata: `fit` takes sample_weight, and the metadata of the splitter."""
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=check_cv(self.cv), method_mapping=MethodMapping().add(caller="fit", callee="split"))
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = not self.multi_task
        tags.target_tags.multi_output = self.multi_task
        return tags


class PathRegressor(RegressorMixin, PathEstimatorCV):
    """A cross-validated model of numbers."""

    def predict(self, X) -> Float[np.ndarray, "n ..."]:
        """X coef_ + intercept_: (n_samples,), or (n_samples, n_targets); its inverse link, where the loss has one."""
        eta = self._linear_predictor(X)  # which asks whether there is a fit
        return inverse_link(self.cv_result_.path.link, eta)


def require_tasks(estimator, y):
    """Refuse a y of one dimension."""
    if y.ndim == 1:
        name = type(estimator).__name__
        other = name.removeprefix("MultiTask")
        raise ValueError(f"y has one dimension. For mono-task outputs, use {other}, not {name}.")


def routed_metadata(estimator, sample_weight, params, method="fit"):
    """A Bunch of the metadata of a method that go to the splitter and to the scorer."""
    if sklearn.get_config()["enable_metadata_routing"]:
        metadata = params if sample_weight is None else params | {"sample_weight": sample_weight}
        return process_routing(estimator, method, **metadata)
    if params:
        raise ValueError(
            f"{method} is given {', '.join(params)}, which is for a splitter or a scorer; switch on "
            "sklearn.set_config(enable_metadata_routing=True), or give cv=list(splitter.split(X, y, groups))."
        )
    return Bunch(splitter=Bunch(split={}), scorer=Bunch(score={}))


def metadata_of_rows(metadata, rows, n):
    """Metadata for some rows. Metadata without an entry for each row stay as they are."""
    of_rows = {name: np.asarray(value)[rows] for name, value in metadata.items() if np.shape(value)[:1] == (n,)}
    return metadata | of_rows


def alpha_grid(alphas):
    """Keywords of `fit_cv`: the number of alphas of an automatic grid, or the grid."""
    if isinstance(alphas, Integral):
        return {"n_lambdas": _validation.check_count(alphas, "alphas")}
    if np.ndim(alphas) != 1:
        raise ValueError(f"alphas is {alphas!r}; give the number of alphas, or a sequence of them.")
    return {"lambdas": [_validation.check_nonnegative(alpha, "alphas") for alpha in np.asarray(alphas).tolist()]}
