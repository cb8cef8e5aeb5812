"""Beside the loss of networks: metrics, scores, labels of any kind, files and pages."""

from dataclasses import fields, replace
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from test_neural_result import PAIR, PATH, make_path

import jaxreg as jr
from jaxreg import neural
from jaxreg.neural import NeuralPath, _data, _metrics

DRAW = np.random.default_rng(0)
ONCE = DRAW.standard_normal((20, 5))
X = np.tile(ONCE[:, :3], (2, 1))  # all rows twice: fold 0, which trains on one half and judges the other, is the refit
Y = np.column_stack([X[:, 0], 5 * X[:, 1] - X[:, 2]]) + 0.3 * np.tile(ONCE[:, 3:], (2, 1))
LABELS = np.array(["low", "middle", "high"], dtype=object)[np.digitize(Y[:, 1], [-3, 3])]
ROWS = np.arange(40)
FOLDS = [(ROWS[:20], ROWS[20:]), (ROWS[:30], ROWS[30:])]
SETTING = {"cv": FOLDS, "epochs": 6, "batch_size": None, "optimizer": optax.adam(0.05)}


def doubled(h):
    return 2 * jax.nn.relu(h)


@pytest.fixture(scope="module")
def numbers():
    """Two responses, in float64, by a model whose activation has no public name."""
    model = neural.MLP(4, activation=doubled)
    grid = {"regularizer": neural.L2(), "strengths": [0.0, 0.1], "metrics": ("r2", "mse", "mae")}
    return neural.fit_path(model, X, Y, **grid, dtype=np.float64, **SETTING)


@pytest.fixture(scope="module")
def labels():
    grid = {
        "regularizer": (neural.BatchNorm(momentum=0.5), neural.Augment(neural.random_flip, (1, 3))),
        "strengths": ([0.0, 1.0], [0.0]),
    }
    return neural.fit_path(neural.MLP(4, "classification"), X, LABELS, **grid, metrics=["accuracy"], **SETTING)


def test_metrics_are_those_of_the_predictions(numbers, labels):
    """Those of the refit, which trains as fold 0 does."""
    for k, strength in enumerate(numbers.strengths):
        error = numbers.predict(X, strength) - Y
        expected = {
            "r2": numbers.score(X, Y, strength),
            "mse": np.mean(error**2),
            "mae": np.mean(np.abs(error)),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(numbers.metrics[name].valid[k, 0, 0, -1], value, rtol=1e-9)
            np.testing.assert_allclose(numbers.metrics[name].train[k, 0, 0, -1], value, rtol=1e-9)
    np.testing.assert_allclose(numbers.metrics["mse"].valid, numbers.valid_loss, rtol=1e-12)
    np.testing.assert_allclose(numbers.metrics["mse"].train, numbers.train_loss, rtol=1e-12)
    np.testing.assert_allclose(numbers.metrics["mse"].mean, numbers.mean_loss, rtol=1e-12)
    np.testing.assert_allclose(numbers.metrics["mse"].std_error, numbers.std_error, rtol=1e-12)
    accuracy = labels.metrics["accuracy"]
    for k, strength in enumerate(labels.strengths):
        np.testing.assert_allclose(accuracy.valid[k, 0, 0, -1], labels.score(X, LABELS, strength), rtol=1e-6)
    assert accuracy.train.shape == labels.valid_loss.shape
    np.testing.assert_allclose(20 * accuracy.train[:, 0], np.round(20 * accuracy.train[:, 0]), atol=1e-4)


def test_metrics_of_parts_and_of_what_diverged():
    """By hand: R squared is about the mean of the rows that judge; what diverged has none."""
    data = _data.check_data(X, Y, "regression", np.float64)
    folds, groups = _data.make_groups(data, SETTING["cv"], None, [0])
    variance = _metrics.variances(data.target, groups, 1)
    np.testing.assert_allclose(variance[_metrics.TRAIN, 1], np.var(Y[:30], axis=0))
    np.testing.assert_allclose(variance[_metrics.VALID, 1], np.var(Y[30:], axis=0))
    squared = np.broadcast_to(variance[:, None, :, None, None] / 4, (2, 2, 2, 1, 3, 2))
    finite = np.ones((2, 2, 2, 1, 3), bool)
    finite[1, 1, 0, 0, 1:] = False
    r2 = _metrics.of_path(("r2",), squared, finite, variance, folds)["r2"]
    np.testing.assert_allclose(r2.train, 0.75)
    np.testing.assert_allclose(r2.valid[1, 0, 0], [0.75, np.nan, np.nan])
    np.testing.assert_allclose(r2.mean, [0.75, np.nan])
    np.testing.assert_allclose(r2.std_error, [0, np.nan], atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"metrics": ()}, {"stream": True}, {"max_lanes": 1}])
