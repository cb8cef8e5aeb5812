"""Cells of a column, the same of every format: missing values, texts, numbers, and labels of levels."""

import re
from numbers import Number

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from jaxreg.tables._numbers import MINUS, mixed_units
from jaxreg.tables._problems import Remark

NUMBERS = {"floating", "integer", "boolean", "mixed-integer-float", "decimal", "empty"}  # names that pandas infers
TIMES = {"datetime64", "datetime", "date", "period"}
DURATIONS = {"timedelta64", "timedelta"}
# texts that stand for a missing value, as pandas takes them in CSV
MISSING: tuple[str, ...] = (
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
MISSING += ("None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
TRUTHS = {text: text.lower() == "true" for text in ("True", "TRUE", "true", "False", "FALSE", "false")}
PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)  # a number that is no code such as 01
WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")
EXACT = 2**53  # whole numbers up to which float64 holds them all


def tidied(values, name, as_text, marks, na):
    """(a column without spaces around texts, and with numbers and truths where its texts are some, remarks).

    Missing are the cells that are a text of MISSING or `na`, or a number that one of `na` is. Texts stay as they are
    where `as_text`.
    """
    missing = {*MISSING, *na}
    values = _usual_type(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        texts = labels(pd.Series(values.cat.categories)).str.strip()
        return values.cat.remove_categories(values.cat.categories[texts.isin(missing)]), []
    if values.dtype == object:
        values = values.mask(values.map(lambda cell: isinstance(cell, str) and cell.strip() in missing).astype(bool))
        if values.dropna().map(lambda cell: isinstance(cell, (str, Number))).all() and values.map(type).eq(str).any():
            values = labels(values)  # numbers and texts beside each other are all texts
    kind = infer_dtype(values, skipna=True)
    if kind in NUMBERS:
        return _without(values, kind, marks, na), []
    if kind != "string":
        return values, []
    texts, remarks = values.str.strip(), []
    if texts.nunique() < values.nunique():
        remarks.append(Remark(f"spaces around the values of {name!r} are left out"))
    texts = texts.mask(texts.isin(missing))
    if as_text:
        return texts, remarks
    different = set(texts.dropna().unique())
    if different and different <= TRUTHS.keys():
        return texts.map(TRUTHS).astype("boolean"), remarks
    asked = marks.need_text or marks.units or na or any(MINUS in text for text in different)
    numbers = marks.numbers(texts) if asked else None
    if numbers is None:
        return texts, remarks
    by_unit = mixed_units(texts.dropna(), marks.units)
    if by_unit:
        said = f"the units of {name!r} are left out, and nothing is converted, though they differ: {by_unit[0][0]!r}, "
        remarks.append(Remark(f"{said}{by_unit[1][0]!r}"))
    return _without(numbers, "floating", marks, na), remarks


def _usual_type(values):
    """A Series without the types of Arrow, which pandas treats otherwise."""
    if not isinstance(values.dtype, pd.ArrowDtype):
        return values
    import pyarrow

    return pyarrow.array(values).to_pandas(types_mapper=nullable_integers).set_axis(values.index)


def nullable_integers(arrow):
    """The type of pandas that keeps all digits of integers of Arrow beside missing ones, None of other types."""
    return {"int64": pd.Int64Dtype(), "uint64": pd.UInt64Dtype()}.get(str(arrow))


def _without(numbers, kind, marks, na):
    """Numbers that are missing where they are one of the texts `na`, whatever their notation."""
    if not na:
        return numbers
    if kind == "boolean":
        return numbers.astype("boolean").mask(labels(numbers).isin(na))
    read = [marks.numbers(pd.Series([text])) for text in na]
    gone = {*pd.to_numeric(pd.Series(na), errors="coerce").dropna(), *(each[0] for each in read if each is not None)}
    which = np.isin(numbers.to_numpy("float64", na_value=np.nan), list(gone))
    if numbers.dtype.kind in "iu":  # in float64 the last digits would be lost
        numbers = numbers.astype("UInt64" if numbers.dtype.kind == "u" else "Int64")
    return numbers.mask(which)


# ---- labels ----


def labels(values):
    """Values as the texts of their levels: a whole number without a point, whatever type it has."""
    if infer_dtype(values, skipna=True) == "string":
        return values
    return values.astype(object).map(_label, na_action="ignore")


def _label(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def level_labels(values, levels=None):
    """The same, spelled alike in text and in columns of numbers or truths: 1.0 is 1, and TRUE is True.

    That is so where all levels, those of the values or others, are such, and none are then the same. Other texts stay
    as they are written.
    """
    texts = labels(values)
    spelled = {text: _spelled(text) for text in (texts.dropna().unique() if levels is None else levels)}
    alike = all(PLAIN.fullmatch(text) for text in spelled) or spelled.keys() <= TRUTHS.keys()
    if levels is None:
        alike = alike and len(set(spelled.values())) == len(spelled)
    else:
        alike = alike and all(text == label for text, label in spelled.items())
    return texts.map(_spelled, na_action="ignore") if alike else texts


def _spelled(text):
    return str(TRUTHS[text]) if text in TRUTHS else WHOLE.sub(r"\1", text) if WHOLE.fullmatch(text) else text


def numbers_or_labels(values):
    """Labels as numbers, which sort as these do, where that keeps all apart, else as texts: 1 and 01 are two."""
    texts = labels(values)
    different = texts.dropna().unique()
    if not all(PLAIN.fullmatch(text) for text in different):
        return texts
    numbers = pd.to_numeric(texts)
    return numbers if numbers.nunique() == len(different) else texts


# ---- numbers ----


def to_numbers(values, marks):
    """(float64 (n,), which are there and no numbers)."""
    if infer_dtype(values, skipna=True) in NUMBERS:
        return values.to_numpy("float64", na_value=np.nan), np.zeros(len(values), bool)
    texts = labels(values)
    numbers = marks.numbers(texts)
    if numbers is not None:
        return numbers.to_numpy(), np.zeros(len(values), bool)
    bad = [text for text in texts.dropna().unique() if marks.numbers(pd.Series([text])) is None]
    return np.full(len(values), np.nan), texts.isin(bad).to_numpy()


def loses_digits(values):
    """Whether a column has whole numbers, some of them beyond those that float64 tells apart."""
    if infer_dtype(values, skipna=True) not in NUMBERS:
        return False
    numbers = values.dropna().to_numpy("float64")
    return bool((np.abs(numbers) > EXACT).any() and (numbers == np.round(numbers)).all())
