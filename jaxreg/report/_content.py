"""What the script of the page draws, as plain numbers for JSON: paths, losses and coefficients."""

import numpy as np

from jaxreg._cv_results import CVResult
from jaxreg._results import MEASURES, Status
from jaxreg._scores import METRICS
from jaxreg._selection import one_standard_error

DRAWN = 60  # curves of a figure
CURVE_NUMBERS = 300_000  # of all curves together, beside which there may be fewer curves
TABLE_NUMBERS = 100_000  # coefficients of all tables together, of which small ones may be left out
DIGITS = 9  # that are kept of curves and coefficients


def content(result) -> dict:
    """The numbers of a PathResult or CVResult that the figures and tables of its page need."""
    paths = result.paths if isinstance(result, CVResult) else (result,)
    chosen = result.best[0] if isinstance(result, CVResult) else 0
    mixes = [_Mix(path, sum(len(each.lambdas) for each in paths)) for path in paths]
    used = np.unique(np.concatenate([mix.features for mix in mixes]))
    names, sd = paths[0].names, paths[0].feature_sd
    found = {
        "measure": MEASURES[paths[0].certificate],
        "tol": paths[0].tol,
        "responses": paths[0].n_responses or 1,
        "names": [names[j] for j in used],
        "sd": _rounded(sd[used]) if len(sd) else None,
        "mixes": [mix.numbers(used) for mix in mixes],
        "chosen": chosen,
        "losses": None,
        "start": len(paths[0].lambdas) - 1,
        "code": ["path"],
    }
    if not isinstance(result, CVResult):
        return found
    others = [f"cv.paths[{a}]" for a in range(len(paths))]
    return found | {
        "losses": [_losses(result, a) for a in range(len(paths))],
        "metric": result.metric,
        "start": result.best[1],
        "code": ["cv.path" if a == chosen else name for a, name in enumerate(others)],
    }


class _Mix:
    """The numbers of one path; `points` lambdas in all paths of the page."""

    def __init__(self, path, points):
        self.path, self.K = path, path.n_responses or 1
        self.coef = path.coef_sparse.copy()
        self.coef.eliminate_zeros()
        self.most_rows = max(TABLE_NUMBERS // (points * self.K), 20)
        self.most_curves = min(max(CURVE_NUMBERS // (points * self.K), 10), DRAWN)
        sd = path.feature_sd if len(path.feature_sd) else np.ones(path.n_features)
        self.sd = np.repeat(sd, self.K)  # of the columns of `coef`
        self.rows = [self._row(k) for k in range(len(path.lambdas))]
        self.curves = [self._curves(r) for r in range(self.K)]
        listed = [features for row in self.rows for features, _, _ in row]
        self.features = np.unique(np.concatenate([*listed, *(features for features, _, _ in self.curves)]))

    def _row(self, k):
        """(features, coefficients, how many are not listed) at lambda k of each response, the largest first."""
        inside = slice(self.coef.indptr[k], self.coef.indptr[k + 1])
        columns, values = self.coef.indices[inside], self.coef.data[inside]
        order = np.lexsort((-np.abs(values), -np.abs(values * self.sd[columns])))
        columns, values = columns[order], values[order]
        found = []
        for r in range(self.K):
            own = columns % self.K == r
            features, left = columns[own][: self.most_rows] // self.K, int(np.count_nonzero(own)) - self.most_rows
            found.append((features, values[own][: self.most_rows], max(left, 0)))
        return found

    def _curves(self, r):
        """(features, coefficients (features, L), how many are not drawn) of a response, the largest first."""
        own = np.arange(r, self.coef.shape[1], self.K)
        drawn = self.coef[self.path.lambdas > 0][:, own]
        largest = abs(drawn).max(axis=0).toarray().ravel() if drawn.shape[0] else np.zeros(len(own))
        features = np.flatnonzero(largest)
        size = largest[features] * self.sd[own][features]
        order = np.lexsort((-largest[features], -size))[: self.most_curves]
        left = len(features) - len(order)
        return features[order], self.coef[:, own[features[order]]].toarray().T, left

    def numbers(self, used):
        path, L = self.path, len(self.path.lambdas)
        rows = [
            [[np.searchsorted(used, features).tolist(), _rounded(values), left] for features, values, left in row]
            for row in self.rows
        ]
        curves = [
            {"features": np.searchsorted(used, features).tolist(), "coef": _rounded(values), "left": left}
            for features, values, left in self.curves
        ]
        return {
            "label": "" if np.isnan(path.l1_ratio) else f"l1_ratio {path.l1_ratio:g}",
            "lambdas": path.lambdas.tolist(),
            "df": path.df.tolist(),
            "dev_ratio": _plain(path.dev_ratio),
            "gap": _plain(path.gap),
            "status": [Status(code).name for code in path.status],
            "intercept": _rounded(path.intercept.reshape(L, self.K)),
            "rows": rows,
            "curves": curves,
        }


def _losses(cv, a):
    """What cross-validation knows of a mixing parameter."""
    least = int(np.argmin(cv.mean_loss[a]))
    squared = cv.metric == METRICS["mse"].name
    training = cv.train_loss if a == cv.best[0] else cv.train_mse[a].mean(axis=-1) if squared else None
    return {
        "held_out": _plain(cv.mean_loss[a]),
        "error": _plain(cv.std_error[a]),
        "training": None if training is None else _plain(training),
        "gap": _plain(cv.gap[a].max(axis=0)),
        "min": least,
        "1se": None if np.isnan(cv.std_error).all() else one_standard_error(cv.mean_loss[a], cv.std_error[a], least),
    }


def _plain(values):
    """Nested list of floats; None where JSON has no number."""
    values = np.asarray(values, np.float64)
    boxed = values.astype(object)
    boxed[~np.isfinite(values)] = None
    return boxed.tolist()


def _rounded(values):
    """The same with few digits."""
    values = np.asarray(values, np.float64)
    short = np.array([float(f"{value:.{DIGITS}g}") for value in values.ravel()])
    return _plain(short.reshape(values.shape))
