"""How paths end: statuses of their points, early ends, and what to say of them."""

import warnings
from dataclasses import dataclass

import numpy as np

from jaxreg import _validation
from jaxreg._results import ConvergenceWarning, Status

EARLY_STOP_DEVIANCE, EARLY_STOP_CHANGE, EARLY_STOP_FROM = 0.999, 1e-5, 4  # glmnet's devmax, fdev, mnlam - 1
NULL_FITS = "y is constant, or the unpenalised columns fit it exactly: the penalised coefficients are 0"

CAPACITY_LIMIT = "more columns are needed at once than memory has room for; end the grid at a larger lambda"


def precision_limit(options):
    """Why a gap is not smaller that no step makes smaller, and what to do."""
    if options.precision == np.float64:
        return (
            "rounding, which nearly dependent columns magnify, allows no smaller gap even in float64; raise tol, or "
            "drop or combine columns"
        )
    return "the precision or the collinearity of the columns allows no smaller gap; raise tol or use float64"


def statuses(gap, n_iter, full, options):
    unmet = np.where(n_iter >= options.max_iter, Status.max_iter, Status.stalled)
    unmet = np.where(full, Status.capacity, unmet)
    return np.where(gap <= options.tol, Status.converged, unmet)


@dataclass(frozen=True)
class End:
    """Where a path is cut, and why."""

    length: int  # how many of the asked-for points to keep
    status: Status  # of the last one


def end(points, kept, total, options):
    """The End of the asked-for points (positions `kept` among the solved) by glmnet's rules, or None: they go on."""
    previous = 0.0
    for count, k in enumerate(kept[kept < len(points)]):
        if options.max_features is not None and len(points[k].indices) > options.max_features:
            return End(count, Status.early_stop)
        ratio = 1.0 - points[k].rss / 2 / total if total > 0 else 0.0
        slow = count >= EARLY_STOP_FROM and ratio - previous < EARLY_STOP_CHANGE * ratio
        if options.early_stop and (ratio > EARLY_STOP_DEVIANCE or slow):
            return End(count + 1, Status.early_stop)
        previous = ratio
    return None


def cut(ended, kept):
    """What to warn of where a path ends early."""
    if ended is None or ended.length == len(kept):
        return []
    if ended.status == Status.interrupted:
        return [f"interrupted after {ended.length} of {len(kept)} lambdas, which are all that is returned"]
    return [f"the path was cut after {ended.length} of {len(kept)} lambdas, by early_stop or max_features"]


def shortfalls(status, gap, options):
    """A clause for each cause why points are not converged."""
    said = []
    for code, cause in (
        (Status.max_iter, f"stopped at max_iter={options.max_iter}: raise max_iter"),
        (Status.capacity, f"stopped at the end of memory: {CAPACITY_LIMIT}"),
        (Status.stalled, f"stalled above tol: {precision_limit(options)}"),
    ):
        at = np.flatnonzero(status == code)
        if at.size:
            said.append(f"lambda {_ranges(at)} {cause} (worst gap {gap[at].max():.1e}, tol {options.tol:.1e})")
    return said


def _ranges(positions):
    """Text like 3, 63..99."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def without_spread(columns, names):
    """What to warn of where standardisation leaves out columns that would be an intercept of the user's own."""
    named = ", ".join(_validation.column_label(names, j) for j in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return (
        f"X does not vary in {named}{more}, which standardize=True leaves out: as an intercept give it the penalty "
        "factor 0, else standardize=False"
    )


def warn(said):
    """One warning of all that was said; to be called by the function that the user called."""
    if said:
        warnings.warn("; ".join(said) + ".", ConvergenceWarning, stacklevel=3)
