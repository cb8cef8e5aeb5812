"""What all tests share."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _few_programs():
    """Compiled programs are let go after each file: a process can map only so many of them."""
    yield
    jax.clear_caches()
