"""The program that solves and certifies ridge of many lanes in closed form: from Gram matrices to gaps in one dispatch.

It is for lanes whose Gram matrix has full rank and whose penalty factors are alike, as `solvers.ridge` says, and it
tells which points need refinement. These, and other lanes, are for `_ridges` to solve in another way.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg.certificates._kernels import Terms, at_product
from jaxreg.design._base import PRECISION
from jaxreg.design._gram import stacked
from jaxreg.paths._mesh import on_mesh
from jaxreg.penalties import Ridge
from jaxreg.penalties._base import per_row
from jaxreg.solvers._pencil import reached
from jaxreg.solvers._spectra import COMPILED


class RidgeLane(NamedTuple):
    """What the program is told of a lane, of K responses, beside its Gram matrix (p, p)."""

    terms: Terms  # of m >= p columns, absent ones behind the real ones
    factor: Any  # (p,) penalty factors on the scale of the design, 0 where a column is left out
    root: Any  # (p,) factor^-1/2, 0 where a column is left out
    divisor: Any  # (p,) what makes b of coefficients on the scale of the design
    per_coefficient: Any  # (p,) the user's coefficients for b = 1, and 1 where a column is left out
    lambdas: Any  # (L,)


class FittedRidge(NamedTuple):
    """What the program gives of F lanes."""

    b: Any  # (F, L, p [, K]) on the scale of the penalty
    vectors: Any  # (F, p, p) eigenvectors, on the scale of the design
    of_first: Any  # (L, p [, K]) b of the first lane
    values: Any  # (F, p) eigenvalues
    effective_df: Any  # (F, L)
    inflation: Any  # (F, L) largest variance inflation of a column
    gaps: Any  # (F, L)
    losses: Any  # (F, L, K), or (F, L, 1) for one response
    judged: Any


@partial(jax.jit, static_argnames=("count", "mesh", "precision", "judge"))
def solve(grams, lanes, held_out, *, count, mesh, precision, judge):
    """The FittedRidge of F lanes.

    grams: matrices or stacks of them, and the place of each lane's among them all; lanes: of F lanes and copies; count:
    F; mesh: over which lanes are shared out, None for one device; precision: of the user's coefficients, in which they
    are certified; judge(held_out, b): what else is made of the solutions, None for nothing
    """

    def run(groups, _):
        gram, lanes = groups
        values, vectors = COMPILED.scaled_eigh(gram, lanes.root)
        of_lanes = jax.vmap(partial(_of_lane, precision=precision))
        return vectors, values, *of_lanes(lanes, gram, values, vectors)

    solved = on_mesh(run, mesh, (stacked(grams, lanes.root.shape[1]), lanes), ())
    vectors, values, b, effective_df, inflation, gaps, losses = jax.tree.map(lambda leaf: leaf[:count], solved)
    judged = None if judge is None else judge(held_out, b)
    return FittedRidge(b, vectors, b[0], values, effective_df, inflation, gaps, losses, judged)


@partial(jax.jit, static_argnames="judge")
def with_others(b, chosen, others, held_out, *, judge):
    """b (F, L, p [, K]) with those of `others` for the lanes `chosen` (F,), and what is made of it."""
    b = jnp.where(chosen.reshape(-1, *[1] * (b.ndim - 1)), others, b)
    return b, judge(held_out, b)


def _of_lane(lane, gram, values, vectors, *, precision):
    """(b, effective degrees of freedom, inflation, gaps, losses) of a lane."""
    p, corr = len(lane.factor), lane.terms.corr[: len(lane.factor)]
    inverse = jnp.where(reached(values), 1.0 / (values + lane.lambdas[:, None]), 0.0)
    effective_df = jnp.sum(inverse * values, axis=1)
    of_columns = (1.0 + lane.lambdas[:, None] * lane.factor) * COMPILED.diagonal(vectors, inverse)
    x = COMPILED.solve_each(vectors, corr.reshape(p, -1).T, inverse)  # (K, L, p)
    x = jnp.moveaxis(x, 0, 2).reshape(-1, *corr.shape)
    b = x / per_row(lane.divisor, x[0])
    if precision != np.float64:
        unit, bits = per_row(lane.per_coefficient, b[0]), np.finfo(precision)
        b = lax.reduce_precision(b * unit, bits.nexp, bits.nmant) / unit  # a cast there and back might be left out
    fit = jnp.einsum("bj...,ji->bi...", b * per_row(lane.terms.scale[:p], b[0]), gram, precision=PRECISION)
    certified = jax.vmap(partial(at_product, kind="gap"), (None, None, 0, 0, 0, None))
    more = [(0, 0), (0, len(lane.terms.scale) - p)] + [(0, 0)] * (b.ndim - 2)
    gaps, losses, _ = certified(lane.terms, Ridge(), jnp.pad(b, more), jnp.pad(fit, more), lane.lambdas, 1.0)
    return b, effective_df, jnp.max(of_columns, axis=1), gaps, losses
