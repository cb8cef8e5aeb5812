"""Progress bars, and the exception by which Ctrl-C hands over what is finished."""

import sys
import threading
import warnings
from contextlib import contextmanager
from importlib.util import find_spec

import jax.monitoring

from jaxreg import _validation

# events of JAX before and after XLA compiles a program, or reads it from the compilation cache
COMPILING = {"/jax/core/compile/jaxpr_to_mlir_module_duration": 1, "/jax/core/compile/backend_compile_duration": -1}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C. `finished` is a list of results, with None for unfinished ones."""

    def __init__(self, finished):
        super().__init__()
        self.finished = finished


def in_notebook():
    """Whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return any(ancestor.__name__ == "ZMQInteractiveShell" for ancestor in type(shell).__mro__)


def check_progress(progress):
    """Whether to show a bar. None shows it in Jupyter if tqdm is installed."""
    if progress is None:
        return in_notebook() and find_spec("tqdm") is not None
    if _validation.check_flag(progress, "progress"):
        require_tqdm()
    return progress


def require_tqdm():
    try:
        import tqdm  # noqa: F401
    except ImportError as error:
        raise ImportError('progress is True, which needs tqdm: pip install "jaxreg[progress]"') from error


@contextmanager
def bar(total, label, shown):
    """A function show(done, lam, block) for a bar of `total` lambdas, in a terminal or in Jupyter.

    `block` is the Block of points of `lam` and of lambdas before it, None where nothing is to be said of them.
    """
    if not shown:
        yield lambda done, lam, block: None
        return
    with _tqdm(label, total=total, unit="lambda") as progress_bar:

        def show(done, lam, block):
            state = f"lambda {lam:.3g}"
            if block is not None:
                state += f", df {block.counts[-1]}, gap {block.gaps.max():.0e}"
            progress_bar.set_postfix_str(state, refresh=False)
            progress_bar.update(done - progress_bar.n)

        yield show


@contextmanager
def epoch_bar(total, label, shown):
    """A function show(done) for a bar of `total` epochs. Threads may call it. `done` may be a fraction."""
    if not shown:
        yield lambda done: None
        return
    layout = "{l_bar}{bar}| {n:.0f}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
    lock = threading.Lock()
    with _tqdm(label, total=total, unit="epoch", bar_format=layout) as progress_bar:

        def show(done):
            with lock:
                progress_bar.update(done - progress_bar.n)

        yield show


@contextmanager
def _tqdm(label, **options):
    """A bar of tqdm, which says so while JAX compiles, in any thread."""
    with warnings.catch_warnings(action="ignore"):  # in Jupyter without ipywidgets it is a text bar
        from tqdm.auto import tqdm
    lock, programs = threading.Lock(), 0

    def listen(event, *_, **__):
        nonlocal programs
        if event in COMPILING:
            with lock:
                programs = max(0, programs + COMPILING[event])
                progress_bar.set_description(f"{label}, compiling" if programs else label)

    with tqdm(desc=label, **options) as progress_bar:
        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            yield progress_bar
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)
