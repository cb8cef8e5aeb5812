"""Prints a cross-validation and a path on so many virtual devices, a line of JSON each: run by `test_devices`."""

import json
import sys
from dataclasses import replace

import jax
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement


def main():
    X, y = ar_problem(60, 9, seed=2)
    for count in map(int, sys.argv[1:]):
        devices = tuple(jax.local_devices()[:count])
        placement = replace(_placement.current(), on_host=False, accelerated=True, devices=devices)
        _placement.current = lambda placement=placement: placement
        cv = jr.fit_cv(X, y, l1_ratios=[0.3, 0.6, 0.8, 1.0], cv=4, n_lambdas=8, tol=1e-12)
        path = jr.fit_path(X, y, n_lambdas=8, tol=1e-12)
        result = {"devices": len(placement.devices), "gap": float(cv.gap.max())}
        result |= {"fold_loss": cv.fold_loss.tolist(), "coef": cv.coef.tolist(), "path": path.coef.tolist()}
        print(json.dumps(result))


if __name__ == "__main__":
    main()
