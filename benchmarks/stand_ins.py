"""What stands beside jaxreg in the accelerator run: scikit-learn on all cores, and FISTA in plain JAX on the device.

The functions give a call and a function that describes its result. The gap that is asked for is that of jaxreg.
"""

from types import SimpleNamespace

import numpy as np

TOL = {"float64": 1e-6, "float32": 1e-4}  # of gaps
MOST = 100_000  # epochs


def folds_by_fista(problem, folds, l1_ratios):
    from benchmarks import fista

    grids = problem.lambdas / np.array(l1_ratios)[:, None]

    def call():
        gaps, coef, errors, steps = fista.cross_validated(problem.X, problem.y, folds, l1_ratios, grids, TOL["float64"])
        a, k = np.unravel_index(errors.mean(axis=0).argmin(), grids.shape)
        path = SimpleNamespace(lambdas=grids[a], coef=coef.reshape(*grids.shape, -1)[a])
        return SimpleNamespace(l1_ratio_=l1_ratios[a], lambda_min=grids[a, k], path=path, gap=gaps, steps=steps)

    def describe(cv):
        chosen, missed = [float(cv.l1_ratio_), float(cv.lambda_min)], int(np.sum(cv.gap > TOL["float64"]))
        return {"solver": "FISTA", "points": cv.gap.size, "gap": float(cv.gap.max()), "not_converged": missed} | {
            "n_iter": [float(cv.steps)] * 2,
            "chosen": chosen,
        }

    return call, describe


def folds_by_sklearn(problem, folds, l1_ratios):
    from sklearn.linear_model import ElasticNetCV
    from sklearn.model_selection import PredefinedSplit

    L, ratio = len(problem.lambdas), problem.lambdas[-1] / problem.lambdas[0]
    model = ElasticNetCV(
        l1_ratio=list(l1_ratios), alphas=L, eps=ratio, cv=PredefinedSplit(folds), n_jobs=-1, tol=TOL["float64"] / 2,
        max_iter=MOST,
    )  # fmt: skip

    def call():
        fitted = model.fit(problem.X, problem.y)
        path = SimpleNamespace(lambdas=np.array([fitted.alpha_]), coef=fitted.coef_[None])
        return SimpleNamespace(l1_ratio_=fitted.l1_ratio_, path=path)

    def describe(cv):
        points = L * len(l1_ratios) * int(folds.max() + 1)
        return {"solver": "scikit-learn", "points": points, "chosen": [cv.l1_ratio_, cv.path.lambdas[0]]}

    return call, describe


def lasso_by_sklearn(problem):
    from sklearn.linear_model import lasso_path

    options = {"alphas": problem.lambdas, "tol": TOL["float32"] / 2, "max_iter": MOST}

    def call():
        lambdas, coef, _ = lasso_path(problem.X, problem.y, **options)
        return SimpleNamespace(lambdas=lambdas, coef=coef.T)

    return call, lambda path: {"solver": "scikit-learn", "points": len(path.lambdas)}
