"""Results: NumPy in frozen dataclasses, so that plotting, pandas and pickling just work."""

import html
import json
from dataclasses import dataclass, field, fields
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from jaxreg import _validation, plotting

MEASURES = {"gap": "relative gap", "residual": "scaled residual"}
COLUMNS = ("lambda", "df", "dev_ratio", "gap", "n_iter", "status")


class ConvergenceWarning(UserWarning):
    """Some points of a path do not reach the tolerance, or the path was cut."""


class Status(IntEnum):
    """How a point of a path ended."""

    converged = 0  # gap <= tol
    max_iter = 1  # stopped by max_iter
    stalled = 2  # the precision does not allow a smaller gap
    early_stop = 3  # last point of a path that was cut by early_stop or max_features
    interrupted = 4  # last point of a path that was cut by Ctrl-C


@dataclass(frozen=True)
class PathResult:
    """A regularization path with a certificate at each lambda.

    Attributes
    ----------
    lambdas : (L,) descending
    coef_sparse : SciPy CSR array (L, p), coefficients on the scale of the user's X; (L, p * K) for K responses
    intercept : (L,), or (L, K) for K responses
    gap : (L,) duality gap over that of the null model (intercept and unpenalised columns); see `fit_path`
    df : (L,) number of nonzero coefficients
    effective_df : (L,) trace of the hat matrix less the intercept for ridge, df for the lasso, else None
    dev_ratio : (L,) share of the intercept-only model's deviance that is explained
    n_iter : (L,) solver steps: tableau updates for "pivot" (without those of a rebuild), 1 for "ridge", products
        with the data or their Gram matrix for "proximal", epochs for "block", and products of what "proximal" finished
    status : (L,) `Status` codes
    tol : the gap that was asked for
    l1_ratio : the penalty's mixing parameter, NaN where it has none
    solver : what solved it, "pivot", "ridge", "block" or "proximal"
    certificate : what `gap` holds: "gap"; or "residual", where no dual is known: the residual of the prox over the
        largest gradient of the null model, max |b - prox(b - t f'(b), lambda, t)| / t
    loss, penalty : their names and numbers
    timings : seconds by phase
    feature_names : names of a frame's columns, else None
    constant_features : (k,) indices of columns that do not vary; their coefficients are 0
    offset_used : whether the fit had an offset
    n_responses : K where y had several columns, else None
    data : of the data that were fitted "n_samples", the rows with a positive weight, "weighted", "dtype", "y_mean" and
        "y_sd" (lists for K responses); and "versions", those of the packages that fitted them
    feature_mean, feature_sd : (p,) weighted mean and 1/n standard deviation of the columns, on the user's scale
    settings : Python source of the keywords of `fit_path` that were not at their defaults; what text cannot hold is
        there by its name
    """

    lambdas: np.ndarray
    coef_sparse: Any
    intercept: np.ndarray
    gap: np.ndarray
    df: np.ndarray
    effective_df: np.ndarray | None
    dev_ratio: np.ndarray
    n_iter: np.ndarray
    status: np.ndarray
    tol: float
    l1_ratio: float
    solver: str
    certificate: str = "gap"
    timings: dict[str, float] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    constant_features: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    offset_used: bool = False
    n_responses: int | None = None
    loss: str = "Squared()"
    penalty: str = "ElasticNet()"
    data: dict[str, Any] = field(default_factory=dict)
    feature_mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    feature_sd: np.ndarray = field(default_factory=lambda: np.zeros(0))
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def coef(self) -> np.ndarray:
        """Dense coefficients (L, p), or (L, p, K) for K responses."""
        return self._by_response(self.coef_sparse.toarray())

    def _by_response(self, coef):
        return coef if self.n_responses is None else coef.reshape(len(coef), -1, self.n_responses)

    @property
    def n_features(self) -> int:
        return self.coef_sparse.shape[1] // (self.n_responses or 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, made up ("x0", "x1", ...) where the data had none."""
        return self.feature_names or tuple(f"x{j}" for j in range(self.n_features))

    def coef_at(self, lam) -> tuple[Any, np.ndarray]:
        """(intercept, coefficients (p,)) at any lambda; (K,) and (p, K) for K responses.

        Linear interpolation in lambda between the two neighbours; beyond the ends the nearest point counts, as in
        glmnet. At a point of the grid the result is exact, as is the lasso between two points with the same active
        columns and signs.
        """
        lam = _validation.check_lam(lam)
        ascending = self.lambdas[::-1]
        position = float(np.interp(lam, ascending, np.arange(len(ascending))))  # weakly typed: float32 stays float32
        right = len(ascending) - 1 - int(np.floor(position))
        share = position % 1.0
        coef = (1 - share) * self._by_response(self.coef_sparse[[right]].toarray())[0]
        intercept = (1 - share) * self.intercept[right]
        if share:
            coef = coef + share * self._by_response(self.coef_sparse[[right - 1]].toarray())[0]
            intercept = intercept + share * self.intercept[right - 1]
        return float(intercept) if self.n_responses is None else intercept, coef

    def predict(self, X, lam=None, offset=None, type="response") -> np.ndarray:
        """Predictions (m, L) for new rows X (m, p), or (m,) at one lambda; with a last axis for several responses.

        `offset` (m,) is required if the path was fitted with one. `type` is "response" or "link", the same for the
        squared loss.
        """
        _validation.check_choice(type, "type", ("response", "link"))
        X = _validation.check_prediction(X, self.n_features, self.feature_names)
        offset = _validation.check_offset(offset, len(X), self.offset_used)
        if self.n_responses is not None:
            if offset.any():
                raise ValueError(
                    "offset is given, but a path of several responses has none; add it to the predictions."
                )
            intercept, coef = (self.intercept, self.coef) if lam is None else self.coef_at(lam)
            return np.einsum("mj,...jk->m...k", X, coef, optimize=True) + intercept
        if lam is None:
            return (self.coef_sparse @ X.T).T + self.intercept + offset[:, None]
        intercept, coef = self.coef_at(lam)
        return X @ coef + intercept + offset

    def to_frame(self):
        """pandas DataFrame: a row per lambda (the index), the intercept and a column per feature (and response)."""
        import pandas as pd

        columns = ["(intercept)", *self.names]
        index = pd.Index(self.lambdas, name="lambda")
        table = np.concatenate([self.intercept[:, None], self.coef], axis=1)
        if self.n_responses is not None:
            columns = pd.MultiIndex.from_product([columns, range(self.n_responses)], names=["feature", "response"])
        return pd.DataFrame(table.reshape(len(table), -1), index=index, columns=columns)

    def _rows(self, most):
        """Table rows at `most` places of the path, as text."""
        places = np.unique(np.linspace(0, len(self.lambdas) - 1, min(most, len(self.lambdas))).round().astype(int))
        return [
            (
                f"{self.lambdas[k]:.4g}",
                str(self.df[k]),
                f"{round(self.dev_ratio[k], 4) + 0.0:.4f}",
                f"{self.gap[k]:.1e}",
                str(self.n_iter[k]),
                Status(self.status[k]).name,
            )
            for k in places
        ]

    def _headline(self):
        counts = {status: int((self.status == status).sum()) for status in Status}
        said = ", ".join(f"{number} {status.name}" for status, number in counts.items() if number)
        kind = self.penalty
        if self.penalty.startswith("ElasticNet"):
            kind = {1.0: "Lasso", 0.0: "Ridge"}.get(self.l1_ratio, f"Elastic-net ({self.l1_ratio:g})")
        kind += "" if self.loss == "Squared()" else f", {self.loss},"
        measure = MEASURES[self.certificate]
        responses = "" if self.n_responses is None else f"{self.n_responses} responses, "
        return (
            f"{kind} path: {len(self.lambdas)} lambdas, {self.n_features} features, {responses}solver {self.solver}; "
            f"{said}; worst {measure} {self.gap.max():.1e} (asked for {self.tol:.0e})"
        )

    def summary(self, rows=12) -> str:
        """The path in a few lines of text."""
        table = [COLUMNS, *self._rows(rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(COLUMNS))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        if len(self.constant_features):
            names = ", ".join(self.names[j] for j in self.constant_features[:5])
            more = len(self.constant_features) - 5
            lines.append(f"Constant, left out: {names}" + (f" and {more} more" if more > 0 else ""))
        if self.timings:
            lines.append("Seconds: " + ", ".join(f"{name} {seconds:.3f}" for name, seconds in self.timings.items()))
        return "\n".join([self._headline(), *lines])

    def __str__(self):
        return self.summary()

    def _repr_html_(self):
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._rows(12))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{html.escape(self._headline())}</p>{table}"

    def _choice(self, lam):
        """(lambda, what is said of it, coefficients there); None is the smallest lambda. For `plot_coefficients`."""
        lam = float(self.lambdas[-1]) if lam is None else _validation.check_lam(lam)
        return lam, (), self.coef_at(lam)[1]

    plot = plotting.plot_path
    plot_coefficients = plotting.plot_coefficients

    def report(self, path, title=None) -> Path:
        """Write the path as one interactive HTML page; see `jaxreg.report.write_report`."""
        from jaxreg.report import write_report

        return write_report(self, path, title)

    def save(self, path) -> None:
        """Write an .npz file, without pickle."""
        arrays = {
            "coef_data": self.coef_sparse.data,
            "coef_indices": self.coef_sparse.indices,
            "coef_indptr": self.coef_sparse.indptr,
            "coef_shape": np.array(self.coef_sparse.shape),
        }
        plain: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                arrays[each.name] = value
            elif each.name != "coef_sparse":
                plain[each.name] = value
        with open(path, "wb") as file:
            np.savez_compressed(file, plain=np.array(json.dumps(plain)), **arrays)

    @classmethod
    def load(cls, path) -> "PathResult":
        """Read what `save` wrote."""
        from scipy.sparse import csr_array

        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        coef = csr_array(
            (values.pop("coef_data"), values.pop("coef_indices"), values.pop("coef_indptr")),
            shape=tuple(values.pop("coef_shape")),
        )
        plain = json.loads(str(values.pop("plain")))
        if plain["feature_names"] is not None:
            plain["feature_names"] = tuple(plain["feature_names"])
        return cls(coef_sparse=coef, **values, **plain)


def make_csr(rows, p):
    """CSR array from (indices, values) of each row."""
    from scipy.sparse import csr_array

    indptr = np.concatenate([[0], np.cumsum([len(indices) for indices, _ in rows])])
    indices = np.concatenate([indices for indices, _ in rows])
    values = np.concatenate([values for _, values in rows])
    coef = csr_array((values, indices, indptr), shape=(len(rows), p))
    coef.sort_indices()
    return coef
