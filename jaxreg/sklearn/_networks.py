"""Networks whose regularization is chosen by cross-validation: NetworkClassifierCV and NetworkRegressorCV."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import optax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxreg import _validation, neural
from jaxreg._labels import check_labels, is_text
from jaxreg.neural._models import Model
from jaxreg.neural._regularizer import Regularizer
from jaxreg.neural._result import RULES
from jaxreg.sklearn._cross_validated import routed_metadata
from jaxreg.sklearn._linear import DTYPES, dense

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped

HIDDEN = (64,)
LARGEST_SEED = 2**31 - 1
# a column that varies by less than this share of its level counts as constant, as for `fit_path`
ROUNDING_SHARE = 32 * np.finfo(np.float64).eps


class NetworkCV(BaseEstimator, ABC):
    """A network at every strength of a regularizer, and the strength that a rule chooses.

    A subclass states its task, how y is read, and what `predict` returns.
    """

    task: str  # of `jaxreg.neural`
    metrics: tuple[str, ...]  # of the path, beside its loss

    def __init__(
        self,
        hidden=HIDDEN,
        *,
        model=None,
        regularizer="weight_decay",
        strengths=None,
        cv=None,
        seeds=1,
        epochs=100,
        batch_size=32,
        learning_rate=1e-3,
        standardize=True,
        rule="min",
        random_state=None,
    ):
        self.hidden = hidden
        self.model = model
        self.regularizer = regularizer
        self.strengths = strengths
        self.cv = cv
        self.seeds = seeds
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardize = standardize
        self.rule = rule
        self.random_state = random_state

    @abstractmethod
    def _target(self, y, standardize):
        """The y of `jaxreg.neural.fit_path`, from an array y (n,) or (n, K)."""

    def fit(self, X, y, **params):
        """Train all strengths, folds and seeds, and all rows at each strength; choose.

        Parameters
        ----------
        X : array (n_samples, n_features) or frame
            Finite numbers.
        y : array (n_samples,)
            Labels of any kind, or numbers; (n_samples, n_targets) of numbers.
        **params
            What the splitter takes, such as `groups`; needs sklearn.set_config(enable_metadata_routing=True).

        Returns
        -------
        self
        """
        _validation.check_choice(self.rule, "rule", RULES)
        standardize = _validation.check_flag(self.standardize, "standardize")
        X, y = self._checked(X, y)
        self._mean, self._scale = _scales(X, standardize)
        target = self._target(y, standardize)
        splitter = check_cv(self.cv, target, classifier=is_classifier(self))
        splits = list(splitter.split(X, target, **routed_metadata(self, None, params).splitter.split))
        path = neural.fit_path(
            self._model(),
            self._scaled(X),
            target,
            regularizer=_regularizer(self.regularizer),
            strengths=self.strengths,
            cv=splits,
            seeds=self._seeds(),
            optimizer=_adam(_validation.check_positive(self.learning_rate, "learning_rate")),
            epochs=self.epochs,
            batch_size=self.batch_size,
            metrics=self.metrics,
            progress=False,
        )
        names = tuple(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        self.path_ = replace(path, feature_names=names)
        self.strength_ = self.path_.select(self.rule).strength
        return self

    def _checked(self, X, y):
        several = not is_classifier(self)
        return validate_data(self, dense(X), y, dtype=DTYPES, multi_output=several, ensure_min_samples=2, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _scaled(self, X):
        return (np.asarray(X, np.float64) - self._mean) / self._scale

    def _model(self):
        model = self.model
        if model is None:
            return neural.MLP(self.hidden, self.task)
        if isinstance(model, type) or not isinstance(model, Model):
            raise TypeError(
                f"model is {_validation.shown(model)}; give an instance of jaxreg.neural.MLP, say, or None."
            )
        if np.atleast_1d(self.hidden).tolist() != list(HIDDEN):
            raise ValueError("hidden is given beside model, which has its own layers; leave it away.")
        if model.task is None:
            return replace(model, task=self.task)  # type: ignore[type-var]  # models without a task are dataclasses
        if model.task != self.task:
            raise ValueError(f"model has the task {model.task}, but {type(self).__name__} needs {self.task}.")
        return model

    def _seeds(self):
        if self.random_state is None:
            return self.seeds
        count = _validation.check_count(self.seeds, "seeds")
        return sample_without_replacement(LARGEST_SEED, count, random_state=self.random_state)

    def _predicted(self, X, type="response"):
        check_is_fitted(self)
        X = validate_data(self, dense(X, noted=False), dtype=DTYPES, reset=False)
        return self.path_.predict(self._scaled(X), self.strength_, type)

    def get_metadata_routing(self):
        """The routing of metadata: `fit` takes the metadata of the splitter."""
        splitter = check_cv(self.cv, classifier=is_classifier(self))
        mapping = MethodMapping().add(caller="fit", callee="split")
        return MetadataRouter(owner=self).add_self_request(self).add(splitter=splitter, method_mapping=mapping)


class NetworkClassifierCV(ClassifierMixin, NetworkCV):
    """A network for classes whose regularization is chosen by cross-validation.

    `jaxreg.neural.fit_path` trains it by Adam at all strengths, in all folds and from all seeds side by side, and at
    each strength on all rows. The held-out cross-entropy decides.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of the hidden layers of a `jaxreg.neural.MLP`.
    model : jaxreg.neural.Model or None
        Another model, of Flax or Equinox, say; it takes the place of `hidden`.
    regularizer : str, jaxreg.neural.Regularizer, a tuple of these, or None
        A name as "weight_decay", "l2", "l1", "dropout", "early_stopping", "label_smoothing", or an instance.
    strengths : sequence of float >= 0, a tuple of such for several regularizers, or None
        None takes the proposal of the regularizer: 0 and 16 from 1e-3 to 10 of weight decay, from 1e-5 to 1 of L2
        and L1; 0 to 0.9 of dropout; epochs from 1 to the last of early stopping, in up to 30 steps.
    cv : int, splitter or list of (train, test)
        None is 5 folds; in a classification a number makes stratified ones.
    seeds : int
        How many times each fold trains. With `random_state=None` also a sequence of seeds.
    epochs, batch_size
        As in `jaxreg.neural.fit_path`.
    learning_rate : float > 0
        Step size of Adam.
    standardize : bool
        Whether columns of X, and in a regression y, are centred and divided by their standard deviations over all rows
        of `fit`, as a `StandardScaler` in a Pipeline does it: folds share them. Otherwise columns stay as they are, and
        a network of columns on other scales than about 1 trains badly.
    rule : str
        "min" or "1se"; see `jaxreg.neural.NeuralPath.select`.
    random_state : int, RandomState or None
        Draws the seeds; None are the seeds 0, 1, ..., the same in every call.

    Attributes
    ----------
    classes_ : array (n_classes,)
        Labels, ascending.
    strength_ : float, or tuple of float for several regularizers
        The choice.
    path_ : jaxreg.neural.NeuralPath
        Everything that was trained: losses, `plot()`, `report()`, parameters. It counts in standardised columns.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jaxreg.sklearn import NetworkClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NetworkClassifierCV(8, strengths=[0, 0.1, 1], cv=3, epochs=20, learning_rate=0.02).fit(X, y)
    >>> model.predict_proba(X).shape, model.score(X, y) > 0.8, model.strength_ in (0, 0.1, 1)
    ((150, 3), True, True)
    """

    task = "classification"
    metrics = ("accuracy",)

    def _target(self, y, standardize):
        self.classes_ = check_labels(y, "y", len(y))[0]
        check_classification_targets(y)
        return y

    def predict(self, X) -> Shaped[np.ndarray, " n"]:
        """The most probable labels (n_samples,)."""
        return self._predicted(X)

    def predict_proba(self, X) -> Float[np.ndarray, "n classes"]:
        """Probabilities (n_samples, n_classes), in the order of classes_: the softmax of the outputs."""
        return self._predicted(X, "probability")


class NetworkRegressorCV(RegressorMixin, NetworkCV):
    """A network for numbers whose regularization is chosen by cross-validation.

    It has the parameters and attributes of `NetworkClassifierCV`, without classes_. The held-out mean squared error
    decides. With `standardize=True` the errors of `path_` are shares of the variance of y.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import NetworkRegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NetworkRegressorCV(8, regularizer="l2", strengths=[0, 0.1], cv=3, epochs=20, learning_rate=0.01)
    >>> model.fit(X, y).predict(X).shape, model.score(X, y) > 0.3
    ((442,), True)
    """

    task = "regression"
    metrics = ()

    def _target(self, y, standardize):
        if is_text(y):
            raise ValueError("y has text, names of classes; a regressor needs numbers.")
        y = np.asarray(y, np.float64)
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        self._y_mean, self._y_scale = _scales(y, standardize)
        return (y - self._y_mean) / self._y_scale

    def predict(self, X) -> Float[np.ndarray, "n ..."]:
        """Responses (n_samples,), or (n_samples, n_targets)."""
        predicted = self._predicted(X)
        return self._y_mean + self._y_scale * predicted.astype(np.float64)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _scales(
    columns: Float[np.ndarray, "n ..."], standardize
) -> tuple[Float[np.ndarray, " ..."], Float[np.ndarray, " ..."]]:
    """(means, standard deviations) of the columns, or 0 and 1. A column that varies by rounding has the deviation 1."""
    if not standardize:
        return np.zeros(()), np.ones(())
    columns = np.asarray(columns, np.float64)
    largest = np.abs(columns).max(axis=0)
    shares = columns / np.where(largest > 0, largest, 1.0)  # squares of these do not overflow
    deviation = shares.std(axis=0)
    return largest * shares.mean(axis=0), np.where(deviation > ROUNDING_SHARE, largest * deviation, 1.0)


@cache
def _adam(learning_rate):
    """The optimizer of a step size. There is one for each, since another instance would compile anew."""
    return optax.adam(learning_rate)


def _regularizer(value):
    """Regularizers. Names stand for instances of their classes."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_regularizer, value))
    if not isinstance(value, str):
        return value
    candidates = (getattr(neural, name) for name in neural.__all__ if name not in ("Regularizer", "Augment"))
    classes = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", candidate.__name__).lower(): candidate  # "weight_decay" of WeightDecay
        for candidate in candidates
        if isinstance(candidate, type) and issubclass(candidate, Regularizer)
    }
    if value.lower() not in classes:
        raise ValueError(f"regularizer is {value!r}; give one of jaxreg.neural, or a name: {', '.join(classes)}.")
    return classes[value.lower()]()
