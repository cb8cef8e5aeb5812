"""The interactive report: its numbers, and what it escapes."""

import ast
import copy
import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from reference import ar_problem

pandas = pytest.importorskip("pandas")
from scipy.sparse import random_array

import jaxreg as jr
from jaxreg import _provenance
from jaxreg.losses._record import parameters_of
from jaxreg.plotting._prominence import prominent
from jaxreg.report import _held_out, _judged, _sections
from jaxreg.report._content import content
from jaxreg.report._page import SCRIPTS

NAMES = ("</script><b>one</b>", "cost_$a$", "%{x} &amp;", "<!--", "x4", "x5", "x6", "x7")
X, Y = ar_problem(60, 8, 0.5, active=4, seed=5)
X = X * np.logspace(-1, 1, 8) + 2.0
FRAME = pandas.DataFrame(X, columns=list(NAMES))
RESPONSES = np.stack([Y, X[:, 1] - Y], axis=1)


@pytest.fixture(scope="module")
def cv():
    return jr.fit_cv(FRAME, Y, l1_ratios=(0.5, 1.0), cv=3, n_lambdas=12)


@pytest.fixture(scope="module")
def several():
    return jr.fit_path(X, RESPONSES, penalty=jr.penalties.Ridge(), n_lambdas=5)


def numbers_of(page):
    """What the page gives to its script; NaN and infinity would be no JSON."""
    text = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S).group(1)
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def dense(found, mix, r=0):
    """Coefficients (L, used features) of a mixing parameter from the rows of its tables."""
    coef = np.zeros((len(mix["rows"]), len(found["names"])))
    for k, row in enumerate(mix["rows"]):
        features, values, left = row[r]
        assert left == 0
        coef[k, features] = values
    return coef


def test_the_page_has_the_numbers_of_the_result(cv, tmp_path):
    report = cv.report(tmp_path / "cv.html", title="A & B")
    page = report.path.read_text("utf-8")
    found = numbers_of(page)
    assert page == report.html
    assert "<h1>A &amp; B</h1>" in page
    assert html.escape(cv._headline()) in page
    assert (found["chosen"], found["start"]) == cv.best
    for a, (mix, losses, path) in enumerate(zip(found["mixes"], found["losses"], cv.paths, strict=True)):
        assert mix["label"] == f"l1_ratio {cv.l1_ratios[a]:g}"
        assert mix["lambdas"] == path.lambdas.tolist()
        assert mix["df"] == path.df.tolist()
        assert mix["gap"] == path.gap.tolist()
        used = [NAMES.index(name) for name in found["names"]]
        np.testing.assert_allclose(dense(found, mix), path.coef[:, used], rtol=1e-8)
        np.testing.assert_allclose(np.ravel(mix["intercept"]), path.intercept, rtol=1e-8)
        assert losses["held_out"] == cv.mean_loss[a].tolist()
        assert losses["error"] == cv.std_error[a].tolist()
        assert losses["r2"] == cv.r2[a].tolist()
        assert losses["gap"] == cv.gap[a].max(axis=0).tolist()
        mse = ((Y[:, None] - path.predict(FRAME)) ** 2).mean(axis=0)
        np.testing.assert_allclose(losses["training"], mse, rtol=1e-8)
    best = found["losses"][found["chosen"]]
    lambdas = cv.path.lambdas
    assert (lambdas[best["min"]], lambdas[best["1se"]]) == (cv.lambda_min, cv.lambda_1se)


def test_the_page_is_small_and_needs_no_network(cv):
    page = cv.report().html
    assert len(page.encode()) < 100_000
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    for folded in ("Certificates", "Timings", "Data"):
        assert f"<details>\n<summary><h2>{folded}</h2></summary>" in page


