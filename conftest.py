"""What tests and examples share: how they are compiled, and what is skipped.

Examples in docstrings that need an optional library are skipped without it, as tests are by `importorskip`.
"""

import doctest
import os

import pytest

# Most of the time goes to compiling, much of it to optimising code that runs once; XLA_FLAGS= undoes it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except doctest.UnexpectedException as failure:
        error = failure.exc_info[1]
        if isinstance(error, ImportError) and not (error.name or "").startswith("jaxreg"):
            pytest.skip(str(error))
        raise
