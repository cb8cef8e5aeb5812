"""Survival curves and baseline hazards of paths."""

import pickle

import numpy as np
import pytest

import jaxreg as jr
from jaxreg.losses import Cox
from jaxreg.losses._survival import baseline, survival

N, P, M = 60, 4, 5
RNG = np.random.default_rng(3)
X = RNG.standard_normal((N, P)) + 1.0
TIME = np.ceil(RNG.exponential(np.exp(-X[:, 0])) * 20)
Y = {"time": TIME, "event": RNG.uniform(size=N) < 0.7, "start": np.floor(RNG.uniform(0, 0.5, N) * TIME)}
STRATA = np.array(["new", "old", "other"], object)[np.arange(N) % 3]
WEIGHT, OFFSET = np.where(np.arange(N) % 7, RNG.uniform(0.5, 2.0, N), 0.0), RNG.uniform(-1, 1, N)
OWN = {"strata": STRATA, "offset": OFFSET}
TIMES = [0.0, 30.0, 3.0, 9.0]
NEW = {"strata": STRATA[:M], "offset": OFFSET[:M]}


@pytest.fixture(scope="module")
def path():
    return jr.fit_path(X, Y, loss="cox", sample_weight=WEIGHT, n_lambdas=5, lambda_min_ratio=0.1, **OWN)


def expected(path, lam):
    """Of the new rows, by the formulas of one fit."""
    eta = path.predict(X, lam, OFFSET)
    y = Cox().encode(Y, WEIGHT > 0, STRATA).y
    return survival(baseline(y, eta, WEIGHT, "efron"), eta[:M], np.array(TIMES), y[:M, 3])


def test_curves_are_those_of_the_fit_at_any_lambda(path):
    assert path.loss_parameters == {"ties": "efron"}
    np.testing.assert_array_equal(path.intercept, 0.0)
    between = 0.3 * path.lambdas[2] + 0.7 * path.lambdas[3]
    for lam in (path.lambdas[1], between, 0.0):
        np.testing.assert_allclose(path.survival(X[:M], TIMES, lam, **NEW), expected(path, lam), rtol=1e-10)
    curves = path.survival(X[:M], TIMES, **NEW)
    assert curves.shape == (M, 4, 5)
    np.testing.assert_allclose(curves[..., 3], expected(path, path.lambdas[3]), rtol=1e-10)
    np.testing.assert_allclose(path.predict(X, 0.0, OFFSET, "response"), np.exp(path.predict(X, 0.0, OFFSET)))


def test_the_baseline_is_that_of_a_row_of_zeros(path):
    frame = path.baseline_hazard(0.0)
    own = frame[frame["stratum"] == "old"]
    zeros = {"strata": ["old"], "offset": [0.0]}
    curve = path.survival(np.zeros((1, P)), own["time"], 0.0, **zeros)[0]
    np.testing.assert_allclose(np.exp(-own["cumulative_hazard"]), curve, rtol=1e-12)
    assert set(frame["stratum"]) == set(STRATA)


def test_files_and_pickles_have_the_curves(path, tmp_path):
    path.save(tmp_path / "path.npz")
    curves = path.survival(X[:M], TIMES, 0.05, **NEW)
    for again in (jr.PathResult.load(tmp_path / "path.npz"), pickle.loads(pickle.dumps(path))):
        np.testing.assert_array_equal(again.survival(X[:M], TIMES, 0.05, **NEW), curves)
        assert again.baseline_hazard(0.05).equals(path.baseline_hazard(0.05))


