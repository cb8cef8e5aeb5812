"""Paths over the regularizers of deep learning: networks at all strengths, in all folds, from all seeds at once.

- `fit_path` trains a model, `MLP`, `Linear` or your own, and returns a `NeuralPath`; `Flax` and `Equinox` make models
  of the modules of these libraries.
- Regularizers: penalties `L2`, `WeightDecay`, `L1`, `GroupL1`; noise `Dropout`, `DropConnect`, `GaussianNoise`,
  `Mixup`, `Cutout`, `Augment`, `LabelSmoothing`; `EarlyStopping`, `BatchNorm`, `MaxNorm`, `GradientClipping`.
- `proximal` makes an optax optimizer that takes a proximal step after each update.
"""

from jaxreg.neural._early_stopping import EarlyStopping
from jaxreg.neural._equinox import Equinox
from jaxreg.neural._flax import Flax
from jaxreg.neural._metrics import NeuralMetric
from jaxreg.neural._models import MLP, Linear, Model
from jaxreg.neural._noise import (
    Augment,
    BatchNorm,
    Cutout,
    DropConnect,
    Dropout,
    GaussianNoise,
    LabelSmoothing,
    Mixup,
    random_flip,
    random_shift,
)
from jaxreg.neural._path import fit_path
from jaxreg.neural._penalties import L1, L2, GradientClipping, GroupL1, MaxNorm, WeightDecay
from jaxreg.neural._proximal import proximal
from jaxreg.neural._regularizer import Regularizer
from jaxreg.neural._result import NeuralPath
from jaxreg.neural._selection import NeuralSelection

__all__ = [
    "L1",
    "L2",
    "MLP",
    "Augment",
    "BatchNorm",
    "Cutout",
    "DropConnect",
    "Dropout",
    "EarlyStopping",
    "Equinox",
    "Flax",
    "GaussianNoise",
    "GradientClipping",
    "GroupL1",
    "LabelSmoothing",
    "Linear",
    "MaxNorm",
    "Mixup",
    "Model",
    "NeuralMetric",
    "NeuralPath",
    "NeuralSelection",
    "Regularizer",
    "WeightDecay",
    "fit_path",
    "proximal",
    "random_flip",
    "random_shift",
]
