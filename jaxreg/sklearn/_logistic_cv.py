"""Logistic regression that chooses C and l1_ratio by cross-validation."""

from __future__ import annotations

from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import metadata_routing
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from jaxreg import _validation, fit_path
from jaxreg.penalties import ElasticNet
from jaxreg.sklearn._cross_validated import metadata_of_rows, routed_metadata
from jaxreg.sklearn._linear import checked_weight, gap_bound
from jaxreg.sklearn._logistic import LinearClassifier, LogisticRegression, strength

if TYPE_CHECKING:
    from jaxtyping import Float

ENDS = -4, 4  # powers of ten, of an automatic grid of C


class LogisticRegressionCV(LinearClassifier):
    """Logistic regression with C and l1_ratio chosen by cross-validation.

    Drop-in for `sklearn.linear_model.LogisticRegressionCV`. The objective is that of `LogisticRegression`; C stands
    beside the sum of the losses of the rows that train. The mean of the folds' scores decides, the first of equal ones.

    Parameters
    ----------
    Cs : int, or a sequence of floats
        The number of C from 1e-4 to 1e4, or the C.
    l1_ratios : sequence of floats in [0, 1], or None
        Mixing parameters; None is ridge.
    fit_intercept, penalty, solver, class_weight, max_iter, tol
        As in `LogisticRegression`, at each C.
    cv : int, splitter or list of (train, test)
        None is 5 folds; a number gives each fold its share of the classes.
    scoring : str, scorer or None
        Name of a scorer, or a scorer; None is accuracy.
    refit : bool
        Whether all rows are fitted at the choice; else coefficients, C and l1_ratio are the means of the folds' best.
    use_legacy_attributes : bool
        Whether attributes go by class, as scikit-learn has them up to 1.9; see below.
    dual, n_jobs, verbose, intercept_scaling, random_state
        Accepted, without effect.

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, feature_names_in_
        As in `LogisticRegression`.
    Cs_, l1_ratios_ : array (n_cs,), array (n_l1_ratios,)
        What was tried.
    C_, l1_ratio_ : array (n_classes,)
        The choice, repeated; (1,) of two classes.
    scores_ : dict of arrays (n_folds, n_cs)
        By class, but of two classes the second only, and all the same; (n_folds, n_cs, n_l1_ratios) where l1_ratios is
        given.
    coefs_paths_ : dict of arrays (n_folds, n_cs, n_dof)
        Coefficients of the folds, the intercept last; (n_folds, n_cs, n_l1_ratios, n_dof) likewise.
    n_iter_ : array (1, n_folds, n_cs)
        Steps of the solver; (1, n_folds, n_cs, n_l1_ratios) likewise.
    path_ : jaxreg.PathResult
        All rows at all C with the chosen l1_ratio, with certificates; only with `refit`.

    With use_legacy_attributes=False C_ and l1_ratio_ are numbers, and the others arrays: scores_ and n_iter_ (n_folds,
    n_l1_ratios, n_cs), coefs_paths_ (n_folds, n_l1_ratios, n_cs, n_classes, n_dof) with 1 for two classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jaxreg.sklearn import LogisticRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegressionCV(Cs=5, l1_ratios=[0.0, 1.0], cv=3, scoring="neg_log_loss").fit(X, y)
    >>> model.scores_[0].shape, model.predict_proba(X).shape, model.score(X, y) > -0.1
    ((3, 5, 2), (150, 3), True)
    """

    __metadata_request__score = {"sample_weight": metadata_routing.UNUSED}  # noqa: RUF012 (scikit-learn reads it)

    def __init__(
        self,
        *,
        Cs=10,
        l1_ratios=None,
        fit_intercept=True,
        cv=None,
        dual=False,
        penalty="deprecated",
        scoring=None,
        solver="lbfgs",
        tol=None,
        max_iter=2000,
        class_weight=None,
        n_jobs=None,
        verbose=0,
        refit=True,
        intercept_scaling=1.0,
        random_state=None,
        use_legacy_attributes=True,
    ):
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes

    def fit(self, X, y, sample_weight=None, **params):
        """Fit to X (n_samples, n_features) and labels y (n_samples,), and choose.

        `sample_weight` is a number or (n_samples,), for the fits and for the scores. **params are what splitter and
        scorer take; they need sklearn.set_config(enable_metadata_routing=True). Returns self.
        """
        _validation.check_flag(self.refit, "refit")
        self.l1_ratios_ = np.array([self._mixing(ratio) for ratio in np.ravel(self.l1_ratios).tolist()])
        self.Cs_ = self._grid()
        X, y = self._checked(X, y)
        sample_weight = checked_weight(sample_weight, len(X))
        metadata = self._metadata("fit", sample_weight, params)
        weight = self._weights(y, sample_weight)
        splits = check_cv(self.cv, y, classifier=True).split(X, y, **metadata.splitter.split)
        folds = [
            self._fold(X, y, weight, k, train, test, metadata.scorer.score) for k, (train, test) in enumerate(splits)
        ]
        coefs, steps, scores = (np.stack(arrays) for arrays in zip(*folds, strict=True))
        if self.refit:
            a, c = _best(scores.sum(axis=0))
            loss, unit = self._loss(y, weight)
            self.path_ = self._named(self._path(X, y, weight, loss, unit, self.l1_ratios_[a]))
            chosen, _ = self._points(self.path_)
            chosen, C, l1_ratio = chosen[c], self.Cs_[c], self.l1_ratios_[a]
        else:
            best = [_best(of_fold) for of_fold in scores]
            chosen = np.mean([coefs[k, a, c] for k, (a, c) in enumerate(best)], axis=0)
            C, l1_ratio = np.mean([(self.Cs_[c], self.l1_ratios_[a]) for a, c in best], axis=0)
        self.coef_, self.intercept_ = self._parts(chosen)
        self._keep(float(C), float(l1_ratio), scores, coefs, steps)
        return self

    def _grid(self) -> Float[np.ndarray, " L"]:
        if isinstance(self.Cs, Integral):
            return np.logspace(*ENDS, _validation.check_count(self.Cs, "Cs"))
        if np.ndim(self.Cs) != 1 or not len(self.Cs):
            raise ValueError(f"Cs is {self.Cs!r}; give the number of C, or a sequence of them.")
        return np.asarray(self.Cs, dtype=float)

    def _path(self, X, y, weight, loss, null_loss, l1_ratio):
        """The path of rows with these weights at all C."""
        return fit_path(
            X,
            y,
            loss=loss,
            penalty=ElasticNet(l1_ratio),
            lambdas=[strength(C, weight.sum()) for C in self.Cs_.tolist()],
            sample_weight=weight,
            fit_intercept=self.fit_intercept,
            standardize=False,
            tol=gap_bound(self.tol, X.dtype, null_loss),
            max_iter=self.max_iter,
        )

    def _points(self, path):
        """(coefficients (L, K, p [+ 1]), the intercept last; steps (L,)) of a path, in the order of the C."""
        order = np.argsort(np.argsort(self.Cs_, kind="stable"), kind="stable")  # as lambdas descend, C ascend
        L, p = path.coef.shape[:2]
        rows = path.coef.reshape(L, p, -1)
        if self.fit_intercept:
            rows = np.concatenate([rows, path.intercept.reshape(L, 1, -1)], axis=1)
        return rows.transpose(0, 2, 1)[order], np.maximum(path.n_iter, 1)[order]

    def _parts(self, coef):
        """(coefficients (K, p), intercepts (K,)) of one array of both."""
        return (coef[:, :-1], coef[:, -1]) if self.fit_intercept else (coef, np.zeros(len(coef)))

    def _fold(self, X, y, weight, k, train, test, metadata):
        """(coefficients (A, L, K, p [+ 1]), steps (A, L), scores (A, L)) of fold k."""
        n = len(y)
        # rows that do not train stay, without weight: folds share what is compiled
        weight = weight * np.bincount(np.arange(n)[train], minlength=n)
        loss, unit = self._loss(y, weight, f" in the training rows of fold {k}")
        points = [self._points(self._path(X, y, weight, loss, unit, ratio)) for ratio in self.l1_ratios_]
        coefs, steps = (np.stack(arrays) for arrays in zip(*points, strict=True))
        model, scorer, metadata = LogisticRegression(), self._scorer_of_classes(), metadata_of_rows(metadata, test, n)
        model.classes_, model.n_features_in_ = self.classes_, X.shape[1]
        scores = np.empty(steps.shape)
        for at in np.ndindex(scores.shape):
            model.coef_, model.intercept_ = self._parts(coefs[at])
            scores[at] = scorer(model, X[test], y[test], **metadata)
        return coefs, steps, scores

    def _keep(self, C, l1_ratio, scores, coefs, steps):
        """Set the attributes of the folds, arrays (F, A, L, ...), and of the choice."""
        if not _validation.check_flag(self.use_legacy_attributes, "use_legacy_attributes"):
            self.C_, self.l1_ratio_, self.scores_, self.coefs_paths_, self.n_iter_ = C, l1_ratio, scores, coefs, steps
            return
        labels = (self.classes_[1:] if len(self.classes_) == 2 else self.classes_).tolist()
        self.C_, self.l1_ratio_ = np.full(len(labels), C), np.full(len(labels), l1_ratio)
        scores, coefs, steps = (np.swapaxes(array, 1, 2) for array in (scores, coefs, steps))
        if self.l1_ratios is None:
            scores, coefs, steps = (array[:, :, 0] for array in (scores, coefs, steps))
        self.scores_ = dict.fromkeys(labels, scores)
        self.coefs_paths_ = {label: coefs[..., k, :] for k, label in enumerate(labels)}
        self.n_iter_ = steps[None]

    def score(self, X, y, sample_weight=None, **params):
        """The score of new rows by `scoring`. **params are what the scorer takes, with metadata routing."""
        return self._scorer()(self, X, y, **self._metadata("score", sample_weight, params).scorer.score)

    def _scorer(self):
        return get_scorer("accuracy" if self.scoring is None else self.scoring)

    def _scorer_of_classes(self):
        """The scorer for rows in which a class may be missing."""
        scorer = self._scorer()
        parameters = signature(scorer._score_func).parameters if hasattr(scorer, "_score_func") else {}
        if "labels" not in parameters:
            return scorer
        event = {"pos_label": self.classes_[1]} if len(self.classes_) == 2 and "pos_label" in parameters else {}
        named = {"labels": self.classes_} | event | scorer._kwargs
        return make_scorer(
            scorer._score_func, greater_is_better=scorer._sign == 1, response_method=scorer._response_method, **named
        )

    def _metadata(self, method, sample_weight, params):
        """The metadata of a method, by where they go. Accuracy as the default takes the weights in any case."""
        metadata = routed_metadata(self, sample_weight, params, method)
        routes = sklearn.get_config()["enable_metadata_routing"]
        if sample_weight is not None and (self.scoring is None or not routes):
            metadata.scorer.score["sample_weight"] = sample_weight
        return metadata

    def get_metadata_routing(self):
        """The routing of metadata: `fit` takes sample_weight, and the metadata of splitter and scorer."""
        mapping = MethodMapping().add(caller="fit", callee="score").add(caller="score", callee="score")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=check_cv(self.cv), method_mapping=MethodMapping().add(caller="fit", callee="split"))
            .add(scorer=self._scorer(), method_mapping=mapping)
        )


def _best(scores: Float[np.ndarray, "A L"]):
    """Positions of the mixing parameter and of the C of the best score: of equal ones the first C has it."""
    c, a = np.unravel_index(np.argmax(scores.T), scores.T.shape)
    return int(a), int(c)
