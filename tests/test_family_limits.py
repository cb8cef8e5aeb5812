"""Limits and offsets of losses other than the squared one: null models, optimality, gaps, several outputs, folds."""

import jax
import numpy as np
import pytest
from instances import few
from scipy import special
from scipy.optimize import minimize

import jaxreg as jr
from jaxreg import losses, penalties

N, P, K = 60, 5, 3
RNG = np.random.default_rng(4)
X = RNG.standard_normal((N, P)) + 0.5 * RNG.standard_normal((N, 1))
ETA = X @ np.array([0.6, -0.5, 0.4, 0.0, 0.3])
SHIFTS = 0.3 * RNG.standard_normal((N, K))
CLASSES = np.array(["a", "b", "c"])[(np.stack([ETA, 0 * ETA, X[:, 3]], 1) + RNG.gumbel(size=(N, K))).argmax(axis=1)]
WEIGHT = np.where(np.arange(N) % 9 == 4, 0.0, np.linspace(0.5, 2.0, N))
FACTORS = np.array([0.0, 0.0, 0.0, 1.0, 2.0])
LOWER, UPPER = np.array([-0.1, -np.inf, -np.inf, -0.2, 0.0]), np.array([0.1, 0.9, np.inf, 0.04, np.inf])
LIMITS = {"penalty_factors": FACTORS, "lower": LOWER, "upper": UPPER, "sample_weight": WEIGHT}
A = 0.7
FAMILIES = {
    "Poisson": (losses.Poisson(), RNG.poisson(np.exp(ETA)).astype(float), SHIFTS[:, 0]),
    "Huber": (losses.Huber(0.8), 20 + ETA + RNG.standard_normal(N), SHIFTS[:, 0]),
    "Multinomial": (losses.Multinomial(), CLASSES, SHIFTS),
}


class Problem:
    """The objective of a family in NumPy, of intercepts and coefficients (P + 1, 1 or K) in one vector."""

    def __init__(self, name):
        self.name = name
        self.loss, self.y, self.offset = FAMILIES[name]
        self.encoded = np.eye(K)[np.searchsorted(["a", "b", "c"], self.y)] if name == "Multinomial" else self.y[:, None]
        self.w = WEIGHT / WEIGHT.sum()
        self.rows = np.column_stack([np.ones(N), X])
        self.shift = self.offset.reshape(N, -1)
        self.saturated = self.w @ (self.y - special.xlogy(self.y, self.y)) if name == "Poisson" else 0.0

    def predictor(self, b):
        """Linear predictors, of classes without what is common to all."""
        eta = self.shift + self.rows @ b
        return eta - eta.mean(axis=1, keepdims=True) if self.name == "Multinomial" else eta

    def mean(self, b):
        """(mean loss, its derivative) at b (P + 1, outputs)."""
        eta, y = self.predictor(b), self.encoded
        if self.name == "Multinomial":
            value = special.logsumexp(eta, axis=1) - (y * eta).sum(axis=1)
            slope = special.softmax(eta, axis=1) - y
        elif self.name == "Poisson":
            value, slope = (np.exp(eta) - y * eta)[:, 0], np.exp(eta) - y
        else:
            value, slope = special.huber(0.8, eta - y)[:, 0], np.clip(eta - y, -0.8, 0.8)
        return self.w @ value, self.rows.T @ (self.w[:, None] * slope)

    def objective(self, b, lam):
        strength = lam * FACTORS[:, None]
        return self.mean(b)[0] + np.sum(strength * (A * np.abs(b[1:]) + (1 - A) * b[1:] ** 2 / 2))

    def null(self):
        """(coefficients, derivative) of the model of what is not penalised, by another program."""
        shape = P + 1, self.shift.shape[1]
        low = np.where(FACTORS == 0, LOWER, 0.0), np.where(FACTORS == 0, UPPER, 0.0)
        bounds = [(lo, hi) for lo, hi in zip(np.append(-np.inf, low[0]), np.append(np.inf, low[1]), strict=True)]
        bounds = [bound for bound in bounds for _ in range(shape[1])]

        def both(b):
            value, gradient = self.mean(b.reshape(shape))
            return value, gradient.ravel()

        found = minimize(
            both, np.zeros(np.prod(shape)), jac=True, bounds=bounds, method="L-BFGS-B",
            options={"ftol": 1e-16, "gtol": 1e-10, "maxiter": 5000},
        )  # fmt: skip
        b = found.x.reshape(shape)
        return b, self.mean(b)[1]

    def fit(self, **options):
        return jr.fit_path(
            X, self.y, loss=self.loss, penalty=penalties.ElasticNet(A), offset=self.offset, standardize=False,
            **LIMITS | options,
        )  # fmt: skip

    def points(self, path):
        return np.concatenate([path.intercept[:, None], path.coef], axis=1).reshape(len(path.lambdas), P + 1, -1)


