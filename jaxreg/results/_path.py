"""Results: NumPy in frozen dataclasses, so that plotting, pandas and pickling just work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jaxreg import _arrays, _hints, _missing, _validation, plotting
from jaxreg._alignment import by_row
from jaxreg.losses._links import inverse_link
from jaxreg.results import _choice, _html, _path_summary, _saving
from jaxreg.results._assessment import Assessed, judged_rows, judging_loss
from jaxreg.results._hazards import FittedTimes, WithHazards
from jaxreg.scores._score import score_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Shaped

    from jaxreg.report import Report


class ConvergenceWarning(UserWarning):
    """Some points of a path do not reach the tolerance, or the path was cut.

    Each fit warns once, with cause and remedy; `PathResult.status` has the details.

    Examples
    --------
    Where the cut is on purpose.

    >>> import warnings
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> with warnings.catch_warnings(action="ignore", category=jr.ConvergenceWarning):
    ...     path = jr.fit_path(X, y, max_features=3)
    >>> int(path.df.max()), jr.Status(path.status[-1]).name
    (3, 'early_stop')
    """


@dataclass(frozen=True)
class PathResult(Assessed, WithHazards):
    """A regularization path with a certificate at each lambda.

    Attributes
    ----------
    lambdas : array (L,)
        Descending.
    coef : array (L, p)
        Coefficients on the scale of the user's X; (L, p, K) for K responses.
    coef_sparse : SciPy CSR array (L, p)
        The same without the zeros; (L, p * K) for K responses.
    intercept : array (L,)
        (L, K) for K responses.
    gap : array (L,)
        Duality gap over that of the null model (intercept and unpenalised columns); see `fit_path`. In "ridge" at least
        the square of how far a coefficient may be off, in units of its own gradient, where columns are nearly dependent
        or their penalties differ widely: there small columns have no part in a duality gap.
    df : array (L,)
        Number of nonzero coefficients.
    effective_df : array (L,), or None
        Trace of the hat matrix less the intercept for ridge, df for the lasso, else None.
    dev_ratio : array (L,)
        Share of the intercept-only model's deviance that is explained.
    n_iter : array (L,)
        Solver steps: tableau updates for "pivot" (without those of a rebuild), 1 for "ridge", steps of "newton",
        products with the data or their Gram matrix for "proximal" (the matrix of a quadratic model of a loss counts as
        one, what is done with it as none), epochs for "block", and products of what "proximal" finished.
    status : array (L,)
        `Status` codes.
    tol : float
        The gap that was asked for.
    l1_ratio : float
        The penalty's mixing parameter, NaN where it has none.
    solver : str
        What solved it: "batched", "pivot", "ridge", "block", "newton" or "proximal".
    certificate : str
        What `gap` holds: "gap"; or "residual", where no dual is known: the residual of the prox over the largest
        gradient of the null model, max |b - prox(b - t f'(b), lambda, t)| / t.
    loss, penalty : str
        Their names and numbers.
    timings : dict
        Seconds by phase.
    feature_names : tuple of str, or None
        Names of a frame's columns.
    constant_features : array (m,)
        Indices of columns that do not vary; their coefficients are 0.
    offset_used : bool
        Whether the fit had an offset.
    n_responses : int or None
        K where y had several columns.
    data : dict
        Of the data that were fitted "n_samples", the rows with a positive weight, "weighted", "of_classes" (whether the
        loss is one of classes), "dtype", "y_mean" and "y_sd" (lists for K responses); "y_values", the values of y where
        they are 2 to 10 whole numbers, which may be labels of classes (else empty); and "versions", those of the
        packages that fitted them.
    feature_mean, feature_sd : array (p,)
        Weighted mean and 1/n standard deviation of the columns, on the user's scale.
    settings : dict
        Python source of the keywords of `fit_path` that were not at their defaults; what text cannot hold is there by
        its name.
    fill_values : array (p,), or None
        What stands for NaN in each column, in the fit and in `predict`; None without `impute`.
    link : str or None
        Name of the inverse link of the loss, by which `predict` makes a response of a linear predictor; None where it
        is not known, for a `Custom` loss.
    loss_parameters : dict or None
        The numbers and names that make the loss, by keyword; None where it is not one of `jaxreg.losses`, or `Custom`.
    classes : array (C,), or None
        The labels, sorted, of a loss of classes.
    fitted_times : FittedTimes, or None
        Of survival times what `survival` needs of the n rows that were fitted: 8 n (L + 5) bytes.

    Examples
    --------
    >>> import tempfile
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> path = jr.fit_path(X, y, n_lambdas=50)
    >>> path.coef.shape, path.predict(X).shape, path.predict(X, lam=5.0).shape
    ((50, 10), (442, 50), (442,))
    >>> intercept, coef = path.coef_at(5.0)  # at any lambda
    >>> [name for name, value in zip(path.names, coef) if value]
    ['sex', 'bmi', 'bp', 's3', 's5']
    >>> path.to_frame().columns[:3].tolist()
    ['(intercept)', 'age', 'sex']
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path.save(f"{folder}/path.npz")
    ...     again = jr.PathResult.load(f"{folder}/path.npz")
    >>> bool((again.coef == path.coef).all())
    True
    """

    _cross_validated: ClassVar[bool] = False  # asked by reports

    lambdas: Float[np.ndarray, " L"]
    coef_sparse: Any
    intercept: Float[np.ndarray, "L ..."]
    gap: Float[np.ndarray, " L"]
    df: Int[np.ndarray, " L"]
    effective_df: Float[np.ndarray, " L"] | None
    dev_ratio: Float[np.ndarray, " L"]
    n_iter: Int[np.ndarray, " L"]
    status: Int[np.ndarray, " L"]
    tol: float
    l1_ratio: float
    solver: str
    certificate: str = "gap"
    timings: dict[str, float] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    constant_features: Int[np.ndarray, " m"] = field(default_factory=lambda: np.zeros(0, int))
    offset_used: bool = False
    n_responses: int | None = None
    loss: str = "Squared()"
    penalty: str = "ElasticNet()"
    data: dict[str, Any] = field(default_factory=dict)
    feature_mean: Float[np.ndarray, " p"] = field(default_factory=lambda: np.zeros(0))
    feature_sd: Float[np.ndarray, " p"] = field(default_factory=lambda: np.zeros(0))
    settings: dict[str, str] = field(default_factory=dict)
    fill_values: Float[np.ndarray, " p"] | None = None
    link: str | None = "identity"
    loss_parameters: dict[str, Any] | None = None
    classes: Shaped[np.ndarray, " C"] | None = None
    fitted_times: FittedTimes | None = None

    @property
    def coef(self) -> Float[np.ndarray, "L p ..."]:
        """Dense coefficients (L, p), or (L, p, K) for K responses."""
        return self._by_response(self.coef_sparse.toarray())

    def _by_response(self, coef):
        return coef if self.n_responses is None else coef.reshape(len(coef), -1, self.n_responses)

    @property
    def n_features(self) -> int:
        """p, the number of columns of X."""
        return self.coef_sparse.shape[1] // (self.n_responses or 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, made up ("x0", "x1", ...) where the data had none."""
        return self.feature_names or tuple(f"x{j}" for j in range(self.n_features))

    @property
    def _outputs(self):
        """(what the K linear predictors of a row are of, in the plural; the name of each)."""
        if self.classes is not None:
            return "classes", self.classes.tolist()
        return "responses", range(self.n_responses or 1)

    def coef_at(self, lam) -> tuple[float | Float[np.ndarray, " K"], Float[np.ndarray, "p ..."]]:
        """(intercept, coefficients (p,)) at any lambda; (K,) and (p, K) for K responses.

        Linear interpolation in lambda between the two neighbours; beyond the ends the nearest point counts, as in
        glmnet. At a point of the grid the result is exact, as is the lasso between two points with the same active
        columns and signs. ValueError for a `lam` that is no number >= 0.
        """
        right, share = self._place(lam)
        coef = (1 - share) * self._by_response(self.coef_sparse[[right]].toarray())[0]
        intercept = (1 - share) * self.intercept[right]
        if share:
            coef = coef + share * self._by_response(self.coef_sparse[[right - 1]].toarray())[0]
            intercept = intercept + share * self.intercept[right - 1]
        return float(intercept) if self.n_responses is None else intercept, coef

    def _place(self, lam) -> tuple[int, float]:
        """(the point right of `lam` or at it, the share that its left neighbour has in what is interpolated)."""
        lam = _validation.check_lam(lam)
        ascending = self.lambdas[::-1]
        position = float(np.interp(lam, ascending, np.arange(len(ascending))))  # weakly typed: float32 stays float32
        return len(ascending) - 1 - int(np.floor(position)), position % 1.0

    def _path_at(self, lam):
        return self, lam

    def predict(self, X=None, lam=None, offset=None, type="link") -> Any:
        """Predictions for new rows, at all lambdas or at one.

        Parameters
        ----------
        X : array (m, p) or frame
            With the columns of the fit, in their order; a frame's are checked by name. "coefficients" need none.
        lam : float >= 0, or None
            Any lambda, see `coef_at`; None is all of the path.
        offset : array (m,), or (m, K) for K responses or classes, or None
            Required if the path was fitted with one.
        type : str
            "link" is the linear predictor. "response" is what its inverse link makes of it: a probability, of the
            second of two classes or of each of several, or a mean; it is the same where `link` is "identity", as for
            Squared, Huber, Quantile and SquaredHinge, and for a `Custom` loss. "class" is the label of the class.
            "coefficients" is the pair (intercept, coefficients), of the path or as `coef_at` has it.

        Returns
        -------
        array (m, L)
            Or (m,) at one lambda; with a last axis for several responses, or for the probabilities of several classes.

        Raises
        ------
        ValueError
            For other columns than those of the fit, an offset that is missing or has another shape, or "class" for a
            loss that is none of classes.
        """
        _validation.check_choice(type, "type", ("link", "response", "class", "coefficients"))
        if type == "coefficients":
            return (self.intercept, self.coef) if lam is None else self.coef_at(lam)
        if type == "class" and self.classes is None:
            raise ValueError(
                f"type is 'class', but the loss {self.loss} is none of classes; give 'response' or 'link'."
            )
        offset = by_row(offset, "offset", X)
        X = _arrays.check_prediction(X, self.n_features, self.feature_names, self.fill_values is not None)
        X = _missing.filled(X, self.fill_values)
        offset = _arrays.check_offset(offset, len(X), self.offset_used, self.n_responses, self.classes is not None)
        eta = self._linear_predictor(X, lam, offset)
        if type == "class":
            return judging_loss(self).decode(eta, self.classes)
        return inverse_link(self.link, eta) if type == "response" else eta

    def _linear_predictor(self, X, lam, offset):
        if self.n_responses is not None:
            intercept, coef = (self.intercept, self.coef) if lam is None else self.coef_at(lam)
            eta = np.einsum("mj,...jk->m...k", X, coef, optimize=True) + intercept
            return eta + (offset[:, None] if lam is None else offset)
        if lam is None:
            return (self.coef_sparse @ X.T).T + self.intercept + offset[:, None]
        intercept, coef = self.coef_at(lam)
        return X @ coef + intercept + offset

    def score(self, X, y, lam=None, sample_weight=None, offset=None, strata=None) -> float | Float[np.ndarray, " L"]:
        """How well new rows are predicted: higher is better, at all lambdas (L,) or as a float at one.

        R squared, 1 - sum_i w_i (y_i - prediction_i)^2 / sum_i w_i (y_i - mean(y))^2, the plain average over several
        responses; the share of rows in the right class for a loss of classes; the share D squared of the deviance that
        is explained, beside that of the mean of y, where the link is "log"; Harrell's C of survival times.

        Parameters
        ----------
        X, lam, offset
            As for `predict`.
        y : array (m,), or (m, K) for K responses
            What happened, as for the fit; labels are those of the fit.
        sample_weight : array (m,) >= 0, or None
            The w_i.
        strata : array (m,), or None
            As for `assess`.

        Raises
        ------
        ValueError
            As for `predict`; for another number of rows, a y that does not vary, or a label that the fit has not seen.
        """
        result = score_of(judged_rows(self, X, y, lam, sample_weight, offset, strata))
        return float(result[0]) if lam is not None else result

    def _judged(self, X, y, lam, sample_weight, offset, strata=None, of_one=True):
        if of_one and lam is None:
            raise ValueError("lam is missing; give the lambda of the predictions.")
        return judged_rows(self, X, y, lam, sample_weight, offset, strata)

    def to_frame(self):
        """pandas DataFrame: a row per lambda (the index), a column for the intercept and each feature and response."""
        import pandas as pd

        columns = ["(intercept)", *self.names]
        index = pd.Index(self.lambdas, name="lambda")
        table = np.concatenate([self.intercept[:, None], self.coef], axis=1)
        if self.n_responses is not None:
            columns = _choice.of_outputs(columns, self._outputs)
        return pd.DataFrame(table.reshape(len(table), -1), index=index, columns=columns)

    _headline = _path_summary.headline
    _explanation = _path_summary.notes

    def summary(self, rows=12) -> str:
        """The path in a few lines of text: at most `rows` lambdas, evenly spaced."""
        table = _html.text_table(_path_summary.COLUMNS, _path_summary.rows(self, rows))
        return "\n".join([self._headline(), *table, *self._explanation(), *_path_summary.timings(self)])

    def __repr__(self):
        return f"<PathResult: {self._headline()}>"

    __str__ = summary

    def _repr_html_(self):
        rows = _path_summary.rows(self)
        return _html.shown(self._headline(), _path_summary.COLUMNS, rows, *self._explanation())

    def __getattr__(self, name):
        raise _hints.missing(self, name)

    def _choice(self, lam):
        """The Choice that figures draw: this path, and a lambda or None."""
        if lam is None:
            return plotting.Choice(self, None, (), {})
        lam = _validation.check_lam(lam)
        return plotting.Choice(self, lam, (), {"": lam})

    plot = plotting.plot_path
    plot_coefficients = plotting.plot_coefficients

    def report(self, path=None, title=None, data_source=None, notes=()) -> Report:
        """The path as one interactive HTML page, written to `path`; see `jaxreg.report.write_report`."""
        from jaxreg.report import write_report

        return write_report(self, path, title, data_source, notes)

    def save(self, path) -> None:
        """Write an .npz file, without pickle, to the path as it is given; see `load`.

        OSError for a path in a folder that is not there, or to a folder.
        """
        _saving.write(path, "PathResult", self._arrays())

    def _arrays(self):
        """The arrays of a file, from which `_of_arrays` makes the path again."""
        coef = self.coef_sparse
        sparse = {"coef_data": coef.data, "coef_indices": coef.indices, "coef_indptr": coef.indptr}
        shape = {"coef_shape": np.array(coef.shape)}
        of_times = {} if self.fitted_times is None else _saving.of_fields(self.fitted_times)
        arrays = _saving.of_fields(self, without=("coef_sparse", "fitted_times"))
        return arrays | sparse | shape | _saving.nested("fitted_times", of_times)

    @classmethod
    def _of_arrays(cls, arrays):
        from scipy.sparse import csr_array

        of_times = _saving.inside("fitted_times", arrays)
        values = _saving.to_fields({name: value for name, value in arrays.items() if "/" not in name})
        if of_times:
            values["fitted_times"] = FittedTimes(**_saving.to_fields(of_times))
        data, indices, indptr = (values.pop(f"coef_{name}") for name in ("data", "indices", "indptr"))
        coef = csr_array((data, indices, indptr), shape=tuple(values.pop("coef_shape")))
        if values["feature_names"] is not None:
            values["feature_names"] = tuple(values["feature_names"])
        return cls(coef_sparse=coef, **values)

    @classmethod
    def load(cls, path) -> PathResult:
        """The PathResult that `save` wrote to the file `path`; ValueError for another file, OSError for none."""
        return _saving.read(path, "PathResult", cls._of_arrays)
