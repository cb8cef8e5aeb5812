"""The proximal solver by itself: step lengths, and lanes side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxreg import losses, penalties
from jaxreg.solvers.proximal import Composite, minimise
from jaxreg.solvers.smooth import Averaged, Factored, Quadratic, curvature_of

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((30, 60))
Y = ROWS[:4].sum(axis=0) + RNG.standard_normal(60)
poisson = losses.Custom(lambda y, eta: jnp.exp(eta) - y * eta)  # its curvature has no bound


def smooth(form):
    if form == "loss":
        return Averaged(ROWS / 3, np.full(60, 1 / 60), np.exp(Y / 5), np.zeros(60), poisson)
    rows = ROWS / np.sqrt(60)
    corr = rows @ Y / np.sqrt(60)
    return Quadratic(rows @ rows.T, corr) if form == "gram" else Factored(rows, corr)


@pytest.mark.sampled
@pytest.mark.parametrize("penalty", [penalties.Lasso(), penalties.SLOPE(np.linspace(1, 0.5, 30)), penalties.MCP(50.0)])
@pytest.mark.parametrize("form", ["gram", "rows", "loss"])
def test_a_step_that_is_too_long_is_noticed(form, penalty):
    with jax.enable_x64(True):
        problem, zero = Composite(smooth(form), penalty, 0.05), jnp.zeros(30)
        curvature = curvature_of(problem.smooth, problem.smooth.image(zero), zero)
        solve = jax.jit(minimise)
        found = solve(problem, zero, 1e-9, 5000, curvature / 50)
        start = max(float(curvature) / 50, 1.01 * float(np.max(penalty.concavity(0.05))))
        assert found.residual <= 1e-9
        assert found.curvature > start  # what the steps have shown
        b = found.b
        for step in (0.1, 0.5 / float(curvature)):  # optimal whatever the step
            moved = problem.prox(b - step * problem.smooth.gradient(problem.smooth.image(b)), step)
            assert np.abs(moved - b).max() <= 1e-7 * step


@pytest.mark.device
def test_lanes_that_are_done_stand_still():
    with jax.enable_x64(True):
        shared, zero = smooth("gram"), jnp.zeros(30)
        curvature = curvature_of(shared, zero, zero)

        def one(lam):
            return minimise(Composite(shared, penalties.Lasso(), lam), zero, 1e-10, 5000, curvature)

        lambdas = jnp.array([10.0, 0.3, 0.05, 0.001])
        together, alone = jax.vmap(one)(lambdas), [jax.jit(one)(lam) for lam in lambdas]
        found, n_iter = np.asarray(together.b), np.asarray(together.n_iter)
    for k, each in enumerate(alone):
        np.testing.assert_allclose(found[k], each.b, atol=1e-9)
        assert n_iter[k] == pytest.approx(int(each.n_iter), rel=0.3, abs=6)
    assert n_iter[0] < n_iter[-1] / 2
