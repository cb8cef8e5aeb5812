"""What could be meant otherwise is refused or said, and what other packages call otherwise is hinted at."""

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from reference import ar_problem
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import make_scorer, mean_squared_error, r2_score

import jaxreg as jr
import jaxreg.sklearn as js
from jaxreg import losses, neural, penalties
from jaxreg._names import check_loss, check_penalty

N, P = 24, 4
X, Y = ar_problem(N, P)
LAMBDAS = [0.5, 0.1]
FIRST = np.arange(N) % 2
THIRDS = np.arange(N) % 3


def path(**given):
    return jr.fit_path(given.pop("X", X), given.pop("y", Y), **({"lambdas": LAMBDAS} | given))


def cv(**given):
    return jr.fit_cv(X, given.pop("y", Y), **({"lambdas": LAMBDAS, "cv": 3} | given))


def net(model=None, **given):
    return neural.fit_path(model or neural.Linear(), given.pop("X", X), given.pop("y", Y), **({"epochs": 1} | given))


REFUSED = {
    "a rate for a regularizer": (
        lambda: neural.Dropout(0.5),
        r"Dropout is given 0.5, but its strengths are those of fit_path",
    ),
    "a norm for its axis": (lambda: neural.MaxNorm(3.0), r"MaxNorm is given 3.0"),
    "a strength for L2": (lambda: neural.L2(0.1), r"L2 is given 0.1.*strengths=\[0.1\]"),
    "a strength for a momentum": (lambda: neural.BatchNorm(0.5), r"BatchNorm is given 0.5.*go by name"),
    "epochs for a patience": (lambda: neural.EarlyStopping(10), r"EarlyStopping is given 10"),
    "a rate for a flag": (lambda: neural.Dropout(inputs=0.5), r"inputs is 0.5; give True or False"),
    "a float for an axis": (lambda: neural.MaxNorm(axis=1.0), r"axis is 1.0; give a whole number"),
    "a size for a shape": (lambda: neural.Cutout(shape=8), r"shape is 8; give a tuple of whole numbers"),
    "a list for a shape": (lambda: neural.Augment(neural.random_flip, [8, 8]), r"shape is \[8, 8\]; give a tuple"),
    "text for layers": (lambda: neural.MLP("64"), r"hidden is '64'; give the units"),
    "a count for strengths": (lambda: net(regularizer=neural.L2(), strengths=10), r"strengths is 10; give \[10\]"),
    "an optimizer uncalled": (lambda: net(optimizer=len), r"optimizer is the function len; give"),
    "labels of digits": (
        lambda: net(neural.MLP((8,)), X=load_digits().data, y=load_digits().target),
        r"y has the values 0, 1, .*, 9, labels of classes or numbers; give the model task='classification' or",
    ),
    "labels as unit vectors": (lambda: net(y=np.eye(2)[FIRST]), r"y has the values 0, 1, labels"),
    "text for a network": (
        lambda: net(y=np.array(["a", "b"])[FIRST]),
        r"y has text, but the model has no task; give it task=",
    ),
    "a count for lambdas": (
        lambda: path(lambdas=100),
        r"lambdas is 100; give \[100\] for that lambda alone, or n_lambdas=100",
    ),
    "False for no limit": (lambda: path(lower=False), r"lower is False; give numbers, or None"),
    "True for a limit": (lambda: path(upper=True), r"upper is True; give numbers, or None"),
    "text for groups": (lambda: penalties.GroupLasso("aabb"), r"groups is 'aabb'; give the group of each column"),
    "a size for groups": (lambda: penalties.GroupLasso(2), r"groups is 2; give the group of each column"),
    "text for weights": (lambda: penalties.SLOPE("lasso"), r"weights is 'lasso'; give one number per column"),
    "text for convex": (lambda: penalties.Custom(len, len, "no"), r"convex is 'no'; give True or False"),
    "text for positive": (lambda: js.LassoCV(positive="no").fit(X, Y), r"positive is 'no'; give True or False"),
    "text for y": (
        lambda: path(y=np.array(["a", "b"])[FIRST]),
        r"y has text: the names of classes\? .*loss='binomial'",
    ),
    "text in objects": (
        lambda: path(y=pd.Series(["a", None])[FIRST].reset_index(drop=True)),
        r"y has text: the names of classes",
    ),
    "text for an estimator": (
        lambda: js.Lasso().fit(X, np.array(["a", "b"])[FIRST]),
        r"y has text, names of classes; a regressor",
    ),
    "a function for a penalty": (
        lambda: path(penalty=penalties.Lasso),
        r"penalty is the function Lasso; give an instance, Lasso\(...\)",
    ),
    "another function": (lambda: path(penalty=len), r"penalty is the function len; give one of jaxreg.penalties"),
    "a function for a solver": (lambda: path(solver=len), r"solver is the function len; give one of 'auto'"),
    "an unknown name": (
        lambda: path(penalty="lasoo"),
        r"penalty is 'lasoo'; give .* the name of one: .*lasso, .*trendfilter",
    ),
    "a name that needs more": (
        lambda: path(penalty="grouplasso"),
        r"needs groups; give penalties.GroupLasso\(groups=...\)",
    ),
    "the name of all mixtures": (
        lambda: path(penalty="elasticnet"),
        r"which needs l1_ratio; give penalties.ElasticNet\(l1_ratio=...\)",
    ),
    "an unknown loss": (lambda: path(loss="l2"), r"loss is 'l2'; give .*binomial, .*quantile, squared, squaredhinge"),
    "a metric of two": (
        lambda: cv(metric=mean_squared_error),
        r"metric is the function mean_squared_error, which cannot be called as \(y, pred",
    ),
    "a scorer": (lambda: cv(metric=make_scorer(r2_score)), r"metric is a scorer of scikit-learn, which takes a model"),
    "one label of groups": (
        lambda: cv(groups=np.zeros(N)),
        r"groups has one label only, so that no row is left to train on",
    ),
    "a missing label": (
        lambda: cv(groups=pd.Series(["a", pd.NA, *"abc" * 7, "a"], dtype="string")),
        r"groups has no label \(None or NaN\) at row 1",
    ),
    "a missing class": (
        lambda: net(neural.Linear("classification"), y=pd.Series(["a", pd.NA, *"ab" * 11], dtype="string")),
        r"y has no label \(None or NaN\) at row 1",
    ),
    "a fold of one class": (
        lambda: cv(y=np.where(THIRDS == 1, -1.0, 1.0), loss="squaredhinge", cv=THIRDS),
        r"cv: there is no row of class -1\.0 in the training rows of fold 1",
    ),
    "a start of other responses": (
        lambda: js.Lasso(warm_start=True).fit(X, Y).fit(X, np.c_[Y, -Y]),
        r"the last fit had 1 target\(s\), and y has 2",
    ),
    "a path of other responses": (
        lambda: path(penalty="ridge", warm_start=path(y=np.c_[Y, -Y], penalty="ridge")),
        r"warm_start has 2 responses, y has one",
    ),
    "a late rule": (lambda: js.LassoCV(rule="1SE").fit(X, Y), r"rule is '1SE'; give one of 'min', '1se'"),
    "X beyond float32": (
        lambda: net(X=X * 1e38),
        r"X reaches .* in column \d, whose square overflows in float32; divide it",
    ),
    "y beyond float32": (lambda: net(y=Y * 1e20), r"y reaches .*, whose square overflows in float32; divide it"),
    "y below float32": (lambda: net(y=Y * 1e-40), r"y reaches only .*, which is lost in float32; multiply it"),
    "a column below float32": (
        lambda: net(X=X * [1, 1e-60, 1, 1]),
        r"X reaches only .* in column 1, which is lost in float32",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_meant_otherwise_is_refused(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=message):
        call()


HINTS = {
    "alpha": (lambda: path(alpha=0.1), r"fit_path has no argument 'alpha'; the strength is lambda: lambdas=\[...\]"),
    "n_jobs": (lambda: cv(n_jobs=2), r"fit_cv has no argument 'n_jobs'; there is none: the folds go side by side"),
    "misspelt": (lambda: path(lamdas=LAMBDAS), r"fit_path has no argument 'lamdas'; there is 'lambdas'"),
    "unlike any": (lambda: path(colour="red"), r"fit_path has no argument 'colour'\."),
    "of solve": (lambda: jr.solve(X, Y, 0.1, weights=Y), r"solve has no argument 'weights'; .*sample_weight="),
    "of networks": (lambda: net(lr=0.1), r"neural.fit_path has no argument 'lr'; .*optimizer=optax.adam\(lr\)"),
}


@pytest.mark.parametrize("case", HINTS)
def test_keywords_of_others_are_hinted_at(case):
    call, message = HINTS[case]
    with pytest.raises(TypeError, match=message):
        call()


def test_attributes_of_others_are_hinted_at():
    for result in (path(), cv()):
        kind = type(result).__name__
        for name, hint in (
            ("coef_", "the coefficients are coef"),
            ("lamdas", "there is 'lambdas'"),
            ("alpha_", ".*lambda_min"),
        ):
            with pytest.raises(AttributeError, match=rf"{kind} has no attribute '{name}'; {hint}"):
                getattr(result, name)
        assert not hasattr(result, "colour")
        assert not hasattr(result, "_colour")


def test_names_stand_for_losses_and_penalties():
    for name, penalty in (
        ("lasso", "Lasso"),
        ("mcp", "MCP"),
        ("fusedlasso", "FusedLasso"),
        ("trend_filter", "TrendFilter"),
    ):
        assert check_penalty(name) == getattr(penalties, penalty)()
    for name, loss in (("huber", "Huber"), ("squaredhinge", "SquaredHinge"), ("quantile", "Quantile")):
        assert check_loss(name) == getattr(losses, loss)()
    ridge = path(penalty="ridge", loss="squared")
    np.testing.assert_array_equal(ridge.coef, path(penalty=penalties.Ridge()).coef)
    assert ridge.settings["penalty"] == "jr.penalties.ElasticNet(l1_ratio=0.0)"
    mixed = cv(penalty="elasticnet", l1_ratios=[0.5, 1.0])
    np.testing.assert_array_equal(mixed.mean_loss, cv(l1_ratios=[0.5, 1.0]).mean_loss)
    assert "penalty" not in mixed.settings
    estimator = clone(js.PathRegressorCV("squared", "lasso", alphas=LAMBDAS, cv=3))
    assert estimator.get_params()["penalty"] == "lasso"
    np.testing.assert_array_equal(estimator.fit(X, Y).coef_, js.LassoCV(alphas=LAMBDAS, cv=3).fit(X, Y).coef_)


def test_labels_that_count_as_numbers_are_said():
    for y, said in (
        (FIRST == 0, "y has booleans"),
        (FIRST, r"y has the two values \[0, 1\]"),
        (pd.Series(FIRST), "two values"),
    ):
        with pytest.warns(UserWarning, match=said + ".*, which are fitted as numbers") as caught:
            found = path(y=y)
        assert [warning.filename for warning in caught] == [__file__]
        assert "y has the values 0, 1 only; if these are labels of classes, they count as numbers" in found.summary()
    for y, values in ((FIRST.astype(float), "0, 1"), (THIRDS, "0, 1, 2")):
        for result in (path(y=y), cv(y=y)):
            assert f"y has the values {values} only" in result.summary()
            assert f"y has the values {values} only" in result._repr_html_()
    for quiet in (path(), path(y=np.arange(N)), path(y=np.where(FIRST, 1, -1), loss="squaredhinge")):
        assert "labels of classes" not in quiet.summary()
        assert quiet.data["y_values"] == []


def test_a_task_that_is_given_is_no_question():
    assert net(neural.Linear("regression"), y=FIRST, cv=2, refit=False).model.task == "regression"
    assert net(cv=2, refit=False).model.task == "regression"
