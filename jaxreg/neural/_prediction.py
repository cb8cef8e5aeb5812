"""What refitted networks say of new rows."""

import jax
import numpy as np

from jaxreg import _arrays, _validation
from jaxreg.neural import _data, _training
from jaxreg.scores._numbers import r_squared

TYPES = {"regression": ("response",), "classification": ("response", "probability", "link")}
PREDICTED = 1024  # rows at a time


def predict(path, X, strength, type):
    """`NeuralPath.predict`."""
    _validation.check_choice(type, "type", TYPES[path.model.task])
    if path.params is None:
        raise ValueError("the path was fitted with refit=False; fit it with refit=True to predict.")
    k = path._position(strength)
    X, names = _data.check_inputs(X, _dtype(path))
    if X.shape[1:] != path._row_shape:
        raise ValueError(f"X has rows of shape {X.shape[1:]}, but the path was fitted on {path._row_shape}.")
    _arrays.check_names(names, path.feature_names)
    if not is_finite(path, k):
        raise ValueError(
            f"strength {path._said(k)} diverged when it was refitted to all the data; train with a smaller step "
            "size, or choose another strength."
        )
    found = outputs(path, k, X)
    if type == "probability":
        with jax.enable_x64(found.dtype == np.float64):
            return np.asarray(jax.nn.softmax(found))
    if path.classes is None:
        return found[:, 0] if path._single else found
    return found if type == "link" else path.classes[found.argmax(axis=1)]


def score(path, X, y, strength):
    """`NeuralPath.score`."""
    predicted = predict(path, X, strength, "response")
    y = _data.check_truth(y, X, predicted, path.classes)
    if path.classes is not None:
        return float(np.mean(predicted == y))
    return float(r_squared(y, predicted, np.ones(len(y))))


def is_finite(path, k):
    """Whether the refit at a position did not diverge."""
    return all(np.isfinite(leaf[k]).all() for leaf in jax.tree.leaves(path.params))


def outputs(path, k, X):
    """Outputs (m, C) of the network at a position for rows X (m, ...)."""
    dtype = _dtype(path)
    params, state = jax.tree.map(lambda leaf: leaf[k], (path.params, path.state))
    with jax.enable_x64(dtype == np.float64):
        strengths = path._of_steps[k].astype(dtype)
        parts = [
            _training.outputs(path.model, path.regularizers, strengths, params, state, np.asarray(rows, dtype))
            for rows in np.split(X, range(PREDICTED, len(X), PREDICTED))
        ]
        return np.concatenate(parts).reshape(len(X), -1)


def _dtype(path):
    return np.result_type(*jax.tree.leaves(path.params))
