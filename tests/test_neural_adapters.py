"""Modules of Flax and Equinox as models: their linear model is ours, they drop, and they average in each lane."""

import pickle
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

eqx = pytest.importorskip("equinox")
nnx = pytest.importorskip("flax.nnx")

from test_compilation import compilations

from jaxreg import neural as nn

OPTIMIZER = optax.sgd(0.05)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5))
Y = X[:, 0] - 2 * X[:, 1] + 0.3 * RNG.standard_normal(40)
ROWS = jnp.asarray(X, jnp.float32)
# a fold whose training rows are as many as all rows, so that the refit is the same program
CV = [(np.r_[:30, :10], np.arange(30, 40))]
HOW = {"cv": CV, "epochs": 20, "batch_size": None, "optimizer": OPTIMIZER}
KEY = jax.random.key(0)


def flax_linear(rngs):
    return nnx.Linear(5, 1, kernel_init=nnx.initializers.zeros, rngs=rngs)


def equinox_linear(key):
    layer = eqx.nn.Linear(5, 1, key=key)
    return jax.tree.map(jnp.zeros_like, layer)


class FlaxNet(nnx.Module):
    def __init__(self, rngs, rate=0.5):
        self.linear1 = nnx.Linear(5, 6, rngs=rngs)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.linear2 = nnx.Linear(6, 1, rngs=rngs)

    def __call__(self, x):
        return self.linear2(self.dropout(jax.nn.relu(self.norm(self.linear1(x)))))


class EquinoxNet(eqx.Module):
    linear1: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout
    linear2: eqx.nn.Linear

    def __init__(self, key, rate=0.5):
        first, second = jax.random.split(key)
        self.linear1 = eqx.nn.Linear(5, 6, key=first)
        self.norm = eqx.nn.BatchNorm(6, "batch", mode="batch")
        self.dropout = eqx.nn.Dropout(rate)
        self.linear2 = eqx.nn.Linear(6, 1, key=second)

    def __call__(self, x, state, key):
        h, state = self.norm(self.linear1(x), state)
        return self.linear2(self.dropout(jax.nn.relu(h), key=key)), state


def without_dropout(kind, net):
    return kind(lambda *given: net(*given, rate=0.0))


LINEAR = {"flax": nn.Flax(flax_linear), "equinox": nn.Equinox(equinox_linear)}
NETS = {"flax": (nn.Flax, FlaxNet), "equinox": (nn.Equinox, EquinoxNet)}
WEIGHT = {"flax": "kernel", "equinox": "weight"}


@pytest.fixture(scope="module")
def ours():
    return nn.fit_path(nn.Linear(), X, Y, regularizer=nn.L1(), strengths=[0, 0.1, 0.5], **HOW)


@pytest.fixture(scope="module", params=LINEAR)
def linear(request):
    """(library, path of its linear model)."""
    model = LINEAR[request.param]
    return request.param, nn.fit_path(model, X, Y, regularizer=nn.L1(), strengths=[0, 0.1, 0.5], **HOW)


@pytest.fixture(scope="module", params=NETS)
def net(request):
    """(library, model, path over its dropout)."""
    kind, build = NETS[request.param]
    how = {**HOW, "epochs": 3, "batch_size": 10}
    return (
        request.param,
        kind(build),
        nn.fit_path(kind(build), X, Y, regularizer=nn.Dropout(), strengths=[0, 0.5], **how),
    )


def test_linear_is_ours(linear, ours):
    library, path = linear
    np.testing.assert_allclose(path.train_loss, ours.train_loss, rtol=1e-5)
    np.testing.assert_allclose(path.valid_loss, ours.valid_loss, rtol=1e-5)
    kernel = ours.params["layer0"]["kernel"]
    weight = path.params[WEIGHT[library]].reshape(kernel.shape)
    np.testing.assert_allclose(weight, kernel, atol=1e-6)
    np.testing.assert_allclose(path.predict(X, strength=0.1), ours.predict(X, strength=0.1), atol=1e-5)
    zeros = (weight == 0).sum(axis=(1, 2))
    assert zeros[0] == 0
    assert 0 < zeros[2] < 5
    np.testing.assert_array_equal(weight == 0, kernel == 0)


