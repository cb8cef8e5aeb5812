"""Inverse links: what a linear predictor says of the response, under the names by which results keep them.

They take NumPy or JAX arrays and give the same kind.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def _functions_for(eta):
    return jnp if isinstance(eta, jax.Array) else np


def _logit(eta):
    xp = _functions_for(eta)
    small = xp.exp(-xp.abs(eta))
    return xp.where(xp.asarray(eta) >= 0, 1.0, small) / (1 + small)


def _probit(eta):
    if isinstance(eta, jax.Array):
        return jax.lax.erfc(-eta / 2**0.5) / 2
    from scipy.special import ndtr  # imported here: most fits do not need it

    return ndtr(eta)


def _exp(eta):
    xp = _functions_for(eta)
    with np.errstate(over="ignore"):  # the mean is then infinite
        return xp.exp(eta)


def _cloglog(eta):
    xp = _functions_for(eta)
    return -xp.expm1(-_exp(eta))


def _softmax(eta):
    xp = _functions_for(eta)
    powers = xp.exp(eta - xp.max(eta, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


LINKS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda eta: eta,
    "logit": _logit,
    "probit": _probit,
    "cloglog": _cloglog,
    "log": _exp,
    "softmax": _softmax,
}


def inverse_link(link: str | None, eta: Any) -> Any:
    """The mean, or the typical value, of the response at the linear predictor; eta itself where the link is None.

    "softmax" is of the last axis.
    """
    return eta if link is None else LINKS[link](eta)
