"""Checks of what the user gives, on the host; device arrays are looked at on their device."""

import os
from dataclasses import dataclass
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._alignment import by_row
from jaxreg._labels import is_missing, is_text

# sizes of a response whose squares, and in float32 whose products with X, neither overflow nor vanish
RANGE = {np.dtype(np.float64): (1e-130, 1e140), np.dtype(np.float32): (1e-30, 1e30)}


@dataclass(frozen=True)
class Data:
    """Checked data. X is a NumPy or JAX array (n, p) of float32 or float64, the rest NumPy float64."""

    X: Any
    y: np.ndarray  # (n,) or (n, K), the offset not yet taken off
    weight: np.ndarray  # (n,), sums to 1
    offset: np.ndarray | None
    feature_names: tuple[str, ...] | None
    incomplete: Any = None  # X with its NaN, where these are imputed
    fill_values: np.ndarray | None = None  # (p,) that X has in their place
    labels: np.ndarray | None = None  # (C,) that y encodes, where it holds classes


def feature_names(obj):
    """Names of the columns of a frame, None of anything else."""
    frame = hasattr(obj, "columns") and hasattr(obj, "to_numpy")
    return tuple(str(c) for c in obj.columns) if frame else None


def refuse_sparse(X, name):
    if type(X).__module__.split(".")[:2] == ["scipy", "sparse"]:
        raise TypeError(f"{name} is a SciPy sparse {type(X).__name__}, not supported yet; give {name}.toarray().")


def column_label(names, j):
    return f"column {j}" if names is None else f"column {names[j]!r}"


def _from_objects(array, names, name):
    """Float64 copy of an object array; text does not count as a number even where it could be read as one."""
    columns = array.reshape(len(array), -1)
    out, bad = np.empty(columns.shape), []
    for j in range(columns.shape[1]):
        values = columns[:, j]
        try:
            if any(isinstance(v, (str, bytes)) for v in values):
                raise ValueError
            out[:, j] = [np.nan if is_missing(v) else float(v) for v in values]
        except (TypeError, ValueError):
            bad.append(j)
    if bad:
        where = "" if array.ndim == 1 else " in " + ", ".join(column_label(names, j) for j in bad[:5])
        where += f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise ValueError(f"{name} has values that are not numbers{where}; encode or drop them.")
    return out.reshape(array.shape)


def numeric(obj, name, names=None):
    """NumPy or JAX array of a real dtype; integers and booleans become float64, float16 becomes float32."""
    if isinstance(obj, jax.Array):
        array: Any = obj
    else:
        try:
            array = obj.to_numpy() if hasattr(obj, "to_numpy") else np.asarray(obj)
        except ValueError as error:
            raise ValueError(f"{name} cannot be made an array ({error}); give rows of equal length.") from error
    if np.ma.isMaskedArray(obj) and np.ma.getmaskarray(obj).any():
        raise ValueError(f"{name} has masked values; fill or drop them.")
    kind = "f" if jnp.issubdtype(array.dtype, jnp.floating) else array.dtype.kind
    if kind == "O" and array.ndim == 0:
        found = "None" if obj is None else f"of type {type(obj).__name__}"
        raise TypeError(f"{name} is {found}; give an array, a list or a frame of numbers.")
    if kind == "O":
        return _from_objects(array, names, name)
    if kind not in "fiub":
        raise ValueError(f"{name} has dtype {array.dtype}, which is not a real number; convert it to float.")
    if array.dtype == np.float64 or array.dtype == np.float32:
        return array
    return array.astype(np.float32 if kind == "f" and array.dtype.itemsize < 4 else np.float64)


@jax.jit
def _finite_columns(X):
    return jnp.all(jnp.isfinite(X), axis=0)


