"""Penalties of groups of coefficients: group lasso, sparse-group lasso."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import field
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxreg._alignment import from_mapping, index_of, positions_of
from jaxreg._labels import is_missing
from jaxreg._pytree import STATIC, number, pytree, rebuilt
from jaxreg.penalties._base import (
    Blockwise,
    Norm,
    largest_ratio,
    per_row,
    ratio,
    require_one_response,
    root,
    shortened,
    unit_directions,
)

if TYPE_CHECKING:
    from jaxtyping import Float, Int

NEWTON_STEPS = 60  # for the dual norm of the sparse-group lasso, at most; Newton's method ends when nothing moves


class _Groups(NamedTuple):
    ids: Int[np.ndarray, " p"]  # the group of each column, from 0 on
    labels: list  # (G,) of the groups
    columns: tuple | None  # (p,) names of the columns; None if columns go by position


def _groups(groups):
    """The _Groups of a label per column (array, Series or dict), or of the columns of each group (list or dict)."""
    if isinstance(groups, Mapping):
        if groups and all(_is_list(members) for members in groups.values()):
            return _groups_of_members(list(groups.values()), list(groups))
        return _groups_of_labels(list(groups.values()), tuple(groups), groups)
    if isinstance(groups, (str, bytes)) or not np.iterable(groups):
        raise ValueError(f"groups is {groups!r}; give the group of each column, (p,), or a list of index lists.")
    entries = list(groups)
    if entries and all(map(_is_list, entries)):
        return _groups_of_members(entries, list(range(len(entries))))
    index = index_of(groups)
    columns = None if index is None or list(index) == list(range(len(index))) else tuple(index)
    return _groups_of_labels(entries, columns, groups)


def _is_list(members):
    return np.ndim(members) == 1


def _groups_of_members(members, labels):
    """The _Groups of the columns of each group, by position or by name."""
    columns = [column for group in members for column in (group.tolist() if isinstance(group, np.ndarray) else group)]
    owner = np.repeat(np.arange(len(members), dtype=np.int32), [len(group) for group in members])
    if all(isinstance(column, Integral) and not isinstance(column, bool) for column in columns):
        if sorted(columns) != list(range(len(columns))):
            raise ValueError(
                "groups has lists that do not name each column from 0 to p - 1 once; give every column one."
            )
        ids = np.empty(len(columns), np.int32)
        ids[columns] = owner
        return _Groups(ids, labels, None)
    return _Groups(owner, labels, tuple(columns))


def _groups_of_labels(entries, columns, groups):
    missing = [k for k, label in enumerate(entries) if np.ndim(label) == 0 and is_missing(label)]
    if missing:
        raise ValueError(f"groups has no label (None or NaN) for column {missing[0]}; give every column one.")
    labels = np.asarray(entries)
    if len({isinstance(label, (str, bytes)) for label in np.ravel(np.asarray(entries, dtype=object))}) > 1:
        raise TypeError("groups has labels of which some are text and some are not; give numbers only, or strings.")
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iubUS":
        raise ValueError(f"groups is {groups!r}; give the group of each column, (p,), or a list of index lists.")
    names, places = np.unique(labels, return_inverse=True)
    return _Groups(places.astype(np.int32), names.tolist(), columns)


def _weights(weights, groups):
    count = len(groups.labels)
    sizes = np.bincount(groups.ids, minlength=count).astype(float)
    if weights is None:
        return np.sqrt(sizes)
    if isinstance(weights, jax.Array) and weights.shape == (count,):
        return weights
    index = index_of(weights)
    if index is not None and list(index) != list(range(len(index))):
        weights = weights.to_dict()
    if isinstance(weights, Mapping):
        weights = from_mapping(weights, "weights", groups.labels, "groups")
    weights = np.asarray(weights, float)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights has shape {weights.shape} or values that are no numbers >= 0; give {count} of them.")
    return weights


class _Grouped(Norm, Blockwise):
    """Groups that do not overlap: `groups` has the number of each column's group, `weights` the weights of groups."""

    groups: Any  # (p,)
    weights: Any  # (G,)
    columns: Any  # (p,) names; None if columns go by position

    def __post_init__(self):
        """Turn the groups and weights of the user into arrays."""
        groups = _groups(self.groups)
        object.__setattr__(self, "weights", _weights(self.weights, groups))
        object.__setattr__(self, "groups", groups.ids)
        object.__setattr__(self, "columns", groups.columns)

    @final
    def for_columns(self, labels):
        if self.columns is None:
            return self
        return rebuilt(self, groups=self.groups[positions_of(list(self.columns), "groups", labels)], columns=None)

    @final
    def _sums(self, values: Float[Array, "p ..."]) -> Float[Array, " G"]:
        """Sums of values over the columns of each group."""
        by_column = values if jnp.ndim(values) == 1 else jnp.sum(values, axis=1)
        return jax.ops.segment_sum(by_column, self.groups, num_segments=len(self.weights))

    @final
    def _lam(self, lam) -> Float[Array, " G"]:
        """Strength: the mean of lam over the columns of each group."""
        lam = jnp.broadcast_to(lam, jnp.shape(self.groups))
        return self._sums(lam) / jnp.maximum(self._sums(jnp.ones_like(lam)), 1.0)

    @final
    def _of_columns(self, values, coef):
        """For each column the value of its group, from values (G,), in the shape that multiplies coef."""
        return per_row(values[self.groups], coef)

    @final
    def _shrunk(self, coef, strength):
        """coef, where the norm of each group is reduced by its strength (G,)."""
        norm = root(self._sums(jnp.square(coef)))
        share = jnp.where(norm > strength, 1 - strength / jnp.where(norm > 0, norm, 1.0), 0.0)
        return coef * self._of_columns(share, coef)

    @final
    def block_labels(self, p):
        return np.asarray(self.groups)

    @final
    def unpenalised(self, factors):
        return unit_directions(np.where(self._weightless()[self.groups], 0.0, factors))

    @abstractmethod
    def _weightless(self):
        """Flags (G,) of the groups that are not penalised at any lambda, on the host."""

    @final
    def checked_factors(self, factors, responses):
        name, ids, present = type(self).__name__, np.asarray(self.groups), np.isfinite(factors)
        require_one_response(name, responses)
        if len(ids) != len(factors):
            raise ValueError(f"penalty is {name} of {len(ids)} columns, but X has {len(factors)}; give each a group.")
        most, least = np.full(len(self.weights), -np.inf), np.full(len(self.weights), np.inf)
        np.maximum.at(most, ids[present], factors[present])
        np.minimum.at(least, ids[present], factors[present])
        uneven = np.flatnonzero(most > least)
        if uneven.size:
            raise ValueError(f"penalty_factors differ within group {uneven[0]}; give the columns of a group the same.")
        return np.where(np.isfinite(most), most, 1.0)[ids]

    @final
    def pull(self, gradient, factors):
        norms = np.asarray(_group_norms(self, gradient))
        with np.errstate(divide="ignore", invalid="ignore"):
            return norms[self.groups] / factors

    @final
    def dual_norm(self, gradient, lam):
        return jnp.max(self._group_norms(gradient, lam))

    @abstractmethod
    def _group_norms(self, gradient: Float[Array, " p"], lam) -> Float[Array, " G"]:
        """Dual norms of the groups."""

    @final
    def _sums_on_host(self, values: Float[np.ndarray, " p"]) -> Float[np.ndarray, " G"]:
        return np.bincount(self.groups, values, len(self.weights))

    @final
    def restrict(self, columns):
        # absent columns form a group without weight
        ids = np.append(np.asarray(self.groups), len(self.weights) - 1)
        absent = columns >= len(self.groups)
        present, ids_of_columns = np.unique(np.where(absent, len(self.weights), ids[columns]), return_inverse=True)
        weights = np.zeros(len(columns) + 1)
        weights[: len(present)] = np.append(np.asarray(self.weights), 0.0)[present]
        return rebuilt(self, groups=ids_of_columns.astype(np.int32), weights=weights)


