"""Cross-validation against plain loops over fits of row subsets."""

import numpy as np
import pytest
from instances import few
from reference import ar_problem, response_unit

import jaxreg as jr
from jaxreg.penalties import ElasticNet

SHAPES = {"gram": (80, 12), "passes": (60, 300), "tall passes": (400, 270)}
SAME = 1e-10


def plain(X, y, folds, cv, sample_weight=None, offset=None, **options):
    """Coefficients (A, K, L, p), intercepts (A, K, L) and weighted mean squared errors of separate fits."""
    n = len(y)
    weight = np.ones(n) if sample_weight is None else sample_weight
    coefs, intercepts, losses = [], [], []
    for a, lambdas in zip(cv.l1_ratios, cv.lambdas, strict=True):
        for train, test in folds:
            path = jr.fit_path(
                X[train], y[train], penalty=ElasticNet(a), lambdas=lambdas, sample_weight=weight[train],
                offset=None if offset is None else offset[train], **options,
            )  # fmt: skip
            found = path.predict(X[test], offset=None if offset is None else offset[test])
            coefs.append(path.coef)
            intercepts.append(path.intercept)
            losses.append(weight[test] @ (y[test, None] - found) ** 2 / weight[test].sum())
    shape = len(cv.l1_ratios), len(folds), cv.lambdas.shape[1]
    return [np.array(values).reshape(*shape, *np.shape(values)[2:]) for values in (coefs, intercepts, losses)]


def partition(n, K, seed=0):
    ids = np.random.default_rng(seed).permutation(np.arange(n) % K)
    return ids, [(np.flatnonzero(ids != k), np.flatnonzero(ids == k)) for k in range(K)]


SETTINGS = {
    "default": {},
    "raw": {"standardize": False},
    "no intercept": {"fit_intercept": False},
    "raw no intercept": {"fit_intercept": False, "standardize": False},
    "weights": {"sample_weight": True},
    "offset": {"offset": True, "sample_weight": True},
    "factors": {"penalty_factors": True},
    "limits": {"lower": -0.2, "upper": 0.5},
}


def setting(name, n, p):
    rng = np.random.default_rng(3)
    options = dict(SETTINGS[name])
    if options.get("sample_weight"):
        options["sample_weight"] = rng.uniform(0.2, 3.0, n)
        options["sample_weight"][5] = 0.0
    if options.get("offset"):
        options["offset"] = rng.standard_normal(n)
    if options.get("penalty_factors"):
        options["penalty_factors"] = np.where(np.arange(p) % 5 == 0, 0.5, 1.0)
        options["penalty_factors"][[1, 2]] = 0.0, np.inf
    return options


@pytest.mark.sampled
@pytest.mark.parametrize("shape", few(SHAPES, "gram", "passes"))
@pytest.mark.parametrize("name", SETTINGS)
def test_folds_by_weights_equal_folds_by_rows(shape, name):
    n, p = SHAPES[shape]
    X, y = ar_problem(n, p, active=8, seed=1)
    X = X * np.linspace(0.5, 2, p) + np.linspace(-3, 3, p)
    ids, folds = partition(n, 4)
    options = setting(name, n, p)
    cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.5, 0.0), cv=ids, n_lambdas=12, lambda_min_ratio=1e-2, keep="all", **options)
    coefs, intercepts, losses = plain(X, y, folds, cv, **options)
    np.testing.assert_allclose(cv.fold_loss, losses, rtol=SAME)
    assert cv.gap.max() <= 1e-6
    offset = options.get("offset", np.zeros(n))
    for k, (_, test) in enumerate(folds):
        found = np.einsum("ij,alj->ail", X[test], coefs[:, k]) + intercepts[:, k][:, None] + offset[test, None]
        np.testing.assert_allclose(cv.oof_predictions[:, test], found, rtol=0, atol=2 * SAME * abs(y).max())


