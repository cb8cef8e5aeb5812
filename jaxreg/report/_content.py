"""What the scripts of the page draw, as plain numbers for JSON: paths, losses and coefficients."""

import numpy as np

from jaxreg._labels import label_text
from jaxreg._status import MEASURES, Status
from jaxreg.plotting._prominence import prominent
from jaxreg.plotting._scale import feature_scale
from jaxreg.report import _held_out, _judged
from jaxreg.scores._numbers import SQUARED

NAMED_CURVES = 10  # curves with a name and a colour
DRAWN_CURVES = 60  # curves of a figure
CURVE_NUMBERS = 300_000  # of all curves together, at most; a page with more has fewer curves
TABLE_NUMBERS = 100_000  # coefficients of all tables together, at most; a page with more leaves out small ones
CURVE_DIGITS = 9  # of curves and coefficients


def content(result, judged=None) -> dict:
    """The numbers of a PathResult or CVResult that the figures and tables of its page need.

    `judged` are the held-out predictions of a CVResult.
    """
    paths = result.paths if result._cross_validated else (result,)
    least = result.mean_loss.argmin(axis=1) if result._cross_validated else [None]
    points = sum(len(path.lambdas) for path in paths)
    mixes = [_Mix(path, points, k) for path, k in zip(paths, least, strict=True)]
    used = np.unique(np.concatenate([mix.features for mix in mixes]))
    names, sd = paths[0].names, paths[0].feature_sd
    numbers = {
        "measure": MEASURES[paths[0].certificate],
        "tol": paths[0].tol,
        "outputs": _outputs(paths[0]),
        "names": [names[j] for j in used],
        "sd": _rounded_list(sd[used]) if len(sd) else None,
        "mixes": [mix.numbers(used) for mix in mixes],
        "chosen": 0,
        "losses": None,
        "held_out": None,
        "figures": _judged.figures(judged),
        "start": len(paths[0].lambdas) - 1,
        "code": ["path"],
    }
    if not result._cross_validated:
        return numbers
    chosen, start = result.best
    names_of_paths = [f"cv.paths[{a}]" for a in range(len(paths))]
    return numbers | {
        "chosen": chosen,
        "losses": [_losses(result, a, int(k)) for a, k in enumerate(least)],
        "metric": result.metric,
        "squared": result.metric == SQUARED and paths[0].classes is None,
        "held_out": _held_out.points_of_responses(result),
        "start": start,
        "code": ["cv.path" if a == chosen else name for a, name in enumerate(names_of_paths)],
    }


def _outputs(path):
    """The names of what a row has several coefficients of, and what that is; names alone of one."""
    kind, names = path._outputs
    names = [label_text(name) for name in names] if path.n_responses is not None else [""]
    return {"kind": "class" if kind == "classes" else "response", "names": names}


class _Mix:
    """The numbers of one path; `points` lambdas in all paths of the page, the least held-out loss at lambda `least`."""

    def __init__(self, path, points, least):
        self.path, self.K = path, path.n_responses or 1
        self.lam = None if least is None else float(path.lambdas[least])
        self.coef = path.coef_sparse.copy()
        self.coef.eliminate_zeros()
        self.most_rows = max(TABLE_NUMBERS // (points * self.K), 20)
        self.most_curves = min(max(CURVE_NUMBERS // (points * self.K), 10), DRAWN_CURVES)
        self.sd = np.repeat(feature_scale(path), self.K)  # of the columns of `coef`
        self.rows = [self._row(k) for k in range(len(path.lambdas))]
        self.curves = [self._curves(r) for r in range(self.K)]
        listed = [features for row in self.rows for features, _, _ in row]
        self.features = np.unique(np.concatenate([*listed, *(features for features, *_ in self.curves)]))

    def _row(self, k):
        """(features, coefficients, number of unlisted features) of each response at lambda k, the largest first."""
        inside = slice(self.coef.indptr[k], self.coef.indptr[k + 1])
        columns, values = self.coef.indices[inside], self.coef.data[inside]
        order = np.lexsort((-np.abs(values), -np.abs(values * self.sd[columns])))
        columns, values = columns[order], values[order]
        per_response = []
        for r in range(self.K):
            of_response = columns % self.K == r
            features = columns[of_response][: self.most_rows] // self.K
            left = max(int(np.count_nonzero(of_response)) - self.most_rows, 0)
            per_response.append((features, values[of_response][: self.most_rows], left))
        return per_response

    def _curves(self, r):
        """(features, coefficients (features, L), number of named features, number of undrawn features) of a response.

        The named features come first, in the order of their importance. The others follow in the order of their size.
        """
        columns = np.arange(r, self.coef.shape[1], self.K)
        above_zero = self.coef[self.path.lambdas > 0][:, columns]
        largest = abs(above_zero).max(axis=0).toarray().ravel() if above_zero.shape[0] else np.zeros(len(columns))
        features = np.flatnonzero(largest)
        named = prominent(self.path, r, self.lam)
        named = named[np.isin(named, features)][:NAMED_CURVES]
        unnamed = np.setdiff1d(features, named)
        size = largest[unnamed] * self.sd[columns][unnamed]
        unnamed = unnamed[np.lexsort((-largest[unnamed], -size))]
        drawn = np.concatenate([named, unnamed])[: self.most_curves]
        return drawn, self.coef[:, columns[drawn]].toarray().T, len(named), len(features) - len(drawn)

    def numbers(self, used):
        path, L = self.path, len(self.path.lambdas)
        rows = [
            [[np.searchsorted(used, features).tolist(), _rounded_list(values), left] for features, values, left in row]
            for row in self.rows
        ]
        curves = [
            {
                "features": np.searchsorted(used, features).tolist(),
                "coef": _rounded_list(values),
                "named": named,
                "left": left,
            }
            for features, values, named, left in self.curves
        ]
        return {
            "label": "" if np.isnan(path.l1_ratio) else f"l1_ratio {path.l1_ratio:g}",
            "lambdas": path.lambdas.tolist(),
            "df": path.df.tolist(),
            "dev_ratio": _nested_list(path.dev_ratio),
            "gap": _nested_list(path.gap),
            "status": [Status(code).name for code in path.status],
            "intercept": _rounded_list(path.intercept.reshape(L, self.K)),
            "rows": rows,
            "curves": curves,
        }


def _losses(cv, a, least):
    """The losses, gaps and choices of mixing parameter `a`. Its held-out loss is least at lambda `least`."""
    squared = cv.metric == SQUARED
    training = cv.train_loss if a == cv.best[0] else cv.train_mse[a].mean(axis=-1) if squared else None
    return {
        "held_out": _nested_list(cv.mean_loss[a]),
        "r2": None if cv.r2 is None else _nested_list(cv.r2[a]),
        "error": _nested_list(cv.std_error[a]),
        "training": None if training is None else _nested_list(training),
        "gap": _nested_list(cv.gap[a].max(axis=0)),
        "min": least,
        "1se": cv._position_1se(a) if cv._has_error else None,
    }


def _nested_list(values):
    """Nested list of floats; None where JSON has no number."""
    values = np.asarray(values, np.float64)
    boxed = values.astype(object)
    boxed[~np.isfinite(values)] = None
    return boxed.tolist()


def _rounded_list(values):
    """Nested list of floats with CURVE_DIGITS digits; None where JSON has no number."""
    values = np.asarray(values, np.float64)
    short = np.array([float(f"{value:.{CURVE_DIGITS}g}") for value in values.ravel()])
    return _nested_list(short.reshape(values.shape))
