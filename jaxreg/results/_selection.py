"""Choices on a curve of losses, or on a path by an information criterion."""

import numpy as np

GCV_WEIGHT = 1.4  # of a degree of freedom in modified GCV; 1 is Craven and Wahba's own, which overfits now and then
EBIC_WEIGHT = 1.0  # gamma: consistent for any number of columns that is a power of the sample size

INDEPENDENT = 1e-10  # share of its variance that a column keeps beside those that it does not depend on

CRITERIA = ("aic", "bic", "ebic", "gcv")


def one_standard_error(mean_loss, std_error):
    """Position of the largest lambda whose mean loss (L,) is within one standard error of the least.

    Source: Breiman, Friedman, Olshen and Stone (1984), section 3.4.3; Hastie, Tibshirani and Friedman (2009), 7.10.
    """
    best = np.argmin(mean_loss)
    return int(np.flatnonzero(mean_loss <= mean_loss[best] + std_error[best])[0])


def criterion(rule, fit, deviance, df, nonzero, n, p):
    """The criterion at each point of a path (L,), infinite where the model has no residual degree of freedom.

        AIC  = fit + 2 d                                    Akaike (1974)
        BIC  = fit + d log n                                Schwarz (1978)
        EBIC = BIC + 2 gamma log binom(p, nonzero)          Chen and Chen (2008), gamma = 1
        GCV  = deviance / (1 - 1.4 d / n)^2                 Craven and Wahba (1979), modified by Kim and Gu (2004)

    fit (L,) is -2 log-likelihood up to a constant, deviance (L,) the weighted mean deviance on the data (the mean
    squared error of the squared loss), d = df + 1 counts the intercept if there is one, n the rows with a positive
    weight.
    """
    from scipy.special import betaln

    share = df / n
    if rule == "gcv":
        left = 1.0 - GCV_WEIGHT * share
        return np.where(left > 0, deviance / np.where(left > 0, left, 1.0) ** 2, np.inf)
    charge = {"aic": 2.0, "bic": np.log(n), "ebic": np.log(n)}[rule]
    models = -betaln(p - nonzero + 1, nonzero + 1) - np.log(p + 1) if rule == "ebic" else 0.0
    return np.where(share < 1, fit + charge * df + 2 * EBIC_WEIGHT * models, np.inf)


def effective_df(problem, coef, lambdas, l1_ratio):
    """Effective degrees of freedom (L,) of a path with coefficients (L, p) CSR, the intercept not counted.

        d = trace of A_J' (A_J A_J' + lambda (1 - a) diag(f2_J))^+ A_J,    J the columns that are not 0

    For the lasso that is the rank of A_J, which is the number of columns where they are independent. A column
    at a limit counts as one that is not 0.

    Source: Tibshirani and Taylor (2012), Ann. Statist. 40, theorems 1 to 3; Zou (2005), thesis, eq. (3.18).
    """
    design = problem.design
    columns = np.unique(coef.indices)
    if not columns.size:
        return np.zeros(len(lambdas))
    A = np.asarray(design.gather(columns), dtype=np.float64)
    gram = A @ A.T
    place = np.searchsorted(columns, coef.indices)
    df = np.zeros(len(lambdas))
    for k, lam in enumerate(lambdas):
        J = place[coef.indptr[k] : coef.indptr[k + 1]]
        if J.size:
            df[k] = _trace(gram[np.ix_(J, J)], lam * (1 - l1_ratio) * problem.l2_factor[columns[J]])
    return df


def _trace(gram, l2):
    """Trace of gram (gram + diag(l2))^+."""
    from scipy.linalg import LinAlgError, cholesky, solve_triangular

    unit = 1.0 / np.sqrt(np.diagonal(gram) + l2)  # columns of any scale on one, on which ranks are decided
    gram, l2 = gram * np.outer(unit, unit), l2 * unit**2
    shifted = gram + np.diag(l2)
    try:
        C = cholesky(shifted, lower=True, check_finite=False)
        definite = bool((np.diagonal(C) ** 2 > INDEPENDENT).all())
    except LinAlgError:
        definite = False
    if definite and not l2.any():
        return float(len(gram))
    if definite:
        inverse = solve_triangular(C, np.eye(len(C)), lower=True, check_finite=False)
        return len(gram) - float(np.sum(inverse**2 * l2))
    return float(np.sum(np.linalg.pinv(shifted, rcond=INDEPENDENT, hermitian=True) * gram))
