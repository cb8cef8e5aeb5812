"""The interactive report: its numbers, what it escapes, and its behaviour in a browser."""

import html
import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from reference import ar_problem

pytest.importorskip("plotly")
pandas = pytest.importorskip("pandas")
from scipy.sparse import random_array

import jaxreg as jr
from jaxreg import _record
from jaxreg.report._content import content

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
    file = cv.report(tmp_path / "cv.html", title="A & B")
    page = file.read_text("utf-8")
    found = numbers_of(page)
    assert file == tmp_path / "cv.html"
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
        assert losses["gap"] == cv.gap[a].max(axis=0).tolist()
        mse = ((Y[:, None] - path.predict(FRAME)) ** 2).mean(axis=0)
        np.testing.assert_allclose(losses["training"], mse, rtol=1e-8)
    best = found["losses"][found["chosen"]]
    lambdas = cv.path.lambdas
    assert (lambdas[best["min"]], lambdas[best["1se"]]) == (cv.lambda_min, cv.lambda_1se)


def test_tables_and_curves_go_by_coefficient_times_standard_deviation(cv):
    found = content(cv.path)
    sd = np.array(found["sd"])
    np.testing.assert_allclose(sd, X.std(axis=0)[[NAMES.index(name) for name in found["names"]]], rtol=1e-8)
    (mix,) = found["mixes"]
    features, values, _ = mix["rows"][-1][0]
    sizes = np.abs(values) * sd[features]
    assert len(sizes) > 4
    assert (np.diff(sizes) <= 0).all()
    (curves,) = mix["curves"]
    largest = np.abs(curves["coef"]).max(axis=1) * sd[curves["features"]]
    assert (np.diff(largest) <= 0).all()
    for j, curve in zip(curves["features"], curves["coef"], strict=True):
        np.testing.assert_allclose(curve, cv.path.coef[:, NAMES.index(found["names"][j])], rtol=1e-8)


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
    assert len(curves["coef"]) == 60
    largest = abs(coef).max(axis=0).toarray().ravel() * sd
    assert curves["left"] == np.count_nonzero(largest) - 60
    assert [found["names"][j] for j in curves["features"]] == [f"x{j}" for j in np.argsort(-largest)[:60]]
    assert sum(len(row[0][0]) for row in found["mixes"][0]["rows"]) == coef.nnz
    full = replace(path, coef_sparse=random_array((L, p), density=0.2, format="csr", rng=np.random.default_rng(0)))
    found = json.loads(json.dumps(content(full)))
    for features, _, left in (row[0] for row in found["mixes"][0]["rows"]):
        assert len(features) + left == pytest.approx(4000, abs=300)
        assert len(features) == 1000


def test_names_stand_in_the_page_as_they_are(cv, tmp_path):
    page = cv.report(tmp_path / "cv.html", title="</title><script>alert(1)</script>\udc80").read_text("utf-8")
    assert "alert(1)</script>" not in page
    assert "</script><b>" not in page
    assert html.escape(NAMES[0]) in page
    assert set(numbers_of(page)["names"]) <= set(NAMES)


@pytest.mark.parametrize("lambdas", [[0.3], [1e3, 500.0], [0.0], [1.0, 0.1, 0.0]], ids=str)
def test_short_and_empty_paths(lambdas, tmp_path):
    path = jr.fit_path(X, Y, lambdas=lambdas, dtype=np.float32)
    (mix,) = numbers_of(path.report(tmp_path / "path.html").read_text("utf-8"))["mixes"]
    assert mix["lambdas"] == lambdas
    assert len(mix["curves"][0]["features"]) == (path.coef[path.lambdas > 0] != 0).any(axis=0).sum()
    assert [len(row[0][0]) for row in mix["rows"]] == path.df.tolist()


def test_numbers_that_json_does_not_know_and_results_without_a_summary(tmp_path):
    path = jr.fit_path(X, Y, penalty=jr.penalties.MCP(), n_lambdas=3)
    bare = replace(
        path, data={}, feature_mean=np.zeros(0), feature_sd=np.zeros(0), settings={},
        gap=np.array([np.inf, np.nan, 1e-9]),
    )  # fmt: skip
    page = bare.report(tmp_path / "path.html").read_text("utf-8")
    found = numbers_of(page)
    assert found["mixes"][0]["gap"] == [None, None, 1e-9]
    assert found["mixes"][0]["label"] == ""
    assert found["sd"] is None
    assert "does not carry the call" in page
    assert "scaled residual of the prox" in page
    assert numbers_of(path.report(tmp_path / "path.html").read_text("utf-8"))["measure"] == "scaled residual"


def test_several_responses(several):
    found = content(several)
    assert found["responses"] == 2
    for r in range(2):
        np.testing.assert_allclose(dense(found, found["mixes"][0], r), several.coef[:, :, r], rtol=1e-8)


def test_without_plotly_nothing_is_written(cv, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r'reports need plotly: pip install "jaxreg\[report\]"'):
        cv.report(tmp_path / "cv.html")
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match="title is 3; give text, or None"):
        cv.report(tmp_path / "cv.html", title=3)


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
    assert _record.sources({keyword: value, "max_iter": 2000}, jr.fit_path) == {keyword: source}


