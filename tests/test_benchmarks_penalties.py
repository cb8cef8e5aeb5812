"""The benchmark rows of penalties beyond the elastic net: their judge against slow methods, and what is written."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import machine, measure, peers, penalty_rows, penalty_table, process, readme, suite
from benchmarks.penalty_certificate import NONCONVEX, NORMS, compared_objectives, lambda_max
from benchmarks.workers import differences, loop

CONVEX = ["group-20x12", "multitask-20x8x3", "slope-20x6", "fused-20x8", "slope-12x16"]
NOT_CONVEX = ["mcp-30x8", "scad-30x8"]
LEVEL = 8  # position of the lambda that the slow methods solve at


def small(name):
    return penalty_rows.select([name])[0].load()


def at_one_lambda(problem, coef):
    """The problem at one lambda only, and its judge's verdict on these coefficients."""
    alone = penalty_rows.PenaltyProblem(
        problem.X, problem.y, problem.lambdas[LEVEL : LEVEL + 1], problem.penalty, problem.arguments
    )
    return alone.judge()(np.asarray(coef).ravel())


def prox(problem, b, strength):
    """The proximal point for group, multitask and SLOPE, from their textbook formulas."""
    if problem.penalty == "multitask":
        return b * np.maximum(1 - strength / np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1e-300), 0)
    if problem.penalty == "group":
        found = np.zeros_like(b)
        for g in set(problem.arguments["labels"]):
            where = np.array(problem.arguments["labels"]) == g
            size = np.linalg.norm(b[where])
            found[where] = b[where] * max(1 - strength * np.sqrt(where.sum()) / size, 0) if size else 0
        return found
    order = np.argsort(-abs(b))  # SLOPE: pool what does not descend
    blocks = []
    for value in abs(b)[order] - strength * np.array(problem.arguments["weights"]):
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] <= blocks[-1][0]:
            (v, k), (u, m) = blocks.pop(), blocks.pop()
            blocks.append([(u * m + v * k) / (m + k), m + k])
    found = np.empty_like(b)
    found[order] = np.concatenate([np.full(k, max(v, 0)) for v, k in blocks])
    return np.sign(b) * found


def solved_slowly(problem):
    """Coefficients at one lambda: proximal gradients, and for the fused lasso a smooth dual in a box."""
    X, y, lam, n = problem.X, problem.y, problem.lambdas[LEVEL], len(problem.y)
    if problem.penalty == "fused":
        return fused_by_its_dual(X, y, lam)
    step = n / np.linalg.norm(X, 2) ** 2
    b = np.zeros((X.shape[1], *y.shape[1:]))
    for _ in range(20000):
        b = prox(problem, b + step * X.T @ (y - X @ b) / n, step * lam)
    return b


def fused_by_its_dual(X, y, lam):
    """b = (X'X/n)^-1 (X'y/n - D'u) at the u of the box |u| <= lam with the largest dual value (Tibshirani, 2011)."""
    n, p = X.shape
    inverse, D = np.linalg.inv(X.T @ X / n), np.diff(np.eye(p), axis=0)

    def value(u):
        rest = X.T @ y / n - D.T @ u
        return rest @ inverse @ rest / 2, -D @ inverse @ rest

    options = {"ftol": 1e-16, "gtol": 1e-13, "maxiter": 10000, "maxfun": 100000}
    u = minimize(value, np.zeros(p - 1), jac=True, bounds=[(-lam, lam)] * (p - 1), options=options).x
    return inverse @ (X.T @ y / n - D.T @ u)


@pytest.mark.parametrize("name", CONVEX)
def test_the_gap_is_zero_at_a_solution_and_positive_elsewhere(name):
    problem = small(name)
    coef = solved_slowly(problem)
    assert np.ptp(coef) > 0
    gap, excess = at_one_lambda(problem, coef)
    assert -1e-12 <= excess <= gap < 1e-9
    assert at_one_lambda(problem, coef + 1e-3 * np.arange(coef.size).reshape(coef.shape))[0] > 1e-6
    assert at_one_lambda(problem, np.zeros_like(coef))[0] > 1e-3


@pytest.mark.parametrize("name", CONVEX)
def test_the_dual_norm_agrees_with_brute_force(name):
    """It is the largest h'b over penalty(b) = 1: of many directions, and of those that attain it."""
    problem, rng = small(name), np.random.default_rng(0)
    norm, shape = NORMS[problem.penalty](**problem.arguments), (problem.X.shape[1], *problem.y.shape[1:])
    for _ in range(5):
        h = rng.standard_normal(shape)
        if norm.free:
            h -= h.mean()
        dual = norm.dual(h[None])[0]
        directions = np.concatenate([rng.standard_normal((2000, *shape)), attaining(problem, h)])
        values = norm(directions)
        products = (directions.reshape(len(directions), -1) * h.ravel()).sum(axis=1)
        reached = products[values > 1e-12] / values[values > 1e-12]
        assert reached.max() == pytest.approx(dual, rel=1e-12)


