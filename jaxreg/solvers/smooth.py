"""Smooth parts of objectives: least squares by a Gram matrix or by rows, and means of any loss.

Their products with the data are of full precision unless `products` says otherwise. With operands rounded to less, the
steps of a solver are faster on an accelerator, and end at a residual of the size of that rounding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar, final

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import STATIC, pytree, rebuilt
from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row

if TYPE_CHECKING:
    from jaxtyping import Float

T = TypeVar("T")

POWER_STEPS = 12  # of the power method: a rough bound will do, since solvers notice a larger curvature
MARGIN = 1.1  # factor of the result of the power method, which comes from below
SUM_ROUNDING = 8  # error of a sum, in units of the roundoff of the products that it is made of: what is smaller is none
LOWER = {"float32": 2.0**-24, "tensorfloat32": 2.0**-11, "bfloat16": 2.0**-8}  # products, and their unit roundoff


def _product(a, b, products):
    if products == "bfloat16":
        return jnp.matmul(a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32)
    # what an accelerator does with float32 by default; a CPU multiplies in full
    precision = lax.Precision.DEFAULT if products == "tensorfloat32" else PRECISION
    return jnp.matmul(a, b, precision=precision)


def lowered(tree: T, products: str) -> T:
    """The pytree in float32, the smooth parts in it with `products`, one of LOWER."""

    def cast(leaf):
        return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    def lower(part):
        return rebuilt(part, products=products) if isinstance(part, Smooth) else part

    cast_tree = jax.tree.map(lambda leaf: cast(jnp.asarray(leaf)), tree)
    return jax.tree.map(lower, cast_tree, is_leaf=lambda part: isinstance(part, Smooth))


class Smooth(ABC):
    """The smooth part f of an objective: a convex function of coefficients b, by products with the data.

    f depends on b through a linear image q, which costs the products: G b (m,) of a Gram matrix, or the linear
    predictor (n,) less its offset. A solver computes q once for each point by `image`, and passes it to the formulas.
    Since q is linear in b, the image of a combination of points is that combination of their images.

    b is (m,) for the m columns worked on, or (m, K) for K responses, on the scale of the problem, as `gradient` and
    `hessian` are. f is in units of the mean loss of the rows, without the penalty. Instances are JAX pytrees and all
    formulas are traced: they neither look at values nor check them.

    Attributes
    ----------
    products : str
        Precision of the products with the data, static: "full" is that of the data, the others are the keys of LOWER.
    """

    products: str

    @final
    def roundoff(self, like: Array) -> Any:
        """Relative rounding error of the products, for arrays of the dtype of `like`."""
        return LOWER.get(self.products, jnp.finfo(like.dtype).eps)

    @abstractmethod
    def image(self, b: Float[Array, "m ..."]) -> Float[Array, "q ..."]:
        """The linear image q of b: products with the data, what an iteration costs."""

    @abstractmethod
    def value(self, b: Float[Array, "m ..."], q: Float[Array, "q ..."]) -> Float[Array, ""]:
        """f(b), with q the image of b."""

    @abstractmethod
    def gradient(self, q: Float[Array, "q ..."]) -> Float[Array, "m ..."]:
        """f'(b), of the b whose image is q."""

    @abstractmethod
    def directional(
        self, d: Float[Array, "m ..."], q: Float[Array, "q ..."], q_before: Float[Array, "q ..."]
    ) -> Float[Array, ""]:
        """f'(b')'d with d = b - b', without a product with the data."""

    @abstractmethod
    def hessian(self, q: Float[Array, "q ..."], d: Float[Array, "m ..."]) -> Float[Array, "m ..."]:
        """f''(b) d, of the b whose image is q."""

    def majorant(self, q: Float[Array, "q ..."], d: Float[Array, "m ..."]) -> Float[Array, "m ..."]:
        """M d with a matrix M that no Hessian exceeds; where none is known, M is the Hessian at q."""
        return self.hessian(q, d)

    @abstractmethod
    def bregman(
        self, d: Float[Array, "m ..."], q: Float[Array, "q ..."], q_before: Float[Array, "q ..."]
    ) -> Float[Array, ""]:
        """f(b) - f(b') - f'(b')'(b - b') with d = b - b', less what rounding may have added to it.

        Without rounding it is at least 0. Steps are too long where it exceeds L |d|^2 / 2.
        """


