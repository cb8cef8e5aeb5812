from glmnet import ElasticNet

PACKAGES = ["glmnet", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, thresh):
    options = {"standardize": False, "fit_intercept": False, "n_splits": 0, "tol": thresh, "max_iter": 10**9}
    return ElasticNet(alpha=l1_ratio, lambda_path=lambdas, **options).fit(X, y)


def coefficients(model):
    return model.coef_path_.T
