"""Files of paths of networks: arrays, and the model and the regularizers by their names and numbers."""

import json
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxreg import _validation
from jaxreg.neural import _prediction
from jaxreg.neural._description import decoded, encoded
from jaxreg.neural._metrics import NeuralMetric
from jaxreg.neural._models import Model, Sized
from jaxreg.neural._regularizer import AllHooks, Regularizer, leaf_names
from jaxreg.results import _saving

PLAIN = ("metric", "feature_names", "timings", "data", "settings", "_row_shape", "_single")
ARRAYS = ("strengths", "train_loss", "valid_loss", "mean_loss", "std_error", "kept_epoch", "seeds", "_of_steps")
LEAF, METRIC = "leaf", "metric"  # names of arrays start so: leaf/0, metric/accuracy/train
PROBE = "probe"  # outputs of one network, by which a model that is given to `read` is known
CLOSE = 1e-2  # share of the largest output by which devices may differ: products in TF32 have three digits


def write(path, file):
    """Write a NeuralPath to an .npz file, without pickle."""
    tree = {"params": path.params, "state": path.state}
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    for name, leaf in zip(leaf_names(tree), leaves, strict=True):
        if leaf.dtype.kind not in "fiubc":
            raise ValueError(f"{name} has the dtype {leaf.dtype}, which a file has no place for; pickle the path.")
    plain = {name: getattr(path, name) for name in PLAIN}
    plain |= {
        "task": path.model.task,
        "model": _described(path.model),
        "regularizers": [{"name": type(own).__name__, "description": _described(own)} for own in path.regularizers],
        "refitted": path.params is not None,
        "leaves": leaf_names(tree),
        "metrics": list(path.metrics),
    }
    arrays = {name: getattr(path, name) for name in ARRAYS}
    arrays |= {f"{LEAF}/{i}": leaf for i, leaf in enumerate(leaves)}
    for name, metric in path.metrics.items():
        arrays |= {f"{METRIC}/{name}/{part}": values for part, values in metric._asdict().items()}
    if path.classes is not None:
        arrays["classes"], plain["classes_are_objects"] = _storable(path.classes)
    if plain["model"] is None and (k := _probed(path)) is not None:
        arrays[PROBE], plain["probed"] = _prediction.outputs(path, k, _probe_rows(path)), k
    _saving.write(file, "NeuralPath", arrays | {_saving.PLAIN: np.array(json.dumps(plain))})


def _described(value):
    """JSON, or None where it is the user's own."""
    try:
        return {"of": encoded(value)}
    except LookupError:
        return None


def _storable(classes):
    """(labels as an array without objects, whether they were objects)."""
    if classes.dtype.kind != "O":
        return classes, False
    if not all(isinstance(label, str) for label in classes):
        kinds = ", ".join(sorted({type(label).__name__ for label in classes}))
        raise ValueError(f"classes has labels of type {kinds}, which a file has no place for; fit text or numbers.")
    return classes.astype(str), True


def _probed(path):
    """Position of a network that predicts, or None."""
    if path.params is None:
        return None
    return next((k for k in range(len(path.strengths)) if _prediction.is_finite(path, k)), None)


def _probe_rows(path):
    return np.linspace(-1, 1, 2 * int(np.prod(path._row_shape))).reshape(2, *path._row_shape)


def _parts(arrays):
    """(arrays, what was JSON, fields, leaves of the parameters, model, regularizers) of the arrays of a file."""
    plain = json.loads(str(arrays.pop(_saving.PLAIN)))
    values: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {name: plain[name] for name in PLAIN}
    values["metrics"] = {
        name: NeuralMetric(*(arrays[f"{METRIC}/{name}/{part}"] for part in NeuralMetric._fields))
        for name in plain["metrics"]
    }
    leaves = {name: arrays[f"{LEAF}/{i}"] for i, name in enumerate(plain["leaves"])}
    own = [(each["name"], _restored(each["description"])) for each in plain["regularizers"]]
    return arrays, plain, values, leaves, _restored(plain["model"]), own


