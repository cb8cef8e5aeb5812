"""Families: links, formulas far out and of all rows, several outputs, limits, and fits against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import FAMILIES, LOSSES, few, response_of
from reference import ar_problem
from scipy import special
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import gamma, nbinom

import jaxreg as jr
from jaxreg import losses, penalties
from jaxreg.losses._links import LINKS, inverse_link
from jaxreg.losses._negative_binomial import estimate_theta

RNG = np.random.default_rng(0)
N, K = 40, 3
Z, ETA = RNG.uniform(-3, 3, (2, N))
ETAS, D = RNG.uniform(-3, 3, (2, N, K))
OMEGA = np.where(np.arange(N) % 5 == 0, 0.0, 1.25 / N)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


BAD = [
    (lambda: losses.Binomial("log"), "link is 'log'; give 'logit', 'probit' or 'cloglog'"),
    (lambda: losses.Tweedie(3), "power is 3; give a number from 1 to 2"),
    (lambda: losses.NegativeBinomial(0.0), "theta is 0.0; give a number above 0, or None to have it estimated"),
    (lambda: losses.NegativeBinomial().value(1.0, 0.0), "theta is None, which nothing estimates here; give"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_hyperparameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- links ----

MEANS = {
    "identity": lambda eta: eta,
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "log": np.exp,
    "softmax": lambda eta: special.softmax(eta, axis=-1),
}


@pytest.mark.parametrize("link", LINKS)
def test_inverse_links(link):
    for module in (np, jnp):
        eta = module.asarray(ETAS * 10)
        means = inverse_link(link, eta)
        assert isinstance(means, jax.Array) == (module is jnp)
        np.testing.assert_allclose(means, MEANS[link](ETAS * 10), rtol=1e-12)
        single = inverse_link(link, eta.astype(np.float32))
        assert single.dtype == np.float32
        if link not in ("identity", "log"):
            far = inverse_link(link, module.asarray([[-800.0, 0.0, 800.0]]))
            np.testing.assert_allclose(far, [[0.0, MEANS[link](0.0) if link != "softmax" else 0.0, 1.0]])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_link_gives_the_mean(name):
    """At the mean of a response the loss of its distribution is least on average: E[y] = mu where the slope is 0."""
    loss = FAMILIES[name]
    mean = np.asarray(loss.inverse_link(ETAS if name == "Multinomial" else ETA))
    np.testing.assert_allclose(loss.gradient(mean, ETAS if name == "Multinomial" else ETA), 0.0, atol=1e-12)


# ---- far out ----

FAR = np.array([-1e3, -700.0, -50.0, -6.0, -1e-3, 0.0, 1e-3, 6.0, 50.0, 700.0, 1e3])


def minus_log_event(link, eta):
    """-log p, with scipy's functions or in long doubles."""
    if link == "probit":
        return -special.log_ndtr(eta)
    wide = np.asarray(eta, np.longdouble)
    with np.errstate(over="ignore", divide="ignore"):
        if link == "logit":
            return np.log1p(np.exp(-np.abs(wide))) + np.maximum(-wide, 0.0)
        m = np.exp(wide)
        return np.where(m < 0.7, -np.log(-np.expm1(-m)), -np.log1p(-np.exp(-m)))


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_binomial_losses_keep_their_digits(link):
    loss = losses.Binomial(link)
    event = np.asarray(minus_log_event(link, FAR), float)
    absence = np.exp(np.minimum(FAR, 701)) if link == "cloglog" else event[::-1]
    np.testing.assert_allclose(loss.value(1.0, FAR), event, rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(loss.value(0.0, FAR[:-1]), absence[:-1], rtol=1e-14, atol=1e-300)
    if link == "probit":
        z = FAR[FAR <= -50]
        np.testing.assert_allclose(loss.gradient(1.0, z), -np.sqrt(2 / np.pi) / special.erfcx(-z / np.sqrt(2)), 1e-14)
        np.testing.assert_allclose(loss.hessian(1.0, z), 1 - z**-2 + 6 * z**-4 - 50 * z**-6 + 518 * z**-8, rtol=1e-12)
    with jax.enable_x64(False):
        single = loss.value(np.float32(1), FAR.astype(np.float32))
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, event, rtol=3e-6, atol=1e-37)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_nothing_is_undefined(name, dtype):
    loss, y = FAMILIES[name], response_of(name, np.array([-5.0, 0.3, 5.0]))[None].astype(dtype)
    eta = (FAR[:, None, None] * [1.0, -1.0, 0.0] if y.ndim == 3 else FAR[:, None]).astype(dtype)
    value, gradient, hessian = (formula(y, eta) for formula in (loss.value, loss.gradient, loss.hessian))
    for result in (value, gradient, hessian):
        assert result.dtype == dtype
        assert not np.isnan(result).any()
    assert (np.asarray(hessian) >= 0).all()
    assert (np.asarray(value - loss.saturated(y)) >= -1e-5).all()
    assert np.isfinite(value[np.abs(FAR) <= (80 if dtype == np.float32 else 700)]).all()


