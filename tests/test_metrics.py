"""Measures of held-out rows by their definitions, against scikit-learn and glmnet's formulas."""

import numpy as np
import pytest

from jaxreg.losses import Cox, SquaredHinge
from jaxreg.losses._base import Observed
from jaxreg.scores._metrics import make_metric
from jaxreg.scores._ranks import auc, average_precision
from jaxreg.scores._survival import concordance

sklearn_metrics = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(5)
M, L = 80, 7
SHARE = (RNG.uniform(size=M) < 0.3).astype(float)
ETA = np.round(RNG.standard_normal((M, L)) + SHARE[:, None], 1)  # with ties
ETA[:, -1] = 0.5  # nothing but ties
WEIGHT = RNG.integers(0, 4, M).astype(float) * RNG.uniform(0.5, 2, M)
EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("blocks", [2**20, 100], ids=["together", "in blocks"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(auc, sklearn_metrics.roc_auc_score), (average_precision, sklearn_metrics.average_precision_score)],
)
def test_ranks_are_measured_as_by_scikit_learn(ours, theirs, blocks, monkeypatch):
    monkeypatch.setattr("jaxreg.scores._ranks.AT_ONCE", blocks)
    expected = [theirs(SHARE, column, sample_weight=WEIGHT) for column in ETA.T]
    np.testing.assert_allclose(ours(SHARE, ETA, WEIGHT), expected, **EXACT)
    metric = make_metric({auc: "auc", average_precision: "average_precision"}[ours], SquaredHinge())
    np.testing.assert_allclose(metric.measured(metric.in_fold(2 * SHARE - 1, ETA, WEIGHT)), expected, **EXACT)


@pytest.mark.parametrize("measure", [auc, average_precision])
def test_shares_of_a_class_are_rows_of_both(measure):
    share, twice = RNG.uniform(size=M), np.concatenate([np.ones(M), np.zeros(M)])
    split = np.concatenate([share * WEIGHT, (1 - share) * WEIGHT])
    np.testing.assert_allclose(measure(share, ETA, WEIGHT), measure(twice, np.tile(ETA, (2, 1)), split), **EXACT)


def test_the_area_is_the_share_of_pairs_in_order():
    pairs = np.sign(ETA[SHARE == 1][:, None] - ETA[SHARE == 0][None]) / 2 + 0.5
    weight = WEIGHT[SHARE == 1][:, None] * WEIGHT[SHARE == 0]
    np.testing.assert_allclose(auc(SHARE, ETA, WEIGHT), np.einsum("ab,abl->l", weight, pairs) / weight.sum(), **EXACT)


def test_misclassification_is_one_less_the_accuracy():
    metric, y = make_metric("misclassification", SquaredHinge()), 2 * SHARE - 1
    expected = [
        1 - sklearn_metrics.accuracy_score(y, np.where(column > 0, 1, -1), sample_weight=WEIGHT) for column in ETA.T
    ]
    np.testing.assert_allclose(metric.in_fold(y, ETA, WEIGHT), expected, **EXACT)
    np.testing.assert_allclose(WEIGHT @ metric.of_rows(y, ETA) / WEIGHT.sum(), expected, **EXACT)


def censored(late=True, strata=True):
    """Times with ties, of events and of censoring, perhaps of rows that enter late, in strata."""
    time = RNG.integers(3, 12, M).astype(float)
    start = np.where(RNG.uniform(size=M) < 0.4, RNG.integers(0, 10, M), -1.0) if late else np.full(M, -1.0)
    event = (RNG.uniform(size=M) < 0.6).astype(float)
    return Observed(time, event, np.where(start < time, start, -1.0), RNG.integers(0, 3, M) * float(strata))


@pytest.mark.parametrize("blocks", [2**20, 100], ids=["together", "in blocks"])
@pytest.mark.parametrize(("late", "strata"), [(False, False), (True, False), (True, True)])
def test_the_c_index_is_the_share_of_comparable_pairs_in_order(late, strata, blocks, monkeypatch):
    monkeypatch.setattr("jaxreg.scores._survival.AT_ONCE", blocks)
    observed = censored(late, strata)
    time, event, start, stratum = observed
    after = (time > time[:, None]) | ((time == time[:, None]) & (event == 0))
    comparable = (event[:, None] > 0) & after & (start < time[:, None]) & (stratum == stratum[:, None])
    weight = WEIGHT[:, None] * WEIGHT * comparable
    right = np.sign(ETA[:, None] - ETA[None]) / 2 + 0.5
    expected = np.einsum("ij,ijl->l", weight, right) / weight.sum()
    np.testing.assert_allclose(concordance(observed, ETA, WEIGHT), expected, **EXACT)


def test_the_deviance_of_survival_is_a_difference_for_an_event():
    """2 (saturated - partial) log-likelihoods of all rows less those of the training rows, by Breslow's formula."""
    time, event, *_ = censored(late=False, strata=False)

    def deviance(weight, eta):
        total = 0.0
        for t in np.unique(time[(event > 0) & (weight > 0)]):
            dead, risk = (time == t) & (event > 0), weight @ (np.exp(eta) * (time >= t))
            dead_weight = weight[dead].sum()
            total += 2 * (dead_weight * np.log(risk) - weight[dead] @ eta[dead] - dead_weight * np.log(dead_weight))
        return total

    loss = Cox(ties="breslow")
    y = loss.encode({"time": time, "event": event}, np.ones(M, bool)).y
    metric, held_out = make_metric("deviance", loss), WEIGHT * (np.arange(M) % 3 == 0)
    training = WEIGHT - held_out
    expected = [deviance(WEIGHT, eta) - deviance(training, eta) for eta in ETA.T]
    np.testing.assert_allclose(metric.of_split(y, ETA, training, held_out), expected / (held_out @ event), rtol=1e-10)
    rows = held_out > 0
    alone = [deviance(held_out, eta) for eta in ETA.T]
    np.testing.assert_allclose(
        metric.in_fold(y[rows], ETA[rows], held_out[rows]), alone / (held_out @ event), rtol=1e-10
    )
    assert metric.lacks(y[event == 0], WEIGHT[event == 0], None) == "there is no event"
