"""The certificate of blocks of points of an Objective: gaps, losses, and the gradients of all columns.

One formula, that of `_duality`, with two providers of what it is made from: the Gram matrix of all columns, or a pass
over the design. For a duality gap of the squared loss theta = r is made orthogonal to all that is neither penalised nor
limited, and to columns whose penalty is lost in rounding; any choice of columns inside their limits is valid, this one
is tight. A residual of the prox is of the gradient as it is: made orthogonal, it would see none of these columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from jaxreg.certificates import _kernels
from jaxreg.certificates._bases import column_basis, gram_basis, is_blind, left_over, lengthened
from jaxreg.certificates._pass import Pass
from jaxreg.design._gram import OfStack, Padded
from jaxreg.objective._null_model import unit_rows
from jaxreg.penalties._base import per_row

FREE_L1 = 1e-13  # an l1 part, in units of the largest correlation, that is as good as none
FREE_L2 = 1e-15  # the same of an l2 part, in units of the mean square of its column

if TYPE_CHECKING:
    from collections.abc import Generator

    from jaxtyping import Bool, Float

    from jaxreg.engines._base import Solved
    from jaxreg.engines._columns import ColumnSet


class Certified(NamedTuple):
    """What is known of the points of a block."""

    gaps: Float[np.ndarray, " B"]  # relative to the null model's loss, or scaled residuals
    losses: Float[np.ndarray, "B K"]  # K is 1 for one response
    gradients: Float[np.ndarray, "B p ..."]  # minus the derivatives of the loss, on the scale of the penalty


@dataclass(frozen=True)
class Correlations:
    """A request of a running generator for R A' (B, p), which `paths._lockstep` answers."""

    R: Float[Any, "B n"]


