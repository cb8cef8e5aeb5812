"""What all tests share: compiled programs, and which tests are slow."""

from collections import Counter

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _few_programs():
    """Compiled programs are let go after each file: a process can map only so many of them."""
    yield
    jax.clear_caches()


@pytest.hookimpl(tryfirst=True)  # before the expression of `-m` chooses
def pytest_collection_modifyitems(items):
    """Of a test marked `sampled` all is slow but a few cases in which every value of every parameter occurs."""
    cases = {}
    for item in items:
        if item.get_closest_marker("sampled") and not item.get_closest_marker("slow"):
            values = {(name, id(value)) for name, value in item.callspec.params.items()}
            cases.setdefault(item.nodeid.split("[")[0], {})[item] = values
    for values in cases.values():
        often = Counter()
        while missing := set().union(*values.values()) - set(often):
            # of the cases with most values that are missing, one whose other values are rare so far
            quick = max(values, key=lambda item: (len(values[item] & missing), -sum(often[v] for v in values[item])))
            often.update(values.pop(quick))
        for item in values:
            item.add_marker(pytest.mark.slow)
