"""Families by name: the loss of each, its own options, and which of them a target has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import jaxreg as jr
from jaxreg.cli._messages import fail

AUTO, COX = "auto", "cox"
SHOWN = 3  # values of a target in a message


class Family(NamedTuple):
    """The loss of a family, the option that is its own, and what its target holds, as `tables.read` takes it."""

    loss: type
    option: str | None = None
    classes: bool | str = False


FAMILIES = {
    "gaussian": Family(jr.losses.Squared),
    "binomial": Family(jr.losses.Binomial, "link", "auto"),  # or shares of successes
    "multinomial": Family(jr.losses.Multinomial, None, True),
    "poisson": Family(jr.losses.Poisson),
    "gamma": Family(jr.losses.Gamma),
    "tweedie": Family(jr.losses.Tweedie, "power"),
    "negative-binomial": Family(jr.losses.NegativeBinomial, "theta"),
    COX: Family(jr.losses.Cox),
}
NAMES = (AUTO, *FAMILIES)


def by_name(text) -> str:
    """The name of a family as an option has it, in any spelling."""
    plain = {name.replace("-", ""): name for name in NAMES}
    name = plain.get(text.lower().replace("_", "").replace("-", ""))
    if name is None:
        fail(f"--family is {text!r}; give one of {', '.join(NAMES)}.")
    return name


def of_table(table) -> tuple[str, str]:
    """(the family that the target of a table has, why, in a line)."""
    encoding, y = table.encoding, table.y
    if encoding.survival is not None:
        return COX, f"{encoding.survival.event!r} is an event at a time"
    about, classes = f"{encoding.target!r}", encoding.classes
    if classes is not None and len(classes) == 2:
        return "binomial", f"{about} has two values, {classes[0]!r} and {classes[1]!r}; the second is the event"
    if classes is not None:
        return "multinomial", f"{about} has text of {len(classes)} kinds"
    if (y >= 0).all() and (y == np.round(y)).all() and y.nunique() > 2:
        return "gaussian", f"{about} has numbers; they are whole and not negative: if they count, --family poisson"
    return "gaussian", f"{about} has numbers"


def line_of(table) -> str:
    """What `of_table` says."""
    name, reason = of_table(table)
    return f"Family {name}: {reason}."


def check_target(name, option, table):
    """Refuse a target that the loss of an option does not take, where there is a better option."""
    encoding = table.encoding
    count = 0 if encoding.classes is None else len(encoding.classes)
    if name in ("binomial", "squaredhinge") and count > 2:
        texts = ", ".join(map(repr, encoding.classes[:SHOWN]))
        fail(
            f"{option} is for two classes, but {encoding.target!r} has {count}, {texts} among them; give --family "
            "multinomial."
        )
    if name == "binomial" and count == 0 and not table.y.between(0, 1).all():
        values = ", ".join(f"{value:g}" for value in table.y.unique()[:SHOWN])
        fail(
            f"{option} is for two classes, or shares from 0 to 1, but {encoding.target!r} has {table.y.nunique()} "
            f"different numbers, such as {values}; give --family gaussian, poisson or multinomial."
        )
