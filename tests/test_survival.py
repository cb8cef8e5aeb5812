"""Survival curves by their definition over all times and risk sets."""

import numpy as np
import pytest
from test_cox import problem, terms

from jaxreg.losses import Cox
from jaxreg.losses._survival import baseline, survival

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


def test_a_large_sample():
    """Of which 40 are at risk at any time, one leaving and one entering."""
    n = 3000
    time = np.random.default_rng(1).permutation(n) + 1.0
    y = Cox().encode({"time": time, "event": np.ones(n, bool), "start": np.maximum(time - 40, 0)}, np.ones(n, bool)).y
    cumulative = np.exp(baseline(y, np.zeros(n), np.ones(n), "breslow").log_cumulative)
    np.testing.assert_allclose(cumulative, np.cumsum(1 / np.minimum(n - np.arange(n), 40.0)), rtol=1e-12)
