"""Markdown of the results: every row, every peer that wins one and why, cold calls and memory."""

import fnmatch

from benchmarks.measure import OVER_LIMIT
from benchmarks.peers import PEERS

OURS = "jaxreg"
OTHERS = [peer.name for peer in PEERS if peer.name != OURS]
TARGET = "1e-06"

RIDGE_PART = "a ridge part lets coordinate descent converge in few passes; ours solves each lambda fully"

# Why a peer may win a row: the first pattern that matches "row peer"
REASONS = {
    "* glmnet default": "it stops early; its gap stands in the table",
    "meats-*": "fits of milliseconds: the fixed cost of a call decides",
    "diabetes-*": "fits of milliseconds: the fixed cost of a call decides",
    "ar*-10000x200-*": "after the product X'X our solver makes some hundred small steps, each at a fixed cost",
    "ar*-20000x500-*": "after the product X'X our solver makes some hundred small steps, each at a fixed cost",
    "*-enet *": RIDGE_PART,
    "*-mixes *": RIDGE_PART,
    "*": "few coordinates are active, so that coordinate descent needs few passes",
}


def measured(results):
    return [row for row in results["rows"] if "results" in row]


def fewest_runs(results):
    """Least number of warm fits behind a median; 5 where a row does not say."""
    return min((row.get("runs", 5) for row in measured(results)), default=5)


def reached(row, peer, measure="gap"):
    """The entry of the loosest setting that reaches TARGET, or None."""
    entry = row["results"].get(peer, {}).get("targets", {}).get(measure, {}).get(TARGET)
    return entry if isinstance(entry, dict) else None


def fastest(row, measure="gap"):
    """(peer, seconds) of the quickest peer at TARGET, or None."""
    found = [(peer, reached(row, peer, measure)["median"]) for peer in OTHERS if reached(row, peer, measure)]
    return min(found, key=lambda each: each[1]) if found else None


def wins(row):
    """(peer, why, how many times faster) of every peer that is quicker than jaxreg on this row."""
    ours, default = reached(row, OURS), row["results"].get("glmnet", {}).get("default", {})
    if ours is None:
        return []
    theirs = {peer: entry["median"] for peer in OTHERS if (entry := reached(row, peer))}
    if default.get("gap") is not None:
        theirs["glmnet default"] = default["median"]
    return [(peer, _reason(row, peer), ours["median"] / t) for peer, t in theirs.items() if t < ours["median"]]


def win_lines(results):
    """A line for each peer and reason, with the rows that it wins; and our own rows that fall short of the target."""
    won, short = {}, []
    for row in measured(results):
        for peer, why, ratio in wins(row):
            won.setdefault((peer, why), []).append(f"`{row['name']}` {ratio:.1f}x")
        if OURS in row["results"] and reached(row, OURS) is None:
            short.append(f"`{row['name']}`: {OURS} {cell(row, OURS)} at gap 1e-6.")
    lines = [f"{_label(peer)} is faster ({why}): {', '.join(rows)}." for (peer, why), rows in won.items()] + short
    return "\n".join(f"- {line}" for line in lines) or "No peer wins a row."


def _label(peer):
    return "glmnet at its default tolerance" if peer == "glmnet default" else peer


def _reason(row, peer):
    return next(why for pattern, why in REASONS.items() if fnmatch.fnmatch(f"{row['name']} {peer}", pattern))


def cell(row, peer, absent=()):
    """Seconds at TARGET, or what stands in their place."""
    result = row["results"].get(peer)
    if result is None:
        return "absent" if peer in absent else "-"
    if "failed" in result:
        return "failed"
    entry = result["targets"]["gap"][TARGET]
    if isinstance(entry, dict):
        return seconds(entry["median"])
    return f"> {row['limit']:g} s" if entry == OVER_LIMIT else entry


def ratio_cell(row, peer, absent=()):
    """How many times as long as ours it takes at TARGET, or what stands in its place."""
    ours, theirs = reached(row, OURS), reached(row, peer)
    if theirs is None:
        return cell(row, peer, absent)
    return times(theirs["median"] / ours["median"]) if ours else "-"


def win_lines_of(results, programs):
    """A line for each peer that is faster, with its rows; programs(row) are the peers of a row."""
    won = {}
    for row in measured(results):
        ours = reached(row, OURS)
        for peer in programs(row):
            theirs = reached(row, peer)
            if ours and theirs and theirs["median"] < ours["median"]:
                won.setdefault(peer, []).append(f"`{row['name']}` {ours['median'] / theirs['median']:.1f}x")
    return "\n".join(f"- {peer} is faster: {', '.join(rows)}." for peer, rows in won.items()) or "No peer wins a row."