@pytest.mark.sampled
@pytest.mark.parametrize("n_p", [(30, 8), (20, 40), (30, 300)])
@pytest.mark.parametrize("name", ["default", "raw", "no intercept", "weights", "offset", "factors"])
def test_ridge_leaving_one_out_equals_refits_on_the_scale_of_all_rows(n_p, name):
    n, p = n_p
    X, y = ar_problem(n, p, active=8, seed=2)
    X = X * np.linspace(0.5, 2, p) + np.linspace(-3, 3, p)
    options = setting(name, n, p)
    if "sample_weight" in options:
        options["sample_weight"][5] = 1.7  # a row of weight 0 cannot be left out
    lambdas = np.r_[np.geomspace(30, 0.01, 4), 1e-6, 0.0]
    cv = jr.fit_cv(X, y, l1_ratios=0.0, cv="loo", lambdas=lambdas, keep="all", **options)
    weight = options.pop("sample_weight", np.ones(n))
    offset = options.pop("offset", np.zeros(n))
    centre = np.average(X, axis=0, weights=weight)
    scale = unit = 1.0
    if options.pop("standardize", True):
        scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=weight))
        unit = response_unit(y - offset, weight, options.get("fit_intercept", True))
    expected = np.empty((n, 6))
    for i in range(n):
        others = np.arange(n) != i
        refit = jr.fit_path(
            X[others] / scale, (y - offset)[others], penalty=ElasticNet(0.0), lambdas=lambdas / unit, standardize=False,
            sample_weight=weight[others], **options,
        )  # fmt: skip
        expected[i] = refit.predict(X[[i]] / scale)[0] + offset[i]
    np.testing.assert_allclose(cv.oof_predictions[0], expected, rtol=0, atol=1e-9 * abs(y).max())
    np.testing.assert_allclose(cv.fold_loss[0], (y[:, None] - expected) ** 2, rtol=0, atol=1e-8 * (y**2).max())
    assert cv.gap.shape == (1, n, 6)
    assert cv.gap.max() < 1e-9


def small(n=60, p=10, seed=5):
    X, y = ar_problem(n, p, active=4, seed=seed)
    return X, y


RESAMPLED = {
    "bootstrap": lambda n, rng: [
        (train, np.setdiff1d(np.arange(n), train)) for train in (rng.integers(0, n, n) for _ in range(3))
    ],
    "growing": lambda n, rng: [(np.arange(k), np.arange(k, k + 10)) for k in (20, 30, 40)],
    "few to train on": lambda n, rng: [(np.arange(10), np.arange(10, n)), (np.arange(50, n), np.arange(50))],
    "rows judged twice": lambda n, rng: [
        (np.arange(30), np.array([40, 41, 41, 45])),
        (np.arange(30, 60), np.arange(9)),
    ],
    "all other rows, judged twice": lambda n, rng: [
        (np.arange(40), np.r_[40:n, 40, 40, 41]),
        (np.arange(20, n), np.r_[:20, 3]),
    ],
}


@pytest.mark.sampled
@pytest.mark.parametrize("p", [10, 300])
@pytest.mark.parametrize("name", RESAMPLED)
def test_resampled_folds_equal_separate_fits(name, p):
    X, y = small(p=p)
    folds = RESAMPLED[name](60, np.random.default_rng(0))
    cv = jr.fit_cv(X, y, l1_ratios=(0.7,), cv=folds, n_lambdas=8, lambda_min_ratio=0.05)
    np.testing.assert_allclose(cv.fold_loss, plain(X, y, folds, cv)[2], rtol=SAME)
    held = np.zeros(60, bool)
    held[np.concatenate([test for _, test in folds])] = True
    assert (np.isfinite(cv.oof_predictions) == held).all()


@pytest.mark.sampled
@pytest.mark.parametrize("p", [10, 300])
@pytest.mark.parametrize("size", [1e4, 1e9])
@pytest.mark.parametrize("what", ["weight", "y", "X"])
def test_a_fold_without_the_outlier_is_exact(what, size, p):
    X, y = small(p=p)
    ids, folds = partition(60, 4)
    weight, outlier = np.ones(60), 7
    if what == "weight":
        weight[outlier] = size
    elif what == "y":
        y[outlier] *= size
    else:
        X[outlier, 3] *= size
    k, options = ids[outlier], {"sample_weight": weight}
    cv = jr.fit_cv(X, y, cv=ids, lambdas=np.geomspace(1, 0.05, 6), keep="all", **options)
    without = jr.fit_cv(X, y, cv=ids, lambdas=np.geomspace(1, 0.05, 6), **options)
    coef, intercept, loss = (values[0, k] for values in plain(X, y, folds, cv, **options))
    np.testing.assert_allclose(cv.fold_loss[0, k], loss, rtol=SAME)
    np.testing.assert_allclose(without.fold_loss[0, k], loss, rtol=SAME)
    test = np.setdiff1d(folds[k][1], [outlier])
    np.testing.assert_allclose(cv.oof_predictions[0, test], X[test] @ coef.T + intercept, rtol=0, atol=SAME)


