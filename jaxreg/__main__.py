"""Command line: paths, cross-validation and reports of a table, a demonstration, a look at the speed.

Libraries that only some commands need are imported there, so that --help is quick.
"""

import importlib.util
import itertools
import time
from pathlib import Path
from typing import Annotated

import jaxreg as jr
from jaxreg import _compilation_cache, _files, _validation
from jaxreg._cv_results import RULES

try:
    import typer
except ImportError as error:
    raise SystemExit('The command line needs typer: pip install "jaxreg[cli]"') from error

from jaxreg._messages import OneLineMessages, checked, end_at_ctrl_c, fail, require


def _keep_programs(no_cache: bool):
    """Let what JAX compiles until the end of the command be read by later ones, or not."""
    if no_cache:
        _compilation_cache.disable_compilation_cache()
        return
    try:
        _compilation_cache.enable_compilation_cache()
    except (OSError, ValueError) as error:
        typer.echo(f"Note: compiled programs are not kept for the next time: {error}", err=True)


def _examples(*lines):
    return "\b\nExamples:\n" + "\n".join(f"  jaxreg {line}" for line in lines)


app = typer.Typer(
    cls=OneLineMessages,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # messages stay on one line, whatever the terminal's width
    pretty_exceptions_enable=False,
)
Data = Annotated[Path, typer.Argument(help="CSV or Parquet file.")]
Target = Annotated[str, typer.Option(help="Column to predict.", metavar="COL")]
Weights = Annotated[str | None, typer.Option(help="Column of sample weights.", metavar="COL")]
Groups = Annotated[str | None, typer.Option(help="Column of labels; rows with one label share a fold.", metavar="COL")]
Drop = Annotated[list[str] | None, typer.Option(help="Column to leave out. May be repeated.", metavar="COL")]
Categorical = Annotated[
    list[str] | None, typer.Option(help="Column whose values are categories. May be repeated.", metavar="COL")
]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark of the numbers.  [default: .]", metavar="MARK")]
Thousands = Annotated[
    str | None, typer.Option(help="Mark between thousands of the numbers.  [default: none]", metavar="MARK")
]
Ratio = Annotated[float, typer.Option(help="Mixing parameter: 1 is the lasso, 0 is ridge.")]
Ratios = Annotated[
    list[float] | None,
    typer.Option(
        help="Mixing parameter: 1 is the lasso, 0 is ridge. May be repeated.  [default: 1]", metavar="<float>"
    ),
]
Points = Annotated[int | None, typer.Option(help="Points of the path.  [default: 100]", metavar="<int>")]
LambdaMinRatio = Annotated[
    float | None,
    typer.Option(help="Smallest lambda over the largest.  [default: that of fit_path]"),
]
Lambdas = Annotated[
    str | None,
    typer.Option(help="The points themselves, as 10,1,0.1, instead of the two above.", metavar="<float>,..."),
]
Unscaled = Annotated[bool, typer.Option("--no-standardize", help="Penalise columns as they are.")]
Progress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show how far the fit is.")]
FoldCount = Annotated[int, typer.Option(min=2, help="Number of folds.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the folds.")]
Metric = Annotated[str, typer.Option(help="Held-out loss; r2 is taken negative.", metavar="mse|mae|r2")]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Neither read nor keep compiled programs.", callback=_keep_programs)
]
Out = Annotated[Path, typer.Option(help="Folder for what is written.")]


@app.callback(invoke_without_command=True)
def about(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False):
    """Regularization paths, each point with a certificate.

    Text columns become a column for each of their levels. Errors, warnings and notes are lines on stderr. Compiled
    programs are kept for the next time, in the folder jaxreg of your caches.

    \b
    Exit codes:
      0    done; a warning says where a fit did not converge
      1    a library is missing, or the machine could not do it
      2    data, options or files are not right
      130  interrupted
    """
    if version:
        typer.echo(f"jaxreg {jr.__version__}")
        raise typer.Exit


