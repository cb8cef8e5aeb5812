"""The certificate by a pass over the data as a part of a program on the device: the squared loss, one response."""

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

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["operator", "z", "basis", "members", "penalty", "factors", "scale", "unit", "units"],
    meta_fields=["kind", "precision"],
)
@dataclass(frozen=True)
class Pass:
    """What certifies points: arrays of all p columns, and of the rows of the data, on the device."""

    operator: Any  # of the design
    z: Float[Any, " n"]
    basis: Float[Any, "... k n"]  # what theta is made orthogonal to, of all points or of each of them (B, k, n)
    members: Bool[Any, "... p"]  # columns in it
    penalty: Any
    factors: Float[Any, " p"]
    scale: Float[Any, " p"]
    unit: Float[Any, " p"]  # the user's coefficient of b = 1
    units: tuple[float, float, float]
    kind: str
    precision: str  # of the user's coefficients

    def __call__(self, x, rows, index, lambdas, step):
        """(x as the user gets it, gaps (B,), losses (B, 1), gradients (B, p)) of points x (B, m).

        rows: those of A (m, n) of the columns `index` (m,), p for none
        """
        x = self._returned(x, index)
        b = jnp.zeros((len(x), len(self.scale))).at[:, index].set(x, mode="drop")
        fit = jnp.matmul(x * self._gathered(self.scale, index), rows.astype(x.dtype), precision=PRECISION)
        r = self.z - fit
        theta = jax.vmap(_orthogonal, (0, None if self.basis.ndim == 2 else 0))(r, self.basis)
        gaps, losses, h = _kernels.by_pass(
            r, theta, self.operator.correlate(theta), self.z, self.members, self.penalty, self.factors, self.scale, b,
            lambdas, step, self.units, kind=self.kind,
        )  # fmt: skip
        return x, gaps, losses, h

    def _returned(self, x, index):
        if self.precision == "float64":
            return x
        unit, bits = self._gathered(self.unit, index), np.finfo(self.precision)
        coef = lax.reduce_precision(x * unit, bits.nexp, bits.nmant)
        return jnp.where(unit > 0, coef / jnp.where(unit > 0, unit, 1.0), 0.0)

    def _gathered(self, values, index):
        return jnp.where(index < len(values), jnp.take(values, index, mode="clip"), 0.0)


def _orthogonal(r, basis):
    within = jnp.matmul(basis, r, precision=PRECISION)
    return r - jnp.matmul(within, basis, precision=PRECISION)