def attaining(problem, h):
    """Extreme points of the unit ball, up to their scale, the one that attains the dual norm of h among them."""
    p = len(h)
    if problem.penalty == "group":
        labels = np.array(problem.arguments["labels"])
        return np.array([np.where(labels == g, h, 0) for g in set(labels)])
    if problem.penalty == "multitask":
        return np.array([np.where(np.arange(p)[:, None] == j, h, 0) for j in range(p)])
    if problem.penalty == "slope":  # signs on the k largest
        ranks = np.argsort(np.argsort(-abs(h)))
        return np.array([np.where(ranks < k, np.sign(h), 0) for k in range(1, p + 1)])
    return np.array([sign * (np.arange(p) > j) for j in range(p - 1) for sign in (-1.0, 1.0)])


def test_the_dual_norm_of_slope_is_a_linear_program():
    problem = small("slope-20x4")
    weights, h = np.array(problem.arguments["weights"]), np.array([1.0, 0.9, -0.8, 0.1])
    # over sorted nonnegative b, where the penalty is linear
    order = np.eye(4, k=1)[:3] - np.eye(4)[:3]
    found = linprog(-np.sort(abs(h))[::-1], A_ub=np.vstack([order, weights]), b_ub=[0, 0, 0, 1])
    assert NORMS["slope"](**problem.arguments).dual(h[None])[0] == pytest.approx(-found.fun)


@pytest.mark.parametrize("name", NOT_CONVEX)
def test_a_path_that_is_not_stationary_is_told(name):
    problem = small(name)
    penalty = NONCONVEX[problem.penalty](**problem.arguments)
    X, y, n, lam = problem.X, problem.y, len(problem.y), problem.lambdas[LEVEL]
    b = np.zeros(X.shape[1])
    for _ in range(500):  # coordinate descent, each coordinate on a fine grid and then by its derivative's root
        for j in range(len(b)):
            r = y - X @ b + X[:, j] * b[j]
            b[j] = one_coordinate(X[:, j] @ r / n, penalty, lam)
    violation, _, (objective,) = at_one_lambda(problem, b)
    assert np.count_nonzero(b) > 1
    assert violation < 1e-9
    assert at_one_lambda(problem, b + 1e-3)[0] > 1e-5
    r = y - X @ b
    assert objective == pytest.approx(r @ r / (2 * n) + penalty(b[None], np.array([lam]))[0])
    whole = problem.judge()
    # at b = 0 the gradient is lambda_max at every lambda
    assert whole(np.zeros(problem.lambdas.size * len(b)))[0] == pytest.approx(
        1 - problem.lambdas[-1] / problem.lambdas[0]
    )
    assert whole(np.zeros(3)) is None


def one_coordinate(z, penalty, lam):
    """The minimiser of (b - z)^2 / 2 + penalty(b), by bisection of the derivative where it grows."""
    low, high = 0.0, abs(z)
    if abs(z) <= lam:
        return 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle - abs(z) + penalty.slope(middle, lam) < 0 else (low, middle)
    return np.sign(z) * (low + high) / 2


@pytest.mark.parametrize("kind", ["mcp", "scad"])
def test_the_slope_is_the_derivative_and_gamma_ends_it(kind):
    penalty, lam = NONCONVEX[kind](3.5), 0.4
    at, step = np.array([0.1, 0.5, 1.0, 1.39, 2.0]), 1e-6
    value = np.array([[penalty(np.array([[b + s]]), np.array([lam]))[0] for b in at] for s in (-step, step)])
    np.testing.assert_allclose((value[1] - value[0]) / (2 * step), penalty.slope(at, lam), atol=1e-8)
    assert penalty.slope(2.0, lam) == 0
    assert penalty.slope(0.0, lam) == lam


