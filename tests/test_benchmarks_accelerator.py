"""The accelerator run: its budget, what a row leaves behind, the split of a timeline, and a rehearsal. No timings."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # benchmarks/ is not installed

from benchmarks import accelerator, accelerator_rows, timeline


def test_every_row_has_a_case_and_a_limit():
    assert {row.name for row in accelerator.ROWS} == {"facts", "tests", *accelerator_rows.CASES}
    assert all(0 < row.limit <= 120 for row in accelerator.ROWS)


def test_unknown_rows_are_named():
    with pytest.raises(SystemExit, match=r"No row is called 'cv-ar0.7'\. The rows are: facts, tests"):
        accelerator.chosen(["cv-ar0.7"])


def test_without_time_no_row_is_started(tmp_path):
    results = accelerator.run(0.01, tmp_path / "out.json")
    assert [row["name"] for row in results["rows"]] == [row.name for row in accelerator.ROWS]
    assert {row["not_measured"] for row in results["rows"]} == {"no time was left"}
    assert json.loads((tmp_path / "out.json").read_text()) == results


def test_a_row_over_its_limit_keeps_what_it_has(monkeypatch):
    script = "import sys, time; print('{\"median\": 2.0}', flush=True); print('here', file=sys.stderr, flush=True); "
    command = [sys.executable, "-c", script + "time.sleep(60)"]
    real = accelerator.process
    monkeypatch.setattr(accelerator, "process", lambda _, limit: real(command, limit))
    entry = accelerator.one("cv-ar0.5", 3, tiny=True)
    assert entry["median"] == 2.0
    assert entry["failed"] == {"why": "over its limit of 3 s", "last_words": ["here"]}
    command[-1] = script + "raise ValueError('no such column')"
    entry = accelerator.one("cv-ar0.5", 20, tiny=True)
    assert entry["failed"]["why"] == "status 1"
    assert entry["failed"]["last_words"][-1] == "ValueError: no such column"


def test_covered_is_the_length_of_a_union():
    assert timeline.covered([]) == 0
    assert timeline.covered([(5, 7), (0, 2), (1, 3), (1, 2), (7, 8)]) == 6


def test_a_timeline_is_split_into_device_transfers_and_host():
    def event(name, start, duration):
        return SimpleNamespace(name=name, start_ns=start * 1e9, duration_ns=duration * 1e9)

    compute = SimpleNamespace(name="Stream #1(Compute)", events=[event("fusion", 1, 2), event("MemcpyD2D", 2, 2)])
    copies = SimpleNamespace(name="Stream #2(MemcpyH2D)", events=[event("MemcpyH2D", 0, 1.5), event("MemcpyD2H", 6, 1)])
    derived = SimpleNamespace(name="XLA Modules", events=[event("jit_solve", 0, 9)])
    split = timeline.of_lines([compute, copies, derived], wall=10.0, compilation=1.0)
    assert (split["device"], split["transfers"], split["host"]) == (3.0, 2.5, 4.0)
    assert (split["kernels"], split["copies"]) == (2, 2)
    assert split["longest"][0] == {"name": "fusion", "times": 1, "seconds": 2.0}


@pytest.mark.slow
def test_the_rehearsal_writes_every_row(tmp_path):
    file = tmp_path / "accelerator.json"
    command = [sys.executable, "-m", "benchmarks", "accelerator", "--tiny", "--minutes", "6", "--out", str(file)]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert list(rows) == [row.name for row in accelerator.ROWS]
    assert not [row for row in rows.values() if "failed" in row or "not_measured" in row]
    assert rows["tests"]["passed"] > 0
    assert rows["tests"]["not_passed"] == []
    for name in accelerator_rows.CASES:
        row = rows[name]
        assert row["median"] > 0
        assert row["first"]["programs"] > 0
        assert row["split"]["wall"] > 0
        assert row["functions"]
        assert f"`{name}`" in printed
        if name != "networks-480":
            assert row["result"]["not_converged"] == 0
            assert row["judged_gap"] < 1e-4