@pytest.mark.parametrize("p", [10, 300])
def test_repeats_average_folds_of_their_own(p):
    X, y = small(p=p)
    cv = jr.fit_cv(X, y, cv=4, repeats=3, n_lambdas=6, seed=7)
    assert cv.fold_loss.shape == (1, 12, 6)
    alone = jr.fit_cv(X, y, cv=4, seed=7, n_lambdas=6)
    np.testing.assert_allclose(cv.fold_loss[:, :4], alone.fold_loss, rtol=SAME)
    losses, weight = cv.fold_loss[0].reshape(3, 4, 6), cv.fold_weight.reshape(3, 4)
    means = np.array([np.average(e, axis=0, weights=w) for e, w in zip(losses, weight, strict=True)])
    errors = [np.average((e - m) ** 2, axis=0, weights=w) / 3 for e, m, w in zip(losses, means, weight, strict=True)]
    np.testing.assert_allclose(cv.mean_loss[0], means.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(cv.std_error[0], np.sqrt(np.mean(errors, axis=0)), rtol=1e-12)


@pytest.mark.parametrize("p", [10, 300])
def test_folds_that_do_not_fit_into_memory_together_are_worked_on_in_turn(p, monkeypatch):
    X, y = small(p=p)
    options = {"l1_ratios": (1.0, 0.3), "cv": 7, "n_lambdas": 6, "lambda_min_ratio": 0.05}
    together = jr.fit_cv(X, y, **options)
    monkeypatch.setattr("jaxreg.cv._folded.BYTES", 3 * (16 * p**2 + 64 * 60))
    monkeypatch.setattr("jaxreg.cv._folded.LOCKSTEP", 3)
    in_turn = jr.fit_cv(X, y, **options)
    np.testing.assert_allclose(in_turn.fold_loss, together.fold_loss, rtol=SAME)
    np.testing.assert_allclose(in_turn.path.coef, together.path.coef, rtol=0, atol=SAME)
    np.testing.assert_allclose(in_turn.oof_predictions, together.oof_predictions, rtol=0, atol=SAME * abs(y).max())


def test_large_responses_do_not_overflow():
    X, y = small()
    cv, large = (jr.fit_cv(X, y * scale, cv=4, n_lambdas=6) for scale in (1.0, 1e100))
    for name in ("mean_loss", "std_error"):
        np.testing.assert_allclose(getattr(large, name), 1e200 * getattr(cv, name), rtol=1e-9)


def test_held_out_errors_of_large_coefficients_that_cancel_are_exact():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((400, 3))
    X[:, 1] = X[:, 0] + 1e-3 * X[:, 1]
    y = (X[:, 0] - X[:, 1]) / 1e-3 + X[:, 2] + 0.01 * rng.standard_normal(400)
    options = {"lambdas": [0.0], "cv": 4, "standardize": False}
    cv = jr.fit_cv(X, y, **options)
    np.testing.assert_allclose(cv.fold_loss, jr.fit_cv(X, y, keep="all", **options).fold_loss, rtol=1e-9)


def test_a_fold_that_holds_out_all_but_a_trace_of_the_weight():
    X, y = small()
    ids = np.arange(60) % 2
    weight = np.where(ids == 0, 1.0, 1e-30)
    cv = jr.fit_cv(X, y, cv=ids, sample_weight=weight, n_lambdas=5)
    alone = jr.fit_path(X[ids == 1], y[ids == 1], lambdas=cv.lambdas[0])
    loss = np.mean((alone.predict(X[ids == 0]) - y[ids == 0][:, None]) ** 2, axis=0)
    np.testing.assert_allclose(cv.fold_loss[0, 0], loss, rtol=1e-9)


@pytest.mark.device
def test_equal_averaging_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = small()
    ids, folds = partition(60, 7)
    cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.4), cv=ids, averaging="equal", standardize=False, lambda_min_ratio=1e-3)
    theirs = linear_model.ElasticNetCV(l1_ratio=[1.0, 0.4], cv=folds, tol=1e-13, max_iter=10**6, alphas=100).fit(X, y)
    np.testing.assert_allclose(cv.lambdas, theirs.alphas_, rtol=1e-12)
    np.testing.assert_allclose(cv.fold_loss.swapaxes(1, 2), theirs.mse_path_, rtol=1e-7)
    assert (cv.l1_ratio_, cv.lambda_min) == (theirs.l1_ratio_, pytest.approx(theirs.alpha_, rel=1e-12))
    np.testing.assert_allclose(cv.coef, theirs.coef_, atol=1e-6)