@app.command(
    epilog=_examples(
        "path houses.csv --target price --drop id",
        "path houses.csv --target price --drop id --categorical zip --l1-ratio 0.5 --out houses",
    )
)
def path(
    data: Data,
    target: Target,
    l1_ratio: Ratio = 1.0,
    weights: Weights = None,
    drop: Drop = None,
    categorical: Categorical = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    n_lambdas: Points = None,
    lambda_min_ratio: LambdaMinRatio = None,
    lambdas: Lambdas = None,
    no_standardize: Unscaled = False,
    progress: Progress = False,
    no_cache: NoCache = False,
    out: Out = Path("jaxreg-path"),
):
    """Predict one column of a file from all others.

    Writes path.png, coefficients.csv (a row for each lambda) and summary.txt.
    """
    require("matplotlib", "jaxreg[plot]")
    grid = _grid(n_lambdas, lambda_min_ratio, lambdas)
    columns = {"weights": weights, "drop": drop, "categorical": categorical}
    table = _load(data, target, decimal=decimal, thousands=thousands, **columns)
    out.mkdir(parents=True, exist_ok=True)
    result, seconds = _fit(
        jr.fit_path,
        table,
        penalty=checked(jr.penalties.ElasticNet, l1_ratio),
        standardize=not no_standardize,
        progress=progress,
        **grid,
    )
    typer.echo(_files.write_path(result, out, f"{target} in {data.name}"))
    typer.echo(f"Fitted in {seconds:.3f} s, compilation included.")


@app.command(
    epilog=_examples(
        "cv houses.csv --target price --drop id --rule 1se",
        "cv houses.csv --target price --drop id --groups street --l1-ratio 0.5 --l1-ratio 1",
        "cv houses.csv --target price --drop id --report houses.html",
    )
)
def cv(
    data: Data,
    target: Target,
    l1_ratio: Ratios = None,
    folds: FoldCount = 10,
    seed: Seed = 0,
    groups: Groups = None,
    metric: Metric = "mse",
    rule: Annotated[str, typer.Option(help="What chooses lambda.", metavar="|".join(RULES))] = "min",
    weights: Weights = None,
    drop: Drop = None,
    categorical: Categorical = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    n_lambdas: Points = None,
    lambda_min_ratio: LambdaMinRatio = None,
    lambdas: Lambdas = None,
    no_standardize: Unscaled = False,
    progress: Progress = False,
    no_cache: NoCache = False,
    out: Out = Path("jaxreg-cv"),
    report: Annotated[Path | None, typer.Option(help="Interactive page to write.", metavar="FILE.html")] = None,
):
    """Choose the penalty by cross-validation.

    Its strength lambda and its mixing parameter are those that predict rows left out best, or what another rule says.
    Writes validation_curve.png, path.png, coefficients.csv (at the choice), cv.csv (the losses) and summary.txt.
    """
    checked(_validation.check_choice, rule, "rule", RULES)
    require("matplotlib", "jaxreg[plot]")
    if report is not None:
        require("plotly", "jaxreg[report]")
    grid = _grid(n_lambdas, lambda_min_ratio, lambdas)
    columns = {"weights": weights, "groups": groups, "drop": drop, "categorical": categorical}
    table = _load(data, target, decimal=decimal, thousands=thousands, **columns)
    for folder in [out] if report is None else [out, report.parent]:
        folder.mkdir(parents=True, exist_ok=True)
    result, seconds = _cross_validate(table, l1_ratio, folds, seed, metric, grid, no_standardize, progress)
    choice = checked(result.select, rule)
    typer.echo(_files.write_cv(result, rule, choice, out, f"{target} in {data.name}"))
    if report is not None:
        typer.echo(_files.write_report(result, report, f"{target} in {data.name}"))
    typer.echo(f"Fitted in {seconds:.3f} s, compilation included.")


@app.command(epilog=_examples("report houses.csv --target price --drop id --out houses.html"))
def report(
    data: Data,
    target: Target,
    l1_ratio: Ratios = None,
    folds: FoldCount = 10,
    seed: Seed = 0,
    groups: Groups = None,
    metric: Metric = "mse",
    weights: Weights = None,
    drop: Drop = None,
    categorical: Categorical = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    n_lambdas: Points = None,
    lambda_min_ratio: LambdaMinRatio = None,
    lambdas: Lambdas = None,
    no_standardize: Unscaled = False,
    progress: Progress = False,
    no_cache: NoCache = False,
    out: Annotated[Path, typer.Option(help="Page to write.", metavar="FILE.html")] = Path("report.html"),
):
    """Cross-validate, and write an interactive page."""
    require("plotly", "jaxreg[report]")
    grid = _grid(n_lambdas, lambda_min_ratio, lambdas)
    columns = {"weights": weights, "groups": groups, "drop": drop, "categorical": categorical}
    table = _load(data, target, decimal=decimal, thousands=thousands, **columns)
    out.parent.mkdir(parents=True, exist_ok=True)
    result, _ = _cross_validate(table, l1_ratio, folds, seed, metric, grid, no_standardize, progress)
    typer.echo(_files.write_report(result, out, f"{target} in {data.name}"))


