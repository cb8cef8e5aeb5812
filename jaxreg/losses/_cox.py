"""Cox's partial likelihood."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg import _validation
from jaxreg._pytree import STATIC, pytree
from jaxreg.losses import _risk_sets
from jaxreg.losses._base import Encoded, Loss, Observed
from jaxreg.losses._censored import observations
from jaxreg.losses._running import per_row

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

TIES = "efron", "breslow"
COUPLED = "Cox's likelihood couples the rows; a row alone has none."
SAME = 64  # units of rounding in which two slopes count as one


@final
@pytree
class Cox(Loss):
    """Negative log partial likelihood of proportional hazards, with right censoring, late entry and strata.

        sum_k W_k log sum_(j at risk at t_k) w_j exp(eta_j) - sum_(i died) w_i eta_i

    after Breslow, with the times t_k of deaths, W_k the weight of the deaths at t_k and weights w that sum to 1. After
    Efron the d deaths at t_k have the shares 1, 1 - 1 / d, ..., 1 / d in the sums of d terms of the weight W_k / d. A
    row is at risk at t where start < t <= time, among the rows of its stratum. Deaths of weight 0 are not counted as
    ties. There is no intercept: it would cancel.

    y is a structured array, a frame or a dict with `time`, `event` (True where the time is that of an event, False
    where it is that of censoring) and perhaps `start`; of other names there may be two, that of the event being the
    field of booleans. exp(eta) is the relative risk.

    Parameters
    ----------
    ties : {"efron", "breslow"}
        How the likelihood treats events of the same time; without such there is no difference. glmnet has Breslow's.

    Raises
    ------
    ValueError
        For other `ties`.

    Notes
    -----
    Sums over risk sets are as exact as the precision, whatever eta is, in strata where nobody enters after the first
    event. Elsewhere they are differences of sums over all rows of a stratum in about twice its digits: good to its
    last digits where the risks of a stratum, its largest and its least risk set, span fewer decades than it has digits.

    References
    ----------
    Cox (1972), J. R. Stat. Soc. B 34. Efron (1977), J. Am. Stat. Assoc. 72. Breslow (1974), Biometrics 30. Weights as
    in Therneau and Grambsch (2000), Modeling Survival Data, section 3.3 and 7.

    Examples
    --------
    Of three rows the second is censored: after time 1 it tells of nobody's event.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from jaxreg.losses import Cox
    >>> observed = {"time": [1.0, 2.0, 3.0], "event": [True, False, True]}
    >>> y = Cox().encode(observed, np.ones(3, bool)).y
    >>> slopes = Cox().slopes(y, jnp.zeros(3), jnp.full(3, 1 / 3))
    >>> print(np.asarray(slopes).round(3))
    [-0.222  0.111  0.111]
    """

    ties: str = field(default="efron", metadata=STATIC)

    degree = 0
    metrics = ("deviance", "c_index")
    coupling = "rows"
    has_intercept = False
    stratified = True
    link = "log"

    def __post_init__(self):
        _validation.check_choice(self.ties, "ties", TIES)

    # ---- the response ----

    def encode(self, y: Any, counting: Bool[np.ndarray, " n"], strata: Any = None) -> Encoded:
        """As `Loss.encode`; `strata` (n,) are labels, and None keeps those of an encoded y.

        An encoded y may be some rows of another one.
        """
        return Encoded(_risk_sets.with_places(observations(y, counting, strata)), None)

    def responses(self, y):
        return None

    def observed(self, y):
        columns = _risk_sets.TIME, _risk_sets.EVENT, _risk_sets.START, _risk_sets.STRATUM
        return Observed(*(np.asarray(y)[:, column] for column in columns))

    def in_units(self, unit):
        return self

    # ---- formulas of one observation, which has none without the others ----

    def value(self, y, eta):
        raise NotImplementedError(COUPLED)

    def gradient(self, y, eta):
        raise NotImplementedError(COUPLED)

    def hessian(self, y, eta):
        raise NotImplementedError(COUPLED)

    def curvature_bound(self):
        return None

    def conjugate(self, y, u):
        raise NotImplementedError(COUPLED)

    def saturated(self, y):
        raise NotImplementedError(COUPLED)

    # ---- formulas of all rows: compiled as a whole, since one by one their many steps would each take a while ----

    def mean(self, y, eta, omega):
        return _mean(self, y, eta, omega)

    def slopes(self, y, eta, omega):
        return _slopes(self, y, eta, omega)

    def curved(self, y, eta, omega, d):
        return _curved(self, y, eta, omega, d)

    def curvature(self, rows, y, eta, omega):
        return _curvature(self, rows, y, eta, omega)

    def dual(self, y, eta, u, omega, s):
        return _dual(self, y, eta, u, omega, s)

    def least(self, y, omega):
        return _least(self, y, omega)

    def minus_two_log_likelihood(self, deviance, n):
        return n * deviance

    def _terms(self, y, eta, omega):
        places = _risk_sets.places_of(y)
        omega = jnp.asarray(omega)[places.order]
        events = _risk_sets.events_of(places, omega, self.ties == "efron")
        risks = _risk_sets.risks_of(places, jnp.asarray(eta)[places.order], omega)
        others, deaths = risks.at_risk(risks.risk)
        # with late entries a difference may fall below 0, or below what it is made of, and that may vanish
        others, deaths = jnp.maximum(others, 0.0), jnp.maximum(deaths, risks.risk)
        least = float(np.finfo(np.float32).tiny) ** 0.5  # far below what sums of either precision resolve
        total = jnp.where(events.weight > 0, jnp.maximum(others + events.share * deaths, least), 1.0)
        return _Terms(omega, events, risks, others, deaths, total)


class _Terms(NamedTuple):
    """The terms of `mean` in the sorted rows, one for each death."""

    omega: Float[Array, " n"]
    events: _risk_sets.Events
    risks: _risk_sets.Risks
    others: Float[Array, " n"]  # N, on the scale of the level
    deaths: Float[Array, " n"]  # D
    total: Float[Array, " n"]  # N + c D, 1 where there is no term

    @property
    def died(self) -> Bool[Array, " n"]:
        return self.risks.places.died & self.risks.weighted

    @property
    def hazards(self) -> Float[Array, " n"]:
        return self.events.weight / self.total

    @property
    def lived(self) -> Float[Array, " n"]:
        """Derivative of the sum of w_p log(N + c_p D)."""
        return self.risks.risk * self.risks.lived(self.hazards, self.events.share)


@jax.jit
def _mean(loss, y, eta, omega):
    terms = loss._terms(y, eta, omega)
    below = terms.omega * (terms.risks.level - terms.risks.eta)
    return jnp.sum(terms.events.weight * jnp.log(terms.total)) + jnp.sum(jnp.where(terms.died, below, 0.0))


@jax.jit
def _slopes(loss, y, eta, omega):
    terms = loss._terms(y, eta, omega)
    return (terms.lived - jnp.where(terms.died, terms.omega, 0.0))[terms.risks.places.rank]


@jax.jit
def _curved(loss, y, eta, omega, d):
    eta = jnp.asarray(eta)
    return jax.jvp(lambda at: loss.slopes(y, at, omega), (eta,), (jnp.asarray(d, eta.dtype),))[1]


@jax.jit
def _curvature(loss, rows, y, eta, omega):
    terms, rows = loss._terms(y, eta, omega), jnp.asarray(rows)
    x = jnp.where(per_row(terms.risks.weighted, rows.T), rows.T[terms.risks.places.order], 0.0)
    x = x - terms.omega @ x  # which changes nothing but how much the difference below cancels
    others, deaths = terms.risks.at_risk(per_row(terms.risks.risk, x) * x)
    factor = jnp.sqrt(terms.events.weight) / terms.total
    means = per_row(factor, x) * others + per_row(factor * terms.events.share, x) * deaths
    second = jnp.matmul((per_row(terms.lived, x) * x).T, x, precision=lax.Precision.HIGHEST)
    return second - jnp.matmul(means.T, means, precision=lax.Precision.HIGHEST)


@jax.jit
def _dual(loss, y, eta, u, omega, s):
    """As `Loss.dual`, but for u that are the slopes themselves over omega: minus infinity for others.

    mean is a sum of terms, those of the deaths of one time being

        sum_p w_p log(N + c_p D) - W rho'eta,    N, D = sums of omega exp(eta) over the others and the deaths

    with rho = omega / W on the deaths. The slopes are a sum of theirs, so that mean* at s times them is at most the
    sum of the terms' conjugates, at s (sum_p w_p pi_p - W rho). The latter has the sup of a'eta over the deaths and
    b'eta over the others, a = s sum_p w_p pi_p + (1 - s) W rho, less sum_p w_p log(N + c_p D). For fixed N and D
    the sup over eta is by Gibbs' inequality

        sum a log(a / omega) - |a| log |a| + sum b log(b / omega) - |b| log |b| + |a| log D + |b| log N

    and the rest is at most sum_p w_p [m_p log(m_p / c_p) + (1 - m_p) log(1 - m_p)] for any m_p in [0, 1] whose mean
    is that of a: those of s pi_p + (1 - s) rho. At s = 1 all of it is attained at eta.
    """
    terms = loss._terms(y, eta, omega)
    risks, events, omega, share = terms.risks, terms.events, terms.omega, terms.events.share
    places = risks.places
    highest = risks.level[places.top]
    others, deaths = terms.others, terms.deaths
    leaning = risks.at_risk(risks.risk * (risks.eta - highest))[0] - (risks.level - highest) * others
    pull_of_others = _risk_sets.of_time(places, terms.hazards)
    pull = _risk_sets.of_time(places, terms.hazards * share)

    once = places.new_time & (events.tied > 0)  # a row for each time
    ratio = s * pull * jnp.exp(risks.eta - risks.level) + (1 - s)  # a / omega of a death
    mass = s * pull * deaths + (1 - s) * events.tied  # |a|
    of_deaths = _times_log(jnp.where(terms.died, omega * ratio, 0.0), ratio)
    of_deaths -= _times_log(jnp.where(once, mass, 0.0), mass)
    of_others = jnp.where(once, s * pull_of_others * (leaning - _times_log(others, others)), 0.0)
    left = s * others / terms.total  # 1 - m
    between = events.weight * (_times_log(1 - left, (1 - left) / share) + _times_log(left, left))

    slopes = jnp.where(risks.weighted, omega * jnp.asarray(u)[places.order], 0.0)
    died = jnp.where(terms.died, omega, 0.0)
    rounding = SAME * jnp.finfo(omega.dtype).eps * (terms.lived + died)
    same = jnp.all(jnp.abs(slopes - (terms.lived - died)) <= rounding)
    return jnp.where(same, -jnp.sum(of_deaths + of_others + between), -jnp.inf)


@jax.jit
def _least(loss, y, omega):
    places = _risk_sets.places_of(y)
    events = _risk_sets.events_of(places, jnp.asarray(omega)[places.order], loss.ties == "efron")
    return jnp.sum(_times_log(events.weight, events.share * events.tied))


def _times_log(x, of):
    """x log(of), 0 where x is."""
    return jnp.where(x > 0, x * jnp.log(jnp.where(x > 0, of, 1.0)), 0.0)
