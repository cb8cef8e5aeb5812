"""Markdown of the results on families, where every row has peers of its own."""

from benchmarks.family_rows import programs_of
from benchmarks.table import (
    COLD,
    OURS,
    absent_lines,
    cell,
    cold_cell,
    default_cell,
    fewest_runs,
    heading,
    markdown,
    measured,
    ratio_cell,
    reached,
    seconds,
    times,
    win_lines_of,
)

HEAD = ["row", "program", "s @ gap", f"/ {OURS}", "default s @ gap", "s, by objective", "cold s, MB"]
LOOSE = "glmnet"  # whose default is told in the short table
SQUARED, LOGISTIC = "squared-1000x200", "logistic-1000x200"  # whose first calls are compared
WHAT = (
    "The gap is relative to the loss of the null model, less that of the saturated one. By objective: loosest setting "
    "within 1e-6 of that loss of the optimum, by the best dual value that any program gave."
)


def full_table(results):
    """Everything that `python -m benchmarks table` prints."""
    what = (
        f"Seconds are medians of at least {fewest_runs(results)} warm runs of a path of 100 lambdas, or of its folds."
    )
    table = markdown(HEAD, [line for row in measured(results) for line in _lines(row, results["absent"])])
    parts = [f"{heading(results)} {what}", table, WHAT, COLD, first_call(results), *absent_lines(results)]
    return "\n\n".join(part for part in [*parts, win_lines_of(results, programs_of)] if part)


def short_table(results):
    """Of the benchmarks' README: time ratios of each row's peers, first calls, and the rows that peers win."""
    body = []
    for row in measured(results):
        ours, cold = reached(row, OURS), row["results"].get(OURS, {}).get("cold")
        peers = ", ".join(f"{peer} {ratio_cell(row, peer, results['absent'])}" for peer in programs_of(row))
        first = f"{seconds(ours['median'])} s" if ours else cell(row, OURS)
        body.append([f"`{row['name']}`", first, peers, _loose(row), f"{seconds(cold['seconds'])} s" if cold else "-"])
    what = f"{OURS} in seconds, medians of at least {fewest_runs(results)} warm runs; the others in multiples of it."
    table = markdown(["row", OURS, "others", f"{LOOSE} at its default", "first call"], body)
    parts = [f"{heading(results)} {what}", table, first_call(results), win_lines_of(results, programs_of)]
    return "\n\n".join(part for part in [*parts, *absent_lines(results)] if part)


def first_call(results):
    """A sentence that compares the first call of logistic regression with that of the squared loss."""
    cold = {row["name"]: row["results"].get(OURS, {}).get("cold") for row in measured(results)}
    logistic, squared = cold.get(LOGISTIC), cold.get(SQUARED)
    if not logistic or not squared:
        return ""
    ours, theirs = logistic["seconds"], squared["seconds"]
    return (
        f"First call of {OURS}, with the imports: `{LOGISTIC}` {seconds(ours)} s, {times(ours / theirs)} that of "
        f"`{SQUARED}`."
    )


def _lines(row, absent):
    for name in (OURS, *programs_of(row)):
        entry, near = reached(row, name), reached(row, name, "excess")
        yield [
            f"`{row['name']}`",
            name,
            f"{seconds(entry['median'])} @ {entry['gap']:.0e}" if entry else cell(row, name, absent),
            "-" if name == OURS else ratio_cell(row, name, absent),
            default_cell(row, name),
            seconds(near["median"]) if near else "-",
            cold_cell(row, name),
        ]


def _loose(row):
    ours, default = reached(row, OURS), row["results"].get(LOOSE, {}).get("default", {})
    if not ours or default.get("gap") is None:
        return "-"
    return f"{times(default['median'] / ours['median'])} (gap {default['gap']:.0e})"
