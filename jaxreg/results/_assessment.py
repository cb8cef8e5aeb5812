"""Methods that judge a fit along its path: measures, ROC curves, confusion and calibration, each as a frame."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jaxreg import _arrays, _labels, _validation, plotting
from jaxreg._alignment import by_row
from jaxreg.losses._links import inverse_link
from jaxreg.losses._record import loss_of
from jaxreg.scores._judged import Judged

STRATEGIES = ("quantile", "uniform")


class Assessed:
    """What judges predictions of new rows or, of a cross-validated path, those of the rows that were held out."""

    @abstractmethod
    def _judged(self, X, y, lam, sample_weight, offset, strata=None, of_one=True) -> Judged:
        """The predictions to judge: at `lam`, or at all lambdas unless it is `of_one`."""

    def assess(self, X=None, y=None, sample_weight=None, offset=None, strata=None):
        """Every measure of the family at every lambda, on new rows.

        Parameters
        ----------
        X, offset
            As for `predict`. A CVResult judges its held-out predictions without X and y: at `lambda_min`, or with
            keep="all" at all lambdas of the chosen mixing parameter.
        y : array (m,), or (m, K) for K responses
            What happened, as for the fit; labels are those of the fit.
        sample_weight : array (m,) >= 0, or None
            Weights of the rows.
        strata : array (m,), or None
            Of survival times the strata of the rows, within which they are compared.

        Returns
        -------
        DataFrame
            A row for each lambda, the index, and a column for each name that `metric=` of `fit_cv` takes for this loss.
            Measures that are better the higher they are, as the AUC, have their own sign here. NaN where the rows do
            not tell, as the AUC of one class.

        Raises
        ------
        ValueError
            As for `predict`, and for labels that the fit has not seen.
        """
        judged = self._judged(X, y, None, sample_weight, offset, strata, of_one=False)
        index = pandas().Index(judged.lambdas, name="lambda")
        return pandas().DataFrame(judged.measures(), index=index)

    def roc(self, X=None, y=None, lam=None, sample_weight=None, offset=None):
        """ROC curve of the classes at one lambda, as a frame.

        Parameters
        ----------
        X, y, sample_weight, offset
            As for `assess`.
        lam : float >= 0; of a CVResult also a rule of `select`, or None
            None is "min".

        Returns
        -------
        DataFrame
            A row for each threshold, from infinity down: columns class, threshold, fpr, tpr and auc. Of two classes the
            curve is that of the second one; of more there is one for each class against all others.

        Raises
        ------
        ValueError
            As for `assess`; for a loss that is none of classes, and rows without one of them.
        """
        rocs = self._of_classes(X, y, lam, sample_weight, offset).rocs()
        frames = [
            pandas().DataFrame(
                {"class": label, "threshold": curve.thresholds, "fpr": curve.fpr, "tpr": curve.tpr, "auc": curve.auc}
            )
            for label, curve in rocs.items()
        ]
        return pandas().concat(frames, ignore_index=True)

    def confusion(self, X=None, y=None, lam=None, sample_weight=None, offset=None):
        """How many rows of each class are predicted to be of each, at one lambda, as a frame.

        The arguments are those of `roc`.

        Returns
        -------
        DataFrame
            Weight of the rows by their class (the index) and the predicted one (columns): numbers of rows where all
            weights are 1.
        """
        judged = self._of_classes(X, y, lam, sample_weight, offset)
        index, columns = (pandas().Index(judged.labels, name=name) for name in ("actual", "predicted"))
        return pandas().DataFrame(judged.confusion(), index=index, columns=columns)

    def calibration(
        self, X=None, y=None, lam=None, sample_weight=None, offset=None, bins=10, strategy="quantile"
    ):  # fmt: skip
        """Means of what is predicted beside those of what happened, in bins of predictions at one lambda, as a frame.

        Parameters
        ----------
        X, y, lam, sample_weight, offset
            As for `roc`.
        bins : int
            Their number, at most: those without rows are left out.
        strategy : str
            "quantile" has about one weight in each bin, "uniform" bins of one width from 0 to 1.

        Returns
        -------
        DataFrame
            A row for each bin: columns predicted, observed and weight; before them class, as in `roc`, or response of
            several.
        """
        judged = self._judged(X, y, lam, sample_weight, offset)
        bins_by_name = judged.calibration(
            _validation.check_count(bins, "bins"), _validation.check_choice(strategy, "strategy", STRATEGIES)
        )
        named = "class" if judged.labels is not None else "response"
        frames = [pandas().DataFrame({named: name, **bins_of._asdict()}) for name, bins_of in bins_by_name.items()]
        frame = pandas().concat(frames, ignore_index=True)
        return frame.drop(columns=named) if named == "response" and len(bins_by_name) == 1 else frame

    plot_assessment = plotting.plot_assessment
    plot_roc = plotting.plot_roc
    plot_confusion = plotting.plot_confusion
    plot_calibration = plotting.plot_calibration

    def _of_classes(self, X, y, lam, sample_weight, offset) -> Judged:
        judged = self._judged(X, y, lam, sample_weight, offset)
        if judged.labels is None:
            raise ValueError(f"the loss {judged.loss!r} is none of classes, which this needs.")
        return judged


def pandas():
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError('frames need pandas: pip install "jaxreg[frames]"') from error
    return pd


def judged_rows(path, X, y, lam, sample_weight, offset, strata) -> Judged:
    """Predictions of a PathResult for new rows, at one lambda or all, beside what happened."""
    if X is None or y is None:
        raise ValueError(f"{'X' if X is None else 'y'} is missing: give the rows to judge by, and what happened there.")
    of_rows = (y, "y"), (sample_weight, "sample_weight"), (strata, "strata")
    y, sample_weight, strata = (by_row(value, name, X) for value, name in of_rows)
    eta = path.predict(X, lam, offset, "link")
    lambdas = path.lambdas
    if lam is not None:
        eta, lambdas = eta[:, None], np.array([_validation.check_lam(lam)])
    loss = judging_loss(path)
    if strata is not None and loss.coupling != "rows":
        raise ValueError(f"strata is given, but the loss {path.loss} has none; leave it out.")
    encoded, weight = _encoded(path, loss, y, sample_weight, strata, len(eta))
    return judged_of(loss, path.classes, lambdas, encoded, eta, weight)


def judged_held_out(cv, lam, of_one) -> Judged:
    """Held-out predictions of a CVResult at one lambda, or at all for which they were kept, beside what happened."""
    if cv.y is None:
        raise ValueError("X and y are missing: this result was saved without the response of its rows.")
    a, lam = cv._at(lam)
    if cv.oof_predictions.ndim < 3:  # at the choice alone
        eta, lambdas, remedy = cv.oof_predictions[:, None], np.array([cv.lambda_min]), "fit with keep='all'"
        known = a == cv.best[0]
    else:
        eta, lambdas, remedy, known = cv.oof_predictions[a], cv.lambdas[a], "give a lambda of the grid", True
    if of_one:
        k = int(np.argmin(abs(lambdas - lam)))
        eta, lambdas, known = eta[:, [k]], lambdas[[k]], known and np.isclose(lam, lambdas[k], rtol=1e-9)
    if not known:
        raise ValueError(f"there are no held-out predictions at lambda {lam:.4g}; {remedy}, or give X and y.")
    weight = np.ones(len(cv.y)) if cv.weight is None else cv.weight
    return judged_of(judging_loss(cv.path), cv.path.classes, lambdas, cv.y, eta, weight)


def judged_of(loss, labels, lambdas, y, eta, weight) -> Judged:
    """The Judged of the rows that have a weight and a prediction."""
    counts = (weight > 0) & np.isfinite(eta).reshape(len(eta), -1).all(axis=1)
    return Judged(loss, labels, lambdas, y[counts], eta[counts], weight[counts])


@dataclass(frozen=True)
class _OfUser:
    """What judges by a loss of the user's own, whose formulas a result does not have: the errors of its responses."""

    link: str | None
    metrics: ClassVar[tuple[str, ...]] = ("mse", "mae", "r2")
    of_classes: ClassVar[bool] = False
    coupling: ClassVar[str | None] = None

    def inverse_link(self, eta: Any) -> Any:
        return inverse_link(self.link, eta)


