"""Estimators against scikit-learn's of the same name, and in scikit-learn's machinery."""

import pickle
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import sklearn
from scipy.sparse import coo_array, csc_matrix, csr_array
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LassoCV as PeerLassoCV
from sklearn.metrics import get_scorer, make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

import jaxreg as jr
import jaxreg.sklearn as js

X, Y = load_diabetes(return_X_y=True, scaled=False)
X, Y = X[:150], Y[:150]
RNG = np.random.default_rng(0)
WEIGHT = RNG.integers(0, 3, len(Y)).astype(float)
SEVERAL = np.c_[Y, X[:, 0] - 2 * Y, RNG.standard_normal(len(Y))]
TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
ALPHAS = [0.1, 30.0, 3.0, 1000.0]
LASSO_PATH = ("alpha_", "alphas_", "mse_path_")

# (class, parameters, y, fitted attributes beside coef_ and intercept_)
SAME = [
    ("Lasso", {"alpha": 0.5}, Y, ()),
    ("Lasso", {"alpha": 2.0, "positive": True}, Y, ()),
    ("Lasso", {"alpha": 1.0}, SEVERAL, ()),
    ("Lasso", {"alpha": 1.0}, Y[:, None], ()),
    ("Ridge", {"alpha": 1.0}, Y[:, None], ()),
    ("RidgeCV", {"alphas": ALPHAS, "store_cv_results": True}, Y[:, None], ("alpha_", "best_score_", "cv_results_")),
    ("ElasticNet", {"alpha": 0.5, "l1_ratio": 0.3}, Y, ()),
    ("ElasticNet", {"alpha": 0.5, "l1_ratio": 0.3, "fit_intercept": False}, SEVERAL, ()),
    ("Ridge", {"alpha": 2.0}, Y, ()),
    ("Ridge", {"alpha": 5.0, "fit_intercept": False}, SEVERAL, ()),
    ("Ridge", {"alpha": np.array([1.0, 2.0, 3.0])}, SEVERAL, ()),
    ("LassoCV", {"cv": 4}, Y, LASSO_PATH),
    ("LassoCV", {"positive": True, "alphas": 20}, Y, LASSO_PATH),
    ("LassoCV", {"fit_intercept": False, "eps": 0.01, "cv": ShuffleSplit(3, random_state=0)}, Y, LASSO_PATH),
    ("ElasticNetCV", {"l1_ratio": [0.2, 0.9]}, Y, (*LASSO_PATH, "l1_ratio_")),
    ("ElasticNetCV", {"l1_ratio": [0.5, 1.0], "alphas": [0.1, 3.0, 1.0]}, Y, (*LASSO_PATH, "l1_ratio_")),
    ("ElasticNetCV", {"l1_ratio": 0.7, "alphas": 1}, Y, (*LASSO_PATH, "l1_ratio_")),
    ("RidgeCV", {"alphas": ALPHAS}, Y, ("alpha_", "best_score_")),
    ("RidgeCV", {"alphas": ALPHAS, "store_cv_results": True}, SEVERAL, ("alpha_", "best_score_", "cv_results_")),
    (
        "RidgeCV",
        {"alphas": ALPHAS, "fit_intercept": False, "store_cv_results": True},
        Y,
        ("best_score_", "cv_results_"),
    ),
    ("RidgeCV", {"alphas": ALPHAS, "alpha_per_target": True}, SEVERAL, ("alpha_", "best_score_")),
    ("RidgeCV", {"alphas": 3.0}, Y, ("alpha_", "best_score_")),
    ("RidgeCV", {"alphas": ALPHAS, "cv": 5}, Y, ("alpha_", "best_score_")),
    ("RidgeCV", {"alphas": ALPHAS, "cv": 4, "scoring": "neg_mean_squared_error"}, SEVERAL, ("alpha_", "best_score_")),
]


def tight(name, parameters):
    """scikit-learn's estimator at a tolerance at which it solves its problem."""
    return getattr(peers, name)(**parameters, **({} if name.startswith("Ridge") else TIGHT))


def assert_same(ours, theirs, names):
    for name in ("coef_", "intercept_", *names):
        expected = np.asarray(getattr(theirs, name))
        found = np.asarray(getattr(ours, name))
        assert found.shape == expected.shape, name
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "parameters", "y", "names"), SAME)
def test_same_as_scikit_learn(name, parameters, y, names, weighted):
    weight = WEIGHT if weighted else None
    ours = getattr(js, name)(**parameters).fit(X, y, weight)
    assert_same(ours, tight(name, parameters).fit(X, y, weight), names)
    if hasattr(ours, "dual_gap_"):
        assert np.all(np.asarray(ours.dual_gap_) <= 1e-9 * np.var(Y))
        assert np.all(np.asarray(ours.n_iter_) >= 1)


