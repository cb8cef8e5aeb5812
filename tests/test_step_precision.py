"""Steps of lower precision: the certificate is the same, and so is the solution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import LOSSES, PENALTIES, P, few
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.solvers.composite import minimum_by
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import LOWER, Quadratic, curvature_of, lowered

X, Y = ar_problem(70, P, seed=1)
WIDE, YW = ar_problem(40, 300, seed=2)


@pytest.mark.parametrize(
    ("name", "precision"),
    few([("GroupLasso", "float32"), ("SLOPE", "tensorfloat32"), ("MCP", "bfloat16")], ("SLOPE", "tensorfloat32")),
)
def test_a_path_ends_in_full_precision(name, precision):
    given = {"penalty": PENALTIES[name], "n_lambdas": 10, "solver": "proximal", "tol": 1e-9}
    path = jr.fit_path(X, Y, step_precision=precision, **given)
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-9
    full = jr.fit_path(X, Y, **given)
    np.testing.assert_allclose(path.predict(X), full.predict(X), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("precision", LOWER)
def test_a_working_set_and_another_loss(precision):
    path = jr.fit_path(
        WIDE, YW, loss=LOSSES["Huber"], penalty=penalties.Lasso(), n_lambdas=8, solver="proximal",
        step_precision=precision,
    )  # fmt: skip
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-6


@pytest.mark.parametrize("precision", LOWER)
def test_products_have_the_precision_that_they_are_asked_for(precision):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        G, b = rng.standard_normal((50, 50)), rng.standard_normal(50)
        low, c = lowered((Quadratic(G, b), b), precision)
        found = low.image(c)
        assert found.dtype == low.gram.dtype == jnp.float32
        error = np.abs(found - G @ b).max() / (np.abs(G) @ np.abs(b)).max()
    assert error <= 2 * LOWER[precision]
    if precision == "bfloat16":
        assert error > LOWER["float32"]


@pytest.mark.slow
def test_most_of_the_way_goes_in_steps_of_lower_precision():
    with jax.enable_x64(True):
        rows = np.random.default_rng(1).standard_normal((200, 80))
        smooth = Quadratic(rows.T @ rows / 200, rows.T @ rows[:, :5].sum(axis=1) / 200)
        problem, zero = Composite(smooth, penalties.SLOPE(np.linspace(1, 0.5, 80)), 0.01), jnp.zeros(80)
        curvature = curvature_of(smooth, zero, zero)
        by_itself = minimum_by(None, problem, zero, 1e-10, 5000, curvature)
        first = minimum_by(None, *lowered((problem, zero, jnp.asarray(1e-10)), "float32"), 1250, curvature)
        both = minimum_by("float32", problem, zero, 1e-10, 5000, curvature)
        assert both.residual <= 1e-10
        assert both.b.dtype == jnp.float64
        np.testing.assert_allclose(both.b, by_itself.b, atol=1e-9)
        assert both.n_iter - first.n_iter < by_itself.n_iter / 2  # what full precision has to add


@pytest.mark.slow
def test_numbers_of_a_users_functions_may_be_of_full_precision():
    scale, weight = np.std(Y), np.linspace(1.0, 2.0, P)
    penalty = penalties.Custom(
        lambda coef, lam: lam * weight * jnp.abs(coef),
        lambda coef, lam, step: jnp.sign(coef) * jnp.maximum(jnp.abs(coef) - step * lam * weight, 0.0),
        convex=True,
    )
    loss = losses.Custom(lambda y, eta: jnp.sqrt(1 + ((y - eta) / scale) ** 2))
    path = jr.fit_path(X, Y, loss=loss, penalty=penalty, n_lambdas=6, solver="proximal", step_precision="float32")
    assert (path.status == jr.Status.converged).all()


def test_who_takes_such_steps():
    with pytest.raises(ValueError, match="step_precision is 'float16'; give one of 'float32', 'tensorfloat32'"):
        jr.fit_path(X, Y, solver="proximal", step_precision="float16")
    with pytest.raises(
        ValueError, match="step_precision is 'float32', but solver is 'auto'; only 'batched' and 'proximal'"
    ):
        jr.fit_path(X, Y, step_precision="float32")


@pytest.mark.slow
def test_folds_in_steps_of_lower_precision():
    cv = jr.fit_cv(X, Y, cv=3, n_lambdas=6, penalty=penalties.Lasso(), solver="proximal", step_precision="bfloat16")
    assert cv.gap.max() <= 1e-6
