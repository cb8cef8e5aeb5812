"""Instances of all regularizers; as a script, what those named do to losses at strength 0 and at another."""

import json
import sys

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

from jaxreg import neural

ADAM = optax.adam(1e-2)
MODEL = neural.MLP((8, 6), "classification")
ALL = load_digits(n_class=4)
X, Y = ALL["data"][:90] / 16, ALL["target"][:90]
FOLDS = [(np.arange(30, 90), np.arange(30)), (np.r_[:30, 61:90], np.arange(30, 61))]  # of 60 and 59 rows
SETTING = {"optimizer": ADAM, "epochs": 2, "batch_size": 20, "dtype": np.float64, "refit": False}


def scaled(key, x, strength):
    return x * (1 + strength * jax.random.normal(key, dtype=x.dtype))


INSTANCES = {
    "L2": (neural.L2(), 0.1),
    "WeightDecay": (neural.WeightDecay(), 0.5),
    "L1": (neural.L1(), 0.1),
    "GroupL1": (neural.GroupL1(), 0.5),
    "Dropout": (neural.Dropout(), 0.3),
    "Dropout of inputs": (neural.Dropout(inputs=True), 0.3),
    "DropConnect": (neural.DropConnect(), 0.3),
    "GaussianNoise": (neural.GaussianNoise(), 0.2),
    "Mixup": (neural.Mixup(), 0.4),
    "Cutout": (neural.Cutout(shape=(8, 8)), 0.5),
    "Augment": (neural.Augment(scaled), 0.5),
    "random_flip": (neural.Augment(neural.random_flip, (8, 8)), 1.0),
    "random_shift": (neural.Augment(neural.random_shift, (8, 8)), 1.0),
    "LabelSmoothing": (neural.LabelSmoothing(), 0.2),
    "BatchNorm": (neural.BatchNorm(), 1.0),
    "MaxNorm": (neural.MaxNorm(), 2.0),
    "GradientClipping": (neural.GradientClipping(), 5.0),
    "EarlyStopping": (neural.EarlyStopping(), 1.0),
}


def losses(**changes):
    setting = SETTING | {"dtype": np.float32}
    path = neural.fit_path(MODEL, X, Y, cv=FOLDS[:1], seeds=[5], **setting, **changes)
    return np.stack([path.train_loss, path.valid_loss])


if __name__ == "__main__":
    none = losses()
    changes = {}
    for name in sys.argv[1:]:
        regularizer, strength = INSTANCES[name]
        at_both = (losses(regularizer=regularizer, strengths=[each]) for each in (0.0, strength))
        changes[name] = [float(np.abs(each - none).max()) for each in at_both]
    print(json.dumps(changes))
