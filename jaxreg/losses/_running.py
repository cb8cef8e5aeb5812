"""Running sums and maxima along the first axis, which may fade or start anew from row to row.

On a CPU row by row, which a compiled loop does as fast as memory allows; elsewhere in pairs, whose depth is log n.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

T = TypeVar("T")


class Sums(NamedTuple):
    """Sums as high + low, in about twice the digits of either, so that differences of them factors theirs."""

    high: Float[Array, "n ..."]
    low: Float[Array, "n ..."]

    def at(self, positions: Any) -> Sums:
        return Sums(self.high[positions], self.low[positions])

    def times(self, factor: Float[Array, " n"]) -> Sums:
        factor = per_row(factor, self.high)
        return Sums(factor * self.high, factor * self.low)

    def less(self, other: Sums) -> Sums:
        return Sums(self.high - other.high, self.low - other.low)

    def value(self) -> Float[Array, "n ..."]:
        return self.high + self.low


def per_row(factor: Float[Array, " n"], values: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
    """A factor of each row, in as many dimensions as the values have."""
    return factor.reshape(factor.shape + (1,) * (values.ndim - factor.ndim))


def then_none(values: T) -> T:
    """Values (n, ...), or their Sums, with a row of zeros at the end."""
    return jax.tree.map(lambda part: jnp.concatenate([part, jnp.zeros_like(part[:1])]), values)


def after_none(values: T) -> T:
    """Values (n, ...), or their Sums, with a row of zeros at the start."""
    return jax.tree.map(lambda part: jnp.concatenate([jnp.zeros_like(part[:1]), part]), values)


@partial(jax.jit, static_argnames="reverse")
def running_sums(
    values: Float[Array, "n ..."], factors: Float[Array, " n"], reverse: bool = False
) -> Float[Array, "n ..."]:
    """s_p = values_p + factors_p s_(p - 1), in reverse values_p + factors_p s_(p + 1)."""
    if values.dtype == jnp.float32:  # in which the rounding of many equal terms adds up to a thousandth
        return exact_running_sums(values, factors, reverse).value()

    def combine(before, here):
        (product, total), (factor, value) = before, here
        return product * factor, per_row(factor, value) * total + value

    start = jnp.ones((), factors.dtype), jnp.zeros(values.shape[1:], values.dtype)
    return _running(combine, start, (factors, values), reverse)[1]


@partial(jax.jit, static_argnames="reverse")
def exact_running_sums(values: Float[Array, "n ..."], factors: Float[Array, " n"], reverse: bool = False) -> Sums:
    """As `running_sums`, compensated: where all factors are 1, errors are of the square of the roundoff."""

    def combine(before, here):
        (product, high, low), (factor, value, rest) = before, here
        by_row = per_row(factor, value)
        carried = by_row * high
        total = carried + value
        share = total - carried
        error = (carried - (total - share)) + (value - share)  # Knuth (1998), vol. 2, 4.2.2
        return product * factor, total, by_row * low + rest + error

    none = jnp.zeros(values.shape[1:], values.dtype)
    elements = factors, values, jnp.zeros_like(values)
    return Sums(*_running(combine, (jnp.ones((), factors.dtype), none, none), elements, reverse)[1:])


@jax.jit
def running_maxima(values: Float[Array, " n"], anew: Bool[Array, " n"]) -> Float[Array, " n"]:
    """Maxima of each row and those after it, up to the next one where they start anew."""

    def combine(after, here):
        (last, highest), (barrier, value) = after, here
        return last + barrier, jnp.maximum(value, highest + barrier)

    barrier = jnp.where(jnp.append(anew[1:], True), -jnp.inf, 0.0).astype(values.dtype)
    start = jnp.zeros((), values.dtype), jnp.full((), -jnp.inf, values.dtype)
    return _running(combine, start, (barrier, values), True)[1]


def _running(combine: Callable, start: Any, elements: tuple, reverse: bool) -> Any:
    """What an associative `combine` makes of all rows up to each one; `start` is its neutral element.

    The first entry of an element is what it does to those before it, which one result needs of none.
    """

    def row_by_row(elements):
        def step(before, here):
            now = combine((start[0], *before), here)[1:]
            return now, now

        return None, *lax.scan(step, start[1:], elements, reverse=reverse)[1]

    def in_pairs(elements):
        return None, *lax.associative_scan(combine, elements, reverse=reverse)[1:]

    return lax.platform_dependent(elements, cpu=row_by_row, default=in_pairs)
