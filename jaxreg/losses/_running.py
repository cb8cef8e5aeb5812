"""Running sums and maxima along the first axis, which may start anew or fade from row to row.

On a CPU row by row, which a compiled loop does as fast as memory allows; elsewhere in pairs, whose depth is log n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


class Sums(NamedTuple):
    """Sums as high + low, of about twice the digits of either: what is left of a difference is as good as its terms."""

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

    def then_none(self) -> Sums:
        """With a row of zeros at the end."""
        return Sums(*(jnp.concatenate([part, jnp.zeros_like(part[:1])]) for part in self))

    def after_none(self) -> Sums:
        """With a row of zeros at the start."""
        return Sums(*(jnp.concatenate([jnp.zeros_like(part[:1]), part]) for part in self))


def per_row(factor: Float[Array, " n"], values: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
    """A factor of each row, in as many dimensions as the values have."""
    return factor.reshape(factor.shape + (1,) * (values.ndim - factor.ndim))


def running_sums(values: Float[Array, "n ..."], keep: Float[Array, "n ..."], reverse: bool = False) -> Sums:
    """s_p = values_p + keep_p s_(p - 1), from the other end s_p = values_p + keep_p s_(p + 1), by compensated sums.

    The error of a sum that keeps all (keep is 1) is that of its last rounding, beside the square of the roundoff.
    """

    def combine(before, ahead):
        kept, high, low = before
        keep, value, rest = ahead
        factor = per_row(keep, value)
        carried = factor * high
        total = carried + value
        share = total - carried
        error = (carried - (total - share)) + (value - share)  # Knuth (1998), vol. 2, 4.2.2
        return kept * keep, total, factor * low + rest + error

    none = jnp.zeros(values.shape[1:], values.dtype)
    start = jnp.ones(keep.shape[1:], keep.dtype), none, none
    _, high, low = _running(combine, start, (keep, values, jnp.zeros_like(values)), reverse)
    return Sums(high, low)


def running_maxima(values: Float[Array, " n"], anew: Bool[Array, " n"]) -> Float[Array, " n"]:
    """Maxima of each row and those after it, up to the next one where they start anew."""

    def combine(after, here):
        last, highest = after
        first, value = here
        return last + first, jnp.maximum(value, highest + first)

    barrier = jnp.where(jnp.append(anew[1:], True), -jnp.inf, 0.0).astype(values.dtype)
    zero = jnp.zeros((), values.dtype)
    return _running(combine, (zero, zero - jnp.inf), (barrier, values), True)[1]


def _running(combine: Callable, start: Any, elements: Any, reverse: bool) -> Any:
    """Results of an associative `combine` over all rows up to each; `start` is its neutral element."""

    def row_by_row(elements):
        def step(before, here):
            now = combine(before, here)
            return now, now

        return lax.scan(step, start, elements, reverse=reverse)[1]

    def in_pairs(elements):
        return lax.associative_scan(combine, elements, reverse=reverse)

    return lax.platform_dependent(elements, cpu=row_by_row, default=in_pairs)