@pytest.mark.parametrize("name", [*CONVEX, *NOT_CONVEX])
def test_rows_are_as_described(name):
    problem, again = small(name), small(name)
    np.testing.assert_array_equal(problem.X, again.X)
    assert problem.X.flags.f_contiguous
    np.testing.assert_allclose([problem.X.mean(axis=0).max(), problem.X.std(axis=0).min()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(problem.y.std(axis=0), 1)
    n, p = problem.X.shape
    assert problem.lambdas[-1] / problem.lambdas[0] == pytest.approx(1e-2 if n < p else 1e-3)
    assert problem.lambdas[0] == lambda_max(problem.X, problem.y, problem.penalty, problem.arguments)
    assert problem.points == 100 * problem.about()["responses"]


def test_names_select_rows():
    assert len(penalty_rows.select(None)) == len(penalty_rows.NAMES) == 11
    assert {row.kind for row in penalty_rows.select(None)} == set(NORMS) | set(NONCONVEX) == set(penalty_rows.PROGRAMS)
    known = {peer.name for peer in suite.PENALTY_PEERS}
    assert known - {"jaxreg"} == {name for names in penalty_rows.PROGRAMS.values() for name in names}
    (row,) = penalty_rows.select(["slope-20x30"])
    assert known - set(row.without) == {"jaxreg", "skglm", "sortedl1"}
    for wrong, told in (
        ("lasso-20x30", "No row is called"),
        ("group-20x30x2", "n x p x K"),
        ("multitask-2x3", "n x p x K"),
    ):
        with pytest.raises(SystemExit, match=told):
            penalty_rows.select([wrong])


@pytest.mark.parametrize("name", ["multitask-20x8x3", "slope-20x6", "mcp-30x8"])
def test_workers_get_the_problem(name, tmp_path):
    problem = small(name)
    process.write_job(problem, tmp_path)
    X, y, lambdas, penalty, arguments = loop.load(tmp_path)
    for got, sent in ((X, problem.X), (y, problem.y), (lambdas, problem.lambdas)):
        np.testing.assert_array_equal(got, sent)
    assert (penalty, arguments) == (problem.penalty, problem.arguments)


def test_the_fused_lasso_is_a_lasso_of_differences():
    problem = small("fused-20x8")
    coef = fused_by_its_dual(problem.X, problem.y, problem.lambdas[LEVEL])
    design, response = differences.lasso_of(problem.X, problem.y)
    steps = np.diff(coef)
    r = response - design @ steps
    np.testing.assert_allclose(r, problem.y - problem.X @ coef, atol=1e-7)
    assert abs(design.T @ r).max() / len(r) == pytest.approx(problem.lambdas[LEVEL], rel=1e-4)
    np.testing.assert_allclose(differences.coefficients_of(steps[None], problem.X, problem.y)[0], coef, atol=1e-7)


FAKE = """
import array, json, os, sys
job = json.load(open(os.path.join(sys.argv[1], "job.json")))
for line in sys.stdin:
    request = json.loads(line)
    if request["save"]:
        count = job["p"] * job["n_lambdas"]
        array.array("d", [request["setting"]["value"]] * count).tofile(open(request["save"], "wb"))
    reply = {"seconds": [0.5] * request["runs"], "import_seconds": 1.0, "versions": {}, "peak_mb": 2.0}
    print(json.dumps(reply), flush=True)
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Of a run in which jaxreg and skglm save coefficients that are all equal, and ncvreg is absent."""
    file = tmp_path / "fake.py"
    file.write_text(FAKE)

    def peer(name, value):
        interpreter, setting = Path(sys.executable), {"value": value}
        return peers.Peer(name, lambda: interpreter, (str(file),), lambda *_: [[setting]], lambda *_: setting)

    def missing():
        raise peers.environments.Absent("it cannot be had")

    absent = peers.Peer("ncvreg", missing, ("none.R",), lambda *_: [], lambda *_: {})
    monkeypatch.setattr(suite, "PENALTY_PEERS", [peer("jaxreg", 0.0), peer("skglm", 0.1), peer("adelie", 0.0), absent])
    monkeypatch.setattr(machine, "rates", lambda device: {"gemm_flops": {"float64": 1e11}, "read_bytes": 1e10})
    out = tmp_path / "penalties.json"
    return suite.run(["group-12x20", "mcp-12x20"], None, "cpu", out, measure.Effort(1), penalties=True)


def test_a_run_of_penalties_compares_objectives_where_minima_differ(results):
    group, mcp = results["rows"]
    assert (group["penalty"], group["responses"], group["rho"]) == ("group", 1, 0.5)
    assert "objectives" not in group
    assert set(group["results"]) == {"jaxreg", "skglm", "adelie"}
    assert set(mcp["results"]) == set(mcp["objectives"]) == {"jaxreg", "skglm"}  # adelie has no such penalty
    best, worst = (mcp["objectives"][name] for name in ("jaxreg", "skglm"))
    assert best["above_best"] == 0
    assert worst["above_best"] == pytest.approx(max(np.array(worst["values"]) / best["values"]) - 1)
    assert not any("objectives" in point for each in mcp["results"].values() for point in each["sweep"])


def test_the_tables_name_every_program_of_a_row(results, tmp_path):
    text = penalty_table.full_table(results)
    assert "| `mcp-12x20` | ncvreg | absent |" in text
    assert "| `group-12x20` | jaxreg | not reached |" in text
    assert "ncvreg is absent: it cannot be had." in text
    entry = {"setting": {}, "median": 0.1, "gap": 1e-7, "excess": 1e-9}
    group = results["rows"][0]["results"]
    for name, median in (("jaxreg", 0.1), ("skglm", 0.3), ("adelie", 0.05)):
        group[name]["targets"]["gap"]["1e-06"] = entry | {"median": median}
    text = penalty_table.full_table(results)
    assert "| `group-12x20` | skglm | 0.3 @ 1e-07 | 3x |" in text
    assert "- adelie is faster: `group-12x20` 2.0x." in text
    file = tmp_path / "README.md"
    file.write_text("<!-- penalty-benchmarks -->\nold\n<!-- /penalty-benchmarks -->\n")
    readme.update(file, results)
    assert "| `group-12x20` | 0.1 s | adelie 0.5x, skglm 3x, celer -, group-lasso - |" in file.read_text()
    assert "old" not in file.read_text()


def test_objectives_of_convex_rows_are_not_compared():
    assert compared_objectives({"jaxreg": {"sweep": [{"gap": 1e-7}]}}) == {}