@pytest.mark.device
def test_ridge_leaving_one_out_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = small()
    alphas = np.geomspace(100, 0.01, 12)
    theirs = linear_model.RidgeCV(alphas=alphas, store_cv_results=True).fit(X, y)
    cv = jr.fit_cv(X, y, l1_ratios=0.0, cv="loo", lambdas=alphas / 59, standardize=False)  # alpha = (n - 1) lambda
    np.testing.assert_allclose(cv.fold_loss[0], theirs.cv_results_, rtol=1e-9)


METRICS = {
    "mse": lambda y, f, w: np.average((y - f) ** 2, weights=w),
    "deviance": lambda y, f, w: np.average((y - f) ** 2, weights=w),
    "mae": lambda y, f, w: np.average(abs(y - f), weights=w),
    "r2": lambda y, f, w: np.average((y - f) ** 2, weights=w) / np.cov(y, aweights=w, ddof=0) - 1,
    "worst": lambda y, f, w: float(abs(y - f).max()),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("p", [10, 300])
def test_metrics_judge_the_held_out_rows(name, p):
    X, y = small(p=p)
    weight = np.linspace(0.5, 2, 60)
    metric = METRICS[name] if name == "worst" else name
    ids, folds = partition(60, 4)
    cv = jr.fit_cv(X, y, cv=ids, n_lambdas=9, metric=metric, keep="all", sample_weight=weight, lambda_min_ratio=0.01)
    found = cv.oof_predictions[0]
    expected = [[METRICS[name](y[t], found[t, k], weight[t]) for k in range(9)] for _, t in folds]
    np.testing.assert_allclose(cv.fold_loss[0], expected, rtol=1e-10)
    training = [METRICS[name](y, column, weight) for column in cv.path.predict(X).T]
    np.testing.assert_allclose(cv.train_loss, training, rtol=1e-9, atol=1e-12)
    if name in ("r2", "worst"):
        assert cv.observation_loss is None
    else:
        rows = abs(y[:, None] - found) ** (1 if name == "mae" else 2)
        np.testing.assert_allclose(cv.observation_loss[0], rows, rtol=1e-12)


def test_what_is_kept_by_default_is_that_at_the_choice():
    X, y = small()
    kept, cv = (jr.fit_cv(X, y, l1_ratios=(1.0, 0.2), cv=5, keep=keep) for keep in ("all", None))
    a, k = cv.best
    np.testing.assert_allclose(cv.oof_predictions, kept.oof_predictions[a, :, k], rtol=1e-10)
    np.testing.assert_allclose(cv.observation_loss, (y - cv.oof_predictions) ** 2, rtol=1e-12)
    np.testing.assert_allclose(cv.mean_loss, kept.mean_loss, rtol=1e-10)


@pytest.mark.parametrize("p", [10, 300])
def test_early_ends_cut_all_curves_alike(p):
    X, y = small(p=p)
    with pytest.warns(jr.ConvergenceWarning, match=r"^the path was cut after \d+ of 100 lambdas"):
        cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.5), cv=3, max_features=4)
    length = cv.lambdas.shape[1]
    assert 1 < length < 100
    assert cv.fold_loss.shape == (2, 3, length)
    assert all(path.df.max() <= 4 and len(path.lambdas) == length for path in cv.paths)
    assert all(path.status[-1] == jr.Status.early_stop for path in cv.paths)


def test_one_warning_counts_the_fits_that_did_not_converge():
    X, y = small(p=300)
    with pytest.warns(
        jr.ConvergenceWarning, match=r"\d+ of 20 fits of folds did not converge, the worst gap .*max_iter=1"
    ) as caught:
        cv = jr.fit_cv(X, y, cv=4, n_lambdas=5, lambda_min_ratio=0.2, max_iter=1)
    assert len(caught) == 1
    assert "collinearity" not in str(caught[0].message)
    assert ((cv.status == jr.Status.converged) == (cv.gap <= 1e-6)).all()


