"""Translations from the conventions of other packages."""

import math

from jaxreg.penalties import ElasticNet

__all__ = ["glmnet_penalty"]


def glmnet_penalty(lam, alpha, sd_y):
    """The (lambda, l1_ratio) of `standardize=False` that equal glmnet's (lambda, alpha) for a Gaussian response.

    With `standardize=True`, the default here and there, they are lambda and alpha themselves. glmnet divides y by its
    standard deviation in any case. So with `standardize = FALSE` its penalty on the scale of the data is

        lambda * [alpha |b|_1 + (1 - alpha) / sd_y * |b|_2^2 / 2].

    With `standardize=False` the objective here stands literally. Hence

        lambda' = lambda * (alpha + (1 - alpha) / sd_y),    l1_ratio' = lambda * alpha / lambda'.

    Parameters
    ----------
    lam : float or array
        glmnet's lambda.
    alpha : float in [0, 1]
        glmnet's alpha: 1 is the lasso, 0 ridge.
    sd_y : float > 0
        The weighted 1/n standard deviation of y (of y minus its offset, if there is one); without an intercept
        sqrt(sum w y^2 / sum w).

    Returns
    -------
    lam : float or array
        lambda', in the shape of lambda.
    l1_ratio : float
        l1_ratio', which does not depend on lambda, so that a whole grid may be given.

    Raises
    ------
    ValueError
        For an `alpha` that is not from 0 to 1, or an `sd_y` that is not finite and above 0.

    Notes
    -----
    glmnet rescales its penalty factors to sum to p, where a factor of inf counts as 1; this package uses them as given.
    Multiply them by p / sum(factors) first.

    References
    ----------
    Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), section 2.5 and the package's vignette on what its
    lambda means for a Gaussian response.

    Examples
    --------
    The ridge fit of glmnet(X, y, alpha = 0, lambda = 0.1, standardize = FALSE) in R.

    >>> import numpy as np
    >>> import jaxreg as jr
    >>> X, y = np.array([[0, 5], [1, 7], [2, 11], [3, 13]]), np.array([17, 19, 23, 29])
    >>> lam, l1_ratio = jr.compat.glmnet_penalty(0.1, alpha=0.0, sd_y=y.std())
    >>> penalty = jr.penalties.ElasticNet(l1_ratio)
    >>> path = jr.fit_path(X, y, penalty=penalty, lambdas=[lam], standardize=False)
    >>> print(path.intercept.round(4), path.coef.round(4))
    [13.1019] [[2.2362 0.616 ]]
    """
    alpha = ElasticNet(alpha).l1_ratio
    if not (math.isfinite(sd_y) and sd_y > 0):
        raise ValueError(f"sd_y is {sd_y!r}; give the positive standard deviation of y.")
    factor = alpha + (1.0 - alpha) / sd_y
    return lam * factor, alpha / factor
