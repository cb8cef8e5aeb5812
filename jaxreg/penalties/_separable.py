"""Penalties that are a sum over coefficients: elastic net, MCP, SCAD, log-sum."""

from abc import abstractmethod
from typing import Any, final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import number, pytree
from jaxreg.penalties._base import Columnwise, finite_factors, per_row, ratio, require_one_response
from jaxreg.penalties._net import LimitedElasticNet, NetFormulas


class Separable(Columnwise):
    """sum_j value(b_j, lam_j), the same function for all coefficients."""

    separable = True

    @property
    @abstractmethod
    def slope(self) -> Any:
        """Derivative of value(b, 1) at b = 0+."""

    @final
    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        pull = jnp.max(ratio(gradient, jnp.broadcast_to(per_row(factors, gradient), jnp.shape(gradient))))
        return jnp.where(self.slope > 0, pull / jnp.where(self.slope > 0, self.slope, 1.0), jnp.inf)

    @final
    def block_minimum(self, corr, curvature, strength, last):
        curved = curvature > 0
        step = 1 / jnp.where(curved, curvature, 1.0)
        return jnp.where(curved, self.prox(corr * step, strength[0], step), 0.0)

    @final
    def stopped(self, before, after, lam):
        return jnp.where((before * after < 0) & (self.slope * per_row(lam, after) > 0), 0.0, after)

    @final
    def pull(self, gradient, factors):
        return self.pulls(gradient[None], factors)[0]

    @final
    def pulls(self, gradients, factors):
        sizes = np.abs(gradients)
        sizes = sizes if gradients.ndim == 2 else sizes.max(axis=2)  # the strongest of a column's outputs
        with np.errstate(divide="ignore", invalid="ignore"):
            return sizes / (factors * float(self.slope))

    @final
    def checked_factors(self, factors, responses):
        if not self.quadratic:  # of the squared loss ridge solves several, each as alone
            require_one_response(type(self).__name__, responses)
        return finite_factors(factors)


@final
@pytree
class ElasticNet(NetFormulas, Separable):
    """lambda * [a |b| + (1 - a) b^2 / 2] with a = l1_ratio: the lasso at 1, ridge at 0.

    In `fit_path` with `standardize` b counts in units of the standard deviation of y, and lambda in units of y: the
    ridge part becomes lambda (1 - a) b^2 / (2 sd(y)), glmnet's.

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        The a of the formula. A small share of ridge keeps correlated columns together.

    Raises
    ------
    ValueError
        For an `l1_ratio` that is not from 0 to 1.

    References
    ----------
    Zou and Hastie (2005), J. R. Statist. Soc. B 67, in the parametrisation of Friedman, Hastie and Tibshirani (2010),
    J. Stat. Softw. 33(1), eq. (2).

    Examples
    --------
    At lambda = 1 the l1 part takes off 0.5, and the ridge part divides the rest by 1.5.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import ElasticNet
    >>> print(ElasticNet(l1_ratio=0.5).prox(jnp.array([3.5, -2.0, 0.25]), lam=1.0, step=1.0))
    [ 2. -1.  0.]
    """

    l1_ratio: float = 1.0

    def __post_init__(self):
        checked = number(self.l1_ratio, "l1_ratio", "a number from 0 (ridge) to 1 (lasso)", 0, 1)
        object.__setattr__(self, "l1_ratio", checked)

    def prox(self, coef, lam, step):
        return self.shrunk(coef, lam, step)

    def within(self, lower, upper):
        """The same with limits (p,) of the coefficients."""
        return LimitedElasticNet(self.l1_ratio, lower, upper)


def Lasso() -> ElasticNet:
    """lambda * |b|: the elastic net at l1_ratio 1.

    Returns
    -------
    ElasticNet

    References
    ----------
    Tibshirani (1996), J. R. Statist. Soc. B 58.

    Examples
    --------
    All coefficients come lambda nearer to 0, small ones get there. From the largest gradient on all are 0.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import Lasso
    >>> print(Lasso().prox(jnp.array([3.5, -2.0, 0.25]), lam=1.0, step=1.0))
    [ 2.5 -1.   0. ]
    >>> print(Lasso().critical_lambda(jnp.array([-3.0, 2.0])))
    3.0
    """
    return ElasticNet(1.0)