# ---- formulas of all rows ----


BOUNDED = ("Binomial probit", "Binomial cloglog", "Tweedie")  # families without a conjugate: their duals are bounds


def everywhere(name):
    """(loss, y, eta, d) of N rows."""
    y = response_of(name, Z)
    return (LOSSES | FAMILIES)[name], y, *((ETAS, D) if y.ndim == 2 else (ETA, D[:, 0]))


@pytest.mark.parametrize("name", FAMILIES)
def test_formulas_of_all_rows(name):
    loss, y, eta, d = everywhere(name)
    rows = RNG.standard_normal((2, N))
    counts = OMEGA > 0
    of_all = [loss.mean(y, eta, OMEGA), loss.slopes(y, eta, OMEGA), loss.curved(y, eta, OMEGA, d)]
    of_all += [loss.curvature(rows, y, eta, OMEGA), loss.least(y, OMEGA)]
    assert float(of_all[0]) == pytest.approx(float(OMEGA @ loss.value(y, eta)))
    assert float(of_all[-1]) == pytest.approx(float(OMEGA @ loss.saturated(y)))
    np.testing.assert_allclose(of_all[1], jax.grad(lambda e: loss.mean(y, e, OMEGA))(eta), rtol=1e-10, atol=1e-14)
    second = jax.jvp(lambda e: loss.slopes(y, e, OMEGA), (jnp.asarray(eta),), (jnp.asarray(d),))[1]
    np.testing.assert_allclose(of_all[2], second, rtol=1e-10, atol=1e-14)

    def of_coefficients(b):
        return loss.mean(y, eta + rows.T @ b.reshape(2, *eta.shape[1:]), OMEGA)

    size = 2 * (K if eta.ndim == 2 else 1)
    np.testing.assert_allclose(of_all[3], jax.hessian(of_coefficients)(np.zeros(size)), rtol=1e-9, atol=1e-13)
    u = np.where(counts, np.asarray(loss.gradient(y, eta)).T, np.nan).T
    dual = float(loss.dual(y, eta, u, OMEGA, 1.0))
    assert dual == pytest.approx(float(of_all[0] - np.sum(of_all[1] * eta)))  # Fenchel's equality
    assert float(loss.dual(y, eta, u, OMEGA, 0.5)) <= float(of_all[0] - np.sum(of_all[1] * eta) / 2) + 1e-12
    assert float(loss.dual(y, eta, u, OMEGA, 0.0)) == pytest.approx(float(of_all[-1]))
    if loss.conjugate(y, u) is None:
        assert name in BOUNDED
    else:
        beyond = [float(loss.dual(y, eta, u + step, OMEGA, 1.0)) for step in (-1e4, 1e4)]
        assert min(beyond) == -np.inf
    nothing = [np.where(counts.reshape(-1, *[1] * (a.ndim - 1)), a, np.nan) for a in (y, eta, d)]
    again = [loss.mean(*nothing[:2], OMEGA), loss.slopes(*nothing[:2], OMEGA), loss.curved(*nothing[:2], OMEGA, d)]
    again += [loss.curvature(rows, *nothing[:2], OMEGA), loss.least(nothing[0], OMEGA)]
    for one, other in zip(of_all, again, strict=True):
        np.testing.assert_array_equal(one, other)


def numeric_conjugate(loss, y, u):
    """sup over eta of u eta - value, for arrays (m,)."""
    value = jax.jit(loss.value)

    def of_one(y, u):
        return -minimize_scalar(lambda eta: float(value(y, eta)) - u * eta, bounds=(-30, 30), method="bounded").fun

    return np.array([of_one(*pair) for pair in zip(y, u, strict=True)])


@pytest.mark.parametrize("name", BOUNDED)
def test_duals_without_a_conjugate_are_bounds(name):
    loss, y, eta, d = everywhere(name)
    y, eta, d, omega = y[:6], eta[:6], d[:6], np.full(6, 1 / 6)
    g, h = np.asarray(loss.gradient(y, eta)), np.asarray(loss.hessian(y, eta))
    cases = [(g, 1e-12), (0.999 * g, 1e-4), (g + 1e-4 * d * h, 1e-6), (0.5 * g, 0.5), (g + d, np.inf)]
    for u, most in cases:
        excess = -omega @ numeric_conjugate(loss, y, u) - float(loss.dual(y, eta, u, omega, 1.0))
        assert -1e-12 <= excess <= most
    assert float(loss.dual(y, eta, g, omega, 0.5)) == float(loss.dual(y, eta, 0.5 * g, omega, 1.0))
    exact = float(loss.dual(y, eta, g, omega, 1.0))
    for rounded in (g + 1e-16, g - 1e-16, np.nextafter(g, np.inf), np.nextafter(g, -np.inf)):  # eta is not told apart
        assert float(loss.dual(y, eta, rounded, omega, 1.0)) == pytest.approx(exact, rel=1e-12)


