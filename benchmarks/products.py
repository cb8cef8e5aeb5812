"""Products that the batched solver takes and computes, counted on a CPU: `python -m benchmarks products`.

A count needs no accelerator: it is that of the same program anywhere. A lane is one fit, of a fold, a mixing parameter
and a lambda; `mean` and `largest` are its products with a Gram matrix, and `computed` are those of all places of the
queue over all lanes, busy or not. Before, every lane took a step wherever the slowest did: computed was `largest`.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks import rows
from benchmarks.table import markdown

FOLDS, SEED = 5, 1


@dataclass(frozen=True)
class Problem:
    """Folds, and all rows, of AR(rho) columns; mixes and lambdas of the grid by default."""

    n: int
    p: int
    rho: float
    folds: int
    l1_ratios: tuple[float, ...]
    n_lambdas: int
    penalty: str = "net"


SMALL = [Problem(2000, 200, rho, 5, (0.25, 0.5, 0.75, 1.0), 50) for rho in (0.0, 0.5, 0.9)]
LARGE = [Problem(10000, 1000, rho, 10, tuple(np.arange(1, 11) / 10), 100) for rho in (0.5, 0.9)]  # the accelerator's
OTHERS = [Problem(2000, 200, rho, 5, (1.0,), 50, name) for name in ("group", "slope") for rho in (0.5, 0.9)]
TOL, GROUP = 1e-6, 5  # columns of a group


def counted(problem, step_precision=None):
    """A row: the counts of one cross-validation, its largest gap, and the seconds of a second call on this machine."""
    import jaxreg as jr
    from jaxreg.paths import _solutions

    data = rows.make_problem(*rows.ar_data(problem.n, problem.p, problem.rho), 1.0, n_lambdas=problem.n_lambdas)
    folds = np.random.default_rng(SEED).permutation(np.arange(problem.n) % problem.folds)
    options = {"cv": folds, "n_lambdas": problem.n_lambdas, "tol": TOL, "standardize": False}
    solved, solve = [], _solutions.solve

    def noted(*args):
        solved.append(solve(*args))
        return solved[-1]

    if problem.penalty == "net":
        options["l1_ratios"] = problem.l1_ratios
    else:
        options["penalty"] = {
            "group": jr.penalties.GroupLasso(np.arange(problem.p) // GROUP),
            "slope": jr.penalties.SLOPE(np.linspace(2.0, 1.0, problem.p)),
        }[problem.penalty]
    options |= {"solver": "batched", "step_precision": step_precision}
    with patch.object(_solutions, "solve", noted):
        cv = jr.fit_cv(data.X, data.y, **options)
    n_iter = np.concatenate([solutions.n_iter for solutions in solved])
    computed = sum(solutions.computed for solutions in solved)
    return asdict(problem) | {
        "step_precision": step_precision,
        "lanes": n_iter.size,
        "mean": float(n_iter.mean()),
        "largest": int(n_iter.max()),
        "computed": computed / n_iter.size,
        "places": solved[0].places,
        "steps": int(sum(solutions.steps.max() for solutions in solved)),
        "gap": float(cv.gap.max()),
    }


def measure(out, large):
    """Count all problems, and write them to the file `out`."""
    problems = [(problem, None) for problem in SMALL + LARGE * large + OTHERS]
    problems += [(SMALL[-1], precision) for precision in ("float32", "bfloat16")]
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "tol": TOL, "rows": [counted(*problem) for problem in problems]}
    Path(out).write_text(json.dumps(found, indent=1) + "\n")
    return table(found)


def table(results):
    """The counts as Markdown."""
    head = [
        "problem",
        "penalty",
        "AR",
        "first steps",
        "mean",
        "largest",
        "computed",
        "of mean",
        "steps",
        "places",
        "gap",
    ]
    body = []
    for row in results["rows"]:
        problem = f"{row['n']} x {row['p']}, {row['folds']} + 1 lanes x {len(row['l1_ratios'])} x {row['n_lambdas']}"
        numbers = [row["mean"], row["largest"], row["computed"], row["computed"] / row["mean"], row["steps"]]
        formats = [".1f", "d", ".1f", ".2f", "d"]
        texts = [format(number, spec) for number, spec in zip(numbers, formats, strict=True)]
        first = row["step_precision"] or "full"
        body.append(
            [problem, row["penalty"], f"{row['rho']:g}", first, *texts, str(row["places"]), f"{row['gap']:.0e}"]
        )
    return markdown(head, body)