@pytest.mark.device
@pytest.mark.parametrize("shape", SHAPES)
def test_float32_comes_close_to_float64(shape):
    X, y = ar_problem(*SHAPES[shape], active=8, seed=1)
    single, double = (jr.fit_cv(X.astype(t), y, cv=4, n_lambdas=20, lambda_min_ratio=0.05) for t in ("f4", "f8"))
    assert single.path.coef.dtype == np.float32
    assert single.gap.max() <= 1e-4
    np.testing.assert_allclose(single.fold_loss, double.fold_loss, rtol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_jax_arrays_and_frames_give_the_same(shape):
    import jax

    pd = pytest.importorskip("pandas")
    X, y = ar_problem(*SHAPES[shape], active=8, seed=1)
    plain_cv = jr.fit_cv(X, y, cv=4, n_lambdas=10)
    with jax.enable_x64(True):
        on_device = jax.numpy.asarray(X)
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])])
    for given in (on_device, frame, X.tolist()):
        np.testing.assert_allclose(jr.fit_cv(given, y, cv=4, n_lambdas=10).fold_loss, plain_cv.fold_loss, rtol=1e-9)
    assert jr.fit_cv(frame, y, cv=4, n_lambdas=10).path.feature_names[1] == "c1"


# ---- columns and rows that vanish from a fold ----


@pytest.mark.sampled
@pytest.mark.parametrize("p", [10, 300])
@pytest.mark.parametrize("level", [0.0, 1e6 + 0.1])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.filterwarnings("ignore:X does not vary in column 2")
def test_a_column_that_is_constant_in_a_fold_gets_nothing_there(p, level, fit_intercept):
    X, y = small(p=p)
    ids, folds = partition(60, 4)
    X[:, 2] = level
    X[ids == 1, 2] += X[ids == 1, 3]  # varies in fold 1 only
    X[:, 5] = np.where(ids == 2, 1e5 * X[:, 5], X[:, 5])  # nearly constant beside what fold 2 holds
    cv = jr.fit_cv(X, y, cv=ids, n_lambdas=8, lambda_min_ratio=0.05, keep="all", fit_intercept=fit_intercept)
    coefs, _, losses = plain(X, y, folds, cv, fit_intercept=fit_intercept)
    if fit_intercept:
        assert not coefs[0, 1, :, 2].any()
    np.testing.assert_allclose(cv.fold_loss, losses, rtol=1e-8)
    assert np.isfinite(cv.oof_predictions).all()


@pytest.mark.parametrize("p", [10, 300])
def test_a_fold_with_a_constant_response_predicts_it(p):
    X, _ = small(p=p)
    y = np.where(np.arange(60) < 20, X[:, 0], 3.0)
    with pytest.warns(jr.ConvergenceWarning, match="^in 1 of 2 folds y is constant, or the unpenalised columns"):
        cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.0), cv=(np.arange(60) < 20) * 1, n_lambdas=5, keep="all")
    np.testing.assert_allclose(cv.oof_predictions[:, :20], 3.0, rtol=1e-12)
    assert np.isfinite(cv.fold_loss).all()
    assert cv.gap.max() <= 1e-6


def test_duplicated_columns_and_more_columns_than_training_rows():
    X, y = small(n=24, p=20)
    X = np.column_stack([X, X[:, :5], X[:, 3]])
    cv = jr.fit_cv(X, y, l1_ratios=(1.0, 0.3), cv=6)
    assert cv.gap.max() <= 1e-6
    ids, folds = partition(24, 6)
    cv = jr.fit_cv(X, y, l1_ratios=(0.3,), cv=ids, n_lambdas=10)
    np.testing.assert_allclose(cv.fold_loss, plain(X, y, folds, cv)[2], rtol=1e-8)


