"""The work of commands between their options and their files: read, fit, choose and judge."""

import time

import numpy as np
import typer

import jaxreg as jr
from jaxreg import _validation
from jaxreg.cli import _families, _specification
from jaxreg.cli._messages import checked, command, command_typed, fail, fail_with_table, require
from jaxreg.results._assessment import judged_held_out
from jaxreg.scores._metric import NEGATIVE
from jaxreg.scores._metrics import METRICS
from jaxreg.scores._numbers import ABSOLUTE, R_SQUARED, SQUARED

OF_NUMBERS = SQUARED, ABSOLUTE, R_SQUARED  # measures that the RMSE, MAE and R2 of a model say


def checked_specification(reading, fit, validation, rule="min"):
    """The Specification of the options, whose folds, metric and rule are checked as far as that needs no data."""
    if validation.folds == "loo" and validation.repeats > 1:
        fail(f"--repeats is {validation.repeats}, but --folds loo has one draw only; leave one of them out.")
    if validation.folds == "loo" and validation.groups is not None:
        fail("--groups keeps rows together, but --folds loo leaves out one at a time; give a number of folds.")
    if validation.metric is not None:
        checked(_validation.check_choice, validation.metric, "--metric", METRICS)
    if validation.folds == "loo" and validation.metric == "r2":
        fail("--metric r2 needs several rows in a fold, but --folds loo has one in each; give --metric mse.")
    specification = _specification.parse(reading, fit, validation.l1_ratio)
    specification.check_judging(validation.metric, rule)
    return specification


def for_table(specification, table, metric=None, rule="min"):
    """(the Specification of a fit of the table, lines on the family that the table decides on)."""
    settled = specification.for_table(table)
    settled.check_judging(metric, rule)
    return settled, [] if settled is specification else [_families.line_of(table)]


# ---- tables ----


def load_table(reading, classes, groups=None):
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
    n, p = table.X.shape
    return [
        f"Command: {command_typed()}",
        f"Table: {reading.data}, {n} rows, {p} features, target {reading.response!r}{weights}",
        f"Loss {path.loss}, penalty {path.penalty}",
        *notes,
        "",
    ]


def choice_line(result, rule, table):
    """The cross-validated scores of the choice on one line. A squared error is in units of the target, as RMSE."""
    choice = result.select(rule)
    point = _mix(result, choice), choice.index
    loss, of_numbers = result.mean_loss[point], table.encoding.classes is None and table.encoding.survival is None
    name, sign = result.metric, 1
    if name.startswith(NEGATIVE):
        name, sign = name.removeprefix(NEGATIVE), -1
    score_texts = {
        SQUARED: f"RMSE {loss**0.5:.5g}" if of_numbers else f"{SQUARED} {loss:.5g}",
        R_SQUARED: f"mean R2 of the folds {-loss:.3f}",
    }
    scores = [score_texts.get(name, f"{name} {sign * loss:.5g}")]
    if of_numbers and result.r2 is not None and not result.path.loss.startswith("Quantile"):
        scores.append(_score("R2", result.r2[point], ".3f"))  # about means, and not about quantiles
    if not of_numbers and point == result.best:  # where the held-out predictions are
        scores.append(_held_out_score(result, table.encoding.classes is not None))
    return f"Cross-validated at the choice: {', '.join(scores)}."


def _held_out_score(result, of_classes):
    """The accuracy of classes, or the C-index of survival times, of the held-out predictions."""
    _, (value,) = judged_held_out(result, None, of_one=True).measure("misclassification" if of_classes else "c_index")
    return _score("accuracy", 1 - value, ".3f") if of_classes else _score("C-index", value, ".3f")


def error_text(model, rows, lam=None, metric=None):
    """The errors of a model on rows with a target, in words. The error by `metric`, a name, is among them."""
    scores = model.score(rows, lam)
    if metric is not None:
        title, value = model.measured(rows, metric, lam)
        scores |= {} if "RMSE" in scores and title in OF_NUMBERS else {title: value}
    weights = model.encoding.weights
    weighted = f" weighted by {weights!r}" if weights in rows.frame else ""
    return f"{scores.pop('rows')} rows{weighted}, " + ", ".join(_score(name, value) for name, value in scores.items())


def _score(name, value, digits=".5g"):
    return f"{name} {'-' if np.isnan(value) else format(value, digits)}"
