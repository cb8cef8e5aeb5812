import os

import adelie as ad
import numpy as np

PACKAGES = ["adelie", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, method, n_threads, tol):
    threads = os.cpu_count() if n_threads == "all" else n_threads
    options = {"alpha": l1_ratio, "lmda_path": lambdas, "tol": tol, "max_iters": 10**9, "n_threads": threads}
    options |= {"early_exit": False, "progress_bar": False}
    if method == "naive":
        return ad.grpnet(X, ad.glm.gaussian(y), intercept=False, **options)
    n = len(y)
    return ad.gaussian_cov(np.asfortranarray(X.T @ X / n), X.T @ y / n, **options)


def coefficients(state):
    return state.betas.toarray()
