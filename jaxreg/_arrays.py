"""Checks of arrays that the user gives, on the host; device arrays are looked at on their device.

Each returns the checked array, in NumPy float64 unless it says otherwise; the error names the argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg._alignment import by_row, listed
from jaxreg._labels import check_labels, is_missing, is_text
from jaxreg._validation import check_dtype, is_count

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

# sizes of a response whose squares, and in float32 whose products with X, neither overflow nor vanish
RESPONSE_RANGE = {np.dtype(np.float64): (1e-130, 1e140), np.dtype(np.float32): (1e-30, 1e30)}
LISTED_COLUMNS = 5  # of those at fault that a message names; the others are counted


@dataclass(frozen=True)
class CheckedData:
    """What a fit is of: X, in NumPy or JAX and in float32 or float64, and NumPy float64 beside it."""

    X: Float[Any, "n p"]
    y: Float[np.ndarray, "n ..."]  # (n,), or (n, K) for K responses; the offset is not yet taken off
    weight: Float[np.ndarray, " n"]  # sums to 1
    offset: Float[np.ndarray, "n ..."] | None  # in the shape of the linear predictor, (n,) or (n, K)
    feature_names: tuple[str, ...] | None
    incomplete: Float[Any, "n p"] | None = None  # X with its NaN, where these are imputed
    fill_values: Float[np.ndarray, " p"] | None = None  # that X has in their place
    labels: np.ndarray | None = None  # (C,) that y encodes, where it holds classes
    strata: np.ndarray | None = None  # (S,) labels whose positions y has, where it has strata


def feature_names(obj: Any) -> tuple[str, ...] | None:
    """Names of the columns of a frame, None of anything else."""
    frame = hasattr(obj, "columns") and hasattr(obj, "to_numpy")
    return tuple(str(c) for c in obj.columns) if frame else None


def refuse_sparse(X: Any, name: str) -> None:
    """TypeError for a sparse matrix or array of SciPy."""
    if type(X).__module__.split(".")[:2] == ["scipy", "sparse"]:
        raise TypeError(f"{name} is a SciPy sparse {type(X).__name__}, not supported yet; give {name}.toarray().")


def column_label(names: Sequence[str] | None, j: int) -> str:
    """The column j in a message: its name, or its position where columns have no names."""
    return f"column {j}" if names is None else f"column {names[j]!r}"


def _from_objects(array, names, name):
    """Float64 copy of an object array; text does not count as a number even where it could be read as one."""
    columns = array.reshape(len(array), -1)
    numbers, others = np.empty(columns.shape), []
    for j in range(columns.shape[1]):
        values = columns[:, j]
        try:
            if any(isinstance(v, (str, bytes)) for v in values):
                raise ValueError
            numbers[:, j] = [np.nan if is_missing(v) else float(v) for v in values]
        except (TypeError, ValueError):
            others.append(j)
    if others:
        where = "" if array.ndim == 1 else _listed_columns(others, names)
        raise ValueError(f"{name} has values that are not numbers{where}; encode or drop them.")
    return numbers.reshape(array.shape)


def as_array(obj: Any, name: str) -> Any:
    """NumPy or JAX array of any type."""
    if isinstance(obj, jax.Array):
        return obj
    try:
        return obj.to_numpy() if hasattr(obj, "to_numpy") else np.asarray(obj)
    except ValueError as error:
        raise ValueError(f"{name} cannot be made an array ({error}); give rows of equal length.") from error


def numeric(obj: Any, name: str, names: Sequence[str] | None = None) -> Any:
    """NumPy or JAX array of float32 or float64: integers and booleans become float64, float16 becomes float32.

    `names` are those of its columns, for messages. NaN and infinity pass.
    """
    array = as_array(obj, name)
    if np.ma.isMaskedArray(obj) and np.ma.getmaskarray(obj).any():
        raise ValueError(f"{name} has masked values; fill or drop them.")
    kind = "f" if jnp.issubdtype(array.dtype, jnp.floating) else array.dtype.kind
    if kind == "O" and array.ndim == 0:
        value = "None" if obj is None else f"of type {type(obj).__name__}"
        raise TypeError(f"{name} is {value}; give an array, a list or a frame of numbers.")
    if kind == "O":
        return _from_objects(array, names, name)
    if kind not in "fiub":
        raise ValueError(f"{name} has dtype {array.dtype}, which is not a real number; convert it to float.")
    if array.dtype == np.float64 or array.dtype == np.float32:
        return array
    return array.astype(np.float32 if kind == "f" and array.dtype.itemsize < 4 else np.float64)


MISSING = "impute or drop them (impute='mean' fills NaN)"  # what to do about X that is not finite


@jax.jit
def _finite_columns(X):
    return jnp.all(jnp.isfinite(X), axis=0)


def require_finite(
    array: Any, name: str, names: Sequence[str] | None = None, remedy: str = "impute or drop them"
) -> None:
    """ValueError where an array (n,) or (n, p) has NaN or infinite values; it lists the columns."""
    if isinstance(array, jax.Array):
        finite = np.asarray(_finite_columns(array))
    else:
        # sums are finite iff nothing in them is nan or inf, short of overflow: the cheap look first
        with np.errstate(over="ignore", invalid="ignore"):
            by_rows = array.T if array.flags.f_contiguous else array
            if np.isfinite(by_rows @ np.ones(by_rows.shape[-1], array.dtype)).all():
                return
        finite = np.isfinite(array).all(axis=0)
    if finite.all():
        return
    where = _listed_columns(np.flatnonzero(~finite), names) if array.ndim == 2 else ""
    raise ValueError(f"{name} has NaN or infinite values{where}; {remedy}.")


def _vector(obj, name, n, per="row of X", finite=True):
    """NumPy float64 of one dimension and n entries, one for each `per`; NaN and infinity pass unless `finite`."""
    array = np.asarray(numeric(obj, name), dtype=np.float64)
    if array.ndim != 1:
        flat = f"np.ravel({name})" if hasattr(obj, "columns") else f"{name}.ravel()"
        hint = f"; give {flat}" if array.ndim == 2 and 1 in array.shape else "; give one dimension"
        raise ValueError(f"{name} has shape {array.shape}{hint}.")
    if len(array) != n:
        raise ValueError(f"{name} has length {len(array)}, but needs one entry per {per}, {n}.")
    if finite:
        require_finite(array, name)
    return array


def check_responses(obj: Any, n: int) -> Float[np.ndarray, "n ..."]:
    """y (n,), or (n, K) with K > 1, of finite numbers."""
    if is_text(obj):
        raise ValueError(
            "y has text: the names of classes? They need losses.Binomial() or losses.Multinomial(), loss='binomial' or "
            "loss='multinomial'; for other losses give numbers."
        )
    array = numeric(obj, "y")
    if array.ndim == 2 and array.shape[1] > 1 and array.shape[0] == n:
        array = np.asarray(array, dtype=np.float64)
        require_finite(array, "y")
        return array
    return _vector(obj if hasattr(obj, "columns") else array, "y", n)


def check_classes(obj: Any, counting: Bool[np.ndarray, " n"]) -> tuple[np.ndarray, Int[np.ndarray, " n"]]:
    """(labels (C,) of any type in the rows of y (n,) that count, sorted; their positions (n,), 0 in other rows)."""
    array = as_array(obj, "y")
    if array.dtype.kind in "biuf":
        # what is finite and (n,) can be sorted as it is
        _vector(obj if hasattr(obj, "columns") else np.asarray(array), "y", len(counting))
        labels, position = np.asarray(array), np.zeros(len(counting), int)
        labels, position[counting] = np.unique(labels[counting], return_inverse=True)
        return labels, position
    labels, position = check_labels(obj, "y", len(counting))
    used, position[counting] = np.unique(position[counting], return_inverse=True)
    return labels[used], np.where(counting, position, 0)


def check_design(
    X: Any, dtype: Any, may_miss: bool = False, finite: bool = True
) -> tuple[Float[Any, "n p"], tuple[str, ...] | None]:
    """(X in NumPy or JAX, its feature names) of a fit, in the dtype, or for None in that of X.

    `may_miss` allows NaN, but for a column that has nothing else; `finite` says whether entries are looked at.
    """
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
    elif finite:
        require_finite(X, "X", names, MISSING)
    return X if dtype is None else X.astype(check_dtype(dtype)), names


def _require_values(X, names):
    """ValueError where an entry of X is infinite, or a column has no value at all."""
    for at_fault, fault, remedy in (
        (np.isinf(X).any(axis=0), "infinite values", "impute fills NaN only: mend or drop them"),
        (np.isnan(X).all(axis=0), "no value at all", "drop it"),
    ):
        if at_fault.any():
            raise ValueError(f"X has {fault}{_listed_columns(np.flatnonzero(at_fault), names)}; {remedy}.")


def _listed_columns(columns, names):
    return " in " + listed([column_label(names, j) for j in columns], LISTED_COLUMNS)


def check_data(
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any,
    dtype: Any,
    may_miss: bool = False,
    loss: Any = None,
    checked: Any = check_design,
    strata: Any = None,
) -> CheckedData:
    """The data of a fit, aligned with the rows of X; y is as the loss encodes it, and has to be numbers without a loss.

    `may_miss` allows NaN in X, which are imputed later; `checked` is what checks X, as `check_design` does.
    """
    of_rows = (y, "y"), (sample_weight, "sample_weight"), (offset, "offset"), (strata, "strata")
    y, sample_weight, offset, strata = (by_row(value, name, X) for value, name in of_rows)
    X, names = checked(X, dtype, may_miss)
    n = X.shape[0]
    weight = _check_weight(sample_weight, n)
    y, labels, trials = _encoded(y, weight > 0, loss, strata)
    weight = weight if trials is None else _check_weight(weight * trials, n)
    if offset is not None:
        offset = _of_outputs(offset, n, None if loss is None else loss.responses(y), labels is not None)
    if loss is None or loss.coupling is None:
        require_range((y if offset is None else y - offset)[weight > 0], np.dtype(X.dtype))
    strata = None if strata is None else check_labels(strata, "strata", n)[0]
    return CheckedData(X, y, weight, offset, names, labels=labels, strata=strata)


def _encoded(y, counting, loss, strata):
    """(y as the loss encodes it, the labels of its classes or None, numbers of trials or None)."""
    if loss is None:
        return check_responses(y, len(counting)), None, None
    if strata is None:
        return loss.encode(y, counting)
    if not loss.stratified:
        raise ValueError(f"strata is given, but {type(loss).__name__} has none; leave it out, or give losses.Cox().")
    return loss.encode(y, counting, strata)


def _check_weight(sample_weight, n):
    """Weights (n,) that sum to 1."""
    if sample_weight is None:
        return np.full(n, 1.0 / n)
    weight = _vector(sample_weight, "sample_weight", n)
    if (weight < 0).any():
        raise ValueError(f"sample_weight has negative values, the least {weight.min():g}; give weights >= 0.")
    positive = np.count_nonzero(weight)
    if positive < 2:
        raise ValueError(f"sample_weight has {positive} positive value(s); at least 2 samples need one.")
    weight = weight / weight.max()  # a sum of huge weights may overflow
    return weight / weight.sum()


def _of_outputs(offset, n, outputs, of_classes):
    """The offset (n,), or (n, K) for K outputs."""
    if outputs is None:
        return _vector(offset, "offset", n)
    array = np.asarray(numeric(offset, "offset"), dtype=np.float64)
    if array.shape != (n, outputs):
        what = "classes" if of_classes else "responses"
        why = "; what is added to all of them alike changes nothing" if of_classes and array.ndim == 1 else ""
        raise ValueError(
            f"offset has shape {array.shape}, but there are {outputs} {what}; give ({n}, {outputs}), a column for each "
            f"of them{why}."
        )
    require_finite(array, "offset")
    return array


def check_judged(y: Any, m: int, responses: int | None) -> Float[np.ndarray, "m ..."]:
    """y of m rows whose predictions are judged: (m,), or (m, K) for a fit of K `responses`."""
    y = check_responses(y, m)
    count = y.shape[1] if y.ndim == 2 else None
    if count != responses:
        fitted, judged = ("one response" if number is None else f"{number} responses" for number in (responses, count))
        raise ValueError(f"y has {judged}, but the fit had {fitted}; give as many.")
    return y


def check_judging_weight(sample_weight: Any, m: int) -> Float[np.ndarray, " m"]:
    """Weights of m rows whose predictions are judged."""
    weight = np.ones(m) if sample_weight is None else _vector(sample_weight, "sample_weight", m)
    if (weight < 0).any() or not weight.any():
        raise ValueError("sample_weight has negative values, or no positive one; give weights >= 0.")
    return weight


def require_range(response: Float[np.ndarray, "n ..."], dtype: np.dtype) -> None:
    """ValueError where products or squares of the response are not in the range of the precision."""
    least, most = RESPONSE_RANGE[dtype]
    largest, spread = np.abs(response).max(), np.ptp(response, axis=0).max()
    single = dtype == np.float32
    remedy = "by a constant, or give dtype=np.float64." if single else "by a constant."
    if largest > most:
        fault = "which float32 leaves no room for" if single else "whose square overflows"
        raise ValueError(f"y (less the offset) reaches {largest:.0e}, {fault}; divide it {remedy}")
    size = spread if spread > 4 * np.finfo(float).eps * largest else largest  # where it is constant, its own
    if 0 < size < least:
        fault = "which float32 cannot tell from 0" if single else "whose square underflows"
        raise ValueError(f"y (less the offset) varies by {size:.0e} only, {fault}; multiply it {remedy}")


def check_prediction(
    X: Any, p: int, fitted_names: tuple[str, ...] | None, may_miss: bool = False
) -> Float[np.ndarray, "m p"]:
    """X in NumPy for `predict`, with the columns of the fit in its order; `may_miss` allows NaN."""
    refuse_sparse(X, "X")
    names = feature_names(X)
    X = np.asarray(numeric(X, "X", names))
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} dimension(s), but needs two: (samples, features).")
    require_finite(np.where(np.isnan(X), 0.0, X) if may_miss else X, "X", names)
    if X.shape[1] != p:
        raise ValueError(f"X has {X.shape[1]} feature(s), but the path was fitted on {p}.")
    check_names(names, fitted_names)
    return X


def check_names(names: tuple[str, ...] | None, feature_names: tuple[str, ...] | None) -> None:
    """ValueError where the names of the columns are not those of the fit in its order; None for unknown names."""
    if names is not None and feature_names is not None and names != feature_names:
        j = next(j for j in range(len(names)) if names[j] != feature_names[j])
        raise ValueError(
            f"X has {names[j]!r} as column {j}, but the path was fitted with {feature_names[j]!r} there;"
            " give the columns in the order of the fit."
        )


def check_offset(
    offset: Any, n: int, fitted_with_offset: bool, outputs: int | None, of_classes: bool
) -> Float[np.ndarray, "n ..."]:
    """Offset (n,) or (n, K) of predictions of n rows: zeros where the fit had none and none comes."""
    if offset is None:
        if fitted_with_offset:
            raise ValueError("offset is missing: the path was fitted with one, so predict needs one for the new rows.")
        return np.zeros(n if outputs is None else (n, outputs))
    return _of_outputs(offset, n, outputs, of_classes)


def check_lambdas(lambdas: Any) -> Float[np.ndarray, " L"] | None:
    """The user's grid, descending; None stays None."""
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


def check_penalty_factors(factors: Any, p: int) -> Float[np.ndarray, " p"]:
    """Penalty factors in the order of the columns; None is 1 for all."""
    if factors is None:
        return np.ones(p)
    array = _vector(factors, "penalty_factors", p, per="column of X", finite=False)
    if np.isnan(array).any() or (array < 0).any():
        raise ValueError("penalty_factors has NaN or negative values; give values >= 0 (0 unpenalised, inf excluded).")
    return array


def check_limits(lower: Any, upper: Any, p: int) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """(lower, upper) limits of the coefficients; None is no limit, one number is that of all."""
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
            array = _vector(value, name, p, per="column of X", finite=False)
        if np.isnan(array).any() or (sign * array > 0).any():
            raise ValueError(f"{name} has NaN or values on the wrong side of 0; give {name} {relation} 0.")
        limits.append(array)
    return limits[0], limits[1]
