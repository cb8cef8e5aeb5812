"""The base of estimators of one family at one strength."""

from __future__ import annotations

from typing import Any

from jaxreg import _validation, fit_path
from jaxreg.penalties import ElasticNet
from jaxreg.sklearn._linear import LinearEstimator, gap_bound, solver_steps


class OneFit(LinearEstimator):
    """A model of any loss with the elastic net, whose path of one point is `path_`."""

    path_: Any

    def _fit_point(self, X, y, loss, lam, l1_ratio, sample_weight, fit_intercept, null_loss=1.0):
        """(intercept, coefficients, steps of the solver) at lambda, from the last fit if `warm_start`."""
        warm = _validation.check_flag(self.warm_start, "warm_start") and hasattr(self, "path_")
        path = fit_path(
            X,
            y,
            loss=loss,
            penalty=ElasticNet(l1_ratio),
            lambdas=[lam],
            sample_weight=sample_weight,
            fit_intercept=fit_intercept,
            standardize=False,
            tol=gap_bound(self.tol, X.dtype, null_loss),
            max_iter=self.max_iter,
            warm_start=self.path_ if warm else None,
        )
        self.path_ = self._named(path)
        return *path.coef_at(lam), solver_steps(path, 0)
