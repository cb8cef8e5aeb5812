"""What commands do between their options and their files: read, fit, choose and judge."""

import time

import numpy as np
import typer

import jaxreg as jr
from jaxreg import _validation
from jaxreg._scores import METRICS
from jaxreg.cli import _specification
from jaxreg.cli._messages import checked, fail, fail_with_table, require


def check(fit, validation):
    """The Specification of the options, after what can be said of folds and their loss without the data."""
    if validation.folds == "loo" and validation.repeats > 1:
        fail(f"--repeats is {validation.repeats}, but --folds loo has one draw only; leave one of them out.")
    if validation.folds == "loo" and validation.groups is not None:
        fail("--groups keeps rows together, but --folds loo leaves out one at a time; give a number of folds.")
    if validation.metric is not None:
        checked(_validation.check_choice, validation.metric, "--metric", (*METRICS, "deviance"))
    return _specification.parse(fit, validation.l1_ratio)


# ---- tables ----


def load(reading, groups=None, classes=False):
    """The Table of a file, after its notes."""
    require("pandas", "jaxreg[frames]")
    if reading.missing == "impute":
        require("sklearn", "jaxreg[sklearn]")
    options = reading.keywords() | {"groups": groups, "classes": classes}
    table = _read(jr.tables.read, reading.data, reading.target, **options)
    _note(table.remarks)
    return table


def model(file):
    """The Model that `cv` has written."""
    try:
        return jr.tables.Model.load(file)
    except ValueError as error:
        fail(f"{error} Give the model.npz that `jaxreg cv` wrote.")


def rows(encoding, data, unknown):
    """The Rows of a file, after its notes."""
    new = _read(encoding.rows, data, unknown)
    _note(new.remarks)
    return new


def test_rows(table, test, unknown):
    """The same of rows that have the target."""
    new = rows(table.encoding, test, unknown)
    if new.y is None:
        fail(f"--test {test} has no column {table.encoding.target!r} to judge by; give rows with it.")
    return new


def _read(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except jr.tables.TableError as error:
        fail_with_table(error)
    except (ValueError, TypeError) as error:
        fail(error)


def _note(remarks):
    from jaxreg.tables._problems import on_command_line

    for remark in remarks:
        typer.echo(f"Note: {remark.told(on_command_line)}", err=True)


# ---- fits ----


def cross_validate(table, specification, validation):
    """(result, seconds)."""
    number, what = (len(table.y), "rows") if table.groups is None else (table.groups.nunique(), "groups")
    if validation.folds != "loo" and validation.folds > number:
        fail(f"--folds is {validation.folds}, but there are {number} {what}; give --folds {number} or less.")
    return timed(jr.fit_cv, table.X, table.y, **specification.keywords(table, validation))


def source(table, result, specification):
    """Python that makes what the call of a result names."""
    lines = [table.source(result.settings)]
    if result.settings.get("lambdas") == "lambdas":  # more than a call writes out
        lines.append(f"lambdas = {specification.others['lambdas']}")
    return "\n".join(lines)


def timed(fit, X, y, **options):
    """(result, seconds)."""
    began = time.perf_counter()
    result = checked(fit, X, y, **options)
    return result, time.perf_counter() - began


def chosen(result, rule, table):
    """The jaxreg.tables.Model of a CVResult at what a rule chooses."""
    choice = checked(result.select, rule)
    mix = result.l1_ratios.tolist().index(choice.l1_ratio) if len(result.paths) > 1 else 0
    return jr.tables.Model(result.paths[mix], table.encoding, choice.lam, rule)


def judged(model, rows, lam=None, metric=None):
    """The errors of a model on rows with a target, in words, that of a metric among them."""
    scores = model.score(rows, lam)
    if metric is not None and metric.name == "deviance":
        there = ~np.isnan(rows.y)
        y, prediction = rows.y[there], model.predict_rows(rows, lam)[there]
        scores["deviance"] = float(metric.in_fold(y, prediction[:, None], np.ones(len(y)))[0])
    count = scores.pop("rows")
    return f"{count} rows, " + ", ".join(f"{name} {value:.5g}" for name, value in scores.items())