def test_a_report_stands_for_its_file_and_shows_itself(cv, tmp_path):
    report = cv.report(tmp_path / "cv.html")
    assert report.path == tmp_path / "cv.html"
    assert str(report) == os.fspath(report) == str(tmp_path / "cv.html")
    assert report.read_text(encoding="utf-8") == report.html
    assert copy.copy(report) == report
    frame = report._repr_html_()
    source = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" .*></iframe>', frame, re.S).group(1)
    assert html.unescape(source) == report.html
    unwritten = cv.report()
    assert unwritten.html == report.html
    assert (unwritten.path, str(unwritten)) == (None, "Report(path=None)")
    with pytest.raises(TypeError, match=r"the report has no file; give report\(path\) the name of one"):
        os.fspath(unwritten)
    with pytest.raises(AttributeError, match="Report has no attribute 'exists'; it has html and path"):
        unwritten.exists()
    assert list(tmp_path.iterdir()) == [report.path]


def luminance(colour):
    """Relative luminance of #rgb or #rrggbb, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    share = np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_both_themes_can_be_read():
    style = (files("jaxreg.report") / "page" / "page.css").read_text("utf-8")
    themes = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root[^{]*{([^}]*)}", style)]
    assert len(themes) == 2
    for theme in themes:
        for name in ("ink", "soft", "accent", "limit", *(f"c{k}" for k in range(6))):
            low, high = sorted([luminance(theme[name]), luminance(theme["paper"])])
            assert (high + 0.05) / (low + 0.05) >= 4.5, name


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_parse(script):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run([node, "--check", files("jaxreg.report") / "page" / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run_scripts(scripts, code):
    """What an expression in JavaScript gives, where the page's `scripts` are loaded that need no document."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    sources = [(files("jaxreg.report") / "page" / script).read_text("utf-8") for script in scripts]
    program = "\n".join([*sources, "const textWidth = () => 50;", f"console.log(JSON.stringify({code}))"])
    done = subprocess.run([node, "-"], input=program, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


NUMBERS = {
    0: "0", 0.5: "0.50000", 0.13408: "0.13408", 3: "3", 2022: "2022", 1995.96: "1996", 151.5: "151.50",
    -9999.94: "-9999.9", 19150: "19\u202f150", -1668075.2: "-1\u202f668\u202f075", 9999999.0: "1e7",
    975.82e6: "9.7582e8", 1e-7: "1e-7", 9999.97: "10\u202f000", 6.5793e-8: "6.5793e-8", 1e23: "1e23",
    1.5e-11: "1.5000e-11", 2.3479e-5: "2.3479e-5", -1.2e-4: "-0.00012000", 9.999996e-5: "0.00010000",
}  # fmt: skip


def test_numbers_are_written_alike_in_python_and_in_scripts():
    assert [_sections._formatted_number(value) for value in NUMBERS] == list(NUMBERS.values())
    assert run_scripts(["scales.js"], f"{list(NUMBERS)}.map(number)") == list(NUMBERS.values())


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ("linearTicks(100000, 500000, 5)", ["100k", "200k", "300k", "400k", "500k"]),
        ("linearTicks(-15000, 500, 4)", ["\u221215k", "\u221210k", "\u22125k", "0"]),
        ("linearTicks(1900, 2000, 3)", ["1900", "1950", "2000"]),
        ("linearTicks(0, 6e9, 3)", ["0", "2e9", "4e9", "6e9"]),
        ("logTicks(10, 2e4, 9)", ["10", "100", "1000", "10\u202f000"]),
        ("logTicks(1e-4, 1e-1, 9)", ["0.0001", "0.001", "0.01", "0.1"]),
        ("logTicks(1e-7, 1e2, 5)", ["10⁻⁷", "10⁻⁵", "10⁻³", "10⁻¹", "10¹"]),
    ],
)
def test_labels_of_an_axis_are_of_one_kind(ticks, labels):
    assert run_scripts(["scales.js"], f"{ticks}.map((tick) => tick.label).filter(Boolean)") == labels


