"""Many small networks: one sweep of `jaxreg.neural.fit_path`, the same code in a loop, and scikit-learn's grid search.

`python -m benchmarks.neural` measures and writes results/neural.json, `python -m benchmarks readme FILE` the table.
The networks are an MLP (three hidden layers of 64, ReLU, float32) on scikit-learn's digits (X / 16), trained by Adam
(1e-3) on minibatches of 32 rows, at every strength of L2, in every fold, from every seed, for as many epochs in all
programs.
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.cv_rows import CVProblem
from benchmarks.environments import Absent
from benchmarks.peers import PEERS, WORKERS
from benchmarks.process import Worker, write_job
from benchmarks.table import absent_lines, heading, markdown, seconds, times

FILE = Path(__file__).parent / "results" / "neural.json"
NAME = "digits-mlp-32x5x3"
STRENGTHS, FOLDS, SEEDS = np.geomspace(1e-5, 0.1, 32), 5, 3
SIZE = len(STRENGTHS), FOLDS, SEEDS
NETWORKS = int(np.prod(SIZE))
EPOCHS, RUNS = 20, 3
# A part of the networks stands for all of them: in the loop every seventh, so that folds and seeds take turns, and in
# scikit-learn's grid those of every fourth strength.
STRIDE, EVERY = 7, 4
TIMEOUT = 600
# Sums are rounded otherwise where lanes go side by side, and training amplifies it: of a loss, relative to it plus 0.01
TOLERANCE = 0.05


@dataclass(frozen=True)
class Program:
    """A worker, the peer in whose environment it runs, and the settings of its first and of its timed calls."""

    title: str
    peer: str
    worker: str
    first: dict
    timed: dict
    networks: int  # of a timed call

    def command(self):
        interpreter = next(peer.interpreter for peer in PEERS if peer.name == self.peer)
        return [str(interpreter()), str(WORKERS / "loop.py"), self.worker]


def problem():
    """The digits with strengths and folds."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold

    X, y = load_digits(return_X_y=True)
    folds = np.empty(len(y), int)
    for k, (_, test) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y)):
        folds[test] = k
    return CVProblem(np.asfortranarray(X / 16, np.float32), y.astype(np.float32), STRENGTHS[None], np.zeros(1), folds)


def sample():
    """Positions (strength, fold, seed) of the networks that the loop trains."""
    return np.transpose(np.unravel_index(np.arange(0, NETWORKS, STRIDE), SIZE)).tolist()


def programs(epochs):
    whole = {"epochs": epochs, "seeds": SEEDS}
    part = whole | {"every": EVERY}
    one_by_one = {"epochs": epochs, "runs": sample()}
    of_each_fold = {"epochs": epochs, "runs": [[0, k, 0] for k in range(FOLDS)]}  # folds of another size compile anew
    return {
        "batched": Program("one call of fit_path", "jaxreg", "neural_batched", whole, whole, NETWORKS),
        "loop": Program(
            "fit_path for each network", "jaxreg", "neural_loop", of_each_fold, one_by_one, len(one_by_one["runs"])
        ),
        "grid search": Program(
            "GridSearchCV(MLPClassifier)", "scikit-learn", "neural_sklearn", part, part, NETWORKS // EVERY
        ),
    }


