"""Translations from the conventions of other packages."""

import math

from jaxreg.penalties import ElasticNet

__all__ = ["glmnet_penalty"]


def glmnet_penalty(lam, alpha, sd_y):
    """The (lambda, l1_ratio) of this package that equal glmnet's (lambda, alpha) for a Gaussian response.

    glmnet divides y by its standard deviation inside, so that on the scale of the data its penalty is

        lambda * [alpha |b|_1 + (1 - alpha) / sd_y * |b|_2^2 / 2].

    Hence lambda' = lambda * (alpha + (1 - alpha) / sd_y) and l1_ratio' = lambda * alpha / lambda'.

    Parameters
    ----------
    lam : float or array, glmnet's lambda
    alpha : float in [0, 1]
    sd_y : float, the weighted 1/n standard deviation of y (of y minus its offset, if there is one); without an
        intercept sqrt(sum w y^2 / sum w)

    Returns
    -------
    (lambda', l1_ratio'). The ratio does not depend on lambda, so a whole grid may be given.

    Notes
    -----
    glmnet rescales its penalty factors to sum to p, where a factor of inf counts as 1; this package uses them as given.
    Multiply them by p / sum(factors) first.

    Source: Friedman, Hastie and Tibshirani (2010), J. Stat. Softw. 33(1), section 2.5 and the package's vignette on
    what its lambda means for a Gaussian response.
    """
    alpha = ElasticNet(alpha).l1_ratio
    if not (math.isfinite(sd_y) and sd_y > 0):
        raise ValueError(f"sd_y is {sd_y!r}; give the positive standard deviation of y.")
    factor = alpha + (1.0 - alpha) / sd_y
    return lam * factor, alpha / factor
