"""The judge of families, in NumPy float64, from X, y and the coefficients alone: relative duality gaps.

All families solve, with a free intercept b0,

    minimise  F(b0 + Xb) + lambda * penalty(b),   F(eta) the mean loss less that of the saturated model

and penalty(b) = |b|_1 or, grouped, the sum over columns of the norm over the classes. With u / n the slopes of F at
eta, after the intercept has been moved to where they sum to 0, and h = X'u/n:

    D = -F*(s u / n),   s = min(1, lambda / dual norm of h)

The gap is relative to F of the null model, which has the intercept alone: half its mean deviance.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_softmax, logit, softmax, xlogy

from benchmarks.certificate import Judge

ROUNDING = 1e-14  # of the mean slope of a class
MOST_STEPS = 200  # of a search for intercepts


class Rowwise:
    """A loss that is a mean over rows; of these a family has `values`, `slopes`, `conjugate` and `level`.

    values(y, eta) and conjugate(y, u) are (n,): the loss of each row less the saturated one, and its conjugate.
    slopes(y, eta) is the derivative of the former. level(y, eta) is what to add to eta so that slopes sum to 0.
    """

    def encoded(self, y):
        return y

    def loss(self, y, eta):
        return self.values(y, eta).mean()

    def dual(self, y, eta, s):
        """-F*(s u / n) at the slopes u of eta."""
        return -self.conjugate(y, s * self.slopes(y, eta)).mean()


class Squared(Rowwise):
    """(y - eta)^2 / 2."""

    def values(self, y, eta):
        return (y - eta) ** 2 / 2

    def slopes(self, y, eta):
        return eta - y

    def conjugate(self, y, u):
        return u**2 / 2 + u * y

    def level(self, y, eta):
        return (y - eta).mean()


class Logistic(Rowwise):
    """log(1 + exp(eta)) - y eta for classes 0 and 1."""

    def values(self, y, eta):
        return np.logaddexp(0, eta) - y * eta

    def slopes(self, y, eta):
        return expit(eta) - y

    def conjugate(self, y, u):
        p = y + u
        return xlogy(p, p) + xlogy(1 - p, 1 - p)

    def level(self, y, eta):
        middle = logit(y.mean())
        low, high = middle - eta.max(), middle - eta.min()
        return brentq(lambda c: expit(eta + c).mean() - y.mean(), low - 1e-9, high + 1e-9, xtol=1e-15, maxiter=1000)


class Poisson(Rowwise):
    """exp(eta) - y eta, less its least value y - y log y."""

    def values(self, y, eta):
        return np.exp(eta) - y * eta - y + xlogy(y, y)

    def slopes(self, y, eta):
        return np.exp(eta) - y

    def conjugate(self, y, u):
        mean = np.maximum(y + u, 0)
        return xlogy(mean, mean) - mean + y - xlogy(y, y)

    def level(self, y, eta):
        return np.log(y.mean() / np.exp(eta).mean())


class Multinomial(Rowwise):
    """-log of the probability of the class of a row, with coefficients for each class; y are indicators (n, K)."""

    def encoded(self, y):
        return np.eye(int(y.max()) + 1)[y.astype(int)]

    def values(self, y, eta):
        return -(y * log_softmax(eta, axis=1)).sum(axis=1)

    def slopes(self, y, eta):
        return softmax(eta, axis=1) - y

    def conjugate(self, y, u):
        p = np.maximum(y + u, 0)
        return xlogy(p, p).sum(axis=1)

    def level(self, y, eta):
        """By Newton's method, and where that does not lower the loss by a step of iterative scaling, which does."""
        level, loss = np.zeros(eta.shape[1]), self.loss(y, eta)
        for _ in range(MOST_STEPS):
            p = softmax(eta + level, axis=1)
            wrong = (p - y).mean(axis=0)
            if abs(wrong).max() < ROUNDING:
                return level
            curvature = np.diag(p.mean(axis=0)) - p.T @ p / len(p)
            step = level - np.linalg.lstsq(curvature, wrong, rcond=None)[0]
            if not self.loss(y, eta + step) < loss:
                step = level + np.log(y.mean(axis=0) / p.mean(axis=0))
            level, loss = step, self.loss(y, eta + step)
        return level


