"""The fit that a command asks for: losses, penalties and lambdas from the words of options."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import jaxreg as jr
from jaxreg import _arrays, _validation
from jaxreg.cli import _families
from jaxreg.cli._messages import checked, fail
from jaxreg.losses import Numeric
from jaxreg.penalties import ElasticNet
from jaxreg.results._selection import CRITERIA
from jaxreg.scores._metrics import make_metric

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
    """The fit that options ask for. The options have been checked without the data.

    Either `loss` is given, or `family`, which may be "auto" until the table is known.
    """

    loss: ParsedOption | None
    family: str
    of_family: dict[str, Any]  # the options of the family alone
    penalty: ParsedOption | None
    l1_ratios: list[float] | None
    fit_keywords: dict[str, Any]  # keywords of a fit that do not depend on the data

    @property
    def option(self):
        """What says which loss it is."""
        return f"--family {self.family}" if self.loss is None else f"--loss {self.loss}"

    @property
    def classes(self):
        """Whether the target holds classes, as `tables.read` takes it."""
        if self.loss is not None:
            return self._loss(spread=1.0).of_classes
        return _families.AUTO if self.family == _families.AUTO else _families.FAMILIES[self.family].classes

    def for_table(self, table):
        """The Specification for a table, whose target decides where the options do not."""
        settled = self
        if self.loss is None and self.family == _families.AUTO:
            settled = replace(self, family=_families.of_table(table)[0])
        _families.check_target(settled.family if self.loss is None else self.loss.name, settled.option, table)
        return settled

    def check_judging(self, metric, rule="min"):
        """Refuse a metric that the loss has not, and a criterion of the squared loss with an elastic net of another.

        Where the table is to decide on the loss, this is for later.
        """
        if self.loss is None and self.family == _families.AUTO:
            return
        checked(make_metric, metric, self._loss(spread=1.0))
        penalty = self._penalty(["x"])
        unlikely = not self._loss(spread=1.0).quadratic
        option = self.option if unlikely else f"--penalty {self.penalty}"
        if rule in CRITERIA and (unlikely or not (penalty is None or penalty.quadratic)):
            fail(
                f"--rule {rule} is for the squared loss with lasso, ridge or elasticnet, not for {option}; give "
                "--rule min or --rule 1se."
            )

    def remarks(self, table):
        """The remarks of a table; that its numbers may be classes is none for counts."""
        from jaxreg.tables._attempt import FEW_VALUES

        numeric = isinstance(self._loss(spread=1.0), Numeric)
        return [remark for remark in table.remarks if numeric or remark.cause != FEW_VALUES]

    def keywords(self, table, validation=None) -> dict[str, Any]:
        """The keywords of `fit_path`, or of `fit_cv` if there are options of a validation."""
        options = self.fit_keywords | {"sample_weight": table.weight}
        options |= {name: getattr(table, name) for name in ("offset", "strata") if getattr(table, name) is not None}
        if table.encoding.imputes:
            options["impute"] = "mean"
        loss = self.loss_of(table)
        if not loss.quadratic:
            options["loss"] = loss
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
        if self.loss is None or self.loss.name not in ("huber", "quantile"):
            return self._loss(spread=1.0)
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
        if self.loss is None:
            return checked(_families.FAMILIES[self.family].loss, **self.of_family)
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


def parse(reading, fit, l1_ratios) -> Specification:
    """The Specification of the options of a table and a fit, and of mixing parameters (a list, or None)."""
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
    loss, family, of_family = _parsed_loss(reading, fit)
    specification = Specification(loss, family, of_family, penalty, l1_ratios or None, fit_keywords | grid)
    if specification.loss is not None or specification.family != _families.AUTO:
        specification._loss(spread=1.0)  # refuses numbers that no data can make right
    specification._penalty(["x"])
    return specification


def _parsed_loss(reading, fit):
    """(--loss or None, the family, its own options), as far as options tell."""
    family = None if fit.family is None else _families.by_name(fit.family)
    if fit.loss is not None and family is not None:
        fail(f"--loss {fit.loss} and --family {family} both say what a residual costs; give one of both.")
    of_survival = [name for name in ("time", "event", "start", "strata") if getattr(reading, name) is not None]
    if of_survival:
        _check_survival(reading, of_survival[0], fit.loss, family)
        family = _families.COX
    elif family == _families.COX:
        fail("--family cox is for survival times; give --time and --event, the columns of when and of whether.")
    elif reading.target is None:
        fail("--target is missing; give the column to predict, or --time and --event for survival times.")
    family = family or _families.AUTO
    own = {}
    for name, form in _families.FAMILIES.items():
        value = None if form.option is None else getattr(fit, form.option)
        if value is not None and (fit.loss is not None or name != family):
            fail(f"--{form.option} is for --family {name}; give both, or leave it out.")
        if value is not None:
            own[form.option] = value
    return None if fit.loss is None else _parsed_option("--loss", fit.loss, LOSS_FORMS), family, own


def _check_survival(reading, option, loss, family):
    """Check what must go with the `option` of survival times."""
    for needed in ("time", "event"):
        if getattr(reading, needed) is None:
            fail(f"--{option} is for survival times, which need --{needed}; give its column.")
    if reading.target is not None:
        fail(f"--target is {reading.target!r}, and --{option} is of survival times; give one of both.")
    if loss is not None or family not in (None, _families.AUTO, _families.COX):
        other = f"--loss {loss}" if loss is not None else f"--family {family}"
        fail(f"--{option} is of survival times, which {other} does not fit; leave one of them out.")


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
