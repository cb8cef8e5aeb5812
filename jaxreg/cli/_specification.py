"""The fit that a command asks for: losses, penalties and lambdas from the words of options."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import jaxreg as jr
from jaxreg import _arrays, _validation
from jaxreg.cli._messages import checked, fail
from jaxreg.penalties import ElasticNet
from jaxreg.results._selection import CRITERIA

MAD_TO_SD = 1.4826  # times the median distance from the median is the standard deviation of Gaussian numbers
HUBER_TUNING = 1.345  # robust standard deviations: 95% as efficient as least squares for Gaussian errors
QUANTILE_WIDTH = 0.01  # robust standard deviations over which a quantile loss is smoothed


@dataclass(frozen=True)
class OptionForm:
    """How an option writes a loss or penalty. Behind its name are at most `most` and at least `least` numbers."""

    written: str
    most: int = 0
    least: int = 0


LOSS_FORMS = {
    "squared": OptionForm("squared"),
    "huber": OptionForm("huber:SIZE", 1),  # the least is a hint that needs the data
    "quantile": OptionForm("quantile:TAU (0.5 for absolute errors)", 2),
    "squaredhinge": OptionForm("squaredhinge (two classes)"),
}
PENALTY_FORMS = {
    "lasso": OptionForm("lasso (L1)"),
    "ridge": OptionForm("ridge (L2)"),
    "elasticnet": OptionForm("elasticnet (with --l1-ratio)"),
    "mcp": OptionForm("mcp:GAMMA", 1),
    "scad": OptionForm("scad:GAMMA", 1),
    "logsum": OptionForm("logsum:EPS", 1, 1),
    "l0": OptionForm("l0:COLUMNS", 1, 1),
    "slope": OptionForm("slope:Q", 1, 1),
    "grouplasso": OptionForm("grouplasso"),
    "sparsegrouplasso": OptionForm("sparsegrouplasso (with --l1-ratio)"),
}
MIXED_PENALTIES = ("elasticnet", "sparsegrouplasso")


@dataclass(frozen=True)
class ParsedOption:
    """A name, and the numbers behind it."""

    name: str
    numbers: tuple[float, ...]

    def __str__(self):
        return ":".join((self.name, *(f"{number:g}" for number in self.numbers)))


@dataclass(frozen=True)
class Specification:
    """The fit that options ask for. The options have been checked without the data."""

    loss: ParsedOption
    penalty: ParsedOption | None
    l1_ratios: list[float] | None
    fit_keywords: dict[str, Any]  # keywords of a fit that do not depend on the data

    @property
    def family(self):
        """The Loss as it is for a response of standard deviation 1."""
        return self._loss(spread=1.0)

    @property
    def of_classes(self):
        return self.family.of_classes

    def keywords(self, table, validation=None) -> dict[str, Any]:
        """The keywords of `fit_path`, or of `fit_cv` if there are options of a validation."""
        options = self.fit_keywords | {"sample_weight": table.weight}
        if table.encoding.imputes:
            options["impute"] = "mean"
        if self.loss.name != "squared":
            options["loss"] = self.loss_of(table)
        penalty = self._penalty(table.encoding.sources)
        if penalty is not None:
            options["penalty"] = penalty
        if validation is None:
            if penalty is None and self.l1_ratios is not None:
                options["penalty"] = ElasticNet(self.l1_ratios[0])
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
        y = table.y
        spread = MAD_TO_SD * float(np.median(np.abs(y - np.median(y)))) or float(np.std(y)) or 1.0
        if self.loss == ParsedOption("huber", ()):
            size = f"{HUBER_TUNING * spread:.3g}"
            fail(
                f"--loss huber needs the size of a residual, in units of {y.name}, from which on it costs linearly: "
                f"such as --loss huber:{size}, {HUBER_TUNING} robust standard deviations of {y.name}."
            )
        return self._loss(spread)

    def _loss(self, spread):
        """The Loss for responses of a robust standard deviation."""
        make = {name.lower(): getattr(jr.losses, name) for name in jr.losses.__all__}[self.loss.name]
        defaults = {"huber": (HUBER_TUNING * spread,), "quantile": (0.5, QUANTILE_WIDTH * spread)}.get(
            self.loss.name, ()
        )
        numbers = self.loss.numbers
        return checked(make, *numbers, *defaults[len(numbers) :])

    def _penalty(self, sources):
        """The Penalty for columns of X whose columns of the table are `sources`; None is the elastic net."""
        if self.penalty is None or self.penalty.name == "elasticnet":
            return None
        constructors = {
            "lasso": jr.penalties.Lasso,
            "ridge": jr.penalties.Ridge,
            "mcp": jr.penalties.MCP,
            "scad": jr.penalties.SCAD,
            "logsum": jr.penalties.LogSum,
            "l0": lambda budget: jr.penalties.L0(int(budget) if budget.is_integer() else budget),
            "slope": lambda q: jr.penalties.SLOPE(slope_weights(q, len(sources))),
            "grouplasso": lambda: jr.penalties.GroupLasso(list(sources)),
            "sparsegrouplasso": lambda: jr.penalties.SparseGroupLasso(list(sources), (self.l1_ratios or [0.5])[0]),
        }
        return checked(constructors[self.penalty.name], *self.penalty.numbers)

    def require_criterion(self, rule):
        """Refuse a criterion of the squared loss with an elastic net as the rule of another fit."""
        penalty = self._penalty(["x"])
        unlikely = self.family.minus_two_log_likelihood(np.ones(1), 1) is None
        option = f"--loss {self.loss}" if unlikely else f"--penalty {self.penalty}"
        if rule in CRITERIA and (unlikely or not (penalty is None or penalty.quadratic)):
            fail(
                f"--rule {rule} is for the squared loss with lasso, ridge or elasticnet, not for {option}; give "
                "--rule min or --rule 1se."
            )

    def source(self, settings):
        """Python lines that define what the call of a result names beside the table; `settings` are its keywords."""
        lines = []
        if settings.get("lambdas") == "lambdas":  # more than a call writes out
            lines.append(f"lambdas = {self.fit_keywords['lambdas']}")
        if self.penalty is not None and "penalty_weights" in settings.get("penalty", ""):
            lines += ["import numpy as np", "from scipy.special import ndtri"]
            q = self.penalty.numbers[0]
            lines += ["p = X.shape[1]", f"penalty_weights = -ndtri({q} * np.arange(1, p + 1) / (2 * p))"]
        return lines


def slope_weights(q, p):
    """The weights (p,) of SLOPE by Benjamini and Hochberg, which control false discoveries at the level q.

        w_i = Phi^-1(1 - i q / (2 p))

    Source: Bogdan, van den Berg, Sabatti, Su and Candes (2015), Ann. Appl. Stat. 9.
    """
    from scipy.special import ndtri

    if not 0 < q < 1:
        raise ValueError(f"--penalty slope:{q:g} has a level that is no number between 0 and 1; give slope:0.1.")
    return -ndtri(q * np.arange(1, p + 1) / (2 * p))


def parse(fit, l1_ratios) -> Specification:
    """The Specification of the options of a fit, and of mixing parameters (a list, or None)."""
    penalty = None if fit.penalty is None else _parsed_option("--penalty", fit.penalty, PENALTY_FORMS)
    if penalty is not None and l1_ratios and penalty.name not in MIXED_PENALTIES:
        fail(f"--penalty {penalty.name} has no mixing parameter; leave out --l1-ratio, or give --penalty elasticnet.")
    if penalty is not None and not l1_ratios and penalty.name in MIXED_PENALTIES:
        fail(f"--penalty {penalty.name} needs its mixing parameter; give --l1-ratio 0.5, or another from 0 to 1.")
    for ratio in l1_ratios or ():
        checked(ElasticNet, ratio)
        if l1_ratios.count(ratio) > 1:
            fail(f"--l1-ratio {ratio:g} is there twice; give each mixing parameter once.")
    fit_keywords = {"standardize": not fit.no_standardize, "progress": fit.progress}
    grid = _grid(fit.n_lambdas, fit.lambda_min_ratio, fit.lambdas)
    specification = Specification(
        _parsed_option("--loss", fit.loss, LOSS_FORMS), penalty, l1_ratios or None, fit_keywords | grid
    )
    specification._loss(spread=1.0)  # refuses numbers that no data can make right
    specification._penalty(["x"])
    return specification


def _parsed_option(option, text, forms):
    name, *numbers = text.split(":")
    plain = name.lower().replace("_", "").replace("-", "")
    if plain not in forms:
        fail(f"{option} is {text!r}; give one of {', '.join(form.written for form in forms.values())}.")
    form = forms[plain]
    if len(numbers) > form.most:
        fail(f"{option} is {text!r}, but {plain} takes {form.most or 'no'} number{'s' * (form.most != 1)}.")
    if len(numbers) < form.least:
        fail(f"{option} is {text!r}, but {plain} needs a number; give {form.written}.")
    try:
        return ParsedOption(plain, tuple(map(float, numbers)))
    except ValueError:
        fail(f"{option} is {text!r}; behind the colon give a number, as in {plain}:0.5.")


def _grid(n_lambdas, lambda_min_ratio, lambdas) -> dict[str, Any]:
    """The keywords of a fit that choose its lambdas."""
    if lambdas is None:
        n_lambdas = 100 if n_lambdas is None else checked(_validation.check_count, n_lambdas, "--n-lambdas")
        if lambda_min_ratio is not None:
            checked(_validation.check_positive, lambda_min_ratio, "--lambda-min-ratio", below=1)
        return {"n_lambdas": n_lambdas, "lambda_min_ratio": lambda_min_ratio}
    for option, value in (("--n-lambdas", n_lambdas), ("--lambda-min-ratio", lambda_min_ratio)):
        if value is not None:
            fail(f"--lambdas names the points of the path, and {option} is one way to place them; give one of both.")
    try:
        points = [float(text) for text in lambdas.replace(",", " ").split()]
    except ValueError:
        fail(f"--lambdas is {lambdas!r}; give numbers with commas between them, such as 10,1,0.1.")
    checked(_arrays.check_lambdas, points)
    return {"lambdas": points}