class Cox:
    """Breslow's partial likelihood; y (n, 2) are times and whether they are those of an event.

    F = 1/n sum_k d_k log(S_k / d_k) - 1/n sum over events of eta, with the times t_k of d_k events and S_k the sum of
    exp(eta) over the rows at risk, whose time is t_k or later. The saturated model has the events of a time alone at
    risk: S_k = d_k exp(eta). F is a sum of the terms of the times, and F* at most the sum of their conjugates. The
    slopes of a term are d_k/n (pi - rho), with pi the shares of the rows in S_k and rho = 1/d_k on its events. Times s
    they are d_k/n (q - rho) with q = s pi + (1 - s) rho, where its conjugate is d_k/n (sum q log q + log d_k).
    """

    def encoded(self, y):
        return y

    def level(self, y, eta):
        """An intercept makes no difference; moved so that no exponential overflows."""
        return -eta.max()

    def loss(self, y, eta):
        terms = _Terms(y, eta - eta.max())
        return (terms.deaths @ np.log(terms.at_risk / terms.deaths) - terms.of_events.sum()) / len(y)

    def slopes(self, y, eta):
        terms = _Terms(y, eta)
        before = np.concatenate([[0], (terms.deaths / terms.at_risk).cumsum()])  # over the times up to each of them
        return np.exp(eta) * before[np.searchsorted(terms.times, y[:, 0], side="right")] - y[:, 1]

    def dual(self, y, eta, s):
        terms = _Terms(y, eta)
        share = s * np.exp(terms.of_events) / terms.at_risk[terms.place] + (1 - s) / terms.deaths[terms.place]
        own = np.bincount(terms.place, xlogy(share, share))
        dying = np.bincount(terms.place, np.exp(terms.of_events))
        leaning = np.bincount(terms.place, terms.of_events * np.exp(terms.of_events))
        others, leaning = terms.at_risk - dying, terms.leaning - leaning
        entropy = (
            own + s / terms.at_risk * (leaning - others * np.log(terms.at_risk)) + xlogy(s, s) * others / terms.at_risk
        )
        return -(terms.deaths @ (entropy + np.log(terms.deaths))) / len(y)


class _Terms:
    """Of the times of events: `times`, `deaths`, `at_risk`, the sum of exp(eta), and `leaning`, of eta exp(eta).

    Of the events: `of_events`, their eta, and `place`, the position of their time.
    """

    def __init__(self, y, eta):
        order = np.argsort(y[:, 0])
        time, died, eta = y[order, 0], y[order, 1] > 0, eta[order]
        self.times, self.place, self.deaths = np.unique(time[died], return_inverse=True, return_counts=True)
        first = np.searchsorted(time, self.times)
        self.at_risk = np.exp(eta)[::-1].cumsum()[::-1][first]
        self.leaning = (eta * np.exp(eta))[::-1].cumsum()[::-1][first]
        self.of_events = eta[died]


FAMILIES = {
    "squared": Squared(),
    "logistic": Logistic(),
    "multinomial": Multinomial(),
    "grouped": Multinomial(),
    "poisson": Poisson(),
    "cox": Cox(),
}


def penalty_of(family, values):
    """|b|_1 of each of (L, p) or (L, p, K), or of "grouped" its norm over the classes, summed over columns."""
    if family == "grouped":
        return np.linalg.norm(values, axis=2).sum(axis=1)
    return abs(values).reshape(len(values), -1).sum(axis=1)


def dual_norm(family, values):
    if family == "grouped":
        return np.linalg.norm(values, axis=2).max(axis=1)
    return abs(values).reshape(len(values), -1).max(axis=1)


def null_model(y, family):
    """(loss, slopes (n,) or (n, K)) of the best intercept alone."""
    loss = FAMILIES[family]
    y = loss.encoded(y)
    eta = np.zeros(len(y) if family == "cox" else y.shape)
    eta += loss.level(y, eta)
    return loss.loss(y, eta), loss.slopes(y, eta)


def lambda_max(X, y, family):
    """The smallest lambda at which b = 0 is the solution."""
    return dual_norm(family, (X.T @ null_model(y, family)[1])[None] / len(y))[0]


def family_bounds(problem, coef):
    """Objectives (L,), dual values (L,) and the loss of the null model, at coefficients (L, 1 + p[, K])."""
    loss, X, family = FAMILIES[problem.family], problem.X, problem.family
    y, n = loss.encoded(problem.y), len(problem.y)
    b = coef[:, 1:]
    eta = coef[:, :1] + np.moveaxis(np.tensordot(b, X, axes=(1, 1)), -1, 1)
    primal = np.array([loss.loss(y, at) for at in eta]) + problem.lambdas * penalty_of(family, b)
    eta += np.array([loss.level(y, at) for at in eta]).reshape(len(eta), 1, *eta.shape[2:])
    slopes = np.array([loss.slopes(y, at) for at in eta])
    norms = dual_norm(family, np.moveaxis(np.tensordot(slopes, X, axes=(1, 0)), -1, 1) / n)
    s = np.minimum(1, problem.lambdas / np.maximum(norms, np.finfo(float).tiny))
    dual = np.array([loss.dual(y, at, shrunk) for at, shrunk in zip(eta, s, strict=True)])
    return primal, dual, null_model(problem.y, family)[0]


def judge_of(problem):
    """The judge of a problem of family_rows, or of all its folds."""
    return Judge(problem, family_bounds) if problem.folds is None else FoldJudge(problem)


class FoldJudge:
    """Worst gap over folds and lambdas of coefficients (1 + folds, L, 1 + p), those of all rows first."""

    def __init__(self, problem):
        self.problem = problem

    def __call__(self, coef):
        """(gap, gap); None if points are missing or are not numbers."""
        parts = list(self.problem.training_problems())
        if coef.size % len(parts):
            return None
        judged = [judge_of(part)(own) for part, own in zip(parts, np.split(coef, len(parts)), strict=True)]
        worst = None if None in judged else max(gap for gap, _ in judged)
        return None if worst is None else (worst, worst)