def test_metrics_change_no_loss_and_come_from_any_source(changes, numbers):
    grid = {"regularizer": neural.L2(), "strengths": [0.0, 0.1], "metrics": ("r2", "mse", "mae")} | changes
    path = neural.fit_path(numbers.model, X, Y, **grid, dtype=np.float64, **SETTING)
    np.testing.assert_allclose(path.valid_loss, numbers.valid_loss, rtol=1e-9)
    for name, metric in path.metrics.items():
        np.testing.assert_allclose(metric.valid, numbers.metrics[name].valid, rtol=1e-9)


@pytest.mark.slow
def test_early_stopping_keeps_the_metrics_of_its_epoch():
    grid = {"regularizer": neural.EarlyStopping(), "strengths": [0.5, 0.0], "metrics": ("mae",)}
    path = neural.fit_path(neural.Linear("regression"), X, Y, **grid, refit=False, **SETTING)
    early, whole = path.metrics["mae"].valid
    np.testing.assert_array_equal(early[..., :2], whole[..., :2])
    np.testing.assert_array_equal(early[..., 2:], np.repeat(early[..., [1]], 4, axis=-1))
    assert (whole[..., 2] != whole[..., 1]).all()


def test_metrics_are_in_tables_and_text(labels):
    pytest.importorskip("pandas")
    frame = labels.to_frame()
    np.testing.assert_array_equal(frame.mean_accuracy, labels.metrics["accuracy"].mean)
    np.testing.assert_allclose(frame.train_accuracy, labels.metrics["accuracy"].train[..., -1].mean(axis=(1, 2)))
    said = f"{labels.metrics['accuracy'].mean[labels.best]:.4g}"
    assert f"There, on held-out rows: accuracy {said}." in labels.summary()
    assert "<th>mean_accuracy</th>" in labels._repr_html_()
    assert "mean_accuracy" not in PATH.summary()


CLASSES, NUMBERS = neural.MLP(4, "classification"), neural.MLP(4, "regression")


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        (CLASSES, {"metrics": ("r2",)}, "metrics has 'r2'; for classification give any of 'accuracy'"),
        (NUMBERS, {"metrics": ("accuracy",)}, "metrics has 'accuracy'; for regression give any of 'r2', 'mse', 'mae'"),
        (NUMBERS, {"metrics": "mae"}, r"metrics is 'mae'; give a tuple of names, as \('r2',\)"),
        (NUMBERS, {"metrics": None}, "metrics is None; give a tuple"),
        (NUMBERS, {"metrics": ("mae", "mae")}, "metrics has 'mae' twice"),
        (NUMBERS, {"metrics": ("r2",), "cv": "loo"}, "does not vary in the held-out rows of a fold; give 'mse'"),
        (NUMBERS, {"metric": "mae"}, r"no argument 'metric'; further measures are metrics="),
    ],
)
def test_metrics_that_do_not_fit_are_named(model, changes, message):
    y = LABELS if model is CLASSES else Y
    with pytest.raises((ValueError, TypeError), match=message):
        neural.fit_path(model, X, y, **SETTING | changes)


def test_scores(numbers, labels):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    np.testing.assert_allclose(numbers.score(X, Y), sklearn_metrics.r2_score(Y, numbers.predict(X)))
    np.testing.assert_allclose(numbers.score(X, Y, 0.1), sklearn_metrics.r2_score(Y, numbers.predict(X, 0.1)))
    assert labels.score(X, labels.predict(X)) == 1
    assert labels.score(X, labels.predict(X, "1se"), "1se") == 1
    assert labels.score(X[:4], [*labels.predict(X[:3]), "new"]) == 0.75


def test_a_series_is_scored_by_its_index(labels):
    pd = pytest.importorskip("pandas")
    frame, y = pd.DataFrame(X), pd.Series(labels.predict(X))
    assert labels.score(frame, y) == 1
    with pytest.raises(ValueError, match="y has an index with the labels of X in another order"):
        labels.score(frame, y[::-1])


def test_scores_that_have_no_meaning(numbers, labels):
    for of, message in (
        (lambda: labels.score(X, ROWS), "y has labels as .*0.*, none of those of the fit, as 'high'"),
        (lambda: labels.score(X, LABELS[:5]), r"y has shape \(5,\), but needs one entry per row of X, \(40,\)"),
        (lambda: numbers.score(X, Y[:, 0]), r"y has shape \(40,\), but the path predicts \(40, 2\)"),
        (lambda: numbers.score(X, np.full_like(Y, 0.1)), "y does not vary in these rows"),
        (lambda: numbers.score(X, np.full_like(Y, np.nan)), "y has NaN"),
        (lambda: replace(numbers, params=None).score(X, Y), "fit it with refit=True"),
    ):
        with pytest.raises(ValueError, match=message):
            of()