@pytest.mark.parametrize(
    "scoring", ["neg_mean_absolute_error", make_scorer(mean_squared_error, greater_is_better=False)]
)
@pytest.mark.parametrize("per_target", [False, True])
def test_leave_one_out_with_a_scorer(scoring, per_target):
    parameters = {"alphas": ALPHAS, "scoring": scoring, "store_cv_results": True, "alpha_per_target": per_target}
    weight = WEIGHT + 0.5  # at a weight of 0 scikit-learn divides by it
    ours = js.RidgeCV(**parameters).fit(X, SEVERAL, weight)
    assert_same(ours, peers.RidgeCV(**parameters).fit(X, SEVERAL, weight), ("alpha_", "best_score_", "cv_results_"))


def test_leave_one_out_predicts_rows_without_weight_by_the_fit_of_the_others():
    ours = js.RidgeCV(ALPHAS, scoring="neg_mean_squared_error", store_cv_results=True).fit(X, Y, WEIGHT)
    out = WEIGHT == 0
    for k, alpha in enumerate(ALPHAS):
        expected = peers.Ridge(alpha).fit(X, Y, WEIGHT).predict(X[out])
        np.testing.assert_allclose(ours.cv_results_[out, k], expected, rtol=1e-9)


def test_ridge_of_positive_coefficients():
    ours, theirs = js.Ridge(3.0, positive=True).fit(X, Y), peers.Ridge(3.0, positive=True, tol=1e-12).fit(X, Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    assert (ours.coef_ >= 0).all()
    assert ours.solver_ == "pivot"


def test_multi_task():
    columns, tasks = load_linnerud(return_X_y=True)
    ours = js.MultiTaskLassoCV(cv=3, alphas=30).fit(columns, tasks)
    theirs = peers.MultiTaskLassoCV(cv=3, alphas=30, **TIGHT).fit(columns, tasks)
    for name in ("coef_", "intercept_", "alpha_", "alphas_", "mse_path_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.predict(columns), theirs.predict(columns), rtol=1e-6)
    with pytest.raises(ValueError, match="For mono-task outputs, use LassoCV"):
        js.MultiTaskLassoCV().fit(columns, tasks[:, 0])


def test_multi_task_elastic_net():
    columns, tasks = load_linnerud(return_X_y=True)
    for name in ("MultiTaskElasticNet", "MultiTaskLasso"):
        ours = getattr(js, name)(30.0).fit(columns, tasks)
        theirs = getattr(peers, name)(30.0, **TIGHT).fit(columns, tasks)
        assert_same(ours, theirs, ())
        assert ours.dual_gap_ <= 1e-11 * np.var(tasks, axis=0).sum()
    parameters = {"l1_ratio": [0.3, 0.8], "cv": 3, "alphas": 30}
    chosen = js.MultiTaskElasticNetCV(**parameters).fit(columns, tasks)
    theirs = peers.MultiTaskElasticNetCV(**parameters, **TIGHT).fit(columns, tasks)
    assert chosen.l1_ratio_ == theirs.l1_ratio_
    for name in ("coef_", "intercept_", "alpha_", "alphas_", "mse_path_"):
        np.testing.assert_allclose(getattr(chosen, name), getattr(theirs, name), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="For mono-task outputs, use ElasticNet, not MultiTaskElasticNet"):
        js.MultiTaskElasticNet().fit(columns, tasks[:, 0])


@pytest.mark.slow
def test_groups_of_one_are_the_lasso_and_groups_enter_together():
    parameters = {"alphas": 6, "cv": 3}
    lasso, alone = js.LassoCV(**parameters).fit(X, Y), js.GroupLassoCV(**parameters).fit(X, Y)
    np.testing.assert_allclose(alone.alphas_, lasso.alphas_, rtol=1e-12)
    np.testing.assert_allclose(alone.coef_, lasso.coef_, atol=1e-6)
    groups = [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    model = js.GroupLassoCV(groups, rule="1se", **parameters).fit(X, Y)
    nonzero = [set(model.coef_[np.array(groups) == g] != 0) for g in range(4)]
    assert all(len(each) == 1 for each in nonzero)
    assert {True} in nonzero


def test_path_regressor_takes_a_penalty():
    assert js.PathRegressorCV(penalty=jr.penalties.ElasticNet(), alphas=3, cv=3).fit(X, Y).l1_ratio_ == 1.0


@pytest.mark.slow
def test_path_regressor_is_fit_cv():
    loss, splitter = jr.losses.Huber(30.0), KFold(3)
    factors = np.r_[0.0, np.ones(9)]
    model = js.PathRegressorCV(
        loss, l1_ratio=[0.5, 1.0], alphas=8, standardize=True, penalty_factors=factors, metric="mae", cv=splitter
    ).fit(X, Y, WEIGHT)
    cv = jr.fit_cv(
        X,
        Y,
        loss=loss,
        l1_ratios=[0.5, 1.0],
        n_lambdas=8,
        lambda_min_ratio=1e-3,
        penalty_factors=factors,
        metric="mae",
        cv=splitter,
        averaging="equal",
        sample_weight=WEIGHT,
    )
    np.testing.assert_allclose(model.coef_, cv.coef, atol=1e-5)
    np.testing.assert_allclose(model.loss_path_, np.moveaxis(cv.fold_loss, 2, 1), rtol=1e-5)
    assert (model.alpha_, model.l1_ratio_) == (cv.lambda_min, cv.l1_ratio_)
    assert model.gap_ <= 1e-6
    assert clone(model).fit(X, Y, WEIGHT).alpha_ == model.alpha_


def pipeline(estimator):
    return make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), estimator)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_lasso_cv_swaps_for_scikit_learns_in_a_searched_pipeline(library):
    frames = pytest.importorskip(library)
    data = load_diabetes()
    names = ("age", "bmi", "bp", "s1")  # products with sex, which has two values, would be collinear
    y, frame = data.target, frames.DataFrame({name: data.data[:, data.feature_names.index(name)] for name in names})
    grid = {"polynomialfeatures__degree": [1, 2], "lassocv__eps": [1e-2, 1e-3]}
    found = {}
    for estimator in (js.LassoCV(cv=4), PeerLassoCV(cv=4, **TIGHT)):
        search = GridSearchCV(pipeline(estimator), grid, cv=3).fit(frame, frames.Series(y))
        found[type(estimator).__module__] = search
    ours, theirs = found.values()
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-6)
    model, expected = ours.best_estimator_[-1], theirs.best_estimator_[-1]
    np.testing.assert_allclose(model.alpha_, expected.alpha_, rtol=1e-9)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.predict(frame), theirs.predict(frame), rtol=1e-6)