REFUSED = [
    ({"l1_ratios": (0.5, 0.5)}, "l1_ratios is .*with a value twice"),
    ({"l1_ratios": ()}, "l1_ratios is empty"),
    ({"l1_ratios": (0.5, 1.2)}, "l1_ratio is 1.2; give a number from 0"),
    ({"l1_ratios": (0.5, 1.0), "penalty": ElasticNet(0.5)}, r"l1_ratios is \[0.5, 1.0\], but penalty has l1_ratio=0.5"),
    ({"metric": "rmse"}, "metric is 'rmse'; give one of 'mse', 'mae', 'r2', 'deviance'"),
    ({"metric": lambda y, f, w: y - f}, r"metric gives an array of shape \(20,\)"),
    ({"metric": lambda y, f, w: np.nan}, "metric gives NaN or infinity"),
    ({"keep": True}, "keep is True; give one of None, 'all'"),
    ({"averaging": "mean"}, "averaging is 'mean'; give one of 'weighted', 'equal'"),
    ({"metric": "r2", "cv": "loo"}, "metric is 'r2', but y does not vary"),
    ({"metric": "r2", "loss": "squaredhinge"}, "metric is 'r2', which is none of classes; give one of 'deviance'"),
    (
        {"cv": "loo", "l1_ratios": 0.0, "lambdas": [1.0, 0.0], "penalty_factors": "last unpenalised"},
        "no prediction for row 59: a column without a penalty fits it whatever",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_bad_arguments_are_refused(options, message):
    X, y = small()
    options = {"cv": 3} | options
    if "penalty_factors" in options:
        X[:, -1] = np.arange(60) == 59  # the last row alone decides on its coefficient
        options["penalty_factors"] = (np.arange(10) < 9) * 1.0
    with pytest.raises(ValueError, match=message):
        jr.fit_cv(X, y, **options)


def test_l1_ratios_and_penalty_may_agree():
    X, y = small()
    cvs = [jr.fit_cv(X, y, n_lambdas=5, **o) for o in ({"l1_ratios": 0.5}, {"penalty": ElasticNet(0.5)}, {})]
    both = jr.fit_cv(X, y, n_lambdas=5, l1_ratios=[0.5], penalty=ElasticNet(0.5))
    assert (cvs[0].mean_loss == cvs[1].mean_loss).all()
    assert (cvs[0].mean_loss == both.mean_loss).all()
    assert [cv.l1_ratio_ for cv in cvs] == [0.5, 0.5, 1.0]


def test_a_function_sees_the_rows_that_count_with_weights_of_mean_one():
    X, y = small(n=20)
    weight = np.linspace(1, 2, 20)
    seen = []

    def metric(y, prediction, weight):
        seen.append(weight)
        return float(weight @ (y - prediction) ** 2)

    options = {"l1_ratios": 0.0, "lambdas": [0.5], "sample_weight": weight, "metric": metric, "standardize": False}
    closed, refits = jr.fit_cv(X, y, cv="loo", **options), jr.fit_cv(X, y, cv=np.arange(20), **options)
    np.testing.assert_allclose(closed.fold_loss, refits.fold_loss, rtol=1e-9)
    for which in (seen[:20], seen[21:41]):
        np.testing.assert_allclose(np.concatenate(which), weight / weight.mean())

    y[3], weight[3] = 1e9, 0.0
    largest = jr.fit_cv(X, y, cv=4, sample_weight=weight, metric=lambda y, f, w: float(abs(y - f).max()))
    assert largest.mean_loss.max() < 100
    assert largest.train_loss.max() < 100


@pytest.mark.parametrize("p", few([100, 260], 100))
def test_folds_that_the_unpenalised_columns_fit_are_pointed_out(p):
    X, y = ar_problem(14, p, seed=3)
    factors = np.where(np.arange(p) < 8, 0.0, 1.0)
    ids = np.repeat([0, 1], [5, 9])  # 9 rows train the first fold, as many as there are free terms
    with pytest.warns(jr.ConvergenceWarning, match="in 2 of 2 folds y is constant, or the unpenalised columns fit"):
        cv = jr.fit_cv(X, y, cv=ids, penalty_factors=factors, n_lambdas=4)
    assert cv.gap.max() <= 1e-10
    with pytest.warns(jr.ConvergenceWarning, match="the unpenalised columns fit it exactly"):
        assert jr.fit_path(X[5:], y[5:], penalty_factors=factors, n_lambdas=4).gap.max() <= 1e-10


def test_a_warm_start_is_checked_where_nothing_starts_from_it():
    X, y = small()
    with pytest.raises(TypeError, match="warm_start is a str"):
        jr.fit_cv(X, y, l1_ratios=0.0, cv="loo", warm_start="path")
