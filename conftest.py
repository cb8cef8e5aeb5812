"""Examples in docstrings that need an optional library are skipped without it, as tests are by `importorskip`."""

import doctest

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except doctest.UnexpectedException as failure:
        error = failure.exc_info[1]
        if isinstance(error, ImportError) and not (error.name or "").startswith("jaxreg"):
            pytest.skip(str(error))
        raise
