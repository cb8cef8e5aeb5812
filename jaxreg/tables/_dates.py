"""Dates: the notation of a column of text, and the days and parts of times."""

from datetime import datetime
from itertools import product

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_datetime64_any_dtype

from jaxreg.tables._cells import TIME_TYPES, labels

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
MOSTLY = 0.8  # a column with this share of dates holds dates; its other texts are bad cells
DAY = pd.Timedelta(days=1)
EPOCH = pd.Timestamp("1970-01-01")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def formats_of(texts):
    """(formats that fit all texts of an Index, texts that are no dates where most texts are).

    There are two formats if both orders of day and month fit, and no format if the texts hold no dates.
    """
    if not texts.str.contains(r"\d", regex=True).all() and not texts.str.contains(r"\d{4}", regex=True).any():
        return [], []
    has_format = {form: parsed(texts, form).notna().to_numpy() for form in _candidate_formats(texts[:TRIED])}
    complete = [form for form, fits in has_format.items() if fits.all()]
    if complete:
        return _formats_by_order(complete), []
    best = max(has_format, key=lambda form: has_format[form].mean(), default=None)
    if best is None or has_format[best].mean() < MOSTLY:
        return [], []
    return [best], list(texts[~has_format[best]])


def differing_dates(texts):
    """Two texts of different notations, if all texts of an Index are dates in several notations; else None."""
    remaining, first = texts, None
    for _ in range(MOST_NOTATIONS):
        fits_by_format = [parsed(remaining, form).notna().to_numpy() for form in _candidate_formats(remaining[:1])]
        if not any(fit.any() for fit in fits_by_format):
            return None
        first = remaining[0] if first is None else first
        rest = remaining[~max(fits_by_format, key=np.sum)]
        if not len(rest):
            return (first, remaining[0]) if len(remaining) < len(texts) else None
        remaining = rest
    return None


def _candidate_formats(texts):
    """The formats that fit one or more of the texts."""
    texts = texts[texts.str.match(BEGINNING)]
    iso = [ISO] if texts.str.match(WHOLE_DAY).any() else []
    return [form for form in FORMATS if any(_has_format(text, form) for text in texts)] + iso


def _has_format(text, form):
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _formats_by_order(formats):
    """The first format, and the first with day and month in the other order: new rows may tell which is right."""
    first = day_first(formats[0])
    reversed_formats = [
        form for form in formats[1:] if None not in (first, day_first(form)) and day_first(form) != first
    ]
    return [formats[0], *reversed_formats[:1]]


def day_first(form):
    """Whether a format has the day before the month; None where ISO, the year in front or a name decides it."""
    return None if form == ISO or "%m" not in form or form.startswith("%Y") else form.startswith("%d")


def parsed(values, form):
    """A Series of times in UTC, without a zone, from texts or times; NaT where a text has another format.

    The format None is ISO 8601.
    """
    values = pd.Series(values)
    kind = infer_dtype(values, skipna=True)
    if kind == "period":
        return pd.Series(pd.PeriodIndex(values).to_timestamp(), index=values.index)
    if kind in TIME_TYPES:
        times = pd.to_datetime(values, errors="coerce", utc=True)
    else:
        texts = labels(values).astype("str")
        is_date = texts.str.match(WHOLE_DAY) if form in (None, ISO) else texts.notna()
        times = pd.to_datetime(texts.where(is_date), format=form or ISO, errors="coerce", utc=True)
    return times.dt.tz_localize(None)


def zoned(values):
    """Flags (n,) of the values of a Series that have a time zone."""
    if is_datetime64_any_dtype(values):
        return np.full(len(values), values.dt.tz is not None)
    if infer_dtype(values, skipna=True) in TIME_TYPES:
        return np.array([getattr(value, "tzinfo", None) is not None for value in values])
    return labels(values).astype("str").str.fullmatch(ZONE).fillna(False).to_numpy(bool)


def days(times):
    """Days since 1970-01-01, with their fractions."""
    return ((times - EPOCH) / DAY).to_numpy("float64", na_value=np.nan)


def date_parts(times):
    """{part: values (n,)} of times. The year is a number; month, weekday and hour are texts."""
    months, weekdays = times.dt.month, times.dt.day_of_week
    return {
        "year": times.dt.year.to_numpy("float64", na_value=np.nan),
        "month": months.map(lambda m: MONTHS[int(m) - 1], na_action="ignore"),
        "weekday": weekdays.map(lambda d: WEEKDAYS[int(d)], na_action="ignore"),
        "hour": times.dt.hour.map(lambda h: str(int(h)), na_action="ignore"),
    }