class _LeastSquares(Smooth):
    """b'G b / 2 - c'b with q = G b, summed over the responses, which are the columns of b, c and q."""

    corr: Float[Any, "m ..."]  # c

    @final
    def value(self, b, q):
        return jnp.sum(b * (q / 2 - self.corr))

    @final
    def gradient(self, q):
        return q - self.corr

    @final
    def directional(self, d, q, q_before):
        return jnp.sum(self.gradient(q_before) * d)

    @final
    def hessian(self, q, d):
        return self.image(d)

    @final
    def bregman(self, d, q, q_before):
        rounding = SUM_ROUNDING * self.roundoff(q) * jnp.sum(jnp.abs(d) * (jnp.abs(q) + jnp.abs(q_before)))
        return jnp.sum(d * (q - q_before)) / 2 - rounding


@final
@pytree
class Quadratic(_LeastSquares):
    """By products with G."""

    gram: Float[Any, "m m"]
    corr: Float[Any, "m ..."]
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(self.gram, b, self.products)


@final
@pytree
class Factored(_LeastSquares):
    """G = A A' by products with A: cheaper where m is larger than 3 n."""

    rows: Float[Any, "m n"]  # A
    corr: Float[Any, "m ..."]
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        fit = _product(b.T, self.rows, self.products)  # rows.T @ b takes two to three times as long on a CPU
        return _product(self.rows, fit.T, self.products)


@final
@pytree
class Reweighted(_LeastSquares):
    """G = A diag(weight) A' by products with A, which many problems can share."""

    rows: Float[Any, "m n"]  # A
    weight: Float[Any, " n"]
    corr: Float[Any, " m"]
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(self.rows, self.weight * _product(b, self.rows, self.products), self.products)

    def gram(self) -> Float[Array, "m m"]:
        """G."""
        return _product(self.rows * self.weight, self.rows.T, self.products)


class _MeanLoss(Smooth):
    """The mean loss, sum_i omega_i loss(y_i, eta_i), or of coupled rows, at eta = offset + q with q = A'b."""

    omega: Float[Any, " n"]  # weights, which sum to 1
    y: Float[Any, "n ..."]  # encoded as the loss takes it
    offset: Float[Any, "n ..."]
    loss: Any  # a Loss

    @abstractmethod
    def summed(self, values: Float[Array, "n ..."]) -> Float[Array, "m ..."]:
        """A times values of the rows: products with the data."""

    @final
    def eta(self, q: Float[Any, "n ..."]) -> Float[Array, "n ..."]:
        """The linear predictor, of the b whose image is q."""
        return per_row(self.offset, q) + q

    @final
    def value(self, b, q):
        return self.loss.mean(self.y, self.eta(q), self.omega)

    @final
    def gradient(self, q):
        return self.summed(self.loss.slopes(self.y, self.eta(q), self.omega))

    @final
    def directional(self, d, q, q_before):
        return jnp.sum(self.loss.slopes(self.y, self.eta(q_before), self.omega) * (q - q_before)).astype(q.dtype)

    @final
    def hessian(self, q, d):
        return self.summed(self.loss.curved(self.y, self.eta(q), self.omega, self.image(d)))

    @final
    def majorant(self, q, d):
        bound = self.loss.curvature_bound()
        if bound is None:
            return self.hessian(q, d)
        image = self.image(d)
        return self.summed(per_row(self.omega, image) * bound * image)

    @final
    def bregman(self, d, q, q_before):
        eta, before, step = self.eta(q), self.eta(q_before), q - q_before
        if self.loss.coupling == "rows":
            after, value = (self.loss.mean(self.y, at, self.omega) for at in (eta, before))
            linear = self.loss.slopes(self.y, before, self.omega) * step
            size = jnp.abs(after) + jnp.abs(value) + jnp.sum(jnp.abs(linear))
            return (after - value - jnp.sum(linear) - SUM_ROUNDING * self.roundoff(q) * size).astype(q.dtype)
        after, value = self.loss.value(self.y, eta), self.loss.value(self.y, before)
        linear = (self.loss.gradient(self.y, before) * step).reshape(len(after), -1).sum(axis=1)
        rounding = SUM_ROUNDING * self.roundoff(q) * (jnp.abs(after) + jnp.abs(value) + jnp.abs(linear))
        rises = jnp.where(self.omega > 0, self.omega * (after - value - linear - rounding), 0.0)
        return jnp.sum(rises).astype(q.dtype)


