"""The benchmark rows of families: their judge against brute force and jaxreg, and what is written."""

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import family_rows, family_table, machine, measure, peers, process, readme, suite
from benchmarks.environments import Absent
from benchmarks.family_certificate import FAMILIES, family_bounds, lambda_max, null_model, penalty_of
from benchmarks.workers import family_jaxreg, loop

SMALL = ["squared-24x4", "logistic-24x4", "multinomial-24x3x3", "grouped-24x3x3", "poisson-24x4", "cox-24x4"]
WIDE = ["logistic-12x20", "cox-12x20"]
LEVEL = 40  # position of the lambda that the slow methods solve at


def small(name):
    return family_rows.select([name])[0].load()


def tied(problem):
    """The problem of survival times with ties."""
    y = np.column_stack([np.ceil(3 * problem.y[:, 0]), problem.y[:, 1]])
    lambdas = problem.lambdas * lambda_max(problem.X, y, "cox") / problem.lambdas[0]
    return family_rows.FamilyProblem(problem.X, y, lambdas, "cox", None)


def alone(problem, level=LEVEL):
    """The problem at one lambda only."""
    lambdas = problem.lambdas[level : level + 1]
    return family_rows.FamilyProblem(problem.X, problem.y, lambdas, problem.family, problem.folds)


def direct_loss(family, y, eta):
    """The mean loss, up to a constant, from the textbook's formula."""
    if family == "cox":
        time, event = y[:, 0], y[:, 1] > 0
        return sum(np.log(np.exp(eta[time >= time[i]]).sum()) - eta[i] for i in np.flatnonzero(event)) / len(y)
    if family in family_rows.OF_CLASSES:
        p = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(y)), y.astype(int)]))
    if family == "logistic":
        p = 1 / (1 + np.exp(-eta))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return np.mean(np.exp(eta) - y * eta if family == "poisson" else (y - eta) ** 2 / 2)


def solved_slowly(problem):
    """The coefficients (1, 1 + p[, K]) at the one lambda, with positive and negative parts, by a bounded quasi-Newton
    method. The norm of a grouped penalty is smooth where no column is 0, which at its lambda holds.
    """
    shape, family, lam = problem.coef_shape[1:], problem.family, problem.lambdas[0]
    size = int(np.prod(shape))

    def coef_of(v):
        return (v[:size] - v[size:]).reshape(shape)

    def objective(v):
        coef = coef_of(v)
        penalty = penalty_of(family, coef[None, 1:])[0] if family == "grouped" else v.reshape(2, *shape)[:, 1:].sum()
        return direct_loss(family, problem.y, coef[0] + problem.X @ coef[1:]) + lam * penalty

    start = np.full(2 * size, 0.1) + 0.01 * np.arange(2 * size)
    bounds = [(None if family == "grouped" else 0, None)] * (2 * size)
    options = {"ftol": 1e-16, "gtol": 1e-9, "maxiter": 20000, "maxfun": 10**7}
    return coef_of(minimize(objective, start, bounds=bounds, options=options, jac="3-point").x)[None]


@pytest.mark.parametrize("name", SMALL)
def test_the_gap_is_small_at_a_slow_solution_and_more_than_the_distance_elsewhere(name):
    problem = alone(small(name))
    coef = solved_slowly(problem)
    best, dual, null_loss = family_bounds(problem, coef)
    assert 0 <= (best - dual)[0] / null_loss < 1e-5
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        other = coef + size * rng.standard_normal(coef.shape)
        primal, dual, _ = family_bounds(problem, other)
        assert dual[0] <= best[0] + 1e-12  # a lower bound of all objectives
        assert (primal - dual)[0] > 0


@pytest.mark.parametrize("name", [*SMALL, *WIDE])
def test_the_judge_agrees_with_jaxreg(name):
    problem = small(name)
    path, _ = family_jaxreg.fit(problem.X, problem.y, problem.lambdas, problem.family, None, 1e-10)
    coef = family_jaxreg.with_intercept(path)
    gap, excess = problem.judge()(coef.ravel())
    assert -1e-12 <= excess <= gap < 1e-8
    primal, dual, null_loss = family_bounds(problem, coef)
    np.testing.assert_allclose((primal - dual) / null_loss, path.gap, atol=1e-10)
    np.testing.assert_allclose(primal[0], null_loss)  # b = 0 is the solution at the first lambda
    assert np.count_nonzero(coef[1, 1:]) > 0  # and no further down
    assert problem.judge()(np.zeros(3)) is None


