import jax

import jaxreg as jr

PACKAGES = ["jaxreg", "jax", "jaxlib", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, tol):
    penalty = jr.penalties.ElasticNet(l1_ratio=l1_ratio)
    return jr.fit_path(X, y, penalty=penalty, lambdas=lambdas, fit_intercept=False, standardize=False, tol=tol)


def coefficients(path):
    return path.coef


def device_peak():
    stats = jax.devices()[0].memory_stats()  # None on a CPU
    return stats and stats["peak_bytes_in_use"] / 2**20
