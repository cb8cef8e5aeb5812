"""Cross-validated ridge with several responses: that of each alone, averaged, from one decomposition per fold."""

import pickle

import numpy as np
import pytest
from reference import ar_problem, response_unit

import jaxreg as jr
from jaxreg.penalties import ElasticNet

SHAPES = {"gram": (40, 8), "kernel": (20, 50), "passes": (24, 300)}
SAME = 1e-10
LAMBDAS = np.geomspace(30, 0.01, 6)


def problem(n, p, K=3, seed=6):
    X, _ = ar_problem(n, p, seed=seed)
    rng = np.random.default_rng(1)
    Y = X[:, :K] * np.arange(1, K + 1) + rng.standard_normal((n, K)) + np.arange(K)
    return X * np.linspace(0.5, 2, p) + np.linspace(-3, 3, p), Y


def ridge_cv(X, Y, **options):
    return jr.fit_cv(X, Y, **({"l1_ratios": 0.0, "lambdas": LAMBDAS} | options))


SETTINGS = {
    "default": {},
    "raw": {"standardize": False},
    "no intercept": {"fit_intercept": False},
    "weights": {"sample_weight": True},
    "factors": {"penalty_factors": True},
}


def setting(name, n, p):
    options = dict(SETTINGS[name])
    if "sample_weight" in options:
        options["sample_weight"] = np.random.default_rng(3).uniform(0.2, 3.0, n)
    if "penalty_factors" in options:
        options["penalty_factors"] = np.where(np.arange(p) % 5 == 0, 0.5, 1.0)
        options["penalty_factors"][[1, 2]] = 0.0, np.inf
    return options


@pytest.mark.sampled
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SETTINGS)
def test_folds_are_paths_on_their_rows(shape, name):
    n, p = SHAPES[shape]
    X, Y = problem(n, p)
    options, folds = setting(name, n, p), np.arange(n) % 4
    if "sample_weight" in options:
        options["sample_weight"][5] = 0.0
    options |= {"cv": folds, "keep": "all"}
    cv = ridge_cv(X, Y, **options)
    weight = options.get("sample_weight", np.ones(n))
    shared = {key: value for key, value in options.items() if key not in ("cv", "keep", "sample_weight")}

    def path(rows):
        return jr.fit_path(
            X[rows], Y[rows], penalty=ElasticNet(0.0), lambdas=LAMBDAS, sample_weight=weight[rows], **shared
        )

    close = {"rtol": 0, "atol": SAME * abs(Y).max()}
    expected, full = np.empty((n, 6, 3)), path(np.arange(n))
    for k in range(4):
        expected[folds == k] = path(np.flatnonzero(folds != k)).predict(X[folds == k])
    np.testing.assert_allclose(cv.oof_predictions[0], expected, **close)
    loss = ((Y[:, None] - expected) ** 2).mean(axis=-1)
    of_folds = [np.average(loss[folds == k], axis=0, weights=weight[folds == k]) for k in range(4)]
    np.testing.assert_allclose(cv.fold_loss[0], of_folds, rtol=SAME)
    np.testing.assert_allclose(cv.mean_loss[0], np.average(loss, axis=0, weights=weight), rtol=SAME)
    np.testing.assert_allclose(cv.observation_loss[0], loss, **close)
    error = ((Y[:, None] - full.predict(X)) ** 2).mean(axis=-1)
    np.testing.assert_allclose(cv.train_loss, np.average(error, axis=0, weights=weight), rtol=1e-8)
    np.testing.assert_allclose(cv.path.coef, full.coef, **close)
    np.testing.assert_allclose(cv.path.intercept, full.intercept, **close)
    assert cv.gap.shape == cv.status.shape == (1, 4, 6)
    assert cv.gap.max() <= 1e-9
    at_choice = ridge_cv(X, Y, **options | {"keep": None})
    np.testing.assert_allclose(at_choice.fold_loss, cv.fold_loss, rtol=SAME)
    np.testing.assert_allclose(at_choice.oof_predictions, cv.oof_predictions[0, :, cv.best[1]], **close)
    np.testing.assert_allclose(at_choice.observation_loss, cv.observation_loss[0, :, cv.best[1]], **close)


