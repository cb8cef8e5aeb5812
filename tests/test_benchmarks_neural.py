"""The benchmarks of `jaxreg.neural`: the committed study of the digits, its code from end to end, and the timed row."""

import inspect
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxreg as jr

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import digits, digits_figure, neural, process, readme
from benchmarks.workers import loop

STUDY = json.loads((digits.FOLDER / "digits.json").read_text())


def test_every_regularizer_is_studied():
    public = {name: getattr(jr.neural, name) for name in jr.neural.__all__}
    regularizers = {
        name
        for name, each in public.items()
        if inspect.isclass(each) and issubclass(each, jr.neural.Regularizer) and not inspect.isabstract(each)
    }
    assert regularizers == set(digits.STUDIES) == set(STUDY["regularizers"])
    assert all(type(study.regularizer).__name__ == name for name, study in digits.STUDIES.items())


@pytest.mark.parametrize("name", list(digits.STUDIES))
def test_the_least_loss_is_inside_the_grid_or_the_caption_says_why_not(name):
    entry, study = STUDY["regularizers"][name], digits.STUDIES[name]
    np.testing.assert_allclose(entry["strengths"], study.strengths)
    assert (entry["optimizer"], entry["epochs"]) == (study.optimizer, digits.EPOCHS)
    train, valid = np.array(entry["train_loss"]), np.array(entry["valid_loss"])
    assert train.shape == valid.shape == (len(study.strengths), STUDY["draws"])
    assert np.isfinite(train).all()
    mean = valid.mean(axis=1)
    best = int(mean.argmin())
    over = valid[[0, -1]] - valid[best]
    errors = over.std(axis=1, ddof=1) / STUDY["draws"] ** 0.5
    assert entry["chosen"] == entry["strengths"][best]
    assert entry["least"] == pytest.approx(mean[best], rel=1e-5)
    assert entry["interior"] == (0 < best < len(mean) - 1)
    assert entry["beats_ends"] == bool((over.mean(axis=1) > 2 * errors).all())
    np.testing.assert_allclose(entry["over_ends"], np.transpose([over.mean(axis=1), errors]), rtol=1e-4)
    assert entry["reason"] == digits.REASONS.get(name)
    said = digits_figure.caption(entry)
    assert ("two standard errors" in said) == (entry["interior"] and not entry["beats_ends"])
    assert entry["interior"] or (entry["reason"] and "at the end" in said)


def test_without_regularization_the_network_overfits():
    for name, entry in STUDY["regularizers"].items():
        if entry["strengths"][0] == 0 and entry["optimizer"] == "adam":
            assert np.mean(entry["train_loss"][0]) < 0.01 < 0.2 < np.mean(entry["valid_loss"][0]), name


def test_the_figure_was_drawn_from_these_numbers():
    with Image.open(digits.FOLDER / "digits.png") as picture:
        captions = json.loads(picture.info["Description"])
    assert captions == {name: digits_figure.caption(entry) for name, entry in STUDY["regularizers"].items()}
    for name, entry in STUDY["regularizers"].items():
        inside = f"least {entry['least']:.3f} at {entry['chosen']:.2g};" in captions[name]
        assert inside == entry["interior"]
        assert (entry["reason"] or "") in captions[name]


@pytest.mark.slow
def test_the_study_runs_from_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "DRAWS", 2)
    monkeypatch.setattr(digits, "HIDDEN", (8,))
    monkeypatch.setitem(digits.STUDIES, "L2", digits.Study(jr.neural.L2(), (0.0, 100.0)))
    before = {name: STUDY["regularizers"][name] for name in ("BatchNorm", "L2")}
    (tmp_path / "digits.json").write_text(json.dumps({"regularizers": before}))
    results = digits.run(["L2"], epochs=2, folder=tmp_path)
    assert json.loads((tmp_path / "digits.json").read_text())["regularizers"] == results["regularizers"]
    assert list(results["regularizers"]) == ["L2", "BatchNorm"]
    assert results["regularizers"]["BatchNorm"] == before["BatchNorm"]
    found = results["regularizers"]["L2"]
    assert np.shape(found["valid_loss"]) == np.shape(found["train_loss"]) == (2, 2)
    assert (found["chosen"], found["interior"]) == (0, False)  # two epochs do not overfit
    assert (np.array(found["train_loss"][0]) < found["train_loss"][1]).all()
    with Image.open(tmp_path / "digits.png") as picture:
        captions = json.loads(picture.info["Description"])
    assert captions["L2"] == digits_figure.caption(found) != digits_figure.caption(before["L2"])


