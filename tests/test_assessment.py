"""Assessment along the path: measures, curves and tables of new rows and of held-out ones, against scikit-learn."""

import numpy as np
import pytest

sklearn_metrics = pytest.importorskip("sklearn.metrics")
pd = pytest.importorskip("pandas")

from sklearn.calibration import calibration_curve

import jaxreg as jr
from jaxreg.scores import _curves

RNG = np.random.default_rng(7)
N = 90
X = RNG.standard_normal((N, 5))
ODDS = np.stack([X[:, 0], -X[:, 1], np.zeros(N)], axis=1) + RNG.gumbel(size=(N, 3))
TWO = np.where(X[:, 0] - X[:, 1] + RNG.logistic(size=N) > 0, "yes", "no")
THREE = np.array(["low", "mid", "top"])[ODDS.argmax(axis=1)]
WEIGHT = RNG.uniform(0.5, 2, N)
NEW, NEW_TWO, NEW_THREE, NEW_WEIGHT = X[::2], TWO[::2], THREE[::2], WEIGHT[::2]
OPTIONS = {"n_lambdas": 8, "lambda_min_ratio": 0.02}
EXACT = {"rtol": 0, "atol": 1e-12}


def cv_of(y, **options):
    loss = "binomial" if y is TWO else "multinomial"
    return jr.fit_cv(X, y, loss=loss, cv=3, **OPTIONS | options)


@pytest.fixture(scope="module")
def two():
    return cv_of(TWO)


@pytest.fixture(scope="module")
def every():
    return cv_of(TWO, keep="all", sample_weight=WEIGHT)


@pytest.fixture(scope="module")
def three():
    return cv_of(THREE)


def by_scikit_learn(y, probability, weight):
    """Measures by their names in jaxreg, of labels and probabilities (m,) or (m, C)."""
    labels = np.unique(y)
    if probability.ndim == 1:
        members, several = (y == labels[1]).astype(float), {}
        second, predicted = probability, np.where(probability > 0.5, labels[1], labels[0])
        precision = {
            "average_precision": sklearn_metrics.average_precision_score(members, second, sample_weight=weight)
        }
        error, both = members - second, np.stack([1 - second, second], axis=1)
    else:
        members, several = np.eye(len(labels))[np.searchsorted(labels, y)], {"multi_class": "ovr"}
        second = both = probability
        precision = {
            "average_precision": sklearn_metrics.average_precision_score(members, second, sample_weight=weight)
        }
        predicted, error = labels[probability.argmax(axis=1)], members - probability
    added = np.abs(error).reshape(len(y), -1)
    return precision | {
        "auc": sklearn_metrics.roc_auc_score(y, second, sample_weight=weight, **several),
        "misclassification": 1 - sklearn_metrics.accuracy_score(y, predicted, sample_weight=weight),
        "log_loss": sklearn_metrics.log_loss(y, both, sample_weight=weight),
        "deviance": 2 * sklearn_metrics.log_loss(y, both, sample_weight=weight),
        "brier": np.average((added**2).sum(axis=1), weights=weight),
        "mse": np.average((added**2).sum(axis=1), weights=weight),
        "mae": np.average(added.sum(axis=1), weights=weight),
    }


@pytest.mark.parametrize("name", ["two", "three"])
def test_measures_of_new_rows_are_those_of_scikit_learn(name, request):
    cv = request.getfixturevalue(name)
    y = NEW_TWO if name == "two" else NEW_THREE
    frame = cv.assess(NEW, y, sample_weight=NEW_WEIGHT)
    assert frame.index.name == "lambda"
    np.testing.assert_array_equal(frame.index, cv.path.lambdas)
    probability = cv.path.predict(NEW, type="response")
    for k in (1, 7):
        expected = by_scikit_learn(y, probability[:, k], NEW_WEIGHT)
        assert set(frame.columns) == expected.keys()
        np.testing.assert_allclose(frame.iloc[k], [expected[column] for column in frame], **EXACT)
    if name == "two":
        score = sklearn_metrics.brier_score_loss(y, probability[:, 7], sample_weight=NEW_WEIGHT, pos_label="yes")
        assert frame["brier"].iloc[7] == pytest.approx(score, abs=1e-12)
    right = 1 - frame["misclassification"]
    np.testing.assert_allclose(cv.path.score(NEW, y, sample_weight=NEW_WEIGHT), right, **EXACT)
    assert cv.score(NEW, y, sample_weight=NEW_WEIGHT) == pytest.approx(right[cv.lambda_min], abs=1e-12)


