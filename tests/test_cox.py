"""Cox's partial likelihood by its definition: sums over risk sets, derivatives, dual values, censored times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxreg.losses import Cox, _running

N = 30  # rows of most tests, which share compiled programs


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=[False, True], ids=["plain", "late"])
def late(request):
    return request.param


@pytest.fixture(params=["efron", "breslow"])
def loss(request):
    return Cox(request.param)


def problem(late, seed=0, n=N, spread=1.0):
    """(fields of y, strata, weights of which some are 0, eta) with ties of deaths and of deaths with others."""
    rng = np.random.default_rng(seed)
    time = rng.integers(4, 11, n).astype(float)
    y = {"time": time, "event": rng.random(n) < 0.6}
    if late:
        y["start"] = np.floor(rng.random(n) * time)
    weight = rng.random(n) * (rng.random(n) < 0.8)
    weight[y["event"].argmax()] = 1.0
    return y, rng.integers(0, 3, n), weight / weight.sum(), rng.uniform(-spread, spread, n)


def terms(loss, y, strata, omega):
    """(weight, shares (n,) in the sum over the risk set, deaths (n,)) of each term of the likelihood."""
    time, event = np.asarray(y["time"]), np.asarray(y["event"])
    start = np.asarray(y.get("start", np.full(len(time), -1.0)))
    for stratum in np.unique(strata):
        here = (strata == stratum) & (omega > 0)
        for t in np.unique(time[here & event]):
            died, risk = here & event & (time == t), here & (start < t) & (t <= time)
            d, total = died.sum(), omega[died].sum()
            for k in range(d):
                share = k / d if loss.ties == "efron" else 0.0
                yield total / d, risk - share * died, died


def likelihood(loss, y, strata, omega, eta):
    value = 0.0
    for weight, share, died in terms(loss, y, strata, omega):
        at_risk = share > 0
        top = eta[at_risk].max()
        value += weight * (top + np.log((share * omega)[at_risk] @ np.exp(eta[at_risk] - top)))
        value -= weight * (omega[died] @ eta[died]) / omega[died].sum()
    return value


def encoded(loss, y, strata, omega):
    return loss.encode(y, omega > 0, strata).y


@jax.jit
def formulas(loss, y, eta, omega, d, rows):
    return {
        "mean": loss.mean(y, eta, omega),
        "slopes": loss.slopes(y, eta, omega),
        "curved": loss.curved(y, eta, omega, d),
        "curvature": loss.curvature(rows, y, eta, omega),
        "least": loss.least(y, omega),
    }


@jax.jit
def derivatives(loss, y, eta, omega):
    return jax.grad(loss.mean, 1)(y, eta, omega), jax.jacfwd(jax.grad(loss.mean, 1), 1)(y, eta, omega)


def of(loss, y, eta, omega, seed=0):
    rng = np.random.default_rng(seed)
    d, rows = rng.standard_normal(N), rng.standard_normal((4, N)) + 5.0
    return d, rows, formulas(loss, y, jnp.asarray(eta), jnp.asarray(omega), d, rows)


@pytest.mark.sampled
def test_it_is_the_sum_over_risk_sets(loss, late):
    for seed in range(5):
        y, strata, omega, eta = problem(late, seed)
        _, _, values = of(loss, encoded(loss, y, strata, omega), eta, omega)
        assert values["mean"] == pytest.approx(likelihood(loss, y, strata, omega, eta), rel=1e-12)
        assert abs(values["slopes"].sum()) < 1e-14
        # the least value is that of risks which fall from time to time without end
        least = likelihood(loss, y, strata, omega, -1e3 * (y["time"] + 0.5 * ~y["event"]))
        assert values["least"] == pytest.approx(least, rel=1e-12)
        assert values["least"] < values["mean"]


@pytest.mark.sampled
def test_derivatives(loss, late):
    y, strata, omega, eta = problem(late)
    y = encoded(loss, y, strata, omega)
    d, rows, values = of(loss, y, eta, omega)
    gradient, hessian = derivatives(loss, y, jnp.asarray(eta), jnp.asarray(omega))
    np.testing.assert_allclose(values["slopes"], gradient, atol=1e-15)
    np.testing.assert_allclose(values["curved"], hessian @ d, atol=1e-15)
    np.testing.assert_allclose(values["curvature"], rows @ hessian @ rows.T, atol=1e-13)
    assert np.linalg.eigvalsh(values["curvature"])[0] > 0


@pytest.mark.sampled
def test_rows_without_weight_have_no_influence(loss, late):
    y, strata, omega, eta = problem(late)
    counting = omega > 0
    assert not counting.all()
    whole = encoded(loss, y, strata, omega)
    part = loss.encode({name: values[counting] for name, values in y.items()}, np.ones(counting.sum(), bool)).y
    part = loss.encode(part, np.ones(len(part), bool), strata[counting]).y
    np.testing.assert_array_equal(loss.encode(whole[counting], np.ones(len(part), bool)).y[:, 4:], part[:, 4:])
    d, rows, _ = of(loss, whole, eta, omega)
    nothing = np.where(counting, 0.0, np.nan)
    values = formulas(loss, whole, eta + nothing, omega, d + nothing, rows + nothing)
    without = formulas(loss, part, eta[counting], omega[counting], d[counting], rows[:, counting])
    for name, value in without.items():
        found = values[name][counting] if value.shape == (len(part),) else values[name]
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-15, err_msg=name)
    assert not np.asarray(values["slopes"])[~counting].any()


@pytest.mark.sampled
def test_lanes_of_weights_and_points(late):
    loss = Cox()
    y, strata, omega, _ = problem(late)
    y = encoded(loss, y, strata, omega)
    rng = np.random.default_rng(1)
    omegas = omega * rng.integers(0, 3, (3, N))
    omegas /= omegas.sum(axis=1, keepdims=True)
    etas = rng.standard_normal((3, N))
    lanes = jax.vmap(loss.slopes, (None, 0, 0))(y, etas, omegas)
    for lane, eta, weight in zip(lanes, etas, omegas, strict=True):
        np.testing.assert_allclose(lane, of(loss, y, eta, weight)[2]["slopes"], atol=1e-15)


HARD = {
    "far": {},
    "one time": {"time": np.full(N, 3.0)},
    "strata of one": {"strata": np.arange(N)},
    "a stratum of one": {"strata": np.arange(N) == 4},
    "weights": {"omega": 10.0 ** np.linspace(-12, 0, N)},
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", HARD)
def test_hard_cases(loss, case):
    y, strata, omega, eta = problem(False, spread=1e3)
    y["time"] = HARD[case].get("time", y["time"])
    strata, omega = HARD[case].get("strata", strata), HARD[case].get("omega", omega)
    omega = omega / omega.sum()
    places = encoded(loss, y, strata, omega)
    for at in (eta, eta / 1e3, 1e3 * (eta > 0) - y["time"]):
        _, _, values = of(loss, places, at, omega)
        assert values["mean"] == pytest.approx(likelihood(loss, y, strata, omega, at), rel=1e-11)
        slopes = np.zeros(N)
        for weight, share, died in terms(loss, y, strata, omega):
            at_risk = np.where(share > 0, share * omega * np.exp(np.where(share > 0, at - at[share > 0].max(), 0)), 0)
            slopes += weight * (at_risk / at_risk.sum() - np.where(died, omega, 0) / omega[died].sum())
        np.testing.assert_allclose(values["slopes"], slopes, rtol=1e-9, atol=1e-14)
        assert all(np.isfinite(value).all() for value in values.values())


@pytest.mark.sampled
def test_single_precision(loss, late):
    y, strata, omega, eta = problem(late, spread=3.0)
    y = encoded(loss, y, strata, omega)
    d, rows, values = of(loss, y, eta, omega)
    single = formulas(loss, *(jnp.asarray(part, jnp.float32) for part in (y, eta, omega, d, rows)))
    for name, value in values.items():
        assert single[name].dtype == jnp.float32
        np.testing.assert_allclose(single[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_sums_of_many_rows_in_single_precision():
    """Where each of equal terms is rounded the same way."""
    n = 200_000
    sums = _running.running_sums(jnp.full(n, 1 / 3, jnp.float32), jnp.ones(n, jnp.float32))
    np.testing.assert_allclose(sums, np.float32(1 / 3) * np.arange(1, n + 1.0), rtol=2e-6)


def test_late_entry_of_large_risks():
    """Differences of sums are exact to the last digits, though what enters later is 1e13 times as large."""
    loss, n = Cox(), N
    time, start = np.arange(n) + 10.0, np.where(np.arange(n) < n // 2, 0.0, 24.0)
    y = {"time": time, "event": np.ones(n, bool), "start": start}
    eta, omega, strata = np.where(start > 0, 30.0, np.sin(time)), np.full(n, 1 / n), np.zeros(n)
    _, _, values = of(loss, encoded(loss, y, strata, omega), eta, omega)
    assert values["mean"] == pytest.approx(likelihood(loss, y, strata, omega, eta), rel=1e-14)


@pytest.mark.slow
def test_pairs_of_rows_give_the_same_as_one_by_one(monkeypatch, late):
    loss, n = Cox(), 23  # other shapes than elsewhere, since compiled programs are kept
    y, strata, omega, eta = problem(late, n=n)
    y = encoded(loss, y, strata, omega)
    curved = jax.jit(loss.curved)
    expected = curved(y, eta, omega, eta)
    monkeypatch.setattr(_running.lax, "platform_dependent", lambda elements, cpu, default: default(elements))
    jax.clear_caches()
    np.testing.assert_allclose(curved(y, eta, omega, eta), expected, atol=1e-15)
    jax.clear_caches()


@jax.jit
def gradient_of(loss, y, eta, omega):
    return loss.slopes(y, eta, omega)


@jax.jit
def raised(at, loss, y, omega, slopes):
    """Mean loss less a linear function, and its derivative; minus its infimum is the conjugate."""
    return loss.mean(y, at, omega) - slopes @ at, loss.slopes(y, at, omega) - slopes


@jax.jit
def dual_value(loss, y, eta, u, omega, s):
    return loss.dual(y, eta, u, omega, s)


def scaled_slopes(loss, y, eta, omega, s):
    slopes = np.asarray(gradient_of(loss, y, eta, omega))
    u = np.where(omega > 0, slopes / np.where(omega > 0, omega, 1.0), np.nan)
    return s * slopes, float(dual_value(loss, y, eta, u, omega, s))


@pytest.mark.sampled
def test_dual_values(loss, late):
    """Of the scaled slopes: below minus the conjugate, and equal to it at the ends, or without ties of deaths."""
    for seed in range(3):
        y, strata, omega, eta = problem(late, seed)
        if seed == 2:
            y["time"] = y["time"] + np.linspace(0, 0.5, N)
        places = encoded(loss, y, strata, omega)
        for s in (0.0, 0.5, 0.99, 1.0):
            slopes, dual = scaled_slopes(loss, places, eta, omega, s)
            if s == 0:
                assert dual == pytest.approx(float(loss.least(places, omega)), rel=1e-12)
                continue
            rest = loss, places, omega, slopes
            best = minimize(raised, eta, rest, jac=True, options={"gtol": 1e-9})
            assert dual <= best.fun + 1e-9
            assert dual >= best.fun - (1 - s) ** 2
            if s == 1:
                assert dual == pytest.approx(best.fun, abs=1e-9)


@pytest.mark.sampled
def test_weak_duality(loss, late):
    y, strata, omega, _ = problem(late)
    y = encoded(loss, y, strata, omega)
    rng = np.random.default_rng(3)
    X = rng.standard_normal((N, 5))
    for size in (0.1, 1.0, 10.0):
        here, there = size * rng.standard_normal((2, 5))
        gradient = X.T @ np.asarray(gradient_of(loss, y, X @ here, omega))
        lam = 0.7 * abs(gradient).max()
        _, dual = scaled_slopes(loss, y, X @ here, omega, 0.7)
        for b in (here, there, np.zeros(5)):
            assert dual <= loss.mean(y, X @ b, omega) + lam * abs(b).sum() + 1e-12


def test_slopes_of_another_point_have_no_dual_value():
    loss = Cox()
    y, strata, omega, eta = problem(False)
    y = encoded(loss, y, strata, omega)
    u = np.asarray(gradient_of(loss, y, eta, omega)) / np.where(omega > 0, omega, 1.0)
    u[omega.argmax()] *= 1 + 1e-9
    assert dual_value(loss, y, eta, u, omega, 0.5) == -np.inf


def test_forms_of_the_response():
    loss, n = Cox(), 6
    time, event, start = np.arange(n) + 1.0, np.arange(n) % 2, np.arange(n) / 2
    expected = loss.encode({"time": time, "event": event}, np.ones(n, bool)).y
    assert expected.dtype == np.float64
    assert loss.responses(expected) is None
    survival = np.array(list(zip(event > 0, time, strict=True)), dtype=[("death", "?"), ("months", "<f8")])
    records = np.rec.fromarrays([time, event], names="time,event")
    for y in (survival, records, expected, jnp.asarray(expected)):
        np.testing.assert_array_equal(loss.encode(y, np.ones(n, bool)).y, expected)
    late = loss.encode({"time": time, "event": event, "start": start}, np.ones(n, bool)).y
    np.testing.assert_array_equal(loss.encode(late, np.ones(n, bool)).y, late)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"start": start, "event": event, "time": time})
    np.testing.assert_array_equal(loss.encode(frame, np.ones(n, bool)).y, late)
    anything = {"time": [-5, np.nan, 2.0], "event": [7, np.nan, 1]}
    assert np.isfinite(loss.mean(loss.encode(anything, np.arange(3) > 1).y, np.zeros(3), np.array([0.0, 0, 1])))


GOOD = {"time": [1.0, 2.0], "event": [1, 0]}
BAD = [
    ([1.0, 2.0], r"y is of type list, which has no fields time and event; give a structured array, a frame or a dict"),
    ({"time": [1.0, 2.0]}, r"y has the fields 'time'; give"),
    (GOOD | {"entry": [0, 0]}, r"y has the fields 'time', 'event', 'entry'; give"),
    ({"months": [1.0, 2.0], "death": [1, 0]}, r"y has the fields 'months', 'death'; give"),
    (GOOD | {"event": [2, 1]}, r"y has the event 2; give True or 1 for an event, False or 0 for censoring"),
    (GOOD | {"event": ["a", "b"]}, r"y\['event'\] has dtype <U1"),
    (GOOD | {"event": [0, 0]}, r"y has no event; Cox needs at least one row"),
    (GOOD | {"time": [-1.0, 2.0]}, r"y has the time -1; give finite numbers >= 0"),
    (GOOD | {"time": [np.nan, 2.0]}, r"y has the time nan"),
    (GOOD | {"time": [1.0]}, r"y\['time'\] has shape \(1,\), but needs one entry per row of X, \(2,\)"),
    (GOOD | {"start": [0.0, 2.0]}, r"y has the start 2 and the time 2; give a start before its time"),
]


@pytest.mark.parametrize(("y", "message"), BAD)
def test_bad_responses(y, message):
    with pytest.raises(ValueError, match=message):
        Cox().encode(y, np.ones(2, bool))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"ties is 'exact'; give one of 'efron', 'breslow'"):
        Cox("exact")
    with pytest.raises(ValueError, match=r"strata has shape \(3,\)"):
        Cox().encode(GOOD, np.ones(2, bool), [1, 2, 3])
    with pytest.raises(NotImplementedError, match="couples the rows"):
        Cox().value(0.0, 0.0)
