"""The logarithms of the probabilities of an event and of its absence, under each link of the binomial family.

They are functions of eta, and neither overflow nor lose digits wherever eta lies.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxreg.losses._logistic import logistic, softplus


class TwoClasses(NamedTuple):
    """-log p and -log(1 - p) of a link: functions of eta, each of which gives the pair (of the event, of its absence).

    An entry may be infinite where the other counts alone.
    """

    values: Callable
    slopes: Callable  # first derivatives
    curvatures: Callable  # second derivatives
    bound: float | None  # of the curvatures


# ---- logit: p = 1 / (1 + exp(-eta)) ----


def _logit_values(eta):
    eta = jnp.asarray(eta)
    return softplus(-eta), softplus(eta)


def _logit_slopes(eta):
    p, q = logistic(eta)
    return -q, p


def _logit_curvatures(eta):
    p, q = logistic(eta)
    return p * q, p * q


# ---- probit: p is the distribution function of the standard normal ----

FAR = 4.0  # from here on exp(x^2) erfc(x) is by a rational function: Cody (1969), Math. Comp. 23, third interval
NUMERATOR = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
DENOMINATOR = (
    1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3,
)  # fmt: skip
ROOT_2, ROOT_PI = 2**0.5, 3.141592653589793**0.5


def _polynomial(coefficients, s):
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * s + coefficient
    return total


def _remainder(x):
    """(T, T / x^2) with exp(x^2) erfc(x) = (1 / sqrt(pi) - T / x^2) / x, for x >= FAR."""
    s = 1 / x**2
    T = _polynomial(NUMERATOR, s) / _polynomial(DENOMINATOR, s)
    return T, T * s


def _tail(eta):
    """(x, exp(-x^2), exp(x^2) erfc(x)) for x = |eta| / sqrt(2): the class that eta is against has erfc(x) / 2."""
    x = jnp.abs(eta) / ROOT_2
    near, far = jnp.minimum(x, FAR), jnp.maximum(x, FAR)
    scaled = jnp.where(x > FAR, (1 / ROOT_PI - _remainder(far)[1]) / far, jnp.exp(near**2) * lax.erfc(near))
    return x, jnp.exp(-(x**2)), scaled


def _by_side(eta, likely, unlikely):
    """(of the event, of its absence), from those of the class that eta is for and of the one that it is against."""
    return jnp.where(eta > 0, likely, unlikely), jnp.where(eta > 0, unlikely, likely)


# The derivatives are stated: those of the forms above would be wrong at eta = 0, and take long to compile.


@jax.custom_jvp
def _probit_values(eta):
    x, density, scaled = _tail(eta)
    return _by_side(eta, -jnp.log1p(-density * scaled / 2), x**2 - jnp.log(scaled / 2))


@_probit_values.defjvp
def _(primals, tangents):
    return _probit_values(*primals), tuple(slope * tangents[0] for slope in _probit_slopes(*primals))


@jax.custom_jvp
def _probit_slopes(eta):
    _, density, scaled = _tail(eta)
    event, absence = _by_side(eta, density / (2 - density * scaled), 1 / scaled)
    return -ROOT_2 / ROOT_PI * event, ROOT_2 / ROOT_PI * absence


@_probit_slopes.defjvp
def _(primals, tangents):
    return _probit_slopes(*primals), tuple(second * tangents[0] for second in _probit_curvatures(*primals))


def _probit_curvatures(eta):
    event, absence = _probit_slopes(eta)
    x = jnp.abs(eta) / ROOT_2
    T, less = _remainder(jnp.maximum(x, FAR))
    against = 2 / ROOT_PI * T / (1 / ROOT_PI - less) ** 2  # slope (slope - eta), whose terms cancel far off
    return (
        jnp.where((x > FAR) & (eta < 0), against, event * (event - eta)),
        jnp.where((x > FAR) & (eta > 0), against, absence * (absence - eta)),
    )


# ---- cloglog: 1 - p = exp(-m), m = exp(eta) ----

LEAST, MOST = -40.0, 7.0  # eta between which m / (exp(m) - 1) is neither 1 nor 0 by rounding
SMALL = -2.0  # eta up to which sums that cancel are by their series
# of m / (exp(m) - 1) - 1 + m / 2 in m^2, without a term of degree 0: Bernoulli numbers over factorials
SERIES = (1 / 47900160, -1 / 1209600, 1 / 30240, -1 / 720, 1 / 12, 0.0)


def _split(x, at):
    """(x, or `at` where it is larger; x, or `at` where it is not): branches that derivatives pass through."""
    return jnp.where(x > at, at, x), jnp.where(x > at, x, at)


def _odds_term(eta):
    """m / (exp(m) - 1)."""
    m = jnp.exp(jnp.clip(eta, LEAST, MOST))
    return m * jnp.exp(-m) / -jnp.expm1(-m)


def _cloglog_values(eta):
    eta = jnp.asarray(eta)
    low, high = _split(eta, -1.0)
    m = jnp.exp(jnp.maximum(low, LEAST))
    rare = -low - jnp.log(-jnp.expm1(-m) / m)
    return jnp.where(eta > -1, -jnp.log1p(-jnp.exp(-jnp.exp(high))), rare), jnp.exp(eta)


def _cloglog_slopes(eta):
    eta = jnp.asarray(eta)
    return -_odds_term(eta), jnp.exp(eta)


def _cloglog_curvatures(eta):
    eta = jnp.asarray(eta)
    low, high = _split(eta, SMALL)
    m, term = jnp.exp(low), _odds_term(eta)
    series = m / 2 + _polynomial(SERIES, m**2)
    return term * jnp.where(eta > SMALL, term + jnp.exp(jnp.minimum(high, MOST)) - 1, series), jnp.exp(eta)


LINKS = {
    "logit": TwoClasses(_logit_values, _logit_slopes, _logit_curvatures, 0.25),
    "probit": TwoClasses(_probit_values, _probit_slopes, _probit_curvatures, 1.0),
    "cloglog": TwoClasses(_cloglog_values, _cloglog_slopes, _cloglog_curvatures, None),
}
