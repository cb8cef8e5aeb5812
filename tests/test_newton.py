"""Newton's method on hard cases: classes that columns tell apart, far offsets, and what a certificate says of any b."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import FAMILIES, few, response_of
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg._request import Request
from jaxreg._setup import prepare
from jaxreg.certificates._certificate import certificate
from jaxreg.certificates._corrected import off_basis
from jaxreg.engines._base import Solved
from jaxreg.engines._columns import ColumnSet
from jaxreg.objective._null_model import null_fit
from jaxreg.solvers.smooth import Averaged

N, P, TOL = 60, 12, 1e-7
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, P))
ETA = X[:, 0] - X[:, 1]
APART, LABELS = (ETA > 0) * 1.0, (ETA + RNG.logistic(size=N) / 2 > 0) * 1.0
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)
FIRST_FREE = np.where(np.arange(P) == 0, 0.0, 1.0)
TELLING = np.where(np.arange(N) < 20, 0.0, (2 * APART - 1) * (1 + np.abs(X[:, 0])))  # the classes of all but 20 rows
ZERO = np.array([0.1, 0.01, 0.0])
# columns, response and options of fits of labels; whether each of the last lambdas has a minimum
LABELLED = {
    "apart, to a thousandth": (X, APART, {"n_lambdas": 8, "lambda_min_ratio": 1e-3}, True),
    "apart, at 0": (X, APART, {"lambdas": ZERO}, False),
    "apart but for a few, at 0": (
        np.column_stack([TELLING, X[:, 1:]]),
        np.where(np.arange(N) < 20, LABELS, APART),
        {"lambdas": ZERO},
        False,
    ),
    "apart by an unpenalised column": (
        np.column_stack([TELLING, X[:, 1:]]),
        np.where(np.arange(N) < 20, LABELS, APART),
        {"penalty_factors": FIRST_FREE, "n_lambdas": 3},
        False,
    ),
    "not apart, at 0": (X, LABELS, {"lambdas": ZERO}, True),
    "copies, at 0": (np.column_stack([X[:, :6], -X[:, :6]]), LABELS, {"lambdas": ZERO}, True),
    "weights over 12 decades": (X, LABELS, {"sample_weight": 10.0 ** np.linspace(-12, 0, N), "n_lambdas": 8}, True),
    "an offset of 1e3": (X, LABELS, {"offset": np.full(N, 1e3), "n_lambdas": 8}, True),
}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def fitted(*data, **options):
    """The path, and what was warned of."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        path = jr.fit_path(*data, tol=TOL, **options)
    return path, " ".join(str(warning.message) for warning in warned)


@pytest.mark.parametrize("name", LABELLED)
def test_a_fit_without_a_minimum_says_so(name):
    columns, y, options, attained = LABELLED[name]
    path, message = fitted(columns, y, loss="binomial", **options)
    assert path.solver == "newton"
    assert (path.gap <= TOL).all()
    assert np.isfinite(path.coef).all()
    assert np.isfinite(path.intercept).all()
    assert path.status[-1] == (jr.Status.converged if attained else jr.Status.separable)
    assert ("no finite solution" in message) == (not attained)


def test_null_models_begin_where_the_loss_is_finite():
    smooth = Averaged(np.ones((1, N)), np.full(N, 1 / N), COUNTS, np.full(N, 1e3), losses.Poisson())
    coef, _, attained = null_fit(smooth, -1e3)
    assert attained
    assert coef[0] == pytest.approx(np.log(COUNTS.mean()) - 1e3, abs=1e-9)
    rows = np.stack([np.arange(N) < 10, np.ones(N)]) * 1.0
    empty = Averaged(rows, np.full(N, 1 / N), COUNTS, np.zeros(N), losses.Poisson())
    coef, look, attained = null_fit(empty)
    assert attained
    y = np.where(np.arange(N) < 10, 0.0, COUNTS)
    coef, look, attained = null_fit(Averaged(empty.rows, empty.omega, y, empty.offset, losses.Poisson()))
    mean = y[10:].mean()
    assert not attained
    assert np.isfinite(coef).all()
    assert look.value == pytest.approx(5 / 6 * mean * (1 - np.log(mean)), rel=1e-12)


def test_dual_points_of_rows_that_are_told_apart():
    loss, y = losses.Binomial(), np.repeat([1.0, 0.0, 1.0, 0.0], 2)
    eta = np.array([30.0, 40.0, -25.0, -35.0, 0.1, 0.2, 0.0, -0.1])
    root, apart = np.full(8, 8**-0.5), np.array([1.0, 2, -1, -3, 0, 0, 0, 0])
    basis = np.linalg.qr(np.stack([root, apart * root]).T)[0].T
    u = off_basis(loss, y, eta, loss.gradient(y, eta), root, basis)
    np.testing.assert_allclose(basis @ (root * u), 0.0, atol=1e-12)
    assert np.isfinite(loss.dual(y, eta, u, root**2, 1.0))


