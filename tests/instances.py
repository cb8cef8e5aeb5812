"""Tables of penalties and losses that drive the tests: every name of `__all__` has a line."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxreg import losses, penalties

P = 12
GROUPS = [0, 1, 1, 0, 2, 2, 2, 3, 3, 4, 5, 5]
WEIGHTS = np.linspace(1.0, 0.4, P)


def few(names, *quick):
    """`names` as parameters of a test, of which all but `quick` are slow."""
    assert set(quick) <= set(names)
    tuples = [name if isinstance(name, tuple) else (name,) for name in names]
    return [
        pytest.param(*each, marks=[pytest.mark.slow] * (name not in quick))
        for name, each in zip(names, tuples, strict=True)
    ]


def soft(coef, lam, step):
    return jnp.sign(coef) * jnp.maximum(jnp.abs(coef) - step * lam, 0.0)


PENALTIES = {
    "ElasticNet": penalties.ElasticNet(0.6),
    "Lasso": penalties.Lasso(),
    "Ridge": penalties.Ridge(),
    "MCP": penalties.MCP(3.0),
    "SCAD": penalties.SCAD(3.7),
    "LogSum": penalties.LogSum(0.7),
    "GroupLasso": penalties.GroupLasso(GROUPS),
    "SparseGroupLasso": penalties.SparseGroupLasso(GROUPS, 0.3),
    "MultiTaskLasso": penalties.MultiTaskLasso(),
    "MultiTaskElasticNet": penalties.MultiTaskElasticNet(0.6),
    "SLOPE": penalties.SLOPE(WEIGHTS),
    "L0": penalties.L0(5),
    "FusedLasso": penalties.FusedLasso(),
    "TrendFilter": penalties.TrendFilter(),
    "Custom": penalties.Custom(lambda coef, lam: lam * jnp.abs(coef), soft, convex=True),
}
SEPARABLE = ("ElasticNet", "Lasso", "Ridge", "MCP", "SCAD", "LogSum", "Custom")
CONVEX = [name for name, penalty in PENALTIES.items() if penalty.convex]
NORMS = ("Lasso", "GroupLasso", "SparseGroupLasso", "MultiTaskLasso", "SLOPE", "FusedLasso", "TrendFilter")

FACTORED = (*SEPARABLE, "MultiTaskLasso", "MultiTaskElasticNet")

LOSSES = {
    "Squared": losses.Squared(),
    "Huber": losses.Huber(1.5),
    "Quantile": losses.Quantile(0.3, 0.5),
    "SquaredHinge": losses.SquaredHinge(),
    "Custom": losses.Custom(lambda y, eta: jnp.logaddexp(y - eta, eta - y) - jnp.log(2.0), 1.0),
}

# likelihoods of responses that are not any numbers, and an encoded response of each for any number z
FAMILIES = {
    "Binomial": losses.Binomial(),
    "Binomial probit": losses.Binomial("probit"),
    "Binomial cloglog": losses.Binomial("cloglog"),
    "Poisson": losses.Poisson(),
    "Gamma": losses.Gamma(),
    "Tweedie": losses.Tweedie(1.6),
    "NegativeBinomial": losses.NegativeBinomial(2.0),
    "Multinomial": losses.Multinomial(),
}
ONE_OUTPUT = {name: loss for name, loss in (LOSSES | FAMILIES).items() if name != "Multinomial"}
RESPONSES = {
    "SquaredHinge": lambda z: np.where(z < 0, -1.0, 1.0),
    "Binomial": lambda z: np.clip(z / 2 + 0.5, 0.0, 1.0),  # labels, and shares between them
    "Poisson": lambda z: np.round(np.maximum(z, 0.0) ** 2),
    "Gamma": lambda z: 0.01 + z**2,
    "Tweedie": lambda z: np.maximum(z, 0.0),
    "NegativeBinomial": lambda z: np.round(np.maximum(z, 0.0) ** 2),
    "Multinomial": lambda z: np.eye(3)[np.digitize(z, (-1.0, 1.0))],
}


def response_of(name, z):
    """A response, as it is encoded, of the loss of this name, from numbers z that may be any."""
    return RESPONSES.get(name.split()[0], lambda z: z)(np.asarray(z))