@pytest.mark.parametrize(("last", "highest"), [(3.5, 3.6), (50.0, 2.2)])
def test_losses_that_explode_leave_the_range(last, highest, cv):
    """The least loss is the third of 12; a decade of lambda beyond it ends between the fifth and the sixth."""
    lambdas = cv.paths[1].lambdas
    assert lambdas[5] < lambdas[2] / 10 < lambdas[4]
    loss = np.array([2.2, 1.5, 1.0, 1.1, 1.2, 1.5, 3, 3, 3, 3, 3, last])
    apart = replace(cv, mean_loss=np.stack([loss + 0.1, loss]), std_error=np.full((2, 12), np.nan))
    figures = f"new Figures({json.dumps(content(apart))}, {{mix: 1, response: 0, point: 2, raw: false}})"
    code = f"((figures) => [figures.heldOutLoss(1000).y.range, figures.lossSaid()])({figures})"
    (_, top), said = run_scripts(["scales.js", "chart.js", "figures.js"], code)
    assert top == pytest.approx(highest + 0.05 * (highest - cv.train_loss.min()))
    assert said.startswith("The upper end") == (highest < last)


def test_tables_go_by_coefficient_times_standard_deviation(cv):
    found = content(cv.path)
    sd = np.array(found["sd"])
    np.testing.assert_allclose(sd, X.std(axis=0)[[NAMES.index(name) for name in found["names"]]], rtol=1e-8)
    (mix,) = found["mixes"]
    features, values, _ = mix["rows"][-1][0]
    sizes = np.abs(values) * sd[features]
    assert len(sizes) > 4
    assert (np.diff(sizes) <= 0).all()


def test_the_curves_that_are_named_are_those_of_the_choice(cv):
    found = content(cv)
    for mix, path, loss in zip(found["mixes"], cv.paths, cv.mean_loss, strict=True):
        (curves,) = mix["curves"]
        of_choice = prominent(path, lam=path.lambdas[loss.argmin()])
        drawn = [NAMES.index(found["names"][j]) for j in curves["features"]]
        assert drawn[: curves["named"]] == of_choice.tolist()
        assert curves["named"] == len(of_choice) > 2
        np.testing.assert_allclose(curves["coef"], path.coef[:, drawn].T, rtol=1e-8)
    alone = content(cv.path)
    (curves,) = alone["mixes"][0]["curves"]
    drawn = [NAMES.index(alone["names"][j]) for j in curves["features"]]
    assert drawn[: curves["named"]] == prominent(cv.path).tolist()


def test_a_wide_path_embeds_few_curves_and_no_zeros(cv):
    p, L = 20_000, 100
    coef = random_array((L, p), density=0.01, format="csr", rng=np.random.default_rng(0))
    shape = {name: np.zeros(L) for name in ("intercept", "gap", "dev_ratio")}
    counts = {"n_iter": np.ones(L, int), "status": np.zeros(L, int), "df": np.diff(coef.indptr)}
    sd = np.linspace(1, 2, p)
    path = replace(
        cv.path, lambdas=np.geomspace(1, 0.01, L), coef_sparse=coef, feature_names=None, feature_sd=sd, feature_mean=sd,
        effective_df=None, **shape, **counts,
    )  # fmt: skip
    found = content(path)
    assert len(json.dumps(found)) < 2_000_000
    (curves,) = found["mixes"][0]["curves"]
    assert (len(curves["coef"]), curves["named"]) == (60, 10)
    largest = abs(coef).max(axis=0).toarray().ravel() * sd
    assert curves["left"] == np.count_nonzero(largest) - 60
    first = prominent(path)[:10]
    others = [j for j in np.argsort(-largest) if j not in first][:50]
    assert [found["names"][j] for j in curves["features"]] == [f"x{j}" for j in (*first, *others)]
    assert sum(len(row[0][0]) for row in found["mixes"][0]["rows"]) == coef.nnz
    full = replace(path, coef_sparse=random_array((L, p), density=0.2, format="csr", rng=np.random.default_rng(0)))
    found = json.loads(json.dumps(content(full)))
    for features, _, left in (row[0] for row in found["mixes"][0]["rows"]):
        assert len(features) + left == pytest.approx(4000, abs=300)
        assert len(features) == 1000