# ---- several outputs ----


def test_formulas_of_classes_are_derivatives():
    loss = losses.Multinomial()
    y = np.concatenate([np.eye(K)[np.arange(20) % K], RNG.dirichlet(np.ones(K), 20)])
    value = special.logsumexp(ETAS, axis=1) - (y * ETAS).sum(axis=1)
    np.testing.assert_allclose(loss.value(y, ETAS), value, atol=1e-13)
    np.testing.assert_allclose(loss.gradient(y, ETAS), jax.vmap(jax.grad(loss.value, 1))(y, ETAS), atol=1e-13)
    second = jax.vmap(jax.hessian(loss.value, 1))(y, ETAS)
    np.testing.assert_allclose(loss.hessian_product(y, ETAS, D), jnp.einsum("nkl,nl->nk", second, D), atol=1e-13)
    np.testing.assert_allclose(loss.hessian(y, ETAS), jnp.einsum("nkk->nk", second), atol=1e-13)
    halves = jax.hessian(loss.value, 1)(np.array([1.0, 0.0]), np.zeros(2))
    assert np.linalg.eigvalsh(second).max() <= np.linalg.eigvalsh(halves).max() == loss.curvature_bound()


def test_the_loss_of_two_classes_is_that_of_one_event():
    y = response_of("Binomial", Z)
    of_two = losses.Multinomial().value(np.stack([1 - y, y], axis=1), np.stack([0 * ETA, ETA], axis=1))
    np.testing.assert_allclose(of_two, losses.Binomial().value(y, ETA), rtol=1e-13)
    certain = losses.Multinomial().value(np.array([0.0, 1.0, 0.0]), np.array([0.0, 50.0, -3.0]))
    assert float(certain) == pytest.approx(np.exp(-50) + np.exp(-53), rel=1e-12)  # it keeps its digits


def test_the_conjugate_of_classes():
    loss = losses.Multinomial()
    y = np.concatenate([np.eye(K)[np.arange(20) % K], RNG.dirichlet(np.ones(K), 20)])
    u = np.asarray(loss.gradient(y, ETAS))
    attained = loss.value(y, ETAS) + loss.conjugate(y, u)
    np.testing.assert_allclose(attained, (u * ETAS).sum(axis=1), atol=1e-13)
    for share in (0.0, 0.3, 1.0):
        assert (loss.value(y, D) + loss.conjugate(y, share * u) >= share * (u * D).sum(axis=1) - 1e-13).all()
    np.testing.assert_allclose(loss.conjugate(y, 0 * u), -np.asarray(loss.saturated(y)), atol=1e-15)
    assert np.isinf(loss.conjugate(y, u + 0.1)).all()  # no probabilities
    assert np.isinf(loss.conjugate(y[:1], np.array([[0.1, -0.1, 0.0]])))


# ---- limits and estimates ----


def test_the_ends_of_powers_and_of_theta():
    y = response_of("Poisson", Z)
    ends = [
        (losses.Tweedie(1.0), losses.Poisson(), y, 1e-13),
        (losses.Tweedie(1 + 1e-9), losses.Poisson(), y, 1e-6),
        (losses.Tweedie(2.0), losses.Gamma(), y + 0.5, 1e-13),
        (losses.Tweedie(2 - 1e-9), losses.Gamma(), y + 0.5, 1e-6),
        (losses.NegativeBinomial(1e10), losses.Poisson(), y, 1e-7),
    ]
    for loss, limit, response, tol in ends:
        deviance = [2 * (one.value(response, ETA) - one.saturated(response)) for one in (loss, limit)]
        np.testing.assert_allclose(*deviance, rtol=tol, atol=tol)
        np.testing.assert_allclose(loss.gradient(response, ETA), limit.gradient(response, ETA), rtol=tol, atol=tol)
    many = losses.NegativeBinomial(1e10)
    np.testing.assert_allclose(many.conjugate(y, 0.3 - y), losses.Poisson().conjugate(y, 0.3 - y), rtol=1e-7)


