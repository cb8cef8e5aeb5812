"""Survival curves and baseline hazards of a path, and what it keeps for them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg import _arrays, _labels, plotting
from jaxreg._alignment import by_row, listed_labels
from jaxreg.losses import _risk_sets, _survival
from jaxreg.results._assessment import pandas

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped


@dataclass(frozen=True)
class FittedTimes:
    """The rows with a weight that a path of survival times was fitted to, of which baseline hazards are made.

    They take 8 n (L + 5) bytes. A path keeps them since its coefficients do not tell the hazards without X, and the
    linear predictors at a lambda between two of the grid follow from those of its neighbours, as coefficients do.
    """

    observed: Float[np.ndarray, "n 4"]  # times, events, starts and codes of strata
    weight: Float[np.ndarray, " n"]
    eta: Float[np.ndarray, "L n"]  # linear predictors, offset included
    strata: Shaped[np.ndarray, " S"] | None = None  # the label of each code; None without strata

    def codes(self, strata: Any, m: int) -> Float[np.ndarray, " m"]:
        """Codes of the strata of new rows, by their labels."""
        if self.strata is None:
            if strata is not None:
                raise ValueError("strata is given, but the fit had none; leave it out.")
            return np.zeros(m)
        if strata is None:
            shown = listed_labels(self.strata.tolist())
            raise ValueError(f"strata is missing; give every row one of those of the fit, {shown}.")
        return _labels.positions_among(strata, "strata", self.strata, m, "strata").astype(float)

    def baseline(self, right: int, share: float, ties: str) -> _survival.Baseline:
        """At the point that `PathResult._place` gives."""
        eta = self.eta[right]
        if share:
            eta = (1 - share) * eta + share * self.eta[right - 1]
        return _survival.baseline(self.observed, eta, self.weight, ties)


def fitted_times(data, loss, design, coef, intercept) -> FittedTimes | None:
    """The FittedTimes of a path with these coefficients, None where y is none of survival times."""
    if loss.observed(data.y) is None:
        return None
    rows = np.flatnonzero(data.weight)
    eta = design.linear_predictor(rows, coef, intercept).T
    if data.offset is not None:
        eta = eta + data.offset[rows]
    strata = None if data.strata is None else _labels.plain_labels(data.strata)
    observed = data.y[rows, : _risk_sets.STRATUM + 1]
    return FittedTimes(observed, data.weight[rows], np.ascontiguousarray(eta), strata)


class WithHazards:
    """What tells of survival times, where the loss is `Cox`."""

    @abstractmethod
    def _path_at(self, lam) -> tuple[Any, Any]:
        """(the PathResult, the lambda) that `lam` means."""

    def survival(self, X, times, lam=None, strata=None, offset=None) -> Float[np.ndarray, "m T ..."]:
        """Chances that new rows have had no event by some times: exp(-H0(t) exp(eta)).

        H0 is the cumulative baseline hazard of the stratum of the row, after Breslow or Efron as the `ties` of the
        loss, like that of R's survival::survfit. It is a step at each time of an event; after the last one of a
        stratum it stays as it is, which is 0 in a stratum without events.

        Parameters
        ----------
        X, offset
            As for `predict`.
        times : array (T,), or a number
            In any order.
        lam : float >= 0; of a CVResult also a rule of `select`, or None
            Any lambda, see `coef_at`. None is all of the path, or "min" of a CVResult.
        strata : array (m,), or None
            The strata of the rows, by the labels that the fit had, if it had some.

        Returns
        -------
        array (m, T)
            (m, T, L) at all lambdas of a path.

        Raises
        ------
        ValueError
            As for `predict`; for another loss, missing strata, and labels that the fit has not seen.

        Examples
        --------
        Rows that live the shorter, the larger their first column is.

        >>> import numpy as np
        >>> import jaxreg as jr
        >>> X = np.random.default_rng(0).standard_normal((200, 5))
        >>> time = np.random.default_rng(1).exponential(np.exp(-X[:, 0]))
        >>> y = {"time": np.minimum(time, 3.0), "event": time < 3.0}
        >>> path = jr.fit_path(X, y, loss="cox", n_lambdas=20)
        >>> path.survival(X[:2], times=[0.5, 1.0], lam=0.1).shape
        (2, 2)
        >>> path.baseline_hazard(lam=0.1).columns.tolist()
        ['time', 'cumulative_hazard']
        """
        path, lam = self._path_at(lam)
        fitted, ties = _required(path)
        strata = by_row(strata, "strata", X)
        eta = path.predict(X, lam, offset)
        times, codes = _checked_times(times), fitted.codes(strata, len(eta))
        if lam is not None:
            return _survival.survival(fitted.baseline(*path._place(lam), ties), eta, times, codes)
        points = range(len(path.lambdas))
        curves = [_survival.survival(fitted.baseline(k, 0.0, ties), eta[:, k], times, codes) for k in points]
        return np.stack(curves, axis=-1)

    def baseline_hazard(self, lam=None):
        """Cumulative baseline hazard at one lambda, as a frame.

        It is that of a row whose linear predictor is 0, so of X = 0 without an offset; `basehaz(centered = FALSE)` in
        R.

        Parameters
        ----------
        lam : float >= 0; of a CVResult also a rule of `select`, or None
            None is "min" of a CVResult; a path needs a number.

        Returns
        -------
        DataFrame
            A row for each time of an event, by stratum and time: columns time and cumulative_hazard, before them
            stratum where the fit had strata.

        Raises
        ------
        ValueError
            For another loss than `Cox`, and a path without `lam`.
        """
        path, lam = self._path_at(lam)
        if lam is None:
            raise ValueError("lam is missing; give the lambda of the hazard.")
        fitted, ties = _required(path)
        steps = fitted.baseline(*path._place(lam), ties)
        with np.errstate(over="ignore"):
            columns = {"time": steps.time, "cumulative_hazard": np.exp(steps.log_cumulative)}
        if fitted.strata is not None:
            columns = {"stratum": fitted.strata[steps.stratum.astype(int)], **columns}
        return pandas().DataFrame(columns)

    plot_survival = plotting.plot_survival


def _required(path):
    """(the FittedTimes of a path, the ties of its loss)."""
    if path.fitted_times is None:
        raise ValueError(f"the loss {path.loss} is not that of survival times, which this needs: losses.Cox().")
    return path.fitted_times, path.loss_parameters["ties"]


def _checked_times(times):
    array = np.atleast_1d(np.asarray(_arrays.numeric(times, "times"), np.float64))
    if array.ndim != 1 or np.isnan(array).any():
        fault = "NaN" if array.ndim == 1 else f"shape {array.shape}"
        raise ValueError(f"times has {fault}; give a list of numbers.")
    return array
