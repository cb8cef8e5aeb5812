import numpy as np

import jaxreg as jr

PACKAGES = ["jaxreg", "jax", "jaxlib", "numpy", "scipy"]
PENALTIES = {
    "group": lambda labels: jr.penalties.GroupLasso(np.array(labels)),
    "multitask": jr.penalties.MultiTaskLasso,
    "slope": lambda weights: jr.penalties.SLOPE(np.array(weights)),
    "mcp": jr.penalties.MCP,
    "scad": jr.penalties.SCAD,
    "fused": jr.penalties.FusedLasso,
}


def fit(X, y, lambdas, penalty, arguments, tol):
    made = PENALTIES[penalty](**arguments)
    return jr.fit_path(X, y, penalty=made, lambdas=lambdas, fit_intercept=False, standardize=False, tol=tol)


def coefficients(path):
    return path.coef
