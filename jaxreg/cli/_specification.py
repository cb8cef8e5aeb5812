"""What is to be fitted: losses, penalties and lambdas from the words of options."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import jaxreg as jr
from jaxreg.cli._messages import checked, fail

ROBUST = 1.4826  # times the median distance from the median is the standard deviation of Gaussian numbers
TUNING = 1.345  # robust standard deviations: 95% as efficient as least squares for Gaussian errors
NARROW = 0.01  # robust standard deviations over which a quantile loss is smoothed
LOSSES = {"squared": 0, "huber": 1, "quantile": 2, "squaredhinge": 0}  # and how many numbers may follow
PENALTIES = {
    "lasso": 0,
    "ridge": 0,
    "elasticnet": 0,
    "mcp": 1,
    "scad": 1,
    "grouplasso": 0,
    "sparsegrouplasso": 0,
}
MIXED = ("elasticnet", "sparsegrouplasso")


@dataclass(frozen=True)
class Words:
    """A name, and the numbers behind it."""

    name: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Specification:
    """What is to be fitted, from options that have been checked without the data."""

    loss: Words
    penalty: Words | None
    l1_ratios: list[float] | None
    others: dict[str, Any]  # keywords of a fit that do not depend on the data

    @property
    def of_classes(self):
        return self.loss.name == "squaredhinge"

    def keywords(self, table, validation=None) -> dict[str, Any]:
        """Those of `fit_path`, or, with the options of a validation, of `fit_cv`."""
        options = self.others | {"sample_weight": table.weight}
        if table.encoding.imputes:
            options["impute"] = "mean"
        if self.loss.name != "squared":
            options["loss"] = self.loss_of(table)
        penalty = self._penalty(table)
        if penalty is not None:
            options["penalty"] = penalty
        if validation is None:
            if penalty is None and self.l1_ratios is not None:
                options["penalty"] = checked(jr.penalties.ElasticNet, self.l1_ratios[0])
            return options
        if self.l1_ratios is not None:
            options["l1_ratios"] = self.l1_ratios
        return options | {
            "cv": validation.folds,
            "seed": validation.seed,
            "repeats": validation.repeats,
            "groups": table.groups,
            "metric": validation.metric,
        }

    def loss_of(self, table):
        """The Loss for the y of a table."""
        y, numbers = table.y, self.loss.numbers
        if self.loss.name == "squared":
            return jr.losses.Squared()
        spread = ROBUST * float(np.median(np.abs(y - np.median(y)))) or float(np.std(y)) or 1.0
        if self.loss.name == "squaredhinge":
            return jr.losses.SquaredHinge()
        if self.loss.name == "huber":
            if not numbers:
                size = f"{TUNING * spread:.3g}"
                fail(
                    f"--loss huber needs the size of a residual, in units of {y.name}, from which on it costs "
                    f"linearly: such as --loss huber:{size}, {TUNING} robust standard deviations of {y.name}."
                )
            return checked(jr.losses.Huber, *numbers)
        tau, smoothing = (*numbers, *(0.5, NARROW * spread)[len(numbers) :])
        return checked(jr.losses.Quantile, tau, smoothing)

    def _penalty(self, table):
        if self.penalty is None or self.penalty.name == "elasticnet":
            return None
        groups = list(table.encoding.sources)
        make = {
            "lasso": jr.penalties.Lasso,
            "ridge": jr.penalties.Ridge,
            "mcp": jr.penalties.MCP,
            "scad": jr.penalties.SCAD,
            "grouplasso": lambda: jr.penalties.GroupLasso(groups),
            "sparsegrouplasso": lambda: jr.penalties.SparseGroupLasso(groups, (self.l1_ratios or [0.5])[0]),
        }
        return checked(make[self.penalty.name], *self.penalty.numbers)


def parse(fit, l1_ratios) -> Specification:
    """The Specification of the options of a fit, and of mixing parameters (a list, or None)."""
    words = None if fit.penalty is None else _words("--penalty", fit.penalty, PENALTIES)
    if words is not None and l1_ratios and words.name not in MIXED:
        fail(f"--penalty {words.name} has no mixing parameter; leave out --l1-ratio, or give --penalty elasticnet.")
    if words is not None and not l1_ratios and words.name in MIXED:
        fail(f"--penalty {words.name} needs its mixing parameter; give --l1-ratio 0.5, or another from 0 to 1.")
    others = {"standardize": not fit.no_standardize, "progress": fit.progress}
    grid = _grid(fit.n_lambdas, fit.lambda_min_ratio, fit.lambdas)
    return Specification(_words("--loss", fit.loss, LOSSES), words, l1_ratios or None, others | grid)


def _words(option, text, known):
    name, *numbers = text.split(":")
    plain = name.lower().replace("_", "").replace("-", "")
    if plain not in known:
        fail(f"{option} is {text!r}; give one of {', '.join(known)}.")
    if len(numbers) > known[plain]:
        fail(f"{option} is {text!r}, but {plain} takes {known[plain] or 'no'} number{'s' * (known[plain] != 1)}.")
    try:
        return Words(plain, tuple(map(float, numbers)))
    except ValueError:
        fail(f"{option} is {text!r}; behind the colon give a number, as in {plain}:0.5.")


def _grid(n_lambdas, lambda_min_ratio, lambdas) -> dict[str, Any]:
    """The keywords of a fit that choose its lambdas."""
    if lambdas is None:
        return {"n_lambdas": 100 if n_lambdas is None else n_lambdas, "lambda_min_ratio": lambda_min_ratio}
    for option, value in (("--n-lambdas", n_lambdas), ("--lambda-min-ratio", lambda_min_ratio)):
        if value is not None:
            fail(f"--lambdas names the points of the path, and {option} is one way to place them; give one of both.")
    texts = lambdas.replace(",", " ").split()
    try:
        return {"lambdas": [float(text) for text in texts]}
    except ValueError:
        fail(f"--lambdas is {lambdas!r}; give numbers with commas between them, such as 10,1,0.1.")
