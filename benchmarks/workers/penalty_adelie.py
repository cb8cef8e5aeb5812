import adelie as ad
import numpy as np
from differences import coefficients_of, lasso_of

PACKAGES = ["adelie", "numpy", "scipy"]


def group(X, y, lambdas, options, labels):
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    return _path(X, ad.glm.gaussian(y), lambdas, groups=starts, **options)


def multitask(X, y, lambdas, options):
    # its loss is divided by the number of responses as well
    p, responses = X.shape[1], y.shape[1]
    glm = ad.glm.multigaussian(np.ascontiguousarray(y))
    return _path(X, glm, lambdas / responses, penalty=np.ones(p), **options).reshape(-1, p, responses)


def fused(X, y, lambdas, options):
    design, response = lasso_of(X, y)
    return coefficients_of(_path(design, ad.glm.gaussian(response), lambdas, **options), X, y)


def _path(X, glm, lambdas, **options):
    options |= {"lmda_path": lambdas, "intercept": False, "early_exit": False, "progress_bar": False}
    return ad.grpnet(X, glm, max_iters=10**9, **options).betas.toarray()


PATHS = {"group": group, "multitask": multitask, "fused": fused}


def fit(X, y, lambdas, penalty, arguments, tol, n_threads):
    return PATHS[penalty](X, y, lambdas, {"tol": tol, "n_threads": n_threads}, **arguments)


def coefficients(coef):
    return coef