class Certificate(ABC):
    """Certifies the points of a block: `yield from certificate(columns, solved, lambdas)` gives a Certified.

    A gap says by how much the objective can be above its minimum, in units of the null model's loss, with the
    coefficients as the user gets them. It sees all p columns, whatever the column set holds, and no engine.
    A certificate is a generator: it asks for a pass over the design by `Correlations`, so that many lanes share one.
    """

    def __init__(self, objective):
        self.kind = objective.certificate
        p = objective.design.p
        self.length = objective.design.placement.padded(p) if objective.penalty.screens else p  # few are compiled
        more = self.length - p
        self.factors = np.append(objective.factors, np.ones(more))
        self.scale = np.append(objective.scale, np.zeros(more))
        largest = 0.0 if objective.corr is None else float(np.abs(objective.corr).max(initial=0.0))
        self.units = largest, objective.gradient_scale, objective.gap_unit
        self._of(objective)
        unlimited = np.isinf(objective.limits[0]) & np.isinf(objective.limits[1])
        always = self._always & unlimited
        first = self._first_basis if self.kind == "gap" else self._make_basis
        self._bases = {always.tobytes(): first(always)} if objective.squared or self.kind == "gap" else {}

    def _of(self, objective):
        self.objective, self.penalty, p = objective, objective.penalty, objective.design.p
        self._pass: Any = None
        if self.length > p:
            self.penalty = self.penalty.restrict(np.append(np.arange(p), np.full(self.length - p, p)))
        # of a penalty that is not separable all columns are free, or its directions alone; a residual has none, and of
        # a loss that couples rows, whose dual points cannot be corrected, limits on both sides are all there are
        has_members = objective.penalty.separable and self.kind == "gap" and objective.loss.coupling != "rows"
        self._always = objective.unpenalised if has_members else np.zeros(p, bool)
        self._penalised = objective.present & (objective.factors > 0)
        slope, ridge = float(objective.penalty.slope), float(objective.penalty.ridge(1.0))
        self._l1 = slope * np.where(self._penalised, objective.l1_factor, 0.0)
        self._l2 = ridge * np.where(self._penalised, objective.l2_factor, 0.0)
        self._least = [values[self._penalised].min(initial=np.inf) for values in (self._l1, self._l2)]

    def of_penalty(self, penalty):
        """The same with another mixing parameter; what is known of the data is shared."""
        certificate = copy(self)
        certificate._of(replace(self.objective, penalty=penalty))
        return certificate

    @property
    def gram(self) -> Float[Any, "M M"] | None:
        """Of all columns, with absent ones behind them, on the device: where it is known."""
        return None

    @abstractmethod
    def _first_basis(self, members: Bool[np.ndarray, " p"]) -> Any:
        """`_basis` of what is neither penalised nor limited."""

    @abstractmethod
    def _make_basis(self, members: Bool[np.ndarray, " p"]) -> Any:
        """Orthonormal basis of the span of the columns `members`, in the terms of the subclass."""

    @abstractmethod
    def __call__(
        self, columns: ColumnSet, solved: Solved, lambdas: Float[np.ndarray, " B"]
    ) -> Generator[Correlations, Any, Certified]:
        """A generator, which returns the Certified of solved points on some columns."""

    @final
    def _basis(self, members):
        key = members.tobytes()
        if key not in self._bases:
            self._bases[key] = self._make_basis(members)
        return self._bases[key]

    @final
    def _as_good_as_free(self, lambdas):
        """Columns (B, p) whose penalties are lost in rounding, which would be all of a dual value; None for none."""
        least, limit = lambdas.min(), FREE_L1 * self.units[0]
        if not self._penalised.any() or least * self._least[0] > limit or least * self._least[1] > FREE_L2:
            return None
        lam = np.asarray(lambdas)[:, None]
        free = (lam * self._l1 <= limit) & (lam * self._l2 <= FREE_L2) & self._penalised
        if self.objective.penalty.separable:
            return free
        return (free | ~self._penalised).all(axis=1, keepdims=True) & self.objective.present

    @final
    def _kinds(self, columns, solved, lambdas):
        """(kinds of members, the kind (B,) of each point): what theta is made orthogonal to.

        Members are columns (p,) bool, or those of each output (p, K) where limits may hold some of them only.
        """
        free = self._as_good_as_free(lambdas) if self.kind == "gap" and self.objective.squared else None
        limited = self.objective.penalty.limited and self._always.any()
        if free is None and not limited:
            return [self._always], np.zeros(len(lambdas), int)
        candidates = np.broadcast_to(self._always, (len(lambdas), len(self._always)))
        candidates = candidates if free is None else candidates | free
        if self.objective.penalty.limited:
            margin = 8 * np.finfo(solved.precision).eps  # a limit is met up to the rounding of the result
            b = columns.spread(solved.x, axis=1)
            low, high = (
                per_row(limit * np.where(np.isinf(limit), 1.0, 1 - margin), b[0]) for limit in self.objective.limits
            )
            candidates = candidates.reshape(*candidates.shape, *[1] * (b.ndim - 2)) & (low < b) & (b < high)
        return np.unique(candidates, axis=0, return_inverse=True)

    @final
    def padded(self, values):
        """`values` (p, ...) of the columns, and zeros of absent ones."""
        return np.concatenate([values, np.zeros((self.length - len(values), *values.shape[1:]), values.dtype)])


def _by_kind(results, kind):
    """Certified of the points (B,), each from the results of its own kind."""
    if len(results) == 1:
        return Certified(*map(np.asarray, results[0]))
    return Certified(
        *(np.stack([values[which][k] for k, which in enumerate(kind)]) for values in zip(*results, strict=True))
    )


class _Basis(NamedTuple):
    """An orthonormal basis as coefficients of all columns, with absent ones behind them."""

    T: Float[np.ndarray, "k M"]
    along: Float[np.ndarray, "k M"] | None  # its products with the Gram matrix, where they are known
    rows: Float[np.ndarray, "k n"] | None = None  # of the data, where the Gram matrix is blind