def test_held_out_predictions_at_the_choice(cv):
    (points,) = content(cv)["held_out"]
    assert (points["rows"], points["weighted"]) == (list(range(60)), False)
    np.testing.assert_allclose(points["actual"], Y, rtol=1e-5)
    np.testing.assert_allclose(points["predicted"], cv.oof_predictions, rtol=1e-5)
    squares = ((Y - cv.oof_predictions) ** 2).mean()
    assert (points["rmse"], points["r2"]) == pytest.approx((np.sqrt(squares), 1 - squares / Y.var()))
    all_of_them = np.zeros((2, 60, 12))
    all_of_them[cv.best[0], :, cv.best[1]] = cv.oof_predictions
    assert content(replace(cv, oof_predictions=all_of_them))["held_out"] == [points]
    assert content(replace(cv, y=None))["held_out"] is None
    assert "held-out-said" not in replace(cv, y=None).report().html.partition("<script")[0]


def test_what_does_not_vary_has_no_r2_on_the_page():
    constant = np.full(60, 7.1)  # whose mean is another number by rounding
    assert _held_out._points_of_response(constant, constant + 1e-3, False)["r2"] is None


def test_rows_that_were_never_held_out_and_too_many_to_draw(cv):
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 2500, 2))
    predicted[100:] = np.where(rng.uniform(size=(2400, 1)) < 0.04, np.nan, predicted[100:])
    predicted[:, 1] = np.where(np.arange(2500) < 5, predicted[:, 1], np.nan)
    y[:5, 1] = 3.0
    many, few = content(replace(cv, y=y, oof_predictions=predicted))["held_out"]
    there = np.isfinite(predicted[:, 0])
    assert (many["held_out"], many["total"], len(many["rows"])) == (there.sum(), 2500, 2000)
    assert there[many["rows"]].all()
    assert (np.diff(many["rows"]) > 0).all()
    assert many["rmse"] == pytest.approx(np.sqrt(((y - predicted)[there, 0] ** 2).mean()))
    assert (few["rows"], few["r2"]) == ([0, 1, 2, 3, 4], None)


def of_family(cv, loss, y, eta, labels=None, **more):
    """The CVResult with held-out predictions of another loss."""
    path = replace(
        cv.path, loss=repr(loss), loss_parameters=parameters_of(loss), link=loss.link, classes=labels,
        data=cv.path.data | {"y_mean": 0.4, "y_sd": 1.0, "of_classes": loss.of_classes, **more},
    )  # fmt: skip
    return replace(cv, paths=(path, path), y=y, oof_predictions=eta, r2=None, metric="deviance")


def figures_of(page):
    return {figure["id"]: figure for figure in numbers_of(page)["figures"]}


def test_held_out_classes_have_their_names_and_curves(cv):
    y, eta = np.array([0.0, 0, 1, 1, 1]), np.array([-0.5, 2, 1.0, np.nan, 3])
    page = of_family(cv, jr.losses.Binomial(), y, eta, np.array(["no", "yes"])).report().html
    assert "75.0% of 4 rows are predicted to be of their class. AUC 0.750." in page
    assert '<th scope="row">class no</th><td>1</td><td>1</td>' in page
    assert '<th scope="row">class yes</th><td>0</td><td>2</td>' in page
    assert '<th scope="row">yes</th><td>40.0%</td>' in page  # the share in the data
    found = figures_of(page)
    (roc,) = found["roc"]["series"]
    assert (roc["x"], roc["y"]) == ([0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1])
    (what, thresholds), *_ = roc["more"]
    assert (what, thresholds[0]) == ("threshold", None)
    np.testing.assert_allclose(thresholds[1:], 1 / (1 + np.exp([-3, -2, -1, 0.5])), rtol=1e-5)
    bins = found["calibration"]["series"][0]
    np.testing.assert_allclose(bins["x"], 1 / (1 + np.exp([0.5, -1, -2, -3])), rtol=1e-5)
    assert bins["y"] == [0, 1, 0, 1]
    assert numbers_of(page)["held_out"] is None
    alone = of_family(cv, jr.losses.Binomial(), np.ones(5), eta, np.array(["no", "yes"])).report().html
    assert list(figures_of(alone)) == ["calibration"]  # no curve without both classes
    margins = of_family(cv, jr.losses.SquaredHinge(), 2 * y - 1, eta, np.array([3, 4])).report().html
    assert list(figures_of(margins)) == ["roc"]  # no probabilities
    assert '<th scope="row">class 3</th><td>1</td><td>1</td>' in margins


