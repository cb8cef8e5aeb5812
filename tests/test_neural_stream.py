"""Rows that stay on the host, in memory or in a file: the same path as with all rows on the device."""

import time

import jax
import numpy as np
import optax
import pytest

from jaxreg import neural
from jaxreg.neural import _sources
from jaxreg.neural._mapped import release

ADAM = optax.adam(0.02)
DRAW = np.random.default_rng(1)
LABELS = np.arange(91) % 3
IMAGES = DRAW.integers(0, 200, (91, 5, 4)) + 25 * (LABELS[:, None, None] == np.arange(3).repeat(2)[:5, None])
IMAGES = IMAGES.astype(np.uint8)
FOLDS = [(np.arange(40, 91), np.arange(40)), (np.arange(60), np.arange(60, 91))]  # of 51 and 60 rows
ROWS = DRAW.standard_normal((77, 3)).astype(np.float32)
RESPONSES = ROWS @ [[1, 0], [0, 1], [1, 1]] + DRAW.standard_normal((77, 2))


@pytest.fixture(scope="module", autouse=True)
def _small_parts():
    """Several parts of an epoch, the last one smaller; several blocks that are judged, the last one filled up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sources, "CHUNK", 2 * 2 * 16 * 20 * 4)
        patch.setattr(_sources, "JUDGED", 40)
        yield


def in_file(directory, array):
    np.save(directory / "rows.npy", array)
    return np.load(directory / "rows.npy", mmap_mode="r")


def images(X, **changes):
    given = {
        "regularizer": (neural.Dropout(inputs=True), neural.EarlyStopping(patience=2)),
        "strengths": ([0, 0.5], [0.0]),
        "cv": FOLDS,
        "epochs": 12,
        "batch_size": 16,
        "optimizer": ADAM,
    }
    return neural.fit_path(neural.MLP((6,), "classification"), X, LABELS, **(given | changes))


def rows(X, **changes):
    given = {"regularizer": neural.L2(), "strengths": [0, 0.1, 1], "cv": 3, "seeds": 2, "epochs": 3, "batch_size": 16}
    return neural.fit_path(
        neural.MLP((6,)),
        X,
        RESPONSES,
        **(given | {"optimizer": ADAM, "dtype": np.float64, "max_lanes": 6, "refit": False} | changes),
    )


def same(found, expected, dtype):
    """Minibatches and random draws are the same; the programs are not, which may show in the last bits."""
    np.testing.assert_array_equal(found.kept_epoch, expected.kept_epoch)
    tolerance = 100 * np.finfo(dtype).eps
    for name in ("params", "train_loss", "valid_loss"):
        parts = jax.tree.leaves(getattr(found, name)), jax.tree.leaves(getattr(expected, name))
        for one, other in zip(*parts, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def equal(found, expected):
    jax.tree.map(
        np.testing.assert_array_equal,
        (found.params, found.train_loss, found.valid_loss),
        (expected.params, expected.train_loss, expected.valid_loss),
    )


def reads(monkeypatch):
    """A list of how many rows are read at a time."""
    found, original = [], _sources.Streamed._read

    def read(self, at):
        found.append(at.size)
        return original(self, at)

    monkeypatch.setattr(_sources.Streamed, "_read", read)
    return found


@pytest.fixture(scope="module")
def streamed_rows(tmp_path_factory):
    return rows(in_file(tmp_path_factory.mktemp("rows"), ROWS))


@pytest.mark.slow
def test_images_in_a_file(tmp_path):
    """Of uint8, in folds of unequal size, with lanes that stop early and are refitted."""
    X = in_file(tmp_path, IMAGES)
    streamed, resident = images(X), images(IMAGES)
    assert len(np.unique(resident.kept_epoch)) > 1
    same(streamed, resident, np.float32)
    equal(images(IMAGES, stream=True), streamed)
    equal(images(X, stream=False), resident)
    np.testing.assert_array_equal(streamed.predict(X), resident.predict(IMAGES))


def test_rows_in_a_file_in_float64(streamed_rows, tmp_path, monkeypatch):
    """Of float32, in tiles that threads train."""
    resident = rows(ROWS)
    assert resident.valid_loss.shape == (3, 3, 2, 3)
    same(streamed_rows, resident, np.float64)
    found = reads(monkeypatch)
    equal(rows(in_file(tmp_path, ROWS)), streamed_rows)
    assert max(found) * ROWS[0].size * 8 <= _sources.CHUNK
    # 3 tiles see an example; in 3 epochs 4 minibatches of 2 groups in parts of 4 or fewer, and 2 blocks to judge
    assert np.sum(found) == 3 * (1 + 3 * (4 * 2 * 16 + 2 * 40))


def test_ctrl_c_stops_the_readers(streamed_rows, tmp_path, monkeypatch):
    pytest.importorskip("orbax.checkpoint")
    X, found, calls, original = in_file(tmp_path, ROWS), reads(monkeypatch), [], _sources._end_of_epoch

    def end_of_epoch(*given):
        calls.append(1)
        if len(calls) == 5:  # of 9, in the second epoch
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(_sources, "_end_of_epoch", end_of_epoch)
    given = {"checkpoint": tmp_path / "sweep", "checkpoint_every": 1}
    with pytest.raises(KeyboardInterrupt):
        rows(X, **given)
    before = len(found)
    time.sleep(0.2)
    assert len(found) == before
    assert len(calls) < 9
    equal(rows(X, **given), streamed_rows)
    assert (tmp_path / "sweep" / "folds" / "3").is_dir()


def test_an_error_in_a_reader_comes_to_the_caller(monkeypatch):
    def read(self, at):
        if at.size > 1:
            raise OSError("the disk is gone")
        return original(self, at)

    original = _sources.Streamed._read
    monkeypatch.setattr(_sources.Streamed, "_read", read)
    with pytest.raises(OSError, match="the disk is gone"):
        rows(ROWS, stream=True)


def test_pages_are_let_go_but_for_changes(tmp_path):
    X = in_file(tmp_path, ROWS)
    release(X)
    release(X[::2])
    np.testing.assert_array_equal(X, ROWS)
    changed = np.load(tmp_path / "rows.npy", mmap_mode="c")
    changed[3] = 7
    release(changed)
    assert (changed[3] == 7).all()
    release(ROWS)


def test_stream_is_a_flag():
    with pytest.raises(ValueError, match="stream is 'yes'; give True or False"):
        rows(ROWS, stream="yes")