@final
class ByGram(Certificate):
    """From the Gram matrix (p, p) of all columns of the design, for the squared loss; a basis is a _Basis."""

    def __init__(self, objective, gram):
        p = objective.design.p
        length = objective.design.placement.padded(p) if objective.penalty.screens else p
        self.stored = gram
        self._forms = Padded(gram, length)  # made once for all blocks, and for all penalties
        self.placed = gram if isinstance(gram, OfStack) else self._forms  # as `design._gram.together` takes it
        super().__init__(objective)
        self.corr = np.concatenate([objective.corr, np.zeros((length - p, *objective.corr.shape[1:]))])

    @property
    def gram(self):
        return self._forms.square

    def with_others(self, placed):
        """The same, whose Gram matrix is in a stack with those of others, too: an OfStack."""
        certificate = copy(self)
        certificate.placed = placed
        return certificate

    def _inner(self, directions):
        """Products of sums of columns, of the host's copy: only bases of what is not penalised need it."""
        return directions @ self._forms.host @ directions.T if len(directions) else np.zeros((0, 0))

    def _first_basis(self, members):
        objective = self.objective
        if objective.orthonormal is not None:
            return _Basis(*map(self._shaped, objective.orthonormal))
        sums = unit_rows(objective.directions * objective.scale)
        directions = sums if len(sums) else np.eye(len(members))[members]
        inner = self._inner(directions)
        return self._of_directions(directions, inner, objective.basis if is_blind(inner) else None)

    def _make_basis(self, members):
        directions = np.eye(len(members))[members]
        inner = self._inner(directions)
        rows = column_basis(self.objective.design, members) if is_blind(inner) else None
        return self._of_directions(directions, inner, rows)

    def _of_directions(self, directions, inner, rows):
        T = gram_basis(inner, directions)
        return _Basis(self._shaped(T), None if len(T) else self._shaped(T), rows)

    def _shaped(self, T):
        T = lengthened(T, int(self._always.sum()))
        return np.concatenate([T, np.zeros((len(T), self.length - T.shape[1]))], axis=1)

    @property
    def terms(self):
        """What is known beside the Gram matrix, for points that are not special."""
        T, along, _ = self._basis(self._always)
        along = T @ self.padded(self.padded(self._forms.host).T) if along is None else along
        squares, members = 2 * self.objective.totals, self.padded(self._always)
        return _kernels.Terms(self.corr, squares, T, along, members, self.factors, self.scale, self.units)

    def special(self, lambdas):
        """Points (B,) that need a basis of their own, or the rows of the data beside it."""
        free = self._as_good_as_free(lambdas) if self.kind == "gap" else None
        rows = self._basis(self._always).rows
        special = np.zeros(len(lambdas), bool) if free is None else free.any(axis=1)
        return special | (rows is not None)

    def __call__(self, columns, solved, lambdas):
        yield from ()
        return self.certified(columns, solved, lambdas)

    def certified(self, columns, solved, lambdas):
        """The Certified of solved points, at once."""
        objective = self.objective
        whole = columns.whole and len(columns.index) == self.length
        b = solved.x if whole else _kernels.spread(solved.x, columns.positions(self.length))
        kinds, kind = self._kinds(columns, solved, lambdas)
        results = []
        for members in kinds:
            T, _, rows = self._basis(members)
            gaps, losses, h = _kernels.by_gram(
                self.gram, self.corr, 2 * objective.totals, T, self.padded(members), self.penalty, self.factors,
                self.scale, b, lambdas, solved.step, self.units, kind=self.kind,
            )  # fmt: skip
            if rows is not None and self.kind == "gap" and objective.gap_unit > 0:
                r = self._residuals_by_rows(columns, solved)
                losses = np.sum(r**2, axis=1).reshape(len(r), -1) / 2
                gaps = np.maximum(gaps, left_over(rows, r) / objective.gap_unit)
            results.append((gaps, losses, np.asarray(h)[:, : objective.design.p]))
        return _by_kind(results, kind)

    def _residuals_by_rows(self, columns, solved):
        """z - A'(scale b), (B, n [, K]), by the rows of the data."""
        objective, b = self.objective, columns.spread(solved.x, axis=1)
        rows = np.moveaxis(b * per_row(objective.scale, b[0]), 1, -1)
        fit = np.asarray(objective.design.predict(rows.reshape(-1, rows.shape[-1])), np.float64)
        return objective.y - np.moveaxis(fit.reshape(*rows.shape[:-1], -1), -1, 1)


