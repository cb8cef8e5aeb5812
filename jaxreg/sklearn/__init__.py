"""Estimators with scikit-learn's names, parameters and semantics.

Drop-in: in code that uses a class of `sklearn.linear_model` only the import changes. `alpha` is the lambda of the rest
of this package. Columns are penalised as they are (no standardisation), and weights, folds and averages are
scikit-learn's. In addition, every solution has a certificate. A cross-validated estimator keeps all fits in
`cv_result_` (curves, plots, report) and takes `rule="1se"` and other rules. l1_ratio=0 has an automatic grid too.
Parameters that steer scikit-learn's coordinate descent (`precompute`, `copy_X`, `selection`, `random_state`, `n_jobs`,
`verbose`) are accepted and change nothing: X is never written to, and the solvers do not need them.

`LogisticRegression`, `PoissonRegressor`, `GammaRegressor` and `TweedieRegressor` take an l1_ratio, and each has a class
of the same name with CV. `CoxRegression` and `CoxRegressionCV` take the survival times of scikit-survival.

`PathRegressorCV(loss=, penalty=)` reaches every loss and penalty of the package. `NetworkClassifierCV` and
`NetworkRegressorCV` are networks with a regularizer of `jaxreg.neural`.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError('jaxreg.sklearn needs scikit-learn: pip install "jaxreg[sklearn]"') from error

from jaxreg.sklearn._cox import CoxRegression, CoxRegressionCV
from jaxreg.sklearn._generalized import GammaRegressor, PoissonRegressor, TweedieRegressor
from jaxreg.sklearn._generalized_cv import GammaRegressorCV, PoissonRegressorCV, TweedieRegressorCV
from jaxreg.sklearn._logistic import LogisticRegression
from jaxreg.sklearn._logistic_cv import LogisticRegressionCV
from jaxreg.sklearn._multi_task import MultiTaskElasticNet, MultiTaskElasticNetCV, MultiTaskLasso, MultiTaskLassoCV
from jaxreg.sklearn._networks import NetworkClassifierCV, NetworkRegressorCV
from jaxreg.sklearn._one_alpha import ElasticNet, Lasso, Ridge
from jaxreg.sklearn._path_cv import ElasticNetCV, GroupLassoCV, LassoCV, PathRegressorCV
from jaxreg.sklearn._ridge_cv import RidgeCV

__all__ = [
    "CoxRegression",
    "CoxRegressionCV",
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "GammaRegressorCV",
    "GroupLassoCV",
    "Lasso",
    "LassoCV",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "NetworkClassifierCV",
    "NetworkRegressorCV",
    "PathRegressorCV",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "Ridge",
    "RidgeCV",
    "TweedieRegressor",
    "TweedieRegressorCV",
]
