"""Estimators of families against scikit-learn's of the same name, and in its machinery."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

import jaxreg as jr
import jaxreg.sklearn as js

N, P = 90, 4  # of all problems
RNG = np.random.default_rng(3)
X = RNG.standard_normal((N, P)) + 0.5
ETA = X @ [0.8, -0.5, 0.3, 0.0]
WEIGHT = RNG.integers(0, 3, N).astype(float)
TWO = np.where(RNG.uniform(size=N) < 1 / (1 + np.exp(-ETA)), "yes", "no")
THREE = np.argmax(X[:, :3] + RNG.gumbel(size=(N, 3)), axis=1) + 5
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)
AMOUNTS = RNG.gamma(2.0, np.exp(ETA) / 2)
SOME_0 = np.where(COUNTS > 0, AMOUNTS, 0.0)
LATEST = 2.0
TIME = RNG.exponential(np.exp(-ETA)).round(1) + 0.1
TIMES = np.array([(t < LATEST, min(t, LATEST)) for t in TIME], [("died", bool), ("days", float)])  # with ties
CS = [0.1, 10.0, 0.3]


def assert_close(ours, theirs):
    theirs = np.asarray(theirs)
    assert np.shape(ours) == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


def peer(name, **parameters):
    """scikit-learn's estimator at a tolerance at which it solves its problem."""
    ratios = parameters.get("l1_ratios", parameters.get("l1_ratio"))
    solver = "saga" if ratios is not None and np.any(np.asarray(ratios) > 0) else "newton-cholesky"
    return getattr(peers, name)(**parameters, solver=solver, tol=1e-13, max_iter=100_000)


SLOW = pytest.mark.slow

LOGISTIC = [
    (TWO, {}),
    (TWO, {"C": 0.1, "l1_ratio": 1.0, "class_weight": {"yes": 3.0}}),
    (TWO, {"C": 0.2, "l1_ratio": 0.5, "fit_intercept": False}),
    (TWO, {"class_weight": "balanced"}),
    (TWO, {"C": np.inf}),
    (THREE, {}),
    pytest.param(THREE, {"C": 0.2, "l1_ratio": 0.5, "class_weight": "balanced"}, marks=SLOW),
    pytest.param(THREE, {"fit_intercept": False}, marks=SLOW),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("y", "parameters"), LOGISTIC)
def test_logistic_regression_is_scikit_learns(y, parameters, weighted):
    weight = WEIGHT if weighted else None
    ours = js.LogisticRegression(**parameters).fit(X, y, weight)
    theirs = peer("LogisticRegression", **parameters).fit(X, y, weight)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert_close(ours.coef_, theirs.coef_)
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert_close(centred(ours.intercept_), centred(theirs.intercept_))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.decision_function(X).shape == theirs.decision_function(X).shape
    assert ours.score(X, y, weight) == pytest.approx(theirs.score(X, y, weight))
    assert ours.path_.gap <= 1e-10


def centred(intercepts):
    """Those of several classes up to a constant, which makes no difference."""
    return intercepts - intercepts.mean() if len(intercepts) > 1 else intercepts


def test_heavy_classes_are_not_separable():
    model = js.LogisticRegression(class_weight={5: 1e6}).fit(X, THREE)
    assert model.path_.status == jr.Status.converged


