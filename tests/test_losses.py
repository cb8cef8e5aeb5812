"""Losses by their definitions: derivatives, conjugate, least value, response, metrics, limits; and a new one."""

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import ar_problem
from scipy.optimize import minimize_scalar

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import FAMILIES, LOSSES, ONE_OUTPUT, response_of

import jaxreg as jr
from jaxreg import losses
from jaxreg._arrays import check_data
from jaxreg.cv._folds import check_training, make_folds
from jaxreg.losses._links import LINKS
from jaxreg.scores._metrics import make_metric

RNG = np.random.default_rng(0)
Y, ETA = RNG.uniform(-3, 3, (2, 200))


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_every_loss_is_tested():
    of_single_rows = set(losses.__all__) - {"Cox"}  # which couples rows
    assert {type(loss).__name__ for loss in (LOSSES | FAMILIES).values()} == of_single_rows


@pytest.mark.parametrize("name", ONE_OUTPUT)
@given(y=st.floats(-5, 5), eta=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_gradient_is_the_derivative(name, y, eta):
    loss, y = ONE_OUTPUT[name], response_of(name, y)
    with jax.enable_x64(True):
        derivative = jax.grad(lambda e: loss.value(y, e))(eta)
        np.testing.assert_allclose(loss.gradient(y, eta), derivative, rtol=1e-12, atol=1e-12)
        assert float(loss.value(y, eta) - loss.saturated(y)) >= -1e-13


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_hessian_is_the_second_derivative(name):
    loss, y = ONE_OUTPUT[name], response_of(name, Y)
    second = jax.vmap(jax.grad(jax.grad(loss.value, 1), 1))(y, ETA)  # no point is at a kink of the gradient
    np.testing.assert_allclose(loss.hessian(y, ETA), second, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loss.hessian_product(y, ETA, Y), second * Y, rtol=1e-12, atol=1e-12)
    for derivative in (loss.gradient, loss.hessian):
        assert derivative(y[:, None], np.zeros((1, 3))).shape == (200, 3)
    single = loss.hessian(y.astype(np.float32), jnp.asarray(ETA, jnp.float32)) * jnp.ones(200, jnp.float32)
    assert single.dtype == jnp.float32


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_curvature_bound_is_that_of_the_hessian(name):
    loss, eta = ONE_OUTPUT[name], jnp.linspace(-40, 40, 2001)
    hessian = loss.hessian(response_of(name, np.array([[0.3], [5.0], [1e3]])), eta)
    assert float(hessian.min()) >= 0  # convex
    bound = loss.curvature_bound()
    if bound is None:
        assert float(hessian.max()) > 1e4
        return
    assert float(hessian.max()) == pytest.approx(float(bound), rel=1e-2)
    assert float(hessian.max()) <= bound + 1e-12


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_the_saturated_value_is_the_least_over_eta(name):
    loss, y = ONE_OUTPUT[name], response_of(name, Y)
    assert loss.saturated(y).shape == y.shape
    for one in y[:3]:
        least = minimize_scalar(lambda eta, y=one: float(loss.value(y, eta)), bounds=(-50, 50), method="bounded")
        assert least.fun == pytest.approx(float(loss.saturated(one)), abs=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_a_response_is_encoded_and_decoded(name):
    loss, raw, counting = LOSSES[name], response_of(name, Y).tolist(), np.arange(200) > 0
    raw[0] = 7  # which does not count
    encoded = loss.encode(raw, counting)
    assert encoded.y.dtype == np.float64
    again = loss.encode(encoded.y, counting)
    np.testing.assert_array_equal(again.y, encoded.y)
    if not loss.of_classes:
        with pytest.raises(ValueError, match="y has text"):
            loss.encode(["a", "b"], np.ones(2, bool))
        assert encoded.labels is None
        np.testing.assert_array_equal(encoded.y, raw)
        return
    np.testing.assert_array_equal(encoded.labels, np.unique(raw[1:]))
    np.testing.assert_array_equal(again.labels, encoded.labels)
    texts = loss.encode(["b", "a"], np.ones(2, bool))
    np.testing.assert_array_equal(texts.labels, ["a", "b"])
    np.testing.assert_array_equal(texts.y, [1.0, -1.0])
    eta = [minimize_scalar(lambda eta, y=y: float(loss.value(y, eta)), bounds=(-9, 9)).x for y in encoded.y[1:9]]
    np.testing.assert_array_equal(loss.decode(np.array(eta), encoded.labels), raw[1:9])
    data = check_data(ETA[:, None], raw, counting * 1.0, None, None, loss=loss)
    np.testing.assert_array_equal(data.labels, encoded.labels)
    np.testing.assert_array_equal(data.y, encoded.y)
    folds = make_folds([(np.flatnonzero(encoded.y > 0)[2:], [1, 2])], ETA, encoded.y, np.ones(200))
    with pytest.raises(ValueError, match=r"cv: there is no row of class -1\.0 in the training rows of fold 0"):
        check_training(folds, encoded.y, counting, loss, encoded.labels)


METRICS = {
    "mse": lambda y, f, w: np.average((y - f) ** 2, weights=w),
    "mae": lambda y, f, w: np.average(abs(y - f), weights=w),
    "r2": lambda y, f, w: np.average((y - f) ** 2, weights=w) / np.cov(y, aweights=w, ddof=0) - 1,
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_metrics_of_a_loss(name):
    loss, y, weight = LOSSES[name], response_of(name, Y), np.linspace(0.5, 2, 200)
    deviance = np.average(2 * (loss.value(y, ETA) - loss.saturated(y)), weights=weight)
    values = {key: metric(y, ETA, weight) for key, metric in METRICS.items()} | {"deviance": deviance}
    for key in values.keys() & set(loss.metrics):  # those of classes are in tests/test_metrics.py
        assert make_metric(key, loss).in_fold(y, ETA[:, None], weight)[0] == pytest.approx(values[key])
    first = make_metric(None, loss)
    assert first.name == ("mean squared error" if loss.quadratic else "deviance")
    assert first.name == make_metric(loss.metrics[0], loss).name
    for key in {*METRICS} - {*loss.metrics}:
        with pytest.raises(ValueError, match=f"metric is '{key}', which is none of classes"):
            make_metric(key, loss)
    with pytest.raises(ValueError, match=r"metric is 'rmse'; give one of '"):
        make_metric("rmse", loss)
    assert (loss.minus_two_log_likelihood(np.array([0.5]), 10) is None) != loss.quadratic


def test_metrics_and_predictions_are_of_the_response(monkeypatch):
    """But the deviance, which is of the linear predictor."""
    monkeypatch.setitem(LINKS, "exponential", np.exp)
    loss = type("Multiplicative", (losses.Squared,), {"link": "exponential"})()
    y, weight = np.exp(Y), np.ones(200)
    for metric in ("mse", METRICS["mse"]):
        found = make_metric(metric, loss).in_fold(y, ETA[:, None], weight)
        assert found[0] == pytest.approx(METRICS["mse"](y, np.exp(ETA), weight))
    X = ETA[:, None]
    path = replace(jr.fit_path(X, Y, lambdas=[0.1]), link="exponential")
    np.testing.assert_allclose(path.predict(X, type="response"), np.exp(path.predict(X)))
    other = replace(path, loss_parameters=None)  # of the user's own: only its link is known
    assert other.score(X, np.exp(Y), lam=0.1) != replace(other, link="identity").score(X, np.exp(Y), lam=0.1)


NEW = '''
from typing import final

import jax.numpy as jnp

from jaxreg._pytree import number, pytree, rebuilt
from jaxreg.losses import Numeric


@final
@pytree
class LogCosh(Numeric):
    """s^2 log cosh(r / s)."""

    s: float = 1.0

    degree = 2

    def __post_init__(self):
        object.__setattr__(self, "s", number(self.s, "s", "a number above 0", 0, strict=True))

    def in_units(self, unit):
        return rebuilt(self, s=self.s / unit)

    def value(self, y, eta):
        t = (y - eta) / self.s
        return self.s**2 * (jnp.logaddexp(t, -t) - jnp.log(2.0))

    def gradient(self, y, eta):
        return -self.s * jnp.tanh((y - eta) / self.s)

    def hessian(self, y, eta):
        return 1 - jnp.tanh((y - eta) / self.s) ** 2

    def curvature_bound(self):
        return 1.0

    def conjugate(self, y, u):
        t = jnp.abs(u / self.s)
        inside = jnp.minimum(t, 1 - jnp.finfo(t.dtype).eps)
        entropy = self.s**2 * (inside * jnp.arctanh(inside) + jnp.log1p(-(inside**2)) / 2)
        return jnp.where(t <= 1, u * y + entropy, jnp.inf)
'''


@pytest.mark.slow
def test_a_new_loss_takes_one_file(tmp_path, monkeypatch):
    file = tmp_path / "log_cosh.py"
    file.write_text(NEW)
    spec = spec_from_file_location("log_cosh", file)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "log_cosh", module)
    spec.loader.exec_module(module)
    loss = module.LogCosh(2.0)
    X, y = ar_problem(60, 8, active=4, seed=2)
    path = jr.fit_path(X, y, loss=loss, n_lambdas=4, standardize=False)
    assert (path.status == jr.Status.converged).all()
    assert (path.certificate, path.loss) == ("gap", "LogCosh(s=2)")
    one = jr.solve(X, y, float(path.lambdas[-1]), loss=loss)
    np.testing.assert_allclose(one.coef, path.coef[-1], atol=1e-4)
    cv = jr.fit_cv(X, y, loss=loss, n_lambdas=4, standardize=False, cv=3)
    assert (cv.status == jr.Status.converged).all()
    assert cv.metric == "deviance"
    np.testing.assert_allclose(cv.train_loss, 2 * np.mean(loss.value(y[:, None], path.predict(X)), axis=0), rtol=1e-6)
    with pytest.raises(ValueError, match="effective_df is known for the squared loss"):
        cv.select("bic")


WITHOUT_CONJUGATE = ("Custom", "Binomial probit", "Binomial cloglog", "Tweedie")


@pytest.mark.parametrize("name", WITHOUT_CONJUGATE)
def test_no_conjugate_is_none(name):
    assert ONE_OUTPUT[name].conjugate(response_of(name, Y), 0.0 * Y) is None


@pytest.mark.parametrize("name", [name for name in ONE_OUTPUT if name not in WITHOUT_CONJUGATE])
@given(y=st.floats(-3, 3), eta=st.floats(-4, 4), other=st.floats(-4, 4), share=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_conjugate_by_fenchel_and_young(name, y, eta, other, share):
    loss, y = ONE_OUTPUT[name], response_of(name, y)
    with jax.enable_x64(True):
        u = loss.gradient(y, eta)
        attained = loss.value(y, eta) + loss.conjugate(y, u)
        assert float(attained) == pytest.approx(float(u * eta), abs=1e-9)
        less = loss.conjugate(y, share * u)  # the domain holds all of [0, u]
        assert np.isfinite(less)
        assert float(loss.value(y, other) + less) >= float(share * u * other) - 1e-9


def test_limits():
    y, eta = np.random.default_rng(0).standard_normal((2, 50)) * 3
    np.testing.assert_allclose(losses.Huber(np.inf).value(y, eta), losses.Squared().value(y, eta))
    np.testing.assert_allclose(losses.Huber(np.inf).gradient(y, eta), eta - y)
    exact = np.maximum(0.3 * (y - eta), -0.7 * (y - eta))
    smooth = losses.Quantile(0.3, 1e-3).value(y, eta)
    assert (smooth <= exact + 1e-12).all()
    assert (exact - smooth <= 1e-3 * 0.7**2 / 2 + 1e-12).all()


def test_custom_is_its_function():
    eta = jnp.linspace(-2, 2, 7)
    loss = losses.Custom(lambda y, e: (y - e) ** 4)
    np.testing.assert_allclose(loss.gradient(0.5, eta), -4 * (0.5 - eta) ** 3)
    assert loss.curvature_bound() is None
    assert loss.conjugate(0.5, eta) is None


BAD = [
    (lambda: losses.Huber(0.0), ValueError, r"delta is 0.0; give a number above 0"),
    (lambda: losses.Quantile(1.0), ValueError, r"tau is 1; give a number between 0 and 1|tau is 1.0"),
    (lambda: losses.Quantile(0.5, 0.0), ValueError, r"smoothing is 0.0"),
    (lambda: losses.Custom(3), TypeError, r"value is 3; give a function of \(y, eta\)"),
    (lambda: losses.Custom(abs, -1.0), ValueError, r"curvature_bound is -1.0"),
    (lambda: losses.SquaredHinge().encode([0, 1, 2], np.ones(3, bool)), ValueError, r"y has 3 different values"),
    (lambda: losses.SquaredHinge().encode([1.0, 1.0], np.ones(2, bool)), ValueError, r"y has one class only"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_hyperparameters(make, error, message):
    with pytest.raises(error, match=message):
        make()