def test_objects_of_the_user_are_named_in_the_code(cv, tmp_path):
    settings = {"penalty": "jr.penalties.GroupLasso(groups=penalty_groups)", "loss": "loss"}
    page = replace(cv.path, settings=settings).report(tmp_path / "path.html").read_text("utf-8")
    assert "\n# loss, penalty_groups: as in the fit; text cannot hold functions and long arrays\n" in page
    call = "fit_path(X, y, penalty=jr.penalties.GroupLasso(groups=penalty_groups), loss=loss)"
    assert f"\npath = jr.{call}\n" in page


# ---- in a browser ----


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "disable-dev-shm-usage", "window-size=1200,900",
        f"user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


def opened(browser, file):
    browser.get(file.as_uri())
    assert browser.find_elements("css selector", "#path-plot svg")
    assert browser.find_elements("css selector", "#certificates-plot svg")


def settled(browser):
    """All that the slider changes is there two frames later."""
    browser.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


def shown(browser):
    """(lambda, table as name -> coefficient, place of the vertical line) of the page."""
    settled(browser)
    rows = browser.execute_script(
        "const rows = document.querySelectorAll('#coefficients tbody tr');"
        "return [...rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    line = browser.execute_script("return document.getElementById('path-plot').layout.shapes[0]")
    text = browser.find_element("id", "lambda-text").text
    assert browser.find_element("css selector", "#values dd").text == text
    return float(text), {name: float(coef) for name, coef, *_ in rows}, line


def assert_shows(browser, path, k, response=None):
    lam, table, line = shown(browser)
    intercept, coef = path.coef_at(path.lambdas[k])
    intercept, coef = (intercept, coef) if response is None else (intercept[response], coef[:, response])
    assert lam == pytest.approx(path.lambdas[k], rel=1e-4)
    expected = {"(intercept)": intercept} | {name: b for name, b in zip(path.names, coef, strict=True) if b}
    assert table == pytest.approx(expected, rel=1e-4)
    assert line["x0"] == line["x1"] == path.lambdas[k] or not line["visible"]
    assert line["visible"] == (path.lambdas[k] > 0)


def assert_quiet(browser):
    """No error, and nothing was loaded."""
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)") == []


@pytest.mark.slow
def test_slider_buttons_and_mixing_parameter(cv, browser, tmp_path):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.select import Select

    opened(browser, cv.report(tmp_path / "cv.html"))
    assert browser.find_elements("css selector", "#losses-plot svg")
    a, k = cv.best
    assert_shows(browser, cv.path, k)
    slider = browser.find_element("id", "lambda")
    slider.send_keys(Keys.ARROW_LEFT)
    assert_shows(browser, cv.path, k - 1)
    slider.send_keys(Keys.END)
    assert_shows(browser, cv.path, 11)
    values = [each.text for each in browser.find_elements("css selector", "#values dd")]
    held_out, error = map(float, values[5].split(" ± "))
    assert held_out == pytest.approx(cv.mean_loss[a, 11], rel=1e-4)
    assert error == pytest.approx(cv.std_error[a, 11], rel=1e-4)
    assert float(values[6]) == pytest.approx(cv.train_loss[11], rel=1e-4)
    for rule in ("1se", "min"):
        browser.find_element("id", f"lambda_{rule}").click()
        assert_shows(browser, cv.path, cv.select(rule).index)

    code = browser.find_element("id", "code").text
    made: dict = {"X": FRAME, "y": Y}
    exec(code, made)
    np.testing.assert_allclose(made["coef"], cv.coef, atol=1e-8)

    other = 1 - a
    Select(browser.find_element("id", "mix")).select_by_index(other)
    assert_shows(browser, cv.paths[other], k)
    drawn = browser.execute_script(
        "return Object.fromEntries(document.getElementById('path-plot').data.map((each) => [each.meta, each.y]))"
    )
    for j in np.flatnonzero(cv.paths[other].coef.any(axis=0)):
        np.testing.assert_allclose(drawn[literal(NAMES[j])], cv.paths[other].coef[:, j], rtol=1e-8)
    legend = [each.text for each in browser.find_elements("css selector", "#path-plot .legendtext")]
    assert set(NAMES) & set(legend) == {NAMES[j] for j in np.flatnonzero(cv.paths[other].coef.any(axis=0))}
    assert_quiet(browser)


def literal(name):
    """A name as plotly is given it, to show it as it is."""
    return html.escape(name, quote=False).replace("%", "&#37;")


@pytest.mark.slow
def test_responses_and_lambda_zero_in_a_browser(several, browser, tmp_path):
    from selenium.webdriver.support.select import Select

    opened(browser, several.report(tmp_path / "several.html"))
    assert_shows(browser, several, 4, response=0)
    Select(browser.find_element("id", "response")).select_by_index(1)
    assert_shows(browser, several, 4, response=1)
    path = jr.fit_path(X, Y, lambdas=[1.0, 0.0])
    opened(browser, path.report(tmp_path / "zero.html"))
    assert_shows(browser, path, 1)
    assert not browser.find_element("id", "lambda_min").is_displayed()
    assert_quiet(browser)