def test_older_names_of_penalties():
    for name, parameters in (("l1", {"l1_ratio": 1.0}), ("l2", {}), (None, {"C": np.inf})):
        older, newer = js.LogisticRegression(name), js.LogisticRegression(**parameters)
        np.testing.assert_array_equal(older.fit(X, TWO).coef_, newer.fit(X, TWO).coef_)
    for wrong in ({"penalty": "l0"}, {"C": 0.0}, {"l1_ratio": 2.0}, {"solver": "ours"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
            js.LogisticRegression(**wrong).fit(X, TWO)


def test_a_class_without_weight_is_named():
    with pytest.raises(ValueError, match="no row of the class 'yes' whose weight is above 0"):
        js.LogisticRegression().fit(X, TWO, TWO == "no")
    folds = [(np.flatnonzero(TWO == "no"), np.flatnonzero(TWO == "yes"))]
    with pytest.raises(ValueError, match="class 'yes' whose weight is above 0 in the training rows of fold 0"):
        js.LogisticRegressionCV(cv=folds).fit(X, TWO)


LOGISTIC_CV = [
    (TWO, {"l1_ratios": None, "scoring": "neg_log_loss"}, False),
    (TWO, {"l1_ratios": [0.5, 0.0], "scoring": None, "class_weight": "balanced"}, True),
    (TWO, {"l1_ratios": np.array([0.5]), "scoring": "roc_auc", "refit": False}, False),
    (THREE, {"l1_ratios": [0.0], "scoring": "neg_log_loss", "use_legacy_attributes": False}, True),
    pytest.param(
        THREE, {"l1_ratios": None, "scoring": "neg_log_loss", "refit": False, "fit_intercept": False}, False, marks=SLOW
    ),
]


@pytest.mark.parametrize(("y", "parameters", "weighted"), LOGISTIC_CV)
def test_logistic_regression_cv_is_scikit_learns(y, parameters, weighted):
    parameters = {"Cs": CS, "cv": 3, "use_legacy_attributes": True} | parameters
    weight = WEIGHT if weighted else None
    ours = js.LogisticRegressionCV(**parameters).fit(X, y, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # l1_ratios=None
        theirs = peer("LogisticRegressionCV", **parameters).fit(X, y, weight)
    for name in ("Cs_", "C_", "coef_", "intercept_"):
        assert_close(getattr(ours, name), getattr(theirs, name))
    if parameters["l1_ratios"] is not None:
        assert_close(ours.l1_ratio_, theirs.l1_ratio_)
    for name in ("scores_", "coefs_paths_"):
        of_each, expected = getattr(ours, name), getattr(theirs, name)
        if parameters["use_legacy_attributes"]:
            assert list(of_each) == list(expected)
            of_each, expected = list(of_each.values()), list(expected.values())
        assert_close(np.stack(of_each), np.stack(expected))
    assert ours.n_iter_.shape == theirs.n_iter_.shape
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-6)


def test_automatic_grid_of_C():
    model = js.LogisticRegressionCV(Cs=3, cv=2).fit(X, TWO)
    np.testing.assert_allclose(model.Cs_, [1e-4, 1.0, 1e4])
    assert model.path_.coef.shape == (3, P)


def test_routing_to_splitter_and_scorer():
    groups = np.arange(N) % 9
    splits = list(GroupKFold(3).split(X, TWO, groups))
    parameters = {"Cs": CS, "use_legacy_attributes": False}
    with sklearn.config_context(enable_metadata_routing=True):
        scoring = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        model = js.LogisticRegressionCV(cv=GroupKFold(3), scoring=scoring, **parameters)
        model.fit(X, TWO, sample_weight=WEIGHT, groups=groups)
        score = model.score(X, TWO, sample_weight=WEIGHT)
    expected = js.LogisticRegressionCV(cv=splits, scoring="neg_log_loss", **parameters).fit(X, TWO, WEIGHT)
    np.testing.assert_array_equal(model.scores_, expected.scores_)
    assert score == expected.score(X, TWO, sample_weight=WEIGHT)
    with pytest.raises(ValueError, match=r"fit is given groups.*enable_metadata_routing=True"):
        js.LogisticRegressionCV(cv=GroupKFold(3)).fit(X, TWO, groups=groups)


GENERALIZED = [
    ("PoissonRegressor", COUNTS, {"alpha": 0.3}),
    pytest.param("PoissonRegressor", COUNTS, {"alpha": 0.0, "fit_intercept": False}, marks=SLOW),
    pytest.param("GammaRegressor", AMOUNTS, {"alpha": 0.1}, marks=SLOW),
    pytest.param("TweedieRegressor", SOME_0, {"power": 1.5, "alpha": 0.1}, marks=SLOW),
    ("TweedieRegressor", COUNTS, {"power": 1, "alpha": 0.1, "link": "log"}),
    ("TweedieRegressor", COUNTS - 2, {"power": 0, "alpha": 0.1}),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "y", "parameters"), GENERALIZED)
def test_generalized_linear_models_are_scikit_learns(name, y, parameters, weighted):
    weight = WEIGHT if weighted else None
    ours = getattr(js, name)(**parameters).fit(X, y, weight)
    theirs = peer(name, **parameters).fit(X, y, weight)
    assert_close(ours.coef_, theirs.coef_)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-6)
    assert_close(ours.predict(X), theirs.predict(X))
    assert ours.score(X, y, weight) == pytest.approx(theirs.score(X, y, weight), abs=1e-7)
    assert ours.path_.gap <= 1e-10


