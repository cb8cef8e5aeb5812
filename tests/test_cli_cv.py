"""The command line: cross-validation, reports, the look at the speed, the demonstration, the examples of the help."""

import html
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import jaxreg as jr

pytest.importorskip("typer")
pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from command_line import COLUMNS, assert_fails, assert_told, call, table, written
from instances import few
from reference import gap

from jaxreg import _bench, tables

GROUPS = [f"g{i % 15:02d}" for i in range(60)]


@pytest.fixture
def file(tmp_path):
    name = tmp_path / "data.csv"
    table().to_csv(name, index=False)
    return name


def houses(folder):
    """The file of the examples in the help."""
    rng, n = np.random.default_rng(0), 60
    frame = pd.DataFrame({"id": [f"h{i}" for i in range(n)], "area": rng.uniform(40, 200, n).round(1)})
    frame["zip"] = rng.choice([100, 200], n)
    frame["street"] = [f"s{i % 12}" for i in range(n)]
    frame["price"] = (3 * frame["area"] - 25 * (frame["zip"] == 200) + rng.normal(0, 10, n)).round(1)
    for name in ("houses.csv", "newer.csv"):
        frame.to_csv(folder / name, index=False)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["path", "cv", "report", "predict", "bench", "demo"])
def test_the_examples_of_the_help_run(tmp_path, monkeypatch, command):
    pytest.importorskip("sklearn")
    shown = call(command, "--help")
    assert shown.exit_code == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_bench, "SIZES", [(2000, 50)])  # the shape of the other example
    houses(tmp_path)
    if command == "predict":
        assert call("cv", "houses.csv", "--target", "price", "--drop", "id", "--n-lambdas", "5").exit_code == 0
        (tmp_path / "houses.csv").rename("new.csv")
    examples = [line.split() for line in shown.stdout.splitlines() if line.startswith("    jaxreg ")]
    assert examples
    for _, *arguments in examples:
        result = call(*arguments)
        assert result.exit_code == 0, result.output
        assert all(line.startswith("Note: ") for line in result.stderr.splitlines())
        if "houses.html" in arguments:
            assert "price in houses.csv" in (tmp_path / "houses.html").read_text(encoding="utf-8")
            assert "Wrote houses.html." in result.stdout
            (tmp_path / "houses.html").unlink()


@pytest.fixture(scope="module")
def cross_validated():
    frame = table()
    return jr.fit_cv(
        frame[[*COLUMNS, "w"]],
        frame["y"],
        l1_ratios=(0.5, 1.0),
        cv=4,
        seed=3,
        metric="mae",
        groups=GROUPS,
        n_lambdas=20,
    )