@pytest.mark.parametrize("metric", ["auc", "average_precision", "misclassification", "brier", "log_loss"])
def test_folds_are_judged_by_the_measure(metric, every):
    cv = cv_of(TWO, sample_weight=WEIGHT, metric=metric)
    assert cv.metric == {"auc": "negative AUC", "average_precision": "negative average precision"}.get(
        metric, {"brier": "Brier score", "log_loss": "log loss"}.get(metric, metric)
    )
    sign = -1 if metric in ("auc", "average_precision") else 1
    from jaxreg.cv._folds import make_folds

    folds = make_folds(3, X, every.y, WEIGHT, strata=every.y)
    for k, part in enumerate(folds.held_out):
        shown = 1 / (1 + np.exp(-every.oof_predictions[0, part.rows, 5]))
        expected = by_scikit_learn(TWO[part.rows], shown, WEIGHT[part.rows])[metric]
        assert sign * cv.fold_loss[0, k, 5] == pytest.approx(expected, abs=1e-10)
        assert abs((TWO[part.rows] == "yes").sum() - (TWO == "yes").sum() / 3) < 1
    assert (cv.observation_loss is None) == (sign == -1)


def test_held_out_rows_are_assessed(two, every):
    np.testing.assert_array_equal(every.assess().index, every.lambdas[0])
    rows = np.isin(every.assess().columns, [*by_scikit_learn(TWO, np.full(N, 0.5), WEIGHT)])
    assert rows.all()
    shown = 1 / (1 + np.exp(-every.oof_predictions[0]))
    expected = by_scikit_learn(TWO, shown[:, 3], WEIGHT)
    np.testing.assert_allclose(every.assess().iloc[3], [expected[c] for c in every.assess()], **EXACT)
    assert two.assess().index.tolist() == [two.lambda_min]
    assert two.confusion().to_numpy().sum() == N
    other = every.lambdas[0][2]
    np.testing.assert_allclose(every.roc(lam=other)["auc"], every.assess()["auc"].iloc[2], **EXACT)
    with pytest.raises(ValueError, match=r"no held-out predictions at lambda .*; fit with keep='all', or give X and y"):
        two.roc(lam=two.lambdas[0][0])
    with pytest.raises(ValueError, match=r"no held-out predictions at lambda .*; give a lambda of the grid"):
        every.roc(lam=0.9 * other)


def test_roc_curves(two, three):
    lam = two.lambda_min
    curve = two.path.roc(NEW, NEW_TWO, lam, NEW_WEIGHT)
    assert set(curve["class"]) == {"yes"}
    shown = two.path.predict(NEW, lam, type="response")
    fpr, tpr, thresholds = sklearn_metrics.roc_curve(
        NEW_TWO, shown, pos_label="yes", sample_weight=NEW_WEIGHT, drop_intermediate=False
    )
    for column, expected in (("fpr", fpr), ("tpr", tpr), ("threshold", thresholds)):
        np.testing.assert_allclose(curve[column], expected, **EXACT)
    assert curve["auc"].iloc[0] == pytest.approx(
        sklearn_metrics.roc_auc_score(NEW_TWO, shown, sample_weight=NEW_WEIGHT), abs=1e-12
    )
    each = three.roc().groupby("class")["auc"].first()
    assert each.index.tolist() == ["low", "mid", "top"]
    assert each.mean() == pytest.approx(three.assess()["auc"].iloc[0], abs=1e-12)


