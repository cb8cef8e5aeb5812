"""Baseline hazards and survival curves of proportional hazards.

All sums are of logarithms, and none is a difference, so that any linear predictor will do: a row adds to the nodes of
a binary tree over the times of events that make up its time at risk, and a risk set is that of the nodes above a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxreg.losses import _risk_sets

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Baseline(NamedTuple):
    """The cumulative hazard of a row whose linear predictor is 0: steps at the times of events, by stratum and time."""

    stratum: Float[np.ndarray, " E"]  # as encoded
    time: Float[np.ndarray, " E"]
    log_cumulative: Float[np.ndarray, " E"]


def baseline(
    y: Float[np.ndarray, "n c"], eta: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"], ties: str
) -> Baseline:
    """Breslow's or Efron's estimator, that which goes with the likelihood of these `ties`, as in survival::survfit.

    A time of d deaths of the weight W adds W / S, S being the weight times relative risk of its risk set, or after
    Efron W / d times the sum over k < d of 1 / (S - k S' / d), with S' that of the deaths alone.
    """
    counting = weight > 0
    eta, weight = np.asarray(eta, np.float64)[counting], weight[counting]
    y = _risk_sets.with_places(np.asarray(y, np.float64)[counting, :4])
    order = y[:, _risk_sets.ORDER].astype(int)
    stratum, time = y[order, _risk_sets.STRATUM], y[order, _risk_sets.TIME]
    place = np.arange(len(y))
    died = place < y[:, _risk_sets.AFTER]
    at_event = died & (place == y[:, _risk_sets.FIRST])
    events = np.append(0, np.cumsum(at_event))  # up to a place
    last = events[1:] - died  # the events that a row survives, beside those before its stratum
    top = y[:, _risk_sets.TOP].astype(int)
    first = events[top]
    if y.shape[1] == _risk_sets.WITH_ENTRIES:
        first = np.maximum(first, events[y[:, _risk_sets.BEFORE].astype(int)])

    risk = eta[order] + np.log(weight[order])
    E = int(events[-1])
    others = _over_intervals(risk, first, np.maximum(last, first), E)
    which = events[1:][died] - 1  # the event of a death
    deaths = np.full(E, -np.inf)
    np.logaddexp.at(deaths, which, risk[died])
    tied, number = np.bincount(which, weight[order][died], E), np.bincount(which, minlength=E)
    turn = place[died] - place[at_event][which]
    share = 1 - turn / number[which] if ties == "efron" else np.ones(len(which))
    hazard = np.full(E, -np.inf)
    log_terms = np.log(tied / number)[which] - np.logaddexp(others[which], deaths[which] + np.log(share))
    np.logaddexp.at(hazard, which, log_terms)
    starts = np.flatnonzero(np.diff(stratum[at_event], prepend=np.nan) != 0)
    parts = [np.logaddexp.accumulate(part) for part in np.split(hazard, starts[1:])]
    return Baseline(stratum[at_event], time[at_event], np.concatenate(parts))


def _over_intervals(
    values: Float[np.ndarray, " n"], first: Int[np.ndarray, " n"], last: Int[np.ndarray, " n"], size: int
) -> Float[np.ndarray, " E"]:
    """log of the sum of exp(values) over the intervals [first, last) that hold each of `size` positions."""
    levels = (size - 1).bit_length()
    nodes = np.full(2 << levels, -np.inf)
    low, high = first + (1 << levels), last + (1 << levels)
    while len(low):
        left = low < high
        low, high, values = low[left], high[left], values[left]
        for odd, node in ((low % 2 == 1, low), (high % 2 == 1, high - 1)):
            np.logaddexp.at(nodes, node[odd], values[odd])
        low, high = (low + 1) // 2, high // 2
    for level in range(1, levels + 1):
        children = nodes[1 << level : 2 << level]
        np.logaddexp(children, np.repeat(nodes[1 << (level - 1) : 1 << level], 2), out=children)
    return nodes[1 << levels :][:size]


def survival(
    steps: Baseline,
    eta: Float[np.ndarray, " m"],
    times: Float[np.ndarray, " T"],
    stratum: Float[np.ndarray, " m"] | None = None,
) -> Float[np.ndarray, "m T"]:
    """exp(-H(t) exp(eta)) at each of the times, H being the baseline of the stratum, as encoded; 0 is that of all.

    After the last event of a stratum it stays as it is.
    """
    curves = np.empty((len(eta), len(times)))
    strata = np.zeros(len(eta)) if stratum is None else stratum
    for code in np.unique(strata):
        here, rows = steps.stratum == code, strata == code
        log_hazard = np.append(-np.inf, steps.log_cumulative[here])
        at = log_hazard[np.searchsorted(steps.time[here], times, side="right")]
        with np.errstate(over="ignore"):
            curves[rows] = np.exp(-np.exp(at + np.asarray(eta)[rows, None]))
    return curves