@final
@pytree
class Averaged(_MeanLoss):
    """By products with A."""

    rows: Float[Any, "m n"]  # A
    omega: Float[Any, " n"]
    y: Float[Any, "n ..."]
    offset: Float[Any, "n ..."]
    loss: Any
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(b.T, self.rows, self.products).T

    def summed(self, values):
        return _product(self.rows, values.astype(self.omega.dtype), self.products)


@final
@pytree
class AveragedLane(_MeanLoss):
    """By products with rows that many lanes share: those of A are slope_j (rows_j - shift_j), and level behind them.

    Columns that hardly vary in a lane would lose digits that way: these few have rows of their own.
    """

    rows: Float[Any, "m n"]  # of all lanes
    slope: Float[Any, " m"]  # 0 of columns with rows of their own
    shift: Float[Any, " m"]
    level: Float[Any, " free"]  # the constant row of an intercept, which is the last coordinate; or none
    exact: Any  # (k,) columns with rows of their own, m for none
    exact_rows: Float[Any, "k n"]
    omega: Float[Any, " n"]
    y: Float[Any, "n ..."]
    offset: Float[Any, "n ..."]
    loss: Any
    products: str = field(default="full", metadata=STATIC)

    def alone(self) -> Averaged:
        """The same with rows of its own."""
        columns = per_row(self.slope, self.rows) * (self.rows - per_row(self.shift, self.rows))
        if len(self.exact):
            columns = columns.at[self.exact].set(self.exact_rows, mode="drop")
        level = jnp.broadcast_to(self.level[:, None], (len(self.level), columns.shape[1]))
        rows = jnp.concatenate([columns, level])
        return Averaged(rows, self.omega, self.y, self.offset, self.loss, self.products)

    def image(self, b):
        columns, free = b[: len(self.slope)], b[len(self.slope) :]
        coef = per_row(self.slope, b) * columns
        constant = jnp.sum(per_row(self.level, b) * free, axis=0) - jnp.sum(per_row(self.shift, b) * coef, axis=0)
        q = _product(coef.T, self.rows, self.products).T + constant
        if not len(self.exact):
            return q
        own = jnp.take(columns, self.exact, axis=0, mode="fill", fill_value=0)
        return q + _product(own.T, self.exact_rows, self.products).T

    def summed(self, values):
        values = values.astype(self.omega.dtype)
        total, sums = jnp.sum(values, axis=0), _product(self.rows, values, self.products)
        sums = per_row(self.slope, sums) * (sums - per_row(self.shift, sums) * total)
        if len(self.exact):
            sums = sums.at[self.exact].set(_product(self.exact_rows, values, self.products), mode="drop")
        return jnp.concatenate([sums, per_row(self.level, sums) * total])


def curvature_of(smooth: Smooth, q: Float[Array, "q ..."], like: Float[Array, "m ..."]) -> Float[Array, ""]:
    """Largest eigenvalue of the majorant at the image q, with a margin, for coefficients of the shape of `like`.

    By the power method, which may fall short of it: solvers raise it where a step shows a larger curvature.
    """

    def multiply(_, v):
        w = smooth.majorant(q, v)
        length = jnp.linalg.norm(w)
        return w / jnp.where(length > 0, length, 1.0)

    # all directions, none of them orthogonal to a leading one by symmetry
    start = jnp.cos(jnp.arange(like.size, dtype=like.dtype) * 1.7).reshape(like.shape)
    v = lax.fori_loop(0, POWER_STEPS, multiply, start / jnp.linalg.norm(start))
    return MARGIN * jnp.linalg.norm(smooth.majorant(q, v))