def test_held_out_survival_is_that_of_thirds_by_risk(cv):
    rng = np.random.default_rng(0)
    eta = np.repeat([-1.0, 0.0, 1.0], 20)
    observed = {"time": rng.permutation(60) + 1.0, "event": rng.uniform(size=60) < 0.7}
    loss = jr.losses.Cox()
    y = loss.encode(observed, np.ones(60, bool)).y
    page = of_family(cv, loss, y, eta, y_mean=y.mean(axis=0).tolist()).report().html
    (survival,) = figures_of(page).values()
    named = {one["name"]: one for one in survival["series"]}
    assert list(named) == [name + more for name in _judged.RISKS for more in ("", ", predicted")]
    steps = named["low risk"]
    time, event = observed["time"][:20], observed["event"][:20]
    factors = [np.exp(-event[time == t].sum() / (time >= t).sum()) for t in np.sort(time)]
    expected = np.cumprod(factors)[event[np.argsort(time)]]
    after = dict(zip(steps["x"], steps["y"], strict=True))  # the last one of each time
    np.testing.assert_allclose([after[t] for t in np.sort(time[event])], expected, rtol=1e-5)
    assert (steps["x"][0], steps["y"][0]) == (0, 1)
    low, high = (named[f"{name} risk, predicted"]["y"][-1] for name in ("low", "high"))
    assert low > high
    assert f"of 60 rows with {observed['event'].sum()} events" in page
    assert f"<dt>share of events</dt><dd>{observed['event'].mean():.1%}</dd>" in page


def test_names_stand_in_the_page_as_they_are(cv, tmp_path):
    page = cv.report(tmp_path / "cv.html", title="</title><script>alert(1)</script>\udc80").path.read_text("utf-8")
    assert "alert(1)</script>" not in page
    assert "</script><b>" not in page
    assert html.escape(NAMES[0]) in page
    assert set(numbers_of(page)["names"]) <= set(NAMES)


def test_notes_are_folded_below_the_headline(cv):
    page = cv.report(notes=("3 rows without y", "made <b>")).html
    folded = "<details><summary>Notes</summary><ul><li>3 rows without y</li><li>made &lt;b&gt;</li></ul></details>"
    assert page.index(html.escape(cv._headline())) < page.index(folded) < page.index("<main>")
    assert "Notes</summary>" not in cv.report().html


@pytest.mark.parametrize(
    ("impute", "filling"), [("mean", "mean"), ("median", "median"), ("most_frequent", "most frequent value")]
)
def test_the_page_says_how_missing_values_were_filled(impute, filling, cv):
    path = replace(cv.path, fill_values=np.zeros(8), settings=cv.path.settings | {"impute": repr(impute)})
    said = "<dt>missing values</dt><dd>filled with the"
    assert f"{said} {filling} of the training rows</dd>" in path.report().html
    assert said not in cv.report().html


def test_long_tables_have_their_own_scroll_bar():
    tables = [_sections.table("", ["name", "b"], [(f"x={k}", "1")] * n) for n, k in ((25, 0), (26, 1))]
    assert ['class="scroll tall"' in table for table in tables] == [False, True]
    assert '<th scope="row">x=<wbr>0</th>' in tables[0]


