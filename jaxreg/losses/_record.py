"""Losses in results: as plain values, of which a loss is made again."""

from dataclasses import fields
from typing import Any

import jax

from jaxreg import losses
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