def test_feature_names_and_set_output():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :4], columns=["age", "sex", "bmi", "bp"])
    transform = ColumnTransformer([("scaled", StandardScaler(), ["bmi", "bp"])], remainder="passthrough")
    model = make_pipeline(transform.set_output(transform="pandas"), js.LassoCV(alphas=5, cv=3)).fit(frame, Y)[-1]
    assert list(model.feature_names_in_) == ["scaled__bmi", "scaled__bp", "remainder__age", "remainder__sex"]
    assert model.cv_result_.path.names == tuple(model.feature_names_in_)
    plain = js.Lasso(0.1).fit(frame, Y)
    with pytest.raises(ValueError, match="feature names should match"):
        plain.predict(frame[["sex", "age", "bmi", "bp"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        plain.predict(X[:, :4])


def test_copies_and_pickles(tmp_path):
    model = js.ElasticNetCV(l1_ratio=[0.5, 1.0], alphas=10, cv=3, rule="1se").fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))
        assert copy.cv_result_.select("bic").lam == model.cv_result_.select("bic").lam
    again = clone(model)
    assert not hasattr(again, "coef_")
    assert again.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)
    with joblib.parallel_config("threading"):
        scores = cross_validate(again, X, Y, cv=3, n_jobs=2)["test_score"]
    np.testing.assert_allclose(scores, cross_validate(again, X, Y, cv=3)["test_score"], rtol=1e-10)


def test_rules_choose_as_the_result_does():
    least, sparse = (js.LassoCV(cv=5, rule=rule).fit(X, Y) for rule in ("min", "1se"))
    assert sparse.alpha_ == least.cv_result_.lambda_1se > least.alpha_
    np.testing.assert_allclose(sparse.coef_, least.cv_result_.select("1se").coef, rtol=1e-12)
    with pytest.raises(ValueError, match="rule is 'best'; give one of"):
        js.LassoCV(rule="best", alphas=3, cv=3).fit(X, Y)


def test_ridge_has_an_automatic_grid():
    model = js.ElasticNetCV(l1_ratio=0, alphas=20, cv=4).fit(X, Y)
    best = min(model.alphas_, key=lambda alpha: held_out(peers.Ridge, alpha))
    np.testing.assert_allclose(model.alpha_, best, rtol=1e-9)


def held_out(ridge, alpha):
    """Mean squared error of 4 folds, scikit-learn's alpha being n times as large."""
    errors = []
    for train, test in KFold(4).split(X):
        fit = ridge(alpha * len(train)).fit(X[train], Y[train])
        errors.append(np.mean((fit.predict(X[test]) - Y[test]) ** 2))
    return np.mean(errors)


