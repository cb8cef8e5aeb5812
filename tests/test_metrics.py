"""Measures of held-out rows by their definitions, against scikit-learn and glmnet's formulas."""

import numpy as np
import pytest

from jaxreg.losses import SquaredHinge
from jaxreg.scores._metrics import make_metric
from jaxreg.scores._ranks import auc, average_precision

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
