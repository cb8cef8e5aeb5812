"""Numbers as people write them: decimal marks, marks between thousands, signs of currencies beside them."""

import re
from dataclasses import dataclass

import pandas as pd

CURRENCIES = "$€£¥₹"
UNITS = f"{CURRENCIES}%‰°"  # signs that may stand beside a number
MINUS = "\u2212"  # the sign of typographers, which is read as -
SPACES, QUOTES = " \u00a0\u202f", "'\u2019"  # marks between thousands that look alike
EXPONENT_PATTERN = r"(?:[eE][-+]?\d+)?"
AS_WRITTEN = rf"[-+{MINUS}]?\s*[{UNITS}]?\s*[-+{MINUS}]?\d[\d.,_{SPACES}{QUOTES}]*{EXPONENT_PATTERN}\s*[{UNITS}]?"
OF_ACCOUNTS = rf"\(\s*[{UNITS}]?\s*\d[\d.,{SPACES}{QUOTES}]*\s*[{UNITS}]?\s*\)|\d[\d.,{SPACES}{QUOTES}]*[-{MINUS}]"
WITH_WORD = (
    rf"(?:([A-Z]{{3}})\s)?[-+{MINUS}]?\d[\d.,{SPACES}{QUOTES}]*?\s*([A-Za-z][A-Za-z/]{{0,5}})?"  # 1,248 cc; EUR 5
)
FEWEST_WITH_WORDS, MOST_WORDS = (
    10,
    3,
)  # texts that must have words to be numbers with units, and how many different words
# decimal and thousands marks that an error may offer, the likelier ones first
NOTATIONS = ((None, ","), (",", "."), (",", None), (None, " "), (",", " "), (None, "'"), (",", "'"))


@dataclass(frozen=True)
class Marks:
    """How numbers are written. None is the notation of pandas: a decimal point, and nothing between thousands."""

    decimal: str | None = None
    thousands: str | None = None
    units: tuple[str, ...] = ()

    def __post_init__(self):
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"decimal is {self.decimal!r}; give . or ,.")
        mark = self.thousands
        if mark is not None and (len(mark) != 1 or mark.isalnum() or mark in '+-"'):
            raise ValueError(f"thousands is {mark!r}; give one mark, such as , or . or a space.")
        if mark == (self.decimal or "."):
            raise ValueError(f"thousands and the decimal mark are both {mark!r}; give two, the latter by decimal.")
        for unit in self.units:
            if not unit.strip() or any(letter.isdigit() or letter in "+-.," for letter in unit):
                raise ValueError(f"units has {unit!r}; give what stands beside a number, such as $ or kg.")

    @property
    def need_text(self):
        """Whether a mark says how numbers are written, so that every cell is read as text first."""
        return self.decimal is not None or self.thousands is not None

    def numbers(self, texts):
        """A Series of texts in float64; None where a text is no number in this notation."""
        plain = self._bare(texts.str.replace(MINUS, "-", regex=False))
        if not plain.dropna().str.fullmatch(self._pattern()).all():
            return None
        if self.thousands is not None:
            plain = plain.str.replace(f"[{re.escape(_alike(self.thousands))}]", "", regex=True)
        return plain.str.replace(self.decimal or ".", ".", regex=False).astype("float64")

    def _bare(self, texts):
        """The texts without units; a sign before a unit stays."""
        if not self.units:
            return texts
        unit = "|".join(map(re.escape, self.units))
        return texts.str.replace(rf"^\s*([-+]?)\s*(?:{unit})?\s*(.*?)\s*(?:{unit})?\s*$", r"\1\2", regex=True)

    def _pattern(self):
        """Regular expression of a number. Its digits are in threes where marks are between them."""
        point = re.escape(self.decimal or ".")
        between = "" if self.thousands is None else f"[{re.escape(_alike(self.thousands))}]"
        digits = rf"(?:\d{{1,3}}(?:{between}\d{{3}})+|\d+)" if between else r"\d+"
        return rf"\s*[-+]?(?:(?:{digits}(?:{point}\d*)?|{point}\d+){EXPONENT_PATTERN}|[iI]nf(?:inity)?)\s*"


def _alike(mark):
    return next((marks for marks in (SPACES, QUOTES) if mark in marks), mark)


def look_like_numbers(texts):
    """Whether all of an Index of texts are numbers in some notation."""
    return bool(len(texts)) and bool(texts.str.fullmatch(AS_WRITTEN).all() or _words_as_units(texts))


def _words_as_units(texts):
    """The words beside numbers, if all of many texts are numbers with or without a word, and the words are few."""
    if len(texts) < FEWEST_WITH_WORDS or not texts.str.fullmatch(WITH_WORD).all():
        return ()
    words = tuple(pd.unique(texts.to_series().str.extract(f"^{WITH_WORD}$").stack().dropna()))
    return words if len(words) <= MOST_WORDS else ()


def not_numbers(texts):
    """The texts of an Index that are no plain numbers."""
    return texts[pd.to_numeric(texts.to_series(), errors="coerce").isna()]


def negative_of_accounts(texts):
    """The first negative number of an Index of numbers that is written as in accounts, (5) or 5-; None without one."""
    if not texts.str.fullmatch(f"{AS_WRITTEN}|{OF_ACCOUNTS}").all():
        return None
    return next(iter(texts[texts.str.fullmatch(OF_ACCOUNTS)]), None)


def units_of(texts):
    """Signs or words that stand beside numbers in an Index of texts."""
    return tuple(sign for sign in UNITS if texts.str.contains(sign, regex=False).any()) or _words_as_units(texts)


def mixed_units(texts, units):
    """A list of texts for each unit, if the units differ, so that the numbers differ in meaning; else an empty list.

    A currency may be left out beside some numbers.
    """
    if not units:
        return []
    by_unit: dict[frozenset[str], list[str]] = {}
    unit = "|".join(map(re.escape, sorted(units, key=len, reverse=True)))
    written = re.compile(rf"\s*[-+{MINUS}]?\s*({unit})?\s*(.*?)\s*({unit})?\s*$", re.DOTALL)
    for text in pd.unique(texts):
        before, _, behind = written.findall(text)[0]
        by_unit.setdefault(frozenset({before, behind} - {""}), []).append(text)
    named = set().union(*by_unit)
    if len(by_unit) < 2 or (len(by_unit) == 2 and len(named) == 1 and named <= set(CURRENCIES)):
        return []
    return list(by_unit.values())


def notations(texts):
    """The Marks that read all texts of an Index, the likelier first."""
    series, units = texts.to_series(), units_of(texts)
    if Marks(None, None, units).numbers(series) is not None:
        return [Marks(None, None, units)] if units else [Marks(".")]
    present = [
        Marks(decimal, thousands, units)
        for decimal, thousands in NOTATIONS
        if (decimal is None or thousands == "." or texts.str.contains(",", regex=False).any())
        and (thousands is None or texts.str.contains(f"[{re.escape(_alike(thousands))}]").any())
    ]
    return [marks for marks in present if marks.numbers(series) is not None]
