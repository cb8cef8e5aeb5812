"""The certificate by a pass over the data as a part of a program on the device, for the squared loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.certificates import _kernels
from jaxreg.design._base import PRECISION
from jaxreg.penalties._base import per_row

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["operator", "z", "basis", "members", "penalty", "factors", "scale", "unit", "units"],
    meta_fields=["kind", "precision"],
)
@dataclass(frozen=True)
class Pass:
    """What certifies points of one kind: arrays of all p columns, and of the rows of the data, on the device."""

    operator: Any  # of the design
    z: Float[Any, "n ..."]
    basis: Float[Any, "k n"]  # what theta is made orthogonal to
    members: Bool[Any, " p"]
    penalty: Any
    factors: Float[Any, " p"]
    scale: Float[Any, " p"]
    unit: Float[Any, " p"]  # the user's coefficient of b = 1
    units: tuple[float, float, float]
    kind: str
    precision: str  # of the user's coefficients

    def returned(self, x, index):
        """Coefficients x (B, m [, K]) of the columns `index` (m,), p for none, as the user gets them."""
        if self.precision == "float64":
            return x
        unit = jnp.where(index < len(self.unit), jnp.take(self.unit, index, mode="clip"), 0.0)
        bits = np.finfo(self.precision)
        coef = lax.reduce_precision(x * per_row(unit, x[0]), bits.nexp, bits.nmant)
        return jnp.where(per_row(unit > 0, x[0]), coef / per_row(jnp.where(unit > 0, unit, 1.0), x[0]), 0.0)

    def __call__(self, x, rows, index, lambdas, step):
        """(gaps (B,), losses (B, K or 1), gradients (B, p [, K])) of x (B, m [, K]) on the rows (m, n) of A."""
        b = jnp.zeros((len(x), len(self.scale), *x.shape[2:])).at[:, index].set(x, mode="drop")
        column_scale = jnp.where(index < len(self.scale), jnp.take(self.scale, index, mode="clip"), 0.0)
        scaled = x * per_row(column_scale, x[0])
        fit = jnp.einsum("bm...,mn->bn...", scaled, rows.astype(x.dtype), precision=PRECISION)
        r, theta = _kernels.residuals(fit, self.z, self.basis)
        products = self._correlated(theta)
        return _kernels.by_pass(
            r, theta, products, self.z, self.members, self.penalty, self.factors, self.scale, b, lambdas, step,
            self.units, kind=self.kind,
        )  # fmt: skip

    def _correlated(self, R):
        """R A', (B, p [, K])."""
        if R.ndim == 2:
            return self.operator.correlate(R)
        rows = jnp.moveaxis(R, 1, -1)
        products = self.operator.correlate(rows.reshape(-1, rows.shape[-1]))
        return jnp.moveaxis(products.reshape(*rows.shape[:-1], -1), -1, 1)


def certified(passes, kind, x, rows, index, lambdas, step):
    """(x as the user gets them, gaps, losses, gradients), each point by the Pass of its kind (B,)."""
    x = passes[0].returned(x, index)
    results = [passing(x, rows, index, lambdas, step) for passing in passes]
    if len(results) == 1:
        return x, *results[0]
    return x, *(jnp.stack(values)[kind, jnp.arange(len(x))] for values in zip(*results, strict=True))
