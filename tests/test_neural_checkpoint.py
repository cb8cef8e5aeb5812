"""Sweeps that go on where they ended: after Ctrl-C, a crash in a save, at the end; other sweeps are refused."""

import json
import os
import shutil
import signal
import sys
import threading
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

pytest.importorskip("orbax.checkpoint")

from jaxreg import _progress, neural
from jaxreg.neural import _fingerprint
from jaxreg.neural._checkpoint import Stage
from jaxreg.neural._sources import Resident

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((41, 3))
Y = X[:, 0] + DRAW.standard_normal(41)
EVERY = 4
# in float64, in tiles that threads train, with lanes that end at different epochs
SETTING = {
    "regularizer": (neural.L2(), neural.EarlyStopping(patience=3)),
    "strengths": ([0, 0.1, 1], [0.0]),
    "cv": 2,
    "epochs": 40,
    "batch_size": 8,
    "optimizer": optax.adam(0.05),
    "dtype": np.float64,
    "max_lanes": 2,
}


def fit(directory=None, **changes):
    return neural.fit_path(
        neural.MLP((4,)), X, Y, **(SETTING | {"checkpoint": directory, "checkpoint_every": EVERY} | changes)
    )


def same(found, expected):
    for name in ("train_loss", "valid_loss", "kept_epoch", "mean_loss", "std_error"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.params["layer0"]["kernel"].dtype == np.float64
    jax.tree.map(np.testing.assert_array_equal, found.params, expected.params)


def watched(monkeypatch, stop=lambda call: None):
    """A list of (stage, first epoch) for each call that trains; `stop` may end it before."""
    calls, original = [], Resident.train

    def train(self, plan, groups, strengths, limit, lane, first, last):
        call = ("refit" if groups.count[0] == len(X) else "folds"), first
        if call not in calls:
            calls.append(call)
            stop(call)
        return original(self, plan, groups, strengths, limit, lane, first, last)

    monkeypatch.setattr(Resident, "train", train)
    return calls


def saved(directory):
    stages = (stage for stage in directory.iterdir() if stage.is_dir())
    return {stage.name: sorted(each.name for each in stage.iterdir()) for stage in stages}


@pytest.fixture(scope="module")
def whole():
    return fit()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, whole):
    directory = tmp_path_factory.mktemp("finished")
    path = fit(directory)
    same(path, whole)
    return directory


