"""Prints a cross-validation and a path, a line of JSON for each way to lay them out: run by `test_devices`."""

import json
from dataclasses import replace
from unittest.mock import patch

import jax
from reference import ar_problem

import jaxreg as jr
from jaxreg.cv import _folded
from jaxreg.design import _placement
from jaxreg.paths import _queue, _solutions

X, Y = ar_problem(60, 9, 0.9, seed=2)
FOLDS = {"l1_ratios": [0.3, 0.6, 0.8, 1.0], "cv": 4, "n_lambdas": 8}
DEVICES = 1, 2, 4, 8
HERE = _placement.current()


def printed(layout, devices=1):
    """Also how many devices there were, and how often lanes were solved side by side."""
    solved, solve = [], _solutions.solve

    def noted(*args):
        solved.append(solve(*args))
        return solved[-1]

    there = replace(HERE, on_host=False, accelerated=True, devices=tuple(jax.local_devices()[:devices]))
    with patch.object(_placement, "current", lambda: there), patch.object(_solutions, "solve", noted):
        cv = jr.fit_cv(X, Y, **FOLDS)
        ridge = jr.fit_cv(X, Y, penalty="ridge", cv=4, n_lambdas=8)
        path = jr.fit_path(X, Y, n_lambdas=8)
    result = {"layout": layout, "devices": devices, "solves": len(solved), "places": solved[0].places}
    numbers = {"fold_loss": cv.fold_loss, "coef": cv.coef, "path": path.coef, "ridge": ridge.fold_loss}
    result |= {name: values.tolist() for name, values in numbers.items()}
    print(json.dumps(result | {"solver": ridge.path.solver, "gap": float(cv.gap.max())}))


if __name__ == "__main__":
    for count in DEVICES:
        printed(f"{count} devices", count)
    with patch.object(_folded, "PART", 1e-12):
        printed("a fold at a time")
    with patch.object(_queue, "places_for", lambda _: 3):
        printed("few places")