def test_theta_is_that_of_the_largest_likelihood():
    mu, weight = np.exp(ETA), RNG.uniform(0.1, 2, N)
    y = RNG.poisson(mu * RNG.gamma(1.5, 1 / 1.5, N)).astype(float)

    def cost(log_theta):
        theta = np.exp(log_theta)
        return -weight @ nbinom.logpmf(y, theta, theta / (theta + mu))

    best = minimize_scalar(cost, bounds=(-5, 8), method="bounded", options={"xatol": 1e-9})
    theta = estimate_theta(y, mu, weight)
    assert theta == pytest.approx(np.exp(best.x), rel=1e-6)
    assert losses.NegativeBinomial().with_theta(theta) == losses.NegativeBinomial(theta)
    loss = losses.NegativeBinomial(theta)
    spread = (weight @ loss.value(y, ETA) - weight @ loss.value(y, 0 * ETA)) / weight.sum()
    likelihood = [nbinom.logpmf(y, theta, theta / (theta + m)) for m in (mu, 1.0)]
    assert spread == pytest.approx(-weight @ (likelihood[0] - likelihood[1]) / weight.sum())  # up to a term of y
    with pytest.raises(ValueError, match=r"theta has no finite estimate: y varies .* Poisson's; give losses.Poisson"):
        estimate_theta(np.round(mu), mu, weight)


def test_criteria_know_the_likelihoods():
    y, mu = response_of("Gamma", Z), np.exp(ETA)

    def twice(shape, mu):
        return -2 * gamma.logpdf(y, shape, scale=mu / shape).sum()

    criteria, likelihoods = [], []
    for mean in (mu, np.full(N, y.mean())):
        deviance = 2 * np.mean(losses.Gamma().value(y, np.log(mean)) - losses.Gamma().saturated(y))
        criteria.append(float(losses.Gamma().minus_two_log_likelihood(np.array([deviance]), N)[0]))
        likelihoods.append(minimize(lambda t, m=mean: twice(np.exp(t[0]), m), 0.0, tol=1e-10).fun)
    assert criteria[0] - criteria[1] == pytest.approx(likelihoods[0] - likelihoods[1], rel=1e-6)
    assert losses.Gamma().minus_two_log_likelihood(np.zeros(1), N) == -np.inf
    for name in FAMILIES:
        criterion = FAMILIES[name].minus_two_log_likelihood(np.array([0.5]), N)
        if name == "Tweedie":
            assert criterion is None
        elif name != "Gamma":
            np.testing.assert_allclose(criterion, [N / 2])


# ---- fits ----


def scikit_learn_fit(name, X, y, lam):
    from sklearn import linear_model

    if name == "Binomial":
        model = linear_model.LogisticRegression(
            l1_ratio=1.0, C=1 / (len(y) * lam), solver="saga", tol=1e-12, max_iter=10**5
        )
        return model.fit(X, y)
    kind = {"Poisson": "PoissonRegressor", "Gamma": "GammaRegressor", "Tweedie": "TweedieRegressor"}[name]
    power = {"power": 1.6} if name == "Tweedie" else {}
    return getattr(linear_model, kind)(alpha=lam, tol=1e-10, solver="newton-cholesky", **power).fit(X, y)


@pytest.mark.parametrize("name", few(["Binomial", "Poisson", "Gamma", "Tweedie"], "Poisson"))
def test_fits_are_those_of_scikit_learn(name):
    pytest.importorskip("sklearn")
    X, z = ar_problem(60, 5, active=3, seed=1)
    z, lam = z / z.std(), 0.02
    y = (z > 0.2).astype(int) ^ (np.arange(60) % 7 == 0) if name == "Binomial" else response_of(name, z)
    penalty = penalties.Lasso() if name == "Binomial" else penalties.Ridge()
    path = jr.fit_path(
        X, y, loss=FAMILIES[name], penalty=penalty, lambdas=[lam], standardize=False, solver="proximal", tol=1e-10
    )
    assert (path.status == jr.Status.converged).all()
    assert path.certificate == "gap"
    model = scikit_learn_fit(name, X, y, lam)
    np.testing.assert_allclose(path.coef[0], model.coef_.ravel(), atol=1e-7)
    np.testing.assert_allclose(path.intercept[0], model.intercept_, atol=1e-7)


@pytest.mark.slow
def test_counts_are_rows_that_count_more():
    X, z = ar_problem(60, 5, active=3, seed=1)
    trials = np.arange(60) % 6
    events = RNG.binomial(trials, special.expit(z / z.std()))
    shares = np.divide(events, trials, out=np.full(60, 0.5), where=trials > 0)
    rows = np.repeat(np.arange(60), trials)
    labels = np.concatenate([np.repeat(["yes", "no"], [e, t - e]) for e, t in zip(events, trials, strict=True)])
    options = {"loss": "binomial", "lambdas": [0.05, 0.01], "tol": 1e-10}
    by_rows = jr.fit_path(X[rows], labels, **options)
    counts = jr.fit_path(X, np.stack([events, trials - events], axis=1), **options)
    for path in (counts, jr.fit_path(X, shares, sample_weight=trials, **options)):
        np.testing.assert_allclose(path.coef, by_rows.coef, atol=1e-8)
        np.testing.assert_allclose(path.intercept, by_rows.intercept, atol=1e-8)
