"""One virtual environment per peer, made on first use, and the environment variables of every benchmark process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / ".environments"
# They choose kernels and blocking of OpenBLAS by hand; what is measured is what it chooses itself.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Absent(Exception):
    """A peer that cannot run here; the message says why."""


def clean_variables(**extra):
    """Environment variables for a benchmark process."""
    return {name: value for name, value in os.environ.items() if name not in UNSET} | extra


def python_for(name, requirements, build=()):
    """The interpreter of the virtual environment `name` that holds `requirements`; Absent if it cannot.

    `build` is installed first, for a source distribution that needs it while it is built.
    """
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join([f"# Python {sys.version.split()[0]}", *build, *requirements, ""])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Making the environment of {name}: {' '.join(requirements)}", file=sys.stderr, flush=True)
    _run([sys.executable, "-m", "venv", folder], name)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if build:
        _run([*pip, *build], name)
    _run([*pip, *["--no-build-isolation"] * bool(build), *requirements], name)
    stamp.write_text(wanted)  # last, so that a broken installation is made anew
    return python


def r_with(package):
    """The Rscript that has `package`; Absent if there is none."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise Absent("Rscript is not on PATH")
    _run([rscript, "-e", f"library({package})"], package)
    return Path(rscript)


def _run(command, name):
    done = subprocess.run(command, capture_output=True, text=True, env=clean_variables(), check=False)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        telling = [k for k, line in enumerate(lines) if line.startswith(("ERROR", "Error", "\N{MULTIPLICATION SIGN}"))]
        first = telling[-1] if telling else len(lines) - 1
        # R breaks its message after the colon
        said = " ".join(lines[first : first + 1 + lines[first].endswith(":")]) if lines else "no message"
        raise Absent(f"{name} cannot be had: {said[:200]}")
