"""Time against certified gap: each program's sweep of its tolerance, log-log."""

from matplotlib.figure import Figure  # not pyplot: no display, no global state
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.table import OURS

ROWS = ("ar0.5-1000x10000-lasso", "ar0.5-200x10000-lasso")
COLORS = {
    OURS: "#c1121f",
    "scikit-learn": "#e08e0b",
    "celer": "#2a7f9e",
    "skglm": "#4c9f70",
    "adelie": "#7353ba",
    "glmnet": "#555555",
}


def draw(results, names, file):
    """Write the picture of some rows to `file`."""
    rows = {row["name"]: row for row in results["rows"] if "results" in row}
    missing = [name for name in names or ROWS if name not in rows]
    if missing:
        raise SystemExit(f"The results have no row {', '.join(missing)}.")
    chosen = [rows[name] for name in names or ROWS]
    figure = Figure(figsize=(4.6 * len(chosen), 4.2), layout="constrained")
    for row, axes in zip(chosen, figure.subplots(1, len(chosen), squeeze=False, sharey=True)[0], strict=True):
        _panel(axes, row)
    figure.axes[0].set_ylabel("seconds for 100 lambdas")
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines), frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
    print(f"Wrote {file}.")


def frontier(points):
    """(gaps, seconds) of the points that no other one beats in both, from loose to tight."""
    kept = []
    for gap, time in sorted((point["gap"], point["median"]) for point in points if point["gap"] is not None):
        if not kept or time < kept[-1][1]:
            kept.append((gap, time))
    return [gap for gap, _ in kept[::-1]], [time for _, time in kept[::-1]]


def _panel(axes, row):
    kind = "lasso" if row["l1_ratio"] == 1 else f"elastic net {row['l1_ratio']:g}"
    axes.set_title(f"{kind}, {row['n']} x {row['p']}, AR({row['rho']:g})" if row["rho"] is not None else row["name"])
    for name, result in row["results"].items():
        gaps, times = frontier(result["sweep"])
        if not gaps:
            continue
        ours = name == OURS
        size, above = (8, 3) if ours else (3.5, 2)
        axes.plot(gaps, times, color=COLORS[name], marker="o", ms=size, lw=1.4, zorder=above, label=name)
    axes.set(xscale="log", yscale="log", xlabel="worst relative duality gap along the path")
    axes.invert_xaxis()
    axes.xaxis.set_major_locator(LogLocator(10, numticks=8))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", lw=0.8)
    axes.set_axisbelow(True)