def require_finite(array, name, names=None, remedy="impute or drop them"):
    if isinstance(array, jax.Array):
        fine = np.asarray(_finite_columns(array))
    else:
        # sums are finite iff nothing in them is nan or inf, short of overflow: the cheap look first
        with np.errstate(over="ignore", invalid="ignore"):
            by_rows = array.T if array.flags.f_contiguous else array
            if np.isfinite(by_rows @ np.ones(by_rows.shape[-1], array.dtype)).all():
                return
        fine = np.isfinite(array).all(axis=0)
    if fine.all():
        return
    where = _listed_columns(~fine, names) if array.ndim == 2 else ""
    raise ValueError(f"{name} has NaN or infinite values{where}; {remedy}.")


def _vector(obj, name, n, per="row of X"):
    array = np.asarray(numeric(obj, name), dtype=np.float64)
    if array.ndim != 1:
        flat = f"np.ravel({name})" if hasattr(obj, "columns") else f"{name}.ravel()"
        hint = f"; give {flat}" if array.ndim == 2 and 1 in array.shape else "; give one dimension"
        raise ValueError(f"{name} has shape {array.shape}{hint}.")
    if len(array) != n:
        raise ValueError(f"{name} has length {len(array)}, but needs one entry per {per}, {n}.")
    return array


def check_responses(obj, n):
    """y (n,), or (n, K) with K > 1, of finite numbers."""
    if is_text(obj):
        raise ValueError(
            "y has text: the names of classes? It has to be numbers; of two classes give -1 and 1, with "
            "losses.SquaredHinge()."
        )
    array = numeric(obj, "y")
    if array.ndim == 2 and array.shape[1] > 1 and array.shape[0] == n:
        array = np.asarray(array, dtype=np.float64)
    else:
        array = _vector(obj if hasattr(obj, "columns") else array, "y", n)
    require_finite(array, "y")
    return array


def check_dtype(dtype):
    try:
        given = np.dtype(dtype)
    except TypeError:
        given = None
    if given is None or given not in (np.float32, np.float64):  # None == np.float64 for a dtype
        raise ValueError(f"dtype is {dtype!r}; give float32 or float64, or None to follow X.")
    return given


def check_design(X, dtype, may_miss=False):
    """(array, feature names) of the predictors; `may_miss` allows NaN, but for a column that has nothing else."""
    refuse_sparse(X, "X")
    names = feature_names(X)
    X = numeric(X, "X", names)
    if X.ndim != 2:
        hint = "; for one feature give X.reshape(-1, 1)" if X.ndim == 1 else ""
        raise ValueError(f"X has {X.ndim} dimension(s), but needs two: (samples, features){hint}.")
    n, p = X.shape
    if n == 0 or p == 0:
        raise ValueError(f"X is empty (shape {X.shape}); give at least 2 samples and 1 feature.")
    if n == 1:
        raise ValueError("X has 1 sample; give at least 2.")
    if may_miss:
        X = np.asarray(X)
        _require_values(X, names)
    else:
        require_finite(X, "X", names, "impute or drop them (impute='mean' fills NaN)")
    return X if dtype is None else X.astype(check_dtype(dtype)), names


def _require_values(X, names):
    """That no entry of X is infinite, and no column misses all of them."""
    for bad, what, remedy in (
        (np.isinf(X).any(axis=0), "infinite values", "impute fills NaN only: mend or drop them"),
        (np.isnan(X).all(axis=0), "no value at all", "drop it"),
    ):
        if bad.any():
            raise ValueError(f"X has {what}{_listed_columns(bad, names)}; {remedy}.")


def _listed_columns(bad, names):
    columns = np.flatnonzero(bad)
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return " in " + ", ".join(column_label(names, j) for j in columns[:5]) + more


def check_data(X, y, sample_weight, offset, dtype, may_miss=False, loss=None) -> Data:
    """The Data of a fit; y is what the loss makes of it, numbers where there is none."""
    y, sample_weight, offset = (
        by_row(value, name, X) for value, name in ((y, "y"), (sample_weight, "sample_weight"), (offset, "offset"))
    )
    X, names = check_design(X, dtype, may_miss)
    n = X.shape[0]
    weight = _check_weight(sample_weight, n)
    y, labels = (check_responses(y, n), None) if loss is None else loss.encode(y, weight > 0)
    if y.ndim == 2 and offset is not None:
        raise ValueError(f"offset is given, but y has {y.shape[1]} columns; subtract the offset from y.")
    if offset is not None:
        offset = _vector(offset, "offset", n)
        require_finite(offset, "offset")
    require_range((y if offset is None else y - offset)[weight > 0], np.dtype(X.dtype))
    return Data(X, y, weight, offset, names, labels=labels)


