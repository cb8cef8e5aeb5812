"""What tests and examples share: how they are compiled, and what is skipped.

What was compiled is kept in `.pytest_cache/compiled`, for other files, other workers and the next run.

Examples in docstrings that need an optional library are skipped without it, as tests are by `importorskip`.
"""

import doctest
import gc
import os
import signal
from importlib.metadata import version
from pathlib import Path

import pytest

# Most of the time goes to compiling, much of it to optimising code that runs once; XLA_FLAGS= undoes it. XLA's newer
# emitters take three times as long as its older ones, which end with jaxlib 0.10; it aborts at flags it does not know.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
if version("jaxlib").startswith(("0.9.", "0.10.")):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).with_name(".pytest_cache") / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Tracing makes many small objects; by default up to a tenth of the time goes to looking for those no longer needed.
gc.set_threshold(20_000, 20, 20)

# A shell that runs the tests in its background turns Ctrl-C off, for what they start as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except doctest.UnexpectedException as failure:
        error = failure.exc_info[1]
        if isinstance(error, ImportError) and not (error.name or "").startswith("jaxreg"):
            pytest.skip(str(error))
        raise
