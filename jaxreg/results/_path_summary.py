"""What a PathResult says of itself: a headline, a table of lambdas, and notes on the data."""

import numpy as np

from jaxreg._alignment import listed
from jaxreg._status import MEASURES, Status
from jaxreg.losses._record import class_shares, observed_in

COLUMNS = ("lambda", "df", "dev_ratio", "gap", "n_iter", "status")
MOST_NAMES = 5  # constant columns in a note, at most


def headline(path):
    counts = {status: int((path.status == status).sum()) for status in Status}
    endings = ", ".join(f"{number} {status.name}" for status, number in counts.items() if number)
    kind = path.penalty
    if path.penalty.startswith("ElasticNet"):
        kind = {1.0: "Lasso", 0.0: "Ridge"}.get(path.l1_ratio, f"Elastic-net ({path.l1_ratio:g})")
    kind += "" if path.loss == "Squared()" else f", {path.loss},"
    measure = MEASURES[path.certificate]
    responses = "" if path.n_responses is None else f"{path.n_responses} {path._outputs[0]}, "
    return (
        f"{kind} path: {len(path.lambdas)} lambdas, {path.n_features} features, {responses}solver {path.solver}; "
        f"{endings}; worst {measure} {path.gap.max():.1e} (asked for {path.tol:.0e})"
    )


def rows(path, most=12):
    """Rows of the table as text: at most `most` lambdas, evenly spaced."""
    places = np.unique(np.linspace(0, len(path.lambdas) - 1, min(most, len(path.lambdas))).round().astype(int))
    return [
        (
            f"{path.lambdas[k]:.4g}",
            str(path.df[k]),
            f"{round(path.dev_ratio[k], 4) + 0.0:.4f}",
            f"{path.gap[k]:.1e}",
            str(path.n_iter[k]),
            Status(path.status[k]).name,
        )
        for k in places
    ]


def _response_said(path):
    """Lines on the classes or events of the rows that were fitted: numbers, or shares where rows have weights."""
    n, shares, observed = path.data.get("n_samples"), class_shares(path), observed_in(path)

    def counted(share):
        return f"{share:.1%}" if path.data["weighted"] else f"{share * n:.6g}"

    rows = "the weight of the rows" if path.data.get("weighted") else f"{n} rows"
    if observed is not None:
        return [f"Events: {counted(observed[1])} of {rows}."]
    if not shares:
        return []
    listed_shares = ", ".join(f"{label} {counted(share)}" for label, share in shares[:MOST_NAMES])
    more = f" and {len(shares) - MOST_NAMES} more" if len(shares) > MOST_NAMES else ""
    return [f"Classes: {listed_shares}{more}, of {rows}."]


def notes(path):
    """Lines on what a table of the path does not show.

    The classes or events of its rows, constant columns, and numbers that may be labels of classes.
    """
    lines = _response_said(path)
    if len(path.constant_features):
        names = [path.names[j] for j in path.constant_features]
        lines.append(f"Constant, left out: {listed(names, MOST_NAMES)}")
    if values := path.data.get("y_values"):
        numbers = ", ".join(f"{value:g}" for value in values)
        lines.append(f"y has the values {numbers} only; if these are labels of classes, they count as numbers.")
    return lines


def timings(path):
    """A line with the seconds by phase, or none."""
    seconds = [f"{phase} {seconds:.3f}" for phase, seconds in path.timings.items()]
    return [f"Seconds: {', '.join(seconds)}"] if seconds else []
