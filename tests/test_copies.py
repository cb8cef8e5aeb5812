"""X is not copied."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
from scipy.sparse import csr_array

from jaxreg.cv import _result
from jaxreg.design import _dense
from jaxreg.losses import Huber
from jaxreg.scores._metrics import make_metric

X = np.random.default_rng(0).standard_normal((20_000, 40))


def test_losses_of_the_training_rows_copy_no_data(monkeypatch):
    monkeypatch.setattr(_dense, "COPIED", 2**16)
    weight = np.ones(len(X))
    weight[7] = 0.0
    data = SimpleNamespace(X=X, y=X[:, 0], weight=weight, offset=None)
    path = SimpleNamespace(coef_sparse=csr_array(np.ones((1, 40))), intercept=np.zeros(1), lambdas=np.ones(1))
    metric = make_metric("mae", Huber())
    design = _dense.DenseDesign(X, weight / weight.sum(), True, np.float64, in_numpy=True)
    setup = SimpleNamespace(data=data, loss=Huber(), objective=SimpleNamespace(design=design))
    tracemalloc.start()
    loss = _result._train_loss(setup, path, None, metric, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(loss, weight @ abs(X.sum(axis=1) - X[:, 0]) / weight.sum())
    assert peak < X.nbytes / 2
