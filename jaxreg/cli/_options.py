"""Options that commands share. A group of options is a dataclass, and commands take groups."""

import inspect
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jaxreg import _compilation_cache


def with_groups(command):
    """A command whose parameters may be groups of options. The result has an option for each field of the groups."""
    group_classes, parameters = {}, []
    for name, parameter in inspect.signature(command).parameters.items():
        annotation = parameter.annotation
        if isinstance(annotation, type) and issubclass(annotation, Group):
            group_classes[name] = annotation
            parameters += annotation.parameters()
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def flat(**options):
        option_groups = {
            name: annotation(**{field.name: options.pop(field.name) for field in fields(annotation)})
            for name, annotation in group_classes.items()
        }
        return command(**option_groups, **options)

    flat.__name__, flat.__doc__ = command.__name__, command.__doc__
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


@dataclass(frozen=True)
class Group:
    """Options that go together."""

    @classmethod
    def parameters(cls):
        return [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=field.type,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
            )
            for field in fields(cls)
        ]


def keep_programs(no_cache: bool):
    """Keep the programs that JAX compiles for later commands, unless `no_cache`."""
    if no_cache:
        _compilation_cache.disable_compilation_cache()
        return
    try:
        _compilation_cache.enable_compilation_cache()
    except (OSError, ValueError) as error:
        typer.echo(f"Note: compiled programs are not kept for the next time: {error}", err=True)


def _folds(text):
    """A number of folds, or "loo"."""
    if text == "loo":
        return text
    if not str(text).isdigit() or int(text) < 2:
        raise typer.BadParameter(f"{text} is neither a number of folds, 2 or more, nor loo.")
    return int(text)


Ratio = Annotated[float, typer.Option(help="Mixing parameter: 1 is the lasso, 0 is ridge.")]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Neither read nor keep compiled programs.", callback=keep_programs)
]
Out = Annotated[Path, typer.Option(help="Folder for what is written.", metavar="FOLDER")]
Unknown = Annotated[
    Literal["error", "zero"],
    typer.Option(help="Levels that the fit has not seen: refused, or like none of those it has."),
]


@dataclass(frozen=True)
class Reading(Group):
    """A file, and what its columns are."""

    data: Annotated[
        Path, typer.Argument(help="Table: .csv, .tsv, .txt (also .gz), .parquet or .feather.", metavar="FILE")
    ]
    target: Annotated[str | None, typer.Option(help="Column to predict; none of survival times.", metavar="COL")] = None
    time: Annotated[str | None, typer.Option(help="Column of survival times, for cox.", metavar="COL")] = None
    event: Annotated[
        str | None,
        typer.Option(
            help="Column of whether the time is that of the event: 1 or True, or the value behind COL=VALUE.",
            metavar="COL[=VALUE]",
        ),
    ] = None
    start: Annotated[
        str | None, typer.Option(help="Column of the times from which on rows are at risk.", metavar="COL")
    ] = None
    strata: Annotated[
        str | None, typer.Option(help="Column of labels of rows with a baseline hazard of their own.", metavar="COL")
    ] = None
    offset: Annotated[
        str | None,
        typer.Option(help="Column added to the linear predictor, as the log of an exposure.", metavar="COL"),
    ] = None
    weights: Annotated[
        str | None, typer.Option("--weights", "--weight", help="Column of sample weights.", metavar="COL")
    ] = None
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out. May be repeated.", metavar="COL")] = None
    categorical: Annotated[
        list[str] | None, typer.Option(help="Column whose values are categories. May be repeated.", metavar="COL")
    ] = None
    dates: Annotated[
        Literal["parts", "numbers"] | None,
        typer.Option(help="Dates as numbers, days since 1970, or also in parts: year, month, weekday and hour."),
    ] = None
    dayfirst: Annotated[
        bool | None,
        typer.Option("--dayfirst/--monthfirst", help="Which comes first in 03/04/2024.", show_default=False),
    ] = None
    missing: Annotated[
        Literal["drop", "impute"] | None,
        typer.Option(help="Leave out rows with missing values, or fill these with means of the training rows."),
    ] = None
    na: Annotated[
        list[str] | None, typer.Option(help="Text of a missing value, as ?. May be repeated.", metavar="TEXT")
    ] = None
    decimal: Annotated[str | None, typer.Option(help="Decimal mark of the numbers.  [default: .]", metavar="MARK")] = (
        None
    )
    thousands: Annotated[
        str | None, typer.Option(help="Mark between thousands of the numbers.  [default: none]", metavar="MARK")
    ] = None
    units: Annotated[
        list[str] | None,
        typer.Option(help="What stands beside numbers, as $ or %. May be repeated.", metavar="TEXT"),
    ] = None

    def keywords(self) -> dict[str, Any]:
        """The keywords of `jaxreg.tables.read`, without the file and the target."""
        sequences = {name: tuple(getattr(self, name) or ()) for name in ("drop", "categorical", "na", "units")}
        names = ["time", "event", "start", "strata", "offset", "weights"]
        names += ["dates", "dayfirst", "missing", "decimal", "thousands"]
        return sequences | {name: getattr(self, name) for name in names}

    @property
    def response(self):
        """What is predicted, in words."""
        return self.target if self.target is not None else f"{self.event} by {self.time}"


