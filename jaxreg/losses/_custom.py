"""A loss of the user's own function."""

from collections.abc import Callable
from dataclasses import field
from typing import final

import jax
import jax.numpy as jnp

from jaxreg._pytree import STATIC, number, pytree
from jaxreg.losses._base import Numeric


@final
@pytree
class Custom(Numeric):
    """A loss that is given by one function (y, eta) -> loss, convex in eta and >= 0, written with `jax.numpy`.

    The gradient is that of `jax.grad`. Points are certified by the residual of the prox. The function sees y in the
    user's units, whatever `standardize` says, since its form in other units is not known.

    Parameters
    ----------
    value : callable
        The function, (y, eta) -> loss of each observation, elementwise on arrays (n,).
    curvature_bound : float > 0 or None
        Upper bound of its second derivative in eta; None lets the solver find its step by backtracking.

    Raises
    ------
    TypeError
        For a `value` that is no function.
    ValueError
        For a `curvature_bound` that is no number above 0.

    Examples
    --------
    log cosh, a smooth relative of the absolute error: its slope is that of tanh, and its curvature at most 1.

    >>> import jax.numpy as jnp
    >>> from jaxreg.losses import Custom
    >>> log_cosh = Custom(
    ...     lambda y, eta: jnp.logaddexp(y - eta, eta - y) - jnp.log(2.0), curvature_bound=1.0
    ... )
    >>> print(log_cosh.gradient(0.0, jnp.array([-20.0, 0.0, 20.0])))
    [-1.  0.  1.]
    """

    _value: Callable = field(metadata=STATIC)
    _bound: float | None = field(metadata=STATIC)

    degree = 0  # what a user's function does with other units is not known
    link = None

    def __init__(self, value, curvature_bound=None):
        if not callable(value):
            raise TypeError(f"value is {value!r}; give a function of (y, eta).")
        if curvature_bound is not None:
            curvature_bound = number(curvature_bound, "curvature_bound", "a number above 0, or None", 0, strict=True)
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_bound", curvature_bound)

    def in_units(self, unit):
        return self

    def value(self, y, eta):
        return self._value(y, eta)

    def gradient(self, y, eta):
        return _derivative(self._value, y, eta)

    def hessian(self, y, eta):
        return _derivative(self.gradient, y, eta)

    def curvature_bound(self):
        return self._bound

    def conjugate(self, y, u):
        return None


def _derivative(function, y, eta):
    """Derivative with respect to eta of an elementwise function of (y, eta)."""
    eta = jnp.broadcast_to(eta, jnp.broadcast_shapes(jnp.shape(y), jnp.shape(eta)))
    return jax.grad(lambda e: jnp.sum(function(y, e)))(eta)