def test_other_strengths_compile_nothing(linear):
    library, path = linear
    build = LINEAR[library].build
    with compilations() as names:
        other = nn.fit_path(
            type(path.model)(build), X, Y, regularizer=nn.L1(), strengths=[0.05, 0.2, 0.1], seeds=[0], **HOW
        )
        other.predict(X, strength=0.2)
    assert names == []
    np.testing.assert_allclose(other.valid_loss[2], path.valid_loss[1], rtol=1e-6)


def test_path_goes_through_pickle(linear):
    _, path = linear
    again = pickle.loads(pickle.dumps(path))
    assert again.model == path.model
    np.testing.assert_array_equal(again.predict(X, strength=0.5), path.predict(X, strength=0.5))


def test_module_is_the_users_with_what_was_trained(net):
    library, model, path = net
    chosen = path.select()
    module = model.module(chosen.params, chosen.state)
    if library == "flax":
        assert isinstance(module, FlaxNet)
        outputs = module(ROWS)
    else:
        module, state = module
        assert isinstance(module, EquinoxNet)
        outputs = jax.vmap(lambda x: module(x, state, None)[0])(ROWS)
    np.testing.assert_allclose(outputs[:, 0], path.predict(X), atol=1e-5)


def test_running_averages_are_of_the_lane(net):
    library, model, path = net
    norm = path.state["norm"]
    mean = norm["mean"] if library == "flax" else norm["batch_state_index"]["0"]
    assert mean.shape == (2, 6)
    assert np.abs(mean[0] - mean[1]).max() > 1e-5  # the layer before them was trained with and without dropout
    params, state = jax.tree.map(lambda leaf: leaf[1], (path.params, path.state))
    kernel = params["linear1"]["kernel"] if library == "flax" else params["linear1"]["weight"].T
    h = X @ kernel + params["linear1"]["bias"]
    new = model.apply(params, state, ROWS, True, KEY)[1]
    new_mean = new["norm"]["mean"] if library == "flax" else new["norm"]["batch_state_index"]["0"]
    np.testing.assert_allclose(new_mean, 0.99 * mean[1] + 0.01 * h.mean(axis=0), atol=1e-6)
    same = model.apply(params, new, ROWS, False, KEY)[1]
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), same, new))


def test_dropout(net):
    library, model, path = net
    plain = without_dropout(*NETS[library])
    params, state = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), (path.params, path.state))
    key = jax.random.key(1)

    def outputs(model, train, key=key):
        return model.apply(params, state, ROWS, train, key)[0]

    def gradient(model):
        loss = lambda params: jnp.sum(model.apply(params, state, ROWS, True, key)[0] ** 2)  # noqa: E731
        return jax.grad(loss)(params)

    none, dropped = model.with_dropout(jnp.float32(0)), model.with_dropout(jnp.float32(0.5))
    assert (outputs(none, True) == outputs(plain, True)).all()
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), gradient(none), gradient(plain)))
    assert (outputs(dropped, True) != outputs(plain, True)).mean() > 0.5
    assert (outputs(dropped, True) == outputs(dropped, True)).all()
    assert (outputs(dropped, True) != outputs(dropped, True, jax.random.key(2))).mean() > 0.5
    assert (outputs(dropped, False) == outputs(plain, False)).all()
    assert (outputs(model, True) != outputs(plain, True)).mean() > 0.5  # its own rate
    mean = jax.jit(jax.vmap(lambda key: outputs(dropped, True, key)))(jax.random.split(key, 2000)).mean(axis=0)
    np.testing.assert_allclose(mean, outputs(plain, True), atol=0.1)  # kept units are scaled up


