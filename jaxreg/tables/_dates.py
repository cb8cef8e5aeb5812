"""Dates: the notation that a column of text has, and what numbers and parts become of times."""

from datetime import datetime
from itertools import product

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

ISO = "ISO8601"
YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")
DAY_FIRST = tuple(f"%d{mark}%m{mark}{year}" for year in ("%Y", "%y") for mark in ".-/")
MONTH_FIRST = tuple(f"%m{mark}%d{mark}{year}" for year in ("%Y", "%y") for mark in "-/")  # points are day first
WITH_NAMES = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
DAYS = (*YEAR_FIRST, *DAY_FIRST, *MONTH_FIRST, *WITH_NAMES)
FORMATS = (*map("".join, product(DAYS, CLOCKS)), "%Y-%m", "%b %Y", "%b-%Y", "%B %Y")
TRIED = 3  # texts that are looked at first
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
    candidates = [form for form in FORMATS if any(_fits(text, form) for text in texts[:TRIED])]
    shares = {form: parsed(texts, form).notna() for form in [*candidates, ISO] if form != ISO or _iso(texts)}
    complete = [form for form, fits in shares.items() if fits.all()]
    if complete:
        return _distinct(texts, complete), []
    best = max(shares, key=lambda form: shares[form].mean(), default=None)
    if best is None or shares[best].mean() < MOSTLY:
        return [], []
    return [best], list(texts[~shares[best]])


def _fits(text, form):
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _iso(texts):
    """Whether the texts begin as dates of ISO 8601 do; pandas would take 2021 alone for one."""
    return texts.str.match(r"\d{4}-\d\d-\d\d").any()


def _distinct(texts, formats):
    """The first format, and the first that gives other times."""
    times = parsed(texts, formats[0])
    others = [form for form in formats[1:] if not (parsed(texts, form) == times).all()]
    return [formats[0], *others[:1]]


def day_first(form):
    """Whether a format has the day before the month, as numbers; None where a name or ISO says which is which."""
    return None if form == ISO or "%m" not in form or form.startswith("%Y") else form.startswith("%d")


def parsed(values, form):
    """Times in UTC, without a zone, of texts or of what holds times; NaT where a text has not this format."""
    if is_datetime64_any_dtype(values):
        times = values
    else:
        times = pd.to_datetime(values, format=form, errors="coerce", utc=True)
    if isinstance(times, pd.Series):
        return times if times.dt.tz is None else times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times if times.tz is None else times.tz_convert("UTC").tz_localize(None)


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
