"""Missing values: the number that fills the NaN of a column comes from the rows that a fit trains on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxreg import _validation

if TYPE_CHECKING:
    from jaxtyping import Float


def check_impute(impute):
    """The strategy, or None. ImportError if a strategy lacks scikit-learn."""
    _validation.check_choice(impute, "impute", (None, "mean", "median", "most_frequent"))
    if impute is not None:
        try:
            import sklearn.impute  # noqa: F401
        except ImportError as error:
            raise ImportError(f'impute={impute!r} needs scikit-learn: pip install "jaxreg[sklearn]"') from error
    return impute


def fill_values(X: Float[np.ndarray, "n p"], weight: Float[np.ndarray, " n"], strategy) -> Float[np.ndarray, " p"]:
    """The fill values of columns over the rows of positive weight, by scikit-learn's SimpleImputer.

    A column without a value in these rows gets 0: it is constant in them, and its coefficient is 0.
    """
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
    return np.nan_to_num(imputer.fit(np.asarray(X)[weight > 0]).statistics_.astype(np.float64))


def filled(X: Float[np.ndarray, "m p"], values: Float[np.ndarray, " p"] | None) -> Float[np.ndarray, "m p"]:
    """X with `values` in place of NaN. X itself if it has no NaN, or if values is None."""
    if values is None:
        return X
    missing = np.isnan(X)
    return np.where(missing, values.astype(X.dtype), X) if missing.any() else X
