"""Censored times as the user gives them: fields of a structured array, a frame or a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg import _arrays
from jaxreg._alignment import listed_labels
from jaxreg._labels import check_labels
from jaxreg.losses._risk_sets import ALWAYS, EVENT, PLAIN, START, STRATUM, TIME, WITH_ENTRIES

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

FORMS = (
    "give a structured array, a frame or a dict with the fields time and event, and start where rows enter late; with "
    "other names one field of booleans, the event, and one of numbers, the time"
)


def observations(y: Any, counting: Bool[np.ndarray, " n"], strata: Any) -> Float[np.ndarray, "n 4"]:
    """Times, events, starts and codes of strata; an encoded y holds them, the last in place of `strata` that are None.

    Rows that do not count may hold anything.
    """
    n = len(counting)
    observed = _encoded(y, n)
    if observed is None:
        observed = _of_fields(_fields(y), n)
    if strata is not None:
        observed[:, STRATUM] = check_labels(strata, "strata", n)[1]
    _check(observed[counting])
    observed[:, EVENT] = observed[:, EVENT] == 1
    return observed


def _encoded(y, n):
    """The first columns of an encoded y of n rows, None of anything else."""
    shape: tuple[int, ...] = np.shape(y) if hasattr(y, "dtype") and not getattr(y.dtype, "names", None) else ()
    if len(shape) == 2 and shape[0] == n and shape[1] in (PLAIN, WITH_ENTRIES):
        return np.array(y[:, : STRATUM + 1], np.float64)
    return None


def _fields(y):
    """The fields of y by name."""
    if isinstance(y, Mapping):
        return {name: np.asarray(values) for name, values in y.items()}
    if hasattr(y, "columns") and hasattr(y, "to_numpy"):
        return {name: y[name].to_numpy() for name in y.columns}
    names = getattr(getattr(y, "dtype", None), "names", None)
    if names is None:
        raise ValueError(f"y is of type {type(y).__name__}, which has no fields time and event; {FORMS}.")
    return {name: np.asarray(y[name]) for name in names}


def _of_fields(fields, n):
    names = list(fields)
    if fields.keys() not in ({"time", "event"}, {"time", "event", "start"}):
        events = [name for name in names if fields[name].dtype.kind == "b"]
        if len(names) != 2 or len(events) != 1:
            raise ValueError(f"y has the fields {listed_labels(names)}; {FORMS}.")
        (time,) = set(names) - set(events)
        fields = {"time": fields[time], "event": fields[events[0]]}
    observed = np.zeros((n, 4))
    observed[:, START] = ALWAYS
    for column, name in ((TIME, "time"), (EVENT, "event"), (START, "start")):
        if name in fields:
            values = np.asarray(_arrays.numeric(fields[name], f"y[{name!r}]"), np.float64)
            if values.shape != (n,):
                raise ValueError(f"y[{name!r}] has shape {values.shape}, but needs one entry per row of X, ({n},).")
            observed[:, column] = values
    return observed


def _check(observed):
    """ValueError where rows are no censored times."""
    time, event, start, _ = observed.T
    unknown = event[~np.isin(event, (0.0, 1.0))]
    if unknown.size:
        raise ValueError(f"y has the event {unknown[0]:g}; give True or 1 for an event, False or 0 for censoring.")
    for values, name in ((time, "time"), (start[start != ALWAYS], "start")):
        at_fault = values[~(np.isfinite(values) & (values >= 0))]
        if at_fault.size:
            raise ValueError(f"y has the {name} {at_fault[0]:g}; give finite numbers >= 0.")
    if (start >= time).any():
        row = np.argmax(start >= time)
        raise ValueError(f"y has the start {start[row]:g} and the time {time[row]:g}; give a start before its time.")
    if not event.any():
        raise ValueError("y has no event; Cox needs at least one row whose event is True, and whose weight is above 0.")