def read(kind, file, model, regularizer):
    """The NeuralPath, an instance of `kind`, in a file."""
    arrays, plain, values, leaves, own_model, own = _saving.read(file, "NeuralPath", _parts)
    for name in ("feature_names", "_row_shape"):
        values[name] = None if values[name] is None else tuple(values[name])
    values["classes"] = arrays.get("classes")
    if plain.get("classes_are_objects"):
        values["classes"] = arrays["classes"].astype(object)
    values["model"] = _model(model, own_model, plain["task"], plain["data"]["n_outputs"])
    values["regularizers"] = _regularizers(regularizer, own)
    values["params"] = values["state"] = None
    if plain["refitted"]:
        values["params"], values["state"] = _filled(values, leaves)
    path = kind(**values)
    if PROBE in arrays:
        _check_outputs(_prediction.outputs(path, plain["probed"], _probe_rows(path)), arrays[PROBE])
    return path


def _restored(description):
    return None if description is None else decoded(description["of"])


def _model(given, own, task, outputs):
    """The model that was trained: that of the file, or the one given, with task and outputs as `fit_path` sets them."""
    if given is None:
        if own is None:
            raise ValueError("model is None, but the file has no place for the model that was trained; give it.")
        return own
    if isinstance(given, type) or not isinstance(given, Model):
        raise TypeError(f"model is {_validation.shown(given)}; give the model that was trained, or None.")
    if given.task is None:
        given = replace(given, task=task)  # type: ignore[type-var]  # those without a task are dataclasses
    if given.task != task:
        raise ValueError(f"model has the task {given.task}, but that of the file was trained for {task}.")
    if isinstance(given, Sized):
        given = given.sized(outputs)
    if own is not None and given != own:
        raise ValueError("model is another one than that of the file; leave it away, as the file has it.")
    return given


def _regularizers(given, own):
    """Those that were trained with: of the file, or given where it has no place for one."""
    if given is None:
        missing = [name for name, each in own if each is None]
        if missing:
            raise ValueError(
                f"regularizer is None, but the file has no place for its {missing[0]}; give it as in the fit."
            )
        return tuple(each for _, each in own)
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    names = [type(each).__name__ for each in given]
    if names != [name for name, _ in own] or not all(isinstance(each, Regularizer) for each in given):
        raise ValueError(
            f"regularizer is {', '.join(names)}, but that of the file is {', '.join(name for name, _ in own) or None}."
        )
    for each, (name, of_file) in zip(given, own, strict=True):
        if of_file not in (None, each):
            raise ValueError(f"regularizer has another {name} than the file, {of_file}; give that, or None.")
    return given


def _filled(values, leaves):
    """(params, state) with the leaves (S, ...) of a file, by their names, in the form that the model has."""
    dtype = values["data"]["dtype"]
    hooks = AllHooks(values["regularizers"], values["_of_steps"][0])
    with jax.enable_x64(dtype == "float64"):
        row = jax.ShapeDtypeStruct((1, *values["_row_shape"]), dtype)
        params, state = jax.eval_shape(hooks.model(values["model"]).init, jax.random.key(0), row)
    form = {"params": params, "state": state}
    shapes = dict(zip(leaf_names(form), (leaf.shape for leaf in jax.tree.leaves(form)), strict=True))
    saved = {name: leaf.shape[1:] for name, leaf in leaves.items()}
    if shapes != saved:
        name = next(name for name in {**saved, **shapes} if shapes.get(name) != saved.get(name))
        raise ValueError(
            f"model has other parameters than those saved: {name} has shape {shapes.get(name, 'none')}, and "
            f"{saved.get(name, 'none')} in the file."
        )
    tree = jax.tree.unflatten(jax.tree.structure(form), [leaves[name] for name in shapes])
    return tree["params"], tree["state"]


def _check_outputs(outputs, saved):
    if outputs.shape != saved.shape or not np.allclose(outputs, saved, rtol=0, atol=CLOSE * np.abs(saved).max()):
        raise ValueError("model gives other outputs than those saved, with the same parameters; give the one trained.")
