"""A run of the suite: rows against peers, written to JSON after every row."""

import json
import sys

from benchmarks import cv_rows, family_rows, machine, penalty_rows, rows
from benchmarks.environments import Absent
from benchmarks.family_peers import FAMILY_PEERS
from benchmarks.measure import measure_row
from benchmarks.peers import CV_PEERS, PEERS
from benchmarks.penalty_certificate import compared_objectives
from benchmarks.penalty_peers import PENALTY_PEERS

SCHEMA = 1


def read(file):
    if not file.exists():
        raise SystemExit(f"{file} is not there; `python -m benchmarks run --out {file}` makes it.")
    return json.loads(file.read_text())


def run(patterns, names, device, file, effort, folds=False, penalties=False, families=False):
    """Measure, write `file`, and return what it holds. Rows that it has already are replaced.

    With `folds` the rows are those of cross-validation, with `penalties` those of penalties beyond the elastic net,
    with `families` those of families.
    """
    if families:
        chosen, order, peers = family_rows.select(patterns), family_rows.NAMES, FAMILY_PEERS
    elif penalties:
        chosen, order, peers = penalty_rows.select(patterns), penalty_rows.NAMES, PENALTY_PEERS
    elif folds:
        chosen, order, peers = cv_rows.select(patterns, device), cv_rows.NAMES[device], CV_PEERS
    else:
        chosen, order, peers = rows.select(patterns, device), rows.NAMES[device], PEERS
    peers = _choose(names, device, peers)
    results = {"schema": SCHEMA, "versions": {}, "absent": {}, "rows": []} | (read(file) if file.exists() else {})
    results |= {"folds": folds, "penalties": penalties, "families": families}
    results["machine"], results["date"] = machine.describe(), machine.today()
    try:
        rates = machine.rates(device)
        results["machine"] |= rates
    except Absent as reason:
        rates, missing = None, str(reason)
    else:
        commands, absent = _commands(peers)
        known = {peer.name for peer in peers}
        results["absent"] = {name: why for name, why in results["absent"].items() if name not in known} | absent
    for row in chosen:
        print(row.name, file=sys.stderr, flush=True)
        entry = {"name": row.name, "device": device, "date": machine.today(), "commit": machine.commit()}
        if rates is None:
            entry["not_measured"] = missing
        else:
            try:
                entry |= _measure(row, _able(commands, row), rates, device, effort)
            except Absent as reason:  # its data
                entry["not_measured"] = str(reason)
            else:
                results["versions"] |= _versions(entry["results"])
        results["rows"] = _in_order([*(old for old in results["rows"] if old["name"] != row.name), entry], order)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results


def _choose(names, device, peers):
    known = {peer.name: peer for peer in peers}
    for name in names or []:
        if name not in known:
            raise SystemExit(f"No peer is called {name!r}. The peers are: {', '.join(known)}")
    if not names:
        return peers if device == "cpu" else peers[:1]  # jaxreg
    return [peer for peer in peers if peer.name in names]  # jaxreg first: its dual values judge the others' excess


def _commands(peers):
    """(commands of the peers that can run, reasons of those that cannot)."""
    commands, absent = {}, {}
    for peer in peers:
        try:
            commands[peer] = peer.command()
        except Absent as reason:
            absent[peer.name] = str(reason)
            print(f"{peer.name} is absent: {reason}", file=sys.stderr, flush=True)
    return commands, absent


def _able(commands, row):
    """Without the peers that the row says it is not for."""
    return {peer: command for peer, command in commands.items() if peer.name not in row.without}


def _measure(row, commands, rates, device, effort):
    problem = row.load()
    n, p = problem.X.shape
    measured = {
        "n": n,
        "p": p,
        "rho": row.rho,
        **problem.about(),
        "n_lambdas": problem.lambdas.shape[-1],
        "dtype": str(problem.X.dtype),
        "limit": effort.limit,
        "runs": effort.runs,
        "floor": machine.floor(problem, rates, device),
        "results": measure_row(problem, commands, device, effort),
    }
    objectives = compared_objectives(measured["results"])
    return measured | ({"objectives": objectives} if objectives else {})


def _versions(measured):
    return {name: result["cold"]["versions"] for name, result in measured.items() if result.get("cold")}


def _in_order(entries, names):
    """As in the list of names, others behind."""
    place = {name: k for k, name in enumerate(names)}
    return sorted(entries, key=lambda entry: place.get(entry["name"], len(place)))