def seconds(value):
    return f"{value:.2g}" if value < 0.1 else f"{value:.3g}"


def times(ratio):
    return f"{ratio:.2g}x" if ratio < 10 else f"{ratio:.0f}x"


def default_cell(row, peer):
    """Seconds at the default setting @ gap."""
    result = row["results"].get(peer)
    if result is None or "failed" in result:
        return cell(row, peer)
    point = result["default"]
    if point["status"] == OVER_LIMIT:
        return f"> {row['limit']:g} s"
    return point["status"] if point["gap"] is None else f"{seconds(point['median'])} @ {point['gap']:.0e}"


def markdown(head, body):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


COLD = "Cold: imports and the first fit in a new process at the default setting, s. Memory: peak of that fit, MB."
EXCESS = (
    "Judged by the objective's distance to the optimum, which a path does not prove by itself, and not by its gap: "
    "seconds of the loosest setting within 1e-6 of the null loss (one warm run or more)."
)


def full_table(results):
    """Everything that `python -m benchmarks table` prints."""
    what = (
        f"Seconds are medians of at least {fewest_runs(results)} warm runs of a path of 100 lambdas, at the loosest "
        "setting whose whole path has a relative duality gap of 1e-6 or less."
    )
    parts = [f"{heading(results)} {what}", main_table(results)]
    parts += [*absent_lines(results)]
    if measured(results):
        parts += [win_lines(results), COLD, cold_table(results), EXCESS, excess_table(results)]
    return "\n\n".join(parts)


def heading(results):
    """Hardware, versions and date."""
    machine, versions = results["machine"], results["versions"]
    device = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    named = [f"{peer} {found.get(peer, '')}".strip() for peer, found in versions.items()]
    about = [f"{device}, {machine['memory_gb']:g} GB, {machine['system']}", ", ".join(named), results["date"]]
    return "; ".join(part for part in about if part) + "."


def main_table(results):
    head = ["row", f"{OURS} s @ gap", *(f"{peer} s" for peer in OTHERS), "glmnet default s @ gap"]
    head += [f"fastest peer / {OURS}", "floor / jaxreg"]
    body = []
    for row in results["rows"]:
        if "not_measured" in row:
            body.append([f"`{row['name']}`", "not measured", *["-"] * (len(head) - 2)])
            continue
        ours, quickest = reached(row, OURS), fastest(row)
        first = f"{seconds(ours['median'])} @ {ours['gap']:.0e}" if ours else cell(row, OURS)
        peers = [cell(row, peer, results["absent"]) for peer in OTHERS]
        ratio = f"{quickest[1] / ours['median']:.2g} ({quickest[0]})" if ours and quickest else "-"
        share = f"{row['floor']['seconds'] / ours['median']:.2g}" if ours else "-"
        body.append([f"`{row['name']}`", first, *peers, default_cell(row, "glmnet"), ratio, share])
    return markdown(head, body)


def absent_lines(results):
    """Why peers are absent and rows are not measured."""
    missing = {}
    for row in results["rows"]:
        if "not_measured" in row:
            missing.setdefault(row["not_measured"], []).append(f"`{row['name']}`")
    absent = [f"{peer} is absent: {reason}." for peer, reason in results["absent"].items()]
    return absent + [f"Not measured, {why}: {', '.join(names)}." for why, names in missing.items()]


def cold_table(results):
    names = [OURS, *OTHERS]
    body = [[f"`{row['name']}`", *(cold_cell(row, peer) for peer in names)] for row in measured(results)]
    return markdown(["row", *(f"{peer} s, MB" for peer in names)], body)


def cold_cell(row, peer):
    """Seconds and MB of the first fit in a new process."""
    cold = row["results"].get(peer, {}).get("cold")
    if not cold:
        return cell(row, peer)
    peak = cold["device_peak_mb"] if cold.get("device_peak_mb") is not None else cold["peak_mb"]
    return f"{seconds(cold['seconds'])}, " + ("-" if peak is None else f"{peak:.0f}")


def excess_table(results):
    body = []
    for row in measured(results):
        ours, quickest = reached(row, OURS, "excess"), fastest(row, "excess")
        entries = [reached(row, peer, "excess") for peer in [OURS, *OTHERS]]
        ratio = f"{quickest[1] / ours['median']:.2g} ({quickest[0]})" if ours and quickest else "-"
        body.append([f"`{row['name']}`", *(seconds(e["median"]) if e else "-" for e in entries), ratio])
    return markdown(["row", OURS, *OTHERS, f"fastest peer / {OURS}"], body)
