"""Checks of single values that the user gives: numbers, flags, choices, functions, names of files.

Each returns the checked value; the error names the argument, what it is, and what to give. `_arrays` checks arrays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import jax
import numpy as np


def check_dtype(dtype: Any) -> np.dtype:
    """float32 or float64, by any name of it that NumPy knows."""
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked is None or checked not in (np.float32, np.float64):  # None == np.float64 for a dtype
        raise ValueError(f"dtype is {dtype!r}; give float32 or float64, or None to follow X.")
    return checked


def check_lam(lam: Any) -> float:
    """One lambda at which a path is read, in the units of the path's lambdas."""
    if isinstance(lam, bool) or np.shape(lam) != () or not isinstance(lam, (Real, np.ndarray, jax.Array)):
        raise ValueError(f"lam is {shown(lam)}; give one number >= 0.")
    value = float(lam)
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"lam is {value!r}; give one number >= 0.")
    return value


def is_count(value: Any) -> bool:
    """Whether a whole number above 1 stands where several values are asked for, and perhaps means how many."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 1


def check_count(value: Any, name: str, at_least: int = 1) -> int:
    """A whole number from `at_least` on."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < at_least:
        raise ValueError(f"{name} is {shown(value)}; give a whole number >= {at_least}.")
    return int(value)


def check_positive(value: Any, name: str, below: float = np.inf) -> float:
    """A number above 0 and below `below`."""
    bound = "" if below == np.inf else f" and below {below:g}"
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < below:
        raise ValueError(f"{name} is {shown(value)}; give a number above 0{bound}.")
    return float(value)


def check_nonnegative(value: Any, name: str) -> float:
    """A finite number, 0 or above."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
        raise ValueError(f"{name} is {shown(value)}; give a number >= 0.")
    return float(value)


def check_flag(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {shown(value)}; give True or False.")
    return bool(value)


def check_choice(value: Any, name: str, choices: Collection[str | None]) -> Any:
    """One of the choices: names, and None where it is among them."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name} is {shown(value)}; give one of {', '.join(map(repr, choices))}.")
    return value


def check_file(path: Any) -> Path:
    """Name of a file to read or to write, in a folder that exists."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {path!r}; give the name of a file.")
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"path is {str(path)!r}, which is a folder; give the name of a file.")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no folder {str(file.parent)!r}; make it first.")
    return file


def shown(value: Any) -> str:
    """A value as a message shows it: functions, classes and objects without a text of their own by name."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if type(value).__repr__ is object.__repr__ and not callable(value):
        return f"of type {type(value).__name__}"
    return f"the function {getattr(value, '__name__', type(value).__name__)}" if callable(value) else repr(value)


def check_metric(metric: Callable) -> Callable:
    """A function that can be called as (y, prediction, weight)."""
    if hasattr(metric, "_score_func"):
        raise TypeError(
            "metric is a scorer of scikit-learn, which takes a model, higher is better; give a function "
            "(y, prediction, weight) -> number, lower is better."
        )
    try:
        signature(metric).bind(None, None, None)
    except TypeError:
        name = shown(metric)
        raise TypeError(
            f"metric is {name}, which cannot be called as (y, prediction, weight); give a function that can, as lambda "
            "y, prediction, weight: mean_squared_error(y, prediction, sample_weight=weight)."
        ) from None
    except ValueError:  # built in, without a signature
        pass
    return metric


def check_response(response: Any, count: int) -> int:
    """Position of the response to show among `count`; None means the only one."""
    if response is None and count == 1:
        return 0
    if isinstance(response, bool) or not isinstance(response, Integral) or int(response) not in range(count):
        value = "missing" if response is None else repr(response)
        range_of = f"there are {count}, give one from 0 to {count - 1}"
        raise ValueError(f"response is {value}; {'there is only one, leave it out' if count == 1 else range_of}.")
    return int(response)
