"""What the scripts of the page draw, as plain numbers for JSON: paths, losses and coefficients."""

import numpy as np

from jaxreg._cv_results import CVResult
from jaxreg._prominence import feature_scale, prominent
from jaxreg._results import MEASURES, Status
from jaxreg._scores import METRICS
from jaxreg._selection import one_standard_error
from jaxreg.report import _held_out

NAMED = 10  # curves with a name and a colour
DRAWN = 60  # curves of a figure
CURVE_NUMBERS = 300_000  # of all curves together, beside which there may be fewer curves
TABLE_NUMBERS = 100_000  # coefficients of all tables together, of which small ones may be left out
DIGITS = 9  # that are kept of curves and coefficients


def content(result) -> dict:
    """The numbers of a PathResult or CVResult that the figures and tables of its page need."""
    cross_validated = isinstance(result, CVResult)
    paths = result.paths if cross_validated else (result,)
    least = result.mean_loss.argmin(axis=1) if cross_validated else [None]
    points = sum(len(path.lambdas) for path in paths)
    mixes = [_Mix(path, points, k) for path, k in zip(paths, least, strict=True)]
    used = np.unique(np.concatenate([mix.features for mix in mixes]))
    names, sd = paths[0].names, paths[0].feature_sd
    numbers = {
        "measure": MEASURES[paths[0].certificate],
        "tol": paths[0].tol,
        "responses": paths[0].n_responses or 1,
        "names": [names[j] for j in used],
        "sd": _rounded(sd[used]) if len(sd) else None,
        "mixes": [mix.numbers(used) for mix in mixes],
        "chosen": 0,
        "losses": None,
        "held_out": None,
        "start": len(paths[0].lambdas) - 1,
        "code": ["path"],
    }
    if not cross_validated:
        return numbers
    chosen, start = result.best
    names_of_paths = [f"cv.paths[{a}]" for a in range(len(paths))]
    return numbers | {
        "chosen": chosen,
        "losses": [_losses(result, a, int(k)) for a, k in enumerate(least)],
        "metric": result.metric,
        "squared": result.metric == METRICS["mse"].name,
        "held_out": _held_out.points(result),
        "start": start,
        "code": ["cv.path" if a == chosen else name for a, name in enumerate(names_of_paths)],
    }


class _Mix:
    """The numbers of one path; `points` lambdas in all paths of the page, the least held-out loss at lambda `least`."""

    def __init__(self, path, points, least):
        self.path, self.K = path, path.n_responses or 1
        self.lam = None if least is None else float(path.lambdas[least])
        self.coef = path.coef_sparse.copy()
        self.coef.eliminate_zeros()
        self.most_rows = max(TABLE_NUMBERS // (points * self.K), 20)
        self.most_curves = min(max(CURVE_NUMBERS // (points * self.K), 10), DRAWN)
        self.sd = np.repeat(feature_scale(path), self.K)  # of the columns of `coef`
        self.rows = [self._row(k) for k in range(len(path.lambdas))]
        self.curves = [self._curves(r) for r in range(self.K)]
        listed = [features for row in self.rows for features, _, _ in row]
        self.features = np.unique(np.concatenate([*listed, *(features for features, *_ in self.curves)]))

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
        """(features, coefficients (features, L), how many are named, how many not drawn) of a response.

        Those that are named come first, the most important first, then the largest of the others.
        """
        own = np.arange(r, self.coef.shape[1], self.K)
        above_zero = self.coef[self.path.lambdas > 0][:, own]
        largest = abs(above_zero).max(axis=0).toarray().ravel() if above_zero.shape[0] else np.zeros(len(own))
        features = np.flatnonzero(largest)
        named = prominent(self.path, r, self.lam)
        named = named[np.isin(named, features)][:NAMED]
        others = np.setdiff1d(features, named)
        size = largest[others] * self.sd[own][others]
        others = others[np.lexsort((-largest[others], -size))]
        drawn = np.concatenate([named, others])[: self.most_curves]
        return drawn, self.coef[:, own[drawn]].toarray().T, len(named), len(features) - len(drawn)

    def numbers(self, used):
        path, L = self.path, len(self.path.lambdas)
        rows = [
            [[np.searchsorted(used, features).tolist(), _rounded(values), left] for features, values, left in row]
            for row in self.rows
        ]
        curves = [
            {
                "features": np.searchsorted(used, features).tolist(),
                "coef": _rounded(values),
                "named": named,
                "left": left,
            }
            for features, values, named, left in self.curves
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


def _losses(cv, a, least):
    """What cross-validation knows of a mixing parameter, whose held-out loss is least at lambda `least`."""
    squared = cv.metric == METRICS["mse"].name
    training = cv.train_loss if a == cv.best[0] else cv.train_mse[a].mean(axis=-1) if squared else None
    return {
        "held_out": _plain(cv.mean_loss[a]),
        "r2": None if cv.r2 is None else _plain(cv.r2[a]),
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
