"""Ctrl-C returns what is finished; bars of progress."""

import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg import _path, _progress
from jaxreg.cv import _folded
from jaxreg.design import _placement
from jaxreg.paths import _lockstep

TALL = ar_problem(60, 8)
WIDE = ar_problem(40, 300)


def interrupted_after(points):
    """A loop over lambda that Ctrl-C ends when it has given that many points."""

    def wrap(loop, *rest):
        given = 0
        for block in loop(*rest):
            yield block
            given += len(block)
            if given >= points:
                raise KeyboardInterrupt

    return wrap


def test_a_path_keeps_its_finished_points(monkeypatch):
    whole = jr.fit_path(*WIDE, n_lambdas=40)
    original = _path.answered
    monkeypatch.setattr(_path, "answered", lambda *given: interrupted_after(12)(original, *given))
    with pytest.warns(
        jr.ConvergenceWarning, match=r"interrupted after \d+ of 40 lambdas, which are all that is returned"
    ):
        path = jr.fit_path(*WIDE, n_lambdas=40)
    length = len(path.lambdas)
    assert 12 <= length < 40
    np.testing.assert_array_equal(path.coef, whole.coef[:length])
    assert list(path.status) == [jr.Status.converged] * (length - 1) + [jr.Status.interrupted]
    assert "1 interrupted" in path.summary()


def test_nothing_finished_is_a_keyboard_interrupt(monkeypatch):
    def at_once(*given):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(_path, "answered", at_once)
    monkeypatch.setattr(_folded, "answered", at_once)
    for fit in (jr.fit_path, jr.fit_cv):
        with pytest.raises(KeyboardInterrupt):
            fit(*TALL)


def counting(monkeypatch, function, allowed):
    """Let `_lockstep.<function>` come to Ctrl-C in the call after the allowed ones."""
    original, calls = getattr(_lockstep, function), []

    def wrapped(*given):
        calls.append(given)
        if len(calls) > allowed:
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(_lockstep, function, wrapped)


def same_folds(part, whole, folds):
    """Whether `part` has the first folds of `whole`."""
    np.testing.assert_allclose(part.fold_loss, whole.fold_loss[:, :folds], rtol=1e-9)
    np.testing.assert_array_equal(part.gap.shape, (len(part.l1_ratios), folds, part.lambdas.shape[1]))
    expected = part.fold_weight @ part.fold_loss[0] / part.fold_weight.sum()
    np.testing.assert_allclose(part.mean_loss[0], expected, rtol=1e-9)
    assert part.interrupted
    assert not whole.interrupted
    assert "interrupted" in part.summary()


def test_finished_folds_of_a_tall_problem(monkeypatch):
    given = {"cv": 6, "n_lambdas": 10}
    whole = jr.fit_cv(*TALL, **given)
    original = _placement.Placement.in_threads

    def each(placement, work, items, watch=lambda result: None):
        if len(items) < 7:
            return original(placement, work, items, watch)

        def counted(item):
            if item is items[5]:  # the data come first, then folds 0 to 5
                raise KeyboardInterrupt
            return work(item)

        return original(placement, counted, items, watch)

    monkeypatch.setattr(_placement.Placement, "in_threads", each)
    with pytest.warns(jr.ConvergenceWarning, match="interrupted after 4 of 6 folds"):
        part = jr.fit_cv(*TALL, **given)
    same_folds(part, whole, 4)
    assert np.isnan(part.oof_predictions).sum() == 20


def test_finished_folds_of_a_wide_problem(monkeypatch):
    given = {"cv": 6, "repeats": 2, "n_lambdas": 5}
    whole = jr.fit_cv(*WIDE, **given)
    counting(monkeypatch, "run", 1)  # ten folds go side by side
    with pytest.warns(jr.ConvergenceWarning, match="interrupted after 10 of 12 folds"):
        part = jr.fit_cv(*WIDE, **given)
    same_folds(part, whole, 10)


