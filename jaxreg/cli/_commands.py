"""The commands. A command checks its options, reads, fits, and then writes."""

from pathlib import Path
from typing import Annotated

import typer

import jaxreg as jr
from jaxreg import _validation
from jaxreg.cli import _files, _specification, _work
from jaxreg.cli._messages import LineMessages, checked, command, end_at_ctrl_c, fail, require, seconds
from jaxreg.cli._options import Fit, NoCache, Out, Ratio, Reading, Unknown, Validation, with_groups
from jaxreg.results._cv import RULES


def _examples(*lines):
    return "\b\nExamples:\n" + "\n".join(f"  jaxreg {line}" for line in lines)


def _title(reading):
    return f"{reading.response} in {reading.data.name}"


def _time(fit):
    return f"Done in {seconds():.1f} s, of which the fit took {fit:.3f} s, compilation included."


app = typer.Typer(
    cls=LineMessages,
    add_completion=False,
    rich_markup_mode=None,  # messages keep their lines, whatever the terminal's width
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
):
    """Regularization paths of tables, each point with a certificate.

    Text columns become a column for each of their levels. What could be several things is not guessed: an error lists
    all of it and ends in a command that works. Errors, warnings and notes are lines on stderr. Compiled programs are
    kept for the next time, in the folder jaxreg of your caches.

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
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(
    epilog=_examples(
        "path houses.csv --target price --drop id",
        "path houses.csv --target price --drop id --categorical zip --l1-ratio 0.5 --out houses",
    )
)
@with_groups
def path(
    reading: Reading,
    fit: Fit,
    l1_ratio: Annotated[
        float | None, typer.Option(help="Mixing parameter: 1 is the lasso, 0 is ridge.  [default: 1]")
    ] = None,
    no_cache: NoCache = False,
    out: Out = Path("jaxreg-path"),
):
    """Predict one column of a file, or survival times, from all others, at every lambda.

    Writes path.png, coefficients.csv (a row for each lambda), summary.txt and reproduce.py.
    """
    require("matplotlib", "jaxreg[plot]")
    specification = _specification.parse(reading, fit, None if l1_ratio is None else [l1_ratio])
    _files.check_output_folder("--out", out, _files.PATH_FILES, [reading.data])
    table = _work.load_table(reading, specification.classes)
    specification, about = _work.for_table(specification, table)
    keywords, notes = specification.keywords(table), _work.note_remarks(specification.remarks(table))
    result, fit_seconds = _work.timed(jr.fit_path, table.X, table.y, **keywords)
    source = _work.source(reading, table, result, specification, anywhere=True)
    opening_lines = _work.opening_lines(reading, table, result, [*about, *notes])
    typer.echo("\n".join([*about, _files.write_path(result, out, _title(reading), opening_lines, source)]))
    typer.echo(_time(fit_seconds))


@app.command(
    epilog=_examples(
        "cv houses.csv --target price --drop id --rule 1se",
        "cv houses.csv --target price --drop id --groups street --l1-ratio 0.5 --l1-ratio 1",
        "cv houses.csv --target price --drop id --penalty grouplasso --report houses.html",
        "cv houses.csv --target price --drop id --dates parts --missing impute --test newer.csv",
        "cv houses.csv --target price --drop id --family gamma",
    )
)
@with_groups
def cv(
    reading: Reading,
    fit: Fit,
    validation: Validation,
    rule: Annotated[str, typer.Option(help="What chooses lambda.", metavar="|".join(RULES))] = "min",
    test: Annotated[
        Path | None, typer.Option(help="Table of other rows, to judge the choice by.", metavar="FILE")
    ] = None,
    unknown: Unknown = "error",
    no_cache: NoCache = False,
    out: Out = Path("jaxreg-cv"),
    report: Annotated[Path | None, typer.Option(help="Interactive page to write.", metavar="FILE.html")] = None,
):
    """Choose the penalty by cross-validation.

    Its strength lambda and its mixing parameter are those that predict rows left out best, or what another rule says.
    Writes validation_curve.png, path.png, coefficients.csv (at the choice), cv.csv (the losses), summary.txt, model.npz
    (for `jaxreg predict`) and reproduce.py (the same in Python).
    """
    checked(_validation.check_choice, rule, "--rule", RULES)
    require("matplotlib", "jaxreg[plot]")
    specification = _work.checked_specification(reading, fit, validation, rule)
    if unknown != "error" and test is None:
        fail("--unknown is about the rows of --test, which is not given; leave it out, or give both.")
    _files.check_output_folder("--out", out, _files.CV_FILES, [reading.data, test])
    if report is not None:
        _files.check_output_file("--report", report, _files.PAGE_ENDINGS, [reading.data, test])
    table = _work.load_table(reading, specification.classes, validation.groups)
    specification, about = _work.for_table(specification, table, validation.metric, rule)
    _work.check_folds(table, validation)
    keywords = specification.keywords(table, validation)
    rows = None if test is None else _work.new_rows(table.encoding, test, unknown, judge=True)
    notes = _work.note_remarks(specification.remarks(table))
    notes += [] if rows is None else _work.note_remarks(rows.remarks, test)
    result, fit_seconds = _work.timed(jr.fit_cv, table.X, table.y, **keywords)
    chosen, closing_lines = (
        _work.chosen_model(result, rule, table),
        [_work.choice_line(result, rule, table)],
    )
    if rows is not None and test is not None:
        metric = validation.metric or specification.loss_of(table).metrics[0]
        closing_lines.append(f"{test.name}: {_work.error_text(chosen, rows, metric=metric)}")
    source = _work.source(reading, table, result, specification, anywhere=True)
    opening_lines = _work.opening_lines(reading, table, result.path, [*about, *notes])
    written = _files.write_cv(result, chosen, out, _title(reading), source, opening_lines, closing_lines)
    typer.echo("\n".join([*about, written]))
    if report is not None:
        source = _work.source(reading, table, result, specification)
        typer.echo(_files.write_page(result, report, _title(reading), source, [*about, *notes]))
    typer.echo(_time(fit_seconds))
    typer.echo(f"For new rows: {command('predict', out / 'model.npz', 'FILE')}")


@app.command(epilog=_examples("report houses.csv --target price --drop id --out houses.html"))
@with_groups
def report(
    reading: Reading,
    fit: Fit,
    validation: Validation,
    no_cache: NoCache = False,
    out: Annotated[Path, typer.Option(help="Page to write.", metavar="FILE.html")] = Path("report.html"),
):
    """Cross-validate, and write an interactive page.

    `jaxreg cv` with --report writes it too, beside a model that predicts new rows.
    """
    specification = _work.checked_specification(reading, fit, validation)
    _files.check_output_file("--out", out, _files.PAGE_ENDINGS, [reading.data])
    table = _work.load_table(reading, specification.classes, validation.groups)
    specification, about = _work.for_table(specification, table, validation.metric)
    _work.check_folds(table, validation)
    keywords = specification.keywords(table, validation)
    notes = _work.note_remarks(specification.remarks(table))
    result, fit_seconds = _work.timed(jr.fit_cv, table.X, table.y, **keywords)
    typer.echo("\n".join([*about, result.summary(), _work.choice_line(result, "min", table)]))
    source = _work.source(reading, table, result, specification)
    typer.echo(_files.write_page(result, out, _title(reading), source, [*about, *notes]))
    typer.echo(_time(fit_seconds))
    typer.echo("It has no model for new rows; `jaxreg cv` with --report writes both.")


@app.command(
    epilog=_examples(
        "predict jaxreg-cv/model.npz new.csv",
        "predict jaxreg-cv/model.npz new.csv --unknown zero --out prices.csv",
    )
)
def predict(
    model: Annotated[Path, typer.Argument(help="The model.npz that `jaxreg cv` wrote.", metavar="MODEL")],
    data: Annotated[Path, typer.Argument(help="Table of the rows to predict.", metavar="FILE")],
    lam: Annotated[float | None, typer.Option(help="Another lambda than that of the model.")] = None,
    unknown: Unknown = "error",
    no_cache: NoCache = False,
    out: Annotated[Path, typer.Option(help="File to write.", metavar="FILE.csv")] = Path("predictions.csv"),
):
    """Predict the rows of another file by a model.

    Its columns are encoded as those of the fit were; what differs is refused. Writes the predictions in the order of
    the rows, beside the columns that the fit left out, such as an identifier: numbers, the class and the probability of
    each, or the relative risk of survival times. If the file holds the target, its errors are printed.
    """
    require("pandas", "jaxreg[frames]")
    _files.check_output_file("--out", out, _files.TABLE_ENDINGS, [model, data])
    if lam is not None:
        checked(_validation.check_nonnegative, lam, "--lam")
    fitted = _work.load_model(model, data)
    rows = _work.new_rows(fitted.encoding, data, unknown)
    _work.note_remarks(rows.remarks)
    columns = {
        name: _files.rounded_predictions(values) if values.dtype.kind == "f" else values
        for name, values in checked(fitted.columns, rows, lam).items()
    }
    beside = _work.left_out_columns(fitted.encoding, rows.frame, columns)
    typer.echo(_files.write_predictions(beside.assign(**columns), out))
    if rows.judged.any():
        typer.echo(f"{data.name}: {_work.error_text(fitted, rows, lam)}")


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

    The columns are those of the data and all their products. Writes path.png, coefficients.csv, summary.txt,
    validation_curve.png and report.html.
    """
    require("pandas", "jaxreg[frames]")
    require("matplotlib", "jaxreg[plot]")
    require("sklearn", "jaxreg[sklearn]")
    from jaxreg.cli import _demo

    _files.check_output_folder("--out", out, _files.DEMO_FILES)
    frame, target, title = _demo.diabetes()
    penalty = checked(jr.penalties.ElasticNet, l1_ratio)
    _, first = _work.timed(jr.fit_path, frame, target, penalty=penalty)
    path, second = _work.timed(jr.fit_path, frame, target, penalty=penalty)
    cv, _ = _work.timed(jr.fit_cv, frame, target, l1_ratios=l1_ratio)
    typer.echo(_files.write_path(path, out, title, cv=cv))
    typer.echo(cv.summary())
    typer.echo(_files.write_curve(cv, out, title))
    typer.echo(_files.write_page(cv, out / "report.html", title, _demo.SOURCE))
    typer.echo(f"First call {first:.3f} s (it compiles, or reads what was compiled), second call {second:.3f} s.")


def main():
    """Entry point of the console script."""
    end_at_ctrl_c()
    app()
