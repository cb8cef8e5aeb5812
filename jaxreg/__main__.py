"""Command line: `jaxreg demo` and `jaxreg path DATA --target COL`.

Libraries that only one command needs are imported there, so that --help is quick.
"""

import difflib
import importlib
import itertools
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import jaxreg as jr

try:
    import typer
except ImportError as error:
    raise SystemExit('The command line needs typer: pip install "jaxreg[cli]"') from error

LISTED = 20  # names in a message

app = typer.Typer(
    help="Regularization paths, each point with a certificate.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # messages stay on one line, whatever the terminal's width
    pretty_exceptions_enable=False,
)
Ratio = Annotated[float, typer.Option(help="Mixing parameter: 1 is the lasso, 0 is ridge.")]
Out = Annotated[Path, typer.Option(help="Folder for path.png, coefficients.csv and summary.txt.")]


@app.command()
def demo(l1_ratio: Ratio = 1.0, out: Out = Path("jaxreg-demo")):
    """Fit the diabetes data with all products, twice, and cross-validate them."""
    pd = _require("pandas", "jaxreg[frames]")
    _require("matplotlib", "jaxreg[plot]")
    data = _require("sklearn.datasets", "jaxreg[sklearn]").load_diabetes(scaled=False)
    names, X = data.feature_names, data.data
    centred = X - X.mean(axis=0)
    columns = dict(zip(names, X.T, strict=True))
    for i, j in itertools.combinations(range(len(names)), 2):
        columns[f"{names[i]}:{names[j]}"] = centred[:, i] * centred[:, j]
    frame = pd.DataFrame(columns)
    with _one_line_messages():
        out.mkdir(parents=True, exist_ok=True)
        _, compiling = _fit(frame, data.target, l1_ratio)
        result, compiled = _fit(frame, data.target, l1_ratio)
        title = f"Diabetes data: {len(names)} columns and their {len(columns) - len(names)} products"
        _report(result, out, title)
        _cross_validate(frame, data.target, l1_ratio, out, title)
    typer.echo(f"First call {compiling:.3f} s (it compiles), second call {compiled:.3f} s.")


@app.command()
def path(
    data: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Annotated[str, typer.Option(help="Column to predict.", metavar="COL")],
    l1_ratio: Ratio = 1.0,
    out: Out = Path("jaxreg-path"),
    weights: Annotated[str | None, typer.Option(help="Column of sample weights.", metavar="COL")] = None,
    n_lambdas: Annotated[int, typer.Option(help="Points of the path.")] = 100,
    no_standardize: Annotated[bool, typer.Option("--no-standardize", help="Penalise columns as they are.")] = False,
):
    """Predict one column of a file from all others."""
    _require("matplotlib", "jaxreg[plot]")
    frame = _read(data)
    y = _column(frame, target, "--target")
    sample_weight = None if weights is None else _column(frame, weights, "--weights")
    if weights == target:
        _fail(f"--target and --weights are both {target!r}; give two columns.")
    X = _numbers(frame.drop(columns=[target] if weights is None else [target, weights]))
    if not X.shape[1]:
        _fail(f"{data} has no column left to predict {target!r} from; give a file with more.")
    with _one_line_messages():
        out.mkdir(parents=True, exist_ok=True)
        options = {"sample_weight": sample_weight, "n_lambdas": n_lambdas, "standardize": not no_standardize}
        result, seconds = _fit(X, y, l1_ratio, **options)
        _report(result, out, f"{target} in {data.name}")
    typer.echo(f"Fitted in {seconds:.3f} s, compilation included.")


def _fail(message) -> NoReturn:
    typer.echo(f"jaxreg: {_one_line(message)}", err=True)
    raise typer.Exit(2)


def _one_line(message):
    return " ".join(str(message).split())


def _require(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        _fail(f'this command needs {module.split(".")[0]}: pip install "{package}"')


@contextmanager
def _one_line_messages():
    """Show warnings, and errors of writing, without a traceback."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", jr.ConvergenceWarning)
        try:
            yield
        except OSError as error:
            _fail(error)
        finally:
            for message in dict.fromkeys(_one_line(each.message) for each in caught):
                typer.echo(f"Warning: {message}", err=True)


def _fit(X, y, l1_ratio, **options):
    """(path, seconds)."""
    began = time.perf_counter()
    try:
        result = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(l1_ratio), **options)
    except ValueError as error:  # about the user's data or options, and says what to do
        _fail(error)
    return result, time.perf_counter() - began


def _cross_validate(X, y, l1_ratio, out, title):
    from jaxreg.plotting import plot_validation_curve

    cv = jr.fit_cv(X, y, l1_ratios=l1_ratio)
    _draw(plot_validation_curve, cv, out / "validation_curve.png", title)
    typer.echo(f"{cv.summary()}\nWrote validation_curve.png to {out}.")


def _draw(plot, result, file, title):
    from matplotlib.figure import Figure  # not pyplot: no display, no global state

    figure = Figure(figsize=(8, 5), layout="constrained")
    plot(result, ax=figure.subplots()).set_title(title, parse_math=False)
    figure.savefig(file, dpi=150)


def _report(result, out, title):
    from jaxreg.plotting import plot_path

    _draw(plot_path, result, out / "path.png", title)
    result.to_frame().to_csv(out / "coefficients.csv")
    summary = result.summary()
    (out / "summary.txt").write_text(summary + "\n", encoding="utf-8")
    typer.echo(summary)
    typer.echo(f"Worst relative gap {result.gap.max():.1e}.")
    typer.echo(f"Wrote path.png, coefficients.csv and summary.txt to {out}.")


def _read(file):
    """pandas frame of a CSV or Parquet file."""
    pd = _require("pandas", "jaxreg[frames]")
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        _fail(f"{file} has the unknown extension {file.suffix!r}; give one of {', '.join(readers)}.")
    if not file.is_file():
        _fail(f"{file} is not there, or not a file; give a CSV or Parquet file.")
    try:
        frame = reader(file)
    except ImportError:
        _fail('reading Parquet needs pyarrow: pip install "jaxreg[frames]"')
    except (ValueError, OSError) as error:
        _fail(f"{file} cannot be read: {error}")
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _column(frame, name, option):
    """One column (n,) in float64."""
    if name not in frame.columns:
        names = list(frame.columns)
        lowered = {each.lower(): each for each in reversed(names)}
        close = difflib.get_close_matches(name.lower(), lowered, n=1)
        hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
        _fail(f"{option} is {name!r}, which is not a column.{hint} The columns are {_listed(names)}.")
    column = _numbers(frame[[name]]).iloc[:, 0]
    if column.isna().any():
        _fail(f"{option} {name!r} has {column.isna().sum()} missing value(s); fill them or drop the rows.")
    return column


def _listed(names):
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def _numbers(frame):
    """The frame in float64; missing values become NaN, which `fit_path` refuses by column."""
    from pandas import DataFrame
    from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

    typed = zip(frame.columns, frame.dtypes, strict=True)
    bad = [name for name, dtype in typed if not (is_any_real_numeric_dtype(dtype) or is_bool_dtype(dtype))]
    if bad:
        _fail(f"columns that are not numbers: {_listed(bad)}; encode or drop them.")
    return DataFrame(frame.to_numpy(dtype="float64", na_value=float("nan")), columns=frame.columns)


def main():
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
