"""Selection: a chosen point of a cross-validated path, its coefficients by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxreg import _hints
from jaxreg.results import _html

if TYPE_CHECKING:
    from jaxtyping import Float

LISTED_COEFFICIENTS = 20  # in a text or table, at most


class _Point(NamedTuple):
    l1_ratio: float
    lam: float
    index: int  # type: ignore[assignment]
    coef: Float[np.ndarray, "p ..."]
    intercept: float | Float[np.ndarray, " K"]


class Selection(_Point):
    """A chosen point of the path of one mixing parameter: what `CVResult.select` returns.

    It is a tuple (l1_ratio, lam, index, coef, intercept) with names.

    Attributes
    ----------
    l1_ratio : float
        The mixing parameter, NaN where the penalty has none.
    lam : float
        lambda.
    index : int
        Position of `lam` among the lambdas of that mixing parameter.
    coef : array (p,)
        Coefficients on the scale of the user's X; (p, K) for K responses.
    intercept : float
        (K,) for K responses.
    rule : str
        What chose it.
    feature_names : tuple of str
        Names of the columns, made up ("x0", "x1", ...) where the data had none.
    feature_sd : array (p,)
        Standard deviations of the columns, by which the coefficients are ordered.
    outputs : pair of str and sequence, or None
        Of K coefficients for each column what they are of, "responses" or "classes", and their names.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> cv = jr.fit_cv(X[["bmi", "bp", "s5"]], y, n_lambdas=20)
    >>> cv.select("1se")
    <Selection by 1se: lambda 10.55, intercept 152.1, 3 of 3 coefficients not 0: bmi 485, s5 425.3, bp 133.8>
    >>> l1_ratio, lam, index, coef, intercept = cv.select("1se")
    >>> cv.select("1se").to_series().index.tolist()
    ['(intercept)', 'bmi', 'bp', 's5']
    >>> cv.select("1se").to_frame().index.tolist()
    ['bmi', 's5', 'bp']
    """

    rule: str
    feature_names: tuple[str, ...]
    feature_sd: Float[np.ndarray, " p"]
    outputs: tuple[str, Sequence[Any]] | None

    def __new__(
        cls, l1_ratio, lam, index, coef, intercept, rule="min", feature_names=None, feature_sd=None, outputs=None
    ):  # fmt: skip
        point = super().__new__(cls, l1_ratio, lam, index, coef, intercept)
        point.rule = rule
        point.feature_names = feature_names or tuple(f"x{j}" for j in range(len(coef)))
        point.feature_sd = np.ones(len(coef)) if feature_sd is None else feature_sd
        point.outputs = ("responses", range(coef.shape[1])) if outputs is None and coef.ndim == 2 else outputs
        return point

    def __getattr__(self, name):
        raise _hints.missing(self, name)

    def to_series(self):
        """pandas Series of the intercept and all coefficients by feature, or by feature and response or class."""
        import pandas as pd

        names = ["(intercept)", *self.feature_names]
        values = np.concatenate([np.atleast_1d(self.intercept)[None], self.coef.reshape(len(self.coef), -1)])
        index = pd.Index(names, name="feature")
        if self.coef.ndim == 2:
            index = of_outputs(names, self.outputs)
        return pd.Series(values.ravel(), index=index, name="coefficient")

    def to_frame(self):
        """pandas DataFrame of the coefficients that are not 0, the largest first.

        The column "coefficient" is on the scale of X. "per_sd" is the coefficient times the standard deviation of the
        column, in units of y: it orders the rows. Of several responses the index has feature and response, of several
        classes feature and class.
        """
        per_sd = (self.coef.T * self.feature_sd).T
        series = self.to_series().iloc[np.size(self.intercept) :]
        frame = series.to_frame().assign(per_sd=per_sd.ravel())
        order = np.argsort(-np.abs(per_sd.ravel()), kind="stable")
        return frame.iloc[order[: np.count_nonzero(self.coef)]]

    def _order(self):
        """Positions of the columns whose coefficients are not 0, the largest first."""
        size = np.abs(self.coef).reshape(len(self.coef), -1).max(axis=1)
        return np.lexsort((-size * self.feature_sd, size == 0))[: np.count_nonzero(size)]

    def _headline(self, order):
        mix = "" if np.isnan(self.l1_ratio) or self.l1_ratio == 1 else f"l1_ratio {self.l1_ratio:g}, "
        counts = f"{len(order)} of {len(self.coef)} coefficients not 0"
        return f"{mix}lambda {self.lam:.4g}, intercept {_formatted(self.intercept, 4)}, {counts}"

    def __repr__(self):
        order = self._order()
        pairs = [f"{self.feature_names[j]} {_formatted(self.coef[j], 4)}" for j in order[:LISTED_COEFFICIENTS]]
        listed = ": " + ", ".join(pairs + _remainder(order)) if pairs else ""
        return f"<Selection by {self.rule}: {self._headline(order)}{listed}>"

    def _repr_html_(self):
        order = self._order()
        rows = [
            (self.feature_names[j], _formatted(self.coef[j], 5), _formatted(self.coef[j] * self.feature_sd[j], 5))
            for j in order[:LISTED_COEFFICIENTS]
        ]
        columns = ("feature", "coefficient", "times standard deviation")
        return _html.shown(f"Chosen by {self.rule}: {self._headline(order)}", columns, rows, *_remainder(order))


def of_outputs(names, outputs):
    """pandas MultiIndex of features and of their responses or classes."""
    import pandas as pd

    what, each = outputs
    return pd.MultiIndex.from_product([names, each], names=["feature", {"responses": "response"}.get(what, "class")])


def _remainder(order):
    n_more = len(order) - LISTED_COEFFICIENTS
    return [f"and {n_more} smaller ones"] if n_more > 0 else []


def _formatted(values, digits):
    return ", ".join(f"{value:.{digits}g}" for value in np.atleast_1d(values))