@dataclass(frozen=True)
class Fit(Group):
    """Family or loss, penalty and lambdas."""

    family: Annotated[
        str | None,
        typer.Option(
            help="What the target is: gaussian (numbers), binomial (two classes, or shares), multinomial (classes), "
            "poisson or negative-binomial (counts), gamma or tweedie (amounts), cox (survival times). auto is binomial "
            "for two values, multinomial for text of more kinds, else gaussian.  [default: auto]",
            metavar="NAME",
        ),
    ] = None
    power: Annotated[float | None, typer.Option(help="Of tweedie, from 1 to 2.  [default: 1.5]", metavar="<float>")] = (
        None
    )
    theta: Annotated[
        float | None, typer.Option(help="Of negative-binomial.  [default: estimated]", metavar="<float>")
    ] = None
    link: Annotated[str | None, typer.Option(help="Of binomial.  [default: logit]", metavar="logit|probit|cloglog")] = (
        None
    )
    loss: Annotated[
        str | None,
        typer.Option(
            help="What residuals cost, instead of a family: squared, huber:SIZE (linear from there on), quantile:TAU "
            "(0.5 for absolute errors), or squaredhinge (two classes).",
            metavar="NAME",
        ),
    ] = None
    penalty: Annotated[
        str | None,
        typer.Option(
            help="lasso, ridge, elasticnet (with --l1-ratio), mcp, scad (or mcp:GAMMA, scad:GAMMA), logsum:EPS, "
            "l0:COLUMNS (that many at most), slope:Q (false discoveries at level Q), grouplasso (a column of the file "
            "as a whole), sparsegrouplasso.  [default: lasso]",
            metavar="NAME",
        ),
    ] = None
    n_lambdas: Annotated[int | None, typer.Option(help="Points of the path.  [default: 100]", metavar="<int>")] = None
    lambda_min_ratio: Annotated[
        float | None, typer.Option(help="Smallest lambda over the largest.  [default: that of fit_path]")
    ] = None
    lambdas: Annotated[
        str | None,
        typer.Option(help="The points themselves, as 10,1,0.1, instead of the two above.", metavar="<float>,..."),
    ] = None
    no_standardize: Annotated[bool, typer.Option("--no-standardize", help="Penalise columns as they are.")] = False
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show how far the fit is.")] = False


@dataclass(frozen=True)
class Validation(Group):
    """Folds, and the loss that judges."""

    l1_ratio: Annotated[
        list[float] | None,
        typer.Option(
            help="Mixing parameter: 1 is the lasso, 0 is ridge. May be repeated.  [default: 1]", metavar="<float>"
        ),
    ] = None
    folds: Annotated[
        str, typer.Option(help="Number of folds, or loo: leave one row out.", metavar="<int>|loo", parser=_folds)
    ] = "10"
    repeats: Annotated[int, typer.Option(min=1, help="Times that the folds are drawn again.")] = 1
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds.")] = 0
    groups: Annotated[
        str | None, typer.Option(help="Column of labels; rows with one label share a fold.", metavar="COL")
    ] = None
    metric: Annotated[
        str | None,
        typer.Option(
            help="Held-out loss: mse, mae, r2, deviance; of classes deviance, misclassification, auc, "
            "average_precision, brier, log_loss, mse, mae; of survival times deviance, c_index. What is better the "
            "higher it is is taken negative.  [default: mse, or the deviance of another loss]",
            metavar="NAME",
        ),
    ] = None
