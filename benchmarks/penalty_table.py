"""Markdown of the results on penalties beyond the elastic net, where every row has peers of its own."""

from benchmarks.penalty_rows import PROGRAMS
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
    win_lines_of,
)

HEAD = ["row", "program", "s @ gap", f"/ {OURS}", "default s @ gap", "s, by objective", "above best", "cold s, MB"]
WHAT = (
    "The gap of mcp and scad rows, which are not convex, is the worst distance of minus the gradient to the "
    "subdifferential along the path, over lambda_max. By objective: loosest setting within 1e-6 of the null loss of "
    "the optimum, by the best dual value that any program gave. Above best, where there may be several local minima: "
    "how far the objective is above the best program's, relative to it, at the worst lambda of the most accurate path."
)


def full_table(results):
    """Everything that `python -m benchmarks table` prints."""
    what = f"Seconds are medians of at least {fewest_runs(results)} warm runs of a path of 100 lambdas."
    table = markdown(HEAD, [line for row in measured(results) for line in _lines(row, results["absent"])])
    return "\n\n".join(
        [f"{heading(results)} {what}", table, WHAT, COLD, *absent_lines(results), win_lines_of(results, _programs)]
    )


def short_table(results):
    """Of the benchmarks' README: time ratios of each row's peers, and the rows that they win."""
    rows = measured(results)
    body = []
    for row in rows:
        ours = reached(row, OURS)
        others = ", ".join(f"{peer} {ratio_cell(row, peer, results['absent'])}" for peer in _programs(row))
        body.append([f"`{row['name']}`", f"{seconds(ours['median'])} s" if ours else cell(row, OURS), others])
    what = f"{OURS} in seconds, medians of at least {fewest_runs(results)} warm runs; the others in multiples of it."
    table = markdown(["row", OURS, "others"], body)
    return "\n\n".join([f"{heading(results)} {what}", table, win_lines_of(results, _programs), *absent_lines(results)])


def _programs(row):
    return PROGRAMS[row["penalty"]]


def _lines(row, absent):
    for name in (OURS, *_programs(row)):
        entry, near = reached(row, name), reached(row, name, "excess")
        objectives = row.get("objectives")  # of rows that are not convex
        compared = (objectives or {}).get(name)
        yield [
            f"`{row['name']}`",
            name,
            f"{seconds(entry['median'])} @ {entry['gap']:.0e}" if entry else cell(row, name, absent),
            "-" if name == OURS else ratio_cell(row, name, absent),
            default_cell(row, name),
            seconds(near["median"]) if near and not objectives else "-",
            f"{compared['above_best']:.0e}" if compared else "-",
            cold_cell(row, name),
        ]
