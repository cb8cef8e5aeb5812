"""Inverse links: what a linear predictor says of the response, under the names by which results keep them."""

from collections.abc import Callable
from typing import Any

LINKS: dict[str, Callable[[Any], Any]] = {"identity": lambda eta: eta}


def inverse_link(link: str | None, eta: Any) -> Any:
    """The mean, or the typical value, of the response at the linear predictor; eta itself where the link is None."""
    return eta if link is None else LINKS[link](eta)
