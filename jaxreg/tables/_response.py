"""What is predicted, of the cells of a frame: numbers, labels of classes, or survival times."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jaxreg.tables._cells import level_labels
from jaxreg.tables._problems import NOTED_NAMES, Remark, listed

WHOLE = re.compile(r"-?(?:0|[1-9]\d*)")  # a label that stands for a number
EVENTS = ({"0", "1"}, {"False", "True"})  # values of a column that need no word on which of them is the event


@dataclass(frozen=True)
class Survival:
    """The columns of survival times, and the value of the event."""

    time: str
    event: str
    value: str  # as a label; other values are those of censoring
    levels: tuple[str, ...]  # all values in the table that was read
    start: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """{field of the response: column}."""
        return {"time": self.time, "event": self.event} | ({} if self.start is None else {"start": self.start})


def ordered(texts) -> tuple[str, ...]:
    """Different texts in the order of the labels that they stand for: numbers by size."""
    numbers = all(WHOLE.fullmatch(text) for text in texts) and len(set(map(int, texts))) == len(texts)
    return tuple(sorted(texts, key=int if numbers else None))


def labels_of(texts) -> np.ndarray:
    """The labels that different texts stand for: whole numbers, if all of them are, else the texts."""
    if all(WHOLE.fullmatch(text) for text in texts) and len(set(map(int, texts))) == len(texts):
        return np.array([int(text) for text in texts])
    return np.array(texts)


def event_column(event, names) -> tuple[str, str | None]:
    """(column, value or None) of the text COLUMN or COLUMN=VALUE; what is the name of a column has no value."""
    if event in names or "=" not in event:
        return event, None
    column, _, value = event.rpartition("=")
    return column, value


def event_value(values, name, value) -> tuple[str | None, tuple[str, ...], list[Remark]]:
    """(the value of the event, all values in their order, problems) of a column; `value` is what the user says."""
    texts = ordered(level_labels(values).dropna().unique())
    remedies = tuple({"event": f"{name}={text}"} for text in reversed(texts[:NOTED_NAMES]))
    if value is not None:
        if value in texts:
            return value, texts, []
        text = f"event {name!r} has no value {value!r}, but {listed(texts, NOTED_NAMES)}"
        return None, texts, [Remark(text, remedies)]
    for usual in EVENTS:
        if set(texts) <= usual:
            return max(usual), texts, []
    text = f"event {name!r} has the values {listed(texts, NOTED_NAMES)}; say which one is the event, others are "
    return None, texts, [Remark(f"{text}censored", remedies)]


def events_of(values: pd.Series, survival: Survival) -> tuple[np.ndarray, np.ndarray]:
    """(whether each row has an event, whether that is known)."""
    texts = level_labels(values, survival.levels)
    return (texts == survival.value).to_numpy(bool, na_value=False), texts.notna().to_numpy()