def test_confusion(three):
    lam = three.lambda_min
    frame = three.confusion(NEW, NEW_THREE, sample_weight=NEW_WEIGHT)
    predicted = three.predict(NEW, type="class")
    expected = sklearn_metrics.confusion_matrix(NEW_THREE, predicted, sample_weight=NEW_WEIGHT)
    np.testing.assert_allclose(frame, expected, **EXACT)
    assert frame.index.tolist() == frame.columns.tolist() == ["low", "mid", "top"]
    np.testing.assert_array_equal(three.path.predict(NEW, lam, type="class"), predicted)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration(strategy):
    shown = np.round(RNG.uniform(size=101), 2)  # ties; 101 rows, whose quantiles are rows by all definitions
    happened = (RNG.uniform(size=101) < shown).astype(float)
    bins = _curves.calibration(happened, shown, np.ones(101), 10, strategy)
    observed, predicted = calibration_curve(happened, shown, n_bins=10, strategy=strategy)
    np.testing.assert_allclose(bins.observed, observed, **EXACT)
    np.testing.assert_allclose(bins.predicted, predicted, **EXACT)
    weight = RNG.integers(1, 4, 101)
    repeated = _curves.calibration(
        np.repeat(happened, weight), np.repeat(shown, weight), np.ones(weight.sum()), 10, strategy
    )
    for ours, theirs in zip(_curves.calibration(happened, shown, weight * 1.0, 10, strategy), repeated, strict=True):
        np.testing.assert_allclose(ours, theirs, **EXACT)


def test_calibration_of_numbers_and_classes(two, three):
    frame = two.calibration(bins=4)
    assert frame["weight"].sum() == N
    assert frame.columns.tolist() == ["class", "predicted", "observed", "weight"]
    assert (np.diff(frame["predicted"]) > 0).all()
    counts = np.round(np.exp(X[:, 0])) + 1
    path = jr.fit_path(X, counts, loss="poisson", n_lambdas=3)
    frame = path.calibration(X, counts, path.lambdas[2], bins=3)
    assert frame.columns.tolist() == ["predicted", "observed", "weight"]
    shown = path.predict(X, path.lambdas[2], type="response")
    assert np.average(frame["predicted"], weights=frame["weight"]) == pytest.approx(shown.mean())
    assert np.average(frame["observed"], weights=frame["weight"]) == pytest.approx(counts.mean())
    assert three.calibration(bins=2).groupby("class").size().tolist() == [2, 2, 2]


def test_the_score_with_a_log_link_is_the_explained_deviance():
    counts = np.round(np.exp(X[:, 0]))
    path = jr.fit_path(X, counts, loss="poisson", sample_weight=WEIGHT, n_lambdas=3)
    shown = path.predict(NEW, type="response")
    expected = [
        sklearn_metrics.d2_tweedie_score(counts[::2], column, sample_weight=NEW_WEIGHT, power=1) for column in shown.T
    ]
    np.testing.assert_allclose(path.score(NEW, counts[::2], sample_weight=NEW_WEIGHT), expected, **EXACT)
    np.testing.assert_allclose(path.score(X, counts, sample_weight=WEIGHT), path.dev_ratio, atol=1e-10)


def test_predictions_by_type(two, three):
    eta, lam = two.path.predict(NEW), two.lambda_min
    np.testing.assert_array_equal(eta, two.path.predict(NEW, type="link"))
    np.testing.assert_allclose(two.path.predict(NEW, type="response"), 1 / (1 + np.exp(-eta)), **EXACT)
    np.testing.assert_array_equal(two.path.predict(NEW, type="class"), np.where(eta > 0, "yes", "no"))
    shares = three.path.predict(NEW, type="response")
    assert shares.shape == (45, 8, 3)
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, **EXACT)
    assert three.predict(NEW, type="response").shape == (45, 3)
    intercept, coef = two.path.predict(type="coefficients")
    np.testing.assert_array_equal(coef, two.path.coef)
    np.testing.assert_array_equal(intercept, two.path.intercept)
    intercept, coef = two.predict(type="coefficients")
    np.testing.assert_allclose(NEW @ coef + intercept, two.path.predict(NEW, lam), **EXACT)
    assert three.path.to_frame().columns[-1] == ("x4", "top")
    assert three.select().to_series().index[0] == ("(intercept)", "low")


