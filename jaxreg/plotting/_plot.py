"""A figure with its table of numbers, as a function or as a method of a result."""

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec

P = ParamSpec("P")
Q = ParamSpec("Q")


class Plot(Generic[P]):
    """A function that draws; `frame` returns the numbers of the figure as a pandas DataFrame, without matplotlib.

    As an attribute of a class it is a method that keeps its `frame`: `path.plot(labels=3)`, `path.plot.frame()`.
    """

    def __init__(self, draw: Callable[P, Any], frame: Callable[..., Any]):
        update_wrapper(self, draw)
        self._draw = draw
        self.frame = frame

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        return self._draw(*args, **kwargs)

    # typed for the attribute of a result; the attribute of the class, which has no result, is the plot
    def __get__(self: "Plot[Concatenate[Any, Q]]", result: Any, owner: Any = None) -> "Plot[Q]":
        if result is None:
            return self  # type: ignore[return-value]
        return Plot(MethodType(self._draw, result), MethodType(self.frame, result))


def with_frame(frame: Callable[..., Any]) -> Callable[[Callable[P, Any]], Plot[P]]:
    """Decorator of the function that draws."""
    return lambda draw: Plot(draw, frame)


def data_frame(columns):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError('frames need pandas: pip install "jaxreg[frames]"') from error
    return pd.DataFrame(columns)
