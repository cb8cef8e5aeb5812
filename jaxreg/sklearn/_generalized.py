"""Generalized linear models at one alpha: PoissonRegressor, GammaRegressor, TweedieRegressor."""

from __future__ import annotations

from sklearn.base import RegressorMixin

from jaxreg import _validation
from jaxreg.losses import Gamma, Poisson, Squared, Tweedie
from jaxreg.sklearn._linear import checked_weight, score_by_family
from jaxreg.sklearn._one_fit import OneFit

SOLVERS = ("lbfgs", "newton-cholesky")
LINKS = ("auto", "identity", "log")
NAMED = {0: Squared(), 1: Poisson(), 2: Gamma()}  # the losses of powers that have a name


class Generalized(RegressorMixin):
    """Predictions and the score of a family, which a subclass states in `_loss`."""

    def predict(self, X):
        """Means (n_samples,)."""
        return self._loss().inverse_link(self._linear_predictor(X))

    def score(self, X, y, sample_weight=None):
        """D squared, the share of the deviance that is explained, beside that of the mean of y; 1 is best."""
        eta = self._linear_predictor(X)
        return score_by_family(self._loss(), y, eta, sample_weight)

    def _is_positive(self):
        """Whether the family has no y below 0, or only above it."""
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self._is_positive()
        return tags


class PoissonRegressor(Generalized, OneFit):
    """Poisson regression with the link log, drop-in for `sklearn.linear_model.PoissonRegressor`:

        minimise over (b0, b)  sum_i w_i (mu_i - y_i log mu_i) / sum_i w_i
                               + alpha * [ l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|_2^2 ]

    where log mu_i = b0 + x_i'b. scikit-learn's has l1_ratio = 0 only.

    Parameters
    ----------
    alpha : float >= 0
        The strength of the penalty.
    l1_ratio : float in [0, 1]
        0 is ridge, 1 the lasso.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    max_iter : int >= 1
        Steps of the solver; see `jaxreg.fit_path`.
    tol : float > 0 or None
        Bound on `jaxreg.PathResult.gap`; None is 1e-11, and for a float32 X 1e-4.
    warm_start : bool
        Start from the last fit.
    solver : str
        One of scikit-learn's names, accepted without effect: all give the same solution.
    verbose
        Accepted, without effect.

    Attributes
    ----------
    coef_ : array (n_features,)
        Of the linear predictor.
    intercept_ : float
        The same.
    n_iter_ : int
        Steps of the solver.
    path_ : jaxreg.PathResult
        Of one point, with its certificate.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from jaxreg.sklearn import PoissonRegressor
    >>> X, y = [[1, 2], [2, 3], [3, 4], [4, 3]], [12, 17, 22, 21]
    >>> model = PoissonRegressor(alpha=1.0).fit(X, y)
    >>> model.coef_.round(3).tolist(), round(model.score(X, y), 2)
    ([0.121, 0.158], 0.99)
    """

    def __init__(
        self,
        *,
        alpha=1.0,
        l1_ratio=0.0,
        fit_intercept=True,
        solver="lbfgs",
        max_iter=2000,
        tol=None,
        warm_start=False,
        verbose=0,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def _loss(self):
        return Poisson()

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and y (n_samples,).

        `sample_weight` is a number or (n_samples,); only the ratios of weights matter. Returns self.
        """
        alpha = _validation.check_nonnegative(self.alpha, "alpha")
        _validation.check_choice(self.solver, "solver", SOLVERS)
        X, y = self._checked(X, y, several=False)
        weight = checked_weight(sample_weight, len(X))
        self.intercept_, self.coef_, self.n_iter_ = self._fit_point(
            X, y, self._loss(), alpha, self.l1_ratio, weight, self.fit_intercept
        )
        return self


class GammaRegressor(PoissonRegressor):
    """Gamma regression with the link log, drop-in for `sklearn.linear_model.GammaRegressor`.

    In place of the loss of `PoissonRegressor`, whose page lists the rest, that of amounts y_i > 0 whose standard
    deviation is proportional to their mean, y_i / mu_i + log mu_i.

    Examples
    --------
    >>> from jaxreg.sklearn import GammaRegressor
    >>> X, y = [[1, 2], [2, 3], [3, 4], [4, 3]], [19, 26, 33, 30]
    >>> GammaRegressor().fit(X, y).predict([[1, 0], [2, 8]]).round(2).tolist()
    [19.49, 35.78]
    """

    def _loss(self):
        return Gamma()


class TweedieRegressor(PoissonRegressor):
    """Generalized linear model of the variance mu^power, drop-in for `sklearn.linear_model.TweedieRegressor`.

    In place of the loss of `PoissonRegressor`, whose page lists the rest, half the unit deviance of `jaxreg.losses`.

    Parameters
    ----------
    power : 0, or float from 1 to 2
        0 is the squared loss, 1 Poisson, 2 gamma; between these y is a sum of a random number of amounts, many 0.
    link : {"auto", "identity", "log"}
        Of the mean: "identity" for power 0, else "log", as "auto" has it.
    alpha, l1_ratio, fit_intercept, solver, max_iter, tol, warm_start, verbose
        As in `PoissonRegressor`.

    Raises
    ------
    ValueError
        In `fit` for another power, or another link than that of the power.

    Examples
    --------
    >>> from jaxreg.sklearn import TweedieRegressor
    >>> X, y = [[1, 2], [2, 3], [3, 4], [4, 3]], [2, 3.5, 5, 5.5]
    >>> model = TweedieRegressor().fit(X, y)
    >>> model.coef_.round(3).tolist(), TweedieRegressor(power=1.5).fit(X, y).predict(X[:1]).round(2).tolist()
    ([0.6, 0.3], [2.52])
    """

    def __init__(
        self,
        *,
        power=0.0,
        alpha=1.0,
        l1_ratio=0.0,
        fit_intercept=True,
        link="auto",
        solver="lbfgs",
        max_iter=2000,
        tol=None,
        warm_start=False,
        verbose=0,
    ):
        super().__init__(
            alpha=alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            verbose=verbose,
        )
        self.power = power
        self.link = link

    def _loss(self):
        return tweedie(self.power, self.link)

    def _is_positive(self):
        return self.power != 0


def tweedie(power, link):
    """The loss of a power of the variance and a link, by scikit-learn's names."""
    _validation.check_choice(link, "link", LINKS)
    power = _validation.check_nonnegative(power, "power")
    if 0 < power < 1 or power > 2:
        raise ValueError(f"power is {power:g}; give 0 (the squared loss), or a number from 1 (Poisson) to 2 (gamma).")
    loss = NAMED.get(power) or Tweedie(power)
    if link not in ("auto", loss.link):
        raise ValueError(
            f"link is {link!r}, but power {power:g} has the link {loss.link!r} here; give that, or 'auto'."
        )
    return loss
