from sklearn.linear_model import enet_path

PACKAGES = ["scikit-learn", "numpy", "scipy"]


def fit(X, y, lambdas, l1_ratio, tol):
    gram = X.shape[0] >= X.shape[1]
    options = {"precompute": gram, "check_input": False, "max_iter": 10**8, "tol": tol}
    return enet_path(X, y, l1_ratio=l1_ratio, alphas=lambdas, **options)[1]


def coefficients(coef):
    return coef.T
