"""Many problems of a few Gram matrices in a queue: a few places work side by side, and none waits for another.

Lambdas are solved coarse to fine: the ends of the grid and its middle, then what lies halfway between two, from the
point on the line between their solutions, where a lasso path is a straight line between two changes of its support.
A problem that is solved leaves its place to the next one whose neighbours are solved. The order, and so the start of
each, does not depend on how many places there are, nor on what else is in the queue.

Products that are computed are those of the places, busy or not. Problems that wait for neighbours leave places idle:
few places make the better use of a product, and many the quicker way through the longest chain of neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

if TYPE_CHECKING:
    from jaxtyping import Float, Int

SHARE, EIGHT = 25, 8  # problems of a lane for each place, and what places are a multiple of (`benchmarks.products`)
AT_ONCE = 4  # steps between two looks at whether a problem is left, for which an accelerator has the host wait
NUMBERS = 1, 2, 3, 4, 6, 8, 11, 16, 21, 30, 50, 75, 100, 150, 200  # of lanes and problems, as compiled


@dataclass(frozen=True)
class Order:
    """Problems (N,) in the order in which they are begun: A mixing parameters at L lambdas, and copies behind them."""

    mix: Int[np.ndarray, " N"]
    position: Int[np.ndarray, " N"]  # of the lambda
    neighbours: Int[np.ndarray, "2 N"]  # the problem itself where it starts from what is there
    at: Int[np.ndarray, "A L"]  # the place of each problem in this order

    @classmethod
    def of(cls, A: int, L: int) -> Order:
        """The largest lambda first, then the middle and the end of the grid, each from the one before; then what lies
        halfway between two, the smaller lambdas of a level before the larger ones.
        """
        solved = sorted({0, (L - 1) // 2, L - 1})
        levels = [[(k, before, before)] for k, before in zip(solved, [0, *solved], strict=False)]
        while len(solved) < L:
            gaps = [(low, high) for low, high in pairwise(solved) if high - low > 1]
            levels.append([((low + high) // 2, low, high) for low, high in reversed(gaps)])
            solved = sorted([*solved, *(middle for middle, _, _ in levels[-1])])
        entries = np.repeat(np.concatenate(levels), A, axis=0)
        mix, position = np.tile(np.arange(A), L), entries[:, 0]
        at = np.empty((A, L), int)
        at[mix, position] = np.arange(A * L)
        neighbours, more = at[mix, entries[:, 1:].T], number_for(A * L) - A * L
        mix, position = (np.pad(values, (0, more), mode="edge") for values in (mix, position))
        return cls(mix, position, np.append(neighbours, A * L + np.tile(np.arange(more), (2, 1)), axis=1), at)

    def shares(self, lambdas: Float[np.ndarray, "F N"]) -> Float[np.ndarray, "F N"]:
        """How much of the start of each problem is of its first neighbour."""
        low, high = lambdas[:, self.neighbours[0]], lambdas[:, self.neighbours[1]]
        return np.divide(lambdas - high, low - high, out=np.ones_like(lambdas), where=low != high)


def number_for(size: int) -> int:
    """The least of a few numbers that is as large."""
    return next((number for number in NUMBERS if number >= size), -(-size // 100) * 100)


def places_for(N: int) -> int:
    """How many problems of a lane are worked on at once."""
    return EIGHT * max(1, round(N / (SHARE * EIGHT)))


class Schedule(NamedTuple):
    """How the problems of F lanes are gone through."""

    neighbours: Int[Array, "2 N"]  # of each problem: those whose solutions its start lies between
    share: Float[Array, "F N"]  # of the first one in it
    limit: Int[Array, "F N"]  # of products; 0 where a problem stays as it is
    number: Int[Array, " F"]  # how many of the problems there are


class Method(NamedTuple):
    """How a problem is solved, by one product with its Gram matrix in every step.

    A state is a pytree that has, of the point where the search is, `x` and its image `q`; `trial`, whether the next
    product is needed before that point counts; `settled`, whether rounding has a say; `n_iter`, the products.
    """

    begin: Callable  # (problem, x, q[, state]): the state at a point whose image is known, in place of one done with
    advance: Callable  # (problem, state): the state after one more product


class _Places(NamedTuple):
    """The state of a lane: W places, and the results so far."""

    problem: Int[Array, " W"]  # N for none
    search: Any  # states of the method, with a leading axis (W,)
    begun: Int[Array, ""]  # how many of the problems
    points: tuple[Float[Array, "N m ..."], Float[Array, "N q ..."]]  # x and their images
    n_iter: Int[Array, " N"]  # -1 until a problem is solved


class Queued(NamedTuple):
    """Of F lanes, in the order of their problems."""

    x: Float[Array, "F N m ..."]
    q: Float[Array, "F N q ..."]
    n_iter: Int[Array, "F N"]
    steps: Int[Array, " F"]  # of all places at once


def solve(
    lanes: Any, schedule: Schedule, x: Float[Array, "F S m ..."], method: Method, problem: Callable, content: Callable,
    places: int,
) -> Queued:  # fmt: skip
    """Solutions of the problems of all lanes, from x of each lane (S = 1) or problem (S = N).

    lanes: a pytree with a leading axis (F,); problem(lane, k): the problem k of a lane, as the method takes it;
    content(lane, k, x, q): whether a point will do
    """
    F, N = schedule.share.shape
    low, high = schedule.neighbours

    def filled(lane, share, limit, number, state):
        """Free places with the next problems whose neighbours are solved; problems to leave are passed over."""
        i = jnp.arange(places)
        following = state.begun + i
        at = jnp.minimum(following, N - 1)
        a, b = low[at], high[at]
        ready = (following < number) & ((a == at) | ((state.n_iter[a] >= 0) & (state.n_iter[b] >= 0)))
        in_a_row = jnp.min(jnp.where(ready, places, i))
        free = state.problem == N
        rank = jnp.sum(free & (i < i[:, None]), axis=1)  # of a free place among them
        taken = free & (rank < in_a_row)
        at = jnp.where(taken, state.begun + rank, 0)  # where a place stays as it is, one start is read for all

        def between(points):
            part = _like(share[at], points)
            return part * points[low[at]] + (1 - part) * points[high[at]]

        fresh = jax.vmap(lambda k, *start: method.begin(problem(lane, k), *start))(
            at, *map(between, state.points), state.search
        )
        search = jax.tree.map(lambda new, old: jnp.where(_like(taken, new), new, old), fresh, state.search)
        following = jnp.where(taken & (limit[at] > 0), at, state.problem)
        return state._replace(problem=following, search=search, begun=state.begun + jnp.sum(taken))

    def stepped(lane, share, limit, number, state):
        """After a product of all places."""
        state = filled(lane, share, limit, number, state)

        def one(k, search):
            search = method.advance(problem(lane, k), search)
            ends = ~search.trial & (content(lane, k, search.x, search.q) | search.settled)
            return search, ends | (search.n_iter >= limit[k])

        search, ends = jax.vmap(one)(jnp.minimum(state.problem, N - 1), state.search)
        ends = ends & (state.problem < N)
        target = jnp.where(ends, state.problem, N + jnp.arange(places))  # none twice, not even of what is dropped

        def put(values, new):
            return values.at[target].set(new, mode="drop", unique_indices=True)

        return _Places(
            problem=jnp.where(ends, N, state.problem),
            search=search,
            begun=state.begun,
            points=jax.tree.map(put, state.points, (search.x, search.q)),
            n_iter=put(state.n_iter, search.n_iter),
        )

    def unfinished(carry):
        states, _ = carry
        return jnp.any((states.begun < schedule.number)[:, None] | (states.problem < N))

    def several_steps(carry):
        states, steps = carry

        def step(_, states):
            return jax.vmap(stepped)(lanes, *schedule[1:], states)

        return lax.fori_loop(0, AT_ONCE, step, states), steps + AT_ONCE

    def at_start(lane, limit, x):
        first = problem(lane, 0)
        q = jax.vmap(first.smooth.image)(x)
        nowhere = (jnp.zeros((places, *like.shape[1:]), x.dtype) for like in (x, q))
        search = jax.vmap(partial(method.begin, first))(*nowhere)
        x, q = (jnp.broadcast_to(like, (N, *like.shape[1:])) for like in (x, q))
        return _Places(jnp.full(places, N), search, jnp.zeros((), int), (x, q), jnp.where(limit == 0, 0, -1))

    states = jax.vmap(at_start)(lanes, schedule.limit, x)
    states, steps = lax.while_loop(unfinished, several_steps, (states, jnp.zeros((), int)))
    x, q = states.points
    return Queued(x, q, jnp.maximum(states.n_iter, 0), jnp.broadcast_to(steps, F))


def _like(mask, values) -> Any:
    return mask.reshape(-1, *[1] * (values.ndim - 1))