def test_after_ctrl_c_it_goes_on_from_the_last_save(tmp_path, whole, monkeypatch):
    assert whole.kept_epoch.max() < 30  # so that no lane goes on to the last epoch
    for stage, at in (("folds", 6), ("refit", 6)):
        with monkeypatch.context() as patch:

            def ctrl_c(call, wanted=(stage, at)):
                if call == wanted:
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

            calls = watched(patch, ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                fit(tmp_path)
            assert max(first for name, first in calls if name == stage) < at + EVERY
        assert saved(tmp_path)[stage] == ["4"]
    calls = watched(monkeypatch)
    same(fit(tmp_path), whole)
    assert {name for name, _ in calls} == {"refit"}
    assert min(first for _, first in calls) == 4


def test_a_finished_sweep_trains_nothing(finished, whole, monkeypatch):
    assert saved(finished) == {"folds": ["40"], "refit": ["40"]}
    calls = watched(monkeypatch)
    same(fit(finished), whole)
    same(fit(str(finished), checkpoint_every=1), whole)
    assert not calls


def test_a_save_that_was_cut_off_does_not_count(tmp_path, whole, monkeypatch):
    renamed = []

    def rename(source, target, *rest, original=os.rename, **options):
        renamed.append(str(target))
        if len([name for name in renamed if name.endswith(os.sep + "8")]):
            raise OSError("the machine went down")
        return original(source, target, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(OSError, match="went down"):
            fit(tmp_path)
    assert any(name.startswith("8") and name != "8" for name in saved(tmp_path)["folds"])
    calls = watched(monkeypatch)
    same(fit(tmp_path), whole)
    assert min(first for name, first in calls if name == "folds") == 4
    assert saved(tmp_path) == {"folds": ["40"], "refit": ["40"]}


def test_a_save_that_cannot_be_read(finished, tmp_path):
    directory = shutil.copytree(finished, tmp_path / "damaged")
    (directory / "refit" / "40" / "default" / "_METADATA").write_text("?")
    with pytest.raises(ValueError, match=r"refit.40, which cannot be read .*; delete .*refit"):
        fit(directory)


def test_lanes_come_back_as_they_were(tmp_path):
    """Also random keys, empty arrays and narrow numbers, which states of optimizers and models may have."""
    lane = {"key": jax.random.split(jax.random.key(3, impl="rbg"), 2), "none": np.zeros((2, 0)), "state": (None, [])}
    lane["half"] = jax.numpy.arange(3, dtype="bfloat16")
    sweep = SimpleNamespace(tiles=[0, 1], epochs=9, shapes=lambda: jax.eval_shape(lambda: lane))
    stage = Stage(tmp_path, 1)
    assert stage.last(sweep, None) == (0, [None, None])
    stage.save(2, [lane, lane | {"half": lane["half"] + 1}])
    stage.save(4, [lane | {"half": lane["half"] + 2}, lane])
    done, (one, other) = stage.last(sweep, None)
    assert done == 4
    assert (other["key"] == lane["key"]).all()
    assert jax.tree.structure(one) == jax.tree.structure(lane)
    assert one["half"].dtype == lane["half"].dtype
    assert (one["half"] == lane["half"] + 2).all()
    assert (other["half"] == lane["half"]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strengths": ([0, 0.1, 2], [0.0])}, r"strengths.values\[2\]\[0\] is 1.0 there and 2.0 here"),
        (
            {"regularizer": (neural.WeightDecay(), neural.EarlyStopping(patience=3))},
            "L2.* there and .*WeightDecay.* here",
        ),
        ({"regularizer": (neural.L2(), neural.EarlyStopping(patience=2))}, "patience is 3 there and 2 here"),
        ({"cv": [(np.arange(20), np.arange(20, 41)), (np.arange(20, 41), np.arange(20))]}, "folds.rows"),
        ({"seeds": [1]}, r"seeds\[0\] is 0 there and 1 here"),
        ({"optimizer": optax.adam(0.01)}, "step_size is -0.05 there and -0.01 here"),
        ({"optimizer": optax.sgd(0.05)}, "optimizer"),
        ({"epochs": 41}, "epochs is 40 there and 41 here"),
        ({"batch_size": 9}, "batch_size is 8 there and 9 here"),
        ({"dtype": np.float32}, 'dtype is "float64" there and "float32" here'),
        ({"stream": True}, "stream is false there and true here"),
        ({"max_lanes": 4}, "lanes"),
    ],
)
def test_another_sweep_is_refused(finished, changes, words):
    with pytest.raises(ValueError, match=f"holds another sweep: .*{words}.*Give another directory"):
        fit(finished, **changes)


def test_other_data_models_and_versions_are_refused(finished, tmp_path):
    other = X.copy()
    other[40, 2] += 1e-12
    for model, x, y, words in (
        (neural.MLP((4,)), other, Y, "X.sha256"),
        (neural.MLP((4,)), X, -Y, "y"),
        (neural.MLP((5,)), X, Y, r"model.hidden\[0\] is 4 there and 5 here"),
        (neural.MLP((4,), activation=np.tanh), X, Y, "model.activation"),
    ):
        with pytest.raises(ValueError, match=f"holds another sweep: {words}"):
            neural.fit_path(model, x, y, **SETTING, checkpoint=finished)
    directory = shutil.copytree(finished, tmp_path / "older")
    there = json.loads((directory / "sweep.json").read_text())
    there["versions"]["jax"] = "0.9.0"
    (directory / "sweep.json").write_text(json.dumps(there))
    with pytest.raises(ValueError, match=r'versions.jax is "0.9.0" there and "[0-9.]+" here'):
        fit(directory)


def test_what_is_told_of_code():
    def scaled(factor, plus=0):
        def function(x, shift=plus):
            return factor * x + shift

        return function

    told = [_fingerprint.described(each) for each in (scaled(2), scaled(2), scaled(3), scaled(2, 1), lambda x: 2 * x)]
    assert told[0] == told[1]
    assert all(told[0] != other for other in told[2:])
    assert _fingerprint.differences(told[0], told[2]) == ["with.factor is 2 there and 3 here"]
    big = np.arange(1000.0)
    assert _fingerprint.described(big) == _fingerprint.described(np.repeat(big, 2)[::2])
    assert _fingerprint.described(big) != _fingerprint.described(np.append(big[:-1], 0))

    def itself():
        return itself

    assert _fingerprint.described(itself)["with"] == {"itself": "..."}
    assert _fingerprint.described({"a": np.float32("nan"), "b": (jax.random.key(1), None)}) == {
        "a": "nan",
        "b": [[0, 1], None],
    }


def test_directories_that_will_not_do(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"has 'notes.txt' in it but no sweep.json; give an empty or a new directory"):
        fit(tmp_path)
    with pytest.raises(ValueError, match="is a file; give a directory"):
        fit(tmp_path / "notes.txt")
    with pytest.raises(TypeError, match="checkpoint is 3; give the path of a directory"):
        fit(3)
    with pytest.raises(ValueError, match="checkpoint_every is 0; give a whole number >= 1"):
        fit(checkpoint_every=0)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes.txt"]


def test_without_orbax(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r'checkpoint needs orbax: pip install "jaxreg\[neural\]"'):
        fit(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_progress(whole, capsys, monkeypatch):
    pytest.importorskip("tqdm")
    same(fit(progress=True), whole)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "80/80" in shown.err
    assert "100%" in shown.err
    with pytest.raises(ValueError, match="progress is 1; give True or False"):
        fit(progress=1)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r'pip install "jaxreg\[progress\]"'):
        fit(progress=True)


def test_progress_is_shown_in_jupyter(monkeypatch):
    shells = {name: type(name, (), {}) for name in ("ZMQInteractiveShell", "TerminalInteractiveShell")}
    for name, shown in (("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)):
        shell = type("Shell", (shells[name],), {})()  # Colab's is a subclass
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert _progress.in_notebook() is shown
        assert _progress.check_progress(None) is shown
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shells["ZMQInteractiveShell"]()))
    assert _progress.check_progress(False) is False
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert _progress.check_progress(None) is False
    monkeypatch.delitem(sys.modules, "IPython")
    assert _progress.in_notebook() is False