def Ridge() -> ElasticNet:
    """lambda * b^2 / 2: the elastic net at l1_ratio 0.

    Returns
    -------
    ElasticNet

    References
    ----------
    Hoerl and Kennard (1970), Technometrics 12.

    Examples
    --------
    At lambda = 1 all coefficients are halved, and none is 0.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import Ridge
    >>> print(Ridge().prox(jnp.array([3.5, -2.0, 0.25]), lam=1.0, step=1.0))
    [ 1.75  -1.     0.125]
    """
    return ElasticNet(0.0)


class FoldedConcave(Separable):
    """A penalty that rises ever more slowly. It has no dual, and it has local minima."""

    convex = False

    @property
    def slope(self):
        return 1.0


def _knot(gamma, lam):
    """gamma * lam, where MCP and SCAD become flat. It is 0 where lam is 0, whatever gamma."""
    lam = jnp.asarray(lam)
    return jnp.where(lam > 0, gamma * jnp.where(lam > 0, lam, 1.0), 0.0)


@final
@pytree
class MCP(FoldedConcave):
    """Minimax concave penalty: its slope falls from lambda at 0 to 0 at gamma * lambda.

        lambda |b| - b^2 / (2 gamma)   for |b| <= gamma lambda,     gamma lambda^2 / 2   beyond

    It is not convex: a path takes the stationary points that it gets to from the last lambda.

    Parameters
    ----------
    gamma : float > 1
        Where the penalty becomes flat, in units of lambda; infinity is the lasso.

    Raises
    ------
    ValueError
        For a `gamma` that is no number above 1.

    References
    ----------
    Zhang (2010), Ann. Statist. 38, eq. (2.1); the prox is eq. (2.6) of Breheny and Huang (2011), Ann. Appl. Stat. 5,
    for a step.

    Examples
    --------
    Small coefficients become 0, and large ones keep all of their size.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import MCP
    >>> print(MCP(gamma=2.0).prox(jnp.array([0.5, 1.5, 10.0]), lam=1.0, step=1.0))
    [ 0.  1. 10.]
    """

    gamma: float = 3.0

    def __post_init__(self):
        object.__setattr__(self, "gamma", number(self.gamma, "gamma", "a number above 1", 1, strict=True))

    def value(self, coef, lam):
        inside = jnp.minimum(jnp.abs(coef), _knot(self.gamma, lam))
        return lam * inside - inside**2 / (2 * self.gamma)

    def prox(self, coef, lam, step):
        size, knot = jnp.abs(coef), _knot(self.gamma, lam)
        flat = step >= self.gamma  # concave up to the knot: the minimum is at 0 or at coef
        stretch = 1 - jnp.where(flat, 0.0, step) / self.gamma
        smooth = jnp.where(size <= knot, jnp.maximum(size - step * lam, 0.0) / stretch, size)
        jumping = jnp.where(size > lam * jnp.sqrt(self.gamma * jnp.where(flat, step, 1.0)), size, 0.0)
        return jnp.sign(coef) * jnp.where(flat, jumping, smooth)

    def concavity(self, lam):
        return 1.0 / self.gamma