def test_float32_stays_float32():
    single = X.astype(np.float32)
    model = js.Lasso(0.5).fit(single, Y)
    assert model.coef_.dtype == model.predict(single).dtype == np.float32
    np.testing.assert_allclose(model.coef_, js.Lasso(0.5).fit(X, Y).coef_, rtol=2e-3, atol=1e-3)


def test_warm_start_starts_from_the_last_fit():
    model = js.Lasso(0.5, warm_start=True).fit(X, Y)
    first = model.coef_
    np.testing.assert_allclose(model.fit(X, Y).coef_, first, rtol=1e-9)
    with pytest.raises(ValueError, match="warm_start has 10 features, X has 9"):
        model.fit(X[:, :9], Y)


def test_routing_of_groups_and_weights():
    groups = np.arange(len(Y)) % 7
    splits = list(GroupKFold(3).split(X, Y, groups))
    with sklearn.config_context(enable_metadata_routing=True):
        model = js.LassoCV(cv=GroupKFold(3), alphas=10).fit(X, Y, sample_weight=WEIGHT, groups=groups)
        expected = js.LassoCV(cv=splits, alphas=10).fit(X, Y, WEIGHT)
        np.testing.assert_array_equal(model.mse_path_, expected.mse_path_)
        ridge = js.RidgeCV(ALPHAS, cv=GroupKFold(3)).fit(X, Y, groups=groups)
        theirs = peers.RidgeCV(ALPHAS, cv=GroupKFold(3)).fit(X, Y, groups=groups)
        assert ridge.alpha_ == theirs.alpha_
        np.testing.assert_allclose(ridge.best_score_, theirs.best_score_, rtol=1e-9)
        requested = js.LassoCV(alphas=5, cv=3).set_fit_request(sample_weight=True)
        scoring = get_scorer("neg_mean_squared_error").set_score_request(sample_weight=True)
        search = GridSearchCV(requested, {"eps": [1e-2, 1e-3]}, cv=3, scoring=scoring)
        weighted = search.fit(X, Y, sample_weight=WEIGHT).best_estimator_
        plain = js.LassoCV(eps=weighted.eps, alphas=5, cv=3).fit(X, Y, WEIGHT)
        np.testing.assert_allclose(weighted.coef_, plain.coef_, rtol=1e-10)
    with pytest.raises(ValueError, match=r"fit is given groups.*enable_metadata_routing=True"):
        js.LassoCV(cv=GroupKFold(3)).fit(X, Y, groups=groups)


def test_columns_of_y():
    with pytest.warns(DataConversionWarning):
        js.LassoCV(alphas=3, cv=3).fit(X, Y[:, None])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        js.LassoCV(alphas=3, cv=3).fit(X, SEVERAL)


@pytest.mark.parametrize("container", [csr_array, csc_matrix, coo_array])
def test_a_sparse_X_is_made_dense_with_one_note(container):
    dense = js.Lasso(0.5).fit(X, Y)
    with pytest.warns(DataConversionWarning, match=r"X is sparse and is made dense.*sparse_output=False") as notes:
        model = js.Lasso(0.5).fit(container(X), Y)
    assert [Path(note.filename).name for note in notes] == ["test_sklearn.py"]
    np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.predict(container(X)), dense.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(container(np.where(X > 1, np.nan, X)))


def test_one_hot_columns_go_through_a_pipeline():
    kinds = np.array(["a", "b", "c"])[np.arange(len(Y)) % 3][:, None]
    for sparse in (True, False):
        pipeline = make_pipeline(OneHotEncoder(sparse_output=sparse), js.Ridge())
        with pytest.warns(DataConversionWarning) if sparse else nullcontext():
            pipeline.fit(kinds, Y)
        expected = peers.Ridge().fit(pipeline[0].transform(kinds), Y)
        np.testing.assert_allclose(pipeline.predict(kinds), expected.predict(pipeline[0].transform(kinds)), rtol=1e-8)


def test_a_sparse_X_beyond_the_bound_is_refused_before_memory_is_taken():
    huge = csr_array((10**6, 10**4))
    for name in js.__all__:
        several = SEVERAL if name.startswith("MultiTask") else Y
        with pytest.raises(ValueError, match=r"1000000 x 10000, and would take 74\.5 GB.*sparse_output=False"):
            getattr(js, name)().fit(huge, several)


def test_sparse_coef():
    model = js.Lasso(5.0).fit(X, SEVERAL)
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), model.coef_)
    assert model.sparse_coef_.nnz < model.coef_.size
