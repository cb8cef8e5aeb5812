"""What has names goes by name: Series, dicts and frames, for columns and for rows."""

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from reference import ar_problem

import jaxreg as jr
import jaxreg.sklearn as js
from jaxreg.penalties import GroupLasso, SparseGroupLasso

N, P = 24, 4
X, Y = ar_problem(N, P)
NAMES = ["sex", "age", "bmi", "s6"]
FRAME = pd.DataFrame(X, columns=NAMES)
FACTORS = pd.Series(1.0, index=sorted(NAMES))
FACTORS["sex"] = 0.0
LAMBDAS = [0.5, 0.1]
IDS = np.array([0, 1, 0, 1])
WEIGHTS = [1.0, 2.0]
GROUPS = {
    "a Series": pd.Series(IDS, index=NAMES)[sorted(NAMES)],
    "text in a Series": pd.Series(["a", "b", "a", "b"], index=NAMES)[sorted(NAMES)],
    "a dict": {"s6": 1, "bmi": 0, "age": 1, "sex": 0},
    "lists of names": [["bmi", "sex"], ["s6", "age"]],
    "a dict of names": {"first": ["bmi", "sex"], "second": ["age", "s6"]},
    "lists of positions": [[2, 0], [1, 3]],
}


def assert_same(found, wanted):
    """Short of the order of sums: columns of a frame lie one after the other in memory, rows of an array do."""
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def fit(X=FRAME, y=Y, **given):
    return jr.fit_path(X, y, **({"lambdas": LAMBDAS} | given))


@pytest.mark.parametrize("factors", [FACTORS, {"sex": 0.0}, dict(FACTORS)], ids=["Series", "part", "dict"])
def test_penalty_factors_go_by_name(factors):
    path = fit(penalty_factors=factors)
    assert_same(path.coef, fit(X, penalty_factors=[0, 1, 1, 1]).coef)
    assert path.settings["penalty_factors"] == "[0.0, 1.0, 1.0, 1.0]"
    estimator = js.PathRegressorCV(penalty_factors=factors, alphas=LAMBDAS, cv=3).fit(FRAME, Y)
    assert_same(estimator.cv_result_.path.coef, fit(X, penalty_factors=[0, 1, 1, 1], standardize=False).coef)


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_limits_go_by_name(side):
    limited = np.where(np.array(NAMES) == "age", 0.0, -np.inf if side == "lower" else np.inf)
    wanted = fit(X, **{side: limited}).coef
    for limits in ({"age": 0.0}, pd.Series(limited, index=NAMES)[::-1]):
        assert_same(fit(**{side: limits}).coef, wanted)


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_groups_go_by_name(groups):
    wanted = fit(X, penalty=GroupLasso(IDS, WEIGHTS)).coef
    path = fit(penalty=GroupLasso(groups, WEIGHTS))
    assert_same(path.coef, wanted)
    assert path.settings["penalty"] == "jr.penalties.GroupLasso(groups=[0, 1, 0, 1], weights=[1.0, 2.0])"
    np.testing.assert_array_equal(SparseGroupLasso(groups, 0.3).for_columns(NAMES).groups, IDS)


def test_groups_go_by_name_in_an_estimator():
    named = GROUPS["a dict of names"]
    estimators = [js.GroupLassoCV(groups=groups, alphas=LAMBDAS, cv=2) for groups in (named, IDS)]
    by_name, by_position = (each.fit(FRAME, Y).cv_result_.path.coef for each in estimators)
    assert_same(by_name, by_position)


def test_weights_of_groups_go_by_label():
    named = GROUPS["a dict of names"]
    for weights in ({"second": 2.0, "first": 1.0}, pd.Series({"second": 2.0, "first": 1.0})):
        assert_same(GroupLasso(named, weights).weights, WEIGHTS)
    assert_same(GroupLasso(["b", "a"], {"b": 2.0, "a": 1.0}).weights, WEIGHTS)
    with pytest.raises(ValueError, match="weights names 'third', but the groups are 'first', 'second'"):
        GroupLasso(named, {"first": 1.0, "second": 1.0, "third": 1.0})
    with pytest.raises(ValueError, match="weights has no entry for 'second'; give one for each of the groups"):
        GroupLasso(named, {"first": 1.0})


def test_without_names_entries_go_by_position():
    wanted = fit(X, penalty_factors=[0, 1, 1, 1]).coef
    plain = pd.Series([0, 1, 1, 1])
    for frame, factors in ((FRAME, plain), (X, plain), (X, plain[::-1]), (X, {0: 0.0})):
        assert_same(fit(frame, penalty_factors=factors).coef, wanted)