@pytest.mark.parametrize("name", few(list(FAMILIES), "Multinomial"))
def test_a_path_within_limits(name):
    problem = Problem(name)
    loose, path = problem.fit(n_lambdas=6, tol=1e-2), problem.fit(n_lambdas=6, tol=1e-11)
    assert path.solver == "newton"
    assert path.certificate == "gap"
    assert path.gap.max() <= 1e-11

    null, gradient = problem.null()
    pull = np.maximum(np.where(UPPER > 0, -gradient[1:].T, 0), np.where(LOWER < 0, gradient[1:].T, 0)).max(axis=0)
    assert path.lambdas[0] == pytest.approx((pull[3:] / FACTORS[3:]).max() / A, rel=1e-6)
    first, expected = (problem.predictor(b) for b in (problem.points(path)[0], null))
    np.testing.assert_allclose(first, expected, atol=1e-5)

    active = np.zeros(2, bool)
    for lam, b in zip(path.lambdas, problem.points(path), strict=True):
        gradient = problem.mean(b)[1]
        np.testing.assert_allclose(gradient[0], 0, atol=1e-6)
        coef, strength = b[1:], lam * FACTORS[:, None]
        pull = -gradient[1:] - strength * (1 - A) * coef
        low, high = LOWER[:, None], UPPER[:, None]
        at_low, at_high = (np.isclose(coef, limit, rtol=1e-14, atol=0) for limit in (low, high))
        assert ((low <= coef) | at_low).all()
        assert ((coef <= high) | at_high).all()
        # the derivative of the penalty, and where a coefficient cannot move on
        least = np.where(coef > 0, A * strength, -A * strength)
        most = np.where(coef < 0, -A * strength, A * strength)
        assert ((pull >= least - 1e-6) | at_low).all()
        assert ((pull <= most + 1e-6) | at_high).all()
        held = (at_low | at_high).any(axis=1)
        active |= held[0], held[3]
    assert active.all()

    unit = problem.objective(null, 0.0) - problem.saturated
    for lam, b, best, gap in zip(path.lambdas, problem.points(loose), problem.points(path), loose.gap, strict=True):
        above = problem.objective(b, lam) - problem.objective(best, lam)
        assert -1e-12 <= above <= gap * unit + 1e-12


# ---- offsets of several outputs ----


@pytest.mark.parametrize("name", few(["Multinomial", "grouped", "Squared"], "Multinomial"))
def test_folds_know_the_offset(name):
    """Predictions of rows that are held out are those of a fit of the others."""
    y = SHIFTS + ETA[:, None] if name == "Squared" else CLASSES
    options = {
        "loss": "squared" if name == "Squared" else "multinomial",
        "penalty": penalties.Lasso() if name == "Multinomial" else penalties.MultiTaskLasso(),
        "lambdas": [0.1, 0.03],
        "tol": 1e-10,
    }
    folds = np.arange(N) % 2
    cv = jr.fit_cv(X, y, cv=folds, keep="all", offset=SHIFTS, **options)
    others = jr.fit_path(X, y, sample_weight=1.0 * (folds == 0), offset=SHIFTS, **options)
    held_out = folds == 1
    expected = others.predict(X[held_out], offset=SHIFTS[held_out])
    np.testing.assert_allclose(cv.oof_predictions[0, held_out], expected, atol=1e-6)
    np.testing.assert_allclose(
        others.predict(X, 0.03, offset=SHIFTS), others.predict(X, offset=SHIFTS)[:, 1], atol=1e-12
    )


def test_an_offset_of_responses_is_taken_off():
    Y = SHIFTS + ETA[:, None]
    for run in (jr.fit_path, jr.fit_cv):
        found, wanted = (
            run(X, *given, penalty=penalties.Ridge(), lambdas=[0.1], **options)
            for given, options in (((Y,), {"offset": SHIFTS}), ((Y - SHIFTS,), {}))
        )
        np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-12)
    assert found.mean_loss == pytest.approx(wanted.mean_loss)


@pytest.mark.slow
def test_solve_takes_the_offset_of_classes():
    options = {"loss": "multinomial", "offset": SHIFTS, "tol": 1e-10}
    with jax.enable_x64(True):
        found = jr.solve(X, np.eye(K)[np.searchsorted(["a", "b", "c"], CLASSES)], 0.03, **options)
    path = jr.fit_path(X, CLASSES, lambdas=[0.03], **options)
    intercept = np.asarray(found.intercept)
    np.testing.assert_allclose(found.coef, path.coef[0], atol=1e-6)
    np.testing.assert_allclose(intercept - intercept.mean(), path.intercept[0] - path.intercept[0].mean(), atol=1e-6)


@pytest.mark.slow
def test_large_offsets_of_classes_are_taken_up_by_the_intercepts():
    options = {"loss": "multinomial", "lambdas": [0.1, 0.03], "tol": 1e-10}
    far = np.array([1e3, 0.0, -1e3])
    wanted, found = (jr.fit_path(X, CLASSES, offset=offset, **options) for offset in (SHIFTS, SHIFTS + far))
    assert (found.status == jr.Status.converged).all()
    np.testing.assert_allclose(found.coef, wanted.coef, atol=1e-8)
    np.testing.assert_allclose(np.diff(found.intercept + far), np.diff(wanted.intercept), atol=1e-8)


@pytest.mark.slow
def test_what_a_limit_keeps_from_telling_classes_apart_converges():
    y = X[:, 0] > 0.1
    path = jr.fit_path(
        X, y, loss="binomial", lambdas=[0.1, 0.0], tol=1e-9, lower=-2.0, upper=2.0, penalty_factors=FACTORS
    )
    assert (path.status == jr.Status.converged).all()
    np.testing.assert_allclose(path.coef[:, 0], 2.0)


def test_offsets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(60,\), but there are 3 classes; give \(60, 3\).*changes nothing"):
        jr.fit_path(X, CLASSES, loss="multinomial", offset=SHIFTS[:, 0])
    with pytest.raises(
        ValueError, match=r"offset has shape \(60, 2\), but there are 3 classes; give \(60, 3\), a colu"
    ):
        jr.fit_path(X, CLASSES, loss="multinomial", offset=SHIFTS[:, :2])
    path = jr.fit_path(X, ETA[:, None] + SHIFTS, penalty=penalties.Ridge(), lambdas=[0.1], offset=SHIFTS)
    with pytest.raises(ValueError, match=r"offset has shape \(60,\), but there are 3 responses; give \(60, 3\)"):
        path.predict(X, offset=SHIFTS[:, 0])
    with pytest.raises(ValueError, match="offset is missing"):
        path.predict(X)