def test_folds_take_strata_by_the_index_of_X(tmp_path):
    pd = pytest.importorskip("pandas")
    rows = [f"r{i}" for i in range(N)]
    table, strata = pd.DataFrame(X, index=rows), pd.Series(STRATA, index=rows)
    options = {"loss": "cox", "n_lambdas": 4, "lambda_min_ratio": 0.1, "cv": 3, "metric": "c_index"}
    cv = jr.fit_cv(table, pd.DataFrame(Y, index=rows), strata=strata, **options)
    curves = cv.survival(table[:M], TIMES, strata=strata[:M])
    np.testing.assert_allclose(curves, cv.path.survival(X[:M], TIMES, cv.lambda_min, STRATA[:M]), rtol=1e-12)
    np.testing.assert_allclose(cv.survival(X[:M], TIMES, cv.lambda_min, STRATA[:M]), curves, rtol=1e-12)
    codes = np.unique(STRATA.astype(str), return_inverse=True)[1]
    np.testing.assert_array_equal(cv.y[:, 3], codes)
    assert 0 < cv.assess()["c_index"].iloc[0] < 1
    cv.save(tmp_path / "cv.npz")
    again = jr.CVResult.load(tmp_path / "cv.npz")
    np.testing.assert_allclose(again.survival(X[:M], TIMES, strata=STRATA[:M]), curves, rtol=1e-12)
    backwards = jr.fit_cv(table, Y, strata=strata[::-1], **options)
    np.testing.assert_array_equal(backwards.fold_loss, cv.fold_loss)


BAD = [
    ({"strata": None}, r"strata is missing; give every row one of those of the fit, 'new', 'old', 'other'"),
    ({"strata": ["new"] * 4 + ["none"]}, r"strata has the label 'none', but the strata of the fit are 'new', 'old'"),
    ({"offset": None}, "offset"),
    ({"times": [[1.0]]}, r"times has shape \(1, 1\); give a list of numbers"),
    ({"times": [np.nan]}, "times has NaN"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_input(path, given, message):
    with pytest.raises(ValueError, match=message):
        path.survival(**({"X": X[:M], "times": TIMES, "lam": 0.1} | NEW | given))


def test_what_has_no_curves(path):
    other = jr.fit_path(X, X[:, 0], n_lambdas=2)
    with pytest.raises(ValueError, match=r"the loss Squared\(\) is not that of survival times"):
        other.survival(X, TIMES)
    with pytest.raises(ValueError, match="lam is missing"):
        path.baseline_hazard()
    with pytest.raises(ValueError, match="X has 60 rows, too many to tell apart; give at most 10"):
        path.plot_survival(X, lam=0.1, **OWN)


def test_figure(path):
    pytest.importorskip("matplotlib")
    from figures import new_axes

    ax = path.plot_survival(X[:M], lam=0.05, ax=new_axes(), **NEW)
    frame = path.plot_survival.frame(X[:M], lam=0.05, **NEW)
    assert frame.columns.tolist() == ["time", "row 0", "row 1", "row 2", "row 3", "row 4"]
    events = np.unique(Y["time"][Y["event"] & (WEIGHT > 0)])
    for line, label in zip(ax.lines, frame.columns[1:], strict=True):
        assert line.get_label() == label
        assert line.get_drawstyle() == "steps-post"
        np.testing.assert_array_equal(line.get_xdata(), np.append(0.0, events))
        np.testing.assert_array_equal(line.get_ydata(), frame[label])
    few = path.plot_survival(X[:1], [9.0, 3.0], lam=0.05, ax=new_axes(), strata=["new"], offset=[0.0])
    np.testing.assert_array_equal(few.lines[0].get_xdata(), [3.0, 9.0])


def test_held_out_predictors_of_all_folds_have_one_level(path):
    folds = np.arange(N) % 2
    lam = path.lambdas[2]
    cv = jr.fit_cv(X, Y, loss="cox", cv=folds, sample_weight=WEIGHT, lambdas=[lam], **OWN)
    mean = WEIGHT @ X / WEIGHT.sum()
    for k in (0, 1):
        trained = np.where(folds == k, 0.0, WEIGHT)
        coef = jr.fit_path(X, Y, loss="cox", sample_weight=trained, lambdas=[lam], **OWN).coef[0]
        held = folds == k
        np.testing.assert_allclose(
            cv.oof_predictions[held], (X[held] - mean) @ coef + OFFSET[held], atol=1e-4 * np.abs(coef).max()
        )
    np.testing.assert_array_equal(cv.path.intercept, 0.0)