@pytest.mark.parametrize("rule", few(["1se", "ebic"], "ebic"))
def test_cv_writes_what_fit_cv_gives(tmp_path, cross_validated, rule):
    table().assign(who=GROUPS).to_csv(tmp_path / "data.csv", index=False)
    options = ["--l1-ratio", "0.5", "--l1-ratio", "1", "--folds", "4", "--seed", "3", "--metric", "mae"]
    options += ["--groups", "who", "--n-lambdas", "20", "--rule", rule, "--out", tmp_path / "out"]
    result = call("cv", tmp_path / "data.csv", "--target", "y", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    out, choice = tmp_path / "out", cross_validated.select(rule)
    figures = {"validation_curve.png", "path.png"}
    others = {"coefficients.csv", "cv.csv", "summary.txt", "model.npz", "reproduce.py"}
    assert {file.name for file in out.iterdir()} == {*others, *figures}
    for figure in figures:
        assert (out / figure).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    coefficients = pd.read_csv(out / "coefficients.csv")
    largest = list(choice.to_frame().index)
    zeros = [name for name in (*COLUMNS, "w") if name not in largest]
    assert coefficients["feature"].tolist() == ["(intercept)", *largest, *zeros]
    expected = choice.to_series()[coefficients["feature"]]
    np.testing.assert_allclose(coefficients["coefficient"], expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(coefficients["per_sd"][1:][: len(largest)], choice.to_frame()["per_sd"], rtol=1e-9)
    assert not coefficients["per_sd"][1 + len(largest) :].any()
    losses = pd.read_csv(out / "cv.csv")
    pd.testing.assert_frame_equal(losses, cross_validated.to_frame(), check_exact=False, rtol=1e-9, check_dtype=False)
    about, _, summary = (out / "summary.txt").read_text(encoding="utf-8").partition("\n\n")
    assert summary in result.stdout
    assert "60 rows, 5 features, target 'y'\nLoss Squared(), penalty ElasticNet(" in about
    a, k = cross_validated.l1_ratios.tolist().index(choice.l1_ratio), choice.index
    loss, r2 = cross_validated.mean_loss[a, k], cross_validated.r2[a, k]
    assert f"Cross-validated at the choice: mean absolute error {loss:.5g}, R2 {r2:.3f}." in summary
    assert "2 mixing parameters x 4 folds x 20 lambdas, mean absolute error" in summary
    chosen = f"l1_ratio {choice.l1_ratio:g}, lambda {choice.lam:.4g}, {np.count_nonzero(choice.coef)} of 5"
    assert f"Chosen by {rule}: {chosen} coefficients not 0." in summary


def test_reports_take_weights_and_unscaled_columns(file, tmp_path, monkeypatch):
    seen = {}

    def fit_cv(X, y, **options):
        seen.update(options, X=X)
        return fit(X, y, **options)

    fit = jr.fit_cv
    monkeypatch.setattr(jr, "fit_cv", fit_cv)
    assert_fails(call("report", file, "--target", "y", "--out", file / "page.html"), str(file))  # before it fits
    assert not seen
    page = tmp_path / "deep" / "page.html"
    options = ["--weights", "w", "--no-standardize", "--drop", "age", "--folds", "3", "--n-lambdas", "10"]
    result = call("report", file, "--target", "y", *options, "--out", page)
    assert result.exit_code == 0, result.output
    assert f"\nWrote {page}.\n" in result.stdout
    assert "Cross-validated at the choice: RMSE " in result.stdout
    assert "y in data.csv" in page.read_text(encoding="utf-8")
    assert list(seen["X"].columns) == ["bmi", "bp", "glucose"]
    np.testing.assert_array_equal(seen["sample_weight"], table()["w"])
    assert (seen["standardize"], seen["progress"], seen["cv"], seen["n_lambdas"]) == (False, False, 3, 10)
    assert set(tmp_path.iterdir()) == {file, page.parent}
    code = re.search(r'<code id="code">(.*?)</code>', page.read_text("utf-8"), re.DOTALL)[1]
    names = {}
    exec("\n".join(html.unescape(code).splitlines()[:-1]), names)  # the last line is that of the script of the page
    assert names["cv"].lambdas.shape == (1, 10)
    np.testing.assert_array_equal(names["table"].weight, table()["w"])


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--rule", "best"], ["--rule is 'best'; give one of 'min', '1se'"]),
        (["--metric", "rmse"], ["--metric is 'rmse'; give one of 'mse'"]),
        (["--folds", "61"], ["--folds is 61, but there are 60 rows"]),
        (["--groups", "age", "--folds", "61"], ["--folds is 61, but there are", "groups; give --folds"]),
        (["--l1-ratio", "1", "--l1-ratio", "1"], ["--l1-ratio 1 is there twice"]),
    ],
)
def test_bad_options_of_cv_end_in_one_line(file, tmp_path, options, parts):
    assert_fails(call("cv", file, "--target", "y", "--out", tmp_path / "out", *options), *parts)
    assert not (tmp_path / "out").exists()