@pytest.mark.parametrize("lambdas", [[0.3], [1e3, 500.0], [0.0], [1.0, 0.1, 0.0]], ids=str)
def test_short_and_empty_paths(lambdas):
    path = jr.fit_path(X, Y, lambdas=lambdas, dtype=np.float32)
    (mix,) = numbers_of(path.report().html)["mixes"]
    assert mix["lambdas"] == lambdas
    assert len(mix["curves"][0]["features"]) == (path.coef[path.lambdas > 0] != 0).any(axis=0).sum()
    assert [len(row[0][0]) for row in mix["rows"]] == path.df.tolist()


def test_numbers_that_json_does_not_know_and_results_without_a_summary():
    path = jr.fit_path(X, Y, penalty=jr.penalties.MCP(), n_lambdas=3)
    bare = replace(
        path, data={}, feature_mean=np.zeros(0), feature_sd=np.zeros(0), settings={},
        gap=np.array([np.inf, np.nan, 1e-9]),
    )  # fmt: skip
    page = bare.report(data_source="X, y = 1 < 2, 3").html
    found = numbers_of(page)
    assert found["mixes"][0]["gap"] == [None, None, 1e-9]
    assert found["mixes"][0]["label"] == ""
    assert found["sd"] is None
    assert "does not carry the call" in page
    assert '<code id="code">X, y = 1 &lt; 2, 3</code>' in page
    assert "scaled residual of the prox" in page
    assert numbers_of(path.report().html)["measure"] == "scaled residual"


def test_several_responses(several):
    found = content(several)
    assert found["outputs"] == {"kind": "response", "names": ["0", "1"]}
    for r in range(2):
        np.testing.assert_allclose(dense(found, found["mixes"][0], r), several.coef[:, :, r], rtol=1e-8)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"title": 3}, TypeError, "title is 3; give text, or None"),
        ({"notes": "a text"}, TypeError, "notes is 'a text'; give a sequence of texts, such as"),
        ({"notes": 3}, TypeError, "notes is 3; give a sequence of texts, such as"),
        ({"notes": ["a text", 3]}, TypeError, r"notes\[1\] is 3; give texts only"),
        ({"data_source": X}, TypeError, "data_source is of type ndarray; give Python source as text, or None"),
        ({"data_source": "X = 1\ny ="}, ValueError, r"data_source is no Python at line 2 \(invalid syntax\); give the"),
        ({"data_source": "X = '\0'"}, ValueError, r"data_source is no Python \(source code .* null bytes\); give the"),
    ],
    ids=["title", "note", "number", "entry", "type", "syntax", "null"],
)
def test_bad_input_writes_nothing(given, error, message, cv, tmp_path):
    with pytest.raises(error, match=message):
        cv.report(tmp_path / "cv.html", **given)
    assert not list(tmp_path.iterdir())


def code_of(page):
    """The code of the page at the choice, as the script fills it in."""
    text = re.search(r'<code id="code">(.*?)</code>', page, re.S).group(1)
    found = numbers_of(page)
    text = text.replace('<span id="code-path"></span>', found["code"][found["chosen"]])
    lam = found["mixes"][found["chosen"]]["lambdas"][found["start"]]
    return html.unescape(text.replace('<span id="code-lambda"></span>', str(lam)))


