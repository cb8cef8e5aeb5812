"""What goes by name in a call: losses and penalties by theirs, entries of columns by those of X."""

from inspect import Parameter, signature

import numpy as np

from jaxreg import _validation, losses, penalties
from jaxreg._alignment import by_column
from jaxreg.losses import Loss
from jaxreg.penalties import Penalty

NAMED = "loss", "penalty", "penalty_factors", "lower", "upper"  # keywords that may go by name


def by_name(given, labels):
    """Keywords of a fit with what goes by name, the columns of X or a loss or penalty, as it is without names."""
    columns = (("penalty_factors", 1.0), ("lower", -np.inf), ("upper", np.inf))
    return given | {
        "loss": check_loss(given["loss"]),
        "penalty": check_penalty(given["penalty"]).for_columns(labels),
        **{name: by_column(given[name], name, labels, default) for name, default in columns},
    }


def check_loss(loss):
    """The Loss, which may be given by its name in lower case."""
    return _instance(loss, "loss", Loss, losses)


def check_penalty(penalty):
    """The Penalty, which may be given by its name in lower case."""
    return _instance(penalty, "penalty", Penalty, penalties)


def _instance(value, name, known, home):
    """`value`, or the instance that its name stands for."""
    place = home.__name__.removeprefix("jaxreg.")
    public = {each.lower(): getattr(home, each) for each in home.__all__ if each != "Custom"}
    if isinstance(value, known):
        return value
    if isinstance(value, str):
        make = public.get(value.lower().replace("_", ""))
        if make is None:
            raise ValueError(
                f"{name} is {value!r}; give one of jaxreg.{place}, or the name of one: {', '.join(public)}."
            )
        needs = [
            argument.name for argument in signature(make).parameters.values() if argument.default is Parameter.empty
        ]
        if make is penalties.ElasticNet:
            needs = ["l1_ratio"]  # which is the lasso's by default, and that is not what the name says
        if needs:
            call = f"{make.__name__}({', '.join(f'{argument}=...' for argument in needs)})"
            raise ValueError(f"{name} is {value!r}, which needs {' and '.join(needs)}; give {place}.{call}.")
        return make()
    if any(value is each for each in (*public.values(), home.Custom)) or (
        isinstance(value, type) and issubclass(value, known)
    ):
        raise TypeError(f"{name} is {_validation.shown(value)}; give an instance, {value.__name__}(...).")
    raise TypeError(
        f"{name} is {_validation.shown(value)}; give one of jaxreg.{place}; {place}.Custom makes one of your own."
    )
