"""A penalty of the user's own."""

from collections.abc import Callable
from dataclasses import field
from typing import final

import numpy as np

from jaxreg._pytree import STATIC, pytree
from jaxreg.penalties._base import Penalty, critical_by_bisection, finite_factors, unit_directions


@final
@pytree
class Custom(Penalty):
    """A penalty that is given by two functions, written with `jax.numpy`.

    coef is (p,), or (p, K) for K responses; lam is lambda times the penalty factors, (p,). The solver differentiates
    the prox, whose derivative has to be right where it exists. Points are certified by the residual of the prox, and
    lambda_max comes from the prox by bisection: 0 has to be a fixed point for all larger lambdas. All columns are
    worked on at every lambda. With `standardize`, coef belongs to standardised columns and response, and lam is lambda
    over the standard deviation of y, as in `fit_path`.

    Parameters
    ----------
    value : callable
        (coef, lam) -> number, or an array whose sum is the penalty.
    prox : callable
        (coef, lam, step) -> argmin over u of |u - coef|^2 / (2 step) + value(u, lam), in the shape of coef.
    convex : bool
        Whether the penalty is convex; then steps are accelerated without a check of the objective.

    Raises
    ------
    TypeError
        For a `value` or `prox` that is no function.
    ValueError
        For a `convex` that is not True or False.

    Examples
    --------
    The lasso with coefficients >= 0: a column comes in only if its gradient is negative.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import Custom
    >>> def value(coef, lam):
    ...     return jnp.where(coef < 0, jnp.inf, lam * coef)
    >>> def prox(coef, lam, step):
    ...     return jnp.maximum(coef - step * lam, 0.0)
    >>> penalty = Custom(value, prox, convex=True)
    >>> print(penalty.prox(jnp.array([3.0, 0.5, -2.0]), lam=1.0, step=1.0))
    [2. 0. 0.]
    >>> round(float(penalty.critical_lambda(jnp.array([-2.0, 5.0]))), 4)
    2.0
    """

    _value: Callable = field(metadata=STATIC)
    _prox: Callable = field(metadata=STATIC)
    convex: bool = field(metadata=STATIC)

    def __init__(self, value, prox, convex=False):
        for function, name in ((value, "value"), (prox, "prox")):
            if not callable(function):
                raise TypeError(f"{name} is {function!r}; give a function.")
        if not isinstance(convex, (bool, np.bool_)):
            raise ValueError(f"convex is {convex!r}; give True or False.")
        for name, entry in (("_value", value), ("_prox", prox), ("convex", bool(convex))):
            object.__setattr__(self, name, entry)

    def value(self, coef, lam):
        return self._value(coef, lam)

    def prox(self, coef, lam, step):
        return self._prox(coef, lam, step)

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        return critical_by_bisection(self, gradient, factors, step)

    def unpenalised(self, factors):
        return unit_directions(factors)

    def checked_factors(self, factors, responses):
        return finite_factors(factors)
