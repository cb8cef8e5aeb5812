"""Generalized linear models that choose on a path by cross-validation."""

from __future__ import annotations

from jaxreg.losses import Gamma, Poisson
from jaxreg.sklearn._cross_validated import PathEstimatorCV
from jaxreg.sklearn._generalized import Generalized, tweedie
from jaxreg.sklearn._linear import gap_bound


class FamilyCV(PathEstimatorCV):
    """A cross-validated family with the elastic net, its mixing parameters in `l1_ratio`."""

    def _penalty(self, n_features):
        return None

    def _options(self):
        return {"l1_ratios": self.l1_ratio}

    def _gap_bound(self, dtype):
        return gap_bound(self.tol, dtype)

    def _keep(self, choice, gap, y, sample_weight):
        self.loss_path_ = self._loss_path()
        self.l1_ratio_, self.gap_ = choice.l1_ratio, gap


class PoissonRegressorCV(Generalized, FamilyCV):
    """Poisson regression with alpha and l1_ratio chosen by cross-validation.

    The objective is that of `PoissonRegressor`. Each l1_ratio has one grid of alphas, made from all rows, for all
    folds. The mean of the folds' deviances decides. Every fold counts the same.

    Parameters
    ----------
    l1_ratio : float in [0, 1], or a sequence of them
        0 is ridge, 1 the lasso.
    eps : float in (0, 1), or None
        The smallest alpha of an automatic grid over the largest; None is the choice of `jaxreg.fit_path`.
    alphas : int, or a sequence of floats
        The number of alphas of an automatic grid, or the alphas.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    max_iter : int >= 1
        Steps of the solver at each alpha; see `jaxreg.fit_path`.
    tol : float > 0 or None
        Bound on `jaxreg.PathResult.gap`; None is 1e-11, and for a float32 X 1e-4.
    cv : int, splitter or list of (train, test)
        None is 5 folds of rows in their order.
    rule : str
        "min", the least mean deviance, or another one of `jaxreg.CVResult.select`.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The choice.
    coef_ : array (n_features,)
        Of all rows at the choice.
    intercept_ : float
        The same.
    alphas_ : array (n_alphas,)
        (n_l1_ratio, n_alphas) for several mixing parameters and automatic grids.
    loss_path_ : array (n_alphas, n_folds)
        Mean deviances of the rows held out; (n_l1_ratio, n_alphas, n_folds) for several mixing parameters.
    gap_, n_iter_ : float, int
        At the choice: the certificate, `jaxreg.PathResult.gap`, and the steps of the solver.
    cv_result_ : jaxreg.CVResult
        Everything that was fitted: certificates, held-out predictions, `plot()`, `report()`, other rules.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from jaxreg.sklearn import PoissonRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> y = rng.poisson(np.exp(X[:, 0]))
    >>> model = PoissonRegressorCV(l1_ratio=1.0, alphas=20, rule="1se").fit(X, y)
    >>> np.flatnonzero(model.coef_).tolist(), model.loss_path_.shape
    ([0], (20, 5))
    """

    def __init__(
        self,
        *,
        l1_ratio=0.0,
        eps=None,
        alphas=100,
        fit_intercept=True,
        max_iter=2000,
        tol=None,
        cv=None,
        rule="min",
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.rule = rule

    def _loss(self):
        return Poisson()


class GammaRegressorCV(PoissonRegressorCV):
    """Gamma regression with alpha and l1_ratio chosen by cross-validation.

    The objective is that of `GammaRegressor`; parameters and attributes are those of `PoissonRegressorCV`.

    Examples
    --------
    >>> import numpy as np
    >>> from jaxreg.sklearn import GammaRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> y = rng.gamma(2.0, np.exp(X[:, 0]))
    >>> model = GammaRegressorCV(l1_ratio=[0.5, 1.0], alphas=20).fit(X, y)
    >>> model.alphas_.shape, model.score(X, y) > 0.4
    ((2, 20), True)
    """

    def _loss(self):
        return Gamma()


class TweedieRegressorCV(PoissonRegressorCV):
    """Generalized linear model of the variance mu^power, alpha and l1_ratio chosen by cross-validation.

    The objective, `power` and `link` are those of `TweedieRegressor`; other parameters, and attributes, are those of
    `PoissonRegressorCV`.

    Examples
    --------
    >>> import numpy as np
    >>> from jaxreg.sklearn import TweedieRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> y = np.maximum(rng.gamma(2.0, np.exp(X[:, 0])) - 1, 0)
    >>> model = TweedieRegressorCV(power=1.5, alphas=20).fit(X, y)
    >>> bool((model.predict(X) > 0).all()), model.score(X, y) > 0.4
    (True, True)
    """

    def __init__(
        self,
        *,
        power=0.0,
        l1_ratio=0.0,
        eps=None,
        alphas=100,
        fit_intercept=True,
        link="auto",
        max_iter=2000,
        tol=None,
        cv=None,
        rule="min",
    ):
        super().__init__(
            l1_ratio=l1_ratio,
            eps=eps,
            alphas=alphas,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            cv=cv,
            rule=rule,
        )
        self.power = power
        self.link = link

    def _loss(self):
        return tweedie(self.power, self.link)

    def _is_positive(self):
        return self.power != 0
