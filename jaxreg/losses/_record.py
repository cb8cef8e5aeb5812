"""Losses in results: as plain values, of which a loss is made again; and what results know of their response."""

from dataclasses import fields
from typing import Any

import jax
import numpy as np

from jaxreg import losses
from jaxreg._labels import label_text
from jaxreg.losses._base import Loss


def parameters_of(loss: Loss) -> dict[str, Any] | None:
    """The numbers and names that make the loss, by keyword; None of `Custom` and of losses that are none of ours."""
    if type(loss) is losses.Custom or getattr(losses, type(loss).__name__, None) is not type(loss):
        return None
    values = {field.name: getattr(loss, field.name) for field in fields(loss)}  # type: ignore[arg-type]
    return {name: value.item() if isinstance(value, jax.Array) else value for name, value in values.items()}


def loss_of(described: str, parameters: dict[str, Any] | None) -> Loss | None:
    """The loss with these parameters; `described` begins with the name of its class. None where they are None."""
    return None if parameters is None else getattr(losses, described.partition("(")[0])(**parameters)


def class_shares(path) -> list[tuple[str, float]]:
    """(label, share of the weight of the rows) of each class that was fitted; none of other losses and old files."""
    if path.classes is None or "y_mean" not in path.data:
        return []
    shares = np.atleast_1d(path.data["y_mean"])
    if len(shares) == 1:  # that of the second of two classes, or the mean of -1 and 1
        second = (1 + shares[0]) / 2 if path.link == "identity" else shares[0]
        shares = np.array([1 - second, second])
    return [(label_text(label), float(share)) for label, share in zip(path.classes, shares, strict=True)]


def observed_in(path):
    """The mean time and the share of events, of a path of survival times; None of another."""
    loss = loss_of(path.loss, path.loss_parameters)
    if loss is None or "y_mean" not in path.data:
        return None
    observed = None if np.ndim(path.data["y_mean"]) == 0 else loss.observed(np.array([path.data["y_mean"]]))
    return None if observed is None else (float(observed.time[0]), float(observed.event[0]))
