"""Missing values: what fills the NaN of each column, from the rows that a fit trains on."""

import numpy as np

from jaxreg import _validation

STRATEGIES = "mean", "median", "most_frequent"


def check_impute(impute):
    """The strategy, or None; scikit-learn is there for one."""
    _validation.check_choice(impute, "impute", (None, *STRATEGIES))
    if impute is not None:
        try:
            import sklearn.impute  # noqa: F401
        except ImportError as error:
            raise ImportError(f'impute={impute!r} needs scikit-learn: pip install "jaxreg[sklearn]"') from error
    return impute


def fill_values(X, weight, strategy):
    """(p,) of the columns of X (n, p) over the rows of positive weight, by scikit-learn's SimpleImputer.

    A column without a value in these rows gets 0: it is constant there, and its coefficient 0.
    """
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
    return np.nan_to_num(imputer.fit(np.asarray(X)[weight > 0]).statistics_.astype(np.float64))


def filled(X, values):
    """X (m, p) with `values` (p,) in place of its NaN; X itself where it has none, or where values is None."""
    if values is None:
        return X
    missing = np.isnan(X)
    return np.where(missing, values.astype(X.dtype), X) if missing.any() else X