@final
@pytree
class SCAD(FoldedConcave):
    """Smoothly clipped absolute deviation: slope lambda up to lambda, then falling to 0 at gamma * lambda.

        lambda |b|   for |b| <= lambda,     lambda |b| - (|b| - lambda)^2 / (2 (gamma - 1))   up to gamma lambda,
        lambda^2 (gamma + 1) / 2   beyond

    It is not convex: a path takes the stationary points that it gets to from the last lambda.

    Parameters
    ----------
    gamma : float > 2
        Where the penalty becomes flat, in units of lambda; infinity is the lasso.

    Raises
    ------
    ValueError
        For a `gamma` that is no number above 2.

    References
    ----------
    Fan and Li (2001), J. Amer. Statist. Assoc. 96, eq. (2.7) and (2.8).

    Examples
    --------
    Small coefficients shrink as by the lasso, and large ones keep all of their size.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import SCAD
    >>> print(SCAD().prox(jnp.array([0.5, 1.5, 10.0]), lam=1.0, step=1.0))
    [ 0.   0.5 10. ]
    """

    gamma: float = 3.7

    def __post_init__(self):
        object.__setattr__(self, "gamma", number(self.gamma, "gamma", "a number above 2", 2, strict=True))

    def value(self, coef, lam):
        size, knot = jnp.abs(coef), _knot(self.gamma, lam)
        bent = jnp.maximum(jnp.minimum(size, knot) - lam, 0.0)
        return lam * jnp.minimum(size, knot) - bent**2 / (2 * (self.gamma - 1))

    def prox(self, coef, lam, step):
        size, knot, bend = jnp.abs(coef), _knot(self.gamma, lam), 1 / (self.gamma - 1)
        flat = step * bend >= 1
        soft = jnp.maximum(size - step * lam, 0.0)
        middle = (size - step * lam * (1 + bend)) / (1 - jnp.where(flat, 0.0, step * bend))
        smooth = jnp.where(soft <= lam, soft, jnp.where(size <= knot, middle, size))
        # where the middle part is concave, a minimum lies in one of the outer parts
        inner, outer = jnp.minimum(soft, lam), jnp.maximum(size, knot)

        def objective(u):
            return (u - size) ** 2 / (2 * step) + self.value(u, lam)

        jumping = jnp.where(objective(outer) < objective(inner), outer, inner)
        return jnp.sign(coef) * jnp.where(flat, jumping, smooth)

    def concavity(self, lam):
        return 1.0 / (self.gamma - 1)


@final
@pytree
class LogSum(FoldedConcave):
    """lambda * log(1 + |b| / eps), which tends to a count of the nonzeros as eps falls.

    It is not convex: a path takes the stationary points that it gets to from the last lambda.

    Parameters
    ----------
    eps : float > 0
        In units of the penalised coefficients. With `standardize`, these belong to standardised columns and response: a
        coefficient of 1 then moves the prediction by itself as y does. lambda = eps * l has the slope l at 0, and is l
        times the lasso for eps to infinity.

    Raises
    ------
    ValueError
        For an `eps` that is no number above 0.

    References
    ----------
    Candes, Wakin and Boyd (2008), J. Fourier Anal. Appl. 14, eq. (2.4).

    Examples
    --------
    A coefficient a hundred times as large costs twice as much.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import LogSum
    >>> cost = LogSum(eps=0.01).value(jnp.array([1.0, 100.0]), lam=1.0)
    >>> [round(float(each), 1) for each in cost]
    [4.6, 9.2]
    """

    eps: float

    def __post_init__(self):
        object.__setattr__(self, "eps", number(self.eps, "eps", "a number above 0", 0, np.finfo(float).max, True))

    @property
    def slope(self):
        return 1.0 / self.eps

    def value(self, coef, lam):
        return lam * jnp.log1p(jnp.abs(coef) / self.eps)

    def prox(self, coef, lam, step):
        # the larger root of (u - |b|)(u + eps) + step lam = 0, or 0 if the objective is lower there
        size = jnp.abs(coef)
        square = (size + self.eps) ** 2 - 4 * step * lam
        real = square > 0
        larger = (size - self.eps + jnp.sqrt(jnp.where(real, square, 1.0))) / 2
        larger = jnp.where(real, jnp.maximum(larger, 0.0), 0.0)
        gain = size**2 / (2 * step) - (larger - size) ** 2 / (2 * step) - self.value(larger, lam)
        return jnp.sign(coef) * jnp.where(gain > 0, larger, 0.0)

    def concavity(self, lam):
        return lam / self.eps**2