def test_groups_are_no_target(file):
    assert_told(call("cv", file, "--target", "y", "--groups", "y"), "target and groups are both 'y'")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            ["--penalty", "ridge", "--l1-ratio", "0.5"],
            ["--penalty ridge has no mixing parameter; leave out --l1-ratio"],
        ),
        (["--penalty", "elasticnet"], ["--penalty elasticnet needs its mixing parameter; give --l1-ratio"]),
        (["--penalty", "slop"], ["--penalty is 'slop'; give one of lasso (L1), ridge (L2)"]),
        (["--rule", "bic", "--penalty", "mcp"], ["--rule bic is for the squared loss", "not for --penalty mcp"]),
        (["--rule", "gcv", "--loss", "huber:2"], ["--rule gcv is for the squared loss", "not for --loss huber:2"]),
        (["--metric", "r2", "--loss", "squaredhinge"], ["metric is 'r2', which is none of classes"]),
        (["--metric", "r2", "--folds", "loo"], ["--metric r2 needs several rows in a fold"]),
        (["--penalty", "mcp:x"], ["--penalty is 'mcp:x'; behind the colon give a number"]),
        (["--penalty", "mcp:0.5"], ["gamma is 0.5"]),
        (["--penalty", "lasso:2"], ["--penalty is 'lasso:2', but lasso takes no numbers"]),
        (["--loss", "hubris"], ["--loss is 'hubris'; give one of squared, huber"]),
        (["--loss", "huber"], ["--loss huber needs the size of a residual, in units of y", "such as --loss huber:"]),
        (["--loss", "quantile:2"], ["tau is 2"]),
        (["--folds", "loo", "--repeats", "2"], ["--repeats is 2, but --folds loo"]),
        (["--folds", "loo", "--groups", "w"], ["--groups", "--folds loo"]),
        (["--out", "data.csv"], ["--out is data.csv, which is a file; give a folder"]),
        (["--out", "data.csv/deep"], ["--out is data.csv/deep, but", "data.csv is a file; give another place"]),
        (["--unknown", "zero"], ["--unknown is about the rows of --test"]),
        (["--report", "."], ["--report is ., which is a folder"]),
        (["--report", "page.txt"], ["--report is page.txt; give a name that ends in .html"]),
        (["--out", "..", "--test", "../cv.csv"], ["--out would replace ../cv.csv, which the command reads"]),
        (["--out", "../full"], ["--out would write ../full/model.npz, which is a folder"]),
    ],
)
def test_wrong_combinations_name_their_options(file, tmp_path, monkeypatch, options, parts):
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "full" / "model.npz").mkdir(parents=True)
    (tmp_path / "cv.csv").touch()
    file = file.rename(here / "data.csv")
    monkeypatch.chdir(here)
    monkeypatch.setattr(jr, "fit_cv", None)  # nothing is fitted
    assert_fails(call("cv", file, "--target", "y", *options), *parts)
    assert list(here.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ([], {"cv": 10, "repeats": 1, "metric": None}),
        (["--folds", "loo"], {"cv": "loo"}),
        (["--repeats", "3", "--folds", "5", "--metric", "deviance"], {"cv": 5, "repeats": 3, "metric": "deviance"}),
        (["--loss", "huber:2.5"], {"loss": jr.losses.Huber(2.5)}),
        (["--loss", "quantile:0.9:0.2"], {"loss": jr.losses.Quantile(0.9, 0.2)}),
        (["--penalty", "scad"], {"penalty": jr.penalties.SCAD()}),
        (["--penalty", "mcp:2"], {"penalty": jr.penalties.MCP(2.0)}),
        (["--penalty", "logsum:0.1"], {"penalty": jr.penalties.LogSum(0.1)}),
        (["--penalty", "l0:3"], {"penalty": jr.penalties.L0(3)}),
        (["--penalty", "slope:0.1"], {"penalty": jr.penalties.SLOPE(norm.isf(0.1 * np.arange(1, 6) / 10))}),
        (["--penalty", "elasticnet", "--l1-ratio", "0.5"], {"l1_ratios": [0.5]}),
        (["--penalty", "group-lasso"], {"penalty": jr.penalties.GroupLasso(["age", "bmi", "bp", "glucose", "w"])}),
    ],
)
def test_losses_penalties_and_folds_come_to_fit_cv(file, monkeypatch, options, keywords):
    seen = {}

    def fit_cv(*_, **given):
        seen.update(given)
        raise RuntimeError("no more is needed")

    monkeypatch.setattr(jr, "fit_cv", fit_cv)
    assert_fails(call("cv", file, "--target", "y", *options), "no more", code=1)
    assert {name: repr(seen[name]) for name in keywords} == {name: repr(value) for name, value in keywords.items()}
    if "slope:0.1" in options:
        np.testing.assert_allclose(seen["penalty"].weights, keywords["penalty"].weights, rtol=1e-12)
    assert {"loss", "penalty", "l1_ratios", "impute"} & set(seen) == {"loss", "penalty", "l1_ratios"} & set(keywords)