@jax.jit
def _group_norms(penalty, gradient):
    return penalty._group_norms(gradient, 1.0)


@final
@pytree
class GroupLasso(_Grouped):
    """lambda * sum over groups g of w_g |b_g|, the Euclidean norm: a group is 0 as a whole, or not at all.

    Penalty factors multiply the weights and must agree within a group.

    Parameters
    ----------
    groups : labels (p,), or list of lists
        The label of each column's group, whole numbers or text, by position; a Series with the names of the columns or
        a dict goes by name. Or the columns of each group, all indices or all names, in lists, or in a dict of lists.
        Groups by name need a frame X with these columns, in any order.
    weights : array (G,) >= 0, or None
        One for each group, in the order of the sorted labels or of the lists, or a dict by label; None is the square
        root of the group's size. 0 leaves a group unpenalised.

    Raises
    ------
    ValueError
        For lists that do not name each column once, labels of another kind, or weights of another number. A fit raises
        it for names that the columns of X do not have.

    References
    ----------
    Yuan and Lin (2006), J. R. Statist. Soc. B 68, eq. (2.2).

    Examples
    --------
    The norm of a group, here 5 and 0.5, falls by lambda = 2.5: the first group stays as a whole, the second goes.
    From the largest norm of a group's gradient on all are 0.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import GroupLasso
    >>> penalty = GroupLasso(["age", "age", "dose", "dose"], weights=[1.0, 1.0])
    >>> print(penalty.prox(jnp.array([3.0, 4.0, 0.3, 0.4]), lam=2.5, step=1.0))
    [1.5 2.  0.  0. ]
    >>> print(penalty.critical_lambda(jnp.array([0.0, 1.0, 3.0, 4.0])))
    5.0
    """

    groups: Any
    weights: Any = None
    columns: Any = field(default=None, init=False, repr=False, metadata=STATIC)

    rotates = True

    def value(self, coef, lam):
        return self._lam(lam) * self.weights * root(self._sums(jnp.square(coef)))

    def prox(self, coef, lam, step):
        return self._shrunk(coef, step * self._lam(lam) * self.weights)

    def _weightless(self):
        return np.asarray(self.weights) == 0

    def block_strength(self, lam):
        return (self._lam(lam) * self.weights)[self.groups, None]

    def block_minimum(self, corr, curvature, strength, last):
        return shortened(corr, curvature, strength[0], last)

    def _group_norms(self, gradient, lam):
        return ratio(root(self._sums(jnp.square(gradient))), self._lam(lam) * self.weights)

    def critical_on_host(self, gradient, factors):
        norms = np.sqrt(self._sums_on_host(gradient**2))
        return largest_ratio(norms[self.groups], factors * np.asarray(self.weights)[self.groups])


