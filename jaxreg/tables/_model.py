"""A fit with the recipe of its table: from new rows of a file to predictions."""

import json
from dataclasses import dataclass

import numpy as np

from jaxreg import _saving
from jaxreg._results import PathResult
from jaxreg.tables._encoding import Encoding


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

    def predict(self, data, lam=None, unknown="error") -> np.ndarray:
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

    def predict_rows(self, rows, lam=None) -> np.ndarray:
        """The same for what `Encoding.rows` gives."""
        return self.path.predict(rows.X, self.lam if lam is None else lam)

    def classes_of(self, prediction) -> np.ndarray:
        """The classes (m,) of predictions (m,), where the target is one of two."""
        return np.array(self.encoding.classes)[(prediction > 0).astype(int)]

    def score(self, rows, lam=None) -> dict[str, float]:
        """Their number, and RMSE, MAE and R2 or the share of right classes, of rows with a target.

        The rows are as `Encoding.rows` gives them. R2 compares with their mean; it is NaN where they do not vary.
        """
        there = ~np.isnan(rows.y)
        y, prediction = rows.y[there], self.predict_rows(rows, lam)[there]
        if self.encoding.classes is not None:
            return {"rows": len(y), "accuracy": float(np.mean((prediction > 0) == (y > 0)))}
        error, spread = np.mean((y - prediction) ** 2), np.var(y)
        R2 = float(1 - error / spread) if spread > 0 else float("nan")
        return {"rows": len(y), "RMSE": float(np.sqrt(error)), "MAE": float(np.mean(np.abs(y - prediction))), "R2": R2}

    def save(self, path) -> None:
        """Write an .npz file, without pickle; see `load`."""
        plain = {"lam": self.lam, "rule": self.rule, "encoding": self.encoding.to_json()}
        arrays = {"model": np.array(json.dumps(plain))} | _saving.nested("path", self.path._arrays())
        _saving.write(path, "Model", arrays)

    @classmethod
    def load(cls, path) -> "Model":
        """The Model that `save` wrote to the file `path`; ValueError for another file, OSError for none."""
        return _saving.read(path, "Model", cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays):
        plain = json.loads(str(arrays["model"]))
        fitted = PathResult._of_arrays(_saving.inside("path", arrays))
        return cls(fitted, Encoding.from_json(plain["encoding"]), plain["lam"], plain["rule"])