def test_the_code_with_a_source_of_the_data_rebuilds_the_result(cv):
    source = """
import numpy as np
from reference import ar_problem

X, y = ar_problem(60, 8, 0.5, active=4, seed=5)
X = X * np.logspace(-1, 1, 8) + 2.0
if 1 < 2: sample_weight = np.ones(60)
"""
    given = {"cv": "3", "l1_ratios": "[0.5, 1.0]", "n_lambdas": "12"}
    weighted = replace(cv, settings=given | {"sample_weight": "sample_weight", "lower": "lower"})
    code = code_of(weighted.report(data_source=source).html)
    assert source.strip() in code
    assert "# lower: as in the fit" in code
    assert "# X, y: the data of the fit" not in code
    names: dict = {"lower": None}
    exec(code, names)
    np.testing.assert_allclose(names["coef"], cv.coef, atol=1e-8)
    plain = code_of(weighted.report().html)
    assert "# X, y: the data of the fit\n# lower, sample_weight: as in the fit" in plain
    ast.parse(plain)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_path_keeps_a_summary_of_its_data(fit_intercept, several, tmp_path):
    weight = np.arange(60.0)
    share = weight / weight.sum()
    path = jr.fit_path(X, Y, sample_weight=weight, fit_intercept=fit_intercept, n_lambdas=2)
    mean = share @ X
    np.testing.assert_allclose(path.feature_mean, mean, rtol=1e-12)
    np.testing.assert_allclose(path.feature_sd, np.sqrt(share @ (X - mean) ** 2), rtol=1e-12)
    assert (path.data["n_samples"], path.data["weighted"], path.data["dtype"]) == (59, True, "float64")
    assert path.data["y_mean"] == pytest.approx(share @ Y)
    assert path.data["y_sd"] == pytest.approx(np.sqrt(share @ (Y - share @ Y) ** 2))
    assert not several.data["weighted"]
    np.testing.assert_allclose(several.data["y_mean"], RESPONSES.mean(axis=0))
    np.testing.assert_allclose(several.data["y_sd"], RESPONSES.std(axis=0))
    path.save(tmp_path / "path.npz")
    again = jr.PathResult.load(tmp_path / "path.npz")
    assert (again.data, again.settings) == (path.data, path.settings)
    np.testing.assert_array_equal(again.feature_sd, path.feature_sd)


def test_settings_are_the_keywords_that_differ(cv):
    assert cv.settings == {"l1_ratios": "[0.5, 1.0]", "cv": "3", "n_lambdas": "12"}
    assert [path.settings for path in cv.paths] == [
        {"penalty": "jr.penalties.ElasticNet(l1_ratio=0.5)", "n_lambdas": "12"},
        {"n_lambdas": "12"},
    ]
    alone = jr.fit_path(FRAME, Y, **{name: eval(source, {"jr": jr}) for name, source in cv.paths[0].settings.items()})
    np.testing.assert_allclose(alone.coef, cv.paths[0].coef, atol=1e-8)


@pytest.mark.parametrize(
    ("keyword", "value", "source"),
    [
        ("lambdas", np.array([2.0, 0.5]), "[2.0, 0.5]"),
        ("lambdas", np.geomspace(1, 0.1, 50), "lambdas"),
        ("n_lambdas", np.int64(7), "7"),
        ("tol", 1e-9, "1e-09"),
        ("dtype", np.float32, "'float32'"),
        ("sample_weight", pandas.Series(np.ones(60)), "sample_weight"),
        ("penalty_factors", [1.0, np.inf], "penalty_factors"),
        ("warm_start", object(), "warm_start"),
        ("penalty", jr.penalties.GroupLasso(["a", "b", "a"]), "jr.penalties.GroupLasso(groups=[0, 1, 0])"),
        ("penalty", jr.penalties.GroupLasso(range(40)), "jr.penalties.GroupLasso(groups=penalty_groups)"),
        ("penalty", jr.penalties.SLOPE([2, 1]), "jr.penalties.SLOPE(weights=[2.0, 1.0])"),
        ("penalty", jr.penalties.Custom(abs, abs), "penalty"),
        ("loss", jr.losses.Quantile(0.3), "jr.losses.Quantile(tau=0.3)"),
    ],
)
def test_values_as_python_source(keyword, value, source):
    assert _provenance.sources({keyword: value, "max_iter": 2000}, jr.fit_path) == {keyword: source}


def test_objects_of_the_user_are_named_in_the_code(cv):
    settings = {"penalty": "jr.penalties.GroupLasso(groups=penalty_groups)", "loss": "loss"}
    page = replace(cv.path, settings=settings).report().html
    assert "\n# loss, penalty_groups: as in the fit; text cannot hold functions and long arrays\n" in page
    call = "fit_path(X, y, penalty=jr.penalties.GroupLasso(groups=penalty_groups), loss=loss)"
    assert f"\npath = jr.{call}\n" in page
