"""What commands do between their options and their files: read, fit, choose and judge."""

import time

import numpy as np
import typer

import jaxreg as jr
from jaxreg import _validation
from jaxreg._scores import METRICS, make_metric, share_right
from jaxreg.cli import _specification
from jaxreg.cli._messages import checked, command, command_typed, fail, fail_with_table, require


def check(fit, validation):
    """The Specification of the options, after what can be said of folds and their loss without the data."""
    if validation.folds == "loo" and validation.repeats > 1:
        fail(f"--repeats is {validation.repeats}, but --folds loo has one draw only; leave one of them out.")
    if validation.folds == "loo" and validation.groups is not None:
        fail("--groups keeps rows together, but --folds loo leaves out one at a time; give a number of folds.")
    if validation.metric is not None:
        checked(_validation.check_choice, validation.metric, "--metric", (*METRICS, "deviance"))
    if validation.folds == "loo" and validation.metric == "r2":
        fail("--metric r2 needs several rows in a fold, but --folds loo has one in each; give --metric mse.")
    specification = _specification.parse(fit, validation.l1_ratio)
    checked(make_metric, validation.metric, specification.family)
    return specification


# ---- tables ----


def load(reading, groups=None, classes=False):
    """The Table of a file; `note` tells its remarks."""
    require("pandas", "jaxreg[frames]")
    if reading.missing == "impute":
        require("sklearn", "jaxreg[sklearn]")
    options = reading.keywords() | {"groups": groups, "classes": classes}
    return _read(jr.tables.read, reading.data, reading.target, **options)


def model(file, data):
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


def rows(encoding, data, unknown, judge=False):
    """The Rows of a file, with what predictions are judged by if that is asked for; `note` tells their remarks."""
    return _read(encoding.rows, data, unknown, judge)


def _read(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except jr.tables.TableError as error:
        fail_with_table(error)
    except (ValueError, TypeError) as error:
        fail(error)


def beside(encoding, frame, columns):
    """Of the frame of new rows the columns that the fit left out, for a file that has those columns too."""
    left_out = frame[[name for name in encoding.left_out if name in frame]]
    others = {}
    for name in left_out:
        if name in columns:
            others[name] = f"{name}_"
            while others[name] in left_out:
                others[name] += "_"
            typer.echo(
                f"Note: the column {name!r} of the file is called {others[name]!r} beside the prediction.", err=True
            )
    return left_out.rename(columns=others)


def note(remarks, file=None):
    """Tell remarks, of another file than that of the fit with its name; their lines."""
    from jaxreg.tables._problems import on_command_line

    start = "Note: " if file is None else f"Note: {file.name}: "
    lines = [f"{start}{remark.told(on_command_line)}" for remark in remarks]
    for line in lines:
        typer.echo(line, err=True)
    return lines


# ---- fits ----


def check_folds(table, validation):
    """That there are as many rows or groups as folds."""
    number, what = (len(table.y), "rows") if table.groups is None else (table.groups.nunique(), "groups")
    if validation.folds != "loo" and validation.folds > number:
        fail(f"--folds is {validation.folds}, but there are {number} {what}; give --folds {number} or less.")


def source(reading, table, result, specification, anywhere=False):
    """Python that makes what the call of a result names; `anywhere` reads the table from any folder."""
    file = reading.data.resolve() if anywhere else reading.data
    return "\n".join([table.source(result.settings, file), *specification.source(result.settings)])


def timed(fit, X, y, **options):
    """(result, seconds)."""
    began = time.perf_counter()
    result = checked(fit, X, y, **options)
    return result, time.perf_counter() - began


def chosen(result, rule, table):
    """The jaxreg.tables.Model of a CVResult at what a rule chooses."""
    choice = checked(result.select, rule)
    return jr.tables.Model(result.paths[_mix(result, choice)], table.encoding, choice.lam, rule)


def _mix(result, choice):
    """Position of the mixing parameter of a choice."""
    return result.l1_ratios.tolist().index(choice.l1_ratio) if len(result.paths) > 1 else 0


# ---- words ----


def about(reading, table, path, notes):
    """Lines that say what was fitted, by which command, with the notes on the table."""
    weights = f", weighted by {reading.weights!r}" if reading.weights else ""
    return [
        f"Command: {command_typed()}",
        f"Table: {reading.data}, {len(table.y)} rows, {table.X.shape[1]} features, target {reading.target!r}{weights}",
        f"Loss {path.loss}, penalty {path.penalty}",
        *notes,
        "",
    ]


def at_choice(result, rule, table, specification):
    """What cross-validation says of the choice: in units of the target if the metric is the squared error."""
    choice = result.select(rule)
    point = _mix(result, choice), choice.index
    loss = result.mean_loss[point]
    others = {METRICS["mse"].name: f"RMSE {loss**0.5:.5g}", METRICS["r2"].name: f"mean R2 of the folds {-loss:.3f}"}
    said = [others.get(result.metric, f"{result.metric} {loss:.5g}")]
    if specification.loss.name in ("squared", "huber"):  # R2 is about means, and not about quantiles
        said.append(_score("R2", result.r2[point], ".3f"))
    if specification.of_classes and point == result.best:  # where the held-out predictions are
        weight = np.ones(len(table.y)) if table.weight is None else table.weight.to_numpy()
        said.append(_score("accuracy", share_right(result.y, result.oof_predictions, weight), ".3f"))
    return f"Cross-validated at the choice: {', '.join(said)}."


def judged(model, rows, lam=None, metric=None):
    """The errors of a model on rows with a target, in words, that of a metric among them."""
    scores = model.score(rows, lam)
    if metric is not None and metric.name == "deviance":
        y, prediction = rows.y[rows.judged], model.predict_rows(rows, lam)[rows.judged]
        scores["deviance"] = float(metric.in_fold(y, prediction[:, None], rows.weight[rows.judged])[0])
    weights = model.encoding.weights
    weighted = f" weighted by {weights!r}" if weights in rows.frame else ""
    return f"{scores.pop('rows')} rows{weighted}, " + ", ".join(_score(*each) for each in scores.items())


def _score(name, value, digits=".5g"):
    return f"{name} {'-' if np.isnan(value) else format(value, digits)}"