def _check_weight(sample_weight, n):
    """Weights (n,) that sum to 1."""
    if sample_weight is None:
        return np.full(n, 1.0 / n)
    weight = _vector(sample_weight, "sample_weight", n)
    require_finite(weight, "sample_weight")
    if (weight < 0).any():
        raise ValueError(f"sample_weight has negative values, the least {weight.min():g}; give weights >= 0.")
    positive = np.count_nonzero(weight)
    if positive < 2:
        raise ValueError(f"sample_weight has {positive} positive value(s); at least 2 samples need one.")
    weight = weight / weight.max()  # a sum of huge weights may overflow
    return weight / weight.sum()


def check_judged(y, sample_weight, m, responses):
    """(y (m,) or (m, K), weights (m,)) of rows whose predictions are judged."""
    y = check_responses(y, m)
    count = y.shape[1] if y.ndim == 2 else None
    if count != responses:
        there, here = ("one response" if number is None else f"{number} responses" for number in (responses, count))
        raise ValueError(f"y has {here}, but the fit had {there}; give as many.")
    weight = np.ones(m) if sample_weight is None else _vector(sample_weight, "sample_weight", m)
    require_finite(weight, "sample_weight")
    if (weight < 0).any() or not weight.any():
        raise ValueError("sample_weight has negative values, or no positive one; give weights >= 0.")
    return y, weight


def require_range(response, dtype):
    """That products and squares of the response (n,) or (n, K) are in the range of the precision."""
    least, most = RANGE[dtype]
    largest, spread = np.abs(response).max(), np.ptp(response, axis=0).max()
    single = dtype == np.float32
    remedy = "by a constant, or give dtype=np.float64." if single else "by a constant."
    if largest > most:
        what = "which float32 leaves no room for" if single else "whose square overflows"
        raise ValueError(f"y (less the offset) reaches {largest:.0e}, {what}; divide it {remedy}")
    size = spread if spread > 4 * np.finfo(float).eps * largest else largest  # where it is constant, its own
    if 0 < size < least:
        what = "which float32 cannot tell from 0" if single else "whose square underflows"
        raise ValueError(f"y (less the offset) varies by {size:.0e} only, {what}; multiply it {remedy}")


def check_prediction(X, p, feature_names, may_miss=False):
    """Predictors for `predict`, in the order of the fit."""
    X, names = check_design_rows(X, may_miss)
    if X.shape[1] != p:
        raise ValueError(f"X has {X.shape[1]} feature(s), but the path was fitted on {p}.")
    check_names(names, feature_names)
    return X


def check_names(names, feature_names):
    """Names of the columns of a frame, where both are known: those of the fit, in its order."""
    if names is not None and feature_names is not None and names != feature_names:
        differ = next(j for j in range(len(names)) if names[j] != feature_names[j])
        raise ValueError(
            f"X has {names[differ]!r} as column {differ}, but the path was fitted with {feature_names[differ]!r} there;"
            " give the columns in the order of the fit."
        )


def check_design_rows(X, may_miss=False):
    """Like check_design, for any number of rows, in NumPy; `may_miss` allows NaN."""
    refuse_sparse(X, "X")
    names = feature_names(X)
    X = np.asarray(numeric(X, "X", names))
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} dimension(s), but needs two: (samples, features).")
    require_finite(np.where(np.isnan(X), 0.0, X) if may_miss else X, "X", names)
    return X, names


def check_offset(offset, n, fitted_with_offset):
    """Offset of a prediction."""
    if offset is None:
        if fitted_with_offset:
            raise ValueError("offset is missing: the path was fitted with one, so predict needs one for the new rows.")
        return np.zeros(n)
    offset = _vector(offset, "offset", n)
    require_finite(offset, "offset")
    return offset


