"""Penalties by their definitions: prox, critical lambda, dual norm, concavity, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import CONVEX, FACTORED, GROUPS, NORMS, PENALTIES, SEPARABLE, WEIGHTS, P, few

from jaxreg import penalties
from jaxreg.penalties import _base

SCREENED = [name for name, penalty in PENALTIES.items() if isinstance(penalty, _base.Screened)]


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_every_penalty_is_tested():
    assert set(PENALTIES) == set(penalties.__all__)


def points(count, seed=0, scale=2.0):
    return scale * np.random.default_rng(seed).standard_normal((count, P))


@jax.jit
def prox(penalty, z, lam, step):
    return penalty.prox(z, lam, step)


@jax.jit
def values(penalty, points, lam):
    """(B,) of points (B, P)."""
    return jax.vmap(lambda b: jnp.sum(penalty.value(b, lam)))(points)


def objectives(penalty, points, z, lam, step):
    return np.sum((points - z) ** 2, axis=1) / (2 * step) + np.asarray(values(penalty, points, lam))


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize(("lam", "step"), [(0.3, 1.0), (1.0, 0.4), (0.8, 2.5), (0.0, 1.0)])
def test_prox_beats_perturbations(name, lam, step):
    penalty, rng = PENALTIES[name], np.random.default_rng(1)
    for z in points(4):
        u = np.asarray(prox(penalty, z, lam, step))
        others = [np.zeros(P), z, np.full(P, z.mean()), *(np.where(np.arange(P) == j, 0.0, u) for j in range(P))]
        for scale in (1e-6, 1e-3, 0.1, 1.0):
            directions = np.concatenate([rng.standard_normal((60, P)), np.eye(P), -np.eye(P)])
            others += list(u + scale * directions)
        best, *rest = objectives(penalty, np.stack([u, *others]), z, lam, step)
        assert best <= min(rest) + 1e-10


@pytest.mark.parametrize("name", SEPARABLE)
@given(lam=st.floats(0, 3), step=st.floats(0.01, 5), z=st.floats(-5, 5))
@settings(max_examples=40, deadline=None)
def test_separable_prox_beats_a_grid(name, lam, step, z):
    with jax.enable_x64(True):
        penalty = PENALTIES[name]
        u = prox(penalty, np.array([z]), lam, step)
        grid = np.concatenate([np.linspace(-6, 6, 4001), [0.0, z], u])[:, None]
        found = objectives(penalty, grid, z, lam, step)
    assert found[-1] <= found.min() + 1e-10


@pytest.mark.parametrize("name", CONVEX)
@given(lam=st.floats(0, 3), step=st.floats(0.01, 3), seed=st.integers(0, 1000), near=st.booleans())
@settings(max_examples=25, deadline=None)
def test_convex_prox_is_firmly_nonexpansive(name, lam, step, seed, near):
    a, b = points(2, seed)
    b = a + 0.05 * b if near else b
    with jax.enable_x64(True):
        pa, pb = (np.asarray(prox(PENALTIES[name], x, lam, step)) for x in (a, b))
    assert np.sum((pa - pb) ** 2) <= (a - b) @ (pa - pb) + 1e-10


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "L0"])  # whose prox jumps at every step
def test_value_plus_its_concavity_is_convex(name):
    """Along segments, and so is the prox single-valued for smaller steps."""
    penalty, lam = PENALTIES[name], 0.7
    rho = float(penalty.concavity(lam))
    assert (rho == 0) == (name in CONVEX)
    a, b = points(200, 2), points(200, 3)

    def value(x):
        return np.asarray(values(penalty, x, lam)) + rho * np.sum(x**2, axis=1) / 2

    assert (value((a + b) / 2) <= (value(a) + value(b)) / 2 + 1e-10).all()
    if rho:  # and no smaller one would do
        tight = np.linspace(-0.5, 0.5, 2001) * (3.0 if name in ("MCP", "SCAD") else 0.01) + 1.0 * (name == "SCAD")
        bent = np.asarray(penalty.value(tight, lam)) + 0.9 * rho * tight**2 / 2
        assert (np.diff(bent[tight > 0], 2) < 0).any()


BOTH_SIDES = [(name, False) for name in PENALTIES]
BOTH_SIDES += [(name, True) for name in (*FACTORED, "GroupLasso", "SparseGroupLasso", "L0")]


@jax.jit
def critical_lambdas(penalty, g, factors, step):
    """In closed form, and by bisection."""
    return penalty.critical_lambda(g, factors, step), _base.critical_by_bisection(penalty, g, factors, step)


@pytest.mark.parametrize(("name", "factored"), few(BOTH_SIDES, *(c for c in BOTH_SIDES if c[0] != "TrendFilter")))
def test_critical_lambda_is_exact_on_both_sides(name, factored):
    penalty, step = PENALTIES[name], 0.3
    factors = np.ones(P)
    if factored:
        factors = np.array([0.5, 1.5, 1.0, 2.0, 0.7, 1.2])[GROUPS]
    free = penalty.unpenalised(factors)
    for g in points(4, 5):
        if len(free):
            g = g - free.T @ np.linalg.lstsq(free.T, g, rcond=None)[0]
        critical, bisected = map(float, critical_lambdas(penalty, g, factors, step))
        if name == "Ridge":
            assert np.isinf(critical)
            continue
        step = min(step, 0.9 / max(float(penalty.concavity(critical)), 1e-9))  # without a jump
        above, below = (
            np.asarray(prox(penalty, -step * g, share * critical * factors, step)) for share in (1 + 1e-9, 1 - 1e-6)
        )
        np.testing.assert_allclose(above, 0, atol=1e-12)
        assert np.abs(below).max() > 1e-8
        if penalty.convex and not len(free):
            assert bisected == pytest.approx(critical, rel=1e-9)


@pytest.mark.parametrize(
    "penalty",
    [
        penalties.GroupLasso(GROUPS, weights=[0, 1, 2, 3, 0.5, 1]),
        penalties.SparseGroupLasso(GROUPS, 0.3, weights=[0, 1, 2, 3, 0.5, 1]),
        penalties.SparseGroupLasso(GROUPS, 1.0),
        penalties.MultiTaskLasso(),
        penalties.SLOPE(np.where(np.arange(P) < 3, WEIGHTS, 0.0)),
        penalties.FusedLasso(),
        penalties.TrendFilter(),
    ],
    ids=lambda penalty: type(penalty).__name__,
)
def test_critical_lambda_is_the_same_on_the_host(penalty):
    factors = np.array([0.5, 1.5, 0.0, 2.0, 0.7, 1.2])[GROUPS]
    takes_factors = isinstance(penalty, penalties.GroupLasso | penalties.SparseGroupLasso | penalties.MultiTaskLasso)
    factors = factors if takes_factors else np.ones(P)
    for g in points(3, 6):
        g = np.stack([g, 1.0 - g, np.sin(g)], axis=1) if type(penalty) is penalties.MultiTaskLasso else g
        expected = float(dual_norm(penalty, g, factors))
        assert penalty.critical_on_host(g, factors) == pytest.approx(expected, rel=1e-13)


@jax.jit
def dual_norm(penalty, g, lam):
    return penalty.dual_norm(g, lam)


@pytest.mark.parametrize("name", NORMS)
def test_dual_norm_bounds_the_product_and_is_attained(name):
    penalty, lam = PENALTIES[name], 0.8
    free = penalty.unpenalised(np.ones(P))
    for g in points(3, 7):
        g = g - free.T @ np.linalg.lstsq(free.T, g, rcond=None)[0] if len(free) else g
        norm = float(dual_norm(penalty, g, lam))
        others = points(100, 8)
        assert (others @ g <= norm * np.asarray(values(penalty, others, lam)) + 1e-9).all()
        # the residual of a prox at a strength just below is a direction in which it is attained
        b = np.asarray(prox(penalty, g / lam, (1 - 1e-7) * norm * lam, 1 / lam))
        assert g @ b == pytest.approx(norm * float(values(penalty, b[None], lam)[0]), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in SCREENED if name != "Ridge"])  # whose columns all come in at once
def test_pull_says_when_a_column_comes_in(name):
    """The largest pull is the critical lambda; restricted to columns that are pulled less nothing comes in earlier."""
    penalty, (g,) = PENALTIES[name], points(1, 9)
    pull = penalty.pull(g, np.ones(P))
    critical = float(penalty.critical_lambda(g))
    assert pull.max() == pytest.approx(critical)
    weak = np.flatnonzero(pull < 0.8 * critical)
    if penalty.convex:
        padded = np.append(weak, [P, P])
        rest = penalty.restrict(padded).critical_lambda(np.append(g[weak], [0, 0]))
        assert float(rest) <= pull[weak].max() * (1 + 1e-9)


@pytest.mark.parametrize("name", SCREENED)
def test_restricted_to_columns_it_is_the_penalty_of_vectors_that_are_zero_elsewhere(name):
    penalty = PENALTIES[name]
    columns = np.flatnonzero(np.isin(GROUPS, (1, 2, 5)))[::-1]
    padded = np.append(columns, [P, P, P])
    part, lam, step = penalty.restrict(padded), 0.6, 0.5
    for z in points(3, 11):
        z = np.where(np.isin(np.arange(P), columns), z, 0.0)
        small = np.append(z[columns], np.zeros(3))
        assert float(values(part, small[None], lam)[0]) == pytest.approx(float(values(penalty, z[None], lam)[0]))
        np.testing.assert_allclose(
            np.asarray(prox(part, small, lam, step))[:-3], np.asarray(prox(penalty, z, lam, step))[columns], atol=1e-12
        )


@pytest.mark.parametrize("name", PENALTIES)
def test_derivative_of_the_prox(name):
    """Symmetric, and equal to differences, with respect to the argument and to lambda."""
    penalty, lam, step, eps = PENALTIES[name], 0.35, 0.8, 1e-6
    (z,), (d,) = points(1, 13), points(1, 14)
    J = np.asarray(jax.jit(jax.jacfwd(prox, argnums=1))(penalty, jnp.asarray(z), lam, step))
    np.testing.assert_allclose(J, J.T, atol=1e-10)
    change = (prox(penalty, z + eps * d, lam, step) - prox(penalty, z - eps * d, lam, step)) / (2 * eps)
    np.testing.assert_allclose(J @ d, change, atol=1e-7)
    by_lam = jax.jit(jax.jacfwd(prox, argnums=2))(penalty, z, lam, step)
    change = (prox(penalty, z, lam + eps, step) - prox(penalty, z, lam - eps, step)) / (2 * eps)
    np.testing.assert_allclose(by_lam, change, atol=1e-7)


@pytest.mark.parametrize("name", few(PENALTIES, "SLOPE", "LogSum"))
def test_prox_under_vmap_and_in_float32(name):
    penalty, z = PENALTIES[name], points(5, 15)
    together = jax.jit(jax.vmap(lambda x, lam: penalty.prox(x, lam, 0.7)))(z, jnp.linspace(0.0, 0.8, 5))
    alone = np.stack([prox(penalty, x, lam, 0.7) for x, lam in zip(z, np.linspace(0.0, 0.8, 5), strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-12)
    with jax.enable_x64(False):
        single = np.stack([prox(penalty, jnp.asarray(x, jnp.float32), 0.3, 0.7) for x in z])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, np.stack([prox(penalty, x, 0.3, 0.7) for x in z]), atol=1e-5)


LIMITS = {
    "MCP": (penalties.MCP(np.inf), penalties.Lasso()),
    "SCAD": (penalties.SCAD(np.inf), penalties.Lasso()),
    "groups of one": (penalties.GroupLasso(np.arange(P)), penalties.Lasso()),
    "sparse groups at 1": (penalties.SparseGroupLasso(GROUPS, 1.0), penalties.Lasso()),
    "sparse groups at 0": (penalties.SparseGroupLasso(GROUPS, 0.0), penalties.GroupLasso(GROUPS)),
    "flat SLOPE": (penalties.SLOPE(np.ones(P)), penalties.Lasso()),
    "one response": (penalties.MultiTaskLasso(), penalties.Lasso()),
    "elastic net at 1": (penalties.ElasticNet(1.0), penalties.Lasso()),
    "elastic net at 0": (penalties.ElasticNet(0.0), penalties.Ridge()),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name):
    given_, limit = LIMITS[name]
    for z in points(3, 17):
        np.testing.assert_allclose(given_.prox(z, 0.7, 0.9), limit.prox(z, 0.7, 0.9), atol=1e-12)
        np.testing.assert_allclose(jnp.sum(given_.value(z, 0.7)), jnp.sum(limit.value(z, 0.7)), rtol=1e-12)
        np.testing.assert_allclose(given_.critical_lambda(z), limit.critical_lambda(z), rtol=1e-12)


def test_log_sum_tends_to_the_lasso():
    z = points(1, 18)[0]
    far = penalties.LogSum(1e7)
    np.testing.assert_allclose(far.prox(z, 0.7 * 1e7, 0.9), penalties.Lasso().prox(z, 0.7, 0.9), atol=1e-5)


def test_l0_with_room_is_hard_thresholding_and_keeps_the_largest_without():
    (z,) = points(1, 19)
    np.testing.assert_array_equal(penalties.L0(P).prox(z, 0.5, 0.9), np.where(z**2 > 0.9, z, 0.0))
    kept = np.asarray(penalties.L0(3).prox(z, 0.0, 1.0))
    np.testing.assert_array_equal(np.flatnonzero(kept), np.sort(np.argsort(-np.abs(z))[:3]))
    assert np.isinf(penalties.L0(2).value(z, 0.1)).any()


def test_rows_of_several_responses_shrink_together():
    Z = points(3, 20).T  # (P, 3)
    U = np.asarray(penalties.MultiTaskLasso().prox(Z, 0.8, 1.5))
    norm = np.linalg.norm(Z, axis=1)
    np.testing.assert_allclose(U, Z * np.maximum(1 - 1.2 / norm, 0)[:, None], atol=1e-12)
    as_groups = penalties.GroupLasso(np.repeat(np.arange(P), 3), np.ones(P)).prox(Z.ravel(), 0.8, 1.5)
    np.testing.assert_allclose(U.ravel(), as_groups, atol=1e-12)


def test_groups_are_named_by_labels_or_lists():
    by_label = penalties.GroupLasso(["b", "a", "b", "c"])
    by_list = penalties.GroupLasso([[1], [0, 2], [3]])
    np.testing.assert_array_equal(by_label.groups, by_list.groups)
    np.testing.assert_allclose(by_label.weights, np.sqrt([1, 2, 1]))
    heavy = penalties.GroupLasso([0, 0, 1], weights=[0.0, 1.0])
    np.testing.assert_array_equal(heavy.unpenalised(np.ones(3)), np.eye(3)[:2])


def test_numbers_are_leaves_and_keep_their_type():
    leaves = jax.tree.leaves((penalties.ElasticNet(0.5), penalties.MCP(3.0), penalties.L0(4)))
    assert leaves == [0.5, 3.0]
    assert jax.tree.leaves(penalties.Custom(abs, abs)) == []
    assert penalties.ElasticNet(0.5) == penalties.ElasticNet(0.5)
    gradient = jax.grad(lambda a: jnp.sum(penalties.ElasticNet(a).value(jnp.ones(3), 2.0)))(0.5)
    assert float(gradient) == pytest.approx(3.0)  # 2 (|b| - b^2 / 2), three times


BAD = [
    (lambda: penalties.ElasticNet(1.5), r"l1_ratio is 1.5; give a number from 0 \(ridge\) to 1"),
    (lambda: penalties.MCP(1.0), r"gamma is 1.0; give a number above 1"),
    (lambda: penalties.SCAD(2), r"gamma is 2; give a number above 2"),
    (lambda: penalties.MCP("3"), r"gamma is '3'"),
    (lambda: penalties.LogSum(0.0), r"eps is 0.0; give a number above 0"),
    (lambda: penalties.LogSum(np.inf), r"eps is inf"),
    (lambda: penalties.SparseGroupLasso(GROUPS, True), r"l1_ratio is True"),
    (lambda: penalties.GroupLasso([]), r"groups is \[\]; give the group of each column"),
    (lambda: penalties.GroupLasso([0.5, 1.0]), r"groups is"),
    (lambda: penalties.GroupLasso([[0, 1], [1, 2]]), r"lists that do not name each column"),
    (lambda: penalties.GroupLasso([0, 1], [1.0]), r"weights has shape \(1,\)"),
    (lambda: penalties.GroupLasso([0, 1], [1.0, -1.0]), r"values that are no numbers >= 0; give 2"),
    (lambda: penalties.SLOPE([]), r"weights has shape \(0,\)"),
    (lambda: penalties.SLOPE([1.0, 2.0]), r"weights must fall"),
    (lambda: penalties.SLOPE([0.0, 0.0]), r"not all 0"),
    (lambda: penalties.SLOPE([1.0, np.nan]), r"NaN"),
    (lambda: penalties.L0(0), r"budget is 0; give a whole number"),
    (lambda: penalties.L0(2.5), r"budget is 2.5"),
    (lambda: PENALTIES["SLOPE"].checked_factors(np.array([1.0, 2.0]), None), r"weights has length 12, but X has 2"),
    (lambda: PENALTIES["SLOPE"].checked_factors(WEIGHTS, None), r"SLOPE has none"),
    (lambda: PENALTIES["GroupLasso"].checked_factors(WEIGHTS, None), r"differ within group 0"),
    (lambda: PENALTIES["GroupLasso"].checked_factors(np.ones(3), None), r"GroupLasso of 12 columns, but X has 3"),
    (lambda: PENALTIES["MCP"].checked_factors(np.ones(3), 4), r"y has 4 columns; MCP takes one response"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_hyperparameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_no_lambda_is_critical_where_the_prox_never_is_zero():
    ridge = penalties.Custom(lambda b, lam: lam * b**2 / 2, lambda b, lam, step: b / (1 + lam * step))
    assert np.isinf(ridge.critical_lambda(points(1)[0]))


def test_no_matrix_of_all_columns_for_a_few_directions():
    assert penalties.MCP().unpenalised(np.ones(10**7)).shape == (0, 10**7)
    np.testing.assert_array_equal(_base.unit_directions(np.array([1.0, 0.0, 2.0, 0.0])), np.eye(4)[[1, 3]])


def test_custom_needs_functions():
    with pytest.raises(TypeError, match="prox is 3; give a function"):
        penalties.Custom(abs, 3)
