"""The work of commands between their options and their files: read, fit, choose and judge."""

import time

import numpy as np
import typer

import jaxreg as jr
from jaxreg import _validation
from jaxreg.cli import _specification
from jaxreg.cli._messages import checked, command, command_typed, fail, fail_with_table, require
from jaxreg.scores._classes import share_right
from jaxreg.scores._metrics import METRICS, make_metric
from jaxreg.scores._numbers import R_SQUARED, SQUARED


def checked_specification(fit, validation):
    """The Specification of the options, whose folds and metric are checked as far as that needs no data."""
    if validation.folds == "loo" and validation.repeats > 1:
        fail(f"--repeats is {validation.repeats}, but --folds loo has one draw only; leave one of them out.")
    if validation.folds == "loo" and validation.groups is not None:
        fail("--groups keeps rows together, but --folds loo leaves out one at a time; give a number of folds.")
    if validation.metric is not None:
        checked(_validation.check_choice, validation.metric, "--metric", METRICS)
    if validation.folds == "loo" and validation.metric == "r2":
        fail("--metric r2 needs several rows in a fold, but --folds loo has one in each; give --metric mse.")
    specification = _specification.parse(fit, validation.l1_ratio)
    checked(make_metric, validation.metric, specification.family)
    return specification


# ---- tables ----


def load_table(reading, groups=None, classes=False):
    """The Table of a file; `note_remarks` prints its remarks."""
    require("pandas", "jaxreg[frames]")
    if reading.missing == "impute":
        require("sklearn", "jaxreg[sklearn]")
    options = reading.keywords() | {"groups": groups, "classes": classes}
    return _read(jr.tables.read, reading.data, reading.target, **options)


def load_model(file, data):
    """The Model that `cv` has written, for predictions of `data`."""
    if not file.is_file():
        inside = f" The folder has one: {file / 'model.npz'}." if (file / "model.npz").is_file() else ""
        fail(f"MODEL is {file}, which is {_not_a_file(file)}. Give the model.npz that `jaxreg cv` wrote.{inside}")
    try:
        return jr.tables.Model.load(file)
    except ValueError:
        hint = f" The model comes first: {command('predict', data, file)}" if data.suffix == ".npz" else ""
        fail(f"MODEL is {file}, which is no model. Give the model.npz that `jaxreg cv` wrote.{hint}")


def _not_a_file(file):
    return "a folder" if file.is_dir() else "not there"


def new_rows(encoding, data, unknown, judge=False):
    """The Rows of a file; `judge` requires a target to judge predictions by. `note_remarks` prints their remarks."""
    return _read(encoding.rows, data, unknown, judge)


def _read(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except jr.tables.TableError as error:
        fail_with_table(error)
    except (ValueError, TypeError) as error:
        fail(error)


def left_out_columns(encoding, frame, columns):
    """The columns of new rows that the fit left out, renamed where one of the written `columns` has the same name."""
    left_out = frame[[name for name in encoding.left_out if name in frame]]
    new_names = {}
    for name in left_out:
        if name in columns:
            new_names[name] = f"{name}_"
            while new_names[name] in left_out:
                new_names[name] += "_"
            typer.echo(
                f"Note: the column {name!r} of the file is called {new_names[name]!r} beside the prediction.", err=True
            )
    return left_out.rename(columns=new_names)


def note_remarks(remarks, file=None):
    """Print remarks, and return their lines. The lines have the name of `file`, if it is not the file of the fit."""
    from jaxreg.tables._problems import on_command_line

    start = "Note: " if file is None else f"Note: {file.name}: "
    lines = [f"{start}{remark.told(on_command_line)}" for remark in remarks]
    for line in lines:
        typer.echo(line, err=True)
    return lines


# ---- fits ----


def check_folds(table, validation):
    """Refuse more folds than rows or groups."""
    number, unit = (len(table.y), "rows") if table.groups is None else (table.groups.nunique(), "groups")
    if validation.folds != "loo" and validation.folds > number:
        fail(f"--folds is {validation.folds}, but there are {number} {unit}; give --folds {number} or less.")


def source(reading, table, result, specification, anywhere=False):
    """Python source that defines what the call of a result names. If `anywhere`, it reads the table from any folder."""
    file = reading.data.resolve() if anywhere else reading.data
    return "\n".join([table.source(result.settings, file), *specification.source(result.settings)])


def timed(fit, X, y, **options):
    """(result, seconds)."""
    start = time.perf_counter()
    result = checked(fit, X, y, **options)
    return result, time.perf_counter() - start


def chosen_model(result, rule, table):
    """The jaxreg.tables.Model of a CVResult at what a rule chooses."""
    choice = checked(result.select, rule)
    return jr.tables.Model(result.paths[_mix(result, choice)], table.encoding, choice.lam, rule)


def _mix(result, choice):
    """Position of the mixing parameter of a choice."""
    return result.l1_ratios.tolist().index(choice.l1_ratio) if len(result.paths) > 1 else 0


# ---- words ----


def opening_lines(reading, table, path, notes):
    """The first lines of a summary: the command, the table, the fit and the notes on the table."""
    weights = f", weighted by {reading.weights!r}" if reading.weights else ""
    return [
        f"Command: {command_typed()}",
        f"Table: {reading.data}, {len(table.y)} rows, {table.X.shape[1]} features, target {reading.target!r}{weights}",
        f"Loss {path.loss}, penalty {path.penalty}",
        *notes,
        "",
    ]


def choice_line(result, rule, table, specification):
    """The cross-validated scores of the choice on one line. A squared error is in units of the target, as RMSE."""
    choice = result.select(rule)
    point = _mix(result, choice), choice.index
    loss = result.mean_loss[point]
    score_texts = {
        SQUARED: f"RMSE {loss**0.5:.5g}",
        f"negative {R_SQUARED}": f"mean R2 of the folds {-loss:.3f}",
    }
    scores = [score_texts.get(result.metric, f"{result.metric} {loss:.5g}")]
    if specification.loss.name in ("squared", "huber"):  # R2 is about means, and not about quantiles
        scores.append(_score("R2", result.r2[point], ".3f"))
    if specification.of_classes and point == result.best:  # where the held-out predictions are
        weight = np.ones(len(table.y)) if table.weight is None else table.weight.to_numpy()
        scores.append(_score("accuracy", share_right(result.y, result.oof_predictions, weight), ".3f"))
    return f"Cross-validated at the choice: {', '.join(scores)}."


def error_text(model, rows, lam=None, metric=None):
    """The errors of a model on rows with a target, in words. The error by `metric` is among them."""

    scores = model.score(rows, lam)
    if metric is not None and metric.name == "deviance":
        y, prediction = rows.y[rows.judged], model.predict_rows(rows, lam)[rows.judged]
        scores["deviance"] = float(metric.in_fold(y, prediction[:, None], rows.weight[rows.judged])[0])
    weights = model.encoding.weights
    weighted = f" weighted by {weights!r}" if weights in rows.frame else ""
    return f"{scores.pop('rows')} rows{weighted}, " + ", ".join(_score(name, value) for name, value in scores.items())


def _score(name, value, digits=".5g"):
    return f"{name} {'-' if np.isnan(value) else format(value, digits)}"