def test_finished_mixing_parameters(monkeypatch):
    given = {"cv": 3, "n_lambdas": 5, "l1_ratios": [1.0, 0.5]}
    whole = jr.fit_cv(*WIDE, **given)

    def run(loops, lanes, watch, calls=[]):  # noqa: B006
        calls.append(1)
        points = original(loops, lanes, watch)
        if len(calls) == 2:
            raise _lockstep.Interrupted(points)
        return points

    original = _lockstep.run
    monkeypatch.setattr(_lockstep, "run", run)
    with pytest.warns(jr.ConvergenceWarning, match="interrupted after 1 of 2 mixing parameters"):
        part = jr.fit_cv(*WIDE, **given)
    assert part.l1_ratios.tolist() == [1.0]
    np.testing.assert_allclose(part.fold_loss, whole.fold_loss[:1], rtol=1e-9)
    assert part.interrupted


def test_finished_lambdas_of_all_folds(monkeypatch):
    given = {"cv": 3, "n_lambdas": 30}
    whole = jr.fit_cv(*WIDE, **given)
    original = _lockstep._padded
    passes = []

    def padded(*given):
        passes.append(1)
        if len(passes) == 4:
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(_lockstep, "_padded", padded)
    with pytest.warns(jr.ConvergenceWarning, match=r"interrupted after \d+ of 30 lambdas"):
        part = jr.fit_cv(*WIDE, **given)
    length = part.lambdas.shape[1]
    assert 0 < length < 30
    np.testing.assert_allclose(part.fold_loss, whole.fold_loss[:, :, :length], rtol=1e-9)
    assert part.path.status[-1] == jr.Status.interrupted
    assert part.interrupted


def test_ctrl_c_itself():
    """The signal, in a process: the path ends early, without a traceback."""
    code = (
        "import os, signal, threading, warnings\n"
        "import numpy as np, jaxreg as jr\n"
        "warnings.simplefilter('ignore')\n"
        "rng = np.random.default_rng(0)\n"
        "X = rng.standard_normal((60, 400)); y = X[:, :20].sum(axis=1) + rng.standard_normal(60)\n"
        "jr.fit_path(X, y, n_lambdas=30)\n"
        "class Y(np.ndarray): pass\n"
        "from jaxreg import _path\n"
        "original = _path.answered\n"
        "def answered(*given):\n"
        "    for k, block in enumerate(original(*given)):\n"
        "        yield block\n"
        "        if k == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "_path.answered = answered\n"
        "path = jr.fit_path(X, y, n_lambdas=30)\n"
        "print(len(path.lambdas), path.status[-1].item())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    length, status = map(int, done.stdout.split())
    assert 0 < length < 30
    assert status == jr.Status.interrupted
    assert "Traceback" not in done.stderr  # empty it need not be: jaxlib may log of programs that it reads


@pytest.mark.parametrize(
    ("fit", "words"), [(jr.fit_path, ["path: 100%", "20/20"]), (jr.fit_cv, ["folds: 100%", "80/80"])]
)
@pytest.mark.parametrize("data", [TALL, WIDE], ids=["tall", "wide"])
def test_progress_says_lambda_df_and_gap(fit, words, data, capsys):
    pytest.importorskip("tqdm")
    fit(*data, n_lambdas=20, progress=True, **({"cv": 3} if fit is jr.fit_cv else {}))
    shown = capsys.readouterr()
    assert shown.out == ""
    for word in (*words, "lambda ", "df ", "gap "):
        assert word in shown.err
    fit(*data, n_lambdas=20, **({"cv": 3} if fit is jr.fit_cv else {}))
    assert capsys.readouterr().err == ""


def test_a_bar_says_compiling_while_jax_does(capsys):
    pytest.importorskip("tqdm")
    shown = []

    def compiled():
        jax.jit(lambda x: x + 1)(1.0)  # a new function is a new program
        shown.append(capsys.readouterr().err)

    with _progress.bar(2, "path", True):
        compiled()
        thread = threading.Thread(target=compiled)
        thread.start()
        thread.join()
    for text in shown:
        assert "path, compiling: " in text
        assert text.split("\r")[-1].startswith("path: ")
    capsys.readouterr()
    compiled()
    assert shown[-1] == ""


def test_progress_without_tqdm_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r'pip install "jaxreg\[progress\]"'):
        jr.fit_path(*TALL, progress=True)
