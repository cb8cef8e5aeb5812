"""Make the notebooks: NN_name.py (py:percent) is what one edits, NN_name.ipynb is that with its outputs.

    python notebooks/run.py            all of them
    python notebooks/run.py 03 05      those whose names begin so

Cells tagged "check" (`# %% tags=["check"]`) hold what must be true of the text. They run like all others, and are left
out of what is written. A notebook that raises, warns or writes to stderr is not written.
"""

import argparse
import asyncio
import base64
import hashlib
import io
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from PIL import Image

HERE = Path(__file__).parent
LIMIT = 240  # seconds for one notebook, on a busy machine too
CHECK = "check"  # tag of the cells that a reader does not see
METADATA = {  # no version of Python or jupytext: a run without a change shall leave the file as it is
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
STRICT = (  # what a reader would get as a warning is an error
    "import warnings, jaxreg; warnings.filterwarnings('error', category=jaxreg.ConvergenceWarning); "
    "warnings.filterwarnings('error', category=DeprecationWarning, module='jaxreg'); del warnings, jaxreg"
)


class ThisPython(AsyncKernelManager):
    """Kernels of the Python that runs this, whatever kernels are installed."""

    @property
    def kernel_spec(self):
        start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        return KernelSpec(argv=[*start, f"--IPKernelApp.exec_lines={STRICT}"], language="python")


def sources(beginnings=()):
    """Paths of the sources, in order; of those whose names begin so, if any are given."""
    every = sorted(HERE.glob("[0-9][0-9]_*.py"))
    for beginning in beginnings:
        if not any(path.name.startswith(beginning) for path in every):
            raise ValueError(f"no notebook begins with {beginning!r}; there are {', '.join(p.stem for p in every)}.")
    return [path for path in every if path.name.startswith(tuple(beginnings) or "")]


def notebook(source):
    """The notebook of a source, without outputs."""
    found = jupytext.read(source)
    found.metadata = nbformat.from_dict(METADATA)
    for cell in found.cells:
        cell.id = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    return found


def is_check(cell):
    """Whether a cell is run for its assertions only."""
    return CHECK in cell.metadata.get("tags", ())


def without_checks(executed):
    """What a reader sees of a notebook: no checks, and the code cells counted as if there were none."""
    shown = executed.copy()
    shown.cells = [cell for cell in executed.cells if not is_check(cell)]
    for count, cell in enumerate((cell for cell in shown.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return shown


def execute(found):
    """Run a notebook in a new kernel and fill in its outputs. Raises where it fails, warns or exceeds the limit."""
    client = NotebookClient(
        found,
        timeout=LIMIT,
        kernel_manager_class=ThisPython,
        resources={"metadata": {"path": str(HERE)}},
        record_timing=False,
        coalesce_streams=True,
    )
    began = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(client.async_execute(), LIMIT))
    except (TimeoutError, DeadKernelError) as error:  # at the limit the kernel is ended, and found dead
        if time.monotonic() - began < LIMIT:
            raise
        raise TimeoutError(f"the notebook is not done after {LIMIT} s.") from error
    found.metadata = nbformat.from_dict(METADATA)  # the kernel has put its version there
    said = complaints(found)
    if said:
        raise RuntimeError("\n".join(said))


def drop_twins(found):
    """Leave out the plain text of what also has HTML: for a result that is all its numbers."""
    for output in (output for cell in found.cells for output in cell.get("outputs", ())):
        if "text/html" in output.get("data", {}):
            output.data.pop("text/plain", None)


def use_palettes(found):
    """Give figures 128 colours of their own, which look the same and take a quarter of the bytes."""
    for output in (output for cell in found.cells for output in cell.get("outputs", ())):
        figure = output.get("data", {}).get("image/png")
        if figure:
            image = Image.open(io.BytesIO(base64.b64decode(figure))).convert("RGB")
            image = image.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
            image.save(small := io.BytesIO(), "PNG", optimize=True)
            output.data["image/png"] = base64.b64encode(small.getvalue()).decode()


def complaints(found):
    """What its outputs have of errors, and of text on stderr."""
    outputs = [output for cell in found.cells for output in cell.get("outputs", ())]
    return [
        output.get("text") or "\n".join(output.traceback)
        for output in outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names; none is all")
    try:
        chosen = sources(parser.parse_args().names)
    except ValueError as error:
        parser.error(str(error))
    for source in chosen:
        began = time.perf_counter()
        made = notebook(source)
        execute(made)
        made = without_checks(made)
        drop_twins(made)
        use_palettes(made)
        nbformat.write(made, source.with_suffix(".ipynb"))
        print(f"{source.stem}: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