CODES = np.digitize(Y[:, 1], [-3, 3])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (CODES + 5, [5, 6, 7]),
        (CODES - 1.0, [-1.0, 0.0, 1.0]),
        (CODES > 0, [False, True]),
        ((CODES > 0).tolist(), [False, True]),
        (LABELS.tolist(), ["high", "low", "middle"]),
        (LABELS.astype(str), ["high", "low", "middle"]),
    ],
)
def test_labels_of_any_kind(labels, classes):
    data = _data.check_data(X, labels, "classification", np.float32)
    assert data.classes.tolist() == classes
    assert data.classes[data.target.argmax(axis=1)].tolist() == np.asarray(labels).tolist()


def test_labels_of_pandas():
    pd = pytest.importorskip("pandas")
    for labels in (pd.Categorical(LABELS), pd.Series(LABELS, dtype="category"), pd.Series(LABELS, dtype="string")):
        data = _data.check_data(X, labels, "classification", np.float32)
        assert data.classes[data.y].tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        ("classification", Y[:, 0], "y has fractions, but the model's task is classification"),
        ("classification", CODES[:, None], r"y has shape \(40, 1\), but a classification needs a label per row"),
        ("classification", np.eye(3)[CODES], "of one-hot rows y.argmax"),
        ("classification", [None, *LABELS[1:]], "y has no label .* at row 0"),
        ("regression", LABELS, "y has text, but the model's task is regression; give numbers, or task='classific"),
    ],
)
def test_labels_that_are_none(task, y, message):
    with pytest.raises(ValueError, match=message):
        _data.check_data(X, y, task, np.float32)


def test_whole_numbers_in_a_regression_are_noted():
    note = "y has the values 0, 1, 2 only, which count as numbers; if these are labels of classes, give the model"
    data = _data.check_data(X, CODES, "regression", np.float32).summary(np.float32)
    assert note in replace(PATH, data=data).summary()
    assert note in replace(PATH, data=data)._repr_html_()
    for y, task in ((Y[:, 0], "regression"), (CODES, "classification"), (np.round(Y), "regression")):
        assert _data.check_data(X, y, task, np.float32).summary(np.float32)["y_values"] == []


def test_a_number_is_one_hidden_layer():
    assert neural.MLP(64) == neural.MLP((64,)) == neural.MLP(np.int64(64))
    for hidden, message in ((0, "hidden is 0; give a whole number"), (None, "hidden is None"), ("64", "as 64 or")):
        with pytest.raises(ValueError, match=message):
            neural.MLP(hidden)


def same(found, expected):
    for each in fields(NeuralPath):
        own, other = getattr(found, each.name), getattr(expected, each.name)
        assert jax.tree.structure(own) == jax.tree.structure(other), each.name
        jax.tree.map(np.testing.assert_array_equal, own, other)
        for a, b in zip(jax.tree.leaves(own), jax.tree.leaves(other), strict=True):
            assert getattr(a, "dtype", None) == getattr(b, "dtype", None), each.name


def test_a_file_holds_all_of_a_path(labels, tmp_path):
    for path, name in (
        (labels, "labels.npz"),
        (PATH, "plain"),
        (replace(PATH, params=None, state=None), "not refitted"),
    ):
        path.save(tmp_path / name)
        again = NeuralPath.load(tmp_path / name)
        same(again, path)
        assert again.summary() == path.summary()
    again = NeuralPath.load(tmp_path / "labels.npz")
    np.testing.assert_array_equal(again.predict(X), labels.predict(X))
    assert again.regularizers[1].function is neural.random_flip


