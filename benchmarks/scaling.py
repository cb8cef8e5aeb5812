"""How the cost and the memory of jaxreg grow: each size in a new process, log-log figures with fitted slopes."""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure  # not pyplot: no display, no global state
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from benchmarks import machine, rows
from benchmarks.peers import JAXREG
from benchmarks.process import Worker, write_job

RUNS, TIMEOUT = 5, 600
RHO = 0.5
SERIES = {  # panel: (label of x, {curve: [problem, ...]}); a problem is a dict of _problem's arguments
    "n": (
        "rows n",
        {
            "p = 200": [{"n": n, "p": 200} for n in (1000, 3000, 10000, 30000, 100000)],
            "p = 10000": [{"n": n, "p": 10000} for n in (100, 200, 400, 800, 1600)],
        },
    ),
    "p": ("columns p", {"n = 500": [{"n": 500, "p": p} for p in (1000, 3000, 10000, 30000, 100000)]}),
    "lambdas": (
        "number of lambdas",
        {
            "10000 x 200": [{"n": 10000, "p": 200, "n_lambdas": k} for k in (10, 30, 100, 300, 1000)],
            "500 x 10000": [{"n": 500, "p": 10000, "n_lambdas": k} for k in (10, 30, 100, 300, 1000)],
        },
    ),
    "active": (
        "nonzero coefficients at the last lambda",
        # the end of the path, not the true support, decides how many columns are active
        {"1000 x 10000": [{"n": 1000, "p": 10000, "ratio": r} for r in (0.3, 0.15, 0.1, 0.07, 0.05, 0.03, 0.01)]},
    ),
    "memory": (
        "size of X",
        {
            "1000 x p, float32": [
                {"n": 1000, "p": p, "dtype": "float32"} for p in (12500, 25000, 50000, 100000, 200000)
            ],
            "n x 200, float64": [{"n": n, "p": 200} for n in (10000, 30000, 100000, 300000)],
        },
    ),
}


def _problem(n, p, n_lambdas=rows.N_LAMBDAS, ratio=None, dtype="float64"):
    columns, y = rows.ar_data(n, p, RHO, dtype=np.dtype(dtype).type)
    return rows.make_problem(columns, y, 1.0, n_lambdas, ratio)


def measure(**arguments):
    """One point: median seconds, peak memory of the first fit beyond the data, and size."""
    problem = _problem(**arguments)
    setting = JAXREG.default(*problem.X.shape, str(problem.X.dtype))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(problem, folder)
        worker = Worker(JAXREG.command(), folder)
        try:
            cold = worker.ask(setting, 1, TIMEOUT)
            warm = worker.ask(setting, RUNS, TIMEOUT, folder / "coefficients")
        finally:
            worker.close()
        coef = np.fromfile(folder / "coefficients").reshape(-1, problem.X.shape[1])
    active = int(np.count_nonzero(coef[-1]))
    median = statistics.median(warm["seconds"])
    print(f"  {arguments}: {median:.4g} s, {cold['peak_mb']} MB, {active} active", file=sys.stderr, flush=True)
    return arguments | {
        "seconds": warm["seconds"],
        "median": median,
        "peak_mb": cold["peak_mb"],
        "active": active,
        "bytes": problem.X.nbytes,
    }


def run(folder):
    """Measure every series; write scaling.json and scaling.png to `folder`."""
    results = {"machine": machine.describe(), "date": machine.today(), "commit": machine.commit(), "panels": {}}
    folder.mkdir(parents=True, exist_ok=True)
    for panel, (_, curves) in SERIES.items():
        print(panel, file=sys.stderr, flush=True)
        results["panels"][panel] = {name: [measure(**point) for point in points] for name, points in curves.items()}
        (folder / "scaling.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results, folder / "scaling.png")


def slope(x, y):
    """Exponent of y ~ x^k over the upper half of the points: below it the fixed cost of a call shows."""
    half = len(x) // 2
    return np.polyfit(np.log(x[half:]), np.log(y[half:]), 1)[0]


def draw(results, file):
    keys = {"n": "n", "p": "p", "lambdas": "n_lambdas", "active": "active", "memory": "bytes"}
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, (panel, curves) in zip(panels, results["panels"].items(), strict=False):
        for name, points in curves.items():
            x = np.array([point[keys[panel]] for point in points], float)
            y = np.array([point["peak_mb"] * 2**20 if panel == "memory" else point["median"] for point in points])
            axes.plot(x, y, marker="o", ms=4, label=f"{name}: slope {slope(x, y):.2f}")
        if panel == "memory":
            axes.plot(x := np.array(axes.get_xlim()), x, color="0.7", ls=":", label="as much again as X")
        axes.set(xscale="log", yscale="log", xlabel=SERIES[panel][0])
        axes.set_ylabel("peak memory of a first fit beyond X" if panel == "memory" else "time of a path")
        of_x, of_y = ("B", "B") if panel == "memory" else ("", "s")
        for axis, steps, unit in ((axes.xaxis, (1, 3), of_x), (axes.yaxis, (1, 2, 5), of_y)):
            axis.set_major_locator(LogLocator(subs=steps))
            axis.set_major_formatter(EngFormatter(unit))
            axis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92", lw=0.8)
        axes.legend(frameon=False)
    panels[-1].axis("off")
    about = results["machine"]
    said = f"lasso, AR({RHO}), 100 lambdas unless said\nslopes over the upper half of the points\n\n"
    said += f"{about['cpu']}\n{about['cores']} cores, {about['memory_gb']:g} GB, {results['date']}, {results['commit']}"
    panels[-1].text(0, 0.5, said, va="center", color="0.3")
    figure.savefig(file, dpi=130)
    print(f"Wrote {file}.")