BAD = [
    (
        {"penalty_factors": {"sexx": 0.0}},
        r"penalty_factors names 'sexx', but the columns of X are 'sex', 'age', 'bmi', 's6'",
    ),
    ({"penalty_factors": FACTORS[:-1]}, r"penalty_factors has no entry for 'sex'; give one for each of the columns"),
    ({"penalty_factors": pd.concat([FACTORS, FACTORS[:1]])}, r"penalty_factors has 'age' twice"),
    (
        {"X": X, "penalty_factors": FACTORS},
        r"penalty_factors names 'age'.*, but X has no column names; give X as a frame",
    ),
    (
        {"penalty_factors": {"sex": "none"}},
        r"penalty_factors has dtype|penalty_factors has values that are not numbers",
    ),
    ({"X": FRAME.set_axis(["a", "a", "b", "c"], axis=1), "lower": {"a": 0.0}}, r"lower goes by name, but some columns"),
    ({"lower": {"weight": 0.0}}, r"lower names 'weight'"),
    ({"upper": pd.Series(0.0, index=["a", "b", "c", "d"])}, r"upper names 'a', 'b', 'c', 'd'"),
    ({"penalty": GroupLasso({"sex": 0, "age": 0})}, r"groups has no entry for 'bmi', 's6'"),
    ({"penalty": GroupLasso([["sex", "age"], ["age", "bmi", "s6"]])}, r"groups has 'age' twice"),
    ({"X": X, "penalty": GroupLasso(GROUPS["a dict"])}, r"groups names 's6'.*, but X has no column names"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=range(len(BAD)))
def test_names_that_differ_are_said(given, message):
    with pytest.raises(ValueError, match=message):
        fit(**given)


LABELS = [f"row {i}" for i in range(N)]
ROWS = FRAME.set_axis(LABELS)
WEIGHT = np.arange(1.0, N + 1)
OFFSET = np.linspace(-1, 1, N)
FOLDS = np.arange(N) % 3
ORDER = np.random.default_rng(0).permutation(N)


def labelled(values):
    """Entries of the rows, in another order."""
    return pd.Series(values, index=LABELS).iloc[ORDER]


def test_rows_go_by_the_index_of_x():
    wanted = fit(X, sample_weight=WEIGHT, offset=OFFSET)
    found = fit(ROWS, labelled(Y), sample_weight=labelled(WEIGHT), offset=labelled(OFFSET))
    assert_same(found.coef, wanted.coef)
    assert_same(found.predict(ROWS, offset=labelled(OFFSET)), wanted.predict(X, offset=OFFSET))
    for name in ("cv", "groups"):
        given = {"cv": 3, "lambdas": LAMBDAS}
        by_index, by_position = (given | {name: ids} for ids in (labelled(FOLDS), FOLDS))
        by_index, by_position = jr.fit_cv(ROWS, Y, **by_index), jr.fit_cv(X, Y, **by_position)
        assert_same(by_index.fold_loss, by_position.fold_loss)


def test_both_go_by_name_in_solve():
    by_name = {"penalty": GroupLasso(GROUPS["a dict of names"]), "penalty_factors": {"sex": 2.0, "bmi": 2.0}}
    by_position = {"penalty": GroupLasso(IDS), "penalty_factors": np.array([2.0, 1.0, 2.0, 1.0])}
    found = jr.solve(ROWS, labelled(Y), 0.1, sample_weight=labelled(WEIGHT), offset=labelled(OFFSET), **by_name).coef
    assert_same(found, jr.solve(X, Y, 0.1, sample_weight=WEIGHT, offset=OFFSET, **by_position).coef)


def test_an_index_that_counts_is_none():
    y = pd.Series(Y, index=LABELS)
    wanted = fit(X).coef
    for frame, response in ((FRAME, y), (X, y), (ROWS, pd.Series(Y)), (ROWS, Y)):
        assert_same(fit(frame, response).coef, wanted)


@pytest.mark.parametrize(
    ("frame", "y", "message"),
    [
        (FRAME, pd.Series(Y).sort_values(), r"y has an index with the labels of X in another order: at row 0 it is"),
        (
            ROWS,
            pd.Series(Y, index=LABELS).rename({"row 3": "row 99"}),
            r"other labels than X: at row 3 it is 'row 99', and",
        ),
        (ROWS, pd.Series(Y[:-1], index=LABELS[:-1]), r"at row 23 it is at its end, and X 'row 23'"),
    ],
)
def test_an_index_that_contradicts_x_is_said(frame, y, message):
    with pytest.raises(ValueError, match=message):
        fit(frame, y)


def test_estimators_read_rows_by_position_as_scikit_learn_does():
    shuffled = pd.Series(Y).iloc[ORDER]
    found, wanted = (js.Lasso(0.1).fit(FRAME, y).coef_ for y in (shuffled, Y[ORDER]))
    assert_same(found, wanted)