# ---- predictions ----


@pytest.fixture
def model(tmp_path, monkeypatch, cross_validated):
    """A model of the columns of the table, whose fit had weights and groups and left out two columns."""
    monkeypatch.chdir(tmp_path)
    frame = table().assign(weight=1.0, who=1, prediction=7, town="Rome")
    read = tables.read(frame, "y", weights="weight", groups="who", drop=["prediction", "town"])
    tables.Model(cross_validated.paths[1], read.encoding, 0.1, "min").save("model.npz")
    return frame.assign(weight=np.arange(60) % 3)


def errors(frame, prediction):
    error = frame["y"] - prediction
    rmse = np.sqrt(np.average(error**2, weights=frame["weight"]))
    spread = np.average((frame["y"] - np.average(frame["y"], weights=frame["weight"])) ** 2, weights=frame["weight"])
    mae = np.average(abs(error), weights=frame["weight"])
    return f"RMSE {rmse:.5g}, MAE {mae:.5g}, R2 {1 - rmse**2 / spread:.5g}\n"


def test_rows_are_judged_by_the_weights_of_the_fit(model):
    model.to_csv("new.csv", index=False)
    result = call("predict", "model.npz", "new.csv")
    assert result.exit_code == 0, result.output
    written = pd.read_csv("predictions.csv")
    assert list(written) == ["prediction_", "town", "prediction"]
    assert (written["prediction_"] == 7).all()
    assert result.stderr == "Note: the column 'prediction' of the file is called 'prediction_' beside the prediction.\n"
    assert f"new.csv: 40 rows weighted by 'weight', {errors(model, written['prediction'])}" in result.stdout
    result = call("predict", "model.npz", "new.csv")
    assert result.stdout.startswith("Wrote 60 predictions to predictions.csv, in place of an earlier file.\n")


@pytest.mark.parametrize(
    ("y", "note", "judged"),
    [
        (None, "Note: target 'y' has no value, so there is nothing to judge predictions by.\n", ""),
        ([np.inf, *[1.0] * 59], "Note: target 'y' has values that are no finite numbers, 'inf' in row 1, by", "R2 -\n"),
        ([0.1] * 60, "", "40 rows weighted by 'weight', RMSE"),
        (["n.a.", *range(59)], "Note: target 'y' has values that are no finite numbers, 'n.a.' in row 1, by", "RMSE"),
    ],
)
def test_rows_without_a_target_are_predicted(model, y, note, judged):
    model.drop(columns="prediction").assign(y=y).to_csv("new.csv", index=False)
    result = call("predict", "model.npz", "new.csv")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(note)
    assert result.stderr.count("\n") == bool(note)
    assert ("new.csv: " in result.stdout) == bool(judged)
    assert judged in result.stdout
    assert "nan" not in result.output
    assert pd.read_csv("predictions.csv")["prediction"].notna().all()
    encoding = tables.Model.load("model.npz").encoding
    if note:
        with pytest.raises(tables.TableError, match="target 'y' has"):
            encoding.rows("new.csv", judge=True)