def test_generalized_linear_models_take_a_lasso():
    model = js.PoissonRegressor(alpha=0.3, l1_ratio=1.0).fit(X, COUNTS)
    path = jr.fit_path(X, COUNTS, loss="poisson", lambdas=[0.3], standardize=False)
    np.testing.assert_allclose(model.coef_, path.coef[0], atol=1e-6)
    assert 0 < np.count_nonzero(model.coef_) < P


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"power": 3}, "power is 3; give 0"),
        ({"power": 0.5}, "power is 0.5; give 0"),
        ({"power": -1}, "power is -1; give a number >= 0"),
        ({"power": 0, "link": "log"}, "link is 'log', but power 0 has the link 'identity'"),
        ({"power": 1.5, "link": "identity"}, "link is 'identity', but power 1.5 has the link 'log'"),
        ({"link": "logit"}, "link is 'logit'; give one of"),
    ],
)
def test_powers_and_links_that_there_are_not(parameters, message):
    for estimator in (js.TweedieRegressor(**parameters), js.TweedieRegressorCV(**parameters)):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, AMOUNTS)


def test_responses_outside_of_the_family():
    with pytest.raises(ValueError, match="y has"):
        js.PoissonRegressor().fit(X, COUNTS - 1)
    with pytest.raises(ValueError, match="y has"):
        js.GammaRegressor().fit(X, SOME_0)


@SLOW
def test_families_are_chosen_as_by_the_held_out_deviance():
    alphas = [1.0, 0.01, 0.1]
    model = js.PoissonRegressorCV(alphas=alphas, cv=KFold(3)).fit(X, COUNTS, WEIGHT + 1)
    expected = np.zeros((3, 3))
    for k, (train, test) in enumerate(KFold(3).split(X)):
        for i, alpha in enumerate(sorted(alphas, reverse=True)):
            fit = peer("PoissonRegressor", alpha=alpha).fit(X[train], COUNTS[train], WEIGHT[train] + 1)
            expected[i, k] = sklearn.metrics.mean_poisson_deviance(
                COUNTS[test], fit.predict(X[test]), sample_weight=WEIGHT[test] + 1
            )
    np.testing.assert_allclose(model.loss_path_, expected, rtol=1e-6)
    best = sorted(alphas, reverse=True)[int(np.argmin(expected.mean(axis=1)))]
    refit = js.PoissonRegressor(alpha=best).fit(X, COUNTS, WEIGHT + 1)
    assert model.alpha_ == best
    assert_close(model.coef_, refit.coef_)
    assert model.score(X, COUNTS) == pytest.approx(refit.score(X, COUNTS))


@SLOW
def test_automatic_grid_of_ridge_reaches_the_unpenalised_model():
    model = js.TweedieRegressorCV(power=2, alphas=4, cv=2).fit(X, AMOUNTS)
    free = js.GammaRegressor(alpha=0.0).fit(X, AMOUNTS)
    ends = model.cv_result_.path.coef[[0, -1]]
    assert np.abs(ends[0]).max() < 0.01 * np.abs(free.coef_).max()
    np.testing.assert_allclose(ends[1], free.coef_, atol=0.05 * np.abs(free.coef_).max())


def test_cox_regression_minimises_the_partial_likelihood():
    model = js.CoxRegression(0.1, l1_ratio=0.0, ties="breslow").fit(X, TIMES)
    died, days = TIMES["died"], TIMES["days"]
    risk = np.exp(X @ model.coef_)
    at_risk = days[:, None] <= days  # (i, j): whether j is at risk at the time of i
    means = (at_risk * risk) @ X / (at_risk @ risk)[:, None]
    gradient = -(X - means)[died].sum(axis=0) / N + 0.1 * model.coef_
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
    assert_close(model.predict(X), (X - X.mean(axis=0)) @ model.coef_)
    comparable = at_risk & died[:, None] & ((days[:, None] < days) | ~died)
    comparable &= ~np.eye(N, dtype=bool)
    ordered = np.sign(risk[:, None] - risk) / 2 + 0.5
    assert model.score(X, TIMES) == pytest.approx(ordered[comparable].mean())


