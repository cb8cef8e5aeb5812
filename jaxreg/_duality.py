"""Certificates for any loss and penalty, in pure JAX: duality gaps where a dual is known, else the residual of the
prox.

On the scale of the penalty, with P(b) = f(b) + penalty(b, lam), u_i = loss'(y_i, eta_i) and h = -X'(omega u) = -f'(b),

    D(s) = -sum_i omega_i [ loss*(y_i, s u_i) - s u_i offset_i ] - penalty*(s h)                          s in [0, 1]

is a dual value if sum omega u = 0 (with an intercept) and h = 0 along what is not penalised. A penalty that is a norm N
plus sum l2 b^2 / 2 gives two of them, and the larger one counts (Friedman et al. 2010 for the objective; the first is
that of the problem with the ridge part as further rows of the data):

    D1:  s = min(1, 1 / N*(h - l2 b)),  with  -s^2 sum l2 b^2 / 2  in place of -penalty*,        N* the dual norm
    D2:  s = 1,  penalty*(h) = sum prox_N(h)^2 / (2 l2)                                    by Moreau's decomposition
"""

import jax.numpy as jnp

from jaxreg.penalties._base import per_row


def dual_scale(penalty, b, h, lam):
    """(s of D1, sum l2 b^2)."""
    l2 = penalty.ridge(lam) * jnp.ones_like(b)
    norm = penalty.dual_norm(h - l2 * b, lam)
    return jnp.minimum(1.0, 1 / jnp.maximum(norm, jnp.finfo(h.dtype).tiny)), jnp.sum(l2 * b**2)


def penalty_conjugate(penalty, h, lam):
    """penalty*(h), infinite where it is a norm that h exceeds; h is 0 up to rounding where lam is 0."""
    l2 = penalty.ridge(per_row(lam, h)) * jnp.ones_like(h)
    beyond = jnp.where(per_row(lam, h) > 0, penalty.prox(h, lam, 1.0) * (1 + l2), 0.0)
    share = jnp.where(l2 > 0, beyond**2 / (2 * jnp.where(l2 > 0, l2, 1.0)), jnp.where(beyond != 0, jnp.inf, 0.0))
    return jnp.sum(share)


def squared_gap(penalty, b, h, lam, rr, tt, ty, null_loss):
    """Relative gap for the squared loss, from h = A theta and the products of theta, of r = z - A'b, and of z.

    theta is r made orthogonal to all that is not penalised: rr = r'r, tt = theta'theta, ty = theta'z.
    """
    primal = rr / 2 + jnp.sum(penalty.value(b, lam))
    s, ridge = dual_scale(penalty, b, h, lam)
    d1 = s * ty - s**2 / 2 * (tt + ridge)
    d2 = ty - tt / 2 - penalty_conjugate(penalty, h, lam)
    return relative(primal - jnp.maximum(d1, d2), null_loss)


def loss_gap(loss, penalty, b, h, lam, u, value, y, offset, omega, null_loss):
    """Relative gap for any loss whose conjugate is known, from dual values u (n,) and f(b) = value."""
    primal = value + jnp.sum(penalty.value(b, lam))

    def attained(s):
        return -jnp.sum(jnp.where(omega > 0, omega * (loss.conjugate(y, s * u) - s * u * offset), 0.0))

    s, ridge = dual_scale(penalty, b, h, lam)
    d1 = attained(s) - s**2 * ridge / 2
    d2 = attained(1.0) - penalty_conjugate(penalty, h, lam)
    return relative(primal - jnp.maximum(d1, d2), null_loss)


def relative(gap, null_loss):
    exact = null_loss == 0  # NaN stay NaN
    return jnp.where(exact, 0.0, jnp.abs(gap) / jnp.where(exact, 1.0, null_loss))


def balanced(u, omega):
    """u, its positive or negative part made smaller so that sum omega u = 0: it stays in the conjugate's domain."""
    positive, negative = jnp.sum(omega * jnp.maximum(u, 0.0)), jnp.sum(omega * jnp.maximum(-u, 0.0))
    least = jnp.minimum(positive, negative)

    def share(part):
        return jnp.where(part > 0, least / jnp.where(part > 0, part, 1.0), 0.0)

    return jnp.where(u > 0, u * share(positive), u * share(negative))


def residual(penalty, b, h, lam, step, scale):
    """max |b - prox(b + step h)| / step, in units of `scale`, the largest gradient of the null model."""
    moved = b - penalty.prox(b + step * h, lam, step)
    return jnp.max(jnp.abs(moved)) / step / jnp.where(scale > 0, scale, 1.0)
