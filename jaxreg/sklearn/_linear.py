"""The base of all estimators: checked data, a linear predictor, and the translation of scikit-learn's conventions."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from jaxreg import _validation
from jaxreg._labels import is_text
from jaxreg.scores._judged import Judged
from jaxreg.scores._score import score_of

if TYPE_CHECKING:
    from jaxtyping import Float

DTYPES = (np.float64, np.float32)
SPARSE = ("csr", "csc")  # formats that predictions take as they are
ITERATED_GAP, FAMILY_GAP = 1e-10, 1e-11  # for iterated solutions: coefficients to 7 digits or so
SUM_ROUNDING = 32 * np.finfo(np.float64).eps
DENSE_LIMIT = 2**30  # bytes of a sparse X made dense: 1 GB is a quarter of a small machine, and copies come on top


class LinearEstimator(BaseEstimator):
    """Validation of X and y, and the linear predictor of a fitted model.

    `coef_` is (p,), or (K, p) for K columns of y, and `intercept_` a number or (K,).
    """

    def _checked(self, X, y, several):
        """(X, y) as arrays. If `several`, y keeps its columns, else it must be (n,) or, with a warning, (n, 1).

        Rows are matched by position, as everywhere in scikit-learn: its permutation tests shuffle y with its index.
        """
        if is_text(y):
            raise ValueError("y has text, names of classes; a regressor needs numbers.")
        X, y = validate_data(
            self, dense(X), y, dtype=DTYPES, multi_output=several, y_numeric=True, ensure_min_samples=2, copy=False
        )
        return X, np.asarray(y, dtype=np.float64)

    def _linear_predictor(self, X) -> Float[np.ndarray, "n ..."]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=DTYPES, reset=False, accept_sparse=SPARSE)
        return X @ self.coef_.T + self.intercept_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _labels(self):
        """Labels (p,) of the columns of the fitted X: names, or 0 to p - 1."""
        return list(getattr(self, "feature_names_in_", range(self.n_features_in_)))

    def _named(self, path):
        """The PathResult with the names of the columns of the fitted X."""
        return replace(
            path, feature_names=tuple(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        )

    @property
    def sparse_coef_(self):
        """SciPy CSR array (1, p) or (K, p) of `coef_`."""
        from scipy.sparse import csr_array

        return csr_array(np.atleast_2d(self.coef_))


class LinearRegressor(RegressorMixin, LinearEstimator):
    """A linear model of numbers, of one or several columns of y."""

    def predict(self, X) -> Float[np.ndarray, "n ..."]:
        """X coef_ + intercept_: (n_samples,), or (n_samples, n_targets)."""
        return self._linear_predictor(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def dense(X, noted=True):
    """X, where a sparse X becomes an array. If `noted`, a warning points at the caller of the caller's caller.

    ValueError if the array would take more than DENSE_LIMIT bytes.
    """
    frame = _is_sparse_frame(X)
    if not (frame or issparse(X)):
        return X
    size = np.prod(X.shape, dtype=float) * (8 if frame or X.dtype != np.float32 else 4)
    if size > DENSE_LIMIT:
        shape = " x ".join(map(str, X.shape))
        raise ValueError(
            f"X is sparse, {shape}, and would take {size / 2**30:.3g} GB as the dense array that "
            f"estimators need, more than {DENSE_LIMIT / 2**30:g} GB; give fewer columns (max_categories= or "
            "min_frequency= of OneHotEncoder, max_features= of TfidfVectorizer), or, where memory has room, a dense X: "
            "OneHotEncoder(sparse_output=False) or X.toarray()."
        )
    if noted:
        warnings.warn(
            f"X is sparse and is made dense, which is done up to {DENSE_LIMIT / 2**30:g} GB. OneHotEncoder("
            "sparse_output=False), or X.toarray(), gives the same without this note.",
            DataConversionWarning,
            stacklevel=4,
        )
    return X.sparse.to_dense() if frame else X.toarray()


def _is_sparse_frame(X):
    """Whether X is a pandas frame with sparse columns only. check_array refuses such a frame, and takes mixed ones."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(X, pandas.DataFrame):
        return False
    return len(X.columns) > 0 and all(isinstance(dtype, pandas.SparseDtype) for dtype in X.dtypes)


def checked_weight(sample_weight, n) -> Float[np.ndarray, " n"] | None:
    """Weights of rows, or None. As in scikit-learn, a number is the weight of all rows."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    weight = check_array(sample_weight, ensure_2d=False, input_name="sample_weight", dtype=np.float64)
    if weight.shape != (n,):
        raise ValueError(f"sample_weight has shape {weight.shape}, but needs one entry per row of X, ({n},).")
    if (weight < 0).any():
        raise ValueError(f"sample_weight has negative values, the least {weight.min():g}; give weights >= 0.")
    if not weight.any():
        raise ValueError("sample_weight is 0 everywhere. Sample weights must contain at least one non-zero number.")
    return weight


def total_weight(weight: Float[np.ndarray, " n"] | None, n):
    """The sum of the weights: scikit-learn's alpha of ridge is lambda times this."""
    return float(n if weight is None else weight.sum())


def gap_tolerance(tol, otherwise=None):
    """The bound on `gap` for scikit-learn's `tol`. It bounds the dual gap by tol |y|^2, in twice the unit of `gap`."""
    return otherwise if tol is None else 2 * _validation.check_positive(tol, "tol")


def gap_bound(tol, dtype, null_loss=1.0):
    """The bound on `gap` for a tolerance of a family, whose `tol` is that bound.

    None is `FAMILY_GAP` in float64, or what the rounding of sums near 1 is in units of a small loss of the null model.
    """
    if tol is not None or dtype != np.float64:
        return tol
    return max(FAMILY_GAP, SUM_ROUNDING / null_loss)


def score_by_family(loss, y, eta: Float[np.ndarray, " n"], sample_weight):
    """The score of linear predictors by the rules of their loss, as `jaxreg.PathResult.score` has it."""
    weight = np.ones(len(eta)) if sample_weight is None else checked_weight(sample_weight, len(eta))
    assert weight is not None
    y = loss.encode(y, weight > 0).y
    return float(score_of(Judged(loss, None, np.zeros(1), y, eta[:, None], weight))[0])


def coefficient_limits(positive):
    """Keywords of `fit_path` for coefficients >= 0."""
    return {"lower": 0.0} if _validation.check_flag(positive, "positive") else {}


def null_loss(y: Float[np.ndarray, "n ..."], sample_weight: Float[np.ndarray, " n"] | None, fit_intercept):
    """Half the weighted mean square of y about its mean, or about 0, summed over the columns: the unit of `gap`."""
    deviation = y - np.average(y, axis=0, weights=sample_weight) if fit_intercept else y
    return float(np.sum(np.average(deviation**2, axis=0, weights=sample_weight)) / 2)


def solver_steps(path, k):
    """Steps of the solver at point k of a path. At least 1: a last step finds nothing to change."""
    return max(int(path.n_iter[k]), 1)


def by_target(coef: Float[np.ndarray, "p ..."]) -> Float[np.ndarray, "K p"]:
    """Coefficients in the layout of scikit-learn."""
    return np.ascontiguousarray(coef.T.reshape(-1, len(coef)))