@pytest.mark.sampled
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SETTINGS)
def test_leaving_one_out_equals_refits_on_the_scale_of_all_rows(shape, name):
    n, p = SHAPES[shape]
    X, Y = problem(n, p)
    options = setting(name, n, p)
    lambdas = np.r_[LAMBDAS, 0.0]
    cv = ridge_cv(X, Y, cv="loo", keep="all", lambdas=lambdas, **options)
    weight = options.pop("sample_weight", np.ones(n))
    centre = np.average(X, axis=0, weights=weight)
    scale = unit = 1.0
    if options.pop("standardize", True):
        scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=weight))
        unit = response_unit(Y, weight, options.get("fit_intercept", True))
    expected = np.empty((n, len(lambdas), 3))
    for i in range(n):
        others = np.arange(n) != i
        refit = jr.fit_path(
            X[others] / scale, Y[others], penalty=ElasticNet(0.0), lambdas=lambdas / unit, standardize=False,
            sample_weight=weight[others], **options,
        )  # fmt: skip
        expected[i] = refit.predict(X[[i]] / scale)[0]
    np.testing.assert_allclose(cv.oof_predictions[0], expected, rtol=0, atol=1e-9 * abs(Y).max())
    loss = ((Y[:, None] - expected) ** 2).mean(axis=-1)
    np.testing.assert_allclose(cv.fold_loss[0], loss, rtol=0, atol=1e-8 * (Y**2).max())
    np.testing.assert_allclose(cv.mean_loss[0], np.average(loss, axis=0, weights=weight), rtol=1e-7)
    assert cv.gap.max() <= 1e-9


