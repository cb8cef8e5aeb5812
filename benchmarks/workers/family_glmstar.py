import numpy as np
import pandas as pd
from glmnet.paths.coxnet import CoxNet
from glmnet.paths.fastnet import FastNetControl
from glmnet.paths.fishnet import FishNet
from glmnet.paths.lognet import LogNet
from glmnet.paths.multiclassnet import MultiClassNet

PACKAGES = ["glmstar", "coxdev", "scikit-learn", "numpy", "scipy"]
NETS = {
    "logistic": LogNet,
    "multinomial": MultiClassNet,
    "grouped": MultiClassNet,
    "poisson": FishNet,
    "cox": CoxNet,
}


def fit(X, y, lambdas, family, folds, thresh):
    control = FastNetControl(fdev=0.0, devmax=1.0, thresh=thresh, maxit=2**31 - 1)  # no early end
    options = {"grouped": True} if family == "grouped" else {}
    if family == "cox":
        y = pd.DataFrame({"event": y[:, 0], "status": y[:, 1].astype(int)})
    return NETS[family](lambda_values=lambdas, standardize=False, control=control, **options).fit(X, y)


def coefficients(model):
    return np.concatenate([np.asarray(model.intercepts_)[:, None], model.coefs_], axis=1)