def test_all_problems_of_a_test_file_are_told_at_once(model, monkeypatch):
    model.to_csv("data.csv", index=False)
    model.drop(columns="y").assign(town="Oslo", weight=-1).to_csv("test.csv", index=False)
    monkeypatch.setattr(jr, "fit_cv", None)
    options = ["--target", "y", "--weights", "weight", "--test", "test.csv"]
    told = call("cv", "data.csv", *options)
    assert_told(told, "'town' has levels that the fit has not seen, 'Oslo'", "there is no column 'y' to judge")
    model.assign(weight=-1).to_csv("test.csv", index=False)
    assert_told(call("cv", "data.csv", *options), "weights 'weight' has 60 negative values")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["absent.npz", "new.csv"], ["MODEL is absent.npz, which is not there. Give the model.npz"]),
        ([".", "new.csv"], ["MODEL is ., which is a folder.", "The folder has one: model.npz."]),
        (["new.csv", "model.npz"], ["new.csv, which is no model", "comes first: jaxreg predict model.npz new.csv"]),
        (["model.npz", "new.csv", "--out", "."], ["--out is ., which is a folder"]),
        (["model.npz", "new.csv", "--out", "new.csv"], ["--out would replace new.csv, which the command reads"]),
        (["model.npz", "new.csv", "--out", "model.npz"], ["--out is model.npz; give a name that ends in .csv"]),
        (["model.npz", "new.csv", "--lam", "-1"], ["--lam is -1.0; give a number >= 0"]),
    ],
)
def test_wrong_models_and_places_are_told(model, arguments, parts):
    model.to_csv("new.csv", index=False)
    before = (Path("new.csv").read_bytes(), Path("model.npz").read_bytes())
    assert_fails(call("predict", *arguments), *parts)
    assert (Path("new.csv").read_bytes(), Path("model.npz").read_bytes()) == before
    assert not Path("predictions.csv").exists()


# ---- the look at the speed, and the demonstration ----


def test_bench_judges_both_by_the_same_gap(monkeypatch):
    """scikit-learn's gap at its own tolerance, relative to the null loss, is what the reference finds."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    result = call("bench", "--rows", "300", "--columns", "20", "--compare")
    assert result.exit_code == 0, result.output
    about, device, _, titles, *rows, last = result.stdout.splitlines()
    assert f"jaxreg {jr.__version__}, jax " in about
    assert "sklearn" in about
    assert device.startswith("Device ")
    assert titles.split()[:3] == ["rows", "columns", "call"]
    assert "not the project's benchmarks" in last
    assert [row.split()[:2] for row in rows] == [["300", "20"]] * 3
    assert [name in row for name, row in zip(("fit_path", "fit_cv", "lasso_path"), rows, strict=True)] == [True] * 3
    gaps = [float(row.split()[-1]) for row in rows]
    assert max(gaps[:2]) < 1e-9
    X, y = _bench._problem(300, 20)
    path = jr.fit_path(X, y)
    coef = linear_model.lasso_path(X, y, alphas=path.lambdas)[1].T
    judged = [gap(X, y, 0.0, b, lam, 1.0) for b, lam in zip(coef, path.lambdas, strict=True)]
    np.testing.assert_allclose(gaps[2], max(judged), rtol=0.1)


def test_demo(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    result = call("demo", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    page = tmp_path / "out" / "report.html"
    assert "Diabetes data: 10 columns and their 45 products" in page.read_text(encoding="utf-8")
    page.unlink()
    header, numbers = written(tmp_path / "out", ("path.png", "validation_curve.png"), more=())
    data = datasets.load_diabetes(scaled=False)
    assert header[2:12] == data.feature_names
    assert header[12:15] == ["age:sex", "age:bmi", "age:bp"]
    assert numbers.shape == (100, 2 + 10 + 45)
    centred = data.data - data.data.mean(axis=0)
    products = [centred[:, i] * centred[:, j] for i in range(10) for j in range(i + 1, 10)]
    path = jr.fit_path(np.column_stack([data.data, *products]), data.target)
    # a frame has its columns in another order in memory: sums round otherwise
    np.testing.assert_allclose(numbers[:, 2:], path.coef, rtol=0, atol=1e-9 * np.abs(path.coef).max())
    assert "Lasso path: 100 lambdas, 55 features" in result.stdout
    assert "Worst relative gap" in result.stdout
    assert "Cross-validation: 10 folds x 100 lambdas" in result.stdout
    assert "First call" in result.stdout
    assert "second call" in result.stdout
