"""fit_path: a model, data and strengths in, a NeuralPath out."""

import time
from dataclasses import replace

import jax
import numpy as np
import optax

from jaxreg import _hints, _progress, _provenance, _validation
from jaxreg.neural import _checkpoint, _data, _metrics
from jaxreg.neural._models import Model, Sized, check_task
from jaxreg.neural._result import NeuralPath
from jaxreg.neural._sources import Resident, Streamed
from jaxreg.neural._strengths import make_strengths
from jaxreg.neural._sweep import Sweep, run
from jaxreg.neural._training import Plan
from jaxreg.paths import _endings

DEFAULT_OPTIMIZER = optax.adam(1e-3)
LOSSES = {"regression": "mean squared error", "classification": "cross-entropy"}


def fit_path(
    model,
    X,
    y,
    *,
    regularizer=None,
    strengths=None,
    cv=5,
    groups=None,
    seeds=1,
    optimizer=None,
    epochs=100,
    batch_size=32,
    dtype=np.float32,
    refit=True,
    metrics=(),
    stream=None,
    max_lanes=None,
    checkpoint=None,
    checkpoint_every=10,
    progress=None,
    **unknown,
) -> NeuralPath:
    r"""Train a network at every strength of a regularizer, in every fold, from every seed, and again on all the data.

    One lane is a network of one strength, fold and seed; S x K x R lanes train side by side in one compiled loop, which
    minimises, by minibatches,

        mean_i loss(y_i, f(x_i)) + penalty

    with (y - f)^2 / 2, summed over several responses, or the cross-entropy of the softmax of f. So strengths of `L2`
    and `L1` are the lambdas of `jaxreg.fit_path`. Lanes of one seed start alike, see the same minibatches and draw the
    same random numbers at all strengths: what differs is the strength.

    Parameters
    ----------
    model : Model
        `MLP`, `Linear`, `Flax`, `Equinox` or your own; it must be hashable. It sees X as it is: scale its columns.
    X : array (n, ...) or frame
        Rows of numbers; images may keep their shape. A memory map stays in its file, see `stream`.
    y : array (n,) or (n, C)
        Responses of a regression; labels (n,) of any kind in a classification. Text, booleans and 2 to 10 whole numbers
        may be labels: they need a model whose task is given. A Series with an index goes by that of X.
    regularizer : Regularizer, a tuple of them, or None
        None trains once, without. Of several the strengths are the grid of all combinations.
    strengths : sequence of float >= 0, a tuple of such for several regularizers, or None
        0 is no regularization. None takes those that the regularizer proposes.
    cv, groups
        Folds, as in `fit_cv`, of a classification stratified; also a list of one pair (train, test).
    seeds : int or sequence of int
        How many times each fold trains, or the seeds: initial parameters, minibatches and noise.
    optimizer : optax.GradientTransformation or None
        None is `optax.adam(1e-3)`. Make it once: another instance compiles anew.
    epochs : int
        Passes over the training rows.
    batch_size : int or None
        Rows of a step. None is all of them; the last minibatch of an epoch may be smaller.
    dtype : float32 or float64
    refit : bool
        Whether to train on all the data at each strength, from the first seed: `predict` needs it.
    metrics : sequence of str
        Further measures, which decide nothing: "accuracy" of a classification; "r2" (averaged over responses), "mse",
        "mae" of a regression. `NeuralPath.metrics` has them after each epoch, in training and held out.
    stream : bool or None
        Whether X stays on the host and its minibatches go to the device as they are needed. None does so for a memory
        map (`numpy.memmap`).
    max_lanes : int or None
        Lanes that train side by side; fewer need less memory. None is all on an accelerator, 16 on each core of a CPU.
    checkpoint : path or None
        Directory in which all lanes are saved as they train. After Ctrl-C or a crash the same call goes on from there,
        and its result is the same to the last bit; after the end it returns that result at once. A directory with
        another sweep is refused. Needs orbax: ``pip install "jaxreg[neural]"``.
    checkpoint_every : int
        Epochs between two saves.
    progress : bool or None
        Show a bar of the epochs, those of `refit` among them. None shows it in Jupyter, where tqdm is installed.

    Returns
    -------
    NeuralPath

    Raises
    ------
    ValueError, TypeError
        For arguments that do not fit, with the name of the argument; for data whose squares overflow in `dtype`; for a
        checkpoint of another sweep, with what differs.
    ImportError
        For `checkpoint` without orbax, `progress` without tqdm.

    Warns
    -----
    ConvergenceWarning
        Where the loss of a lane became NaN or infinite. Such a strength is never chosen.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    >>> path = jr.neural.fit_path(
    ...     jr.neural.MLP(hidden=(16,)), X, y, regularizer=jr.neural.WeightDecay(), strengths=[0, 0.1, 1, 10], epochs=20
    ... )
    >>> path.valid_loss.shape
    (4, 5, 1, 20)
    >>> path.strengths[path.best] == path.strength_min
    np.True_
    >>> path.predict(X).shape
    (442,)
    """
    given = {name: value for name, value in locals().items() if name not in ("X", "y", "unknown")}
    began = time.perf_counter()
    _hints.refuse_keywords(unknown, "neural.fit_path", fit_path.__kwdefaults__, _hints.NEURAL_KEYWORDS)
    model = _check_model(model, y)
    optimizer = _check_optimizer(optimizer)
    epochs = _validation.check_count(epochs, "epochs")
    seeds = _check_seeds(seeds)
    refit = _validation.check_flag(refit, "refit")
    dtype = _validation.check_dtype(dtype)
    max_lanes = None if max_lanes is None else _validation.check_count(max_lanes, "max_lanes")
    checkpoint = _checkpoint.check_directory(checkpoint)
    checkpoint_every = _validation.check_count(checkpoint_every, "checkpoint_every")
    progress = _progress.check_progress(progress)
    metrics = _metrics.check_metrics(metrics, model.task)
    grid = make_strengths(regularizer, strengths, epochs, model.task)
    data = _data.check_data(X, y, model.task, dtype)
    if isinstance(model, Sized):
        model = model.sized(data.target.shape[1])
    folds, validated = _data.make_groups(data, cv, groups, seeds)
    variance = _metrics.variances(data.target, validated, len(seeds))
    _metrics.check_spread(metrics, variance)
    batch_size = _check_batch_size(batch_size, validated)
    stream = isinstance(data.X, np.memmap) if stream is None else _validation.check_flag(stream, "stream")

    with jax.enable_x64(dtype == np.float64), _progress.epoch_bar(epochs * (1 + refit), "neural", progress) as show:
        source = (Streamed if stream else Resident)(data.X, data.target, dtype)

        def sweep(groups, keys, strengths, limit, patience, metrics):
            outputs = data.target.shape[1]
            plan = Plan.of(grid.regularizers, model, optimizer, batch_size, groups, patience, metrics, outputs)
            return Sweep(plan, source, source.groups(groups, keys), strengths, limit, epochs, max_lanes)

        keys = jax.vmap(jax.random.key)(np.tile(seeds, len(folds)))
        limit = np.broadcast_to(grid.limits, (len(keys), len(grid.limits)))
        first = sweep(validated, keys, grid.of_lanes, limit, grid.patience, metrics)
        in_folds, in_refit = _checkpoint.stages(
            checkpoint,
            checkpoint_every,
            ("folds", "refit"),
            lambda: {
                "X": data.X,
                "y": data.target,
                "folds": validated,
                "seeds": seeds,
                "strengths": grid,
                "model": model,
                "optimizer": optimizer,
                "epochs": epochs,
                "batch_size": batch_size,
                "dtype": dtype,
                "metrics": metrics,
                "stream": stream,
                "lanes": [len(each) for each in first.tiles[0]],
            },
        )
        measures, ran = run(first, lambda lane: (lane.measures, lane.epochs), in_folds, show)
        of_folds = len(folds), len(seeds), len(grid.limits)
        measures = measures.astype(np.float64).reshape(*of_folds, epochs, 2, -1)
        measures = np.moveaxis(measures, (4, 2), (0, 1))  # (2, S', K, R, epochs, M)
        ran = np.moveaxis(ran.reshape(of_folds), 2, 0)
        measures, kept = grid.stopped(measures, ran)
        trained = time.perf_counter()

        params = state = None
        if refit:
            limit = np.rint(kept.mean(axis=(1, 2))).astype(int)[None]
            whole = sweep(_data.whole(len(data.y)), keys[:1], grid.of_steps, limit, None, ())
            found = run(whole, lambda lane: (lane.params, lane.state), in_refit, lambda done: show(epochs + done))
            params, state = jax.tree.map(lambda leaf: leaf[0], found)

    scale = 2 / data.target.shape[1] if model.task == "regression" else 1.0
    losses = scale * measures[..., 0]
    mean_loss, std_error = _metrics.fold_average(losses[_metrics.VALID, ..., -1], folds)
    path = NeuralPath(
        strengths=grid.values,
        train_loss=losses[_metrics.TRAIN],
        valid_loss=losses[_metrics.VALID],
        mean_loss=mean_loss,
        std_error=std_error,
        kept_epoch=kept,
        seeds=seeds,
        metric=LOSSES[model.task],
        model=model,
        regularizers=grid.regularizers,
        params=params,
        state=state,
        classes=data.classes,
        feature_names=data.feature_names,
        timings={"folds": trained - began, "refit": time.perf_counter() - trained},
        _of_steps=grid.of_steps,
        _row_shape=data.X.shape[1:],
        _single=data.y.ndim == 1,
        metrics=_metrics.of_path(metrics, measures[..., 1:], np.isfinite(losses), variance, folds),
        data=data.summary(dtype),
        settings=_provenance.sources(given, fit_path, model=None),
    )
    _endings.warn(_said(path))
    return path