@app.command(epilog=_examples("bench --rows 2000 --columns 50", "bench --compare"))
def bench(
    rows: Annotated[int | None, typer.Option(min=10, help="Rows of the one problem to time.")] = None,
    columns: Annotated[int | None, typer.Option(min=1, help="Columns of the one problem to time.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Time scikit-learn too: minutes more.")] = False,
):
    """Time fits of made-up data on this machine.

    Tall, square and wide data, or one size: a quick look of less than a minute on two cores. The project's benchmarks
    are another thing: they run in a clone.
    """
    if (rows is None) != (columns is None):
        fail("--rows and --columns go together; give both, or none for the three sizes.")
    if compare:
        require("sklearn", "jaxreg[sklearn]")
    from jaxreg import _bench

    for line in _bench.lines(_bench.SIZES if rows is None else [(rows, columns)], compare):
        typer.echo(line)


@app.command(epilog=_examples("demo", "demo --l1-ratio 0.5 --out half"))
def demo(l1_ratio: Ratio = 1.0, no_cache: NoCache = False, out: Out = Path("jaxreg-demo")):
    """Fit and cross-validate the diabetes data.

    The columns are those of the data and all their products. Writes what `path` writes, validation_curve.png and, where
    plotly is installed, report.html.
    """
    pd = require("pandas", "jaxreg[frames]")
    require("matplotlib", "jaxreg[plot]")
    data = require("sklearn.datasets", "jaxreg[sklearn]").load_diabetes(scaled=False)
    names, X = data.feature_names, data.data
    centred = X - X.mean(axis=0)
    columns = dict(zip(names, X.T, strict=True))
    for i, j in itertools.combinations(range(len(names)), 2):
        columns[f"{names[i]}:{names[j]}"] = centred[:, i] * centred[:, j]
    frame = pd.DataFrame(columns)
    out.mkdir(parents=True, exist_ok=True)
    penalty = checked(jr.penalties.ElasticNet, l1_ratio)
    _, first = _timed(jr.fit_path, frame, data.target, penalty=penalty)
    result, second = _timed(jr.fit_path, frame, data.target, penalty=penalty)
    title = f"Diabetes data: {len(names)} columns and their {len(columns) - len(names)} products"
    typer.echo(_files.write_path(result, out, title))
    result, _ = _timed(jr.fit_cv, frame, data.target, l1_ratios=l1_ratio)
    typer.echo(result.summary())
    typer.echo(_files.write_curve(result, out, title))
    if importlib.util.find_spec("plotly") is not None:
        typer.echo(_files.write_report(result, out / "report.html", title))
    typer.echo(f"First call {first:.3f} s (it compiles, or reads what was compiled), second call {second:.3f} s.")


def _grid(n_lambdas, lambda_min_ratio, lambdas):
    """The options of a fit that choose its lambdas."""
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


def _load(data, target, **options):
    require("pandas", "jaxreg[frames]")
    from jaxreg import _tables

    table = checked(_tables.load, data, target, **options)
    for note in table.notes:
        typer.echo(f"Note: {note}", err=True)
    return table


def _fit(fit, table, **options):
    """(result, seconds)."""
    return _timed(fit, table.X, table.y, sample_weight=table.weight, **options)


def _cross_validate(table, l1_ratios, folds, seed, metric, grid, no_standardize, progress):
    """(result, seconds)."""
    number, what = (len(table.y), "rows") if table.groups is None else (table.groups.nunique(), "groups")
    if folds > number:
        fail(f"--folds is {folds}, but there are {number} {what}; give --folds {number} or less.")
    return _fit(
        jr.fit_cv,
        table,
        l1_ratios=l1_ratios or None,
        cv=folds,
        seed=seed,
        groups=table.groups,
        metric=metric,
        standardize=not no_standardize,
        progress=progress,
        **grid,
    )


def _timed(fit, X, y, **options):
    """(result, seconds)."""
    began = time.perf_counter()
    result = checked(fit, X, y, **options)
    return result, time.perf_counter() - began


def main():
    """Entry point of the console script."""
    end_at_ctrl_c()
    app()


if __name__ == "__main__":
    main()
