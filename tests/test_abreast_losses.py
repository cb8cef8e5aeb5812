"""Other losses than the squared one side by side: all lambdas, mixing parameters and folds by one program, on X."""

import jax
import numpy as np
import pytest
from instances import few
from placements import ACCELERATED, DEVICE, HOST
from reference import ar_problem

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.cv import _folded
from jaxreg.design import _placement
from jaxreg.paths import _program, _solutions
from jaxreg.paths._means import by_multipliers

N, P = 80, 12
X, Z = ar_problem(N, P, seed=3)
Z = Z / Z.std()
RNG = np.random.default_rng(1)
FOLDS = np.arange(N) % 4
WEIGHTS = np.where(np.arange(N) % 9 == 2, 0.0, np.linspace(0.5, 2.0, N))
UNSCALED = X * np.geomspace(0.1, 10, P) + 2.0
CLASSES = np.array(["a", "b", "c"])[np.argmax(np.stack([Z, -Z, 0 * Z]) + RNG.gumbel(size=(3, N)), axis=0)]
TIMES = {"time": np.ceil(10 * RNG.exponential(np.exp(-Z))), "event": RNG.uniform(size=N) < 0.7}
COUNTS = RNG.poisson(np.exp(0.5 * Z))
FAMILIES = {
    "binomial": ("binomial", (RNG.uniform(size=N) < 1 / (1 + np.exp(-Z))).astype(int)),
    "multinomial": ("multinomial", CLASSES),
    "poisson": ("poisson", COUNTS),
    "gamma": (losses.Gamma(), RNG.gamma(2.0, np.exp(0.5 * Z))),
    "tweedie": (losses.Tweedie(1.5), COUNTS * RNG.gamma(2.0, 1.0, N)),
    "negative binomial": (losses.NegativeBinomial(2.0), COUNTS),
    "huber": (losses.Huber(1.0), Z + RNG.standard_t(2, N)),
    "squared hinge": (losses.SquaredHinge(), np.where(Z > 0, 1, -1)),
    "cox": ("cox", TIMES),
}
SOLVE = _program.solve
GRID = {"n_lambdas": 12, "lambda_min_ratio": 1e-2, "tol": 1e-8}
GROUPS = penalties.GroupLasso(np.arange(P) // 3)
FREE = np.where(np.isin(np.arange(P), (2, 7)), 0.0, 1.0)
PROBLEMS = {
    **{name: (name, {}) for name in FAMILIES},
    "net, weights": ("binomial", {"penalty": penalties.ElasticNet(0.5), "sample_weight": WEIGHTS}),
    "ridge": ("poisson", {"penalty": "ridge", "lambdas": [1.0, 0.1, 0.01]}),
    "no intercept": ("binomial", {"fit_intercept": False, "standardize": False}),
    "unpenalised, offset": ("poisson", {"penalty_factors": FREE, "offset": 0.2 * Z}),
    "unpenalised classes": ("multinomial", {"penalty_factors": FREE}),
    "unpenalised, no dual": ("cox", {"penalty_factors": FREE}),
    "columns of all scales": ("binomial", {"X": UNSCALED, "standardize": False}),
    "groups": ("poisson", {"X": UNSCALED, "standardize": False, "penalty": GROUPS}),
    "classes together": ("multinomial", {"penalty": penalties.MultiTaskLasso()}),
    "slope": ("binomial", {"penalty": penalties.SLOPE(np.linspace(1, 0.5, P))}),
    "lambda 0": ("poisson", {"lambdas": [0.1, 0.0]}),
}


@pytest.fixture
def side_by_side(monkeypatch):
    """As if there were an accelerator; gives (the search, (groups, problems) of it) of all programs that ran."""
    calls, solve = [], _program.solve

    def noted(data, lanes, *args, **kwargs):
        calls.append((kwargs["search"], lanes.lambdas.shape))
        return solve(data, lanes, *args, **kwargs)

    monkeypatch.setattr(_program, "solve", noted)
    monkeypatch.setattr(_placement, "current", lambda: DEVICE)
    return calls


def on_host(monkeypatch, fit, *args, **kwargs):
    with monkeypatch.context() as patch:
        patch.setattr(_placement, "current", lambda: HOST)
        return fit(*args, **kwargs)


@pytest.mark.device
@pytest.mark.parametrize("name", few(list(PROBLEMS), "binomial", "unpenalised, offset"))
def test_a_path_is_that_of_the_engines_of_a_cpu(name, side_by_side, monkeypatch):
    family, given = PROBLEMS[name]
    loss, y = FAMILIES[family]
    given = {"X": X, "loss": loss} | GRID | given
    path = jr.fit_path(given.pop("X"), y, solver="batched", **given)
    given["lambdas"] = path.lambdas
    data = PROBLEMS[name][1].get("X", X)
    one_by_one = on_host(monkeypatch, jr.fit_path, data, y, **given)
    assert len(side_by_side) == 1  # program for all lambdas
    assert one_by_one.solver in ("newton", "proximal")
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-8
    assert path.certificate == one_by_one.certificate
    scale = np.abs(one_by_one.coef).max()
    np.testing.assert_allclose(path.coef, one_by_one.coef, atol=2e-4 * scale)
    np.testing.assert_allclose(path.dev_ratio, one_by_one.dev_ratio, atol=1e-6)
    np.testing.assert_allclose(
        path.predict(data, **_offset(given)), one_by_one.predict(data, **_offset(given)), atol=1e-3
    )


def _offset(given):
    return {"offset": given["offset"]} if "offset" in given else {}


RARE = np.where((np.arange(P) == 2) & (FOLDS == 0)[:, None], 1e5 * X, X)  # a column that hardly varies elsewhere
RARE = np.where(np.arange(P) == 5, np.arange(N)[:, None] == 7, RARE)  # and one that is constant elsewhere
VALIDATIONS = {
    "binomial": ("binomial", {"l1_ratios": [0.5, 1.0]}),
    "multinomial": ("multinomial", {"sample_weight": WEIGHTS}),
    "cox": ("cox", {"sample_weight": WEIGHTS}),
    "offset": ("poisson", {"offset": 0.2 * Z, "penalty_factors": FREE}),
    "huber": ("huber", {"standardize": False}),
    "no intercept": ("binomial", {"fit_intercept": False, "sample_weight": WEIGHTS, "metric": "auc"}),
    "rare columns": ("binomial", {"X": RARE}),
    "groups": ("multinomial", {"penalty": penalties.MultiTaskLasso()}),
}


@pytest.mark.device
@pytest.mark.parametrize("name", few(list(VALIDATIONS), "binomial"))
def test_folds_are_those_of_the_engines_of_a_cpu(name, side_by_side, monkeypatch):
    family, given = VALIDATIONS[name]
    loss, y = FAMILIES[family]
    given = {"loss": loss, "cv": FOLDS} | GRID | given
    data = given.pop("X", X)
    cv = jr.fit_cv(data, y, solver="batched", **given)
    assert len(side_by_side) == 1  # program for all folds, mixing parameters and lambdas
    one_by_one = on_host(monkeypatch, jr.fit_cv, data, y, **given)
    assert cv.path.solver == "batched"
    assert one_by_one.path.solver in ("newton", "proximal")
    assert cv.gap.max() <= 1e-8
    np.testing.assert_allclose(cv.lambdas, one_by_one.lambdas, rtol=1e-9)
    np.testing.assert_allclose(cv.fold_loss, one_by_one.fold_loss, rtol=1e-4)
    np.testing.assert_allclose(cv.oof_predictions, one_by_one.oof_predictions, atol=1e-3)
    assert cv.lambda_min == pytest.approx(one_by_one.lambda_min)


@pytest.mark.slow
def test_in_single_precision_what_is_returned_is_certified(side_by_side, monkeypatch):
    loss, y = FAMILIES["binomial"]
    path = jr.fit_path(X.astype(np.float32), y, loss=loss, solver="batched", n_lambdas=12, lambda_min_ratio=1e-2)
    assert path.coef.dtype == np.float32
    assert (path.status == jr.Status.converged).all()
    exact = on_host(monkeypatch, jr.fit_path, X, y, loss=loss, **GRID | {"lambdas": path.lambdas})
    np.testing.assert_allclose(path.coef, exact.coef, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("steps", ["float32", "bfloat16"])
def test_steps_of_lower_precision_come_to_the_same_gap(steps, side_by_side):
    loss, y = FAMILIES["poisson"]
    path = jr.fit_path(X, y, loss=loss, solver="batched", step_precision=steps, **GRID)
    assert (path.status == jr.Status.converged).all()
    assert path.gap.max() <= 1e-8


@pytest.mark.slow
def test_losses_that_hardly_bend_go_by_multipliers(side_by_side, monkeypatch):
    given = {"loss": losses.Quantile(0.3, 0.005), "n_lambdas": 10, "lambda_min_ratio": 1e-2}
    path = jr.fit_path(X, Z, solver="batched", **given)
    assert [search for search, _ in side_by_side] == [by_multipliers] * len(side_by_side)
    assert (path.status == jr.Status.converged).all()
    one_by_one = on_host(monkeypatch, jr.fit_path, X, Z, **given)
    np.testing.assert_allclose(path.predict(X), one_by_one.predict(X), atol=1e-3)


@pytest.mark.slow
def test_points_that_fail_are_solved_more_tightly(side_by_side, monkeypatch):
    loss, y = FAMILIES["binomial"]
    monkeypatch.setattr(_solutions, "TIGHT", 1e3)
    path = jr.fit_path(X, y, loss=loss, solver="batched", **GRID)
    assert len(side_by_side) > 1
    assert path.gap.max() <= 1e-8


def test_a_search_that_is_cut_short_says_so(side_by_side):
    loss, y = FAMILIES["binomial"]
    with pytest.warns(jr.ConvergenceWarning, match="max_iter=3"):
        path = jr.fit_path(X, y, loss=loss, solver="batched", max_iter=3, **GRID)
    assert set(path.status[path.gap > 1e-8]) == {jr.Status.max_iter}
    assert path.n_iter.max() == 3


@pytest.mark.slow
def test_other_data_need_no_compilation(side_by_side):
    """Nor do other weights, lambdas, numbers of columns, and numbers of lambdas and folds up to the next ones."""
    loss, y = FAMILIES["binomial"]
    sizes = []
    for p, L, folds in ((P, 12, 4), (P - 3, 14, 5)):
        weights = np.linspace(1, p, N)
        cv = jr.fit_cv(X[:, :p], np.roll(y, p), loss=loss, cv=folds, sample_weight=weights, **GRID | {"n_lambdas": L})
        assert cv.gap.max() <= 1e-8
        sizes.append(SOLVE._cache_size())
    assert len(side_by_side) == 2
    assert sizes[0] == sizes[1]


def test_folds_that_do_not_fit_go_in_parts(side_by_side, monkeypatch):
    loss, y = FAMILIES["binomial"]
    given = {"loss": loss, "cv": FOLDS} | GRID
    cv = jr.fit_cv(X, y, solver="batched", **given)
    monkeypatch.setattr(_folded, "PART", 1e-12)
    other = jr.fit_cv(X, y, solver="batched", **given)
    assert len(side_by_side) == 1 + 4
    np.testing.assert_allclose(cv.fold_loss, other.fold_loss, rtol=1e-7)
    np.testing.assert_allclose(cv.coef, other.coef, atol=1e-6)


def test_what_an_accelerator_prefers(monkeypatch):
    monkeypatch.setattr(_placement, "current", lambda: ACCELERATED)
    loss, y = FAMILIES["binomial"]
    assert jr.fit_path(X, y, loss=loss, **GRID).solver == "batched"


@pytest.mark.slow
def test_few_products():
    """Of each lambda, and computed for all places, at 1000 x 200."""
    wide, z = ar_problem(1000, 200, 0.5, seed=4)
    y = (np.random.default_rng(2).uniform(size=1000) < 1 / (1 + np.exp(-z / z.std()))).astype(int)
    with jax.enable_x64(True):
        path = jr.fit_path(wide, y, loss="binomial", solver="batched")
    assert path.gap.max() <= 1e-6
    assert path.n_iter.mean() <= 80