@pytest.mark.parametrize("labels", [np.array([3, 8]), np.array([False, True]), np.array([1.5, 2.5])])
def test_labels_of_any_kind(labels, tmp_path):
    y = labels[(TWO == "yes").astype(int)]
    path = jr.fit_path(X, y, loss="binomial", **OPTIONS)
    np.testing.assert_array_equal(path.classes, labels)
    path.save(tmp_path / "path.npz")
    again = jr.PathResult.load(tmp_path / "path.npz")
    for lam in (None, 0.05):
        np.testing.assert_array_equal(again.predict(X, lam, type="class"), path.predict(X, lam, type="class"))
        assert set(np.unique(path.predict(X, lam, type="class"))) <= {*labels}
    pd.testing.assert_frame_equal(again.assess(X, y.tolist()), path.assess(X, pd.Series(y)))


def test_a_file_has_what_assesses(two, tmp_path):
    two.save(tmp_path / "cv.npz")
    again = jr.CVResult.load(tmp_path / "cv.npz")
    pd.testing.assert_frame_equal(again.assess(), two.assess())
    pd.testing.assert_frame_equal(again.confusion(NEW, NEW_TWO), two.confusion(NEW, NEW_TWO))
    assert again.path.classes.tolist() == ["no", "yes"]


def test_numbers_of_trials_weigh(two):
    trials = RNG.integers(1, 6, N)
    successes = RNG.binomial(trials, 1 / (1 + np.exp(-X[:, 0])))
    counts = np.column_stack([successes, trials - successes])
    rows = np.repeat(np.arange(N), trials)
    labels = np.concatenate([np.repeat([1.0, 0.0], row) for row in counts])
    path = jr.fit_path(X, counts, loss="binomial", **OPTIONS)
    ours, theirs = path.assess(X, counts), path.assess(X[rows], labels)
    for column in ("misclassification", "auc", "average_precision", "log_loss"):
        np.testing.assert_allclose(ours[column], theirs[column], **EXACT)
    np.testing.assert_allclose(path.confusion(X, counts, 0.05), path.confusion(X[rows], labels, 0.05), **EXACT)


ERRORS = [
    (lambda cv: cv.assess(NEW, ["maybe"] * 45), "y has the label 'maybe', but the classes of the fit are 'no', 'yes'"),
    (lambda cv: cv.path.assess(NEW), "y is missing"),
    (lambda cv: cv.path.assess(), "X is missing"),
    (lambda cv: cv.path.roc(NEW, NEW_TWO), "lam is missing"),
    (lambda cv: cv.roc(NEW, ["yes"] * 45), "there is no row of class 'no' in these rows"),
    (lambda cv: cv.calibration(strategy="even"), "strategy is 'even'; give one of 'quantile', 'uniform'"),
    (lambda cv: cv.path.plot_assessment(NEW, NEW_TWO, "r2"), "measure is 'r2'; give one of 'deviance'"),
    (lambda cv: cv.predict(NEW, type="probability"), "type is 'probability'; give one of 'link', 'response', 'class'"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(two, call, message):
    with pytest.raises(ValueError, match=message):
        call(two)


def test_one_class_alone_has_no_auc(two):
    frame = two.assess(NEW, ["yes"] * 45)
    assert frame["auc"].isna().all()
    assert frame["deviance"].notna().all()


def test_what_has_no_classes_says_so():
    path = jr.fit_path(X, X[:, 0], n_lambdas=3)
    for call in (
        lambda: path.predict(X, type="class"),
        lambda: path.roc(X, X[:, 0], 0.1),
        lambda: path.confusion(X, X[:, 0], 0.1),
    ):
        with pytest.raises(ValueError, match=r"the loss Squared\(\) is none of classes"):
            call()
    assert path.assess(X, X[:, 0]).columns.tolist() == ["mse", "mae", "r2", "deviance"]


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.sort(TWO), {}, r"cv: there is no row of class 'no' in the training rows of fold 0\. Give fewer folds"),
        (
            np.sort(TWO)[RNG.permutation(N)],
            {"metric": "auc", "cv": "loo"},
            r"metric is 'auc', but there is no row of class '(yes|no)' in the held-out rows of fold 0",
        ),
    ],
)
def test_a_fold_without_a_class_is_named(y, options, message):
    half = (y == "no").sum()
    with pytest.raises(ValueError, match=message):
        jr.fit_cv(X, y, loss="binomial", **{"cv": (np.arange(N) >= half).astype(int)} | options)


