import numpy as np
import pycasso

PACKAGES = ["pycasso", "numpy"]


def fit(X, y, lambdas, penalty, arguments, prec, type_gaussian):
    options = {"useintercept": False, "standardize": False, "type_gaussian": type_gaussian, "max_ite": 10**9}
    options |= {"penalty": penalty, "gamma": arguments["gamma"]}
    # It ends a path without a word where the explained deviance grows slowly, and no option keeps it from that. What is
    # left is another path, which starts from zero: its local minima may be worse.
    parts, done = [], 0
    while done < len(lambdas):
        solver = pycasso.Solver(X, y, lambdas=lambdas[done:], prec=prec, **options)
        solver.train()
        parts.append(solver.coef()["beta"])
        done += len(parts[-1])
    return np.concatenate(parts)


def coefficients(coef):
    return coef
