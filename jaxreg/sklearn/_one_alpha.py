"""Estimators at one alpha: Lasso, ElasticNet, Ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg import _validation, fit_path, penalties
from jaxreg.sklearn._linear import (
    LinearRegressor,
    checked_weight,
    coefficient_limits,
    gap_tolerance,
    null_loss,
    solver_steps,
    total_weight,
)

if TYPE_CHECKING:
    from jaxtyping import Float


class _OneAlpha(LinearRegressor):
    """A model of the squared loss at one strength. Several columns of y are fitted one by one."""

    coef_: Any
    intercept_: Any
    path_: list

    def _fit_responses(self, X, y, responses, lambdas, sample_weight, penalty, max_iter):
        """Fit each of the responses, arrays (n,) or (n, K), at its lambda."""
        warm = getattr(self, "warm_start", False) and hasattr(self, "path_")
        if warm and len(self.path_) != len(responses):
            raise ValueError(
                f"warm_start is True, but the last fit had {len(self.path_)} target(s), and y has {len(responses)}; "
                "give warm_start=False, or take a new estimator."
            )
        self.path_ = [
            fit_path(
                X,
                response,
                penalty=penalty,
                lambdas=[lam],
                sample_weight=sample_weight,
                fit_intercept=self.fit_intercept,
                standardize=False,
                tol=gap_tolerance(self.tol),
                max_iter=max_iter,
                warm_start=previous,
                **coefficient_limits(self.positive),
            )
            for response, lam, previous in zip(
                responses, lambdas, self.path_ if warm else [None] * len(responses), strict=True
            )
        ]
        coef = np.concatenate([path.coef[0].T.reshape(-1, X.shape[1]) for path in self.path_])
        intercept = np.concatenate([path.intercept.ravel() for path in self.path_])
        self.coef_ = coef if len(coef) > 1 else coef[0]
        self.intercept_ = intercept if y.ndim == 2 else intercept[0]
        if not self.fit_intercept:
            self.intercept_ = 0.0


class ElasticNet(_OneAlpha):
    """Elastic net, drop-in for `sklearn.linear_model.ElasticNet`:

        minimise over (b0, b)  sum_i w_i (y_i - b0 - x_i'b)^2 / (2 sum_i w_i)
                               + alpha * [ l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|_2^2 ]

    Parameters
    ----------
    alpha : float >= 0
        The strength of the penalty.
    l1_ratio : float in [0, 1]
        1 is the lasso.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    max_iter : int >= 1
        Steps of the solver; see `jaxreg.fit_path`.
    tol : float > 0 or None
        The dual gap is at most tol * |y|^2 / n (y centred). None asks for the bound of `jaxreg.fit_path`, half of 1e-6
        (float64) or of 1e-4 (float32); mostly the solution is far better.
    warm_start : bool
        Start from the last fit.
    positive : bool
        Coefficients >= 0.
    precompute, copy_X, random_state, selection
        Accepted, without effect.

    Attributes
    ----------
    coef_ : array (n_features,)
        (n_targets, n_features) for a y of several columns, each fitted alone.
    intercept_ : float
        Or (n_targets,).
    dual_gap_ : float
        Or (n_targets,), in units of the objective.
    n_iter_ : int
        Or a list of them.
    sparse_coef_ : SciPy CSR array
        `coef_` without the zeros.
    path_ : list of jaxreg.PathResult
        That of each target, of one point; `Ridge` has one for all where it can.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from jaxreg.sklearn import ElasticNet
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ElasticNet(alpha=0.1, l1_ratio=0.9).fit(X, y)
    >>> int((model.coef_ != 0).sum()), bool(model.dual_gap_ < 1e-6)
    (10, True)
    """

    dual_gap_: Any
    n_iter_: Any

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        precompute=False,
        max_iter=1000,
        copy_X=True,
        tol=None,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _penalty(self):
        return penalties.ElasticNet(self.l1_ratio)

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets).

        `sample_weight` is a number or (n_samples,); only the ratios of weights matter. Returns self.
        """
        alpha = _validation.check_nonnegative(self.alpha, "alpha")
        _validation.check_flag(self.warm_start, "warm_start")
        X, y = self._checked(X, y, several=True)
        weight = checked_weight(sample_weight, len(X))
        columns = list(y.reshape(len(y), -1).T)
        self._fit_responses(X, y, columns, [alpha] * len(columns), weight, self._penalty(), self.max_iter)
        losses = [null_loss(column, weight, self.fit_intercept) for column in columns]
        gap = np.array([path.gap[0] * unit for path, unit in zip(self.path_, losses, strict=True)])
        n_iter = [solver_steps(path, 0) for path in self.path_]
        self.dual_gap_, self.n_iter_ = (gap, n_iter) if len(columns) > 1 else (gap[0], n_iter[0])
        return self


class Lasso(ElasticNet):
    """Lasso, drop-in for `sklearn.linear_model.Lasso`: `ElasticNet` with l1_ratio = 1, whose page lists the rest.

        minimise over (b0, b)  sum_i w_i (y_i - b0 - x_i'b)^2 / (2 sum_i w_i) + alpha * |b|_1

    Examples
    --------
    >>> from jaxreg.sklearn import Lasso
    >>> model = Lasso(alpha=0.1).fit([[0, 0], [1, 1], [2, 2.5]], [0, 1, 2])
    >>> model.coef_.round(3).tolist()
    [0.0, 0.695]
    """

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        precompute=False,
        copy_X=True,
        max_iter=1000,
        tol=None,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _penalty(self):
        return penalties.Lasso()


RIDGE_SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")


class Ridge(_OneAlpha):
    """Ridge regression, drop-in for `sklearn.linear_model.Ridge`:

        minimise over (b0, b)  sum_i w_i (y_i - b0 - x_i'b)^2 + alpha * |b|_2^2

    Here, as there, `alpha` stands beside the *sum* of squares: it is n times the lambda of the rest of this package.

    Parameters
    ----------
    alpha : float >= 0, or array (n_targets,)
        The strength of the penalty.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    positive : bool
        Coefficients >= 0.
    tol, max_iter
        As in `ElasticNet`, for positive=True; otherwise the solution is in closed form. A max_iter of None is 2000.
    solver : str
        One of scikit-learn's names, accepted without effect: all give the same solution.
    copy_X, random_state
        Accepted, without effect.

    Attributes
    ----------
    coef_, intercept_, path_, n_features_in_, feature_names_in_
        As in `ElasticNet`.
    n_iter_ : int or None
        None in closed form, else as in `ElasticNet`.
    solver_ : str
        This package's name of what solved it.

    Examples
    --------
    >>> from jaxreg.sklearn import Ridge
    >>> model = Ridge(alpha=1.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    >>> model.coef_.round(4).tolist()
    [0.6667]
    """

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=None,
        solver="auto",
        positive=False,
        random_state=None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Fit to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets).

        `sample_weight` is a number or (n_samples,). Returns self.
        """
        _validation.check_choice(self.solver, "solver", RIDGE_SOLVERS)
        positive = _validation.check_flag(self.positive, "positive")
        X, y = self._checked(X, y, several=True)
        weight, columns = checked_weight(sample_weight, len(X)), list(y.reshape(len(y), -1).T)
        lambdas = self._alphas(len(columns)) / total_weight(weight, len(X))
        together = len(columns) > 1 and not positive and len(set(lambdas)) == 1  # one decomposition for all
        responses, lambdas = ([y], lambdas[:1]) if together else (columns, lambdas)
        max_iter = 2000 if self.max_iter is None else self.max_iter
        self._fit_responses(X, y, responses, lambdas, weight, penalties.Ridge(), max_iter)
        n_iter = [solver_steps(path, 0) for path in self.path_]
        self.n_iter_ = None if not positive else n_iter if len(columns) > 1 else n_iter[0]
        self.solver_ = self.path_[0].solver
        return self

    def _alphas(self, n_targets) -> Float[np.ndarray, " K"]:
        """The alpha of each column of y."""
        alphas = [_validation.check_nonnegative(alpha, "alpha") for alpha in np.ravel(self.alpha).tolist()]
        if len(alphas) not in (1, n_targets):
            raise ValueError(f"alpha has {len(alphas)} values, y has {n_targets} column(s); give one, or one for each.")
        return np.broadcast_to(np.array(alphas), (n_targets,))
