"""Smooth parts of objectives: least squares by a Gram matrix or by rows, and means of any loss.

Their products with the data are full ones unless `products` says otherwise: with operands that are rounded to less the
steps of a solver are faster on an accelerator, and end at a residual of that rounding.
"""

from abc import ABC, abstractmethod
from dataclasses import field
from typing import Any, final

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxreg._pytree import STATIC, pytree, rebuilt
from jaxreg.design._base import PRECISION

POWER_STEPS, MARGIN = 12, 1.1  # of the power method, and a factor for its result; a larger curvature is noticed
ROUNDING = 8  # units of rounding error of the gradient: a smaller residual is none
LOWER = {"float32": 2.0**-24, "tensorfloat32": 2.0**-11, "bfloat16": 2.0**-8}  # products, and their unit roundoff


def _product(a, b, products):
    if products == "bfloat16":
        return jnp.matmul(a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32)
    # what an accelerator does with float32 by default; a CPU multiplies in full
    precision = lax.Precision.DEFAULT if products == "tensorfloat32" else PRECISION
    return jnp.matmul(a, b, precision=precision)


def lowered(tree, products):
    """A problem in float32, the smooth parts in it with products of lower precision."""

    def cast(leaf):
        return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    def lower(part):
        return rebuilt(part, products=products) if isinstance(part, Smooth) else part

    cast_tree = jax.tree.map(lambda leaf: cast(jnp.asarray(leaf)), tree)
    return jax.tree.map(lower, cast_tree, is_leaf=lambda part: isinstance(part, Smooth))


class Smooth(ABC):
    """The smooth part f of an objective; `q` stands for the linear image of b that its values are made from."""

    products: str

    @final
    def roundoff(self, like):
        """Relative rounding error of its products."""
        return LOWER.get(self.products, jnp.finfo(like.dtype).eps)

    @abstractmethod
    def image(self, b) -> Array:
        """The linear image q of b."""

    @abstractmethod
    def value(self, b, q) -> Array:
        """f(b)."""

    @abstractmethod
    def gradient(self, q) -> Array:
        """f'(b)."""

    @abstractmethod
    def hessian(self, q, d) -> Array:
        """f''(b) d."""

    @abstractmethod
    def majorant(self, q, d) -> Array:
        """K d with a matrix K that no Hessian exceeds; where none is known, with the Hessian at q."""

    @abstractmethod
    def bregman(self, d, q, q_before) -> Array:
        """f(b) - f(b') - f'(b')'(b - b') with d = b - b', less what rounding may have added to it."""


class _LeastSquares(Smooth):
    """b'G b / 2 - c'b, for each response: its columns of b, c and q = G b."""

    corr: Any  # c (m,) or (m, K)

    @final
    def value(self, b, q):
        return jnp.sum(b * (q / 2 - self.corr))

    @final
    def gradient(self, q):
        return q - self.corr

    @final
    def hessian(self, q, d):
        return self.image(d)

    @final
    def majorant(self, q, d):
        return self.image(d)

    @final
    def bregman(self, d, q, q_before):
        rounding = ROUNDING * self.roundoff(q) * jnp.sum(jnp.abs(d) * (jnp.abs(q) + jnp.abs(q_before)))
        return jnp.sum(d * (q - q_before)) / 2 - rounding


@final
@pytree
class Quadratic(_LeastSquares):
    """By products with G (m, m)."""

    gram: Any
    corr: Any
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(self.gram, b, self.products)


@final
@pytree
class Factored(_LeastSquares):
    """G = A A' by products with A (m, n): cheaper where m is larger than 3 n."""

    rows: Any
    corr: Any
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        fit = _product(b.T, self.rows, self.products)  # rows.T @ b takes two to three times as long on a CPU
        return _product(self.rows, fit.T, self.products)


@final
@pytree
class Reweighted(_LeastSquares):
    """G = A diag(weight) A' by products with A (m, n), which many problems can share."""

    rows: Any
    weight: Any  # (n,)
    corr: Any
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(self.rows, self.weight * _product(b, self.rows, self.products), self.products)

    def gram(self):
        return _product(self.rows * self.weight, self.rows.T, self.products)


@final
@pytree
class Averaged(Smooth):
    """sum_i omega_i loss(y_i, offset_i + q_i) with q = A'b."""

    rows: Any  # (m, n) of A
    omega: Any  # (n,)
    y: Any  # (n,)
    offset: Any  # (n,)
    loss: Any
    products: str = field(default="full", metadata=STATIC)

    def image(self, b):
        return _product(b, self.rows, self.products)

    def value(self, b, q):
        return jnp.sum(self.omega * self.loss.value(self.y, self.offset + q))

    def gradient(self, q):
        return self._summed(self.loss.gradient(self.y, self.offset + q))

    def hessian(self, q, d):
        return self._summed(self.loss.hessian(self.y, self.offset + q) * self.image(d))

    def majorant(self, q, d):
        bound = self.loss.curvature_bound()
        return self.hessian(q, d) if bound is None else self._summed(bound * self.image(d))

    def bregman(self, d, q, q_before):
        eta, before = self.offset + q, self.offset + q_before
        after, value = self.loss.value(self.y, eta), self.loss.value(self.y, before)
        linear = self.loss.gradient(self.y, before) * (q - q_before)
        rounding = ROUNDING * self.roundoff(q) * (jnp.abs(after) + jnp.abs(value) + jnp.abs(linear))
        return jnp.sum(self.omega * (after - value - linear - rounding)).astype(q.dtype)

    def _summed(self, values):
        return _product(self.rows, (self.omega * values).astype(self.omega.dtype), self.products)


def curvature_of(smooth, q, like):
    """Largest eigenvalue of the majorant at the image q, by the power method, with a margin."""

    def multiply(_, v):
        w = smooth.majorant(q, v)
        return w / jnp.maximum(jnp.linalg.norm(w), jnp.finfo(w.dtype).tiny)

    # all directions, none of them orthogonal to a leading one by symmetry
    start = jnp.cos(jnp.arange(like.size, dtype=like.dtype) * 1.7).reshape(like.shape)
    v = lax.fori_loop(0, POWER_STEPS, multiply, start / jnp.linalg.norm(start))
    return MARGIN * jnp.linalg.norm(smooth.majorant(q, v))
