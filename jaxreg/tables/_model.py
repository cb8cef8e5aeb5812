"""A fit with the recipe of its table: from new rows of a file to predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxreg.results import _saving
from jaxreg.results._path import PathResult
from jaxreg.scores._classes import share_right
from jaxreg.scores._numbers import variance
from jaxreg.tables._encoding import Encoding

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped


@dataclass(frozen=True)
class Model:
    """A path at one lambda, with the encoding of the table it was fitted to.

    Attributes
    ----------
    path : PathResult
        Of all rows.
    encoding : Encoding
        Of the table.
    lam : float
        The lambda of the predictions.
    rule : str or None
        What has chosen it.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import jaxreg as jr
    >>> frame = pd.DataFrame({"town": ["Rome", "Oslo", "Bern"] * 5, "area": range(40, 55), "price": range(15)})
    >>> table = jr.tables.read(frame, "price")
    >>> model = jr.tables.Model(jr.fit_path(table.X, table.y), table.encoding, lam=0.01)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.npz")
    ...     again = jr.tables.Model.load(f"{folder}/model.npz")
    >>> again.predict(pd.DataFrame({"area": [47, 50], "town": ["Rome", "Bern"]})).round(1)
    array([ 7., 10.])
    """

    path: PathResult
    encoding: Encoding
    lam: float
    rule: str | None = None

    def predict(self, data, lam=None, unknown="error") -> Float[np.ndarray, " m"]:
        """Predictions (m,) for the rows of a file or frame.

        Parameters
        ----------
        data, unknown
            As for `Encoding.transform`.
        lam : float >= 0, or None
            Any lambda; None is that of the model.

        Raises
        ------
        TableError
            For rows that differ from those of the fit.
        """
        return self.predict_rows(self.encoding.rows(data, unknown), lam)

    def predict_rows(self, rows, lam=None) -> Float[np.ndarray, " m"]:
        """Predictions (m,) for the Rows that `Encoding.rows` gives."""

        return self.path.predict(rows.X, self.lam if lam is None else lam)

    def classes_of(self, prediction: Float[np.ndarray, " m"]) -> Shaped[np.ndarray, " m"]:
        """The classes (m,) of predictions (m,), where the target is one of two."""
        return np.array(self.encoding.classes)[(prediction > 0).astype(int)]

    def score(self, rows, lam=None) -> dict[str, float]:
        """Number of the rows that are judged, and with their weights RMSE, MAE and R2, or the share of right classes.

        The rows are as `Encoding.rows` gives them, one or more of them `judged`. R2 compares with their mean; it is NaN
        where they do not vary.
        """
        y, weight = rows.y[rows.judged], rows.weight[rows.judged]
        prediction = self.predict_rows(rows, lam)[rows.judged]
        if self.encoding.classes is not None:
            return {"rows": len(y), "accuracy": float(share_right(y, prediction, weight))}
        squared, absolute = (float(np.average(abs(y - prediction) ** power, weights=weight)) for power in (2, 1))
        spread = float(variance(y, weight))
        R2 = 1 - squared / spread if spread else float("nan")
        return {"rows": len(y), "RMSE": float(np.sqrt(squared)), "MAE": absolute, "R2": R2}

    def save(self, path) -> None:
        """Write an .npz file, without pickle; see `load`."""
        plain = {"lam": self.lam, "rule": self.rule, "encoding": self.encoding.to_json()}
        arrays = {"model": np.array(json.dumps(plain))} | _saving.nested("path", self.path._arrays())
        _saving.write(path, "Model", arrays)

    @classmethod
    def load(cls, path) -> Model:
        """The Model that `save` wrote to the file `path`; ValueError for another file, OSError for none."""
        return _saving.read(path, "Model", cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays):
        plain = json.loads(str(arrays["model"]))
        fitted = PathResult._of_arrays(_saving.inside("path", arrays))
        return cls(fitted, Encoding.from_json(plain["encoding"]), plain["lam"], plain["rule"])
