"""How paths end: early ends, and what to say of points that did not converge."""

import warnings
from dataclasses import dataclass

import numpy as np

from jaxreg import _arrays
from jaxreg._status import CAUSES, Status, cause
from jaxreg.results._path import ConvergenceWarning

EARLY_STOP_DEVIANCE, EARLY_STOP_CHANGE, EARLY_STOP_FROM = 0.999, 1e-5, 4  # glmnet's devmax, fdev, mnlam - 1


@dataclass(frozen=True)
class End:
    """Where a path is cut, and why."""

    length: int  # how many of the asked-for points to keep
    status: Status  # of the last one


def end(counts, losses, asked, total, options):
    """The End of the asked-for points (positions `asked` among the solved) by glmnet's rules, or None: they go on.

    counts, losses: of the points that are solved so far, their nonzero coefficients and their losses
    """
    previous = 0.0
    for number, k in enumerate(asked[asked < len(counts)]):
        if options.max_features is not None and counts[k] > options.max_features:
            return End(number, Status.early_stop)
        ratio = 1.0 - losses[k] / total if total > 0 else 0.0
        slow = number >= EARLY_STOP_FROM and ratio - previous < EARLY_STOP_CHANGE * ratio
        if options.early_stop and (ratio > EARLY_STOP_DEVIANCE or slow):
            return End(number + 1, Status.early_stop)
        previous = ratio
    return None


def cut(ended, asked):
    """What to warn of where a path ends early."""
    if ended is None or ended.length == len(asked):
        return []
    if ended.status == Status.interrupted:
        return [f"interrupted after {ended.length} of {len(asked)} lambdas, which are all that is returned"]
    return [f"the path was cut after {ended.length} of {len(asked)} lambdas, by early_stop or max_features"]


def shortfalls(status, gap, options):
    """A clause for each cause why points are not converged."""
    clauses = []
    for code in CAUSES:
        at = np.flatnonzero(status == code)
        if at.size:
            gaps = f"(worst gap {gap[at].max():.1e}, tol {options.tol:.1e})"
            clauses.append(f"lambda {_ranges(at)} {cause(code, options)} {gaps}")
    return clauses


def _ranges(positions):
    """Text like 3, 63..99."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def without_spread(columns, names):
    """What to warn of where standardisation leaves out columns that would be an intercept of the user's own."""
    named = ", ".join(_arrays.column_label(names, j) for j in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return (
        f"X does not vary in {named}{more}, which standardize=True leaves out: as an intercept give it the penalty "
        "factor 0, else standardize=False"
    )


def null_fits(exact):
    """What to warn of where the null model fits some responses exactly; `exact` (..., K) bool, not all of it False."""
    whole = bool(exact.all())
    where, whose = ("", "the") if whole else (f" in some of the {exact.shape[-1]} responses", "their")
    return f"y is constant, or the unpenalised columns fit it exactly{where}: {whose} penalised coefficients are 0"


def warn(clauses):
    """One warning of all clauses; to be called by the function that the user called."""
    if clauses:
        warnings.warn("; ".join(clauses) + ".", ConvergenceWarning, stacklevel=3)