def _check_model(model, y):
    if isinstance(model, type):
        raise TypeError(f"model is the class {model.__name__}; give an instance, {model.__name__}(...).")
    if not isinstance(model, Model):
        raise TypeError(
            f"model is {_validation.shown(model)}; give MLP, Linear, Flax, Equinox, or an object with task, init and "
            "apply."
        )
    if check_task(model.task) is None:
        model = replace(model, task=_data.task_of(y))  # type: ignore[type-var]  # those without a task are dataclasses
    try:
        hash(model)
    except TypeError as error:
        raise TypeError(
            f"model cannot be hashed ({error}); give one of hashable parts, as tuples for lists."
        ) from error
    return model


def _check_optimizer(optimizer):
    if optimizer is None:
        return DEFAULT_OPTIMIZER
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(
            f"optimizer is {_validation.shown(optimizer)}; give an optax.GradientTransformation, as optax.adam(1e-3)."
        )
    return optimizer


def _check_seeds(seeds):
    """Seeds (R,) of a count, or those given."""
    if not np.iterable(seeds):
        return np.arange(_validation.check_count(seeds, "seeds"))
    found = np.array([_validation.check_count(seed, "seeds", at_least=0) for seed in seeds])
    if not found.size or len(np.unique(found)) < len(found):
        raise ValueError(f"seeds is {seeds!r}; give a count, or one or more different seeds.")
    return found


def _check_batch_size(batch_size, groups):
    if batch_size is None:
        return len(groups.train[0])
    return min(_validation.check_count(batch_size, "batch_size"), len(groups.train[0]))


def _said(path):
    """What to warn of."""
    count = np.count_nonzero(path.diverged)
    if not count:
        return []
    at = [f"{path._strength(k)}" for k in np.flatnonzero(path.diverged.any(axis=(1, 2)))]
    most = ", ".join(at[:5]) + (f" and {len(at) - 5} more" if len(at) > 5 else "")
    return [
        f"the loss of {count} of {path.diverged.size} lanes became NaN or infinite, at strength {most}: train with a "
        "smaller step size, or leave these strengths out"
    ]