@final
@pytree
class SparseGroupLasso(_Grouped):
    """lambda * [a |b|_1 + (1 - a) sum over groups g of w_g |b_g|] with a = l1_ratio: zeros within groups as well.

    Penalty factors multiply both parts and must agree within a group.

    Parameters
    ----------
    groups : labels (p,), or list of lists
        As for `GroupLasso`.
    l1_ratio : float in [0, 1]
        The a of the formula: 1 is the lasso, 0 `GroupLasso`.
    weights : array (G,) >= 0, or None
        As for `GroupLasso`; but a group of weight 0 has the l1 part left, unless l1_ratio is 0.

    Raises
    ------
    ValueError
        As for `GroupLasso`, and for an `l1_ratio` that is not from 0 to 1.

    References
    ----------
    Simon, Friedman, Hastie and Tibshirani (2013), J. Comput. Graph. Statist. 22, eq. (3); its prox is eq. (12).

    Examples
    --------
    Each coefficient falls by 2.5, then the norm of its group falls by 2.5. The first group stays without its third
    column.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import SparseGroupLasso
    >>> penalty = SparseGroupLasso([0, 0, 0, 1, 1], l1_ratio=0.5, weights=[1.0, 1.0])
    >>> print(penalty.prox(jnp.array([5.5, 6.5, 1.0, 3.0, 3.0]), lam=5.0, step=1.0))
    [1.5 2.  0.  0.  0. ]
    """

    groups: Any
    l1_ratio: float = 0.5
    weights: Any = None
    columns: Any = field(default=None, init=False, repr=False, metadata=STATIC)

    rotates = False
    mixes = True

    def __post_init__(self):
        super().__post_init__()
        checked = number(self.l1_ratio, "l1_ratio", "a number from 0 (group lasso) to 1 (lasso)", 0, 1)
        object.__setattr__(self, "l1_ratio", checked)

    def value(self, coef, lam):
        lam = self._lam(lam)
        norms = (1 - self.l1_ratio) * self.weights * root(self._sums(jnp.square(coef)))
        return lam * (self.l1_ratio * self._sums(jnp.abs(coef)) + norms)

    def prox(self, coef, lam, step):
        lam = step * self._lam(lam)
        limit = self._of_columns(lam * self.l1_ratio, coef)
        soft = jnp.sign(coef) * jnp.maximum(jnp.abs(coef) - limit, 0.0)
        return self._shrunk(soft, lam * (1 - self.l1_ratio) * self.weights)

    def _weightless(self):
        return (np.asarray(self.weights) == 0) & (self.l1_ratio == 0)

    def block_strength(self, lam):
        lam = self._lam(lam)
        return jnp.stack([lam * self.l1_ratio, lam * (1 - self.l1_ratio) * self.weights], axis=1)[self.groups]

    def block_minimum(self, corr, curvature, strength, last):
        soft = jnp.sign(corr) * jnp.maximum(jnp.abs(corr) - strength[0], 0.0)
        return shortened(soft, curvature, strength[1], last)

    def _group_norms(self, gradient, lam):
        # s is the root of |soft(g, s l1)| = s l2 for each group: convex and falling, so Newton comes from the left
        a, lam = self.l1_ratio, self._lam(lam)
        weight, size = (1 - a) * self.weights, jnp.abs(gradient)

        def advance(state):
            s, _ = state
            soft = jnp.maximum(size - self._of_columns(s * a, size), 0.0)
            norm = root(self._sums(soft**2))
            fall = a * self._sums(soft) / jnp.where(norm > 0, norm, 1.0) + weight
            # at the root of the lasso all of the group is 0, and the step ends
            step = jnp.where(
                (norm > s * weight) & (fall > 0), (norm - s * weight) / jnp.where(fall > 0, fall, 1.0), 0.0
            )
            return s + step, step

        def moves(state):
            s, step = state
            return jnp.any(step > 4 * jnp.finfo(s.dtype).eps * s)

        def until(carry):
            return (carry[0] < NEWTON_STEPS) & moves(carry[1])

        zero = jnp.zeros(len(self.weights), jnp.result_type(gradient, lam, float))
        _, (s, _) = jax.lax.while_loop(until, lambda c: (c[0] + 1, advance(c[1])), (1, advance((zero, zero))))
        return ratio(s, lam)

    def critical_on_host(self, gradient, factors):
        # as `_group_norms`
        a, size = float(self.l1_ratio), np.abs(gradient)
        weight = (1 - a) * np.asarray(self.weights)
        s = np.zeros(len(weight))
        for _ in range(NEWTON_STEPS):
            soft = np.maximum(size - a * s[self.groups], 0.0)
            norm = np.sqrt(self._sums_on_host(soft**2))
            fall = a * self._sums_on_host(soft) + weight * norm
            step = np.divide(norm * np.maximum(norm - s * weight, 0.0), fall, out=np.zeros_like(s), where=fall > 0)
            s = s + step
            if not (step > 4 * np.finfo(float).eps * s).any():
                break
        return largest_ratio(s[self.groups], factors)
