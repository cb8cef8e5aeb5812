"""Dates: the notation that a column of text has, and what numbers and parts become of times."""

from datetime import datetime
from itertools import product

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_datetime64_any_dtype

from jaxreg.tables._cells import TIMES, labels

ISO = "ISO8601"
YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")
DAY_FIRST = tuple(f"%d{mark}%m{mark}{year}" for year in ("%Y", "%y") for mark in ".-/")
MONTH_FIRST = tuple(f"%m{mark}%d{mark}{year}" for year in ("%Y", "%y") for mark in "-/")  # points are day first
WITH_NAMES = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
DAYS = (*YEAR_FIRST, *DAY_FIRST, *MONTH_FIRST, *WITH_NAMES)
FORMATS = (*map("".join, product(DAYS, CLOCKS)), "%Y-%m", "%b %Y", "%b-%Y", "%B %Y")
BEGINNING = r"(?:\d{1,4}|[A-Za-z]+)[-./ ]"  # of all formats
WHOLE_DAY = r"\d{4}-\d\d-\d\d"  # with which a date of ISO 8601 begins; pandas would take 2021 alone for one
ZONE = rf"{WHOLE_DAY}[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)\s*"
TRIED = 3  # texts that are looked at first
MOST_NOTATIONS = 6  # that are told apart in one column
MOSTLY = 0.8  # share of the texts that are dates where the others are bad cells
DAY = pd.Timedelta(days=1)
EPOCH = pd.Timestamp("1970-01-01")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def notations(texts):
    """(formats that all of an Index of texts have, texts that are no dates where most are).

    Two formats are those with day and month in either order; none is text that holds no dates.
    """
    if not texts.str.contains(r"\d", regex=True).all() and not texts.str.contains(r"\d{4}", regex=True).any():
        return [], []
    shares = {form: parsed(texts, form).notna().to_numpy() for form in _candidates(texts[:TRIED])}
    complete = [form for form, fits in shares.items() if fits.all()]
    if complete:
        return _orders(complete), []
    best = max(shares, key=lambda form: shares[form].mean(), default=None)
    if best is None or shares[best].mean() < MOSTLY:
        return [], []
    return [best], list(texts[~shares[best]])


def mixed(texts):
    """Two of an Index of texts that are all dates, but in different notations; None of others."""
    left, first = texts, None
    for _ in range(MOST_NOTATIONS):
        fits = [parsed(left, form).notna().to_numpy() for form in _candidates(left[:1])]
        if not any(fit.any() for fit in fits):
            return None
        first = left[0] if first is None else first
        other = left[~max(fits, key=np.sum)]
        if not len(other):
            return (first, left[0]) if len(left) < len(texts) else None
        left = other
    return None


def _candidates(texts):
    """The formats that any of some texts has."""
    texts = texts[texts.str.match(BEGINNING)]
    iso = [ISO] if texts.str.match(WHOLE_DAY).any() else []
    return [form for form in FORMATS if any(_fits(text, form) for text in texts)] + iso


def _fits(text, form):
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _orders(formats):
    """The first format, and the first with day and month in the other order: new rows may tell them apart."""
    first = day_first(formats[0])
    others = [form for form in formats[1:] if None not in (first, day_first(form)) and day_first(form) != first]
    return [formats[0], *others[:1]]


def day_first(form):
    """Whether a format has the day before the month, as numbers; None where a name or ISO says which is which."""
    return None if form == ISO or "%m" not in form or form.startswith("%Y") else form.startswith("%d")


def parsed(values, form):
    """A Series of times in UTC, without a zone, of texts or of what holds times; NaT where a text has not this format.

    None as the format is that of ISO 8601.
    """
    values = pd.Series(values)
    kind = infer_dtype(values, skipna=True)
    if kind == "period":
        return pd.Series(pd.PeriodIndex(values).to_timestamp(), index=values.index)
    if kind in TIMES:
        times = pd.to_datetime(values, errors="coerce", utc=True)
    else:
        texts = labels(values).astype("str")
        whole = texts.str.match(WHOLE_DAY) if form in (None, ISO) else texts.notna()
        times = pd.to_datetime(texts.where(whole), format=form or ISO, errors="coerce", utc=True)
    return times.dt.tz_localize(None)


def zoned(values):
    """Which values of a Series have a time zone (n,)."""
    if is_datetime64_any_dtype(values):
        return np.full(len(values), values.dt.tz is not None)
    if infer_dtype(values, skipna=True) in TIMES:
        return np.array([getattr(value, "tzinfo", None) is not None for value in values])
    return labels(values).astype("str").str.fullmatch(ZONE).fillna(False).to_numpy(bool)


def days(times):
    """Days since 1970-01-01, with their fractions."""
    return ((times - EPOCH) / DAY).to_numpy("float64", na_value=np.nan)


def parts(times):
    """The parts of times: numbers where they are numbers of a size, else texts."""
    months, weekdays = times.dt.month, times.dt.day_of_week
    return {
        "year": times.dt.year.to_numpy("float64", na_value=np.nan),
        "month": months.map(lambda m: MONTHS[int(m) - 1], na_action="ignore"),
        "weekday": weekdays.map(lambda d: WEEKDAYS[int(d)], na_action="ignore"),
        "hour": times.dt.hour.map(lambda h: str(int(h)), na_action="ignore"),
    }
