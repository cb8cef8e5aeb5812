"""The functional core: jit, vmap, and derivatives of solutions against central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from instances import FACTORED, FAMILIES, GROUPS, LOSSES, PENALTIES, P, few
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties

N = 60
X, Y = ar_problem(N, P, seed=3)
Y = (Y - Y.mean()) / Y.std()
RNG = np.random.default_rng(0)
WEIGHT, FACTORS, OFFSET = RNG.uniform(0.5, 2.0, N), np.linspace(0.5, 1.5, P), 0.1 * RNG.standard_normal(N)
LAM = {"Ridge": 0.3, "LogSum": 0.03, "FusedLasso": 0.05, "TrendFilter": 0.03}
DIRECTIONS = np.random.default_rng(5).standard_normal(P + 1)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def differences(function, x, eps):
    """(central difference along a random direction, the direction)."""
    d = np.random.default_rng(1).standard_normal(np.shape(x))
    return (function(x + eps * d) - function(x - eps * d)) / (2 * eps), d


def check_derivatives(summary, args, names, eps=1e-5):
    """Derivatives of summary(*args), a number, against differences."""
    reverse = jax.jit(jax.grad(summary, argnums=tuple(range(len(args)))))(*args)
    compiled = jax.jit(summary)
    for k, name in enumerate(names):
        expected, d = differences(lambda x, k=k: float(compiled(*args[:k], x, *args[k + 1 :])), args[k], eps)
        assert np.sum(np.asarray(reverse[k]) * d) == pytest.approx(expected, rel=1e-5, abs=1e-7), name


@pytest.mark.device
@pytest.mark.slow
def test_forward_derivatives_are_the_reverse_ones():
    def fit(X, y, lam):
        return jr.solve(X, y, lam, penalty=PENALTIES["GroupLasso"], tol=1e-13).coef

    args = (jnp.asarray(X), jnp.asarray(Y), 0.1)
    for forward, reverse in zip(*(jax.jit(of(fit, (1, 2)))(*args) for of in (jax.jacfwd, jax.jacrev)), strict=True):
        np.testing.assert_allclose(forward, reverse, atol=1e-9)


@pytest.mark.parametrize(
    "name",
    few([name for name in PENALTIES if name not in ("Lasso", "Custom", "MultiTaskLasso", "TrendFilter")]),
)
def test_derivatives_of_the_solution(name):
    """With respect to X, y, lambda, weights, and penalty factors where it has some."""
    penalty = PENALTIES[name]
    factored = name in FACTORED

    def summary(X, y, lam, weight, *factors):
        found = jr.solve(
            X, y, lam, penalty=penalty, sample_weight=weight, penalty_factors=factors[0] if factors else None, tol=1e-13
        )
        return jnp.append(found.coef, found.intercept) @ DIRECTIONS

    args = [X, Y, LAM.get(name, 0.1), WEIGHT, *[FACTORS] * factored]
    names = ["X", "y", "lam", "sample_weight", "penalty_factors"][: len(args)]
    check_derivatives(summary, args, names)


HYPERPARAMETERS = {
    "l1_ratio": lambda a: {"penalty": penalties.ElasticNet(a)},
    "l1_ratio of groups": lambda a: {"penalty": penalties.SparseGroupLasso(GROUPS, a)},
    "gamma": lambda a: {"penalty": penalties.MCP(2 + a)},
    "weights": lambda a: {"penalty": penalties.GroupLasso(GROUPS, a * jnp.arange(1.0, 7.0))},
    "lambda per feature": lambda a: {"lam": 0.1 * a * FACTORS},
    "delta": lambda a: {"loss": losses.Huber(0.3 + a)},
}


@pytest.mark.parametrize("name", few(HYPERPARAMETERS, "l1_ratio of groups"))
def test_derivatives_with_respect_to_hyperparameters(name):
    def summary(a):
        options = {"lam": 0.1} | HYPERPARAMETERS[name](a)
        found = jr.solve(X, Y, tol=1e-13, **options)
        return jnp.append(found.coef, found.intercept) @ DIRECTIONS

    check_derivatives(summary, [0.4], [name])


@pytest.mark.parametrize("name", few([name for name in LOSSES if name != "Squared"], "SquaredHinge"))
def test_derivatives_for_other_losses(name):
    y = np.sign(Y) if LOSSES[name].of_classes else Y
    loss = losses.Huber(0.8) if name == "Huber" else LOSSES[name]

    def summary(X, lam, weight, offset):
        found = jr.solve(
            X, y, lam, loss=loss, penalty=penalties.ElasticNet(0.7), sample_weight=weight, offset=offset, tol=1e-13
        )
        return jnp.append(found.coef, found.intercept) @ DIRECTIONS

    check_derivatives(summary, [X, 0.05, WEIGHT, OFFSET], ["X", "lam", "sample_weight", "offset"])


# responses of families in the interior of what they may be, as functions of any numbers
INSIDE = {
    "Binomial": jax.nn.sigmoid,
    "Multinomial": lambda z: jax.nn.softmax(z[:, None] * np.array([1.0, -1.0, 0.5])),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives_for_families(name):
    """Also along the response; where K outputs are coupled, the intercepts are free up to a common number."""
    loss, response = FAMILIES[name], INSIDE.get(name.split()[0], jnp.exp)

    def summary(X, lam, weight, offset, z):
        found = jr.solve(
            X, response(z), lam, loss=loss, penalty=penalties.ElasticNet(0.7), sample_weight=weight,
            offset=None if name == "Multinomial" else offset, tol=1e-13,
        )  # fmt: skip
        values = jnp.append(found.coef, found.intercept)
        return values @ np.cos(np.arange(values.size) * 1.7)

    check_derivatives(summary, [X, 0.02, WEIGHT, OFFSET, Y], ["X", "lam", "sample_weight", "offset", "y"])


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
def test_derivatives_for_survival_times(late):
    loss, time = losses.Cox(), np.ceil(np.exp(Y) * 4)
    observed = {"time": time, "event": np.arange(N) % 3 > 0} | ({"start": np.floor(time / 3)} if late else {})
    y = loss.encode(observed, np.ones(N, bool), np.arange(N) % 2 if late else None).y

    def summary(X, lam, weight, offset):
        found = jr.solve(
            X, jnp.asarray(y), lam, loss=loss, penalty=penalties.ElasticNet(0.7), sample_weight=weight, offset=offset,
            tol=1e-13,
        )  # fmt: skip
        return found.coef @ DIRECTIONS[:P]

    check_derivatives(summary, [X, 0.02, WEIGHT, OFFSET], ["X", "lam", "sample_weight", "offset"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["binomial", "multinomial", "cox"])
def test_responses_are_those_of_fit_path(name):
    """Labels and censored times that are no arrays of JAX."""
    labels = np.array(["a", "b", "c"])[np.digitize(Y, (-0.5, 0.5))]
    y = {
        "binomial": np.where(Y > 0, "yes", "no"),
        "multinomial": labels,
        "cox": {"time": np.ceil(np.exp(Y) * 4), "event": np.arange(N) % 3 > 0},
    }[name]
    options = {"loss": name, "sample_weight": WEIGHT, "tol": 1e-11}
    path, found = jr.fit_path(X, y, lambdas=[0.05], **options), jr.solve(X, y, 0.05, **options)
    np.testing.assert_allclose(found.coef, path.coef[0], atol=1e-6)
    np.testing.assert_allclose(found.intercept, path.intercept[0], atol=1e-6)


@pytest.mark.slow
def test_derivatives_with_several_responses():
    responses = np.stack([Y, Y[::-1], X[:, 0]], axis=1)

    def several(X, y, lam):
        found = jr.solve(X, y, lam, penalty=penalties.MultiTaskLasso(), tol=1e-13)
        return jnp.sum(found.coef * np.arange(3.0)) + jnp.sum(found.intercept**2)

    check_derivatives(several, [X, responses, 0.2], ["X", "y", "lam"])


@pytest.mark.slow
def test_derivatives_with_more_columns_than_rows():
    def wide(X, lam):
        return jnp.sum(jr.solve(X, Y[:8], lam, tol=1e-13).coef ** 2)

    check_derivatives(wide, [X[:8], 0.2], ["X", "lam"])


@pytest.mark.slow
def test_second_derivative():
    def held_out(lam):
        found = jr.solve(X[:40], Y[:40], lam, penalty=penalties.ElasticNet(0.5), tol=1e-13)
        return jnp.mean((Y[40:] - X[40:] @ found.coef - found.intercept) ** 2)

    slope = jax.jit(jax.grad(held_out))
    expected = (float(slope(0.1 + 1e-5)) - float(slope(0.1 - 1e-5))) / 2e-5
    assert float(jax.jit(jax.jacfwd(jax.grad(held_out)))(0.1)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", few(["ElasticNet", "MCP", "GroupLasso", "SLOPE"], "GroupLasso"))
def test_vmap_over_64_problems_is_a_loop(name):
    ys = Y + 0.3 * np.random.default_rng(2).standard_normal((64, N))
    lambdas = np.geomspace(0.5, 0.02, 64)

    def fit(y, lam):
        return jr.solve(X, y, lam, penalty=PENALTIES[name], tol=1e-12)

    together, alone = jax.jit(jax.vmap(fit))(ys, lambdas), jax.jit(fit)
    for k in range(64):
        one = alone(ys[k], lambdas[k])
        np.testing.assert_allclose(together.coef[k], one.coef, atol=1e-8)
        np.testing.assert_allclose(together.intercept[k], one.intercept, atol=1e-8)
    assert (np.asarray(together.status) == jr.Status.converged).all()


@pytest.mark.parametrize(
    ("name", "standardize"),
    few(
        [*((name, True) for name in PENALTIES), ("Lasso", False), ("GroupLasso", False), ("MCP", False)],
        *(("MultiTaskLasso", True), ("MCP", False)),
    ),
)
def test_solution_is_that_of_fit_path(name, standardize):
    penalty, lam = PENALTIES[name], LAM.get(name, 0.1)
    data = X * np.linspace(0.5, 2.0, P) + 3.0
    options = {"sample_weight": WEIGHT, "offset": OFFSET, "standardize": standardize, "penalty": penalty, "tol": 1e-8}
    path = jr.fit_path(data, Y, lambdas=[lam], **options)
    start = path.coef[0] if not penalty.convex else None
    found = jr.solve(data, Y, lam, start=start, **options)
    assert int(found.status) == jr.Status.converged
    np.testing.assert_allclose(found.coef, path.coef[0], atol=1e-6)
    np.testing.assert_allclose(found.intercept, path.intercept[0], atol=1e-5)


@pytest.mark.parametrize("name", few(LOSSES, "Huber"))
def test_gap_bounds_the_distance_to_the_minimum(name):
    """At loose solutions, against the objective of a tight one."""
    y = np.sign(Y) if LOSSES[name].of_classes else Y
    loss, penalty, lam = LOSSES[name], penalties.ElasticNet(0.8), 0.03

    def objective(found):
        eta = X @ found.coef + found.intercept
        scaled = found.coef * X.std(axis=0)
        return float(jnp.mean(loss.value(y, eta)) + jnp.sum(penalty.value(scaled, lam)))

    best = objective(jr.solve(X, y, lam, loss=loss, penalty=penalty, tol=1e-13))
    null = float(jnp.mean(loss.value(y, jr.solve(X, y, 1e6, loss=loss, penalty=penalty, tol=1e-13).intercept)))
    loose = [jr.solve(X, y, lam, loss=loss, penalty=penalty, tol=1e-13, max_iter=k) for k in (1, 5, 9)]
    for found in loose:
        excess = (objective(found) - best) / null
        assert excess >= -1e-12
        if name != "Custom":  # whose dual is not known
            assert excess <= float(found.gap) + 1e-12
    assert int(loose[0].status) == jr.Status.max_iter


@pytest.mark.device
def test_edge_cases():
    """Constant and excluded columns, zero weights, lambda 0, unpenalised columns, constant y."""
    data = np.column_stack([X, np.full(N, 7.0), X[:, 0]])
    factors = np.append(FACTORS, [1.0, np.inf])
    factors[1] = 0.0
    weight = np.where(np.arange(N) % 5 == 0, 0.0, WEIGHT)
    found = jr.solve(data, Y, 0.2, sample_weight=weight, penalty_factors=factors, tol=1e-11)
    path = jr.fit_path(data, Y, lambdas=[0.2], sample_weight=weight, penalty_factors=factors)
    np.testing.assert_allclose(found.coef, path.coef[0], atol=1e-8)
    assert float(found.gap) < 1e-10
    gradient = jax.grad(lambda w: jr.solve(data, Y, 0.2, sample_weight=w, penalty_factors=factors).coef[1])(weight)
    assert np.isfinite(gradient).all()
    least = jr.solve(X, Y, 0.0, tol=1e-11)
    design = np.column_stack([np.ones(N), X])
    np.testing.assert_allclose(np.append(least.intercept, least.coef), np.linalg.lstsq(design, Y)[0], atol=1e-8)
    flat = jr.solve(X, np.full(N, 3.0), 0.1)
    np.testing.assert_allclose(flat.coef, 0.0, atol=1e-14)
    assert float(flat.intercept) == pytest.approx(3.0)


def test_float32_follows_the_caller():
    with jax.enable_x64(False):
        found = jr.solve(X, Y, 0.1)
    assert found.coef.dtype == jnp.float32
    assert float(found.gap) < 1e-4
    np.testing.assert_allclose(found.coef, jr.solve(X, Y, 0.1, tol=1e-10).coef, atol=1e-3)


@pytest.mark.slow
def test_coupled_outputs_in_float32():
    classes = np.eye(3)[np.digitize(Y, (-0.5, 0.5))]
    with jax.enable_x64(False):
        found = jr.solve(X, classes, 0.05, loss="multinomial")
    assert float(found.gap) < 1e-4
    np.testing.assert_allclose(found.coef, jr.solve(X, classes, 0.05, loss="multinomial", tol=1e-10).coef, atol=1e-3)


@pytest.mark.device
def test_nothing_is_transferred_inside_a_solve():
    args = jax.device_put((X, Y, 0.1, losses.Squared(), PENALTIES["GroupLasso"]))

    @jax.jit
    def fit(X, y, lam, loss, penalty):
        found = jr.solve(X, y, lam, loss=loss, penalty=penalty)
        return found, jax.grad(lambda x: jnp.sum(jr.solve(X, y, x, loss=loss, penalty=penalty).coef))(lam)

    compiled = fit.lower(*args).compile()
    with jax.transfer_guard("disallow"):
        found, gradient = jax.block_until_ready(compiled(*args))
    assert int(found.status) == jr.Status.converged
    assert float(gradient) < 0 or float(gradient) > 0


def test_values_that_are_not_numbers_come_out_as_such():
    found = jr.solve(np.where(np.arange(P) == 2, np.nan, X), Y, 0.1)
    assert int(found.status) != jr.Status.converged


BAD = [
    ({"X": X[:, 0]}, r"X has 1 dimension"),
    ({"y": Y[:-1]}, r"y has shape \(59,\), but needs one entry per row of X, 60"),
    ({"y": np.stack([Y, Y], 1), "loss": losses.Huber()}, r"y has 2 columns; several responses need the squared loss"),
    (
        {"y": jnp.ones(N), "loss": losses.Multinomial()},
        r"y has shape \(60,\), but of an array of JAX Multinomial takes",
    ),
    ({"y": Y, "loss": losses.Cox()}, "y is of type ndarray, which has no fields time and event"),
    ({"y": np.array(["a", "b"] * 30), "loss": losses.Poisson()}, "y has text"),
    ({"lam": np.ones(3)}, r"lam has shape \(3,\), but needs \(\) or \(12,\)"),
    ({"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\)"),
    ({"penalty_factors": np.ones(3)}, r"penalty_factors has shape \(3,\)"),
    ({"start": np.ones(3)}, r"start has shape \(3,\)"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_shapes(given, message):
    with pytest.raises(ValueError, match=message):
        jr.solve(**({"X": X, "y": Y, "lam": 0.1} | given))


@pytest.mark.slow
def test_descent_on_the_held_out_loss_over_penalty_factors():
    """60 steps of optax bring 12 penalty factors to a held-out loss that no single lambda reaches."""
    X, y = ar_problem(80, P, active=3, snr=1.0, seed=8)
    train, test = slice(0, 40), slice(40, 80)

    def held_out(log_strength):
        found = jr.solve(X[train], y[train], jnp.exp(log_strength), tol=1e-10)
        return jnp.mean((y[test] - X[test] @ found.coef - found.intercept) ** 2)

    single = jax.jit(jax.vmap(lambda s: held_out(jnp.full(P, s))))(jnp.linspace(-6, 1, 40))
    optimiser, value = optax.adam(0.1), jax.jit(jax.value_and_grad(held_out))
    strength = jnp.full(P, jnp.linspace(-6, 1, 40)[jnp.argmin(single)])
    state, losses_ = optimiser.init(strength), []
    for _ in range(60):
        loss, gradient = value(strength)
        updates, state = optimiser.update(gradient, state)
        strength = optax.apply_updates(strength, updates)
        losses_.append(float(loss))
    assert losses_[0] == pytest.approx(float(single.min()))
    assert losses_[-1] < 0.9 * losses_[0]


def test_jupyter_shows_the_numbers_of_one_solution():
    html = jr.solve(X, Y, 0.1)._repr_html_()
    assert f"<td>coef</td><td>({P},)</td>" in html
    assert "<td>converged</td>" in html
