"""The short tables of the README and of that of the benchmarks, each between its two markers."""

from benchmarks import family_table, neural, penalty_table, table
from benchmarks.table import OTHERS, OURS, times


def update(file, results):
    """Replace what stands between the markers of `file`: of paths, folds, penalties, families, or networks."""
    kind = next((kind for kind in ("neural", "penalties", "families", "folds") if results.get(kind)), None)
    name, written = {
        "neural": ("neural-benchmarks", neural.full_table),
        "penalties": ("penalty-benchmarks", penalty_table.short_table),
        "families": ("family-benchmarks", family_table.short_table),
        "folds": ("cv-benchmarks", short_table),
        None: ("benchmarks", short_table),
    }[kind]
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = file.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise SystemExit(f"{file} has no {begin} ... {end}")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    file.write_text(f"{before}{begin}\n{written(results)}\n{end}{after}", encoding="utf-8")


def short_table(results):
    """Time ratios of the peers, with every row that a peer wins and why."""
    rows = table.measured(results)
    shown = [row for row in rows if _shown(row)]
    peers = [peer for peer in OTHERS if peer in results["absent"] or any(peer in row["results"] for row in rows)]
    head = ["row", f"{OURS}", *peers, "glmnet at its default"]
    parts = [
        f"{table.heading(results)} {OURS} in seconds, medians of at least {table.fewest_runs(results)} warm runs; the "
        "others in multiples of it.",
        table.markdown(head, [_line(row, results, peers) for row in shown]),
        _rest(results, shown),
        table.win_lines(results),
        *table.absent_lines(results),
    ]
    return "\n\n".join(part for part in parts if part)


def _shown(row):
    """One rho, and the lasso, speak for all; the rows that a peer wins are named below the table."""
    return row["rho"] in (None, 0.5) and not row["name"].endswith("-enet")


def _line(row, results, peers):
    ours = table.reached(row, OURS)
    if ours is None:
        return [f"`{row['name']}`", table.cell(row, OURS), *["-"] * (len(peers) + 1)]

    def ratio(peer):
        entry = table.reached(row, peer)
        return times(entry["median"] / ours["median"]) if entry else table.cell(row, peer, results["absent"])

    default = row["results"].get("glmnet", {}).get("default", {})
    loose = (
        "-" if default.get("gap") is None else f"{times(default['median'] / ours['median'])} (gap {default['gap']:.0e})"
    )
    return [f"`{row['name']}`", f"{table.seconds(ours['median'])} s", *map(ratio, peers), loose]


def _rest(results, shown):
    """A sentence about the rows that are not shown."""
    rest = [row for row in table.measured(results) if row not in shown and table.reached(row, OURS)]
    ratios = [table.fastest(row)[1] / table.reached(row, OURS)["median"] for row in rest if table.fastest(row)]
    if not ratios:
        return ""
    return (
        f"On the other {len(rest)} rows (elastic net, rho 0 and 0.9, in benchmarks/results) the fastest peer takes "
        f"{times(min(ratios))} to {times(max(ratios))} as long as {OURS}, where a peer gets there within the limit "
        f"({len(ratios)} rows)."
    )