def test_draws_are_stratified_and_judge_all_other_images():
    X, y, pairs = digits.data()
    assert (X.min(), X.max(), X.shape) == (0, 1, (1797, 64))
    for train, test in pairs:
        assert sorted([*train, *test]) == list(range(len(y)))
        assert set(np.bincount(y[train])) <= {19, 20, 21}


def test_captions_tell_ends_and_reasons():
    entry = {"strengths": [0.0, 1.0, 2.0], "chosen": 1.0, "least": 0.2, "interior": True, "reason": None}
    entry["beats_ends"] = True
    entry["over_ends"] = [[0.1, 0.01], [0.3, 0.02]]
    said = "least 0.200 at 1; ends 0.3 (0.100 ± 0.010 more) and 0.5 (0.300 ± 0.020 more)."
    assert digits_figure.caption(entry) == said
    assert digits_figure.caption(entry | {"beats_ends": False}) == f"{said} An end is within two standard errors."
    entry |= {"chosen": 2.0, "interior": False, "reason": "There is no more.", "over_ends": [[0.1, 0.01], [0.0, 0.0]]}
    said = "least 0.200 at the end, 2; other end 0.3 (0.100 ± 0.010 more). There is no more."
    assert digits_figure.caption(entry) == said


def test_the_sample_of_the_loop_spreads_over_strengths_folds_and_seeds():
    runs = np.array(neural.sample())
    assert len(np.unique(runs, axis=0)) == len(runs) >= 24
    counts = [np.bincount(column, minlength=size) for column, size in zip(runs.T, neural.SIZE, strict=True)]
    assert all(count.min() >= 1 and np.ptp(count) <= 2 for count in counts)
    assert neural.NETWORKS % neural.EVERY == 0


def test_workers_get_the_digits_with_their_folds(tmp_path):
    problem = neural.problem()
    process.write_job(problem, tmp_path)
    X, y, strengths, _, folds = loop.load(tmp_path)
    np.testing.assert_array_equal(X, problem.X)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(strengths[0], neural.STRENGTHS)
    for k in range(neural.FOLDS):
        assert set(np.bincount(y[folds == k].astype(int))) <= {34, 35, 36, 37}


def test_networks_of_the_loop_must_have_the_losses_of_the_sweep():
    batched = np.random.default_rng(0).uniform(0.1, 2, (2, *neural.SIZE))
    single = np.array([[losses[tuple(run)] for run in neural.sample()] for losses in batched])
    assert neural.agreement(batched, single)["largest"] == 0
    single[1, 5] *= 1.2
    with pytest.raises(AssertionError, match="losses of the loop"):
        neural.agreement(batched, single)


def timed(title, networks, median):
    cold = {"seconds": 20.0, "networks": networks, "whole_mb": 500.0}
    return {"program": title, "networks": networks, "median": median, "cold": cold}


def test_the_table_says_what_was_scaled_up(tmp_path):
    row = {
        "strengths": [0.0, 1.0],
        "folds": 5,
        "seeds": 3,
        "networks": 480,
        "epochs": 20,
        "runs": 3,
        "agreement": {"networks": 69, "largest": 2e-4},
        "quality": {"batched": {"valid_loss": [0.2, 0.1], "accuracy": [0.9, 0.95]}},
        "results": {"batched": timed("one call", 480, 10.0), "loop": timed("a loop", 69, 35.0)},
    }
    machine = {"cpu": "a processor", "cores": 2, "memory_gb": 8, "system": "Linux"}
    results = {"neural": True, "machine": machine, "versions": {}, "absent": {}, "date": "2026-01-01", "rows": [row]}
    text = neural.full_table(results)
    assert "| one call | 10 s | 1x | 20 s | 500 MB | 0.100 | 0.950 |" in text
    assert "| a loop | 35 s | 3.5x | 20 s | 500 MB | the same | the same |" in text
    assert "Scaled up from a part of the networks: a loop 69." in text
    file = tmp_path / "README.md"
    file.write_text("<!-- neural-benchmarks -->\nold\n<!-- /neural-benchmarks -->\n")
    readme.update(file, results)
    assert file.read_text() == f"<!-- neural-benchmarks -->\n{text}\n<!-- /neural-benchmarks -->\n"


def test_the_readme_has_the_committed_results():
    results = json.loads(neural.FILE.read_text())
    assert neural.full_table(results) in (neural.FILE.parents[1] / "README.md").read_text(encoding="utf-8")
    (row,) = results["rows"]
    assert row["agreement"]["largest"] <= row["agreement"]["tolerance"]