@pytest.mark.parametrize("shape", ["gram", "kernel"])
def test_the_choice_is_that_of_scikit_learn(shape):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, Y = problem(*SHAPES[shape])
    n, alphas = len(X), np.geomspace(1e5, 0.01, 15)
    theirs = linear_model.RidgeCV(alphas=alphas, store_cv_results=True).fit(X, Y)
    cv = ridge_cv(X, Y, cv="loo", lambdas=alphas / (n - 1), standardize=False, keep="all")  # alpha = (n - 1) lambda
    errors = (Y[:, None] - cv.oof_predictions[0]) ** 2
    np.testing.assert_allclose(errors.swapaxes(1, 2), theirs.cv_results_, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(cv.fold_loss[0], theirs.cv_results_.mean(axis=1), rtol=1e-8)
    assert cv.lambda_min * (n - 1) == pytest.approx(theirs.alpha_, rel=1e-12)
    assert 0 < cv.best[1] < 14


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("what", ["folds", "loo"])
def test_responses_share_sums_and_decompositions(shape, what, monkeypatch):
    from jaxreg.cv import _folded, _lanes

    X, Y = problem(*SHAPES[shape])
    made = {"decomposed": 0, "moments": 0}

    def counted(module, name):
        original = getattr(module, name)

        def count(*args):
            made[name] += 1
            return original(*args)

        monkeypatch.setattr(module, name, count)

    counted(_folded, "decomposed")
    counted(_lanes, "decomposed")
    counted(_lanes, "moments")
    ridge_cv(X, Y, cv="loo" if what == "loo" else 4)
    assert made["decomposed"] == (1 if what == "loo" else 5)  # of all rows, and of each fold
    assert made["moments"] == (0 if what == "loo" or shape == "passes" else 4)


@pytest.mark.parametrize("shape", ["gram", "passes"])
def test_folds_that_do_not_fit_into_memory_together_are_worked_on_in_turn(shape, monkeypatch):
    n, p = SHAPES[shape]
    X, Y = problem(n, p)
    together = ridge_cv(X, Y, cv=5)
    monkeypatch.setattr("jaxreg.cv._folded.BYTES", 2 * (16 * p**2 + 3 * (64 * n + 16 * p * 6)))
    monkeypatch.setattr("jaxreg.cv._folded.LOCKSTEP", 6)
    in_turn = ridge_cv(X, Y, cv=5)
    np.testing.assert_allclose(in_turn.fold_loss, together.fold_loss, rtol=SAME)


def worst(y, prediction, weight):
    assert y.shape == prediction.shape == weight.shape
    return float(abs(y - prediction).max())


@pytest.mark.parametrize("metric", ["mse", "mae", "r2", "deviance", worst])
@pytest.mark.parametrize("shape", ["gram", "passes"])
@pytest.mark.parametrize("averaging", ["weighted", "equal"])
def test_losses_are_averages_over_the_responses(metric, shape, averaging):
    n, p = SHAPES[shape]
    X, Y = problem(n, p)
    options = {"metric": metric, "averaging": averaging, "cv": 3, "repeats": 2, "sample_weight": np.linspace(1, 2, n)}
    options["standardize"] = False  # otherwise all responses count in one unit
    cv, alone = ridge_cv(X, Y, **options), [ridge_cv(X, y, **options) for y in Y.T]
    for name in ("fold_loss", "mean_loss", "train_loss"):
        np.testing.assert_allclose(getattr(cv, name), np.mean([getattr(a, name) for a in alone], axis=0), rtol=1e-8)
    assert (cv.observation_loss is None) == (metric in ("r2", worst))
    assert cv.metric == alone[0].metric


def test_the_losses_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    X, Y = problem(*SHAPES["gram"])
    ids = np.arange(40) % 4
    for name, theirs, sign in (
        ("mse", metrics.mean_squared_error, 1),
        ("mae", metrics.mean_absolute_error, 1),
        ("r2", metrics.r2_score, -1),
    ):
        cv = ridge_cv(X, Y, cv=ids, metric=name, keep="all")
        found = cv.oof_predictions[0]
        expected = [[sign * theirs(Y[ids == k], found[ids == k, i]) for i in range(6)] for k in range(4)]
        np.testing.assert_allclose(cv.fold_loss[0], expected, rtol=1e-9)


@pytest.mark.parametrize("cv", [4, "loo"])
def test_the_automatic_grid_is_that_of_fit_path(cv):
    X, Y = problem(*SHAPES["gram"])
    path = jr.fit_path(X, Y, penalty=ElasticNet(0.0), n_lambdas=9)
    found = ridge_cv(X, Y, cv=cv, lambdas=None, n_lambdas=9)
    np.testing.assert_allclose(found.lambdas[0], path.lambdas, rtol=1e-12)
    np.testing.assert_allclose(found.path.coef, path.coef, rtol=0, atol=SAME)
    np.testing.assert_allclose(found.path.dev_ratio, path.dev_ratio, rtol=1e-9)
    assert (found.path.status == jr.Status.converged).all()


@pytest.fixture(scope="module")
def fitted():
    X, Y = problem(*SHAPES["gram"])
    return X, Y, ridge_cv(X, Y, cv=4, lambdas=np.geomspace(10, 1e-4, 20))


def test_a_choice_has_coefficients_for_each_response(fitted):
    X, _, cv = fitted
    k = cv.best[1]
    assert cv.coef.shape == (8, 3)
    np.testing.assert_array_equal(cv.coef, cv.path.coef[k])
    np.testing.assert_array_equal(cv.intercept, cv.path.intercept[k])
    np.testing.assert_allclose(cv.predict(X[:5]), X[:5] @ cv.coef + cv.intercept, rtol=1e-12)
    within = cv.mean_loss[0] <= cv.mean_loss[0, k] + cv.std_error[0, k]
    chosen = cv.select("1se")
    assert chosen.lam == cv.lambda_1se == cv.lambdas[0][within].max()
    np.testing.assert_array_equal(chosen.coef, cv.path.coef[chosen.index])
    np.testing.assert_allclose(cv.predict(X, "1se"), X @ chosen.coef + chosen.intercept, rtol=1e-12)


@pytest.mark.parametrize("rule", ["aic", "bic", "ebic", "gcv"])
def test_criteria_are_averages_over_the_responses(fitted, rule):
    X, Y, cv = fitted
    share = [response_unit(y) / response_unit(Y) for y in Y.T]  # folds aside, which no criterion looks at
    each = zip(Y.T, share, strict=True)
    alone = [ridge_cv(X, y, cv=4, lambdas=own * cv.lambdas[0])._criteria(rule) for y, own in each]
    np.testing.assert_allclose(cv._criteria(rule), np.mean(alone, axis=0), rtol=1e-8)
    assert cv.select(rule).index == np.argmin(np.mean(alone, axis=0))
    if rule != "gcv":
        mse, df = np.mean((Y[:, None] - cv.path.predict(X)) ** 2, axis=0), cv.effective_df[0] + 1
        charge = 2 if rule == "aic" else np.log(40)  # all columns are in the model: one model, whatever its size
        np.testing.assert_allclose(
            3 * cv._criteria(rule)[0], (40 * np.log(mse) + charge * df[:, None]).sum(1), rtol=1e-7
        )


def test_a_result_tells_of_its_responses(fitted):
    X, _, cv = fitted
    assert "4 folds x 20 lambdas, mean squared error of 3 responses; 80 of 80 fits converged" in cv.summary()
    assert cv._repr_html_().count("<tr>") == 1 + 2
    again = pickle.loads(pickle.dumps(cv))
    assert again.select("gcv").index == cv.select("gcv").index
    np.testing.assert_array_equal(again.predict(X), cv.predict(X))
    pytest.importorskip("pandas")
    frame = cv.to_frame()
    assert frame.loc[frame.mean_loss.idxmin(), "lambda"] == cv.lambda_min
    figure = pytest.importorskip("matplotlib.figure")
    from jaxreg.plotting import plot_validation_curve

    lines = {line.get_label(): line for line in plot_validation_curve(cv, ax=figure.Figure().subplots()).lines}
    np.testing.assert_array_equal(lines["training"].get_ydata(), cv.train_loss)


def test_frames_and_splitters():
    pd = pytest.importorskip("pandas")
    model_selection = pytest.importorskip("sklearn.model_selection")
    X, Y = problem(*SHAPES["gram"])
    splitter = model_selection.KFold(4)
    cv = ridge_cv(X, pd.DataFrame(Y, columns=list("abc")), cv=splitter)
    ids = np.concatenate([np.full(len(test), k) for k, (_, test) in enumerate(splitter.split(X))])
    np.testing.assert_allclose(cv.fold_loss, ridge_cv(X, Y, cv=ids).fold_loss, rtol=SAME)
    pairs = [(np.arange(30), np.array([31, 35, 35])), (np.arange(10, 40), np.arange(5))]
    cv = ridge_cv(X, Y, cv=pairs, standardize=False)
    alone = [ridge_cv(X, y, cv=pairs, standardize=False) for y in Y.T]
    np.testing.assert_allclose(cv.fold_loss, np.mean([each.fold_loss for each in alone], axis=0), rtol=SAME)
    held = np.isin(np.arange(40), np.r_[:5, 31, 35])
    assert (np.isfinite(cv.oof_predictions).all(axis=1) == held).all()
    for column in (Y[:, :1], pd.DataFrame(Y[:, :1])):
        for fit in (ridge_cv, jr.fit_path):
            with pytest.raises(ValueError, match=r"y has shape \(40, 1\); give (np\.ravel\(y\)|y\.ravel\(\))"):
                fit(X, column)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", [0, 1])
def test_constant_responses_change_nothing_for_the_others(shape, place):
    n, p = SHAPES[shape]
    X, Y = problem(n, p, K=2)
    among = np.insert(Y, place, 0.1, axis=1)
    others = [k for k in range(3) if k != place]
    for folds in (4, "loo"):
        alone = ridge_cv(X, Y, cv=folds, keep="all")
        with pytest.warns(jr.ConvergenceWarning, match="^y is constant, or .*; in .* folds y is constant"):
            cv = ridge_cv(X, among, cv=folds, keep="all")
        np.testing.assert_allclose(cv.fold_loss, alone.fold_loss * 2 / 3, rtol=1e-9)
        np.testing.assert_allclose(cv.oof_predictions[..., place], 0.1, rtol=1e-12)
        np.testing.assert_allclose(cv.oof_predictions[..., others], alone.oof_predictions, atol=1e-9)
        assert not cv.path.coef[..., place].any()
        assert cv.gap.max() <= 1e-9
        for rule in ("min", "1se", "aic", "bic", "ebic", "gcv"):
            assert cv.select(rule).index == alone.select(rule).index
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        cv = ridge_cv(X, np.full((n, 2), 3.0), cv=4)
    for rule in ("min", "aic", "gcv"):
        np.testing.assert_allclose(cv.select(rule).intercept, 3.0)
    assert cv.mean_loss.max() < 1e-25
    assert cv.gap.max() == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_response_that_is_constant_in_a_fold(shape):
    n, p = SHAPES[shape]
    X, Y = problem(n, p)
    ids = np.arange(n) % 4
    Y[:, 1] = np.where(ids == 2, Y[:, 1], 5.0)  # without fold 2 it does not vary
    with pytest.warns(jr.ConvergenceWarning, match="^in 1 of 4 folds y is constant"):
        cv = ridge_cv(X, Y, cv=ids, keep="all")
    np.testing.assert_allclose(cv.oof_predictions[0, ids == 2, :, 1], 5.0, rtol=1e-12)
    others = ridge_cv(X, Y[:, [0, 2]], cv=ids, keep="all").oof_predictions[0, ids == 2]
    np.testing.assert_allclose(cv.oof_predictions[0, ids == 2][..., [0, 2]], others, rtol=0, atol=1e-9)
    assert np.isfinite(cv.fold_loss).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_comes_close_to_float64(shape):
    X, Y = problem(*SHAPES[shape])
    single, double = (ridge_cv(X.astype(t), Y, cv=4) for t in ("f4", "f8"))
    assert single.coef.dtype == np.float32
    assert single.gap.max() <= 1e-4
    np.testing.assert_allclose(single.fold_loss, double.fold_loss, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1_ratios": None}, "y has 3 columns; several responses need l1_ratio=0 and no limits.*give one column"),
        ({"l1_ratios": 0.5}, "y has 3 columns; several responses need l1_ratio=0"),
        ({"l1_ratios": (0.0, 0.5)}, "y has 3 columns; several responses need l1_ratio=0"),
        ({"lower": 0.0}, "y has 3 columns; several responses need l1_ratio=0 and no limits"),
        ({"solver": "pivot"}, "several responses need l1_ratio=0 and no limits, and a solver other than 'pivot'"),
        ({"solver": "proximal"}, "a solver other than 'pivot', 'block' and 'proximal': .*MultiTaskLasso"),
        ({"early_stop": True}, "early_stop is given, but cuts the path of one response; y has 3"),
        ({"max_features": 3}, "max_features is given, but cuts the path of one response; y has 3"),
        ({"offset": np.zeros(40)}, r"offset has shape \(40,\), but there are 3 responses; give \(40, 3\)"),
        ({"metric": "r2", "cv": "loo"}, "metric is 'r2', but y does not vary"),
    ],
)
def test_what_several_responses_do_not_do_is_refused(options, message):
    X, Y = problem(*SHAPES["gram"])
    with pytest.raises(ValueError, match=message):
        ridge_cv(X, Y, **options)