def test_slopes_that_differ_by_rounding_have_a_dual_value():
    loss, y, eta = losses.Binomial("probit"), np.array([1.0, 0.0]), np.array([24.0, 24.0])
    omega, u = np.full(2, 0.5), loss.gradient(y, eta) * (1 + np.finfo(float).eps)
    expected = np.sum(omega * (loss.gradient(y, eta) * eta - loss.value(y, eta)))
    assert float(loss.dual(y, eta, u, omega, 1.0)) == pytest.approx(-float(expected), rel=1e-12)


@pytest.mark.slow
def test_where_a_loss_bends_in_few_places_alone():
    far = np.where(X[:, 5] > 0, 1e3, -1e3)
    y = np.append(ETA[:-3] + X[:-3, 7] / 2, [50.0, 50.0, 50.0])
    for loss, response, options in (
        ("binomial", LABELS, {"offset": far}),
        (losses.Huber(1e-3), y, {}),
        (losses.Quantile(0.3, 1e-4), y, {}),
    ):
        path, _ = fitted(X, response, loss=loss, solver="newton", n_lambdas=6, max_iter=10000, **options)
        assert (path.status == jr.Status.converged).all()


# ---- certificates of any coefficients ----

ROWS = 40
Z, NOISE = ar_problem(ROWS, 6, seed=3)
WEIGHTS = np.where(np.arange(ROWS) % 7 == 0, 0.0, 1.0 + np.arange(ROWS) % 3)
EVERY = dict(FAMILIES) | {f"Cox {ties}": losses.Cox(ties) for ties in ("efron", "breslow")}


def _gaps(certify, objective, columns, lambdas, b, b0):
    ones = np.ones(len(b), int)
    run = certify(columns, Solved(b, b0, ones, 0 * ones, len(b), 0.5, columns.images(b, b0)), lambdas)
    answer = None
    while True:
        try:
            answer = objective.design.correlate(run.send(answer).R)
        except StopIteration as end:
            return end.value.gaps


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", few(EVERY))
def test_a_gap_bounds_the_distance_to_the_minimum_of_any_loss(name, l1_ratio, free):
    loss, factors = EVERY[name], np.append([0.0, 0.0] if free else [1.0, 1.0], np.ones(4))
    if name.startswith("Cox"):
        y = {"time": np.ceil(3 * np.exp(-NOISE / NOISE.std())), "event": np.arange(ROWS) % 4 > 0}
    else:
        y = response_of(name, 2 * NOISE / NOISE.std())
    penalty = penalties.ElasticNet(l1_ratio)
    request = Request(loss=loss, penalty=penalty, penalty_factors=factors, sample_weight=WEIGHTS, solver="newton")
    objective = prepare(Z, y, request, [l1_ratio]).objective.with_mixing(l1_ratio)
    if objective.certificate == "residual":
        assert free
        assert loss.coupling == "rows"
        return
    columns = ColumnSet.everything(objective).with_rows()
    rng, outputs = np.random.default_rng(1), objective.outputs
    lambdas = np.repeat([1.0, 0.1, 1e-3], 8) * objective.gradient_scale
    size = np.tile([0.03, 0.3, 1.0, 3.0], 6).reshape(-1, 1, *[1] * len(outputs))
    b = size * rng.standard_normal((24, 6, *outputs)) / 3
    b0 = size * rng.standard_normal((24, objective.free, *outputs)) / 3
    gaps = _gaps(certificate(objective, None), objective, columns, lambdas, b, b0)
    path, _ = fitted(
        Z, y, loss=loss, penalty=penalty, penalty_factors=factors, sample_weight=WEIGHTS, solver="newton",
        lambdas=np.unique(lambdas) * objective.lambda_unit,
    )  # fmt: skip
    smooth = columns.smooth()

    def value(own, level, lam):
        image = columns.images(own[None], level[None])[0]
        return float(loss.mean(smooth.y, smooth.eta(image), smooth.omega)) + float(
            jnp.sum(objective.penalty.value(own, lam * factors))
        )

    for gap, lam, own, level in zip(gaps, lambdas, b, b0, strict=True):
        k = int(np.argmin(np.abs(path.lambdas / objective.lambda_unit - lam)))
        coef = path.coef[k]
        at_means = objective.design.columns.mean @ coef
        best_level = np.broadcast_to(path.intercept[k] + at_means, (objective.free, *outputs))
        best = value(coef / objective.per_coefficient(coef), best_level, lam)
        distance = (value(own, level, lam) - best) / objective.gap_unit
        assert distance >= -1e-7
        assert gap >= distance - 1e-7
