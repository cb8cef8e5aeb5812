"""Block coordinate descent: its blocks, its tiles, and paths that agree with the proximal solver's."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import PENALTIES, few
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.engines._columns import ColumnSet
from jaxreg.engines._sizes import Tight
from jaxreg.penalties._base import Blockwise, shortened
from jaxreg.solvers.smooth import Factored, Quadratic
from jaxreg.solvers.tiling import Layout

BLOCKWISE = [name for name, penalty in PENALTIES.items() if isinstance(penalty, Blockwise)]
CONVEX = [name for name in BLOCKWISE if PENALTIES[name].convex]
P = 90
SIZES = np.array([1, 7, 3, 12, 1, 2, 30, 5, 9, 20])
UNEVEN = np.random.default_rng(5).permutation(np.repeat(np.arange(len(SIZES)), SIZES))
TALL, WIDE = ar_problem(200, P, seed=1), ar_problem(40, P, seed=2)


def instance(name, groups=UNEVEN, weights=None):
    if name == "GroupLasso":
        return penalties.GroupLasso(groups, weights)
    return penalties.SparseGroupLasso(groups, 0.3, weights) if name == "SparseGroupLasso" else PENALTIES[name]


@jax.jit
def penalty_value(penalty, b, lam):
    return jnp.sum(penalty.value(b, lam))


def objectives(path, X, y, penalty, factors=1.0):
    """Values (L,) of the objective at the points of a path without standardisation."""
    with jax.enable_x64(True):
        value = [
            float(penalty_value(penalty, b, lam * factors)) for b, lam in zip(path.coef, path.lambdas, strict=True)
        ]
    return np.mean((y - path.predict(X).T) ** 2, axis=1) / 2 + value


# ---- tiles ----


@pytest.mark.parametrize("sizes", [np.ones(70, int), SIZES, np.array([40, 200, 3, 1]), np.full(9, 16)])
def test_no_block_reaches_from_one_tile_into_another(sizes):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    layout = Layout(labels)
    chosen = layout.whole(np.isin(np.arange(len(labels)), [0, 3, 17, 33]))
    for J in (np.arange(len(labels)), np.flatnonzero(chosen)):
        at = layout.placed(J)
        assert len(np.unique(at)) == len(J)
        assert at.max() < layout.length(at) <= layout.whole_length
        for label in np.unique(labels[J]):
            own = at[labels[J] == label]
            np.testing.assert_array_equal(np.sort(own), own.min() + np.arange(sizes[label]))
            assert own.min() // layout.width == (own.min() + layout.longest - 1) // layout.width


def in_tiles():
    """(layout, column at each position or P, rows (m, n), y) of the wide problem in groups."""
    X, y = WIDE
    layout = Layout(UNEVEN)
    at = layout.placed(np.arange(P))
    index = np.full(layout.length(at), P)
    index[at] = np.arange(P)
    rows = np.zeros((len(index), len(y)))
    rows[at] = X.T
    return layout, index, rows, y


@pytest.mark.parametrize("rotates", [True, False])
@pytest.mark.parametrize("form", [Quadratic, Factored])
def test_tiles_hold_the_eigenbasis_of_each_block(form, rotates):
    layout, index, rows, y = in_tiles()
    with jax.enable_x64(True):
        smooth = form(rows @ rows.T if form is Quadratic else rows, rows @ y)
        tiled = jax.tree.map(np.asarray, layout.tiled(smooth, index, rotates))
    for label in range(len(SIZES)):
        own = np.flatnonzero((index < P) & (np.append(UNEVEN, -1)[index] == label))
        G, values, Q = rows[own] @ rows[own].T, tiled.curvature[own], tiled.rotation[own]
        T = tiled.gram.shape[-1]
        np.testing.assert_allclose(tiled.gram[own[0] // T][np.ix_(own % T, own % T)], G, atol=1e-12)
        if rotates:
            np.testing.assert_allclose(Q[:, : len(own)] * values @ Q[:, : len(own)].T, G, atol=1e-12)
        else:
            np.testing.assert_allclose(Q[:, : len(own)], np.eye(len(own)))
            np.testing.assert_allclose(values, np.linalg.eigvalsh(G)[-1])
    assert tiled.counts.sum() == len(SIZES)
    assert tiled.sizes.sum() == P
    length = np.linalg.norm(rows, axis=1)
    full, other = (rows @ rows.T, tiled.length) if form is Quadratic else (rows, 1.0)
    np.testing.assert_allclose(tiled.length, np.where(length > 0, length, 1.0))
    np.testing.assert_allclose(tiled.near * tiled.length[:, None] * other, full, atol=1e-6 * length.max() ** 2)
    assert tiled.near.dtype == np.float32


def test_a_queue_holds_the_blocks_of_chosen_columns():
    layout, index, rows, y = in_tiles()
    with jax.enable_x64(True):
        tiled = layout.tiled(Factored(rows, rows @ y), index, True)
        for chosen in ([], [3], [0, 5, 9], list(range(len(SIZES)))):
            columns = np.isin(np.append(UNEVEN, -1)[index], chosen) & (np.arange(len(index)) % 2 == 0)
            tiles, number, slots, lengths = (np.asarray(a) for a in tiled.queue(columns))
            width = tiled.gram.shape[-1]
            first = [i * width + tiled.starts[i, slot] for i in tiles[:number] for slot in slots[i, : lengths[i]]]
            found = np.append(UNEVEN, -1)[index][np.array(first, int)]
            assert sorted(found) == sorted(np.unique(np.append(UNEVEN, -1)[index][columns]))


def test_active_blocks_stand_in_the_first_tiles():
    rng, n, p = np.random.default_rng(3), 20, 300
    A, labels = rng.standard_normal((p + 1, n)), np.arange(p) // 3
    A[p] = 0.0
    placement = SimpleNamespace(available=lambda: np.inf, on_host=True)
    design = SimpleNamespace(n=n, p=p, dtype=np.float64, gather=lambda columns: A[columns], placement=placement)
    columns = ColumnSet(SimpleNamespace(design=design, squared=True), Tight(in_tiles=True), layout=Layout(labels))
    active = np.isin(labels, [1, 30, 69])

    def admit(wanted):
        return columns.admit(np.flatnonzero(wanted), np.ones(columns.capacity), columns.gathered(active, False), 0.5)

    with jax.enable_x64(True):
        assert admit(labels < 70)
        assert not admit(labels < 60)  # nothing is missing
        assert admit(labels < 80)
    held = columns.index[columns.index < p]
    np.testing.assert_array_equal(np.sort(held), np.flatnonzero(labels < 80))
    np.testing.assert_array_equal(np.sort(held[:9]), np.flatnonzero(active))
    np.testing.assert_array_equal(columns.rows, A[columns.index])


# ---- the minimum over a block ----


@pytest.mark.parametrize(
    ("name", "K"),
    few(
        [*((name, 1) for name in BLOCKWISE), ("MultiTaskLasso", 3)],
        *(("SparseGroupLasso", 1), ("LogSum", 1), ("GroupLasso", 1), ("MultiTaskLasso", 3)),
    ),
)
def test_the_minimum_over_a_block_beats_all_others(name, K):
    penalty, rng = PENALTIES[name], np.random.default_rng(4)
    labels = penalty.block_labels(12)
    own = np.flatnonzero(labels == labels[4])
    d = len(own)
    minimum = jax.jit(penalty.block_minimum)
    with jax.enable_x64(True):
        for trial in range(20):
            lam = rng.uniform(0.05, 2.0)
            curvature = np.full(d, rng.uniform(0.5, 3.0)) * (1 if not penalty.rotates else rng.uniform(0.2, 5.0, d))
            corr, last = rng.standard_normal((2, d, K)) * 2
            strength = penalty.block_strength(jnp.full(12, lam))[own[0]]
            u = np.asarray(minimum(corr, curvature, strength, last if trial % 2 else 0 * last))

            def value(u, lam=lam, curvature=curvature, corr=corr):
                full = np.zeros((12, K)) if K > 1 else np.zeros(12)
                full[own] = u if K > 1 else u[:, 0]
                return float((curvature[:, None] * u**2 / 2 - corr * u).sum() + penalty_value(penalty, full, lam))

            best = value(u)
            others = [0 * u, *(u + s * rng.standard_normal(u.shape) for s in (1e-4, 1e-2, 0.3, 1.0) for _ in range(8))]
            assert best <= min(map(value, others)) + 1e-12
            if best < value(0 * u) - 1e-9:
                assert np.abs(u).max() > 0


def test_the_norm_of_a_block_is_a_root_from_any_guess():
    rng = np.random.default_rng(7)
    root = jax.jit(shortened)
    with jax.enable_x64(True):
        for spread in (0, 3, 6):
            for guess in (0.0, 1e-8, 1.0, 1e8):
                curvature = 10.0 ** rng.uniform(-spread, 0, 12)
                corr = rng.standard_normal((12, 1)) * np.sqrt(curvature)[:, None]
                lam = 10.0 ** rng.uniform(-3, -0.5) * np.linalg.norm(corr)
                u = np.asarray(root(corr, curvature, lam, np.full((12, 1), guess)))
                pull = corr - curvature[:, None] * u
                np.testing.assert_allclose(pull, lam * u / np.linalg.norm(u), atol=1e-12 * np.linalg.norm(corr))


# ---- paths ----


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["tall", "wide"])
@pytest.mark.parametrize("name", CONVEX)
def test_paths_have_the_objective_of_the_proximal_solver(name, shape):
    X, y = TALL if shape == "tall" else WIDE
    penalty = instance(name)
    given = {"penalty": penalty, "n_lambdas": 30, "standardize": False}
    path = jr.fit_path(X, y, solver="block", **given)
    reference = jr.fit_path(X, y, solver="proximal", tol=1e-10, **given)
    assert path.solver == "block"
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= path.tol
    above = objectives(path, X, y, penalty) - objectives(reference, X, y, penalty)
    assert np.abs(above).max() <= 1e-6 * np.var(y) / 2


@pytest.mark.parametrize("name", few(["MCP", "SCAD", "LogSum"], "SCAD"))
def test_points_of_penalties_that_are_not_convex_are_stationary(name):
    X, y = TALL
    path = jr.fit_path(X, y, penalty=PENALTIES[name], solver="block", n_lambdas=20, standardize=False)
    assert (path.status == jr.Status.converged).all()
    assert path.certificate == "residual"
    centred, step = X - X.mean(axis=0), 0.05
    scale = np.abs(centred.T @ (y - y.mean())).max() / len(y)
    with jax.enable_x64(True):
        for b, b0, lam in zip(path.coef, path.intercept, path.lambdas, strict=True):
            moved = b - np.asarray(PENALTIES[name].prox(b + step * centred.T @ (y - b0 - X @ b) / len(y), lam, step))
            assert np.abs(moved).max() / step < 1e-5 * scale


@pytest.mark.slow
def test_many_groups_on_a_working_set():
    X, y = ar_problem(60, 2000, seed=3)
    labels = np.random.default_rng(0).integers(0, 300, 2000)
    penalty = penalties.GroupLasso(labels)
    path = jr.fit_path(X, y, penalty=penalty, n_lambdas=40)
    assert path.solver == "block"
    assert path.gap.max() <= 1e-6
    assert path.df[-1] > 60
    for b in path.coef:  # a group as a whole, or not at all
        inside = np.bincount(labels, b != 0, minlength=300) / np.maximum(np.bincount(labels, minlength=300), 1)
        assert np.isin(inside, (0.0, 1.0)).all()


@pytest.mark.device
@pytest.mark.slow
def test_groups_of_one_column_are_the_lasso():
    X, y = WIDE
    lasso = jr.fit_path(X, y, n_lambdas=25)
    alone = penalties.GroupLasso(np.arange(P))
    path = jr.fit_path(X, y, penalty=alone, lambdas=lasso.lambdas, tol=1e-10, solver="block")
    np.testing.assert_allclose(path.coef, lasso.coef, atol=1e-4)


def test_a_group_without_weight_is_not_penalised():
    X, y = TALL
    weights = np.sqrt(SIZES)
    weights[3] = 0.0
    penalty = penalties.GroupLasso(UNEVEN, weights)
    path = jr.fit_path(X, y, penalty=penalty, n_lambdas=20)
    assert path.solver == "block"
    assert path.gap.max() <= 1e-6
    own = UNEVEN == 3
    assert (path.coef[:, own] != 0).all()
    free = np.column_stack([np.ones(len(y)), X[:, own]])
    left = y - free @ np.linalg.lstsq(free, y, rcond=None)[0]
    null = jr.fit_path(X, y, penalty=penalty, lambdas=[path.lambdas[0] * 1.001])
    np.testing.assert_allclose(y - null.predict(X)[:, 0], left, atol=1e-6 * np.abs(y).max())
    # orthogonal to the columns of the group at every lambda
    for k in range(20):
        r = y - path.predict(X)[:, k]
        assert np.abs((X[:, own] - X[:, own].mean(axis=0)).T @ r).max() < 1e-3 * np.abs(X.T @ y).max()


@pytest.mark.parametrize("name", ["GroupLasso", "MultiTaskLasso"])
def test_degenerate_columns(name):
    X, y = ar_problem(50, P, seed=4)
    X[:, 5], X[:, 17], X[:, 40] = X[:, 4], 3.0, X[:, 41] - X[:, 42]
    Y = np.stack([y, -y + X[:, 3], np.cos(y)], axis=1) if name == "MultiTaskLasso" else y
    factors = np.ones(P)
    factors[UNEVEN == 2] = np.inf
    path = jr.fit_path(X, Y, penalty=instance(name), penalty_factors=factors, n_lambdas=30)
    assert path.solver == "block"
    assert path.gap.max() <= 1e-6
    assert (path.coef[:, UNEVEN == 2] == 0).all()
    assert (path.coef[:, 17] == 0).all()
    assert np.isfinite(path.coef).all()


@pytest.mark.sampled
@pytest.mark.parametrize(("of_X", "of_y"), [(1.0, 1.0), (1e25, 1.0), (1e-25, 1.0), (1.0, 1e30), (1.0, 1e-30)])
@pytest.mark.parametrize("shape", ["tall", "wide"])
def test_a_tight_tolerance_on_any_scale(shape, of_X, of_y):
    X, y = TALL if shape == "tall" else WIDE
    path = jr.fit_path(of_X * X, of_y * y, penalty=penalties.GroupLasso(UNEVEN), n_lambdas=20, tol=1e-12)
    assert path.solver == "block"
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-12
    assert path.n_iter.max() < 300


@pytest.mark.device
def test_down_to_lambda_zero():
    X, y = TALL
    path = jr.fit_path(X, y, penalty=penalties.GroupLasso(UNEVEN), lambdas=[0.5, 0.1, 0.01, 0.0])
    assert path.gap.max() <= 1e-6
    exact = np.linalg.lstsq(np.column_stack([np.ones(len(y)), X]), y, rcond=None)[0]
    left = np.sum((y - path.predict(X)[:, -1]) ** 2) - np.sum((y - exact[0] - X @ exact[1:]) ** 2)
    assert left <= 1e-5 * np.var(y) * len(y)


def test_what_descent_cannot_finish_the_proximal_solver_does():
    X, y = ar_problem(60, P, seed=6)
    X = X[:, :1] + 0.01 * X  # all but the same column: by how the processor rounds, gaps end at 2e-9
    path = jr.fit_path(X, y, penalty=penalties.GroupLasso(UNEVEN), n_lambdas=15, tol=1e-8, max_iter=20000)
    assert path.solver == "block"
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-8


def test_warm_starts_and_weights():
    X, y = WIDE
    weight = np.where(np.arange(len(y)) % 4 == 0, 0.0, 1.0)
    penalty = penalties.GroupLasso(UNEVEN)
    path = jr.fit_path(X, y, penalty=penalty, sample_weight=weight, n_lambdas=20)
    without = jr.fit_path(X[weight > 0], y[weight > 0], penalty=penalty, lambdas=path.lambdas)
    kept = X[weight > 0], y[weight > 0], penalty
    np.testing.assert_allclose(objectives(path, *kept), objectives(without, *kept), atol=2e-6 * np.var(y))
    again = jr.fit_path(X, y, penalty=penalty, sample_weight=weight, lambdas=path.lambdas[10:], warm_start=path)
    assert again.gap.max() <= 1e-6


def test_a_response_that_the_null_model_fits_has_no_coefficients():
    X, y = WIDE
    penalty = penalties.GroupLasso(UNEVEN)
    path = jr.fit_path(X, y, penalty=penalty, n_lambdas=10)
    with pytest.warns(jr.ConvergenceWarning, match="coefficients are 0"):
        constant = jr.fit_path(X, np.ones(len(y)), penalty=penalty, lambdas=path.lambdas[-2:], warm_start=path)
    assert constant.solver == "block"
    assert (constant.coef == 0).all()


@pytest.mark.slow
def test_groups_of_very_different_sizes_go_to_the_proximal_solver():
    X, y = TALL
    labels = np.append(np.zeros(40, int), np.arange(1, 51))
    path = jr.fit_path(X, y, penalty=penalties.GroupLasso(labels), n_lambdas=5)
    assert path.solver == "proximal"
    block = jr.fit_path(X, y, penalty=penalties.GroupLasso(labels), lambdas=path.lambdas, solver="block")
    np.testing.assert_allclose(block.predict(X), path.predict(X), atol=1e-2)


@pytest.mark.parametrize("l1_ratio", few([0.0, 0.5, 1.0], 0.0))
def test_a_group_without_weight_keeps_the_l1_part(l1_ratio):
    X, y = TALL
    weights = np.sqrt(SIZES) * (np.arange(len(SIZES)) != 3)
    penalty = penalties.SparseGroupLasso(UNEVEN, l1_ratio, weights)
    path = jr.fit_path(X, y, penalty=penalty, n_lambdas=12, standardize=False)
    assert (path.status == jr.Status.converged).all()
    assert ((path.coef[0] != 0) == ((UNEVEN == 3) & (l1_ratio == 0))).all()
    if l1_ratio == 1:
        lasso = jr.fit_path(X, y, lambdas=path.lambdas, standardize=False)
        np.testing.assert_allclose(path.predict(X), lasso.predict(X), atol=1e-2)


@pytest.mark.device
def test_folds():
    X, y = WIDE
    penalty = penalties.GroupLasso(UNEVEN)
    cv = jr.fit_cv(X, y, penalty=penalty, cv=4, n_lambdas=15, solver="block")
    assert cv.gap.max() <= 1e-6
    slow = jr.fit_cv(X, y, penalty=penalty, cv=4, lambdas=cv.lambdas[0], solver="proximal", tol=1e-9)
    np.testing.assert_allclose(cv.fold_loss, slow.fold_loss, rtol=2e-3)


def test_which_problems_it_takes():
    X, y = WIDE
    with pytest.raises(ValueError, match=r"solver is 'block', which solves .* not Squared with SLOPE"):
        jr.fit_path(X, y, penalty=penalties.SLOPE(np.ones(P)), solver="block")
    with pytest.raises(ValueError, match="not Huber with MCP"):
        jr.fit_path(X, y, loss=losses.Huber(1.0), penalty=penalties.MCP(), solver="block")


@pytest.mark.slow
def test_what_goes_to_the_proximal_solver():
    X, y = WIDE
    assert jr.fit_path(X, y, penalty=penalties.MCP(), n_lambdas=3).solver == "proximal"
    assert jr.fit_path(X, y, loss=losses.Huber(1.0), penalty=instance("GroupLasso"), n_lambdas=3).solver == "proximal"
