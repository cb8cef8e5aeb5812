"""The interactive report in a browser: what moves, sorts and prints."""

import re
import shutil
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from test_report import FRAME, NAMES, RESPONSES, X, Y, of_family

import jaxreg as jr


@pytest.fixture(scope="module")
def cv():
    return jr.fit_cv(FRAME, Y, l1_ratios=(0.5, 1.0), cv=3, n_lambdas=12)


@pytest.fixture(scope="module")
def several():
    return jr.fit_path(X, RESPONSES, penalty=jr.penalties.Ridge(), n_lambdas=5)


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


def opened(browser, report):
    browser.get(report.path.as_uri())
    settled(browser)
    assert browser.find_elements("css selector", "#path-plot svg")


def settled(browser):
    """All that the slider changes is there two frames later."""
    browser.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


def table_of(browser):
    """Name -> cells of the table of coefficients, in its order."""
    rows = browser.execute_script(
        "const rows = document.querySelectorAll('#coefficients tbody tr');"
        "return [...rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return {name: cells for name, *cells in rows}


def assert_shows(browser, path, k, response=None):
    settled(browser)
    intercept, coef = path.coef_at(path.lambdas[k])
    intercept, coef = (intercept, coef) if response is None else (intercept[response], coef[:, response])
    lam = browser.find_element("id", "lambda-text").text
    assert browser.find_element("css selector", "#values dd").text == lam
    assert float(lam) == pytest.approx(path.lambdas[k], rel=1e-4)
    expected = {"(intercept)": intercept} | {name: b for name, b in zip(path.names, coef, strict=True) if b}
    cells = table_of(browser)
    assert {name: float(raw) for name, (raw, *_) in cells.items()} == pytest.approx(expected, rel=1e-4)
    sizes = [abs(float(times)) for name, (_, times, _) in cells.items() if name != "(intercept)"]
    assert sizes == sorted(sizes, reverse=True)
    line = browser.execute_script("return document.querySelector('#path-plot .slide').dataset.at")
    assert line == "null" if path.lambdas[k] == 0 else float(line) == path.lambdas[k]


def assert_quiet(browser):
    """No error, and nothing was loaded."""
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)") == []


def texts(browser, selector):
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
    )


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
    held_out, error = map(float, values[3].split(" ± "))
    assert held_out == pytest.approx(cv.mean_loss[a, 11], rel=1e-4)
    assert error == pytest.approx(cv.std_error[a, 11], rel=1e-4)
    assert float(values[4]) == pytest.approx(np.sqrt(cv.mean_loss[a, 11]), rel=1e-4)
    assert float(values[5]) == pytest.approx(cv.r2[a, 11], abs=1e-3)
    assert float(values[6]) == pytest.approx(cv.train_loss[11], rel=1e-4)
    for rule in ("1se", "min"):
        browser.find_element("id", f"lambda_{rule}").click()
        assert_shows(browser, cv.path, cv.select(rule).index)

    code = browser.find_element("id", "code").text
    made: dict = {"X": FRAME, "y": Y}
    exec(code, made)
    np.testing.assert_allclose(made["coef"], cv.coef, atol=1e-8)

    other = 1 - a
    lambda_min = int(cv.mean_loss[other].argmin())
    assert lambda_min != k
    Select(browser.find_element("id", "mix")).select_by_index(other)
    assert_shows(browser, cv.paths[other], lambda_min)
    drawn = set(browser.execute_script(
        "return [...document.querySelectorAll('#path-plot .curve')].map((each) => each.dataset.name)"
    ))  # fmt: skip
    assert drawn == {NAMES[j] for j in np.flatnonzero(cv.paths[other].coef.any(axis=0))}
    lam = cv.lambdas[other, lambda_min]
    named = {NAMES[j] for j in np.flatnonzero(cv.paths[other].coef_at(lam)[1])}
    assert {text.lstrip("↑↓ ") for text in texts(browser, "#path-plot .label")} == named
    slider.send_keys(Keys.HOME)
    Select(browser.find_element("id", "mix")).select_by_index(a)
    nearest = abs(np.log(cv.lambdas[a] / cv.lambdas[other, 0])).argmin()
    assert_shows(browser, cv.path, nearest)
    assert_quiet(browser)


@pytest.mark.slow
def test_the_table_is_sorted_and_searched(cv, browser, tmp_path):
    from selenium.webdriver.common.keys import Keys

    opened(browser, cv.report(tmp_path / "cv.html"))
    everything = table_of(browser)
    head = browser.find_elements("css selector", "#coefficients thead th")
    name, coef = head[0], head[1]
    assert [each.get_attribute("aria-sort") for each in head] == ["none", "none", "none", "descending"]
    for order, turned in (("descending", True), ("ascending", False)):
        coef.find_element("tag name", "button").send_keys(Keys.ENTER)
        assert coef.get_attribute("aria-sort") == order
        (first, *_), *rows = table_of(browser).items()
        values = [float(raw) for _, (raw, *_) in rows]
        assert first == "(intercept)"
        assert values == sorted(values, reverse=turned)
    name.find_element("tag name", "button").click()
    assert (name.get_attribute("aria-sort"), coef.get_attribute("aria-sort")) == ("ascending", "none")
    browser.find_element("id", "search").send_keys("X")
    sought = [each for each in everything if "x" in each]
    assert list(table_of(browser)) == sorted(sought, key=lambda each: (each[0] == "x", each))
    browser.find_element("id", "search").send_keys("nowhere")
    assert table_of(browser) == {}
    assert_quiet(browser)


