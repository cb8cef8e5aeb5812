"""Folds of elastic nets side by side on the device: solved, certified and judged there; NumPy gets what a result holds."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxreg import _scores
from jaxreg.cv._fits import Fits, SolvedPath
from jaxreg.design._base import PRECISION
from jaxreg.paths import _nets
from jaxreg.paths._points import points_of

AT_ONCE = 2**25  # predictions that are judged at once


class _Judged(NamedTuple):
    """What is held out of F folds, in the unit of the objective of all rows."""

    samples: Any  # (p, F m) columns of the design of all rows
    root: Any  # (F, m)
    y: Any  # (F, m) times root
    count: Any  # (F, m) 0 where a fold is shorter
    slope: Any  # (F, p) coefficients on the scale of that design for b = 1
    shift: Any  # (F, p) what they add to the intercept
    level: Any  # (F,) the rest of it


def _residuals(held_out, b):
    """root times what the coefficients b (F, m) of one problem leave of y, (F, m)."""
    F, p = held_out.slope.shape
    coef = b[:F, :p] * held_out.slope
    samples = held_out.samples.reshape(p, F, -1)
    fit = jnp.einsum("fp,pfm->fm", coef, samples, precision=PRECISION)
    level = held_out.level + jnp.sum(coef * held_out.shift, axis=1)
    return held_out.y - held_out.root * level[:, None] - fit


@partial(jax.jit, static_argnames="at_once")
def _errors(held_out, b, *, at_once):
    """Mean squared and mean absolute errors (2, N, F) of b (F', N, m), whose last F lanes are the folds."""
    weight = jnp.sum(held_out.count * held_out.root**2, axis=1)

    def of_problem(b):
        r = _residuals(held_out, b)
        squared, absolute = r**2, held_out.root * jnp.abs(r)
        return jnp.stack([jnp.sum(held_out.count * errors, axis=1) / weight for errors in (squared, absolute)])

    return lax.map(of_problem, jnp.swapaxes(b, 0, 1), batch_size=at_once).swapaxes(0, 1)