@pytest.mark.parametrize("name", [*SMALL, "cox-tied"])
def test_losses_and_slopes_are_those_of_the_textbook(name):
    problem = tied(small("cox-24x4")) if name == "cox-tied" else small(name)
    family, n = problem.family, len(problem.y)
    loss = FAMILIES[family]
    y, rng = loss.encoded(problem.y), np.random.default_rng(1)
    shape = y.shape if family in family_rows.OF_CLASSES else (n,)
    eta, direction = rng.standard_normal(shape), rng.standard_normal(shape)
    changes = [direct_loss(family, problem.y, at) - loss.loss(y, at) for at in (eta, np.zeros(shape), 2 * direction)]
    np.testing.assert_allclose(changes, changes[0], atol=1e-12)
    step = 1e-6
    slope = (loss.loss(y, eta + step * direction) - loss.loss(y, eta - step * direction)) / (2 * step)
    assert (loss.slopes(y, eta) * direction).sum() / n == pytest.approx(slope, rel=1e-7)
    # moved by the level, slopes sum to 0; the saturated loss is the infimum
    moved = eta + loss.level(y, eta)
    np.testing.assert_allclose(loss.slopes(y, moved).mean(axis=0), 0, atol=1e-13)
    assert loss.loss(y, eta) > loss.loss(y, moved) - 1e-12
    assert loss.loss(y, saturating(family, problem.y, y)) == pytest.approx(0, abs=1e-5)


def saturating(family, y, encoded):
    """Linear predictors whose loss is next to the least."""
    if family == "cox":
        return 14.0 * y[:, 1] - 28.0 * np.unique(y[:, 0], return_inverse=True)[1]
    if family == "poisson":
        return np.log(np.maximum(y, 1e-9))
    return encoded if family == "squared" else 40.0 * (2 * encoded - 1)


@pytest.mark.parametrize("name", [*SMALL, "cox-tied"])
def test_dual_values_are_lower_bounds_of_the_loss_less_a_linear_function(name):
    """-F*(v) <= F(eta) - v'eta for all eta, with equality at s = 1 where v are the slopes of eta."""
    problem = tied(small("cox-24x4")) if name == "cox-tied" else small(name)
    loss, n = FAMILIES[problem.family], len(problem.y)
    y, rng = loss.encoded(problem.y), np.random.default_rng(2)
    shape = y.shape if problem.family in family_rows.OF_CLASSES else (n,)
    for s, scale in product((0.0, 0.3, 0.9, 1.0), (0.3, 2.0)):
        eta = scale * rng.standard_normal(shape)
        eta += loss.level(y, eta)
        v, dual = s * loss.slopes(y, eta) / n, loss.dual(y, eta, s)
        for other in (eta, np.zeros(shape), s * eta, *(scale * rng.standard_normal((20, *shape)))):
            assert dual <= loss.loss(y, other) - (v * other).sum() + 1e-12
        if s == 1:
            assert dual == pytest.approx(loss.loss(y, eta) - (v * eta).sum())


def test_the_judge_of_folds_finds_the_worst_gap():
    problem = small("cv-logistic-40x4")
    coef = family_jaxreg.coefficients(
        family_jaxreg.fit(problem.X, problem.y, problem.lambdas, "logistic", problem.folds, 1e-7)
    )
    assert coef.shape == (11, *problem.coef_shape)
    gap, _ = problem.judge()(coef.ravel())
    assert gap < 1e-6
    coef[4, 50, 2] += 0.1
    rest = problem.folds != 3
    part = family_rows.FamilyProblem(problem.X[rest], problem.y[rest], problem.lambdas[50:51], "logistic", None)
    assert problem.judge()(coef.ravel())[0] == pytest.approx(part.judge()(coef[4, 50].ravel())[0])
    assert problem.judge()(coef[1:].ravel()) is None


@pytest.mark.parametrize("name", [*SMALL, *WIDE, "cv-cox-30x4"])
def test_rows_are_as_described(name, tmp_path):
    problem, again = small(name), small(name)
    np.testing.assert_array_equal(problem.X, again.X)
    np.testing.assert_array_equal(problem.y, again.y)
    assert problem.X.flags.f_contiguous
    np.testing.assert_allclose([abs(problem.X.mean(axis=0)).max(), problem.X.std(axis=0).min()], [0, 1], atol=1e-12)
    n, p = problem.X.shape
    assert problem.lambdas[-1] / problem.lambdas[0] == pytest.approx(1e-2 if n <= p else 1e-4)
    h = problem.X.T @ null_model(problem.y, problem.family)[1] / n
    largest = np.linalg.norm(h, axis=1).max() if problem.family == "grouped" else abs(h).max()
    assert problem.lambdas[0] == pytest.approx(largest)
    assert problem.points == 100 * problem.classes * (11 if problem.refits else 1)
    process.write_job(problem, tmp_path)
    X, y, lambdas, family, folds = loop.load(tmp_path)
    for got, sent in ((X, problem.X), (y, problem.y), (lambdas, problem.lambdas), (folds, problem.folds)):
        np.testing.assert_array_equal(got, sent)
    assert family == problem.family