@pytest.mark.slow
def test_figures_themes_and_print(cv, browser, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    report = cv.report(tmp_path / "cv.html")
    opened(browser, report)
    assert len(browser.find_elements("css selector", "#predicted-plot circle, #residual-plot circle")) == 120
    ends = texts(browser, "#path-plot .label")
    heights = "return [...document.querySelectorAll('#path-plot .label')].map((each) => each.getAttribute('y'))"
    scaled = browser.execute_script(heights)
    browser.find_element("id", "raw").click()
    assert "standard deviation" not in browser.find_element("id", "path-caption").text
    assert [text.lstrip("↑↓ ") for text in texts(browser, "#path-plot .label")] == [text.lstrip("↑↓ ") for text in ends]
    assert browser.execute_script(heights) != scaled

    plot = browser.find_element("id", "losses-plot")
    ActionChains(browser).move_to_element_with_offset(plot, 12 - plot.size["width"] // 2 + 58, 0).click().perform()
    assert_shows(browser, cv.path, 0)
    for colours in ("rgb(20, 23, 26)", "rgb(255, 255, 255)"):
        browser.find_element("id", "theme").click()
        assert browser.find_element("tag name", "body").value_of_css_property("background-color") in (
            colours, colours.replace("rgb", "rgba").replace(")", ", 1)"),
        )  # fmt: skip
    for summary in browser.find_elements("css selector", "summary"):
        summary.click()
    settled(browser)
    assert browser.find_elements("css selector", "#certificates-plot svg")
    assert_quiet(browser)

    opened(browser, report)
    printed = b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{report._repr_html_()}", "utf-8")
    browser.get(notebook.as_uri())
    browser.switch_to.frame(0)
    assert_shows(browser, cv.path, cv.best[1])
    browser.switch_to.default_content()
    assert_quiet(browser)


@pytest.mark.slow
def test_the_theme_follows_the_system_until_it_is_chosen(cv, browser, tmp_path):
    def theme_of(system):
        features = [{"name": "prefers-color-scheme", "value": system}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        settled(browser)
        shown = browser.execute_script("return document.documentElement.dataset.theme")
        assert browser.find_element("id", "theme").get_attribute("aria-pressed") == str(shown == "dark").lower()
        return shown

    opened(browser, cv.report(tmp_path / "cv.html"))
    assert [theme_of(system) for system in ("dark", "light", "dark")] == ["dark", "light", "dark"]
    browser.find_element("id", "theme").click()
    assert [theme_of(system) for system in ("light", "dark", "light")] == ["light"] * 3
    assert_quiet(browser)


@pytest.mark.slow
def test_a_curve_that_crosses_the_range_in_one_step(cv, browser, tmp_path):
    k = int(cv.mean_loss[cv.best[0]].argmin())
    coef = np.zeros((12, 8))
    coef[:, 2] = 1.0
    coef[k + 4 :, 2] = [1e4 * (-1) ** i for i in range(12 - k - 4)]
    paths = tuple(replace(path, coef_sparse=csr_array(coef)) for path in cv.paths)
    opened(browser, replace(cv, paths=paths).report(tmp_path / "cross.html"))
    curve = browser.find_element("css selector", "#path-plot .curve").get_attribute("d")
    assert (curve.count("L"), curve.count("M")) == (k + 4, 12 - k - 4)
    assert len(browser.find_elements("css selector", "#path-plot .mark")) == 1
    assert "triangles" in browser.find_element("id", "curves-said").text
    assert_quiet(browser)


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
    unpenalized = jr.fit_cv(X, Y, lambdas=[0.0], cv=3).report(tmp_path / "only.html")
    browser.get(unpenalized.path.as_uri())
    settled(browser)
    assert browser.find_element("id", "path-plot").text == "No lambda above 0 to draw on a log axis."
    for name in ("raw", "losses", "path-said", "path-caption"):
        assert not browser.find_element("id", name).is_displayed()
    assert len(browser.find_elements("css selector", "#predicted-plot circle")) == 60
    assert_quiet(browser)


@pytest.mark.slow
def test_figures_of_a_family_in_a_browser(cv, browser, tmp_path):
    rng = np.random.default_rng(0)
    eta = rng.normal(size=60)
    y = (eta + rng.normal(size=60) > 0) * 1.0
    opened(browser, of_family(cv, jr.losses.Binomial(), y, eta, np.array(["no", "yes"])).report(tmp_path / "two.html"))
    for name in ("roc", "calibration"):
        assert len(browser.find_elements("css selector", f"#{name}-plot .curve")) == 2  # and where both are equal
    assert len(browser.find_elements("css selector", "#calibration-plot circle")) == 10
    assert_quiet(browser)
    loss, observed = jr.losses.Cox(), {"time": rng.exponential(size=60), "event": rng.uniform(size=60) < 0.6}
    y = loss.encode(observed, np.ones(60, bool)).y
    page = of_family(cv, loss, y, eta, y_mean=y.mean(axis=0).tolist()).report(tmp_path / "cox.html")
    opened(browser, page)
    assert texts(browser, "#survival-plot .label") == ["low risk", "middle risk", "high risk"]
    assert_quiet(browser)