SURVIVAL = {
    "time": np.round(RNG.exponential(np.exp(-X[:, 0])) * 8) + 1,
    "event": RNG.uniform(size=N) < 0.7,
}


@pytest.mark.slow
def test_survival_times_are_judged_within_strata():
    y, strata = SURVIVAL, np.arange(N) % 2
    cv = jr.fit_cv(X, y, loss="cox", cv=3, keep="all", strata=strata, n_lambdas=4, lambda_min_ratio=0.1)
    eta, frame = cv.path.predict(X), cv.path.assess(X, y, strata=strata)
    after = (y["time"] > y["time"][:, None]) | ((y["time"] == y["time"][:, None]) & ~y["event"])
    pairs = y["event"][:, None] & after & (strata == strata[:, None])
    right = np.sign(eta[:, None] - eta[None]) / 2 + 0.5
    expected = np.einsum("ij,ijl->l", pairs, right) / pairs.sum()
    np.testing.assert_allclose(frame["c_index"], expected, **EXACT)
    np.testing.assert_allclose(cv.path.score(X, y, strata=strata), expected, **EXACT)
    null = frame["deviance"].iloc[0]  # no column is in the model at the first lambda
    np.testing.assert_allclose(1 - frame["deviance"] / null, cv.path.dev_ratio, atol=1e-10)
    held_out = np.sign(cv.oof_predictions[0][:, None] - cv.oof_predictions[0][None]) / 2 + 0.5
    np.testing.assert_allclose(cv.assess()["c_index"], np.einsum("ij,ijl->l", pairs, held_out) / pairs.sum(), **EXACT)
    assert cv.train_loss[-1] < cv.mean_loss[0, -1]
    assert cv.train_loss[0] == pytest.approx(cv.mean_loss[0, 0], rel=0.05)
    with pytest.raises(ValueError, match=r"the loss Cox\(ties='efron'\) has no mean of the response"):
        cv.calibration()


def test_a_fold_without_an_event_is_named():
    y = SURVIVAL
    with pytest.raises(ValueError, match=r"cv: there is no event in the training rows of fold 1\. Give fewer folds"):
        jr.fit_cv(X, y, loss="cox", cv=y["event"].astype(int), n_lambdas=4)
    with pytest.raises(
        ValueError, match="metric is 'c_index', but no row is at risk after the event of another one in"
    ):
        jr.fit_cv(X, y, loss="cox", cv="loo", metric="c_index", n_lambdas=4)


def test_figures(two, three):
    pytest.importorskip("matplotlib")
    from figures import new_axes

    ax = three.plot_roc(ax=new_axes())
    assert len(ax.lines) == 4
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), three.roc().query("`class` == 'mid'")["fpr"])
    assert ax.lines[0].get_label().startswith("low, AUC 0.")
    ax = two.plot_confusion(ax=new_axes())
    np.testing.assert_array_equal([float(text.get_text()) for text in ax.texts], two.confusion().to_numpy().ravel())
    ax = two.path.plot_assessment(NEW, NEW_TWO, "auc", ax=new_axes())
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), two.path.assess(NEW, NEW_TWO)["auc"])
    assert ax.get_ylabel() == "AUC"
    ax = two.plot_calibration(bins=3, ax=new_axes())
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), two.plot_calibration.frame(bins=3)["observed"])
