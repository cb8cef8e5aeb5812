"""Survival curves and the index of concordance, by their definitions over all pairs, times and risk sets."""

import numpy as np
import pytest
from test_cox import N, problem, terms

from jaxreg._concordance import concordance
from jaxreg.losses import Cox
from jaxreg.results._survival import baseline, survival

TIMES = np.array([0.0, 4.0, 6.5, 8.0, 20.0])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("spread", [1.0, 300.0])
def test_survival_is_that_of_the_hazards_of_all_risk_sets(ties, late, spread):
    loss = Cox(ties)
    y, strata, omega, eta = problem(late, spread=spread)
    steps = baseline(loss.encode(y, omega > 0, strata).y, eta, omega, ties)
    m = 7
    new, codes = np.linspace(-spread, spread, m), np.arange(m) % 3
    expected = np.ones((m, len(TIMES)))
    for weight, share, died in terms(loss, y, strata, omega):
        here, top = strata[died][0], eta[share > 0].max()
        at_risk = (share * omega)[share > 0] @ np.exp(eta[share > 0] - top)
        with np.errstate(over="ignore"):
            fall = np.exp(-weight / at_risk * np.exp(new - top))
        expected[np.ix_(codes == here, TIMES >= y["time"][died][0])] *= fall[codes == here, None]
    np.testing.assert_allclose(survival(steps, new, TIMES, codes.astype(float)), expected, rtol=1e-9, atol=1e-300)


def test_survival_without_strata():
    y, _, omega, eta = problem(False)
    steps = baseline(Cox().encode(y, omega > 0).y, eta, omega, "efron")
    assert (np.diff(steps.time) > 0).all()
    curves = survival(steps, eta, TIMES)
    np.testing.assert_array_equal(curves[:, 0], 1.0)
    assert (np.diff(curves, axis=1) <= 0).all()
    later = np.log(curves[:, TIMES > 4])
    np.testing.assert_allclose(later / later[0], np.exp(eta - eta[0])[:, None] * np.ones(later.shape), rtol=1e-9)


@pytest.mark.parametrize("late", [False, True])
def test_concordance_is_the_share_of_pairs(late):
    rng = np.random.default_rng(0)
    for seed in range(4):
        y, strata, omega, eta = problem(late, seed)
        columns = np.stack([eta, eta.round(), np.zeros(N), -eta, rng.integers(0, 2, N)], axis=1)
        right, pairs = np.zeros(5), 0.0
        start = y.get("start", np.full(N, -1.0))
        for i in np.flatnonzero(y["event"]):
            for j in range(N):
                at_risk = strata[j] == strata[i] and start[j] < y["time"][i] <= y["time"][j]
                if at_risk and not (y["event"][j] and y["time"][j] == y["time"][i]):
                    pair = omega[i] * omega[j]
                    pairs += pair
                    right += pair * (np.sign(columns[i] - columns[j]) + 1) / 2
        encoded = Cox().encode(y, omega > 0, strata).y
        found = concordance(encoded, columns, omega)
        np.testing.assert_allclose(found, right / pairs, rtol=1e-12)
        assert found[2] == pytest.approx(0.5)
        assert concordance(encoded, eta, omega) == pytest.approx(found[0])


def test_concordance_without_pairs_is_none():
    y = Cox().encode({"time": [1.0, 1.0], "event": [True, True]}, np.ones(2, bool)).y
    assert np.isnan(concordance(y, np.array([0.0, 1.0]), np.ones(2)))


def test_a_large_sample():
    """Against risks that are a function of the times, whose pairs are all in order, or all but a known share."""
    n = 3000
    rng = np.random.default_rng(1)
    time = rng.permutation(n) + 1.0
    y = Cox().encode({"time": time, "event": np.ones(n, bool), "start": np.maximum(time - 40, 0)}, np.ones(n, bool)).y
    found = concordance(y, np.stack([-time, time, (time.astype(int) % 2) * 1.0], axis=1), np.ones(n))
    np.testing.assert_allclose(found, [1.0, 0.0, 0.5], atol=1e-3)
    cumulative = np.exp(baseline(y, np.zeros(n), np.ones(n), "breslow").log_cumulative)
    np.testing.assert_allclose(cumulative, np.cumsum(1 / np.minimum(n - np.arange(n), 40.0)), rtol=1e-12)
