"""The accelerator run: rows in order of value, each in a process of its own with a limit; JSON after each."""

import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.environments import clean_variables
from benchmarks.table import markdown, seconds

ROOT = Path(__file__).parents[1]
SCHEMA = 1
LEAST = 10.0  # seconds: with less left no row is started
WORDS = 25  # last lines of what a row that failed wrote


@dataclass(frozen=True)
class Row:
    """A row, what it measures, and the seconds that its process may take."""

    name: str
    what: str
    limit: float


TESTS = "tests"
ROWS = (
    Row("facts", "device and rates", 60),
    Row(TESTS, "pytest -m device", 90),
    Row("cv-ar0.5", "10000 x 1000, 10 folds x 10 mixes x 100 lambdas, side by side", 60),
    Row("cv-ar0.9", "the same, columns more alike", 75),
    Row("cv-ar0.9-tensorfloat32", "the same, first steps in TensorFloat-32", 75),
    Row("lasso-500x200000", "lasso path", 60),
    Row("lasso-20000x20000", "lasso path", 120),
    Row("group-1000x20000", "group lasso path", 90),
    Row("logistic-20000x2000", "lasso path of the binomial loss, all lambdas side by side", 60),
    Row("cv-logistic-20000x2000", "the same in 10 folds, all side by side", 90),
    Row("multinomial-20000x1000", "lasso path of five classes", 90),
    Row("cox-20000x1000", "lasso path of survival times", 90),
    Row("networks-480", "480 networks on digits, 20 epochs", 60),
    Row("cv-ar0.5-fista", "as cv-ar0.5, by FISTA in plain JAX", 60),
    Row("cv-ar0.9-fista", "as cv-ar0.9, by FISTA in plain JAX", 75),
    Row("cv-ar0.5-cpu", "as cv-ar0.5, on the cores of this machine", 60),
    Row("cv-ar0.9-cpu", "as cv-ar0.9, on the cores of this machine", 75),
    Row("lasso-500x200000-cpu", "as lasso-500x200000, on the cores of this machine", 60),
    Row("cv-ar0.5-sklearn", "as cv-ar0.5, by scikit-learn's ElasticNetCV", 120),
    Row("lasso-500x200000-sklearn", "as lasso-500x200000, by scikit-learn's lasso_path", 120),
    Row("logistic-20000x2000-cpu", "as logistic-20000x2000, on the cores of this machine", 120),
    Row("lasso-20000x20000-cpu", "as lasso-20000x20000, on the cores of this machine", 120),
)
ON_CPU = "-cpu"  # ends the names of rows in whose process JAX finds no accelerator


def run(minutes, file, tiny=False, names=None):
    """Measure, write `file` after each row, and return what it holds. Rows that it has already are replaced."""
    deadline = time.monotonic() + 60 * minutes
    results = json.loads(file.read_text()) if file.exists() else {"rows": []}
    results |= {"schema": SCHEMA, "accelerator": True, "tiny": tiny, "machine": machine.describe()}
    order = [row.name for row in ROWS]
    file.parent.mkdir(parents=True, exist_ok=True)
    for row in chosen(names):
        left = deadline - time.monotonic()
        entry = {"name": row.name, "what": row.what, "date": machine.today(), "commit": machine.commit()}
        if left < LEAST:
            entry["not_measured"] = "no time was left"
        else:
            limit, began = min(row.limit, left), time.monotonic()
            entry |= tests(limit, tiny) if row.name == TESTS else one(row.name, limit, tiny)
            entry["process_seconds"] = time.monotonic() - began
        others = [other for other in results["rows"] if other["name"] != row.name]
        rows = [*others, entry]  # of those that a file has from before, some may be no more
        results["rows"] = sorted(rows, key=lambda row: [*order, row["name"]].index(row["name"]))
        file.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
        print(line(entry), file=sys.stderr, flush=True)
    return results


def chosen(names):
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise SystemExit(f"No row is called {unknown[0]!r}. The rows are: {', '.join(known)}")
    return [known[name] for name in names] if names else ROWS


def one(name, limit, tiny):
    """What the process of a row emitted, and its end if it is not a good one."""
    command = [sys.executable, "-m", "benchmarks.accelerator_rows", name, str(limit), *["--tiny"] * tiny]
    variables = {"JAX_PLATFORMS": "cpu"} if name.endswith(ON_CPU) else {}
    ended, output, errors = process(command, limit, **variables)
    entry = {}
    for emitted in output.splitlines():
        if emitted.startswith("{"):
            entry |= json.loads(emitted)
    if ended:
        entry["failed"] = {"why": ended, "last_words": errors.strip().splitlines()[-WORDS:]}
    return entry


