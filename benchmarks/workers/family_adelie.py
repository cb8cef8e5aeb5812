import adelie as ad
import numpy as np

PACKAGES = ["adelie", "numpy", "scipy"]


def glm_of(y, family):
    if family == "grouped":
        return ad.glm.multinomial(np.eye(int(y.max()) + 1)[y.astype(int)])
    if family == "cox":
        time, event = y.T
        return ad.glm.cox(start=np.zeros(len(y)), stop=time, status=event, tie_method="breslow")
    return {"logistic": ad.glm.binomial, "poisson": ad.glm.poisson}[family](y)


def fit(X, y, lambdas, family, folds, tol):
    glm = glm_of(y, family)
    options = {"tol": tol, "irls_tol": tol, "max_iters": 10**9, "irls_max_iters": 10**9, "progress_bar": False}
    options["intercept"] = family != "cox"
    job = X, y, lambdas, glm, family, options
    if folds is not None:  # it draws its folds itself, and makes its grid itself
        grid = {"min_ratio": lambdas[-1] / lambdas[0], "lmda_path_size": len(lambdas)}
        return ad.cv.cv_grpnet(X, glm, n_folds=len(np.unique(folds)), seed=0, **grid, **options), job, folds
    return path(*job), job, None


def path(X, y, lambdas, glm, family, options):
    if family == "grouped":  # its loss is divided by the number of classes as well
        lambdas, options = lambdas / glm.y.shape[1], options | {"penalty": np.ones(X.shape[1])}
    return ad.grpnet(X, glm, lmda_path=lambdas, early_exit=False, **options)


def coefficients(result):
    state, (X, y, lambdas, glm, family, options), folds = result
    if folds is None:
        return with_intercept(state)
    weights = [np.ones(len(y)), *((folds != k) * 1.0 for k in np.unique(folds))]
    glms = [glm.reweight(weight / weight.sum()) for weight in weights]
    return np.array([with_intercept(path(X, y, lambdas, own, family, options)) for own in glms])


def with_intercept(state):
    L, outputs = len(state.lmdas), np.shape(state.intercepts)[1:]
    return np.concatenate([state.intercepts[:, None], state.betas.toarray().reshape(L, -1, *outputs)], axis=1)
