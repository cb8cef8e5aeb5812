"""Risk sets: their places in rows sorted by stratum and time, and sums over them.

The risk set of an event at t holds the rows of its stratum with start < t <= time. Rows are sorted once, on the host,
by stratum and time, deaths before the censored rows of their time. Sums over the rows that are at risk are then
running sums from the end, whatever the weights are, and the sums over the events that a row lives to see are running
sums from the start. An encoded y holds the places, as whole numbers, beside the times that they follow from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg.losses._running import (
    Sums,
    after_none,
    exact_running_sums,
    per_row,
    running_maxima,
    running_sums,
    then_none,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

# columns of an encoded y: in the order of the rows as they came
TIME, EVENT, START, STRATUM, RANK = range(5)
# and of the sorted rows: the row, the first of its time, the one after the deaths of its time, the first of its stratum
ORDER, FIRST, AFTER, TOP = range(5, 9)
# where rows enter after the first event: the row whose level is the reference, the rows by start (their places), the
# first of these that enters at the time or later, and one more than the last row whose time is up to the start
REFERENCE, ENTRIES, ENTERING, BEFORE = range(9, 13)
PLAIN, WITH_ENTRIES = 9, 13  # numbers of columns
ALWAYS = -1.0  # the start of a row that is at risk from the beginning


def with_places(observed: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n c"]:
    """The encoded y of times, events, starts and strata."""
    time, event, start, stratum = observed.T
    n = len(time)
    order = np.lexsort((event == 0, time, stratum))
    place = np.arange(n)
    rank = np.empty(n, int)
    rank[order] = place
    time, event, start, stratum = (column[order] for column in observed.T)
    new_stratum = np.append(True, stratum[1:] != stratum[:-1])
    new_time = new_stratum | np.append(True, time[1:] != time[:-1])
    top, first = (np.maximum.accumulate(np.where(new, place, 0)) for new in (new_stratum, new_time))
    deaths = np.add.reduceat(event, np.flatnonzero(new_time))
    after = first + deaths[np.cumsum(new_time) - 1]
    columns = [*observed.T, rank, order, first, after, top]

    # times and starts in one order, a start after the times that equal it
    both = np.lexsort((np.repeat([0, 1], n), np.append(time, start), np.append(stratum, stratum)))
    is_start = both >= n
    entering, before = np.empty(n, int), np.empty(n, int)
    entering[both[~is_start]] = np.cumsum(is_start)[~is_start]
    before[both[is_start] - n] = np.cumsum(~is_start)[is_start]
    end = np.append(np.flatnonzero(new_stratum)[1:], n)[np.cumsum(new_stratum) - 1]
    entering = np.where(entering == end, n, entering)
    if (entering[event > 0] == n).all():
        return np.stack(columns, axis=1).astype(np.float64)
    before = np.where(before == top, 0, before)
    late = np.zeros(n)
    np.maximum.at(late, top, (event > 0) & (entering < n))
    reference = np.where(late[top] > 0, top, first)
    entries = np.lexsort((start, stratum))
    return np.stack([*columns, reference, entries, entering, before], axis=1).astype(np.float64)


class Places(NamedTuple):
    """The places of an encoded y."""

    rank: Int[Array, " n"]
    order: Int[Array, " n"]
    first: Int[Array, " n"]
    after: Int[Array, " n"]
    top: Int[Array, " n"]
    reference: Int[Array, " n"]
    entries: tuple[Int[Array, " n"], Int[Array, " n"], Int[Array, " n"]] | None
    died: Bool[Array, " n"]
    new_stratum: Bool[Array, " n"]
    new_time: Bool[Array, " n"]


def places_of(y: Float[Any, "n c"]) -> Places:
    columns = jnp.asarray(y).T.astype(jnp.int32)
    here = jnp.arange(columns.shape[1], dtype=jnp.int32)
    first, after, top = columns[FIRST], columns[AFTER], columns[TOP]
    late = len(columns) == WITH_ENTRIES
    return Places(
        rank=columns[RANK],
        order=columns[ORDER],
        first=first,
        after=after,
        top=top,
        reference=columns[REFERENCE] if late else first,
        entries=(columns[ENTRIES], columns[ENTERING], columns[BEFORE]) if late else None,
        died=here < after,
        new_stratum=here == top,
        new_time=here == first,
    )


class Events(NamedTuple):
    """The terms of the partial likelihood: each death stands for one, and is 0 where its row has no weight.

    The terms of d tied deaths are those of weight W / d with risk sets in which these deaths have the shares 1,
    1 - 1 / d, ..., 1 / d after Efron, or 1 in all after Breslow, whose terms may then have the deaths' own weights.
    """

    weight: Float[Array, " n"]
    share: Float[Array, " n"]  # in (0, 1]
    tied: Float[Array, " n"]  # W, the weight of all deaths at the time of the row


def events_of(places: Places, omega: Float[Array, " n"], efron: bool) -> Events:
    """Of sorted weights."""
    own = jnp.where(places.died, omega, 0.0)
    counted = (own > 0).astype(own.dtype)
    weights, numbers = _within_time(places, own), _within_time(places, counted)
    tied = weights[places.first]
    if not efron:
        return Events(own, jnp.ones_like(own), tied)
    deaths = jnp.maximum(numbers[places.first], 1.0)
    return Events(counted * tied / deaths, (deaths + 1 - jnp.maximum(numbers, 1.0)) / deaths, tied)


def of_time(places: Places, values: Float[Array, " n"]) -> Float[Array, " n"]:
    """Sums over the rows of the time of each row."""
    return _within_time(places, values)[places.first]


def _within_time(places, values):
    """Sums over each row and those after it of the same time."""
    return running_sums(values, _up_to(places.new_time, values.dtype), reverse=True)


def _up_to(anew, dtype):
    """What reverse sums keep that start anew before the rows where `anew`."""
    return jnp.where(jnp.append(anew[1:], True), 0.0, 1.0).astype(dtype)


class Risks(NamedTuple):
    """exp(eta) of sorted rows times their weights, on the scale exp(level) of each row.

    Without late entries the level of a time is the maximum of eta over its risk set, so that no sum can overflow, or
    vanish beside what is not in it. It falls from time to time, and `keep` takes a sum from one level to the next.
    A stratum with late entries has one level for all times, since its sums are differences.
    """

    places: Places
    weighted: Bool[Array, " n"]
    eta: Float[Array, " n"]  # finite in all rows
    level: Float[Array, " n"]
    keep: Float[Array, " n"]  # exp(level - that of the row before), 0 in the first row of a stratum
    risk: Float[Array, " n"]

    def at_risk(self, values: Float[Array, "n ..."]) -> tuple[Float[Array, "n ..."], Float[Array, "n ..."]]:
        """Sums of values, such as the risks, over the risk set of the time of each row: (all but the deaths, deaths).

        They are on the scale of the level. With late entries the first is a difference.
        """
        places = self.places
        keep = jnp.append(self.keep[1:], jnp.zeros((), self.keep.dtype))
        if places.entries is None:
            total = running_sums(values, keep, reverse=True)
            others = then_none(per_row(self.keep, total) * total)[places.after]
            return others, total[places.first] - others
        by_start, entering, _ = places.entries
        total = exact_running_sums(values, keep, reverse=True)
        later = exact_running_sums(values[by_start], _up_to(places.new_stratum, keep.dtype), reverse=True)
        others = then_none(total.times(self.keep)).at(places.after)
        return others.less(then_none(later).at(entering)).value(), total.at(places.first).less(others).value()

    def lived(self, hazards: Float[Array, " n"], shares: Float[Array, " n"]) -> Float[Array, " n"]:
        """Sums of the hazards of the events that each row is at risk of, of its own ones times the shares."""
        places = self.places
        own = jnp.where(places.died, of_time(places, hazards * shares), 0.0)
        if places.entries is None:
            so_far = running_sums(hazards, self.keep)
            earlier = (self.keep * after_none(so_far)[:-1])[places.first]
            return own + jnp.where(places.died, earlier, so_far)
        so_far = exact_running_sums(hazards, self.keep)
        before = after_none(so_far)
        earlier = before.at(places.first).times(self.keep[places.first])
        past = Sums(*(jnp.where(places.died, a, b) for a, b in zip(earlier, so_far, strict=True)))
        return own + past.less(before.at(places.entries[2])).value()


def risks_of(places: Places, eta: Float[Array, " n"], omega: Float[Array, " n"]) -> Risks:
    """Of sorted rows. Derivatives in eta hold the levels, on which no result depends."""
    weighted = omega > 0
    eta = jnp.where(weighted, eta, jnp.min(jnp.where(weighted, eta, jnp.inf)))
    level = running_maxima(lax.stop_gradient(eta), places.new_stratum)[places.reference]
    keep = jnp.where(places.new_stratum, 0.0, jnp.exp(level - jnp.roll(level, 1)))
    return Risks(places, weighted, eta, level, keep, omega * jnp.exp(eta - level))
