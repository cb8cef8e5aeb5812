"""CVResult: the curve of held-out losses, and the choices on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jaxreg import _hints, _validation, plotting
from jaxreg.losses import Squared
from jaxreg.plotting._scale import feature_scale
from jaxreg.results import _cv_summary, _html, _saving, _selection
from jaxreg.results._assessment import Assessed, judged_held_out
from jaxreg.results._choice import Selection
from jaxreg.results._hazards import WithHazards
from jaxreg.results._path import PathResult

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from jaxreg.report import Report

RULES = ("min", "1se", *_selection.CRITERIA)


@dataclass(frozen=True)
class CVResult(Assessed, WithHazards):
    """Cross-validated paths: A mixing parameters, F folds (repeats multiply F), L lambdas, K responses if several.

    Attributes
    ----------
    paths : tuple of PathResult
        A paths of all the data, one for each mixing parameter.
    l1_ratios : array (A,)
        As they were given.
    lambdas : array (A, L)
        Descending, for each mixing parameter.
    fold_loss : array (A, F, L)
        Held-out loss of each fold.
    mean_loss, std_error : array (A, L)
        Over the folds; see `fit_cv`. All losses are averages over the responses. One fold has no standard error: NaN.
    train_loss : array (L,)
        Loss of `path` on the data it was fitted to.
    gap, status : array (A, F, L)
        Duality gap and `Status` of each fit.
    metric : str
        Name of the loss.
    fold_weight : array (F,)
        Total weight of the rows that each fold holds out, the data's being 1.
    oof_predictions : array (n,)
        At the choice, each row predicted by the fit that did not see it; the mean of several, NaN of none; with
        keep="all" (A, n, L). Several responses add a last axis: (n, K), (A, n, L, K). Without an intercept of the
        family, as for Cox, about the mean of the columns: the folds have one level.
    observation_loss : array (n,), or None
        The loss of each row, (A, n, L) with keep="all"; None for a metric that has none (r2, a callable).
    n_samples : int
        Rows with a positive weight.
    train_mse : array (A, L, K or 1)
        Mean squared errors of the paths on the data; of another loss mean deviances.
    minus_two_log_likelihood : array (A, L, K or 1), or None
        What information criteria charge for the fit, up to a constant; None for a loss that is no likelihood.
    fit_intercept : bool
        Whether the fits have an intercept.
    timings : dict
        Seconds by phase.
    settings : dict
        Python source of the keywords of `fit_cv` that were not at their defaults; see `PathResult`.
    r2 : array (A, L), or None
        Cross-validated R squared: 1 - mean squared error of the held-out rows / variance of their y, the plain average
        over responses; None for a loss of classes.
    y : array (n,) or (n, K)
        The response, in the order of `oof_predictions`, as the loss takes it: of two classes 0 and 1 (-1 and 1 for
        SquaredHinge), or the share of the second one; of more a column of 0 and 1 for each. Of survival times the
        columns time, event, start and the code of the stratum, and the order of the rows.
    weight : array (n,), or None
        Weights of the rows, 1 on average; None where all are equal.
    interrupted : bool
        Whether Ctrl-C ended the fit. The result then holds the folds, mixing parameters and lambdas that were done.

    Examples
    --------
    Ridge that leaves one out: a fold for each row.

    >>> import numpy as np
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> lambdas = np.geomspace(10, 1e-4, 16)
    >>> cv = jr.fit_cv(X, y, penalty=jr.penalties.Ridge(), lambdas=lambdas, cv="loo")
    >>> cv.fold_loss.shape
    (1, 442, 16)
    >>> best, careful = cv.select("min"), cv.select("1se")
    >>> best.lam < careful.lam, bool(abs(best.coef).sum() > abs(careful.coef).sum())
    (True, True)
    >>> cv.predict(X[:3]).shape, cv.predict(X[:3], lam="1se").shape
    ((3,), (3,))
    >>> round(float(cv.r2[cv.best]), 2), round(cv.score(X, y), 2)
    (0.49, 0.52)
    """

    _cross_validated: ClassVar[bool] = True  # asked by reports

    paths: tuple[PathResult, ...]
    l1_ratios: Float[np.ndarray, " A"]
    lambdas: Float[np.ndarray, "A L"]
    fold_loss: Float[np.ndarray, "A F L"]
    mean_loss: Float[np.ndarray, "A L"]
    std_error: Float[np.ndarray, "A L"]
    train_loss: Float[np.ndarray, " L"]
    gap: Float[np.ndarray, "A F L"]
    status: Int[np.ndarray, "A F L"]
    metric: str
    fold_weight: Float[np.ndarray, " F"]
    oof_predictions: Float[np.ndarray, " ..."]
    observation_loss: Float[np.ndarray, " ..."] | None
    n_samples: int
    train_mse: Float[np.ndarray, "A L K"]
    fit_intercept: bool
    timings: dict[str, float]
    _effective_df: Callable[[], np.ndarray] | np.ndarray | None  # None if no formula is known
    settings: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    r2: Float[np.ndarray, "A L"] | None = None
    y: Float[np.ndarray, "n ..."] | None = None
    weight: Float[np.ndarray, " n"] | None = None
    minus_two_log_likelihood: Float[np.ndarray, "A L K"] | None = None

    @property
    def best(self) -> tuple[int, int]:
        """Positions of the mixing parameter and of the lambda with the least mean loss, the first of equal losses."""
        a, k = np.unravel_index(np.argmin(self.mean_loss), self.mean_loss.shape)
        return int(a), int(k)

    @property
    def path(self) -> PathResult:
        """The path of all the data with the chosen mixing parameter."""
        return self.paths[self.best[0]]

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, made up ("x0", "x1", ...) where the data had none."""
        return self.path.names

    @property
    def l1_ratio_(self) -> float:
        """The mixing parameter of the least mean loss."""
        return float(self.l1_ratios[self.best[0]])

    @property
    def lambda_min(self) -> float:
        """The lambda of the least mean loss, the largest of equal ones."""
        return float(self.lambdas[self.best])

    @property
    def lambda_1se(self) -> float:
        """The largest lambda whose mean loss is within one standard error of the least, at the chosen mix.

        ValueError for one fold, which has no standard error.
        """
        return float(self.lambdas[self.best[0], self._chosen_1se()])

    @property
    def coef(self) -> Float[np.ndarray, "p ..."]:
        """Coefficients (p,), or (p, K) for K responses, at lambda_min."""
        return self.select().coef

    @property
    def intercept(self) -> float | Float[np.ndarray, " K"]:
        """Intercept, or (K,) for K responses, at lambda_min."""
        return self.select().intercept

    @property
    def effective_df(self) -> Float[np.ndarray, "A L"]:
        """(A, L) degrees of freedom of the paths without the intercept, worked out at the first call.

        Lasso: rank of the active columns. Elastic net and ridge: trace of the hat matrix. ValueError elsewhere.
        """
        df = self._effective_df
        if df is None:
            raise self._without_criteria()
        if callable(df):
            df = df()
            object.__setattr__(self, "_effective_df", df)
        return df

    def _without_criteria(self):
        return ValueError(
            f"effective_df is known for the squared loss with ElasticNet, not for {self.path.penalty} and "
            f"{self.path.loss}, or for the solver {self.path.solver!r}; choose by rule 'min' or '1se'."
        )

    def __getstate__(self):
        if self._effective_df is not None:
            self.effective_df  # noqa: B018 (its callable holds the data, which does not go into a pickle)
        return dict(self.__dict__)

    @property
    def _has_error(self):
        """Whether there is a standard error. One fold has none."""
        return bool(np.isfinite(self.std_error[self.best]))

    def _chosen_1se(self):
        """Position of `lambda_1se` among the lambdas of the chosen mixing parameter."""
        if not self._has_error:
            raise ValueError(
                "rule is '1se', but cv has one fold, which has no standard error; give 'min' or more folds."
            )
        return self._position_1se(self.best[0])

    def _position_1se(self, a):
        """Position of the largest lambda of mixing parameter `a` within one standard error of its least mean loss."""
        return _selection.one_standard_error(self.mean_loss[a], self.std_error[a])

    def select(self, rule="min") -> Selection:
        """The point that a rule chooses.

        Parameters
        ----------
        rule : str
            "min": least mean loss over all mixing parameters and lambdas.
            "1se": at that mixing parameter, the largest lambda within one standard error of it.
            "aic", "bic", "ebic", "gcv": least criterion over all paths of the full data, for Gaussian errors of unknown
            variance, with `effective_df`. Points without a residual degree of freedom do not count. Near them (n < p,
            small lambda) the residual variance is a poor estimate and "aic" overfits. Several responses are taken as
            independent, each with its own variance, and the criterion is the average over them.

        Returns
        -------
        Selection
            A named tuple (l1_ratio, lam, index, coef, intercept), with `to_series` and `to_frame`.

        Raises
        ------
        ValueError
            For another rule, "1se" of one fold, or a criterion that is not known for this loss, penalty or grid.
        """
        _validation.check_choice(rule, "rule", RULES)
        a, k = self.best
        if rule == "1se":
            k = self._chosen_1se()
        elif rule != "min":
            values = self._criteria(rule)
            if values.min() == np.inf:
                raise ValueError(f"rule is {rule!r}, but no point leaves a degree of freedom; give larger lambdas.")
            a, k = map(int, np.unravel_index(np.argmin(values), values.shape))
        lam = float(self.lambdas[a, k])
        intercept, coef = self.paths[a].coef_at(lam)
        path = self.paths[a]
        outputs = None if path.n_responses is None else path._outputs
        sd = feature_scale(path)
        return Selection(float(self.l1_ratios[a]), lam, k, coef, intercept, rule, path.names, sd, outputs)

    def _criteria(self, rule) -> Float[np.ndarray, "A L"]:
        """The criterion at every point, averaged over the responses."""
        fit, deviance = self.minus_two_log_likelihood, self.train_mse
        if fit is None:
            raise self._without_criteria()
        n, p, df = self.n_samples, self.path.n_features, self.effective_df + self.fit_intercept
        nonzero = np.stack([path.df for path in self.paths])
        varies = deviance.any(axis=(0, 1))  # a response that every point fits exactly has no say beside others
        if varies.any():
            fit, deviance = fit[..., varies], deviance[..., varies]
        return _selection.criterion(rule, fit, deviance, df[..., None], nonzero[..., None], n, p).mean(axis=-1)

    def predict(self, X=None, lam=None, offset=None, type="link") -> Any:
        """Predictions for new rows by the path of the chosen mix.

        Parameters
        ----------
        X : array (m, p) or frame
            With the columns of the fit, in their order.
        lam : float >= 0, a rule of `select`, or None
            None is "min". "aic", "bic", "ebic" and "gcv" may choose another mixing parameter, whose path then predicts.
        offset, type
            As for `PathResult.predict`.

        Returns
        -------
        array (m,)
            (m, K) for K responses, or for the probabilities of K classes.
        """
        a, lam = self._at(lam)
        return self.paths[a].predict(X, lam, offset, type)

    def _at(self, lam):
        """(position of the mixing parameter, lambda) of a rule; the chosen one for a lambda. None is "min"."""
        if lam is None or isinstance(lam, str):
            choice = self.select(_validation.check_choice("min" if lam is None else lam, "lam", RULES))
            return int(np.argmax(self.l1_ratios == choice.l1_ratio)), choice.lam  # 0 where it is NaN
        return self.best[0], lam

    def _path_at(self, lam):
        a, lam = self._at(lam)
        return self.paths[a], lam

    def score(self, X, y, lam=None, sample_weight=None, offset=None, strata=None) -> float:
        """How well new rows are predicted, higher is better, as R squared or the share of rows in the right class.

        `lam` is as for `predict`; for the rest see `PathResult.score`. `r2` has what cross-validation says of it.
        """
        a, lam = self._at(lam)
        return self.paths[a].score(X, y, lam, sample_weight, offset, strata)

    def _judged(self, X, y, lam, sample_weight, offset, strata=None, of_one=True):
        if X is None and y is None:
            return judged_held_out(self, lam, of_one)
        if not of_one:
            return self.path._judged(X, y, None, sample_weight, offset, strata, of_one)
        a, lam = self._at(lam)
        return self.paths[a]._judged(X, y, lam, sample_weight, offset, strata)

    def to_frame(self):
        """pandas DataFrame: a row per mixing parameter and lambda, with loss, standard error, R squared and df."""
        import pandas as pd

        return pd.DataFrame(
            {
                "l1_ratio": np.repeat(self.l1_ratios, self.lambdas.shape[1]),
                "lambda": self.lambdas.ravel(),
                "mean_loss": self.mean_loss.ravel(),
                "std_error": self.std_error.ravel(),
                "r2": np.nan if self.r2 is None else self.r2.ravel(),
                "df": np.concatenate([path.df for path in self.paths]),
            }
        )

    def __getattr__(self, name):
        raise _hints.missing(self, name)

    def _choice(self, lam):
        """The Choice that figures draw: the path of a mixing parameter, and the choice by a rule or a lambda."""
        rule = "min" if lam is None else lam
        a, lam = self._at(rule)
        if isinstance(rule, str):
            said, marks = [rule], {rule: lam}
            if rule in ("min", "1se"):
                marks = {"min": self.lambda_min, **({"1se": self.lambda_1se} if self._has_error else {})}
        else:
            said, (_, lam, _, marks) = [], self.path._choice(lam)
        if len(self.l1_ratios) > 1:
            said.append(f"l1_ratio {self.l1_ratios[a]:g}")
        return plotting.Choice(self.paths[a], lam, tuple(said), marks)

    plot = plotting.plot_validation_curve
    plot_folds = plotting.plot_fold_loss
    plot_path = plotting.plot_path
    plot_coefficients = plotting.plot_coefficients

    def report(self, path=None, title=None, data_source=None, notes=()) -> Report:
        """The curves and paths as one interactive HTML page, written to `path`; see `jaxreg.report.write_report`."""
        from jaxreg.report import write_report

        return write_report(self, path, title, data_source, notes)

    def save(self, path) -> None:
        """Write an .npz file, without pickle, to the path as it is given; see `load`.

        It holds all attributes, the response and the held-out predictions among them. OSError for a path in a folder
        that is not there, or to a folder.
        """
        arrays = {} if self._effective_df is None else {"effective_df": self.effective_df}
        arrays |= _saving.of_fields(self, without=("paths", "_effective_df"))
        for a, path_of_mix in enumerate(self.paths):
            arrays |= _saving.nested(f"path{a}", path_of_mix._arrays())
        _saving.write(path, "CVResult", arrays)

    @classmethod
    def load(cls, path) -> CVResult:
        """The CVResult that `save` wrote to the file `path`; ValueError for another file, OSError for none."""
        return _saving.read(path, "CVResult", cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays):
        mixes = range(len(arrays["l1_ratios"]))
        paths = tuple(PathResult._of_arrays(_saving.inside(f"path{a}", arrays)) for a in mixes)
        values = _saving.to_fields({name: value for name, value in arrays.items() if "/" not in name})
        if "effective_df" in values and "minus_two_log_likelihood" not in values:  # older files, of the squared loss
            term = Squared().minus_two_log_likelihood(values["train_mse"], values["n_samples"])
            values["minus_two_log_likelihood"] = term
        return cls(paths=paths, _effective_df=values.pop("effective_df", None), **values)

    _headline = _cv_summary.headline
    _explanation = _cv_summary.explanation

    def summary(self) -> str:
        """The choice and its reasons in a few lines of text."""
        table = _html.text_table(_cv_summary.COLUMNS, _cv_summary.rows(self))
        return "\n".join([self._headline(), *table, *self._explanation()])

    def __repr__(self):
        return f"<CVResult: {self._headline()}>"

    __str__ = summary

    def _repr_html_(self):
        below = " ".join(self._explanation())
        return _html.shown(self._headline(), _cv_summary.COLUMNS, _cv_summary.rows(self), below)