def run(epochs, runs, file):
    """Measure the row, assert that batched and single networks agree, write `file`, and return what it holds."""
    data, found, versions, absent, saved = problem(), {}, {}, {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(data, folder)
        for key, program in programs(epochs).items():
            print(program.title, file=sys.stderr, flush=True)
            try:
                found[key], saved[key] = measure(program, runs, folder)
            except Absent as reason:
                absent[program.peer] = str(reason)
                continue
            versions[program.peer] = found[key]["cold"].pop("versions")
        accuracy = Program("accuracy", "jaxreg", "neural_accuracy", {"epochs": epochs}, {}, 0)
        accuracy = asked(accuracy, folder)
    row = {
        "name": NAME,
        "date": machine.today(),
        "commit": machine.commit(),
        "n": len(data.y),
        "p": data.X.shape[1],
        "strengths": STRENGTHS.tolist(),
        "folds": FOLDS,
        "seeds": SEEDS,
        "networks": NETWORKS,
        "epochs": epochs,
        "batch_size": 32,
        "runs": runs,
        "results": found,
        "agreement": agreement(saved["batched"].reshape(2, *SIZE), saved["loop"].reshape(2, -1)),
        "quality": quality(saved, accuracy.reshape(len(STRENGTHS), FOLDS)),
    }
    about = {"schema": 1, "neural": True, "machine": machine.describe(), "date": machine.today()}
    results = about | {"versions": versions, "absent": absent, "rows": [row]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results


def measure(program, runs, folder):
    """(times and memory, what the timed call saved). The time of a part of the networks is scaled up to all of them."""
    command, saved = program.command(), folder / "saved"
    worker = Worker(command, folder)
    try:
        cold = worker.ask(program.first, 1, TIMEOUT)
        warm = worker.ask(program.timed, runs, TIMEOUT, saved)
    finally:
        worker.close()
    taken = [each * NETWORKS / program.networks for each in warm["seconds"]]
    entry = {
        "program": program.title,
        "cold": {
            "seconds": cold["import_seconds"] + cold["seconds"][0],
            "import_seconds": cold["import_seconds"],
            "networks": len(program.first.get("runs", ())) or program.networks,
            "whole_mb": cold["whole_mb"],
            "versions": cold["versions"],
        },
        "networks": program.networks,
        "measured_seconds": warm["seconds"],
        "seconds": taken,
        "median": statistics.median(taken),
    }
    print(f"  {entry['median']:.4g} s, first call {entry['cold']['seconds']:.4g} s", file=sys.stderr, flush=True)
    return entry, np.fromfile(saved)


def asked(program, folder):
    """What one call of a program saves."""
    worker = Worker(program.command(), folder)
    try:
        worker.ask(program.first, 1, TIMEOUT, folder / "saved")
    finally:
        worker.close()
    return np.fromfile(folder / "saved")


def agreement(batched, single):
    """How far losses (2, S, K, R) of the sweep are from those (2, networks) of the loop; they may not be far."""
    expected = batched[(slice(None), *np.transpose(sample()))]
    distance = float((abs(single - expected) / (expected + 0.01)).max())
    if not distance <= TOLERANCE:
        raise AssertionError(f"losses of the loop are {distance:.2g} from those of the sweep, more than {TOLERANCE:g}")
    mean = [float(losses[1].mean()) for losses in (expected, single)]
    return {"networks": single.shape[1], "largest": distance, "tolerance": TOLERANCE, "mean_valid_loss": mean}


def quality(saved, accuracy):
    """Held-out loss and accuracy of each strength, averaged over folds and seeds."""
    found = {
        "batched": {
            "strengths": STRENGTHS.tolist(),
            "valid_loss": saved["batched"].reshape(2, *SIZE)[1].mean(axis=(1, 2)).tolist(),
            "accuracy": accuracy.mean(axis=1).tolist(),
        }
    }
    if "grid search" in saved:
        loss, right = saved["grid search"].reshape(2, -1, FOLDS, SEEDS).mean(axis=(2, 3))
        found["grid search"] = {
            "strengths": STRENGTHS[::EVERY].tolist(),
            "valid_loss": loss.tolist(),
            "accuracy": right.tolist(),
        }
    return found


def full_table(results):
    """What stands in the README, and what `python -m benchmarks table` prints."""
    (row,) = results["rows"]
    found = row["results"]
    body = []
    for key, entry in found.items():
        best = row["quality"].get(key)
        position = int(np.argmin(best["valid_loss"])) if best else None
        body.append(
            [
                entry["program"],
                f"{seconds(entry['median'])} s",
                times(entry["median"] / found["batched"]["median"]),
                f"{seconds(entry['cold']['seconds'])} s",
                f"{entry['cold']['whole_mb']:.0f} MB" if entry["cold"]["whole_mb"] else "-",
                f"{best['valid_loss'][position]:.3f}" if best else "the same",
                f"{best['accuracy'][position]:.3f}" if best else "the same",
            ]
        )
    scaled = [f"{entry['program']} {entry['networks']}" for entry in found.values() if entry["networks"] < NETWORKS]
    head = ["program", "time", "/ one call", "first call", "peak memory", "held-out loss", "accuracy"]
    said = (
        f"{heading(results)} {row['networks']} networks ({len(row['strengths'])} strengths of L2 x {row['folds']} "
        f"folds x {row['seeds']} seeds), {row['epochs']} epochs each; medians of {row['runs']} warm calls."
    )
    measured = (
        f"Scaled up from a part of the networks: {', '.join(scaled)}. First call: imports, compilation and "
        f"{', '.join(str(entry['cold']['networks']) for entry in found.values())} networks. Loss and accuracy are "
        f"those at the strength with the least held-out loss. {row['agreement']['networks']} networks of the loop have "
        f"the losses of the sweep to {row['agreement']['largest']:.0e}."
    )
    return "\n\n".join([said, markdown(head, body), measured, *absent_lines(results)])


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neural", description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--runs", type=int, default=RUNS, help="warm calls behind a median")
    parser.add_argument("--out", type=Path, default=FILE, metavar="FILE")
    given = parser.parse_args()
    print(full_table(run(given.epochs, given.runs, given.out)))


if __name__ == "__main__":
    main()
