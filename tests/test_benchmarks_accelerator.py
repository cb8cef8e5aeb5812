"""The accelerator run: its budget, what a row leaves behind, the split of a timeline, and a rehearsal. No timings."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # benchmarks/ is not installed

from benchmarks import accelerator, accelerator_rows, blocks, kernels, roofline, timeline

FAMILIES = [name for name in accelerator_rows.CASES if "logistic" in name or name.startswith(("multinomial", "cox"))]


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


def test_rows_of_the_cores_find_no_accelerator(monkeypatch):
    asked = []

    def process(command, limit, **variables):
        asked.append(variables)
        return None, "", ""

    monkeypatch.setattr(accelerator, "process", process)
    accelerator.one("cv-ar0.5-cpu", 3, tiny=True)
    accelerator.one("cv-ar0.5", 3, tiny=True)
    assert asked == [{"JAX_PLATFORMS": "cpu"}, {}]


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


MADE_UP = roofline.Work(
    name="cv-ar0.5", numbers="float64", products="none", flops=2e12, bytes=6e12, steps=100, launches=900, calls=3,
    to_device=4e9, to_host=1e9,
)  # fmt: skip
RATES = {
    "launch_seconds": 1.0,
    "loop_step_seconds": 0.01,
    "matrix_vector_step_seconds": {"order": 1000, "seconds": 0.03},
    "to_device_bytes": 2e9,
    "to_host_bytes": 1e9,
}


def test_the_floor_is_that_of_operations_or_of_memory():
    device = roofline.Device("made up", {"float64": 1e12}, bandwidth=1e12)
    assert device.floor(MADE_UP) == 6
    assert device.floor(replace(MADE_UP, bytes=1e12)) == 2
    assert device.floor(replace(MADE_UP, numbers="float32")) is None
    # copies 2 + 1, calls 3, steps 100 * 0.01, launches 900 * 0.02, and the floor
    assert MADE_UP.counted(device, roofline.Costs.of(RATES)) == pytest.approx(3 + 3 + 19 + 6)


@pytest.mark.parametrize(
    ("date", "cells"), [("2026-11-27", "not measured | - | 63 s"), ("2026-12-01", "63 s | 2.3x | -")]
)
def test_measurements_of_the_code_before_stand_apart(date, cells):
    facts = {"name": "facts", "device": "a device", "rates": RATES, "date": date}
    entry = {"name": "cv-ar0.5", "median": 63.0, "date": date}
    table = roofline.full_table([MADE_UP], {"rows": [facts, entry]})
    assert f"| `cv-ar0.5` | float64 | none | 2 | 6e+03 | 2 s | no float64 | 27 s | {cells} |" in table
    assert table.endswith(f"Measured: a device, {date}.")


def test_work_grows_as_its_counts_do():
    row = {
        "rho": 0.5, "n": 1000, "p": 256, "folds": 4, "l1_ratios": [0.5, 1.0], "n_lambdas": 10, "mean": 3.0,
        "computed": 4.0, "steps": 20, "places": 8,
    }  # fmt: skip
    work = roofline.nets(row)
    more = roofline.nets(row | {"computed": 5.0, "steps": 25})
    assert more.flops - work.flops == 5 * 20 * 2 * 256**2
    assert more.bytes - work.bytes == 5 * 5 * 8 * (256**2 + roofline.VECTORS * 256 * 8)
    assert work.to_device == 8 * 1000 * 256
    counts = {"name": "wide", "n": 100, "p": 5000, "dtype": "float32", "solver": "pivot", "lambdas": 50, "blocks": 9,
              "at_once": 10, "products": 70, "columns": 200.0, "members": 150}  # fmt: skip
    work = roofline.path(counts)
    more = roofline.path(counts | {"blocks": 10})
    assert more.flops - work.flops == 2 * 100 * 5000 * 10
    assert more.bytes - work.bytes == 4 * 100 * 5000


def test_the_table_has_the_rows_of_the_run():
    table = roofline.read(roofline.RESULTS / "accelerator-h200.json")
    beside = "-tensorfloat32", "-fista", "-sklearn", accelerator.ON_CPU
    for name in set(accelerator_rows.CASES) - set(FAMILIES):  # whose work nobody has counted
        assert (f"| `{name}` |" in table) == (not name.endswith(beside))
    assert table in (ROOT / "benchmarks" / "accelerator.md").read_text()


@pytest.mark.slow
def test_blocks_are_counted():
    row = blocks.counted("lasso-500x200000", tiny=True)
    assert row["solver"] == "pivot"
    assert row["lambdas"] == 10
    assert 1 <= row["blocks"] <= row["lambdas"]
    assert row["products"] >= row["lambdas"] - 1
    assert 0 < row["members"] <= row["columns"]


@pytest.mark.slow
def test_the_rehearsal_writes_every_row(tmp_path):
    file = tmp_path / "accelerator.json"
    command = [sys.executable, "-m", "benchmarks", "accelerator", "--tiny", "--minutes", "9", "--out", str(file)]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert list(rows) == [row.name for row in accelerator.ROWS]
    assert not [row for row in rows.values() if "failed" in row or "not_measured" in row]
    assert rows["tests"]["passed"] > 0
    assert rows["tests"]["not_passed"] == []
    for name in accelerator_rows.CASES:
        row = rows[name]
        assert row["median"] > 0
        assert (row["first"]["programs"] > 0) == (not name.endswith("sklearn"))
        assert row["split"]["wall"] > 0
        assert row["functions"]
        assert f"`{name}`" in printed
        assert row["result"].get("not_converged", 0) == 0
        if name not in {"networks-480", *FAMILIES}:
            assert row["judged_gap"] < 1e-4


def test_launches_are_those_of_the_longest_step():
    text = """
%body (p: (f64[3])) -> (f64[3]) {
  %p = (f64[3]{0}) parameter(0)
  %x = f64[3]{0} get-tuple-element(%p), index=0
  %twice.1 = f64[3]{0} fusion(%x), kind=kLoop, calls=%twice
  %dot = (f64[3]{0}, s8[9]{0}) custom-call(%twice.1), custom_call_target="gemm"
  ROOT %end = (f64[3]{0}) tuple(%twice.1)
}
%goes_on (p: (f64[3])) -> pred[] {
  ROOT %less = pred[] fusion(%p), kind=kLoop, calls=%compare
}
%short (p: (f64[3])) -> (f64[3]) {
  ROOT %copy.1 = f64[3]{0} copy(%p)
}
ENTRY %main (a: f64[3]) -> f64[3] {
  %one = (f64[3]{0}) while(%a), condition=%goes_on, body=%short
  %two = (f64[3]{0}) while(%one), condition=%goes_on, body=%body
}
"""
    assert kernels.launches(text) == 3