def judging_loss(path):
    """The loss of a path, or what stands for one of the user's own."""
    loss = loss_of(path.loss, path.loss_parameters)
    if loss is None and path.classes is not None:
        raise ValueError(f"the loss {path.loss} is none of jaxreg.losses: give type='link', and decode that yourself.")
    return _OfUser(path.link) if loss is None else loss


def _encoded(path, loss, y, sample_weight, strata, m):
    """(y as the loss takes it, weights (m,)) of rows that are judged."""
    weight = _arrays.check_judging_weight(sample_weight, m)
    if loss.of_classes and not _is_of_trials(y):
        positions = _labels.positions_among(y, "y", path.classes, m)
        return loss.of_positions(positions, len(path.classes)), weight
    if loss.coupling == "rows":
        return loss.encode(y, weight > 0, strata).y, weight
    if loss.of_classes:
        encoded = loss.encode(y, weight > 0)
        return encoded.y, weight if encoded.weight is None else weight * encoded.weight
    return _arrays.check_judged(y, m, path.n_responses), weight


def _is_of_trials(y):
    """Whether y has numbers of successes and failures, or shares, and no labels."""
    if np.ndim(y) == 2:
        return True
    array = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    return array.dtype.kind == "f" and bool(((array > 0) & (array < 1)).any())
