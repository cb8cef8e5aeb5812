"""Names in a call: losses and penalties may go by their names, entries of columns by the names of the columns of X."""

from inspect import Parameter, signature

import numpy as np

from jaxreg import _validation, losses, penalties
from jaxreg._alignment import by_column
from jaxreg.losses import Loss
from jaxreg.penalties import Penalty

NAMED = "loss", "penalty", "penalty_factors", "lower", "upper"  # keywords whose values may go by name


def by_name(keywords, labels):
    """Keywords of a fit without names: losses and penalties are instances, entries of columns are in the order of X."""
    columns = (("penalty_factors", 1.0), ("lower", -np.inf), ("upper", np.inf))
    return keywords | {
        "loss": check_loss(keywords["loss"]),
        "penalty": check_penalty(keywords["penalty"]).for_columns(labels),
        **{name: by_column(keywords[name], name, labels, default) for name, default in columns},
    }


def check_loss(loss):
    """The Loss. `loss` is an instance, or a name in lower case."""
    return _instance_of(loss, "loss", Loss, losses)


def check_penalty(penalty):
    """The Penalty. `penalty` is an instance, or a name in lower case."""
    return _instance_of(penalty, "penalty", Penalty, penalties)


def _instance_of(value, name, base, module):
    """`value`, or the instance of the class whose name it is."""
    place = module.__name__.removeprefix("jaxreg.")
    public = {kind.lower(): getattr(module, kind) for kind in module.__all__ if kind != "Custom"}
    if isinstance(value, base):
        return value
    if isinstance(value, str):
        constructor = public.get(value.lower().replace("_", ""))
        if constructor is None:
            raise ValueError(
                f"{name} is {value!r}; give one of jaxreg.{place}, or the name of one: {', '.join(public)}."
            )
        required = [
            argument.name
            for argument in signature(constructor).parameters.values()
            if argument.default is Parameter.empty
        ]
        if constructor is penalties.ElasticNet:
            required = ["l1_ratio"]  # its default is that of the lasso, which the name does not mean
        if required:
            call = f"{constructor.__name__}({', '.join(f'{argument}=...' for argument in required)})"
            raise ValueError(f"{name} is {value!r}, which needs {' and '.join(required)}; give {place}.{call}.")
        return constructor()
    if any(value is constructor for constructor in (*public.values(), module.Custom)) or (
        isinstance(value, type) and issubclass(value, base)
    ):
        raise TypeError(f"{name} is {_validation.shown(value)}; give an instance, {value.__name__}(...).")
    raise TypeError(
        f"{name} is {_validation.shown(value)}; give one of jaxreg.{place}; {place}.Custom makes one of your own."
    )