def check_lambdas(lambdas):
    """Explicit grid, descending; None stays None."""
    if lambdas is None:
        return None
    if is_count(lambdas):
        raise ValueError(f"lambdas is {lambdas}; give [{lambdas}] for that lambda alone, or n_lambdas={lambdas}.")
    array = np.atleast_1d(np.asarray(numeric(lambdas, "lambdas"), dtype=np.float64))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"lambdas has shape {array.shape}; give a non-empty one-dimensional sequence.")
    require_finite(array, "lambdas")
    if (array < 0).any():
        raise ValueError(f"lambdas has negative values, the least {array.min():g}; give values >= 0.")
    return np.sort(array)[::-1].copy()


def check_lam(lam):
    """One lambda at which to read a path."""
    if isinstance(lam, bool) or np.shape(lam) != () or not isinstance(lam, (Real, np.ndarray, jax.Array)):
        raise ValueError(f"lam is {shown(lam)}; give one number >= 0.")
    value = float(lam)
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"lam is {value!r}; give one number >= 0.")
    return value


def is_count(value):
    """Whether one whole number above 1 stands where several values are asked for: how many are meant, perhaps."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 1


def check_count(value, name, at_least=1):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < at_least:
        raise ValueError(f"{name} is {shown(value)}; give a whole number >= {at_least}.")
    return int(value)


def check_positive(value, name, below=np.inf):
    bound = "" if below == np.inf else f" and below {below:g}"
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < below:
        raise ValueError(f"{name} is {shown(value)}; give a number above 0{bound}.")
    return float(value)


def check_nonnegative(value, name):
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
        raise ValueError(f"{name} is {shown(value)}; give a number >= 0.")
    return float(value)


def check_flag(value, name):
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {shown(value)}; give True or False.")
    return bool(value)


def check_choice(value, name, choices):
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name} is {shown(value)}; give one of {', '.join(map(repr, choices))}.")
    return value


def check_file(path):
    """Name of a file to read or to write, in a folder that is there."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {path!r}; give the name of a file.")
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"path is {str(path)!r}, which is a folder; give the name of a file.")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no folder {str(file.parent)!r}; make it first.")
    return file


def shown(value):
    """A value in a message: functions, classes and objects that have no text by their names, without an address."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if type(value).__repr__ is object.__repr__ and not callable(value):
        return f"of type {type(value).__name__}"
    return f"the function {getattr(value, '__name__', type(value).__name__)}" if callable(value) else repr(value)


def check_metric(metric):
    """A function (y, prediction, weight) -> number."""
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


def check_response(response, count):
    """Position of the response to show among `count`; None is the only one."""
    if response is None and count == 1:
        return 0
    if isinstance(response, bool) or not isinstance(response, Integral) or int(response) not in range(count):
        found = "missing" if response is None else repr(response)
        many = f"there are {count}, give one from 0 to {count - 1}"
        raise ValueError(f"response is {found}; {'there is only one, leave it out' if count == 1 else many}.")
    return int(response)


def check_penalty_factors(factors, p):
    """Penalty factors (p,), given by position."""
    if factors is None:
        return np.ones(p)
    array = _vector(factors, "penalty_factors", p, per="column of X")
    if np.isnan(array).any() or (array < 0).any():
        raise ValueError("penalty_factors has NaN or negative values; give values >= 0 (0 unpenalised, inf excluded).")
    return array


def check_limits(lower, upper, p):
    """(lower, upper), each (p,)."""
    limits = []
    sides = ((lower, "lower", -np.inf, 1, "<="), (upper, "upper", np.inf, -1, ">="))
    for value, name, unlimited, sign, relation in sides:
        if isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} is {value}; give numbers, or None for no limit.")
        if value is None:
            array = np.full(p, unlimited)
        elif np.ndim(value) == 0:
            array = np.full(p, float(numeric(value, name)))
        else:
            array = _vector(value, name, p, per="column of X")
        if np.isnan(array).any() or (sign * array > 0).any():
            raise ValueError(f"{name} has NaN or values on the wrong side of 0; give {name} {relation} 0.")
        limits.append(array)
    return limits[0], limits[1]
