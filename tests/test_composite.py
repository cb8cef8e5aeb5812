"""Paths and cross-validation of any loss and penalty: optimality, limits as oracles, agreement with other programs."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import GROUPS, LOSSES, PENALTIES, P, few, soft
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.objective import _null_model

X, Y = ar_problem(70, P, seed=1)
WIDE, YW = ar_problem(40, 300, seed=2)
SCALES = np.linspace(0.3, 3.0, P)
DATA = X * SCALES + 5.0
RNG = np.random.default_rng(3)
SEVERAL = np.stack([Y, 0.5 * Y + RNG.standard_normal(70), -Y + X[:, 1]], axis=1)


DIFFERENT = ("SparseGroupLasso", "LogSum", "SLOPE", "TrendFilter")  # one penalty of each kind


def response(name):
    return np.where(np.mean(Y) < Y, 1.0, -1.0) if LOSSES[name].of_classes else Y


def wide_penalty(name):
    """An instance for 300 columns."""
    groups = np.arange(300) // 7
    made = {
        "GroupLasso": lambda: penalties.GroupLasso(groups),
        "SparseGroupLasso": lambda: penalties.SparseGroupLasso(groups, 0.3),
        "SLOPE": lambda: penalties.SLOPE(np.linspace(1.0, 0.2, 300)),
    }
    return made.get(name, lambda: PENALTIES[name])()


@jax.jit
def prox(penalty, b, lam, step):  # compiled: a loop would be compiled anew at each call
    return penalty.prox(b, lam, step)


def stationarity(X, y, intercept, coef, lam, loss, penalty, standardize=True, step=0.05):
    """max |b - prox(b - step f'(b))| / step and |mean loss'| from the user's arrays."""
    k, unit = loss.degree, 1.0
    if standardize and k:  # the penalty is unit^k penalty(b / unit, lam / unit^(k - 1))
        unit, lam, of_prox = y.std(), lam / y.std() ** (k - 1), step * y.std() ** (k - 2)
    else:
        of_prox = step
    sd = X.std(axis=0) if standardize else np.ones(X.shape[1])
    scaled = (X - X.mean(axis=0)) / sd
    eta = X @ coef + intercept
    with jax.enable_x64(True):
        u = np.asarray(loss.gradient(y, eta))
        b = coef * (sd if coef.ndim == 1 else sd[:, None])
        ahead = (b - step * scaled.T @ u / len(y)) / unit
        moved = b - unit * np.asarray(prox(penalty, ahead, lam, of_prox))
    return np.abs(moved).max() / step, np.abs(u.mean(axis=0)).max()


@pytest.mark.sampled
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("name", few(PENALTIES, *DIFFERENT))
def test_points_of_a_path_are_stationary(name, standardize):
    penalty = PENALTIES[name]
    path = jr.fit_path(DATA, Y, penalty=penalty, solver="proximal", n_lambdas=12, standardize=standardize)
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= path.tol == 1e-6
    assert path.solver == "proximal"
    scale = np.abs((DATA - DATA.mean(axis=0)).T @ (Y - Y.mean())).max() / len(Y)
    # a step at which the prox is single-valued; L0 is stationary for steps up to that of the solver
    step = min(0.02, 0.5 / max(float(penalty.concavity(path.lambdas[0])), 1e-9))
    for k, lam in enumerate(path.lambdas):
        left, mean = stationarity(
            DATA, Y, path.intercept[k], path.coef[k], lam, losses.Squared(), penalty, standardize, step
        )
        assert left < 1e-5 * scale
        assert mean < 1e-9 * np.abs(Y).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_points_of_other_losses_are_stationary(name):
    loss, y, penalty = LOSSES[name], response(name), penalties.ElasticNet(0.9)
    path = jr.fit_path(DATA, y, loss=loss, penalty=penalty, solver="proximal", n_lambdas=12)
    assert (path.status == jr.Status.converged).all()
    assert path.certificate == ("residual" if name == "Custom" else "gap")
    assert (np.diff(path.dev_ratio) > -1e-9).all()
    assert path.dev_ratio[0] == pytest.approx(0.0, abs=1e-9)
    for k, lam in enumerate(path.lambdas):
        left, mean = stationarity(DATA, y, path.intercept[k], path.coef[k], lam, loss, penalty)
        assert left < 1e-4 * path.lambdas[0]
        assert mean < 1e-4 * path.lambdas[0]


@pytest.mark.parametrize("name", few(PENALTIES, *DIFFERENT))
def test_grid_begins_where_the_first_coefficient_comes_in(name):
    penalty = PENALTIES[name]
    y = SEVERAL if name == "MultiTaskLasso" else Y
    path = jr.fit_path(X, y, penalty=penalty, solver="proximal", n_lambdas=2)
    largest = path.lambdas[0]
    if name == "Ridge":
        assert (path.df == P).all()
        return
    above, below = jr.fit_path(
        X, y, penalty=penalty, solver="proximal", lambdas=[largest * 1.0001, largest * 0.999]
    ).coef
    if name in ("FusedLasso", "TrendFilter"):
        order = {"FusedLasso": 1, "TrendFilter": 2}[name]
        sd = X.std(axis=0)
        assert np.abs(np.diff(above * sd, order)).max() < 1e-9
        assert np.abs(np.diff(below * sd, order)).max() > 1e-6
        return
    assert not above.any()
    assert below.any()


LIMITS = {
    "MCP": penalties.MCP(np.inf),
    "SCAD": penalties.SCAD(np.inf),
    "groups of one": penalties.GroupLasso(np.arange(P)),
    "sparse groups at 1": penalties.SparseGroupLasso(GROUPS, 1.0),
    "flat SLOPE": penalties.SLOPE(np.ones(P)),
    "one response": penalties.MultiTaskLasso(),
    "of the user": penalties.Custom(lambda coef, lam: lam * jnp.abs(coef), soft, convex=True),
    "proximal": penalties.Lasso(),
}


@pytest.mark.parametrize("name", few(LIMITS, "SCAD", "of the user"))
def test_limits_are_the_lasso(name):
    lasso = jr.fit_path(DATA, Y, n_lambdas=20)
    path = jr.fit_path(DATA, Y, penalty=LIMITS[name], solver="proximal", lambdas=lasso.lambdas, tol=1e-9)
    np.testing.assert_allclose(path.coef, lasso.coef, atol=1e-5)
    np.testing.assert_allclose(path.dev_ratio, lasso.dev_ratio, atol=1e-8)
    own = jr.fit_path(DATA, Y, penalty=LIMITS[name], solver="proximal", n_lambdas=20)
    np.testing.assert_allclose(own.lambdas, lasso.lambdas, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("a", [0.0, 0.4, 1.0])
def test_huber_without_outliers_is_the_squared_loss(a):
    squared = jr.fit_path(DATA, Y, penalty=penalties.ElasticNet(a), n_lambdas=15)
    huber = jr.fit_path(
        DATA, Y, loss=losses.Huber(1e4), penalty=penalties.ElasticNet(a), lambdas=squared.lambdas, tol=1e-9
    )
    np.testing.assert_allclose(huber.coef, squared.coef, atol=1e-4)
    np.testing.assert_allclose(huber.intercept, squared.intercept, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [n for n in PENALTIES if n not in ("FusedLasso", "TrendFilter", "L0", "Custom", "Ridge")],
)
def test_points_of_a_screened_path_are_stationary(name):
    """n < p, on a working set, judged with all columns."""
    penalty = wide_penalty(name)
    y = np.stack([YW, YW[::-1]], axis=1) if name == "MultiTaskLasso" else YW
    path = jr.fit_path(WIDE, y, penalty=penalty, solver="proximal", n_lambdas=15)
    assert (path.status == jr.Status.converged).all()
    loss = losses.Squared()
    step = min(0.005, 0.5 / max(float(penalty.concavity(path.lambdas[0])), 1e-9))
    for k, lam in enumerate(path.lambdas):
        left, _ = stationarity(WIDE, y, path.intercept[k], path.coef[k], lam, loss, penalty, step=step)
        assert left < 1e-4 * path.lambdas[0]
    assert path.df[0] == 0 < path.df[-1]


@pytest.mark.device
def test_several_responses_agree_with_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    path = jr.fit_path(X, SEVERAL, penalty=penalties.MultiTaskLasso(), standardize=False, n_lambdas=8, tol=1e-10)
    assert path.coef.shape == (8, P, 3)
    assert path.n_responses == 3
    assert path.intercept.shape == (8, 3)
    for k, lam in enumerate(path.lambdas):
        peer = linear_model.MultiTaskLasso(alpha=lam, tol=1e-12, max_iter=100000).fit(X, SEVERAL)
        np.testing.assert_allclose(path.coef[k], peer.coef_.T, atol=1e-6)
        np.testing.assert_allclose(path.intercept[k], peer.intercept_, atol=1e-6)
    np.testing.assert_array_equal(path.df, (path.coef != 0).any(axis=2).sum(axis=1))
    one = jr.fit_path(X, SEVERAL[:, 0], penalty=penalties.Lasso(), n_lambdas=3)
    np.testing.assert_allclose(path.predict(X).shape, (70, 8, 3))
    assert one.predict(X).shape == (70, 3)


@pytest.mark.device
def test_squared_hinge_agrees_with_scikit_learn():
    svm = pytest.importorskip("sklearn.svm")
    y = response("SquaredHinge")
    lam = 0.05
    path = jr.fit_path(
        X, y, loss=losses.SquaredHinge(), penalty=penalties.Ridge(), lambdas=[lam], standardize=False,
        fit_intercept=False, tol=1e-10,
    )  # fmt: skip
    peer = svm.LinearSVC(C=1 / (lam * len(y)), fit_intercept=False, tol=1e-10, max_iter=100000, dual=False).fit(X, y)
    np.testing.assert_allclose(path.coef[0], peer.coef_[0], atol=1e-5)


@pytest.mark.slow
def test_squared_hinge_of_columns_that_hardly_differ():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_breast_cancer(return_X_y=True)
    path = jr.fit_path(X, 2.0 * y - 1, loss=losses.SquaredHinge())
    assert (path.status == jr.Status.converged).all()
    assert path.n_iter.max() < 1500


def test_a_null_model_that_is_not_found_is_an_error(monkeypatch):
    monkeypatch.setattr(_null_model, "NULL_ITER", 0)
    with pytest.raises(ValueError, match="loss is Huber, and its fit of the intercept"):
        jr.fit_path(X, Y, loss=losses.Huber(1.0))


@pytest.mark.slow
def test_quantile_loss_finds_quantiles():
    """The intercept alone at lambda_max; scikit-learn's linear programme for small smoothing."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    loss = losses.Quantile(0.8, 0.01)
    path = jr.fit_path(X, Y, loss=loss, n_lambdas=10, standardize=False, max_iter=20000)
    assert (path.status == jr.Status.converged).all()
    assert np.mean(path.intercept[0] >= Y) == pytest.approx(0.8, abs=0.03)
    lam = float(path.lambdas[5])
    peer = linear_model.QuantileRegressor(quantile=0.8, alpha=lam, solver="highs").fit(X, Y)

    def objective(coef, intercept):
        r = Y - X @ coef - intercept
        return np.mean(np.maximum(0.8 * r, -0.2 * r)) + lam * np.abs(coef).sum()

    assert objective(path.coef[5], path.intercept[5]) <= objective(peer.coef_, peer.intercept_) + 0.01 * 0.8**2 / 2


def test_fused_lasso_agrees_with_the_lasso_of_differences():
    """b = cumulated jumps: a lasso whose first column is not penalised."""
    lambdas = np.geomspace(0.3, 0.003, 6)
    path = jr.fit_path(X, Y, penalty=penalties.FusedLasso(), lambdas=lambdas, standardize=False, tol=1e-10)
    jumps = np.cumsum(X[:, ::-1], axis=1)[:, ::-1]
    factors = np.append(0.0, np.ones(P - 1))
    lasso = jr.fit_path(jumps, Y, lambdas=lambdas, penalty_factors=factors, standardize=False)
    np.testing.assert_allclose(path.coef, np.cumsum(lasso.coef, axis=1), atol=1e-6)


def test_trend_filter_agrees_with_the_lasso_of_second_differences():
    lambdas = np.geomspace(0.3, 0.003, 6)
    path = jr.fit_path(X, Y, penalty=penalties.TrendFilter(), lambdas=lambdas, standardize=False, tol=1e-10)
    basis = np.column_stack([np.ones(P), np.arange(P), *(np.maximum(np.arange(P) - j, 0) for j in range(1, P - 1))])
    factors = np.append([0.0, 0.0], np.ones(P - 2))
    lasso = jr.fit_path(X @ basis, Y, lambdas=lambdas, penalty_factors=factors, standardize=False)
    np.testing.assert_allclose(path.coef, lasso.coef @ basis.T, atol=1e-5)


def test_best_subsets_of_orthogonal_columns():
    """Where each column stands for itself, the budget keeps those with the largest correlations."""
    Q = np.linalg.qr(np.random.default_rng(4).standard_normal((50, 8)) - 0.0)[0]
    Q = Q - Q.mean(axis=0)
    Q = np.linalg.qr(Q)[0] * np.sqrt(50)
    y = Q @ np.array([3.0, -2.0, 1.5, 1.0, 0.5, 0.0, 0.0, 0.0]) + 0.01 * np.random.default_rng(5).standard_normal(50)
    path = jr.fit_path(Q, y, penalty=penalties.L0(3), lambdas=[1e-6])
    assert set(np.flatnonzero(path.coef[0])) == {0, 1, 2}
    lambdas = [0.3 / y.std()]  # keeps c^2 / 2 > lambda sd(y), c the least squares
    free = jr.fit_path(Q, y, penalty=penalties.L0(8), lambdas=lambdas)
    assert set(np.flatnonzero(free.coef[0])) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", few(["MCP", "GroupLasso", "SLOPE", "FusedLasso", "Custom"], "SLOPE"))
def test_folds_are_fits_of_their_rows(name):
    ids = np.arange(70) % 4
    cv = jr.fit_cv(DATA, Y, penalty=PENALTIES[name], cv=ids, n_lambdas=8, tol=1e-9, keep="all")
    assert (cv.status == jr.Status.converged).all()
    for k in range(2):
        train = ids != k
        alone = jr.fit_path(DATA[train], Y[train], penalty=PENALTIES[name], lambdas=cv.lambdas[0], tol=1e-9)
        found = cv.oof_predictions[0][~train]
        np.testing.assert_allclose(found, alone.predict(DATA[~train]), atol=2e-4)
        np.testing.assert_allclose(cv.fold_loss[0, k], np.mean((Y[~train][:, None] - found) ** 2, axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", few([name for name in LOSSES if name != "Squared"]))
def test_folds_of_other_losses(name):
    ids, loss, y = np.arange(70) % 4, LOSSES[name], response(name)
    cv = jr.fit_cv(DATA, y, loss=loss, cv=ids, n_lambdas=6, tol=1e-7)
    assert cv.metric == "deviance"
    train = ids != 1
    alone = jr.fit_path(DATA[train], y[train], loss=loss, lambdas=cv.lambdas[0], tol=1e-7)
    with jax.enable_x64(True):
        deviance = np.mean(2 * np.asarray(loss.value(y[~train][:, None], alone.predict(DATA[~train]))), axis=0)
        own = np.mean(2 * np.asarray(loss.value(y[:, None], cv.path.predict(DATA))), axis=0)
    np.testing.assert_allclose(cv.fold_loss[0, 1], deviance, rtol=1e-4)
    np.testing.assert_allclose(cv.train_loss, own, rtol=1e-6)
    assert cv.train_loss[-1] < cv.train_loss[0]
    squared = jr.fit_cv(DATA, y, loss=loss, cv=ids, n_lambdas=6, tol=1e-7, metric="mse")
    errors = np.mean((y[:, None] - squared.path.predict(DATA)) ** 2, axis=0)
    np.testing.assert_allclose(squared.train_loss, errors, rtol=1e-6)


def test_folds_of_several_responses():
    ids = np.arange(70) % 3
    cv = jr.fit_cv(X, SEVERAL, penalty=penalties.MultiTaskLasso(), cv=ids, n_lambdas=6, tol=1e-9)
    assert cv.coef.shape == (P, 3)
    train = ids != 2
    alone = jr.fit_path(X[train], SEVERAL[train], penalty=penalties.MultiTaskLasso(), lambdas=cv.lambdas[0], tol=1e-9)
    errors = (SEVERAL[~train][:, None, :] - alone.predict(X[~train])) ** 2
    np.testing.assert_allclose(cv.fold_loss[0, 2], errors.mean(axis=(0, 2)), rtol=1e-6)


@pytest.mark.slow
def test_folds_of_several_responses_on_a_working_set():
    wide = jr.fit_cv(WIDE, np.stack([YW, -YW], 1), penalty=penalties.MultiTaskLasso(), cv=3, n_lambdas=5)
    assert (wide.status == jr.Status.converged).all()


def test_folds_of_several_responses_that_train_on_few_rows():
    """Their sums come from their own rows, not from those of all."""
    rows = np.arange(70)
    pairs = [(rows[:9], rows[9:]), (rows[-9:], rows[:-9])]
    cv = jr.fit_cv(X, SEVERAL, penalty=penalties.MultiTaskLasso(), cv=pairs, n_lambdas=4, tol=1e-9)
    alone = jr.fit_path(X[:9], SEVERAL[:9], penalty=penalties.MultiTaskLasso(), lambdas=cv.lambdas[0], tol=1e-9)
    errors = (SEVERAL[9:, None, :] - alone.predict(X[9:])) ** 2
    np.testing.assert_allclose(cv.fold_loss[0, 0], errors.mean(axis=(0, 2)), rtol=1e-5)


def test_grid_of_a_custom_penalty_that_no_lambda_makes_zero():
    ridge = penalties.Custom(lambda b, lam: lam * b**2 / 2, lambda b, lam, step: b / (1 + lam * step), convex=True)
    path = jr.fit_path(X, Y, penalty=ridge, n_lambdas=8, tol=1e-9)
    own = jr.fit_path(X, Y, penalty=penalties.Ridge(), n_lambdas=8)
    np.testing.assert_allclose(path.lambdas, own.lambdas)
    np.testing.assert_allclose(path.coef, own.coef, atol=1e-5)


@pytest.mark.slow
def test_mixes_of_the_sparse_group_lasso():
    cv = jr.fit_cv(X, Y, penalty=PENALTIES["SparseGroupLasso"], l1_ratios=[0.0, 0.5, 1.0], cv=3, n_lambdas=5)
    assert [path.penalty for path in cv.paths] == [f"SparseGroupLasso(l1_ratio={a})" for a in ("0", "0.5", "1")]
    group = jr.fit_path(X, Y, penalty=penalties.GroupLasso(GROUPS), lambdas=cv.lambdas[0], tol=1e-9)
    np.testing.assert_allclose(cv.paths[0].coef, group.coef, atol=1e-3)


def shrink(coef, lam, step):  # a penalty of the user's own: lambda |b| - log-like, here a capped l1
    size = jnp.abs(coef)
    inner = jnp.minimum(jnp.maximum(size - step * lam, 0), 1.0)
    outer = jnp.maximum(size, 1.0)
    gain = (inner - size) ** 2 / (2 * step) + lam * inner < (outer - size) ** 2 / (2 * step) + lam
    return jnp.sign(coef) * jnp.where(gain, inner, outer)


CAPPED = penalties.Custom(lambda coef, lam: lam * jnp.minimum(jnp.abs(coef), 1.0), shrink)


def test_a_penalty_of_ten_lines_works_everywhere():
    pytest.importorskip("matplotlib").use("Agg")
    y = (Y - Y.mean()) / Y.std()
    path = jr.fit_path(X, y, penalty=CAPPED, n_lambdas=20)
    assert (path.status == jr.Status.converged).all()
    assert path.certificate == "residual"
    assert path.df[0] == 0 < path.df[-1]
    cv = jr.fit_cv(X, y, penalty=CAPPED, cv=4, n_lambdas=20)
    assert cv.lambda_min <= cv.lambda_1se <= path.lambdas[0]
    assert path.plot().lines
    assert cv.plot().lines
    assert "Custom" in path.summary()
    assert "scaled residual" in cv.summary()
    wide = jr.fit_path(WIDE, YW / YW.std(), penalty=CAPPED, n_lambdas=5, max_iter=20000)
    assert (wide.status == jr.Status.converged).all()


def test_results_say_what_they_are(tmp_path):
    path = jr.fit_path(X, Y, loss=losses.Huber(2.0), penalty=penalties.MCP(4.0), n_lambdas=4)
    assert (path.loss, path.penalty) == ("Huber(delta=2)", "MCP(gamma=4)")
    assert np.isnan(path.l1_ratio)
    assert path.effective_df is None
    path.save(tmp_path / "path.npz")
    again = jr.PathResult.load(tmp_path / "path.npz")
    assert (again.loss, again.penalty, again.certificate) == (path.loss, path.penalty, "residual")
    assert again.link == path.link == "identity"
    np.testing.assert_array_equal(again.coef, path.coef)
    cv = jr.fit_cv(X, Y, penalty=penalties.MCP(), cv=3, n_lambdas=4)
    with pytest.raises(ValueError, match="effective_df is known for the squared loss with ElasticNet, not for MCP"):
        cv.select("aic")
    assert cv.select("1se").lam >= cv.select("min").lam
    assert "-" in cv.summary()


def test_warm_start_and_early_stop():
    full = jr.fit_path(X, Y, penalty=PENALTIES["GroupLasso"], n_lambdas=20)
    late = jr.fit_path(X, Y, penalty=PENALTIES["GroupLasso"], lambdas=full.lambdas[10:], warm_start=full)
    np.testing.assert_allclose(late.coef, full.coef[10:], atol=1e-3)
    assert late.n_iter[0] == 0
    with pytest.warns(jr.ConvergenceWarning, match="the path was cut after"):
        short = jr.fit_path(X, Y, penalty=PENALTIES["GroupLasso"], max_features=6)
    assert short.df.max() <= 6


def test_max_iter_is_a_status_and_one_warning():
    with pytest.warns(jr.ConvergenceWarning, match="stopped at max_iter=3: raise max_iter") as seen:
        path = jr.fit_path(X, Y, penalty=penalties.GroupLasso(GROUPS), n_lambdas=10, max_iter=3, tol=1e-9)
    assert len(seen) == 1
    assert (path.status == jr.Status.max_iter).any()
    assert path.gap[path.status == jr.Status.max_iter].min() > 1e-9


def test_the_best_of_several_attempts_has_the_status_of_all():
    options = {"penalty": penalties.LogSum(0.1), "n_lambdas": 12, "lambda_min_ratio": 0.999, "max_iter": 2}
    with pytest.warns(jr.ConvergenceWarning, match="stopped at max_iter=2: raise max_iter") as seen:
        path = jr.fit_path(X, Y, **options)
    unmet = path.status != jr.Status.converged
    assert unmet.any()
    assert (path.n_iter[unmet] >= 2).all()
    assert (path.status[unmet] == jr.Status.max_iter).all()
    assert "stalled" not in str(seen[0].message)


def test_degenerate_data():
    """Duplicated, constant and excluded columns, zero weights, constant y, float32."""
    data = np.column_stack([X, X[:, :3], np.full(70, 2.0)])
    weight = np.where(np.arange(70) % 7 == 0, 0.0, 1.0)
    groups = [*GROUPS, 6, 6, 6, 7]
    penalty = penalties.GroupLasso(groups)
    path = jr.fit_path(data, Y, penalty=penalty, sample_weight=weight, n_lambdas=15)
    assert (path.status == jr.Status.converged).all()
    assert not path.coef[:, -1].any()
    np.testing.assert_array_equal(path.constant_features, [P + 3])
    rows = weight > 0
    alone = jr.fit_path(data[rows], Y[rows], penalty=penalty, lambdas=path.lambdas)
    np.testing.assert_allclose(path.predict(data), alone.predict(data), atol=1e-2)
    factors = np.ones(P)
    factors[np.array(GROUPS) == 2] = np.inf
    out = jr.fit_path(X, Y, penalty=PENALTIES["GroupLasso"], penalty_factors=factors, n_lambdas=5)
    assert not out.coef[:, np.array(GROUPS) == 2].any()
    factors[np.array(GROUPS) == 2] = 0.0
    free = jr.fit_path(X, Y, penalty=PENALTIES["GroupLasso"], penalty_factors=factors, n_lambdas=5)
    assert free.coef[0, np.array(GROUPS) == 2].all()
    assert not free.coef[0, np.array(GROUPS) != 2].any()
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        flat = jr.fit_path(X, np.ones(70), penalty=penalties.MCP(), n_lambdas=3)
    assert not flat.coef.any()
    single = jr.fit_path(X.astype(np.float32), Y, penalty=PENALTIES["GroupLasso"], n_lambdas=10)
    assert single.coef.dtype == np.float32
    assert (single.status == jr.Status.converged).all()
    robust = jr.fit_path(X.astype(np.float32), Y, loss=losses.Huber(1.0), n_lambdas=10)
    assert robust.coef.dtype == np.float32
    assert (robust.status == jr.Status.converged).all()


def test_lambda_zero_is_least_squares():
    for penalty in (PENALTIES["GroupLasso"], PENALTIES["MCP"], PENALTIES["FusedLasso"]):
        path = jr.fit_path(X, Y, penalty=penalty, lambdas=[0.1, 0.0])
        design = np.column_stack([np.ones(70), X])
        expected = np.linalg.lstsq(design, Y)[0]
        np.testing.assert_allclose(np.append(path.intercept[1], path.coef[1]), expected, atol=1e-4)
        assert path.status[1] == jr.Status.converged


BAD = [
    ({"penalty": "l1"}, ValueError, r"penalty is 'l1'; give one of jaxreg.penalties"),
    ({"loss": np.mean}, TypeError, r"loss is .*; give one of jaxreg.losses; losses.Custom makes one of your own"),
    ({"penalty": penalties.GroupLasso}, TypeError, r"penalty is the class GroupLasso; give an instance"),
    ({"penalty": penalties.GroupLasso([0, 1])}, ValueError, r"GroupLasso of 2 columns, but X has 12"),
    ({"penalty": penalties.SLOPE([1.0, 0.5])}, ValueError, r"weights has length 2, but X has 12 columns"),
    ({"penalty": penalties.MCP(), "lower": 0}, ValueError, r"limits need ElasticNet; the penalty is MCP"),
    ({"penalty": penalties.MCP(), "solver": "pivot"}, ValueError, r"solver is 'pivot', which solves the squared loss"),
    ({"loss": losses.Huber(), "solver": "ridge"}, ValueError, r"solver is 'ridge'"),
    ({"penalty": penalties.MCP(), "y": SEVERAL}, ValueError, r"y has 3 columns; MCP takes one response"),
    ({"loss": losses.Huber(), "y": SEVERAL}, ValueError, r"y has 3 columns; several responses need the squared loss"),
    ({"loss": losses.SquaredHinge()}, ValueError, r"but SquaredHinge takes labels of two classes"),
    ({"penalty": PENALTIES["FusedLasso"], "penalty_factors": np.arange(P)}, ValueError, r"FusedLasso has none"),
    ({"penalty": penalties.MultiTaskLasso(), "y": SEVERAL, "max_features": 2}, ValueError, r"max_features is given"),
]


@pytest.mark.parametrize(("given", "error", "message"), BAD)
def test_bad_requests(given, error, message):
    for fit in (jr.fit_path, jr.fit_cv):
        with pytest.raises(error, match=message):
            fit(**({"X": X, "y": Y} | given))


def test_bad_mixes():
    with pytest.raises(ValueError, match=r"has no mixing parameter; give None"):
        jr.fit_cv(X, Y, penalty=penalties.MCP(), l1_ratios=[0.5])


def test_a_second_fit_compiles_nothing():
    """New values of y, lambdas and hyperparameters, on the same shapes."""
    options = {"n_lambdas": 12}
    jr.fit_path(X, Y, penalty=penalties.MCP(3.0), **options)
    with warnings.catch_warnings(), jax.log_compiles():
        warnings.simplefilter("error")
        import logging

        records = []
        handler = logging.Handler()
        handler.emit = records.append
        logger = logging.getLogger("jax")
        logger.addHandler(handler)
        try:
            jr.fit_path(X, Y[::-1] * 2.0, penalty=penalties.MCP(4.5), **options)
        finally:
            logger.removeHandler(handler)
    assert not [record for record in records if "Compiling" in record.getMessage()]
