"""Every regularizer of `jaxreg.neural` on 200 digits: training and held-out loss against its strength.

`python -m benchmarks.digits` trains an MLP on 200 images of scikit-learn's digits, twenty of each, and judges it on the
other 1597: five stratified draws of the 200, two seeds each. Without regularization it overfits. It writes
results/digits.json and results/digits.png; `digits_figure` draws.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optax

import jaxreg as jr
from benchmarks import machine
from benchmarks.digits_figure import draw

FOLDER = Path(__file__).parent / "results"
TRAINING, DRAWS, SEEDS = 200, 5, 2
EPOCHS, BATCH_SIZE, HIDDEN = 60, 10, (64, 64)
ERRORS = 2.0  # standard errors of a difference that count as more than noise
DIGITS = 6  # significant ones that are saved


@dataclass(frozen=True)
class Study:
    """A regularizer, its strengths from none to too much, and the optimizer."""

    regularizer: Any
    strengths: tuple[float, ...]
    optimizer: str = "adam"


def _decades(low, high, count=9):
    return 0.0, *np.geomspace(low, high, count).tolist()


nn, IMAGE = jr.neural, (8, 8)
RATES = tuple(np.linspace(0, 0.9, 10).round(1).tolist())
STUDIES = {
    "L2": Study(nn.L2(), _decades(1e-5, 0.1)),
    "WeightDecay": Study(nn.WeightDecay(), _decades(1e-2, 10)),
    "L1": Study(nn.L1(), _decades(1e-3, 3)),
    "GroupL1": Study(nn.GroupL1(), _decades(1e-2, 30)),
    "MaxNorm": Study(nn.MaxNorm(), _decades(0.2, 10)),
    "EarlyStopping": Study(nn.EarlyStopping(), tuple((1 / np.array([60, 40, 25, 16, 10, 7, 5, 3, 2, 1])).tolist())),
    "Dropout": Study(nn.Dropout(), RATES),
    "DropConnect": Study(nn.DropConnect(), RATES),
    "GaussianNoise": Study(nn.GaussianNoise(), _decades(0.03, 3)),
    "Mixup": Study(nn.Mixup(), _decades(0.02, 50)),
    "Cutout": Study(nn.Cutout(shape=IMAGE), (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0, 1.25, 1.5)),
    "Augment": Study(nn.Augment(nn.random_shift, shape=IMAGE), (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)),
    "LabelSmoothing": Study(nn.LabelSmoothing(), (0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)),
    # Adam divides by the length of past gradients, so that clipping them to one length hardly changes its steps
    "GradientClipping": Study(nn.GradientClipping(), _decades(0.1, 1e3), "sgd"),
    "BatchNorm": Study(nn.BatchNorm(), (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)),
}
# Beside what was measured: why the least held-out loss is at the end of a grid, or little less than there
REASONS = {
    "Cutout": "It rises from the first squares on while training loss stays near 0: on 8 x 8 pixels it still overfits.",
    "BatchNorm": "Training loss is near 0 at all strengths, and 1 is full normalisation: there is no more of it.",
}


def optimizers(epochs):
    """Steps end at size 0: what is compared does not depend on the last minibatch."""
    steps = epochs * TRAINING // BATCH_SIZE
    return {
        "adam": optax.adam(optax.cosine_decay_schedule(1e-2, steps)),
        "sgd": optax.sgd(optax.cosine_decay_schedule(0.1, steps), momentum=0.9),
    }


def data():
    """X (1797, 64) from 0 to 1, labels, and the pairs of rows (200 that train, 1597 held out)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedShuffleSplit

    X, y = load_digits(return_X_y=True)
    split = StratifiedShuffleSplit(DRAWS, train_size=TRAINING, test_size=len(y) - TRAINING, random_state=0)
    return X / 16, y, list(split.split(X, y))


def measure(study, epochs, optimizer):
    """Losses at the end (S, draws), averaged over the seeds, and what they say."""
    X, y, pairs = data()
    path = nn.fit_path(
        nn.MLP(HIDDEN, "classification"),
        X,
        y,
        regularizer=study.regularizer,
        strengths=study.strengths,
        cv=pairs,
        seeds=SEEDS,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        refit=False,
    )
    losses = {
        name: [[_short(loss) for loss in row] for row in each[..., -1].mean(axis=2)]
        for name, each in (("train_loss", path.train_loss), ("valid_loss", path.valid_loss))
    }
    return {"strengths": list(study.strengths), "optimizer": study.optimizer, "epochs": epochs} | losses


def verdict(entry):
    """What the losses of a regularizer say: the strength of the least held-out loss, and how it stands to both ends.

    `over_ends` are the mean differences of the held-out losses at the weakest and the strongest regularization to the
    least one, over the draws, and their standard errors.
    """
    valid = np.array(entry["valid_loss"])
    best = int(valid.mean(axis=1).argmin())
    ends = [0, len(valid) - 1]
    over = [summary(valid[[end]] - valid[best])[:, 0] for end in ends]
    return {
        "chosen": entry["strengths"][best],
        "least": _short(valid[best].mean()),
        "interior": best not in ends,
        "over_ends": [[_short(mean), _short(error)] for mean, error in over],
        "beats_ends": all(bool(mean > ERRORS * error) for mean, error in over),
    }


def summary(losses):
    """(2, S): means over the draws of losses (S, draws), and their standard errors."""
    losses = np.asarray(losses)
    return np.stack([losses.mean(axis=1), losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])])


def _short(value):
    return float(f"{value:.{DIGITS}g}")


def run(names=None, epochs=EPOCHS, folder=FOLDER):
    """Measure, write digits.json and digits.png to `folder`, and return what the former holds.

    Regularizers that are there already are replaced, or stay if `names` leaves them out.
    """
    file = folder / "digits.json"
    old = json.loads(file.read_text())["regularizers"] if file.exists() else {}
    results = {
        "machine": machine.describe(),
        "training": TRAINING,
        "draws": DRAWS,
        "seeds": SEEDS,
        "hidden": HIDDEN,
        "batch_size": BATCH_SIZE,
        "regularizers": {},
    }
    chosen = optimizers(epochs)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"date": machine.today(), "commit": machine.commit()}  # before a result changes the tree
    for name in names or STUDIES:
        study = STUDIES[name]
        entry = about | measure(study, epochs, chosen[study.optimizer])
        old[name] = entry | verdict(entry) | {"reason": REASONS.get(name)}
        results["regularizers"] = {key: old[key] for key in STUDIES if key in old}
        file.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
        said = {key: old[name][key] for key in ("chosen", "least", "over_ends", "beats_ends")}
        print(name, said, file=sys.stderr, flush=True)
    draw(results, folder / "digits.png")
    return results


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="REGULARIZER", help="default: all")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR")
    given = parser.parse_args()
    for name in given.names:
        if name not in STUDIES:
            raise SystemExit(f"No regularizer is called {name!r}. They are: {', '.join(STUDIES)}")
    run(given.names, folder=given.out)


if __name__ == "__main__":
    main()
