"""Cells of a column, the same of every format: missing values, texts, numbers, and labels of levels."""

import re
from numbers import Number

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg.tables._numbers import MINUS, mixed_units
from jaxreg.tables._problems import Remark

NUMBER_TYPES = {"floating", "integer", "boolean", "mixed-integer-float", "decimal", "empty"}  # names that pandas infers
TIME_TYPES = {"datetime64", "datetime", "date", "period"}
DURATION_TYPES = {"timedelta64", "timedelta"}
# texts that stand for a missing value, as pandas takes them in CSV
MISSING_TEXTS: tuple[str, ...] = (
    "",
    "NA",
    "N/A",
    "n/a",
    "<NA>",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "null",
)
MISSING_TEXTS += ("None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
TRUTHS = {text: text.lower() == "true" for text in ("True", "TRUE", "true", "False", "FALSE", "false")}
PLAIN_NUMBER = re.compile(
    r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE
)  # a number that is no code such as 01
WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")
LARGEST_EXACT = 2**53  # whole numbers up to which float64 holds them all


def tidied_column(values, name, as_text, marks, na):
    """(a column without spaces around texts, remarks). Texts that are all numbers or all truths become these.

    A cell is missing if it is one of the texts MISSING_TEXTS or `na`, or a number equal to one of `na`. If `as_text`,
    texts stay texts.
    """
    missing = {*MISSING_TEXTS, *na}
    values = _usual_type(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        texts = labels(pd.Series(values.cat.categories)).str.strip()
        return values.cat.remove_categories(values.cat.categories[texts.isin(missing)]), []
    if values.dtype == object:
        values = values.mask(values.map(lambda cell: isinstance(cell, str) and cell.strip() in missing).astype(bool))
        if values.dropna().map(lambda cell: isinstance(cell, (str, Number))).all() and values.map(type).eq(str).any():
            values = labels(values)  # numbers and texts beside each other are all texts
    kind = infer_dtype(values, skipna=True)
    if kind in NUMBER_TYPES:
        return _without_missing(values, kind, marks, na), []
    if kind != "string":
        return values, []
    texts, remarks = values.str.strip(), []
    if texts.nunique() < values.nunique():
        remarks.append(Remark(f"spaces around the values of {name!r} are left out"))
    texts = texts.mask(texts.isin(missing))
    if as_text:
        return texts, remarks
    levels = set(texts.dropna().unique())
    if levels and levels <= TRUTHS.keys():
        return texts.map(TRUTHS).astype("boolean"), remarks
    numbers_expected = marks.need_text or marks.units or na or any(MINUS in text for text in levels)
    numbers = marks.numbers(texts) if numbers_expected else None
    if numbers is None:
        return texts, remarks
    by_unit = mixed_units(texts.dropna(), marks.units)
    if by_unit:
        text = f"the units of {name!r} are left out, and nothing is converted, though they differ: {by_unit[0][0]!r}, "
        remarks.append(Remark(f"{text}{by_unit[1][0]!r}"))
    return _without_missing(numbers, "floating", marks, na), remarks


def _usual_type(values):
    """A Series without the types of Arrow, which pandas treats differently."""
    if not isinstance(values.dtype, pd.ArrowDtype):
        return values
    import pyarrow

    return pyarrow.array(values).to_pandas(types_mapper=nullable_integers).set_axis(values.index)


def nullable_integers(arrow):
    """The pandas type that keeps all digits of Arrow integers beside missing values; None for other types."""
    return {"int64": pd.Int64Dtype(), "uint64": pd.UInt64Dtype()}.get(str(arrow))


def _without_missing(numbers, kind, marks, na):
    """Numbers, missing where they equal one of the texts `na` in any notation."""
    if not na:
        return numbers
    if kind == "boolean":
        return numbers.astype("boolean").mask(labels(numbers).isin(na))
    readings = [marks.numbers(pd.Series([text])) for text in na]
    missing_numbers = {
        *pd.to_numeric(pd.Series(na), errors="coerce").dropna(),
        *(parsed[0] for parsed in readings if parsed is not None),
    }
    is_missing = np.isin(numbers.to_numpy("float64", na_value=np.nan), list(missing_numbers))
    if numbers.dtype.kind in "iu":  # in float64 the last digits would be lost
        numbers = numbers.astype("UInt64" if numbers.dtype.kind == "u" else "Int64")
    return numbers.mask(is_missing)


# ---- labels ----


def labels(values):
    """Values as texts of levels. A whole number has no point, whatever its type."""
    if infer_dtype(values, skipna=True) == "string":
        return values
    return values.astype(object).map(_label, na_action="ignore")


def _label(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def level_labels(values, levels=None):
    """`labels`, spelled alike in text and in columns of numbers or truths: 1.0 is 1, and TRUE is True.

    The spelling changes only if all levels are numbers, or all are truths, and remain different. The levels are those
    of the values, or `levels`. Other texts stay as they are written.
    """
    texts = labels(values)
    spelled = {text: _spelled(text) for text in (texts.dropna().unique() if levels is None else levels)}
    alike = all(PLAIN_NUMBER.fullmatch(text) for text in spelled) or spelled.keys() <= TRUTHS.keys()
    if levels is None:
        alike = alike and len(set(spelled.values())) == len(spelled)
    else:
        alike = alike and all(text == label for text, label in spelled.items())
    return texts.map(_spelled, na_action="ignore") if alike else texts


def _spelled(text):
    return (
        str(TRUTHS[text]) if text in TRUTHS else WHOLE_NUMBER.sub(r"\1", text) if WHOLE_NUMBER.fullmatch(text) else text
    )


def numbers_or_labels(values):
    """Labels as numbers, which sort by size, if different labels remain different; else as texts: 1 and 01 are two."""
    texts = labels(values)
    levels = texts.dropna().unique()
    if not all(PLAIN_NUMBER.fullmatch(text) for text in levels):
        return texts
    numbers = pd.to_numeric(texts)
    return numbers if numbers.nunique() == len(levels) else texts


# ---- numbers ----


def to_numbers(values, marks):
    """(numbers (n,) in float64, flags (n,) of the values that are present and no numbers)."""
    if infer_dtype(values, skipna=True) in NUMBER_TYPES:
        return values.to_numpy("float64", na_value=np.nan), np.zeros(len(values), bool)
    texts = labels(values)
    numbers = marks.numbers(texts)
    if numbers is not None:
        return numbers.to_numpy(), np.zeros(len(values), bool)
    bad = [text for text in texts.dropna().unique() if marks.numbers(pd.Series([text])) is None]
    return np.full(len(values), np.nan), texts.isin(bad).to_numpy()


def loses_digits(values):
    """Whether a column has whole numbers, and some beyond the range in which float64 holds all of them."""
    if infer_dtype(values, skipna=True) not in NUMBER_TYPES:
        return False
    numbers = values.dropna().to_numpy("float64")
    return bool((np.abs(numbers) > LARGEST_EXACT).any() and (numbers == np.round(numbers)).all())
