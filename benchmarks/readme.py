"""The short table of the README, between its two markers."""

from benchmarks import table
from benchmarks.table import OTHERS, OURS

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def update(file, results):
    """Replace what stands between the markers of `file`."""
    text = file.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{file} has no {BEGIN} ... {END}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    file.write_text(f"{before}{BEGIN}\n{short_table(results)}\n{END}{after}", encoding="utf-8")


def short_table(results):
    """Time ratios of the peers, with every row that a peer wins and why."""
    shown = [row for row in table.measured(results) if _shown(row)]
    head = ["row", f"{OURS}", *OTHERS, "glmnet at its default"]
    parts = [
        f"{table.heading(results)} {OURS} in seconds, medians of at least 5 warm runs; the others in multiples of it.",
        table.markdown(head, [_line(row, results) for row in shown]),
        _rest(results, shown),
        table.win_lines(results),
        *table.absent_lines(results),
    ]
    return "\n\n".join(part for part in parts if part)


def _shown(row):
    """One rho speaks for all; a row that a peer wins is always shown."""
    return row["rho"] in (None, 0.5) or bool(table.wins(row))


def _line(row, results):
    ours = table.reached(row, OURS)
    if ours is None:
        return [f"`{row['name']}`", table.cell(row, OURS), *["-"] * (len(OTHERS) + 1)]

    def ratio(peer):
        entry = table.reached(row, peer)
        return times(entry["median"] / ours["median"]) if entry else table.cell(row, peer, results["absent"])

    default = row["results"].get("glmnet", {}).get("default", {})
    loose = (
        "-" if default.get("gap") is None else f"{times(default['median'] / ours['median'])} (gap {default['gap']:.0e})"
    )
    return [f"`{row['name']}`", f"{table.seconds(ours['median'])} s", *map(ratio, OTHERS), loose]


def times(ratio):
    return f"{ratio:.2g}x" if ratio < 10 else f"{ratio:.0f}x"


def _rest(results, shown):
    """A sentence about the rows that are not shown."""
    rest = [row for row in table.measured(results) if row not in shown and table.reached(row, OURS)]
    ratios = [table.fastest(row)[1] / table.reached(row, OURS)["median"] for row in rest if table.fastest(row)]
    if not ratios:
        return ""
    return (
        f"On the other {len(rest)} rows (rho 0 and 0.9, in benchmarks/results) the fastest peer takes "
        f"{times(min(ratios))} to {times(max(ratios))} as long as {OURS}, where a peer gets there within the limit "
        f"({len(ratios)} rows)."
    )