def test_survival_times_in_any_form():
    model = js.CoxRegression(0.01, ties="breslow").fit(X, TIMES)
    named = {"time": TIMES["days"], "event": TIMES["died"]}
    np.testing.assert_array_equal(js.CoxRegression(0.01, ties="breslow").fit(X, named).coef_, model.coef_)
    at = np.unique(TIMES["days"])
    died = np.array([(TIMES["days"][TIMES["died"]] == t).sum() for t in at])
    risk = np.exp(X @ model.coef_)
    hazards = np.cumsum(died / [risk[TIMES["days"] >= t].sum() for t in at])
    np.testing.assert_allclose(model.predict_survival_function(X, at), np.exp(-np.outer(risk, hazards)), rtol=1e-9)
    with pytest.raises(ValueError, match="no fields time and event"):
        js.CoxRegression().fit(X, TIME)
    with pytest.raises(ValueError, match="requires y to be passed"):
        js.CoxRegression().fit(X, None)


@SLOW
def test_cox_regression_cv_is_fit_cv_with_folds_by_event():
    model = js.CoxRegressionCV(l1_ratio=[0.5, 1.0], alphas=4, cv=3, metric="c_index").fit(X, TIMES)
    folds = list(StratifiedKFold(3).split(X, TIMES["died"]))
    named = {"time": TIMES["days"], "event": TIMES["died"]}
    cv = jr.fit_cv(
        X, named, loss="cox", l1_ratios=[0.5, 1.0], n_lambdas=4, cv=folds, metric="c_index", averaging="equal",
        standardize=False, tol=1e-10,
    )  # fmt: skip
    assert model.loss_path_.shape == (2, 4, 3)
    np.testing.assert_allclose(np.moveaxis(cv.fold_loss, 2, 1), model.loss_path_, rtol=1e-9)
    assert (model.alpha_, model.l1_ratio_) == (pytest.approx(cv.lambda_min), cv.l1_ratio_)
    assert_close(model.coef_, cv.coef)
    np.testing.assert_allclose(model.predict_survival_function(X, [1.0]), cv.survival(X, [1.0]), rtol=1e-6)


FITTED = [
    (js.LogisticRegression(), TWO),
    (js.LogisticRegressionCV(Cs=CS, cv=3), THREE),
    (js.PoissonRegressor(), COUNTS),
    (js.CoxRegression(0.01, ties="breslow"), TIMES),
    pytest.param(js.GammaRegressorCV(alphas=4, cv=2), AMOUNTS, marks=SLOW),
    pytest.param(js.CoxRegressionCV(alphas=4, cv=3), TIMES, marks=SLOW),
]


@pytest.mark.parametrize(("estimator", "y"), FITTED, ids=lambda value: type(value).__name__)
def test_copies_pickles_and_names(estimator, y):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = clone(estimator).fit(frame, y)
    path = model.path_ if hasattr(model, "path_") else model.cv_result_.path
    assert path.names == tuple("abcd")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    with pytest.raises(NotFittedError):
        clone(model).predict(frame)


@pytest.mark.parametrize(("estimator", "y"), [FITTED[0], *FITTED[2:4]], ids=lambda value: type(value).__name__)
@SLOW
def test_warm_start_and_float32(estimator, y):
    model = clone(estimator).set_params(warm_start=True).fit(X, y)
    coef, steps = model.coef_, model.n_iter_
    model.fit(X, y)
    np.testing.assert_allclose(model.coef_, coef, atol=1e-8)
    assert model.n_iter_ <= steps
    single = clone(estimator).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, coef, rtol=2e-2, atol=1e-3)


def test_separable_classes_have_finite_coefficients():
    with pytest.warns(jr.ConvergenceWarning, match="has no finite solution"):
        model = js.LogisticRegression(C=np.inf).fit(X, X[:, 0] > 0.5)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, X[:, 0] > 0.5) == 1.0