@final
class ByPass(Certificate):
    """By one pass over the data for all points of a block."""

    def _first_basis(self, members):
        return self._lengthened(self.objective.basis)

    def _make_basis(self, members):
        if members.ndim == 1:
            return self._lengthened(column_basis(self.objective.design, members))
        return np.stack([self._basis(of_output) for of_output in members.T])

    def _lengthened(self, basis):
        usual = min(int(self._always.sum()), self.objective.design.n)
        return lengthened(basis, max(usual, len(self.objective.basis)))

    def __call__(self, columns, solved, lambdas):
        objective = self.objective
        fit = columns.fitted(solved)
        b = _kernels.spread(solved.x, columns.positions(self.length))
        at = self.penalty, self.factors, self.scale, b, lambdas, solved.step, self.units
        kinds, kind = self._kinds(columns, solved, lambdas)
        results = []
        for members in kinds:
            if not objective.squared:
                results.append((yield from self._of_loss(fit, solved.rounded, members, at)))
                continue
            r, theta = _kernels.residuals(fit, objective.y, self._basis(members))
            products = yield from _correlations(theta)
            gaps, losses, h = _kernels.by_pass(
                r, theta, products, objective.y, self.padded(members), *at, kind=self.kind
            )  # fmt: skip
            results.append((gaps, losses, np.asarray(h)[:, : objective.design.p]))
        return _by_kind(results, kind)

    def _of_loss(self, fit, rounded, members, at):
        """(gaps, losses, gradients) of another loss than the squared one."""
        objective, (rows, correction) = self.objective, self.rows(members)
        slopes, values = _kernels.slopes(fit, rows, correction=correction)
        if rounded is not None:  # any dual value will do, and those before rounding are the better ones
            after, values = _kernels.slopes(rounded, rows, correction=correction)
            slopes = slopes if self.kind == "gap" else after
        u = np.asarray(slopes.u)
        products = yield from _correlations(-per_row(objective.root, u[0]) * u)
        gaps, losses, h = _kernels.of_loss(slopes, products, values, rows, self.padded(members), *at, kind=self.kind)
        return gaps, losses, np.asarray(h)[:, : objective.design.p]

    def rows(self, members):
        """(the Rows of another loss than the squared one, the correction of its slopes)."""
        objective = self.objective
        correction, basis = None, np.zeros((0, objective.design.n))
        of_columns = self._basis(members) if self.kind == "gap" else basis
        if of_columns.any() or (self.kind == "gap" and objective.free and objective.responses is not None):
            level = np.broadcast_to(objective.root, (*of_columns.shape[:-2], objective.free, objective.design.n))
            correction, basis = "basis", np.concatenate([of_columns, level], axis=-2)
        elif self.kind == "gap" and objective.free:
            correction = "balance"
        return _kernels.Rows(objective.loss, objective.y, objective.offset, objective.root, basis), correction

    def row_terms(self, kind):
        """(RowTerms of another loss than the squared one, without limits, the correction of its slopes)."""
        rows, correction = self.rows(self._always)
        if kind == "residual":
            rows, correction = rows._replace(basis=rows.basis[:0]), None
        at = self.padded(self._always), self.factors, self.scale, self.units
        return _kernels.RowTerms(rows, *at), correction

    def within(self, columns, solved, lambdas, precision):
        """The Pass that does the same as a part of a program, where the design is one."""
        kinds, kind = self._kinds(columns, solved, lambdas)
        if self._pass is None:
            self._pass = self._made(np.dtype(precision).name)
        if len(kinds) == 1 and (kinds[0] == self._always).all():
            return self._pass
        bases = [self._basis(members) for members in kinds]
        rows = max(map(len, bases))
        basis = np.stack([lengthened(basis, rows) for basis in bases])
        return replace(self._pass, basis=basis[kind], members=kinds[kind])

    def _made(self, precision):
        objective = self.objective
        whole = Pass(
            operator=objective.design.operator,
            z=objective.y,
            basis=self._basis(self._always),
            members=self._always,
            penalty=objective.penalty,
            factors=objective.factors,
            scale=objective.scale,
            unit=objective.per_coefficient(np.zeros(objective.design.p)),
            units=self.units,
            kind=self.kind,
            precision=precision,
        )
        return objective.design.placement.put(whole)


def _correlations(R):
    """Products (B, p [, K]) of rows R (B, n [, K]) with the design."""
    if R.ndim == 2:
        return (yield Correlations(R))
    rows = np.moveaxis(np.asarray(R), 1, -1)
    products = np.asarray((yield Correlations(rows.reshape(-1, rows.shape[-1]))))
    return np.moveaxis(products.reshape(*rows.shape[:-1], -1), -1, 1)


def certificate(objective, gram):
    """What certifies points of an Objective: from its Gram matrix (p, p), or from a pass over its design for None."""
    return ByPass(objective) if gram is None or not objective.squared else ByGram(objective, gram)
