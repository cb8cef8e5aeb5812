"""Fits give what they gave before: coefficients, grids, statuses, solvers and certificates of `golden/fits.npz`."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from golden_fits import FITS
from instances import few

QUICK = (
    "elastic net, n < p",
    "ridge",
    "limits",
    "proximal",
    "cv: n < p",
)


@cache
def golden():
    """{fit: {result: array}}."""
    fits = {}
    with np.load(Path(__file__).parent / "golden" / "fits.npz") as arrays:
        for key, value in arrays.items():
            name, result = key.rsplit("/", 1)
            fits.setdefault(name, {})[result] = value
    return fits


def test_every_fit_is_in_the_file():
    assert list(golden()) == list(FITS)


@pytest.mark.parametrize("name", few(FITS, *QUICK))
def test_fits_are_what_they_were(name):
    fit, expected = FITS[name], golden()[name]
    results = fit.run()
    assert list(results) == list(expected)
    errors = {key: fit.error(key, expected[key], value) for key, value in results.items()}
    assert {key: error for key, error in errors.items() if not error <= fit.allowed(key)} == {}
