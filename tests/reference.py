"""Independent reference: problems, and the duality gap from the user's arrays in NumPy float64.

Written from the formulas in the documentation, for one point at a time, without the library's scaling.
"""

import numpy as np


def ar_problem(n, p, rho=0.5, active=20, snr=3.0, seed=0):
    """AR(rho) columns with `active` coefficients of random sign, and a noisy response."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((p, n))
    for j in range(1, p):
        columns[j] = rho * columns[j - 1] + np.sqrt(1 - rho**2) * columns[j]
    X = np.ascontiguousarray(columns.T)
    beta = np.zeros(p)
    where = rng.choice(p, min(active, p), replace=False)
    beta[where] = rng.choice([-1, 1], where.size) * rng.uniform(0.5, 1.5, where.size)
    signal = X @ beta
    return X, signal + rng.standard_normal(n) * signal.std() / snr


def response_unit(y, weight=None, fit_intercept=True):
    """Standard deviation (1/n) of y (n,), without an intercept its root mean square; 1 where that is 0.

    Of y (n, K) the root mean square of the columns' own.
    """
    centre = np.average(y, axis=0, weights=weight) if fit_intercept else 0.0
    return np.sqrt(np.average((y - centre) ** 2, axis=0, weights=weight).mean()) or 1.0


def gap(
    X, y, intercept, coef, lam, l1_ratio,
    weight=None, offset=None, factors=None, lower=None, upper=None, fit_intercept=True, standardize=True,
):  # fmt: skip
    """(objective - dual value) / null loss at (intercept, coef)."""
    single = np.asarray(coef).dtype == np.float32
    X, y, coef = (np.asarray(a, np.float64) for a in (X, y, coef))
    n, p = X.shape
    w = np.full(n, 1 / n) if weight is None else np.asarray(weight, np.float64) / np.sum(weight)
    target = y if offset is None else y - offset
    v = np.ones(p) if factors is None else np.asarray(factors, np.float64)
    lower = np.full(p, -np.inf) if lower is None else np.broadcast_to(lower, p)
    upper = np.full(p, np.inf) if upper is None else np.broadcast_to(upper, p)
    sd = np.sqrt(w @ (X - w @ X) ** 2)
    sd = np.where(np.ptp(X[w > 0], axis=0) == 0, 0.0, sd)
    scale = sd if standardize else np.ones(p)
    out = np.isinf(v) | ((sd == 0) & (fit_intercept or standardize))
    assert not coef[out].any()
    rounding = 1e-6 if single else 1e-12
    assert (coef >= lower - rounding * abs(coef)).all()
    assert (coef <= upper + rounding * abs(coef)).all()

    v = np.where(out, 0.0, v)
    unit = response_unit(target, w, fit_intercept) if standardize else 1.0
    l1, l2 = lam * l1_ratio * v * scale, lam * (1 - l1_ratio) / unit * v * scale**2
    r = target - intercept - X @ coef
    primal = w @ r**2 / 2 + l1 @ abs(coef) + l2 @ coef**2 / 2

    inside = (coef > lower * (1 - rounding)) & (coef < upper * (1 - rounding))
    free = ~out & (l1 + l2 == 0) & (inside | np.isinf(lower) & np.isinf(upper))
    root = np.sqrt(w)[:, None]
    Z = np.column_stack([np.ones(n)] * fit_intercept + [X[:, free]]) * root
    null = np.column_stack([np.ones(n)] * fit_intercept + [X[:, ~out & (v == 0)]]) * root

    def off(columns, values):
        return values - columns @ np.linalg.lstsq(columns, values, rcond=1e-13)[0] if columns.shape[1] else values

    null_residual = off(null, root[:, 0] * target)
    theta = off(Z, root[:, 0] * r)
    tz, tt = theta @ (root[:, 0] * target), theta @ theta
    h = np.where(free | out, 0.0, (X * root).T @ theta)

    def conjugate(g, l1, l2):
        excess, limit = np.maximum(abs(g) - l1, 0), np.where(g > 0, upper, -lower)
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.where(l2 > 0, np.minimum(excess / l2, limit), limit)
            value = np.where(excess > 0, excess * best - np.where(l2 > 0, l2 * best**2 / 2, 0), 0)
        return value.sum()

    slack = 1e-12 * abs((X * root).T @ (root[:, 0] * target)).max()
    bound = np.where(~out & (l1 + l2 == 0), slack, l1)
    g = h - l2 * coef
    blocking = np.isinf(np.where(g > 0, upper, lower)) & (abs(g) > bound)
    ridge = l2 @ coef**2

    def scaled(columns, rest):
        s = (bound[columns] / abs(g[columns])).min(initial=1.0)
        return s * tz - s**2 / 2 * (tt + ridge) - conjugate(s * g * rest, bound, np.zeros(p))

    limited = np.isfinite(np.where(g > 0, upper, lower))
    d1 = max(scaled(blocking, limited), scaled(abs(g) > bound, 0.0))
    d2 = tz - tt / 2 - conjugate(h, bound, l2)
    return (primal - max(d1, d2)) / (null_residual @ null_residual / 2)


def worst_gap(X, y, path, **options):
    """Largest gap along a path."""
    coef = path.coef
    return max(
        gap(X, y, float(path.intercept[k]), coef[k], lam, path.l1_ratio, **options)
        for k, lam in enumerate(path.lambdas)
    )
