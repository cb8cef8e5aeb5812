"""The accelerator run on paper: what each row asks of a device, the least time for that, and the time that counts say.

`python -m benchmarks roofline` prints the table of `accelerator.md`, which says how it is made. Counts are those of
`python -m benchmarks products --large` and `python -m benchmarks.blocks`, from any machine; rates are measured.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.table import markdown, seconds, times

RESULTS = Path(__file__).parent / "results"
CHANGED = "2026-11-28"  # what was measured before is of the code before
TILE = 128  # columns of Gram matrices are padded to multiples of it
VECTORS = 40  # of a problem of a net, that a step reads or writes, in the program that XLA makes for an H100
OVERHEADS = {"programs": 5, "fetches": 4}  # of a batched cross-validation: tests/dispatches.py
# Programs and fetches of a block of the path loop: of sums over columns by tests/test_dispatches.py; of groups the 19
# to 23 of the code before, not counted since
PER_BLOCK = {"pivot": 4, "proximal": 21}
# Kernels of a step. Of nets: `python -m benchmarks kernels`. Of others: those over steps in the profile of the H200.
KERNELS = {"batched": 19, "pivot": 150, "proximal": 20, "networks": 35}
AT_ONCE = 4  # steps of the queue between two looks at whether it goes on
WEIGHTS = 64 * 64, 64 * 64, 64 * 64, 64 * 10  # of a network of the digits row
WIDE = 3  # times n: with more columns a product is one with the rows of the data and one back
STATE = 8  # numbers that a step of Adam reads or writes for each weight: it, its gradient and two moments, both ways


@dataclass(frozen=True)
class Device:
    """Rates of a device: operations a second by kind of number, and bytes a second of its memory."""

    name: str
    flops: dict
    bandwidth: float

    def floor(self, work):
        """Seconds below which it cannot be; None without such numbers."""
        rate = self.flops.get(work.numbers)
        return None if rate is None else max(work.flops / rate, work.bytes / self.bandwidth)


H100 = Device("H100", {"float64": 58.5e12, "float32": 50.1e12, "tensorfloat32": 362e12}, 3e12)
# float32 by six products of bfloat16, as for Precision.HIGHEST; networks take the default, which is one
V5E = Device("TPU v5e", {"float32": 197e12 / 6, "tensorfloat32": 197e12}, 819e9)


@dataclass(frozen=True)
class Costs:
    """Seconds of small things, and bytes a second between host and device, measured."""

    call: float  # a program with its answer
    step: float  # of a loop
    kernel: float  # in a loop
    to_device: float
    to_host: float

    @classmethod
    def of(cls, rates):
        """From the rates of an accelerator run."""
        step = rates["loop_step_seconds"]
        kernel = rates["matrix_vector_step_seconds"]["seconds"] - step
        return cls(rates["launch_seconds"], step, kernel, rates["to_device_bytes"], rates["to_host_bytes"])


@dataclass(frozen=True)
class Work:
    """What a row asks of any device."""

    name: str
    numbers: str  # in which most products are
    products: str
    flops: float
    bytes: float  # of the device's memory
    steps: float  # kernels apart: how often a loop looks whether it goes on
    launches: float  # kernels in loops
    calls: float
    to_device: float  # bytes
    to_host: float

    def counted(self, device, costs):
        """Seconds if nothing overlaps: copies, calls, steps, and the floor."""
        copies = self.to_device / costs.to_device + self.to_host / costs.to_host
        small = self.calls * costs.call + self.steps * costs.step + self.launches * costs.kernel
        return copies + small + device.floor(self)


def nets(row):
    """All folds, mixing parameters and lambdas of a row of products.json."""
    n, p, F, N = row["n"], row["p"], row["folds"] + 1, len(row["l1_ratios"]) * row["n_lambdas"]
    m, lanes = -(-p // TILE) * TILE, F * N
    grams, product = 2 * 2 * n * p**2, 2 * m**2
    held_out = 2 * n * p * N
    of_step = F * (8 * m**2 + VECTORS * 8 * m * row["places"])
    return Work(
        name=f"cv-ar{row['rho']:g}",
        numbers="float64",
        products=f"{row['mean']:.1f} a lane, {row['computed']:.1f} computed",
        flops=grams + lanes * (row["computed"] + 1) * product + held_out,
        bytes=2 * 8 * n * p + row["steps"] * of_step + 2 * 8 * lanes * m,
        steps=row["steps"] / AT_ONCE,
        launches=row["steps"] * KERNELS["batched"],
        calls=sum(OVERHEADS.values()),
        to_device=8 * n * p,
        to_host=8 * (m * N + 5 * lanes),
    )


def path(row):
    """A path whose columns come in, of a row of blocks.json."""
    n, p, m, size = row["n"], row["p"], row["columns"], np.dtype(row["dtype"]).itemsize
    passes, side = row["blocks"] + 1, row["at_once"]
    by_rows = row["solver"] == "proximal" and m > WIDE * n
    factor = 2 * n * m if by_rows else m**2  # numbers of what a product is with
    gram = 0 if by_rows else 2 * n * m * row["members"]  # of the columns that come in with those that are there
    return Work(
        name=row["name"],
        numbers=row["dtype"],
        products=f"{passes} of X, {row['products']} of {m:.0f} columns",
        flops=2 * n * p * side * passes + gram + row["products"] * 2 * factor,
        bytes=(passes + 2) * size * n * p + row["products"] * 8 * factor,
        steps=row["products"],
        launches=row["products"] * KERNELS[row["solver"]],
        calls=PER_BLOCK[row["solver"]] * passes,
        to_device=size * n * p,
        to_host=8 * row["lambdas"] * m,
    )


def networks(strengths=32, folds=5, seeds=3, epochs=20, rows=1797, batch=32):
    """The networks of the digits, trained side by side; losses of all rows after each epoch."""
    number, weights = strengths * folds * seeds, sum(WEIGHTS)
    trained = rows * (folds - 1) // folds
    steps = epochs * -(-trained // batch)
    return Work(
        name="networks-480",
        numbers="tensorfloat32",
        products=f"{steps} steps of {number} networks",
        flops=number * epochs * weights * (6 * trained + 2 * rows),
        bytes=number * steps * weights * STATE * 4,
        steps=steps,
        launches=steps * KERNELS["networks"],
        calls=epochs + 2,
        to_device=4 * rows * 64,
        to_host=4 * 2 * number * epochs,
    )


def works(products, blocks):
    """All rows, from what the two files hold."""
    large = [row for row in products["rows"] if row["p"] == 1000 and row["step_precision"] is None]
    return [*map(nets, large), *map(path, blocks["rows"]), networks()]


def full_table(works, measured):
    """Markdown of the Works; measured: an accelerator run."""
    entries = {row["name"]: row for row in measured["rows"]}
    facts = entries["facts"]
    costs = Costs.of(facts["rates"])
    head = [
        "row",
        "numbers",
        "products",
        "TFLOP",
        "GB",
        "H100",
        "TPU v5e",
        "counted",
        "measured",
        "/ counted",
        "before",
    ]
    body = [_cells(work, costs, entries.get(work.name, {})) for work in works]
    dates = sorted({row["date"] for row in measured["rows"]})
    return markdown(head, body) + f"\n\nMeasured: {facts['device']}, {' and '.join(dates)}."


def _cells(work, costs, entry):
    counted, median = work.counted(H100, costs), entry.get("median")
    now = median is not None and entry["date"] >= CHANGED
    floors = [device.floor(work) for device in (H100, V5E)]
    return [
        f"`{work.name}`",
        work.numbers,
        work.products,
        f"{work.flops / 1e12:.2g}",
        f"{work.bytes / 1e9:.3g}",
        *("no float64" if floor is None else f"{seconds(floor)} s" for floor in floors),
        f"{seconds(counted)} s",
        f"{seconds(median)} s" if now else "not measured",
        times(median / counted) if now else "-",
        f"{seconds(median)} s" if median is not None and not now else "-",
    ]


def read(measured):
    """The table of the counts that are there, and of a file of measurements."""
    counts = [json.loads((RESULTS / f"{name}.json").read_text()) for name in ("products", "blocks")]
    return full_table(works(*counts), json.loads(measured.read_text()))