def test_a_model_of_ones_own_is_given_again(numbers, tmp_path):
    file = tmp_path / "numbers.npz"
    numbers.save(file)
    again = NeuralPath.load(file, model=neural.MLP(4, activation=doubled))
    same(again, numbers)
    np.testing.assert_array_equal(again.predict(X), numbers.predict(X))
    for model, message in (
        (None, "model is None, but the file has no place for the model that was trained"),
        (neural.MLP(4), "model gives other outputs than those saved"),
        (neural.MLP(5, activation=doubled), r"params/layer0/bias has shape \(5,\), and \(4,\) in the file"),
        (neural.MLP((4, 4)), r"params/layer1/bias has shape \(4,\), and \(2,\) in the file"),
        (CLASSES, "model has the task classification, but that of the file was trained for regression"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuralPath.load(file, model=model)
    with pytest.raises(TypeError, match="model is the class MLP"):
        NeuralPath.load(file, model=neural.MLP)


def flipped(key, x, strength):
    return x[..., ::-1]


def test_regularizers_of_ones_own_are_given_again(labels, tmp_path):
    own = neural.BatchNorm(momentum=0.5), neural.Augment(flipped, (1, 3))
    replace(labels, regularizers=own).save(tmp_path / "own.npz")
    assert NeuralPath.load(tmp_path / "own.npz", regularizer=own).regularizers == own
    for regularizer, message in (
        (None, "regularizer is None, but the file has no place for its Augment"),
        (own[1], "regularizer is Augment, but that of the file is BatchNorm, Augment"),
        ((neural.BatchNorm(momentum=0.6), own[1]), "regularizer has another BatchNorm than the file"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuralPath.load(tmp_path / "own.npz", regularizer=regularizer)
    PATH.save(tmp_path / "plain.npz")
    with pytest.raises(ValueError, match="model is another one than that of the file"):
        NeuralPath.load(tmp_path / "plain.npz", model=neural.MLP(4))


def test_a_summary_of_numbers_has_the_cross_validated_r2():
    path = replace(PATH, data=PATH.data | {"y_variance": 4.0})
    assert "That is a cross-validated R squared of 0.750." in path.summary()  # of the least loss, 1


def test_other_files_are_refused(tmp_path):
    text, other, cut = tmp_path / "text.npz", tmp_path / "other.npz", tmp_path / "cut.npz"
    text.write_text("no arrays")
    jr.fit_path(X, Y[:, 0], n_lambdas=3).save(other)
    PATH.save(tmp_path / "whole.npz")
    cut.write_bytes((tmp_path / "whole.npz").read_bytes()[:500])
    with pytest.raises(ValueError, match=r"PathResult\.save wrote; read it with PathResult\.load"):
        NeuralPath.load(other)
    for file in (text, cut):
        with pytest.raises(ValueError, match=r"which is not a file that NeuralPath\.save wrote"):
            NeuralPath.load(file)
    with pytest.raises(OSError, match="none"):
        NeuralPath.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        PATH.save(tmp_path / "no" / "where.npz")
    with pytest.raises(ValueError, match="classes has labels of type Timestamp, which a file has no place for"):
        replace(PATH, classes=np.array([type("Timestamp", (), {})()], dtype=object)).save(tmp_path / "x.npz")
    narrow = jax.tree.map(lambda leaf: leaf.astype(jax.numpy.bfloat16), PATH.params)
    with pytest.raises(ValueError, match="params/layer0/bias has the dtype bfloat16, which a file has no place for"):
        replace(PATH, params=narrow).save(tmp_path / "x.npz")


class TestReport:
    def test_the_page_is_a_file_that_needs_no_other(self, labels, tmp_path):
        pytest.importorskip("matplotlib")
        report = labels.report(tmp_path / "page.html", title="Flowers <&>")
        page = (tmp_path / "page.html").read_text("utf-8")
        assert page == report.html
        assert str(report) == str(tmp_path / "page.html")
        assert Path(report).read_text("utf-8") == page
        assert "<title>Flowers &lt;&amp;&gt;</title>" in page
        assert page.count("<svg ") == page.count("<figcaption>") == 2  # two regularizers: a map, and the epochs
        assert "src=" not in page
        assert "@import" not in page
        assert "prefers-color-scheme: dark" in page
        for said in (
            "jr.neural.MLP(hidden=[4], task=&#x27;classification&#x27;)",
            "regularizer=(jr.neural.BatchNorm(momentum=0.5), jr.neural.Augment(function=regularizer_1_function",
            "mean_accuracy",
            "# cv, optimizer, regularizer_1_function: as in the fit",
        ):
            assert said in page
        assert '<iframe srcdoc="&lt;!DOCTYPE html&gt;' in report._repr_html_()

    def test_the_strengths_are_a_table_with_the_choices(self):
        pytest.importorskip("matplotlib")
        page = PATH.report().html
        assert page == PATH.report().html
        assert page.count("<svg ") == 3
        chosen = [row.split("</tr>")[0] for row in page.split('<tr class="chosen">')[1:]]
        assert [row.split("</td>")[0] for row in chosen] == ["<td>min", "<td>1se"]
        assert "<td>0.1</td><td>1</td><td>0.1</td><td>0.5</td><td>4</td>" in chosen[0]
        assert "diverged lanes" not in page
        assert "does not carry the call that made it" in page
        page = PAIR.report().html
        assert page.count("<svg ") == 2
        assert "<figcaption>The held-out loss at the end of training, at each strength.</figcaption>" in page
        assert make_path(np.ones((1, 3)), [1.0], (neural.L2(),) * 3).report().html.count("<svg ") == 1

    def test_what_diverged_has_a_page(self):
        page = make_path([1.0, 2.0], [np.inf, np.inf]).report().html
        assert "there is nothing to draw" in page
        assert '<th scope="col">diverged lanes</th>' in page

    def test_bad_arguments(self, tmp_path):
        with pytest.raises(TypeError, match="title is 3; give text, or None"):
            PATH.report(title=3)
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            PATH.report(tmp_path / "no" / "page.html")
