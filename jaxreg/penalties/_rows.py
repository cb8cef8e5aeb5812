"""Penalties of the coefficients of a column for several responses, or classes, as a whole."""

from typing import final

import jax.numpy as jnp
import numpy as np

from jaxreg._pytree import number, pytree
from jaxreg.penalties._base import Columnwise, Norm, finite_factors, largest_ratio, per_row, ratio, root, shortened


class Rows(Columnwise):
    """lambda * sum_j [a |b_j| + (1 - a) |b_j|^2 / 2] of the coefficients b_j (K,) of columns; a subclass has the a."""

    @property
    def _share(self):
        """a."""
        return 1.0

    @final
    def _norms(self, coef):
        return jnp.abs(coef) if jnp.ndim(coef) == 1 else root(jnp.sum(jnp.square(coef), axis=1))

    @final
    def prox(self, coef, lam, step):
        norm, strength = self._norms(coef), step * jnp.asarray(lam)
        l1, l2 = strength * self._share, strength * (1 - self._share)
        share = jnp.where(norm > l1, 1 - l1 / jnp.where(norm > 0, norm, 1.0), 0.0)
        return coef * per_row(share / (1 + l2), coef)

    @final
    def dual_norm(self, gradient, lam):
        norm = self._norms(gradient)
        lam = jnp.broadcast_to(lam, norm.shape)
        l1 = lam * self._share
        bare = (l1 == 0) & (lam > 0)  # there is no norm: only the gradient 0 has a finite dual norm
        return jnp.max(jnp.where(bare & (norm > 0), jnp.inf, ratio(norm, l1)))

    @final
    def block_minimum(self, corr, curvature, strength, last):
        l1, l2 = strength[0] * self._share, strength[0] * (1 - self._share)
        return shortened(corr, curvature + l2, l1, last)

    @final
    def _norms_on_host(self, gradient):
        return np.abs(gradient) if gradient.ndim == 1 else np.sqrt(np.square(gradient).sum(axis=1))

    @final
    def critical_on_host(self, gradient, factors):
        share = float(self._share)
        return largest_ratio(self._norms_on_host(gradient), factors) / share if share else None

    @final
    def pull(self, gradient, factors):
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._norms_on_host(gradient) / (factors * float(self._share))

    @final
    def checked_factors(self, factors, responses):
        return finite_factors(factors)


@final
@pytree
class MultiTaskLasso(Norm, Rows):
    """lambda * sum_j |b_j|, the Euclidean norm of the coefficients b_j (K,) of a column for K responses.

    A column is in the model of all responses, or of none. Of one response it is the lasso.

    References
    ----------
    Obozinski, Taskar and Jordan (2010), Stat. Comput. 20, eq. (4); the name is scikit-learn's.

    Examples
    --------
    Two columns (rows of the array) for two responses: the first stays for both, the second goes for both.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import MultiTaskLasso
    >>> print(MultiTaskLasso().prox(jnp.array([[3.0, 4.0], [0.3, 0.4]]), lam=2.5, step=1.0))
    [[1.5 2. ]
     [0.  0. ]]
    """

    def value(self, coef, lam):
        return lam * self._norms(coef)


@final
@pytree
class MultiTaskElasticNet(Rows):
    """lambda * sum_j [a |b_j| + (1 - a) |b_j|^2 / 2] with a = l1_ratio, of the coefficients b_j (K,) of a column.

    A column is in the model of all K responses, or of none. Of one response it is `ElasticNet`.

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        The a of the formula: 1 is `MultiTaskLasso`, 0 ridge.

    Raises
    ------
    ValueError
        For an `l1_ratio` that is not from 0 to 1.

    References
    ----------
    Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), of several responses in glmnet; the name is
    scikit-learn's.

    Examples
    --------
    The norm 4 of the first column's coefficients falls by 1, and is halved; the second column goes.

    >>> import jax.numpy as jnp
    >>> from jaxreg.penalties import MultiTaskElasticNet
    >>> print(MultiTaskElasticNet(l1_ratio=0.5).prox(jnp.array([[0.0, 4.0], [0.3, 0.4]]), lam=2.0, step=1.0))
    [[0.  1.5]
     [0.  0. ]]
    """

    l1_ratio: float = 0.5

    convex = True
    mixes = True

    def __post_init__(self):
        checked = number(self.l1_ratio, "l1_ratio", "a number from 0 (ridge) to 1 (MultiTaskLasso)", 0, 1)
        object.__setattr__(self, "l1_ratio", checked)

    @property
    def _share(self):
        return self.l1_ratio

    @property
    def slope(self):
        return self.l1_ratio

    def value(self, coef, lam):
        norm = self._norms(coef)
        return lam * (self.l1_ratio * norm + (1 - self.l1_ratio) * jnp.square(norm) / 2)

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        return self.dual_norm(gradient, factors)

    def ridge(self, lam):
        return lam * (1 - self.l1_ratio)