def test_penalties_know_both_layouts(linear):
    library, _ = linear
    axis = {"flax": 0, "equinox": 1}[library]
    model = LINEAR[library]
    params = jax.tree.map(lambda leaf: leaf + 1.0, model.init(KEY, ROWS[:1])[0])
    weight = WEIGHT[library]
    params[weight] = jnp.array([[3.0, 4.0, 0.1, 1.0, 0.0]]).reshape(params[weight].shape)
    gradient = jax.tree.map(jnp.zeros_like, params)

    def moved(regularizer, strength):
        optimizer = regularizer.hooks(strength).optimizer(optax.sgd(1.0))
        return optax.apply_updates(params, optimizer.update(gradient, optimizer.init(params), params)[0])

    shrunk = moved(nn.GroupL1(weight, axis=axis), 0.5)
    np.testing.assert_allclose(shrunk[weight].ravel(), [2.5, 3.5, 0, 0.5, 0], rtol=1e-6)
    inside = moved(nn.MaxNorm(axis=1 - axis), 1.0)
    np.testing.assert_allclose(np.linalg.norm(inside[weight]), 1, rtol=1e-6)  # one unit
    assert shrunk["bias"] == inside["bias"] == 1


def test_integers_are_kept_and_floats_have_the_dtype_of_the_fit():
    class Counting(nnx.Module):
        def __init__(self, rngs):
            self.w = nnx.Param(jnp.ones((5, 1)))
            self.shift = nnx.Param(jnp.array([3]))
            self.seen = nnx.BatchStat(jnp.array(0))

        def __call__(self, x):
            self.seen[...] += len(x)
            return x @ self.w[...] + self.shift[...]

    class Shifted(eqx.Module):
        w: jax.Array
        shift: jax.Array

        def __call__(self, x):
            return x @ self.w + self.shift

    def shifted(key):
        return Shifted(jnp.ones(5), jnp.array(3))

    for model in (nn.Flax(Counting), nn.Equinox(shifted)):
        with jax.enable_x64(True):
            params, state = model.init(KEY, jnp.ones((1, 5)))
            outputs, new = model.apply(params, state, jnp.ones((4, 5)), True, KEY)
        assert {name: leaf.dtype for name, leaf in params.items()} == {"w": np.float64}
        assert outputs.dtype == np.float64
        np.testing.assert_array_equal(outputs, np.full_like(outputs, 8))
        assert new["shift"].item() == 3
        assert np.asarray(new.get("seen", 4)) == 4


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Flax(flax_linear(nnx.Rngs(0))), TypeError, "build is a Linear, a module; give the function"),
        (lambda: nn.Equinox(equinox_linear(KEY)), TypeError, "build is a Linear, a module; give the function"),
        (lambda: nn.Flax(3), TypeError, "build is 3; give a function"),
        (lambda: nn.Equinox(None), TypeError, "build is None; give a function"),
        (lambda: nn.Flax(flax_linear, "ranking"), ValueError, "task"),
        (lambda: nn.Equinox(equinox_linear, task="ranking"), ValueError, "task"),
        (lambda: started(nn.Flax(lambda rngs: 3)), TypeError, "build gives a int; it must give an nnx.Module"),
        (
            lambda: started(nn.Equinox(lambda key: (3,))),
            TypeError,
            "build gives a tuple; it must give an equinox.Module",
        ),
        (lambda: started(nn.Flax(flax_linear).with_dropout(0.1)), ValueError, "without nnx.Dropout"),
        (lambda: started(nn.Equinox(equinox_linear).with_dropout(0.1)), ValueError, "without equinox.nn.Dropout"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def started(model):
    return model.init(KEY, ROWS[:1])


@pytest.mark.parametrize(("library", "model", "build"), [("flax", nn.Flax, flax_linear), ("equinox", nn.Equinox, len)])
def test_missing_library(library, model, build, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=r'pip install "jaxreg\[neural\]"'):
        model(build)
