"""A fit with the recipe of its table: from new rows of a file to predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.results import _saving
from jaxreg.results._assessment import judging_loss
from jaxreg.results._path import PathResult
from jaxreg.scores._numbers import variance
from jaxreg.tables._encoding import Encoding

OF_AMOUNTS, OF_CLASSES, OF_SURVIVAL = ("deviance",), ("deviance", "auc"), ("c_index",)  # measures of a score


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

    def predict(self, data, lam=None, unknown="error", type="response") -> Any:
        """Predictions (m,) for the rows of a file or frame.

        Parameters
        ----------
        data, unknown
            As for `Encoding.transform`.
        lam : float >= 0, or None
            Any lambda; None is that of the model.
        type : "response", "link" or "class"
            As for `PathResult.predict`: a number, the probability of the second of two classes, (m, K) probabilities of
            several, or a relative risk; the linear predictor; or the class, as the table has it.

        Raises
        ------
        TableError
            For rows that differ from those of the fit.
        """
        return self.predict_rows(self.encoding.rows(data, unknown), lam, type)

    def predict_rows(self, rows, lam=None, type="response") -> Any:
        """Predictions for the Rows that `Encoding.rows` gives."""
        lam = self.lam if lam is None else lam
        if type != "class" or self.encoding.classes is None:
            return self.path.predict(rows.X, lam, rows.offset, type)
        eta = self.path.predict(rows.X, lam, rows.offset)
        return judging_loss(self.path).decode(eta, np.array(self.encoding.classes))

    def columns(self, rows, lam=None) -> dict[str, np.ndarray]:
        """What is predicted for rows, by the names of columns to write.

        A prediction of numbers, the relative risk of survival times, or the class with the probability of each, where
        the loss has probabilities.
        """
        response, classes = self.predict_rows(rows, lam), self.encoding.classes
        if classes is None:
            return {"prediction" if self.encoding.survival is None else "relative_risk": response}
        predicted = self.predict_rows(rows, lam, "class")
        if self.path.link == "identity":
            return {"prediction": response, "class": predicted}
        by_class = response.T if response.ndim == 2 else (1 - response, response)
        names = (f"probability={name}" for name in classes)
        return {"class": predicted} | dict(zip(names, by_class, strict=True))

    def score(self, rows, lam=None) -> dict[str, float]:
        """Number of the rows that are judged, and with their weights how well they are predicted, by name.

        RMSE, MAE and R2 of numbers, with the deviance of counts, amounts and shares; the share of right classes,
        accuracy, with the deviance and AUC of a loss that has probabilities; the C-index of survival times. The rows
        are as `Encoding.rows` gives them, one or more of them `judged`. NaN is what the rows do not tell: R2 where y
        does not vary, the AUC without a class.
        """
        weight = rows.weight[rows.judged]
        if self.encoding.survival is not None:
            return {"rows": len(weight)} | self._measured(rows, lam, OF_SURVIVAL)
        if self.encoding.classes is not None:
            right = self.predict_rows(rows, lam, "class")[rows.judged] == self._classes_of(rows.y[rows.judged])
            more = {} if self.path.link == "identity" else self._measured(rows, lam, OF_CLASSES)
            return {"rows": len(weight), "accuracy": float(np.average(right, weights=weight))} | more
        y, prediction = rows.y[rows.judged].to_numpy(), self.predict_rows(rows, lam)[rows.judged]
        squared, absolute = (float(np.average(abs(y - prediction) ** power, weights=weight)) for power in (2, 1))
        spread = float(variance(y, weight))
        R2 = 1 - squared / spread if spread else float("nan")
        more = {} if self.path.link in (None, "identity") else self._measured(rows, lam, OF_AMOUNTS)
        return {"rows": len(y), "RMSE": float(np.sqrt(squared)), "MAE": absolute, "R2": R2} | more

    def measured(self, rows, name, lam=None) -> tuple[str, float]:
        """(title, value) of the measure that `metric` of `fit_cv` takes by this name, on the rows that are judged."""
        judged, y = rows.judged, rows.y[rows.judged]
        if self.encoding.classes is not None:  # as the path has them, which an older fit may have had as -1 and 1
            positions = [self.encoding.classes.index(text) for text in self._classes_of(y)]
            y = np.asarray(self.path.classes)[positions]
        offset, strata = (None if values is None else values[judged] for values in (rows.offset, rows.strata))
        lam = self.lam if lam is None else lam
        X = rows.X[judged].reset_index(drop=True)
        y = y.reset_index(drop=True) if hasattr(y, "reset_index") else y
        title, (value,) = self.path._judged(X, y, lam, rows.weight[judged], offset, strata).measure(name)
        return title, float(value)

    def _measured(self, rows, lam, names):
        return dict(self.measured(rows, name, lam) for name in names)

    def _classes_of(self, labels):
        """The values of the table that labels stand for."""
        return labels.astype(str).to_numpy()

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
