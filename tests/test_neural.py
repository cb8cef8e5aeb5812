"""Networks trained side by side: lanes, strengths of 0, folds, seeds, stops, choices, errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from instances import few
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from strength_zero import ADAM, FOLDS, INSTANCES, MODEL, SETTING, X, Y
from test_compilation import compilations

import jaxreg as jr
from jaxreg import neural


def test_every_regularizer_is_tested():
    kinds = {type(regularizer).__name__ for regularizer, _ in INSTANCES.values()}
    public = (getattr(neural, name) for name in neural.__all__)
    assert kinds == {
        each.__name__ for each in public if isinstance(each, type) and issubclass(each, neural.Regularizer)
    } - {"Regularizer"}


OTHERS = tuple(name for name in INSTANCES if name != "Dropout")


@pytest.mark.slow
@pytest.mark.parametrize("names", [("Dropout",), OTHERS])
def test_strength_0_is_no_regularizer_to_the_last_bit(names):
    """As users compile them (see conftest.py)."""
    script = [sys.executable, Path(__file__).with_name("strength_zero.py"), *names]
    done = subprocess.run(script, env=os.environ | {"XLA_FLAGS": ""}, capture_output=True, check=True)
    differences = json.loads(done.stdout)
    assert set(differences) == set(names)
    for name, (at_zero, at_strength) in differences.items():
        assert at_zero == 0.0, name
        assert at_strength > 1e-7, name


@pytest.mark.parametrize("name", few(["Mixup", "BatchNorm"], "BatchNorm"))
def test_lanes_are_single_runs(name):
    regularizer, strength = INSTANCES[name]
    many = neural.fit_path(
        MODEL, X, Y, regularizer=regularizer, strengths=[strength, 0.0], cv=FOLDS, seeds=[7, 5], **SETTING
    )
    for k, own in enumerate((strength, 0.0)):
        one = neural.fit_path(MODEL, X, Y, regularizer=regularizer, strengths=[own], cv=FOLDS[1:], seeds=[5], **SETTING)
        np.testing.assert_allclose(many.valid_loss[k, 1, 1], one.valid_loss[0, 0, 0], rtol=1e-9)
        np.testing.assert_allclose(many.train_loss[k, 1, 1], one.train_loss[0, 0, 0], rtol=1e-9)


@pytest.mark.slow
def test_a_fold_with_fewer_minibatches_is_a_single_run():
    folds = [(np.arange(30, 90), np.arange(30)), (np.arange(39), np.arange(39, 90))]  # 3 minibatches and 2
    both = neural.fit_path(MODEL, X, Y, cv=folds, **SETTING)
    for k in range(2):
        alone = neural.fit_path(MODEL, X, Y, cv=folds[k : k + 1], **SETTING)
        np.testing.assert_allclose(both.valid_loss[:, k], alone.valid_loss[:, 0], rtol=1e-9)


@pytest.mark.slow
def test_tiles_do_not_matter():
    grid = {"regularizer": neural.L2(), "strengths": [0.0, 0.01, 0.1, 0.2, 0.5], "cv": FOLDS, "seeds": 2}
    whole = neural.fit_path(MODEL, X, Y, **grid, **SETTING)
    parts = neural.fit_path(MODEL, X, Y, **grid, **SETTING, max_lanes=4)
    np.testing.assert_allclose(parts.valid_loss, whole.valid_loss, rtol=1e-9)


def test_no_retrace_for_strengths_folds_and_seeds():
    model = neural.MLP((5,), "classification")  # that no other test trains
    setting = SETTING | {"refit": True}

    def fit(strengths, cv, seeds, momentum=0.9, y=Y):
        norm = neural.BatchNorm(momentum=momentum)
        grid = {"regularizer": (neural.Dropout(), norm), "strengths": (strengths, [0.0, 1.0])}
        return neural.fit_path(model, X, y, cv=cv, seeds=seeds, **grid, **setting)

    with compilations() as first:
        fit([0.0, 0.5], FOLDS, 2)
    assert "train" in first
    with compilations() as again:
        fit([0.1, 0.9], [FOLDS[0], (np.r_[:20, 51:90], np.arange(20, 51))], [8, 9], momentum=0.5, y=(Y + 1) % 4)
    assert again == []


def test_minibatches_are_every_row_once():
    from jaxreg.neural import _data, _training

    folds, groups = _data.make_groups(_data.check_data(X, Y, "classification", np.float64), FOLDS, None, [0])
    assert len(folds) == 2
    groups = groups._replace(key=jax.vmap(jax.random.key)(np.zeros(2, int)))
    plan = _training.Plan((), MODEL, ADAM, 25, 3, False, None)
    drawn = [np.asarray(each) for each in _training.order(plan, groups, 0)]
    for k, (train, _) in enumerate(FOLDS):
        rows, weight = drawn[0][:, k].ravel(), drawn[1][:, k].ravel()
        np.testing.assert_array_equal(np.sort(rows[weight > 0]), train)
        assert np.isin(rows, train).all()
    assert (np.asarray(_training.order(plan, groups, 1)[0]) != drawn[0]).any()


@pytest.mark.slow
def test_weight_decay_with_adam_is_adamw():
    decayed = neural.fit_path(
        MODEL, X, Y, regularizer=neural.WeightDecay(), strengths=[0.3], cv=FOLDS, **SETTING | {"refit": True}
    )
    masked = optax.adamw(1e-2, weight_decay=0.3, mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params))
    own = neural.fit_path(MODEL, X, Y, cv=FOLDS, **SETTING | {"refit": True, "optimizer": masked})
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9), decayed.params, own.params)


def test_steps_follow_a_schedule_and_momentum():
    schedule = optax.linear_schedule(1.0, 0.0, 4)
    steps = []
    for base, wanted in (
        (optax.sgd(schedule), [1.0, 0.75, 0.5]),
        (optax.sgd(1.0, momentum=0.5), [1.0, 1.5, 1.75]),
        (optax.chain(optax.clip(10.0), optax.adam(0.1)), [0.1, 0.1, 0.1]),
        (optax.multi_transform({"a": optax.sgd(0.5), "b": optax.sgd(0.5)}, {"w": "a"}), [0.5, 0.5, 0.5]),
    ):
        steps = []

        def prox(q, w, eta, steps=steps):
            steps.append(float(eta["w"]))
            return q

        optimizer = neural.proximal(base, prox)
        params = {"w": jnp.ones(3)}
        state = optimizer.init(params)
        for _ in range(3):
            _, state = optimizer.update({"w": jnp.ones(3)}, state, params)
        np.testing.assert_allclose(steps, wanted, rtol=2e-5)


def kernels(path):
    return {name: layer["kernel"] for name, layer in path.params.items()}


PROMISING = SETTING | {"refit": True, "epochs": 30, "cv": FOLDS[:1], "dtype": np.float32}


@pytest.mark.slow
def test_l1_and_max_norm_keep_their_promises():
    both = {"regularizer": (neural.L1(), neural.MaxNorm()), "strengths": ([0.01, 1.0], [2.0])}
    sparse = kernels(neural.fit_path(MODEL, X, Y, **both, **PROMISING))
    zeros = [sum((kernel[k] == 0).sum() for kernel in sparse.values()) for k in range(2)]
    assert 0 < zeros[0] < zeros[1]
    for kernel in sparse.values():
        np.testing.assert_allclose(np.linalg.norm(kernel[0], axis=0).max(), 0.5, rtol=1e-6)


@pytest.mark.slow
def test_group_l1_selects_pixels():
    selected = neural.fit_path(MODEL, X, Y, regularizer=neural.GroupL1(), strengths=[0.7], **PROMISING)
    gone = (selected.params["layer0"]["kernel"][0] == 0).all(axis=1)
    assert 0 < gone.sum() < 64
    np.testing.assert_array_equal(selected.predict(X + gone, type="link"), selected.predict(X, type="link"))


@pytest.mark.device
@pytest.mark.slow
def test_clipping_is_that_of_optax():
    clipped = neural.fit_path(MODEL, X, Y, regularizer=neural.GradientClipping(), strengths=[4.0], cv=FOLDS, **SETTING)
    theirs = SETTING | {"optimizer": optax.chain(optax.clip_by_global_norm(0.25), ADAM)}
    own = neural.fit_path(MODEL, X, Y, cv=FOLDS, **theirs)
    np.testing.assert_allclose(clipped.valid_loss, own.valid_loss, rtol=1e-9)


class TestEarlyStopping:
    setting = SETTING | {"epochs": 12, "refit": True, "cv": FOLDS, "seeds": 2}

    @pytest.mark.slow
    def test_the_epoch_is_the_path(self):
        whole = neural.fit_path(MODEL, X, Y, **self.setting)
        path = neural.fit_path(
            MODEL, X, Y, regularizer=neural.EarlyStopping(), strengths=[1 / 3, 0.0, 1.0], **self.setting
        )
        for k, stop in enumerate((3, 12, 1)):
            np.testing.assert_array_equal(path.valid_loss[k, ..., :stop], whole.valid_loss[0, ..., :stop])
            assert (path.valid_loss[k, ..., stop:] == path.valid_loss[k, ..., stop - 1 : stop]).all()
            assert (path.kept_epoch[k] == stop).all()
        short = neural.fit_path(MODEL, X, Y, **self.setting | {"epochs": 3})
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b[0], rtol=1e-9), path.params, short.params)

    def test_patience_keeps_the_best(self):
        overfitting = self.setting | {"optimizer": optax.adam(0.3), "epochs": 40, "refit": False}
        whole = neural.fit_path(MODEL, X, Y, **overfitting).valid_loss[0]
        path = neural.fit_path(MODEL, X, Y, regularizer=neural.EarlyStopping(patience=3), **overfitting)
        for k, r in np.ndindex(2, 2):
            losses = whole[k, r]
            stop = next(
                e for e in range(3, 41) if e == 40 or losses[e - 3 : e].min() >= losses[: e - 3].min(initial=np.inf)
            )
            assert path.kept_epoch[0, k, r] == 1 + losses[:stop].argmin()
            np.testing.assert_allclose(path.valid_loss[0, k, r, :stop], losses[:stop], rtol=1e-9)
            np.testing.assert_allclose(path.valid_loss[0, k, r, stop:], losses[:stop].min(), rtol=1e-9)
        assert path.kept_epoch.min() < 37  # it did stop

    def test_lanes_end_with_the_parameters_of_their_best_epoch(self):
        from jaxreg.neural import _training

        plan = _training.Plan((), MODEL, ADAM, 20, 3, False, patience=2)
        held_out = jnp.array([[5.0, 3.0, 4.0, 4.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]]).T[:, None]  # of G = 1, S = 2
        one, none = jnp.ones((1, 2)), jnp.zeros((1, 2), int)
        lane = _training.Lane(
            params=0 * one,
            state={},
            optimizer={},
            active=one > 0,
            epochs=none,
            best=(jnp.inf * one, 0 * one, {}),
            since=none,
            measures=jnp.full((1, 2, 5, 2, 1), jnp.nan),
        )
        for epoch in range(5):
            new = lane._replace(params=(epoch + 1) * one)
            measures = jnp.stack([one, held_out[epoch]], axis=-1)[..., None]
            lane = _training.end_of_epoch(plan, lane, new, none + 5, measures)
        np.testing.assert_array_equal(lane.params, [[2, 5]])
        np.testing.assert_array_equal(lane.epochs, [[4, 5]])
        np.testing.assert_array_equal(lane.measures[..., 1, 0], [[[5, 3, 4, 4, np.nan], [5, 4, 3, 2, 1]]])

    @pytest.mark.slow
    def test_it_shares_the_lanes_of_a_grid(self):
        early, decay, setting = neural.EarlyStopping(), neural.L2(), self.setting | {"refit": False}
        grid = neural.fit_path(
            MODEL, X, Y, regularizer=(early, decay), strengths=([0.25, 0.0], [0.0, 0.1, 0.2]), **setting
        )
        np.testing.assert_array_equal(grid.strengths, [[e, s] for e in (0.25, 0.0) for s in (0.0, 0.1, 0.2)])
        own = neural.fit_path(MODEL, X, Y, regularizer=decay, strengths=[0.0, 0.1, 0.2], **setting)
        np.testing.assert_array_equal(grid.valid_loss[3:], own.valid_loss)
        np.testing.assert_array_equal(grid.valid_loss[:3, ..., -1], own.valid_loss[..., 3])


@pytest.mark.slow
def test_running_averages_are_those_of_each_lane():
    norm = neural.BatchNorm(momentum=0.0)  # the statistics of the last minibatch, which is all the data
    setting = SETTING | {"refit": True, "batch_size": None, "epochs": 1, "optimizer": optax.sgd(0.0)}
    path = neural.fit_path(MODEL, X, Y, regularizer=norm, strengths=[0.5, 1.0], cv=FOLDS, **setting)
    first = jax.tree.map(lambda leaf: leaf[0], path.params)["layer0"]
    hidden = X @ first["kernel"] + first["bias"]
    for k in range(2):
        np.testing.assert_allclose(path.state["layer0"]["mean"][k], hidden.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(path.state["layer0"]["variance"][k], hidden.var(axis=0), rtol=1e-9)
    assert np.abs(path.state["layer1"]["mean"][0] - path.state["layer1"]["mean"][1]).max() > 1e-6
    # with the statistics of these rows, prediction normalizes them
    sizes = np.maximum(0, (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-5))
    second = sizes @ path.params["layer1"]["kernel"][1] + path.params["layer1"]["bias"][1]
    np.testing.assert_allclose(path.state["layer1"]["mean"][1], second.mean(axis=0), rtol=1e-9, atol=1e-12)
    with_both = path.predict(X, strength=1.0, type="link")
    normal = np.maximum(0, (second - second.mean(axis=0)) / np.sqrt(second.var(axis=0) + 1e-5))
    last = path.params["layer2"]
    np.testing.assert_allclose(with_both, normal @ last["kernel"][1] + last["bias"][1], rtol=1e-8, atol=1e-9)


class TestData:
    @pytest.mark.device
    def test_losses_are_those_of_the_model(self):
        """One epoch with a step of 0: the initial parameters, worked out by hand."""
        data, y = load_diabetes(return_X_y=True)
        y = np.column_stack([y, -y, y**0.5])
        still = optax.sgd(0.0)
        path = neural.fit_path(neural.MLP((4,)), data, y, cv=KFold(3), epochs=1, optimizer=still, dtype=np.float64)
        layers = [{name: leaf[0] for name, leaf in layer.items()} for layer in path.params.values()]
        hidden = np.maximum(0, data @ layers[0]["kernel"] + layers[0]["bias"])
        outputs = hidden @ layers[1]["kernel"] + layers[1]["bias"]
        np.testing.assert_allclose(path.predict(data), outputs, rtol=1e-9)
        for k, (train, held_out) in enumerate(KFold(3).split(data)):
            for rows, losses in ((train, path.train_loss), (held_out, path.valid_loss)):
                np.testing.assert_allclose(losses[0, k, 0, 0], ((outputs - y)[rows] ** 2).mean(), rtol=1e-9)
        np.testing.assert_allclose(path.mean_loss, ((outputs - y) ** 2).mean(), rtol=1e-2)

    def test_labels_frames_and_predictions(self):
        import pandas as pd

        names = np.array(["zero", "one", "two", "three"])
        frame = pd.DataFrame(X, columns=[f"pixel {j}" for j in range(64)])
        path = neural.fit_path(MODEL, frame, names[Y], cv=3, **SETTING | {"refit": True, "epochs": 20})
        np.testing.assert_array_equal(path.classes, np.sort(names))
        shares = path.predict(frame, type="probability")
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-9)
        predicted = path.predict(frame)
        np.testing.assert_array_equal(predicted, path.classes[shares.argmax(axis=1)])
        assert (predicted == names[Y]).mean() > 0.9
        with pytest.raises(ValueError, match="'pixel 63' as column 0"):
            path.predict(frame[frame.columns[::-1]])
        with pytest.raises(ValueError, match=r"rows of shape \(3,\)"):
            path.predict(X[:, :3])

    @pytest.mark.slow
    def test_images_keep_their_shape(self):
        images, flat = (
            {"X": a, "regularizer": r}
            for a, r in ((X.reshape(-1, 8, 8), neural.Cutout()), (X, neural.Cutout(shape=(8, 8))))
        )
        a, b = (neural.fit_path(MODEL, y=Y, strengths=[0.5], cv=FOLDS, **each, **SETTING) for each in (images, flat))
        np.testing.assert_array_equal(a.valid_loss, b.valid_loss)

    def test_a_model_of_ones_own(self):
        class Quadratic:
            task = "regression"

            def init(self, key, x):
                return {"square": jnp.zeros(x.shape[1], x.dtype)}, {}

            def apply(self, params, state, x, train, key):
                return x**2 @ params["square"], state

        rng = np.random.default_rng(0)
        data = rng.standard_normal((60, 2))
        y = data**2 @ [1.0, -2.0]
        path = neural.fit_path(Quadratic(), data, y, cv=2, epochs=300, optimizer=optax.adam(0.05), batch_size=None)
        np.testing.assert_allclose(path.params["square"][0], [1, -2], rtol=1e-2)
        assert path.mean_loss[0] < 1e-2
        assert path.predict(data).shape == (60,)


def test_divergence_is_said_and_never_chosen():
    data, y = load_diabetes(return_X_y=True, scaled=False)
    setting = {"cv": 3, "epochs": 15, "optimizer": optax.sgd(1e-5), "regularizer": neural.L2(), "refit": False}
    with pytest.warns(jr.ConvergenceWarning, match=r"3 of 6 lanes became NaN or infinite, at strength 10000000\.0"):
        path = neural.fit_path(neural.Linear(), data, y, strengths=[1e7, 0.0], **setting)
    assert path.best == 1
    assert path.best_1se == 1
    np.testing.assert_array_equal(path.diverged[:, 0, 0], [True, False])
    assert np.isinf(path.mean_loss[0])
    with pytest.warns(jr.ConvergenceWarning, match="lanes became"):
        nothing = neural.fit_path(neural.Linear(), data, y, strengths=[1e7, 1e8], **setting)
    with pytest.raises(ValueError, match="every strength diverged"):
        nothing.best  # noqa: B018


L2 = neural.L2()
BAD = {
    "a class for a model": ({"model": neural.MLP}, TypeError, "model is the class MLP; give an instance"),
    "no model": ({"model": "mlp"}, TypeError, "model is 'mlp'; give MLP, Linear"),
    "model that has lists": (
        {"model": neural.MLP((3,), "classification", outputs=3)},
        ValueError,
        "model has 3 outputs, but y needs 4",
    ),
    "a class": ({"regularizer": neural.L2}, TypeError, "regularizer is the class L2; give an instance"),
    "not one": ({"regularizer": "l2"}, TypeError, "regularizer is 'l2'; give one of jaxreg.neural"),
    "a lone tuple": ({"regularizer": (L2,)}, ValueError, "regularizer has 1 entries"),
    "twice": ({"regularizer": (neural.EarlyStopping(),) * 2}, ValueError, "EarlyStopping twice"),
    "strengths alone": ({"strengths": [1.0]}, ValueError, "strengths is given, but regularizer is None"),
    "no strengths": ({"regularizer": L2, "strengths": []}, ValueError, r"strengths of L2 has shape \(0,\)"),
    "negative": (
        {"regularizer": L2, "strengths": [-1.0]},
        ValueError,
        "strengths of L2 has -1; give finite numbers >= 0",
    ),
    "NaN": ({"regularizer": L2, "strengths": [np.nan]}, ValueError, "strengths of L2 has nan"),
    "text": ({"regularizer": L2, "strengths": ["a"]}, ValueError, "strengths has dtype"),
    "doubled": ({"regularizer": L2, "strengths": [1.0, 1.0]}, ValueError, "strengths of L2 has 1 more than once"),
    "a rate": ({"regularizer": neural.Dropout(), "strengths": [1.0]}, ValueError, "numbers >= 0 and < 1"),
    "an amount": ({"regularizer": neural.BatchNorm(), "strengths": [1.5]}, ValueError, "numbers >= 0 and <= 1"),
    "epochs too many": (
        {"regularizer": neural.EarlyStopping(), "strengths": [0.1], "epochs": 5},
        ValueError,
        "has 0.1, for 10 epochs",
    ),
    "one list for two": (
        {"regularizer": (L2, neural.L1()), "strengths": [0.1, 0.2]},
        ValueError,
        "strengths must be a tuple of 2 sequences",
    ),
    "optimizer": ({"optimizer": "adam"}, TypeError, "optimizer is 'adam'; give an optax.GradientTransformation"),
    "epochs": ({"epochs": 0}, ValueError, "epochs is 0; give a whole number >= 1"),
    "batch_size": ({"batch_size": 2.5}, ValueError, "batch_size is 2.5; give a whole number"),
    "seeds": ({"seeds": [1, 1]}, ValueError, r"seeds is \[1, 1\]; give a count, or one or more different seeds"),
    "dtype": ({"dtype": "int32"}, ValueError, "dtype is 'int32'; give float32 or float64"),
    "refit": ({"refit": "yes"}, ValueError, "refit is 'yes'; give True or False"),
    "max_lanes": ({"max_lanes": 0}, ValueError, "max_lanes is 0; give a whole number"),
    "cv": ({"cv": 1}, ValueError, "cv is 1; give a whole number >= 2"),
    "short y": ({"y": Y[:-1]}, ValueError, r"y has shape \(89,\), but needs one entry per row of X, \(90,\)"),
    "one class": ({"y": np.zeros(90)}, ValueError, "y has the label 0.0 only"),
    "fractions": ({"y": Y + 0.5}, ValueError, "y has fractions, but the model's task is classification"),
    "NaN in y": ({"model": neural.Linear(), "y": np.where(Y > 2, np.nan, Y)}, ValueError, "y has NaN"),
    "NaN in X": (
        {"X": np.where(np.arange(64) == 7, np.nan, X)},
        ValueError,
        "X has NaN or infinite values in column 7",
    ),
    "flat X": ({"X": X[0]}, ValueError, r"X has 1 dimension\(s\), but needs two or more"),
    "smoothing numbers": (
        {"model": neural.Linear("regression"), "regularizer": neural.LabelSmoothing()},
        ValueError,
        "LabelSmoothing, which needs class",
    ),
    "no images": (
        {"regularizer": neural.Cutout()},
        ValueError,
        r"Cutout needs images, but a row of X has shape \(64,\)",
    ),
    "other images": ({"regularizer": neural.Cutout((8, 9))}, ValueError, "but a row of X has 64 entries"),
    "no such leaf": (
        {"regularizer": neural.GroupL1("dense/kernel")},
        ValueError,
        "leaf of GroupL1 is 'dense/kernel', but .*layer0/kernel",
    ),
    "no batch norm": (
        {"model": neural.Linear("classification"), "regularizer": neural.BatchNorm()},
        TypeError,
        "no with_batch_norm",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    changes, error, message = BAD[case]
    given = {"model": MODEL, "X": X, "y": Y, "epochs": 2, **changes}
    with pytest.raises(error, match=message):
        neural.fit_path(**given)


def test_models_and_regularizers_check_their_numbers():
    for make, message in (
        (lambda: neural.MLP((0,)), "hidden is 0; give a whole number >= 1"),
        (lambda: neural.MLP(task="ranking"), "task is 'ranking'; give one of 'regression', 'classification'"),
        (lambda: neural.BatchNorm(momentum=2), "momentum is 2; give a number from 0 to 1"),
        (lambda: neural.EarlyStopping(patience=0), "patience is 0; give a whole number >= 1"),
        (lambda: neural.Linear("classification").init(jax.random.key(0), X[:1]), "outputs of Linear is None"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="function of Augment is 3"):
        neural.Augment(function=3)
