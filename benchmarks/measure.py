"""Measurements of one row: every program's tolerance is swept, and one certificate judges each path."""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.process import Failed, OverLimit, Worker, write_job

TARGETS = ("1e-04", "1e-06", "1e-08")
MEASURES = ("gap", "excess")  # as in certificate.Judge
OVER_LIMIT, NOT_REACHED, INCOMPLETE = "over limit", "not reached", "incomplete"
MEASURED = "measured"
STARTUP = 120.0  # seconds that imports and compilation may add to the first fit of a process
SLOWER = 1.5  # one fit that takes this much longer than another's median is slower
SAVING = 3.0  # times the limit that a fit may take together with refits that are saved
WRITING = 2.0  # seconds to write what is saved
SETTLE = 0.3  # seconds in which the threads of the judge's own products go to sleep
SHORT, MOST = 0.5, 25  # quick fits are repeated for half a second, or 25 times


@dataclass(frozen=True)
class Effort:
    """runs: least number of warm fits behind a median; limit: seconds that one fit may take."""

    runs: int = 5
    limit: float = 20.0


def measure_row(problem, commands, device, effort):
    """Results of the programs in `commands`, a dict from Peer to the command of its worker."""
    results, judge = {}, problem.judge()
    with tempfile.TemporaryDirectory() as name:
        write_job(problem, Path(name))
        for peer, command in commands.items():
            with _Measurement(peer, command, judge, Path(name), device, effort) as measurement:
                try:
                    results[peer.name] = measurement.results()
                except Failed as error:
                    print(f"  {peer.name} failed: {error}", file=sys.stderr, flush=True)
                    results[peer.name] = {"failed": str(error), "sweep": measurement.points}
    return results


class _Measurement:
    """One program on one row. Its worker lives from fit to fit, and is started anew after a fit over the limit."""

    def __init__(self, peer, command, judge, folder, device, effort):
        self.peer, self.command, self.judge, self.folder = peer, command, judge, folder
        self.device, self.effort = device, effort
        self.worker = self.cold = None
        self.points = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.worker:
            self.worker.close()
        self.worker = None

    def results(self):
        X = self.judge.problem.X
        shape = *X.shape, str(X.dtype)
        default = self.peer.default(*shape)
        at_default = self._point(default, default)
        self._repeat(at_default)
        found = {measure: dict.fromkeys(TARGETS, NOT_REACHED) for measure in MEASURES}
        for ladder in self.peer.ladders(*shape):
            self._climb(ladder, found)
        return {"default": at_default, "targets": found, "cold": self.cold, "sweep": self.points}

    def _climb(self, ladder, found):
        """Enter into `found` the quickest of the loosest settings that reach a target, or why there is none."""
        open_goals = [(measure, target) for measure in MEASURES for target in TARGETS]
        for setting in ladder:
            known = [point for point in self.points if point["setting"] == setting]
            point = known[0] if known else self._point(setting, ladder[0])
            if point["status"] == OVER_LIMIT:  # tighter ones take longer still
                for measure, target in open_goals:
                    if found[measure][target] == NOT_REACHED:
                        found[measure][target] = OVER_LIMIT
                return
            met = [goal for goal in open_goals if point["status"] == MEASURED and point[goal[0]] <= float(goal[1])]
            if any(measure == "gap" and point["median"] < SLOWER * _time(found, target) for measure, target in met):
                self._repeat(point)
            for measure, target in met:
                if point["median"] < _time(found, target, measure):
                    found[measure][target] = {key: point[key] for key in ("setting", "median", "gap", "excess")}
            open_goals = [goal for goal in open_goals if goal not in met]
            # a variant that is slower already than another one at every target will not catch up
            if all(point["median"] > SLOWER * _time(found, target, measure) for measure, target in open_goals):
                return

    def _point(self, setting, loosest):
        """One warm fit and its gap: none if it is over the limit, or lacks lambdas."""
        saved = self.folder / "coefficients"
        point = {"setting": setting, "status": MEASURED, "seconds": [], "median": None, "gap": None, "excess": None}
        self.points.append(point)
        try:
            if self.worker is None:
                self._start(loosest)
            # what is saved for the judge of a cross-validation takes about as long as the fit, which alone is limited
            patience = self.effort.limit * (SAVING if self.judge.problem.refits else 1) + WRITING
            point["seconds"] = self.worker.ask(setting, 1, patience, saved)["seconds"]
            if point["seconds"][0] > self.effort.limit:
                raise OverLimit
        except OverLimit:
            self.__exit__()
            point["status"], said = OVER_LIMIT, f"over {self.effort.limit:g} s"
        else:
            point["median"] = point["seconds"][0]
            judged = self.judge(np.fromfile(saved))
            time.sleep(SETTLE)
            if judged is None:
                point["status"] = said = INCOMPLETE
            else:
                point["gap"], point["excess"], *objectives = judged
                if objectives:  # of penalties that may have several local minima
                    point["objectives"] = objectives[0]
                said = f"{point['median']:.4g} s, gap {point['gap']:.1e}, excess {point['excess']:.1e}"
        print(f"  {self.peer.name} {setting}: {said}", file=sys.stderr, flush=True)
        return point

    def _start(self, setting):
        """A new worker, warmed up; the first fit of all tells what a cold call costs."""
        self.worker = Worker(self.command, self.folder, self.device)
        saved = self.folder / "coefficients" if self.judge.problem.refits else None  # what it takes is compiled here
        reply = self.worker.ask(setting, 1, STARTUP + self.effort.limit, saved)
        if self.cold is None:
            self.cold = reply | {"setting": setting, "seconds": reply["import_seconds"] + reply["seconds"][0]}

    def _repeat(self, point):
        """Enough warm fits for a median."""
        if point["status"] != MEASURED or len(point["seconds"]) >= self.effort.runs:
            return
        runs = max(self.effort.runs, min(MOST, int(SHORT / max(point["median"], 1e-9))))
        try:
            point["seconds"] = self.worker.ask(point["setting"], runs, 5 * runs * self.effort.limit)["seconds"]
        except OverLimit:
            raise Failed("repeated fits took far longer than the first one") from None
        point["median"] = statistics.median(point["seconds"])


def _time(found, target, measure="gap"):
    entry = found[measure][target]
    return entry["median"] if isinstance(entry, dict) else np.inf