def test_names_select_rows():
    assert len(family_rows.select(None)) == len(family_rows.NAMES) == len(set(family_rows.NAMES))
    assert {row.family for row in family_rows.select(None)} == set(FAMILIES) == set(family_rows.PROGRAMS)
    known = {peer.name for peer in suite.FAMILY_PEERS}
    assert known - {"jaxreg"} == {name for names in family_rows.PROGRAMS.values() for name in names}
    row, folds, real = family_rows.select(["poisson-20x30", "cv-logistic-20x30", "cox-support2"])
    assert known - set(row.without) == {"jaxreg", *family_rows.PROGRAMS["poisson"]}
    assert known - set(folds.without) == {"jaxreg", *family_rows.CV_PROGRAMS["logistic"]}
    (wide,) = family_rows.select(["logistic-200x10000"])
    assert set(family_rows.PROGRAMS["logistic"]) - set(wide.programs) == set(family_rows.SIZES)
    assert (real.family, real.data_set, real.rho) == ("cox", "support2", None)
    for wrong, told in (
        ("gamma-20x30", "No row is called"),
        ("logistic-20x30x2", "n x p x K"),
        ("multinomial-20x30", "n x p x K"),
        ("cv-poisson-20x30", "logistic and cox alone"),
    ):
        with pytest.raises(SystemExit, match=told):
            family_rows.select([wrong])


FAKE = """
import array, json, os, sys
job = json.load(open(os.path.join(sys.argv[1], "job.json")))
for line in sys.stdin:
    request = json.loads(line)
    if request["save"]:
        count = (1 + job["p"]) * job["n_lambdas"] * (11 if job["cv"] else 1)
        array.array("d", [request["setting"]["value"]] * count).tofile(open(request["save"], "wb"))
    reply = {"seconds": [0.5] * request["runs"], "import_seconds": 1.0, "versions": {}, "peak_mb": 2.0}
    print(json.dumps(reply), flush=True)
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Of a run in which jaxreg and glmnet save coefficients that are all equal, and glum is absent."""
    file = tmp_path / "fake.py"
    file.write_text(FAKE)

    def peer(name, value):
        interpreter, setting = Path(sys.executable), {"value": value}
        return peers.Peer(name, lambda: interpreter, (str(file),), lambda *_: [[setting]], lambda *_: setting)

    def missing(*_):
        raise Absent("it cannot be had")

    absent = peers.Peer("glum", missing, ("none.py",), lambda *_: [], lambda *_: {})
    monkeypatch.setattr(suite, "FAMILY_PEERS", [peer("jaxreg", 0.0), peer("glmnet", 0.1), absent])
    monkeypatch.setattr(machine, "rates", lambda device: {"gemm_flops": {"float64": 1e11}, "read_bytes": 1e10})
    monkeypatch.setattr(family_rows, "python_for", missing)
    monkeypatch.setattr(family_table, "SQUARED", "squared-20x5")
    monkeypatch.setattr(family_table, "LOGISTIC", "logistic-20x5")
    names = ["squared-20x5", "logistic-20x5", "cv-logistic-20x4", "cox-DLBCL"]
    return suite.run(names, None, "cpu", tmp_path / "families.json", measure.Effort(1), families=True)


def test_a_run_of_families_tells_its_rows(results):
    _, logistic, folds, real = (
        next(row for row in results["rows"] if row["name"].startswith(name))
        for name in ("squared", "logistic", "cv-logistic", "cox")
    )
    assert (logistic["family"], logistic["classes"], logistic["cv"], logistic["rho"]) == ("logistic", 1, False, 0.5)
    assert set(logistic["results"]) == set(folds["results"]) == {"jaxreg", "glmnet"}
    assert folds["cv"]
    assert folds["results"]["jaxreg"]["default"]["gap"] > 0.1
    assert real["not_measured"] == "it cannot be had"


def test_the_tables_name_every_program_of_a_row(results, tmp_path):
    text = family_table.full_table(results)
    assert "| `logistic-20x5` | glum | absent |" in text
    assert "| `logistic-20x5` | jaxreg | not reached |" in text
    assert "glum is absent: it cannot be had." in text
    assert "Not measured, it cannot be had: `cox-DLBCL`." in text
    entry = {"setting": {}, "median": 0.1, "gap": 1e-7, "excess": 1e-9}
    logistic = next(row for row in results["rows"] if row["name"] == "logistic-20x5")["results"]
    for name, median in (("jaxreg", 0.1), ("glmnet", 0.05)):
        logistic[name]["targets"]["gap"]["1e-06"] = entry | {"median": median}
    logistic["jaxreg"]["cold"]["seconds"] = 3.0
    text = family_table.full_table(results)
    assert "| `logistic-20x5` | glmnet | 0.05 @ 1e-07 | 0.5x |" in text
    assert "- glmnet is faster: `logistic-20x5` 2.0x." in text
    assert "`logistic-20x5` 3 s, 2x that of `squared-20x5`." in text
    file = tmp_path / "README.md"
    file.write_text("<!-- family-benchmarks -->\nold\n<!-- /family-benchmarks -->\n")
    readme.update(file, results)
    assert "| `logistic-20x5` | 0.1 s | glmnet 0.5x, glmstar -, adelie -, " in file.read_text()
    assert "| 5x (gap " in file.read_text()
    assert "old" not in file.read_text()
