"""Prints the results of a cross-validation on as many virtual devices as there are: run by `test_devices`."""

import json
import sys
from dataclasses import replace

import jax
import numpy as np
from reference import ar_problem

import jaxreg as jr
from jaxreg.design import _placement
from jaxreg.paths import _solutions

count, tol = int(sys.argv[1]), float(sys.argv[2])
placement = replace(_placement.current(), on_host=False, accelerated=True, devices=tuple(jax.local_devices()[:count]))
_placement.current = lambda: placement
X, y = ar_problem(60, 9, seed=2)
cv = jr.fit_cv(X, y, l1_ratios=[0.3, 0.6, 0.8, 1.0], cv=4, n_lambdas=8, tol=tol)
path = jr.fit_path(X, y, n_lambdas=8, tol=tol)
shares = _solutions.Groups.of(5, 4, 8, count).shape
print(json.dumps([cv.fold_loss.tolist(), cv.coef.tolist(), path.coef.tolist(), float(np.max(cv.gap)), shares]))
