"""A worker seen from the parent: started, asked, and killed when it takes too long."""

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.environments import clean_variables


class OverLimit(Exception):
    """No reply in time; the worker is gone."""


class Failed(Exception):
    """The program failed; the message is its own."""


def write_job(problem, folder):
    """Raw files that every language reads: columns of X one by one, rows of y, lambdas, fold ids; and job.json."""
    n, p = problem.X.shape
    problem.X.T.tofile(folder / "X")
    problem.y.tofile(folder / "y")
    problem.lambdas.tofile(folder / "lambdas")
    job = {"n": n, "p": p, "dtype": str(problem.X.dtype)} | problem.job()
    if problem.refits:
        problem.folds.astype(np.int32).tofile(folder / "folds")
    (folder / "job.json").write_text(json.dumps(job))


class Worker:
    """A running worker."""

    def __init__(self, command, folder, device="cpu"):
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the worker)
        # Threads are left at every program's default; a worker for the CPU must not find a GPU.
        variables = clean_variables(**({"JAX_PLATFORMS": "cpu"} if device == "cpu" else {}))
        self._process = subprocess.Popen(
            [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=variables
        )
        self._pending = b""

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, setting, runs, timeout, save: Path | None = None):
        """The reply of `runs` fits; OverLimit after `timeout` seconds, Failed if the program failed."""
        request = {"setting": setting, "runs": runs, "save": save and str(save)}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._last_words()) from None
        reply = json.loads(self._line(time.monotonic() + timeout))
        if "error" in reply:
            raise Failed(reply["error"][:300])
        return reply

    def _line(self, deadline):
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise OverLimit
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise Failed(self._last_words())
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _last_words(self):
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1][:300] if lines else f"ended with status {self._process.returncode}"