def process(command, limit, **variables):
    """(None or why it ended badly, what it wrote to stdout, to stderr) of a command that is killed at its limit."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        # Threads, memory and XLA's options are left at their defaults: so users run it.
        environment = clean_variables(**variables)
        try:
            done = subprocess.run(
                command, stdout=output, stderr=errors, timeout=limit, cwd=ROOT, env=environment, check=False
            )
            ended = f"status {done.returncode}" if done.returncode else None
        except subprocess.TimeoutExpired:
            ended = f"over its limit of {limit:.0f} s"
        output.seek(0)
        errors.seek(0)
        return ended, output.read(), errors.read()


def tests(limit, tiny):
    """The tests marked `device`: how many passed, which failed and why, and the slowest."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        workers = min(8, os.cpu_count() or 1)
        command = [sys.executable, "-m", "pytest", "-q", "-m", "device", f"-n{workers}", "--dist=worksteal"]
        command += ["-p", "no:cacheprovider", "-p", "xdist", "--tb=short", "--continue-on-collection-errors"]
        command += [f"--junitxml={report}", "tests/test_proximal.py" if tiny else "tests"]
        # Some processes share the memory of the device; programs are compiled as users compile them; plugins of pytest
        # that happen to be there warn of each other.
        variables = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
        variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        ended, output, errors = process(command, limit, **variables)
        if not report.exists():
            words = (output + errors).strip().splitlines()[-WORDS:]
            return {"failed": {"why": ended or "no report", "last_words": words}}
        cases = list(ET.parse(report).getroot().iter("testcase"))
    names = [f"{case.get('classname')}::{case.get('name')}" for case in cases]
    bad = [(name, node) for name, case in zip(names, cases, strict=True) for node in case if node.tag != "skipped"]
    slow = sorted(zip(names, cases, strict=True), key=lambda pair: -float(pair[1].get("time", 0)))[:8]
    entry = {
        "passed": sum(all(node.tag not in ("failure", "error", "skipped") for node in case) for case in cases),
        "skipped": sum(any(node.tag == "skipped" for node in case) for case in cases),
        "not_passed": [
            {"test": name, "message": (node.get("message") or "")[:600], "where": (node.text or "")[-900:]}
            for name, node in bad
            if node.tag in ("failure", "error")
        ],
        "slowest": [{"test": name, "seconds": float(case.get("time", 0))} for name, case in slow],
    }
    return entry | ({"failed": {"why": ended, "last_words": output.strip().splitlines()[-3:]}} if ended else {})


def line(entry):
    """One row in a line."""
    name, failed = entry["name"], entry.get("failed")
    if "not_measured" in entry:
        return f"{name}: not measured, {entry['not_measured']}"
    if "passed" in entry:
        said = f"{entry['passed']} passed, {len(entry['not_passed'])} failed, {entry['skipped']} skipped"
    elif "median" in entry:
        said = f"{seconds(entry['median'])} s warm, {seconds(entry['first']['seconds'])} s at first"
    else:
        said = entry.get("device", "no figure")
    return f"{name}: {said}" + (f" ({failed['why']})" if failed else "")


def full_table(results):
    """What `python -m benchmarks table` prints."""
    entries = {entry["name"]: entry for entry in results["rows"]}
    about, suite = entries.get("facts", {}), entries.get(TESTS, {})
    measured = sorted({f"{entry['date']} ({entry['commit']})" for entry in results["rows"]})
    heading = f"{about.get('device', 'unknown device')}, {results['machine']['cpu']}; {', '.join(measured)}."
    body = [_cells(entry) for entry in results["rows"] if entry["name"] not in ("facts", TESTS)]
    head = [
        "row",
        "warm",
        "first call",
        "compiled",
        "device",
        "copies",
        "host",
        "peak",
        "gap",
        "by the judge",
        "solver",
    ]
    parts = [heading, line(suite) if suite else "", _rates(about.get("rates")), markdown(head, body)]
    return "\n\n".join(filter(None, parts))


def _cells(entry):
    split, first, result = (entry.get(name) or {} for name in ("split", "first", "result"))

    def shown(value, unit="s"):
        return "-" if value is None else f"{seconds(value)} {unit}"

    judged = entry.get("judged_gap")
    return [
        f"`{entry['name']}`",
        shown(entry.get("median")) if not entry.get("failed") else entry["failed"]["why"],
        shown(first.get("seconds")),
        shown(first["backend"] + first["lowering"]) if first else "-",
        *(shown(split.get(name)) for name in ("device", "transfers", "host")),
        f"{entry['device_peak_mb']:.0f} MB" if entry.get("device_peak_mb") else "-",
        f"{result['gap']:.0e}" if "gap" in result else "-",
        f"{judged:.0e}" if judged is not None else "-",
        result.get("solver", "-"),
    ]


def _rates(rates):
    if not rates:
        return ""
    flops = rates["gemm_flops"] | rates["fast_gemm_flops"]
    products = ", ".join(f"{name} {value / 1e12:.3g}" for name, value in flops.items())
    return (
        f"Products in TFLOP/s: {products}. Reading {rates['read_bytes'] / 1e12:.2g} TB/s, to the device "
        f"{rates['to_device_bytes'] / 1e9:.2g} GB/s, to the host {rates['to_host_bytes'] / 1e9:.2g} GB/s; a launch "
        f"{1e6 * rates['launch_seconds']:.3g} us, a step of a loop {1e6 * rates['loop_step_seconds']:.3g} us."
    )
