"""Measures of survival times: Harrell's C, and the partial-likelihood deviance of van Houwelingen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxreg.scores._metric import Metric
from jaxreg.scores._ranks import AT_ONCE

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def c_index(loss) -> Metric:
    """Harrell's C: the chance that of two rows the one whose event comes first has the larger risk, ties half.

    It is of the pairs of a row with an event and one of its stratum that is still at risk after it.
    """

    def in_fold(y, eta, weight):
        return -concordance(loss.observed(y), eta, weight)

    def lacks(y, weight, labels):
        comparable = _comparable(loss.observed(y), np.zeros((len(y), 1)), weight)
        return None if comparable[0] > 0 else "no row is at risk after the event of another one"

    return Metric("C-index", in_fold, higher_is_better=True, lacks=lacks)


def deviance(loss) -> Metric:
    """Deviance for an event: by how much that of all rows exceeds that of the rows which train, with their fit.

    The first one is that of the rows which are held out and those which train. Where there are no others, as on the
    data of a fit, it is the deviance of the rows.

    References
    ----------
    Verweij and van Houwelingen (1993), Stat. Med. 12; as in cv.glmnet, whose weights add up to the number of rows of
    each part, while here they are the same in both.
    """

    def total(y, eta, weight):
        """Sums of deviances (L,)."""
        whole = weight.sum()
        with jax.enable_x64(True):
            return whole * np.asarray(_deviances(loss, y, eta.T, weight / whole))

    def in_fold(y, eta, weight):
        y = loss.encode(y, weight > 0).y  # as rows of their own, not of those that they were taken from
        return total(y, eta, weight) / (weight @ loss.observed(y).event)

    def of_split(y, eta, training, held_out):
        difference = total(y, eta, training + held_out) - total(y, eta, training)
        return difference / (held_out @ loss.observed(y).event)

    def lacks(y, weight, labels):
        return lacks_event(loss.observed(y), weight)

    return Metric("deviance", in_fold, lacks=lacks, of_split=of_split, share=lambda y: loss.observed(y).event)


@jax.jit
def _deviances(loss, y, eta, omega):
    least = loss.least(y, omega)
    return 2 * (jax.lax.map(lambda of_lambda: loss.mean(y, of_lambda, omega), eta) - least)


def lacks_event(observed: Any, weight: Float[np.ndarray, " m"]) -> str | None:
    """That there is no event; None where there is one."""
    return None if weight @ observed.event > 0 else "there is no event"


def concordance(
    observed: Any, eta: Float[np.ndarray, "m L"], weight: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " L"]:
    """Harrell's C (L,) of log risks, with weights, strata and late entries; `observed` as `Loss.observed` has it."""
    counts = weight > 0
    observed, eta, weight = type(observed)(*(column[counts] for column in observed)), eta[counts], weight[counts]
    equal = np.zeros((len(eta), 1))  # of which half of all pairs are in order
    in_order = _comparable(observed, np.hstack([eta, equal]), weight)
    return in_order[:-1] / (2 * in_order[-1])


def _comparable(observed, eta, weight):
    """Weights (L,) of the comparable pairs that are in order, ties half."""
    time, event, start, stratum = observed
    stratum = np.unique(stratum, return_inverse=True)[1]
    died = event > 0
    # deaths of one time have one place, before the rows that are censored then
    place = np.unique(2 * np.unique(time, return_inverse=True)[1] + ~died, return_inverse=True)[1]
    in_order = _ordered_pairs(stratum, place, weight * died, weight, eta)
    if (start < time.min()).all():
        return in_order
    # but for the pairs whose second row enters when the event is over
    both = np.unique(np.append(time, start), return_inverse=True)[1]
    none = np.zeros(len(time))
    after = np.append(2 * both[: len(time)], 2 * both[len(time) :] + 1)
    first, second = np.append(weight * died, none), np.append(none, weight)
    return in_order - _ordered_pairs(np.tile(stratum, 2), after, first, second, np.tile(eta, (2, 1)))


def _ordered_pairs(
    stratum: Int[np.ndarray, " m"],
    place: Int[np.ndarray, " m"],
    first: Float[np.ndarray, " m"],
    second: Float[np.ndarray, " m"],
    values: Float[np.ndarray, "m L"],
) -> Float[np.ndarray, " L"]:
    """Sums of first_a second_b over pairs of a stratum with place_a < place_b and values_a > values_b, ties half.

    Two places differ first in some binary digit: pairs are counted at that one, by running sums over the rows whose
    higher digits are the same, in the order of their values.
    """
    digits = int(place.max()).bit_length()
    key = (stratum << digits) + place
    step = max(1, AT_ONCE // len(place))
    blocks = [values.T[i : i + step] for i in range(0, values.shape[1], step)]
    return np.concatenate([_in_order(key, digits, first, second, np.ascontiguousarray(block)) for block in blocks])


def _in_order(key, digits, first, second, values):
    order, here = np.argsort(values, axis=1, kind="stable"), np.arange(len(key))
    total = np.zeros(len(values))
    for digit in reversed(range(digits)):
        block = (key >> (digit + 1))[order]
        by_block = np.argsort(block, axis=1, kind="stable")
        order, block = (np.take_along_axis(array, by_block, 1) for array in (order, block))
        ordered = np.take_along_axis(values, order, 1)
        edge = np.ones((len(values), 1), bool)
        new_block = block[:, 1:] != block[:, :-1]
        new_value = new_block | (ordered[:, 1:] != ordered[:, :-1])
        start = np.maximum.accumulate(np.where(np.hstack([edge, new_block]), here, 0), axis=1)
        tied = np.maximum.accumulate(np.where(np.hstack([edge, new_value]), here, 0), axis=1)
        last = np.where(np.hstack([new_value, edge]), here, here[-1])[:, ::-1]
        last = np.minimum.accumulate(last, axis=1)[:, ::-1]
        late = (key >> digit & 1)[order].astype(bool)
        sums = np.pad(np.cumsum(np.where(late, second[order], 0.0), axis=1), ((0, 0), (1, 0)))
        upto, through, before = (np.take_along_axis(sums, at, 1) for at in (tied, last + 1, start))
        total += (np.where(late, 0.0, first[order]) * ((upto + through) / 2 - before)).sum(axis=1)
    return total
